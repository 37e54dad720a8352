package usb_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/testdata/usb/qemu"
	"honnin/testdata/usb/redir"
)

// usualFeatures are what readers do of themselves: parameters, activation, voltage, clock and rate by the ATR, negotiation.
const usualFeatures = ccidtest.AutoParameters | ccidtest.AutoActivation | ccidtest.AutoVoltage | 0x10 | 0x20 | ccidtest.AutoPPS

// readers are the makes that are lent.
var readers = []struct {
	name, bus string
	model     ccidtest.Model
}{
	{"TPDU, T=1, everything by the host", "xhci.0", ccidtest.Model{Level: ccidtest.TPDU}},
	{"TPDU, T=1, usual features", "xhci.0", ccidtest.Model{Level: ccidtest.TPDU, Features: usualFeatures | ccidtest.AutoIFSD}},
	{"TPDU, T=1, no interrupt pipe", "xhci.0", ccidtest.Model{Level: ccidtest.TPDU, NoInterrupt: true}},
	{"TPDU, T=1, PIN pad", "xhci.0", ccidtest.Model{Level: ccidtest.TPDU, Pad: true, Display: true}},
	{"short APDUs", "xhci.0", ccidtest.Model{Level: ccidtest.ShortAPDU, Features: usualFeatures}},
	{"extended APDUs, a large buffer", "xhci.0", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: usualFeatures, MaxMessage: 65544, Packet: 512}},
	{"extended APDUs, a buffer of 271", "xhci.0", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: usualFeatures}},
	{"extended APDUs, by the other controller", "ehci.0", ccidtest.Model{Level: ccidtest.ExtendedAPDU, Features: usualFeatures, MaxMessage: 522, Packet: 512}},
}

// cost is what package main in visit says.
type cost struct {
	Connected, Certificate, Signed float64
	Traffic                        card.Traffic
}

// bill is what a visit came to at the reader.
type bill struct {
	cost
	messages, out, in int
	certificate       float64 // seconds from the insertion, until the card was asked for what comes after the certificate
}

// readersBesidePCSCD has each reader serve a visit by pcscd and libccid, then one by this project's driver, and logs what
// both cost. Neither may break a rule that the reader knows of.
func readersBesidePCSCD(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-42s %-8s %8s %8s %8s %9s %12s %9s %8s\n", "one visit", "over", "messages", "bytes to", "from", "connected", "certificate", "insertion", "signed")
	for _, r := range slices.Concat(readers, makes) {
		t.Run(r.name, func(t *testing.T) {
			for _, over := range []string{"pcsc", "usb"} {
				b := visit(t, over, r.bus, r.model)
				fmt.Fprintf(&table, "%-42s %-8s %8d %8d %8d %7.0f ms %9.0f ms %6.0f ms %5.0f ms\n", r.name, over, b.messages, b.out, b.in,
					b.Connected*1000, b.Certificate*1000, b.certificate*1000, b.Signed*1000)
			}
		})
	}
	t.Log("\n" + table.String())
}

func visit(t *testing.T, over, bus string, model ccidtest.Model) (b bill) {
	t.Helper()
	t.Run(over, func(t *testing.T) {
		d := ccidtest.New(model)
		lend(t, bus, "reader", redir.Reader(d))
		if over == "pcsc" {
			startPCSCD(t)
		}
		m := machine(t)
		must(t, m.Start(limit(t), qemu.Command{Name: "visit", Args: []string{"/bin/visit", over}}))
		settle(t, d)
		asked := clock(d)
		before := len(d.Messages())
		out, in := d.Traffic()
		inserted := time.Now()
		d.Insert(0, &ccidtest.Contact{Card: person(t, 0), T: 1, Chip: ccidtest.Chip{IFSC: 254}})
		b = bill{cost: paid(t)}
		if asked().IsZero() {
			t.Fatal("the card was not asked for the tries of the PIN")
		}
		b.messages = len(d.Messages()) - before
		b.out, b.in = d.Traffic()
		b.out, b.in, b.certificate = b.out-out, b.in-in, asked().Sub(inserted).Seconds()
		if wrongs := d.Wrongs(); len(wrongs) > 0 {
			t.Errorf("against the standard: %q", wrongs)
		}
	})
	return b
}

// settle waits until whoever looks after the reader has found that there is no card: a reader with an interrupt pipe is
// then left alone.
func settle(t *testing.T, d *ccidtest.Device) {
	t.Helper()
	for ctx, last, since := limit(t), -1, time.Now(); ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if n := len(d.Messages()); n != last {
			last, since = n, time.Now()
		}
		if quiet := time.Since(since); last > 0 && (quiet > time.Second || d.NoInterrupt) {
			return
		}
	}
	t.Fatal("nobody looks after the reader")
}

// clock notes when the card is asked for the tries of the PIN (VERIFY without data), which is after the certificate.
func clock(d *ccidtest.Device) func() time.Time {
	var mu sync.Mutex
	var at time.Time
	d.Break(func(_ int, m []byte) *ccidtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if at.IsZero() && m[0] == 0x6F && bytes.Contains(m[10:], []byte{0x00, 0x20, 0x00}) {
			at = time.Now()
		}
		return nil
	})
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
}

// paid waits for the end of the visit.
func paid(t *testing.T) (c cost) {
	t.Helper()
	m := machine(t)
	for ctx := limit(t); ; time.Sleep(20 * time.Millisecond) {
		said, err := m.Said(ctx, "visit")
		must(t, err)
		if !strings.Contains(said, "visit has ended") {
			continue
		}
		code, err := m.Stop(ctx, "visit")
		from := strings.Index(said, "{")
		if err != nil || code != 0 || from < 0 {
			t.Fatalf("%d, %v\n%s", code, err, said)
		}
		if err := json.NewDecoder(strings.NewReader(said[from:])).Decode(&c); err != nil || c.Traffic.Commands == 0 {
			t.Fatalf("%v\n%s", err, said)
		}
		return c
	}
}

// idle: a terminal that waits for a card does next to nothing. What it does is logged. Each reader has its own, at once.
func idle(t *testing.T) {
	var waits []func()
	for n, r := range readers[1:3] {
		r.model.Manufacturer, r.model.Product, r.model.Vendor, r.model.ID = "Practice", "Reader", 0x1209, uint16(0x0010+n)
		d := ccidtest.New(r.model)
		lend(t, r.bus, fmt.Sprintf("idle%d", n), redir.Reader(d))
		result := make(chan func(), 1)
		go func() { result <- waitBeside(t, d, r.name, fmt.Sprintf("(1209:%04x)", r.model.ID)) }()
		waits = append(waits, func() { (<-result)() })
	}
	for _, w := range waits {
		w()
	}
}

// waitBeside has the program visit wait for a card at one of several readers, and returns what is to be said of that.
func waitBeside(t *testing.T, d *ccidtest.Device, name, words string) func() {
	before := len(d.Messages())
	r, err := machine(t).Run(limit(t), qemu.Command{User: user, Args: []string{"/bin/visit", "usb", "8", words}})
	messages := len(d.Messages()) - before
	return func() {
		must(t, err)
		var idle struct {
			Whole, Seconds, CPU float64
			Wakeups             int
		}
		if err := json.Unmarshal([]byte(r.Out), &idle); err != nil || idle.Seconds == 0 {
			t.Fatalf("%v\n%s%s", err, r.Out, r.Err)
		}
		said := float64(messages) / idle.Whole
		if idle.CPU > idle.Seconds/100 || said > 3 || messages == 0 {
			t.Errorf("%s: busy for %.2f s of %.0f, with %.1f messages a second", name, idle.CPU, idle.Seconds, said)
		}
		t.Logf("%s: %.2f %% of the emulated processor, %.1f wake-ups and %.1f messages to the reader a second",
			name, 100*idle.CPU/idle.Seconds, float64(idle.Wakeups)/idle.Seconds, said)
	}
}
