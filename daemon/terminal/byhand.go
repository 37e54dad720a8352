package terminal

import (
	"fmt"

	"honnin/daemon/session"
	"honnin/spool/journal"
)

// offByHand returns an error under [session.ErrStopped] while a technician has every service stopped, and where nobody can say.
func offByHand(j Journal) error {
	e, err := j.ServiceOff()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", session.ErrStopped, err)
	case e.Kind == journal.ServiceOff:
		return fmt.Errorf("%w: by a technician", session.ErrStopped)
	}
	return nil
}

// SetService stops every service in a technician's name, or ends that; what incidents stop stays stopped. A visit in hand comes
// to its end. It is in the journal before it counts, and a restart changes nothing.
func (t *Terminal) SetService(on bool, technician string) error {
	e := journal.Entry{Kind: journal.ServiceOff, Staff: technician}
	if on {
		e.Kind = journal.ServiceOn
	}
	if _, err := t.journal.Record(e); err != nil {
		return err
	}
	in := t.plugged()
	in.gate.recall()
	in.LookAgain()
	return nil
}
