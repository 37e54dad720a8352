package policy_test

import (
	"reflect"
	"strings"
	"testing"

	"honnin/config/policy"
)

func TestDevices(t *testing.T) {
	w := newWorld(t)
	parse := func(table string) (*policy.Policy, error) {
		return policy.Parse([]byte(strings.Replace(good, "[card]", table+"[card]", 1)), w.load)
	}
	for table, want := range map[string]string{
		"[devices]\nreaders = [\"virtual\"]\n":   `devices.readers[1]: must be one of "pcsc", "usb"`,
		"[devices]\nprinters = [\"dir\"]\n":      "devices.printers[1]: must be one of",
		"[devices]\nusb = [\"054C:0DC9\"]\n":     "devices.usb[1]: must be vendor and product in lower-case hex",
		"[devices]\nusb = []\n":                  "devices.usb: must be a list",
		"[devices]\nreader = [\"usb\"]\n":        "allowed are readers, printers, usb, pin_pad",
		"[devices]\npin_pad = \"no\"\n":          `devices.pin_pad: must be one of "use", "require", "ignore"`,
		"[devices]\nreaders = [\"usb\", \"\"]\n": "devices.readers[2]",
	} {
		if _, err := parse(table); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", table, err)
		}
	}
	p := must[*policy.Policy](t)(parse("[devices]\nreaders = [\"usb\"]\nprinters = [\"ipps\", \"usb\"]\nusb = [\"054c:0dc9\"]\nprinters_without_ipp = true\n"))
	if d := p.Devices(); !reflect.DeepEqual(d.USB, []string{"054c:0dc9"}) || !d.WithoutIPP {
		t.Error(d)
	}
	all := must[*policy.Policy](t)(parse("[devices]\n"))
	if all.Devices().WithoutIPP {
		t.Error("without IPP, and nobody said so")
	}
	for table, want := range map[string]policy.PINPad{"": policy.UsePINPad, "[devices]\n": policy.UsePINPad,
		"[devices]\npin_pad = \"require\"\n": policy.RequirePINPad, "[devices]\npin_pad = \"ignore\"\n": policy.IgnorePINPad} {
		if got := must[*policy.Policy](t)(parse(table)).Devices().PINPad; got != want {
			t.Errorf("%q: %q, want %q", table, got, want)
		}
	}
	for _, c := range []struct {
		reader, printer string
		want            bool
	}{
		{"usb", "ipps://p/ipp/print", true}, {"usb:Sony", "usb:1-2", true}, {"pcsc", "ipps://p/ipp/print", false},
		{"pcsc:usb", "ipps://p/ipp/print", false}, {"usb", "ipp://127.0.0.1/ipp/print", false}, {"", "", false},
	} {
		if err := p.Devices().Check(c.reader, c.printer); (err == nil) != c.want {
			t.Errorf("%q %q: %v", c.reader, c.printer, err)
		}
		if err := all.Devices().Check(c.reader, c.printer); err != nil {
			t.Error("nothing is pinned:", err)
		}
	}
	keys := must[*policy.Policy](t)(parse("[devices]\npin_pad = \"require\"\n"))
	for reader, want := range map[string]bool{"usb": true, "usb:Sony": true, "pcsc": false, "pcsc:usb": false, "": false} {
		if err := keys.Devices().Check(reader, "usb"); (err == nil) != want {
			t.Errorf("a PIN pad is required, %q: %v", reader, err)
		}
	}
}
