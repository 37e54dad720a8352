package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Devices is which hardware a terminal may use. An empty list allows all of its kind.
type Devices struct {
	Readers  []string // kinds: "pcsc", "usb"
	Printers []string // kinds: "ipp", "ipps", "usb"
	USB      []string // vendor and product of readers and printers driven over USB: "054c:0dc9"
	PINPad   PINPad   // what the keys of a reader are for

	// WithoutIPP lets a counter have a printer on USB that cannot say what became of a document: each ends unsure, and staff
	// are called. In a store there is never one.
	WithoutIPP bool
}

// PINPad is what becomes of a reader that takes a PIN on keys of its own.
type PINPad string

// The rules for PIN pads.
const (
	UsePINPad     PINPad = "use"     // the PIN is typed there where there is one; also where the policy says nothing
	RequirePINPad PINPad = "require" // no visit at a reader without one: no PIN ever enters a terminal
	IgnorePINPad  PINPad = "ignore"  // the PIN is typed on the screen always: for readers whose keys do not work
)

type wireDevices struct {
	Readers  []string `toml:"readers"`
	Printers []string `toml:"printers"`
	USB      []string `toml:"usb"`
	PINPad   PINPad   `toml:"pin_pad"`

	WithoutIPP bool `toml:"printers_without_ipp"`
}

// Devices is the hardware that terminals may use.
func (p *Policy) Devices() Devices {
	return Devices{slices.Clone(p.devices.Readers), slices.Clone(p.devices.Printers), slices.Clone(p.devices.USB), cmp.Or(p.devices.PINPad, UsePINPad), p.devices.WithoutIPP}
}

// Check judges what a site names, "usb:NAME" and "ipps://…", by what stands before the colon. Whether a reader over USB has
// keys shows when it is there.
func (d Devices) Check(reader, printer string) error {
	for _, c := range []struct {
		what, names string
		allowed     []string
	}{{"reader", reader, d.Readers}, {"printer", printer, d.Printers}} {
		kind, _, _ := strings.Cut(c.names, ":")
		if len(c.allowed) > 0 && !slices.Contains(c.allowed, kind) {
			return fmt.Errorf("the policy allows no %s of the kind %q, only %s", c.what, kind, strings.Join(c.allowed, ", "))
		}
	}
	if kind, _, _ := strings.Cut(reader, ":"); d.PINPad == RequirePINPad && kind != "usb" {
		return fmt.Errorf("the policy requires a PIN pad, and only a reader of the kind %q can have one, not %q", "usb", kind)
	}
	return nil
}

func (w wireDevices) devices() Devices {
	return Devices{w.Readers, w.Printers, w.USB, w.PINPad, w.WithoutIPP}
}
