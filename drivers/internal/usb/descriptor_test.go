package usb

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// configurations as devices send them.
var (
	// QEMU's usb-ccid (hw/usb/dev-smartcard-reader.c): interrupt in, bulk in, bulk out.
	qemuReader = unhex(`09 02 5d 00 01 01 00 e0 32
		09 04 00 00 03 0b 00 00 04
		36 21 10 01 00 07 03000000 a00f0000 a00f0000 00 80250000 80250000 00 fe000000 00000000 00000000 ba040100 12000100 ff ff 0000 00 01
		07 05 81 03 40 00 ff  07 05 82 02 40 00 00  07 05 03 02 40 00 00`)
	// Made as the SRM-20's is (lsusb -v, 0b75:039f): one bidirectional printer interface at full speed.
	plainPrinter = unhex(`09 02 20 00 01 01 00 40 01
		09 04 00 00 02 07 01 02 00
		07 05 01 02 40 00 00  07 05 82 02 40 00 00`)
	// A multi-function device at SuperSpeed: the same interface as 7/1/2 and, in its alternate setting 1, as 7/1/4; a second
	// 7/1/4 interface; and a vendor's own. Each endpoint has its companion (USB 3.2 §9.6.7). An association goes before.
	ippPrinter = unhex(`09 02 83 00 03 01 00 c0 01
		08 0b 00 02 07 01 04 00
		09 04 00 00 02 07 01 02 00
		07 05 01 02 00 04 00 06 30 00 00 00 00  07 05 82 02 00 04 00 06 30 00 00 00 00
		09 04 00 01 02 07 01 04 00
		07 05 01 02 00 04 00 06 30 00 00 00 00  07 05 82 02 00 04 00 06 30 00 00 00 00
		09 04 01 00 02 07 01 04 00
		07 05 03 02 00 04 00 06 30 00 00 00 00  07 05 84 02 00 04 00 06 30 00 00 00 00
		09 04 02 00 00 ff 03 01 00`)
)

func TestConfigurations(t *testing.T) {
	for name, c := range map[string]struct {
		raw  []byte
		want []string // interface/alternate class/subclass/protocol
		pipe []int    // MaxPacket of the first setting's bulk in, bulk out; 0 for none
	}{
		"QEMU's reader":  {qemuReader, []string{"0/0 11/0/0"}, []int{64, 64}},
		"plain printer":  {plainPrinter, []string{"0/0 7/1/2"}, []int{64, 64}},
		"multi-function": {ippPrinter, []string{"0/0 7/1/2", "0/1 7/1/4", "1/0 7/1/4", "2/0 255/3/1"}, []int{1024, 1024}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseConfiguration(c.raw)
			if err != nil || got.Value != 1 {
				t.Fatal(got.Value, err)
			}
			var said []string
			for _, s := range got.Settings {
				said = append(said, s.String())
			}
			if !reflect.DeepEqual(said, c.want) {
				t.Errorf("%q, want %q", said, c.want)
			}
			in, _ := got.Settings[0].Endpoint(true, KindBulk)
			out, _ := got.Settings[0].Endpoint(false, KindBulk)
			if in.MaxPacket != c.pipe[0] || out.MaxPacket != c.pipe[1] || !in.In() || out.In() {
				t.Error("pipes:", in, out)
			}
		})
	}
}

func TestClassDescriptorBeforeAndAfterThePipes(t *testing.T) {
	c, err := ParseConfiguration(qemuReader)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := c.Settings[0].ClassDescriptor(0x21)
	if !ok || len(d) != 54 || d[2] != 0x10 {
		t.Error("before:", d)
	}
	late := append(append(append([]byte(nil), qemuReader[:18]...), qemuReader[72:]...), qemuReader[18:72]...)
	if c, err = ParseConfiguration(late); err != nil {
		t.Fatal(err)
	}
	if d, ok := c.Settings[0].ClassDescriptor(0x21); !ok || len(d) != 54 {
		t.Error("after:", d)
	}
	if _, ok := c.Settings[0].ClassDescriptor(0x22); ok {
		t.Error("found what is not there")
	}
}

func TestBadConfigurations(t *testing.T) {
	change := func(at int, v byte) []byte {
		b := append([]byte(nil), qemuReader...)
		b[at] = v
		return b
	}
	for name, raw := range map[string][]byte{
		"nothing": nil, "short": qemuReader[:8], "cut off": qemuReader[:60], "another type": change(1, 3),
		"a total less than its own length": change(2, 5), "a length of 0": change(9, 0), "a length of 1": change(9, 1),
		"a length past the end": change(len(qemuReader)-7, 8), "a short interface": change(9, 3), "a short endpoint": change(72, 6),
		"an endpoint without an interface": change(10, 5), "its own length past all": change(0, 0xff),
	} {
		if c, err := ParseConfiguration(raw); !errors.Is(err, ErrDescriptor) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

// encode is the parser's opposite.
func encode(value uint8, settings []Setting) []byte {
	body := []byte{}
	for _, s := range settings {
		body = append(body, 9, typeInterface, byte(s.Interface), byte(s.Alternate), byte(len(s.Endpoints)), s.Class, s.SubClass, s.Protocol, 0)
		body = append(body, s.Extra...)
		for _, e := range s.Endpoints {
			body = append(body, 7, typeEndpoint, e.Address, byte(e.Kind), byte(e.MaxPacket), byte(e.MaxPacket>>8), e.Interval)
			body = append(body, e.Extra...)
		}
	}
	return append(binary.LittleEndian.AppendUint16([]byte{9, typeConfiguration}, uint16(9+len(body))), append([]byte{1, value, 0, 0x80, 50}, body...)...)
}

func TestWhatIsEncodedIsRead(t *testing.T) {
	extra := rapid.Custom(func(t *rapid.T) []byte {
		b := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "body")
		if len(b) == 0 {
			return nil
		}
		return append([]byte{byte(len(b) + 2), 0x21}, b...)
	})
	rapid.Check(t, func(t *rapid.T) {
		var want []Setting
		for i := range rapid.IntRange(0, 6).Draw(t, "settings") {
			s := Setting{Interface: i / 2, Alternate: i % 2, Class: rapid.Byte().Draw(t, "class"), Extra: extra.Draw(t, "extra")}
			for range rapid.IntRange(0, 4).Draw(t, "endpoints") {
				s.Endpoints = append(s.Endpoints, Endpoint{
					Address: rapid.Byte().Draw(t, "address"), Kind: Kind(rapid.IntRange(0, 3).Draw(t, "kind")),
					MaxPacket: rapid.IntRange(0, 0x7ff).Draw(t, "packet"), Interval: rapid.Byte().Draw(t, "interval"), Extra: extra.Draw(t, "after"),
				})
			}
			want = append(want, s)
		}
		got, err := ParseConfiguration(encode(3, want))
		if err != nil || got.Value != 3 || !reflect.DeepEqual(got.Settings, want) {
			t.Fatalf("%v: %+v, want %+v", err, got, want)
		}
	})
}

// FuzzConfiguration: no panic, nothing made up, and each setting once.
func FuzzConfiguration(f *testing.F) {
	for _, seed := range [][]byte{qemuReader, plainPrinter, ippPrinter, qemuReader[:60], {9, 2, 9, 0, 0, 1, 0, 0, 0}, {9, 2, 0, 0, 0, 1, 0, 0, 0}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		settings, err := configured(raw, 1)
		if err != nil && !errors.Is(err, ErrDescriptor) {
			t.Fatal(err)
		}
		seen, size := map[[2]int]bool{}, 0
		for _, s := range settings {
			key := [2]int{s.Interface, s.Alternate}
			if seen[key] {
				t.Fatal("twice:", s)
			}
			seen[key] = true
			size += 9 + len(s.Extra)
			for _, e := range s.Endpoints {
				size += 7 + len(e.Extra)
			}
			_, _ = s.ClassDescriptor(0x21)
		}
		if size > len(raw) {
			t.Fatalf("%d bytes of %d", size, len(raw))
		}
	})
}
