package assemble

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/spool/document/inspect"
	"honnin/spool/document/inspect/pdftest"
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
		accepted(t, pdftest.Plain(pages), s, text)
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
	if err := os.WriteFile(in, pdftest.Plain(2), 0o600); err != nil {
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
	made, err := Document(pdftest.Plain(2), text, s, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, pdf := range map[string][]byte{"garbage": []byte("%PDF-1.7\n"), "another number of pages": pdftest.Plain(1), "twice": made} {
		if _, err := Document(pdf, text, s, at); err == nil {
			t.Errorf("%s: assembled", name)
		}
	}
}
