package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"honnin/daemon/provision"
	"honnin/drivers/serial/serialtest"
	"honnin/ui/console"
)

// laptop is a technician's terminal program on a screen of tmux's, 100 columns and 30 rows.
type laptop struct {
	*testing.T
	dir, socket string
}

func newLaptop(t *testing.T, program string) laptop {
	t.Helper()
	l := laptop{t, t.TempDir(), filepath.Join(t.TempDir(), "s")}
	l.tmux("new-session", "-d", "-x", "100", "-y", "30", "-c", l.dir, program)
	t.Cleanup(func() { l.tmux("kill-server") })
	return l
}

func (l laptop) tmux(args ...string) string {
	l.Helper()
	c := exec.Command("tmux", append([]string{"-u", "-S", l.socket, "-f", "/dev/null"}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=", "HOME="+l.dir)
	out, err := c.CombinedOutput()
	if err != nil {
		l.Fatalf("tmux %v: %v %s", args, err, out)
	}
	return string(out)
}

func (l laptop) keys(keys ...string) { l.tmux(append([]string{"send-keys"}, keys...)...) }

// until waits for a screen with a text on it.
func (l laptop) until(text string) (screen string) {
	l.Helper()
	late := time.After(time.Minute)
	for {
		if screen = l.tmux("capture-pane", "-p"); strings.Contains(screen, text) {
			return screen
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-late:
			l.Fatalf("no %q on\n%s", text, screen)
		}
	}
}

// TestConsoleInTerminalPrograms: minicom and picocom as they come, on the line that honnind console serves: paging, arrows, history
// and Tab, a signature that is pasted, Japanese, and files both ways by the program's own rz and sz.
func TestConsoleInTerminalPrograms(t *testing.T) {
	needLrzsz(t)
	needPrograms(t, map[string]string{"picocom": "picocom", "minicom": "minicom", "tmux": "tmux"})
	for name, with := range map[string]struct {
		command, ready string
		take, give     func(l laptop)
	}{
		"picocom": {"picocom -b 9600 ", "Terminal ready",
			func(l laptop) {
				l.until("B0000") // it throws away what it has not sent when another program begins
				l.keys("C-a", "C-r")
				l.until("*** file:")
				l.keys("Enter")
			},
			func(l laptop) {
				l.until("B0100")
				l.keys("C-a", "C-s")
				l.until("*** file:")
				l.keys("pack.tar", "Enter")
			}},
		"minicom": {"minicom -b 9600 -D ", "Welcome to minicom",
			func(l laptop) { // it sees sz, and begins rz by itself
				l.until("Transfer complete")
				l.keys("Enter")
			},
			func(l laptop) {
				l.keys("C-a", "s")
				l.until("[Upload]")
				l.keys("Enter")
				l.until("Select")
				l.keys("Enter")
				l.until("enter filename")
				l.keys("pack.tar", "Enter")
				l.until("Transfer complete")
				l.keys("Enter")
			}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
			o.ran(t)
			near, far, _ := serialtest.Two(t)
			l := newLaptop(t, with.command+far)
			l.until(with.ready)
			c := o.onALine(t, near)
			l.until("honnin>")
			l.edits()
			l.signsIn(o)
			l.keys("support", "Enter")
			with.take(l)
			l.until("SHA-256: ")
			if got := unpacked(t, filepath.Join(l.dir, string(runTerminal)+"-support.tar.gz")); got[0].where != "report.json" {
				t.Errorf("%q", got[0].where)
			}
			pack, err := provision.Pack(o.signer.Chain(2))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(l.dir, "pack.tar"), pack)
			l.keys("C-l", "policy receive", "Enter")
			with.give(l)
			l.until("received")
			l.keys("logout", "Enter")
			l.until("! signed-out: ")
			_ = c.Process.Signal(syscall.SIGTERM)
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// edits uses the keys of a line, and the pages.
func (l laptop) edits() {
	l.Helper()
	l.keys("Enter")
	l.until("honnin>\nhonnin>")
	l.keys("lang jz", "BSpace", "a", "Home", "Right", "x", "BSpace", "DC", "y", "End", "Enter")
	l.until("honnin> lyng ja")
	l.keys("Up", "Home", "Right", "DC", "a", "Enter")
	l.until("honnin> lang ja")
	l.keys("hel", "Tab", "Enter")
	l.until("--More--")
	l.keys("q")
	l.keys("status", "Enter")
	l.until("honnind が動いている:")
}

// signsIn pastes the signature of the challenge that stands on the screen.
func (l laptop) signsIn(o technicians) {
	l.Helper()
	l.keys("C-l", "lang en", "Enter", "terminal vt100 --no-pages", "Enter", "login service", "Enter")
	screen := strings.ReplaceAll(l.until("within 2 minutes"), "\n", "\r\n")
	file := filepath.Join(l.dir, "signature")
	write(l.T, file, []byte(strings.ReplaceAll(o.sign(l.T, screen), "\r", "\n")))
	l.tmux("load-buffer", file)
	l.tmux("paste-buffer")
	l.until("service>")
}

// TestConsoleManPage: the manual page says every word of honnind console's command line, and no other.
func TestConsoleManPage(t *testing.T) {
	flags := consoleCommand().Flags()
	n := len(regexp.MustCompile(`(?m)^ +--[a-z]+ `).FindAllString(flags.FlagUsages(), -1))
	for _, lang := range []string{"ja", "en"} {
		_, page, _ := strings.Cut(string(console.Man(lang)), ".B honnind console\n")
		synopsis, _, _ := strings.Cut(page, ".SH")
		said := regexp.MustCompile(`\\-\\-([a-z]+) `).FindAllStringSubmatch(synopsis, -1)
		if len(said) != n || n == 0 {
			t.Errorf("%s: %q of %d", lang, said, n)
		}
		for _, f := range said {
			if flags.Lookup(f[1]) == nil {
				t.Errorf("%s: --%s", lang, f[1])
			}
		}
	}
}
