package usb_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer/ippevetest"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/spool/journal"
	"honnin/testdata/usb/qemu"
	"honnin/testdata/usb/redir"
)

// middle is in the midst of a document, with all that is said before it: here it is the printer that counts.
const middle = 40_000 // bytes

// printerTrouble: a printer that is pulled, stalls or talks nonsense in mid-document. Nothing is claimed of such a document, staff
// open the terminal again, and the next one is printed.
func (s *stand) printerTrouble(t *testing.T) {
	k, behind, p, port, d := s.kiosk, s.behind, s.printer, s.port, s.desk
	for _, c := range []struct {
		name string
		do   printertest.Action
	}{{"pulled", printertest.Unplug}, {"stalls", printertest.Stall}, {"nonsense", printertest.Babble}} {
		k.run(c.name, func(t *testing.T) {
			k.visitUntil(d, func() { p.Strike(printertest.Fault{After: middle, Do: c.do}) })
			if c.do == printertest.Unplug {
				await(t, "the unplug", func() bool { return !port.Plugged() })
				must(t, port.Plug())
			}
			k.wait("failed-paper")
			p.Strike(printertest.Fault{})
			k.staff()
		})
	}
	k.run("away", func(t *testing.T) {
		must(t, port.Unplug())
		d.put(person(t, 0))
		k.wait("out-of-service")
		d.pull()
		must(t, port.Plug())
		k.wait("welcome")
	})
	k.visit(d)
	k.collect()
	var outcomes []protocol.Outcome
	var last protocol.Digest
	for _, e := range k.entries() {
		switch {
		case e.Kind == journal.Sending:
			last = e.Document
		case e.Kind == journal.Ended && e.Document == last:
			outcomes = append(outcomes, e.Outcome)
		}
	}
	want := []protocol.Outcome{protocol.Unsure, protocol.Unsure, protocol.Unsure, protocol.Printed}
	if outcomes = outcomes[max(0, len(outcomes)-len(want)):]; !slices.Equal(outcomes, want) {
		t.Errorf("%v, want %v", outcomes, want)
	}
	if !slices.ContainsFunc(behind.Tray(), func(s ippevetest.Sheet) bool { return s.SHA256 == last }) {
		t.Error("what is called printed is not in the tray")
	}
}

// overIPP lends a printer with an IPP printer behind it that nobody here wrote.
func overIPP(t *testing.T, bus, id string, m printertest.Model) (*ippevetest.Device, *printertest.Device, *redir.Port) {
	t.Helper()
	behind := ippevetest.Start(t)
	p := printertest.New(m, dial(behind))
	return behind, p, lend(t, bus, id, redir.Printer(p))
}

func dial(behind *ippevetest.Device) func() (net.Conn, error) {
	return func() (net.Conn, error) { return net.Dial("tcp", behind.HostPort()) }
}

// neverFinishes begins a scripted visit to a printer that takes a document and never finishes. It goes on beside the test, for
// some minutes, until the terminal gives up; what is returned waits for that.
func neverFinishes(t *testing.T) (wait func()) {
	t.Helper()
	const state = "/tmp/endless"
	m := machine(t)
	behind, _, _ := overIPP(t, "ehci.0", "endless", printertest.Model{Over: 1, Vendor: 0x1209, ID: 0x0005})
	behind.Behave(ippevetest.Behaviour{Mode: "slow"})
	t.Cleanup(behind.Go)
	b, err := m.Read(limit(t), "/"+keys)
	must(t, err)
	must(t, m.Write(limit(t), state+"/keys/practice-keys.pem", b))
	must(t, m.Own(limit(t), state, user))
	must(t, m.Start(limit(t), qemu.Command{Name: "endless", User: user,
		Args: []string{"/bin/honnind", "practice", "--visits", "1", "--json", "--printer", "usb:1209:0005", "--state", state}}))
	return func() {
		t.Helper()
		var said string
		ctx, stop := context.WithTimeout(t.Context(), longest)
		defer stop()
		await(t, "an end", func() bool {
			said, err = m.Said(ctx, "endless")
			return err != nil || strings.Contains(said, "endless has ended")
		})
		if err != nil || !strings.Contains(said, `"outcome":"unsure"`) || len(behind.Jobs()) == 0 {
			t.Errorf("%v, %d jobs at the printer\n%s", err, len(behind.Jobs()), said)
		}
	}
}

// longest bounds what goes on by itself.
const longest = 4 * time.Minute

// await waits, not for ever, until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(longest); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no sign of %s", what)
		}
	}
}

// visitUntil is a visit in which something happens before the card is pulled.
func (k *kiosk) visitUntil(d *desk, happens func()) {
	k.t.Helper()
	before := *d
	before.pull = func() { happens(); d.pull() }
	k.visit(&before)
}

// staff say that all is well until that counts: it does not while a document of ours may still be in the printer.
func (k *kiosk) staff() {
	k.t.Helper()
	await(k.t, "staff whose word counts", func() bool {
		status, err := k.send(http.MethodPost, "/panel/act", []byte("act=staff"), form)
		must(k.t, err)
		return status == http.StatusNoContent
	})
	k.wait("welcome")
}
