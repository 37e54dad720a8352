package technician

import (
	"context"
	"sync"
	"time"

	"honnin/daemon/session"
)

// watchTime is how late a change of state is seen at most.
const watchTime = 5 * time.Second

// watched is since when a terminal is as it is: in service, or not for one reason.
type watched struct {
	mu    sync.Mutex
	in    bool
	why   string
	since time.Time
}

// see takes what is so now, and returns since when it is.
func (w *watched) see(in bool, why string, now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if in != w.in || why != w.why {
		w.in, w.why, w.since = in, why, now
	}
	return w.since
}

// watch sees every state that lasts, until ctx ends.
func (s *server) watch(ctx context.Context) {
	tick := time.NewTicker(watchTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.live()
		}
	}
}

func (s *server) live() live {
	t := s.Terminal.Status()
	return live{Software: s.Software, Started: s.started, InService: t.InService, Why: t.Why, Ready: t.Ready, SelfTest: t.SelfTest,
		Since: s.watched.see(t.InService, t.Why, s.Now()), Visit: t.Visit, Leaving: s.Terminal.Leaving(), Failed: s.Terminal.Failed()}
}

// state is how a daemon is, and why, in words.
func (l live) state() (state, why string) {
	switch {
	case l.Leaving:
		return "leaving", "reboot"
	case l.InService:
		return "in-service", ""
	}
	if l.Why == session.OutOfService.String() { // the session's own word: it waits for staff
		return l.Why, "staff"
	}
	return "out-of-service", l.Why
}
