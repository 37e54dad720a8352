package terminal

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/provision"
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

	mu      sync.Mutex
	policy  *signed.Policy
	kept    []protocol.PolicyRef // in the store, when policy was adopted
	settled bool                 // policy was compared with the journal, which has it as the highest
	broken  error                // why nothing begins before another policy is in force
	doubt   error                // why what is due is not put in force
	asked   uint64               // the lowest version that the centre wanted last; forgotten at a restart
	least   uint64               // the lowest that it ever wanted among those that this terminal has; it never falls
	noted   uint64               // what the journal has of that
}

// leap is how many versions above the policy in force a centre may want. More is a slip or a lie.
const leap = 1000

// Why a visit may not begin, besides what [signed.Refusal] says.
var (
	errPolicyRewound = errors.New("the store of policies lacks what was in force already: receive all policies since then again; where they are " +
		"refused (policy-fork), end the terminal, empty the directory of policies, and receive them there")
	errLeap = errors.New("terminal: the centre wants a version of the policy that is out of all proportion")
)

func newLaw(p Parts, l *ledger) (*law, error) {
	_, least, err := p.Journal.Policy()
	a := &law{terminal: p.Terminal, ledger: l, now: p.Now, log: p.Log, least: least, noted: least}
	if err != nil {
		return nil, err
	}
	slots, err := p.Policies.History()
	if err != nil {
		a.log.WithField("why", err).Error("the store of policies cannot be read")
	}
	return a, a.adopt(p.Signed, slots)
}

// adopt goes by a policy from here on, out of what the store keeps. One that may not be in force here is gone by, too: then
// nothing begins.
func (a *law) adopt(p *signed.Policy, slots []provision.Slot) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.policy, a.broken, a.settled, a.kept = p, p.For(a.terminal), false, nil
	for _, s := range slots {
		a.kept = append(a.kept, s.Ref())
	}
	return a.settle()
}

func refOf(p *signed.Policy) protocol.PolicyRef {
	return protocol.PolicyRef{Version: p.Head.Version, Digest: p.Digest}
}

// settle compares the policy with the highest that ever was in force, whatever the time is; and notes it as in force itself once
// its time has come, which a clock that was wrong at the start may say late. A higher policy has to come after that highest:
// from a store that lost the one which retired a key, that key could lead elsewhere. (Practice worlds have new keys at each start.) The lock is held.
func (a *law) settle() error {
	if a.settled {
		return nil
	}
	highest, _, err := a.ledger.journal.Policy()
	switch now := refOf(a.policy); {
	case err != nil:
		return err
	case now == highest:
	case now.Version <= highest.Version || highest.Version > 0 && !slices.Contains(a.kept, highest) && !a.policy.Practice():
		a.broken = errPolicyRewound
		err = a.ledger.record(journal.Entry{Kind: journal.Incident, Reason: protocol.IncidentPolicyRewound})
	case a.policy.For(a.terminal) != nil || a.policy.At(a.now()) != nil: // it never was in force
		return nil
	default:
		err = a.ledger.record(journal.Entry{Kind: journal.PolicyApplied, Policy: now})
	}
	a.settled = err == nil
	return err
}

// breaks closes the terminal until another policy is in force.
func (a *law) breaks(err error) {
	a.log.WithField("why", err).Error("no visit begins before another policy is in force")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken = err
}

// doubts closes the terminal until it is called with nil.
func (a *law) doubts(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.doubt = err
}

// demand takes note of the lowest version that the centre wants; known is the highest for this terminal that it has, from those
// who may sign it. What it knows of is wanted for ever. More is wanted until the centre says otherwise: nobody but the policy keys
// can close a terminal for longer than they are listened to.
func (a *law) demand(least, known uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if least > a.policy.Head.Version+leap {
		return errLeap
	}
	if least > a.policy.Head.Version && least != a.asked {
		a.log.WithFields(logrus.Fields{"wanted": least, "in_force": a.policy.Head.Version}).Error("the centre wants a newer policy: no visit begins before it is in force")
	}
	a.asked = least // in memory first: a journal that cannot be written must not leave the terminal open
	if proven := min(least, known); proven > a.policy.Head.Version {
		a.least = max(a.least, proven)
	}
	if a.least == a.noted {
		return nil
	}
	err := a.ledger.record(journal.Entry{Kind: journal.PolicyLeast, Least: a.least})
	if err == nil {
		a.noted = a.least
	}
	return err
}

// judge returns nil where a visit may begin, or an error under [session.ErrPolicy].
func (a *law) judge() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.settle()
	if a.broken != nil {
		err = a.broken
	}
	if err == nil {
		err = a.policy.At(a.now())
	}
	if err == nil {
		err = a.doubt
	}
	if least := max(a.least, a.asked); err == nil && a.policy.Head.Version < least {
		err = fmt.Errorf("the centre wants version %d of the policy at least, and %d is in force", least, a.policy.Head.Version)
	}
	if err == nil && !a.settled { // its time came while this was asked
		err = errors.New("the policy has just come into its time")
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
