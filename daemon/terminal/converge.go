package terminal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/provision"
)

// Policies are those that this terminal keeps; [*provision.Store] is it. One goroutine at a time uses them.
type Policies interface {
	// Due is what Apply would put in force, or nil.
	Due() (*provision.Slot, error)
	Apply() (p *signed.Policy, fresh bool, err error)
	Receive(brought []signed.Bundle, by provision.Way) (provision.Answer, error)
	History() ([]provision.Slot, error)
}

// Times and bounds of keeping up.
const (
	maxFetched = 64 << 20  // bytes of policies that are fetched at once
	tryAgain   = time.Hour // before a policy that could not be applied is tried again
	warnEvery  = 24 * time.Hour
)

// converge keeps the terminal's policy up until ctx ends: it tells the centre how the terminal is, fetches what the centre has,
// has the session give way when something is due, and warns before the end. The centre's word is never needed for a policy
// that was received to come into force, nor for one that has expired to close the terminal.
func (t *Terminal) converge(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	beat := time.NewTimer(0)
	defer beat.Stop()
	for {
		t.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-t.fresh:
			beat.Reset(0)
		case <-beat.C:
			t.say("policies: the centre", t.beat(ctx))
			t.say("where incidents stand", t.notices.follow(ctx, t.client))
			t.say("sealed packages", t.sweep(ctx))
			beat.Reset(t.pause())
		}
	}
}

// pause is until the next heartbeat, shortened by up to a quarter so that terminals do not come together.
func (t *Terminal) pause() time.Duration {
	p := t.plugged().parts
	every := cmp.Or(p.Beat, p.Policy.Heartbeat())
	return every - rand.N(every/4)
}

// say tells the log what is wrong with something, each time something else is.
func (t *Terminal) say(with string, err error) {
	now := ""
	if err != nil {
		now = err.Error()
	}
	t.saying.Lock()
	defer t.saying.Unlock()
	if t.said[with] != now && now != "" {
		t.log.WithField("why", err).Warn(with)
	}
	t.said[with] = now
}

// look has the session give way where the policy lets no visit begin any more, and to what is due; and warns before.
func (t *Terminal) look(ctx context.Context) {
	p := t.plugged() // before what is due is known: what is put in force meanwhile has nothing to give way to
	t.keeping.Lock()
	due, err := t.due(ctx)
	t.keeping.Unlock()
	t.say("policies: the store", err)
	err = t.law.judge()
	serves, _ := p.noticed.service() // not what the last look found: since then it may have opened
	ends := err != nil && serves
	t.say("policies: the policy in force", err)
	t.warn()
	if due || ends {
		p.Yield()
	}
	t.lookAgain()
}

// warn says every day how long the policy has still, once that is not long.
func (t *Terminal) warn() {
	now := t.now()
	if w := t.Warning(); w != "" && now.Sub(t.warned) >= warnEvery {
		t.warned = now
		t.log.Warn(w)
	}
}

// Warning is what staff should hear of the policy, or "".
func (t *Terminal) Warning() string {
	p := t.law.inForce()
	if p == nil {
		return ""
	}
	left, soon := p.Ends(t.now())
	if !soon {
		return ""
	}
	return fmt.Sprintf("the policy expires in %d days, and the terminal goes out of service with it: bring the next one", max(0, int(left.Hours()/24)))
}

// due reports whether another policy can be put in force. What failed, even half-way, is tried again when another came, when
// its time has come after all, or after a while. The lock is held.
func (t *Terminal) due(ctx context.Context) (due bool, err error) {
	slot, err := t.policies.Due()
	if due = slot != nil; err == nil && t.failed != nil {
		due, err = t.again()
	}
	if err != nil {
		return false, err
	}
	if due && slot != nil {
		due = t.timely(ctx, slot.Head)
	} else {
		t.law.doubts(nil)
	}
	return due, nil
}

// again reports whether what failed is to be tried again. The lock is held.
func (t *Terminal) again() (bool, error) {
	highest, err := t.highest()
	f := t.failed
	return err == nil && (highest != f.highest || t.now().Sub(f.at) >= tryAgain || f.untimely != nil && f.untimely.At(t.now()) == nil), err
}

// timely reports whether the time of what is due has come by the centre's clock, too, where that can be heard: there is no way
// back from a policy, and a clock can be put right. Nothing is served meanwhile, so that no centre keeps what is due away from
// people by its clock. (A visit would not take an answer from so far away either.)
func (t *Terminal) timely(ctx context.Context, due policy.Head) bool {
	skew := t.law.inForce().ClockSkew()
	if err := t.clock(ctx, max(skew, t.now().Sub(due.NotBefore)+skew)); errors.Is(err, centre.ErrClock) {
		t.law.doubts(fmt.Errorf("version %d is due by this machine's clock, and the centre's is another: which of them is wrong?", due.Version))
		return false
	}
	t.law.doubts(nil)
	return true
}

// failure is that something could not be put in force.
type failure struct {
	highest  uint64 // the highest version that was kept then
	at       time.Time
	untimely *signed.Policy // what was out of its time; nil: something else was wrong
}

// fails notes why p, or what would have come instead of it, could not be put in force. The lock is held.
func (t *Terminal) fails(p *signed.Policy, err error) {
	t.law.breaks(err)
	t.failed = &failure{at: t.now()}
	var r *signed.Refusal
	if errors.As(err, &r) && (r.Code == signed.Expired || r.Code == signed.Early) {
		t.failed.untimely = p
	}
	if t.failed.highest, err = t.highest(); err != nil {
		t.failed.highest = 0
	}
}

// highest is the highest version that is kept. The lock is held.
func (t *Terminal) highest() (uint64, error) {
	slots, err := t.policies.History()
	if err != nil || len(slots) == 0 {
		return 0, err
	}
	return slots[len(slots)-1].Head.Version, nil
}

// beat makes one heartbeat, and fetches what it learned of. What the centre wants counts before that, and again once more is known; a
// want that is out of all proportion keeps nothing away that the policy keys signed.
func (t *Terminal) beat(ctx context.Context) error {
	t.notices.named = nil
	h, err := t.heartbeat()
	if err != nil {
		return err
	}
	a, err := t.client.Heartbeat(ctx, h)
	if err != nil {
		return err
	}
	t.notices.named = a.Incidents
	_ = t.demand(a.LeastPolicy) // what is wrong with it is said below
	return errors.Join(t.fetch(ctx, a.Policies, max(h.Policy.Version, h.Waiting)), t.demand(a.LeastPolicy))
}

// demand passes on what the centre wants. A store that cannot be read knows of nothing.
func (t *Terminal) demand(least uint64) error {
	t.keeping.Lock()
	slots, err := t.policies.History()
	t.keeping.Unlock()
	known := uint64(0)
	for _, s := range slots {
		if s.Head.Targets(t.law.terminal) {
			known = s.Head.Version
		}
	}
	return errors.Join(err, t.law.demand(least, known))
}

func (t *Terminal) heartbeat() (h protocol.Heartbeat, err error) {
	p := t.plugged()
	h = protocol.Heartbeat{Terminal: p.parts.Terminal, At: protocol.At(t.now()), Software: p.parts.Software, SelfTest: p.gate.passed()}
	h.InService, h.Why = t.service()
	if in := t.law.inForce(); in != nil {
		h.Policy, h.PolicyExpires = protocol.PolicyRef{Version: in.Head.Version, Digest: in.Digest}, protocol.At(in.Head.Expires)
	}
	if p.parts.KeysExpire != nil {
		if at := p.parts.KeysExpire(); !at.IsZero() {
			h.KeysExpire = protocol.At(at)
		}
	}
	if h.Journal, err = t.journal.Head(); err != nil {
		return h, err
	}
	t.keeping.Lock()
	defer t.keeping.Unlock()
	highest, err := t.highest()
	if t.say("policies: the store", err); highest > h.Policy.Version {
		h.Waiting = highest
	}
	return h, nil
}

// refusal is what the centre had when nothing of it was taken in: it is not fetched again until the centre has something else, or
// after a pause.
type refusal struct {
	all   []protocol.PolicyRef
	at    time.Time
	pause time.Duration
}

func (r *refusal) rests(all []protocol.PolicyRef, now time.Time) bool {
	return slices.Equal(all, r.all) && now.Sub(r.at) < r.pause
}

// refuse notes that nothing of all was taken in. What those who may sign it signed, and what still did not fit, stays so. Signatures
// that are not enough, and a text that was another, may be mended without that the centre says anything else: the pause is short
// at first, and twice as long each time.
func (r *refusal) refuse(all []protocol.PolicyRef, now time.Time, first time.Duration) {
	if slices.Equal(all, r.all) {
		first = max(first, 2*r.pause)
	}
	*r = refusal{slices.Clone(all), now, min(first, tryAgain)}
}

// fetch brings what the centre has above what is here, on the way some that are for others or past.
func (t *Terminal) fetch(ctx context.Context, all []protocol.PolicyRef, above uint64) error {
	if t.refused.rests(all, t.now()) {
		return nil
	}
	brought, err := t.bring(ctx, all, above)
	if errors.Is(err, errOtherText) {
		t.refused.refuse(all, t.now(), t.pause())
	}
	if err != nil || len(brought) == 0 {
		return err
	}
	t.keeping.Lock()
	defer t.keeping.Unlock()
	got, err := t.policies.Receive(brought, provision.ByCentre)
	var r *signed.Refusal
	switch errors.As(err, &r); {
	case err == nil:
		t.log.WithField("version", got.Last().Head.Version).Info("a policy came from the centre")
	case r != nil && (r.Code == signed.Unsigned || r.Code == signed.Gap && len(brought) > 1): // the one before may lack signatures
		t.refused.refuse(all, t.now(), t.pause())
	case r != nil && len(got.Added) == 0:
		t.refused.refuse(all, t.now(), tryAgain)
	}
	return err
}

var errOtherText = errors.New("this policy came with another digest than was said")

func (t *Terminal) bring(ctx context.Context, all []protocol.PolicyRef, above uint64) ([]signed.Bundle, error) {
	var brought []signed.Bundle
	size := 0
	for _, ref := range all {
		if ref.Version <= above || size >= maxFetched {
			continue
		}
		p, err := t.client.Policy(ctx, ref.Version)
		if err != nil {
			return nil, err
		}
		if sha256.Sum256(p.Text) != ref.Digest {
			return nil, fmt.Errorf("version %d: %w", ref.Version, errOtherText)
		}
		brought, size = append(brought, bundle(p)), size+len(p.Text)
	}
	return brought, nil
}

func bundle(p protocol.PolicyBundle) signed.Bundle {
	b := signed.Bundle{Text: p.Text}
	for i, der := range p.Signatures {
		b.Signatures = append(b.Signatures, signed.Signature{Name: fmt.Sprint("signature ", i+1), DER: der})
	}
	return b
}

// renew puts in force what is due, and plugs the terminal together anew; no visit is in hand. What cannot be put in force closes
// the terminal: the policy before is not gone back to.
func (t *Terminal) renew(ctx context.Context) error {
	t.keeping.Lock()
	defer t.keeping.Unlock()
	before := t.plugged()
	next, err := t.plug(ctx, t.enforce(ctx, before.parts))
	if err != nil {
		return err
	}
	if next.parts.Policy == before.parts.Policy {
		next.gate.follow(before.gate)
	}
	t.mu.Lock()
	t.open = next
	t.mu.Unlock()
	t.Ask()
	return nil
}

// enforce returns the parts that go on. A store that cannot be read now takes nothing from the policy that was read from it, nor
// does a clock that is wrong while nothing is due. The lock is held.
func (t *Terminal) enforce(ctx context.Context, parts Parts) Parts {
	if due, err := t.due(ctx); !due || err != nil {
		return parts
	}
	p, fresh, err := t.policies.Apply()
	if err == nil && !fresh && t.failed == nil {
		return parts
	}
	if err == nil {
		parts.Signed, parts.Policy = p, p.Policy
		parts, err = t.fit(parts)
	}
	if err != nil {
		t.fails(p, err)
		return parts
	}
	t.failed = nil
	t.log.WithField("version", p.Head.Version).Info("a new policy is in force")
	return parts
}

// fit fits the devices to the policy of parts, and goes by it. One thing that fails keeps none of the others: what the policy forbids
// has to end, and what closes the terminal has to be known.
func (t *Terminal) fit(parts Parts) (Parts, error) {
	var unfit error
	if parts.Equip != nil {
		parts, unfit = parts.Equip(parts)
	}
	slots, err := t.policies.History()
	if err == nil {
		err = t.law.adopt(parts.Signed, slots)
	}
	return parts, errors.Join(unfit, err, staffed(parts))
}
