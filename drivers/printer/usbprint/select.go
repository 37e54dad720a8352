package usbprint

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"honnin/drivers/internal/usb"
	"honnin/drivers/printer"
)

// Words for what is wrong with the way to a printer.
const (
	ambiguous    = "printer-ambiguous" // several fit
	inUse        = "device-in-use"
	noPermission = "no-permission"
	badDevice    = "bad-descriptors"
	badAnswer    = "protocol-error" // as package ipp says it
)

// ErrSelector is returned by [ParseSelector].
var ErrSelector = errors.New("usbprint: which printer? (want nothing, VENDOR:PRODUCT in hex, or a port as 1-2.3)")

// Selector says which printer is meant. The zero value is the only one.
type Selector struct {
	id   string // "03f0:0c17"
	port string
}

// String is what [ParseSelector] reads.
func (s Selector) String() string { return s.id + s.port }

var selectorForms = sync.OnceValues(func() (id, port *regexp.Regexp) {
	return regexp.MustCompile(`^[0-9a-f]{4}:[0-9a-f]{4}$`), regexp.MustCompile(`^[1-9][0-9]{0,2}-[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,6}$`)
})

// ParseSelector reads "" (the only printer), "03f0:0c17" (vendor and product) or "1-2.3" (a port, which stays the same when
// the printer is exchanged).
func ParseSelector(s string) (Selector, error) {
	id, port := selectorForms()
	switch lower := strings.ToLower(s); {
	case s == "":
		return Selector{}, nil
	case id.MatchString(lower):
		return Selector{id: lower}, nil
	case port.MatchString(s):
		return Selector{port: s}, nil
	}
	return Selector{}, fmt.Errorf("%w: %s", ErrSelector, strconv.QuoteToASCII(s))
}

func (s Selector) fits(i usb.Info) bool {
	return (s.id == "" || s.id == nameOf(i)) && (s.port == "" || s.port == i.Port)
}

// nameOf is what a printer is called in logs and journals.
func nameOf(i usb.Info) string { return fmt.Sprintf("%04x:%04x", i.Vendor, i.Product) }

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
func find(ctx context.Context, bus usb.Bus, which Selector) (offer, error) {
	all, err := bus.List(ctx)
	if err != nil {
		return offer{}, explain(err)
	}
	var found []offer
	broken := false
	for _, i := range all {
		if !which.fits(i) {
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
		return offer{}, &printer.Fault{Reason: ambiguous, Err: fmt.Errorf("%d printers on USB fit", len(found))}
	case broken:
		return offer{}, &printer.Fault{Reason: badDevice, Err: usb.ErrDescriptor}
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
	}{{usb.ErrBusy, inUse}, {usb.ErrPermission, noPermission}, {usb.ErrDescriptor, badDevice},
		{errHTTP, badAnswer}, {errFraming, badAnswer}, {errTooLong, badAnswer}, {errStale, badAnswer}} {
		if errors.Is(err, w.err) {
			return &printer.Fault{Reason: w.word, Err: err}
		}
	}
	return &printer.Fault{Reason: printer.Unreachable, Err: err}
}
