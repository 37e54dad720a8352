package terminal

import (
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"honnin/daemon/session"
)

type blank struct{ shown int }

func (b *blank) Show(session.View) { b.shown++ }

func TestWhyItIsClosedIsSaidOnce(t *testing.T) {
	var said strings.Builder
	log := logrus.New()
	log.SetOutput(&said)
	screen := &blank{}
	n := &noticed{Screen: screen, log: log}
	closed := session.View{State: session.Unready, Word: "media-needed"}
	for _, v := range []session.View{{State: session.Unready}, {State: session.Idle}, closed, closed, {State: session.Unready, Word: "centre"}, {State: session.Idle}, {State: session.Idle}} {
		n.Show(v)
	}
	night := new(strings.Builder)
	log.SetOutput(night)
	n.Show(session.View{State: session.Unready, Word: "closed"})
	if s := night.String(); !strings.Contains(s, "level=info") || !strings.Contains(s, "closed") {
		t.Errorf("at night it says %q", s)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if screen.shown != 8 || len(lines) != 3 || !strings.Contains(lines[0], "media-needed") || !strings.Contains(lines[1], "centre") || !strings.Contains(lines[2], "in service again") {
		t.Errorf("%d shown\n%s", screen.shown, said.String())
	}
}

// TestNothingIsInServiceYet: a terminal that is plugged together anew serves nobody before its session has said so.
func TestNothingIsInServiceYet(t *testing.T) {
	n := &noticed{Screen: &blank{}, log: logrus.New()}
	if is, why := n.service(); is || why != "unready" {
		t.Errorf("before the first picture: %v %q", is, why)
	}
	n.note(session.View{State: session.Idle})
	if is, why := n.service(); !is || why != "" {
		t.Errorf("the welcome: %v %q", is, why)
	}
}

// TestClosedOnPurpose: where the gate ends the welcome the log says why, and not that the reader is lost; a reader that is lost then is
// said to be.
func TestClosedOnPurpose(t *testing.T) {
	var said strings.Builder
	log := logrus.New()
	log.SetOutput(&said)
	g := &gate{}
	n := &noticed{Screen: &blank{}, log: log, shut: g.didShut}
	lost := session.View{State: session.Unready, Word: "reader"}
	n.Show(session.View{State: session.Idle})
	g.mark(true)
	n.Show(lost)
	if is, why := n.service(); is || why != "unready" || said.String() != "" || n.asked() != nil {
		t.Errorf("%v %q %q", is, why, said.String())
	}
	n.Show(session.View{State: session.Unready, Word: "stopped"})
	if s := said.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "why=stopped") || strings.Contains(s, "reference") {
		t.Errorf("%q", s)
	}
	n.Show(lost)
	if _, why := n.service(); why != "reader" || !strings.Contains(said.String(), "why=reader") {
		t.Errorf("%q %q", why, said.String())
	}
}
