package ccid

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/card/internal/contact"
	"honnin/drivers/internal/usb"
)

// class is the class descriptor of a model, changed.
func classDescriptor(t testing.TB, m ccidtest.Model, change map[int]byte) []byte {
	t.Helper()
	c, err := usb.ParseConfiguration(m.Configuration())
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := c.Settings[0].ClassDescriptor(descriptorType)
	if !ok {
		t.Fatal("no class descriptor")
	}
	raw = slices.Clone(raw)
	for at, v := range change {
		raw[at] = v
	}
	return raw
}

// sonyRCS300 is what is published of a contactless reader that many use with their My Number card: short and extended
// APDUs, messages of 522 bytes, no keys.
func sonyRCS300() []byte {
	b := make([]byte, 54)
	b[0], b[1], b[2], b[3], b[5], b[53] = 54, 0x21, 0x10, 0x01, 1, 1
	for at, v := range map[int]uint32{6: 3, 10: 4000, 14: 4000, 19: 10752, 23: 344100, 28: 254, 40: 0x6_0000 | 0xBA, 44: 522} {
		binary.LittleEndian.PutUint32(b[at:], v)
	}
	return b
}

func TestDescriptor(t *testing.T) {
	pad := ccidtest.Model{Level: ccidtest.TPDU, Pad: true, Display: true, Slots: 2}
	for _, c := range []struct {
		name string
		raw  []byte
		want Descriptor
		text string
	}{
		{"TPDU with keys", classDescriptor(t, pad, nil), Descriptor{2, 7, 3, 4000, 344086, 254, TPDU, 271, true, true, 0x1_0000},
			"TPDU, messages of 271 bytes, 2 slots, PIN pad"},
		{"short and extended", sonyRCS300(), Descriptor{1, 1, 3, 4000, 344100, 254, ExtendedAPDU, 522, false, false, 0x6_00BA},
			"extended APDU, messages of 522 bytes"},
		{"out of all reason", classDescriptor(t, pad, map[int]byte{4: 0, 10: 0, 11: 0, 28: 0xFF, 29: 0xFF, 44: 0xFF, 45: 0xFF, 46: 0xFF, 47: 0xFF}),
			Descriptor{1, 7, 3, 1000, 344086, 254, TPDU, maxMessage, true, true, 0x1_0000}, "TPDU, messages of 65554 bytes, PIN pad"},
	} {
		got, err := ParseDescriptor(c.raw)
		if err != nil || !reflect.DeepEqual(got, c.want) || got.String() != c.text {
			t.Errorf("%s: %+v (%v), %v", c.name, got, got, err)
		}
	}
	for name, change := range map[string]map[int]byte{
		"another length": {0: 53}, "another type": {1: 0x22}, "characters": {42: 0}, "no protocol": {6: 0}, "17 slots": {4: 16},
		"tiny messages": {44: 20, 45: 0},
	} {
		if d, err := ParseDescriptor(classDescriptor(t, pad, change)); !errors.Is(err, ErrDescriptor) || d != (Descriptor{}) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

func TestFailureWords(t *testing.T) {
	for f, want := range map[failure]string{0xFE: "ccid: the card is mute", 0x07: "ccid: error 07", 0xEF: "ccid: cancelled"} {
		if f.Error() != want {
			t.Errorf("%q", f.Error())
		}
	}
}

func FuzzDescriptor(f *testing.F) {
	f.Add(sonyRCS300())
	f.Add(classDescriptor(f, ccidtest.Model{Level: ccidtest.TPDU}, nil))
	f.Add([]byte{54, 0x21})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := ParseDescriptor(raw)
		if (err == nil) == (d == Descriptor{}) {
			t.Errorf("%+v, %v", d, err)
		}
		if err == nil && (d.Slots < 1 || d.Slots > 16 || d.Level < TPDU || d.Level > ExtendedAPDU || d.MaxMessage < 64 ||
			d.MaxMessage > maxMessage || d.MaxIFSD > 254 || d.Clock < 1000) {
			t.Errorf("%+v", d)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte{0x80, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0x90, 0x00})
	f.Add([]byte{0x81, 0, 0, 0, 0, 0, 1, 0x42, 0xFE, 0})
	f.Add([]byte{0x50, 0x03})
	f.Add([]byte{0x51, 0, 0, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if a, err := parseAnswer(raw); err == nil {
			back := request{a.kind, [3]byte{a.status, a.failure, a.special}, a.data}.encode(a.slot, a.seq)
			if !bytes.Equal(back, raw) {
				t.Errorf("% X came back as % X", raw, back)
			}
		} else if !errors.Is(err, ErrProtocol) {
			t.Error(err)
		}
		for _, slots := range []int{1, 5} {
			if n, err := parseNotice(raw, slots); err == nil && (n.broken >= slots || n.broken < 0 && len(n.present) != slots) {
				t.Errorf("%+v", n)
			}
		}
	})
}

// stream is a reader that says whatever it was given, in packets of 64 bytes.
type stream struct {
	usb.Interface
	rest     []byte
	verifies int
}

var verify = []byte("\x00\x20\x00\x80\x041234")

func (s *stream) Write(_ context.Context, _ uint8, p []byte) (int, error) {
	if bytes.Contains(p, verify) {
		s.verifies++
	}
	return len(p), nil
}

func (s *stream) Read(_ context.Context, _ uint8, p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, usb.ErrGone
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) Control(context.Context, uint8, uint8, uint16, uint16, []byte) (int, error) {
	return 0, usb.ErrStall
}

// FuzzReader lets a reader say anything to a command at each level: the command is handed over once, what comes back is
// bounded, and it ends.
func FuzzReader(f *testing.F) {
	ok := []byte{0x80, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x00}
	for level := range 4 {
		f.Add(byte(level), ok)
		f.Add(byte(level), append([]byte{0x80, 0, 0, 0, 0, 0, 0, 0x80, 1, 0}, ok...))
		f.Add(byte(level), []byte{0x80, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0x80, 2, 0, 0, 0, 0, 1, 0, 0, 2, 0x90, 0})
		f.Add(byte(level), []byte{0x80, 0, 0, 0, 0, 0, 0, 0x40, 0xFE, 0})
		lost := append(make([]byte, 64), 0x81, 0, 0, 0, 0, 0, 1, 0, 0, 0) // nonsense, the end of the abort, and an answer
		f.Add(byte(level), append(append(lost, make([]byte, 54)...), 0x80, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0x90, 0x00))
	}
	f.Fuzz(func(t *testing.T, level byte, said []byte) {
		s := &stream{rest: said}
		d := &device{
			Descriptor: Descriptor{Level: []Level{TPDU, TPDU, ShortAPDU, ExtendedAPDU}[level%4], MaxMessage: 271, MaxIFSD: 254, Clock: 4000},
			pipes:      s, packet: 64, turn: make(chan struct{}, 1), over: make(chan struct{}), stir: func() {}, lost: func(error) {},
		}
		most := 1
		var c carrier = apdus{d, 0}
		switch level % 4 {
		case 0: // a block may be repeated, a command not
			blocks := &t1{device: d}
			blocks.line, c, most = contact.NewT1(contact.ATR{IFSC: 32}, 254, blocks.exchange), blocks, 3
		case 1:
			c = t0{d, 0}
		}
		answer, err := c.transmit(t.Context(), verify)
		if err != nil { // what is left open is aborted
			answer, err = c.transmit(t.Context(), verify)
			most *= 2
		}
		if err == nil && (len(answer) > maxAnswer || len(answer) > len(said)) {
			t.Errorf("%d bytes from %d", len(answer), len(said))
		}
		if s.verifies > most {
			t.Errorf("it was handed over %d times", s.verifies)
		}
	})
}

// TestFits: part of a name is whole words.
func TestFits(t *testing.T) {
	const name = "Practice SCR331-DI v1.2 (1209:0002) 1-2 interface 1 slot 1"
	for _, words := range []string{"", "Practice", "SCR331", "SCR331-DI", "1209:0002", "1-2", "1-2 interface 1", "v1.2", "slot 1", name} {
		if !fits(name, words) {
			t.Errorf("%q is not found", words)
		}
	}
	for _, words := range []string{"Pract", "ractice", "SCR33", "1209:000", "209:0002", "-3", "1", "slot 2", name + " slot 1"} {
		if fits(name, words) != (words == "1") { // that is a slot
			t.Errorf("%q", words)
		}
	}
	for _, port := range []string{"1-21", "1-2.3", "11-2", "1-2-3", "2.1-2"} {
		if fits("Reader (1209:0002) "+port, "1-2") {
			t.Errorf("1-2 is found in %s", port)
		}
	}
}

func TestPackets(t *testing.T) {
	for _, c := range [][3]int{{10, 64, 64}, {10, 8, 16}, {64, 64, 64}, {65, 64, 128}, {1, 512, 512}} {
		if got := packets(c[0], c[1]); got != c[2] {
			t.Errorf("%d bytes in packets of %d: room for %d", c[0], c[1], got)
		}
	}
}
