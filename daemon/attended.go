package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/terminal"
	"honnin/drivers/card"
)

// attended is a real reader at which a script stands for the person. A program cannot pull a card: where the
// applicant would take it back, it is powered down and counts as gone until the next visit, whether or not
// somebody really pulls it. Scripted practice only; at a terminal with a screen the card has to go.
type attended struct {
	terminal.Reader

	mu       sync.Mutex
	here     bool // a card lies there
	away     bool // and counts as taken
	said     bool // what the session was told last
	tell     func(present bool)
	lastCard protocol.Digest
}

// Watch follows the reader as the script would have it.
func (a *attended) Watch(ctx context.Context, notify func(present bool)) {
	a.mu.Lock()
	a.tell, a.said = notify, false
	a.mu.Unlock()
	notify(false)
	a.Reader.Watch(ctx, func(present bool) { a.change(func() { a.here = present }) })
}

func (a *attended) change(f func()) {
	a.mu.Lock()
	f()
	present := a.here && !a.away
	news := present != a.said && a.tell != nil
	a.said = present
	tell := a.tell
	a.mu.Unlock()
	if news {
		tell(present)
	}
}

func (a *attended) holder() protocol.Digest {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lastCard
}

// patience is how long a script waits for somebody to lay a card on the reader.
const patience = 2 * time.Minute

// place waits for a card, notes whose it is, and lets the session see it.
func (a *attended) place(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for said := false; ; said = true {
		if present, err := a.Present(ctx); err == nil && present {
			break
		}
		if !said {
			fmt.Fprintln(os.Stderr, "place a card on the reader")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no card on the reader: %w", ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
	conn, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	der, err := card.New(conn).Certificate(ctx)
	if err != nil {
		return err
	}
	a.change(func() { a.lastCard = protocol.Fingerprint(der) })
	return nil
}

// realHands are the script's hands at a real reader.
type realHands struct{ place *place }

func (h realHands) Place() error {
	a := h.place.attended
	if err := a.place(context.Background()); err != nil {
		return err
	}
	a.change(func() { a.away = false })
	return nil
}

func (h realHands) Pull() error {
	a := h.place.attended
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := powerDown(ctx, a.Reader)
	a.change(func() { a.away = true })
	return err
}

// Type asks whoever stands there: no program can press the keys of a reader.
func (h realHands) Type(context.Context, string) error {
	fmt.Fprintln(os.Stderr, "type the PIN at the reader")
	return nil
}

func (h realHands) TakePaper() { h.place.takePaper() }
