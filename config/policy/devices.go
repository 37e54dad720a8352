package policy

import (
	"cmp"
	"fmt"
	"regexp"
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

var usbID = regexp.MustCompile(`^[0-9a-f]{4}:[0-9a-f]{4}$`)

func (w *wireDevices) devices() (d Devices, err error) {
	if w == nil {
		return d, nil
	}
	kinds := func(known ...string) func(string) bool {
		return func(v string) bool { return slices.Contains(known, v) }
	}
	for _, c := range []struct {
		key, want string
		list      []string
		right     func(string) bool
	}{
		{"readers", `"pcsc" or "usb"`, w.Readers, kinds("pcsc", "usb")},
		{"printers", `"ipp", "ipps" or "usb"`, w.Printers, kinds("ipp", "ipps", "usb")},
		{"usb", `such as "054c:0dc9", in lower case`, w.USB, usbID.MatchString},
	} {
		if c.list != nil && len(c.list) == 0 {
			return d, fmt.Errorf("devices.%s: would allow nothing; leave it out to allow all", c.key)
		}
		for _, v := range c.list {
			if !c.right(v) {
				return d, fmt.Errorf("devices.%s: %q must be %s", c.key, v, c.want)
			}
		}
	}
	if !slices.Contains([]PINPad{"", UsePINPad, RequirePINPad, IgnorePINPad}, w.PINPad) {
		return d, fmt.Errorf(`devices.pin_pad: %q must be "use", "require" or "ignore"`, w.PINPad)
	}
	return Devices{w.Readers, w.Printers, w.USB, w.PINPad, w.WithoutIPP}, nil
}
