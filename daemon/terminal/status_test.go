package terminal

import (
	"io"
	"maps"
	"testing"

	"github.com/sirupsen/logrus"

	"honnin/daemon/session"
)

// TestAsked: of each device what the last look found, and nothing where that did not come so far.
func TestAsked(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	n := &noticed{Screen: &blank{}, log: log}
	if n.asked() != nil {
		t.Error("nothing was looked at yet")
	}
	both, first := map[string]bool{"printer": true, "reader": true}, map[string]bool{"printer": true}
	for _, c := range []struct {
		view session.View
		want map[string]bool
	}{
		{session.View{State: session.Unready}, nil},
		{session.View{State: session.Unready, Word: "staff"}, nil},
		{session.View{State: session.Unready, Word: "journal"}, nil},
		{session.View{State: session.Unready, Word: "media-needed"}, map[string]bool{"printer": false}},
		{session.View{State: session.Unready, Word: "printer"}, map[string]bool{"printer": false}},
		{session.View{State: session.Unready, Word: "centre"}, first},
		{session.View{State: session.Unready, Word: "selftest-failed"}, first},
		{session.View{State: session.Unready, Word: "reader"}, map[string]bool{"printer": true, "reader": false}},
		{session.View{State: session.Idle}, both},
		{session.View{State: session.EnterPIN}, both},
		{session.View{State: session.OutOfService, Word: "fault"}, nil},
		{session.View{State: session.Stranded}, nil},
	} {
		if n.Show(c.view); !maps.Equal(n.asked(), c.want) {
			t.Errorf("%v %q: %v, want %v", c.view.State, c.view.Word, n.asked(), c.want)
		}
	}
}
