package pcsc

import (
	"context"
	"errors"
)

// result is what a call came to.
type result[T any] struct {
	value T
	err   error
}

// inSession asks one thing in a PC/SC context of its own. When ctx ends first, the caller gets ctx's error and the place
// for questions stays taken until the call returns.
func inSession[T any](ctx context.Context, r *Reader, ask func(session) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	select {
	case r.questions <- struct{}{}:
	case <-ctx.Done():
		return none, errors.Join(ErrHung, ctx.Err())
	}
	done := make(chan result[T], 1)
	go func() {
		defer func() { <-r.questions }()
		done <- within(r.lib, ask)
	}()
	select {
	case d := <-done:
		return d.value, d.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func within[T any](lib library, ask func(session) (T, error)) (d result[T]) {
	s, err := lib.establish()
	if err != nil {
		d.err = explain(err)
		return d
	}
	defer s.release()
	d.value, d.err = ask(s)
	return d
}

// reserve takes the place for a connection: [card.ErrBusy] while one is open, and while one that was given up has not
// come back it waits as long as ctx allows.
func (r *Reader) reserve(ctx context.Context) (*connection, error) {
	for {
		r.mu.Lock()
		last := r.open
		if last == nil || last.isOver() {
			r.open = newConnection()
			defer r.mu.Unlock()
			return r.open, nil
		}
		r.mu.Unlock()
		if err := last.awaitOver(ctx); err != nil {
			return nil, err
		}
	}
}
