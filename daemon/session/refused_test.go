package session

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/document"
)

// TestLeftBetweenARefusalAndItsEvent: whatever ends the visit in the instant between a refusal and its event, a finger, the card or a
// fault, takes nothing from what follows from it; nobody hides a mixed-up package by pressing "cancel".
func TestLeftBetweenARefusalAndItsEvent(t *testing.T) {
	for _, e := range []Event{Cancel, ReaderLost, Timeout, Stop, Trouble, Fault} {
		t.Run(e.String(), func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				w.to(TakeCard)
				w.runner.post(func() {
					w.runner.visit.hand.owe(func(h *holdings) {
						h.refusal = &document.Refusal{Code: reason.SubjectMismatch, Document: protocol.Digest{7}}
					})
					w.runner.happen(e)
				})
				synctest.Wait()
				a := w.deals[w.begun[0]]
				if !slices.Equal(a.journal, []protocol.Outcome{protocol.Refused}) || a.prints != 0 {
					t.Errorf("%+v", a)
				}
				if !slices.Equal(w.judged, []reason.Code{reason.SubjectMismatch}) || !w.closed[town] {
					t.Errorf("judged %v, closed %v", w.judged, w.closed)
				}
				if r := w.refusals[0]; !r.Raise || r.Incident.Kind != IncidentRefused || r.Incident.Event != Refused || r.Ending == nil || len(r.Package) == 0 {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

// TestARefusalThatIsNotWrittenDown: where the journal fails, the terminal is closed, nothing is told as an outcome that nobody wrote
// down twice, and the package is overwritten all the same (see audit).
func TestARefusalThatIsNotWrittenDown(t *testing.T) {
	inBubble(t, func(w *world) {
		w.verify = &document.Refusal{Code: reason.SubjectMismatch}
		w.broken = map[string]bool{"journal": true}
		w.hook("refused", func(context.Context) error { return errors.New("full") })
	}, func(w *world) {
		w.to(OutOfService)
		if w.count("refused") != 1 || len(w.judged) != 0 || !w.closed[town] || w.count("ended") != 0 {
			t.Errorf("judged %v, closed %v, %d outcomes alone", w.judged, w.closed, w.count("ended"))
		}
		if a := w.deals[w.begun[0]]; len(a.journal) != 0 {
			t.Errorf("%+v", a)
		}
	})
}

// TestARefusalThatComesLate: a check that was left behind and then says "not this card's" is heard, too: before the visit is over with
// its outcome, after that as what came late. In either case nothing of the package is left.
func TestARefusalThatComesLate(t *testing.T) {
	for name, beyond := range map[string]bool{"in time": false, "hanging": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) { w.verify = &document.Refusal{Code: reason.SubjectMismatch} }, func(w *world) {
				w.to(Confirming)
				open := w.deaf("verify")
				w.key(PressYes)
				w.key(PressCancel)
				w.want(Clearing)
				if time.Sleep(time.Second); beyond {
					time.Sleep(2 * DefaultLimits().Grace)
					w.want(OutOfService)
				}
				open()
				synctest.Wait()
				if !slices.Equal(w.judged, []reason.Code{reason.SubjectMismatch}) || !w.closed[town] {
					t.Fatalf("judged %v, closed %v", w.judged, w.closed)
				}
				r, a := w.refusals[0], w.deals[w.begun[0]]
				if beyond != (r.Ending == nil) || beyond != slices.Contains(w.lates, "refusal") || !r.Raise || len(a.journal) != 1 || !beyond != (a.journal[0] == protocol.Refused) {
					t.Errorf("%+v, late %v, journal %v", r, w.lates, a.journal)
				}
			})
		})
	}
}
