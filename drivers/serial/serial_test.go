package serial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tarm "github.com/tarm/serial"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"honnin/drivers/serial/serialtest"
)

// opened is a line, and its other end.
func opened(t testing.TB) (*Line, *os.File) {
	t.Helper()
	p := serialtest.New(t)
	l, err := Open(Options{Device: p.Device, Baud: 115200, LockDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, p.Far
}

// allBytes are those that a line with any mode set would change.
func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestSpeaks(t *testing.T) {
	for _, baud := range Bauds() {
		p := serialtest.New(t)
		l, err := Open(Options{Device: p.Device, Baud: baud, LockDir: t.TempDir()})
		if err != nil {
			t.Fatal(baud, err)
		}
		for _, way := range [][2]io.ReadWriter{{l, p.Far}, {p.Far, l}} {
			if _, err := way[0].Write(allBytes()); err != nil {
				t.Fatal(baud, err)
			}
			got := make([]byte, 256)
			if _, err := io.ReadFull(way[1], got); err != nil || !bytes.Equal(got, allBytes()) {
				t.Fatalf("%d baud: %x %v", baud, got, err)
			}
		}
		if err := errors.Join(l.Drain(t.Context()), l.Close(), l.Close()); err != nil {
			t.Error(baud, err)
		}
	}
}

func TestNoLine(t *testing.T) {
	dir, pair := t.TempDir(), serialtest.New(t)
	file := filepath.Join(dir, "file")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		device string
		baud   int
		want   error
	}{
		"rate":      {pair.Device, 115201, ErrBaud},
		"no rate":   {pair.Device, 0, ErrBaud},
		"fast":      {pair.Device, 230400, ErrBaud},
		"nothing":   {filepath.Join(dir, "none"), 9600, fs.ErrNotExist},
		"a file":    {file, 9600, ErrNoLine},
		"a fifo":    {filepath.Join(dir, "fifo"), 9600, ErrNoLine},
		"directory": {dir, 9600, ErrNoLine},
		"null":      {"/dev/null", 9600, ErrNoLine},
		"no device": {"", 9600, ErrNoLine},
	} {
		locks := t.TempDir()
		if l, err := Open(Options{Device: c.device, Baud: c.baud, LockDir: locks}); !errors.Is(err, c.want) || l != nil || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(locks); len(left) > 0 {
			t.Errorf("%s: leaves %v", name, left)
		}
	}
}

// TestCancelled: neither a read of nothing nor a write that nobody takes outlives its context, and the line is as good as before.
func TestCancelled(t *testing.T) {
	l, far := opened(t)
	for name, do := range map[string]func(context.Context) error{
		"read":  func(ctx context.Context) error { _, err := l.ReadContext(ctx, make([]byte, 10)); return err },
		"write": func(ctx context.Context) error { _, err := l.WriteContext(ctx, make([]byte, 1<<20)); return err },
	} {
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 2)
			go func() { done <- do(ctx) }()
			go func() { done <- do(ctx) }() // this one waits for its turn, or the other
			begun(map[string]direction{"read": l.in, "write": l.out}[name])
			cancel()
			if a, b := <-done, <-done; !errors.Is(a, context.Canceled) || !errors.Is(b, context.Canceled) {
				t.Fatalf("%s: %v, %v", name, a, b)
			}
		}
		soon, stop := context.WithTimeout(t.Context(), time.Millisecond)
		if err := do(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s in a millisecond: %v", name, err)
		}
		stop()
	}
	mark := []byte("still here")
	go func() { _, _ = l.Write(mark) }()
	for seen := []byte{}; !bytes.HasSuffix(seen, mark); {
		b := make([]byte, 4096)
		n, err := far.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, b[:n]...)
	}
	if _, err := far.Write(mark); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(mark))
	if _, err := io.ReadFull(l, got); err != nil || !bytes.Equal(got, mark) {
		t.Errorf("%q %v", got, err)
	}
}

// begun waits until somebody's turn has come in each direction, and gives it time to block.
func begun(all ...direction) {
	for _, d := range all {
		for len(d.turn) > 0 {
			runtime.Gosched()
		}
	}
	for range 10 {
		runtime.Gosched()
	}
}

// TestNothingIsLost: however reads are cancelled, what was sent is read once, in order.
func TestNothingIsLost(t *testing.T) {
	l, far := opened(t)
	cancelled := 0
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(t, "sent")
		pieces := rapid.IntRange(1, 20).Draw(t, "pieces")
		go func() {
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), len(sent)/pieces+1)
				_, _ = far.Write(rest[:n])
				rest = rest[n:]
			}
		}()
		var got []byte
		for b := make([]byte, 256); len(got) < len(sent); {
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			n, err := l.ReadContext(ctx, b)
			cancel()
			if got = append(got, b[:n]...); err != nil {
				cancelled++
				if !errors.Is(err, context.Canceled) || n > 0 {
					t.Fatalf("%d bytes, %v", n, err)
				}
			}
		}
		if !bytes.Equal(got, sent) {
			t.Fatal("other bytes than were sent")
		}
	})
	if cancelled == 0 {
		t.Error("no read was cancelled")
	}
}

// TestHangUp: who reads and who writes sees the end, each time; and Close does not mind.
func TestHangUp(t *testing.T) {
	l, far := opened(t)
	done := make(chan error, 2)
	go func() { _, err := l.Read(make([]byte, 1)); done <- err }()
	go func() { _, err := l.Write(make([]byte, 1<<20)); done <- err }()
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; err != io.EOF {
			t.Errorf("%v", err)
		}
	}
	for range 3 {
		if n, err := l.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%d %v", n, err)
		}
	}
	if err := l.Drain(t.Context()); err != nil && err != io.EOF {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestClose: whoever reads, writes or waits for a turn is let go, and the line can be opened again.
func TestClose(t *testing.T) {
	p, locks := serialtest.New(t), t.TempDir()
	for range 50 {
		letsGo(t, Options{Device: p.Device, Baud: 9600, LockDir: locks})
	}
}

// letsGo closes a line on which four wait.
func letsGo(t *testing.T, o Options) {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	soon, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if n, err := l.WriteContext(soon, make([]byte, 1<<20)); n == 1<<20 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the line is not full: %d, %v", n, err)
	}
	done := make(chan error, 4)
	for range 2 {
		go func() { _, err := l.Read(make([]byte, 1)); done <- err }()
		go func() { _, err := l.Write(make([]byte, 1<<20)); done <- err }()
	}
	begun(l.in, l.out)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for range 4 {
		if err := <-done; !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(o.LockDir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestReturns: a line goes, and comes back under its name as another device.
func TestReturns(t *testing.T) {
	name, to := serialtest.Link(t)
	o := Options{Device: name, Baud: 9600, LockDir: t.TempDir()}
	first := serialtest.New(t)
	to(first.Device)
	l, err := Wait(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Far.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	to("")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	back := make(chan *Line)
	go func() {
		l, err := Wait(t.Context(), o)
		if err != nil {
			t.Error(err)
		}
		back <- l
	}()
	second := serialtest.New(t)
	to(second.Device)
	l = <-back
	if l == nil {
		return
	}
	defer l.Close()
	if _, err := second.Far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Error(n, err)
	}
}

// TestWaitPauses: it looks ever more seldom, and not where waiting does not help.
func TestWaitPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		looks := 0
		if _, err := wait(ctx, func() (*Line, error) { looks++; return nil, fmt.Errorf("open: %w", fs.ErrNotExist) }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if looks < 30 || looks > 40 {
			t.Errorf("%d looks in a minute", looks)
		}
		for _, never := range []error{ErrBaud, ErrNoLine, ErrHeld} {
			begin := time.Now()
			if _, err := wait(t.Context(), func() (*Line, error) { return nil, never }); err != never || time.Since(begin) != 0 {
				t.Error(err)
			}
		}
	})
}

// TestWaitPatience: a device that has just come is not everybody's yet, and may be tried by others; for ever is too long.
func TestWaitPatience(t *testing.T) {
	come, line := []error{fs.ErrNotExist, fs.ErrPermission}, new(Line)
	for name, c := range map[string]struct {
		looks []error // what each says; the last one goes on; nil: the line is there
		want  error
		after time.Duration
	}{
		"given to our group":          {append(come, fs.ErrPermission, nil), nil, 700 * time.Millisecond},
		"tried by somebody":           {append(come, ErrHeld, ErrHeld, ErrHeld, nil), nil, 3100 * time.Millisecond},
		"held from the first":         {[]error{ErrHeld}, ErrHeld, 0},
		"never ours":                  {come, fs.ErrPermission, 13100 * time.Millisecond},
		"gone and come":               {append(slices.Repeat([]error{fs.ErrPermission}, denials), fs.ErrNotExist, fs.ErrPermission, nil), nil, 15100 * time.Millisecond},
		"somebody else's, then wrong": {append(come, ErrHeld, ErrNoLine), ErrNoLine, 700 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, look := time.Now(), -1
			l, err := wait(t.Context(), func() (*Line, error) {
				if look = min(look+1, len(c.looks)-1); c.looks[look] != nil {
					return nil, fmt.Errorf("open: %w", c.looks[look])
				}
				return line, nil
			})
			if !errors.Is(err, c.want) || (l == line) != (c.want == nil) || time.Since(begin) != c.after {
				t.Errorf("%s: %v after %v", name, err, time.Since(begin))
			}
		})
	}
}

// TestGarbage: 64 MB as fast as the line takes them, in flat memory, and the line works afterwards.
func TestGarbage(t *testing.T) {
	const floods = 64 << 20
	l, far := opened(t)
	go func() {
		b, r := make([]byte, 32<<10), rand.New(rand.NewPCG(1, 2))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		for range floods / len(b) {
			if _, err := far.Write(b); err != nil {
				return
			}
		}
		_, _ = far.Write([]byte("usable"))
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b, n := make([]byte, 4096), 0
	for n < floods {
		k, err := l.Read(b[:min(len(b), floods-n)])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 16<<20 {
		t.Errorf("%d bytes more", grown)
	}
	if _, err := io.ReadFull(l, b[:6]); err != nil || string(b[:6]) != "usable" {
		t.Errorf("%q %v", b[:6], err)
	}
}

// TestHazards: what the package comment says of tarm/serial is so; otherwise it would be time to write it anew.
func TestHazards(t *testing.T) {
	p := serialtest.New(t)
	config := &tarm.Config{Name: p.Device, Baud: 9600, ReadTimeout: time.Microsecond}
	one, err := tarm.OpenPort(config)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := tarm.OpenPort(config)
	if err != nil {
		t.Fatal("it is exclusive:", err)
	}
	defer two.Close()
	if n, err := one.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Error("a timeout is no end:", n, err)
	}
	if err := p.Far.Close(); err != nil {
		t.Fatal(err)
	}
	ends := 0
	for range 1000 {
		if _, err := one.Read(make([]byte, 1)); err == io.EOF || errors.Is(err, unix.EIO) {
			ends++
		}
	}
	if ends != 1000 {
		t.Error("a line that hung up waits:", ends)
	}
	if _, err := tarm.OpenPort(&tarm.Config{Name: p.Device, Baud: 115201}); err == nil || strings.Contains(err.Error(), p.Device) {
		t.Error("any rate:", err)
	}
}
