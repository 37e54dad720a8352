package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/script"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
	"honnin/drivers/printer/ippevetest"
)

// binary is honnind, built once for the tests that run it as a user does.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "honnind-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "honnind")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		os.Stderr.Write(out)
	}
	return path, err
})

func built(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// visits reads the lines and the summary of a scripted run.
func visits(t *testing.T, out []byte) (lines []script.Line, sum script.Summary) {
	t.Helper()
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var last struct{ Summary *script.Summary }
		if err := json.Unmarshal(s.Bytes(), &last); err == nil && last.Summary != nil {
			sum = *last.Summary
			continue
		}
		var l script.Line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatalf("%v in %s", err, s.Bytes())
		}
		lines = append(lines, l)
	}
	return lines, sum
}

// TestRealCardStackAndRealPrinter: a stranger's RSA card behind pcscd, an IPP printer that nobody here wrote.
func TestRealCardStackAndRealPrinter(t *testing.T) {
	world := cardtest.NewWorld(t)
	holder, err := cardtest.NewHolder(cardtest.RSA2048, 1266)
	if err != nil {
		t.Fatal(err)
	}
	card, err := virtual.New(holder)
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Place(card); err != nil {
		t.Fatal(err)
	}
	device := ippevetest.Start(t)
	dir := t.TempDir()
	anchors, pin := filepath.Join(dir, "anchors"), filepath.Join(dir, "pin")
	write(t, filepath.Join(anchors, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: holder.AuthCA}))
	write(t, pin, []byte(cardtest.PIN+"\n"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := func(args ...string) ([]script.Line, script.Summary, string) {
		c := world.Command(ctx, built(t), append([]string{"practice", "--reader", "pcsc", "--printer", device.URI(), "--card-anchors", anchors,
			"--enrol", "--pin-file", pin, "--state", filepath.Join(dir, "state"), "--json"}, args...)...)
		var said strings.Builder
		c.Stderr = &said
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, said.String(), out)
		}
		lines, sum := visits(t, out)
		return lines, sum, said.String()
	}
	lines, sum, said := run("--visits", "2")
	for _, l := range lines {
		if l.Outcome != protocol.Printed || l.Applicant != "e01" || l.PaperOf != "e01" {
			t.Errorf("%+v\n%s", l, said)
		}
	}
	if len(lines) != 2 || sum.RightPrinted != 2 || len(sum.Difference) != 0 {
		t.Errorf("%+v", sum)
	}
	came := map[string]bool{}
	for _, s := range device.Tray() {
		came[protocol.Digest(s.SHA256).String()] = true
	}
	if len(came) != 2 || !came[lines[0].Document] || !came[lines[1].Document] {
		t.Errorf("other bytes at the printer: %v", came)
	}
	lines, sum, _ = run("--visits", "1", "--stranger")
	if len(lines) != 1 || lines[0].Verdict != "refused" || sum.WrongOffered != 1 || sum.WrongPrinted != 0 {
		t.Errorf("%+v", lines)
	}
	if n := len(device.Tray()); n != 2 {
		t.Errorf("%d documents came out: a stranger's paper is at the printer", n)
	}
	if (needle{b: []byte(cardtest.PIN), word: true}).in([]byte(said)) {
		t.Error("the PIN is in the log")
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
