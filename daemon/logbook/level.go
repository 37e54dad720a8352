package logbook

import (
	"sync"
	"sync/atomic"
	"time"
)

// Longest is how long another level may last.
const Longest = 24 * time.Hour

// level is a package's, which is looked at often and changed seldom.
type level struct {
	now atomic.Int32

	mu  sync.Mutex
	end *time.Timer // nil: it is as always
}

func newLevel() *level {
	l := new(level)
	l.now.Store(int32(Info))
	return l
}

func (l *level) set(to Level, span time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		l.end.Stop()
	}
	l.now.Store(int32(to))
	var end *time.Timer
	end = time.AfterFunc(span, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.end == end { // else it was set anew meanwhile
			l.now.Store(int32(Info))
			l.end = nil
		}
	})
	l.end = end
}

// Refusal is why a level was not set.
type Refusal string

// Error is the refusal's word.
func (r Refusal) Error() string { return string(r) }

// The refusals.
const (
	UnknownPackage Refusal = "unknown-package"
	UnknownLevel   Refusal = "unknown-level"
	BadTime        Refusal = "bad-time"
)

// SetLevel lets the packages that a name means log from a level on, for a time of up to [Longest], counted by the clock of the
// process; then from info on again. Setting it anew begins anew.
func (b *Book) SetLevel(name, word string, span time.Duration) error {
	l, ok := ParseLevel(word)
	meant := Within(name)
	switch {
	case !ok:
		return UnknownLevel
	case len(meant) == 0:
		return UnknownPackage
	case span <= 0 || span > Longest:
		return BadTime
	}
	for _, p := range meant {
		b.levels[p].set(l, span)
	}
	return nil
}
