package session

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
)

func TestForgottenCard(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(TakeCard)
		time.Sleep(61 * time.Second)
		w.wantNotice(Ended, CardNotTaken)
		if a := w.deals[w.begun[0]]; a.centre[0] != protocol.Void || a.returned == 0 {
			t.Errorf("%+v", a)
		}
		time.Sleep(31 * time.Second)
		w.want(CardForgotten)
		if len(w.incident) != 1 || w.incident[0].Kind != IncidentCardForgotten || w.latched {
			t.Errorf("%v", w.incident)
		}
		time.Sleep(time.Hour)
		w.want(CardForgotten) // no visit begins with it
		w.card(false)
		w.want(Idle)
	})
}

// TestForgottenCardOnAReaderThatWasLost: the reader comes back with a card on it, which may be another one or not.
func TestForgottenCardOnAReaderThatWasLost(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(TakeCard)
		time.Sleep(2 * time.Minute)
		w.want(CardForgotten)
		w.lose <- errBroken
		synctest.Wait()
		w.card(true)
		w.want(CardForgotten)
		time.Sleep(time.Minute) // the reader is watched again, and is empty
		w.want(Idle)
	})
}

func TestForgottenPaper(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(TakePaper)
		time.Sleep(61 * time.Second)
		w.wantNotice(OutOfService, StaffAreCalled)
		if !w.latched || len(w.incident) != 1 || w.incident[0].Kind != IncidentPaperLeft || w.latches[0] != "take-paper/timeout" {
			t.Errorf("%v %v", w.incident, w.latches)
		}
		if a := w.deals[w.begun[0]]; a.kept != 1 {
			t.Errorf("%+v", a)
		}
	})
}

func TestStaffReopen(t *testing.T) {
	inBubble(t, func(w *world) { w.latched = true }, func(w *world) {
		w.want(OutOfService) // after a restart
		w.card(true)
		time.Sleep(time.Hour)
		w.want(OutOfService)
		w.card(false)
		w.hook("staff-ready", fails(errBroken))
		if err := w.runner.StaffReady(w.t.Context(), "s07"); err == nil {
			t.Error("not journalled, and reopened")
		}
		w.want(OutOfService)
		w.hook("staff-ready", nil)
		if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil {
			t.Error(err)
		}
		w.want(Idle)
		if err := w.runner.StaffReady(w.t.Context(), "s07"); err != ErrNotStopped {
			t.Error(err)
		}
		w.to(Done)
		w.end()
		if err := w.runner.StaffReady(w.t.Context(), "s07"); err != ErrEnded {
			t.Error(err)
		}
		w.runner.Press(1, Input{Kind: PressPIN, PIN: []byte("1234")})
		if err := w.runner.Run(t.Context()); err != ErrRunning {
			t.Error(err)
		}
	})
}

// TestStaffAreQuickerThanTheJournal: the screen says "out of service" before the journal does. The word of staff who
// are there at once must not be written down before what it answers, or it would be lost.
func TestStaffAreQuickerThanTheJournal(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(TakePaper)
		release := w.blocks("latch")
		time.Sleep(61 * time.Second)
		w.want(OutOfService)
		said := make(chan error, 1)
		go func() { said <- w.runner.StaffReady(w.t.Context(), "s07") }()
		synctest.Wait()
		if n := w.count("staff-ready"); n != 0 {
			t.Error("the word was written down before the latch")
		}
		release()
		if err := <-said; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		w.want(Idle)
	})
}

// TestStaffDoNotWaitForEver: whoever gives up gets an answer though nothing else moves, and a word that was not written down does not
// count later.
func TestStaffDoNotWaitForEver(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(TakePaper)
		release := w.blocks("latch")
		time.Sleep(61 * time.Second)
		w.want(OutOfService)
		say := func() error {
			ctx, stop := context.WithTimeout(w.t.Context(), time.Millisecond)
			defer stop()
			return w.runner.StaffReady(ctx, "s07")
		}
		if err := say(); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("before the latch:", err)
		}
		stuck := make(chan struct{})
		w.runner.post(func() { <-stuck })
		if err := say(); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("before anybody heard it:", err)
		}
		close(stuck)
		release()
		synctest.Wait()
		w.want(OutOfService)
		if n := w.count("staff-ready"); n != 0 {
			t.Error("what nobody said any more was written down")
		}
		if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		w.want(Idle)
	})
}

// TestStaffHaveNotSeenThat: the terminal closes anew while the word of staff is on its way to the journal. The word opens
// nothing, and the latch that it lifted is set again: a restart must not open either.
func TestStaffHaveNotSeenThat(t *testing.T) {
	inBubble(t, func(w *world) { w.ready.Ready = false }, func(w *world) {
		w.want(Unready)
		release := w.blocks("staff-ready")
		said := make(chan error, 1)
		go func() { said <- w.runner.StaffReady(w.t.Context(), "s07") }()
		synctest.Wait()
		w.runner.post(func() { w.runner.answered(nil, faulty("panic")) })
		w.want(OutOfService)
		release()
		if err := <-said; err != ErrClosedAgain {
			t.Error(err)
		}
		w.want(OutOfService)
		if !w.latched || len(w.latches) != 2 {
			t.Errorf("latched %v, %v", w.latched, w.latches)
		}
		if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil || w.latched {
			t.Error(err, w.latched)
		}
	})
}

func TestUnready(t *testing.T) {
	inBubble(t, func(w *world) { w.ready.Ready, w.ready.Reason = false, "media-needed" }, func(w *world) {
		if v := w.want(Unready); v.Word != "media-needed" {
			t.Errorf("%+v", v)
		}
		time.Sleep(time.Minute)
		w.want(Unready)
		w.with(func() { w.ready.Ready = true })
		w.hook("centre-ready", fails(errBroken))
		time.Sleep(6 * time.Second)
		if v := w.want(Unready); v.Word != "centre" {
			t.Errorf("%+v", v)
		}
		w.hook("centre-ready", nil)
		w.runner.LookAgain() // at once
		w.runner.LookAgain()
		synctest.Wait()
		w.want(Idle)
		w.with(func() { w.ready.Ready = false })
		w.card(true)
		w.want(Unready)
		w.with(func() { w.ready.Ready = true })
		time.Sleep(6 * time.Second)
		w.want(EnterPIN) // the card still lies there
		w.key(PressCancel)
		w.to(Idle)
		if w.visits != 1 {
			t.Errorf("%d visits", w.visits)
		}
	})
}

func TestPullingAnotherCard(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		release := w.blocks("cancel")
		w.to(Choosing)
		w.card(false)
		w.want(Clearing)
		w.card(true) // the next person is quick
		release()
		w.wantNotice(Done, CardPulled)
		w.card(false)
		w.want(Done)
		if n := w.runner.Counts(); n.OtherVisit != 1 {
			t.Errorf("%+v", n)
		}
		w.card(true)
		w.want(EnterPIN)
	})
}

func TestNothingBeginsBeforeTheLastVisitHasEnded(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		open := w.deaf("end-visit")
		before := w.count("printer-ready")
		w.card(false)
		w.card(true)
		time.Sleep(3 * time.Second)
		if w.want(Opening); w.count("printer-ready") != before {
			t.Error("the next visit was begun")
		}
		open()
		w.want(EnterPIN)
	})
}

func TestServiceThatClosesWhileSomebodyChooses(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Confirming)
		w.with(func() { w.closed[town] = true })
		w.key(PressYes)
		if v := w.wantNotice(Ended, NotOffered); v.Word != "stopped" || w.count("apply") != 0 {
			t.Errorf("%+v", v)
		}
	})
}

func TestStaffAreNeededByAnotherWord(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.want(Idle)
		w.with(func() { w.latched = true }) // somebody else wrote it into the journal
		w.card(true)
		if v := w.want(Unready); v.Word != "staff" {
			t.Errorf("%+v", v)
		}
		if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil {
			t.Error(err)
		}
		w.want(EnterPIN)
	})
}

// What staff and vendors read must name the visit and the place, and nothing of the person.
func TestIncidentsNameTheirPlace(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Choosing)
		w.runner.post(func() { w.runner.happen(Printed) })
		w.want(OutOfService)
		want := Incident{Kind: IncidentImpossible, Visit: 1, Transaction: w.begun[0], State: Choosing, Event: Printed}
		got := w.incident[0]
		if len(w.incident) != 1 || got.Kind != want.Kind || got.Visit != want.Visit || got.Transaction != want.Transaction ||
			got.State != want.State || got.Event != want.Event || got.Code != "" || got.Detail != "" {
			t.Errorf("%+v", w.incident)
		}
		if w.latches[0] != "choosing/printed" {
			t.Errorf("%v", w.latches)
		}
		if a := w.deals[w.begun[0]]; a.centre[0] != protocol.Abandoned {
			t.Errorf("%+v", a)
		}
	})
}

func TestReference(t *testing.T) {
	eve := time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC) // already the new year in Japan
	for _, c := range []struct {
		terminal protocol.Terminal
		visit    uint64
		want     string
	}{{"JP-13-000042", 17, "0042-0101-17"}, {"K1", 1, "K1-0101-1"}} {
		if got := reference(c.terminal, eve, c.visit); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A visit's data are gone when the next one begins: there is nothing left to show.
func TestIdleKnowsNothing(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		for _, last := range []State{Choosing, TakeCard, TakePaper} {
			w.to(last)
			if last == TakePaper {
				w.key(PressFinish)
			} else {
				w.key(PressCancel)
			}
			v := w.to(Idle)
			if v.Visit != 0 || v.Reference != "" || v.Offers != nil || v.Chosen.Offer.ID != "" || v.Held || v.Code != "" || v.Notice != NoNotice || v.Word != "" {
				t.Errorf("after %v: %+v", last, v)
			}
			w.runner.post(func() {
				if r := w.runner; r.visit.hand != nil || r.visit.applicant.certificate != nil || r.visit.pin != nil || r.visit.paper.of != 0 {
					t.Errorf("after %v something is left", last)
				}
			})
		}
	})
}

// TestReaderAway: while the reader is away, whatever else is in order, the terminal is unready all the time and says why.
func TestReaderAway(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.want(Idle)
		w.hook("watch", fails(errBroken))
		w.lose <- errBroken
		w.want(Unready)
		var views []View
		w.with(func() { w.views = w.views[len(w.views)-1:] })
		time.Sleep(time.Hour)
		w.want(Unready)
		w.with(func() { views = slices.Clone(w.views[1:]) })
		for _, v := range views {
			if v.State != Unready || v.Word != "reader" {
				t.Fatalf("%v %q", v.State, v.Word)
			}
		}
		if n := w.count("watch"); len(views) == 0 || n < 600 {
			t.Errorf("%d pictures, %d looks for a reader", len(views), n)
		}
		w.hook("watch", nil)
		time.Sleep(DefaultLimits().LookAgain)
		w.to(Done)
	})
}

// TestReaderIsNamed: a reader that was lost, or keeps silent, is what people are told of, and no other part.
func TestReaderIsNamed(t *testing.T) {
	lost := func(w *world) { w.lose <- errBroken; synctest.Wait() }
	for name, c := range map[string]struct {
		at   State
		does func(*world)
		want State
	}{
		"idle":            {Idle, lost, Unready},
		"in a visit":      {Choosing, lost, Done},
		"silent with PIN": {EnterPIN, func(w *world) { w.blocks("pin"); w.enter("1234"); time.Sleep(16 * time.Second) }, Ended},
		"an error":        {EnterPIN, func(w *world) { w.hook("pin", fails(errBroken)); w.enter("1234") }, Ended},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				w.to(c.at)
				c.does(w)
				if v := w.want(c.want); v.Word != "reader" || c.want != Unready && v.Notice != NotWorking {
					t.Errorf("%q %q", v.Notice, v.Word)
				}
			})
		})
	}
}
