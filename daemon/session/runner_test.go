package session

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/document"
)

// inOrder fails unless the calls happened in this order.
func (w *world) inOrder(want ...string) {
	w.t.Helper()
	at := 0
	for _, c := range w.calls {
		if at < len(want) && c == want[at] {
			at++
		}
	}
	if at < len(want) {
		w.t.Errorf("%q did not come in its turn: %v", want[at], strings.Join(w.calls, " "))
	}
}

func TestVisit(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.want(Idle)
		v := w.to(EnterPIN)
		if v.Visit != 1 || v.TriesLeft != 3 || v.Reference != "0042-0101-1" || !v.CardIn {
			t.Errorf("%+v", v)
		}
		if v = w.to(Choosing); len(v.Offers) != 2 {
			t.Errorf("%+v", v.Offers)
		}
		if v = w.to(Confirming); v.Fee != 400 || v.Chosen.Options["household"] != protocol.Text("all") {
			t.Errorf("%+v", v)
		}
		if v = w.to(TakeCard); !v.Held {
			t.Error("not held")
		}
		if w.cards != 0 {
			t.Error("the card is not reset before it is to be taken")
		}
		w.to(TakePaper)
		w.key(PressFinish)
		w.wantNotice(Done, Thanks)
		w.key(PressFinish)
		w.want(Idle)
		w.inOrder("printer-ready", "begin-visit", "connect", "certificate", "check-card", "begin", "pin", "proof", "applicant",
			"suspended", "apply", "package", "verify", "accept", "hold", "signature", "close", "suspended", "in-force", "printer-ready", "release", "print",
			"keep", "outcome", "end-visit")
		if n := w.runner.Counts(); n != (Counts{}) {
			t.Errorf("%+v", n)
		}
		w.to(Done) // and another
		if w.visits != 2 {
			t.Errorf("%d visits", w.visits)
		}
	})
}

// TestSecondDocument: whoever wants another certificate places the card again where the first visit says thanks. That
// is a visit of its own: its transaction, its PIN, its proof, its fee.
func TestSecondDocument(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first := w.to(Done)
		w.card(true)
		if second := w.want(EnterPIN); second.Visit != first.Visit+1 || second.Held || second.Chosen.Copies != 0 || second.Offers != nil {
			t.Errorf("%+v", second)
		}
		w.to(TakePaper)
		if len(w.begun) != 2 || w.begun[0] == w.begun[1] {
			t.Errorf("transactions %v", w.begun)
		}
		for _, call := range []string{"pin", "proof", "verify", "hold", "signature", "in-force", "print", "keep"} {
			if n := w.count(call); n != 2 {
				t.Errorf("%s: %d times", call, n)
			}
		}
		if n := w.count("suspended"); n != 4 { // before each application, and at each commit
			t.Errorf("what is suspended is asked %d times", n)
		}
	})
}

func TestObserver(t *testing.T) {
	inBubble(t, func(w *world) {
		for call, d := range map[string]time.Duration{"certificate": 1, "signature": 2, "applicant": 5, "verify": 3, "print": 7} {
			w.hook(call, func(context.Context) error { time.Sleep(d * time.Second); return nil })
		}
	}, func(w *world) {
		w.slowly(Done)
		last := w.steps[len(w.steps)-1]
		if want := (Spent{Card: 3 * time.Second, Centre: 5 * time.Second, Verify: 3 * time.Second, Print: 7 * time.Second}); last.Spent != want {
			t.Errorf("%+v", last.Spent)
		}
		i := slices.IndexFunc(w.steps, func(s Step) bool { return s.End != nil })
		if i < 0 || w.steps[i].End.Outcome != protocol.Printed || w.steps[i].End.Impressions != 2 || w.steps[i].End.Certificate != protocol.ResidentRecord {
			t.Errorf("%+v", w.steps)
		}
	})
}

// slowly goes on until the terminal is in s, with parts that take their time.
func (w *world) slowly(s State) {
	w.t.Helper()
	for range 100 {
		if w.state() == s {
			return
		}
		if !w.act() {
			time.Sleep(time.Second)
		}
	}
	w.want(s)
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		code     reason.Code
		closes   bool
		incident bool
	}{
		{reason.SubjectMismatch, true, true}, {reason.SignatureInvalid, true, true},
		{reason.PDFFont, false, true}, {reason.PackageStale, false, false},
	} {
		t.Run(string(c.code), func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.verify = &document.Refusal{Code: c.code, Also: []reason.Code{reason.TagMismatch}, Document: protocol.Digest{7},
					Evidence: protocol.Evidence{Serial: "S-1"}}
			}, func(w *world) {
				v := w.to(Ended)
				if v.Notice != DocRefused || v.Code != c.code || v.Reference == "" {
					t.Errorf("%+v", v)
				}
				if !slices.Equal(w.judged, []reason.Code{c.code}) || w.closed[town] != c.closes || (len(w.incident) == 1) != c.incident {
					t.Errorf("judged %v, closed %v, incidents %v", w.judged, w.closed, w.incident)
				}
				if c.incident {
					i := w.incident[0]
					if i.Kind != IncidentRefused || i.Code != c.code || i.Municipality != town || i.Document != (protocol.Digest{7}) || len(i.Also) != 1 {
						t.Errorf("%+v", i)
					}
				}
				if a := w.deals[w.begun[0]]; a.centre[0] != protocol.Refused || a.prints+w.count("hold") != 0 {
					t.Errorf("%+v", a)
				}
				if r := w.refusals[0]; r.Ending == nil || r.Ending.Outcome != protocol.Refused || r.Ending.Code != c.code || r.Ending.Document != (protocol.Digest{7}) ||
					r.Raise != c.incident || r.Incident.Evidence.Serial != "S-1" || len(r.Package) == 0 || w.count("ended") != 0 {
					t.Errorf("the refusal and its outcome are not written at once: %+v, %d outcomes alone", r, w.count("ended"))
				}
				if v = w.to(Done); v.Remaining != DefaultLimits().Refused {
					t.Errorf("%v to write the number down", v.Remaining)
				}
				w.to(Idle)
				if v = w.to(Choosing); v.Offers[0].Available == c.closes || c.closes && v.Offers[0].Why != "stopped" {
					t.Errorf("%+v", v.Offers[0])
				}
				if w.choose(); c.closes != (w.state() == Choosing) {
					t.Errorf("after a closed offer was chosen: %v", w.state())
				}
			})
		})
	}
}

func TestRegisterRefusesAtTheCommit(t *testing.T) {
	inBubble(t, func(w *world) { w.register = reason.Errorf(reason.RegisterMismatch, "") }, func(w *world) {
		w.to(Done)
		if v := w.view(); v.Notice != DocRefused || v.Code != reason.RegisterMismatch {
			t.Errorf("%+v", v)
		}
		a := w.deals[w.begun[0]]
		if !w.closed[town] || a.centre[0] != protocol.Refused || a.returned == 0 || w.count("release") != 0 {
			t.Errorf("%+v %v", a, w.closed)
		}
	})
}

func TestPIN(t *testing.T) {
	t.Run("wrong, then the last try", func(t *testing.T) {
		inBubble(t, nil, func(w *world) {
			w.to(EnterPIN)
			w.enter("9999")
			if v := w.want(EnterPIN); !v.WrongPIN || v.TriesLeft != 2 {
				t.Errorf("%+v", v)
			}
			w.enter("9999")
			if v := w.want(LastTry); v.TriesLeft != 1 {
				t.Errorf("%+v", v)
			}
			w.key(PressYes)
			w.want(EnterPIN)
			w.to(Done)
		})
	})
	t.Run("blocked", func(t *testing.T) {
		inBubble(t, func(w *world) { w.tries = 1 }, func(w *world) {
			w.to(LastTry)
			w.key(PressYes)
			w.enter("0000")
			w.wantNotice(Ended, PINIsBlocked)
			w.to(Idle)
			w.act()
			w.wantNotice(Ended, PINIsBlocked)
			if w.count("pin") != 1 {
				t.Error("a blocked card was asked again")
			}
		})
	})
	t.Run("the last try is not taken", func(t *testing.T) {
		inBubble(t, func(w *world) { w.tries = 1 }, func(w *world) {
			w.to(LastTry)
			w.enter("1234")
			w.want(LastTry)
			w.key(PressCancel)
			w.wantNotice(Ended, Cancelled)
			if w.count("pin") != 0 {
				t.Error("a PIN was sent")
			}
		})
	})
	t.Run("what is not a PIN", func(t *testing.T) {
		inBubble(t, nil, func(w *world) {
			w.to(EnterPIN)
			for _, pin := range []string{"", "123", "12345", "12a4"} {
				w.enter(pin)
			}
			w.want(EnterPIN)
			if n := w.runner.Counts(); n.Invalid != 4 || w.count("pin") != 0 {
				t.Errorf("%+v", n)
			}
		})
	})
	t.Run("sent once, whatever happens", func(t *testing.T) {
		inBubble(t, func(w *world) { w.hook("pin", fails(errBroken)) }, func(w *world) {
			w.to(EnterPIN)
			w.enter("1234")
			w.wantNotice(Ended, NotWorking)
			if w.count("pin") != 1 {
				t.Errorf("%d times", w.count("pin"))
			}
		})
	})
}

func TestChoiceIsWhatWasOffered(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Choosing)
		bad := []Input{
			{Offer: "o9", Copies: 1}, {Offer: "o2", Copies: 1}, {Offer: "o1"}, {Offer: "o1", Copies: protocol.MaxCopies + 1},
			{Offer: "o1", Copies: 1, Options: protocol.Options{"household": protocol.Text("none")}},
			{Offer: "o1", Copies: 1, Options: protocol.Options{"colour": protocol.Bool(true)}},
		}
		for _, in := range bad {
			in.Kind = PressChoose
			w.press(in)
		}
		w.want(Choosing)
		w.press(Input{Kind: 99})
		if n := w.runner.Counts(); n.Invalid != uint64(len(bad)+1) {
			t.Errorf("%+v", n)
		}
		w.press(Input{Kind: PressChoose, Offer: "o1", Copies: 1, Options: protocol.Options{"household": protocol.Text("one")}})
		if v := w.want(Confirming); v.Fee != 200 || v.Chosen.Options["household"] != protocol.Text("one") {
			t.Errorf("%+v", v)
		}
		w.key(PressBack)
		w.want(Choosing)
		w.choose()
		w.to(Done)
	})
}

func TestEveryoneDeclinesKindly(t *testing.T) {
	for _, c := range []struct {
		call   string
		err    error
		notice Notice
		code   reason.Code
		word   string
	}{
		{"connect", ErrUnknownCard, CardRefused, "", "card-unknown"},
		{"check-card", reason.Errorf(reason.CardExpired, ""), CardRefused, reason.CardExpired, ""},
		{"check-card", errBroken, CardRefused, reason.CardUntrusted, ""},
		{"check-proof", errBroken, CardRefused, reason.CardUntrusted, ""},
		{"check-signature", errBroken, CardRefused, reason.CardChanged, ""},
		{"applicant", &Declined{"card-revoked"}, NotOffered, "", "card-revoked"},
		{"package", &Declined{"not-linked"}, NotOffered, "", "not-linked"},
		{"hold", errBroken, NotPaid, "", "payment"},
	} {
		t.Run(c.call+" "+string(c.notice), func(t *testing.T) {
			inBubble(t, func(w *world) { w.hook(c.call, fails(c.err)) }, func(w *world) {
				v := w.to(Ended)
				if v.Notice != c.notice || v.Code != c.code || v.Word != c.word || len(w.incident) != 0 {
					t.Errorf("%+v", v)
				}
				w.to(Idle)
			})
		})
	}
	t.Run("no offers", func(t *testing.T) {
		inBubble(t, func(w *world) { w.offers = nil }, func(w *world) {
			if v := w.to(Ended); v.Word != "no-offers" {
				t.Errorf("%+v", v)
			}
		})
	})
}

func TestMoreTime(t *testing.T) {
	for _, s := range []State{EnterPIN, Choosing, Confirming} {
		t.Run(s.String(), func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				w.to(s)
				time.Sleep(50 * time.Second)
				w.key(PressTouched)
				time.Sleep(50 * time.Second)
				w.want(s)
				time.Sleep(11 * time.Second)
				w.want(MoreTime)
				w.key(PressYes)
				w.want(EnterPIN) // the PIN again, in a new transaction
				if len(w.begun) != 2 || w.deals[w.begun[0]].centre[0] != protocol.Abandoned || w.visits != 1 {
					t.Errorf("%d transactions", len(w.begun))
				}
				w.to(Done)
			})
		})
	}
	inBubble(t, nil, func(w *world) {
		w.to(Choosing)
		time.Sleep(61*time.Second + 21*time.Second)
		w.wantNotice(Ended, TimedOut)
	})
}

func TestMoreTimeAndTheCardIsPulled(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.to(Choosing)
		time.Sleep(61 * time.Second)
		w.want(MoreTime)
		release := w.blocks("cancel")
		w.key(PressYes)
		w.want(Renewing)
		w.card(false)
		w.want(Clearing)
		release()
		w.wantNotice(Done, CardPulled)
	})
}
