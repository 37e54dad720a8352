package redir

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// Port holds one device for one QEMU at a time. It is safe for concurrent use.
type Port struct {
	device   Device
	settings []setting

	mu      sync.Mutex
	link    *link // to QEMU, when there is one
	plugged bool  // what is wanted
	power   bool  // the device has had it since it was plugged
	unsaid  bool  // an unplug that QEMU has not confirmed
	session *session
}

// NewPort is a port with the device plugged in.
func NewPort(d Device) (*Port, error) {
	all, err := d.settings()
	if err != nil {
		return nil, err
	}
	return &Port{device: d, settings: all, plugged: true, power: true}, nil
}

// Serve lends a device to one QEMU until the stream or ctx ends.
func Serve(ctx context.Context, conn net.Conn, d Device) error {
	p, err := NewPort(d)
	if err != nil {
		return err
	}
	return p.Serve(ctx, conn)
}

// Listen serves one QEMU after the other until ctx ends: each device_add of QEMU's is a new one. It closes the listener.
func (p *Port) Listen(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := p.Serve(ctx, conn); errors.Is(err, errProtocol) {
			return err
		}
	}
}

// Serve speaks with one QEMU until the stream or ctx ends, and closes the stream. nil: QEMU has ended it.
func (p *Port) Serve(ctx context.Context, conn net.Conn) error {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	l := &link{conn: conn}
	if err := l.greet(); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	if err := p.attach(l); err != nil {
		return err
	}
	var running []*session
	defer func() {
		p.detach()
		for _, s := range running {
			s.wait.Wait()
		}
	}()
	for {
		k, id, head, data, err := l.receive()
		if ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if k == disconnectAck {
			err = p.confirmed()
		} else if s := p.current(); s != nil {
			if len(running) == 0 || running[len(running)-1] != s {
				running = append(running, s)
			}
			err = s.handle(k, id, head, data)
		}
		if err != nil {
			return err
		}
	}
}

func (p *Port) attach(l *link) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link != nil {
		return errors.New("redir: the port is in use")
	}
	p.link, p.unsaid = l, false
	return p.begin()
}

func (p *Port) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.link = nil
	p.stop()
}

func (p *Port) stop() {
	if p.session != nil {
		p.session.end()
		p.session = nil
	}
}

func (p *Port) current() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

// confirmed is QEMU's word that it knows of the last unplug.
func (p *Port) confirmed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unsaid = false
	return p.begin()
}

// Plug plugs the device in again, as one that has just got power. QEMU hears of it as soon as it has heard of the unplug.
func (p *Port) Plug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plugged = true
	return p.begin()
}

// Unplug takes it away. What runs on it ends unanswered.
func (p *Port) Unplug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unplug()
}

func (p *Port) unplug() error {
	p.plugged, p.power = false, false
	if p.session == nil {
		return nil
	}
	p.stop()
	p.unsaid = true
	return p.link.send(disconnect, 0)
}

// Plugged says whether it is plugged in; a device may unplug itself.
func (p *Port) Plugged() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plugged
}

// begin shows the device to QEMU where that is due.
func (p *Port) begin() error {
	if !p.plugged || p.link == nil || p.unsaid || p.session != nil {
		return nil
	}
	if !p.power {
		p.device.Plug()
		p.power = true
	}
	p.session = newSession(p)
	d := p.device.Descriptor
	return errors.Join(p.session.describe(), p.link.send(connect, 0, []byte{speed(p.settings)}, d[4:7], d[8:14]))
}

// say sends what a session says, unless it is over.
func (p *Port) say(s *session, k kind, id uint64, parts ...[]byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != s {
		return nil
	}
	return p.link.send(k, id, parts...)
}

// gone is a device that has unplugged itself.
func (p *Port) gone(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == s {
		_ = p.unplug()
	}
}
