package usb_test

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid/ccidtest"
)

// xfrBlock is PC_to_RDR_XfrBlock.
const xfrBlock = 0x6F

// prints is an undisturbed visit, which shows that all is well again.
func (s *stand) prints(d *desk) {
	s.t.Helper()
	before := len(s.behind.Tray())
	s.visit(d)
	s.collect()
	if n := len(s.behind.Tray()); n != before+1 {
		s.t.Errorf("%d documents came out", n-before)
	}
}

// over is a visit that has ended before a document was sent.
func (s *stand) over(d *desk) {
	s.t.Helper()
	d.pull()
	s.press("ended", "done")
	s.wait("welcome")
}

// balance holds what came out against the journal: what is called printed came out, nothing came out twice, and nothing
// that was not sent.
func (s *stand) balance() {
	s.t.Helper()
	came := map[protocol.Digest]int{}
	for _, sheet := range s.behind.Tray() {
		came[protocol.Digest(sheet.SHA256)]++
	}
	ends := s.ends()
	for d, n := range came {
		if _, sent := ends[d]; n != 1 || !sent {
			s.t.Errorf("%s came out %d times; sent: %v", d, n, sent)
		}
	}
	printed := 0
	for d, o := range ends {
		if o == protocol.Printed {
			printed++
			if came[d] != 1 {
				s.t.Errorf("%s is called printed, and did not come out", d)
			}
		}
	}
	if printed == 0 {
		s.t.Error("nothing was printed at all")
	}
}

// readerTrouble: whatever card and reader do, the visit ends without paper, and the next one is served.
func (s *stand) readerTrouble(t *testing.T) {
	d := s.desk
	s.wait("welcome")
	s.run("card pulled at the question for the PIN", func(*testing.T) {
		d.put(person(s.t, 0))
		s.wait("pin")
		s.over(d)
	})
	s.run("card pulled in the middle of a command", func(*testing.T) {
		d.put(person(s.t, 0))
		s.wait("pin")
		strike, struck := on(xfrBlock, 2, ccidtest.Fault{Pull: true})
		d.device.Break(strike)
		s.typePIN(cardtest.PIN)
		s.wait("ended")
		s.over(d)
		if !struck.Load() {
			s.t.Error("it was not pulled in a command")
		}
	})
	s.run("reader unplugged, and back", func(t *testing.T) {
		d.put(person(s.t, 0))
		s.wait("pin")
		s.typePIN(cardtest.PIN)
		s.wait("choose")
		must(t, d.port.Unplug())
		s.press("ended", "done")
		s.wait("out-of-service")
		d.pull()
		must(t, d.port.Plug())
		s.wait("welcome")
	})
	noise := func([]byte) []byte { return bytes.Repeat([]byte{0xA5}, 40) }
	for _, f := range []struct {
		name  string
		fault ccidtest.Fault
	}{
		{"pipe to the reader stalls", ccidtest.Fault{StallOut: true}},
		{"pipe from the reader stalls", ccidtest.Fault{StallIn: true}},
		{"noise instead of an answer", ccidtest.Fault{Rewrite: noise}},
		{"noise before the answer", ccidtest.Fault{First: noise(nil)}},
		{"no answer", ccidtest.Fault{Silent: true}},
	} {
		s.run(f.name, func(*testing.T) {
			strike, struck := on(xfrBlock, 3, f.fault)
			d.device.Break(strike)
			d.put(person(s.t, 0))
			if s.wait("pin", "ended", "out-of-service").name == "pin" { // it was tried again
				d.pull()
			}
			d.device.Break(nil)
			d.pull()
			if s.wait("ended", "welcome", "out-of-service").name == "ended" {
				s.press("ended", "done")
			}
			s.wait("welcome")
			if !struck.Load() {
				s.t.Error("nothing went wrong")
			}
		})
	}
	s.run("noise that nobody asked for, and a visit after all of it", func(*testing.T) {
		d.device.Say(noise(nil)...)
		d.device.Notify(0xFF, 0xFF, 0xFF)
		s.prints(d)
	})
	s.balance()
}

// on has something go wrong with the nth message of a kind, once, and tells whether it did.
func on(kind byte, nth int, f ccidtest.Fault) (strike func(int, []byte) *ccidtest.Fault, struck *atomic.Bool) {
	struck = new(atomic.Bool)
	return func(_ int, m []byte) *ccidtest.Fault {
		if m[0] == kind {
			nth--
		}
		if m[0] == kind && nth == 0 {
			struck.Store(true)
			return &f
		}
		return nil
	}, struck
}

// pcscdInTheWay: a terminal whose only reader is pcscd's opens for nobody and says why; it opens when pcscd is gone.
func (s *stand) pcscdInTheWay(t *testing.T) {
	s.desk = sit(t, "xhci.0", "desk", makes[0].model)
	stop := startPCSCD(t)
	pcscdHas(t)
	s.kiosk = open(t, ours)
	s.run("pcscd in the way", func(t *testing.T) {
		await(t, "the reason in the log", func() bool {
			said, err := s.machine.Said(limit(t), "kiosk")
			must(t, err)
			return strings.Contains(said, "the card reader is in trouble") && strings.Contains(said, "usb: the interface is in use: by another program")
		})
		s.wait("out-of-service")
		stop()
		s.prints(s.desk)
	})
}

// twoReaders: a card is served on either; one that goes, or does not answer, is no matter of the other.
func (s *stand) twoReaders(t *testing.T) {
	d := s.desk
	other := sit(t, "xhci.0", "reader2", makes[2].model)
	s.prints(d)
	s.run("at the other one", func(*testing.T) {
		s.visit(other)
		s.collect()
	})
	s.run("a card on the other one too", func(*testing.T) {
		s.wait("welcome")
		d.put(person(s.t, 0))
		s.wait("pin")
		other.put(person(s.t, 1))
		s.wait("ended")
		other.pull()
		s.over(d)
	})
	s.run("the other one goes", func(t *testing.T) {
		s.wait("welcome")
		d.put(person(s.t, 0))
		s.wait("pin")
		must(t, other.port.Unplug())
		s.typePIN(cardtest.PIN)
		s.order()
		d.pull()
		s.collect()
	})
	s.run("and comes back, and is silent", func(t *testing.T) {
		other.device.Break(func(int, []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: true} })
		before := len(other.device.Messages())
		must(t, other.port.Plug())
		await(t, "a question to the silent one", func() bool { return len(other.device.Messages()) > before })
		s.prints(d)
		other.device.Break(nil)
	})
	s.balance()
}
