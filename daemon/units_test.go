package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUnits: what systemd would run are commands of this program, and systemd finds nothing wrong with the files.
func TestUnits(t *testing.T) {
	files, err := filepath.Glob("*.service")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	dir := t.TempDir()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/honnind (.*)$`).FindSubmatch(b)
		if line == nil {
			t.Fatalf("%s starts nothing", file)
		}
		c, rest, err := command().Find(strings.Fields(string(line[1])))
		if err == nil {
			err = c.ParseFlags(rest)
		}
		if err != nil || !c.Runnable() || len(c.Flags().Args()) > 0 {
			t.Errorf("%s: %q: %v", file, line[1], err)
		}
		write(t, filepath.Join(dir, file), []byte(strings.ReplaceAll(string(b), "/usr/bin/honnind", "/bin/true"))) // which is there
	}
	needPrograms(t, map[string]string{"systemd-analyze": "systemd"})
	for _, file := range files {
		if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", filepath.Join(dir, file)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v %s", file, err, out)
		}
	}
}
