package technician

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"honnin/spool/journal"
	"honnin/ui/console"
)

// notSaid are literals that look like words and are sent to nobody: keys of site.toml and of the log, names of networks, protocols, files
// and programs, and what an outcome rests on.
var notSaid = strings.Fields("channel listen metrics payment state done enough h2 honnin honnind idle lost partition slaves unix why file-synced job-counters never-processed not-sent")

// TestEveryWordIsSaid: every word that this package can send, its own, of test visits or of the packages whose codes it passes on, has its
// meaning on the console's pages. TestConsoleVisitWords does the same for what happens in a visit.
func TestEveryWordIsSaid(t *testing.T) {
	page := console.Page("en")
	_, page, ok := bytes.Cut(page, []byte("\n## Words\n"))
	if !ok {
		t.Fatal("no words on the page")
	}
	var sent []string
	for _, of := range []string{"*.go", "../testvisit*.go", "../../spool/*.go", "../../drivers/printer/printer.go", "../../drivers/printer/file/*.go", "../../drivers/printer/usbprint/direct.go", "../../drivers/printer/usbprint/select.go"} {
		found := literals(t, of)
		if sent = append(sent, found...); len(found) == 0 {
			t.Errorf("no words in %s", of)
		}
	}
	for dir, typ := range map[string]string{"../../config/policy/signed": "Code", "../identity": "Code", "../../drivers/attached": "Code", "../../config/protocol": "Outcome", "../logbook": "Refusal", "../session": "Notice"} {
		sent = append(sent, constants(t, dir, typ)...)
	}
	for _, k := range journal.Kinds() {
		sent = append(sent, string(k))
	}
	for _, w := range sent {
		if !bytes.Contains(page, []byte("\n| `"+w+"` | ")) {
			t.Errorf("nothing of %q", w)
		}
	}
}

var asWord = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// files parses those files of a package that are no tests.
func files(t *testing.T, of string, f func(ast.Node) bool) {
	t.Helper()
	names, _ := filepath.Glob(of)
	for _, n := range names {
		if strings.HasSuffix(n, "_test.go") {
			continue
		}
		p, err := parser.ParseFile(token.NewFileSet(), n, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(p, f)
	}
}

// literals are those of some files' strings that look like words.
func literals(t *testing.T, of string) (out []string) {
	files(t, of, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if w, err := strconv.Unquote(l.Value); err == nil && asWord.MatchString(w) && !slices.Contains(notSaid, w) && !Does(w) {
				out = append(out, w)
			}
		}
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.CallExpr: // what was typed is asked for by its name
			s, ok := n.Fun.(*ast.SelectorExpr)
			return !ok || !slices.Contains([]string{"Word", "Has", "Number", "Duration"}, s.Sel.Name) || !isCall(s.X)
		case *ast.ValueSpec: // a question to the daemon
			k, ok := n.Type.(*ast.Ident)
			return !ok || k.Name != "ask"
		case *ast.KeyValueExpr: // what an error is about
			k, ok := n.Key.(*ast.Ident)
			return !ok || k.Name != "About"
		}
		return true
	})
	return out
}

// isCall reports whether an expression is the command that was typed: it is called c.
func isCall(x ast.Expr) bool {
	n, ok := x.(*ast.Ident)
	return ok && n.Name == "c"
}

// constants are the values of a package's constants of a type.
func constants(t *testing.T, dir, typ string) (out []string) {
	files(t, filepath.Join(dir, "*.go"), func(n ast.Node) bool {
		s, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if k, ok := s.Type.(*ast.Ident); ok && k.Name == typ {
			for _, v := range s.Values {
				if w, err := strconv.Unquote(v.(*ast.BasicLit).Value); err == nil && w != "" {
					out = append(out, w)
				}
			}
		}
		return true
	})
	if len(out) == 0 {
		t.Errorf("no %s in %s", typ, dir)
	}
	return out
}
