package terminal

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// law says whether a visit may begin under the policy that is in force. The highest version that ever was, and the lowest that
// the centre wants, are in the journal: a store that lost its newest policy opens for nobody, before a restart and after.
type law struct {
	terminal protocol.Terminal
	ledger   *ledger
	now      func() time.Time
	log      logrus.FieldLogger

	mu     sync.Mutex
	policy *signed.Policy // nil: one that nobody signed, as tests have; it neither expires nor changes
	least  uint64
	broken error // why nothing begins before another policy is in force
}

// leap is how many versions above the policy in force a centre may want. More is a slip or a lie: it would close the terminal for
// longer than it can sign policies.
const leap = 1000

// Why a visit may not begin, besides what [signed.Refusal] says.
var (
	errPolicyRewound = errors.New("the store of policies lacks what was in force already; receive the newest policy again")
	errLeap          = errors.New("terminal: the centre wants a version of the policy that is out of all proportion")
)

func newLaw(p Parts, l *ledger) (*law, error) {
	_, least, err := p.Journal.Policy()
	a := &law{terminal: p.Terminal, ledger: l, now: p.Now, log: p.Log, least: least}
	if err == nil && p.Signed != nil {
		err = a.adopt(p.Signed)
	}
	return a, err
}

// adopt goes by a policy from here on. One that may not be in force here is gone by, too: then nothing begins.
func (a *law) adopt(p *signed.Policy) error {
	broken := p.For(a.terminal)
	highest, _, err := a.ledger.journal.Policy()
	switch now := (protocol.PolicyRef{Version: p.Head.Version, Digest: p.Digest}); {
	case err != nil || now == highest:
	case broken != nil || p.At(a.now()) != nil: // it never was in force
	case now.Version > highest.Version:
		err = a.ledger.record(journal.Entry{Kind: journal.PolicyApplied, Policy: now})
	default:
		broken = errPolicyRewound
		err = a.ledger.record(journal.Entry{Kind: journal.Incident, Reason: protocol.IncidentPolicyRewound})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.policy, a.broken = p, broken
	return err
}

// breaks closes the terminal until another policy is in force.
func (a *law) breaks(err error) {
	a.log.WithField("why", err.Error()).Error("no visit begins before another policy is in force")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken = err
}

// demand takes note of the lowest version that the centre wants. It never falls.
func (a *law) demand(least uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case least <= a.least:
		return nil
	case least > a.version()+leap:
		return errLeap
	}
	a.least = least // in memory first: a journal that cannot be written must not leave the terminal open
	if least > a.version() {
		a.log.WithFields(logrus.Fields{"wanted": least, "in_force": a.version()}).Error("the centre wants a newer policy: no visit begins before it is in force")
	}
	return a.ledger.record(journal.Entry{Kind: journal.PolicyLeast, Least: least})
}

// version is that of the policy in force. The lock is held.
func (a *law) version() uint64 {
	if a.policy == nil {
		return 0
	}
	return a.policy.Head.Version
}

// judge returns nil where a visit may begin, or an error under [session.ErrPolicy].
func (a *law) judge() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.broken
	if err == nil && a.policy != nil {
		err = a.policy.At(a.now())
	}
	if err == nil && a.version() < a.least {
		err = fmt.Errorf("the centre wants version %d of the policy at least, and %d is in force", a.least, a.version())
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", session.ErrPolicy, err)
	}
	return err
}

func (a *law) inForce() *signed.Policy {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.policy
}

// shut reports whether something other than the policy's own time closed the terminal for it.
func (a *law) shut() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.broken != nil
}
