package file

import (
	"context"
	"time"

	"honnin/drivers/printer"
)

// state is the paper path as its sensors see it.
type state struct {
	jammed bool
	empty  bool // no paper in the input tray
	armed  bool // jams when after sheets of a document are out
	after  int
	tray   int // page sides in the output tray

	changed chan struct{} // closed at the next change; nil before the first
}

// Jam jams the paper path now: a document in print stops before its next sheet.
func (p *Printer) Jam() { p.change(func(s *state) { s.jammed = true }) }

// JamAfter makes the next document jam when n of its sheets are out; 0 is the jam in the fuser.
func (p *Printer) JamAfter(n int) { p.change(func(s *state) { s.armed, s.after = true, n }) }

// PaperOut empties the input tray.
func (p *Printer) PaperOut() { p.change(func(s *state) { s.empty = true }) }

// Clear is what staff do: take out what is jammed, load paper, close the covers. The output tray stays as it is.
func (p *Printer) Clear() {
	p.change(func(s *state) { s.jammed, s.empty, s.armed = false, false, false })
}

// TakePaper takes everything out of the output tray.
func (p *Printer) TakePaper() { p.change(func(s *state) { s.tray = 0 }) }

// Paper reports whether paper lies in the output tray: a multi-copy machine has a sensor there. A driver whose
// device has none does not have this method, and whoever needs to know asks a person.
func (p *Printer) Paper(ctx context.Context) (present bool, err error) {
	p.look(func(s *state) { present = s.tray > 0 })
	return present, ctx.Err()
}

// InTray returns how many page sides lie in the output tray.
func (p *Printer) InTray() (n int) {
	p.look(func(s *state) { n = s.tray })
	return n
}

// Taken waits until no paper lies in the output tray: nil, or why ctx ended.
func (p *Printer) Taken(ctx context.Context) error {
	for {
		var present bool
		var changed <-chan struct{}
		p.look(func(s *state) { present, changed = s.tray > 0, s.changed })
		if !present {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *Printer) look(f func(*state)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.state)
}

// change does something to the device and wakes whoever waits for a change.
func (p *Printer) change(f func(*state)) {
	p.look(func(s *state) {
		f(s)
		if s.changed != nil {
			close(s.changed)
		}
		s.changed = make(chan struct{})
	})
}

func (p *Printer) trouble() (why string) {
	p.look(func(s *state) { why = s.trouble() })
	return why
}

func (s *state) trouble() string {
	switch {
	case s.jammed:
		return printer.MediaJam
	case s.empty:
		return printer.MediaNeeded
	}
	return ""
}

// feed moves one page side through the path, out having gone before it, and returns what stopped it.
func (p *Printer) feed(ctx context.Context, out int) (why string) {
	if !pause(ctx, p.options.PerImpression) {
		return printer.Canceled
	}
	p.change(func(s *state) {
		if s.armed && out >= s.after {
			s.armed, s.jammed = false, true
		}
		if why = s.trouble(); why == "" {
			s.tray++
		}
	})
	return why
}

// pause reports whether d went by before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
