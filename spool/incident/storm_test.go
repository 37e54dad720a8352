package incident

import (
	"errors"
	"testing"
	"time"

	"honnin/config/protocol"
)

// TestAClosingNamesWhatItCloses: for how many an event speaks is fixed before anybody is told. Who signs without naming that event has
// to have signed after it; who names another never saw this one.
func TestAClosingNamesWhatItCloses(t *testing.T) {
	w := newWorld(t)
	w.known.Told = noon.Add(10 * time.Minute)
	for name, c := range map[string]struct {
		event protocol.Digest
		at    time.Duration // after that
		doubt Doubt
	}{
		"names none, a second before":          {at: -time.Second, doubt: StateReplayed},
		"names none, in that second":           {},
		"names this, by a clock that is slow":  {event: w.known.Event, at: -time.Minute},
		"names this, before the first":         {event: w.known.Event, at: -time.Hour, doubt: StateReplayed},
		"names another, after":                 {event: protocol.Digest{8}, at: time.Minute, doubt: StateOther},
		"names another, as the first was told": {event: protocol.Digest{8}, at: -time.Minute, doubt: StateOther},
	} {
		for _, to := range []string{protocol.IncidentAcknowledged, protocol.IncidentClosed} {
			s := w.state(to)
			s.Event, s.At = c.event, protocol.At(w.known.Told.Add(c.at))
			m, err := w.judge.State(w.known, w.signed("closer", s))
			if c.doubt == NoDoubt && (err != nil || m.To != to) || c.doubt != NoDoubt && !errors.Is(err, c.doubt) {
				t.Errorf("%s, %s: %+v %v", name, to, m, err)
			}
		}
	}
}
