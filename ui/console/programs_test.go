package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy"
)

// need skips a test where programs are missing, and fails in CI.
func need(t *testing.T, programs map[string]string) {
	t.Helper()
	for p, pkg := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing (Debian package %s)", p, pkg)
			}
			t.Skip("needs ", pkg)
		}
	}
}

// pty is a pseudoterminal: the console has one end, and a program opens the other.
func pty(t *testing.T) (near *os.File, device string) {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	raw, err := near.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var failed error
	if err := raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			n, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return near, fmt.Sprint("/dev/pts/", n)
}

// pane is a program on a screen of tmux's.
type pane struct {
	*testing.T
	socket string
}

func (p pane) tmux(args ...string) string {
	p.Helper()
	c := exec.Command("tmux", append([]string{"-u", "-S", p.socket, "-f", "/dev/null"}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=")
	out, err := c.CombinedOutput()
	if err != nil {
		p.Fatalf("tmux %v: %v %s", args, err, out)
	}
	return string(out)
}

// until waits for a screen with a text on it.
func (p pane) until(text string) string {
	p.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for {
		s := p.tmux("capture-pane", "-p")
		if strings.Contains(s, text) {
			return s
		}
		select {
		case <-tick.C:
		case <-late:
			p.Fatalf("no %q on\n%s", text, s)
		}
	}
}

func (p pane) keys(keys ...string) { p.tmux(append([]string{"send-keys"}, keys...)...) }

// TestRealTerminals: minicom and picocom as they come, in a screen of 100 columns and 30 rows: they are known for a VT100 with
// that size, editing looks as it should, pages stop, and a signature of the real ssh-keygen is pasted.
func TestRealTerminals(t *testing.T) {
	need(t, map[string]string{"tmux": "tmux", "picocom": "picocom", "minicom": "minicom", "ssh-keygen": "openssh-client"})
	for name, command := range map[string]string{"picocom": "picocom -b 115200 %s", "minicom": "minicom -b 115200 -D %s"} {
		t.Run(name, func(t *testing.T) {
			near, device := pty(t)
			k := newKeygen(t)
			w := &world{keys: []Key{{ID: "tech-7", SSH: k.key("ed", "-t", "ed25519"), Role: policy.Service}}, do: page}
			held := holdOpen(t, device)
			rawFar(t, held)
			p := pane{t, filepath.Join(t.TempDir(), "s")}
			p.tmux("new-session", "-d", "-x", "100", "-y", "30", fmt.Sprintf(command, device))
			t.Cleanup(func() { p.tmux("kill-server") })
			p.until(map[string]string{"picocom": "Terminal ready", "minicom": "Welcome to minicom"}[name])
			over := make(chan error, 1)
			go func() {
				over <- Serve(context.Background(), near, Options{Terminal: "YOKOHAMA-0012", Machine: w, Keys: w, Seats: w, Journal: w, Lang: "en", Now: time.Now, Rand: rand.Reader})
			}()
			p.until("lang ja: Japanese")
			p.keys("Enter")
			p.until("honnin>\nhonnin>")
			p.keys("lang jz", "BSpace", "a", "Home", "Right", "x", "BSpace", "DC", "y", "End", "Enter")
			p.until("honnin> lyng ja")
			p.keys("Up", "Home", "Right", "DC", "a", "Enter")
			p.until("honnin> lang ja")
			p.keys("hel", "Tab", "lan", "Tab", "Enter")
			p.until("言語を選ぶ。")
			p.keys("doctor", "Enter")
			p.until(moreLine)
			if name == "picocom" { // minicom keeps rows for its own
				p.until("check-26")
			}
			p.keys("q")
			p.until("! cancelled")
			p.keys("login service", "Enter")
			screen := p.until("2 分以内")
			lines := strings.ReplaceAll(screen, "\n", "\r\n")
			signature := filepath.Join(k.dir, "signature")
			if err := os.WriteFile(signature, []byte(k.sign("ed", Namespace, signedLines(t, lines))), 0o600); err != nil {
				t.Fatal(err)
			}
			p.tmux("load-buffer", signature)
			p.tmux("paste-buffer")
			p.until("service>")
			held.Close()
			near.Close()
			if err := <-over; err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, syscall.EIO) {
				t.Error(err)
			}
			if w.seated != "" {
				t.Error("the seat is taken")
			}
		})
	}
}

// holdOpen keeps the far end, so that a program which opens it anew does not hang up.
func holdOpen(t *testing.T, device string) *os.File {
	t.Helper()
	f, err := os.OpenFile(device, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestGarbageOnAPTY: a real line, a far end that sends 64 MB and reads nothing; after that all is well, or the line was given
// up and the next one is well.
func TestGarbageOnAPTY(t *testing.T) {
	near, device := pty(t)
	far := holdOpen(t, device)
	rawFar(t, far)
	w := &world{}
	over := make(chan error, 1)
	go func() {
		over <- Serve(context.Background(), near, Options{Terminal: "YOKOHAMA-0012", Machine: w, Keys: w, Seats: w, Journal: w, Lang: "en", Now: time.Now, Rand: rand.Reader})
	}()
	p := make([]byte, 64<<10)
	for range (64 << 20) / len(p) {
		if _, err := rand.Read(p); err != nil {
			t.Fatal(err)
		}
		if _, err := far.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if got := answers(t, far, 60, "", "! noise: ", "honnin> "); len(got) > 64<<10 {
		t.Fatalf("%d bytes of answer", len(got))
	}
	answers(t, far, 60, "\r", "", "honnin> ") // what was left of the noise is a line of its own
	answers(t, far, 1, "version\r", "version", "version\r\nhonnin> ")
	far.Close()
	if err := <-over; !errors.Is(err, syscall.EIO) {
		t.Error("a pseudoterminal hangs up with EIO: ", err)
	}
}

// answers types a line, up to so many times in a minute, until the answer has and ends with what it should and nothing more comes for a second.
func answers(t *testing.T, far *os.File, times int, line, has, end string) (got []byte) {
	t.Helper()
	b := make([]byte, 4096)
	for range times {
		if _, err := far.WriteString(line); err != nil {
			t.Fatal(err)
		}
		late := time.Now().Add(time.Minute / time.Duration(times)) // the kernel's clock
		for whole, over := false, false; !over; {
			until := late
			if whole = bytes.Contains(got, []byte(has)) && bytes.HasSuffix(got, []byte(end)); whole {
				until = time.Now().Add(time.Second)
			}
			if err := far.SetReadDeadline(until); err != nil {
				t.Fatal(err)
			}
			n, err := far.Read(b)
			got = append(got, b[:n]...)
			if over = errors.Is(err, os.ErrDeadlineExceeded); over && whole {
				return got
			}
			if err != nil && !over {
				t.Fatal(err, string(got))
			}
		}
	}
	t.Fatalf("no %q at the end of %q", end, got[max(0, len(got)-300):])
	return nil
}

func rawFar(t *testing.T, f *os.File) {
	t.Helper()
	c, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Control(func(fd uintptr) {
		var s *unix.Termios
		if s, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
			s.Iflag, s.Oflag, s.Lflag, s.Cc[unix.VMIN] = 0, 0, 0, 1
			err = unix.IoctlSetTermios(int(fd), unix.TCSETS, s)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
