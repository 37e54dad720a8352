//go:build slow

package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice/script"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"
	"honnin/spool/journal"
)

// printing is a stand on a state directory with a printer at an address, whose connections pass by a test.
func printing(t *testing.T, state, address string, dial func(context.Context, string, string) (net.Conn, error)) *stand {
	t.Helper()
	a, err := printer.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := ipp.New(a, ipp.Options{Timing: quick, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	return newStand(t, state, func(_ *stand, p *terminal.Parts) { p.Printer, p.Tray = driver, nil })
}

// mishaps are what can be wrong with a printer before anything of ours is in it, and how it is mended.
var mishaps = map[string]struct {
	happens, mends func(*ippevetest.Device)
	word           string
}{
	"jam":    {func(d *ippevetest.Device) { d.Leave("+media-jam-error") }, func(d *ippevetest.Device) { d.Leave("-media-jam-error") }, printer.MediaJam},
	"cover":  {func(d *ippevetest.Device) { d.Leave("+cover-open-error") }, func(d *ippevetest.Device) { d.Leave("-cover-open-error") }, "cover-open"},
	"empty":  {func(d *ippevetest.Device) { d.Load(0) }, func(d *ippevetest.Device) { d.Load(50) }, "media-empty"},
	"killed": {(*ippevetest.Device).Kill, (*ippevetest.Device).Restart, printer.Unreachable},
	"hangs":  {(*ippevetest.Device).Hang, (*ippevetest.Device).Resume, printer.Unreachable},
}

// TestPrinterNotReady: with a printer like that no visit begins, and once it is mended the terminal opens by itself.
func TestPrinterNotReady(t *testing.T) {
	for name, m := range mishaps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := ippevetest.Start(t)
			s := printing(t, t.TempDir(), d.URI(), nil)
			s.awaitState(session.Idle)
			m.happens(d)
			w := s.wish("p04", protocol.ResidentRecord)
			s.must(w.Hands.Place())
			s.await("unready for "+m.word, func(v session.View) bool { return v.State == session.Unready && v.Word == m.word })
			s.must(w.Hands.Pull())
			m.mends(d)
			s.awaitState(session.Idle)
			s.prints("p04")
			if all := s.quitAndBalance(); len(of(all, journal.VisitBegun)) != 1 || len(of(all, journal.Sending)) != 1 {
				t.Error("a visit was begun")
			}
		})
	}
}

// TestPrinterFailsBeforeTheCommit: it was ready when the visit began and is not when the card is out. The document is
// void, nothing was sent, the fee is back, and nobody of the staff is needed.
func TestPrinterFailsBeforeTheCommit(t *testing.T) {
	for name, m := range mishaps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := ippevetest.Start(t)
			s := printing(t, t.TempDir(), d.URI(), nil)
			w, once := s.wish("p04", protocol.ResidentRecord), sync.Once{}
			w.Hands.(*holding).forget = func(v session.View) bool {
				if v.State == session.TakeCard {
					once.Do(func() { m.happens(d) })
				}
				return false
			}
			v := s.visit(w)
			if v.Ending == nil || v.Ending.Outcome != protocol.Void {
				t.Fatalf("%+v", v.Ending)
			}
			m.mends(d)
			if n := d.Documents(v.Ending.Transaction.String()); n != 0 {
				t.Errorf("%d documents were sent", n)
			}
			if sums := s.money.Sums(); sums.Taken == 0 || sums.Returned != sums.Taken {
				t.Errorf("money: %+v", sums)
			}
			s.prints("p05")
			if all := s.quitAndBalance(); len(of(all, journal.Sending)) != 1 || len(of(all, journal.StaffNeeded)) != 0 {
				t.Errorf("%d sent, staff needed %v", len(of(all, journal.Sending)), of(all, journal.StaffNeeded))
			}
		})
	}
}

// TestPrinterFailsWhilePrinting: the job is cancelled, nothing is left in the printer's queue, the outcome says what is
// known and by which evidence, and staff are needed, after a restart too. Nothing is sent again.
func TestPrinterFailsWhilePrinting(t *testing.T) {
	slow := ippevetest.Behaviour{Mode: "slow", After: 1}
	for name, c := range map[string]struct {
		engine   ippevetest.Behaviour
		happens  func(*testing.T, *ippevetest.Device) // when the engine is at work; nil: it does it by itself
		outcome  protocol.Outcome
		reason   string
		evidence string
	}{
		"jam":                {ippevetest.Behaviour{Mode: "stop", After: 1, Reason: "media-jam-error"}, nil, protocol.Unsure, printer.MediaJam, spool.NoEvidence},
		"jam before a sheet": {ippevetest.Behaviour{Mode: "stop", Reason: "media-jam-error"}, nil, protocol.Failed, printer.MediaJam, spool.JobCounters},
		"jam, cleared by somebody": {slow, func(_ *testing.T, d *ippevetest.Device) {
			d.Say("+media-jam-error")
			d.AwaitLog("Cancel-Job successful-ok")
			d.Say("-media-jam-error")
			d.Go()
		}, protocol.Unsure, printer.MediaJam, spool.NoEvidence},
		"cover":                  {ippevetest.Behaviour{Mode: "stop", After: 1, Reason: "cover-open-error"}, nil, protocol.Unsure, "cover-open", spool.NoEvidence},
		"aborted":                {ippevetest.Behaviour{Mode: "abort", After: 1}, nil, protocol.Unsure, "aborted", spool.NoEvidence},
		"aborted before a sheet": {ippevetest.Behaviour{Mode: "abort"}, nil, protocol.Failed, "aborted", spool.JobCounters},
		"counts too few":         {ippevetest.Behaviour{Mode: "silent"}, nil, protocol.Unsure, "impressions-short", spool.NoEvidence},
		"cancelled at its panel": {slow, func(t *testing.T, d *ippevetest.Device) {
			ippevetest.Stranger(t, d.URI(), "cancel-current-job.test")
			d.Go()
		}, protocol.Unsure, printer.Canceled, spool.NoEvidence},
		"restarted, numbers as before": {slow, func(t *testing.T, d *ippevetest.Device) {
			d.Kill()
			d.Behave(ippevetest.Behaviour{Mode: "print"})
			d.Restart()
			ippevetest.Stranger(t, d.URI(), "print-job.test")
		}, protocol.Unsure, "", spool.NoEvidence},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, state := ippevetest.Start(t), t.TempDir()
			s := printing(t, state, d.URI(), nil)
			s.awaitState(session.Idle)
			d.Behave(c.engine)
			done := make(chan script.Visit, 1)
			go func() { v, _ := s.who.Visit(context.Background(), s.wish("p04", protocol.ResidentRecord)); done <- v }()
			if c.happens != nil {
				d.AwaitEngine()
				c.happens(t, d)
			}
			v := <-done
			if v.Ending == nil || v.Ending.Outcome != c.outcome {
				t.Fatalf("%+v", v.Ending)
			}
			d.AwaitNoJobs()
			if sums := s.money.Sums(); sums.Taken == 0 || sums.Returned != sums.Taken {
				t.Errorf("money: %+v", sums)
			}
			s.awaitState(session.OutOfService)
			end := of(s.quitAndBalance(), journal.Ended)[0]
			if end.Outcome != c.outcome || c.reason != "" && end.Reason != c.reason || end.Evidence != c.evidence {
				t.Errorf("%s %q by %q", end.Outcome, end.Reason, end.Evidence)
			}
			d.Behave(ippevetest.Behaviour{Mode: "print"})
			next := printing(t, state, d.URI(), nil)
			next.awaitState(session.OutOfService)
			if why, err := next.StaffNeeded(); why == "" || err != nil {
				t.Errorf("no staff are needed after a restart %v", err)
			}
			next.prints("p05") // scripted staff have looked before
			if n := d.Documents(v.Ending.Transaction.String()); n > 1 {
				t.Errorf("%d documents of it were sent", n)
			}
			if all := next.quitAndBalance(); len(of(all, journal.Sending)) != 2 || !staffCame(all) {
				t.Errorf("%d sent, staff %v", len(of(all, journal.Sending)), of(all, journal.StaffReady))
			}
		})
	}
}

// tripwire is a line to a printer on which something happens before the document goes out.
type tripwire struct {
	net.Conn
	pull func()
}

func (w tripwire) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("last-document")) {
		w.pull()
	}
	return w.Conn.Write(b)
}

// TestPaperThatComesLater: the tray runs empty under a document, and this printer keeps a cancelled job until there is
// paper, and prints it then. Staff's word does not count before that, nor does a restart help.
func TestPaperThatComesLater(t *testing.T) {
	d, state := ippevetest.Start(t), t.TempDir()
	empty := sync.OnceFunc(func() { d.Load(0) })
	s := printing(t, state, d.URI(), func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return tripwire{c, empty}, err
	})
	v := s.visit(s.wish("p04", protocol.ResidentRecord))
	if v.Ending == nil || v.Ending.Outcome != protocol.Unsure {
		t.Fatalf("%+v", v.Ending)
	}
	s.awaitState(session.OutOfService)
	refused := func(s *stand) {
		t.Helper()
		if err := s.StaffReady(t.Context(), "staff-1"); !errors.Is(err, spool.ErrJobLeft) {
			t.Errorf("staff's word with a document in the printer: %v", err)
		}
		if why, err := s.StaffNeeded(); why == "" || err != nil {
			t.Errorf("no staff are needed any more %v", err)
		}
	}
	refused(s)
	s.quitAndBalance()
	next := printing(t, state, d.URI(), nil)
	next.awaitState(session.OutOfService)
	refused(next)
	d.Load(50)
	d.AwaitNoJobs()
	next.must(next.StaffReady(t.Context(), "staff-1"))
	next.awaitState(session.Idle)
	next.prints("p05")
	if n := d.Documents(v.Ending.Transaction.String()); n != 1 {
		t.Errorf("%d documents of it were sent", n)
	}
	all := next.quitAndBalance()
	if said := of(all, journal.StaffReady); len(said) != 1 || said[0].Staff != "staff-1" {
		t.Errorf("staff said %+v", said)
	}
}

// TestQueueBeforeThePrinter: a site that names a CUPS queue gets a terminal that does not open, and says why.
func TestQueueBeforeThePrinter(t *testing.T) {
	d := ippevetest.Start(t)
	q := ippevetest.StartQueue(t, d)
	s := printing(t, t.TempDir(), q.URI(), nil)
	s.await("the queue's name", func(v session.View) bool { return v.State == session.Unready && v.Word == "queue-between" })
	if !bytes.Contains(s.log.Bytes(), []byte("queue-between")) {
		t.Error("the log does not say why")
	}
	if jobs := slices.Concat(q.Jobs(), d.Jobs()); len(jobs) != 0 {
		t.Errorf("jobs: %v", jobs)
	}
	s.quitAndBalance()
}
