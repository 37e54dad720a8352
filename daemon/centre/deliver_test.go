package centre_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"honnin/config/protocol"
	"honnin/daemon/centre"
)

// outbox is a store in memory; failing makes its next calls fail.
type outbox struct {
	items   []centre.Item
	settled []centre.Settlement
	keys    []uint64
	failing int
	doubts  map[uint64]bool // receipts for these are not believed
}

var errDisk = errors.New("disk")

func (o *outbox) fails() error {
	if o.failing > 0 {
		o.failing--
		return errDisk
	}
	return nil
}

func (o *outbox) find(more func(key uint64) bool) int {
	return slices.IndexFunc(o.items, func(i centre.Item) bool { return more(i.Key) })
}

func (o *outbox) Next(_ context.Context, after uint64) (centre.Item, bool, error) {
	i := o.find(func(key uint64) bool { return key > after })
	if i < 0 {
		return centre.Item{}, false, o.fails()
	}
	return o.items[i], true, o.fails()
}

func (o *outbox) Settle(_ context.Context, key uint64, s centre.Settlement) error {
	if err := o.fails(); err != nil {
		return err
	}
	i := o.find(func(have uint64) bool { return have == key })
	if i < 0 || (o.items[i].Event != nil || o.items[i].Escalation != nil) && s.Problem != "" {
		panic("settled twice, or given up")
	}
	if o.doubts[key] {
		return fmt.Errorf("%w: by nobody", centre.ErrReceipt)
	}
	o.items, o.settled, o.keys = slices.Delete(o.items, i, i+1), append(o.settled, s), append(o.keys, key)
	return nil
}

// taker is a centre that answers with the next of errs, and then with success.
type taker struct {
	errs       []error
	outcomes   []protocol.Transaction
	signatures [][]byte
	events     []protocol.IncidentID
	refuses    map[protocol.IncidentID]error
}

func (c *taker) next() (err error) {
	if len(c.errs) > 0 {
		err, c.errs = c.errs[0], c.errs[1:]
	}
	return err
}

func (c *taker) Outcome(_ context.Context, t protocol.Transaction, o protocol.OutcomeReport) error {
	c.outcomes, c.signatures = append(c.outcomes, t), append(c.signatures, slices.Clone([]byte(o.ReleaseSignature)))
	return c.next()
}

func (c *taker) Incident(_ context.Context, e protocol.Event) ([]byte, error) {
	c.events = append(c.events, e.ID)
	if err := c.refuses[e.ID]; err != nil {
		return nil, err
	}
	return []byte("receipt"), c.next()
}

func (c *taker) Escalation(_ context.Context, e protocol.Escalation) ([]byte, error) {
	c.events = append(c.events, e.ID)
	if err := c.refuses[e.ID]; err != nil {
		return nil, err
	}
	return []byte("receipt"), c.next()
}

func outcome(n byte) centre.Item {
	return centre.Item{Key: uint64(n), Transaction: protocol.Transaction{n}, Report: &protocol.OutcomeReport{Outcome: protocol.Printed}}
}

// deliver runs a deliverer over o and c for a while of the bubble's time.
func deliver(t *testing.T, o *outbox, c *taker, d time.Duration) {
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	if err := centre.NewDeliverer(o, c, time.Second, time.Minute).Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestDeliversInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{items: []centre.Item{outcome(1), {Key: 2, Event: &event}, outcome(3)}}
		c := &taker{}
		deliver(t, o, c, time.Second)
		if !slices.Equal(o.keys, []uint64{1, 2, 3}) || string(o.settled[1].Receipt) != "receipt" || len(c.outcomes) != 2 || c.events[0] != "i-1" {
			t.Error(o, c)
		}
	})
}

func TestBacksOffAndKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := slices.Repeat([]error{centre.ErrUnreachable, &centre.Problem{Word: "busy", Status: 503}, &centre.Problem{Word: "x", Status: 403}}, 10)
		o, c := &outbox{items: []centre.Item{outcome(1), outcome(2)}}, &taker{errs: down}
		began := time.Now()
		deliver(t, o, c, time.Hour)
		if len(o.keys) != 2 || len(c.outcomes) != 32 {
			t.Fatal(o.keys, len(c.outcomes))
		}
		// 30 failures: 1+2+4+…+32 s, then 24 of a minute, each halved at most.
		if longest := 63*time.Second + 24*time.Minute; time.Since(began) < longest/2 {
			t.Error("no back-off:", time.Since(began))
		}
		for i, tx := range c.outcomes[:31] {
			if tx != (protocol.Transaction{1}) {
				t.Error("overtaken at", i)
			}
		}
	})
}

func TestFinalRefusalIsSettledWithItsWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{items: []centre.Item{outcome(1), outcome(2), {Key: 3}, outcome(4)}}
		c := &taker{errs: []error{&centre.Problem{Word: "unknown", Status: 404}, centre.ErrCancelled}}
		deliver(t, o, c, time.Second)
		var words []string
		for _, s := range o.settled {
			words = append(words, s.Problem)
		}
		if !slices.Equal(words, []string{"unknown", "cancelled", "empty-item", ""}) {
			t.Error(words)
		}
	})
}

func raised(n byte) centre.Item {
	e := event
	e.ID = protocol.IncidentID(fmt.Sprint("i-", n))
	return centre.Item{Key: uint64(n), Event: &e}
}

func escalated(n byte) centre.Item {
	e := protocol.NewEscalation(protocol.IncidentID(fmt.Sprint("i-", n)), "JP-99-000001", protocol.At(farOff), protocol.EscalationData{Incident: "i-0", Step: 1, Contact: "a"})
	return centre.Item{Key: uint64(n), Escalation: &e}
}

// TestStepsStayInOrder: while the centre refuses a step of an escalation, the next of the same incident waits; another's does not.
func TestStepsStayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := escalated(3)
		other.Escalation.Data.Incident = "i-9"
		o := &outbox{items: []centre.Item{escalated(1), escalated(2), other, outcome(4)}}
		busy := &centre.Problem{Word: "busy", Status: 503}
		c := &taker{errs: []error{busy, nil, nil, busy, busy}}
		deliver(t, o, c, time.Hour)
		if want := []protocol.IncidentID{"i-1", "i-3", "i-1", "i-1", "i-1", "i-2"}; !slices.Equal(o.keys, []uint64{3, 4, 1, 2}) || !slices.Equal(c.events, want) {
			t.Errorf("%d, after %s", o.keys, c.events)
		}
	})
}

// TestIncidentsAreNeverGivenUp, nor their escalations: whatever the centre says to one, or gives for it, what is behind goes on at once, and it is brought
// again after pauses that grow, for ever; and it is delivered when the centre has come to its senses.
func TestIncidentsAreNeverGivenUp(t *testing.T) {
	for _, kept := range []string{"an incident", "an escalation"} {
		t.Run(kept, func(t *testing.T) { neverGivenUp(t, kept) })
	}
}

func neverGivenUp(t *testing.T, kept string) {
	for name, no := range map[string]error{
		"refused for ever": &centre.Problem{Word: protocol.ProblemConflict, Status: 409}, "unknown": &centre.Problem{Word: protocol.ProblemUnknown, Status: 404},
		"gone": centre.ErrCancelled, "not now": &centre.Problem{Word: "busy", Status: 503}, "nonsense": centre.ErrAnswer, "not believed": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := escalated(1)
				if kept == "an incident" {
					first = raised(1)
				}
				o := &outbox{items: []centre.Item{first, outcome(2), raised(3), outcome(4)}, doubts: map[uint64]bool{1: no == nil}}
				c := &taker{refuses: map[protocol.IncidentID]error{"i-1": no}}
				d := centre.NewDeliverer(o, c, time.Second, time.Minute)
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- d.Run(ctx) }()
				synctest.Wait()
				if !slices.Equal(o.keys, []uint64{2, 3, 4}) {
					t.Errorf("settled at once: %v", o.keys)
				}
				for n := range byte(100) { // what comes does not have it brought more often
					o.items = append(o.items, outcome(n+10))
					d.Wake()
					synctest.Wait()
				}
				if len(o.items) != 1 || len(c.events) != 2 {
					t.Errorf("%d wait, %d events sent", len(o.items), len(c.events))
				}
				before := len(c.events)
				d.Wake() // after what was just read
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := len(c.events) - before; n < 60 || n > 140 {
					t.Errorf("brought %d times in an hour", n)
				}
				c.refuses, o.doubts = nil, nil
				d.Wake()
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(o.items) != 0 || o.keys[len(o.keys)-1] != 1 {
					t.Errorf("not delivered in the end: %v", o.keys)
				}
				stop()
				<-ended
			})
		})
	}
}

// TestManyRefusedIncidents: they are passed over however many they are, and cost the centre one call a second at most in the long run.
func TestManyRefusedIncidents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		o, c := &outbox{}, &taker{refuses: map[protocol.IncidentID]error{}}
		for i := range byte(n) {
			item := raised(i + 1)
			o.items, c.refuses[item.Event.ID] = append(o.items, item), centre.ErrAnswer
		}
		o.items = append(o.items, outcome(n+1))
		deliver(t, o, c, time.Hour)
		if !slices.Equal(o.keys, []uint64{n + 1}) || len(c.events) < 10*n || len(c.events) > 3600+2*n {
			t.Error(o.keys, len(c.events))
		}
	})
}

func TestReleaseSignatureTravelsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := &outbox{items: []centre.Item{outcome(1), outcome(2)}, failing: 0}, &taker{errs: []error{centre.ErrUnreachable}}
		d := centre.NewDeliverer(o, c, time.Second, time.Minute)
		signature := []byte("signature")
		d.Attach(protocol.Transaction{1}, signature)
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		_ = d.Run(ctx)
		if len(c.signatures) != 3 || string(c.signatures[0]) != "signature" || string(c.signatures[1]) != "signature" || c.signatures[2] != nil {
			t.Errorf("%q", c.signatures)
		}
		if string(signature) == "signature" {
			t.Error("the signature stays in memory after delivery")
		}
	})
}

func TestWakeIsHeardAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, c := &outbox{}, &taker{}
		d := centre.NewDeliverer(o, c, time.Second, time.Hour)
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = d.Run(ctx) }()
		synctest.Wait()
		o.items = []centre.Item{outcome(1)}
		d.Wake()
		d.Wake()
		synctest.Wait()
		if len(o.keys) != 1 {
			t.Error("not delivered")
		}
		stop()
		synctest.Wait()
	})
}

// Whatever fails, everything arrives at least once, in order, and nothing is settled that was not taken.
func TestAtLeastOnceInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "items")
		fails := rapid.IntRange(0, 5).Draw(rt, "store failures")
		var errs []error
		for _, bad := range rapid.SliceOfN(rapid.Bool(), 0, 12).Draw(rt, "centre fails") {
			if bad {
				errs = append(errs, centre.ErrUnreachable)
			} else {
				errs = append(errs, nil)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			o, c := &outbox{failing: fails}, &taker{errs: errs}
			for i := range n {
				o.items = append(o.items, outcome(byte(i+1)))
			}
			deliver(t, o, c, 24*time.Hour)
			if len(o.keys) != n || !slices.IsSorted(o.keys) || !slices.IsSortedFunc(c.outcomes, func(a, b protocol.Transaction) int { return int(a[0]) - int(b[0]) }) {
				rt.Fatal(o.keys, c.outcomes)
			}
		})
	})
}
