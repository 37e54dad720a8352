package attached

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
)

// class is a class descriptor of a reader (CCID 1.1 §5.1).
func class(level byte, buffer uint16, pad byte) []byte {
	d := make([]byte, 54)
	copy(d, []byte{54, 0x21, 0x10, 0x01, 0, 7, 3})
	d[11], d[15] = 0x10, 0x10 // 4,096 kHz
	d[24], d[28] = 0x25, 0xfe
	d[42] = level
	d[44], d[45], d[52] = byte(buffer), byte(buffer>>8), pad
	return d
}

var bulk = []usb.Endpoint{{Address: 0x01, Kind: usb.KindBulk, MaxPacket: 64}, {Address: 0x82, Kind: usb.KindBulk, MaxPacket: 64}}

func reader(level byte, buffer uint16, pad byte) usb.Setting {
	return usb.Setting{Class: 0x0b, Endpoints: bulk, Extra: class(level, buffer, pad)}
}

func printing(iface, alternate int, protocol uint8) usb.Setting {
	return usb.Setting{Interface: iface, Alternate: alternate, Class: 7, SubClass: 1, Protocol: protocol, Endpoints: bulk}
}

const deviceID = "\x00\x35MFG:SAMPLE;CMD: PDF, PCL,\x1b[2J;MDL:見本;SN:S3CRET;"

// answers gives its device id and counts who asks.
type answers struct {
	usbtest.Pipes
	asked int
	says  string
}

func (a *answers) Control(_ context.Context, r usbtest.Request) ([]byte, error) {
	if a.asked++; r.Type != 0xa1 || r.Request != 0 || r.Index != 0 || a.says == "" {
		return nil, usb.ErrStall
	}
	return []byte(a.says), nil
}

func TestList(t *testing.T) {
	for name, c := range map[string]struct {
		info   usb.Info
		holder string
		says   string
		want   []Device
		asked  int
	}{
		"nothing of ours": {info: usb.Info{Settings: []usb.Setting{{Class: 3}}, Denied: true}},
		// Sony RC-S300: CCID 1.10, short and extended APDUs, 522 bytes, and an interface of the maker's own.
		"RC-S300": {
			info: usb.Info{Vendor: 0x054c, Product: 0x0dc9, Manufacturer: "SONY", Name: "FeliCa Port/PaSoRi 4.0", Speed: "full", Settings: []usb.Setting{reader(6, 522, 0), {Interface: 1, Class: 0xff}}},
			want: []Device{{ID: "054c:0dc9", Maker: "SONY", Name: "FeliCa Port/PaSoRi 4.0", Speed: "full", Readers: []Reader{{Level: "extended APDU", Buffer: 522, Slots: 1}}}},
		},
		"PIN pad, with pcscd": {
			info: usb.Info{Settings: []usb.Setting{reader(1, 271, 3)}, Drivers: map[int]string{0: usb.Program}}, holder: "pcscd",
			want: []Device{{ID: "0000:0000", Readers: []Reader{{Level: "TPDU", Buffer: 271, Slots: 1, PINPad: true}}, InTheWay: []Obstacle{{InUse, "pcscd", "pcscd has it", remedies["pcscd"]}}}},
		},
		"a reader without a class descriptor": {
			info: usb.Info{Settings: []usb.Setting{{Class: 0x0b, Endpoints: bulk}}, Denied: true},
			want: []Device{{ID: "0000:0000", Readers: []Reader{{Unusable: "ccid: the reader's descriptor is missing"}},
				InTheWay: []Obstacle{{NoPermission, "", "no permission", "honnind devices --rules >/etc/udev/rules.d/70-honnin-usb.rules; then see its first lines"}}}},
		},
		"a printer that nobody has": {
			info: usb.Info{Settings: []usb.Setting{printing(0, 0, 2), printing(0, 1, 4), printing(1, 0, 4)}}, says: deviceID,
			want:  []Device{{ID: "0000:0000", Printers: []Printer{{0, []string{"bidirectional", "ipp-usb"}, []string{"PDF", "PCL"}}, {1, []string{"ipp-usb"}, nil}}}},
			asked: 1,
		},
		"a printer that says more than there is room for": {
			info: usb.Info{Settings: []usb.Setting{printing(0, 0, 2)}}, says: deviceID + strings.Repeat(" ", 1024), asked: 1,
			want: []Device{{ID: "0000:0000", Printers: []Printer{{0, []string{"bidirectional"}, []string{"PDF", "PCL"}}}}},
		},
		"a printer that does not say": {
			info: usb.Info{Settings: []usb.Setting{printing(0, 0, 1)}}, asked: 1,
			want: []Device{{ID: "0000:0000", Printers: []Printer{{0, []string{"unidirectional"}, nil}}}},
		},
		"a printer that may not be opened is not asked": {
			info: usb.Info{Settings: []usb.Setting{printing(0, 0, 2)}, Denied: true}, says: deviceID,
			want: []Device{{ID: "0000:0000", Printers: []Printer{{0, []string{"bidirectional"}, nil}},
				InTheWay: []Obstacle{{NoPermission, "", "no permission", "honnind devices --rules >/etc/udev/rules.d/70-honnin-usb.rules; then see its first lines"}}}},
		},
		"a printer that usblp has is not asked": {
			info: usb.Info{Settings: []usb.Setting{printing(0, 0, 2)}, Drivers: map[int]string{0: "usblp"}, DeviceIDs: map[int]string{0: "CMD:PWG;"}}, says: deviceID,
			want: []Device{{ID: "0000:0000", Printers: []Printer{{0, []string{"bidirectional"}, []string{"PWG"}}},
				InTheWay: []Obstacle{{KernelDriver, "usblp", "the kernel driver usblp", "nothing: it is detached while a terminal runs"}}}},
		},
		"a vendor's protocol, and a strange program": {
			info: usb.Info{Settings: []usb.Setting{printing(0, 0, 0xff), reader(1, 271, 0)}, Drivers: map[int]string{0: usb.Program}}, holder: "x",
			want: []Device{{ID: "0000:0000", Readers: []Reader{{Level: "TPDU", Buffer: 271, Slots: 1}}, InTheWay: []Obstacle{{InUse, "x", "x has it", "end it"}}}},
		},
		"a program that is not seen": {
			info: usb.Info{Settings: []usb.Setting{reader(1, 271, 0)}, Drivers: map[int]string{0: usb.Program}},
			want: []Device{{ID: "0000:0000", Readers: []Reader{{Level: "TPDU", Buffer: 271, Slots: 1}}, InTheWay: []Obstacle{{InUse, "", "another program has it", "end it"}}}},
		},
		"broken descriptors": {
			info: usb.Info{Broken: usb.ErrDescriptor},
			want: []Device{{ID: "0000:0000", InTheWay: []Obstacle{{BadDescriptors, "", "it describes itself wrongly", "plug it in anew; if that does not help, replace it"}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bus := usbtest.New(t)
			model := &answers{says: c.says}
			c.info.Port = "1-2"
			bus.Plug(&usbtest.Device{Info: c.info, Model: model, Holder: c.holder})
			got, err := List(t.Context(), bus)
			for i := range c.want {
				c.want[i].Port = "1-2"
			}
			if err != nil || !reflect.DeepEqual(got, c.want) || model.asked != c.asked {
				t.Errorf("%v, asked %d times\n%+v, want\n%+v", err, model.asked, got, c.want)
			}
			if b, err := json.Marshal(got); err != nil || bytes.Contains(b, []byte("S3CRET")) {
				t.Error(string(b), err)
			}
		})
	}
}

func TestThisMachine(t *testing.T) {
	all, err := List(t.Context(), System())
	if err != nil && (!errors.Is(err, usb.ErrNoBus) || all != nil) {
		t.Error(all, err)
	}
}

func TestOnly(t *testing.T) {
	bus := usbtest.New(t)
	a := &usbtest.Device{Info: usb.Info{Vendor: 0x054c, Product: 0x0dc9, Settings: []usb.Setting{reader(6, 522, 0)}}, Model: &answers{}}
	b := &usbtest.Device{Info: usb.Info{Vendor: 0x054c, Product: 0x0dc8, Settings: []usb.Setting{reader(6, 522, 0)}}, Model: &answers{}}
	bus.Plug(a)
	bus.Plug(b)
	for _, c := range []struct {
		ids   []string
		a, b  bool
		count int
	}{{nil, true, true, 2}, {[]string{"054c:0dc9"}, true, false, 1}, {[]string{"ffff:0000"}, false, false, 0}, {[]string{"054c:0dc9", "054c:0dc8"}, true, true, 2}} {
		pinned := Only(bus, c.ids)
		if list, err := pinned.List(t.Context()); err != nil || len(list) != c.count {
			t.Error(c.ids, list, err)
		}
		for d, want := range map[*usbtest.Device]bool{a: c.a, b: c.b} {
			claimed, err := pinned.Claim(t.Context(), d.Info.Place, 0, 0)
			if (err == nil) != want || err != nil && !errors.Is(err, usb.ErrGone) {
				t.Error(c.ids, d.Info.Product, err)
			}
			if err == nil {
				_ = claimed.Close()
			}
		}
	}
}
