package usb_test

import (
	"fmt"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/card/virtual"
	"honnin/drivers/printer/ippevetest"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/spool/journal"
	"honnin/testdata/usb/redir"
)

// desk is a reader on the machine's bus, and a hand that puts cards on it.
type desk struct {
	name   string
	device *ccidtest.Device
	port   *redir.Port
	put    func(*virtual.Card)
	pull   func()
	keys   func() // types the PIN at the reader; nil: it has no keys
}

// makes are the readers. The last one works at high speed.
var makes = []struct {
	name, bus string
	model     ccidtest.Model
}{
	{"TPDU T=1", "xhci.0", ccidtest.Model{Level: ccidtest.TPDU, Features: ccidtest.AutoParameters | ccidtest.AutoVoltage}},
	{"PIN pad", "xhci.0", ccidtest.Model{Level: ccidtest.TPDU, Pad: true, Features: ccidtest.AutoVoltage}},
	{"short APDU", "xhci.0", ccidtest.Model{Level: ccidtest.ShortAPDU, NoInterrupt: true}},
	{"small buffer", "xhci.0", ccidtest.Model{Level: ccidtest.ExtendedAPDU, MaxMessage: 271}},
	{"extended APDU on EHCI", "ehci.0", ccidtest.Model{Level: ccidtest.ExtendedAPDU, MaxMessage: 65544, Packet: 512}},
}

// sit plugs a reader of ours in.
func sit(t *testing.T, bus, id string, m ccidtest.Model) *desk {
	t.Helper()
	d := ccidtest.New(m)
	port := lend(t, bus, id, redir.Reader(d))
	t.Cleanup(func() {
		if w := d.Wrongs(); w != nil {
			t.Errorf("the reader complains: %q", w)
		}
	})
	k := &desk{device: d, port: port, pull: func() { d.Remove(0) },
		put: func(c *virtual.Card) {
			d.Insert(0, &ccidtest.Contact{Card: c, T: 1, Chip: ccidtest.Chip{IFSC: 254}})
		}}
	if m.Pad {
		k.keys = func() {
			must(t, d.AwaitPad(limit(t)))
			if !d.Type(cardtest.PIN) {
				t.Error("nobody asked for a PIN at the reader")
			}
		}
	}
	return k
}

// visit is one from the card on the reader to the card in the hand again, with one sheet on its way.
func (k *kiosk) visit(d *desk) {
	k.t.Helper()
	k.wait("welcome")
	began := time.Now()
	d.put(person(k.t, 0))
	if d.keys != nil {
		k.wait("pin-at-reader")
		k.read(began)
		d.keys()
	} else {
		k.wait("pin")
		k.read(began)
		k.typePIN(cardtest.PIN)
	}
	k.order()
	d.pull()
}

// read notes how long it took from the card to the certificate, the centre's first answer included.
func (k *kiosk) read(began time.Time) {
	k.t.Logf("%.2f s from the card on the reader to the question for the PIN", time.Since(began).Seconds())
}

// order is what follows the PIN, until the card may be taken.
func (k *kiosk) order() {
	k.t.Helper()
	k.choose()
	k.press("confirm", "yes")
	k.wait("take-card")
}

// collect is paper that came out, and is taken.
func (k *kiosk) collect() {
	k.t.Helper()
	k.press("take-paper", "done")
	k.press("done", "done")
	k.wait("welcome")
}

// ends are the documents that were sent, and how each ended.
func (k *kiosk) ends() map[protocol.Digest]protocol.Outcome {
	k.t.Helper()
	all := map[protocol.Digest]protocol.Outcome{}
	for _, e := range k.entries() {
		_, sent := all[e.Document]
		switch {
		case e.Kind == journal.Sending && sent:
			k.t.Errorf("%s was sent twice", e.Document)
		case e.Kind == journal.Sending:
			all[e.Document] = ""
		case e.Kind == journal.Ended && sent:
			all[e.Document] = e.Outcome
		}
	}
	return all
}

// printed holds the journal against what came to the printer: the documents that were sent, and how they ended.
func (k *kiosk) printed(outcome protocol.Outcome, documents ...protocol.Digest) {
	k.t.Helper()
	ends := k.ends()
	for _, d := range documents {
		if ends[d] != outcome {
			k.t.Errorf("%s came to the printer; the journal has %q, not %s", d, ends[d], outcome)
		}
		delete(ends, d)
	}
	if len(ends) > 0 {
		k.t.Errorf("these did not come to the printer: %v", ends)
	}
}

// ours names the printer, where another one is on the bus too.
const ours = "usb:1209:0003"

// stand is a terminal with a printer that speaks IPP over USB.
type stand struct {
	*kiosk
	printer *printertest.Device
	port    *redir.Port
	behind  *ippevetest.Device // whose tray it is
	desk    *desk              // a reader that stays: a terminal without one takes seconds to open again
}

// inAStore has one terminal, whose check of itself before it opens takes longer than a visit.
func inAStore(t *testing.T) {
	behind, p, port := overIPP(t, "xhci.0", "printer", printertest.Model{Direct: 2, Over: 2})
	s := &stand{printer: p, port: port, behind: behind}
	s.pcscdInTheWay(t)
	s.run("each reader", s.eachReader)
	s.run("at the reader's keys", s.atTheKeys)
	s.run("two readers", s.twoReaders)
	s.run("a reader in trouble", s.readerTrouble)
	s.run("a printer in trouble", s.printerTrouble)
}

// seats plugs every reader in, all at once, and QEMU's own, which claims keys that it has not: the PIN is typed on the screen. Alone
// in a terminal is only the desk's (pcscdInTheWay); each is alone with the driver in readersBesidePCSCD, but for QEMU's.
func seats(t *testing.T) (all []*desk) {
	for n, m := range makes {
		d := sit(t, m.bus, fmt.Sprintf("reader%d", n), m.model)
		d.name = m.name
		all = append(all, d)
	}
	own := ownReader(t, "xhci.0")
	own.name = "of others"
	return append(all, own)
}

// eachReader: a visit with each reader, and the tray; then the same with a printer that speaks IPP over USB and nothing else.
func (s *stand) eachReader(t *testing.T) {
	desks := seats(t)
	serve := func() {
		for _, d := range desks {
			s.run(d.name, func(*testing.T) {
				s.visit(d)
				s.collect()
			})
		}
	}
	s.run("7/1/2 and 7/1/4", func(*testing.T) { serve() })
	must(t, s.port.Unplug())
	s.run("7/1/4", func(t *testing.T) {
		lend(t, "xhci.0", "ipp-only", redir.Printer(printertest.New(printertest.Model{Over: 2}, dial(s.behind))))
		serve()
	})
	must(t, s.port.Plug())
	var came []protocol.Digest
	for _, sheet := range s.behind.Tray() {
		came = append(came, sheet.SHA256)
	}
	s.printed(protocol.Printed, came...)
	if n := len(came); n != 2*len(desks)+1 { // one after pcscd
		t.Errorf("%d documents came out", n)
	}
}

// atACounter: each reader with each printer that only takes documents, so that nobody knows what became of them, and staff have to
// look after each.
func atACounter(t *testing.T) {
	desks := seats(t)
	var k *kiosk
	var came []protocol.Digest
	for direct, name := range map[byte]string{1: "7/1/1", 2: "7/1/2"} {
		p := printertest.New(printertest.Model{Direct: direct}, nil)
		port := lend(t, "ehci.0", fmt.Sprintf("printer%d", direct), redir.Printer(p))
		if k == nil {
			k = open(t, ours, "--channel", "counter")
		}
		for _, d := range desks {
			k.run(name+", "+d.name, func(t *testing.T) {
				k.visit(d)
				k.wait("failed-paper")
				sum, _ := p.Taken()
				came = append(came, sum)
				k.staff()
			})
		}
		must(t, port.Unplug())
	}
	k.printed(protocol.Unsure, came...)
	if len(came) != 2*len(desks) {
		t.Errorf("%d documents came to the printers", len(came))
	}
}
