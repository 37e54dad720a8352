package spool_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/journal"
)

// keeper is a printer that remembers jobs; it must never be asked to print by a restart.
type keeper struct {
	press
	says  func() spool.Result
	asked []spool.Past
	left  error
}

func (k *keeper) Settle(_ context.Context, p spool.Past) spool.Result {
	k.asked = append(k.asked, p)
	return k.says()
}

func (k *keeper) Clear(context.Context) error { return k.left }

func newKeeper(t *testing.T, says func() spool.Result) *keeper {
	return &keeper{says: says, press: func(spool.Released) (spool.Result, error) { t.Error("printed"); return spool.Result{}, nil }}
}

// TestARestartAsksThePrinter: what a driver says of a former run's job is held against what the journal knows.
func TestARestartAsksThePrinter(t *testing.T) {
	printed := spool.Result{Outcome: protocol.Printed, Impressions: 2, JobID: "7", Evidence: spool.JobCounters}
	failed := spool.Result{Outcome: protocol.Failed, Reason: "aborted", Evidence: spool.NeverProcessed}
	with := func(r spool.Result, change func(*spool.Result)) spool.Result { change(&r); return r }
	for name, c := range map[string]struct {
		handed bool
		says   spool.Result
		panics bool
		want   protocol.Outcome
	}{
		"printed":                         {true, printed, false, protocol.Printed},
		"printed, and never acknowledged": {false, printed, false, protocol.Unsure},
		"printed, one short":              {true, with(printed, func(r *spool.Result) { r.Impressions = 1 }), false, protocol.Unsure},
		"printed, one over":               {true, with(printed, func(r *spool.Result) { r.Impressions = 3 }), false, protocol.Unsure},
		"printed, by no evidence":         {true, with(printed, func(r *spool.Result) { r.Evidence = "" }), false, protocol.Unsure},
		"printed, by none":                {true, with(printed, func(r *spool.Result) { r.Evidence = spool.NoEvidence }), false, protocol.Unsure},
		"failed":                          {false, failed, false, protocol.Failed},
		"failed with a sheet out":         {true, with(failed, func(r *spool.Result) { r.Impressions = 1 }), false, protocol.Unsure},
		"failed by no evidence":           {true, with(failed, func(r *spool.Result) { r.Evidence = "" }), false, protocol.Unsure},
		"unsure":                          {true, spool.Result{Outcome: protocol.Unsure, Reason: "job-lost"}, false, protocol.Unsure},
		"nothing":                         {true, spool.Result{}, false, protocol.Unsure},
		"void":                            {true, spool.Result{Outcome: protocol.Void, Evidence: spool.JobCounters}, false, protocol.Unsure},
		"panic":                           {true, spool.Result{}, true, protocol.Unsure},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper(t, func() spool.Result {
				if c.panics {
					panic("driver")
				}
				return c.says
			})
			d := newDesk(t, k)
			d.accept(t)
			r := d.release(t)
			if c.handed {
				if _, err := r.Open(); err != nil {
					t.Fatal(err)
				}
				r.Handed("7 job")
			}
			d.Pass(time.Minute)
			_, found, err := spool.NewQueue(t.Context(), d.j, k, d.Now)
			if err != nil || found.Number() != 1 {
				t.Fatalf("%+v %v", found, err)
			}
			_, end := d.kinds(t)
			if proved := end.Evidence != spool.NoEvidence; end.Outcome != c.want || proved != (c.want != protocol.Unsure) || c.want != protocol.Printed && end.Reason == "" {
				t.Errorf("%s %q by %q, not %s", end.Outcome, end.Reason, end.Evidence, c.want)
			}
			if why, _ := d.j.StaffNeeded(); why == "" {
				t.Error("staff are not called after a power loss while printing")
			}
			want := spool.Past{Transaction: d.d.Transaction(), Impressions: 2, Age: time.Minute}
			if c.handed {
				want.JobID = "7 job"
			}
			if len(k.asked) != 1 || k.asked[0] != want {
				t.Errorf("asked %+v, not %+v", k.asked, want)
			}
		})
	}
}

// TestWhatStaffWereCalledForIsLookedForAgain: its outcome stands, but a job of it may still be in the printer. When staff
// have said their word, the printer is left alone.
func TestWhatStaffWereCalledForIsLookedForAgain(t *testing.T) {
	k := newKeeper(t, func() spool.Result {
		return spool.Result{Outcome: protocol.Printed, Impressions: 2, Evidence: spool.JobCounters}
	})
	d := newDesk(t, press(func(r spool.Released) (spool.Result, error) {
		_, _ = r.Open()
		return spool.Result{Outcome: protocol.Unsure, Reason: "media-jam"}, nil
	}))
	d.accept(t)
	if _, err := d.q.Print(t.Context(), d.release(t), nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, found, err := spool.NewQueue(t.Context(), d.j, k, d.Now); err != nil || found.Number() != 0 {
			t.Fatalf("%+v %v", found, err)
		}
	}
	if o, _ := d.j.Outcome(d.d.Transaction()); o != protocol.Unsure || len(k.asked) != 2 || k.asked[0].Transaction != d.d.Transaction() {
		t.Errorf("%s, asked %+v", o, k.asked)
	}
	if _, err := d.j.Record(journal.Entry{Kind: journal.StaffReady, Staff: "staff-1"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := spool.NewQueue(t.Context(), d.j, k, d.Now); err != nil || len(k.asked) != 2 {
		t.Errorf("asked %d times, %v", len(k.asked), err)
	}
}

func TestClear(t *testing.T) {
	k := newKeeper(t, nil)
	d := newDesk(t, k)
	if err := d.q.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	k.left = errors.New("a job")
	if err := d.q.Clear(t.Context()); !errors.Is(err, spool.ErrJobLeft) || !errors.Is(err, k.left) {
		t.Errorf("%v", err)
	}
	if err := newDesk(t, press(honest)).q.Clear(t.Context()); err != nil {
		t.Errorf("a printer that keeps no jobs: %v", err)
	}
}

// TestHandedIsOfWhatWasSent: only of a document that was opened, once.
func TestHandedIsOfWhatWasSent(t *testing.T) {
	d := newDesk(t, press(func(r spool.Released) (spool.Result, error) {
		r.Handed("too early")
		got, err := honest(r)
		r.Handed("7")
		r.Handed("8")
		return got, err
	}))
	spool.Released{}.Handed("nobody")
	d.accept(t)
	if _, err := d.q.Print(t.Context(), d.release(t), nil); err != nil {
		t.Fatal(err)
	}
	var jobs []string
	if err := d.j.Each(func(e journal.Entry) error {
		if e.Kind == journal.Handed {
			jobs = append(jobs, e.Job)
		}
		return nil
	}); err != nil || len(jobs) != 1 || jobs[0] != "7" {
		t.Errorf("handed as %q, %v", jobs, err)
	}
}
