package vectors_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/testdata/vectors"
)

// run runs somebody else's tool; the test is skipped where it is missing, but not under CI.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing", name)
		}
		t.Skipf("%s is missing", name)
	}
	var problems bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, problems.Bytes())
	}
	return out
}

// What is accepted is right in the eyes of programs that know nothing of us: openssl verifies the signature and
// gives the same document, qpdf finds nothing to repair, poppler finds the one statement.
func TestAcceptedBySomebodyElse(t *testing.T) {
	anchors := t.TempDir() + "/anchors.pem"
	var pem []byte
	for _, name := range []string{"issuing-a.pem", "issuing-b.pem"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pem = append(pem, b...)
	}
	if err := os.WriteFile(anchors, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, v := range all {
		if v.Verdict != "accepted" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			acceptedByOthers(t, v, anchors)
		})
	}
	if seen == 0 {
		t.Fatal("no vector is accepted")
	}
}

func acceptedByOthers(t *testing.T, v vectors.Vector, anchors string) {
	w, err := v.Want()
	if err != nil {
		t.Fatal(err)
	}
	b, err := v.Package()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "package")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"cms", "-verify", "-binary", "-inform", "DER", "-in", file}
	// RFC 5280, section 4.1.2.5, includes a certificate's last second; openssl does not, so it is asked a second earlier.
	if v.Name == "accepted-pinned" {
		args = append(args, "-noverify") // a pin waives the chain; openssl then leaves signing-certificate-v2 alone too
	} else {
		args = append(args, "-cades", "-CAfile", anchors, "-purpose", "any", "-attime", fmt.Sprint(w.At.Unix()-1))
	}
	pdf := run(t, "openssl", args...)
	m, err := trust.Parse(b)
	if err != nil || !bytes.Equal(m.Content(), pdf) {
		t.Fatalf("openssl finds another document: %v", err)
	}
	file = filepath.Join(dir, "document.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "qpdf", "--check", file); bytes.Contains(out, []byte("WARNING")) {
		t.Errorf("qpdf: %s", out)
	}
	run(t, "pdfdetach", "-saveall", "-o", dir, file)
	text, err := os.ReadFile(filepath.Join(dir, protocol.StatementName))
	if err != nil {
		t.Fatal(err)
	}
	s, err := protocol.ParseStatement(text)
	if err != nil || s.Transaction != w.Transaction || s.SubjectHash != protocol.HashSubject(w.Nonce, w.Card.Raw) {
		t.Errorf("poppler finds another statement: %v", err)
	}
	if out := run(t, "pdfinfo", file); !bytes.Contains(out, fmt.Appendf(nil, "Pages:           %d\n", s.Pages)) {
		t.Errorf("poppler counts other pages than %d", s.Pages)
	}
}
