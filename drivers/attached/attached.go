// Package attached says which readers and printers are on this machine's USB, what they can do, and what is in the way
// of using them, with what to do about it.
//
// It reads what the kernel knows, which needs no permission and disturbs nobody. Only a printer that nobody uses, not
// even usblp, is asked, for its IEEE 1284 device id; of that the languages are kept and the rest, with its serial number, is not.
package attached

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"honnin/drivers/card/ccid"
	"honnin/drivers/internal/usb"
	"honnin/drivers/printer/usbprint"
)

// Device is a device with at least one reader or printer, or one that nobody can read.
type Device struct {
	Port     string     `json:"port"` // "1-2.3"; the same after a replug
	ID       string     `json:"id"`   // vendor and product, "054c:0dc9"
	Maker    string     `json:"maker,omitempty"`
	Name     string     `json:"name,omitempty"`
	Speed    string     `json:"speed,omitempty"` // "low", "full", "high", "super", "super-plus"
	Readers  []Reader   `json:"readers,omitempty"`
	Printers []Printer  `json:"printers,omitempty"`
	InTheWay []Obstacle `json:"in_the_way,omitempty"`
}

// Reader is one reader's interface.
type Reader struct {
	Interface int    `json:"interface"`
	Level     string `json:"level,omitempty"`  // TPDU, short APDU, extended APDU
	Buffer    int    `json:"buffer,omitempty"` // bytes of the longest message
	Slots     int    `json:"slots,omitempty"`
	PINPad    bool   `json:"pin_pad"`
	Unusable  string `json:"unusable,omitempty"` // why
}

// Printer is one printer's interface.
type Printer struct {
	Interface int      `json:"interface"`
	Protocols []string `json:"protocols"`           // unidirectional, bidirectional, ipp-usb
	Languages []string `json:"languages,omitempty"` // of the device id: "PDF", "PCL"; empty where it was not asked
}

// Obstacle is something in the way.
type Obstacle struct {
	Code Code   `json:"code"`
	By   string `json:"by,omitempty"` // a kernel driver or a program; a program's name is its own choice, and may be missing
	What string `json:"what"`         // the two in words
	Do   string `json:"do"`
}

// Code is a kind of obstacle.
type Code string

// The kinds.
const (
	BadDescriptors Code = "bad-descriptors" // it describes itself wrongly
	NoPermission   Code = "no-permission"
	KernelDriver   Code = "kernel-driver" // which is detached while a terminal runs
	InUse          Code = "in-use"        // by a program
)

const (
	classPrinter = 0x07
	classReader  = 0x0b
	askWithin    = 2 * time.Second
)

// protocols of printer interfaces (USB Printing Devices 1.1 §4.2.1; IPP-USB 1.0 §4.1).
var protocols = map[uint8]string{1: "unidirectional", 2: "bidirectional", 4: "ipp-usb"}

// Rules is the name of the file of udev rules that errors speak of.
const Rules = usb.Rules

// ErrNoBus is a machine without USB.
var ErrNoBus = usb.ErrNoBus

// Bus is all USB of a machine, for whoever only hands it on to the drivers.
type Bus = usb.Bus

// System is this machine's USB.
func System() Bus { return usb.System() }

// Only is a bus of which nothing is used but devices of these vendors and products ("054c:0dc9"); without any, all.
func Only(bus Bus, ids []string) Bus {
	if len(ids) == 0 {
		return bus
	}
	return only{bus, ids}
}

type only struct {
	usb.Bus
	ids []string
}

// List is what may be used.
func (o only) List(ctx context.Context) ([]usb.Info, error) {
	all, err := o.Bus.List(ctx)
	return slices.DeleteFunc(all, func(i usb.Info) bool { return !slices.Contains(o.ids, i.ID()) }), err
}

// Claim refuses the rest.
func (o only) Claim(ctx context.Context, at usb.Place, iface, alternate int) (usb.Interface, error) {
	allowed, err := o.List(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(allowed, func(i usb.Info) bool { return i.Place == at }) {
		return nil, fmt.Errorf("%w, or the policy does not allow it", usb.ErrGone)
	}
	return o.Bus.Claim(ctx, at, iface, alternate)
}

// List is what is attached, by port.
func List(ctx context.Context, bus usb.Bus) ([]Device, error) {
	infos, err := bus.List(ctx)
	if err != nil {
		return nil, err
	}
	var all []Device
	for _, i := range infos {
		d := Device{Port: i.Port, ID: i.ID(), Maker: i.Manufacturer, Name: i.Name, Speed: i.Speed}
		d.Readers, d.Printers = readers(i), printers(ctx, bus, i)
		if d.InTheWay = obstacles(bus, i); len(d.Readers)+len(d.Printers) > 0 || i.Broken != nil {
			all = append(all, d)
		}
	}
	return all, ctx.Err()
}

// Watch calls changed when something may be different, until ctx ends.
func Watch(ctx context.Context, bus usb.Bus, changed func()) { bus.Changes(ctx, changed) }

func readers(i usb.Info) (all []Reader) {
	for _, f := range ccid.Describe(i) {
		r := Reader{Interface: f.Interface}
		if f.Err != nil {
			r.Unusable = f.Err.Error()
		} else {
			r.Level, r.Buffer, r.Slots, r.PINPad = f.Descriptor.Level.String(), f.Descriptor.MaxMessage, f.Descriptor.Slots, f.Descriptor.PINPad
		}
		all = append(all, r)
	}
	return all
}

func printers(ctx context.Context, bus usb.Bus, i usb.Info) (all []Printer) {
	for _, s := range i.Settings {
		protocol, known := protocols[s.Protocol]
		if s.Class != classPrinter || s.SubClass != 1 || !known {
			continue
		}
		at := slices.IndexFunc(all, func(p Printer) bool { return p.Interface == s.Interface })
		if at < 0 {
			at = len(all)
			all = append(all, Printer{Interface: s.Interface})
		}
		all[at].Protocols = append(all[at].Protocols, protocol)
		if all[at].Languages == nil && s.Protocol != 4 {
			all[at].Languages = languages(ctx, bus, i, s)
		}
	}
	return all
}

// languages asks a printer that nobody has, by GET_DEVICE_ID (USB Printing Devices 1.1 §4.2.1). One that does not say
// has none.
func languages(ctx context.Context, bus usb.Bus, i usb.Info, s usb.Setting) []string {
	if text, known := i.DeviceIDs[s.Interface]; known {
		id, _ := usbprint.ParseDeviceID(append(binary.BigEndian.AppendUint16(nil, uint16(2+len(text))), text...))
		return id.Languages // a bad one names none
	}
	if i.Denied || i.Drivers[s.Interface] != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	claimed, err := bus.Claim(ctx, i.Place, s.Interface, s.Alternate)
	if err != nil {
		return nil
	}
	defer claimed.Close()
	id, _ := usbprint.AskDeviceID(ctx, claimed)
	return id.Languages
}
