package redir

import "context"

// control is a transfer on endpoint 0.
func (s *session) control(id uint64, head, data []byte) error {
	if head[0]&0x0f != 0 {
		return s.say(controlData, id, controlReply(head, invalid, 0))
	}
	ctx, done, err := s.begin(id)
	if err != nil {
		return err
	}
	r := Setup{Type: head[2], Request: head[1], Value: le.Uint16(head[4:]), Index: le.Uint16(head[6:]), Length: le.Uint16(head[8:])}
	return s.pipe(0).do(func(*pipe) {
		if r.Type&0x80 != 0 {
			data = make([]byte, r.Length)
		}
		n, err := s.request(ctx, r, data)
		is := s.word(ctx, 0, err)
		done()
		switch {
		case r.Type&0x80 != 0:
			data = data[:n]
		case err == nil:
			n, data = len(data), nil
		}
		s.answer(controlData, id, err, controlReply(head, is, n), data)
	})
}

// request carries out a request: those of the standard (USB 2.0 §9.4) here, but for what QEMU has packets for.
func (s *session) request(ctx context.Context, r Setup, data []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if r.Type&0x60 != 0 {
		return s.port.device.Control(ctx, r, data)
	}
	switch [2]uint8{r.Type, r.Request} {
	case [2]uint8{0x80, 0x06}:
		d, ok := s.port.device.descriptor(r.Value)
		if !ok {
			return 0, ErrStall
		}
		return copy(data, d), nil
	case [2]uint8{0x80, 0x00}, [2]uint8{0x81, 0x00}: // GET_STATUS: on the bus's power, no remote wake-up
		return copy(data, []byte{0, 0}), nil
	case [2]uint8{0x82, 0x00}:
		return copy(data, []byte{s.isHalted(byte(r.Index)), 0}), nil
	case [2]uint8{0x02, 0x01}: // CLEAR_FEATURE, ENDPOINT_HALT
		return 0, s.clearHalt(r)
	}
	return 0, ErrStall
}

func (s *session) isHalted(address byte) byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halted[address] {
		return 1
	}
	return 0
}

func (s *session) clearHalt(r Setup) error {
	address := byte(r.Index)
	if _, ok := s.endpoint(address); !ok || r.Value != 0 {
		return ErrStall
	}
	s.mu.Lock()
	delete(s.halted, address)
	s.mu.Unlock()
	return s.port.device.ClearHalt(address)
}

// descriptor answers GET_DESCRIPTOR. A device qualifier and a BOS there is not (§9.6.2; USB 2.0 devices need none).
func (d Device) descriptor(value uint16) ([]byte, bool) {
	index := int(value & 0xff)
	switch value >> 8 {
	case 1:
		return d.Descriptor, true
	case 2:
		return d.Configuration, index == 0
	case 3:
		if index == 0 {
			return []byte{4, 3, 0x09, 0x04}, true
		}
		if index > len(d.Strings) {
			return nil, false
		}
		b := []byte{0, 3}
		for _, r := range d.Strings[index-1] {
			b = le.AppendUint16(b, uint16(r))
		}
		b[0] = byte(len(b))
		return b, true
	}
	return nil, false
}
