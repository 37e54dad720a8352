package session

import (
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/document"
)

// custody is what one transaction has to give back. Each thing is written down by the goroutine that took it, the
// moment it was taken; whoever ends the transaction needs to know nothing else.
//
// It is alive, then dying (the state was left: nothing may be added that is merely to be used, but what is to be
// settled still counts), then closed (somebody has the list and settles it; whoever comes later settles his own).
type custody struct {
	mu     sync.Mutex
	dying  bool
	closed bool
	list   holdings
	spent  Spent
}

// holdings is the list. The zero value is nothing.
type holdings struct {
	card      Card
	pkg       []byte
	verified  bool
	doc       document.Verified
	signed    bool
	signature document.ReleaseSignature
	refusal   *document.Refusal

	visit       uint64 // the journal opened this visit
	begun       bool   // the centre knows the transaction
	transaction protocol.Transaction
	accepted    bool // the queue knows, or may know, the document
	asked       bool // the payment was asked to hold the fee
	sending     bool // the intent is, or may be, journalled
	result      *spool.Result
	out         bool   // at a counter: every sheet is out, and this is no outcome yet
	staff       string // who read it; what they found is the refusal, or there is none
}

// without is the list but for the package.
func (l holdings) without() holdings {
	l.pkg = nil
	return l
}

// take adds something to be used. False: it is too late, and the caller must destroy it.
func (c *custody) take(add func(*holdings)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dying || c.closed {
		return false
	}
	add(&c.list)
	return true
}

// owe adds something to be settled. False: it is too late, and the caller must settle it.
func (c *custody) owe(add func(*holdings)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	add(&c.list)
	return true
}

// die ends taking.
func (c *custody) die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dying = true
}

// close hands the list over, once.
func (c *custody) close() (holdings, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return holdings{}, false
	}
	c.dying, c.closed = true, true
	l := c.list
	c.list = holdings{visit: l.visit, transaction: l.transaction}
	return l, true
}

// look returns a copy of the list as it is now.
func (c *custody) look() holdings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}

// onReader returns the card. It is gone where the transaction was ended before its work came to begin.
func (c *custody) onReader() (Card, error) {
	if card := c.look().card; card != nil {
		return card, nil
	}
	return nil, ErrCardGone
}

// resetCard closes the card while it still lies on the reader.
func (c *custody) resetCard() {
	c.mu.Lock()
	card := c.list.card
	c.list.card = nil
	c.mu.Unlock()
	if card != nil {
		_ = card.Close() // a card that cannot be reset has left the reader, and lost its power with it
	}
}

// timed starts a clock for one part's machine time; the returned function stops it.
func (c *custody) timed(part func(*Spent) *time.Duration) func() {
	begin := time.Now()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		*part(&c.spent) += time.Since(begin)
	}
}

func (c *custody) times() Spent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spent
}

func byCard(s *Spent) *time.Duration     { return &s.Card }
func byCentre(s *Spent) *time.Duration   { return &s.Centre }
func byVerify(s *Spent) *time.Duration   { return &s.Verify }
func byRegister(s *Spent) *time.Duration { return &s.Register }
func byJournal(s *Spent) *time.Duration  { return &s.Journal }
func byPayment(s *Spent) *time.Duration  { return &s.Payment }
func byPrint(s *Spent) *time.Duration    { return &s.Print }
