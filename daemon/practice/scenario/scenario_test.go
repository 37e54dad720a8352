package scenario

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
)

func TestTableIsComplete(t *testing.T) {
	ids := []ID{Yokohama, Adachi, Kawasaki, KawasakiRequest, Tokushima, Munakata, Takamatsu, StaleRegistration, Unheard, Repeat}
	all := All()
	if len(all) != len(ids) {
		t.Fatal(len(all), "rows")
	}
	for i, s := range all {
		if found, ok := Find(string(s.ID)); s.ID != ids[i] || !ok || found.ID != s.ID {
			t.Error("row", i, "is", s.ID)
		}
		for _, x := range []Text{s.Where, s.When, s.Cause, s.Built} {
			if x.Ja == "" || x.En == "" {
				t.Error(s.ID, "lacks a text")
			}
		}
		if len(s.Refused) == 0 || slices.ContainsFunc(s.Refused, func(c reason.Code) bool { return !c.Known() }) {
			t.Error(s.ID, s.Refused)
		}
		if s.Municipality == "" || !s.Certificate.Valid() || len(s.Channels) == 0 {
			t.Errorf("%s: %+v", s.ID, s)
		}
	}
	if _, ok := Find(""); ok {
		t.Error("a scenario without a name")
	}
}

// gate is the register as a source that holds chosen people's orders up, so that a test says who comes when.
type gate struct {
	*register.Primary
	held map[string]chan struct{}
}

func (g *gate) Read(r protocol.Register, person string, applicant protocol.Digest) (register.Reading, error) {
	if c := g.held[person]; c != nil {
		<-c
	}
	return g.Primary.Read(r, person, applicant)
}

// town deploys a scenario's program over a register of everybody, in a bubble of its own.
func town(t *testing.T, s Scenario) (Program, *gate) {
	t.Helper()
	template := sign.Template{Name: "CA", NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	ca, err := sign.NewCA(template)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ca.NewSigner(s.Municipality, template)
	if err != nil {
		t.Fatal(err)
	}
	registers := people.Registers{}
	for _, town := range people.Towns() {
		registers[town.Code] = register.New(town.Code, time.Now)
	}
	people.Settle(registers)
	g := &gate{registers[s.Municipality], map[string]chan struct{}{}}
	for _, p := range people.All() {
		g.Link(p.ID, fingerprint(p.ID))
	}
	office, err := people.Towns()[0].Office()
	if err != nil {
		t.Fatal(err)
	}
	i, err := issuer.New(issuer.Config{Municipality: s.Municipality, Office: office, Source: g, Signer: signer,
		Software: protocol.Software{Name: "test", Version: "1.4.0", Fixes: []string{}}, Lifetime: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := Deploy(s.ID, Site{Issuer: i, Primary: g.Primary, Dir: t.TempDir(), PrintWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return p, g
}

func fingerprint(id string) protocol.Digest { return protocol.Fingerprint([]byte(id)) }

func order(s Scenario, person string, channel protocol.Channel) issuer.Order {
	return issuer.Order{Transaction: protocol.NewTransaction(), Terminal: "JP-99-000001", Channel: channel, Nonce: protocol.NewNonce(), Person: person,
		Applicant: fingerprint(person), Certificate: s.Certificate, Options: protocol.Options{register.OptionHousehold: protocol.Text("all")}, Copies: 1}
}

// applicants are two of a town who share no record.
func applicants(s Scenario) (a, b string) {
	if s.Municipality == people.Kaku {
		return "p21", "p22"
	}
	return "p13", "p15"
}

// One after the other, with city hall at rest, every program serves everybody rightly: the fault is in what meets.
func TestAloneEveryProgramIsSound(t *testing.T) {
	for _, s := range All() {
		t.Run(string(s.ID), func(t *testing.T) {
			p, _ := town(t, s)
			a, b := applicants(s)
			for i, who := range []string{a, b, b, a} {
				pkg, err := p.Issue(order(s, who, s.Channels[i%len(s.Channels)]))
				if err != nil || pkg.Paper != who {
					t.Errorf("%s got paper of %q, %v", who, pkg.Paper, err)
				}
			}
			if _, err := p.Issue(order(s, "p99", s.Channels[0])); err == nil {
				t.Error("paper for nobody")
			}
		})
	}
}

// flow is an order under way.
type flow struct {
	done chan struct{}
	pkg  issuer.Package
	err  error
}

func start(p Program, o issuer.Order) *flow {
	f := &flow{done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.pkg, f.err = p.Issue(o)
	}()
	return f
}

func (f *flow) paper(t *testing.T) string {
	t.Helper()
	<-f.done
	if f.err != nil {
		t.Error(f.err)
	}
	return f.pkg.Paper
}

// meet has the first applicant wait at the press, which somebody has, and lets the second come meanwhile; then the press is free.
func meet(t *testing.T, p Program, press turn, s Scenario) (first, second string) {
	t.Helper()
	a, b := applicants(s)
	press.take()
	one := start(p, order(s, a, protocol.Store))
	synctest.Wait()
	two := start(p, order(s, b, protocol.Counter))
	synctest.Wait()
	press.give()
	return one.paper(t), two.paper(t)
}

// Who waits at the press while another comes gets the other's record.
func TestWhoWaitsAtThePress(t *testing.T) {
	for id, press := range map[ID]func(Program) turn{
		Kawasaki:        func(p Program) turn { return p.(*kawasaki).press },
		KawasakiRequest: func(p Program) turn { return p.(*kawasaki).press },
		Tokushima:       func(p Program) turn { return p.(*tokushima).press },
		Takamatsu:       func(p Program) turn { return p.(*takamatsu).servers[0].site.press },
	} {
		t.Run(string(id), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := Find(string(id))
				p, _ := town(t, s)
				_, b := applicants(s)
				if one, two := meet(t, p, press(p), s); one != b || two != b {
					t.Errorf("papers of %q and %q", one, two)
				}
			})
		})
	}
}

// Kawasaki's two in different seconds, and Tokushima's two of one service, never meet.
func TestWhoDoesNotMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := Find(string(Kawasaki))
		p, _ := town(t, s)
		k := p.(*kawasaki)
		a, b := applicants(s)
		k.press.take()
		one := start(p, order(s, a, protocol.Store))
		time.Sleep(time.Second)
		two := start(p, order(s, b, protocol.Store))
		synctest.Wait()
		k.press.give()
		if one.paper(t) != a || two.paper(t) != b {
			t.Error("mixed up in different seconds")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, _ := Find(string(Tokushima))
		p, _ := town(t, s)
		a, b := applicants(s)
		p.(*tokushima).press.take()
		one, two := start(p, order(s, a, protocol.Store)), start(p, order(s, b, protocol.Store))
		synctest.Wait()
		p.(*tokushima).press.give()
		if one.paper(t) != a || two.paper(t) != b {
			t.Error("mixed up within one service")
		}
	})
}

// A print that waits longer than the limit gives the manager back; the next one's files are picked up.
func TestYokohamaPicksUpTheNextFile(t *testing.T) {
	for _, c := range []struct {
		wait time.Duration
		next bool
	}{{59 * time.Second, false}, {time.Minute + time.Second, true}} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := Find(string(Yokohama))
			p, g := town(t, s)
			y := p.(*yokohama)
			a, b := applicants(s)
			g.held[a], g.held[b] = make(chan struct{}), make(chan struct{})
			one := start(p, order(s, a, protocol.Store))
			time.Sleep(c.wait) // one's work is held up
			two := start(p, order(s, b, protocol.Store))
			synctest.Wait()
			close(g.held[a]) // one's files are there; past the limit two has the manager, and one waits for it
			synctest.Wait()
			if got := len(y.manager); got != 1 {
				t.Error("nobody has the manager", got)
			}
			close(g.held[b])
			want := map[bool]string{false: a, true: b}[c.next]
			if first, second := one.paper(t), two.paper(t); first != want || second != b {
				t.Errorf("waited %s: papers of %q and %q", c.wait, first, second)
			}
		})
	}
}

// Pages of two people in one document: what was picked up is named by both.
func TestYokohamaSwapsPages(t *testing.T) {
	s, _ := Find(string(Yokohama))
	p, _ := town(t, s)
	y := p.(*yokohama)
	a, b := applicants(s) // both have two pages
	if err := y.print(order(s, a, protocol.Store)); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(y.Dir + "/page-2")
	if err != nil {
		t.Fatal(err)
	}
	if err := y.print(order(s, b, protocol.Store)); err != nil {
		t.Fatal(err)
	}
	if err := y.leave("page-2", kept); err != nil { // a's work, which nobody stopped, comes to its last page
		t.Fatal(err)
	}
	if d, err := y.pickUp(); err != nil || d.Paper != b+"+"+a || len(d.Tokens) != 2 {
		t.Error(d.Paper, err)
	}
	if files, err := os.ReadDir(y.Dir); err != nil || slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), "new-") }) {
		t.Error("half a file was left", err)
	}
}

// An issuance that meets the batch goes on with the row of who came meanwhile.
func TestAdachiLosesItsRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := Find(string(Adachi))
		p, g := town(t, s)
		d := p.(*adachi)
		a, b := applicants(s)
		held := "p03" // the batch waits for this one's line
		d.Primary.Add(protocol.ResidentRegister, slow{make(chan struct{})}, held)
		d.Primary.Link(held, fingerprint(held))
		go d.carryOver()
		synctest.Wait()
		one := start(p, order(s, a, protocol.Store))
		synctest.Wait()
		two := start(p, order(s, b, protocol.Store))
		synctest.Wait()
		if d.row.get().Person != b {
			t.Fatal("the second issuance did not get its turn")
		}
		r, err := g.Primary.Read(protocol.ResidentRegister, held, fingerprint(held))
		if err != nil {
			t.Fatal(err)
		}
		close(r.Facts.(slow).line)
		if first, second := one.paper(t), two.paper(t); first != b || second != b {
			t.Errorf("papers of %q and %q", first, second)
		}
		if _, ok := d.lines.get(a); !ok {
			t.Error("nothing was carried over")
		}
	})
}

// slow is a record whose line takes its time.
type slow struct{ line chan struct{} }

func (s slow) Content(protocol.Certificate, protocol.Options, string) (sheet.Content, error) {
	<-s.line
	return nil, register.ErrFacts
}

// A change that is entered before the output leaves the previous sheets in place; where a record is shared none is entered.
func TestMunakataLeavesThePrevious(t *testing.T) {
	for _, id := range []ID{Munakata, Repeat} {
		s, _ := Find(string(id))
		p, _ := town(t, s)
		a, b := applicants(s)
		if _, err := p.Issue(order(s, a, protocol.Counter)); err != nil {
			t.Fatal(err)
		}
		o := order(s, b, protocol.Counter)
		over := make(chan struct{})
		business := p.(Hall).Business(o)
		go business(over)
		pkg, err := p.Issue(o)
		close(over)
		if err != nil || pkg.Paper != a {
			t.Error(id, "paper of", pkg.Paper, err)
		}
		shared := map[ID]string{Munakata: "p01", Repeat: "p04"}[id]
		if p.(Hall).Business(order(s, shared, protocol.Counter)) != nil {
			t.Error("a change for", shared)
		}
	}
}

// The first of the day whose record has changed gets nothing, since nothing lies there.
func TestMunakataWithNothingToPutOut(t *testing.T) {
	s, _ := Find(string(Munakata))
	p, _ := town(t, s)
	a, _ := applicants(s)
	o := order(s, a, protocol.Counter)
	business := p.(Hall).Business(o)
	go business(make(chan struct{}))
	if _, err := p.Issue(o); err != errNothing {
		t.Error(err)
	}
}

// The copy certifies what the register has abolished, until it is brought up to date after every second entry.
func TestStaleCopy(t *testing.T) {
	s, _ := Find(string(StaleRegistration))
	p, g := town(t, s)
	a, _ := applicants(s)
	for round, want := range []bool{false, true, false, true} {
		over, ended := make(chan struct{}), make(chan struct{})
		business := p.(Hall).Business(order(s, a, protocol.Store))
		go func() { business(over); close(ended) }()
		pkg, err := p.Issue(order(s, a, protocol.Store))
		close(over)
		<-ended
		if err != nil || pkg.Paper != a || g.InForceNow(pkg.Tokens...) {
			t.Error("round", round, "in force, or", err)
		}
		after, err := p.Issue(order(s, a, protocol.Store))
		if err != nil || g.InForceNow(after.Tokens...) != want {
			t.Error("round", round, "afterwards in force is not", want, err)
		}
	}
}
