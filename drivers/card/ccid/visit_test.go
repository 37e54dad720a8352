package ccid_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/card/virtual"
	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
)

var holder = sync.OnceValue(func() virtual.Options {
	o, err := cardtest.NewHolder(cardtest.ECDSAP256, 1300)
	if err != nil {
		panic(err)
	}
	o = cardtest.AuthenticationOnly(o)
	o.ShortFileIDs, o.Extended = true, true
	return o
})

var message = []byte("a request, as it is signed")

// counted is a virtual card that counts what must happen once. Its ATR may be another one.
type counted struct {
	*virtual.Card
	atr []byte

	mu   sync.Mutex
	pins int // VERIFY with a PIN
}

func newCounted(t testing.TB, atr ...byte) *counted {
	t.Helper()
	c, err := virtual.New(holder())
	if err != nil {
		t.Fatal(err)
	}
	return &counted{Card: c, atr: atr}
}

func (c *counted) ATR() []byte {
	if len(c.atr) > 0 {
		return c.atr
	}
	return c.Card.ATR()
}

func (c *counted) Process(command []byte) []byte {
	if command[1] == 0x20 && len(command) > 5 {
		c.mu.Lock()
		c.pins++
		c.mu.Unlock()
	}
	return c.Card.Process(command)
}

func (c *counted) PINs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pins
}

// t0ATR is the least that says T=0.
var t0ATR = []byte{0x3B, 0x00}

// inside lets a reader of package ccidtest be plugged into a bus of package usbtest.
type inside struct{ d *ccidtest.Device }

func (m inside) Control(_ context.Context, r usbtest.Request) ([]byte, error) {
	if r.Type == 0x02 && r.Request == 1 {
		return nil, word(m.d.ClearHalt(uint8(r.Index)))
	}
	b := make([]byte, r.Length)
	n, err := m.d.Control(r.Type, r.Request, r.Value, b)
	return b[:n], word(err)
}

func (m inside) Out(_ context.Context, _ uint8, p []byte) (int, error) {
	return len(p), word(m.d.Write(p))
}

func (m inside) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	b, err := m.d.In(ctx, endpoint)
	return b, word(err)
}

func word(err error) error {
	switch {
	case errors.Is(err, ccidtest.ErrStall):
		return usb.ErrStall
	case errors.Is(err, ccidtest.ErrUnplugged):
		return usb.ErrGone
	}
	return err
}

func pluggable(t testing.TB, d *ccidtest.Device) *usbtest.Device {
	t.Helper()
	configuration, err := usb.ParseConfiguration(d.Configuration())
	if err != nil {
		t.Fatal(err)
	}
	return &usbtest.Device{Model: inside{d}, Info: usb.Info{
		Vendor: d.Vendor, Product: d.ID, Manufacturer: d.Manufacturer, Name: d.Product, Settings: configuration.Settings,
	}}
}

// bench is a bus with one reader.
type bench struct {
	bus    *usbtest.Bus
	device *ccidtest.Device
	plug   *usbtest.Device
	reader *ccid.Reader
}

func newBench(t testing.TB, m ccidtest.Model) *bench {
	t.Helper()
	b := &bench{bus: usbtest.New(t), device: ccidtest.New(m)}
	b.plug = pluggable(t, b.device)
	b.bus.Plug(b.plug)
	b.reader = ccid.New(b.bus, "")
	return b
}

// replug plugs the reader in again, without memory.
func (b *bench) replug(t testing.TB) {
	t.Helper()
	b.device.Plug()
	empty := b.plug.NoEmpty
	b.plug = pluggable(t, b.device)
	b.plug.NoEmpty = empty
	b.bus.Plug(b.plug)
}

// check holds the driver to the standard.
func (b *bench) check(t testing.TB) {
	t.Helper()
	for _, w := range b.device.Wrongs() {
		t.Errorf("the driver is not to do that: %s", w)
	}
	b.bus.Check()
}

// visit is what the terminal does with a card, over one connection.
func (b *bench) visit(ctx context.Context, t testing.TB) error {
	conn, err := b.reader.Connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	}()
	return visitOver(ctx, t, conn)
}

func visitOver(ctx context.Context, t testing.TB, conn card.Transport, options ...card.Option) error {
	c := card.New(conn, append(options, card.TryExtended())...)
	der, err := c.Certificate(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(der, holder().AuthCert) {
		t.Error("the certificate is not the card's")
	}
	if left, err := c.PINTries(ctx); err != nil || left != 3 {
		return errors.Join(err, errors.New("tries"))
	}
	pin, err := card.ParsePIN([]byte(cardtest.PIN))
	if err != nil {
		return err
	}
	if err := c.VerifyPIN(ctx, pin); err != nil {
		return err
	}
	return signs(ctx, t, c, der)
}

func signs(ctx context.Context, t testing.TB, c *card.Card, der []byte) error {
	signature, err := c.Sign(ctx, message)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(message)
	if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || !ecdsa.VerifyASN1(key, digest[:], signature) {
		t.Error("the signature is not the card's")
	}
	return nil
}

// makes are readers of all levels, and the card that suits them.
func makes() []struct {
	name  string
	model ccidtest.Model
	atr   []byte
	t     byte
} {
	all := ccidtest.AutoParameters | ccidtest.AutoVoltage | ccidtest.AutoPPS
	return []struct {
		name  string
		model ccidtest.Model
		atr   []byte
		t     byte
	}{
		{"TPDU T=1", ccidtest.Model{Level: ccidtest.TPDU}, nil, 1},
		{"TPDU T=1, the reader negotiates", ccidtest.Model{Level: ccidtest.TPDU, Features: all | ccidtest.AutoIFSD}, nil, 1},
		{"TPDU T=1, small buffer", ccidtest.Model{Level: ccidtest.TPDU, MaxMessage: 261, Packet: 8}, nil, 1},
		{"TPDU T=0", ccidtest.Model{Level: ccidtest.TPDU, Features: all}, t0ATR, 0},
		{"short APDU", ccidtest.Model{Level: ccidtest.ShortAPDU, Features: all}, nil, 1},
		{"extended APDU", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: all, MaxMessage: 65554, Packet: 512}, nil, 1},
		{"extended APDU, 522 bytes", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: all, MaxMessage: 522}, nil, 1},
		{"extended APDU, 271 bytes", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: all}, nil, 1},
		{"extended APDU, 64 bytes", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: all, MaxMessage: 64}, nil, 1},
		{"no interrupt pipe", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: all, NoInterrupt: true}, nil, 1},
	}
}

// TestVisit reads the certificate, verifies the PIN and signs, at readers of every level.
func TestVisit(t *testing.T) {
	for _, m := range makes() {
		for _, empty := range []bool{true, false} {
			b := newBench(t, m.model)
			b.plug.NoEmpty = !empty
			b.device.Slow = 1
			c := newCounted(t, m.atr...)
			b.device.Insert(0, &ccidtest.Contact{Card: c, T: m.t})
			for range 2 { // the second visit finds what the first one left behind
				if err := b.visit(t.Context(), t); err != nil {
					t.Errorf("%s: %v", m.name, err)
				}
			}
			if c.PINs() != 2 {
				t.Errorf("%s: %d PINs were sent", m.name, c.PINs())
			}
			sent := b.device.Messages()
			if bytes.Count(sent, []byte{0x63, 0x62}) != 2 || bytes.LastIndexByte(sent, 0x63) < bytes.LastIndexAny(sent, "\x62\x6F") {
				t.Errorf("%s: power is not taken before it is given, or not at the end: % X", m.name, sent)
			}
			to, from := b.device.Traffic()
			t.Logf("%-32s %3d messages, %5d bytes to and %5d from the reader, two visits", m.name, len(b.device.Messages()), to, from)
			b.check(t)
		}
	}
}

// BenchmarkVisit tells what one visit costs on the wire at each level: messages, and bytes through the bulk pipes.
func BenchmarkVisit(b *testing.B) {
	for _, m := range makes() {
		b.Run(m.name, func(b *testing.B) {
			stand := newBench(b, m.model)
			stand.device.Insert(0, &ccidtest.Contact{Card: newCounted(b, m.atr...), T: m.t})
			visits := 0
			for ; b.Loop(); visits++ {
				if err := stand.visit(b.Context(), b); err != nil {
					b.Fatal(err)
				}
			}
			to, from := stand.device.Traffic()
			for unit, n := range map[string]int{"messages": len(stand.device.Messages()), "B-to-reader": to, "B-from-reader": from} {
				b.ReportMetric(float64(n)/float64(visits), unit+"/visit")
			}
		})
	}
}

// bubble runs a test in which time passes by itself.
func bubble(t *testing.T, name string, run func(t *testing.T)) {
	t.Helper()
	holder()
	t.Run(name, func(t *testing.T) { synctest.Test(t, run) })
}

// faults are what goes wrong with one message.
func faults() []struct {
	name  string
	fault ccidtest.Fault
} {
	rewrite := func(f func(b []byte) []byte) ccidtest.Fault { return ccidtest.Fault{Rewrite: f} }
	set := func(at int, v byte) ccidtest.Fault {
		return rewrite(func(b []byte) []byte { b[at] = v; return b })
	}
	return []struct {
		name  string
		fault ccidtest.Fault
	}{
		{"stall, out", ccidtest.Fault{StallOut: true}},
		{"stall, in", ccidtest.Fault{StallIn: true}},
		{"silence", ccidtest.Fault{Silent: true}},
		{"answers at the abort", ccidtest.Fault{Held: true}},
		{"unplugged", ccidtest.Fault{Unplug: true}},
		{"pulled before", ccidtest.Fault{Pull: true}},
		{"pulled after", ccidtest.Fault{Pull: true, Late: true}},
		{"cut short", rewrite(func(b []byte) []byte { return b[:len(b)-1] })},
		{"header cut", rewrite(func(b []byte) []byte { return b[:7] })},
		{"a byte more", rewrite(func(b []byte) []byte { return append(b, 0) })},
		{"noise", rewrite(func([]byte) []byte { return bytes.Repeat([]byte{0x55}, 40) })},
		{"wrong number", rewrite(func(b []byte) []byte { b[6]++; return b })},
		{"wrong slot", set(5, 1)},
		{"wrong kind", set(0, 0x83)},
		{"says it is long", set(4, 0xFF)},
		{"reserved status", set(7, 0xC0)},
		{"hardware error", rewrite(func(b []byte) []byte { b[7], b[8] = b[7]|0x40, 0xFB; return b })},
		{"mute", rewrite(func(b []byte) []byte { b = b[:10]; b[1], b[2], b[7], b[8] = 0, 0, 0x40, 0xFE; return b })},
		{"parity", rewrite(func(b []byte) []byte { b = b[:10]; b[1], b[2], b[7], b[8] = 0, 0, 0x40, 0xFD; return b })},
		{"an old answer first", ccidtest.Fault{First: []byte{0x81, 0, 0, 0, 0, 0, 0xEE, 0, 0, 0}}},
	}
}

// faulty are the makes at which everything goes wrong; the others have the same code with more messages.
var faulty = []string{"TPDU T=1", "extended APDU, 271 bytes"}

// TestFaults lets everything go wrong at every message of a visit. Then the PIN was sent at most once, the error is of
// package card's, nothing is left claimed, and the next visit is as if nothing had been.
func TestFaults(t *testing.T) {
	for _, m := range makes() {
		if !slices.Contains(faulty, m.name) {
			continue
		}
		bubble(t, m.name, func(t *testing.T) {
			cells, bad := 0, map[string]int{}
			for _, f := range faults() {
				for at := 0; ; at++ {
					hit, word := faultyVisit(t, m.model, m.atr, m.t, at, f.fault)
					if !hit {
						break
					}
					cells++
					bad[word]++
					if word == "?" {
						t.Errorf("%s at message %d", f.name, at)
					}
				}
			}
			if cells < 150 || bad["gone"] < 50 {
				t.Errorf("only %d cells, %v", cells, bad)
			}
			t.Logf("%d cells: %v", cells, bad)
		})
	}
}

func faultyVisit(t *testing.T, model ccidtest.Model, atr []byte, protocol byte, at int, f ccidtest.Fault) (hit bool, result string) {
	t.Helper()
	b := newBench(t, model)
	c := newCounted(t, atr...)
	b.device.Insert(0, &ccidtest.Contact{Card: c, T: protocol})
	b.device.Break(func(n int, _ []byte) *ccidtest.Fault {
		if n != at {
			return nil
		}
		hit = true
		return &f
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	err := b.visit(ctx, t)
	if c.PINs() > 1 {
		t.Errorf("%d PINs were sent", c.PINs())
	}
	if err != nil && strings.Contains(err.Error(), "Practice") {
		t.Errorf("the reader's own words: %v", err)
	}
	if !hit {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		b.check(t)
		return false, ""
	}
	if f.Unplug {
		b.bus.Unplug(b.plug)
		b.replug(t)
	}
	if f.Pull {
		b.device.Insert(0, &ccidtest.Contact{Card: newCounted(t, atr...), T: protocol})
	}
	if c.PINs() == 1 && err != nil && !f.Pull { // the PIN may have been counted as right: start anew
		b.device.Insert(0, &ccidtest.Contact{Card: newCounted(t, atr...), T: protocol})
	}
	if again := b.visit(ctx, t); again != nil {
		t.Errorf("message %d, %v; and then: %v", at, err, again)
	}
	b.check(t)
	return true, outcome(err)
}

func outcome(err error) string {
	for _, c := range []struct {
		is   error
		word string
	}{{nil, "ok"}, {card.ErrGone, "gone"}, {card.ErrNoReader, "no reader"}, {card.ErrNoCard, "no card"}, {card.ErrMute, "mute"},
		{usb.ErrStall, "stall"}, {ccid.ErrSilent, "silent"}, {ccid.ErrProtocol, "protocol"}} {
		if errors.Is(err, c.is) {
			return c.word
		}
	}
	return "?"
}
