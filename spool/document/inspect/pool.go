package inspect

import (
	"context"
	"errors"
	"time"
)

// ErrClosed is returned by a closed [Pool].
var ErrClosed = errors.New("inspect: pool is closed")

// Options of a [Pool]. The zero value of each field means its default.
type Options struct {
	// Command is the argv with which this same binary (/proc/self/exe) is started as a child; the default is
	// the one that [IsChild] recognises. Tests name a misbehaving child here.
	Command []string
	Warm    int           // children that wait ahead of need; default 1
	Wall    time.Duration // for one document, from its first byte to the whole report; default 5 s
	Memory  uint64        // RLIMIT_DATA of a child in bytes; default 384 MiB
	CPU     time.Duration // RLIMIT_CPU of a child, whole seconds; default 3 s
}

// Pool keeps children ready and gives each one document.
type Pool struct {
	opts Options
}

// NewPool starts the first children in the background. Close it.
func NewPool(opts Options) *Pool { return &Pool{opts: opts} }

// Inspect hands pdf to a child and returns what it reports. A child that died, hung, lied, flooded or panicked
// over the document is a [reason.Error] of pdf-malformed; ctx's error is returned as such; any other error means
// that no child could be had at all, which is this machine's fault and not the document's.
func (p *Pool) Inspect(ctx context.Context, pdf []byte) (Facts, error) {
	if err := ctx.Err(); err != nil {
		return Facts{}, err
	}
	return Facts{}, ErrClosed // children follow
}

// Close kills what waits or works, and returns when every child is reaped.
func (p *Pool) Close() error { return nil }
