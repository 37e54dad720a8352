package usb

import (
	"encoding/binary"
	"fmt"
)

// Descriptor types (USB 2.0 table 9-5).
const (
	typeDevice        = 1
	typeConfiguration = 2
	typeInterface     = 4
	typeEndpoint      = 5
)

// Configuration is one parsed configuration descriptor.
type Configuration struct {
	Value    uint8 // bConfigurationValue
	Settings []Setting
}

// ParseConfiguration reads a configuration descriptor and all that follows it, wTotalLength bytes (USB 2.0 §9.6.3).
// A length that does not fit is [ErrDescriptor]. Of two settings with the same numbers the first counts.
func ParseConfiguration(raw []byte) (Configuration, error) {
	if len(raw) < 9 || raw[0] < 9 || raw[1] != typeConfiguration {
		return Configuration{}, fmt.Errorf("%w: no configuration descriptor", ErrDescriptor)
	}
	total := int(binary.LittleEndian.Uint16(raw[2:]))
	if total > len(raw) || total < int(raw[0]) {
		return Configuration{}, fmt.Errorf("%w: a configuration of %d bytes, of which %d are there", ErrDescriptor, total, len(raw))
	}
	p := parser{seen: map[[2]int]bool{}}
	err := walk(raw[raw[0]:total], p.add)
	if err == nil {
		p.finish()
	}
	return Configuration{Value: raw[5], Settings: p.settings}, err
}

// walk calls f with each descriptor of a row.
func walk(raw []byte, f func(d []byte) error) error {
	for len(raw) > 0 {
		if len(raw) < 2 || raw[0] < 2 || int(raw[0]) > len(raw) {
			return fmt.Errorf("%w: a descriptor's length does not fit", ErrDescriptor)
		}
		n := int(raw[0])
		if err := f(raw[:n:n]); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}

type parser struct {
	settings []Setting
	current  *Setting
	seen     map[[2]int]bool
}

func (p *parser) add(d []byte) error {
	switch d[1] {
	case typeInterface:
		p.finish()
		return p.begin(d)
	case typeEndpoint:
		return p.endpoint(d)
	}
	p.extra(d)
	return nil
}

func (p *parser) begin(d []byte) error {
	if len(d) < 9 {
		return fmt.Errorf("%w: a short interface descriptor", ErrDescriptor)
	}
	p.current = &Setting{Interface: int(d[2]), Alternate: int(d[3]), Class: d[5], SubClass: d[6], Protocol: d[7]}
	return nil
}

func (p *parser) endpoint(d []byte) error {
	if len(d) < 7 || p.current == nil {
		return fmt.Errorf("%w: an endpoint that is short or belongs nowhere", ErrDescriptor)
	}
	p.current.Endpoints = append(p.current.Endpoints, Endpoint{
		Address:   d[2],
		Kind:      Kind(d[3] & 3),
		MaxPacket: int(binary.LittleEndian.Uint16(d[4:]) & 0x7ff), // §9.6.6: the other bits are for isochronous pipes
		Interval:  d[6],
	})
	return nil
}

// extra keeps any other descriptor with what it follows.
func (p *parser) extra(d []byte) {
	switch {
	case p.current == nil:
	case len(p.current.Endpoints) > 0:
		e := &p.current.Endpoints[len(p.current.Endpoints)-1]
		e.Extra = append(e.Extra, d...)
	default:
		p.current.Extra = append(p.current.Extra, d...)
	}
}

func (p *parser) finish() {
	if p.current == nil {
		return
	}
	if key := [2]int{p.current.Interface, p.current.Alternate}; !p.seen[key] {
		p.seen[key] = true
		p.settings = append(p.settings, *p.current)
	}
	p.current = nil
}

// find is the first descriptor of a type in a row of them.
func find(row []byte, kind uint8) (found []byte, ok bool) {
	_ = walk(row, func(d []byte) error { // the row was walked before
		if !ok && d[1] == kind {
			found, ok = d, true
		}
		return nil
	})
	return found, ok
}
