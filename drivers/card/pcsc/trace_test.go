package pcsc

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/trace/tracetest"
)

// TestTraced: what becomes of a reader is said, once each, and not what it is called.
func TestTraced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var l tracetest.Listener
		r := newReader("SN4711", f)
		r.Trace(l.Trace())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.Watch(ctx, func(bool) {}) }()
		said := func(want ...string) {
			t.Helper()
			time.Sleep(2 * lookAgain)
			synctest.Wait()
			if got := l.Said(); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		said("the reader is not as it was reader=false present=false")
		f.plug("SN4711")
		said("the reader is not as it was reader=true present=false")
		f.card("SN4711", true)
		said("the reader is not as it was reader=true present=true")
		c, err := r.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		said("a card is connected to")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		f.card("SN4711", false)
		said("the reader is not as it was reader=true present=false")
		if _, err := r.Connect(t.Context()); err == nil {
			t.Error("connected")
		}
		said("a card cannot be connected to why=!")
		stop()
		<-ended
	})
}
