package session

import (
	"slices"
	"testing"
)

func TestTableIsTotal(t *testing.T) {
	cells := 0
	for s := range numStates {
		for e := range numEvents {
			cells++
			if c := table[s][e]; c.verdict == unwritten {
				t.Errorf("%v/%v is not written", s, e)
			} else if c.verdict != move && (c.to != 0 || c.do != nil) {
				t.Errorf("%v/%v stays and says where to", s, e)
			}
		}
	}
	if want := int(numStates) * int(numEvents); cells != want || cells < 900 {
		t.Fatalf("%d cells", cells)
	}
}

func TestEverythingHasItsOwnName(t *testing.T) {
	var names []string
	for s := range numStates {
		names = append(names, "state "+s.String())
	}
	for e := range numEvents {
		names = append(names, "event "+e.String())
	}
	for e := range numEffects {
		names = append(names, "effect "+e.String())
	}
	slices.Sort(names)
	if got := slices.Compact(slices.Clone(names)); len(got) != len(names) || slices.Contains(names, "state ") || slices.Contains(names, "event ") {
		t.Fatalf("names: %q", names)
	}
	for got, want := range map[string]string{numStates.String(): "unknown", numEvents.String(): "unknown", PrintUnsure.String(): "print-unsure",
		CardForgotten.String(): "card-forgotten", AwaitCardOut.String(): "await-card-out", Trouble.String(): "trouble"} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if len(States()) != int(numStates) {
		t.Errorf("States has %d", len(States()))
	}
}

// eachMove calls f for every cell that moves.
func eachMove(t *testing.T, f func(s State, e Event, c cell)) {
	t.Helper()
	n := 0
	for s := range numStates {
		for e := range numEvents {
			if c := table[s][e]; c.verdict == move {
				n++
				f(s, e, c)
			}
		}
	}
	if n < 100 {
		t.Fatalf("only %d moves", n)
	}
}

func TestWorkIsAwaitedWhereItIsStarted(t *testing.T) {
	eachMove(t, func(s State, e Event, c cell) {
		works := slices.DeleteFunc(slices.Clone(c.do), func(e Effect) bool { return !e.works() })
		switch awaited := awaits[c.to]; {
		case len(works) > 1:
			t.Errorf("%v/%v starts %v", s, e, works)
		case len(works) == 1 && works[0] != awaited && (works[0] != LookLater || awaited != Look):
			t.Errorf("%v/%v starts %v, %v awaits %v", s, e, works[0], c.to, awaited)
		case len(works) == 0 && awaited != 0 && !slices.Contains(c.do, awaited) && awaits[s] != awaited:
			t.Errorf("%v/%v: nobody does the %v that %v awaits", s, e, awaited, c.to)
		}
	})
}

func TestEveryWorkingEffectHasCode(t *testing.T) {
	for e := Look; e <= lastWork; e++ {
		if steps(e) == nil {
			t.Errorf("%v", e)
		}
	}
	for e := range numEffects {
		if e.works() && e.finishes() || e == End && !e.finishes() || e == AwaitCard && (e.works() || e.finishes()) {
			t.Errorf("%v is of two kinds", e)
		}
	}
}

func TestNeverFailsClosed(t *testing.T) {
	n := 0
	for s := range numStates {
		for e := range numEvents + 1 {
			if lookUp(s, e).verdict == move || lookUp(s, e).verdict == stay {
				continue
			}
			n++
			to, do := Next(s, e)
			want := OutOfService
			if s == Printing || s == Stranded {
				want = Stranded
			}
			if to != want || !slices.Contains(do, RaiseIncident) || !slices.Contains(do, Latch) || (want == OutOfService) != slices.Contains(do, End) {
				t.Errorf("%v/%v: %v %v", s, e, to, do)
			}
		}
	}
	if n < 300 {
		t.Fatalf("only %d never", n)
	}
	if to, _ := Next(numStates, CardIn); to != OutOfService {
		t.Error("a state that does not exist")
	}
}

// These are the safe sides: what may interrupt, in every state.
func TestInterruptionsBeforeTheCommitEndTheTransaction(t *testing.T) {
	before := []State{Reading, LastTry, EnterPIN, VerifyingPIN, LastTryAtPad, AtPad, Authenticating, Choosing, Confirming, Applying, Checking, Paying, Signing, TakeCard, MoreTime}
	for _, s := range before {
		for _, e := range []Event{CardOut, ReaderLost, Cancel, Stop, Fault} {
			to, do := Next(s, e)
			if s == TakeCard && e == CardOut {
				continue // that is what it waits for
			}
			if !slices.Contains(do, End) || to != Clearing && to != OutOfService {
				t.Errorf("%v/%v: %v %v", s, e, to, do)
			}
		}
		if to, do := Next(s, Timeout); to != MoreTime && !slices.Contains(do, End) {
			t.Errorf("%v/timeout: %v %v", s, to, do)
		}
	}
}

func TestNobodyCancelsAfterTheCommit(t *testing.T) {
	for s := range numStates {
		if !s.AfterCommit() {
			continue
		}
		for _, e := range []Event{CardIn, CardOut, ReaderLost, StaffReady, Stop, PINGiven, Chosen, Yes, Back, Cancel, Finish, Touched, Timeout} {
			if to, do := Next(s, e); to != s || do != nil {
				t.Errorf("%v/%v: %v %v", s, e, to, do)
			}
		}
	}
}

func TestOnlyStaffReopen(t *testing.T) {
	for e := range numEvents {
		to, do := Next(OutOfService, e)
		if e == StaffReady && (to != Unready || !slices.Equal(do, []Effect{Look})) || e != StaffReady && (to != OutOfService || do != nil) {
			t.Errorf("%v: %v %v", e, to, do)
		}
	}
}

func TestEveryStateHasATimeOrWaitsForSomebody(t *testing.T) {
	l := DefaultLimits()
	for s := range numStates {
		timed, timeout := l.of(s, "") > 0 || s == AtPad /* its work has a deadline, and answers so */, table[s][Timeout].verdict == move
		if timed != timeout {
			t.Errorf("%v: has a clock %v, moves on time-out %v", s, timed, timeout)
		}
		if waits := slices.Contains([]State{OutOfService, Idle, CardForgotten}, s); !timed && awaits[s] == 0 && !waits {
			t.Errorf("%v waits for nothing", s)
		}
	}
}
