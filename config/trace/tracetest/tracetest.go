// Package tracetest listens to what a part says, for tests.
package tracetest

import (
	"sync"
	"time"

	"honnin/config/trace"
)

// Listener keeps lines. The zero value listens.
type Listener struct {
	mu    sync.Mutex
	lines []string
}

// Trace is what the part is given.
func (l *Listener) Trace() trace.Trace { return trace.To(l) }

// On is always true.
func (*Listener) On() bool { return true }

// Now stands still.
func (*Listener) Now() time.Time { return time.Unix(0, 0) }

// Put keeps a line as "what it says key=value", and "why=!" for an error.
func (l *Listener) Put(line trace.Line) {
	s := line.Says()
	for _, v := range line.With() {
		switch {
		case v.Err() != nil:
			s += " " + v.Key() + "=!"
		case v.Text() != "":
			s += " " + v.Key() + "=" + v.Text()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, s)
}

// Said returns the lines since it was asked last.
func (l *Listener) Said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.lines
	l.lines = nil
	return out
}
