package inspect

import (
	"os"
	"testing"

	"honnin/spool/document/inspect/pdftest"
)

func TestMain(m *testing.M) {
	if IsChild() {
		ChildMain()
	}
	os.Exit(m.Run())
}

var (
	subject     = [32]byte{1, 2, 3}
	transaction = [16]byte{9, 8, 7}
	statement   = []byte(`{"format":"honnin-issuance/1"}`)
)

func good(pages int) *pdftest.Doc {
	return pdftest.Good(statement, pdftest.Tags(subject, transaction, pages))
}

func TestX(t *testing.T) {
	b := good(2).Bytes()
	os.WriteFile("/tmp/good.pdf", b, 0o644)
	t.Log(Document(b))
	for _, a := range os.Args {
		if len(a) > 4 && a[len(a)-4:] == ".pdf" {
			x, _ := os.ReadFile(a)
			f := Document(x)
			t.Log(a, f.Findings, f.PageCount, len(f.Tags), string(f.Statement))
		}
	}
}

func TestPool(t *testing.T) {
	p := NewPool(Options{})
	b := good(2).Bytes()
	for range 3 {
		f, err := p.Inspect(t.Context(), b)
		t.Log(f, err, p.Confinement())
	}
	t.Log(p.Close())
}

func BenchmarkWarm(b *testing.B) {
	p := NewPool(Options{})
	defer p.Close()
	pdf, _ := os.ReadFile("/tmp/good.pdf")
	for b.Loop() {
		if f, err := p.Inspect(b.Context(), pdf); err != nil || len(f.Findings) != 0 {
			b.Fatal(err)
		}
	}
}
func BenchmarkIn(b *testing.B) {
	pdf, _ := os.ReadFile("/tmp/good.pdf")
	for b.Loop() {
		Document(pdf)
	}
}
