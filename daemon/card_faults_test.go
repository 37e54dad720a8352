package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/card"
)

// strike is one command of a visit: the nth of its name.
type strike struct {
	name string
	nth  int
}

func (s strike) String() string { return fmt.Sprintf("%s %d", s.name, s.nth+1) }

// answerer answers instead of the card; next asks the card.
type answerer func(next func([]byte) ([]byte, error), command []byte) ([]byte, error)

// badLine is a reader at which a visit goes wrong from one command on.
type badLine struct {
	terminal.Reader

	mu    sync.Mutex
	at    strike
	fault answerer // nil for none
	bad   bool     // at was reached
	all   []strike // that passed
}

// expect lets a visit go wrong at a command, or not at all.
func (b *badLine) expect(at strike, fault answerer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at, b.fault, b.bad, b.all = at, fault, false, nil
}

// struck reports whether it did.
func (b *badLine) struck() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bad
}

// pass notes a command and returns who answers it, nil for the card.
func (b *badLine) pass(command []byte) answerer {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := strike{name: commandName(command)}
	for _, before := range b.all {
		if before.name == s.name {
			s.nth++
		}
	}
	b.all = append(b.all, s)
	if b.bad = b.bad || b.fault != nil && s == b.at; b.bad {
		return b.fault
	}
	return nil
}

func (b *badLine) Connect(ctx context.Context) (card.Connection, error) {
	c, err := b.Reader.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return badCard{c, b}, nil
}

type badCard struct {
	card.Connection
	line *badLine
}

func (c badCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	next := func(command []byte) ([]byte, error) { return c.Connection.Transmit(ctx, command) }
	if answer := c.line.pass(command); answer != nil {
		return answer(next, command)
	}
	return next(command)
}

func commandName(command []byte) string {
	switch {
	case signs(command):
		return "sign"
	case verifies(command):
		return "verify"
	case command[1] == 0x20:
		return "tries"
	case command[1] == 0xB0:
		return "read"
	}
	return "select"
}

// lineFault is a fault, the first command that it makes sense at, and what the screen says then.
type lineFault struct {
	name  string
	from  string
	shows func(session.View) bool
	fault func(*stand) answerer
}

func lineFaults() []lineFault {
	pulled := func(v session.View) bool { return v.Notice == session.CardPulled }
	changed := func(v session.View) bool { return v.Notice == session.CardRefused && v.Code == reason.CardChanged }
	broken := func(v session.View) bool { return v.Notice == session.NotWorking }
	says := func(answer ...byte) func(*stand) answerer {
		return func(*stand) answerer {
			return func(func([]byte) ([]byte, error), []byte) ([]byte, error) { return bytes.Clone(answer), nil }
		}
	}
	return []lineFault{
		{"pulled", "select", pulled, func(s *stand) answerer {
			return func(next func([]byte) ([]byte, error), command []byte) ([]byte, error) {
				s.place.virtual.Pull()
				return next(command)
			}
		}},
		{"exchanged unseen", "tries", changed, func(s *stand) answerer {
			other, err := s.world.Card("p06")
			s.must(err)
			return func(_ func([]byte) ([]byte, error), command []byte) ([]byte, error) {
				return other.Process(command), nil
			}
		}},
		{"no bytes", "select", pulled, says()},
		{"one byte", "select", pulled, says(0x90)},
		{"6F00", "select", broken, says(0x6F, 0x00)},
	}
}

// TestCardFaultAtEveryCommand: whatever happens to the card at whichever command, the visit ends with the right words,
// nothing is printed, the money is back, and the transaction has one outcome.
func TestCardFaultAtEveryCommand(t *testing.T) {
	b := new(badLine)
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { b.Reader, p.Reader = p.Reader, b })
	s.prints("p05")
	kept := s.money.Sums().Kept
	whole := b.all
	if len(whole) < 7 || whole[len(whole)-1] != (strike{"sign", 1}) {
		t.Fatalf("a visit is %v", whole)
	}
	for _, f := range lineFaults() {
		for _, at := range whole[slices.Index(whole, strike{f.from, 0}):] {
			t.Run(f.name+"/"+at.String(), func(t *testing.T) {
				s.t = t
				s.faultyVisit(b, at, f)
				if sums := s.money.Sums(); s.sheets() != 1 || sums.Held != 0 || sums.Kept != kept {
					t.Errorf("%d sheets, money %+v; one visit was good", s.sheets(), sums)
				}
			})
		}
	}
	s.t = t
	b.expect(strike{}, nil)
	s.prints("p05")
	s.everythingDelivered()
	s.quitAndBalance()
}

// endings are the outcomes of visits that go wrong at a command; before them there is nothing to have one.
var endings = map[strike]protocol.Outcome{{"verify", 0}: protocol.Abandoned, {"sign", 0}: protocol.Abandoned, {"sign", 1}: protocol.Void}

func (s *stand) faultyVisit(b *badLine, at strike, f lineFault) {
	s.t.Helper()
	s.awaitState(session.Idle)
	b.expect(at, f.fault(s))
	before := len(s.screen.seen())
	v := s.visit(s.wish("p05", protocol.ResidentRecord))
	views := s.screen.seen()[before:]
	end := slices.IndexFunc(views, func(v session.View) bool { return v.State == session.Ended })
	if !b.struck() || end < 0 || !f.shows(views[end]) {
		s.t.Errorf("struck %v, the screen said %+v", b.struck(), views[max(end, 0)])
	}
	if want, begun := endings[at]; begun != (v.Ending != nil) || begun && v.Ending.Outcome != want {
		s.t.Fatalf("ended with %+v, want %q", v.Ending, want)
	}
	if v.Ending != nil {
		s.everythingDelivered()
		if o, _ := s.world.Outcome(v.Ending.Transaction); o != v.Ending.Outcome {
			s.t.Errorf("%q at the centre, not %q", o, v.Ending.Outcome)
		}
	}
}
