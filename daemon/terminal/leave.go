package terminal

import (
	"context"
	"time"
)

// LeaveLimit is how long after [Terminal.Leave] a visit in hand may last. Each step of one has its own limit ([session.Limits]), so that
// only who goes on pressing keys meets this one. The visit is ended then as by any other end of this process: as a whole before the
// commit, and after it when the paper is out.
const LeaveLimit = 15 * time.Minute

// Leave has [Terminal.Run] return after the visit in hand, as where its context ends between visits: no other visit begins, and all is
// journalled. It waits for nothing, and may be called again.
func (t *Terminal) Leave() {
	t.leave.Do(func() {
		close(t.left) // first: what is plugged together from now on does not run
		go t.plugged().Yield()
	})
}

// Leaving reports whether [Terminal.Leave] was called.
func (t *Terminal) Leaving() bool {
	select {
	case <-t.left:
		return true
	default:
		return false
	}
}

// hasten calls end when a terminal that leaves has had its time.
func (t *Terminal) hasten(ctx context.Context, end func()) {
	select {
	case <-t.left:
	case <-ctx.Done():
		return
	}
	most := time.NewTimer(LeaveLimit)
	defer most.Stop()
	select {
	case <-most.C:
		end()
	case <-ctx.Done():
	}
}
