// Package technician is the machine behind the technician's console: it does the commands of ui/console for one terminal, from
// a small process of its own (honnind console), which answers while the daemon does not run, too.
//
// Parties: the technician, whom ui/console has looked at; this process, as the daemon's user, whose files the
// policies and keys are (root, where the daemon is root's: then lrzsz runs as nobody, and else files are not moved); and the daemon, if it
// runs. What is written down is read from the disk, the same way in both cases: the journal as a copy ([journal.Copy]), the log, the
// policies verified anew, the keys, what is on USB. What only the daemon knows or may do it is asked on its control socket, one
// line of JSON each way: how it is; what its printer says of itself; to write a note into the journal; that the path is empty; to print a service sheet between visits; to log more for a while; to stop or begin the service; to test
// itself; to make a test visit, and how that goes; to leave, and restart the machine. Where nobody
// listens there, the daemon is down, and notes are written into the journal, and a service sheet printed, by this process, which holds it as long as that takes and no longer. Where one
// listens and says nothing, it hangs: notes are set aside for its journal (aside.go), and what needs it fails.
//
// Nothing here has text of people's to show: the console takes words, numbers, times and names, each as its table declares.
//
// One technician at a time: the seat is a lock (flock) on a file of the state directory, so that it is given back by the kernel
// when the process that had it dies. What cannot be journalled is not done. Every look at a device or at the centre ends after
// [lookTime]; who has not signed in has only the journal's end read, and gets what was seen in the last [stale] again, unless the daemon is in another state now, or for another reason ([bearing]), so that no stranger makes a terminal busy with looks.
package technician

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
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
	stale    = time.Minute
)

// noteEvery is how often a technician's notes may go on being written, and noteBurst how many may come before that: a program that
// asks for the status as fast as it can adds no more than 35 MB a day to the journal.
const (
	noteEvery = time.Second
	noteBurst = 60
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
	May       func(*policy.Policy) error                  // why this terminal may not print under it, though its office signed it; nil is refused
	SelfTest  func(context.Context, *policy.Policy) ([]selftest.Line, error)
	Apart     func() error // why rz and sz would not run as somebody who can read nothing of the terminal's
	Bus       attached.Bus
	Present   func(context.Context) (bool, error) // a card lies on the reader; nil: that cannot be seen without disturbing it
	Sys       string                              // where sysfs is; "" /sys
	Catalogue incident.Catalogue
	Read      func() (site.Site, error) // site.toml as it is now
	Restart   Restart
	Rand      io.Reader
	Practice  bool      // its printer, its reader and its centre are there only while its daemon runs
	Software  string    // its name and version
	Built     time.Time // zero: not known
	Now       func() time.Time
}

// Machine is one terminal as its console needs it: console.Machine, Keys, Seats and Journal in one.
type Machine struct {
	o Options

	sitting      string      // the visit of who sits here; only the console's own goroutine has it
	hung         atomic.Bool // the daemon did not answer when it was asked last
	mu           sync.Mutex
	looked       time.Time // when the doctor looked last, for whoever it was
	found        []finding
	bore         bearing   // how the daemon bore itself then
	model        string    // the printer's, as it said then
	restartAsked time.Time // "reboot" of a daemon that did not answer
	noted        time.Time // the next note has its turn one noteEvery later
}

// New makes the machine of a terminal. It touches nothing yet.
func New(o Options) *Machine {
	o.Sys = cmp.Or(o.Sys, "/sys")
	return &Machine{o: o}
}

// doing does one command.
type doing func(m *Machine, ctx context.Context, who console.Who, c console.Call, a *console.Answer) error

// does are the commands that this machine does.
func does() map[string]doing {
	return map[string]doing{
		"version": (*Machine).version, "status": (*Machine).status, "doctor": (*Machine).doctor,
		"journal tail": (*Machine).tail, "journal verify": (*Machine).verify, "incidents": (*Machine).incidents,
		"centre": (*Machine).centre, "printer": (*Machine).printer, "printer path-empty": (*Machine).pathEmpty, "printer sheet": (*Machine).sheet, "usb": (*Machine).usb,
		"reader": (*Machine).reader, "counters": (*Machine).counters, "journal export": (*Machine).export, "selftest": (*Machine).selftest,
		"policy show": (*Machine).showPolicy, "policy diff": (*Machine).diffPolicy, "policy receive": (*Machine).receivePolicy, "policy apply": (*Machine).applyPolicy,
		"visit": (*Machine).visit, "service on": (*Machine).service, "service off": (*Machine).service,
		"log": (*Machine).log, "log level": (*Machine).setLevel, "config show": (*Machine).config, "config diff": (*Machine).diffConfig, "reboot": (*Machine).restart, "report": (*Machine).report, "support": (*Machine).support,
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
	if m.o.Practice && slices.Contains([]string{"printer", "printer sheet", "reader", "centre"}, c.Command.Name) {
		if l := m.glance(ctx); l.gone() {
			return &console.Failure{Code: console.DaemonDown, Why: wordOf(l.down)}
		}
	}
	if c.Command.Need == policy.Service { // afterwards it may be otherwise
		defer m.forget()
	}
	return do(m, ctx, who, c, a)
}

// forget has the next doctor look, whoever it is for.
func (m *Machine) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked = time.Time{}
}

// policy is that in force, verified. Before its beginning and after its end it comes with an error; where it is at fault otherwise,
// as one for another terminal or of a practice world, none does.
func (m *Machine) policy() (*signed.Policy, error) {
	p, err := m.o.Policies()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, errNoRoot
	case err != nil:
		return nil, err
	}
	in, err := p.Load()
	var r *signed.Refusal
	if err != nil && !(errors.As(err, &r) && (r.Code == signed.Expired || r.Code == signed.Early)) {
		return nil, err
	}
	return in, err
}

// Sit is console.Seats: a lock on a file that stays. Each sign-in that gets it is another visit.
func (m *Machine) Sit(console.Who) (leave func(), err error) {
	f, err := os.OpenFile(filepath.Join(m.o.Site.State, "console.seat"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, console.Fail(console.SeatTaken)
	}
	m.sitting = fmt.Sprint(os.Getpid(), " ", m.o.Now().UnixNano())
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

// turn is how long a note has to wait. Whoever leaves does not wait.
func (m *Machine) turn(k console.EventKind) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.o.Now()
	if first := now.Add(-noteBurst * noteEvery); m.noted.Before(first) || m.noted.After(now.Add(noteEvery)) { // or the clock was set
		m.noted = first
	}
	m.noted = m.noted.Add(noteEvery)
	if k == console.SignedOutEvent {
		return 0
	}
	return max(0, m.noted.Sub(now))
}

// Note is console.Journal: through the daemon, or by ourselves where none runs. Where one hangs the note is set aside for the journal.
func (m *Machine) Note(e console.Event) error {
	time.Sleep(m.turn(e.Kind))
	q := noteOf(e)
	a, err := m.ask(context.Background(), q)
	switch {
	case wordOf(err) == string(console.DaemonDown):
		return m.record(q)
	case errors.Is(err, errSilent):
		return shelfOf(m.o.Site.State).put(q, m.o.Now(), m.o.Rand)
	case err == nil && a.Why != "":
		return console.Fail(console.NoJournal)
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
	_ = shelfOf(m.o.Site.State).take(j) // what cannot be taken now stays, and is tried again
	_, err = j.Record(e)
	return errors.Join(err, j.Close())
}

// book is the journal as it stands, to be closed.
func (m *Machine) book() (*journal.Journal, error) {
	j, err := journal.Copy(filepath.Join(m.o.Site.State, journalFile))
	if err != nil {
		return nil, &console.Failure{Code: console.Unread, About: "journal", Why: wordOf(err)}
	}
	return j, nil
}

// live is how the daemon is.
func (m *Machine) live(ctx context.Context) (live, error) {
	a, err := m.ask(ctx, question{Ask: askStatus})
	return a.Status, err
}
