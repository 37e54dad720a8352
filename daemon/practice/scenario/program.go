package scenario

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
)

// ErrUnknown is returned for a scenario without a program.
var ErrUnknown = errors.New("scenario: no such program")

// errNothing is a program's own error: what it looks for in a shared place is not there.
var errNothing = errors.New("scenario: nothing to put out")

// Program is an issuing program as the centre reaches it. It is called by many at once.
type Program interface {
	Issue(issuer.Order) (issuer.Package, error)
}

// Hall is a program beside which city hall has business of its own. Business takes note of an order that is
// about to be issued and returns what city hall does about it while it is under way, or nil; it returns soon after over is closed.
type Hall interface {
	Program
	Business(issuer.Order) func(over <-chan struct{})
}

// Site is what a program finds where it is deployed.
type Site struct {
	Issuer    *issuer.Issuer // the municipality's sound one: its steps are the program's
	Primary   *register.Primary
	Dir       string        // empty, for a program that works with files
	PrintWait time.Duration // how long a print order may wait: yokohama's limit
}

// Deploy makes the program of a scenario, and says how many neighbours have to apply at the same time for its fault
// to show.
func Deploy(id ID, s Site) (p Program, neighbours int, err error) {
	switch id {
	case Yokohama:
		return newYokohama(s), 4, nil
	case Adachi, Unheard:
		return newAdachi(s), 2, nil
	case Kawasaki:
		return newKawasaki(s, false), 2, nil
	case KawasakiRequest:
		return newKawasaki(s, true), 2, nil
	case Tokushima:
		return newTokushima(s), 2, nil
	case Munakata:
		return newMunakata(s), 1, nil
	case Takamatsu:
		return newTakamatsu(s), 3, nil
	case StaleRegistration:
		return newStale(s), 0, nil
	case Repeat:
		s.Issuer = s.Issuer.With(s.Primary, below(s.Issuer.Software))
		return newMunakata(s), 1, nil
	}
	return nil, 0, ErrUnknown
}

// below is a version of a program that the mended one has not reached.
func below(p protocol.Software) protocol.Software {
	return protocol.Software{Name: p.Name, Version: "1.3.2", Fixes: []string{}}
}

// area is one place that all of a program's work shares. Each access is locked; the work between two is not.
type area[T any] struct {
	mu sync.Mutex
	v  T
}

func (a *area[T]) put(v T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.v = v
}

func (a *area[T]) get() T {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.v
}

// places are areas with names.
type places[K comparable, T any] struct {
	mu sync.Mutex
	m  map[K]T
}

func (p *places[K, T]) put(k K, v T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = map[K]T{}
	}
	p.m[k] = v
}

func (p *places[K, T]) get(k K) (T, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.m[k]
	return v, ok
}

func (p *places[K, T]) drop(k K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.m, k)
}

// turn is held by one piece of work at a time, in the order of asking.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take() { t <- struct{}{} }
func (t turn) give() { <-t }

// pass gives, and lets whoever asked first go on at once, on a machine with one processor too.
func (t turn) pass() {
	t.give()
	runtime.Gosched()
}
