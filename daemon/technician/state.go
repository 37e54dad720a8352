package technician

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"strings"

	"honnin/spool/journal"
	"honnin/ui/console"
)

func (m *Machine) version(_ context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	v := console.None()
	if p, err := m.policy(); err == nil {
		v = console.Number(p.Head.Version)
	}
	words := strings.Fields(m.o.Software)
	return a.Row("version.software", name(words[len(words)-1]), word(system()), v, console.At(m.o.Built))
}

// system is what Debian says that it is: "debian-12".
func system() string {
	f, err := os.Open("/etc/os-release") // os-release(5)
	if err != nil {
		return runtime.GOOS
	}
	defer f.Close()
	said := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		k, v, _ := strings.Cut(lines.Text(), "=")
		said[k] = strings.Trim(v, `"`)
	}
	return strings.Trim(said["ID"]+"-"+said["VERSION_ID"], "-")
}

// status says how the terminal is. Who has not signed in is told nothing that is only in the journal, and it is not read then.
func (m *Machine) status(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	l, down := m.live(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s := m.standing(who)
	state, why := l.state()
	up, visit := console.Span(m.o.Now().Sub(l.Started)), console.Yes(l.Visit)
	if down != nil {
		state, why, up, visit = "down", wordOf(down), console.None(), console.None()
	}
	version := console.None()
	if p, err := m.policy(); err == nil {
		version = console.Number(p.Head.Version)
	}
	err := a.Row("status.terminal", console.Terminal(m.o.Site.Terminal), console.Yes(down == nil), word(state), word(why), console.At(l.Since),
		console.At(m.o.Now()), version, s.incidents, s.unsaid, up, visit)
	for _, l := range s.latches {
		if err == nil {
			err = a.Row("status.stopped", name(l.Municipality), word(l.Reason), console.Number(l.Of))
		}
	}
	if err == nil && s.unread != nil && !neverRan(s.unread, down) { // any may be stopped
		err = a.Row("status.stopped", console.None(), word(reasonOf(s.unread)), console.None())
	}
	return err
}

// standing is what the journal says at a glance.
type standing struct {
	incidents, unsaid console.Value
	latches           []journal.Latch
	unread            error // why nobody knows the latches
}

func (m *Machine) standing(who console.Who) (s standing) {
	if who.Role == console.Nobody {
		return s
	}
	j, err := m.book()
	if err != nil {
		s.unread = err
		return s
	}
	defer j.Close()
	if all, err := j.Incidents(0, 0); err == nil {
		s.incidents = console.Number(len(all))
	}
	if all, err := j.Outbox(); err == nil {
		s.unsaid = console.Number(len(all))
	}
	s.latches, s.unread = j.Latches()
	return s
}
