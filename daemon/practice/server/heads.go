package server

import (
	"slices"
	"sync"

	"honnin/config/protocol"
)

const maxHeads = 1 << 12 // kept of each terminal; the oldest go first

// heads remembers, for each terminal, the journal heads that came with its outcomes: positions rise, or the journal was
// cut, edited, or put back.
type heads struct {
	mu sync.Mutex
	of map[protocol.Terminal][]protocol.JournalHead
}

// note keeps a head and reports whether it extends what is known. Absent heads are passed over.
func (h *heads) note(t protocol.Terminal, n protocol.JournalHead) bool {
	if n == (protocol.JournalHead{}) {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.of[t]
	if len(known) > 0 && n.Position <= known[len(known)-1].Position {
		return false
	}
	if h.of == nil {
		h.of = map[protocol.Terminal][]protocol.JournalHead{}
	}
	if len(known) == maxHeads {
		known = slices.Delete(known, 0, maxHeads/2)
	}
	h.of[t] = append(known, n)
	return true
}

// last returns the highest head, or zero.
func (h *heads) last(t protocol.Terminal) (n protocol.JournalHead) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.of[t]; len(known) > 0 {
		n = known[len(known)-1]
	}
	return n
}

func (h *heads) forget(t protocol.Terminal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, t)
}

// Heads returns the journal heads that came with a terminal's outcomes, oldest first.
func (s *Server) Heads(t protocol.Terminal) []protocol.JournalHead {
	s.heads.mu.Lock()
	defer s.heads.mu.Unlock()
	return slices.Clone(s.heads.of[t])
}
