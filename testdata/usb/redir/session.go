package redir

import (
	"context"
	"errors"
	"sync"
)

// session is one plug of a device, until its unplug or the end of the stream.
type session struct {
	port *Port
	life context.Context
	end  context.CancelFunc
	wait sync.WaitGroup

	mu         sync.Mutex
	config     byte
	alternates map[byte]byte
	halted     map[byte]bool
	pipes      map[byte]*pipe
	jobs       map[uint64]context.CancelFunc // transfers by their packet's id
	streams    map[byte]context.CancelFunc   // interrupt endpoints that are listened to
}

// atOnce is how many transfers may wait on one endpoint: far more than Linux ever has in flight.
const atOnce = 1024

func newSession(p *Port) *session {
	s := &session{port: p, alternates: map[byte]byte{}, halted: map[byte]bool{}, pipes: map[byte]*pipe{},
		jobs: map[uint64]context.CancelFunc{}, streams: map[byte]context.CancelFunc{}}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// chosen is the settings that are selected.
func (s *session) chosen() (all []setting) {
	for _, t := range s.port.settings {
		if s.alternates[t.iface] == t.alternate {
			all = append(all, t)
		}
	}
	return all
}

// endpoint finds an endpoint of the selected settings.
func (s *session) endpoint(address byte) (endpoint, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.chosen() {
		for _, e := range t.endpoints {
			if e.address == address {
				return e, true
			}
		}
	}
	return endpoint{}, false
}

// describe says which interfaces and endpoints are selected. The endpoints come first, so that QEMU knows them when it
// looks at the interfaces. Its port's lock is held.
func (s *session) describe() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	const none = 255
	faces, points := make([]byte, 4+4*32), make([]byte, 5*32)
	for i := range 32 {
		points[i] = none
	}
	for _, control := range []int{0, 16} {
		points[control] = 0
		le.PutUint16(points[96+2*control:], uint16(s.port.device.Descriptor[7]))
	}
	for n, t := range s.chosen() {
		if n == 32 {
			break
		}
		le.PutUint32(faces, uint32(n+1))
		faces[4+n], faces[36+n], faces[68+n], faces[100+n] = t.iface, t.class, t.subclass, t.protocol
		for _, e := range t.endpoints {
			i := int(e.address&0x0f) | int(e.address&0x80)>>3
			points[i], points[32+i], points[64+i] = e.kind, e.interval, t.iface
			le.PutUint16(points[96+2*i:], e.packet)
		}
	}
	return errors.Join(s.port.link.send(endpointInfo, 0, points), s.port.link.send(interfaceInfo, 0, faces))
}

// say sends a packet that belongs to this plug.
func (s *session) say(k kind, id uint64, parts ...[]byte) error {
	return s.port.say(s, k, id, parts...)
}

// handle carries out a packet, or begins to.
func (s *session) handle(k kind, id uint64, head, data []byte) error {
	switch k {
	case reset:
		s.choose(0)
		s.port.device.Reset()
		s.empty(s.port.settings...)
	case setConfig:
		return s.setConfig(id, head[0])
	case getConfig:
		return s.say(configStatus, id, []byte{byte(success), s.config})
	case setAlternate:
		return s.setAlternate(id, head[0], head[1])
	case getAlternate:
		return s.say(alternateStatus, id, []byte{byte(success), head[0], s.alternates[head[0]]})
	case startInterrupt:
		return s.startInterrupt(id, head[0])
	case stopInterrupt:
		s.stopInterrupt(head[0])
		return s.say(interruptStatus, id, []byte{byte(success), head[0]})
	case cancelData:
		return s.cancel(id)
	case controlData:
		return s.control(id, head, data)
	case bulkData:
		return s.bulk(id, head, data)
	case filterReject:
		return errors.New("redir: QEMU's filter does not let the device in")
	}
	return nil
}

// choose is a configuration, with each interface in setting 0.
func (s *session) choose(config byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = config
	clear(s.alternates)
	clear(s.halted)
}

func (s *session) setConfig(id uint64, config byte) error {
	if config != 0 && config != s.port.device.Configuration[5] {
		return s.say(configStatus, id, []byte{byte(stalled), s.config})
	}
	s.choose(config)
	for _, t := range s.chosen() {
		s.port.device.Select(int(t.iface), 0)
	}
	s.empty(s.port.settings...)
	return s.now(configStatus, id, []byte{byte(success), config})
}

func (s *session) setAlternate(id uint64, iface, alternate byte) error {
	for _, t := range s.port.settings {
		if t.iface == iface && t.alternate == alternate {
			s.mu.Lock()
			s.alternates[iface] = alternate
			for _, e := range t.endpoints {
				delete(s.halted, e.address)
			}
			s.mu.Unlock()
			s.port.device.Select(int(iface), int(alternate))
			s.empty(t)
			return s.now(alternateStatus, id, []byte{byte(success), iface, alternate})
		}
	}
	return s.say(alternateStatus, id, []byte{byte(stalled), iface, s.alternates[iface]})
}

// now describes what is selected now, and then says so.
func (s *session) now(k kind, id uint64, body []byte) error {
	s.port.mu.Lock()
	defer s.port.mu.Unlock()
	if s.port.session != s {
		return nil
	}
	return errors.Join(s.describe(), s.port.link.send(k, id, body))
}

// empty has pipes begin anew.
func (s *session) empty(all ...setting) {
	for _, t := range all {
		for _, e := range t.endpoints {
			if e.address&0x80 != 0 {
				_ = s.pipe(e.address).do(func(p *pipe) { p.waiting, p.last = nil, nil })
			}
		}
	}
}

// pipe is an endpoint's.
func (s *session) pipe(address byte) *pipe {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pipes[address]
	if p == nil {
		p = &pipe{session: s, address: address, work: make(chan func(*pipe), atOnce)}
		s.pipes[address] = p
		s.wait.Go(p.run)
	}
	return p
}

// begin is a transfer's context; done ends and forgets it, before the answer frees its id.
func (s *session) begin(id uint64) (ctx context.Context, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs[id] != nil {
		return nil, nil, wrong("two transfers with one id")
	}
	ctx, cancel := context.WithCancel(s.life)
	s.jobs[id] = cancel
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.jobs, id)
	}, nil
}

// cancel ends a transfer. If it is answered all the same the answer is lost to the cancellation: its packets are put back.
func (s *session) cancel(id uint64) error {
	s.mu.Lock()
	stop := s.jobs[id]
	var pipes []*pipe
	for address, p := range s.pipes {
		if address&0x80 != 0 {
			pipes = append(pipes, p)
		}
	}
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	for _, p := range pipes {
		if err := p.do(func(p *pipe) { p.putBack(id) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) startInterrupt(id uint64, address byte) error {
	e, ok := s.endpoint(address)
	if !ok || e.kind != interrupt || address&0x80 == 0 {
		return s.say(interruptStatus, id, []byte{byte(invalid), address})
	}
	s.stopInterrupt(address)
	ctx, cancel := context.WithCancel(s.life)
	s.mu.Lock()
	s.streams[address] = cancel
	s.mu.Unlock()
	if err := s.say(interruptStatus, id, []byte{byte(success), address}); err != nil {
		return err
	}
	return s.pipe(address).do(func(p *pipe) { p.stream(ctx, e) })
}

func (s *session) stopInterrupt(address byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.streams[address]; cancel != nil {
		cancel()
		delete(s.streams, address)
	}
}

func (s *session) bulk(id uint64, head, data []byte) error {
	e, ok := s.endpoint(head[0])
	if !ok || e.kind != bulk {
		return s.say(bulkData, id, bulkReply(head, invalid, 0))
	}
	ctx, done, err := s.begin(id)
	if err != nil {
		return err
	}
	return s.pipe(e.address).do(func(p *pipe) {
		if e.address&0x80 == 0 {
			n, err := p.write(ctx, data)
			is := s.word(ctx, e.address, err)
			done()
			s.answer(bulkData, id, err, bulkReply(head, is, n), nil)
			return
		}
		said, err := p.read(ctx, id, e, bulkLength(head))
		is := s.word(ctx, e.address, err)
		done()
		s.answer(bulkData, id, err, bulkReply(head, is, len(said)), said)
	})
}

// answer is a data packet's.
func (s *session) answer(k kind, id uint64, err error, head, data []byte) {
	if errors.Is(err, ErrGone) {
		s.port.gone(s)
		return
	}
	_ = s.say(k, id, head, data) // a broken stream is seen where it is read
}

// word is the status for an error.
func (s *session) word(ctx context.Context, address byte, err error) status {
	switch {
	case err == nil:
		return success
	case errors.Is(err, ErrStall):
		s.mu.Lock()
		defer s.mu.Unlock()
		s.halted[address] = address&0x0f != 0
		return stalled
	case errors.Is(err, errBabble):
		return babble
	case ctx.Err() != nil:
		return cancelled
	}
	return ioError
}
