package card_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
)

func TestPINNeverPrints(t *testing.T) {
	p := pin(t, "4711")
	type form struct {
		Shown card.PIN
		kept  card.PIN
		many  []card.PIN
	}
	f := form{p, p, []card.PIN{p}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "pin", p, "form", f)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "pin", p, "form", f)
	js, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(js) + p.String() + p.GoString() + fmt.Sprint(f, &f, p, &p)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%c", "%U", "%b", "%o", "%08v", "%p", "%t"} {
		out += fmt.Sprintf(verb+verb+verb, p, f, &f)
	}
	for _, leak := range []string{"4711", fmt.Sprintf("%x", "4711"), fmt.Sprintf("%X", "4711"), "52 55 49 49", "34, 0x37", "U+0034"} {
		if strings.Contains(out, leak) {
			t.Errorf("%q is in the output", leak)
		}
	}
	if !strings.Contains(out, "[PIN]") {
		t.Error("nothing says that a PIN was left out")
	}
}

func TestPINForm(t *testing.T) {
	for _, s := range []string{"", "1", "123", "12345", "12a4", "１２３４", "12 4", "-123", "\x00\x00\x00\x00"} {
		if _, err := card.ParsePIN([]byte(s)); !errors.Is(err, card.ErrPINForm) {
			t.Errorf("a PIN of %d bytes that are not four digits: %v", len(s), err)
		}
	}
	if p := pin(t, "0000"); !p.Usable() {
		t.Error("0000 is a PIN")
	}
}

func TestWipedPINIsNotSent(t *testing.T) {
	count := &card.Counting{Transport: straight(newVirtual(t, holders.p256()))}
	p := pin(t, cardtest.PIN)
	copied := p
	p.Wipe()
	card.PIN{}.Wipe()
	for _, p := range []card.PIN{p, copied, {}} {
		if err := card.New(count).VerifyPIN(t.Context(), p); !errors.Is(err, card.ErrPINForm) {
			t.Errorf("VERIFY with no PIN: %v", err)
		}
	}
	if n := count.Traffic().Commands; n != 0 {
		t.Errorf("%d commands were sent", n)
	}
}

func TestSentPINIsWiped(t *testing.T) {
	var kept []byte
	v := straight(newVirtual(t, holders.p256()))
	c := card.New(wire(func(command []byte) ([]byte, error) {
		if command[1] == 0x20 && len(command) > 5 {
			kept = command
		}
		return v(command)
	}))
	if err := c.VerifyPIN(t.Context(), pin(t, cardtest.PIN)); err != nil {
		t.Fatal(err)
	}
	if len(kept) == 0 || !bytes.Equal(kept, make([]byte, len(kept))) {
		t.Error("the command with the PIN is still in memory")
	}
}

func TestWrongPINUntilBlocked(t *testing.T) {
	for _, short := range []bool{false, true} {
		o := holders.p256()
		o.ShortFileIDs = short
		v := newVirtual(t, o)
		right, wrong := pin(t, cardtest.PIN), pin(t, "9999")
		for left := 2; left >= 0; left-- {
			c := card.New(straight(v)) // a new visit each time
			var w *card.WrongPIN
			if err := c.VerifyPIN(t.Context(), wrong); !errors.As(err, &w) || w.Left != left || errors.Is(err, card.ErrBlocked) != (left == 0) {
				t.Fatalf("a wrong PIN, %d tries to be left: %v", left, err)
			}
			if n, err := c.PINTries(t.Context()); n != left || err != nil {
				t.Fatalf("%d tries left (%v), want %d", n, err, left)
			}
		}
		err := card.New(straight(v)).VerifyPIN(t.Context(), right)
		if !errors.Is(err, card.ErrBlocked) {
			t.Errorf("the right PIN on a blocked card: %v", err)
		}
	}
}

func TestRightPINRestoresTheTries(t *testing.T) {
	v := newVirtual(t, holders.p256())
	c := card.New(straight(v))
	if err := c.VerifyPIN(t.Context(), pin(t, "0000")); err == nil {
		t.Fatal("a wrong PIN passed")
	}
	if err := c.VerifyPIN(t.Context(), pin(t, cardtest.PIN)); err != nil {
		t.Fatal(err)
	}
	if left, err := c.PINTries(t.Context()); left != 3 || err != nil {
		t.Errorf("%d tries left (%v), want 3", left, err)
	}
}

// Whatever the card or the line answers, one VerifyPIN is at most one VERIFY with a PIN in it.
func TestVerifyIsNeverSentTwice(t *testing.T) {
	answers := map[string]func() ([]byte, error){
		"nothing":       func() ([]byte, error) { return nil, nil },
		"a broken line": func() ([]byte, error) { return nil, errors.New("usb") },
		"data":          func() ([]byte, error) { return []byte{1, 2, 3, 0x90, 0}, nil },
	}
	for _, status := range []uint16{0x63C2, 0x63C0, 0x6300, 0x6700, 0x6982, 0x6983, 0x6984, 0x6985, 0x6A80, 0x6A86, 0x6A88,
		0x6B00, 0x6C04, 0x6C00, 0x6D00, 0x6E00, 0x6F00, 0x6104, 0x6200, 0x6282, 0x6400, 0x6581, 0xFFFF, 0x0000, 0x9001} {
		answers[fmt.Sprintf("%04X", status)] = func() ([]byte, error) { return []byte{byte(status >> 8), byte(status)}, nil }
	}
	for name, answer := range answers {
		for _, queried := range []bool{false, true} {
			sent := verifiesSent(t, answer, queried)
			if sent != 1 {
				t.Errorf("answered by %s (tries asked first: %v): VERIFY was sent %d times", name, queried, sent)
			}
		}
	}
}

func verifiesSent(t *testing.T, answer func() ([]byte, error), queried bool) (sent int) {
	o := holders.p256()
	o.ShortFileIDs = true
	v := straight(newVirtual(t, o))
	c := card.New(wire(func(command []byte) ([]byte, error) {
		if command[1] == 0x20 && len(command) > 4 {
			sent++
			return answer()
		}
		return v(command)
	}))
	if queried {
		if _, err := c.PINTries(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.VerifyPIN(t.Context(), pin(t, cardtest.PIN)); err == nil {
		t.Error("a PIN that the card did not accept passed")
	}
	if _, err := c.Sign(t.Context(), message); err == nil {
		t.Error("signed without a PIN")
	}
	return sent
}

func TestTriesAnswers(t *testing.T) {
	for _, c := range []struct {
		status uint16
		left   int
		fails  bool
	}{{0x63C3, 3, false}, {0x63CF, 15, false}, {0x63C0, 0, false}, {0x6983, 0, false}, {0x6984, 0, false},
		{0x9000, 0, true}, {0x6300, 0, true}, {0x6F00, 0, true}, {0x6A82, 0, true}} {
		v := straight(newVirtual(t, holders.p256()))
		left, err := card.New(wire(func(command []byte) ([]byte, error) {
			if command[1] == 0x20 {
				return []byte{byte(c.status >> 8), byte(c.status)}, nil
			}
			return v(command)
		})).PINTries(t.Context())
		if left != c.left || (err != nil) != c.fails {
			t.Errorf("%04X: %d tries, %v", c.status, left, err)
		}
	}
}

func TestSignNeedsThePINOnThisCard(t *testing.T) {
	v := newVirtual(t, holders.rsa())
	if _, err := walk(card.New(straight(v)), pin(t, cardtest.PIN)); err != nil {
		t.Fatal(err)
	}
	// The card itself would still sign; the next visit's Card must not ask it to.
	if _, err := card.New(straight(v)).Sign(t.Context(), message); !errors.Is(err, card.ErrNotVerified) {
		t.Errorf("a stranger's visit signed: %v", err)
	}
	c := card.New(straight(v))
	if _, err := walk(c, pin(t, cardtest.PIN)); err != nil {
		t.Fatal(err)
	}
	v.Reset()
	if _, err := c.Sign(t.Context(), message); err == nil {
		t.Error("signed after a reset")
	}
}

func TestErrorsHoldNothingPersonal(t *testing.T) {
	o := holders.rsa()
	v := straight(newVirtual(t, o))
	var all []string
	for i := range 12 {
		c, n := wire(nil), 0
		c = func(command []byte) ([]byte, error) {
			if n++; n == i {
				return []byte{0x6F, 0x01}, nil
			}
			return v(command)
		}
		if _, err := walk(card.New(c), pin(t, cardtest.PIN)); err != nil {
			all = append(all, err.Error())
		}
	}
	if len(all) < 5 {
		t.Fatalf("only %d errors came", len(all))
	}
	for _, text := range all {
		if strings.Contains(text, cardtest.PIN) || strings.Contains(text, "PRACTICE") {
			t.Errorf("personal: %s", text)
		}
	}
}
