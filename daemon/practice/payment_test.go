package practice_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"honnin/config/protocol"
	"honnin/daemon/practice"
)

func TestPayment(t *testing.T) {
	p, ctx := practice.NewPayment(), t.Context()
	a, b, c := protocol.Transaction{1}, protocol.Transaction{2}, protocol.Transaction{3}
	for i, err := range []error{p.Hold(ctx, a, 300), p.Hold(ctx, b, 450), p.Hold(ctx, c, 0), p.Keep(ctx, a), p.Keep(ctx, a), p.Return(ctx, b), p.Return(ctx, b), p.Return(ctx, protocol.Transaction{9})} {
		if err != nil {
			t.Error(i, err)
		}
	}
	for i, err := range []error{p.Hold(ctx, a, 300), p.Hold(ctx, protocol.Transaction{4}, -1), p.Return(ctx, a), p.Keep(ctx, b), p.Keep(ctx, protocol.Transaction{9})} {
		if !errors.Is(err, practice.ErrPayment) {
			t.Error(i, err)
		}
	}
	if s := p.Sums(); s != (practice.Sums{Taken: 750, Kept: 300, Returned: 450}) {
		t.Errorf("%+v", s)
	}
	if l := p.Lines(); len(l) != 3 || l[1] != (practice.Line{Transaction: b, Yen: 450, State: practice.MoneyReturned}) {
		t.Errorf("%+v", l)
	}
}

// Whatever is said in whatever order, what was taken is held, kept or returned, and moves once.
func TestMoneyIsNeverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, ctx := practice.NewPayment(), t.Context()
		taken, last := 0, map[protocol.Transaction]practice.MoneyState{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			tx, yen := protocol.Transaction{rapid.Byte().Draw(t, "transaction") % 4}, rapid.IntRange(-1, 500).Draw(t, "yen")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				if p.Hold(ctx, tx, yen) == nil {
					taken += yen
				}
			case 1:
				_ = p.Keep(ctx, tx)
			case 2:
				_ = p.Return(ctx, tx)
			}
			for _, l := range p.Lines() {
				if was := last[l.Transaction]; was != "" && was != practice.MoneyHeld && was != l.State {
					t.Fatal("money moved twice:", was, l.State)
				}
				last[l.Transaction] = l.State
			}
		}
		if s := p.Sums(); s.Taken != taken || s.Held+s.Kept+s.Returned != taken {
			t.Fatalf("%+v, taken %d", s, taken)
		}
	})
}
