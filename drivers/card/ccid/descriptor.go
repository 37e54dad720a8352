package ccid

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrDescriptor is a class descriptor that this package cannot work with.
var ErrDescriptor = errors.New("ccid: the reader's descriptor")

// Level is how much of a card's protocol a reader leaves to its host (§5.1, dwFeatures).
type Level int

// The levels.
const (
	TPDU         Level = 1 + iota // the host forms T=1 blocks and T=0 commands
	ShortAPDU                     // the reader takes short APDUs
	ExtendedAPDU                  // the reader takes APDUs of any length, in parts where they are long
)

func (l Level) String() string {
	switch l {
	case TPDU:
		return "TPDU"
	case ShortAPDU:
		return "short APDU"
	case ExtendedAPDU:
		return "extended APDU"
	}
	return "unknown"
}

// Bits of dwFeatures that matter here.
const (
	autoParameters = 0x02 // from the ATR
	autoVoltage    = 0x08
	autoNegotiate  = 0x40 // parameters, in its own way
	autoPPS        = 0x80
	autoIFSD       = 0x400
	levelTPDU      = 0x1_0000
	levelShort     = 0x2_0000
	levelExtended  = 0x4_0000
)

const (
	descriptorLength = 54
	descriptorType   = 0x21
	header           = 10 // of every message
	maxMessage       = header + 65544
)

// Descriptor is what matters of the Smart Card Device Class Descriptor (§5.1).
type Descriptor struct {
	Slots      int   // slots, 1 to 16
	Voltages   byte  // bit 0: 5 V, bit 1: 3 V, bit 2: 1.8 V
	Protocols  byte  // bit 0: T=0, bit 1: T=1
	Clock      int   // kHz
	MaxRate    int   // bits per second
	MaxIFSD    int   // bytes
	Level      Level // the highest one offered
	MaxMessage int   // dwMaxCCIDMessageLength, bytes
	Display    bool  // it has lines of text
	PINPad     bool  // it takes a PIN on keys of its own and verifies it
	features   uint32
}

// ParseDescriptor reads the 54 bytes. A reader that works on characters only, or has no protocol that cards speak, is
// [ErrDescriptor]; numbers that are out of all reason are brought to the nearest ones.
func ParseDescriptor(b []byte) (Descriptor, error) {
	if len(b) != descriptorLength || b[0] != descriptorLength || b[1] != descriptorType {
		return Descriptor{}, fmt.Errorf("%w: it is not one of the class", ErrDescriptor)
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	d := Descriptor{
		Slots:      int(b[4]) + 1,
		Voltages:   b[5] & 7,
		Protocols:  byte(u32(6) & 3),
		Clock:      within(u32(10), 1000, 20_000),
		MaxRate:    within(u32(23), 9600, 10_000_000),
		MaxIFSD:    within(u32(28), 32, 254),
		MaxMessage: within(u32(44), header, maxMessage),
		Display:    b[50] != 0 && b[51] != 0,
		PINPad:     b[52]&1 != 0,
		features:   u32(40),
	}
	switch {
	case d.features&levelExtended != 0:
		d.Level = ExtendedAPDU
	case d.features&levelShort != 0:
		d.Level = ShortAPDU
	case d.features&levelTPDU != 0:
		d.Level = TPDU
	default:
		return Descriptor{}, fmt.Errorf("%w: it exchanges characters only", ErrDescriptor)
	}
	switch {
	case d.Slots > 16:
		return Descriptor{}, fmt.Errorf("%w: %d slots", ErrDescriptor, d.Slots)
	case d.Protocols == 0 && d.Level == TPDU:
		return Descriptor{}, fmt.Errorf("%w: neither T=0 nor T=1", ErrDescriptor)
	case d.MaxMessage < minMessage[d.Level]:
		return Descriptor{}, fmt.Errorf("%w: messages of %d bytes", ErrDescriptor, d.MaxMessage)
	}
	return d, nil
}

// minMessage is the least dwMaxCCIDMessageLength to work with. The standard wants 271 for the first two, and some readers
// say less (263) than they take.
var minMessage = map[Level]int{TPDU: 256, ShortAPDU: 256, ExtendedAPDU: 64}

func within(v, least, most uint32) int { return int(min(max(v, least), most)) }

func (d Descriptor) has(feature uint32) bool { return d.features&feature != 0 }

// String is for people: level, buffer and keys.
func (d Descriptor) String() string {
	s := []string{d.Level.String(), fmt.Sprintf("messages of %d bytes", d.MaxMessage)}
	if d.Slots > 1 {
		s = append(s, fmt.Sprintf("%d slots", d.Slots))
	}
	if d.PINPad {
		s = append(s, "PIN pad")
	}
	return strings.Join(s, ", ")
}
