package terminal

import (
	"errors"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/session"
)

// errUnstaffed closes a counter at which nobody may confirm a name: no certificate could be handed over.
var errUnstaffed = errors.New("terminal: a counter, and the policy names nobody who may confirm names at this terminal now")

// confirmers are those whom the policy lets confirm names at this terminal.
type confirmers struct {
	policy   *policy.Policy
	terminal protocol.Terminal
	now      func() time.Time
}

var _ session.Staff = confirmers{}

func (c confirmers) Confirms(id string, code []byte, m protocol.Municipality) (is bool, known string) {
	return c.policy.Confirms(id, code, c.terminal, m, c.now())
}

// staffed says whether a terminal of this channel can hand over what it prints.
func staffed(p Parts) error {
	if p.Channel == protocol.Counter && !p.Policy.Staffed(p.Terminal, p.Now()) {
		return errUnstaffed
	}
	return nil
}
