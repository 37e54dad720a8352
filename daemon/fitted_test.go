package main

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/site"
	"honnin/daemon/identity"
	"honnin/daemon/terminal"
	"honnin/drivers/attached/attachedtest"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/printer/usbprint/printertest"
)

// closing is a printer that counts how often it was closed.
type closing struct {
	absent
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

func anyKey(*policy.Policy) error { return nil }

// TestFitted: a printer that was closed for a policy whose own could not be opened is not gone on with, nor where the next policy
// says of devices what the one before said; and one that does not suit the site leaves none, until another does.
func TestFitted(t *testing.T) {
	o := signedtest.New(t, time.Now())
	body := o.Body
	says := func(devices string) terminal.Parts {
		o.Body = body + devices
		p, err := policy.Parse(o.Text(signedtest.Head{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		return terminal.Parts{Policy: p}
	}
	plain, other, forbids := says(""), says("[devices]\nprinters = [\"ipps\"]\n"), says("[devices]\nprinters = [\"usb\"]\n")
	s := site.Site{Reader: "pcsc"}
	s.Printer.Address, s.Printer.CA = "ipps://127.0.0.1:1/ipp/print", filepath.Join(t.TempDir(), "ca.pem")
	first := new(closing)
	f := &fitted{site: s, log: logrus.New(), keyed: anyKey, devices: plain.Policy.Devices(), printer: first}
	plain.Printer, other.Printer, forbids.Printer = first, first, first

	if p, err := f.fit(plain); err != nil || p.Printer != first || first.closed != 0 {
		t.Errorf("nothing changed: %v", err)
	}
	if p, err := f.fit(forbids); err == nil || p.Printer != first || first.closed != 0 {
		t.Errorf("forbidden: %v", err)
	}
	if p, err := f.fit(other); err == nil || p.Printer != (absent{}) || first.closed != 1 {
		t.Errorf("a printer whose anchor is missing: %v, %T", err, p.Printer)
	}
	if p, err := f.fit(plain); err == nil || p.Printer != (absent{}) || first.closed != 1 {
		t.Errorf("a closed printer was gone on with: %v, %T", err, p.Printer)
	}
	write(t, s.Printer.CA, []byte(signedtest.Armour(o.Keys[0].Certificate)))
	if p, err := f.fit(plain); err != nil || p.Printer == (absent{}) || p.Reader == nil {
		t.Errorf("not opened again: %v, %T", err, p.Printer)
	}

	f = &fitted{site: s, log: logrus.New(), keyed: anyKey}
	if p, err := f.start(forbids); err != nil || p.Unfit == nil || p.Printer != (absent{}) || p.Reader != (absent{}) {
		t.Errorf("%v, %v, %T", err, p.Unfit, p.Printer)
	}
	if p, err := f.fit(says("[centre]\nurls = [\"https://another.example\"]\n")); err == nil || f.centre() == nil || p.Printer != nil {
		t.Errorf("another centre: %v, may be spoken to: %v", err, f.centre())
	}
	if p, err := f.fit(says("")); err != nil || p.Printer == (absent{}) || p.Printer == nil {
		t.Errorf("the cure: %v, %T", err, p.Printer)
	}
	if err := f.centre(); err != nil {
		t.Errorf("the centre: %v", err)
	}
}

// TestPins: of what is plugged in, nothing is touched but what the policy names.
func TestPins(t *testing.T) {
	const reader, printer = "1209:0002", "1209:0003"
	for devices, want := range map[string]map[string]bool{
		"":                                       {reader: true, printer: true},
		"usb = [\"1209:0002\"]\n":                {reader: true, printer: false},
		"usb = [\"1209:0003\"]\n":                {reader: false, printer: true},
		"usb = [\"054c:0dc9\"]\n":                {reader: false, printer: false},
		"usb = [\"1209:0003\", \"1209:0002\"]\n": {reader: true, printer: true},
	} {
		o := signedtest.New(t, time.Now())
		o.Body += "[devices]\nprinters = [\"usb\"]\n" + devices
		p, err := policy.Parse(o.Text(signedtest.Head{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		bus := attachedtest.New(t, ccidtest.New(ccidtest.Model{Vendor: 0x1209, ID: 2, Level: ccidtest.TPDU}), printertest.New(printertest.Model{Vendor: 0x1209, ID: 3, Over: 1}, nil))
		f := &fitted{bus: bus, log: newLog(t.Output(), true), site: site.Site{Reader: "usb"}}
		f.site.Printer.Address = "usb"
		parts, err := f.open(terminal.Parts{Policy: p})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parts.Reader.Present(t.Context()); err == nil {
			t.Error("there is no such reader")
		}
		if is, _ := parts.Printer.Ready(t.Context()); is.Ready {
			t.Error("there is no such printer")
		}
		for id, want := range want {
			if bus.Tried(id) != want {
				t.Errorf("%q: %s touched: %v", devices, id, !want)
			}
		}
		if err := closePrinter(parts.Printer); err != nil {
			t.Error(err)
		}
	}
}

// TestFittedKey: a policy whose anchors did not issue the terminal's certificate closes it, at the start and whenever it comes, and
// the next that says the same does not open it.
func TestFittedKey(t *testing.T) {
	o, k := signedtest.New(t, time.Now()), newKeys(t)
	certify(t, k, identity.TLS, o.Keys[0], time.Now().AddDate(0, 0, 1))
	body := o.Body
	says := func(anchor int, more string) terminal.Parts {
		o.Body = body + more + "\n[terminal_keys]\nanchors = [\"\"\"\n" + signedtest.Armour(o.Keys[anchor].Certificate) + "\"\"\"]\n"
		p, err := policy.Parse(o.Text(signedtest.Head{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		return terminal.Parts{Policy: p}
	}
	untrusted := func(err error) bool {
		r := (*identity.Refusal)(nil)
		return errors.As(err, &r) && r.Code == identity.Untrusted
	}
	s := site.Site{Reader: "pcsc"}
	s.Printer.Address = "ipp://127.0.0.1:1/ipp/print"
	for _, first := range []int{0, 1} {
		f := &fitted{site: s, log: logrus.New(), keyed: trusted(k)}
		p, err := f.start(says(first, ""))
		if err != nil || untrusted(p.Unfit) != (first == 1) || (p.Printer == absent{}) != (first == 1) {
			t.Errorf("anchor %d at the start: %v, %v, %T", first, err, p.Unfit, p.Printer)
		}
		for _, more := range []string{"# the same", "# and again"} {
			if _, err := f.fit(says(1, more)); !untrusted(err) {
				t.Errorf("anchor %d, then one that issued nothing: %v", first, err)
			}
		}
		p.Policy = says(0, "").Policy
		if p, err = f.fit(p); err != nil || p.Printer == (absent{}) {
			t.Errorf("anchor %d, and the cure: %v, %T", first, err, p.Printer)
		}
	}
}
