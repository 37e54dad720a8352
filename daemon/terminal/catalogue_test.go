package terminal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// raised returns every word that an incident is raised with: the session's kinds and the protocol's words as their source
// declares them, and the codes of those refusals that are incidents.
func raised(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	declared(t, "../session/view.go", words, func(_ string, kind ast.Expr) bool {
		id, is := kind.(*ast.Ident)
		return is && id.Name == "IncidentKind"
	})
	declared(t, "../../config/protocol/centre.go", words, func(name string, _ ast.Expr) bool { return strings.HasPrefix(name, "Incident") })
	for _, i := range reason.All() {
		if i.Class.RaisesIncident() || i.Code == reason.RecordSuperseded {
			words[string(i.Code)] = true
		}
	}
	if len(words) < 35 {
		t.Fatalf("only %d words", len(words))
	}
	return words
}

func parsed(t *testing.T, path string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// declared adds the values of the constants that are meant.
func declared(t *testing.T, path string, to map[string]bool, meant func(name string, kind ast.Expr) bool) {
	before := len(to)
	ast.Inspect(parsed(t, path), func(n ast.Node) bool {
		v, is := n.(*ast.ValueSpec)
		if is && len(v.Values) == 1 && meant(v.Names[0].Name, v.Type) {
			if l, is := v.Values[0].(*ast.BasicLit); is {
				word, err := strconv.Unquote(l.Value)
				to[word] = err == nil
			}
		}
		return true
	})
	if len(to) == before {
		t.Fatalf("no word in %s", path)
	}
}

// TestCatalogueIsWhatIsRaised: in both directions, and of the class that the centre is told.
func TestCatalogueIsWhatIsRaised(t *testing.T) {
	catalogue, err := incident.Load()
	if err != nil {
		t.Fatal(err)
	}
	words := raised(t)
	for word := range words {
		w, there := catalogue.Word(word)
		if told := eventData(journal.Entry{Kind: journal.Incident, Reason: word}, protocol.JournalHead{}); !there || told.Class != w.Class {
			t.Errorf("%s is raised; in the catalogue: %t, as %q, and the centre is told %q", word, there, w.Class, told.Class)
		}
	}
	for _, w := range catalogue.Words() {
		if !words[w.Word] {
			t.Errorf("%s is in the catalogue, and nothing raises it", w.Word)
		}
	}
}

// TestNothingElseIsRaised: every entry "incident" that the program writes has its word from one of these three places.
func TestNothingElseIsRaised(t *testing.T) {
	allowed := regexp.MustCompile(`^(protocol\.Incident\w+|string\(session\.Incident\w+\)|word|unsure)$`) // word: of ledger.go, a code or a kind
	found := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(src), "journal.Incident") {
			return err
		}
		ast.Inspect(parsed(t, path), func(n ast.Node) bool {
			word, is := reasonOf(n, src)
			if is {
				found++
			}
			if is && !allowed.MatchString(word) {
				t.Errorf("%s: an incident with the word %q", path, word)
			}
			return true
		})
		return nil
	})
	if err != nil || found < 5 {
		t.Fatal(found, err)
	}
}

// reasonOf returns the source of Reason in a literal of an entry that is an incident.
func reasonOf(n ast.Node, src []byte) (word string, is bool) {
	l, _ := n.(*ast.CompositeLit)
	if l == nil {
		return "", false
	}
	for _, e := range l.Elts {
		kv, _ := e.(*ast.KeyValueExpr)
		if kv == nil {
			return "", false
		}
		value := string(src[kv.Value.Pos()-1 : kv.Value.End()-1])
		switch key, _ := kv.Key.(*ast.Ident); {
		case key == nil:
		case key.Name == "Kind" && value == "journal.Incident":
			is = true
		case key.Name == "Reason":
			word = value
		}
	}
	return word, is
}

// TestCatalogueQuotesTheScreen: what the manual says is on the screen is there, word for word.
func TestCatalogueQuotesTheScreen(t *testing.T) {
	catalogue, err := incident.Load()
	if err != nil {
		t.Fatal(err)
	}
	for lang, quoted := range map[string]*regexp.Regexp{"ja": regexp.MustCompile("「([^」]+)」"), "en": regexp.MustCompile("“([^”]+)”")} {
		screen, err := os.ReadFile("../../ui/touch/locales/" + lang + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		quotes := 0
		for _, w := range catalogue.Words() {
			for _, q := range quoted.FindAllStringSubmatch(w.Applicant.In(lang), -1) {
				quotes++
				if !strings.Contains(string(screen), `"`+q[1]+`"`) {
					t.Errorf("%s, %s: no screen says %q", w.Word, lang, q[1])
				}
			}
		}
		if quotes < 50 {
			t.Errorf("%s: only %d quotes", lang, quotes)
		}
	}
}
