package session

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/document"
)

func TestWhatHappensOnPaper(t *testing.T) {
	for _, c := range []struct {
		name     string
		result   spool.Result
		latched  bool // the queue knows that something may lie in the path
		err      error
		state    State
		incident IncidentKind
		outcome  protocol.Outcome
	}{
		{"not begun", spool.Result{Outcome: protocol.Failed, Reason: "not-begun"}, false, nil, Done, "", protocol.Failed},
		{"jam", spool.Result{Outcome: protocol.Failed, Reason: "media-jam"}, true, nil, OutOfService, IncidentSpoiled, protocol.Failed},
		{"some sheets", spool.Result{Outcome: protocol.Failed, Impressions: 1}, false, nil, OutOfService, IncidentSpoiled, protocol.Failed},
		{"unsure", spool.Result{Outcome: protocol.Unsure, Reason: "impressions-short"}, true, nil, OutOfService, IncidentUnsure, protocol.Unsure},
		{"a word nobody knows", spool.Result{Outcome: "done"}, false, nil, OutOfService, IncidentUnsure, protocol.Unsure},
		{"journal", spool.Result{Outcome: protocol.Printed, Impressions: 2}, false, errBroken, OutOfService, IncidentUnsure, protocol.Unsure},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.result = c.result
				w.hook("print", func(context.Context) error { w.with(func() { w.latched = w.latched || c.latched }); return c.err })
			}, func(w *world) {
				w.slowly(c.state)
				a := w.deals[w.begun[0]]
				if !slices.Equal(a.centre, []protocol.Outcome{c.outcome}) || a.kept != 0 || a.returned != 1 {
					t.Errorf("%+v", a)
				}
				a.journal[0] = c.outcome // the fake queue repeats the printer's word; the real one judges it
				if c.incident == "" {
					if v := w.view(); len(w.incident) != 0 || v.Notice != NotPrinted {
						t.Errorf("%+v %v", v, w.incident)
					}
					w.to(Idle)
					return
				}
				if len(w.incident) != 1 || w.incident[0].Kind != c.incident || !w.latched || len(w.latches) != 1 {
					t.Errorf("incidents %v, latches %v", w.incident, w.latches)
				}
				if v := w.wantNotice(OutOfService, PaperFailed); v.Reference == "" || v.Word != string(c.incident) || v.Visit != 0 {
					t.Errorf("%+v", v)
				}
				if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil {
					t.Error(err)
				}
				w.want(Idle)
			})
		})
	}
}

func TestProgress(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		open := w.blocks("print")
		w.to(Printing)
		w.runner.post(func() { w.runner.visit.paper.of = 2 }) // the fake's zero document has no pages
		for _, step := range []struct{ says, shown int }{{1, 1}, {0, 1}, {7, 2}} {
			w.progress(step.says)
			if v := w.want(Printing); v.Done != step.shown || v.Of != 2 {
				t.Errorf("said %d, shown %d of %d", step.says, v.Done, v.Of)
			}
		}
		open()
		w.want(TakePaper)
		n := len(w.views)
		w.progress(1)
		if synctest.Wait(); len(w.views) != n {
			t.Error("progress after the end")
		}
	})
}

func TestReleaseFails(t *testing.T) {
	for _, c := range []struct {
		err     error
		state   State
		outcome protocol.Outcome
	}{
		{document.ErrTooLate, Done, protocol.Void}, {spool.ErrNotEmpty, Done, protocol.Void}, {errBroken, OutOfService, protocol.Void},
	} {
		inBubble(t, func(w *world) { w.hook("release", fails(c.err)) }, func(w *world) {
			w.slowly(c.state)
			if a := w.deals[w.begun[0]]; a.centre[0] != c.outcome || a.prints != 0 {
				t.Errorf("%v: %+v", c.err, a)
			}
		})
	}
}

func TestPrinterIsLookedAtAgainAtTheCommit(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(TakeCard)
		w.with(func() { w.ready = spool.Readiness{Reason: "jobs-waiting"} })
		w.card(false)
		if v := w.want(Done); v.Notice != NotWorking || v.Word != "jobs-waiting" || w.count("release") != 0 {
			t.Errorf("%+v", v)
		}
	})
}

func TestTray(t *testing.T) {
	cardDER()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.begin()
		taken := make(chan error)
		w.runner.parts.Tray = tray(taken)
		w.to(TakePaper)
		time.Sleep(30 * time.Second)
		w.want(TakePaper)
		taken <- nil
		w.wantNotice(Done, Thanks)
		w.to(TakePaper)
		taken <- errBroken // a broken sensor: the finger, or the clock
		w.want(TakePaper)
		w.key(PressFinish)
		w.wantNotice(Done, Thanks)
		w.end()
		w.audit()
	})
}

type tray chan error

func (t tray) Taken(ctx context.Context) error {
	select {
	case err := <-t:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// An event that must never come while paper moves: out of service, but the paper's fate is awaited, and counts.
func TestStranded(t *testing.T) {
	for _, c := range []struct {
		outcome protocol.Outcome
		kept    int
	}{{protocol.Printed, 1}, {protocol.Failed, 0}, {protocol.Unsure, 0}} {
		inBubble(t, func(w *world) { w.result.Outcome = c.outcome }, func(w *world) {
			open := w.blocks("print")
			w.to(Printing)
			w.runner.post(func() { w.runner.happen(Accepted) })
			w.want(Stranded)
			w.card(true)
			w.key(PressCancel)
			time.Sleep(30 * time.Second)
			w.want(Stranded)
			if len(w.incident) != 1 || w.incident[0].Kind != IncidentImpossible || w.incident[0].State != Printing || w.incident[0].Event != Accepted {
				t.Errorf("%v", w.incident)
			}
			open()
			w.want(OutOfService)
			if a := w.deals[w.begun[0]]; a.centre[0] != c.outcome || a.kept != c.kept {
				t.Errorf("%+v", a)
			}
			if n := w.runner.Counts(); n.Impossible != 1 {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestMoneyIsAnIncidentOfItsOwn(t *testing.T) {
	inBubble(t, func(w *world) { w.hook("keep", fails(errBroken)) }, func(w *world) {
		w.to(TakePaper)
		if len(w.incident) != 1 || w.incident[0].Kind != IncidentMoney || w.incident[0].Transaction != w.begun[0] {
			t.Errorf("%v", w.incident)
		}
	})
}

func TestLatePackageIsCountedAndDestroyed(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Confirming)
		open := w.deaf("package")
		w.key(PressYes)
		w.key(PressCancel)
		w.want(Clearing)
		time.Sleep(2 * time.Second)
		open()
		w.wantNotice(Ended, Cancelled)
		if n := w.runner.Counts(); n.Late != 1 || !slices.Equal(w.lates, []string{"package"}) || len(w.packages) != 1 {
			t.Errorf("%+v %v", n, w.lates)
		}
		if w.count("verify") != 0 || len(w.incident) != 0 {
			t.Error("it was looked at")
		}
	})
}

func TestOldFingersMoveNothing(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(TakePaper)
		w.to(Idle)
		w.to(EnterPIN)
		for _, k := range []InputKind{PressPIN, PressYes, PressCancel, PressFinish, PressTouched, PressBack, PressChoose} {
			pin := []byte("1234")
			w.runner.Press(1, Input{Kind: k, PIN: pin, Offer: "o1", Copies: 1})
			w.runner.Press(3, Input{Kind: k, PIN: pin})
			w.want(EnterPIN)
			if !slices.Equal(pin, make([]byte, 4)) {
				t.Error("the PIN was kept")
			}
		}
		if n := w.runner.Counts(); n.OtherVisit != 14 {
			t.Errorf("%+v", n)
		}
		w.to(Done)
	})
}

func TestOldWorkMovesNothing(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Confirming)
		open := w.deaf("package")
		w.key(PressYes)
		w.card(false)
		time.Sleep(3 * time.Second)
		open()
		w.hook("package", nil)
		w.to(Idle)
		w.to(EnterPIN)
		stale := &work{answers: Fetch}
		for e := range numEvents - 1 { // all but Fault, which is always taken
			w.runner.post(func() { w.runner.answered(stale, say(e)) })
		}
		w.want(EnterPIN)
		w.runner.post(func() { w.runner.answered(stale, faulty("panic")) })
		w.want(OutOfService)
	})
}

func TestReaderIsLostAndFound(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.lose <- errBroken
		w.want(Unready)
		time.Sleep(6 * time.Second)
		w.want(Idle)
		w.forgetCard()
		w.lose <- errBroken
		w.want(CardForgotten)
		time.Sleep(6 * time.Second) // the reader is back, and says that the card has gone
		w.want(Idle)
		w.to(Choosing)
		open := w.deaf("cancel")
		w.lose <- errBroken
		w.want(Clearing)
		open()
		w.wantNotice(Done, NotWorking)
	})
}

// forgetCard leaves a card on the reader until staff are called.
func (w *world) forgetCard() {
	w.to(EnterPIN)
	w.key(PressCancel)
	time.Sleep(31 * time.Second)
	w.want(CardForgotten)
}

func TestJournalCannotBeReadAtTheStart(t *testing.T) {
	inBubble(t, func(w *world) { w.hook("latched", fails(errBroken)) }, func(w *world) { w.want(OutOfService) })
}

func TestNewWantsEveryPart(t *testing.T) {
	if _, err := New(Parts{}); !errors.Is(err, ErrIncomplete) {
		t.Error(err)
	}
}

func TestLimitsHaveDefaults(t *testing.T) {
	if got := (Limits{Idle: 7}).withDefaults(); got.Idle != 7 || got.Grace != DefaultLimits().Grace || got.Sheet == 0 {
		t.Errorf("%+v", got)
	}
}
