package pcsc_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"honnin/drivers/card/pcsc"
)

// events collects what Watch says.
type events struct {
	mu      sync.Mutex
	present bool
	history []bool
	changed chan struct{}
}

func watch(t testing.TB, r *pcsc.Reader) *events {
	e := &events{changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Watch(ctx, e.add)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return e
}

func (e *events) add(present bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.present = present
	e.history = append(e.history, present)
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *events) all() []bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.history)
}

func (e *events) count() int { return len(e.all()) }

// await waits until the last word is as wanted.
func (e *events) await(t testing.TB, present bool) {
	t.Helper()
	e.awaitHistory(t, func(h []bool) bool { return len(h) > 0 && h[len(h)-1] == present })
}

func (e *events) awaitHistory(t testing.TB, enough func([]bool) bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		e.mu.Lock()
		ok, changed, history := enough(e.history), e.changed, fmt.Sprint(e.history)
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the reader said only %s", history)
		}
	}
}
