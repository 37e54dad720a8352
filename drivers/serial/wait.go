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

// denials is how many looks, some 10 s, may say that we may not open the device: udev gives one that has come to its group a moment
// after it is there.
const denials = 9

// Wait is Open for a device that may not be there yet, or not any more: it looks again until it is, or ctx is done. One that has
// come meanwhile and that somebody else has is waited for, too: ModemManager, for one, tries each adapter that comes. What waiting
// does not mend is an error at once. After io.EOF, Close a line and Wait for it.
func Wait(ctx context.Context, o Options) (*Line, error) {
	return wait(ctx, func() (*Line, error) { return Open(o) })
}

func wait(ctx context.Context, open func() (*Line, error)) (*Line, error) {
	denied := 0
	for look, pause := 0, firstPause; ; look, pause = look+1, min(2*pause, lastPause) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := open()
		if denied++; !errors.Is(err, fs.ErrPermission) {
			denied = 0
		}
		taken := look > 0 && errors.Is(err, ErrHeld)
		if err == nil || !mayReturn(err) && !taken && (denied == 0 || denied > denials) {
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
