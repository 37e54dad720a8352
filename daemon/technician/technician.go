// Package technician is the machine behind the technician's console: it does the commands of ui/console for one terminal, from
// a small process of its own (honnind console), which answers while the daemon does not run, too.
//
// Parties: the technician, whom ui/console has looked at; this process, as the daemon's user, whose files the
// policies and keys are (root, where the daemon is root's: then lrzsz runs as nobody, and else files are not moved); and the daemon, if it
// runs. What is written down is read from the disk, the same way in both cases: the journal as a copy ([journal.Copy]), the
// policies verified anew, the keys, what is on USB. What only the daemon knows or may do it is asked on its control socket, one
// line of JSON each way: how it is; to write a note into the journal; that the path is empty; to stop or begin the service. Where nobody listens there, the
// daemon is down, and notes are written into the journal by this process, which holds it as long as that takes and no longer.
//
// Nothing here has text of people's to show: the console takes words, numbers, times and names, each as its table declares.
//
// One technician at a time: the seat is a lock (flock) on a file of the state directory, so that it is given back by the kernel
// when the process that had it dies. What cannot be journalled is not done. Every look at a device or at the centre ends after
// [lookTime]; who has not signed in gets what was seen in the last [stale] anew, so that nobody makes a terminal busy with looks.
package technician

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/site"
	"honnin/daemon/identity"
	"honnin/daemon/provision"
	"honnin/daemon/selftest"
	"honnin/drivers/attached"
	"honnin/spool"
	"honnin/spool/incident"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// journalFile is the journal's name in the state directory.
const journalFile = "journal.db"

const (
	lookTime = 5 * time.Second
	stale    = 10 * time.Second
)

// Policies are those that the terminal keeps; *provision.Store is it.
type Policies interface {
	Load() (*signed.Policy, error)
	Due() (*provision.Slot, error)
	History() ([]provision.Slot, error)
	Receive(brought []signed.Bundle, by provision.Way) (provision.Answer, error)
	Apply() (p *signed.Policy, fresh bool, err error)
}

// Options are one terminal's parts. What cannot be had now is an error of its maker, each time it is asked.
type Options struct {
	Site      site.Site
	Policies  func() (Policies, error)
	Keys      func() (*identity.Keys, error)
	Roots     func() (*x509.CertPool, error)              // of the centre
	Printer   func(*policy.Policy) (spool.Printer, error) // opened for one look; closed after it, if it can be
	SelfTest  func(context.Context, *policy.Policy) ([]selftest.Line, error)
	Apart     func() error // why rz and sz would not run as somebody who can read nothing of the terminal's
	Bus       attached.Bus
	Catalogue incident.Catalogue
	Software  string    // its name and version
	Built     time.Time // zero: not known
	Now       func() time.Time
}

// Machine is one terminal as its console needs it: console.Machine, Keys, Seats and Journal in one.
type Machine struct {
	o Options

	mu     sync.Mutex
	looked time.Time // when the doctor looked last, for whoever it was
	found  []finding
}

// New makes the machine of a terminal. It touches nothing yet.
func New(o Options) *Machine { return &Machine{o: o} }

// doing does one command.
type doing func(m *Machine, ctx context.Context, who console.Who, c console.Call, a *console.Answer) error

// does are the commands that this machine does.
func does() map[string]doing {
	return map[string]doing{
		"version": (*Machine).version, "status": (*Machine).status, "doctor": (*Machine).doctor,
		"journal tail": (*Machine).tail, "journal verify": (*Machine).verify, "incidents": (*Machine).incidents,
		"centre": (*Machine).centre, "printer": (*Machine).printer, "printer path-empty": (*Machine).pathEmpty, "usb": (*Machine).usb,
		"reader": (*Machine).reader, "counters": (*Machine).counters, "journal export": (*Machine).export, "selftest": (*Machine).selftest,
		"policy show": (*Machine).showPolicy, "policy diff": (*Machine).diffPolicy, "policy receive": (*Machine).receivePolicy, "policy apply": (*Machine).applyPolicy,
		"service on": (*Machine).service, "service off": (*Machine).service,
		"config show": (*Machine).config, "report": (*Machine).report, "support": (*Machine).support,
	}
}

// Does reports whether this machine does a command of the console's table. What it does not do is not offered.
func Does(name string) bool { return does()[name] != nil }

// Do is console.Machine's.
func (m *Machine) Do(ctx context.Context, who console.Who, c console.Call, a *console.Answer) error {
	do, ok := does()[c.Command.Name]
	if !ok {
		return console.Fail(console.NotHere)
	}
	return do(m, ctx, who, c, a)
}

// policy is that in force, verified.
func (m *Machine) policy() (*signed.Policy, error) {
	p, err := m.o.Policies()
	if err != nil {
		return nil, err
	}
	return p.Load()
}

// Keys is console.Keys: the persons of the policy in force for this terminal. One whose time is over is listed as expired.
func (m *Machine) Keys() (out []console.Key, err error) {
	p, err := m.policy()
	if err != nil {
		return nil, &console.Failure{Code: console.Failed, Why: wordOf(err)}
	}
	for _, r := range []policy.Role{policy.Look, policy.Service} {
		now := map[[2]string]bool{}
		for _, q := range p.Persons(r, m.o.Site.Terminal, "", m.o.Now()) {
			now[[2]string{q.ID, q.SSH}] = true
		}
		for _, q := range p.Persons(r, m.o.Site.Terminal, "", time.Time{}) {
			out = append(out, console.Key{ID: q.ID, SSH: q.SSH, Role: r, Expired: !now[[2]string{q.ID, q.SSH}]})
		}
	}
	return out, nil
}

// Sit is console.Seats: a lock on a file that stays.
func (m *Machine) Sit(console.Who) (leave func(), err error) {
	f, err := os.OpenFile(filepath.Join(m.o.Site.State, "console.seat"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, console.Fail(console.SeatTaken)
	}
	return func() { _ = f.Close() }, nil // which unlocks
}

// noteOf is what the journal keeps of an event.
func noteOf(e console.Event) question {
	q := question{Ask: askNote, Who: e.Who}
	switch e.Kind {
	case console.SignedInEvent:
		q.Note = note{journal.TechnicianIn, string(e.Role)}
	case console.RefusedEvent:
		q.Note = note{journal.TechnicianRefused, string(e.Code)}
	case console.SignedOutEvent:
		q.Note = note{journal.TechnicianOut, string(e.Code)}
	case console.CommandEvent:
		q.Note = note{journal.TechnicianDid, dotted(e.Command)}
	}
	return q
}

// Note is console.Journal: through the daemon, or by ourselves where none runs.
func (m *Machine) Note(e console.Event) error {
	q := noteOf(e)
	a, err := q.ask(context.Background(), m.o.Site.State)
	if failed := (*console.Failure)(nil); errors.As(err, &failed) && failed.Code == console.DaemonDown {
		return m.record(q)
	}
	if err == nil && a.Why != "" {
		err = console.Fail(console.NoJournal)
	}
	return err
}

// record writes into a journal that no daemon holds. It never begins one.
func (m *Machine) record(q question) error {
	e, ok := q.entry()
	if !ok {
		return console.Fail(console.NoJournal)
	}
	path := filepath.Join(m.o.Site.State, journalFile)
	if _, err := os.Lstat(path); err != nil {
		return err
	}
	j, err := journal.Open(path, m.o.Now)
	if err != nil {
		return err
	}
	_, err = j.Record(e)
	return errors.Join(err, j.Close())
}

// book is the journal as it stands, to be closed.
func (m *Machine) book() (*journal.Journal, error) {
	j, err := journal.Copy(filepath.Join(m.o.Site.State, journalFile))
	if err != nil {
		return nil, &console.Failure{Code: console.Failed, About: "journal", Why: wordOf(err)}
	}
	return j, nil
}

// live is how the daemon is.
func (m *Machine) live(ctx context.Context) (live, error) {
	a, err := question{Ask: askStatus}.ask(ctx, m.o.Site.State)
	return a.Status, err
}
