package session

import (
	"context"
	"slices"
	"testing"

	"honnin/config/protocol"
)

// TestSuspendedWhileSomebodyChooses: nothing is applied for, nobody is at fault, and nobody pays.
func TestSuspendedWhileSomebodyChooses(t *testing.T) {
	for _, c := range []struct {
		err    error
		notice Notice
		word   string
	}{{&Declined{"suspended"}, NotOffered, "suspended"}, {errBroken, NotWorking, "centre"}} {
		inBubble(t, nil, func(w *world) {
			w.to(Confirming)
			w.hook("suspended", func(context.Context) error { return c.err })
			w.key(PressYes)
			if v := w.wantNotice(Ended, c.notice); v.Word != c.word || w.count("apply") != 0 || w.count("cancel") != 1 {
				t.Errorf("%+v, %v", v, w.calls)
			}
			if a := w.deals[w.begun[0]]; !slices.Equal(a.centre, []protocol.Outcome{protocol.Abandoned}) || len(w.incident) != 0 || w.count("hold") != 0 {
				t.Errorf("%+v, %v", a, w.incident)
			}
		})
	}
}

// TestSuspendedAtTheCommit: what the centre suspended after the offers were made does not come to paper. The transaction ends as a
// whole, nobody is at fault, the register is not asked, and the next visit goes on.
func TestSuspendedAtTheCommit(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		notice Notice
		word   string
		reason string
	}{
		"suspended":         {&Declined{"suspended"}, NotOffered, "suspended", "suspended"},
		"nobody could tell": {errBroken, NotWorking, "centre", "trouble"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				w.to(TakeCard)
				w.hook("suspended", func(context.Context) error { return c.err })
				w.card(false)
				if v := w.wantNotice(Done, c.notice); v.Word != c.word || v.CardIn {
					t.Errorf("%+v", v)
				}
				if w.count("in-force") != 0 || w.count("release") != 0 || w.count("cancel") != 1 {
					t.Error(w.calls)
				}
				a := w.deals[w.begun[0]]
				if !slices.Equal(a.centre, []protocol.Outcome{protocol.Void}) || a.returned != 1 || a.kept != 0 || a.prints != 0 {
					t.Errorf("%+v", a)
				}
				i := slices.IndexFunc(w.steps, func(s Step) bool { return s.End != nil })
				if len(w.incident) != 0 || w.latched || i < 0 || w.steps[i].End.Reason != c.reason {
					t.Errorf("incidents %v, latched %v, %+v", w.incident, w.latched, w.steps)
				}
				w.hook("suspended", nil)
				w.to(TakePaper)
			})
		})
	}
}
