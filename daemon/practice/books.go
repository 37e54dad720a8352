package practice

import (
	"sync"

	"honnin/config/protocol"
)

// maxBooks is how many documents the books remember.
const maxBooks = 1 << 16

// Paper is the ground truth about one document, which no terminal can ask.
type Paper struct {
	Of         string // whose records are on the pages: ids in their order, joined by "+" where pages are mixed
	Superseded bool   // what was drawn was no longer in force when it was signed, or when the register was asked
}

// Wrong reports whether a document must not be handed to an applicant: another's, partly another's, or superseded.
func (p Paper) Wrong(applicant string) bool { return p.Of != applicant || p.Superseded }

// books say whose record was drawn for which document.
type books struct {
	mu     sync.Mutex
	papers map[protocol.Digest]Paper
	oldest []protocol.Digest
}

func (b *books) enter(d protocol.Digest, p Paper) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.papers == nil {
		b.papers = map[protocol.Digest]Paper{}
	}
	b.papers[d] = p
	if b.oldest = append(b.oldest, d); len(b.oldest) > maxBooks {
		delete(b.papers, b.oldest[0])
		b.oldest = b.oldest[1:]
	}
}

func (b *books) supersede(d protocol.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.papers[d]; ok {
		p.Superseded = true
		b.papers[d] = p
	}
}

func (b *books) read(d protocol.Digest) (Paper, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.papers[d]
	return p, ok
}

// Truth returns the truth about a document, by the SHA-256 of its PDF. The last 65,536 documents are remembered.
func (w *World) Truth(d protocol.Digest) (Paper, bool) { return w.books.read(d) }

// PaperOf returns whose record a document was drawn from: Truth's Of.
func (w *World) PaperOf(d protocol.Digest) (id string, ok bool) {
	p, ok := w.books.read(d)
	return p.Of, ok
}
