package ipp

import (
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"
	"honnin/spool/spooltest"
)

// TestServiceSheet: on a printer that others wrote, its bytes come out once, on A4 and one side, under its own name; where something goes wrong
// it is told as a certificate's trouble is.
func TestServiceSheet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		engine  ippevetest.Behaviour
		outcome protocol.Outcome
		reason  string
		tray    int
	}{
		"printed": {ippevetest.Behaviour{Mode: "print"}, protocol.Printed, "", 1},
		"jammed":  {ippevetest.Behaviour{Mode: "stop", After: 1, Reason: printer.MediaJam}, protocol.Unsure, printer.MediaJam, 0},
		"aborted": {ippevetest.Behaviour{Mode: "abort"}, protocol.Failed, "aborted", 0},
		"silent":  {ippevetest.Behaviour{Mode: "silent"}, protocol.Unsure, "impressions-short", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := ippevetest.Start(t)
			d.Behave(c.engine)
			s := spooltest.Sheet(t, "ipp")
			got, err := spool.PrintService(t.Context(), &spooltest.Memory{}, open(t, d.URI(), Options{}), s, "tech-7")
			if err != nil || got.Outcome != c.outcome || got.Reason != c.reason {
				t.Errorf("%+v %v", got, err)
			}
			d.AwaitNoJobs()
			name, tray := printer.PastName(spool.Past{Service: s.Digest()}), d.Tray()
			if len(tray) != c.tray || d.Documents(name) != 1 {
				t.Errorf("%d in the tray, sent %d times", len(tray), d.Documents(name))
			}
			for _, out := range tray {
				if out.SHA256 != s.Digest() || out.Name != name || out.Env["IPP_MEDIA"] != a4 || out.Env["IPP_SIDES"] != "one-sided" {
					t.Errorf("%+v", out)
				}
			}
		})
	}
}

// TestServiceSheetLeftBehind: after a restart the job of a service sheet is found by its name, and ended.
func TestServiceSheetLeftBehind(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	d.AwaitClock()
	p := open(t, d.URI(), Options{})
	past := spool.Past{Service: protocol.Digest{7}, Impressions: 1}
	doc := document(1, 1, 1000)
	doc.job = spool.Job{Service: true, Document: past.Service, Pages: 1, Copies: 1}
	j, err := p.prepare(t.Context(), doc.job, printer.PastName(past))
	if err != nil {
		t.Fatal(err)
	}
	if jobs := d.Jobs(); len(jobs) != 1 || jobs[0] != j.name {
		t.Fatal(jobs)
	}
	next := open(t, d.URI(), Options{})
	if got := next.Settle(t.Context(), past); got.Outcome != protocol.Failed || got.Impressions != 0 {
		t.Errorf("%+v", got)
	}
	if jobs := d.Jobs(); len(jobs) != 0 {
		t.Error(jobs)
	}
	if err := next.Clear(t.Context()); err != nil {
		t.Error(err)
	}
}
