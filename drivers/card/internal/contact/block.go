package contact

import "errors"

// Blocks of T=1 (§11.3): NAD, PCB, LEN, at most 254 bytes of information, LRC or CRC. NAD is 0 both ways.
const (
	prologue  = 3
	maxLength = 254

	pcbR = 0x80 // R-block, bit 4 the number expected, bits 0 and 1 an error
	pcbS = 0xC0 // S-block, bit 5 a response

	sResynch  = 0xC0
	sIFS      = 0xC1
	sAbort    = 0xC2
	sWTX      = 0xC3
	sResponse = 0x20

	rWrongEDC = 1
	rOther    = 2
)

var (
	errInvalid  = errors.New("contact: an invalid block")
	errWrongEDC = errors.New("contact: an invalid block: its check is wrong")
)

// block is one block without address, length and check.
type block struct {
	pcb byte
	inf []byte
}

func (b block) isI() bool       { return b.pcb&0x80 == 0 }
func (b block) isR() bool       { return b.pcb&0xC0 == pcbR }
func (b block) isRequest() bool { return b.pcb&0xE0 == pcbS }
func (b block) more() bool      { return b.pcb&0x20 != 0 }
func (b block) sent() byte      { return b.pcb >> 6 & 1 } // N(S) of an I-block
func (b block) expected() byte  { return b.pcb >> 4 & 1 } // N(R) of an R-block

// known tells whether PCB and length are among those that a card may send (§11.3.2.2).
func (b block) known() bool {
	switch {
	case b.isI():
		return b.pcb&0x1F == 0
	case b.isR():
		return b.pcb&0x2C == 0 && b.pcb&3 != 3 && len(b.inf) == 0
	}
	switch b.pcb {
	case sIFS, sIFS | sResponse:
		return len(b.inf) == 1 && b.inf[0] != 0 && b.inf[0] != 255
	case sWTX:
		return len(b.inf) == 1 && b.inf[0] != 0
	case sAbort, sAbort | sResponse, sResynch | sResponse:
		return len(b.inf) == 0
	}
	return false
}

func information(ns byte, more bool, inf []byte) block {
	pcb := ns << 6
	if more {
		pcb |= 0x20
	}
	return block{pcb, inf}
}

// encode writes the block.
func (b block) encode(crc bool) []byte {
	raw := append(make([]byte, 0, prologue+len(b.inf)+2), 0, b.pcb, byte(len(b.inf)))
	raw = append(raw, b.inf...)
	if crc {
		sum := crc16(raw)
		return append(raw, byte(sum>>8), byte(sum))
	}
	return append(raw, xor(raw))
}

// decode reads a block; the information is raw's.
func decode(raw []byte, crc bool) (block, error) {
	check := 1
	if crc {
		check = 2
	}
	if len(raw) < prologue+check || raw[2] > maxLength || len(raw) != prologue+int(raw[2])+check {
		return block{}, errInvalid
	}
	if body := raw[:len(raw)-check]; crc && crc16(body) != uint16(raw[len(raw)-2])<<8|uint16(raw[len(raw)-1]) || !crc && xor(raw) != 0 {
		return block{}, errWrongEDC
	}
	b := block{raw[1], raw[prologue : len(raw)-check]}
	if raw[0] != 0 || !b.known() {
		return block{}, errInvalid
	}
	return b, nil
}

// crc16 is the CRC of ISO/IEC 13239 with polynomial x^16+x^12+x^5+1, least significant bit first, from FFFF. The order of
// its two bytes, and that it is not complemented, is what libccid does; no card that uses it was at hand (the JPKI card
// does not).
func crc16(b []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, c := range b {
		sum ^= uint16(c)
		for range 8 {
			carry := sum & 1
			sum >>= 1
			if carry != 0 {
				sum ^= 0x8408
			}
		}
	}
	return sum
}
