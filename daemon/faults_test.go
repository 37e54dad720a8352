package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/script"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/pcsc"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/spool/journal"
	"honnin/ui/touch"
)

// pulls is a world in which the card leaves at one moment of a visit.
type pulls struct {
	*stand
	signatures atomic.Int32 // asked of the card in this visit
	at         atomic.Value // string: the moment
}

func (p *pulls) is(moment string) bool { return p.at.Load() == moment }

func (p *pulls) leave() { p.place.virtual.Pull() }

// slowInspector pulls the card while the check is at work, and goes on when the session has let go of it.
type slowInspector struct {
	document.Inspector
	p *pulls
}

func (i slowInspector) Inspect(ctx context.Context, pdf []byte) (inspect.Facts, error) {
	if i.p.is("while checking") {
		i.p.leave()
		<-ctx.Done()
	}
	return i.Inspector.Inspect(ctx, pdf)
}

// payingPulled pulls the card when the money is in the box.
type payingPulled struct {
	session.Payment
	p *pulls
}

func (b payingPulled) Hold(ctx context.Context, t protocol.Transaction, yen int) error {
	err := b.Payment.Hold(ctx, t, yen)
	if b.p.is("while paying") {
		b.p.leave()
		<-ctx.Done()
	}
	return err
}

func newPulls(t *testing.T) *pulls {
	p := &pulls{}
	p.at.Store("")
	p.stand = newStand(t, t.TempDir(), func(s *stand, parts *terminal.Parts) {
		p.stand = s
		parts.Inspector = slowInspector{parts.Inspector, p}
		parts.Payment = payingPulled{parts.Payment, p}
		parts.Reader = &tapped{Reader: parts.Reader, before: func(command []byte) {
			if signs(command) && p.signatures.Add(1) == 2 && p.is("before the release signature") || verifies(command) && p.is("while the PIN is sent") {
				p.leave()
			}
		}, after: func(command, _ []byte) {
			if signs(command) && p.signatures.Load() == 2 && p.is("after the release signature") {
				p.leave()
			}
		}}
	})
	for kind, moment := range map[session.InputKind]string{session.PressPIN: "at the keypad", session.PressChoose: "while choosing", session.PressYes: "while confirming"} {
		p.hand.instead[kind] = func() bool {
			if p.is(moment) {
				p.leave()
			}
			return p.is(moment)
		}
	}
	return p
}

// TestCardPulled: whenever the card leaves before it was asked to, the visit ends, the money is back, nothing is
// printed, and the next visit is like any other.
func TestCardPulled(t *testing.T) {
	p := newPulls(t)
	for _, c := range []struct {
		moment  string
		outcome protocol.Outcome
	}{
		{"at the keypad", protocol.Abandoned}, {"while the PIN is sent", protocol.Abandoned}, {"while choosing", protocol.Abandoned},
		{"while confirming", protocol.Abandoned}, {"while checking", protocol.Abandoned}, {"while paying", protocol.Void},
		{"before the release signature", protocol.Void},
	} {
		t.Run(c.moment, func(t *testing.T) {
			p.t = t
			p.signatures.Store(0)
			p.at.Store(c.moment)
			v := p.visit(p.wish("p05", protocol.ResidentRecord))
			p.at.Store("")
			if v.Ending == nil || v.Ending.Outcome != c.outcome {
				t.Fatalf("the visit ended with %+v", v.Ending)
			}
			if n := p.sheets(); n != 0 {
				t.Errorf("%d sheets came out", n)
			}
			if sums := p.money.Sums(); sums.Held != 0 || sums.Kept != 0 {
				t.Errorf("money: %+v", sums)
			}
			p.everythingDelivered()
			if o, _ := p.world.Outcome(v.Ending.Transaction); o != c.outcome {
				t.Errorf("%q at the centre", o)
			}
		})
	}
	p.t = t
	p.signatures.Store(0)
	p.prints("p05")
	if n := p.sheets(); n != 1 {
		t.Errorf("%d sheets after one good visit", n)
	}
	p.quitAndBalance()
}

// quitAndBalance ends the terminal and looks into what it left.
func (s *stand) quitAndBalance() []journal.Entry {
	s.t.Helper()
	s.quit()
	j, err := journal.Open(filepath.Join(s.flags.state, "terminals", string(s.place.name), "journal.db"), time.Now)
	s.must(err)
	defer j.Close()
	return balanced(s.t, j)
}

// TestCardNotTaken: a card that stays where it is makes the document void.
func TestCardNotTaken(t *testing.T) {
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { p.Limits.TakeCard = 50 * time.Millisecond })
	w := s.wish("p07", protocol.ResidentRecord)
	w.Hands.(*holding).forget = func(v session.View) bool { return v.State == session.TakeCard }
	v := s.visit(w)
	if v.Ending == nil || v.Ending.Outcome != protocol.Void {
		t.Fatalf("%+v", v.Ending)
	}
	if !slices.ContainsFunc(s.screen.seen(), func(v session.View) bool { return v.State == session.Ended && v.Notice == session.CardNotTaken }) {
		t.Error("nobody was told to take the card")
	}
	if sums := s.money.Sums(); sums.Taken == 0 || sums.Returned != sums.Taken {
		t.Errorf("money: %+v", sums)
	}
	if s.sheets() != 0 || len(of(s.quitAndBalance(), journal.Sending)) != 0 {
		t.Error("something was sent to the printer")
	}
}

// TestWrongPINThreeTimes: the card counts three tries and is asked no oftener; the screen says blocked.
func TestWrongPINThreeTimes(t *testing.T) {
	var sent atomic.Int32
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) {
		p.Reader = &tapped{Reader: p.Reader, before: func(command []byte) {
			if verifies(command) {
				sent.Add(1)
			}
		}}
	})
	w := s.wish("p01", protocol.ResidentRecord)
	own := w.Hands.(*holding).card
	right := w.PIN
	w.PIN = "9999"
	for left := 2; left >= 0; left-- {
		v := s.visit(w)
		if v.Ending == nil || v.Ending.Outcome != protocol.Abandoned || own.TriesLeft() != left {
			t.Fatalf("%+v, %d tries left on the card, not %d", v.Ending, own.TriesLeft(), left)
		}
	}
	if asked := slices.ContainsFunc(s.screen.seen(), func(v session.View) bool { return v.State == session.LastTry }); !asked {
		t.Error("the last try was not asked for")
	}
	w.PIN = right
	v := s.visit(w) // blocked already: the card is not asked again
	views := s.screen.seen()
	blocked := 0
	for _, v := range views {
		if v.State == session.Ended && terminal.Picture(v).Name == touch.Blocked {
			blocked++
		}
	}
	if blocked < 2 || v.Ending != nil && v.Ending.Outcome != protocol.Abandoned {
		t.Errorf("the screen said %d times that the card is blocked; %+v", blocked, v.Ending)
	}
	if sent.Load() != 3 || own.TriesLeft() != 0 {
		t.Errorf("%d PINs were sent to the card", sent.Load())
	}
	s.prints("p02")
	s.quitAndBalance()
}

// TestCentreDown: without a centre no visit begins; one that vanishes in the middle of a visit ends it, and what it has
// to be told waits until it is back.
func TestCentreDown(t *testing.T) {
	s := newStand(t, t.TempDir(), func(s *stand, _ *terminal.Parts) { s.line.sever() })
	s.await("out of service for want of a centre", func(v session.View) bool { return v.State == session.Unready && v.Word == "centre" })
	s.line.mend()
	s.awaitState(session.Idle)
	s.prints("p04")

	s.hand.instead[session.PressChoose] = func() bool { s.line.sever(); return false }
	v := s.visit(s.wish("p05", protocol.ResidentRecord))
	delete(s.hand.instead, session.PressChoose)
	if v.Ending == nil || v.Ending.Outcome != protocol.Abandoned || s.sheets() != 1 {
		t.Fatalf("%+v, %d sheets", v.Ending, s.sheets())
	}
	if !slices.ContainsFunc(s.screen.seen(), func(v session.View) bool { return v.State == session.Ended && v.Notice == session.NotWorking }) {
		t.Error("the applicant was not told")
	}
	if done, err := s.Delivered(); done || err != nil {
		t.Errorf("delivered over a cut line: %v", err)
	}
	s.line.mend()
	s.prints("p06")
	s.everythingDelivered()
	if o, _ := s.world.Outcome(v.Ending.Transaction); o != protocol.Abandoned {
		t.Errorf("%q at the centre", o)
	}
	s.quitAndBalance()
}

// TestCentreStartsAnew: a centre that lost its memory takes the outcome of nothing it knows; the journal keeps that it
// could not be delivered, and the terminal works on with the new one.
func TestCentreStartsAnew(t *testing.T) {
	s := newStand(t, t.TempDir(), nil)
	s.prints("p04")
	s.everythingDelivered()
	s.hand.instead[session.PressYes] = func() bool {
		s.must(s.world.Close())
		s.line.sever()
		return false
	}
	v := s.visit(s.wish("p05", protocol.ResidentRecord))
	delete(s.hand.instead, session.PressYes)
	if v.Ending == nil || v.Ending.Outcome != protocol.Abandoned {
		t.Fatalf("%+v", v.Ending)
	}
	s.await("unready", func(v session.View) bool { return v.State == session.Unready || v.State == session.Idle })
	s.newWorld(t)
	s.prints("p05")
	s.everythingDelivered()
	all := s.quitAndBalance()
	lost := of(all, journal.Undelivered)
	if len(lost) != 1 {
		t.Fatalf("%d undelivered: %+v", len(lost), lost)
	}
	at := slices.IndexFunc(all, func(e journal.Entry) bool { return int(e.Seq) == lost[0].Of })
	if at < 0 || all[at].Transaction != v.Ending.Transaction {
		t.Errorf("undelivered is %+v", all[at])
	}
}

// quick are deadlines for a device on this machine.
var quick = ipp.Timing{Call: 3 * time.Second, Print: 30 * time.Second, Cancel: time.Second, Lost: 500 * time.Millisecond,
	Settle: 50 * time.Millisecond, PollMin: 10 * time.Millisecond, PollMax: 50 * time.Millisecond}

// newPrinting is a stand with a real IPP printer.
func newPrinting(t *testing.T) (*stand, *ippevetest.Device) {
	device := ippevetest.Start(t)
	a, err := printer.Parse(device.URI())
	if err != nil {
		t.Fatal(err)
	}
	driver, err := ipp.New(a, ipp.Options{Timing: quick})
	if err != nil {
		t.Fatal(err)
	}
	return newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { p.Printer, p.Tray = driver, nil }), device
}

// TestPrinterGone: a printer that dies or hangs with a document in it leaves the terminal unsure and closed; nothing is
// sent again, and staff open it again when the printer is back.
func TestPrinterGone(t *testing.T) {
	for name, c := range map[string]struct{ fails, mends func(*ippevetest.Device) }{
		"dies":  {(*ippevetest.Device).Kill, (*ippevetest.Device).Restart},
		"hangs": {(*ippevetest.Device).Hang, func(d *ippevetest.Device) { d.Kill(); d.Restart() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, device := newPrinting(t)
			device.Behave(ippevetest.Behaviour{Mode: "slow"})
			done := make(chan script.Visit, 1)
			go func() { v, _ := s.who.Visit(context.Background(), s.wish("p04", protocol.ResidentRecord)); done <- v }()
			device.AwaitEngine()
			c.fails(device)
			v := <-done
			if v.Ending == nil || v.Ending.Outcome != protocol.Unsure {
				t.Fatalf("%+v", v.Ending)
			}
			if why, err := s.StaffNeeded(); why == "" || err != nil {
				t.Error("no staff are needed", err)
			}
			if p := terminal.Picture(s.awaitState(session.OutOfService)); p.Name != touch.FailedPaper {
				t.Errorf("the screen shows %s", p.Name)
			}
			if sums := s.money.Sums(); sums.Taken == 0 || sums.Returned != sums.Taken {
				t.Errorf("money: %+v", sums)
			}
			c.mends(device)
			device.Behave(ippevetest.Behaviour{Mode: "print"})
			s.prints("p05") // scripted staff have looked before
			if n := len(device.Tray()); n != 1 {
				t.Errorf("%d documents came out: one was printed again", n)
			}
			s.everythingDelivered()
			all := s.quitAndBalance()
			if sent, incidents := of(all, journal.Sending), of(all, journal.Incident); len(sent) != 2 || !staffCame(all) || len(incidents) != 1 {
				t.Errorf("%d sent, %d incidents, staff %v", len(sent), len(incidents), of(all, journal.StaffReady))
			}
		})
	}
}

// TestNoPaper: with an empty paper tray no visit begins, and once it is filled the terminal opens by itself.
func TestNoPaper(t *testing.T) {
	s, device := newPrinting(t)
	s.awaitState(session.Idle)
	device.Load(0)
	w := s.wish("p04", protocol.ResidentRecord)
	s.must(w.Hands.Place())
	v := s.await("unready", func(v session.View) bool { return v.State == session.Unready })
	if p := terminal.Picture(v); p.Name != touch.OutOfService || p.Message != touch.MsgPrinter || !strings.HasPrefix(v.Word, "media-") {
		t.Errorf("the screen shows %s %q for %q", p.Name, p.Message, v.Word)
	}
	s.must(w.Hands.Pull())
	device.Load(250)
	s.awaitState(session.Idle)
	s.prints("p04")
	if all := s.quitAndBalance(); len(of(all, journal.VisitBegun)) != 1 || len(device.Tray()) != 1 {
		t.Errorf("%d visits were begun", len(of(all, journal.VisitBegun)))
	}
}

// TestCardServiceDies: pcscd is killed while the card signs. The visit ends, nothing is printed, and the terminal
// works on when pcscd is back.
func TestCardServiceDies(t *testing.T) {
	world := cardtest.NewWorldIn(t, socketDir(t))
	t.Setenv(cardtest.SocketVariable, world.Socket())
	var signatures atomic.Int32
	killed := make(chan struct{})
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) {
		p.Reader = &tapped{Reader: pcsc.New(cardtest.Reader), before: func(command []byte) {
			if signs(command) && signatures.Add(1) == 2 {
				world.Kill()
				close(killed)
			}
		}}
	})
	w := s.wish("p01", protocol.ResidentRecord)
	w.Hands = &worldHands{holding: w.Hands.(*holding), world: world}
	ended := make(chan script.Visit, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		v, _ := s.who.Visit(ctx, w) // over when the terminal is ready again
		ended <- v
	}()
	<-killed
	s.await("unready for want of a reader", func(v session.View) bool { return v.State == session.Unready && v.Word == "reader" })
	s.must(world.Start())
	v := <-ended
	if v.Ending == nil || v.Ending.Outcome != protocol.Void || s.sheets() != 0 {
		t.Fatalf("%+v, %d sheets", v.Ending, s.sheets())
	}
	if sums := s.money.Sums(); sums.Taken == 0 || sums.Returned != sums.Taken {
		t.Errorf("money: %+v", sums)
	}
	w = s.wish("p02", protocol.ResidentRecord)
	w.Hands = &worldHands{holding: w.Hands.(*holding), world: world}
	if v := s.visit(w); v.Ending == nil || v.Ending.Outcome != protocol.Printed {
		t.Fatalf("%+v", v.Ending)
	}
	s.quitAndBalance()
}

// worldHands lay the card into a reader behind pcscd.
type worldHands struct {
	*holding
	world *cardtest.World
}

func (h *worldHands) Place() error { return h.world.Place(h.card) }
func (h *worldHands) Pull() error  { h.world.Pull(); return nil }

// newWorld is the practice world after a restart: its keys and what it keeps beside them, and a centre at another address.
func (s *stand) newWorld(t *testing.T) {
	t.Helper()
	next, err := practice.Start(practice.Options{State: filepath.Join(s.flags.state, "keys")})
	s.must(err)
	s.world = next
	access, err := next.Access(s.place.name)
	s.must(err)
	s.line.lead(t, access.URL)
}
