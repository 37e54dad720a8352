package document_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// secret are the names under which subject hashes and content digests go.
var secret = []string{"SubjectHash", "HashSubject", "HashFingerprint", "HashContent", "Content"}

// TestHashesAreComparedInConstantTime: in all that the daemon is built of, a subject hash or a content digest meets
// another only in its Equal, which is crypto/subtle's.
func TestHashesAreComparedInConstantTime(t *testing.T) {
	equals := 0
	for _, tree := range goFiles(t, "../..") {
		ast.Inspect(tree.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && (isSecret(n.X) || isSecret(n.Y)) && !isNil(n.Y) {
					t.Errorf("%s compares a hash by %s", tree.set.Position(n.Pos()), n.Op)
				}
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || f.Sel.Name != "Equal" || !slices.ContainsFunc(append(n.Args, f.X), isSecret) {
					break
				}
				if p, ok := f.X.(*ast.Ident); ok && (p.Name == "bytes" || p.Name == "slices" || p.Name == "reflect") {
					t.Errorf("%s compares a hash by %s.Equal", tree.set.Position(n.Pos()), p.Name)
				}
				equals++
			}
			return true
		})
	}
	if equals < 5 {
		t.Errorf("only %d comparisons were found", equals)
	}
}

// isSecret reports whether e is a secret value, a part of one, or a call that makes one.
func isSecret(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return slices.Contains(secret, e.Sel.Name)
	case *ast.CallExpr:
		s, ok := e.Fun.(*ast.SelectorExpr)
		return ok && slices.Contains(secret, s.Sel.Name)
	case *ast.SliceExpr:
		return isSecret(e.X)
	}
	return false
}

func isNil(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "nil"
}

type goFile struct {
	set  *token.FileSet
	file *ast.File
}

// goFiles parses the module's files, but for tests and what lies under testdata.
func goFiles(t *testing.T, root string) (out []goFile) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || path != root && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		out = append(out, goFile{set, f})
		return err
	})
	if err != nil || len(out) < 100 {
		t.Fatalf("%d files, %v", len(out), err)
	}
	return out
}
