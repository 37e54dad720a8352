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

func TestStaffConfirm(t *testing.T) {
	inBubble(t, atCounter, func(w *world) {
		v := w.to(ConfirmName)
		a := w.deals[w.begun[0]]
		if v.TriesLeft != CodeTries || v.WrongCode || v.Remaining != 3*time.Minute || v.Of == 0 && v.Done != 0 || a.kept != 0 || len(a.journal) != 0 {
			t.Errorf("%+v %+v", v, a)
		}
		w.vouch(staffID, rightCode, true)
		w.want(TakePaper)
		if !slices.Equal(a.journal, []protocol.Outcome{protocol.Printed}) || a.staff != staffID || a.kept != 1 {
			t.Errorf("%+v", a)
		}
		w.to(Done)
	})
}

func TestStaffFindAnothersName(t *testing.T) {
	inBubble(t, atCounter, func(w *world) {
		w.to(ConfirmName)
		w.vouch(staffID, rightCode, false)
		v := w.wantNotice(Done, DocRefused)
		a := w.deals[w.begun[0]]
		if v.Code != reason.NameMismatch || v.Reference == "" || !slices.Equal(a.centre, []protocol.Outcome{protocol.Refused}) || a.staff != staffID || a.returned != 1 || a.kept != 0 {
			t.Errorf("%+v %+v", v, a)
		}
		if !w.closed[town] || len(w.incident) != 1 || w.incident[0].Code != reason.NameMismatch || w.latched {
			t.Errorf("incidents %v", w.incident)
		}
	})
}

// TestWrongCodesAreSlowAndFew: 1, 2, 4, 8 seconds, and the fifth closes the terminal.
func TestWrongCodesAreSlowAndFew(t *testing.T) {
	inBubble(t, atCounter, func(w *world) {
		w.to(ConfirmName)
		for i, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			w.vouch([]string{staffID, "9"}[i%2], "000000", true)
			time.Sleep(pause - time.Millisecond)
			w.want(Vouching)
			w.vouch(staffID, rightCode, true) // meanwhile nothing is heard
			time.Sleep(time.Millisecond)
			if v := w.want(ConfirmName); !v.WrongCode || v.TriesLeft != CodeTries-1-i {
				t.Errorf("%d: %+v", i, v)
			}
		}
		w.vouch(staffID, "000000", true)
		w.notRead(IncidentUnconfirmed)
		if want := []string{staffID, "", staffID, "", staffID}; !slices.Equal(w.wrong, want) {
			t.Errorf("journalled: %q", w.wrong)
		}
	})
}

// notRead is what is true where nobody's word was taken.
func (w *world) notRead(why IncidentKind) {
	w.t.Helper()
	synctest.Wait()
	w.want(OutOfService)
	a := w.deals[w.begun[0]]
	if !slices.Equal(a.centre, []protocol.Outcome{protocol.Unsure}) || a.staff != "" || a.returned != 1 || a.kept != 0 || !w.latched {
		w.t.Errorf("%+v, latched %v", a, w.latched)
	}
	if len(w.incident) != 1 || w.incident[0].Kind != why {
		w.t.Errorf("incidents %+v", w.incident)
	}
}

func TestUnreadSheets(t *testing.T) {
	for name, f := range map[string]func(*world) IncidentKind{
		"time": func(*world) IncidentKind { time.Sleep(4 * time.Minute); return IncidentUnconfirmed },
		"stop": func(w *world) IncidentKind { w.end(); return IncidentUnconfirmed },
		"stop, while a code is looked at": func(w *world) IncidentKind {
			w.vouch(staffID, "000000", true)
			w.end()
			time.Sleep(2 * time.Second)
			return IncidentUnconfirmed
		},
		"touches": func(w *world) IncidentKind {
			w.key(PressTouched)
			time.Sleep(3 * time.Minute)
			return IncidentUnconfirmed
		},
		"fault": func(w *world) IncidentKind {
			w.hook("show", func(context.Context) error { w.hook("show", nil); panic("no screen") })
			w.card(true)
			return IncidentFault
		},
		"the ledger": func(w *world) IncidentKind {
			w.hook("wrong-code", fails(errBroken))
			w.vouch(staffID, "000000", true)
			return IncidentFault
		},
		"the policy hangs": func(w *world) IncidentKind {
			open := w.deaf("vouch")
			w.vouch(staffID, rightCode, true)
			time.Sleep(time.Minute)
			synctest.Wait()
			defer open()
			return IncidentFault
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, atCounter, func(w *world) {
				w.to(ConfirmName)
				w.notRead(f(w))
			})
		})
	}
}

// A fault in the instant between staff's "differs" and its event takes nothing from what follows from it.
func TestDiffersAndThenAFault(t *testing.T) {
	inBubble(t, atCounter, func(w *world) {
		w.to(ConfirmName)
		w.runner.post(func() {
			v := w.runner.visit
			v.hand.take(func(h *holdings) {
				h.staff, h.refusal = staffID, &document.Refusal{Code: reason.NameMismatch, Document: v.paper.doc.Document()}
			})
			w.runner.happen(Fault)
		})
		synctest.Wait()
		w.want(OutOfService)
		a := w.deals[w.begun[0]]
		if !slices.Equal(a.centre, []protocol.Outcome{protocol.Refused}) || a.staff != staffID || a.returned != 1 || a.kept != 0 || !w.latched {
			t.Errorf("%+v, latched %v", a, w.latched)
		}
		if !slices.Equal(w.judged, []reason.Code{reason.NameMismatch}) || !w.closed[town] {
			t.Errorf("judged %v, closed %v", w.judged, w.closed)
		}
		if !slices.ContainsFunc(w.incident, func(i Incident) bool { return i.Kind == IncidentRefused && i.Code == reason.NameMismatch }) {
			t.Errorf("incidents %+v", w.incident)
		}
	})
}

// TestNobodyButStaffMovesTheSheets: cards, readers and the applicant's fingers change nothing.
func TestNobodyButStaffMovesTheSheets(t *testing.T) {
	for _, s := range []State{ConfirmName, Vouching} {
		t.Run(s.String(), func(t *testing.T) {
			inBubble(t, atCounter, func(w *world) {
				w.to(ConfirmName)
				if s == Vouching {
					w.vouch(staffID, "000000", true)
				}
				w.card(true)
				w.card(false)
				w.lose <- errBroken
				for _, k := range []InputKind{PressYes, PressBack, PressCancel, PressFinish, PressTouched} {
					w.key(k)
				}
				w.enter("1234")
				w.choose()
				w.vouch("sato", rightCode, true)
				w.vouch(staffID, "1234", true)
				if err := w.runner.StaffReady(w.t.Context(), "s07"); !errors.Is(err, ErrNotStopped) {
					t.Error(err)
				}
				w.want(s)
				time.Sleep(2 * time.Second)
				w.to(TakePaper)
			})
		})
	}
}

// TestJournalOfTheWordFails: what is not written down was not confirmed.
func TestJournalOfTheWordFails(t *testing.T) {
	inBubble(t, func(w *world) { atCounter(w); w.broken = map[string]bool{"journal": true} }, func(w *world) {
		w.to(ConfirmName)
		w.hook("confirm", fails(errBroken))
		w.vouch(staffID, rightCode, true)
		w.want(OutOfService)
		a := w.deals[w.begun[0]]
		if len(a.journal) != 0 || a.kept != 0 || a.returned != 1 || !slices.Equal(a.centre, []protocol.Outcome{protocol.Unsure}) {
			t.Errorf("%+v", a)
		}
	})
}

// TestCodeOfAnOldPicture is overwritten like one that was used.
func TestCodeOfAnOldPicture(t *testing.T) {
	inBubble(t, atCounter, func(w *world) {
		w.to(ConfirmName)
		b := []byte(rightCode)
		w.with(func() { w.pins = append(w.pins, b) }) // the audit looks at it
		w.runner.Press(99, Input{Kind: PressCode, Staff: staffID, PIN: b, Same: true})
		w.want(ConfirmName)
		if w.runner.Counts().OtherVisit != 1 {
			t.Errorf("%+v", w.runner.Counts())
		}
		w.to(Done)
	})
}

func TestCounterWantsStaff(t *testing.T) {
	w := newWorld(t)
	p := Parts{Terminal: "JP-13-000042", Channel: protocol.Counter, Reader: w, Centre: centre{w}, Verifier: verifier{w}, Queue: queue{w},
		Payment: payment{w}, Ledger: ledger{w}, Latches: latches{w}, Screen: w}
	if _, err := New(p); !errors.Is(err, ErrIncomplete) {
		t.Error(err)
	}
	p.Staff = staff{w}
	if _, err := New(p); err != nil {
		t.Error(err)
	}
}
