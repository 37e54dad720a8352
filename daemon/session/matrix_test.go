package session

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
)

// busy is where the visit can be caught, and the call in which it is caught.
var busy = []struct {
	state State
	call  string // "" where the terminal waits for a person
}{
	{Opening, "printer-ready"}, {Opening, "begin-visit"}, {Reading, "connect"}, {Reading, "certificate"}, {Reading, "tries"}, {Reading, "begin"},
	{EnterPIN, ""}, {VerifyingPIN, "pin"}, {AtPad, ""}, {AtPad, "pad"}, {Authenticating, "proof"}, {Authenticating, "applicant"}, {Choosing, ""}, {Confirming, ""},
	{Applying, "suspended"}, {Applying, "apply"}, {Applying, "package"}, {Checking, "verify"}, {Checking, "accept"}, {Paying, "hold"}, {Signing, "signature"}, {TakeCard, ""},
	{Committing, "suspended"}, {Committing, "in-force"}, {Committing, "printer-ready"}, {Sending, "release"}, {Printing, "print"}, {TakePaper, ""},
}

// late reports whether s is after the last moment at which anybody can cancel.
func late(s State) bool { return s.AfterCommit() || s == TakePaper }

// catch brings a new visit to a state and, where it is at work there, into the given call. The call then does what
// hook does.
func (w *world) catch(s State, call string, hook func(context.Context) error) {
	w.t.Helper()
	w.to(Idle)
	before := w.count(call)
	if s == Committing { // some calls were made before, too
		w.to(TakeCard)
		before = w.count(call)
	}
	if call != "" {
		w.hook(call, hook)
	}
	w.to(s)
	if call != "" && w.count(call) != before+1 {
		w.t.Fatalf("%s was not called in %v", call, s)
	}
}

// on is a world in which a visit comes to s.
func on(s State) func(*world) {
	if s == AtPad {
		return atPad
	}
	return nil
}

func eachBusy(t *testing.T, f func(t *testing.T, s State, call string)) {
	t.Helper()
	for _, b := range busy {
		t.Run(b.state.String()+" "+b.call, func(t *testing.T) { f(t, b.state, b.call) })
	}
}

// gate blocks a call until it is opened or the call's context ends.
func gate() (hook func(context.Context) error, open func()) {
	c := make(chan struct{})
	return func(ctx context.Context) error {
		select {
		case <-c:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, func() { close(c) }
}

func TestInterruptedEverywhere(t *testing.T) {
	for name, interrupt := range map[string]func(w *world){
		"card pulled": func(w *world) { w.card(false) },
		"reader lost": func(w *world) { w.lose <- errBroken },
		"cancelled":   func(w *world) { w.key(PressCancel) },
		"time passes": func(w *world) { time.Sleep(10 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			eachBusy(t, func(t *testing.T, s State, call string) {
				inBubble(t, on(s), func(w *world) {
					hook, open := gate()
					w.catch(s, call, hook)
					interrupt(w)
					synctest.Wait()
					w.hook(call, nil)
					open()
					w.interrupted(name, s)
				})
			})
		})
	}
}

// interrupted says what must be true after an interruption.
func (w *world) interrupted(name string, s State) {
	w.t.Helper()
	after := w.state()
	goesOn := s == TakeCard && name == "card pulled"
	switch {
	case goesOn && after != TakePaper:
		w.t.Errorf("ends in %v", after)
	case !goesOn && !late(s) && !slices.Contains([]State{Ended, Done, CardForgotten, Idle, Unready}, after):
		w.t.Errorf("%v ends in %v", s, after)
	case s == Printing && name == "time passes" && (after != OutOfService || w.deals[w.begun[0]].centre[0] != protocol.Unsure):
		w.t.Errorf("a printer that says nothing: %v", after)
	case s == TakePaper && name == "time passes" && after != OutOfService:
		w.t.Errorf("paper forgotten: %v", after)
	case late(s) && name != "time passes" && after != TakePaper:
		w.t.Errorf("%v was stopped after the commit: %v", s, after)
	}
	prints := 0
	for _, a := range w.deals {
		prints += a.prints
	}
	if want := s == Printing || s == TakePaper || goesOn || late(s) && name != "time passes"; want != (prints == 1) {
		w.t.Errorf("printed %d times", prints)
	}
}

func TestStoppedEverywhere(t *testing.T) {
	eachBusy(t, func(t *testing.T, s State, call string) {
		inBubble(t, on(s), func(w *world) {
			hook, open := gate()
			w.catch(s, call, hook)
			if late(s) && s != TakePaper {
				time.AfterFunc(10*time.Second, open) // the printer takes its time
			}
			w.end()
			printed := len(w.begun) > 0 && w.deals[w.begun[0]].prints == 1
			if printed != late(s) || w.latched != late(s) {
				t.Errorf("printed %v, latched %v", printed, w.latched)
			}
		})
	})
}

// channels are where a terminal may stand.
var channels = map[string]func(*world){"store": func(*world) {}, "counter": atCounter, "pad": atPad}

// eachCall does f for every call of a visit, in a store and at a counter.
func eachCall(t *testing.T, f func(t *testing.T, call string, at func(*world))) {
	for channel, at := range channels {
		for _, call := range everyCall(t, at) {
			t.Run(channel+" "+call, func(t *testing.T) { f(t, call, at) })
		}
	}
}

// Every call of every part fails once: nothing is lost, and the next visit works, or staff are called.
func TestEveryPartFails(t *testing.T) {
	eachCall(t, func(t *testing.T, call string, at func(*world)) {
		inBubble(t, func(w *world) {
			at(w)
			w.breaks(call)
			failed := false
			w.hook(call, func(context.Context) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				if failed {
					return nil
				}
				failed = true
				return errBroken
			})
		}, func(w *world) { w.goesOn(30) })
	})
}

// breaks notes which accounts cannot balance when call fails.
func (w *world) breaks(call string) {
	w.broken = map[string]bool{"journal": slices.Contains([]string{"ended", "refused", "void", "outcome", "confirm"}, call)}
}

// everyCall returns the names of all calls of a visit that prints and one that is cancelled.
func everyCall(t *testing.T, at func(*world)) (calls []string) {
	t.Helper()
	inBubble(t, at, func(w *world) {
		if w.channel == protocol.Counter {
			w.to(ConfirmName)
			w.vouch(staffID, "000000", true)
			time.Sleep(2 * time.Second)
		}
		w.to(Done)
		w.to(TakeCard)
		w.key(PressCancel)
		w.to(Idle)
		w.to(Choosing)
		w.key(PressCancel)
		w.to(Idle)
		w.to(Done)
		w.disown(true)
		calls = slices.Clone(w.calls)
	})
	slices.Sort(calls)
	calls = slices.Compact(calls)
	if len(calls) < 30 {
		t.Fatalf("only %v", calls)
	}
	return calls
}

// goesOn lives visits, each cancelled or printed, and lets staff reopen, until a whole visit has worked.
func (w *world) goesOn(rounds int) {
	w.t.Helper()
	for range rounds {
		for range 60 {
			if s := w.state(); s == OutOfService {
				if err := w.runner.StaffReady(w.t.Context(), "s07"); err != nil && w.count("staff-ready") > 5 {
					w.t.Fatal(err)
				}
			}
			if w.state() == Done && w.view().Notice == Thanks {
				w.act()
				return
			}
			if !w.act() {
				time.Sleep(10 * time.Second)
			}
		}
	}
	w.t.Fatalf("no visit works any more: %v", w.state())
}

// A panic in any part is an incident and closes the terminal, and still nothing is lost.
func TestEveryPartPanics(t *testing.T) {
	eachCall(t, func(t *testing.T, call string, at func(*world)) {
		if call == "show" || call == "incident" || call == "latch" {
			return // see below
		}
		inBubble(t, func(w *world) { at(w); w.breaks(call) }, func(w *world) {
			w.want(Idle)
			var panicked atomic.Bool
			w.hook(call, func(context.Context) error {
				panicked.Store(true)
				w.hook(call, nil)
				panic("a part is broken")
			})
			if call == "watch" {
				w.lose <- errBroken
				time.Sleep(6 * time.Second)
			}
			for i := 0; i < 60 && !panicked.Load(); i++ {
				if slices.Contains([]string{"cancel", "void", "ended", "return"}, call) {
					w.cancelAt(TakeCard, call == "ended")
				}
				w.mistype(call == "wrong-code")
				w.disown(call == "disowned")
				w.act()
			}
			w.panicked(call)
		})
	})
}

// mistype types a code that is nobody's where one is asked for, if it is to.
func (w *world) mistype(is bool) {
	if is && w.state() == ConfirmName {
		w.vouch(staffID, "000000", true)
	}
}

// disown says at the last word of a visit that the certificate is another's, if that is to be said.
func (w *world) disown(is bool) {
	if is && w.state() == Done && w.view().Disowns > 0 {
		w.key(PressNotMine)
		w.key(PressYes)
	}
}

// cancelAt cancels a visit after (or before) its document was accepted.
func (w *world) cancelAt(s State, early bool) {
	if early {
		s = Choosing
	}
	w.to(s)
	w.key(PressCancel)
}

func (w *world) panicked(call string) {
	w.t.Helper()
	synctest.Wait()
	if n := w.runner.Counts(); n.Panics != 1 {
		w.t.Fatalf("%d panics", n.Panics)
	}
	harmless := slices.Contains([]string{"cancel", "close", "centre-ready", "printer-ready"}, call)
	if money := call == "keep" || call == "return"; money {
		if len(w.incident) != 1 || w.incident[0].Kind != IncidentMoney {
			w.t.Errorf("%v", w.incident)
		}
		return
	}
	if !harmless && (w.state() != OutOfService || len(w.incident) != 1 || !w.latched) {
		w.t.Errorf("%v, incidents %v", w.state(), w.incident)
	}
	w.goesOn(3)
}

func TestScreenPanics(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Choosing)
		w.hook("show", func(context.Context) error { panic("no screen") })
		w.key(PressCancel)
		w.want(OutOfService)
		if len(w.incident) == 0 || w.incident[0].Kind != IncidentFault || w.incident[0].Detail != "panic" {
			t.Errorf("%v", w.incident)
		}
	})
}

// A part that does not come back is left behind: an incident, out of service. What it brings later is destroyed.
func TestEveryPartHangs(t *testing.T) {
	for _, b := range busy {
		if b.call == "" {
			continue
		}
		t.Run(b.state.String()+" "+b.call, func(t *testing.T) {
			inBubble(t, on(b.state), func(w *world) {
				c := make(chan struct{})
				w.catch(b.state, b.call, func(context.Context) error { <-c; return nil })
				time.Sleep(10 * time.Minute)
				w.hook(b.call, nil)
				w.want(OutOfService)
				if !w.latched || len(w.incident) != 1 {
					t.Errorf("latched %v, incidents %v", w.latched, w.incident)
				}
				if prints := w.count("print"); prints != 0 && b.state != Printing {
					t.Error("printed")
				}
				close(c)
				synctest.Wait()
				w.want(OutOfService)
				w.hangs(b.call)
			})
		})
	}
}

// hangs says what must have become of what came too late.
func (w *world) hangs(call string) {
	w.t.Helper()
	want := map[string]string{"begin-visit": "visit", "connect": "card", "begin": "transaction", "package": "package", "verify": "document",
		"accept": "acceptance", "hold": "fee", "signature": "signature", "print": "outcome"}[call]
	if got := append(w.lates, ""); got[0] != want || (want != "") != (w.runner.Counts().Late == 1) {
		w.t.Errorf("late: %v, want %q", w.lates, want)
	}
	if call == "release" && w.deals[w.begun[0]].centre[0] != protocol.Unsure {
		w.t.Errorf("the intent may be journalled: %v", w.deals[w.begun[0]].centre)
	}
	if w.seconds != 0 && call != "print" { // the queue learns that the outcome of what it printed is known: unsure
		w.t.Errorf("%d second outcomes", w.seconds)
	}
}
