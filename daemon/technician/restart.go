package technician

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"

	"honnin/ui/console"
)

// restartTime is how long a program may take to pass the wish on to init.
const restartTime = 30 * time.Second

// errNotRoot and errNoProgram are why a machine cannot be restarted from here.
var (
	errNotRoot   = errors.New("technician: only root restarts the machine")
	errNoProgram = errors.New("technician: there is no program that restarts the machine")
)

// Restart has the machine's init restart it. The zero value cannot.
type Restart struct {
	Ways []Way // the first whose sign is there is taken
	Root bool  // this process may
}

// Way is a program that knows one kind of init.
type Way struct {
	Sign    string   // a directory that is there under this init; "": it is tried last
	Program []string // with its full path
}

// SystemRestart is this machine's: systemctl where systemd is the init (sd_booted(3)), and else reboot(8) of sysvinit or busybox.
func SystemRestart() Restart {
	return Restart{Root: os.Geteuid() == 0, Ways: []Way{{"/run/systemd/system", []string{"/bin/systemctl", "reboot"}}, {"", []string{"/sbin/reboot"}}}}
}

// May returns why the machine could not be restarted, and does nothing.
func (r Restart) May() error {
	_, err := r.program()
	return err
}

func (r Restart) program() ([]string, error) {
	if !r.Root {
		return nil, errNotRoot
	}
	for _, w := range r.Ways {
		if info, err := os.Lstat(w.Sign); w.Sign != "" && (err != nil || !info.IsDir()) {
			continue
		}
		if info, err := os.Stat(w.Program[0]); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			return nil, errNoProgram
		}
		return w.Program, nil
	}
	return nil, errNoProgram
}

// Do passes the wish on. What is running is ended by init, in its own time. The program gets nothing of this process: no environment,
// no file, no word of its own is kept.
func (r Restart) Do(ctx context.Context) error {
	p, err := r.program()
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), restartTime)
	defer stop()
	c := exec.CommandContext(ctx, p[0], p[1:]...)
	c.Env, c.Dir = []string{}, "/"
	return c.Run()
}

// again is how long after one "reboot" that a silent daemon did not answer another is known to be meant for the machine.
const again = 5 * time.Minute

// restart has the daemon leave after the visit in hand, close, and restart the machine. Where none runs, it is done from here. One that
// says nothing is perhaps only slow, and does it yet, after its visit: from here it is done only for who wants it once more, after
// having waited again. Init ends what hangs.
func (m *Machine) restart(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	state := func(state, why string) error { return a.Row("reboot.state", word(state), word(why)) }
	if err := m.o.Restart.May(); err != nil {
		return state("refused", wordOf(err))
	}
	got, err := question{Ask: askRestart, Who: who.ID}.ask(ctx, m.o.Site.State) // its whole time, also where it said nothing before
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !m.meant(err):
		return state("unknown", wordOf(err))
	case errors.Is(err, os.ErrPermission): // it may well serve somebody
		return state("refused", wordOf(err))
	case err != nil:
		if failed := m.o.Restart.Do(ctx); failed != nil {
			return state("failed", wordOf(failed))
		}
		return state("begun", wordOf(err))
	case got.Why == "":
		return state("begun", "")
	case got.Why == "visit":
		return state("waits", got.Why)
	}
	return state("refused", got.Why)
}

// meant reports whether the restart of a machine whose daemon is silent was wanted a while ago, and notes that it is now. A daemon that was
// heard meanwhile does it in its own time: from then on it is the first wish again.
func (m *Machine) meant(err error) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !errors.Is(err, errSilent) {
		m.restartAsked = time.Time{}
		return true
	}
	since := m.o.Now().Sub(m.restartAsked)
	m.restartAsked = m.o.Now()
	return since >= 0 && since <= again
}

// restart is the daemon's part of it. Asked again, it says how it stands.
func (s *server) restart(q question) string {
	if !idForm().MatchString(q.Who) {
		return "malformed"
	}
	if err := s.Restart.May(); err != nil {
		return wordOf(err)
	}
	s.Terminal.Leave()
	if s.Terminal.Status().Visit {
		return "visit"
	}
	return ""
}
