package ipp

import (
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"

	"github.com/OpenPrinting/goipp"
)

// TestQueueBetween has a real cupsd before the device: it gets no document, and nothing that it says settles anything.
func TestQueueBetween(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	q := ippevetest.StartQueue(t, d)
	p := open(t, q.URI(), Options{})
	wantReady(t, p, queueBetween)
	doc := document(1, 1, 1000)
	if got, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != queueBetween || doc.opened != 0 {
		t.Errorf("%+v, %v, opened %d times", got, err, doc.opened)
	}
	if jobs := append(q.Jobs(), d.Jobs()...); len(jobs) != 0 || len(d.Tray()) != 0 {
		t.Errorf("jobs %v, %d documents", jobs, len(d.Tray()))
	}
	past := spool.Past{Transaction: doc.job.Transaction, Impressions: 1, Age: time.Second}
	if got := p.Settle(t.Context(), past); got.Outcome != protocol.Unsure || got.Reason != queueBetween || got.Evidence != spool.NoEvidence {
		t.Errorf("settled by a queue's word: %+v", got)
	}
	if p.Clear(t.Context()) == nil {
		t.Error("a queue said that the printer is empty, and was believed")
	}
}

// TestWhatAQueueSaysIsNotSo is why: a job that was cancelled is over for the queue, and its paper comes out of the device.
func TestWhatAQueueSaysIsNotSo(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	q := ippevetest.StartQueue(t, d)
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	ippevetest.Stranger(t, q.URI(), "print-job.test")
	d.AwaitEngine()
	ippevetest.Stranger(t, q.URI(), "cancel-current-job.test")
	for end := time.Now().Add(20 * time.Second); len(q.Jobs()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the queue does not let go of the job:\n%s", q.Log())
		}
	}
	if len(d.Jobs()) == 0 {
		t.Fatal("the device had let go of it before the queue had")
	}
	d.Go()
	d.AwaitTray(1)
}

// TestEveryMarkOfAQueue: each alone is enough.
func TestEveryMarkOfAQueue(t *testing.T) {
	for _, mark := range []goipp.Attribute{
		goipp.MakeAttribute("cups-version", goipp.TagText, goipp.String("2.4.2")),
		goipp.MakeAttribute("device-uri", goipp.TagURI, goipp.String("ipp://192.0.2.1/ipp/print")),
		goipp.MakeAttribute("printer-type", goipp.TagEnum, goipp.Integer(4)),
	} {
		f := startFake(t)
		p := open(t, f.uri(), Options{})
		wantReady(t, p, "")
		f.set(mark)
		wantReady(t, p, queueBetween)
		if !slices.Contains(queueMarks, mark.Name) {
			t.Errorf("%s is not asked for", mark.Name)
		}
	}
	if len(queueMarks) != 3 {
		t.Errorf("%d marks", len(queueMarks))
	}
}
