package main

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"honnin/spool/document/inspect/pdftest"
	"honnin/spool/spooltest"
	"honnin/testdata/vectors"
)

// verifyRun runs "honnind verify" as a vendor does.
func verifyRun(t *testing.T, args ...string) (a answer, code int, said string) {
	t.Helper()
	c := exec.Command(built(t), append([]string{"verify"}, args...)...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		d := json.NewDecoder(&out)
		d.DisallowUnknownFields()
		if err := d.Decode(&a); err != nil || d.More() {
			t.Fatalf("not one JSON object: %v", err)
		}
	}
	return a, c.ProcessState.ExitCode(), errs.String()
}

const vectorDir = "../testdata/vectors"

func vectorArgs(t *testing.T, v vectors.Vector) []string {
	t.Helper()
	args := []string{"--policy", filepath.Join(vectorDir, v.PolicyFile), "--card", filepath.Join(vectorDir, v.CardFile), "--transaction", v.Transaction,
		"--terminal", v.Terminal, "--nonce", v.Nonce, "--at", v.At}
	if len(v.Application) > 0 {
		args = append(args, "--application", string(v.Application))
	}
	if v.Began != "" {
		args = append(args, "--transaction-began", v.Began)
	}
	file := filepath.Join(vectorDir, v.File)
	if v.Repeat != nil {
		b, err := v.Package()
		if err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(t.TempDir(), v.File)
		write(t, file, b)
	}
	return append(args, file)
}

func TestVerifyRunsEveryVector(t *testing.T) {
	all, err := vectors.All()
	if err != nil || len(all) < 40 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			a, code, said := verifyRun(t, vectorArgs(t, v)...)
			want := map[string]int{"accepted": exitOK, "refused": exitRefused}[v.Verdict]
			if a.Verdict != v.Verdict || a.Reason != v.Reason || code != want || !slices.Equal(a.Also, v.Also) {
				t.Errorf("%+v, exit %d, %s", a, code, said)
			}
			if a.Class != v.Reason.Class() && v.Verdict == "refused" || v.Verdict == "accepted" && (a.Class != "" || a.Document == "" || a.Pages == 0) {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestVerifySaysWhatItDidNotCheck(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range all {
		if v.Verdict != "accepted" {
			continue
		}
		a, _, _ := verifyRun(t, vectorArgs(t, v)...)
		seen[strings.Join(a.Unchecked, " ")] = true
	}
	if !seen["in-force"] || !seen["application in-force"] || len(seen) != 2 {
		t.Errorf("unchecked: %v", seen)
	}
}

// TestVerifyUsage: what is asked wrongly is exit 2 and names the flag; no verdict is printed.
func TestVerifyUsage(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	good := vectorArgs(t, all[0])
	swap := func(flag, value string) []string {
		out := append([]string(nil), good...)
		for i := range out {
			if out[i] == flag {
				out[i+1] = value
			}
		}
		return out
	}
	bad := filepath.Join(t.TempDir(), "bad.toml")
	write(t, bad, []byte("version = 1\nno_such_key = 2\n"))
	for want, args := range map[string][]string{
		"--policy":      swap("--policy", bad),
		"--card":        swap("--card", bad),
		"--transaction": swap("--transaction", "12"),
		"--terminal":    swap("--terminal", "not a terminal"),
		"--nonce":       swap("--nonce", "00"),
		"--at":          swap("--at", "yesterday"),
		"--application": swap("--application", "{}"),
		"package":       append(good[:len(good)-1:len(good)-1], filepath.Join(t.TempDir(), "none")),
		"one package":   good[:len(good)-1],
		"unknown flag":  append([]string{"--no-such-flag"}, good...),
	} {
		a, code, said := verifyRun(t, args...)
		if code != exitUsage || a.Verdict != "" || !strings.Contains(said, want) {
			t.Errorf("%s: exit %d, %+v, %q", want, code, a, said)
		}
	}
}

func TestVerifyExplains(t *testing.T) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	_, _, said := verifyRun(t, append([]string{"--explain"}, vectorArgs(t, all[0])...)...)
	if n := strings.Count(said, "✓"); n < 25 || strings.Contains(said, "✗") {
		t.Errorf("%d rules hold:\n%s", n, said)
	}
}

// TestPackageSign makes a package as a vendor's first try would, from a plain PDF and a statement, and verifies it.
func TestPackageSign(t *testing.T) {
	w := spooltest.New(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	key, err := x509.MarshalPKCS8PrivateKey(w.Issuer.Key)
	if err != nil {
		t.Fatal(err)
	}
	armoured := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	text, err := w.Statement(2, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, at("plain.pdf"), pdftest.Plain(2))
	write(t, at("issuance.json"), text)
	write(t, at("signer.pem"), armoured("CERTIFICATE", w.Issuer.Certificate.Raw))
	write(t, at("signer.key"), armoured("PRIVATE KEY", key))
	write(t, at("card.pem"), armoured("CERTIFICATE", w.Card.Certificate.Raw))
	write(t, at("policy.toml"), []byte(w.PolicyText))
	signArgs := func(pdf string) []string {
		return []string{"package", "sign", "--pdf", at(pdf), "--statement", at("issuance.json"), "--certificate", at("signer.pem"), "--key", at("signer.key"), "--out", at("out.p7m")}
	}
	if out, err := exec.Command(built(t), signArgs("plain.pdf")...).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	check := []string{"--policy", at("policy.toml"), "--card", at("card.pem"), "--transaction", w.Want.Transaction.String(),
		"--terminal", string(w.Want.Terminal), "--nonce", hex.EncodeToString(w.Want.Nonce[:]), at("out.p7m")}
	if a, code, said := verifyRun(t, check...); a.Verdict != "accepted" || code != exitOK || a.Pages != 2 {
		t.Errorf("%+v %d %s", a, code, said)
	}
	write(t, at("short.pdf"), pdftest.Plain(1))
	for pdf, want := range map[string]int{"short.pdf": exitUsage, "none.pdf": exitUsage} {
		c := exec.Command(built(t), signArgs(pdf)...)
		if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != want {
			t.Errorf("%s: exit %d, %s", pdf, c.ProcessState.ExitCode(), out)
		}
	}
}

// What is longer than it may be is not read as if it ended there, and what never ends is not read at all.
func TestReadBounded(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	write(t, file, []byte("12345"))
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := readBounded(file, 5); err != nil || string(b) != "12345" {
		t.Errorf("%s, %v", b, err)
	}
	if b, err := readBounded(file, 4); !errors.Is(err, errTooLong) || string(b) != "1234" {
		t.Errorf("%s, %v", b, err)
	}
	for _, path := range []string{pipe, dir, "/dev/zero", ""} {
		if b, err := readBounded(path, 4); err == nil || b != nil {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
}
