//go:build slow

package ipp

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"
)

// The moments at which something can go wrong with a printer.
var moments = []string{"before the visit", "before the commit", "before the first byte", "while sending", "while printing", "after"}

// mishap is what goes wrong, what people do about it, and what must follow at each of the moments, in their order:
//
//	refused  no visit begins, or no document is opened; the printer has no job of ours
//	failed, unsure, printed, or two of them where the device decides
//	-        cannot happen then; why is said
type mishap struct {
	happens, mends func(*ippevetest.Device)
	engine         ippevetest.Behaviour // while ours prints; slow if it says nothing
	follows        [6]string
	ready          string // why the printer is not ready while it lasts
	why            string // of each -
}

func mishaps(t *testing.T) map[string]mishap {
	nothing := func(*ippevetest.Device) {}
	cut := func(d *ippevetest.Device) { d.Kill(); d.Restart() }
	const oneJob = "this device refuses a second job while it has one"
	stops := func(reason string) mishap {
		return mishap{func(d *ippevetest.Device) { d.Leave("+" + reason + "-error") }, func(d *ippevetest.Device) { d.Leave("-" + reason + "-error") }, ippevetest.Behaviour{Mode: "stop", After: 1, Reason: reason + "-error"},
			[6]string{"refused", "refused", "-", "-", "unsure", "printed"}, reason, oneJob + ", so nobody's can jam it: see while printing"}
	}
	return map[string]mishap{
		"empty": {func(d *ippevetest.Device) { d.Load(0) }, func(d *ippevetest.Device) { d.Load(50) }, ippevetest.Behaviour{},
			[6]string{"refused", "refused", "unsure", "unsure", "printed unsure", "printed"}, "media-empty", ""},
		"jam":   stops(printer.MediaJam),
		"cover": stops("cover-open"),
		"aborted": {nothing, nothing, ippevetest.Behaviour{Mode: "abort", After: 1},
			[6]string{"-", "-", "-", "-", "unsure", "-"}, "", "only what is printing is aborted"},
		"aborted at once": {nothing, nothing, ippevetest.Behaviour{Mode: "abort"},
			[6]string{"-", "-", "-", "-", "failed", "-"}, "", "only what is printing is aborted"},
		"cancelled": {func(d *ippevetest.Device) { ippevetest.Stranger(t, d.URI(), "cancel-current-job.test") }, nothing, ippevetest.Behaviour{},
			[6]string{"-", "-", "failed unsure", "failed unsure", "unsure", "-"}, "", "there is no job of ours then"},
		"killed": {(*ippevetest.Device).Kill, (*ippevetest.Device).Restart, ippevetest.Behaviour{},
			[6]string{"refused", "refused", "failed unsure", "unsure", "unsure", "printed"}, printer.Unreachable, ""},
		"restarted": {cut, nothing, ippevetest.Behaviour{},
			[6]string{"printed", "printed", "failed unsure", "unsure", "unsure", "printed"}, "", ""},
		"hangs": {(*ippevetest.Device).Hang, (*ippevetest.Device).Resume, ippevetest.Behaviour{},
			[6]string{"refused", "refused", "unsure", "unsure", "unsure", "printed"}, printer.Unreachable, ""},
		"busy": {func(d *ippevetest.Device) {
			d.Behave(ippevetest.Behaviour{Mode: "slow"})
			ippevetest.Stranger(t, d.URI(), "print-job.test")
			d.AwaitEngine()
		}, (*ippevetest.Device).Go, ippevetest.Behaviour{}, [6]string{"refused", "refused", "-", "-", "-", "printed"}, printer.JobsWaiting, oneJob},
	}
}

// TestFaultsAtEveryMoment is the fault table against a printer that others wrote. Whatever happens, nothing of ours is
// left in its queue when it is mended, no document was sent twice, and "printed" is said only of paper in the tray.
// A document that was cut short, one that never came, and a restart of the terminal have tables of their own
// (TestDeviceGetsHalf, TestRestartBesideADevice), and so has a queue before the device.
func TestFaultsAtEveryMoment(t *testing.T) {
	t.Parallel()
	for name, m := range mishaps(t) {
		for i, moment := range moments {
			if m.follows[i] == "-" {
				if m.why == "" {
					t.Errorf("nobody says why %s cannot happen %s", name, moment)
				}
				continue
			}
			t.Run(name+" "+moment, func(t *testing.T) {
				t.Parallel()
				again := mishaps(t)[name] // whose helpers fail this test
				newBench(t, again, moment).run(again.follows[i])
			})
		}
	}
}

// bench is one cell of the table.
type bench struct {
	*testing.T
	mishap
	moment string
	d      *ippevetest.Device
	p      *Printer
	doc    *paper
}

func newBench(t *testing.T, m mishap, moment string) *bench {
	d := ippevetest.Start(t)
	timing := quick
	if moment != "after" { // a busy machine must not look like a fault where none is expected
		timing.Call, timing.Upload, timing.Cancel = 2*time.Second, 2*time.Second, 2*time.Second
	}
	b := &bench{t, m, moment, d, open(t, d.URI(), Options{Timing: timing}), document(2, 1, 8<<20)}
	becomesReady(t, b.p, "")
	return b
}

func (b *bench) run(want string) {
	name := b.doc.job.Transaction.String()
	got := b.verdict()
	if !strings.Contains(" "+want+" ", " "+got+" ") {
		b.Errorf("%s, not %s", got, want)
	}
	if b.moment == "after" || want == "refused" {
		becomesReady(b.T, b.p, b.ready)
	}
	b.mends(b.d)
	b.d.AwaitNoJobs()
	if n := b.d.Documents(name); n > 1 || want == "refused" && n != 0 {
		b.Errorf("%d documents of ours were sent", n)
	}
	if got == "printed" != b.inTray(name) && got != "unsure" {
		b.Errorf("%s, and in the tray: %v", got, b.inTray(name))
	}
	becomesReady(b.T, b.p, "")
	if err := b.p.Clear(b.Context()); err != nil {
		b.Error(err)
	}
}

func (b *bench) inTray(name string) bool {
	for _, s := range b.d.Tray() {
		if s.Name == name {
			return true
		}
	}
	return false
}

// verdict lets it happen at its moment, and says what came of it in a word of the table.
func (b *bench) verdict() string {
	switch b.moment {
	case "before the visit":
		b.happens(b.d)
		if r, _ := b.p.Ready(b.Context()); !r.Ready {
			return "refused"
		}
	case "before the commit":
		b.happens(b.d)
	case "before the first byte":
		b.doc.before = func() { b.happens(b.d) }
	case "while sending":
		b.doc.reader = &halfway{ReadSeeker: bytes.NewReader(b.doc.body), left: len(b.doc.body) / 2, then: func() { b.happens(b.d) }}
	case "while printing":
		return b.whilePrinting()
	}
	got, err := b.p.print(b.Context(), b.doc, nil)
	if err != nil {
		if b.doc.opened != 0 {
			b.Error("refused after it was opened")
		}
		return "refused"
	}
	if b.moment == "after" {
		b.happens(b.d)
	}
	return b.said(got.Outcome, got.Evidence)
}

func (b *bench) said(o protocol.Outcome, evidence string) string {
	if (o == protocol.Unsure) != (evidence == "none") {
		b.Errorf("%s by %q", o, evidence)
	}
	return string(o)
}

// whilePrinting has it happen when the engine is at work; an engine that stops or aborts does so by itself.
func (b *bench) whilePrinting() string {
	byItself := b.engine.Mode != ""
	if !byItself {
		b.engine = ippevetest.Behaviour{Mode: "slow", After: 1}
	}
	b.d.Behave(b.engine)
	end := begin(b.Context(), b.p, b.doc, nil)
	if !byItself {
		b.d.AwaitEngine()
		b.happens(b.d)
		b.d.Go()
	}
	o := <-end
	if o.err != nil {
		b.Error(o.err)
	}
	b.mends, b.engine = only(byItself, b.mends), ippevetest.Behaviour{}
	return b.said(o.result.Outcome, o.result.Evidence)
}

// only is nothing to do for what has passed by itself.
func only(passed bool, mends func(*ippevetest.Device)) func(*ippevetest.Device) {
	if passed {
		return func(*ippevetest.Device) {}
	}
	return mends
}
