package terminal

import (
	"sync"
	"time"
)

// ReaderSeen is what was seen of the card reader since the process began.
type ReaderSeen struct {
	Faults uint64    // times that something was wrong with it that was not before
	Last   time.Time // the last of them; zero: none
	Card   *bool     // whether a card lies on it, as it said last; nil: it is in trouble, or said nothing yet
	Rate   int       // bit/s between reader and the last card; 0: not known
}

// readerSeen keeps it. Nil keeps nothing.
type readerSeen struct {
	now func() time.Time

	mu sync.Mutex
	is ReaderSeen
}

func (s *readerSeen) note(f func(*ReaderSeen)) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.is)
}

func (s *readerSeen) fault() {
	s.note(func(r *ReaderSeen) { r.Faults, r.Last, r.Card = r.Faults+1, s.now(), nil })
}

// card notes what the reader said; err is why it may not be believed.
func (s *readerSeen) card(present bool, err error) {
	s.note(func(r *ReaderSeen) {
		if r.Card = &present; err != nil {
			r.Card = nil
		}
	})
}

// line notes a connection to a card.
func (s *readerSeen) line(conn any) {
	if l, ok := conn.(interface{ Rate() int }); ok {
		s.note(func(r *ReaderSeen) { r.Rate = l.Rate() })
	}
}

func (s *readerSeen) seen() (is ReaderSeen) {
	s.note(func(r *ReaderSeen) { is = *r })
	return is
}
