package terminal

import (
	"context"
	"errors"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/daemon/provision"
)

// cupboard is a store of which a test says what it does.
type cupboard struct {
	kept    []*signed.Policy
	due     bool
	fresh   bool
	err     error
	unread  error // of its history
	applied int
}

func (c *cupboard) History() ([]provision.Slot, error) { return slots(c.kept...), c.unread }
func (c *cupboard) Receive([]signed.Bundle, provision.Way) (provision.Answer, error) {
	return provision.Answer{}, errors.ErrUnsupported
}

func (c *cupboard) Due() (*provision.Slot, error) {
	if !c.due {
		return nil, nil
	}
	return &slots(c.kept...)[len(c.kept)-1], nil
}

func (c *cupboard) Apply() (*signed.Policy, bool, error) {
	c.applied++
	return c.kept[len(c.kept)-1], c.fresh, c.err
}

// TestHalfInForce: what could not be put in force, or only half of it could, closes the terminal; and opens it when it can, with
// no other policy and no restart. Whatever fails, what the policy says of devices, and of whom this terminal may speak to, counts.
func TestHalfInForce(t *testing.T) {
	var equipped uint64
	var bad error
	start := func() (*bench, *Terminal, *cupboard, Parts) {
		b := newBench(t)
		v := versions(t, signedtest.Head{}, signedtest.Head{})
		b.start(v[0])
		c := &cupboard{kept: v, due: true, fresh: true}
		at := &Terminal{law: b.law, now: func() time.Time { return b.now }, log: b.log, policies: c, clock: func(context.Context, time.Duration) error { return nil }}
		equipped, bad = 0, nil
		return b, at, c, Parts{Signed: v[0], Policy: v[0].Policy, Now: at.now, Equip: func(p Parts) (Parts, error) {
			equipped = p.Signed.Head.Version
			return p, bad
		}}
	}
	for name, breakIt := range map[string]func(*bench, *cupboard, *Parts) (mend func()){
		"the journal": func(b *bench, c *cupboard, _ *Parts) func() {
			good := b.law.ledger
			b.law.ledger = &ledger{journal: &refusing{Journal: b.journal, times: 1000}, wake: func() {}}
			return func() { b.law.ledger = good }
		},
		"the devices": func(*bench, *cupboard, *Parts) func() {
			bad = errors.New("no device")
			return func() { bad = nil }
		},
		"the staff": func(_ *bench, _ *cupboard, p *Parts) func() {
			p.Channel = protocol.Counter
			return func() { p.Channel = protocol.Store }
		},
		"the store": func(_ *bench, c *cupboard, _ *Parts) func() {
			c.unread = errors.New("no history")
			return func() { c.unread = nil }
		},
	} {
		b, at, c, parts := start()
		mend := breakIt(b, c, &parts)
		at.enforce(t.Context(), parts)
		if b.judge() == nil || equipped != 2 {
			t.Errorf("%s: open, or equipped for version %d", name, equipped)
		}
		c.due, c.fresh = false, false // the store has it in force
		if at.enforce(t.Context(), parts); c.applied != 1 {
			t.Errorf("%s: tried at once again", name)
		}
		mend()
		b.now = b.now.Add(tryAgain)
		if p := at.enforce(t.Context(), parts); p.Signed.Head.Version != 2 || b.judge() != nil || at.failed != nil {
			t.Errorf("%s: not open: %v", name, b.judge())
		}
		if due, err := at.due(t.Context()); due || err != nil {
			t.Errorf("%s: due again, %v", name, err)
		}
	}

	b, at, c, parts := start()
	right := b.now
	b.now = right.AddDate(10, 0, 0)
	c.err = c.kept[1].At(b.now)
	at.enforce(t.Context(), parts)
	b.now, c.err = right, nil
	if p := at.enforce(t.Context(), parts); p.Signed.Head.Version != 2 || b.judge() != nil {
		t.Errorf("a clock that jumped: %v", b.judge())
	}
}

// TestWithoutASignedPolicy: nothing starts that would be open for ever.
func TestWithoutASignedPolicy(t *testing.T) {
	v := versions(t, signedtest.Head{})[0]
	for _, p := range []Parts{{SelfTest: never{}}, {SelfTest: never{}, Signed: v}, {SelfTest: never{}, Policies: shelf{}}} {
		if _, err := New(context.Background(), p); !errors.Is(err, ErrUnsigned) {
			t.Errorf("%v", err)
		}
	}
}

type never struct{}

func (never) Run(context.Context, Parts) string { return "never" }

// TestDemandForOthers: what is kept for other terminals is no reason to be closed for good.
func TestDemandForOthers(t *testing.T) {
	b := newBench(t)
	v := versions(t, signedtest.Head{}, signedtest.Head{}, signedtest.Head{Terminals: []string{"OTHER-*"}})
	b.start(v[0])
	at := &Terminal{law: b.law, now: b.law.now, log: b.log, policies: &cupboard{kept: v}}
	if err := at.demand(3); err != nil {
		t.Fatal(err)
	}
	b.expect("version 3")
	if err := at.demand(0); err != nil {
		t.Fatal(err)
	}
	b.expect("version 2")
}
