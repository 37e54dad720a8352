package usbprint

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/drivers/printer/ippevetest"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/spool"
	"honnin/spool/spooltest"
)

// quick keeps tests short; nothing depends on how short.
var quick = ipp.Timing{Call: 5 * time.Second, Upload: 5 * time.Second, Print: 20 * time.Second, PerImpression: 50 * time.Millisecond,
	Cancel: time.Second, Lost: time.Second, Settle: 20 * time.Millisecond, PollMin: 5 * time.Millisecond, PollMax: 50 * time.Millisecond}

// inside lets a printer of package printertest be plugged into a bus of package usbtest.
type inside struct{ d *printertest.Device }

func (m inside) Control(_ context.Context, r usbtest.Request) ([]byte, error) {
	if r.Type == 0x02 && r.Request == 1 {
		return nil, ours(m.d.ClearHalt(uint8(r.Index)))
	}
	b := r.Data
	if r.Type&0x80 != 0 {
		b = make([]byte, r.Length)
	}
	n, err := m.d.Control(r.Type, r.Request, r.Value, r.Index, b)
	return b[:n], ours(err)
}

func (m inside) Out(ctx context.Context, endpoint uint8, p []byte) (int, error) {
	n, err := m.d.Out(ctx, endpoint, p)
	return n, ours(err)
}

func (m inside) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	p, err := m.d.In(ctx, endpoint)
	return p, ours(err)
}

func ours(err error) error {
	switch {
	case errors.Is(err, printertest.ErrStall):
		return usb.ErrStall
	case errors.Is(err, printertest.ErrUnplugged):
		return usb.ErrGone
	}
	return err
}

// plug puts a printer on a bus.
func plug(t testing.TB, bus *usbtest.Bus, d *printertest.Device) *usbtest.Device {
	t.Helper()
	c, err := usb.ParseConfiguration(d.Configuration())
	if err != nil {
		t.Fatal(err)
	}
	raw := d.Descriptor()
	// Of an interface with a single setting none is selected: so it is with gousb.
	selected := func(iface, alternate int) error {
		if !d.Lone {
			d.Select(iface, alternate)
		}
		return nil
	}
	plug := &usbtest.Device{Model: inside{d}, Claim: selected, Info: usb.Info{
		Vendor: binary.LittleEndian.Uint16(raw[8:]), Product: binary.LittleEndian.Uint16(raw[10:]),
		Manufacturer: d.Manufacturer, Name: d.Product, Settings: c.Settings,
	}}
	d.Unplugged = func() { bus.Unplug(plug) }
	bus.Plug(plug)
	return plug
}

// bench is a printer on a bus, its driver, and where there is IPP the printer behind it.
type bench struct {
	*Printer
	bus    *usbtest.Bus
	device *printertest.Device
	plug   *usbtest.Device
	behind *ippevetest.Device
}

func newBench(t testing.TB, m printertest.Model, o Options) *bench {
	t.Helper()
	b := &bench{bus: usbtest.New(t)}
	var dial func() (net.Conn, error)
	if m.Over > 0 {
		b.behind = ippevetest.Start(t)
		dial = func() (net.Conn, error) { return net.Dial("tcp", b.behind.HostPort()) }
	}
	b.device = printertest.New(m, dial)
	b.plug = plug(t, b.bus, b.device)
	t.Cleanup(func() { b.device.Select(0, 0) })
	b.Printer = open(t, b.bus, "", o)
	return b
}

func open(t testing.TB, bus usb.Bus, selector string, o Options) *Printer {
	t.Helper()
	if o.Timing == (ipp.Timing{}) {
		o.Timing = quick
	}
	which, err := printer.ParseSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(bus, which, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// document is one that the engine of ippevetest can count: its pages are spread over its size in bytes.
func pdf(pages, size int) []byte {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	for n := range pages {
		fmt.Fprintf(&b, "%d 0 obj << /Type /Page /Fictional true >> endobj\n%s\n", n+1, strings.Repeat("%", size/pages))
	}
	return []byte(b.String())
}

// released is a document that went the whole road, and what is kept of it.
type released struct {
	spool.Released
	sum  [32]byte
	size int
}

func release(t testing.TB, pages, copies, size int) released {
	t.Helper()
	b := pdf(pages, size)
	return released{spooltest.Released(t, b, pages, copies), sha256.Sum256(b), len(b)}
}

func (b *bench) wantReady(t testing.TB, reason string) error {
	t.Helper()
	got, err := b.Ready(t.Context())
	if got.Reason != reason || got.Ready != (reason == "") {
		t.Fatalf("ready: %+v, %v; want reason %q", got, err, reason)
	}
	return err
}

// becomesReady waits: a device still moves for a moment after it called a job completed.
func (b *bench) becomesReady(t testing.TB, reason string) {
	t.Helper()
	var got spool.Readiness
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got, err = b.Ready(t.Context()); got.Reason == reason && got.Ready == (reason == "") {
			return
		}
	}
	t.Fatalf("ready: %+v, %v; want reason %q", got, err, reason)
}

// prints prints a page in the end. ippeveprinter may work on a cut document although it called its job cancelled, and is busy
// then; a print that did not begin is tried again.
func (b *bench) prints(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		b.becomesReady(t, "")
		doc := release(t, 1, 1, 1000)
		got, err := b.Print(t.Context(), doc.Released, nil)
		if err == nil || time.Now().After(end) {
			wantResult(t, got, err, protocol.Printed, 1, "")
			return
		}
	}
}

func wantResult(t testing.TB, got spool.Result, err error, outcome protocol.Outcome, impressions int, reason string) {
	t.Helper()
	if err != nil || got.Outcome != outcome || got.Impressions != impressions || got.Reason != reason {
		t.Fatalf("%+v, %v; want %s, %d impressions, reason %q", got, err, outcome, impressions, reason)
	}
	if got.JobID == "" || (got.Evidence == spool.NoEvidence) != (outcome == protocol.Unsure) {
		t.Errorf("job %q, evidence %q", got.JobID, got.Evidence)
	}
}
