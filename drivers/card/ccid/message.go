package ccid

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Messages to the reader, from it, and through the interrupt pipe (§6).
const (
	setParameters = 0x61
	iccPowerOn    = 0x62
	iccPowerOff   = 0x63
	getSlotStatus = 0x65
	secure        = 0x69
	xfrBlock      = 0x6F
	abortMessage  = 0x72

	dataBlock  = 0x80
	slotStatus = 0x81
	parameters = 0x82

	notifySlotChange = 0x50
	hardwareError    = 0x51
)

// answeredBy is which message answers which (table 6.1-1).
func answeredBy(kind byte) byte {
	switch kind {
	case iccPowerOn, secure, xfrBlock:
		return dataBlock
	case setParameters:
		return parameters
	}
	return slotStatus
}

// request is one message to a slot; what is special are the three bytes before the data.
type request struct {
	kind    byte
	special [3]byte
	data    []byte
}

func (r request) encode(slot, seq byte) []byte {
	b := make([]byte, header, header+len(r.data))
	b[0], b[5], b[6] = r.kind, slot, seq
	binary.LittleEndian.PutUint32(b[1:], uint32(len(r.data)))
	copy(b[7:], r.special[:])
	return append(b, r.data...)
}

// answer is one message from the reader.
type answer struct {
	kind, slot, seq byte
	status, failure byte
	special         byte // bChainParameter, bClockStatus or bProtocolNum
	data            []byte
}

// length reads how long a message is from its header, in bytes.
func length(head []byte) (int, error) {
	if len(head) < header {
		return 0, fmt.Errorf("%w: a message of %d bytes", ErrProtocol, len(head))
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxMessage-header {
		return 0, fmt.Errorf("%w: a message of %d bytes is announced", ErrProtocol, n)
	}
	return header + int(n), nil
}

func parseAnswer(b []byte) (answer, error) {
	n, err := length(b)
	if err != nil {
		return answer{}, err
	}
	if len(b) != n {
		return answer{}, fmt.Errorf("%w: a message of %d bytes that says %d", ErrProtocol, len(b), n)
	}
	a := answer{b[0], b[5], b[6], b[7], b[8], b[9], b[header:]}
	if a.kind < dataBlock || a.kind > parameters || a.status&3 == 3 || a.status>>6 == 3 {
		return answer{}, fmt.Errorf("%w: a message of kind %02X, status %02X", ErrProtocol, a.kind, a.status)
	}
	return a, nil
}

func (a answer) present() bool   { return a.status&3 != 2 }
func (a answer) active() bool    { return a.status&3 == 0 }
func (a answer) wantsTime() bool { return a.status>>6 == 2 }

// err is what the reader says went wrong.
func (a answer) err() error {
	switch {
	case a.status>>6 != 1:
		return nil
	case !a.present():
		return errNoCard
	}
	return failure(a.failure)
}

// failure is bError of a command that failed (table 6.2-2).
type failure byte

const (
	commandAborted = failure(0xFF)
	iccMute        = failure(0xFE)
	parityError    = failure(0xFD)
	busyAuto       = failure(0xF2)
	pinTimeout     = failure(0xF0)
	pinCancelled   = failure(0xEF)
	slotBusy       = failure(0xE0)
	unsupported    = failure(0x00)
)

var failures = map[failure]string{
	commandAborted: "aborted", iccMute: "the card is mute", parityError: "parity error", 0xFC: "overrun", 0xFB: "hardware error",
	0xF8: "bad TS", 0xF7: "bad TCK", 0xF6: "protocol not supported", 0xF5: "class not supported", 0xF4: "procedure byte conflict",
	0xF3: "protocol deactivated", busyAuto: "busy with a sequence of its own", pinTimeout: "nobody typed", pinCancelled: "cancelled",
	slotBusy: "slot busy", unsupported: "command not supported",
}

func (f failure) Error() string {
	if s, ok := failures[f]; ok {
		return "ccid: " + s
	}
	return fmt.Sprintf("ccid: error %02X", byte(f))
}

var errNoCard = errors.New("ccid: the slot is empty")

// notice is what an interrupt message says: which slots hold a card and which changed, or that hardware failed.
type notice struct {
	present, changed []bool
	broken           int // the slot with a hardware error, -1 for none
}

func parseNotice(b []byte, slots int) (notice, error) {
	n := notice{broken: -1}
	switch {
	case len(b) >= 1+(slots+3)/4 && b[0] == notifySlotChange:
		for i := range slots {
			bits := b[1+i/4] >> (i % 4 * 2)
			n.present, n.changed = append(n.present, bits&1 != 0), append(n.changed, bits&2 != 0)
		}
		return n, nil
	case len(b) >= 4 && b[0] == hardwareError && int(b[1]) < slots:
		n.broken = int(b[1])
		return n, nil
	}
	return notice{}, fmt.Errorf("%w: an unknown notice", ErrProtocol)
}
