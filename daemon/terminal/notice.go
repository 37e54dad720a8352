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
	log  logrus.FieldLogger
	shut func() bool // as [Parts] has it

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
	if v.State == session.Unready && v.Word == "reader" && n.shut != nil && n.shut() { // what it is closed for comes with the next picture
		v.Word = ""
	}
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
		n.warn(v)
	case n.last[0] != "":
		n.log.Info("in service again")
	}
	n.last = now
}

// warn leaves out what there is not.
func (n *noticed) warn(v session.View) {
	log := n.log.WithField("state", v.State.String())
	if v.Word != "" {
		log = log.WithField("why", v.Word)
	}
	if v.Reference != "" {
		log = log.WithField("reference", v.Reference)
	}
	log.Warn("not in service")
}
