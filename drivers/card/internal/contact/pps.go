package contact

import (
	"bytes"
	"errors"
)

// ErrPPS is an answer to a PPS request that does not agree to it.
var ErrPPS = errors.New("contact: the card did not agree to the parameters")

// PPS builds a request for protocol t, and for the speed of TA1 where fast (§9.2).
func (a ATR) PPS(t byte, fast bool) []byte {
	request := []byte{0xFF, t}
	if fast {
		request = []byte{0xFF, 0x10 | t, a.Speed}
	}
	return append(request, xor(request))
}

// Agreed reads the answer to a PPS request (§9.3): fast tells whether the speed was agreed to as well.
func Agreed(request, answer []byte) (fast bool, err error) {
	asked := request[1]&0x10 != 0
	switch {
	case bytes.Equal(request, answer):
		return asked, nil
	case asked && len(answer) == 3 && answer[0] == 0xFF && answer[1] == request[1]&0xF && xor(answer) == 0:
		return false, nil
	}
	return false, ErrPPS
}
