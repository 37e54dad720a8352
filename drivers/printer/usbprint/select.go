package usbprint

import (
	"context"
	"errors"
	"fmt"

	"honnin/drivers/internal/usb"
	"honnin/drivers/printer"
)

// Reasons for which a printer cannot be used, beside those of package printer.
const (
	Ambiguous    = "printer-ambiguous" // several fit
	InUse        = "device-in-use"     // another program has it
	NoPermission = "no-permission"
	BadDevice    = "bad-descriptors"
	NoIPP        = "no-ipp" // it could not say what became of a document, and is not allowed here
	NoPDF        = "pdf-unsupported"
)

const badAnswer = "protocol-error" // as package ipp says it

// fits says whether a device is the one that is meant.
func fits(s printer.Selector, i usb.Info) bool {
	return (s.ID == "" || s.ID == i.ID()) && (s.Port == "" || s.Port == i.Port)
}

// kind is how a document gets to a printer.
type kind byte

const (
	overIPP kind = 4 // bInterfaceProtocol (IPP Protocol 1.0 §4.1)
	twoWay  kind = 2 // §4.2.1
	oneWay  kind = 1
)

// offer is what a printer has for us: interfaces, each in one setting.
type offer struct {
	info     usb.Info
	quirks   quirks
	kind     kind
	settings []usb.Setting
}

// offerOf finds the best kind that a device has, or ok false.
func offerOf(i usb.Info) (o offer, ok bool) {
	o = offer{info: i, quirks: quirksOf(i)}
	for _, o.kind = range []kind{overIPP, twoWay, oneWay} {
		if o.kind == overIPP && o.quirks.noIPP {
			continue
		}
		if o.settings = settingsOf(i, o.kind); len(o.settings) > 0 {
			return o, true
		}
	}
	return o, false
}

// settingsOf is the first setting of each interface that is of the kind and has its pipes.
func settingsOf(i usb.Info, k kind) (all []usb.Setting) {
	seen := map[int]bool{}
	for _, s := range i.Settings {
		_, in := s.Endpoint(true, usb.KindBulk)
		_, out := s.Endpoint(false, usb.KindBulk)
		if s.Class == 7 && s.SubClass == 1 && kind(s.Protocol) == k && out && (in || k != overIPP) && !seen[s.Interface] {
			seen[s.Interface] = true
			all = append(all, s)
		}
	}
	if k != overIPP && len(all) > 1 {
		all = all[:1]
	}
	return all
}

// find looks for the printer on the bus.
func find(ctx context.Context, bus usb.Bus, which printer.Selector) (offer, error) {
	all, err := bus.List(ctx)
	if err != nil {
		return offer{}, explain(err)
	}
	var found []offer
	broken := false
	for _, i := range all {
		if !fits(which, i) {
			continue
		}
		broken = broken || i.Broken != nil
		if o, ok := offerOf(i); ok {
			found = append(found, o)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return offer{}, &printer.Fault{Reason: Ambiguous, Err: fmt.Errorf("%d printers on USB fit", len(found))}
	case broken:
		return offer{}, &printer.Fault{Reason: BadDevice, Err: usb.ErrDescriptor}
	}
	return offer{}, &printer.Fault{Reason: printer.Unreachable, Err: errors.New("no such printer on USB")}
}

// explain gives an error its word.
func explain(err error) error {
	if err == nil || printer.ReasonOf(err) != "" {
		return err
	}
	for _, w := range []struct {
		err  error
		word string
	}{{usb.ErrBusy, InUse}, {usb.ErrPermission, NoPermission}, {usb.ErrDescriptor, BadDevice},
		{errHTTP, badAnswer}, {errFraming, badAnswer}, {errTooLong, badAnswer}, {errStale, badAnswer}} {
		if errors.Is(err, w.err) {
			return &printer.Fault{Reason: w.word, Err: err}
		}
	}
	return &printer.Fault{Reason: printer.Unreachable, Err: err}
}
