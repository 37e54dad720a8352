package technician

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/site"
	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/drivers/card"
	"honnin/drivers/card/pcsc"
	"honnin/drivers/printer"
	"honnin/spool"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// talker is a printer that says what it is told to.
type talker struct {
	mu    sync.Mutex
	says  printer.Description
	err   error
	asked int
}

func (p *talker) Describe(ctx context.Context) (printer.Description, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	return p.says, p.err
}

func (p *talker) Ready(context.Context) (spool.Readiness, error) {
	return spool.Readiness{Ready: p.err == nil, Reason: printer.ReasonOf(p.err)}, p.err
}

func (p *talker) Print(context.Context, spool.Released, spool.Progress) (spool.Result, error) {
	return spool.Result{}, errors.New("no")
}

func number(n int) *int { return &n }

// worn is a printer with much to say.
func worn() printer.Description {
	return printer.Description{Model: "Example 1", State: "stopped",
		Reasons:  []printer.Reason{{Word: printer.MediaJam, Severity: "error"}, {Word: "toner-low", Severity: "warning"}, {Word: "media-low", Severity: "report"}},
		Supplies: []printer.Supply{{Name: "toner-black", Left: number(4), State: "low"}, {Name: "toner-cyan", Left: number(80), State: "ok"}, {Name: "waste-toner", Left: number(0), State: "full"}, {Name: "opc"}},
		Jobs:     []printer.Job{{Number: 7, State: "held", Age: number(90)}}}
}

// busyDaemon is a daemon with a visit in hand.
type visited struct {
	daemon
	visit bool
}

func (v *visited) Status() terminal.Status {
	yes := true
	return terminal.Status{Visit: v.visit, Ready: map[string]bool{"printer": true}, InService: true,
		Reader: terminal.ReaderSeen{Faults: 3, Last: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Card: &yes, Rate: 10752}}
}

// TestPrinterOverTheSocket: the daemon asks its printer between visits; during one it says what the printer said last, and when.
func TestPrinterOverTheSocket(t *testing.T) {
	p, d, has := &talker{says: worn()}, &visited{}, &Printer{}
	state := t.TempDir()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	if _, err := Listen(t.Context(), state, Daemon{Terminal: d, Printer: has, Now: func() time.Time { return at }}); err != nil {
		t.Fatal(err)
	}
	m := New(Options{Site: site.Site{State: state, Printer: site.Printer{Address: "usb"}}, Now: time.Now, Policies: func() (Policies, error) { return nil, errors.New("none") }})
	ask := func() printerSaid { return m.look(t.Context()).told(t.Context()) }
	if got := ask(); got.Why != "not-here" || !got.At.IsZero() {
		t.Errorf("%+v", got)
	}
	has.Use(p)
	if got := ask(); got.Why != "" || !got.At.Equal(at) || fmt.Sprint(got.Reasons) != fmt.Sprint(worn().Reasons) || len(got.Supplies) != 4 || *got.Supplies[0].Left != 4 || *got.Jobs[0].Age != 90 {
		t.Errorf("%+v", got)
	}
	d.visit = true
	if got := ask(); got.Why != "visit" || !got.At.Equal(at) || got.Model != "Example 1" || p.asked != 1 {
		t.Errorf("%+v, asked %d times", got, p.asked)
	}
	d.visit, p.err = false, &printer.Fault{Reason: printer.Unreachable, Err: errors.New("山田")}
	if got := ask(); got.Why != printer.Unreachable || got.Model != "Example 1" || p.asked != 2 {
		t.Errorf("%+v, asked %d times", got, p.asked)
	}
	has.Use(nil) // a policy that leaves it without a printer
	if got := ask(); got.Why != "not-here" || got.Model != "" {
		t.Errorf("%+v", got)
	}
	l, err := m.live(t.Context())
	if err != nil || l.Reader.Faults != 3 || l.Reader.Last.Hour() != 9 || l.Reader.Card == nil || !*l.Reader.Card || l.Reader.Rate != 10752 {
		t.Errorf("%+v %v", l, err)
	}
}

// TestSilentPrinter: a printer that does not answer does not hold up who asks for longer than a console waits.
func TestSilentPrinter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Printer{}
		p.Use(silent{})
		begun := time.Now()
		if got := p.look(t.Context(), false, time.Now); got.Why != "too-slow" || time.Since(begun) != describeTime || describeTime >= askTime {
			t.Errorf("%+v after %v", got, time.Since(begun))
		}
	})
}

type silent struct{}

func (silent) Describe(ctx context.Context) (printer.Description, error) {
	<-ctx.Done()
	return printer.Description{}, ctx.Err()
}

func findings(l *look, name string, t *testing.T) (out []string) {
	for _, c := range checks() {
		if c.name != name {
			continue
		}
		for _, f := range c.finds(t.Context(), l) {
			worn := ""
			if f.worn != nil {
				worn = fmt.Sprint(" ", *f.worn)
			}
			out = append(out, strings.TrimSpace(f.of+" "+f.state+" "+f.why)+worn)
		}
	}
	if len(out) == 0 {
		t.Errorf("no check %q", name)
	}
	return out
}

// TestPrinterFindings: every reason that is no report, and every supply, is one; what to do about it fits.
func TestPrinterFindings(t *testing.T) {
	p := &talker{says: worn()}
	l := &look{Machine: New(Options{Site: site.Site{Printer: site.Printer{Address: "ipp://h"}}, Now: time.Now, Printer: func(*policy.Policy) (spool.Printer, error) { return p, nil }}),
		down: console.Fail(console.DaemonDown), policy: &signed.Policy{}}
	if got := findings(l, "printer", t); !slices.Equal(got, []string{"ok", "failed media-jam", "soon toner-low"}) {
		t.Errorf("%q", got)
	}
	if got := findings(l, "supplies", t); !slices.Equal(got, []string{"failed waste-toner-full", "toner-black soon toner-black-low 96", "toner-cyan ok 20", "waste-toner failed waste-toner-full 100"}) {
		t.Errorf("%q", got)
	}
	p.says, p.err = printer.Description{}, &printer.Fault{Reason: printer.Unreachable}
	if got := findings(l, "printer", t); !slices.Equal(got, []string{"failed unreachable"}) {
		t.Errorf("%q", got)
	}
	if got := findings(l, "supplies", t); !slices.Equal(got, []string{"unknown not-told"}) {
		t.Errorf("%q", got)
	}
}

// TestHeard: what counts of a printer that the daemon has.
func TestHeard(t *testing.T) {
	at := time.Unix(1, 0)
	jam := printer.Description{Reasons: []printer.Reason{{Word: printer.MediaJam, Severity: "error"}}}
	low := printer.Description{Reasons: []printer.Reason{{Word: "media-low", Severity: "warning"}}}
	for want, c := range map[string]struct {
		said  printerSaid
		ready map[string]bool
		why   string
	}{
		"failed unreachable": {said: printerSaid{Why: printer.Unreachable}, ready: map[string]bool{"printer": true}},
		"failed media-jam":   {said: printerSaid{At: at, Description: jam}, ready: map[string]bool{"printer": true}},
		"failed busy":        {said: printerSaid{At: at}, ready: map[string]bool{"printer": false}, why: "busy"},
		"ok ":                {said: printerSaid{At: at, Description: low}},
		"unknown not-asked":  {said: printerSaid{Why: "visit"}},
		"failed too-slow":    {said: printerSaid{At: at, Why: "too-slow"}},
	} {
		l := &look{said: c.said, live: live{Ready: c.ready, Why: c.why}}
		state, why := l.heard()
		if got := state + " " + why; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestInTheWay: what nobody has to remove is none.
func TestInTheWay(t *testing.T) {
	d := attached.Device{InTheWay: []attached.Obstacle{{Code: attached.KernelDriver, By: "usblp"}, {Code: attached.InUse, By: "honnind"}, {Code: attached.InUse, By: "pcscd"}, {Code: attached.NoPermission}}}
	for down, want := range map[error]string{nil: "pcscd ", errSilent: "honnind pcscd "} {
		l, got := &look{down: down}, ""
		for _, o := range l.inTheWay(d) {
			if o.Code == attached.InUse {
				got += o.By + " "
			}
		}
		if got != want {
			t.Errorf("%v: %q, want %q", down, got, want)
		}
	}
	texts := map[console.Text]bool{}
	for _, c := range []attached.Code{attached.InUse, attached.NoPermission, attached.BadDescriptors, "?"} {
		texts[obstacleAdvice(string(c))] = true
	}
	if len(texts) != 4 || len(d.InTheWay) != 4 {
		t.Error(texts, d)
	}
}

// TestReaderWithoutADaemon: pcscd says whether there is a reader and a card, and why not.
func TestReaderWithoutADaemon(t *testing.T) {
	for err, want := range map[error]string{nil: "ok ", fmt.Errorf("%w: %w", card.ErrNoReader, pcsc.ErrService): "failed no-card-service", card.ErrNoReader: "failed none", pcsc.ErrHung: "failed not-answering"} {
		m := New(Options{Site: site.Site{State: t.TempDir()}, Now: time.Now, Policies: func() (Policies, error) { return nil, errors.New("none") },
			Present: func(context.Context) (bool, error) { return true, err }})
		l := m.look(t.Context())
		state, why := l.reader(t.Context())
		daemon := &look{Machine: m, live: live{Reader: seen{Card: new(bool)}}}
		if state, why := daemon.reader(t.Context()); state != "ok" || why != "" {
			t.Error("the daemon sees its reader:", state, why)
		}
		if got := state + " " + why; got != want || (l.live.Reader.Card != nil) != (err == nil) {
			t.Errorf("%v: %q, %v", err, got, l.live.Reader.Card)
		}
	}
}

// TestSheets: what the report counts is what the journal says came out.
func TestSheets(t *testing.T) {
	state, j := listening(t, &daemon{})
	m := New(Options{Site: site.Site{State: state}, Now: time.Now})
	if s := m.sheets(); s != nil {
		t.Errorf("%+v", s)
	}
	for range 2 {
		if _, err := j.Record(journal.Entry{Kind: journal.Started}); err != nil {
			t.Fatal(err)
		}
	}
	if s := m.sheets(); s == nil || s.Impressions != 0 || s.Since.IsZero() {
		t.Errorf("%+v", s)
	}
}

// TestRows: what is known of a device and of the reader, and nothing else, is in their rows.
func TestRows(t *testing.T) {
	none, yes := console.None(), true
	reader := attached.Device{Port: "1-2", ID: "054c:0dc9", Maker: "SAMPLE", Name: "Reader", Speed: "full", Readers: []attached.Reader{{PINPad: true}},
		InTheWay: []attached.Obstacle{{Code: attached.InUse, By: "honnind"}}}
	foreign := attached.Device{Port: "1-3.1", ID: "0000:0001", Name: "見本\x1b[2J", Printers: []attached.Printer{{}},
		InTheWay: []attached.Obstacle{{Code: attached.NoPermission}, {Code: attached.InUse, By: "山田 太郎"}}}
	numbered := attached.Device{Maker: "HID", Name: "Reader S/N AB1234567", Readers: []attached.Reader{{}}}
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	running := &look{Machine: New(Options{Site: site.Site{Reader: "usb:1-2"}}), live: live{Reader: seen{Faults: 2, Last: at, Card: &yes, Rate: 10752}}}
	stopped := &look{Machine: New(Options{Site: site.Site{Reader: "pcsc"}}), down: console.Fail(console.DaemonDown)}
	n, w := console.Name[string], console.Word[string]
	for i, c := range []struct{ got, want []console.Value }{
		{running.plugged(reader), []console.Value{n("1-2"), n("054c:0dc9"), w("reader"), console.Plain("SAMPLE Reader"), w("full"), none, w("honnind"), none}},
		{stopped.plugged(reader), []console.Value{n("1-2"), n("054c:0dc9"), w("reader"), console.Plain("SAMPLE Reader"), w("full"), none, w("honnind"), w("in-use")}},
		{running.plugged(foreign), []console.Value{n("1-3.1"), n("0000:0001"), w("printer"), none, none, none, w("other"), w("no-permission")}},
		{stopped.plugged(numbered)[3:4], []console.Value{console.Plain("HID Reader")}},
		{stopped.readerRow("ok", "", []attached.Device{numbered})[1:2], []console.Value{console.Plain("HID Reader")}},
		{running.readerRow("ok", "", []attached.Device{foreign, reader}), []console.Value{w("usb"), console.Plain("SAMPLE Reader"), w("ready"), none, console.Yes(true), console.Yes(true), console.Number(10752), console.Number(2), console.At(at)}},
		{stopped.readerRow("failed", "no-card-service", nil), []console.Value{w("pcsc"), none, w("not-ready"), w("no-card-service"), none, none, none, none, none}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%d: %+v, want\n%+v", i, c.got, c.want)
		}
	}
}
