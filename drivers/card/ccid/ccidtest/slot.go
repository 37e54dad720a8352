package ccidtest

import (
	"encoding/binary"
	"slices"
)

// status is bStatus and bError of an answer (§6.2.6).
type status struct{ command, failure byte }

var fine = status{}

func fail(code byte) status { return status{0x40, code} }

// Messages from the reader.
const (
	dataBlock  = 0x80
	slotStatus = 0x81
	parameters = 0x82
)

// reply queues an answer to m.
func (d *Device) reply(kind byte, m []byte, st status, special byte, data []byte) {
	icc := byte(2)
	if n := int(m[5]); n < len(d.slots) {
		if s := d.slots[n]; s.contact != nil && s.powered {
			icc = 0
		} else if s.contact != nil {
			icc = 1
		}
	}
	b := []byte{kind, 0, 0, 0, 0, m[5], m[6], icc | st.command, st.failure, special}
	binary.LittleEndian.PutUint32(b[1:], uint32(len(data)))
	d.queue = append(d.queue, append(b, data...))
}

// kinds is which message answers which (§6, table 6.1-1); all others are answered with a slot's status.
func kindFor(m byte) byte {
	switch m {
	case 0x62, 0x6F, 0x69:
		return dataBlock
	case 0x6C, 0x6D, 0x61:
		return parameters
	}
	return slotStatus
}

// obey carries out one message (§6.1).
func (d *Device) obey(m []byte) {
	if int(m[5]) >= len(d.slots) {
		d.wrong("slot %d", m[5])
		d.reply(kindFor(m[0]), m, fail(5), 0, nil)
		return
	}
	s := d.slots[m[5]]
	switch {
	case s.pending != nil && m[0] != 0x72:
		d.wrong("message %02X while one is under way", m[0])
		d.reply(kindFor(m[0]), m, fail(0xE0), 0, nil)
		return
	case s.aborting >= 0 && m[0] != 0x72:
		d.reply(kindFor(m[0]), m, fail(0xFF), 0, nil)
		return
	}
	switch m[0] {
	case 0x62:
		d.powerOn(s, m)
	case 0x63:
		s.powered = false
		d.reply(slotStatus, m, fine, 1, nil)
	case 0x65:
		d.reply(slotStatus, m, fine, 0, nil)
	case 0x61:
		d.setParameters(s, m)
	case 0x6C, 0x6D:
		d.reply(parameters, m, fine, s.protocol, make([]byte, 5+2*int(s.protocol)))
	case 0x6F:
		d.transfer(s, m)
	case 0x69:
		d.secure(s, m)
	case 0x72:
		d.abort(s, m)
	default:
		d.wrong("message %02X", m[0])
		d.reply(slotStatus, m, fail(0), 0, nil)
	}
}

func (d *Device) powerOn(s *slot, m []byte) {
	if slices.Max(m[8:10]) != 0 || len(m) > 10 {
		d.wrong("reserved bytes of IccPowerOn are not 0")
	}
	volts := m[7]
	switch {
	case s.contact == nil:
		d.reply(dataBlock, m, fail(0xFE), 0, nil)
	case volts > 3 || volts == 0 && d.Features&AutoVoltage == 0 || volts > 0 && d.Voltages&(1<<(volts-1)) == 0:
		d.wrong("voltage %d", volts)
		d.reply(dataBlock, m, fail(7), 0, nil)
	case !d.power(s, volts):
		d.reply(dataBlock, m, fail(0xFE), 0, nil)
	default:
		d.reply(dataBlock, m, fine, 0, s.contact.ATR())
	}
}

// power gives a card power and resets it; false when it does not answer.
func (d *Device) power(s *slot, volts byte) bool {
	c := s.contact
	if c.Mute || volts > 0 && c.Voltage > 0 && volts != c.Voltage {
		s.powered = false
		return false
	}
	c.Reset()
	c.Chip.App = c.Process
	c.Chip.Reset()
	s.powered, s.fresh, s.gather, s.rest = true, true, nil, nil
	s.protocol, s.set = 0, d.Features&AutoParameters != 0 || d.Level != TPDU
	if s.set {
		s.protocol = c.T
	}
	if d.Features&AutoIFSD != 0 {
		c.Chip.Block(c.Chip.build(0xC1, []byte{254}))
	}
	return true
}

func (d *Device) setParameters(s *slot, m []byte) {
	data, protocol := m[10:], m[7]
	switch {
	case s.contact == nil:
		d.reply(parameters, m, fail(0xFE), 0, nil)
	case protocol == 0 && len(data) == 5, protocol == 1 && len(data) == 7 && data[1]&0xFC == 0x10 && data[5] > 0 && data[5] < 255 && data[6] == 0:
		s.protocol, s.set = protocol, true
		d.reply(parameters, m, fine, protocol, data)
	default:
		d.wrong("parameters % X of protocol %d", data, protocol)
		d.reply(parameters, m, fail(10), 0, nil)
	}
}

// transfer is PC_to_RDR_XfrBlock (§6.1.4).
func (d *Device) transfer(s *slot, m []byte) {
	level, data := binary.LittleEndian.Uint16(m[8:]), m[10:]
	if level != 0 && d.Level != ExtendedAPDU {
		d.wrong("wLevelParameter %04X", level)
	}
	if s.contact == nil || !s.powered {
		d.reply(dataBlock, m, fail(0xFE), 0, nil)
		return
	}
	for range d.Slow {
		d.reply(dataBlock, m, status{0x80, 1}, 0, nil)
	}
	if d.Level == ExtendedAPDU {
		d.chained(s, m, level, data)
		return
	}
	if answer := d.converse(s, data); answer != nil {
		d.reply(dataBlock, m, fine, 0, answer)
		return
	}
	d.reply(dataBlock, m, fail(0xFE), 0, nil)
}

// converse is what happens on the contacts; nil when the card is mute.
func (d *Device) converse(s *slot, data []byte) []byte {
	c, fresh := s.contact, s.fresh
	s.fresh = false
	switch {
	case d.Level != TPDU:
		if d.Level == ShortAPDU && len(data) > 5 && data[4] == 0 {
			d.wrong("an extended command")
			return nil
		}
		return c.Chip.App(data)
	case fresh && len(data) >= 3 && data[0] == 0xFF:
		return c.Chip.PPS(data, c.T)
	case !s.set || s.protocol != c.T:
		d.wrong("the parameters are not the card's")
		return nil
	case c.T == 1:
		return c.Chip.Block(data)
	}
	return c.Chip.TPDU(data)
}

// chained is an extended APDU in parts (§6.1.4, table of wLevelParameter; §6.2.1, bChainParameter).
func (d *Device) chained(s *slot, m []byte, level uint16, data []byte) {
	switch level {
	case 0, 1:
		if s.gather != nil {
			d.wrong("a command began within another")
		}
		s.gather = append([]byte{}, data...)
	case 2, 3:
		if s.gather == nil {
			d.wrong("a command was continued that had not begun")
		}
		s.gather = append(s.gather, data...)
	case 0x10:
		if s.rest == nil || len(data) > 0 {
			d.wrong("more of an answer was asked for")
		}
		d.portion(s, m, 3, 2)
		return
	default:
		d.wrong("wLevelParameter %04X", level)
	}
	if level == 1 || level == 3 {
		d.reply(dataBlock, m, fine, 0x10, nil)
		return
	}
	s.rest, s.gather = s.contact.Chip.App(s.gather), nil
	d.portion(s, m, 1, 0)
}

// portion sends as much of the rest as fits, marked with one byte when more follows and another when not.
func (d *Device) portion(s *slot, m []byte, more, last byte) {
	n, mark := len(s.rest), last
	if n > d.MaxMessage-10 {
		n, mark = d.MaxMessage-10, more
	}
	d.reply(dataBlock, m, fine, mark, s.rest[:n])
	if s.rest = s.rest[n:]; mark == last {
		s.rest = nil
	}
}

func (d *Device) abort(s *slot, m []byte) {
	if s.aborting != int(m[6]) {
		d.wrong("Abort with %d, the control pipe said %d", m[6], s.aborting)
		d.reply(slotStatus, m, fail(0xFF), 0, nil)
		return
	}
	s.aborting, s.pending, s.rest, s.gather = -1, nil, nil, nil
	d.queue, d.held = append(d.queue, d.held...), nil
	d.reply(slotStatus, m, fine, 0, nil)
}
