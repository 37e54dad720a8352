package session

import (
	"context"
	"testing"

	"honnin/config/protocol"
)

// BenchmarkVisit is what the machine itself costs: a whole visit with parts that take no time.
func BenchmarkVisit(b *testing.B) {
	w := newWorld(nil)
	shown := make(chan View, 64)
	p := Parts{Terminal: "JP-13-000042", Channel: protocol.Store, Reader: w, Centre: centre{w}, Verifier: verifier{w}, Queue: queue{w},
		Payment: payment{w}, Ledger: ledger{w}, Latches: latches{w}, Screen: screen(func(v View) { shown <- v })}
	r, err := New(p)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	visits, last := 0, View{State: numStates}
	for visits < b.N {
		v := <-shown
		if v.State == last.State && v.Visit == last.Visit {
			continue
		}
		if last = v; v.State == Done {
			visits++
		}
		go benchAct(w, r, v)
	}
	cancel()
	for {
		select {
		case <-shown:
		case err := <-ended:
			if err != nil {
				b.Fatal(err)
			}
			return
		}
	}
}

type screen func(View)

func (s screen) Show(v View) { s(v) }

func benchAct(w *world, r *Runner, v View) {
	switch v.State {
	case Idle:
		w.notify(true)
	case TakeCard:
		w.notify(false)
	case EnterPIN:
		r.Press(v.Visit, Input{Kind: PressPIN, PIN: []byte("1234")})
	case Choosing:
		r.Press(v.Visit, Input{Kind: PressChoose, Offer: "o1", Copies: 2})
	case Confirming:
		r.Press(v.Visit, Input{Kind: PressYes})
	case TakePaper, Done:
		r.Press(v.Visit, Input{Kind: PressFinish})
	}
}
