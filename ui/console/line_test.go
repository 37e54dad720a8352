package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/policy"
)

// waits is a command that ends only with its context.
func waits(ctx context.Context, _ Who, _ Call, a *Answer) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestHangUpInMidCommand and its relatives: a command ends with the line, with Ctrl-C, and with a technician who has left.
func TestCommandsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(r *rig) string
		want string
	}{
		"Ctrl-C":            {func(r *rig) string { return r.send("\x03") }, "! cancelled: Cancelled.\r\nservice> "},
		"Ctrl-C in a burst": {func(r *rig) string { return r.send("typed ahead\x03") }, "! cancelled: Cancelled.\r\nservice> "},
		"left":              {func(r *rig) string { return r.pass(defaultIdle) }, "! idle: " + Idle.In("en") + "\r\nhonnin> "},
		"hung up":           {func(r *rig) string { r.hangUp(); s := r.got(); r.line = newLine(); r.begin(); return s }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubbleWith(t, &world{do: waits}, func(r *rig) {
				r.login("service")
				r.send("selftest\r")
				if s := c.do(r); !strings.HasSuffix(s, c.want) || c.want == "" && s != "" {
					r.Errorf("%q", s)
				}
				if did, _ := r.has(); len(did) != 1 {
					r.Error(did)
				}
			})
		})
	}
}

func TestTypedAhead(t *testing.T) {
	w := &world{do: func(ctx context.Context, _ Who, c Call, a *Answer) error {
		time.Sleep(time.Second)
		return nil
	}}
	bubbleWith(t, w, func(r *rig) {
		r.send("status\rdoctor\rvers")
		if out := r.pass(3*time.Second) + r.send("ion\r"); !strings.Contains(out, "honnin> version\r\n") {
			r.Errorf("%q", out)
		}
		r.pass(time.Minute)
		r.send("status\r")
		for range 100 {
			r.send(strings.Repeat("x", 100))
		}
		if out := r.pass(time.Minute); strings.Count(out, "! lost: ") != 1 {
			r.Errorf("%q", out)
		}
		if did, _ := r.has(); !slices.Equal(did, []string{" status", " doctor", " version", " status"}) {
			r.Errorf("%q", did)
		}
	})
}

// TestAsksWhatItIs: a VT100 is known by its answer, with its size; a dumb terminal shows nothing but a clean line.
func TestAsksWhatItIs(t *testing.T) {
	bubble(t, func(r *rig) {
		m := newTerminal(r, true, 30, 100)
		r.got()
		r.line.sees = m.write
		r.send("\r")
		for range 4 {
			if s := m.answer(); s != "" {
				r.send(s)
			}
		}
		r.pass(2 * time.Second)
		r.got()
		r.send("ab")
		if s := r.send("\x1b[H\x0b"); s != "\b\b\x1b[K" {
			r.Errorf("%q", s)
		}
		r.send("help\r")
		if m.row(29) != moreLine {
			r.Errorf("%s", m.text())
		}
	})
	bubble(t, func(r *rig) {
		m := newTerminal(r, false, 24, 80)
		r.got()
		r.line.sees = m.write
		if s := r.send("\r"); !strings.Contains(s, "\x1b[c") || m.row(1) != "honnin>" {
			r.Errorf("asked with %q, a dumb one shows %q", s, m.row(1))
		}
		r.send("help lang\r")
		if m.row(1) != "honnin> help lang" || !strings.HasPrefix(m.row(2), "lang ja|en") {
			r.Errorf("%s", m.text())
		}
		if s := r.send("\r"); strings.Contains(s, "\x1b") {
			r.Errorf("asked again: %q", s)
		}
	})
}

// TestTypesOnWhileAsked: what somebody types before the answer is not lost.
func TestTypesOnWhileAsked(t *testing.T) {
	bubble(t, func(r *rig) {
		r.send("\r")
		r.send("version\r")
		r.pass(2 * time.Second)
		if did, _ := r.has(); !slices.Equal(did, []string{" version"}) {
			r.Errorf("%q", did)
		}
	})
}

func TestLongLineIsSaidOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		r.got()
		out := ""
		for range 50 {
			out += r.send(strings.Repeat("a", 1000))
		}
		out += r.send("\rstatus\r") + r.pass(time.Second)
		if strings.Count(out, "! too-long: ") != 1 || !strings.HasSuffix(out, "honnin> ") || len(out) > 4*MaxLine {
			r.Errorf("%d bytes: %q", len(out), out[max(0, len(out)-200):])
		}
		r.send("status\r")
		if did, _ := r.has(); !slices.Equal(did, []string{" status"}) {
			r.Errorf("%q", did)
		}
	})
}

// TestGarbage: 64 MB of it, and 8 of each kind of key, as fast as the line takes it, in flat memory, with next to no answer; then all is well.
func TestGarbage(t *testing.T) {
	for name, fill := range map[string]func(p []byte){
		"random": func() func(p []byte) {
			c := rand.NewChaCha8([32]byte{1})
			return func(p []byte) { c.Read(p) }
		}(),
		"letters": func(p []byte) { copy(p, bytes.Repeat([]byte("a"), len(p))) },
		"zeros":   func([]byte) {},
		"tabs":    func(p []byte) { copy(p, bytes.Repeat([]byte("\t"), len(p))) },
		"returns": func(p []byte) { copy(p, bytes.Repeat([]byte("\r\n\x03\x04"), len(p)/4)) },
		"escapes": func(p []byte) { copy(p, bytes.Repeat([]byte("\x1b[1;"), len(p)/4)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.login("service")
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				all := 8 << 20
				if name == "random" {
					all = 64 << 20
				}
				for range all / (64 << 10) {
					p := make([]byte, 64<<10)
					fill(p)
					r.line.in <- p
				}
				if s := r.pass(time.Second); len(s) > 8<<10 || strings.Count(s, "! ") > 2 || !strings.HasSuffix(s, "> ") {
					r.Errorf("%d bytes of answer: %q", len(s), s[max(0, len(s)-300):])
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
					r.Errorf("%d bytes more", grown)
				}
				r.send("\r\rversion\r")
				did, _ := r.has()
				if len(did) != 1 || !strings.HasSuffix(did[0], " version") {
					r.Errorf("%q", did)
				}
			})
		})
	}
}

// TestLineThatTakesNothing: it is given up after half a minute, and the seat is free.
func TestLineThatTakesNothing(t *testing.T) {
	bubble(t, func(r *rig) {
		r.login("service")
		r.line.mu.Lock()
		r.line.stuck = true
		r.line.mu.Unlock()
		r.send("help\r")
		r.pass(29 * time.Second)
		select {
		case err := <-r.over:
			r.Fatal("too early", err)
		default:
		}
		r.pass(2 * time.Second)
		if err := <-r.over; !errors.Is(err, ErrStalled) || r.seated != "" {
			r.Error(err, r.seated)
		}
		close(r.line.hung)
		r.line = newLine()
		r.begin()
		if s := r.send("version\r"); !strings.HasSuffix(s, "honnin> ") {
			r.Errorf("%q", s)
		}
	})
}

// TestTransfer: a file goes both ways untouched, Ctrl-C, NUL and all; what the other program says last is no command.
func TestTransfer(t *testing.T) {
	in, out := []byte("\x00\x03\x1b[c\xff\r\nfile"), []byte("\x18\x00answer")
	w := &world{do: func(ctx context.Context, _ Who, _ Call, a *Answer) error {
		return a.Transfer(ctx, func(ctx context.Context, l Wire) error {
			got := make([]byte, len(in))
			if _, err := io.ReadFull(readerOf{ctx, l}, got); err != nil || !bytes.Equal(got, in) {
				return fmt.Errorf("%q %w", got, err)
			}
			_, err := l.WriteContext(ctx, out)
			return err
		})
	}}
	bubbleWith(t, w, func(r *rig) {
		r.login("service")
		if s := r.send("policy receive\r" + string(in[:5])); !strings.HasSuffix(s, "policy receive\r\n") {
			r.Errorf("%q", s)
		}
		if s := r.send(string(in[5:]) + "reboot --yes\r"); s != string(out) {
			r.Errorf("%q", s)
		}
		if s := r.pass(time.Second); s != "service> " {
			r.Errorf("%q", s)
		}
		if did, _ := r.has(); !slices.Equal(did, []string{"service policy receive"}) {
			r.Errorf("%q", did)
		}
	})
}

// TestNoTransferAtAScreen: a screen that takes no file is not filled with one.
func TestNoTransferAtAScreen(t *testing.T) {
	w := &world{do: func(ctx context.Context, _ Who, _ Call, a *Answer) error {
		return a.Transfer(ctx, func(context.Context, Wire) error { t.Error("began"); return nil })
	}}
	bubbleWith(t, w, func(r *rig) {
		r.hangUp()
		r.line, r.screen = newLine(), true
		r.begin()
		r.login("look")
		for _, command := range []string{"journal export\r", "support --json\r"} {
			if s := r.send(command); !strings.Contains(s, "no-line") || strings.Contains(s, "ZMODEM") {
				r.Errorf("%q", s)
			}
		}
	})
}

// rzHeader is what rz says first.
const rzHeader = "**\x18B0100000023be50\r\n\x11"

// TestLongTransfer: a receiver of ZMODEM says nothing while a file goes to it. A file that takes longer than somebody may be idle
// arrives, and its technician is still there; where nobody begins to receive, nobody is there, whatever stray bytes come.
func TestLongTransfer(t *testing.T) {
	w := &world{do: func(ctx context.Context, _ Who, _ Call, a *Answer) error {
		return a.Transfer(ctx, func(ctx context.Context, l Wire) error {
			if _, err := io.ReadFull(readerOf{ctx, l}, make([]byte, len(rzHeader))); err != nil {
				return err
			}
			for range 120 {
				if _, err := l.WriteContext(ctx, []byte("x")); err != nil {
					return err
				}
				time.Sleep(time.Minute)
			}
			return ctx.Err()
		})
	}}
	bubbleWith(t, w, func(r *rig) {
		r.login("service")
		if s := r.send("support\r"+rzHeader[:2]) + r.send(rzHeader[2:]) + r.pass(2*time.Hour+time.Second); strings.Count(s, "x") != 120 || !strings.HasSuffix(s, "xservice> ") {
			r.Errorf("%q", s)
		}
		if s := r.pass(defaultIdle - 2*time.Second); s != "" {
			r.Errorf("%q", s)
		}
		for _, stray := range []string{"", "k", "\xff", "**", "\x18B01"} { // no header, nor one with what was there before
			r.send("support\r")
			if s := r.pass(defaultIdle/2) + r.send(stray); s != "" {
				r.Errorf("%q: %q", stray, s)
			}
			if s := r.pass(defaultIdle/2 + time.Second); !strings.Contains(s, "! idle: ") || r.seated != "" {
				r.Errorf("after %q: %q", stray, s)
			}
			r.login("service")
		}
	})
}

// TestLongVisit: who makes a test visit is not idle, and is still there after it.
func TestLongVisit(t *testing.T) {
	w := &world{do: func(ctx context.Context, _ Who, _ Call, _ *Answer) error {
		select {
		case <-ctx.Done():
		case <-time.After(2 * defaultIdle):
		}
		return ctx.Err()
	}}
	bubbleWith(t, w, func(r *rig) {
		r.login("service")
		if s := r.send("visit --test-card\r") + r.pass(2*defaultIdle+time.Second); !strings.HasSuffix(s, "service> ") {
			r.Errorf("%q", s)
		}
		if s := r.pass(defaultIdle - 2*time.Second); s != "" {
			r.Errorf("%q", s)
		}
		if s := r.pass(2 * time.Second); !strings.Contains(s, "! idle: ") {
			r.Errorf("%q", s)
		}
	})
}

// TestCutTransfer: a transfer that is given up while a piece goes out leaves a line that is as good as before.
func TestCutTransfer(t *testing.T) {
	w := &world{do: func(ctx context.Context, _ Who, _ Call, a *Answer) error {
		return a.Transfer(ctx, func(ctx context.Context, l Wire) error {
			ctx, stop := context.WithTimeout(ctx, 9500*time.Millisecond)
			defer stop()
			_, err := l.WriteContext(ctx, make([]byte, 100*piece))
			return err
		})
	}}
	bubbleWith(t, w, func(r *rig) {
		r.login("service")
		r.line.mu.Lock()
		r.line.slow = time.Second
		r.line.mu.Unlock()
		r.send("support\r")
		if s := r.pass(time.Minute); strings.Count(s, "\x00") != 10*piece || !strings.HasSuffix(s, "service> ") {
			r.Errorf("%q", s[max(0, len(s)-100):])
		}
	})
}

type readerOf struct {
	ctx context.Context
	l   Wire
}

func (r readerOf) Read(p []byte) (int, error) { return r.l.ReadContext(r.ctx, p) }

// FuzzKeys: whatever bytes come, in whatever pieces, the session goes on, writes nothing that is not UTF-8 or a control
// sequence of a VT100, and answers afterwards.
func FuzzKeys(f *testing.F) {
	for _, s := range []string{"help\r", "\x1b[A\x1b[B\x1bOH\x1b[3~", "状態\x7f\x7f\x08", "\x1b[200~x\x1b[201~", "sta\tus\r", "\x1b[?1;2c\x1b[24;80R", "\xe7\x8a", "\x9b1;1H", "login\r\x03", "login\r" + armourBegin + "\r", strings.Repeat("x", 1100), "\x00\x01\x02\x04\x05\x06\x0b\x0c\x0e\x10\x15\x17"} {
		f.Add([]byte(s), uint8(7))
	}
	f.Fuzz(func(t *testing.T, keys []byte, step uint8) {
		bubble(t, func(r *rig) {
			m := newTerminal(r, true, 24, 80)
			r.line.sees = m.write
			for len(keys) > 0 {
				n := min(len(keys), 1+int(step))
				r.send(string(keys[:n]))
				keys = keys[n:]
			}
			r.pass(3 * time.Minute)
			r.send("\x03")
			r.send("\x03")
			r.got()
			if s := r.send("lang xx\r"); !strings.Contains(s, "! bad-value") {
				r.Errorf("%q", s)
			}
			synctest.Wait()
		})
	})
}

// TestLoopback: a plug that joins both wires sends back all that is written. It is not answered for ever, and when it is gone
// all is well.
func TestLoopback(t *testing.T) {
	bubble(t, func(r *rig) {
		r.got()
		joined, back := true, make(chan []byte, 1<<16)
		n, stop := 0, make(chan struct{})
		r.line.mu.Lock()
		r.line.sees = func(p []byte) {
			if n += len(p); joined {
				back <- bytes.Clone(p)
			}
		}
		r.line.mu.Unlock()
		go func() {
			for {
				select {
				case p := <-back:
					r.line.in <- p
				case <-stop:
					return
				}
			}
		}()
		r.line.in <- []byte("x\r")
		r.pass(time.Minute)
		r.line.mu.Lock()
		joined = false
		written := n
		r.line.mu.Unlock()
		if written < 100 || written > 2<<20 {
			t.Errorf("%d bytes in a minute", written)
		}
		r.pass(time.Minute)
		close(stop)
		r.send("\r\x15version\r")
		r.pass(time.Minute)
		if did, _ := r.has(); len(did) == 0 || did[len(did)-1] != " version" {
			t.Errorf("%q", did)
		}
	})
}

// TestModemWords: minicom, as it comes, sends these.
func TestModemWords(t *testing.T) {
	bubble(t, func(r *rig) {
		r.got()
		if s := r.send("\rAT S7=45 S0=0 L1 V1 X4 &c1 E1 Q0\r"); strings.Contains(s, "! ") || !strings.HasSuffix(s, "honnin> ") {
			r.Errorf("%q", s)
		}
	})
}

// TestStopped: a console that is told to stop signs out, and the journal says why.
func TestStopped(t *testing.T) {
	bubble(t, func(r *rig) {
		r.hangUp()
		ctx, stop := context.WithCancel(context.Background())
		r.line, r.ctx = newLine(), ctx
		r.begin()
		r.login("service")
		stop()
		synctest.Wait()
		if _, events := r.has(); events[len(events)-1] != (Event{SignedOutEvent, "tech-7", policy.Service, "", HangUp}) || r.seated != "" {
			r.Error(events, r.seated)
		}
		if err := r.hangUp(); !errors.Is(err, context.Canceled) {
			r.Error(err)
		}
		r.line, r.ctx = newLine(), nil
		r.begin()
	})
}
