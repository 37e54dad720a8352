package practice

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/scenario"
)

// ErrScenario is returned for a scenario that does not exist.
var ErrScenario = errors.New("practice: no such scenario")

// printWait is yokohama's limit: about what one print takes, and less than several.
const printWait = time.Millisecond

// Play deploys the faulty program of a scenario in its municipality, in place of the sound one; "" takes it back.
//
// A fault shows when others apply at the same moment. Where too few real orders are under way in town, neighbours
// apply too: residents at other stores, in transactions of their own, through the same program; their packages go
// nowhere. City hall goes about its business. Both go on beside each order until wrong paper was made, and then leave the
// next three orders alone.
func (w *World) Play(id scenario.ID) error {
	p, err := w.stage(id)
	if err != nil {
		return err
	}
	w.mu.Lock()
	old := w.play
	w.play = p
	w.mu.Unlock()
	return old.end()
}

// Playing returns the scenario that plays, or "".
func (w *World) Playing() scenario.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.play == nil {
		return ""
	}
	return w.play.ID
}

// Applicants returns the ordinary people who can ask for a scenario's certificate where it plays; those with ECDSA cards and
// a record of their own first.
func (w *World) Applicants(s scenario.Scenario) []Person {
	out := slices.DeleteFunc(w.People(), func(p Person) bool {
		return !p.Ordinary || !slices.Contains(p.Asks, Ask{s.Municipality, s.Certificate})
	})
	alone := func(p Person) int {
		if w.towns[s.Municipality].primary.Alone(s.Certificate.Register(), p.ID) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b Person) int { return alone(a) - alone(b) })
	return out
}

// play is a faulty program at work, and who is about.
type play struct {
	scenario.Scenario
	program    scenario.Program
	neighbours int
	primary    *register.Primary
	dir        string
	running    sync.WaitGroup // orders and neighbours

	mu       sync.Mutex
	underWay map[protocol.Transaction]issuer.Order
	quiet    int // orders that are left alone from now on
	next     int // whose turn it is among the neighbours
}

// stage deploys a program, and has the day's first applicant served; nil for "".
func (w *World) stage(id scenario.ID) (*play, error) {
	if id == "" {
		return nil, nil
	}
	s, ok := scenario.Find(string(id))
	if !ok {
		return nil, ErrScenario
	}
	dir, err := os.MkdirTemp("", "honnin-practice-")
	if err != nil {
		return nil, fmt.Errorf("practice: %w", err)
	}
	t := w.towns[s.Municipality]
	p := &play{Scenario: s, primary: t.primary, dir: dir, underWay: map[protocol.Transaction]issuer.Order{}}
	p.program, p.neighbours, err = scenario.Deploy(id, scenario.Site{Issuer: t.issuer, Primary: t.primary, Dir: dir, PrintWait: printWait})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.first()
	return p, nil
}

// end waits for what is under way and clears the work directory away.
func (p *play) end() error {
	if p == nil {
		return nil
	}
	p.running.Wait()
	return os.RemoveAll(p.dir)
}

// at returns what plays in a town, and counts an order of it in: done has to be called on running.
func (w *World) at(t *town) *play {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.play == nil || w.play.Municipality != t.Code {
		return nil
	}
	w.play.running.Add(1)
	return w.play
}
