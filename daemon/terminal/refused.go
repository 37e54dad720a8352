package terminal

import (
	"context"
	"crypto/ecdh"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/sealed"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// What becomes of a refusal. Its incident, what that latches and the outcome are one bbolt transaction, so that no power cut leaves
// one without the others. Not in it: at a counter, where sheets are out, the queue ends the transaction after the incident; a cut
// between leaves the incident, its latch and an "unsure" that calls staff. Money and the word to the centre come after, and a restart
// settles them. Faults close the terminal at once, with their incident, and the transaction ends when the work that hangs has been
// waited for; a cut between leaves what [spool.NewQueue] settles.
//
// Then the package is sealed to its municipality (package sealed), or destroyed.

// refusals is what the session tells of refused documents.
type refusals struct {
	fresh
	*keeper
}

var _ session.Latches = refusals{}

// Refused writes down what follows. The package is kept, or destroyed, after it returned: the applicant's money does not wait for it.
func (f refusals) Refused(_ context.Context, r session.Refusal) error {
	e, err := f.latches.refused(r)
	if err != nil || e.Kind != journal.Incident || len(r.Package) == 0 {
		clear(r.Package)
		return err
	}
	head, err := e.Head()
	if err != nil {
		clear(r.Package)
		return err
	}
	f.keep(protocol.NameIncident(f.parts.Terminal, head), e, r.Package)
	return nil
}

// Sealed keeps sealed packages; [*sealed.Store] is it.
type Sealed interface {
	// Keep overwrites pkg.
	Keep(n sealed.Name, to *ecdh.PublicKey, pkg []byte) error
	Sweep() error
}

// keeper keeps refused packages, where there is a place for them, one at a time: no disk, however slow, has it hold more in memory.
type keeper struct {
	policy   *policy.Policy
	terminal protocol.Terminal
	sealed   Sealed // nil: none
	log      logrus.FieldLogger
	busy     chan struct{} // of one: full while a package is being kept
}

func newKeeper(p Parts) *keeper {
	return &keeper{p.Policy, p.Terminal, p.Sealed, p.Log, make(chan struct{}, 1)}
}

// keepTime is how long a package that is being kept is waited for. A disk that has stopped answering keeps no terminal.
const keepTime = 20 * time.Second

// wait returns when nothing is being kept; what takes too long is left to itself.
func (k *keeper) wait() {
	select {
	case k.busy <- struct{}{}:
		<-k.busy
	case <-time.After(keepTime):
		k.log.Error("a refused package is still being kept: the disk does not answer")
	}
}

// keep seals a package to the municipality that was applied to, whatever the package says, and does not wait for that. What becomes
// of it changes nothing.
func (k *keeper) keep(id protocol.IncidentID, e journal.Entry, pkg []byte) {
	if k.sealed == nil {
		clear(pkg)
		return
	}
	log := k.log.WithField("incident", id)
	key, wanted := k.policy.IncidentKey(e.Municipality)
	if !wanted {
		clear(pkg)
		log.Info("the refused package is destroyed: its municipality has no incident key")
		return
	}
	select {
	case k.busy <- struct{}{}:
		go k.seal(log, sealed.Name{Terminal: k.terminal, Incident: id, Municipality: e.Municipality}, key, pkg)
	default:
		clear(pkg)
		log.Warn("the refused package is destroyed: the one before is still being kept")
	}
}

func (k *keeper) seal(log logrus.FieldLogger, n sealed.Name, key *ecdh.PublicKey, pkg []byte) {
	defer func() { <-k.busy }()
	defer clear(pkg)
	defer func() {
		if recover() != nil { // nothing is said of why: it may be the package's words
			log.Error("the refused package is destroyed: keeping it broke off")
		}
	}()
	if err := k.sealed.Keep(n, key, pkg); err != nil {
		log.WithField("why", err).Warn("the refused package could not be kept and is destroyed")
		return
	}
	log.Info("the refused package is kept, sealed to its municipality")
}

// sweepEvery is how often packages that are too old are looked for.
const sweepEvery = 24 * time.Hour

// sweep removes sealed packages that are too old, when the centre's clock agrees with this machine's: else nothing is too old for
// sure.
func (t *Terminal) sweep(ctx context.Context) error {
	s, now := t.plugged().parts.Sealed, t.now()
	if s == nil || !t.swept.IsZero() && now.Sub(t.swept) < sweepEvery {
		return nil
	}
	if err := t.clock(ctx, sweepEvery); err != nil {
		return err
	}
	t.swept = now
	return s.Sweep()
}

// OpenIncidents reports, of a terminal's journal, whether nobody has closed an incident. What cannot be read counts as open; one of
// a storm, for which another alike speaks, does not: that one's package is kept before its own.
func OpenIncidents(j interface {
	Incidents(after uint64, n int) ([]journal.Standing, error)
}, t protocol.Terminal) func(protocol.IncidentID) bool {
	return func(id protocol.IncidentID) bool {
		_, position, err := id.Place()
		if err != nil || position == 0 {
			return false
		}
		all, err := j.Incidents(position-1, 1)
		return err != nil || len(all) > 0 && protocol.NameIncident(t, all[0].JournalHead) == id
	}
}

// witnessed has every incident say which program raised it.
type witnessed struct {
	Journal
	program protocol.Program
}

func (w witnessed) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	all := append([]journal.Entry{e}, with...)
	for i := range all {
		if all[i].Kind == journal.Incident {
			all[i].Facts.Program = w.program
		}
	}
	return w.Journal.Record(all[0], all[1:]...)
}

// evidence is what an incident's event says: its facts, and where it stands.
func evidence(e journal.Entry, head protocol.JournalHead) protocol.Evidence {
	out := e.Facts
	out.Policy, out.Journal = e.Policy, head
	return out
}
