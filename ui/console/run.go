package console

import (
	"context"
	"errors"
	"time"
)

// begun is a command that is being done.
type begun struct {
	s    *session
	ctx  context.Context
	stop context.CancelCauseFunc
}

// begin lets the end of the line, a technician who has left and, while the terminal works, Ctrl-C end a command. Whoever
// begins one stops it at last.
func (s *session) begin(c Call, a *Answer) *begun {
	ctx, stop := context.WithCancelCause(context.Background())
	b := &begun{s, ctx, stop}
	if s.who.Role != Nobody {
		go b.watch()
	}
	p := &pager{s: s, ctx: ctx, flows: c.JSON || c.Has("follow") || c.Has("test-card")}
	a.print, a.wire = p.print, b.transfer
	if s.o.Screen {
		a.wire = nil
	}
	return b
}

// work lets the terminal do a command.
func (b *begun) work(c Call, a *Answer) error {
	b.become(running)
	if c.Has("test-card") { // it has limits of its own, and who makes it stands at the reader
		b.s.wire.moving()
	}
	return b.s.o.Machine.Do(b.ctx, b.s.who, c, a)
}

func (b *begun) become(m mode) { b.s.wire.become(m, func() { b.stop(errCancel) }) }

// watch ends the command when nobody has done anything for too long.
func (b *begun) watch() {
	for left := b.s.o.Idle - b.s.wire.idle(); left > 0; left = b.s.o.Idle - b.s.wire.idle() {
		select {
		case <-time.After(left):
		case <-b.ctx.Done():
			return
		}
	}
	b.stop(errQuiet)
}

// end lets the session read again. It returns whether something that came meanwhile was thrown away.
func (b *begun) end() (lost bool) { return b.s.wire.become(waiting, nil) }

// transfer gives the line away for a file. What comes right behind it is thrown away: the other program's last words.
func (b *begun) transfer(ctx context.Context, do func(context.Context, Wire) error) error {
	b.become(raw)
	err := do(ctx, b.s.wire)
	_, rest := b.s.wire.forget(quietTime, loudTime)
	b.become(running)
	switch {
	case rest == errLoud:
		return errNoise
	case err == nil:
		return rest
	}
	return err
}

// pager writes lines, and stops after each screenful until a key is pressed.
type pager struct {
	s     *session
	ctx   context.Context
	flows bool // without stops: for programs, and for who waits for what comes
	used  int  // rows since the last stop
}

func (p *pager) print(line string) error {
	sc := p.s.screen
	rows := 1 + max(0, columns(line)-1)/sc.columns
	if sc.paged && !p.flows && p.used > 0 && p.used+rows > sc.rows-1 {
		if err := p.more(); err != nil {
			return err
		}
	}
	if err := sc.write(line + "\r\n"); err != nil {
		return err
	}
	p.used += rows
	return nil
}

// more waits for a key: space for a page, Enter for a line, q for the end. Any other is not looked at.
func (p *pager) more() error {
	sc := p.s.screen
	if err := sc.write(moreLine); err != nil {
		return err
	}
	page, err := p.ask()
	if wiped := sc.write("\r" + sc.blank(len(moreLine)) + "\r"); wiped != nil {
		return wiped
	}
	if p.used = 0; !page {
		p.used = sc.rows - 2
	}
	return err
}

func (p *pager) ask() (page bool, err error) {
	for {
		k, err := p.s.keyboard.next(p.ctx, 0)
		switch {
		case errors.Is(err, context.Canceled):
			return false, errQuit
		case err != nil:
			return false, err
		case k.act == brk:
			return false, errBreak
		case k.act == noise:
			return false, errNoise
		case k.act == cancel || k.r == 'q' || k.r == 'Q':
			return false, errQuit
		case k.act == enter || k.r == ' ':
			p.s.wire.stir()
			return k.r == ' ', nil
		}
	}
}
