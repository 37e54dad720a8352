package session

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestPad tells what may happen where the PIN is typed at the reader. The last line of each: no PIN was ever in this machine.
func TestPad(t *testing.T) {
	for name, story := range map[string]func(w *world){
		"right": func(w *world) { w.to(Done) },
		"wrong, then the last try": func(w *world) {
			w.types("9999")
			if v := w.want(AtPad); !v.WrongPIN || v.TriesLeft != 2 {
				w.t.Errorf("%+v", v)
			}
			w.types("9999")
			if v := w.want(LastTryAtPad); !v.WrongPIN || v.TriesLeft != 1 {
				w.t.Errorf("%+v", v)
			}
			if w.types("1234") {
				w.t.Error("the reader takes the last try before it was asked for")
			}
			w.key(PressYes)
			w.want(AtPad)
			w.to(Done)
		},
		"blocked": func(w *world) {
			w.types("9999")
			w.types("9999")
			w.key(PressYes)
			w.types("9999")
			w.wantNotice(Ended, PINIsBlocked)
		},
		"the last try is not taken": func(w *world) {
			w.types("9999")
			w.types("9999")
			w.key(PressCancel)
			w.wantNotice(Ended, Cancelled)
			if w.tries != 1 {
				w.t.Error("a try was used")
			}
		},
		"the red key": func(w *world) {
			w.types(redKey)
			w.wantNotice(Ended, Cancelled)
		},
		"cancelled on the screen": func(w *world) {
			w.key(PressCancel)
			w.wantNotice(Ended, Cancelled)
			if w.types("1234") {
				w.t.Error("the reader still listens")
			}
		},
		"the card is pulled": func(w *world) {
			w.card(false)
			w.wantNotice(Done, CardPulled)
		},
		"nobody types": func(w *world) {
			time.Sleep(padPatience - time.Second)
			w.key(PressTouched) // the reader's clock runs, whatever is touched here
			time.Sleep(2 * time.Second)
			w.want(MoreTime)
			w.key(PressYes)
			w.want(AtPad)
			if len(w.begun) != 2 {
				w.t.Errorf("%d transactions", len(w.begun))
			}
			w.to(Done)
		},
		"not four digits": func(w *world) {
			w.types("9999")
			for range misfits {
				w.types("123")
				if v := w.want(AtPad); !v.Misfit || v.WrongPIN || v.TriesLeft != 2 {
					w.t.Errorf("%+v", v)
				}
			}
			w.types("9999")
			if v := w.want(LastTryAtPad); v.Misfit || !v.WrongPIN {
				w.t.Errorf("%+v", v)
			}
			w.key(PressYes)
			w.types("12")
			if v := w.want(AtPad); !v.Misfit || w.tries != 1 {
				w.t.Errorf("%+v", v)
			}
			w.to(Done)
			if len(w.begun) != 1 {
				w.t.Errorf("%d transactions", len(w.begun))
			}
		},
		"never four digits": func(w *world) {
			for range misfits + 1 {
				w.want(AtPad)
				w.types("12345")
			}
			w.want(MoreTime)
		},
		"nobody is there": func(w *world) {
			time.Sleep(padPatience + 21*time.Second)
			w.wantNotice(Ended, TimedOut)
		},
		"typed on the screen": func(w *world) {
			w.enter("1234")
			w.want(AtPad)
			if w.runner.Counts().Invalid != 1 {
				w.t.Error("not counted")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, atPad, func(w *world) {
				w.to(AtPad)
				story(w)
				if w.count("pin") != 0 || w.count("pad") == 0 {
					t.Errorf("PIN asked for here %d times, at the reader %d", w.count("pin"), w.count("pad"))
				}
			})
		})
	}
}

// TestPadSaysNothing: the terminal waits longer than a reader that works, and not for ever. It goes on with a card that is
// connected to anew.
func TestPadSaysNothing(t *testing.T) {
	inBubble(t, atPad, func(w *world) {
		w.to(AtPad)
		w.key(PressCancel)
		w.to(Idle)
		release := w.blocks("pad")
		defer release()
		w.to(AtPad)
		time.Sleep(padPatience + 4*time.Second)
		w.want(AtPad)
		time.Sleep(time.Second)
		synctest.Wait()
		w.want(MoreTime)
		w.hook("pad", nil)
		w.key(PressYes)
		w.to(Done)
	})
}

// TestPadFails: an error of the reader ends the visit as a whole.
func TestPadFails(t *testing.T) {
	inBubble(t, atPad, func(w *world) {
		w.hook("pad", fails(errBroken))
		w.to(Ended)
		w.wantNotice(Ended, NotWorking)
		if w.count("pad") != 1 {
			t.Errorf("asked %d times", w.count("pad"))
		}
	})
}

// TestNoKeysAfterAll: a reader that claims keys and has none is believed the next time; the PIN is typed on the screen, in the
// same visit.
func TestNoKeysAfterAll(t *testing.T) {
	inBubble(t, atPad, func(w *world) {
		w.hook("pad", func(context.Context) error { w.pad = NoPad; return fmt.Errorf("%w: unknown command", ErrNoPad) })
		if v := w.to(EnterPIN); v.WrongPIN || v.TriesLeft != 3 || w.tries != 3 {
			t.Errorf("%+v", v)
		}
		w.to(Done)
		if len(w.begun) != 1 || w.count("pad") != 1 || w.count("pin") != 1 {
			t.Errorf("%d transactions, asked %d times at the reader and %d here", len(w.begun), w.count("pad"), w.count("pin"))
		}
	})
}

// TestIdlePad: keys that are not to be used are spoken of.
func TestIdlePad(t *testing.T) {
	for pad, want := range map[Pad]bool{NoPad: false, UnusedPad: true} {
		inBubble(t, func(w *world) { w.pad = pad }, func(w *world) {
			if v := w.to(EnterPIN); v.IdlePad != want {
				t.Errorf("%d: %v", pad, v.IdlePad)
			}
			w.to(Done)
		})
	}
}
