package terminal

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestLeaveLimit: a terminal that is to leave is given its time and no more; one that is not, all of it.
func TestLeaveLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := &Terminal{left: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan time.Time, 1)
		go at.hasten(ctx, func() { ended <- time.Now(); stop() })
		time.Sleep(24 * time.Hour)
		select {
		case <-ended:
			t.Error("ended, and nobody asked")
		default:
		}
		asked := time.Now()
		at.leave.Do(func() { close(at.left) })
		if got := (<-ended).Sub(asked); got != LeaveLimit || !at.Leaving() {
			t.Error(got, at.Leaving())
		}
		synctest.Wait()
	})
}
