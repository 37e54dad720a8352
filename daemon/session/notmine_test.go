package session

import (
	"context"
	"crypto/x509"
	"math/big"
	"slices"
	"testing"
	"testing/synctest"
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
	w.staffSayReady()
	if v := w.want(Idle); v.Disowns == 0 {
		w.t.Error("who printed last cannot say so any more")
	}
}

func (w *world) staffSayReady() {
	w.t.Helper()
	if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil {
		w.t.Error(err)
	}
	synctest.Wait()
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
					w.staffSayReady()
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
		"another card": func(w *world) { w.other = otherCard(w.t); w.card(true) },
		"no card":      func(w *world) { time.Sleep(61 * time.Second) },
		"gives up":     func(w *world) { w.key(PressCancel) },
		"no My Number": func(w *world) { w.hook("connect", fails(ErrUnknownCard)); w.card(true) },
		"unreadable": func(w *world) {
			w.hook("certificate", fails(errBroken))
			w.card(true)
			time.Sleep(59 * time.Second)
			if s := w.state(); s != PlaceAgain && s != Recognising {
				w.t.Errorf("after a minute's try it is %v", s)
			}
			time.Sleep(2 * time.Second)
		},
		"slow card": func(w *world) { w.blocks("certificate"); w.card(true); time.Sleep(61 * time.Second) },
		"on and off": func(w *world) {
			w.hook("certificate", fails(ErrCardGone))
			for range 7 {
				w.card(true)
				time.Sleep(4 * time.Second)
				w.card(false)
				time.Sleep(4 * time.Second)
			}
			w.want(PlaceAgain)
			time.Sleep(5 * time.Second)
		},
		"a fault": func(w *world) { w.runner.post(func() { w.runner.answered(nil, faulty("panic")) }) },
		"a fault, during": func(w *world) {
			w.blocks("certificate")
			w.card(true)
			w.runner.post(func() { w.runner.answered(nil, faulty("panic")) })
		},
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

// TestNotMineCardLostWhilePlacing: it may be placed once more, while the time lasts, and is never read twice at once: that would
// make a stranger of its holder. Nor does one that was misread.
func TestNotMineCardLostWhilePlacing(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		w.to(Idle)
		w.key(PressNotMine)
		w.key(PressYes)
		w.hook("certificate", fails(ErrCardGone))
		w.card(true)
		w.card(false)
		time.Sleep(2 * time.Second)
		w.want(PlaceAgain)
		slipped := make(chan struct{})
		reading := 0
		w.hook("certificate", func(context.Context) error {
			if reading++; reading > 1 {
				t.Error("it is read twice at once")
			}
			<-slipped
			reading--
			return errBroken
		})
		w.card(true)
		w.want(Recognising)
		w.card(false)
		w.card(true)
		w.want(Recognising)
		w.hook("certificate", nil)
		close(slipped)
		synctest.Wait()
		w.want(Recognising)
		time.Sleep(2 * time.Second)
		w.disowned()
		w.card(false)
	})
}

// TestNotMineIsForgotten: by the next visit, and by time, also where a policy came into force. It was there until then.
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
		"a policy": {func(w *world) { w.runner.Yield(); time.Sleep(time.Second) }, true},
		"a policy, and time": {func(w *world) {
			time.Sleep(20 * time.Minute)
			w.runner.Yield()
			time.Sleep(11 * time.Minute)
		}, false},
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

// TestNotMineAndTheJournalFails: while it is not written nobody is told that it is, the service is closed, and no word of staff
// and no new runner lets a visit begin; it can be said again. What is written later holds over a restart.
func TestNotMineAndTheJournalFails(t *testing.T) {
	for name, later := range map[string]bool{"within the visit": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				if w.to(Done); later {
					w.to(Idle)
				}
				w.hook("disowned", fails(errBroken))
				w.key(PressNotMine)
				if w.key(PressYes); later {
					w.card(true)
					w.wantNotice(OutOfService, StaffAreCalled)
					w.card(false)
				}
				if v := w.wantNotice(OutOfService, StaffAreCalled); v.Word != string(IncidentNotMine) || len(w.incident) != 0 || w.latched || !w.closed[town] || w.runner.recall.look().visit != 1 {
					t.Fatalf("%+v, incidents %v, latched %v, closed %v", v, w.incident, w.latched, w.closed)
				}
				w.staffSayReady()
				if v := w.want(Unready); v.Word != "stopped" || v.Disowns != 1 {
					t.Errorf("%+v", v)
				}
				w.card(true)
				w.card(false)
				w.with(func() { clear(w.hooks) })
				w.writes()
				time.Sleep(10 * time.Second)
				w.runner.Yield()
				time.Sleep(10 * time.Second)
				w.wantNotice(OutOfService, StaffAreCalled)
				if len(w.incident) != 1 || w.incident[0].Kind != IncidentNotMine || !w.latched || !w.closed[town] || w.count("begin-visit") != 1 || w.renewed != 1 {
					t.Errorf("incidents %v, latched %v, closed %v, %d visits", w.incident, w.latched, w.closed, w.count("begin-visit"))
				}
				w.staffSayReady()
				if w.want(Idle); !w.closed[town] {
					t.Error("staff opened the service")
				}
			})
		})
	}
}

// TestNotMineIsSaidWhenItIsWritten: not before, and the visit is not forgotten before.
func TestNotMineIsSaidWhenItIsWritten(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		written := w.blocks("disowned")
		w.key(PressNotMine)
		w.key(PressYes)
		w.wantNotice(OutOfService, StaffAreCalled)
		if w.runner.recall.look().visit != 1 {
			t.Error("it is forgotten, and not written")
		}
		written()
		w.disowned()
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

// TestNotMineWhileUnready: who stands there is not sent away because the hour is over, or a part is missing.
func TestNotMineWhileUnready(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		w.to(Idle)
		w.hook("centre-ready", fails(ErrClosed))
		w.lose <- errBroken
		time.Sleep(20 * time.Second)
		if v := w.want(Unready); v.Word != "closed" || v.Disowns != 1 {
			t.Fatalf("%+v", v)
		}
		w.key(PressNotMine)
		w.want(AskedLater)
		w.key(PressBack)
		if v := w.want(Unready); v.Disowns != 1 {
			t.Errorf("taken back: %+v", v)
		}
		w.key(PressNotMine)
		w.key(PressYes)
		w.card(true)
		w.disowned()
		w.card(false)
	})
}

// TestNotMineIsAskedForAMinute: no finger keeps the question on the screen, and what waits for the end of a visit waiting.
func TestNotMineIsAskedForAMinute(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Done)
		w.to(Idle)
		w.key(PressNotMine)
		for range 2 {
			time.Sleep(29 * time.Second)
			w.key(PressTouched)
		}
		w.want(AskedLater)
		time.Sleep(3 * time.Second)
		w.want(Idle)
	})
}

// TestNotMineAfterAFault: what printed is known from that moment, whatever goes wrong behind it.
func TestNotMineAfterAFault(t *testing.T) {
	for name, f := range map[string]func(*world){
		"settling": func(w *world) { w.hook("outcome", fails(errBroken)); w.broken = map[string]bool{"journal": true} },
		"stranded": func(w *world) {
			w.hook("print", func(context.Context) error {
				go w.runner.post(func() { w.runner.answered(nil, faulty("panic")) })
				time.Sleep(time.Second)
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				w.to(TakeCard)
				f(w)
				w.card(false)
				time.Sleep(5 * time.Second)
				w.want(OutOfService)
				w.with(func() { clear(w.hooks) })
				w.staffSayReady()
				if v := w.want(Idle); v.Disowns != 1 {
					t.Fatalf("%+v", v)
				}
				w.with(func() { w.incident = nil })
				w.key(PressNotMine)
				w.key(PressYes)
				w.card(true)
				w.disowned()
				w.card(false)
			})
		})
	}
}
