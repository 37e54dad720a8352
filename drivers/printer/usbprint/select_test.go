package usbprint

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
	"honnin/drivers/printer"
	"honnin/drivers/printer/usbprint/printertest"
)

// TestTwoPrinters: one is found by its name or its port, and none without either.
func TestTwoPrinters(t *testing.T) {
	bus := usbtest.New(t)
	first := plug(t, bus, printertest.New(printertest.Model{Direct: 2, Vendor: 0x1209, ID: 1}, nil))
	plug(t, bus, printertest.New(printertest.Model{Direct: 2, Vendor: 0x1209, ID: 2, DeviceID: "CMD:PCL;"}, nil))
	bus.Plug(&usbtest.Device{Info: usb.Info{Vendor: 0x1209, Product: 4, Settings: []usb.Setting{{Class: 3}}}})
	for selector, want := range map[string]string{
		"": Ambiguous, "1209:0001": "", "1209:0002": NoPDF, first.Info.Port: "", "1209:0004": printer.Unreachable, "1-9": printer.Unreachable,
	} {
		p := open(t, bus, selector, Options{Direct: true})
		got, err := p.Ready(t.Context())
		if got.Reason != want || got.Ready != (want == "") {
			t.Errorf("%q: %+v, %v; want %q", selector, got, err, want)
		}
		_ = p.Close()
	}
}

func TestOffer(t *testing.T) {
	pipes := []usb.Endpoint{{Address: 0x01, Kind: usb.KindBulk, MaxPacket: 64}, {Address: 0x82, Kind: usb.KindBulk, MaxPacket: 64}}
	set := func(iface, alternate int, protocol uint8, n int) usb.Setting {
		return usb.Setting{Interface: iface, Alternate: alternate, Class: 7, SubClass: 1, Protocol: protocol, Endpoints: pipes[:n]}
	}
	for name, c := range map[string]struct {
		settings []usb.Setting
		kind     kind // 0: none
		n        int
	}{
		"all kinds":              {[]usb.Setting{set(0, 0, 1, 1), set(0, 1, 2, 2), set(0, 2, 4, 2), set(1, 0, 4, 2)}, overIPP, 2},
		"two ways":               {[]usb.Setting{set(0, 0, 1, 1), set(0, 1, 2, 2)}, twoWay, 1},
		"two ways, one pipe":     {[]usb.Setting{set(0, 0, 2, 1)}, twoWay, 1},
		"two interfaces, no IPP": {[]usb.Setting{set(0, 0, 2, 2), set(1, 0, 2, 2)}, twoWay, 1},
		"one way":                {[]usb.Setting{set(3, 1, 1, 1)}, oneWay, 1},
		"IPP without a way back": {[]usb.Setting{set(0, 0, 4, 1)}, 0, 0},
		"IPP in two settings":    {[]usb.Setting{set(0, 0, 4, 2), set(0, 1, 4, 2)}, overIPP, 1},
		"no pipes":               {[]usb.Setting{set(0, 0, 2, 0)}, 0, 0},
		"1284.4 and the like":    {[]usb.Setting{set(0, 0, 3, 2)}, 0, 0},
		"another class":          {[]usb.Setting{{Class: 0xff, SubClass: 1, Protocol: 4, Endpoints: pipes}}, 0, 0},
		"another subclass":       {[]usb.Setting{{Class: 7, SubClass: 2, Protocol: 4, Endpoints: pipes}}, 0, 0},
	} {
		o, ok := offerOf(usb.Info{Settings: c.settings})
		if ok != (c.kind != 0) || ok && (o.kind != c.kind || len(o.settings) != c.n) {
			t.Errorf("%s: %v, %d interfaces, %t", name, o.kind, len(o.settings), ok)
		}
	}
}

func TestQuirks(t *testing.T) {
	for _, c := range []struct {
		info usb.Info
		want quirks
	}{
		{usb.Info{Vendor: 0x03f0, Manufacturer: "HP", Name: "HP OfficeJet Pro 8730"}, quirks{connection: "close"}},
		{usb.Info{Vendor: 0x03f0, Manufacturer: "HP", Name: "OfficeJet Pro 8710"}, quirks{reset: true}},
		{usb.Info{Manufacturer: "HP Inc.", Name: "HP Laser MFP 135a"}, quirks{noIPP: true}},
		{usb.Info{Vendor: 0x0519, Product: 0x7777}, quirks{deaf: true}},
		{usb.Info{Vendor: 0x04f9, Product: 0x000d}, quirks{deaf: true}},
		{usb.Info{Vendor: 0x04f9, Product: 0x000c, Name: "0519:*"}, quirks{}},
		{usb.Info{}, quirks{}},
	} {
		if got := quirksOf(c.info); got != c.want {
			t.Errorf("%04x:%04x %s: %+v", c.info.Vendor, c.info.Product, c.info.Name, got)
		}
	}
	for _, k := range known {
		if k.source == "" || k.quirks == (quirks{}) || strings.Count(k.match, "*") > 1 {
			t.Errorf("%+v", k)
		}
	}
}

func TestDeviceID(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want DeviceID
		err  error
	}{
		"usual":         {"\x00\x31MFG:HP;MDL:LaserJet 9999;CMD:PJL,pdf, PCLXL;SN:1", DeviceID{"HP", "LaserJet 9999", []string{"PJL", "PDF", "PCLXL"}}, nil},
		"long keys":     {"\x00\x31MANUFACTURER:X;Model: Y ;command set:PDF;COMMENT:Z", DeviceID{"X", "Y", []string{"PDF"}}, nil},
		"little endian": {"\x0b\x00CMD:PDF;;", DeviceID{Languages: []string{"PDF"}}, nil},
		"tail":          {"\x00\x0aCMD:PDF;CMD:PCL;", DeviceID{Languages: []string{"PDF"}}, nil},
		"first counts":  {"\x00\x12CMD:PCL;CMD:PDF;", DeviceID{Languages: []string{"PCL"}}, nil},
		"not printable": {"\x00\x13MFG:\x1b[2J;CMD:PDF;;", DeviceID{Languages: []string{"PDF"}}, nil},
		"no keys":       {"\x00\x0aSN:12345;", DeviceID{}, ErrDeviceID},
		"cut":           {"\x00\x40CMD:PDF;", DeviceID{}, ErrDeviceID},
		"only a length": {"\x00\x02", DeviceID{}, ErrDeviceID},
		"nothing":       {"", DeviceID{}, ErrDeviceID},
		"PDF elsewhere": {"\x00\x10MDL:CMD:PDF,;;;", DeviceID{Model: "CMD:PDF,"}, nil},
	} {
		got, err := ParseDeviceID([]byte(c.in))
		if !errors.Is(err, c.err) || got.Maker != c.want.Maker || got.Model != c.want.Model || !equal(got.Languages, c.want.Languages) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzDeviceID(f *testing.F) {
	for _, s := range []string{"", "\x00", "\x00\x02", "\x00\x31MFG:HP;MDL:LaserJet 9999;CMD:PJL,pdf, PCLXL;SN:1", "\x0b\x00CMD:PDF;;", "\xff\xffCMD:" + strings.Repeat("PDF,", 300), "\x00\x20CMD;CMD:;:;;COMMAND SET:\xff,PDF;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := ParseDeviceID(b)
		if err != nil {
			if id.Languages != nil || id.Maker != "" || id.Model != "" || !errors.Is(err, ErrDeviceID) {
				t.Errorf("%+v with %v", id, err)
			}
			return
		}
		if len(id.Languages) > 32 || len(id.Maker)+len(id.Model) > 128 || id.Speaks("") {
			t.Errorf("%+v", id)
		}
		if id.Speaks("PDF") && !strings.Contains(strings.ToUpper(string(b)), "PDF") {
			t.Error("PDF out of nothing")
		}
		for _, c := range id.spoken() + id.Maker + id.Model {
			if c < ' ' || c > '~' {
				t.Errorf("%q", c)
			}
		}
	})
}

// TestSecondPrinter: one that comes later is seen when the first has to be claimed anew.
func TestSecondPrinter(t *testing.T) {
	bus := usbtest.New(t)
	yes := func([]byte) [][]byte { return [][]byte{reply(7, "")} }
	newScripted(bus, yes)
	l := newLines(bus, printer.Selector{})
	defer l.close()
	ask := func() (*http.Response, error) { return transport{l}.RoundTrip(question(t.Context(), 7, 0)) }
	for range 2 {
		answer, err := ask()
		check(t, answer, err, answered, nil, true)
		newScripted(bus, yes)
	}
	l.drop(l.idle[0])
	l.idle = nil
	if _, err := ask(); printer.ReasonOf(err) != Ambiguous {
		t.Error(err)
	}
}
