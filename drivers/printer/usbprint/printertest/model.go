package printertest

import "encoding/binary"

// Model is a make of printer. What is zero has a usual value.
type Model struct {
	Manufacturer, Product string
	Vendor, ID            uint16
	Direct                byte   // 1 or 2: interface 0 takes documents as they are, by 7/1/1 or 7/1/2; 0: it does not
	Over                  int    // interfaces with IPP over USB, each in setting 1; setting 0 is Direct's, or the maker's own
	Lone                  bool   // those interfaces have no other setting; not together with Direct
	DeviceID              string // IEEE 1284, without its length; has PDF when empty
	Packet                int    // wMaxPacketSize of the bulk pipes, 512
}

func (m Model) settled() Model {
	if m.Packet == 0 {
		m.Packet = 512
	}
	if m.Product == "" {
		m.Manufacturer, m.Product = "Practice", "Printer"
	}
	if m.Vendor == 0 {
		m.Vendor, m.ID = 0x1209, 0x0003
	}
	if m.DeviceID == "" {
		m.DeviceID = "MFG:Practice;MDL:Printer;CMD:PJL,PDF,PCL;CLS:PRINTER;SN:0000-SAMPLE;"
	}
	return m
}

// interfaces is how many there are.
func (m Model) interfaces() int { return max(m.Over, min(int(m.Direct), 1)) }

// Out and In are the endpoints of an interface; its alternates have the same.
func Out(iface int) uint8 { return uint8(2*iface + 1) }

// In is the way from the printer.
func In(iface int) uint8 { return 0x80 | uint8(2*iface+2) }

// of tells the interface of an endpoint.
func of(endpoint uint8) int { return int(endpoint&0x0f-1) / 2 }

// over says whether an interface speaks IPP in that setting.
func (m Model) over(iface, alternate int) bool {
	return iface < m.Over && (m.Lone || alternate == 1)
}

// Descriptor is the device descriptor (USB 2.0 §9.6.1); its strings are 1 and 2.
func (m Model) Descriptor() []byte {
	m = m.settled()
	b := []byte{18, 1, 0x00, 0x02, 0, 0, 0, 64, 0, 0, 0, 0, 0x00, 0x01, 1, 2, 0, 1}
	binary.LittleEndian.PutUint16(b[8:], m.Vendor)
	binary.LittleEndian.PutUint16(b[10:], m.ID)
	return b
}

// Configuration is the configuration with its interfaces and endpoints.
func (m Model) Configuration() []byte {
	m = m.settled()
	b := []byte{9, 2, 0, 0, byte(m.interfaces()), 1, 0, 0xc0, 0}
	for i := range m.interfaces() {
		switch {
		case i == 0 && m.Direct > 0:
			b = append(b, m.setting(i, 0, 7, m.Direct)...)
		case !m.Lone:
			b = append(b, m.setting(i, 0, 0xff, 0)...)
		}
		switch {
		case m.Lone:
			b = append(b, m.setting(i, 0, 7, 4)...)
		case i < m.Over:
			b = append(b, m.setting(i, 1, 7, 4)...)
		}
	}
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func (m Model) setting(iface, alternate int, class, protocol byte) []byte {
	pipes := byte(2)
	if protocol == 1 {
		pipes = 1
	}
	b := []byte{9, 4, byte(iface), byte(alternate), pipes, class, 1, protocol, 0}
	b = append(b, 7, 5, Out(iface), 2, byte(m.Packet), byte(m.Packet>>8), 0)
	if protocol != 1 {
		b = append(b, 7, 5, In(iface), 2, byte(m.Packet), byte(m.Packet>>8), 0)
	}
	return b
}
