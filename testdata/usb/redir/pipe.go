package redir

import (
	"context"
	"errors"
)

var errBabble = errors.New("redir: the device says more than is asked for")

// pipe is one endpoint: its work is done in order, by one goroutine.
type pipe struct {
	session *session
	address byte
	work    chan func(*pipe)

	waiting [][]byte // packets that were said and not taken
	last    [][]byte // packets of the last answer that had any
	lastID  uint64
}

func (p *pipe) run() {
	for {
		select {
		case f := <-p.work:
			f(p)
		case <-p.session.life.Done():
			return
		}
	}
}

// do adds work. It never waits, so that a cancellation can always be read.
func (p *pipe) do(f func(*pipe)) error {
	select {
	case p.work <- f:
		return nil
	default:
		return wrong("more than %d transfers at once", atOnce)
	}
}

// write is a transfer to the device.
func (p *pipe) write(ctx context.Context, data []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return p.session.port.device.Out(ctx, p.address, data)
}

// read takes packets until one is short or nothing more is wanted.
func (p *pipe) read(ctx context.Context, id uint64, e endpoint, want int) (said []byte, err error) {
	var taken [][]byte
	for {
		packet, err := p.packet(ctx, e)
		if err == nil {
			taken = append(taken, packet)
			p.last, p.lastID = taken, id
		}
		switch room := want - len(said); {
		case err != nil && ctx.Err() != nil:
			p.putBack(id)
			return nil, err
		case err != nil:
			return said, err
		case len(packet) > room:
			return append(said, packet[:room]...), errBabble
		}
		said = append(said, packet...)
		if len(packet) < int(e.packet) || len(said) == want {
			return said, nil
		}
	}
}

// putBack undoes the last answer with packets, if it was that one.
func (p *pipe) putBack(id uint64) {
	if p.lastID == id {
		p.waiting, p.last = append(p.last, p.waiting...), nil
	}
}

// packet is the next one.
func (p *pipe) packet(ctx context.Context, e endpoint) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(p.waiting) == 0 {
		said, err := p.session.port.device.In(ctx, p.address)
		if err != nil {
			return nil, err
		}
		p.waiting = cut(said, int(e.packet), e.kind == bulk && !p.session.port.device.NoEmpty)
	}
	first := p.waiting[0]
	p.waiting = p.waiting[1:]
	return first, nil
}

// stream sends what an interrupt endpoint says as soon as it is said, until ctx ends or the endpoint stalls.
func (p *pipe) stream(ctx context.Context, e endpoint) {
	s := p.session
	for {
		packet, err := p.packet(ctx, e)
		switch {
		case ctx.Err() != nil:
			if err == nil {
				p.waiting = append([][]byte{packet}, p.waiting...)
			}
			return
		case err != nil:
			s.answer(interruptStatus, 0, err, []byte{byte(s.word(ctx, p.address, err)), p.address}, nil)
			return
		}
		s.answer(interruptData, 0, nil, []byte{p.address, byte(success), byte(len(packet)), byte(len(packet) >> 8)}, packet)
	}
}
