package spool_test

import (
	"errors"
	"slices"
	"testing"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/journal"
)

// newCounter is a desk at a counter whose document has come out whole.
func newCounter(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, press(honest))
	d.q.AtCounter()
	d.accept(t)
	got, err := d.q.Print(t.Context(), d.release(t), nil)
	if err != nil || got.Outcome != protocol.Printed || got.Impressions != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if kinds, last := d.kinds(t); last.Kind != journal.Out || last.Impressions != 2 || slices.Contains(kinds, journal.Ended) {
		t.Fatalf("%v", kinds)
	}
	return d
}

func TestOnlyStaffMakeItPrintedAtACounter(t *testing.T) {
	for name, c := range map[string]struct {
		say         protocol.Outcome
		staff       string
		want        protocol.Outcome
		signed, cry bool
	}{
		"confirmed":               {protocol.Printed, "1207", protocol.Printed, true, false},
		"another's":               {protocol.Refused, "1207", protocol.Refused, true, false},
		"printed by nobody":       {protocol.Printed, "", protocol.Unsure, false, true},
		"refused by nobody":       {protocol.Refused, "", protocol.Unsure, false, true},
		"nobody":                  {protocol.Unsure, "", protocol.Unsure, false, true},
		"what staff cannot say":   {protocol.Void, "1207", protocol.Unsure, false, true},
		"what staff cannot say 2": {protocol.Failed, "1207", protocol.Unsure, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newCounter(t)
			if err := d.q.Confirm(t.Context(), protocol.NewTransaction(), c.say, "x", c.staff); !errors.Is(err, spool.ErrNotOut) {
				t.Errorf("another transaction: %v", err)
			}
			if err := d.q.Confirm(t.Context(), d.d.Transaction(), c.say, "why", c.staff); err != nil {
				t.Fatal(err)
			}
			_, end := d.kinds(t)
			if end.Kind != journal.Ended || end.Outcome != c.want || end.Reason != "why" || end.Impressions != 2 || (end.Staff == "1207") != c.signed {
				t.Errorf("%+v", end)
			}
			if why, err := d.j.StaffNeeded(); err != nil || (why != "") != c.cry {
				t.Errorf("staff needed: %q %v", why, err)
			}
			if err := d.q.Confirm(t.Context(), d.d.Transaction(), protocol.Printed, "", "1207"); !errors.Is(err, spool.ErrNotOut) {
				t.Errorf("a second word: %v", err)
			}
		})
	}
}

// The journal itself takes no "printed" from a counter without a name check.
func TestJournalWantsTheWordOfStaff(t *testing.T) {
	d := newCounter(t)
	e := journal.Entry{Kind: journal.Ended, Transaction: d.d.Transaction(), Document: d.d.Document(), Outcome: protocol.Printed}
	if _, err := d.j.Record(e); !errors.Is(err, journal.ErrState) {
		t.Errorf("nobody's word: %v", err)
	}
	early := newDesk(t, press(honest))
	early.q.AtCounter()
	early.accept(t)
	early.release(t)
	e.Transaction, e.Document, e.Staff = early.d.Transaction(), early.d.Document(), "1207"
	if _, err := early.j.Record(e); !errors.Is(err, journal.ErrState) {
		t.Errorf("confirmed before it is out: %v", err)
	}
}

// A word that never came, or that could not be journalled, is settled before anything else is released.
func TestUnreadBeforeTheNextRelease(t *testing.T) {
	d := newCounter(t)
	first := d.d.Transaction()
	d.Renew()
	d.d = d.Verified(t, paper, 2, 1)
	d.accept(t)
	d.release(t)
	var ended []journal.Entry
	if err := d.j.Each(func(e journal.Entry) error {
		if e.Kind == journal.Ended {
			ended = append(ended, e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(ended) != 1 || ended[0].Transaction != first || ended[0].Outcome != protocol.Unsure || ended[0].Staff != "" {
		t.Errorf("%+v", ended)
	}
	if why, err := d.j.StaffNeeded(); err != nil || why == "" {
		t.Errorf("staff needed: %q %v", why, err)
	}
}

// A restart is not a confirmation: neither of what is out, nor of what the printer says it has printed.
func TestARestartConfirmsNothing(t *testing.T) {
	printed := spool.Result{Outcome: protocol.Printed, Impressions: 2, JobID: "7", Evidence: spool.JobCounters}
	for name, c := range map[string]struct {
		desk  func(*testing.T) *desk
		asked int
	}{
		"out": {newCounter, 0},
		"handed": {func(t *testing.T) *desk {
			d := newDesk(t, press(honest))
			d.q.AtCounter()
			d.accept(t)
			r := d.release(t)
			if _, err := r.Open(); err != nil {
				t.Fatal(err)
			}
			r.Handed("7")
			return d
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := c.desk(t)
			k := newKeeper(t, func() spool.Result { return printed })
			q, found, err := spool.NewQueue(t.Context(), d.j, k, d.Now) // a store's by now
			if err != nil || len(found.Unsure) != 1 || found.Number() != 1 || len(k.asked) != c.asked {
				t.Fatalf("%+v %v", found, err)
			}
			_, end := d.kinds(t)
			if end.Outcome != protocol.Unsure || end.Reason != "unconfirmed" || end.Impressions != 2 || end.Staff != "" || end.Evidence != spool.NoEvidence {
				t.Errorf("%+v", end)
			}
			if why, err := d.j.StaffNeeded(); err != nil || why == "" {
				t.Errorf("staff needed: %q %v", why, err)
			}
			if err := q.Confirm(t.Context(), d.d.Transaction(), protocol.Printed, "", "1207"); !errors.Is(err, spool.ErrNotOut) {
				t.Errorf("confirmed after a restart: %v", err)
			}
		})
	}
}
