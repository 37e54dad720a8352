package terminal

import (
	"context"
	"fmt"
	"time"

	"honnin/daemon/session"
)

// hours keep a terminal closed while its policy lets nothing at all be had: nobody is asked for a PIN only to learn that every
// certificate is closed. A visit that began before goes on.
type hours struct{ parts Parts }

func (h hours) closed() (is bool, until time.Time) { return h.parts.Policy.Closed(h.parts.Now()) }

// check returns [session.ErrClosed] where no visit may begin now.
func (h hours) check() error {
	if is, until := h.closed(); is {
		return fmt.Errorf("%w until %s", session.ErrClosed, until)
	}
	return nil
}

// shut calls then when the terminal welcomes people and the hour comes at which it closes, and returns; or returns when ctx ends.
func (h hours) shut(ctx context.Context, busy func() bool, then func()) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for open := false; ; {
		is, _ := h.closed()
		if is && open && !busy() {
			then()
			return
		}
		open = open || !is
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// until is a screen on which a terminal that is closed says when it opens.
type until struct {
	session.Screen
	hours hours
}

// Show shows v.
func (u until) Show(v session.View) {
	if v.State == session.Unready && v.Word == "closed" {
		_, v.Until = u.hours.closed()
	}
	u.Screen.Show(v)
}
