package usb_test

import (
	"bytes"
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/printer/ippevetest"
	"honnin/drivers/printer/usbprint/printertest"
)

// xfrBlock is PC_to_RDR_XfrBlock.
const xfrBlock = 0x6F

// stand is a terminal with one reader, and a printer with IPP over USB.
type stand struct {
	*kiosk
	desk   *desk
	behind *ippevetest.Device
}

func newStand(t *testing.T) *stand {
	behind, _, _ := overIPP(t, "ehci.0", "printer", printertest.Model{Over: 2})
	d := sit(t, "xhci.0", "reader", makes[0].model)
	return &stand{open(t, "usb"), d, behind}
}

// prints is an undisturbed visit, which shows that all is well again.
func (s *stand) prints() {
	s.t.Helper()
	before := len(s.behind.Tray())
	s.visit(s.desk)
	s.collect()
	if n := len(s.behind.Tray()); n != before+1 {
		s.t.Errorf("%d documents came out", n-before)
	}
}

// over is a visit that has ended before a document was sent.
func (s *stand) over() {
	s.t.Helper()
	s.desk.pull()
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

// TestReaderFaults: whatever card and reader do, the visit ends without paper, and the next one is served.
func TestReaderFaults(t *testing.T) {
	s := newStand(t)
	s.wait("welcome")
	s.run("card pulled at the question for the PIN", func(*testing.T) {
		s.desk.put(world.people[0])
		s.wait("pin")
		s.over()
	})
	s.run("card pulled in the middle of a command", func(*testing.T) {
		s.desk.put(world.people[0])
		s.wait("pin")
		s.desk.device.Break(on(xfrBlock, 2, ccidtest.Fault{Pull: true}))
		s.typePIN(cardtest.PIN)
		s.wait("ended")
		s.over()
	})
	s.run("reader unplugged, and back", func(t *testing.T) {
		s.desk.put(world.people[0])
		s.wait("pin")
		s.typePIN(cardtest.PIN)
		s.wait("choose")
		must(t, s.desk.port.Unplug())
		s.press("ended", "done")
		s.wait("out-of-service")
		s.desk.pull()
		must(t, s.desk.port.Plug())
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
			s.desk.device.Break(on(xfrBlock, 3, f.fault))
			s.desk.put(world.people[0])
			if s.wait("pin", "ended", "out-of-service").name == "pin" { // it was tried again
				s.desk.pull()
			}
			s.desk.device.Break(nil)
			s.desk.pull()
			if s.wait("ended", "welcome", "out-of-service").name == "ended" {
				s.press("ended", "done")
			}
			s.wait("welcome")
		})
	}
	s.run("noise that nobody asked for", func(*testing.T) {
		s.desk.device.Say(noise(nil)...)
		s.desk.device.Notify(0xFF, 0xFF, 0xFF)
	})
	s.run("after all of it", func(*testing.T) { s.prints() })
	s.balance()
}

// on has something go wrong with the nth message of a kind, once.
func on(kind byte, nth int, f ccidtest.Fault) func(int, []byte) *ccidtest.Fault {
	return func(_ int, m []byte) *ccidtest.Fault {
		if m[0] == kind {
			nth--
		}
		if m[0] == kind && nth == 0 {
			return &f
		}
		return nil
	}
}

// TestTwoReaders: a card is served on either; one that goes, or does not answer, is no matter of the other.
func TestTwoReaders(t *testing.T) {
	s := newStand(t)
	other := sit(t, "xhci.0", "reader2", makes[2].model)
	s.prints()
	s.run("at the other one", func(*testing.T) {
		s.visit(other)
		s.collect()
	})
	s.run("the other one goes", func(t *testing.T) {
		s.wait("welcome")
		s.desk.put(world.people[0])
		s.wait("pin")
		must(t, other.port.Unplug())
		s.typePIN(cardtest.PIN)
		s.order()
		s.desk.pull()
		s.collect()
	})
	s.run("and comes back, and is silent", func(t *testing.T) {
		other.device.Break(func(int, []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: true} })
		must(t, other.port.Plug())
		s.prints()
		other.device.Break(nil)
	})
	s.balance()
}
