package ipp

import (
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"
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
