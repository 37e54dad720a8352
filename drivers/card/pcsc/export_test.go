package pcsc

import (
	"context"
	"time"
)

// AwaitRemoval waits until pcscd has counted as many removals as insertions: it counts both, from 0 and an empty reader.
//
// A reset that finds no card makes the reader empty (pcscd 1.9.9, SCardDisconnect), and the thread that counts may not have looked
// yet. A card laid before it looks is for it the one before, and is never told of.
func (r *Reader) AwaitRemoval(ctx context.Context) error {
	_, err := inSession(ctx, r, func(s session) (struct{}, error) {
		states, err := r.states(s)
		for err == nil && ctx.Err() == nil && states[0].state>>16%2 == 1 {
			err = s.wait(states, uint32(lookAgain/time.Millisecond))
		}
		return struct{}{}, err
	})
	return err
}
