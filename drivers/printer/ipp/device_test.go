package ipp

import (
	"context"
	"crypto/sha256"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"
	"honnin/spool/spooltest"
)

// These tests run against ippeveprinter, which nobody here wrote.

// jobForm is a number, the job's uuid and the printer's.
var jobForm = regexp.MustCompile(`^1 urn:uuid:[0-9a-f-]{36} urn:uuid:[0-9a-f-]{36}$`)

type outcome struct {
	result spool.Result
	err    error
}

// begin prints in the background.
func begin(ctx context.Context, p *Printer, doc *paper, told spool.Progress) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		r, err := p.print(ctx, doc, told)
		c <- outcome{r, err}
	}()
	return c
}

func TestDevicePrintsTheVeryBytes(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	wantReady(t, p, "")
	doc := document(2, 1, 300<<10)
	var told []int
	got, err := p.print(t.Context(), doc, func(n int) { told = append(told, n) })
	wantResult(t, got, err, protocol.Printed, 2, "")
	tray := d.Tray()
	if len(tray) != 1 || tray[0].SHA256 != doc.job.Document || tray[0].Name != doc.job.Transaction.String() {
		t.Errorf("tray %v; want %s once", tray, doc.job.Transaction)
	}
	if doc.opened != 1 || len(told) == 0 || told[len(told)-1] != 2 {
		t.Errorf("opened %d times, told %v", doc.opened, told)
	}
	if !jobForm.MatchString(got.JobID) || got.JobID != doc.handed || got.Evidence != spool.JobCounters {
		t.Errorf("the job is called %q, at its handing over %q; evidence %q", got.JobID, doc.handed, got.Evidence)
	}
	becomesReady(t, p, "")
}

// TestDeviceByTheWholeRoad prints what passed the real check and was released by the real queue.
func TestDeviceByTheWholeRoad(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	content := document(2, 2, 50<<10).body
	doc := spooltest.Released(t, content, 2, 2)
	got, err := p.Print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Printed, 4, "")
	tray := d.Tray()
	if len(tray) != 1 || tray[0].SHA256 != sha256.Sum256(content) || tray[0].Name != doc.Job().Transaction.String() {
		t.Errorf("tray %v", tray)
	}
	becomesReady(t, p, "")
	if got, err := p.Print(t.Context(), doc, nil); printer.ReasonOf(err) != printer.NotOpened || got.Outcome != "" {
		t.Errorf("printed twice: %+v, %v", got, err)
	}
	if n := len(d.Tray()); n != 1 {
		t.Errorf("%d documents in the tray", n)
	}
}

func TestDeviceCopiesAndSettings(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	got, err := p.print(t.Context(), document(2, 3, 1000), nil)
	wantResult(t, got, err, protocol.Printed, 6, "")
	tray := d.Tray()
	if len(tray) != 1 {
		t.Fatalf("%d documents in the tray", len(tray))
	}
	for name, want := range map[string]string{"IPP_COPIES": "3", "IPP_SIDES": "one-sided", "IPP_MEDIA": a4, "IPP_JOB_SHEETS": "none",
		"IPP_MULTIPLE_DOCUMENT_HANDLING": "separate-documents-collated-copies", "IPP_JOB_ORIGINATING_USER_NAME": "honnin"} {
		if tray[0].Env[name] != want {
			t.Errorf("%s is %q at the device, want %q", name, tray[0].Env[name], want)
		}
	}
}

// TestDeviceLearnsNothingElse lists every job attribute that reached the device: whatever is not in this list
// must not be sent without a thought.
func TestDeviceLearnsNothingElse(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	doc := document(1, 1, 1000)
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Printed, 1, "")
	ours := map[string]string{"IPP_JOB_NAME": doc.job.Transaction.String(), "IPP_JOB_ORIGINATING_USER_NAME": "honnin",
		"IPP_COPIES": "1", "IPP_SIDES": "one-sided", "IPP_MEDIA": a4, "IPP_JOB_SHEETS": "none", "IPP_FINISHINGS": "none"}
	theirs := regexp.MustCompile(`^IPP_(.*_DEFAULT|JOB_(ID|URI|UUID|PRINTER_URI)|(DATE_)?TIME_AT_CREATION|DOCUMENT_FORMAT_(DETECTED|SUPPLIED))$`)
	for name, value := range d.Tray()[0].Env {
		if want, ok := ours[name]; ok && value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		} else if !ok && !theirs.MatchString(name) {
			t.Errorf("the device was told %s=%q", name, value)
		}
	}
}

func TestDeviceSecure(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	pin := protocol.Digest(d.Certificate())
	p := open(t, d.SecureURI(), Options{Pin: &pin})
	wantReady(t, p, "")
	doc := document(1, 1, 300<<10)
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Printed, 1, "")
	if tray := d.Tray(); len(tray) != 1 || tray[0].SHA256 != doc.job.Document {
		t.Errorf("tray %v", tray)
	}
	wrong := pin
	wrong[0] ^= 1
	wantReady(t, open(t, d.SecureURI(), Options{Pin: &wrong}), badTLS)
	wantReady(t, open(t, d.SecureURI(), Options{}), badTLS)
	doc = document(1, 1, 1000)
	got, err = open(t, d.SecureURI(), Options{Pin: &wrong}).print(t.Context(), doc, nil)
	if printer.ReasonOf(err) != badTLS || doc.opened != 0 {
		t.Errorf("%+v, %v, opened %d times", got, err, doc.opened)
	}
}

func TestDeviceImpressions(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	for _, c := range []struct {
		mode    string
		outcome protocol.Outcome
		n       int
		reason  string
	}{
		{"silent", protocol.Unsure, 0, "impressions-short"}, // ippeveprinter says 0 where it was told nothing
		{"short", protocol.Unsure, 5, "impressions-short"},
		{"over", protocol.Unsure, 7, "impressions-over"},
		{"print", protocol.Printed, 6, ""},
	} {
		d.Behave(ippevetest.Behaviour{Mode: c.mode})
		becomesReady(t, p, "")
		got, err := p.print(t.Context(), document(3, 2, 1000), nil)
		wantResult(t, got, err, c.outcome, c.n, c.reason)
	}
}

func TestDeviceAborts(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	d.Behave(ippevetest.Behaviour{Mode: "abort"})
	got, err := p.print(t.Context(), document(2, 1, 1000), nil)
	wantResult(t, got, err, protocol.Failed, 0, "aborted")
	becomesReady(t, p, "")
	d.Behave(ippevetest.Behaviour{Mode: "abort", After: 1})
	got, err = p.print(t.Context(), document(2, 1, 1000), nil)
	wantResult(t, got, err, protocol.Unsure, 1, "aborted")
}

func TestDeviceStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason  string
		after   int
		outcome protocol.Outcome
	}{
		{printer.MediaJam, 0, protocol.Failed},
		{printer.MediaJam, 1, protocol.Unsure},
		{"cover-open", 0, protocol.Failed},
		{"cover-open", 2, protocol.Unsure},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			d := ippevetest.Start(t)
			p := open(t, d.URI(), Options{})
			d.Behave(ippevetest.Behaviour{Mode: "stop", After: c.after, Reason: c.reason})
			got, err := p.print(t.Context(), document(2, 2, 1000), nil)
			wantResult(t, got, err, c.outcome, c.after, c.reason)
			becomesReady(t, p, "")
			d.Behave(ippevetest.Behaviour{Mode: "print"})
			printed(t, p)
			if n := len(d.Tray()); n != 1 {
				t.Errorf("%d documents came out, want the later one only", n)
			}
		})
	}
}

func TestDeviceWithoutPaper(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	timing := quick
	timing.Cancel, timing.Settle = 2*time.Second, time.Second
	p := open(t, d.URI(), Options{Timing: timing})
	d.Load(0)
	becomesReady(t, p, "media-empty")
	doc := document(1, 1, 1000)
	if got, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != "media-empty" || doc.opened != 0 {
		t.Fatalf("%+v, %v, opened %d times", got, err, doc.opened)
	}
	d.Load(50)
	becomesReady(t, p, "")
	// The tray runs empty between the last look and the document: this device then ignores Cancel-Job until
	// paper is loaded, and prints. So the job is not ended when the terminal gives up, and nothing is known.
	doc.before = func() { d.Load(0) }
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Unsure, 0, printer.MediaNeeded)
	if len(p.left) == 0 {
		t.Error("the job is forgotten")
	}
	if r, err := p.Ready(t.Context()); r.Ready {
		t.Errorf("ready with a job in the queue: %+v, %v", r, err)
	}
	d.Load(50)
	becomesReady(t, p, "")
	wantReady(t, p, "") // the one before may have cancelled the job in its last moment
	if len(p.left) > 0 {
		t.Error("a job that has ended is still remembered")
	}
}

func TestDeviceDies(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	d.Behave(ippevetest.Behaviour{Mode: "slow", After: 1})
	end := begin(t.Context(), p, document(2, 1, 1000), nil)
	d.AwaitEngine()
	d.Kill()
	o := <-end
	if o.result.Impressions > 1 {
		t.Errorf("%d impressions", o.result.Impressions)
	}
	wantResult(t, o.result, o.err, protocol.Unsure, o.result.Impressions, printer.Unreachable)

	doc := document(1, 1, 1000)
	got, err := p.print(t.Context(), doc, nil)
	if printer.ReasonOf(err) != printer.Unreachable || doc.opened != 0 || got.Outcome != "" {
		t.Errorf("a dead printer: %+v, %v, opened %d times", got, err, doc.opened)
	}
	wantReady(t, p, printer.Unreachable)
}

// After a restart job ids begin at 1 again: job 1 is then somebody else's, and is neither believed nor cancelled.
func TestDeviceRestartsAndAnotherTakesTheNumber(t *testing.T) {
	t.Parallel()
	ippevetest.Require(t, "ipptool")
	d := ippevetest.Start(t)
	timing := quick
	timing.Lost = 10 * time.Second
	p := open(t, d.URI(), Options{Timing: timing})
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	end := begin(t.Context(), p, document(1, 1, 1000), nil)
	d.AwaitEngine()
	d.Kill()
	d.Behave(ippevetest.Behaviour{Mode: "print"})
	d.Restart()
	ippevetest.Stranger(t, d.URI(), "print-job.test")
	o := <-end
	wantResult(t, o.result, o.err, protocol.Unsure, o.result.Impressions, "job-lost")
	if strings.Contains(d.Log(), "Cancel-Job") {
		t.Error("somebody else's job was cancelled")
	}
}

func TestDeviceWithAnothersJob(t *testing.T) {
	t.Parallel()
	ippevetest.Require(t, "ipptool")
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	wantReady(t, p, "")
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	ippevetest.Stranger(t, d.URI(), "print-job.test")
	d.AwaitEngine()
	wantReady(t, p, printer.JobsWaiting)
	doc := document(1, 1, 1000)
	if got, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != printer.JobsWaiting || doc.opened != 0 {
		t.Errorf("%+v, %v, opened %d times", got, err, doc.opened)
	}
	d.Go()
	becomesReady(t, p, "")
}

// impatient has a printer that does not answer given up soon. It is called when that printer hangs: a busy one may need longer.
func (p *Printer) impatient() {
	p.ipp.call, p.timing.Upload, p.timing.Lost, p.timing.Cancel = 300*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond
}

func TestDeviceHangs(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p, doc := open(t, d.URI(), Options{}), document(1, 1, 1000)
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	doc.after = func() { d.AwaitEngine(); d.Hang(); p.impatient() }
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Unsure, 0, printer.Unreachable)
	wantReady(t, p, printer.Unreachable)
	d.Resume()
	becomesReady(t, p, printer.JobsWaiting) // and by now the job has been cancelled
	d.AwaitLog("Cancel-Job successful-ok")
	d.Go()
	becomesReady(t, p, "")
}

func TestDeviceThatHangsDuringTheUpload(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p, doc := open(t, d.URI(), Options{}), document(1, 1, 30<<20)
	doc.before = func() { d.Hang(); p.impatient() }
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Unsure, 0, "upload-cut")
	d.Resume()
	becomesReady(t, p, "")
}

func TestDeviceIsTooSlow(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	timing := quick
	timing.Print, timing.PerImpression, timing.Cancel = 300*time.Millisecond, time.Millisecond, 300*time.Millisecond
	p, doc := open(t, d.URI(), Options{Timing: timing}), document(2, 1, 1000)
	d.Behave(ippevetest.Behaviour{Mode: "slow", After: 1})
	doc.after = d.AwaitEngine // it is the second sheet that takes too long
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Unsure, 1, "deadline")
	d.Go()
	becomesReady(t, p, "")
}

func TestDeviceIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	ctx, stop := context.WithCancel(t.Context())
	end := begin(ctx, p, document(1, 1, 1000), nil)
	d.AwaitEngine()
	wantReady(t, p, printer.Busy)
	if _, err := p.print(t.Context(), document(1, 1, 1000), nil); printer.ReasonOf(err) != printer.Busy {
		t.Errorf("two at a time: %v", err)
	}
	stop()
	d.AwaitLog("Cancel-Job successful-ok")
	d.Go()
	o := <-end
	// The engine put everything out after the Cancel-Job: nothing to be sure of.
	wantResult(t, o.result, o.err, protocol.Unsure, 1, printer.Canceled)
}

// TestDeviceGetsHalf cuts the upload in a proxy. ippeveprinter prints what it got and calls the job completed.
func TestDeviceGetsHalf(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	proxy := cutter(t, d.HostPort(), 200<<10)
	p := open(t, "ipp://"+proxy+"/ipp/print", Options{})
	got, err := p.print(t.Context(), document(4, 1, 16<<20), nil)
	if err != nil || got.Outcome == protocol.Printed || got.Outcome == protocol.Failed && len(d.Tray()) > 0 {
		t.Fatalf("%+v, %v with %d documents in the tray", got, err, len(d.Tray()))
	}
	if got.Reason != "upload-cut" {
		t.Errorf("reason %q", got.Reason)
	}
	becomesReady(t, p, "")
}

// cutter forwards connections, and closes the one that carries more than limit bytes to the device.
func cutter(t *testing.T, to string, limit int64) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go forward(c, to, limit)
		}
	}()
	return l.Addr().String()
}
