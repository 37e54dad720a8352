package session

import (
	"context"
	"crypto/x509"
	"math/big"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
)

// disowned says what must be true when "this is not mine" was believed: incident and latch of what was printed, the outcome and
// the money as they were.
func (w *world) disowned() View {
	w.t.Helper()
	v := w.wantNotice(OutOfService, Disowned)
	a := w.deals[w.begun[len(w.begun)-1]]
	if len(w.incident) != 1 || w.incident[0].Kind != IncidentNotMine || w.incident[0].Transaction != w.begun[len(w.begun)-1] ||
		w.incident[0].Visit != w.visits || w.incident[0].Municipality != town || !w.latched || !w.closed[town] {
		w.t.Errorf("incidents %+v, latched %v, closed %v", w.incident, w.latched, w.closed)
	}
	if !slices.Equal(a.journal, []protocol.Outcome{protocol.Printed}) || a.kept != 1 || a.returned != 0 {
		w.t.Errorf("%+v", a)
	}
	if v.Reference == "" || v.Word != string(IncidentNotMine) || w.runner.recall.look() != (printed{}) {
		w.t.Errorf("it shows %+v", v)
	}
	return v
}

// unproven says what must be true when it was said by nobody knows whom.
func (w *world) unproven() {
	w.t.Helper()
	v := w.wantNotice(OutOfService, Unproven)
	if len(w.incident) != 1 || w.incident[0].Kind != IncidentUnproven || w.incident[0].Transaction != w.begun[len(w.begun)-1] || w.incident[0].Municipality != town ||
		!w.latched || w.closed[town] || w.count("disowned") != 0 {
		w.t.Errorf("incidents %+v, latched %v, closed %v", w.incident, w.latched, w.closed)
	}
	if v.Reference == "" {
		w.t.Error("it gives no number")
	}
	w.card(false) // or a visit would begin with it
	if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil {
		w.t.Error(err)
	}
	if v := w.want(Idle); v.Disowns == 0 {
		w.t.Error("who printed last cannot say so any more")
	}
}

// TestNotMineWithinTheVisit: on both last screens, in a store and at a counter.
func TestNotMineWithinTheVisit(t *testing.T) {
	for channel, at := range channels {
		for _, s := range []State{TakePaper, Done} {
			t.Run(channel+" "+s.String(), func(t *testing.T) {
				inBubble(t, at, func(w *world) {
					if v := w.to(s); v.Disowns != v.Visit {
						t.Fatalf("the button is for visit %d", v.Disowns)
					}
					w.key(PressNotMine)
					w.key(PressYes)
					w.disowned()
					w.key(PressYes)
					w.key(PressNotMine)
					w.disowned()
					if err := w.runner.StaffReady(t.Context(), "s07"); err != nil {
						t.Error(err)
					}
					if v := w.want(Idle); v.Disowns != 0 || !w.closed[town] {
						t.Errorf("staff opened the service, or it can be said again: %+v", v)
					}
				})
			})
		}
	}
}

// TestNotMineTakenBack: a child presses it, and nothing has happened.
func TestNotMineTakenBack(t *testing.T) {
	for s, asked := range map[State]State{TakePaper: AskedAtTray, Done: AskedAtEnd, Idle: AskedLater} {
		for how, take := range map[string]func(*world){"back": func(w *world) { w.key(PressBack) }, "time passes": func(w *world) { time.Sleep(61 * time.Second) }} {
			t.Run(s.String()+" "+how, func(t *testing.T) {
				inBubble(t, nil, func(w *world) {
					w.to(TakePaper)
					w.to(s)
					w.key(PressNotMine)
					w.want(asked)
					w.key(PressCancel) // no such button
					w.want(asked)
					take(w)
					if got := w.view(); got.State != s && (s != Done || got.State != Idle) || got.Disowns == 0 {
						t.Errorf("%v, and the button is for %d", got.State, got.Disowns)
					}
					w.to(Idle)
					if len(w.incident) != 0 || w.latched || w.closed[town] {
						t.Errorf("incidents %v, latched %v", w.incident, w.latched)
					}
				})
			})
		}
	}
}

// TestNotMineAfterTheVisit: the card placed again proves it, by its certificate and nothing else.
func TestNotMineAfterTheVisit(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		w.to(Idle)
		w.key(PressNotMine)
		if v := w.want(AskedLater); v.Visit != 1 {
			t.Errorf("the question is about visit %d", v.Visit)
		}
		w.key(PressYes)
		w.want(PlaceAgain)
		before := map[string]int{}
		for _, call := range []string{"begin-visit", "begin", "tries", "pin", "end-visit", "outcome"} {
			before[call] = w.count(call)
		}
		w.card(true)
		if v := w.disowned(); !v.CardIn {
			t.Error("the card is to be taken, and it does not say so")
		}
		for call, n := range before {
			if w.count(call) != n {
				t.Errorf("%s was called for it", call)
			}
		}
		w.card(false)
	})
}

// otherCard is another certificate than [cardDER]'s.
func otherCard(t *testing.T) []byte {
	t.Helper()
	c, err := x509.ParseCertificate(cardDER())
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{}, append(c.Raw, big.NewInt(7).Bytes()...)...)
}

// TestNotMineByAnyoneElse: whoever cannot show the card of that visit holds the terminal for staff, and stops no service.
func TestNotMineByAnyoneElse(t *testing.T) {
	for name, does := range map[string]func(*world){
		"another card":   func(w *world) { w.other = otherCard(w.t); w.card(true) },
		"no card":        func(w *world) { time.Sleep(61 * time.Second) },
		"gives up":       func(w *world) { w.key(PressCancel) },
		"no My Number":   func(w *world) { w.hook("connect", fails(ErrUnknownCard)); w.card(true) },
		"unreadable":     func(w *world) { w.hook("certificate", fails(errBroken)); w.card(true) },
		"slow card":      func(w *world) { w.blocks("certificate"); w.card(true); time.Sleep(30 * time.Second) },
		"the reader":     func(w *world) { w.lose <- errBroken },
		"reader, during": func(w *world) { w.blocks("certificate"); w.card(true); w.lose <- errBroken },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				w.to(Done)
				w.to(Idle)
				w.key(PressNotMine)
				w.key(PressYes)
				w.want(PlaceAgain)
				does(w)
				w.with(func() { clear(w.hooks) })
				if name == "the reader" || name == "reader, during" {
					w.wantNotice(OutOfService, Unproven)
					time.Sleep(10 * time.Second)
				}
				w.unproven()
			})
		})
	}
}

// TestNotMineCardLostWhilePlacing: it may be placed once more, while the time lasts.
func TestNotMineCardLostWhilePlacing(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		w.to(Idle)
		w.key(PressNotMine)
		w.key(PressYes)
		w.hook("certificate", fails(ErrCardGone))
		w.card(true)
		w.want(PlaceAgain)
		w.card(false)
		w.hook("certificate", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		w.card(true)
		w.want(Recognising)
		w.card(false)
		w.want(PlaceAgain)
		w.hook("certificate", nil)
		w.card(true)
		w.disowned()
		w.card(false)
	})
}

// TestNotMineIsForgotten: by the next visit, by time, by a policy that comes into force, and by the end. It was there until then.
func TestNotMineIsForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		does func(*world)
		left bool
	}{
		"nothing":    {func(*world) {}, true},
		"29 minutes": {func(w *world) { time.Sleep(29 * time.Minute) }, true},
		"31 minutes": {func(w *world) { time.Sleep(31 * time.Minute) }, false},
		"a visit":    {func(w *world) { w.to(EnterPIN); w.card(false); w.to(Idle) }, false},
		"no visit": {func(w *world) {
			w.with(func() { w.ready.Ready = false })
			w.card(true)
			w.card(false)
			w.with(func() { w.ready.Ready = true })
			time.Sleep(time.Minute)
		}, true},
		"a policy":      {func(w *world) { w.runner.Yield(); time.Sleep(time.Second) }, false},
		"a lost reader": {func(w *world) { w.lose <- errBroken; time.Sleep(time.Minute) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				w.to(Done)
				w.to(Idle)
				r := w.runner
				c.does(w)
				v := w.want(Idle)
				r.recall.mu.Lock()
				overwritten := memory{r.recall.last, r.recall.nonce, r.recall.subject} == memory{}
				r.recall.mu.Unlock()
				if overwritten == c.left || (v.Disowns != 0) != c.left {
					t.Errorf("overwritten: %v, the button is for %d", overwritten, v.Disowns)
				}
				w.press(Input{Kind: PressNotMine, Of: 1})
				if asked := w.state() == AskedLater; asked != c.left || asked == (w.runner.Counts().OtherVisit > 0) {
					t.Errorf("%v, %+v", w.state(), w.runner.Counts())
				}
			})
		})
	}
}

// TestNotMineOldFingers: the button of an earlier visit, or of none, is dropped and counted.
func TestNotMineOldFingers(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		w.to(Idle)
		w.to(Done)
		drop := func(visit, of uint64) {
			t.Helper()
			state, dropped := w.state(), w.runner.Counts().OtherVisit
			w.runner.Press(visit, Input{Kind: PressNotMine, Of: of})
			if w.state() != state || w.runner.Counts().OtherVisit != dropped+1 {
				t.Errorf("%d of %d in %v: %v, %+v", of, visit, state, w.state(), w.runner.Counts())
			}
		}
		drop(1, 1)
		drop(2, 1)
		drop(2, 0)
		drop(0, 2)
		w.to(Idle)
		drop(2, 2)
		drop(0, 1)
		drop(0, 0)
		w.to(Choosing)
		w.key(PressCancel)
		w.card(false)
		drop(w.want(Done).Visit, 3) // a visit that did not print
		drop(w.view().Visit, 2)
	})
}

// TestNotMineAndTheJournalFails: where the service cannot be closed, the incident at least is written, and staff are called.
func TestNotMineAndTheJournalFails(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		w.hook("disowned", fails(errBroken))
		w.key(PressNotMine)
		w.key(PressYes)
		w.wantNotice(OutOfService, Disowned)
		if len(w.incident) != 1 || w.incident[0].Kind != IncidentNotMine || !w.latched {
			t.Errorf("incidents %v, latched %v", w.incident, w.latched)
		}
	})
}

// TestNotMineWhileStopping: the daemon's end loses neither what was said nor sheets that may lie there, and asks nobody on.
func TestNotMineWhileStopping(t *testing.T) {
	for s, want := range map[State]IncidentKind{AskedAtTray: IncidentPaperLeft, AskedAtEnd: "", AskedLater: "", PlaceAgain: IncidentUnproven, Recognising: IncidentUnproven} {
		t.Run(s.String(), func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				if w.to(TakePaper); s != AskedAtTray {
					w.to(Done)
				}
				if s > AskedAtEnd {
					w.to(Idle)
				}
				w.key(PressNotMine)
				if s == Recognising {
					w.blocks("certificate")
				}
				w.to(s)
				w.end()
				got := append(w.incident, Incident{})[0].Kind
				if got != want || w.latched != (want != "") || w.closed[town] {
					t.Errorf("incidents %v, latched %v", w.incident, w.latched)
				}
			})
		})
	}
}
