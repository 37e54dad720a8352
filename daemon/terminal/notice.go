package terminal

import (
	"cmp"
	"sync"

	"github.com/sirupsen/logrus"

	"honnin/daemon/session"
)

// noticed shows every picture and tells the log when the terminal cannot serve, and why, in one word of ours; a
// technician at two in the morning has nothing else.
type noticed struct {
	session.Screen
	log logrus.FieldLogger

	mu    sync.Mutex
	shown bool // anything yet
	last  [2]string
	out   string // why nobody is served; "": somebody may be
}

// service says whether the terminal serves, and in a word why not.
func (n *noticed) service() (is bool, why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.shown { // a session that has not said anything has not opened
		return false, session.Unready.String()
	}
	return n.out == "", n.out
}

// Show shows v.
func (n *noticed) Show(v session.View) {
	n.note(v)
	n.Screen.Show(v)
}

func (n *noticed) note(v session.View) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown = true
	now := [2]string{v.State.String(), v.Word}
	if n.out = ""; v.State == session.Unready || v.State == session.OutOfService || v.State == session.Stranded {
		n.out = cmp.Or(v.Word, v.State.String())
	}
	closed := v.State == session.Unready && v.Word != "" || v.State == session.OutOfService // unready without a word is the start
	if !closed {
		now = [2]string{}
	}
	if now == n.last {
		return
	}
	switch {
	case closed && v.Word == "closed": // as every night
		n.log.WithField("why", v.Word).Info("not in service")
	case closed:
		n.log.WithFields(logrus.Fields{"state": now[0], "why": now[1], "reference": v.Reference}).Warn("not in service")
	case n.last[0] != "":
		n.log.Info("in service again")
	}
	n.last = now
}
