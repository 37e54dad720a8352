package pcsc

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/card"
)

const name = "Fictional Reader 00 00"

func okay(command, answer []byte) (int, error) { return copy(answer, "\x90\x00"), nil }

func withCard() *fake {
	f := newFake(name)
	f.transmit = okay
	f.card(name, true)
	return f
}

func within50(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func (f *fake) idle(t *testing.T) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sessions != 0 {
		t.Errorf("%d PC/SC contexts are left", f.sessions)
	}
}

func TestErrorsOfConnecting(t *testing.T) {
	for c, want := range map[code]error{
		codeSharingViolation: card.ErrBusy, codeNoSmartcard: card.ErrNoCard, codeRemovedCard: card.ErrNoCard,
		codeUnresponsiveCard: card.ErrMute, codeUnpoweredCard: card.ErrMute, codeProtocolMismatch: card.ErrMute,
		codeUnknownReader: card.ErrNoReader, codeReaderUnavailable: card.ErrNoReader, codeServiceStopped: ErrService,
		0x80100014: code(0x80100014),
	} {
		f := withCard()
		f.connectErr = c
		if _, err := newReader(name, f).Connect(t.Context()); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", c, err, want)
		}
	}
}

func TestErrorsOfTransmitting(t *testing.T) {
	for c, why := range map[code]error{
		codeRemovedCard: card.ErrGone, codeNoSmartcard: card.ErrGone, codeReaderUnavailable: card.ErrGone,
		codeResetCard: ErrReset, codeNoService: ErrService, codeCommError: ErrService, codeInvalidHandle: ErrService,
		0x80100016: code(0x80100016),
	} {
		f := withCard()
		f.transmit = func([]byte, []byte) (int, error) { return 0, c }
		conn, err := newReader(name, f).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Transmit(t.Context(), []byte{0, 0x20, 0, 0x80})
		if !errors.Is(err, card.ErrGone) || !errors.Is(err, why) || errors.Is(err, card.ErrNoCard) {
			t.Errorf("%v: %v, want a lost card, and why", c, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if !slices.Equal(f.disconnects, []disposition{resetCard}) {
			t.Errorf("%v: disconnected %v, want one reset", c, f.disconnects)
		}
	}
}

func TestCloseReportsACardThatWasNotReset(t *testing.T) {
	for c, fails := range map[code]bool{codeOK: false, codeRemovedCard: false, codeNoService: false, codeReaderUnavailable: false, 0x80100016: true} {
		f := withCard()
		if c != codeOK {
			f.disconnectErr = c
		}
		conn, err := newReader(name, f).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); (err != nil) != fails {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestCommandsAreWipedAndNotKept(t *testing.T) {
	f := withCard()
	var seen []byte
	f.transmit = func(command, answer []byte) (int, error) { seen = command; return okay(command, answer) }
	conn, err := newReader(name, f).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ours := []byte("\x00\x20\x00\x80\x041234")
	if _, err := conn.Transmit(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(seen, make([]byte, len(ours))) || &seen[0] == &ours[0] {
		t.Error("the PIN is still in memory, or the caller's command was touched")
	}
	if _, err := conn.Transmit(t.Context(), nil); err == nil {
		t.Error("an empty command was sent")
	}
}

// Each call in turn hangs: the caller is free when its context ends, the next one is told, and when the call comes back
// the card is reset and nothing is left.
func TestCallsThatHang(t *testing.T) {
	for _, call := range []string{"establish", "readers", "wait", "connect", "transmit", "disconnect"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := withCard()
				r := newReader(name, f)
				release := f.block(call)
				conn, err := r.Connect(within50(t))
				if err == nil {
					_, err = conn.Transmit(within50(t), []byte{0, 0, 0, 0})
				}
				if conn != nil {
					if c := conn.Close(); !errors.Is(c, ErrHung) {
						t.Errorf("closed while a call hangs: %v", c)
					}
				}
				if call != "disconnect" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("hung: %v", err)
				}
				if _, err := r.Connect(within50(t)); !errors.Is(err, ErrHung) {
					t.Errorf("a second connection: %v", err)
				}
				release()
				f.idle(t)
				again, err := r.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := again.Close(); err != nil {
					t.Error(err)
				}
				f.idle(t)
				if n := len(f.disconnects); n == 0 || slices.Contains(f.disconnects, unpowerCard) {
					t.Errorf("disconnected %v", f.disconnects)
				}
			})
		})
	}
}

func TestQuestionsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withCard()
		r := newReader(name, f)
		conn, err := r.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		release := f.block("readers")
		if _, err := r.Present(within50(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("present: %v", err)
		}
		if err := r.PowerDown(within50(t)); !errors.Is(err, ErrHung) {
			t.Errorf("power down behind a question that hangs: %v", err)
		}
		if _, err := conn.Transmit(t.Context(), []byte{0, 0, 0, 0}); err != nil {
			t.Errorf("the connection suffers from a question that hangs: %v", err)
		}
		release()
		synctest.Wait()
		if present, err := r.Present(t.Context()); !present || err != nil {
			t.Errorf("present: %v, %v", present, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		f.idle(t)
	})
}

func TestMake(t *testing.T) {
	f := withCard()
	f.atr = "\x3B\x80"
	for _, reader := range []string{name, ""} {
		c, err := newReader(reader, f).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Make(); got != name+"\x00\x3B\x80" {
			t.Errorf("reader %q: %q", reader, got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPowerDown(t *testing.T) {
	f := withCard()
	if err := newReader(name, f).PowerDown(t.Context()); err != nil || !slices.Equal(f.disconnects, []disposition{unpowerCard}) {
		t.Errorf("%v, %v", f.disconnects, err)
	}
	f.disconnectErr = codeRemovedCard
	if err := newReader(name, f).PowerDown(t.Context()); err != nil {
		t.Errorf("taken out meanwhile: %v", err)
	}
	f.down = true
	if err := newReader(name, f).PowerDown(t.Context()); !errors.Is(err, ErrService) {
		t.Errorf("without pcscd: %v", err)
	}
}

func TestMatching(t *testing.T) {
	all := []string{"Alpha 00 00", "Alpha 00 00 extra", "Beta 00 00"}
	for want, matches := range map[string][]string{
		"": all, "Alpha": all[:2], "Alpha 00 00": all[:1], "Beta": all[2:], "beta": nil, "Gamma": nil,
	} {
		if got := newReader(want, nil).matching(all); !slices.Equal(got, matches) {
			t.Errorf("%q: %q", want, got)
		}
	}
}

func TestMultiString(t *testing.T) {
	for in, want := range map[string][]string{
		"": nil, "\x00": nil, "\x00\x00": nil, "a\x00\x00": {"a"}, "a\x00b\x00\x00": {"a", "b"}, "a\x00\x00rest\x00": {"a"}, "a": {"a"},
	} {
		if got := multiString([]byte(in)); !slices.Equal(got, want) {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestAnswerSize(t *testing.T) {
	for _, c := range []struct {
		command string
		least   int
	}{{"\x00\xA4\x04\x0C", 258}, {"\x00\xB0\x00\x00\x00", 258}, {"\x80\x2A\x00\x80\x01\x00\x00", 258}, {"\x00\xB0\x00\x00\x00\x00\x00", 65538}} {
		if n := answerSize([]byte(c.command)); n < c.least {
			t.Errorf("%x: room for %d bytes", c.command, n)
		}
	}
}

func TestRedirected(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"PCSCLITE_CSOCK_NAME": ""}, ""},
		{map[string]string{"PCSCLITE_CSOCK_NAME": DefaultSocket}, ""},
		{map[string]string{"PCSCLITE_CSOCK_NAME": "/tmp/x/pcscd.comm"}, "PCSCLITE_CSOCK_NAME"},
		{map[string]string{"LIBPCSCLITE_DELEGATE": "/tmp/libspy.so"}, "LIBPCSCLITE_DELEGATE"},
	} {
		got := Redirected(func(k string) (string, bool) { v, ok := c.env[k]; return v, ok })
		if got != c.want {
			t.Errorf("%v: %q", c.env, got)
		}
	}
}
