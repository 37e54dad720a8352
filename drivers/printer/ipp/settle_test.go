package ipp

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"

	"github.com/OpenPrinting/goipp"
	"pgregory.net/rapid"
)

// run is one life of the terminal at a printer, which ends without a word: after prepare, or after the upload.
type run struct {
	t   *testing.T
	p   *Printer
	doc *paper
	at  time.Time
}

func newRun(t *testing.T, p *Printer, pages, size int) *run {
	return &run{t, p, document(pages, 1, size), time.Now()}
}

// creates makes the job, and no document follows.
func (r *run) creates() *job {
	r.t.Helper()
	j, err := r.p.prepare(r.t.Context(), r.doc.job, r.doc.job.Transaction.String())
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// hands sends the document, and the power goes when the printer has acknowledged it, or when the upload was cut.
func (r *run) hands() {
	r.t.Helper()
	j, s := r.creates(), new(story)
	content, err := r.doc.Open()
	if err != nil {
		r.t.Fatal(err)
	}
	if r.p.upload(r.t.Context(), j, content, s); s.trouble == "" {
		r.doc.Handed(j.id())
	}
}

// past is what the journal knows of it.
func (r *run) past() spool.Past {
	return spool.Past{Transaction: r.doc.job.Transaction, Impressions: r.doc.job.Impressions(), JobID: r.doc.handed, Age: time.Since(r.at)}
}

// settles asks with the memory of the next run: none but the journal's.
func (r *run) settles(o protocol.Outcome, impressions int, reason, evidence string) *Printer {
	r.t.Helper()
	next := open(r.t, r.p.ipp.uri, Options{Timing: r.p.timing})
	got := next.Settle(r.t.Context(), r.past())
	if got.Outcome != o || got.Impressions != impressions || got.Reason != reason || got.Evidence != evidence {
		r.t.Errorf("%+v; want %s, %d impressions, %q by %q", got, o, impressions, reason, evidence)
	}
	return next
}

// TestRestartBesideADevice is the table of what a printer that others wrote says of a job after the terminal's restart.
func TestRestartBesideADevice(t *testing.T) {
	t.Parallel()
	const unsure, failed = protocol.Unsure, protocol.Failed
	for name, c := range map[string]struct {
		engine   ippevetest.Behaviour
		life     func(*run, *ippevetest.Device)
		outcome  protocol.Outcome
		out      int
		reason   string
		evidence string
	}{
		"printed": {ippevetest.Behaviour{Mode: "print"}, func(r *run, d *ippevetest.Device) { r.hands(); d.AwaitTray(1); d.AwaitNoJobs() },
			protocol.Printed, 2, "", spool.JobCounters},
		"printed, says too few": {ippevetest.Behaviour{Mode: "short"}, func(r *run, d *ippevetest.Device) { r.hands(); d.AwaitTray(1); d.AwaitNoJobs() },
			unsure, 1, "impressions-short", spool.NoEvidence},
		"printed, nobody acknowledged": {ippevetest.Behaviour{Mode: "print"}, func(r *run, d *ippevetest.Device) { r.hands(); r.doc.handed = ""; d.AwaitTray(1); d.AwaitNoJobs() },
			unsure, 2, "not-acknowledged", spool.NoEvidence},
		"aborted without a sheet": {ippevetest.Behaviour{Mode: "abort"}, func(r *run, d *ippevetest.Device) { r.hands(); d.AwaitNoJobs() },
			failed, 0, "aborted", spool.JobCounters},
		"aborted after a sheet": {ippevetest.Behaviour{Mode: "abort", After: 1}, func(r *run, d *ippevetest.Device) { r.hands(); d.AwaitNoJobs() },
			unsure, 1, "aborted", spool.NoEvidence},
		"still printing": {ippevetest.Behaviour{Mode: "slow", After: 1}, func(r *run, d *ippevetest.Device) {
			r.hands()
			d.AwaitEngine()
			go func() { d.AwaitLog("Cancel-Job successful-ok"); d.Go() }()
		},
			unsure, 2, "restart-while-printing", spool.NoEvidence},
		"jammed": {ippevetest.Behaviour{Mode: "stop", After: 1, Reason: printer.MediaJam}, func(r *run, d *ippevetest.Device) { r.hands(); d.AwaitEngine() },
			unsure, 1, "restart-while-printing", spool.NoEvidence},
		"jammed before a sheet": {ippevetest.Behaviour{Mode: "stop", Reason: printer.MediaJam}, func(r *run, d *ippevetest.Device) { r.hands(); d.AwaitEngine() },
			failed, 0, "restart-while-printing", spool.JobCounters},
		"orphan": {ippevetest.Behaviour{Mode: "print"}, func(r *run, d *ippevetest.Device) { r.creates() },
			failed, 0, "not-acknowledged", spool.NeverProcessed},
		"no job at all": {ippevetest.Behaviour{Mode: "print"}, func(*run, *ippevetest.Device) {},
			unsure, 0, "job-lost", spool.NoEvidence},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := ippevetest.Start(t)
			d.AwaitClock()
			d.Behave(c.engine)
			r := newRun(t, open(t, d.URI(), Options{}), 2, 1000)
			c.life(r, d)
			next := r.settles(c.outcome, c.out, c.reason, c.evidence)
			d.AwaitNoJobs()
			if err := next.Clear(t.Context()); err != nil {
				t.Errorf("not clear with an empty queue: %v", err)
			}
			if n := d.Documents(r.doc.job.Transaction.String()); n > 1 {
				t.Errorf("%d documents were sent", n)
			}
		})
	}
}

// TestRestartWaitsOnce: a job that will not end is waited for once in a run, however often a start asks about it.
func TestRestartWaitsOnce(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	d.AwaitClock()
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	r := newRun(t, open(t, d.URI(), Options{}), 1, 1000)
	r.hands()
	d.AwaitEngine()
	timing := quick
	timing.Cancel = 300 * time.Millisecond
	next := open(t, d.URI(), Options{Timing: timing})
	if got := next.Settle(t.Context(), r.past()); got.Outcome != protocol.Unsure || got.Reason != "restart-while-printing" {
		t.Errorf("%+v", got)
	}
	next.timing.Cancel = time.Hour
	again, past := make(chan spool.Result, 1), r.past()
	go func() { again <- next.Settle(t.Context(), past) }()
	select {
	case got := <-again:
		if got.Outcome != protocol.Unsure || got.Reason != printer.JobsWaiting || got.Evidence != spool.NoEvidence {
			t.Errorf("asked again: %+v", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it is waited for again")
	}
	d.Go()
	d.AwaitNoJobs()
	if got := next.Settle(t.Context(), r.past()); got.Reason == printer.JobsWaiting {
		t.Errorf("it has ended: %+v", got)
	}
	if err := next.Clear(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRestartOfBoth: the printer was off too. Its numbers begin again, and somebody else's job has ours.
func TestRestartOfBoth(t *testing.T) {
	t.Parallel()
	ippevetest.Require(t, "ipptool")
	d := ippevetest.Start(t)
	r := newRun(t, open(t, d.URI(), Options{}), 1, 1000)
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	r.hands()
	d.AwaitEngine()
	d.Kill()
	gone := open(t, d.URI(), Options{})
	if got := gone.Settle(t.Context(), r.past()); got.Outcome != protocol.Unsure || got.Reason != printer.Unreachable || got.Evidence != spool.NoEvidence {
		t.Errorf("%+v", got)
	}
	if err := gone.Clear(t.Context()); err == nil {
		t.Error("clear, and nobody could ask")
	}
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	d.Restart()
	ippevetest.Stranger(t, d.URI(), "print-job.test")
	d.AwaitEngine()
	next := r.settles(protocol.Unsure, 0, "job-lost", spool.NoEvidence)
	for _, p := range []*Printer{next, gone} {
		if err := p.Clear(t.Context()); err != nil {
			t.Errorf("another's job is taken for ours: %v", err)
		}
	}
	if strings.Contains(d.Log(), "Cancel-Job") {
		t.Error("somebody else's job was cancelled")
	}
	d.Go()
	d.AwaitTray(1)
}

// TestAnotherPrinterAtTheAddress: it has a job of our number and even of our name, printed to the end.
func TestAnotherPrinterAtTheAddress(t *testing.T) {
	t.Parallel()
	first, second := ippevetest.Start(t), ippevetest.Start(t)
	second.AwaitClock()
	r := newRun(t, open(t, first.URI(), Options{}), 1, 1000)
	r.hands()
	first.AwaitTray(1)
	if got, err := open(t, second.URI(), Options{}).print(t.Context(), r.doc, nil); err != nil || got.Outcome != protocol.Printed {
		t.Fatalf("%+v %v", got, err)
	}
	second.AwaitNoJobs()
	theirs := r.doc.handed // the second printer's name for it
	r.doc.handed = ""
	r.p = open(t, second.URI(), Options{})
	r.settles(protocol.Unsure, 1, "not-acknowledged", spool.NoEvidence)
	r.doc.handed = strings.Fields(theirs)[0] + " urn:uuid:00000000-0000-4000-8000-000000000000 " + strings.Fields(theirs)[2]
	r.settles(protocol.Unsure, 1, "job-lost", spool.NoEvidence)
	r.doc.handed = theirs[:len(theirs)-1] + "x"
	r.settles(protocol.Unsure, 1, "job-lost", spool.NoEvidence)
	r.doc.handed = theirs
	r.settles(protocol.Printed, 1, "", spool.JobCounters)
}

// TestCutUploadAfterARestart: the printer has half of it and calls the job completed.
func TestCutUploadAfterARestart(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	d.AwaitClock()
	r := newRun(t, open(t, "ipp://"+cutter(t, d.HostPort(), 200<<10)+"/ipp/print", Options{}), 4, 16<<20)
	r.hands()
	if r.doc.handed != "" {
		t.Fatal("a cut upload was acknowledged")
	}
	d.AwaitNoJobs()
	next := open(t, d.URI(), Options{})
	if got := next.Settle(t.Context(), r.past()); got.Outcome == protocol.Printed || got.Outcome == protocol.Failed && len(d.Tray()) > 0 {
		t.Errorf("%+v with %d documents in the tray", got, len(d.Tray()))
	}
	d.AwaitNoJobs()
}

// TestNoPaperAfterARestart: the tray ran empty, and this device ignores Cancel-Job until paper is loaded, and prints then.
// Until that job is gone nothing is clear, whatever staff say.
func TestNoPaperAfterARestart(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	d.AwaitClock()
	timing := quick
	timing.Cancel = 500 * time.Millisecond
	r := newRun(t, open(t, d.URI(), Options{Timing: timing}), 1, 1000)
	r.doc.before = func() { d.Load(0) }
	r.hands()
	next := r.settles(protocol.Unsure, 0, "restart-while-printing", spool.NoEvidence)
	if err := next.Clear(t.Context()); printer.ReasonOf(err) != printer.JobsWaiting {
		t.Errorf("clear with a job that waits for paper: %v", err)
	}
	d.Load(50)
	d.AwaitNoJobs()
	if err := next.Clear(t.Context()); err != nil {
		t.Errorf("not clear: %v", err)
	}
	becomesReady(t, next, "")
}

// remembered is a fake with the history of one job, as a device tells it after the terminal's restart.
func remembered(t testing.TB, past spool.Past, change func(*fakeJob)) *fake {
	f := startFake(t)
	j := &fakeJob{id: 1, state: int(jobCompleted), name: past.Transaction.String(), completed: past.Impressions, total: past.Impressions,
		processing: 7, created: 7, up: 7 + int(past.Age/time.Second)}
	change(j)
	f.jobs = append(f.jobs, j)
	return f
}

func TestRestartBesideAFake(t *testing.T) {
	t.Parallel()
	const unsure, failed = protocol.Unsure, protocol.Failed
	zero := func(j *fakeJob) { j.state, j.completed = int(jobAborted), 0 }
	for name, c := range map[string]struct {
		job     func(*fakeJob)
		fake    func(*fake)
		outcome protocol.Outcome
		reason  string
	}{
		"printed":                        {func(*fakeJob) {}, nil, protocol.Printed, ""},
		"nothing came out":               {zero, nil, failed, "aborted"},
		"counts nothing":                 {func(j *fakeJob) { j.completed = -1 }, nil, unsure, "impressions-unknown"},
		"one over":                       {func(j *fakeJob) { j.completed++ }, nil, unsure, "impressions-over"},
		"always 0":                       {func(j *fakeJob) { zero(j); j.total = -1 }, nil, unsure, "aborted"},
		"never began, and seen too late": {func(j *fakeJob) { zero(j); j.total, j.processing = -1, -1 }, nil, unsure, "aborted"},
		"printer restarted, printed":     {func(j *fakeJob) { j.created, j.up = -30, 40 }, nil, unsure, "printer-restarted"},
		"printer restarted, nothing":     {func(j *fakeJob) { zero(j); j.created, j.up = 0, 40 }, nil, unsure, "printer-restarted"},
		"times of an older life":         {func(j *fakeJob) { j.created, j.up = 5000, 40 }, nil, unsure, "printer-restarted"},
		"another's clock":                {func(j *fakeJob) { j.up += 3600 }, nil, unsure, "printer-restarted"},
		"no clock":                       {func(j *fakeJob) { j.up = -1 }, nil, unsure, "printer-restarted"},
		"jams now":                       {func(*fakeJob) {}, func(f *fake) { f.set(keyword("printer-state-reasons", "media-jam-error")) }, unsure, "media-jam"},
		"a queue":                        {func(*fakeJob) {}, func(f *fake) { f.set(keyword("cups-version", "2.4.2")) }, unsure, queueBetween},
		"two of that name":               {func(*fakeJob) {}, func(f *fake) { two := *f.jobs[0]; two.id = 2; f.jobs = append(f.jobs, &two) }, unsure, "job-ambiguous"},
		"purged":                         {func(*fakeJob) {}, func(f *fake) { f.jobs = nil }, unsure, "job-lost"},
		"another number":                 {func(j *fakeJob) { j.id = 2 }, nil, unsure, "job-lost"},
		"rises again": {zero, func(f *fake) {
			asked := 0
			f.twist[goipp.OpGetJobAttributes] = func(*goipp.Message) {
				if asked++; asked == 1 {
					f.jobs[0].completed = 1
				}
			}
		}, unsure, "rose-again"},
		"lists garbage": {func(*fakeJob) {}, func(f *fake) { f.raw[goipp.OpGetJobs] = raw(http.StatusOK, goipp.ContentType, "garbage") }, unsure, badAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			past := spool.Past{Transaction: protocol.NewTransaction(), Impressions: 2, Age: time.Minute}
			f := remembered(t, past, c.job)
			past.JobID = "1 - " + f.uri()
			if c.fake != nil {
				c.fake(f)
			}
			got := open(t, f.uri(), Options{}).Settle(t.Context(), past)
			if got.Outcome != c.outcome || got.Reason != c.reason || (got.Evidence == spool.NoEvidence) != (c.outcome == unsure) {
				t.Errorf("%+v; want %s %q", got, c.outcome, c.reason)
			}
			if f.alive() != 0 || len(f.seen(goipp.OpSendDocument)) != 0 {
				t.Error("something is left, or was sent")
			}
		})
	}
}

// TestRestartNeedsItsEvidence: whatever a device remembers, printed needs the very job, acknowledged, counted to the end
// and of this life of the printer; failed needs a count of 0, or a job that was seen waiting.
func TestRestartNeedsItsEvidence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		past := spool.Past{Transaction: protocol.NewTransaction(), Impressions: rapid.IntRange(1, 3).Draw(r, "want"), Age: time.Minute}
		number := rapid.IntRange(-1, 3)
		var was fakeJob
		f := remembered(t, past, func(j *fakeJob) {
			j.state, j.completed, j.total = rapid.IntRange(3, 9).Draw(r, "state"), number.Draw(r, "completed"), number.Draw(r, "total")
			j.processing = rapid.SampledFrom([]int{-1, 7}).Draw(r, "processing")
			j.created = rapid.SampledFrom([]int{-1, 0, 7}).Draw(r, "created")
			was = *j
		})
		defer f.srv.Close()
		acknowledged := rapid.Bool().Draw(r, "acknowledged")
		if acknowledged {
			past.JobID = "1 - " + f.uri()
		}
		got := open(t, f.uri(), Options{}).Settle(t.Context(), past)
		switch got.Outcome {
		case protocol.Printed:
			if !acknowledged || was.completed != past.Impressions || jobState(was.state) != jobCompleted || was.created < 1 {
				r.Fatalf("printed without evidence: %+v", was)
			}
		case protocol.Failed:
			counted := was.completed == 0 && was.total > 0
			waited := was.processing == -1 && was.completed < 1 && (jobState(was.state) == jobPending || jobState(was.state) == jobHeld)
			if was.created < 1 || !counted && !waited || jobState(was.state) == jobCompleted {
				r.Fatalf("failed without evidence: %+v", was)
			}
		}
		if f.alive() != 0 {
			r.Fatal("a job is left")
		}
	})
}

// TestAllThatWasLeftIsCleared: nobody could ask about two jobs, and both are remembered until both have ended.
func TestAllThatWasLeftIsCleared(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	f.raw[goipp.OpGetJobs] = raw(http.StatusOK, goipp.ContentType, "garbage")
	for i := range 2 {
		past := spool.Past{Transaction: protocol.NewTransaction(), Impressions: 1, Age: time.Minute}
		f.jobs = append(f.jobs, &fakeJob{id: i + 1, state: int(jobProcessing), name: past.Transaction.String(), created: 7, processing: 7, up: 67})
		for range 2 { // asked again, it is no more known
			if got := p.Settle(t.Context(), past); got.Outcome != protocol.Unsure || got.Reason != badAnswer {
				t.Errorf("%+v", got)
			}
		}
	}
	if err := p.Clear(t.Context()); err == nil || f.alive() != 2 {
		t.Error("clear, and nobody could ask:", err)
	}
	delete(f.raw, goipp.OpGetJobs)
	if err := p.Clear(t.Context()); err == nil || f.alive() != 0 {
		t.Errorf("%v with %d jobs that were never cancelled", err, f.alive())
	}
	if err := p.Clear(t.Context()); err != nil {
		t.Error(err)
	}
}
