package assemble

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/spool/document/inspect"
)

var at = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func statement(t *testing.T, pages int) (protocol.Statement, []byte) {
	t.Helper()
	s := protocol.Statement{Transaction: protocol.Transaction{1}, Terminal: "T-1", Nonce: protocol.Nonce{2}, SubjectHash: protocol.SubjectHash{3},
		Municipality: "991015", Certificate: protocol.ResidentRecord, Options: protocol.Options{}, Copies: 1, Pages: pages, Serial: "1",
		Record: protocol.Record{Register: protocol.ResidentRegister, AsOf: protocol.At(at)}, IssuedAt: protocol.At(at),
		ExpiresAt: protocol.At(at.Add(time.Minute)), Software: protocol.Software{Name: "x", Version: "1.0.0", Fixes: []string{}}}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

// plain is a PDF as a vendor's renderer may write it: two pages with lines and no statement.
func plain(pages int) []byte {
	var b strings.Builder
	var at []int
	object := func(body string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), body)
	}
	b.WriteString("%PDF-1.4\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	kids := ""
	for n := range pages {
		kids += fmt.Sprintf("%d 0 R ", 3+2*n)
	}
	object(fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]/MediaBox[0 0 595 842]>>", pages, kids))
	for n := range pages {
		object(fmt.Sprintf("<</Type/Page/Parent 2 0 R/Resources<<>>/Contents %d 0 R>>", 4+2*n))
		c := "0 0 m 100 100 l S"
		object(fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(c), c))
	}
	x := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, x)
	return []byte(b.String())
}

func accepted(t *testing.T, pdf []byte, s protocol.Statement, text []byte) {
	t.Helper()
	out, err := Document(pdf, text, s, at)
	if err != nil {
		t.Fatal(err)
	}
	f := inspect.Document(out)
	if err := f.Err(); err != nil {
		t.Fatalf("a terminal would refuse it: %v", err)
	}
	if string(f.Statement) != string(text) || len(f.Tags) != s.Pages || f.Tags[s.Pages-1].SubjectHash != s.SubjectHash || f.Tags[0].Transaction != s.Transaction {
		t.Errorf("%+v", f)
	}
}

func TestPlainDocumentsBecomeWhatATerminalAccepts(t *testing.T) {
	for _, pages := range []int{1, 2, 30} {
		s, text := statement(t, pages)
		accepted(t, plain(pages), s, text)
	}
}

// TestObjectStreamsAreWrittenOut: what a renderer compressed becomes plain.
func TestObjectStreamsAreWrittenOut(t *testing.T) {
	qpdf, err := exec.LookPath("qpdf")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	in, out := filepath.Join(t.TempDir(), "in.pdf"), filepath.Join(t.TempDir(), "out.pdf")
	if err := os.WriteFile(in, plain(2), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.Command(qpdf, "--object-streams=generate", "--linearize", in, out).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, b)
	}
	compressed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if f := inspect.Document(compressed); f.Err() == nil {
		t.Fatal("the case is not one: a terminal takes the compressed form")
	}
	s, text := statement(t, 2)
	accepted(t, compressed, s, text)
}

func TestRefused(t *testing.T) {
	s, text := statement(t, 2)
	made, err := Document(plain(2), text, s, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, pdf := range map[string][]byte{"garbage": []byte("%PDF-1.7\n"), "another number of pages": plain(1), "twice": made} {
		if _, err := Document(pdf, text, s, at); err == nil {
			t.Errorf("%s: assembled", name)
		}
	}
}
