package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/daemon/provision"
	"honnin/drivers/serial/serialtest"
)

// cabled is a terminal with version 1 in force, and a technician's machine at the other end of its serial line, with version 2.
type cabled struct {
	*field
	here, there string // devices
	cut         func()
	tmp         string
}

func newCabled(t *testing.T) *cabled {
	t.Helper()
	needPrograms(t, map[string]string{"sz": "lrzsz"})
	if os.Getuid() != rootOwner {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("root of a user namespace cannot have rz run as nobody")
	}
	c := &cabled{field: newField(t), tmp: t.TempDir()}
	c.second()
	c.says(exitOK, "pack", "1", "-o", "old.tar")
	c.says(exitOK, "pack", "2", "-o", "pack.tar")
	c.here, c.there, c.cut = serialtest.Two(t)
	for _, dir := range []string{c.tmp, filepath.Dir(c.tmp)} { // rz runs as nobody
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", c.tmp)
	return c
}

// technician runs a line of shell with both ends of it on the line, and returns its exit status.
func (c *cabled) technician(line string) <-chan error {
	done := make(chan error, 1)
	cmd := exec.CommandContext(c.Context(), "sh", "-c", line)
	cmd.Dir = c.office
	end, err := os.OpenFile(c.there, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		c.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout = end, end
	go func() {
		err := cmd.Run()
		_ = end.Close()
		done <- err
	}()
	return done
}

func (c *cabled) over(status int, args ...string) string {
	c.Helper()
	return c.says(status, append([]string{"receive", "--config", c.config, "--line", c.here}, args...)...)
}

// inStore is every file of the policies that the terminal keeps.
func (c *cabled) inStore() string {
	c.Helper()
	var b strings.Builder
	err := filepath.Walk(filepath.Join(c.config, "policy"), func(path string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().IsRegular() {
			content, _ := os.ReadFile(path)
			b.WriteString(path + "\n" + string(content))
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return b.String()
}

func (c *cabled) nothingLeft() {
	c.Helper()
	if left, err := os.ReadDir(c.tmp); err != nil || len(left) > 0 {
		c.Errorf("left: %v %v", left, err)
	}
}

// TestPolicyOverTheLine: a technician sends a pack with sz, gets the answer that a stick gets, and with rz the result file; while a
// terminal runs with the policies.
func TestPolicyOverTheLine(t *testing.T) {
	c := newCabled(t)
	root, err := provision.LoadRoot(c.config, os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	store, err := provision.Open(provision.Options{Dir: filepath.Join(c.config, "policy"), Root: root, Terminal: runTerminal, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Use(); err != nil { // the terminal that runs
		t.Fatal(err)
	}
	sent := c.technician("sz -q pack.tar && rz -q")
	c.wants(c.over(exitOK, "--result-back", "--baud", "9600"), "send the policy", "一致", "version 1 → 2, signed by a and b")
	if err := <-sent; err != nil {
		t.Error("the technician's sz and rz:", err)
	}
	if b, err := os.ReadFile(filepath.Join(c.office, provision.ResultName(runTerminal))); err != nil || len(b) == 0 {
		t.Error("no result file:", err)
	}
	if p, fresh, err := store.Apply(); err != nil || !fresh || p.Head.Version != 2 {
		t.Error("the terminal that runs has nothing to apply:", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	c.wants(c.says(exitOK, "history", "--config", c.config), "by line")
	c.nothingLeft()
}

// TestAnswerOnTheLine: the technician reads the answer where the pack was sent from; check takes nothing in; and site.toml may
// name the line.
func TestAnswerOnTheLine(t *testing.T) {
	c := newCabled(t)
	site := filepath.Join(c.config, "site.toml")
	b, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	write(t, site, append(b, "[line]\ndevice = \""+c.here+"\"\nbaud = 19200\n"...))
	before := c.inStore()
	heard := make(chan string, 1)
	sent := c.technician("sz -q pack.tar")
	go func() {
		<-sent
		far, err := os.OpenFile(c.there, os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			heard <- err.Error()
			return
		}
		defer far.Close()
		var all []byte
		for b := make([]byte, 512); !bytes.Contains(all, []byte("in force from")); {
			n, err := far.Read(b)
			if all = append(all, b[:n]...); err != nil {
				break
			}
		}
		heard <- string(all)
	}()
	c.wants(c.says(exitOK, "check", "--config", c.config, "--line", "site"), "一致", "version 1 → 2")
	c.wants(<-heard, "一致", "version 1 → 2", "\r\n")
	if c.inStore() != before {
		t.Error("a check took something in")
	}
	c.nothingLeft()
}

// TestFromPicocom: the technician types in picocom, as it comes, and reads the answer there.
func TestFromPicocom(t *testing.T) {
	c := newCabled(t)
	needPrograms(t, map[string]string{"picocom": "picocom"})
	hands := serialtest.New(t)
	screen, err := os.OpenFile(hands.Device, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	picocom := exec.CommandContext(t.Context(), "picocom", "-b", "115200", c.there)
	picocom.Dir, picocom.Stdin, picocom.Stdout, picocom.Env = c.office, screen, screen, append(os.Environ(), "TERM=vt100")
	if err := picocom.Start(); err != nil {
		t.Fatal(err)
	}
	seen, ready := make(chan string, 1), make(chan struct{})
	go func() {
		var all []byte
		for i, step := range []struct{ until, keys string }{{"Terminal ready", ""}, {"send the policy", "\x01\x13"}, {"*** file: ", "pack.tar\r"}, {"in force from", "\x01\x18"}} {
			for b := make([]byte, 512); !bytes.Contains(all, []byte(step.until)); {
				n, err := hands.Far.Read(b)
				if all = append(all, b[:n]...); err != nil {
					seen <- string(all) + err.Error()
					return
				}
			}
			if i == 0 {
				close(ready)
			}
			_, _ = hands.Far.Write([]byte(step.keys))
		}
		seen <- string(all)
	}()
	<-ready
	c.wants(c.over(exitOK, "--wait", "30s"), "一致", "version 1 → 2")
	c.wants(<-seen, "一致", "version 1 → 2")
	if err := picocom.Wait(); err != nil {
		t.Error(err)
	}
	c.nothingLeft()
}

// TestLineRefused: what must not get in over a line leaves nothing behind, neither in the store nor beside it.
func TestLineRefused(t *testing.T) {
	c := newCabled(t)
	write(t, filepath.Join(c.office, "photo.tar"), bytes.Repeat([]byte("not a policy"), 999))
	write(t, filepath.Join(c.office, "large.tar"), make([]byte, provision.MaxPack+1))
	before := c.inStore()
	for name, r := range map[string]struct {
		line   string
		status int
		words  []string
		args   []string
	}{
		"an old one":    {"sz -q old.tar", exitOK, []string{"済み", "version 1 is here already"}, nil},
		"no pack":       {"sz -q photo.tar", exitRefused, []string{"不一致", string(signed.Malformed)}, nil},
		"too large":     {"sz -q large.tar", exitRefused, []string{"受信なし", "too large"}, nil},
		"two":           {"sz -q pack.tar old.tar", exitRefused, []string{"受信なし", "more than one"}, nil},
		"an odd name":   {"cp pack.tar ./-x; sz -q -- -x", exitRefused, []string{"受信なし", "not plain"}, nil},
		"nobody":        {"true", exitRefused, []string{"受信なし", "nobody sent"}, []string{"--wait", "300ms"}},
		"a rate":        {"true", exitUsage, []string{"9600, 19200"}, []string{"--baud", "300"}},
		"two ways":      {"true", exitUsage, []string{"either a stick"}, []string{"1"}},
		"no line there": {"true", exitUsage, []string{"site.toml has no line"}, []string{"--line", "site"}},
		"no line":       {"true", exitFailure, []string{"not a serial line"}, []string{"--line", "/dev/null"}},
	} {
		c.here, c.there, c.cut = serialtest.Two(t) // nothing of the case before is left on it
		sent := c.technician(r.line)
		c.wants(c.over(r.status, r.args...), r.words...)
		if t.Failed() {
			t.Fatal(name)
		}
		<-sent
		if c.inStore() != before {
			t.Fatal(name, "changed the store")
		}
		c.nothingLeft()
	}
}

// TestLineOfTheDaemonsUser: who can read the terminal's keys, and is not root, cannot give rz another user: no line is opened.
func TestLineOfTheDaemonsUser(t *testing.T) {
	c := newCabled(t)
	honnind := filepath.Join(c.config, "honnind")
	if err := os.Link(built(t), honnind); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), honnind, "policy", "receive", "--config", c.config, "--line", c.here, "--wait", "300ms")
	if os.Getuid() == 0 {
		const nobody = 65534
		for _, name := range []string{".", "site.toml", "keys"} {
			if err := os.Chown(filepath.Join(c.config, name), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitUsage {
		t.Errorf("exit %d", cmd.ProcessState.ExitCode())
	}
	c.wants(string(out), "--line wants root")
}

// deaf is a line that takes nothing.
type deaf struct{ asked int }

func (d *deaf) WriteContext(ctx context.Context, _ []byte) (int, error) {
	d.asked++
	<-ctx.Done()
	return 0, ctx.Err()
}

// TestLineTakesNothing: the technician at the terminal's own screen does not wait for each line again.
func TestLineTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, d := time.Now(), &deaf{}
		var screen strings.Builder
		both := io.MultiWriter(&screen, &told{ctx: t.Context(), line: d})
		for range 3 {
			say(both, "a line")
		}
		if took := time.Since(begin); took != lineWords || d.asked != 1 || screen.String() != strings.Repeat("a line\n", 3) {
			t.Errorf("%s for %d words: %q", took, d.asked, screen.String())
		}
	})
}

// TestLineHeldOrCut: a line that another program has is not taken; one that is cut in the middle leaves nothing.
func TestLineHeldOrCut(t *testing.T) {
	c := newCabled(t)
	before := c.inStore()
	other, err := os.OpenFile(c.here, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	c.wants(c.over(exitFailure), "another program has the line")
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	p := serialtest.New(t)
	c.here = p.Device
	sz := exec.CommandContext(t.Context(), "sz", "-q", "pack.tar")
	sz.Dir = c.office
	in, err := sz.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := sz.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sz.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(in, struct{ io.Reader }{p.Far}) }()
	go func() {
		_, _ = io.CopyN(struct{ io.Writer }{p.Far}, out, 1500)
		_ = p.Far.Close()
	}()
	c.wants(c.over(exitRefused), "受信なし", "cut")
	if c.inStore() != before {
		t.Error("the store changed")
	}
	c.nothingLeft()
}

// TestPackedFile: a pack is taken as a file, too; and pack writes over nothing.
func TestPackedFile(t *testing.T) {
	c := newCabled(t)
	c.wants(c.says(exitOK, "receive", "--config", c.config, "pack.tar"), "一致", "version 1 → 2")
	c.wants(c.says(exitOK, "history", "--config", c.config), "by file")
	c.says(exitFailure, "pack", "1", "-o", "pack.tar")
	c.wants(c.says(exitUsage, "pack", "nowhere", "-o", "x.tar"), "no such file")
	c.wants(c.says(exitUsage, "pack", "1"), "-o FILE")
}
