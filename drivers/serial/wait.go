package serial

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// Between two looks for a device that is not there.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Wait is Open for a device that may not be there yet, or not any more: it looks again until it is, or ctx is done. What
// waiting does not mend is an error at once. After io.EOF, Close a line and Wait for it.
func Wait(ctx context.Context, o Options) (*Line, error) {
	return wait(ctx, func() (*Line, error) { return Open(o) })
}

func wait(ctx context.Context, open func() (*Line, error)) (*Line, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := open()
		if err == nil || !mayReturn(err) {
			return l, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// mayReturn: there is no such device, or it was pulled out while it was opened.
func mayReturn(err error) bool {
	for _, e := range []error{fs.ErrNotExist, unix.ENXIO, unix.ENODEV, unix.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
