package terminal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// till journals every movement of money before it happens, and settles after a restart what was left held.
type till struct {
	session.Payment
	ledger *ledger

	mu   sync.Mutex
	held map[protocol.Transaction]int // yen
}

func newTill(p session.Payment, l *ledger) *till {
	return &till{Payment: p, ledger: l, held: map[protocol.Transaction]int{}}
}

func (t *till) Hold(ctx context.Context, tx protocol.Transaction, yen int) error {
	if err := t.ledger.record(journal.Entry{Kind: journal.Held, Transaction: tx, Yen: yen}); err != nil {
		return err
	}
	t.mu.Lock()
	t.held[tx] = yen
	t.mu.Unlock()
	return t.Payment.Hold(ctx, tx, yen)
}

func (t *till) Keep(ctx context.Context, tx protocol.Transaction) error {
	return t.settle(tx, journal.Kept, func() error { return t.Payment.Keep(ctx, tx) })
}

// Return always reaches the device: a Hold that came back late may have taken money after the first Return, and a
// journal that cannot be written is no reason to keep anybody's money. A restart returns it once more then, which
// changes nothing.
func (t *till) Return(ctx context.Context, tx protocol.Transaction) error {
	err := t.settle(tx, journal.Returned, func() error { return nil })
	return errors.Join(err, t.Payment.Return(ctx, tx))
}

// settle journals the intent, then moves the money. What is not held is settled already.
func (t *till) settle(tx protocol.Transaction, k journal.Kind, move func() error) error {
	t.mu.Lock()
	yen, ok := t.held[tx]
	delete(t.held, tx)
	t.mu.Unlock()
	if !ok {
		return nil
	}
	if err := t.ledger.record(journal.Entry{Kind: k, Transaction: tx, Yen: yen}); err != nil {
		return err
	}
	return move()
}

// recover settles what a restart left held: kept where the journal says printed, returned everywhere else. It
// comes after the queue has given every open transaction its outcome.
func (t *till) recover(ctx context.Context) error {
	if err := t.again(ctx); err != nil {
		return err
	}
	left, err := t.ledger.journal.Unsettled()
	if err != nil {
		return err
	}
	for _, e := range left {
		t.held[e.Transaction] = e.Yen
		end, err := t.ledger.journal.Outcome(e.Transaction)
		if err != nil {
			return err
		}
		settle := t.Return
		if end == protocol.Printed {
			settle = t.Keep
		}
		if err := t.moved(e.Transaction, settle(ctx, e.Transaction)); err != nil {
			return err
		}
	}
	return nil
}

var errEnough = errors.New("terminal: far enough back")

// again moves once more what the journal says was moved: the power may have gone between the entry and the movement.
// That is since the last visit ended, or since the last start; to say the same twice changes nothing at a device.
func (t *till) again(ctx context.Context) error {
	var last []journal.Entry
	err := t.ledger.journal.Since(protocol.Time{}, func(e journal.Entry) error { // newest first
		switch e.Kind {
		case journal.Kept, journal.Returned:
			last = append(last, e)
		case journal.VisitEnded, journal.Started:
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for _, e := range last {
		move := t.Payment.Return
		if e.Kind == journal.Kept {
			move = t.Payment.Keep
		}
		if err := t.moved(e.Transaction, move(ctx, e.Transaction)); err != nil {
			return err
		}
	}
	return nil
}

// moved raises an incident where money did not move after a restart. As in a visit, that is for a person to look into, and
// no reason to stay closed for ever.
func (t *till) moved(tx protocol.Transaction, err error) error {
	if err == nil {
		return nil
	}
	if err := t.ledger.record(journal.Entry{Kind: journal.Incident, Transaction: tx, Reason: string(session.IncidentMoney)}); err != nil {
		return fmt.Errorf("terminal: money left by a restart: %w", err)
	}
	return nil
}

// Attended is the payment at a counter: a member of staff takes the fee and gives it back, and the journal says
// which was due.
type Attended struct{}

// Hold leaves it to staff.
func (Attended) Hold(context.Context, protocol.Transaction, int) error { return nil }

// Keep leaves it to staff.
func (Attended) Keep(context.Context, protocol.Transaction) error { return nil }

// Return leaves it to staff.
func (Attended) Return(context.Context, protocol.Transaction) error { return nil }

// Free is the payment of a terminal without a till: it holds nothing, and refuses a document that costs something.
type Free struct{}

// Hold accepts 0 yen only.
func (Free) Hold(_ context.Context, _ protocol.Transaction, yen int) error {
	if yen != 0 {
		return fmt.Errorf("terminal: no till, and the fee is %d yen", yen)
	}
	return nil
}

// Keep does nothing: nothing was held.
func (Free) Keep(context.Context, protocol.Transaction) error { return nil }

// Return does nothing: nothing was held.
func (Free) Return(context.Context, protocol.Transaction) error { return nil }
