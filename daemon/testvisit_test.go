package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/script"
	"honnin/daemon/session"
	"honnin/daemon/technician"
	"honnin/daemon/terminal"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// tested is a terminal whose policy names a test card's CA, and a technician with such a card.
type tested struct {
	*stand
	visits *testVisits
	card   virtual.Options
	start  protocol.JournalHead // before the test visit
}

// testAnchors is the part of a policy that names the CA of a test card.
func testAnchors(card virtual.Options) string {
	return "\n[test]\nanchors = [\"\"\"\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: card.AuthCA})) + "\"\"\"]\n"
}

func newTested(t *testing.T, change func(*stand, *terminal.Parts)) *tested {
	t.Helper()
	s := &tested{stand: newStand(t, t.TempDir(), change)}
	var err error
	s.card, err = cardtest.NewHolder(cardtest.ECDSAP256, 0)
	s.must(err)
	s.opens(1) // or the next policy might come before the first self-test has ended, which then counts for nothing
	_, err = s.publish(s.world.Policy() + testAnchors(s.card))
	s.must(err)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	s.visits = &testVisits{ctx: ctx, dir: filepath.Join(t.TempDir(), testVisitDir), terminal: s.Terminal, log: s.stage.log, now: time.Now, world: s.throwaway, alone: time.Hour}
	s.soon("the policy that names test cards", func() bool { return len(s.Policy().TestAnchors()) == 1 })
	s.opens(2)
	s.start, err = s.place.journal.Head()
	s.must(err)
	return s
}

// throwaway is a world with the keys that tests share: RSA keys are slow to make.
func (s *tested) throwaway(testCards []*x509.Certificate) (*practice.World, error) {
	return practice.Start(practice.Options{State: filepath.Join(withKeys(s.t, s.t.TempDir()), "keys"), CardAnchors: testCards, StrangeOnly: true, Enrol: true})
}

// opens waits until the terminal was plugged together so often, and welcomes people.
func (s *tested) opens(times int) {
	s.t.Helper()
	s.soon("the terminal to open", func() bool {
		return len(of(entries(s.t, s.place.journal), journal.SelfTest)) == times && s.Status().InService
	})
	s.awaitState(session.Idle)
}

// soon waits for what no picture tells of.
func (s *tested) soon(what string, is func() bool) {
	s.t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatal("waited in vain for", what)
		}
	}
}

func (s *tested) begin() {
	s.t.Helper()
	if why := s.visits.Begin("tech-7"); why != "" {
		s.t.Fatal("not begun:", why)
	}
}

// welcome waits until the second terminal waits for a card.
func (s *tested) welcome() {
	s.t.Helper()
	s.await("the welcome of a test", func(v session.View) bool { return v.Sample && v.State == session.Idle })
}

// over follows the test visit to its end, and wants the terminal to be as if there had been none, but for two entries of its journal.
func (s *tested) over() (c technician.Course) {
	s.t.Helper()
	s.soon("the end of the test visit", func() bool { c = s.visits.Course(0); return c.Over })
	if _, err := os.Stat(s.visits.dir); !os.IsNotExist(err) {
		s.t.Error("its directory is there still:", err)
	}
	begun, done := 0, 0
	s.must(s.place.journal.After(s.start.Position, func(e journal.Entry) (bool, error) {
		switch e.Kind {
		case journal.TestVisitBegun:
			begun++
			if e.Staff != "tech-7" {
				s.t.Errorf("%+v", e)
			}
		case journal.TestVisitDone:
			done++
		case journal.StaffNeeded, journal.Started, journal.SelfTest, journal.ServiceOff:
		default:
			s.t.Errorf("in the terminal's own journal: %s", e.Kind)
		}
		return true, nil
	}))
	if counts := s.world.Counts(); begun != done || done > 1 || done == 0 && c.Outcome != "not-made" || counts.Begun != 0 {
		s.t.Errorf("%s: %d test visits begun and %d done, and the terminal's own centre heard of %d transactions", c.Outcome, begun, done, counts.Begun)
	}
	return c
}

// tries is a person with the test card, or another.
func (s *tested) tries(o virtual.Options, pin string) script.Wish {
	s.t.Helper()
	card, err := virtual.New(o)
	s.must(err)
	return script.Wish{Applicant: "tester", PIN: pin, Certificate: protocol.ResidentRecord, Hands: &holding{s.stand, card, nil}}
}

func (s *tested) visitAs(o virtual.Options, pin string) {
	s.t.Helper()
	s.welcome()
	s.visit(s.tries(o, pin))
}

func states(c technician.Course, step string) (out []string) {
	for _, s := range c.Steps {
		if s.Step == step {
			out = append(out, s.State)
		}
	}
	return out
}

// TestConsoleVisitPrints: with a test card a sample comes out, and nothing else of the terminal has heard of it, which serves after it.
func TestConsoleVisitPrints(t *testing.T) {
	t.Parallel()
	needPrograms(t, map[string]string{"pdftotext": "poppler-utils"})
	s := newTested(t, nil)
	s.begin()
	if why := s.visits.Begin("tech-8"); why != "busy" {
		t.Errorf("a second one: %q", why)
	}
	s.welcome()
	if st := s.Status(); st.InService || st.Why != terminal.TestVisit {
		t.Errorf("%+v", st)
	}
	s.Press(1, session.Input{Kind: session.PressCancel}) // meant for the terminal's own first visit
	s.visitAs(s.card, cardtest.PIN)
	c := s.over()
	if c.Outcome != string(protocol.Printed) || c.Why != "" {
		t.Errorf("%+v", c)
	}
	for _, step := range []string{"world", "terminal", "card", "pin", "offers", "package", "check", "money", "signature", "commit", "journal", "printing"} {
		if got := states(c, step); len(got) == 0 || got[len(got)-1] != "ok" {
			t.Errorf("%s: %q", step, got)
		}
	}
	for _, v := range s.screen.seen() {
		if v.Sample != (v.Visit > 1<<47) && v.Visit != 0 || v.Sample && v.Disowns != 0 && v.Disowns < 1<<47 {
			t.Errorf("a test: %t, visit %d, disowns %d", v.Sample, v.Visit, v.Disowns)
		}
	}
	all, err := filepath.Glob(filepath.Join(s.place.sheets, "*.pdf"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if text := pdfText(t, all[0]); !strings.Contains(text, "見本") {
		t.Errorf("it is not said to be a sample: %.200q", text)
	}
	s.place.takePaper()
	s.awaitState(session.Idle)
	s.await("the terminal's own welcome", func(v session.View) bool { return v.State == session.Idle && !v.Sample })
	s.prints("p01")
	s.quit()
}

// pdfText is what a sheet says.
func pdfText(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("pdftotext", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(out), " ", "")
}

// TestConsoleVisitRefusesCitizens: a card that is good for the terminal itself is refused at once, before anything is asked of
// anybody; so is one of a CA that nobody named.
func TestConsoleVisitRefusesCitizens(t *testing.T) {
	t.Parallel()
	s := newTested(t, nil)
	stranger, err := cardtest.NewHolder(cardtest.ECDSAP256, 0)
	s.must(err)
	citizen, err := s.world.Card("p01")
	s.must(err)
	makes, asked := s.visits.world, (*practice.World)(nil)
	s.visits.world = func(cards []*x509.Certificate) (*practice.World, error) {
		w, err := makes(cards)
		asked = w
		return w, err
	}
	for name, w := range map[string]script.Wish{"a citizen": {Applicant: "p01", PIN: "1234", Certificate: protocol.ResidentRecord, Hands: &holding{s.stand, citizen, nil}}, "a stranger": s.tries(stranger, cardtest.PIN)} {
		s.begin()
		s.welcome()
		s.visit(w)
		c := s.over()
		if c.Outcome != string(protocol.Abandoned) || c.Why != "card-untrusted" || len(states(c, "offers")) != 0 || s.sheets() != 0 {
			t.Errorf("%s: %+v", name, c)
		}
		if begun := asked.Counts().Begun; begun != 0 {
			t.Errorf("%s: the test's centre heard of %d transactions", name, begun)
		}
		s.await("the terminal's own welcome", func(v session.View) bool { return v.State == session.Idle && !v.Sample })
		s.start, err = s.place.journal.Head()
		s.must(err)
	}
	s.prints("p01")
}

// TestConsoleVisitJams: what may lie in the path closes the terminal itself, until staff have looked.
func TestConsoleVisitJams(t *testing.T) {
	t.Parallel()
	s := newTested(t, nil)
	s.begin()
	s.welcome()
	s.place.device.JamAfter(0)
	s.visitAs(s.card, cardtest.PIN)
	c := s.over()
	if c.Outcome == string(protocol.Printed) || c.Outcome == "" || c.Why == "" {
		t.Errorf("%+v", c)
	}
	s.await("the terminal to be out of service", func(v session.View) bool { return v.State == session.OutOfService && !v.Sample })
	if why := s.visits.Begin("tech-7"); why != "staff-needed" {
		t.Errorf("another one: %q", why)
	}
	if call, err := s.place.journal.StaffCall(); err != nil || call.Transaction.IsZero() || call.Visit != 0 {
		t.Errorf("a restart would not know what to ask the printer about: %+v %v", call, err)
	}
	s.place.device.Clear()
	s.must(s.StaffReady(t.Context(), "s1"))
	s.prints("p01")
}

// TestConsoleVisitEnds: who goes, and whom nobody follows any more, ends it as the cancel button does; a wrong PIN is told; who only
// looked has changed nothing.
func TestConsoleVisitEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		during       func(*tested)
		outcome, why string
	}{
		"before a card": {func(s *tested) { s.welcome(); s.visits.Cancel() }, "not-begun", "cancelled"},
		"at once":       {func(s *tested) { s.visits.Cancel() }, "", "cancelled"},
		"nobody asks": {func(s *tested) {
			s.welcome()
			go s.visits.last.abandon(t.Context(), time.Millisecond)
			s.await("the end", func(v session.View) bool { return !v.Sample })
		}, "not-begun", "hang-up"},
		"nobody ever asks": {func(*tested) {}, "", "hang-up"},
		"at the PIN": {func(s *tested) {
			s.welcome()
			s.hand.instead[session.PressPIN] = func() bool { s.visits.Cancel(); return true }
			s.visit(s.tries(s.card, cardtest.PIN))
			delete(s.hand.instead, session.PressPIN)
		}, "abandoned", "cancelled"},
		"no paper": {func(s *tested) {
			s.place.device.PaperOut()
			s.soon("the word for it", func() bool { return slices.Contains(states(s.visits.Course(0), "ready"), "media-needed") })
			s.visits.Cancel()
			s.soon("its end", func() bool { return s.visits.Course(0).Over })
			s.place.device.Clear()
		}, "not-begun", "cancelled"},
		"a wrong PIN": {func(s *tested) { s.visitAs(s.card, "0000") }, "abandoned", "cancel"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTested(t, nil)
			if name == "nobody ever asks" {
				s.visits.alone = time.Millisecond
			}
			s.begin()
			c.during(s)
			got := s.over()
			if c.outcome != "" && got.Outcome != c.outcome || got.Why != c.why || s.sheets() != 0 {
				t.Errorf("%+v", got)
			}
			if name == "a wrong PIN" && !slices.Contains(states(got, "pin"), "pin-wrong") {
				t.Errorf("%+v", got)
			}
			s.await("the terminal's own welcome", func(v session.View) bool { return v.State == session.Idle && !v.Sample })
			s.prints("p01")
		})
	}
}

// TestConsoleVisitWaits: a visit in hand comes to its end first, and one who gives up meanwhile has changed nothing.
func TestConsoleVisitWaits(t *testing.T) {
	t.Parallel()
	for name, cancels := range map[string]bool{"waits": false, "gives up": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTested(t, nil)
			s.hand.instead[session.PressYes] = func() bool {
				delete(s.hand.instead, session.PressYes)
				s.begin()
				s.soon("it to wait", func() bool { return slices.Contains(states(s.visits.Course(0), "terminal"), "waiting") })
				if cancels {
					s.visits.Cancel()
					s.soon("it to end", func() bool { return s.visits.Course(0).Over })
				}
				return false
			}
			v := s.visit(s.wish("p01", protocol.ResidentRecord))
			if v.Ending == nil || v.Ending.Outcome != protocol.Printed {
				t.Fatalf("the visit in hand: %+v", v.Ending)
			}
			if !cancels {
				s.visitAs(s.card, cardtest.PIN)
				s.place.takePaper()
			}
			var c technician.Course
			s.soon("its end", func() bool { c = s.visits.Course(0); return c.Over })
			if want := map[bool]string{true: "not-made", false: "printed"}[cancels]; c.Outcome != want {
				t.Errorf("%+v", c)
			}
			if n := len(of(entries(t, s.place.journal), journal.TestVisitBegun)); (n == 0) != cancels {
				t.Error(n, "begun")
			}
			s.opens(3)
			s.prints("p04")
		})
	}
}

// TestConsoleVisitWhileOff: a stopped service stays stopped, and there is no test visit without test cards.
func TestConsoleVisitWhileOff(t *testing.T) {
	t.Parallel()
	s := newTested(t, nil)
	s.must(s.SetService(false, "tech-7"))
	stopped := func(v session.View) bool { return v.State == session.Unready && v.Word == "stopped" && !v.Sample }
	s.await("the service to be stopped", stopped)
	s.begin()
	s.visitAs(s.card, cardtest.PIN)
	if c := s.over(); c.Outcome != string(protocol.Printed) {
		t.Errorf("%+v", c)
	}
	s.await("the service to be stopped still", stopped)

	bare := newStand(t, t.TempDir(), nil)
	bare.awaitState(session.Idle)
	v := &testVisits{ctx: t.Context(), terminal: bare.Terminal, now: time.Now}
	if why := v.Begin("tech-7"); why != "no-test-cards" {
		t.Errorf("%q", why)
	}
}

// TestConsoleVisitUnderNoLaw: under a policy that lets no visit begin there is none.
func TestConsoleVisitUnderNoLaw(t *testing.T) {
	t.Parallel()
	s := newTested(t, nil)
	s.world.Demand(s.office.last.Head.Version + 1)
	s.soon("the centre's demand", func() bool { return s.Lendable() != nil })
	if why := s.visits.Begin("tech-7"); why != "policy" {
		t.Errorf("%q", why)
	}
}

// TestConsoleVisitAtPad: a reader with keys has the PIN typed there, and the screen asks for none.
func TestConsoleVisitAtPad(t *testing.T) {
	t.Parallel()
	s := newTested(t, func(s *stand, p *terminal.Parts) { p.Reader = s.withReaderKeys() })
	s.begin()
	s.visitAs(s.card, cardtest.PIN)
	if c := s.over(); c.Outcome != string(protocol.Printed) || !slices.Equal(states(c, "pin"), []string{"waiting", "ok"}) {
		t.Errorf("%+v", c)
	}
	if slices.ContainsFunc(s.screen.seen(), func(v session.View) bool { return v.State == session.EnterPIN }) {
		t.Error("the screen asked for the PIN")
	}
}

// TestConsoleVisitHelp: who tests a counter is told how its staff confirm the name.
func TestConsoleVisitHelp(t *testing.T) {
	all := console.Commands()
	row := all[slices.IndexFunc(all, func(c console.Command) bool { return c.Name == "visit" })]
	for _, lang := range []string{"ja", "en"} {
		for _, word := range []string{practice.StaffID, practice.StaffCode, "見本"} {
			if !strings.Contains(row.Does.In(lang), word) {
				t.Errorf("%s: no %s", lang, word)
			}
		}
	}
}

// TestConsoleVisitWords: whatever can end a stage of a visit has its meaning on the console's pages.
func TestConsoleVisitWords(t *testing.T) {
	_, page, _ := strings.Cut(string(console.Page("en")), "\n## Words\n")
	said := 0
	for s := range stages {
		never, shuts := session.Next(s, math.MaxUint8) // as what cannot happen in s
		for e := session.CardIn; e.String() != "unknown"; e++ {
			to, does := session.Next(s, e)
			if impossible := to == never && slices.Equal(does, shuts) && e != session.Fault; to == s || impossible || slices.Contains(well, e) {
				continue
			}
			if said++; !strings.Contains(page, "\n| `"+e.String()+"` | ") {
				t.Errorf("%s: nothing of %q", s, e)
			}
		}
	}
	if said == 0 {
		t.Error("nothing ends a stage")
	}
}

// TestConsoleVisitWorld: the second terminal's policy believes in test cards, and in no other.
func TestConsoleVisitWorld(t *testing.T) {
	holder, err := cardtest.NewHolder(cardtest.ECDSAP256, 0)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(holder.AuthCA)
	if err != nil {
		t.Fatal(err)
	}
	w, err := throwaway([]*x509.Certificate{ca})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p, err := policy.Parse([]byte(w.Policy()), nil)
	if err != nil || len(p.CardAnchors()) != 1 || !p.CardAnchors()[0].Equal(ca) || !p.Practice() {
		t.Error(err, len(p.CardAnchors()))
	}
}
