package ccidtest

import "encoding/binary"

// Level is how much of a protocol the host has to do itself: the exchange levels of dwFeatures (§5.1).
type Level uint32

// The levels.
const (
	Character    Level = 0
	TPDU         Level = 0x1_0000
	ShortAPDU    Level = 0x2_0000
	ExtendedAPDU Level = 0x4_0000
)

// What readers may do of themselves: other bits of dwFeatures.
const (
	AutoParameters uint32 = 0x02
	AutoActivation uint32 = 0x04
	AutoVoltage    uint32 = 0x08
	AutoPPS        uint32 = 0x80
	AutoIFSD       uint32 = 0x400
)

// Endpoints of every reader made here.
const (
	Out       = 0x01
	In        = 0x82
	Interrupt = 0x83
)

// Model is a make of reader. What is zero has a usual value.
type Model struct {
	Manufacturer, Product string
	Vendor, ID            uint16
	Level                 Level
	Features              uint32
	MaxMessage            int  // dwMaxCCIDMessageLength, 271
	Packet                int  // wMaxPacketSize of the bulk pipes, 64
	Slots                 int  // 1
	Voltages              byte // bVoltageSupport, 7: all
	Pad, Display          bool // PIN entry on its own keys; two lines of 16 characters
	NoInterrupt           bool // no interrupt pipe
	Notice                int  // wMaxPacketSize of the interrupt pipe, 8
	Class                 byte // of the interface, 0B
	Short                 bool // the class descriptor is cut to 53 bytes
}

func (m Model) settled() Model {
	for _, d := range []struct {
		field *int
		usual int
	}{{&m.MaxMessage, 271}, {&m.Packet, 64}, {&m.Slots, 1}, {&m.Notice, 8}} {
		if *d.field == 0 {
			*d.field = d.usual
		}
	}
	if m.Voltages == 0 {
		m.Voltages = 7
	}
	if m.Class == 0 {
		m.Class = 0x0B
	}
	if m.Product == "" {
		m.Manufacturer, m.Product, m.Vendor, m.ID = "Practice", "Reader", 0x1209, 0x0002
	}
	return m
}

// Descriptor is the device descriptor (USB 2.0 §9.6.1); its strings are 1 and 2.
func (m Model) Descriptor() []byte {
	m = m.settled()
	b := []byte{18, 1, 0x00, 0x02, 0, 0, 0, 64, 0, 0, 0, 0, 0x00, 0x01, 1, 2, 0, 1}
	binary.LittleEndian.PutUint16(b[8:], m.Vendor)
	binary.LittleEndian.PutUint16(b[10:], m.ID)
	return b
}

// Configuration is the configuration with its interface, class and endpoint descriptors.
func (m Model) Configuration() []byte {
	m = m.settled()
	pipes := byte(3)
	if m.NoInterrupt {
		pipes = 2
	}
	b := []byte{9, 2, 0, 0, 1, 1, 0, 0x80, 50}
	b = append(b, 9, 4, 0, 0, pipes, m.Class, 0, 0, 0)
	b = append(b, m.class()...)
	packet := []byte{byte(m.Packet), byte(m.Packet >> 8)}
	b = append(b, 7, 5, Out, 2, packet[0], packet[1], 0)
	b = append(b, 7, 5, In, 2, packet[0], packet[1], 0)
	if !m.NoInterrupt {
		b = append(b, 7, 5, Interrupt, 3, byte(m.Notice), 0, m.interval())
	}
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// interval is bInterval for 16 ms: frames, but an exponent of microframes at high speed, which packets of more than 64 bytes
// mean (USB 2.0 §9.6.6). 16 would be four seconds there.
func (m Model) interval() byte {
	if m.Packet > 64 {
		return 8
	}
	return 16
}

// class is the Smart Card Device Class Descriptor (§5.1).
func (m Model) class() []byte {
	b := make([]byte, 54)
	b[0], b[1] = 54, 0x21
	binary.LittleEndian.PutUint16(b[2:], 0x0110)
	b[4], b[5] = byte(m.Slots-1), m.Voltages
	for at, v := range map[int]uint32{
		6: 3, 10: 4000, 14: 4000, 19: 10752, 23: 344086, 28: 254,
		40: uint32(m.Level) | m.Features, 44: uint32(m.MaxMessage),
	} {
		binary.LittleEndian.PutUint32(b[at:], v)
	}
	b[48], b[49], b[53] = 0xFF, 0xFF, 1
	if m.Pad {
		b[52] = 1
	}
	if m.Display {
		b[50], b[51] = 16, 2
	}
	if m.Short {
		b[0] = 53
		return b[:53]
	}
	return b
}
