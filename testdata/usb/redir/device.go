package redir

import (
	"context"
	"errors"
	"fmt"
)

// What a transfer can come to, besides well.
var (
	ErrStall = errors.New("redir: stall")
	ErrGone  = errors.New("redir: unplugged") // the device has unplugged itself
)

// Setup is a control request (USB 2.0 §9.3).
type Setup struct {
	Type, Request        uint8
	Value, Index, Length uint16
}

// Model is the inside of a device. Its methods are called beside each other, but those of one endpoint one at a time. A
// context ends when the transfer is cancelled or the device unplugged.
type Model interface {
	// Control carries out a request of a class or maker: it takes data, or fills it when bit 7 of s.Type is set.
	Control(ctx context.Context, s Setup, data []byte) (int, error)
	// Out takes one transfer, and says how much of it.
	Out(ctx context.Context, endpoint uint8, p []byte) (int, error)
	// In is the next thing the device says there, of any length. It waits until there is something.
	In(ctx context.Context, endpoint uint8) ([]byte, error)
	// ClearHalt ends a stall.
	ClearHalt(endpoint uint8) error
	// Select sets an interface to one of its settings.
	Select(iface, alternate int)
	// Reset is the reset of the bus, which comes before each configuration.
	Reset()
	// Plug gives it power again after an unplug.
	Plug()
}

// Device is what is lent: its descriptors (USB 2.0 §9.6), with one configuration, and what is behind them.
type Device struct {
	Model
	Descriptor, Configuration []byte
	Strings                   []string // from index 1, in English
	NoEmpty                   bool     // it sends no empty packet after a last packet that is full
}

type setting struct {
	iface, alternate          byte
	class, subclass, protocol byte
	endpoints                 []endpoint
}

type endpoint struct {
	address, kind, interval byte
	packet                  uint16
}

// Kinds of endpoints.
const (
	bulk      = 2
	interrupt = 3
)

// settings reads the configuration.
func (d Device) settings() (all []setting, err error) {
	if len(d.Descriptor) != 18 || len(d.Configuration) < 9 {
		return nil, errors.New("redir: a device needs descriptors")
	}
	for b := d.Configuration; len(b) > 0; b = b[b[0]:] {
		if len(b) < 2 || b[0] < 2 || int(b[0]) > len(b) {
			return nil, errors.New("redir: a descriptor is cut short")
		}
		switch n := len(all) - 1; {
		case b[1] == 4 && b[0] >= 9:
			all = append(all, setting{iface: b[2], alternate: b[3], class: b[5], subclass: b[6], protocol: b[7]})
		case b[1] == 5 && b[0] >= 7 && n >= 0:
			e := endpoint{b[2], b[3] & 3, max(b[6], 1), le.Uint16(b[4:])}
			if e.packet == 0 {
				return nil, fmt.Errorf("redir: endpoint %#02x carries nothing", e.address)
			}
			all[n].endpoints = append(all[n].endpoints, e)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("redir: no interface")
	}
	return all, nil
}

// speed is full (1) or high (2): at full speed a bulk packet has 64 bytes at most (USB 2.0 §5.8.3).
func speed(all []setting) byte {
	for _, s := range all {
		for _, e := range s.endpoints {
			if e.kind == bulk && e.packet > 64 {
				return 2
			}
		}
	}
	return 1
}

// cut makes packets of what a device says.
func cut(said []byte, size int, empty bool) (packets [][]byte) {
	for len(said) > size {
		packets = append(packets, said[:size])
		said = said[size:]
	}
	packets = append(packets, said)
	if empty && len(said) == size {
		packets = append(packets, nil)
	}
	return packets
}
