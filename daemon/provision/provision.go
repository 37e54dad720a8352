// Package provision keeps the policies of one terminal, and takes in what is brought: from a USB stick, a directory, a file,
// over the serial line, from the centre. Whether a policy is the operator's is judged by config/policy/signed; here is when it is judged,
// and what survives.
//
// A store is a directory that only the daemon's user can enter:
//
//	0000000000000008/            one slot for each policy, by its version
//	    policy.toml              as it was signed
//	    policy.toml.NAME.p7s     the signatures that counted
//	    received.json            when, and by which way it came
//	    applied.json             when it was put in force; absent while it waits
//	lock, use                    held while somebody writes, and while a terminal runs
//
// Nothing points to the policy in force: it is the highest slot with applied.json. A slot is written beside its place,
// synced, and renamed into it; applied.json likewise. So each step is one rename, and a power cut leaves the store
// before it or after it (the table in cut_test.go cuts at every one). There is no way back: no slot is ever taken out of
// force, and a policy that fails to work leaves the terminal out of service until a higher version is brought. Only slots far
// behind are removed, when others come, and never one that rotated the keys, since the walk needs it.
//
// Nothing read from the store is believed: every [Store.Load] and [Store.Apply] walks from the root's keys over all slots, and
// checks every signature again, but of bytes that this very Store found good before. Whoever can write the store and the root
// file has the machine; whoever can write the store alone can take slots away: the newest, or one that retired a key, so that
// this key leads on from the one before. The terminal's journal knows what was in force: it opens for nobody where that is not here (daemon/terminal), and the versions
// in its outcomes and heartbeats show it. What is damaged or was taken away, a Receive of the same policies puts back
// (repair.go); where a retired key led elsewhere meanwhile, they are refused as a fork, and the directory has to be emptied first.
//
// A policy is applied between visits only: a running terminal holds the lock "use", and only its holder applies.
package provision

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/durable"
)

// keep is how many slots stay besides those that rotated keys.
const keep = 16

// ErrInUse is returned where a terminal runs on the store: it applies what waits, between visits.
var ErrInUse = errors.New("a terminal runs here: it applies what waits by itself, between visits")

// Options say whose store it is.
type Options struct {
	Dir      string
	Root     signed.Keys       // who may sign the first policy
	Terminal protocol.Terminal // whose policies these are
	Now      func() time.Time
	Practice bool // policies with anchors of a practice world are taken, too
}

// Store is the policies of one terminal. Several goroutines may call History, Due and Load; Use, Close, Receive and Apply are for one.
// Other processes may use the same directory.
type Store struct {
	o    Options
	disk durable.Disk
	keep int
	use  *os.File // nil: not held

	verified atomic.Pointer[map[chain]Slot] // by the last walk, without notes; never changed once it is here
}

// Open makes the directory where it is not there yet. It must be this user's alone: what root received, a daemon of its
// own user could not read.
func Open(o Options) (*Store, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Lstat(o.Dir, &st); err != nil {
		return nil, err
	}
	if me := os.Geteuid(); int(st.Uid) != me || st.Mode&(unix.S_IFMT|0o077) != unix.S_IFDIR {
		return nil, fmt.Errorf("%s: must be a directory of user %d, who runs this, and of nobody else (mode 0700)", o.Dir, me)
	}
	return &Store{o: o, disk: durable.Real{}, keep: keep}, durable.Real{}.Sync(filepath.Dir(o.Dir))
}

// Terminal is whose store it is.
func (s *Store) Terminal() protocol.Terminal { return s.o.Terminal }

// Use says that a terminal runs with this store's policy, until Close. ErrInUse when one does already.
func (s *Store) Use() error {
	f, err := s.lock("use")
	if err == nil {
		s.use = f
	}
	return err
}

// Close ends Use.
func (s *Store) Close() error {
	if s.use == nil {
		return nil
	}
	f := s.use
	s.use = nil
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close()) // as in alone
}

func (s *Store) lock(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.o.Dir, name), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(ErrInUse, f.Close())
	}
	return f, nil
}

// alone runs f while nobody else writes.
func (s *Store) alone(f func() error) error {
	l, err := s.lock("lock")
	if errors.Is(err, ErrInUse) {
		return errors.New("another honnind writes here")
	}
	if err != nil {
		return err
	}
	return errors.Join(f(), unix.Flock(int(l.Fd()), unix.LOCK_UN), l.Close()) // a child that is just being forked has l too, and would hold it
}

// Load returns the policy in force, verified anew: signed, for this terminal, and in its time. Its errors are
// *[signed.Refusal] where the policy is at fault. A terminal that gets one is out of service. One that is only out of its time
// [policy-early, policy-expired] is returned beside the error: it was in force.
func (s *Store) Load() (*signed.Policy, error) {
	slots, err := s.walk()
	if err != nil {
		return nil, err
	}
	in := inForce(slots)
	if in == nil {
		return nil, &signed.Refusal{Code: signed.Missing, Err: errors.New("no policy was applied on this terminal")}
	}
	p, err := s.whole(in)
	if err != nil {
		return nil, err
	}
	return p, s.serves(p)
}

func (s *Store) serves(p *signed.Policy) error {
	if err := p.For(s.o.Terminal); err != nil {
		return err
	}
	if err := s.real(p); err != nil {
		return err
	}
	return p.At(s.o.Now())
}

// real refuses a practice world's policy.
func (s *Store) real(p *signed.Policy) error {
	if p.Practice() && !s.o.Practice {
		return &signed.Refusal{Code: signed.Practice, Err: fmt.Errorf("version %d has practice anchors", p.Head.Version)}
	}
	return nil
}

// inForce is the highest applied slot.
func inForce(slots []Slot) *Slot {
	for i := range slots {
		if s := &slots[len(slots)-1-i]; s.Applied != nil {
			return s
		}
	}
	return nil
}

// Answer is what a terminal says of what was brought.
type Answer struct {
	Terminal protocol.Terminal
	Before   *signed.Policy   // in force; nil: none yet
	Kept     *signed.Policy   // the highest that was here, in force or not; nil: none yet
	Added    []*signed.Policy // in order, for whomever they are
	Left     []error          // why others were left out
}

// Last is the highest that was added for this terminal; where none is, the highest.
func (a Answer) Last() *signed.Policy {
	for _, p := range slices.Backward(a.Added) {
		if p.Head.Targets(a.Terminal) {
			return p
		}
	}
	return a.Added[len(a.Added)-1]
}

// Check says what Receive would do, and does nothing. An error says why it would do nothing.
func (s *Store) Check(brought []signed.Bundle) (Answer, error) {
	slots, err := s.walk()
	if err != nil {
		return Answer{Terminal: s.o.Terminal}, err
	}
	return s.judge(slots, brought)
}

// judge says what there is to add, and why there is nothing in it for this terminal, or nothing any more.
func (s *Store) judge(slots []Slot, brought []signed.Bundle) (a Answer, err error) {
	a.Terminal = s.o.Terminal
	start := signed.Start{Root: s.o.Root}
	if len(slots) > 0 {
		if start.Last, err = s.whole(&slots[len(slots)-1]); err != nil {
			return a, err
		}
		a.Kept = start.Last
	}
	if a.Before, err = s.whole(inForce(slots)); err != nil {
		return a, err
	}
	added, left, err := start.Extend(brought...)
	a.Left = left
	for _, p := range added {
		if err == nil {
			err = s.real(p)
		}
	}
	if err != nil {
		return a, err
	}
	a.Added = added
	if err := a.Last().For(s.o.Terminal); err != nil {
		return a, err
	}
	var r *signed.Refusal // one whose time has not come waits
	if err := a.Last().At(s.o.Now()); errors.As(err, &r) && r.Code != signed.Early {
		return a, err
	}
	return a, nil
}

// Receive takes in what was brought by a way, and puts nothing in force. What is authentic and follows is kept even where the
// error says that nothing of it is for this terminal, or that its time is over: what comes next follows from it.
func (s *Store) Receive(brought []signed.Bundle, by Way) (a Answer, err error) {
	a.Terminal = s.o.Terminal
	err = s.alone(func() error {
		if err := s.sweep(); err != nil {
			return err
		}
		n := Note{At: s.o.Now().UTC(), By: by}
		if err := s.repair(brought, n); err != nil {
			return err
		}
		slots, err := s.walk()
		if err != nil {
			return err
		}
		var refused error
		a, refused = s.judge(slots, brought)
		for _, p := range a.Added {
			if err := s.put(p, n); err != nil {
				return err
			}
			slots = append(slots, SlotOf(p))
		}
		return errors.Join(refused, s.prune(slots))
	})
	return a, err
}

// Apply puts the highest policy in force that is for this terminal and whose time has come, and returns what is in force
// then, and whether that is new. It needs Use, or that no terminal runs. What has expired while it waited is an error:
// what it would have ended is not in force any more either.
func (s *Store) Apply() (p *signed.Policy, fresh bool, err error) {
	if s.use == nil {
		if err := s.Use(); err != nil {
			return nil, false, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	err = s.alone(func() error {
		slots, err := s.walk()
		if err != nil {
			return err
		}
		due := s.due(slots)
		if due == nil {
			p, err = s.Load()
			return err
		}
		if p, err = s.whole(due); err != nil {
			return err
		}
		fresh = true
		if err := s.serves(p); err != nil {
			return err
		}
		return s.mark(p, Note{At: s.o.Now().UTC()})
	})
	return p, fresh && err == nil, err
}

// due is the highest slot above the one in force whose time has come for this terminal. One that has expired is passed over
// where a higher one waits for its time, or where it had expired when it came: then it only leads to others.
func (s *Store) due(slots []Slot) *Slot {
	now, waits := s.o.Now(), false
	for i := range slots {
		switch slot := &slots[len(slots)-1-i]; {
		case slot.Applied != nil:
			return nil
		case !slot.Head.Targets(s.o.Terminal):
		case now.Before(slot.Head.NotBefore):
			waits = true
		case now.Before(slot.Head.Expires) || !waits && slot.Received.At.Before(slot.Head.Expires):
			return slot
		}
	}
	return nil
}

// Due is what Apply would put in force; nil: what is in force stays.
func (s *Store) Due() (*Slot, error) {
	slots, err := s.walk()
	if err != nil {
		return nil, err
	}
	return s.due(slots), nil
}

// History returns what is known of every policy that is kept, in order, each verified.
func (s *Store) History() ([]Slot, error) { return s.walk() }

// prune removes old slots that the walk does not need. It keeps the two that came into force last: a journal names one of them.
func (s *Store) prune(slots []Slot) error {
	last := len(slots)
	for n := 0; last > 0 && n < 2; {
		if last--; slots[last].Applied != nil {
			n++
		}
	}
	for _, old := range slots[:max(0, min(last, len(slots)-s.keep))] {
		if old.Rotates {
			continue
		}
		aside := filepath.Join(s.o.Dir, unfinished+slotName(old.Head.Version))
		if err := durable.InOrder( // half a slot in its place would be a damaged store
			func() error { return s.disk.Rename(s.slot(old.Head.Version), aside) },
			func() error { return s.disk.Sync(s.o.Dir) },
			func() error { return s.disk.Remove(aside) }); err != nil {
			return err
		}
	}
	return nil
}

// walk verifies all slots, each by the keys of the one before. What waits and does not verify is left out
// (a Receive puts it there again); anything else that does not verify is an error.
func (s *Store) walk() ([]Slot, error) {
	kept, err := s.find()
	if err != nil {
		return nil, err
	}
	w := s.start()
	defer func() { seen := w.seen; s.verified.Store(&seen) }()
	for i, k := range kept {
		err := s.next(&w, k)
		switch {
		case err == nil:
		case slices.ContainsFunc(kept[i:], stored.wasApplied):
			return nil, fmt.Errorf("version %d as it is kept here: %w", k.version, err)
		default:
			return w.slots, nil
		}
	}
	return w.slots, nil
}
