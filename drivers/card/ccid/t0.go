package ccid

import (
	"context"
	"fmt"
)

// t0 is a card behind a reader at TPDU level that speaks T=0: the reader handles procedure bytes, the mapping of APDUs is
// left (ISO/IEC 7816-3 §12.2). Only short ones exist.
type t0 struct {
	*device
	slot byte
}

const insGetResponse = 0xC0

// transmit sends a command and fetches the answer that the card keeps back (61xx). A command with a wrong Le and no data
// is sent again with the right one (6Cxx): the card has refused it.
func (c t0) transmit(ctx context.Context, command []byte) ([]byte, error) {
	tpdu, le, ok := mapped(command)
	if !ok {
		return append([]byte(nil), wrongLength...), nil
	}
	defer clear(tpdu)
	data, sw, err := c.once(ctx, tpdu)
	if err == nil && sw[0] == 0x6C && len(tpdu) == 5 && le > 0 {
		tpdu[4] = sw[1]
		data, sw, err = c.once(ctx, tpdu)
	}
	for err == nil && sw[0] == 0x61 && len(data) < le {
		var more []byte
		more, sw, err = c.rest(ctx, command[0], byte(min(waits(sw[1]), le-len(data))))
		if len(more) == 0 && sw[0] == 0x61 {
			err = fmt.Errorf("%w: an answer that does not come", ErrProtocol)
		}
		data = append(data, more...)
	}
	if err != nil {
		return nil, err
	}
	return append(data, sw[0], sw[1]), nil
}

// mapped is the TPDU for an APDU, and how many bytes it asks for.
func mapped(apdu []byte) (tpdu []byte, le int, ok bool) {
	n := len(apdu)
	switch {
	case n < 4 || extended(apdu):
		return nil, 0, false
	case n == 4:
		return append(append(tpdu, apdu...), 0), 0, true
	case n == 5:
		return append(tpdu, apdu...), waits(apdu[4]), true
	}
	lc := int(apdu[4])
	switch n {
	case 5 + lc:
		return append(tpdu, apdu...), 0, true
	case 6 + lc:
		return append(tpdu, apdu[:n-1]...), waits(apdu[n-1]), true
	}
	return nil, 0, false
}

// waits reads Le, and the second half of 61xx: 00 is 256.
func waits(b byte) int {
	if b == 0 {
		return 256
	}
	return int(b)
}

// rest is GET RESPONSE, in the command's own class (ISO/IEC 7816-4 §7.6.1 leaves the card the basic one where it knows no
// other, and the JPKI application's 80 is one of those).
func (c t0) rest(ctx context.Context, class, le byte) (data []byte, sw [2]byte, err error) {
	get := []byte{class &^ 0x80, insGetResponse, 0, 0, le}
	data, sw, err = c.once(ctx, get)
	if err == nil && sw[0] == 0x6C {
		get[4] = sw[1]
		data, sw, err = c.once(ctx, get)
	}
	return data, sw, err
}

func (c t0) once(ctx context.Context, tpdu []byte) (data []byte, sw [2]byte, err error) {
	a, err := c.xfr(ctx, c.slot, [3]byte{}, tpdu, cardWithin)
	if err != nil {
		return nil, sw, err
	}
	n := len(a.data) - 2
	if n < 0 || n > 256 {
		return nil, sw, fmt.Errorf("%w: %d bytes as an answer of T=0", ErrProtocol, len(a.data))
	}
	return a.data[:n:n], [2]byte(a.data[n:]), nil
}

func (c t0) verify(ctx context.Context, head [4]byte) ([]byte, error) {
	return c.fingers(ctx, c.slot, head, [3]byte{})
}
