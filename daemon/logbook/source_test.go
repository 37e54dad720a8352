package logbook

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// composed are the messages that are no constant, and why nothing foreign is in them.
var composed = map[string]string{
	`"touch: refused: " + why`: "the words of the server's own refusals", // TestLogsRepeatNothing
	`with`:                     "a parameter, each time a constant",
	`w`:                        "how many days a policy has still",
	`"an incident is %s"`:      "one of two words",
	`"a certificate of this terminal ends in %d days: honnind keys renew"`: "a number",
}

// leftOut are fields that the book does not keep.
var leftOut = []string{"do", "terminal", "certificate", "error"}

// source is what the program's own files log.
type source struct {
	t        *testing.T
	messages int
	keys     int
	from     map[string]bool // packages
	sentinel map[string]bool // texts of errors.New
	used     map[string]bool // of composed
}

// TestSource reads every file of the program: what is logged is a constant, each field is known, and the packages are those of the list.
func TestSource(t *testing.T) {
	s := source{t, 0, 0, map[string]bool{"daemon/session": true, "daemon/logbook": true}, map[string]bool{}, map[string]bool{}}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || name == "practice" || name == "figures" || strings.HasSuffix(name, "test") && name != "selftest" || strings.HasPrefix(name, ".") && path != root):
			return filepath.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				s.call(path, filepath.ToSlash(pkg), c)
			}
			return true
		})
		return err
	})
	if err != nil || s.messages < 50 || s.keys < 50 {
		t.Fatal(s.messages, s.keys, err)
	}
	if got := slices.Sorted(maps.Keys(s.from)); !slices.Equal(got, Packages()) {
		t.Errorf("%q log, and the list is %q", got, Packages())
	}
	for _, text := range texts() {
		if !s.sentinel[text] && text != "context canceled" {
			t.Errorf("no error of this program is %q", text)
		}
	}
	for c := range composed {
		if !s.used[c] {
			t.Errorf("no message is %s", c)
		}
	}
}

var logs = regexp.MustCompile(`(?i)(^|\.)log(ger)?($|\.With)`)

func (s *source) call(path, pkg string, c *ast.CallExpr) {
	f, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || len(c.Args) == 0 {
		return
	}
	to := types.ExprString(f.X)
	switch name := strings.TrimSuffix(f.Sel.Name, "f"); {
	case to == "errors" && f.Sel.Name == "New":
		if text, ok := literal(c.Args[0]); ok {
			s.sentinel[text] = true
		}
	case to == "trace" && slices.Contains([]string{"Number", "Byte", "Code", "Span", "Yes", "Word"}, name):
		s.key(path, c.Args[0])
	case f.Sel.Name == "Say":
		s.messages++
		if pkg != "daemon" { // which says it for the session
			s.from[pkg] = true
		}
	case !logs.MatchString(to):
	case name == "WithField":
		s.key(path, c.Args[0])
	case name == "WithFields":
		for _, e := range c.Args[0].(*ast.CompositeLit).Elts {
			s.key(path, e.(*ast.KeyValueExpr).Key)
		}
	case name == "Info" || name == "Warn" || name == "Error":
		s.message(path, c.Args[0])
		s.from[pkg] = true
	case slices.Contains([]string{"Debug", "Trace", "Print", "Fatal", "Panic", "Infoln", "Warnln", "Errorln", "Debugln", "Println", "Log", "Warning"}, name):
		s.t.Errorf("%s: %s is not used", path, name)
	}
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

func (s *source) message(path string, e ast.Expr) {
	s.messages++
	text, constant := literal(e)
	is := types.ExprString(e)
	if composed[is] != "" {
		s.used[is] = true
		return
	}
	if !constant || said(text) != text {
		s.t.Errorf("%s: %s is no constant that the book keeps", path, is)
	}
}

func (s *source) key(path string, e ast.Expr) {
	s.keys++
	key, ok := literal(e)
	if is := types.ExprString(e); is == "suspended" || is == "logrus.ErrorKey" {
		key, ok = map[string]string{"suspended": "suspended", "logrus.ErrorKey": "error"}[is], true
	}
	if !ok || fields()[key] == "" && !slices.Contains(leftOut, key) {
		s.t.Errorf("%s: the book does not know the field %s", path, types.ExprString(e))
	}
}
