package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// floors are the layers of the house, lowest first. A package may import its own floor and those below; ui and
// drivers stand on the same floor and do not know each other.
var floors = map[string]int{"config": 1, "spool": 2, "ui": 3, "drivers": 3, "daemon": 4, "testdata": 5}

// onlyIn names imports that only some packages may have, and why.
var onlyIn = []struct{ path, allowed, why string }{
	{"github.com/pdfcpu/", "honnin/spool/document", "foreign bytes meet that parser in a child process and nowhere else"},
	{"github.com/ebfe/scard", "honnin/drivers/card", "one seam to pcscd"},
	{"github.com/google/gousb", "honnin/drivers/internal/usb", "one seam to USB"},
	{"github.com/OpenPrinting/goipp", "honnin/drivers/printer", "one seam to IPP"},
	{"github.com/tarm/serial", "honnin/drivers/serial", "one seam to the serial line"},
	{"github.com/hiddeco/sshsig", "honnin/ui/console", "one seam to technicians' signatures"},
	{"golang.org/x/crypto/ssh", "honnin/ui/console", "the same"},
	{"go.etcd.io/bbolt", "honnin/spool/journal", "one place that writes what happened"},
	{"github.com/prometheus/", "honnin/daemon/metrics", "one seam to metrics"},
	{"github.com/spf13/cobra", "honnin/daemon", "flags belong to main"},
	{"honnin/config/trust/forge", "honnin/testdata", "forgeries are for tests"},
	{"honnin/daemon/practice", "honnin/daemon", "no practice part in anything that a production terminal is made of"},
}

func TestImportsOnlyGoDown(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, "honnin/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		packages++
		for _, i := range strings.Fields(imports) {
			checkImport(t, pkg, i)
		}
	}
	if packages < 12 {
		t.Fatalf("only %d packages looked at", packages)
	}
}

func checkImport(t *testing.T, pkg, imported string) {
	t.Helper()
	for _, o := range onlyIn {
		if strings.HasPrefix(imported, o.path) && !strings.HasPrefix(pkg, o.allowed) && !strings.HasPrefix(pkg, "honnin/testdata") {
			t.Errorf("%s imports %s: %s", pkg, imported, o.why)
		}
	}
	from, to := floor(pkg), floor(imported)
	if to == "" {
		return
	}
	if floors[to] > floors[from] || floors[to] == floors[from] && to != from {
		t.Errorf("%s imports %s: imports only go down", pkg, imported)
	}
}

func floor(pkg string) string {
	rest, ok := strings.CutPrefix(pkg, "honnin/")
	if !ok {
		return ""
	}
	top, _, _ := strings.Cut(rest, "/")
	return top
}

// TestEveryPackageSaysWhatItIs: the package comment is the design.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{.Doc}}|{{len .GoFiles}}`, "honnin/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) == 3 && f[1] == "" && f[2] != "0" {
			t.Errorf("%s has no package comment", f[0])
		}
	}
}

// TestMustNotCompile: each folder in testdata/nocompile is a way to print something that was not verified and
// released, and the compiler says no to it, for the reason in "want".
func TestMustNotCompile(t *testing.T) {
	dirs, err := filepath.Glob("../testdata/nocompile/*")
	if err != nil || len(dirs) < 10 {
		t.Fatalf("%d cases, %v", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(dir, "want"))
			if err != nil || strings.TrimSpace(string(want)) == "" {
				t.Fatal("no expectation", err)
			}
			out, err := exec.Command("go", "vet", "-tags", "nocompile", "./"+dir).CombinedOutput()
			if err == nil {
				t.Fatal("it compiled")
			}
			for line := range strings.Lines(string(want)) {
				if !strings.Contains(string(out), strings.TrimSpace(line)) {
					t.Errorf("want %q in:\n%s", strings.TrimSpace(line), out)
				}
			}
		})
	}
}
