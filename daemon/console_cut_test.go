package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"honnin/drivers/serial/serialtest"
)

// TestConsoleCutInMidTransfer: the line is cut, or the console killed, while a file is on its way. No rz or sz lives on, nothing of
// the file stays, and the next technician does it again.
func TestConsoleCutInMidTransfer(t *testing.T) {
	needLrzsz(t)
	cut := map[string]func(l *transferring){
		"cut": func(l *transferring) { _ = l.line.Far.Close() },
		"killed": func(l *transferring) {
			_ = l.c.Process.Kill()
			_ = l.c.Wait()
			_ = l.line.Far.Close()
		},
	}
	for way, begin := range map[string]func(l *transferring){"in": (*transferring).sends, "out": (*transferring).takes} {
		for how, cut := range cut {
			t.Run(way+", "+how, func(t *testing.T) {
				l := newTransferring(t)
				l.s.login(l.o, "service")
				l.s.stopReading()
				begin(l)
				child := children(t, l.c.Process.Pid)
				if len(child) != 1 || len(l.left()) != 1 {
					t.Fatalf("%v and %v", child, l.left())
				}
				cut(l)
				awaitTrue(t, "the child to end", func() bool { return !alive(child[0]) })
				if how == "killed" {
					l.plug()
					l.c = l.o.onALine(t, l.link)
				} else {
					awaitTrue(t, "the technician to be signed out", func() bool {
						got := l.o.journalled(t)
						return got[len(got)-1] == "out tech-7 hang-up"
					})
					if left := l.left(); len(left) != 0 {
						t.Errorf("%q is left", left)
					}
					l.plug()
				}
				l.again()
			})
		}
	}
}

func needLrzsz(t *testing.T) {
	t.Helper()
	needPrograms(t, map[string]string{"rz": "lrzsz", "sz": "lrzsz"})
}

// needPrograms skips a test where a program, of a Debian package, is missing, and fails in CI.
func needPrograms(t *testing.T, programs map[string]string) {
	t.Helper()
	for p, from := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing (Debian package %s)", p, from)
			}
			t.Skip("needs ", from)
		}
	}
}

// transferring is a console on a line, and a technician who moves files over it.
type transferring struct {
	*testing.T
	o    technicians
	c    *exec.Cmd
	s    *seen
	line serialtest.Pair
	link string
	to   func(string)
	temp string
}

func newTransferring(t *testing.T) *transferring {
	t.Helper()
	temp, err := os.MkdirTemp("", "honnin-cut-") // of an os.TempDir that nobody can enter, rz could make nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	if err := os.Chmod(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	built(t) // elsewhere
	t.Setenv("TMPDIR", temp)
	l := &transferring{T: t, o: newTechnicians(t, "ipp://127.0.0.1:9/ipp/print"), temp: temp}
	l.o.ran(t)
	l.link, l.to = serialtest.Link(t)
	l.plug()
	l.c = l.o.onALine(t, l.link)
	l.s.until("honnin console", "honnin> ")
	return l
}

// plug is a technician who comes.
func (l *transferring) plug() {
	l.line = serialtest.New(l.T)
	l.to(l.line.Device)
	l.s = watch(l.T, l.line.Far)
}

// left are the directories of rz and sz.
func (l *transferring) left() (out []string) {
	all, err := filepath.Glob(filepath.Join(l.temp, "honnin-line-*"))
	if err != nil {
		l.Fatal(err)
	}
	return all
}

// stopReading leaves what comes from the line to another program.
func (s *seen) stopReading() {
	s.send("terminal dumb --no-pages\r")
	s.until("no-pages", "> ")
	_ = s.far.SetReadDeadline(time.Unix(1, 0))
	<-s.paused
	_ = s.far.SetReadDeadline(time.Time{})
}

// sends begins to send a policy of 1 MB, and stops in its middle.
func (l *transferring) sends() {
	l.Helper()
	file := filepath.Join(l.TempDir(), "pack.tar")
	write(l.T, file, bytes.Repeat([]byte("policy\n"), 1<<20/7))
	l.s.send("policy receive\r")
	sz := exec.CommandContext(l.Context(), "sz", "-q", file)
	l.run(sz, sz.StdoutPipe, 300<<10, 1<<20)
	awaitTrue(l.T, "half of a file", func() bool {
		for _, dir := range l.left() {
			if st, err := os.Stat(filepath.Join(dir, "pack.tar")); err == nil && st.Size() > 100<<10 {
				return true
			}
		}
		return false
	})
}

// takes begins to take the journal in, and stops in its middle.
func (l *transferring) takes() {
	l.Helper()
	l.s.send("journal export\r")
	rz := exec.CommandContext(l.Context(), "rz", "-q", "-y")
	rz.Dir = l.TempDir()
	l.run(rz, rz.StdoutPipe, 1<<20, 600)
	awaitTrue(l.T, "a file that begins", func() bool {
		all, err := os.ReadDir(rz.Dir)
		return err == nil && len(all) == 1
	})
}

// run gives a program the far end of the line, for so many bytes out and in; then nothing moves any more.
func (l *transferring) run(c *exec.Cmd, stdout func() (io.ReadCloser, error), out, in int64) {
	l.Helper()
	from, err := stdout()
	if err != nil {
		l.Fatal(err)
	}
	to, err := c.StdinPipe()
	if err != nil {
		l.Fatal(err)
	}
	if err := c.Start(); err != nil {
		l.Fatal(err)
	}
	go func() { _, _ = io.CopyN(struct{ io.Writer }{l.line.Far}, from, out) }()
	go func() { _, _ = io.CopyN(to, struct{ io.Reader }{l.line.Far}, in) }()
	l.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
}

// again is the next technician, who takes the journal in whole.
func (l *transferring) again() {
	l.Helper()
	l.s.until("honnin console", "honnin> ")
	l.s.login(l.o, "service")
	l.s.stopReading()
	l.s.send("journal export\r")
	rz := exec.CommandContext(l.Context(), "rz", "-q", "-y")
	rz.Dir = l.TempDir()
	l.run(rz, rz.StdoutPipe, 1<<20, 1<<20)
	whole := func() bool {
		got := l.o.journalled(l.T)
		b, _ := os.ReadFile(filepath.Join(rz.Dir, string(runTerminal)+"-journal.jsonl"))
		return bytes.HasSuffix(b, []byte("}\n")) && slices.Contains(got[max(0, len(got)-1):], "did tech-7 journal.export")
	}
	awaitTrue(l.T, "the whole file", whole)
	awaitTrue(l.T, "the directory to go", func() bool { return len(l.left()) == 0 })
}

// children are a process's.
func children(t *testing.T, pid int) (out []int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range strings.Fields(string(b)) {
			var n int
			if _, err := fmt.Sscan(w, &n); err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	return out
}

// alive reports whether a process runs.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z") && syscall.Kill(pid, 0) == nil
}
