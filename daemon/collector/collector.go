// Package collector tells the collectors that the policy names of every incident, and of every contact that is to be told of one
// because nobody acknowledged it, in syslog: RFC 5424 over TLS (RFC 5425).
//
// Parties: the journal has the incidents; the policy in force has the collectors, and whom to believe there; the collector knows
// the terminal by the certificate that the centre knows it by. Nothing waits for any of it: a collector has a goroutine of its
// own, which looks into the journal every few seconds and writes to it never.
//
// At least once, and in order. Syslog has no receipts. What there is: whoever gets a close_notify must answer it with its own
// (RFC 5425, section 4.4), and can answer it only after it has read everything before. So each delivery is one connection,
// ended by us, and counts as made when the answer is there and the connection has ended in order with nothing of ours unread.
// A collector that is being shut down says the same word unasked; so it is asked only when its kernel has taken all messages and
// a second of silence has followed. One that says it later than that, and throws away what it has not read, is believed. Whatever else happens, a reset, an end without that word, the delivery is made again from its beginning: the same
// messages, with the same ids. What a collector loses after it has answered is its own loss, and what it throws away in that
// very moment cannot be seen from here: the centre's signed receipts, not this, say that an incident was heard.
//
// Its place, the last entry that was told, is kept in a file, and not in the journal: a place that was lost only repeats what was
// told, so it needs neither the chain nor the journal's space; and the journal says what happened at the terminal, not who has
// read it. A place that this journal does not hold (an older copy, another journal) counts as none. A collector without a place
// is told everything that the journal has.
//
// A storm: what is alike within one delivery is one message with a count, the first and the last (spool/incident/storm); of the
// gravest, each document has a message. A delivery has at most [most] messages; after one that failed the next has half as many, so
// that a collector that can take few gets few. Memory is bounded by that, whatever waits in the journal.
package collector

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/durable"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// Journal is what is told; [*journal.Journal] is it.
type Journal interface {
	After(position uint64, f func(journal.Entry) (more bool, err error)) error
	Holds(protocol.JournalHead) (bool, error)
	At(position uint64) (journal.Entry, error)
}

// Options are what the delivery needs. All but the last group must be there.
type Options struct {
	Terminal    protocol.Terminal
	Software    string // of this program, "NAME VERSION"
	Journal     Journal
	Collectors  func() []policy.Collector       // of the policy in force, now
	Certificate func() (tls.Certificate, error) // this terminal's own, for TLS
	Dir         string                          // where places are kept; made where it is missing
	Log         logrus.FieldLogger
	Catalogue   incident.Catalogue // of the incidents' words

	Disk     durable.Disk  // nil: the machine's
	Look     time.Duration // between two looks into journal and policy; 0: 5 s
	Longest  time.Duration // between two attempts; 0: 5 min
	Patience time.Duration // for a collector to take a message, or to confirm; 0: 60 s
	Settle   time.Duration // between the arrival of the last message and the question for the confirmation; 0: 1 s
}

// Collectors tells all of them. It is safe for concurrent use.
type Collectors struct {
	o Options

	mu     sync.Mutex
	states map[string]State
}

// State is how far one collector is.
type State struct {
	ID       string
	Position uint64 // of the last entry of the journal that it needs to hear nothing of any more
	Failing  bool   // the last attempt failed
}

// New makes the delivery to all collectors.
func New(o Options) *Collectors {
	if o.Disk == nil {
		o.Disk = durable.Real{}
	}
	o.Look, o.Longest, o.Patience = cmp.Or(o.Look, 5*time.Second), cmp.Or(o.Longest, 5*time.Minute), cmp.Or(o.Patience, time.Minute)
	o.Settle = cmp.Or(o.Settle, time.Second)
	return &Collectors{o: o, states: map[string]State{}}
}

// Run delivers until ctx ends, to those that the policy in force names.
func (c *Collectors) Run(ctx context.Context) {
	running := map[string]func(){} // by what a collector is; it stops and has ended
	defer func() {
		for _, end := range running {
			end()
		}
	}()
	for {
		c.keep(ctx, running)
		if !pause(ctx, c.o.Look) {
			return
		}
	}
}

// keep stops the delivery to whoever is no collector any more, and begins it to those that are new. Two never write one place.
func (c *Collectors) keep(ctx context.Context, running map[string]func()) {
	now := map[string]policy.Collector{}
	for _, to := range c.o.Collectors() {
		now[name(to)] = to
	}
	for n, end := range running {
		if _, ok := now[n]; !ok {
			end()
			delete(running, n)
		}
	}
	for n, to := range now {
		if running[n] == nil {
			running[n] = c.begin(ctx, to)
		}
	}
}

// name is another for a collector that is otherwise in anything.
func name(to policy.Collector) string {
	h := sha256.New()
	for _, a := range to.Anchors {
		h.Write(a.Raw)
	}
	return fmt.Sprintf("%s %s %x", to.ID, to.Address, h.Sum(nil))
}

func (c *Collectors) begin(ctx context.Context, to policy.Collector) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	f := &follower{Options: c.o, id: to.ID, link: link{to, c.o.Certificate, c.o.Patience, c.o.Settle}, place: place{c.o.Disk, c.o.Dir, to.ID}, size: most, tell: c.note}
	var done sync.WaitGroup
	done.Go(func() { f.run(ctx) })
	return func() {
		stop()
		done.Wait()
		c.forget(to.ID)
	}
}

func (c *Collectors) note(s State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states[s.ID] = s
}

func (c *Collectors) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.states, id)
}

// States returns how far each is, by id.
func (c *Collectors) States() (out []State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.states {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b State) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// backOff is the wait after so many failures in a row: twice as long after each, shortened by up to a half.
func (o Options) backOff(failures int) time.Duration {
	d := o.Longest
	if shift := failures - 1; shift < 16 && time.Second<<shift < d {
		d = time.Second << shift
	}
	return d - rand.N(d/2+1)
}
