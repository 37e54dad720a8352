package ccidtest

import "context"

// secure is PC_to_RDR_Secure with PIN verification (§6.1.11): it waits for fingers.
func (d *Device) secure(s *slot, m []byte) {
	b := m[10:]
	switch {
	case !d.Pad:
		d.wrong("no keys here")
		d.reply(dataBlock, m, fail(0), 0, nil)
		return
	case len(b) < 15+5 || b[0] != 0:
		d.wrong("a PIN operation of %d bytes", len(b))
		d.reply(dataBlock, m, fail(10), 0, nil)
		return
	case b[2] != 0x82 || b[3] != 0x04 || b[4] != 0 || b[5] != 4 || b[6] != 4 || b[7]&^7 != 0 || b[7] == 0:
		d.wrong("a PIN format % X", b[1:12])
		d.reply(dataBlock, m, fail(10), 0, nil)
		return
	case s.contact == nil || !s.powered:
		d.reply(dataBlock, m, fail(0xFE), 0, nil)
		return
	}
	s.pending = append([]byte(nil), m...)
}

// AwaitPad waits until somebody is to type.
func (d *Device) AwaitPad(ctx context.Context) error {
	for {
		d.mu.Lock()
		waits, changed := d.waiting() != nil, d.changed
		d.mu.Unlock()
		if waits {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Device) waiting() *slot {
	for _, s := range d.slots {
		if s.pending != nil {
			return s
		}
	}
	return nil
}

// Type is a PIN and the green key; false when nobody asked for one, or it is not of the length asked for.
func (d *Device) Type(pin string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.waiting()
	if s == nil || len(pin) != 4 {
		return false
	}
	head, apdu := s.pending[22:25], append([]byte(nil), s.pending[25:]...)
	if len(apdu) != 9 || apdu[4] != 4 {
		d.wrong("a VERIFY of %d bytes", len(apdu))
		return false
	}
	copy(apdu[5:], pin)
	if d.Level != TPDU || s.contact.T != 1 {
		d.finish(s, fine, d.converse(s, apdu))
		return true
	}
	if int(head[2]) != len(apdu) {
		d.wrong("a prologue % X", head)
	}
	block := append(append([]byte(nil), head...), apdu...)
	if s.contact.Chip.CRC {
		h, l := remainder(block)
		block = append(block, h, l)
	} else {
		x := byte(0)
		for _, v := range block {
			x ^= v
		}
		block = append(block, x)
	}
	d.finish(s, fine, d.converse(s, block))
	return true
}

// Cancel is the red key.
func (d *Device) Cancel() bool { return d.giveUp(0xEF) }

// TimeOut is nobody typing.
func (d *Device) TimeOut() bool { return d.giveUp(0xF0) }

func (d *Device) giveUp(code byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.waiting()
	if s == nil {
		return false
	}
	d.finish(s, fail(code), nil)
	return true
}

// finish answers the Secure that waited.
func (d *Device) finish(s *slot, st status, answer []byte) {
	m := s.pending
	s.pending = nil
	if answer == nil && st == fine {
		st = fail(0xFE)
	}
	d.reply(dataBlock, m, st, 0, answer)
	d.stir()
}
