package terminal

import (
	"context"
	"time"

	"honnin/spool"
)

// attended lets staff's word count only about a printer that has let go of every document of ours: what is still in it
// could come out after they have looked.
type attended struct {
	*ledger
	queue *spool.Queue
	also  staffWord
}

// staffWord hears that staff have said all is well.
type staffWord interface{ heard() }

// clearWithin is less than a session gives to any step of its end, so that an answer is never left behind.
const clearWithin = 10 * time.Second

// StaffReady journals the word; see [spool.Queue.Clear] for when it does not.
func (a attended) StaffReady(ctx context.Context, staff string) error {
	asking, stop := context.WithTimeout(ctx, clearWithin)
	defer stop()
	if err := a.queue.Clear(asking); err != nil {
		return err
	}
	if err := a.ledger.StaffReady(ctx, staff); err != nil {
		return err
	}
	a.also.heard()
	return nil
}
