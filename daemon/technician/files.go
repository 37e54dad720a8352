package technician

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"honnin/daemon/provision"
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
	if err := m.transfer(ctx, a, give(zmodem.File{Name: file, Content: content})); err != nil {
		return moved(err)
	}
	return a.Row(line, console.Name(file), console.Number(len(content)), console.Digest(sha256.Sum256(content)))
}

func give(f zmodem.File) func(context.Context, console.Wire) error {
	return func(ctx context.Context, w console.Wire) error {
		ctx, stop := context.WithTimeout(ctx, wholeTime)
		defer stop()
		return zmodem.Send(ctx, w, f, startTime, "")
	}
}

// pack bounds what is taken in.
func pack() zmodem.Limits {
	return zmodem.Limits{Bytes: provision.MaxPack, Start: startTime, Stall: stallTime}
}

// errApart is who would run rz and sz as a user who can read the terminal's keys.
var errApart = errors.New("technician: rz and sz would be able to read the terminal's keys")

// transfer gives the line away for a file, where lrzsz, old C that reads what strangers send, can be kept apart.
func (m *Machine) transfer(ctx context.Context, a *console.Answer, do func(context.Context, console.Wire) error) error {
	if m.o.Apart() != nil {
		return errApart
	}
	return a.Transfer(ctx, do)
}

// moved is why no file was moved.
func moved(err error) error {
	for _, k := range []struct {
		err  error
		word string
	}{
		{zmodem.ErrProgram, "no-lrzsz"}, {zmodem.ErrCut, "cut"}, {zmodem.ErrNotBegun, "not-begun"}, {zmodem.ErrStalled, "stalled"},
		{zmodem.ErrTooLarge, "too-large"}, {zmodem.ErrNotOne, "more-than-one"}, {zmodem.ErrName, "name"}, {zmodem.ErrFailed, "failed"},
		{context.DeadlineExceeded, "too-slow"}, {errApart, "wants-root"},
	} {
		if errors.Is(err, k.err) {
			return &console.Failure{Code: console.NoTransfer, Why: k.word}
		}
	}
	return err
}
