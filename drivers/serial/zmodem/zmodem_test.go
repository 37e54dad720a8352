package zmodem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"honnin/drivers/serial"
	"honnin/drivers/serial/serialtest"
)

// stand is a line that is ours, a technician's machine at its other end with real sz and rz, and a directory of files there.
type stand struct {
	*testing.T
	line  *serial.Line
	far   *os.File
	files string // the technician's
	dir   string // in which ours are made
}

func newStand(t *testing.T) *stand {
	t.Helper()
	for _, p := range []string{"rz", "sz"} {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("lrzsz is missing")
			}
			t.Skip("lrzsz is missing")
		}
	}
	p := serialtest.New(t)
	l, err := serial.Open(serial.Options{Device: p.Device, Baud: 115200, LockDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &stand{t, l, p.Far, t.TempDir(), t.TempDir()}
	if err := os.Chmod(s.dir, 0o711); err != nil { // nobody gets through
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(s.dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stand) file(name string, size int) []byte {
	s.Helper()
	b, r := make([]byte, size), rand.New(rand.NewPCG(7, uint64(size)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if err := os.WriteFile(filepath.Join(s.files, name), b, 0o600); err != nil {
		s.Fatal(err)
	}
	return b
}

// far runs a program at the other end. After so many bytes of it, then is done, and no more of it gets through.
func (s *stand) technician(after int64, then func(), args ...string) (ended <-chan error) {
	s.Helper()
	c := exec.CommandContext(s.Context(), args[0], args[1:]...)
	c.Dir = s.files
	out, err := c.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	in, err := c.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := c.Start(); err != nil {
		s.Fatal(err)
	}
	go func() { // the line, until it hangs up
		_, _ = io.Copy(in, struct{ io.Reader }{s.far})
		_ = in.Close()
	}()
	done := make(chan error, 1)
	go func() {
		_, err := io.CopyN(struct{ io.Writer }{s.far}, out, after)
		if err == nil {
			then()
		}
		_, _ = io.Copy(io.Discard, out)
		done <- c.Wait()
	}()
	return done
}

func (s *stand) limits() Limits {
	return Limits{Bytes: 1 << 20, Start: time.Minute, Stall: time.Minute, Dir: s.dir}
}

// short is what a test waits for that wants to see a limit reached.
const short = 300 * time.Millisecond

const all = 1 << 40

func (s *stand) nothingLeft() {
	s.Helper()
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		s.Errorf("left: %v %v", left, err)
	}
}

func TestReceive(t *testing.T) {
	for _, size := range []int{0, 1, 1 << 10, 200_000, 1 << 20} {
		s := newStand(t)
		want := s.file("pack.tar", size)
		ended := s.technician(all, nil, "sz", "-q", "pack.tar")
		f, err := Receive(t.Context(), s.line, s.limits())
		if err != nil || f.Name != "pack.tar" || !bytes.Equal(f.Content, want) {
			t.Errorf("%d bytes: %q, %d bytes, %v", size, f.Name, len(f.Content), err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%d bytes: the sender: %v", size, err)
		}
		s.nothingLeft()
	}
}

// dripping is a line that gives a byte at a time, as one of 9600 baud nearly does.
type dripping struct{ Line }

func (d dripping) ReadContext(ctx context.Context, p []byte) (int, error) {
	return d.Line.ReadContext(ctx, p[:min(1, len(p))])
}

// TestBytewise: nothing depends on what comes together.
func TestBytewise(t *testing.T) {
	s := newStand(t)
	want := s.file("pack.tar", 20_000)
	ended := s.technician(all, nil, "sz", "-q", "pack.tar")
	if f, err := Receive(t.Context(), dripping{s.line}, s.limits()); err != nil || !bytes.Equal(f.Content, want) {
		t.Errorf("%d bytes, %v", len(f.Content), err)
	}
	if err := <-ended; err != nil {
		t.Error("the sender:", err)
	}
	s = newStand(t)
	ended = s.technician(all, nil, "rz", "-q")
	if err := Send(t.Context(), dripping{s.line}, File{"result.p7m", want}, time.Minute, s.dir); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error("the receiver:", err)
	}
}

// TestLastWordIsLost: sz ended before its last word was sent, and somebody else speaks: rz hears neither, and all has come.
func TestLastWordIsLost(t *testing.T) {
	s := newStand(t)
	want := s.file("pack.tar", 3000)
	said, heard := 0, []byte{} // which may come in pieces
	l := &deaf{Line: s.line, until: func(b []byte) bool {
		heard = append(heard, b...)
		said = bytes.Count(heard, []byte("**\x18B08")) // the sender's ZFIN
		return said == 0
	}}
	s.technician(all, nil, "sz", "-q", "pack.tar")
	f, err := Receive(t.Context(), l, s.limits())
	if err != nil || !bytes.Equal(f.Content, want) || said != 1 {
		t.Errorf("%d bytes, %v, ZFIN %d times", len(f.Content), err, said)
	}
	s.nothingLeft()
}

// deaf is a line on which, from some time on, another program says that it can receive.
type deaf struct {
	Line
	until func([]byte) bool
	lost  bool
}

func (d *deaf) ReadContext(ctx context.Context, p []byte) (int, error) {
	n, err := d.Line.ReadContext(ctx, p)
	if d.lost {
		return copy(p, "**\x18B0100000023be50\r\x8a\x11"), err
	}
	d.lost = !d.until(p[:n])
	return n, err
}

// TestRefused: what a stranger may send, and what a line may do.
func TestRefused(t *testing.T) {
	nothing := func() {}
	for name, c := range map[string]struct {
		want  error
		after int64
		then  func(s *stand)
		limit func(l *Limits)
		args  []string
	}{
		"two files":        {want: ErrNotOne, args: []string{"sz", "-q", "pack.tar", "other.tar"}},
		"too large":        {want: ErrTooLarge, limit: func(l *Limits) { l.Bytes = 199_999 }, args: []string{"sz", "-q", "pack.tar"}},
		"far too large":    {want: ErrTooLarge, limit: func(l *Limits) { l.Bytes = 10 }, args: []string{"sz", "-q", "pack.tar"}},
		"a path upwards":   {want: ErrFailed, args: []string{"sz", "-q", "-f", "../files/pack.tar"}},
		"a path":           {want: ErrName, args: []string{"sz", "-q", "-f", "/etc/hostname"}},
		"a directory":      {want: ErrName, args: []string{"sz", "-q", "-f", "sub/pack.tar"}},
		"an option":        {want: ErrName, args: []string{"sz", "-q", "--", "-x"}},
		"a hidden file":    {want: ErrFailed, args: []string{"sz", "-q", ".profile"}},
		"a space":          {want: ErrName, args: []string{"sz", "-q", "a b"}},
		"a command":        {want: ErrName, args: []string{"sz", "-q", "-c", "touch pwned"}},
		"a cut":            {want: ErrCut, after: 50_000, then: func(s *stand) { _ = s.far.Close() }, args: []string{"sz", "-q", "pack.tar"}},
		"a cut at once":    {want: ErrCut, after: 1, then: func(s *stand) { _ = s.far.Close() }, args: []string{"sz", "-q", "pack.tar"}},
		"a stalled sender": {want: ErrStalled, after: 50_000, then: func(*stand) {}, limit: func(l *Limits) { l.Stall = short }, args: []string{"sz", "-q", "pack.tar"}},
		"nobody":           {want: ErrNotBegun, limit: func(l *Limits) { l.Start = short }, args: []string{"true"}},
		"somebody typing":  {want: ErrNotBegun, limit: func(l *Limits) { l.Start = short }, args: []string{"echo", "hello"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			if err := os.Mkdir(filepath.Join(s.files, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, f := range []string{"pack.tar", "other.tar", "-x", ".profile", "a b", "sub/pack.tar"} {
				s.file(f, 200_000)
			}
			if err := os.Symlink(s.files, filepath.Join(filepath.Dir(s.files), "files")); err != nil {
				t.Fatal(err)
			}
			l, after, then := s.limits(), int64(all), nothing
			if c.limit != nil {
				c.limit(&l)
			}
			if c.then != nil {
				after, then = c.after, func() { c.then(s) }
			}
			ended := s.technician(after, then, c.args...)
			f, err := Receive(t.Context(), s.line, l)
			if !errors.Is(err, c.want) || f.Name != "" || f.Content != nil {
				t.Errorf("want %v, is %v, with %q of %d bytes", c.want, err, f.Name, len(f.Content))
			}
			s.nothingLeft()
			if _, err := os.Stat(filepath.Join(s.files, "pwned")); err == nil {
				t.Error("it ran a command")
			}
			_, _ = s.line.Close(), s.far.Close()
			<-ended
		})
	}
}

// TestGarbageForEver is neither taken for a file nor waited for, alone and in the middle of a file; and then the line is as good as before.
func TestGarbageForEver(t *testing.T) {
	for name, after := range map[string]int64{"alone": 0, "in a file": 50_000} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			s.file("pack.tar", 200_000)
			stop := make(chan struct{})
			l := s.limits()
			l.Start, l.Stall = short, short
			begins := sync.OnceFunc(func() { s.garbage(stop) })
			ended := s.technician(after, begins, "sz", "-q", "pack.tar")
			go func() { <-ended; begins() }() // where so much of the file did not come in time
			f, err := Receive(t.Context(), s.line, l)
			if f.Content != nil || !errors.Is(err, ErrNotBegun) && !errors.Is(err, ErrStalled) && !errors.Is(err, ErrFailed) {
				t.Errorf("%v: %q", err, f.Name)
			}
			s.nothingLeft()
			close(stop)
			b, n := make([]byte, 4096), 0
			for seen := []byte{}; !bytes.HasSuffix(seen, mark); seen = append(seen[max(0, len(seen)-len(mark)):], b[:n]...) {
				if n, err = s.line.Read(b); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

var mark = []byte("and now a word")

// garbage writes as fast as the line takes it, and the mark at the end.
func (s *stand) garbage(stop <-chan struct{}) {
	r, b := rand.New(rand.NewPCG(3, 4)), make([]byte, 999)
	for {
		select {
		case <-stop:
			_, _ = s.far.Write(mark)
			return
		default:
		}
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if _, err := s.far.Write(b); err != nil {
			return
		}
	}
}

// TestCancelled: a context ends it at any time.
func TestCancelled(t *testing.T) {
	s := newStand(t)
	s.file("pack.tar", 200_000)
	ctx, cancel := context.WithCancel(t.Context())
	s.technician(50_000, cancel, "sz", "-q", "pack.tar")
	if _, err := Receive(ctx, s.line, s.limits()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.nothingLeft()
}

func TestSend(t *testing.T) {
	s := newStand(t)
	want := []byte("what came of it")
	ended := s.technician(all, nil, "rz", "-q")
	if err := Send(t.Context(), s.line, File{"honnin-JP-99-000001.p7m", want}, time.Minute, s.dir); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error("the receiver:", err)
	}
	if b, err := os.ReadFile(filepath.Join(s.files, "honnin-JP-99-000001.p7m")); err != nil || !bytes.Equal(b, want) {
		t.Errorf("%q %v", b, err)
	}
	s.nothingLeft()
}

// TestNotSent: a receiver that is not there, that has the file already, or goes away, is no success.
func TestNotSent(t *testing.T) {
	f := File{"result.p7m", make([]byte, 100_000)}
	t.Run("nobody", func(t *testing.T) {
		s := newStand(t)
		ctx, cancel := context.WithTimeout(t.Context(), short)
		defer cancel()
		if err := Send(ctx, s.line, f, time.Minute, s.dir); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		s.nothingLeft()
	})
	t.Run("there already", func(t *testing.T) {
		s := newStand(t)
		s.file(f.Name, 3)
		s.technician(all, nil, "rz", "-q", "--protect")
		if err := Send(t.Context(), s.line, f, time.Minute, s.dir); !errors.Is(err, ErrFailed) {
			t.Error(err)
		}
		s.nothingLeft()
	})
	t.Run("a cut", func(t *testing.T) {
		s := newStand(t)
		s.technician(1, func() { _ = s.far.Close() }, "rz", "-q")
		if err := Send(t.Context(), s.line, f, time.Minute, s.dir); !errors.Is(err, ErrCut) {
			t.Error(err)
		}
		s.nothingLeft()
	})
	t.Run("a path", func(t *testing.T) {
		s := newStand(t)
		for _, name := range []string{"../x", "-x", "", ".x", "a/b", "a\nb"} {
			if err := Send(t.Context(), s.line, File{name, nil}, time.Minute, s.dir); !errors.Is(err, ErrName) {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

// givingUp puts a program of this name before the real one: it gives up on nobody so many times, and is the real one then. It
// returns how often it was started.
func (s *stand) givingUp(program string, times int) (started func() int) {
	s.Helper()
	real, err := exec.LookPath(program)
	if err != nil {
		s.Fatal(err)
	}
	dir, count := s.TempDir(), s.TempDir()
	script := "#!/bin/sh\n"
	for i := range times {
		script += fmt.Sprintf("[ -e %[1]s/%[2]d ] || { : >%[1]s/%[2]d; exit %[3]d; }\n", count, i, gaveUp)
	}
	script += fmt.Sprintf(": >%s/%d; exec %s \"$@\"\n", count, times, real)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755), os.Chmod(count, 0o777)); err != nil { // nobody's
		s.Fatal(err)
	}
	s.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() int {
		all, err := os.ReadDir(count)
		if err != nil {
			s.Fatal(err)
		}
		return len(all)
	}
}

// TestGivesUp: rz gives up after less time than a sender may take to begin, and sz on a receiver: both are started again until somebody
// is there.
func TestGivesUp(t *testing.T) {
	t.Run("rz", func(t *testing.T) {
		s := newStand(t)
		started := s.givingUp("rz", 2)
		want := s.file("pack.tar", 3000)
		ended := s.technician(all, nil, "sz", "-q", "pack.tar")
		if f, err := Receive(t.Context(), s.line, s.limits()); err != nil || !bytes.Equal(f.Content, want) || started() != 3 {
			t.Errorf("%d bytes, %v, started %d times", len(f.Content), err, started())
		}
		if err := <-ended; err != nil {
			t.Error("the sender:", err)
		}
	})
	t.Run("sz", func(t *testing.T) {
		s := newStand(t)
		started := s.givingUp("sz", 2)
		ended := s.technician(all, nil, "rz", "-q")
		if err := Send(t.Context(), s.line, File{"result.p7m", []byte("x")}, time.Minute, s.dir); err != nil || started() != 3 {
			t.Errorf("%v, started %d times", err, started())
		}
		if err := <-ended; err != nil {
			t.Error("the receiver:", err)
		}
	})
	t.Run("for ever", func(t *testing.T) {
		s := newStand(t)
		s.givingUp("rz", 100)
		l := s.limits()
		l.Start = short
		if _, err := Receive(t.Context(), s.line, l); !errors.Is(err, ErrNotBegun) {
			t.Error(err)
		}
		s.nothingLeft()
	})
	t.Run("a receiver that stops", func(t *testing.T) {
		s := newStand(t)
		bin := t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "sz"), fmt.Appendf(nil, "#!/bin/sh\nread word\nexit %d\n", gaveUp), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		if _, err := s.far.Write([]byte("**\x18B0900000000a87c\r\n\x11")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := Send(ctx, s.line, File{"result.p7m", []byte("x")}, time.Minute, s.dir); !errors.Is(err, ErrFailed) {
			t.Error(err)
		}
		s.nothingLeft()
	})
}

// TestSweep: what a killed process left goes, what another one uses stays.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	used, err := newChild(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "honnin-line-123")
	if err := errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, "pack.tar"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	other, err := newChild(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Error("still there:", err)
	}
	if _, err := os.Stat(used.dir); err != nil {
		t.Error("gone:", err)
	}
	if err := errors.Join(used.remove(), other.remove()); err != nil {
		t.Error(err)
	}
}

func TestWithoutLrzsz(t *testing.T) {
	s := newStand(t)
	t.Setenv("PATH", t.TempDir())
	if _, err := Receive(t.Context(), s.line, s.limits()); !errors.Is(err, ErrProgram) {
		t.Error(err)
	}
	if err := Send(t.Context(), s.line, File{"x", nil}, time.Minute, s.dir); !errors.Is(err, ErrProgram) {
		t.Error(err)
	}
	s.nothingLeft()
}
