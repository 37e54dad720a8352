package technician

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"honnin/drivers/serial/zmodem"
	"honnin/ui/console"
)

// How long a file may take.
const (
	startTime = 5 * time.Minute // until the other end has begun
	stallTime = time.Minute     // in the middle of it
	wholeTime = 2 * time.Hour
)

// maxFile bounds what is sent, in bytes: at 115200 baud it takes an hour.
const maxFile = 32 << 20

// send gives a file to the technician's machine, and says which.
func (m *Machine) send(ctx context.Context, a *console.Answer, line, file string, content []byte) error {
	if len(content) > maxFile {
		return &console.Failure{Code: console.NoTransfer, Why: "too-large"}
	}
	err := a.Transfer(ctx, func(ctx context.Context, w console.Wire) error {
		ctx, stop := context.WithTimeout(ctx, wholeTime)
		defer stop()
		return zmodem.Send(ctx, w, zmodem.File{Name: file, Content: content}, "")
	})
	if err != nil {
		return moved(err)
	}
	return a.Row(line, console.Name(file), console.Number(len(content)), console.Digest(sha256.Sum256(content)))
}

// moved is why no file was moved.
func moved(err error) error {
	for _, k := range []struct {
		err  error
		word string
	}{
		{zmodem.ErrProgram, "no-lrzsz"}, {zmodem.ErrCut, "cut"}, {zmodem.ErrNotBegun, "not-begun"}, {zmodem.ErrStalled, "stalled"},
		{zmodem.ErrTooLarge, "too-large"}, {zmodem.ErrNotOne, "more-than-one"}, {zmodem.ErrName, "name"}, {zmodem.ErrFailed, "failed"},
		{context.DeadlineExceeded, "too-slow"},
	} {
		if errors.Is(err, k.err) {
			return &console.Failure{Code: console.NoTransfer, Why: k.word}
		}
	}
	return err
}
