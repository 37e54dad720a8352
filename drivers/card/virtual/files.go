package virtual

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/subtle"
)

var (
	jpkiID         = []byte{0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01}
	inputSupportID = []byte{0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08}
)

// choose is SELECT: an application by its identifier, or a file of the JPKI application.
func (c *Card) choose(cmd command) uint16 {
	if cmd.p2 != 0x0C && cmd.p2 != 0x00 {
		return swP1P2
	}
	switch cmd.p1 {
	case 0x04:
		return c.chooseApplication(cmd.data)
	case 0x02:
		if len(cmd.data) != 2 {
			return swLength
		}
		return c.chooseFile(uint16(cmd.data[0])<<8 | uint16(cmd.data[1]))
	}
	return swP1P2
}

func (c *Card) chooseApplication(id []byte) uint16 {
	switch {
	case bytes.Equal(id, jpkiID):
		c.session = session{application: jpki}
	case bytes.Equal(id, inputSupportID): // present and empty: nothing of it is needed here
		c.session = session{application: inputSupport}
	default:
		return swNotFound
	}
	return swOK
}

func (c *Card) chooseFile(id uint16) uint16 {
	if _, ok := c.files[id]; !ok || c.session.application != jpki {
		return swNotFound
	}
	c.session.current = id
	return swOK
}

// byReference finds the file that P1 or P2 names: the current one, or another by short file identifier, which then is
// the current one. wrong is the status word for a card that does not know short identifiers.
func (c *Card) byReference(p byte, wrong uint16) (file, uint16) {
	if short := uint16(p & 0x1F); short != 0 {
		if !c.options.ShortFileIDs || p&0x60 != 0 {
			return file{}, wrong
		}
		if status := c.chooseFile(short); status != swOK {
			return file{}, status
		}
	}
	f, ok := c.files[c.session.current]
	if !ok {
		return file{}, swNoCurrentFile
	}
	return f, 0
}

// read is READ BINARY, with an offset of 15 bits or a short file identifier in P1.
func (c *Card) read(cmd command) ([]byte, uint16) {
	offset, reference := int(cmd.p1)<<8|int(cmd.p2), byte(0)
	if cmd.p1&0x80 != 0 {
		offset, reference = int(cmd.p2), cmd.p1
		if cmd.p1&0x1F == 0 {
			return nil, swP1P2
		}
	}
	f, status := c.byReference(reference, swOffset)
	if status != 0 {
		return nil, status
	}
	return c.readFile(f, offset, cmd.le)
}

func (c *Card) readFile(f file, offset, le int) ([]byte, uint16) {
	switch {
	case f.content == nil:
		return nil, swNoCurrentFile
	case f.locked && !c.session.verified[1]:
		return nil, swSecurity
	case offset >= len(f.content):
		return nil, swOffset
	case le == 0:
		return nil, swLength
	case offset+le > len(f.content) && le != 256 && le != 65536: // "all there is" is no shortfall
		return f.content[offset:], swEndOfFile
	}
	return f.content[offset:min(offset+le, len(f.content))], swOK
}

// verify is VERIFY; without data it only asks for the tries that are left.
func (c *Card) verify(cmd command) uint16 {
	if cmd.p1 != 0 || cmd.p2&0x80 == 0 {
		return swP1P2
	}
	f, status := c.byReference(cmd.p2&0x7F, swP1P2)
	switch {
	case status != 0:
		return status
	case f.pin == nil:
		return swNoCurrentFile
	case len(cmd.data) == 0:
		return swTries | uint16(f.pin.left)
	}
	return c.try(f, cmd.data)
}

// try compares a PIN. Whatever its length, a wrong one costs a try.
func (c *Card) try(f file, value []byte) uint16 {
	if f.pin.left == 0 {
		return swBlocked
	}
	right := subtle.ConstantTimeCompare(f.pin.value, value) == 1
	c.session.verified[f.pair] = right
	if right {
		f.pin.left = f.pin.tries
		return swOK
	}
	f.pin.left--
	return swTries | uint16(f.pin.left)
}

// sign is PERFORM SECURITY OPERATION: the padding of PKCS #1 v1.5 around what was sent, a DigestInfo; with an EC key,
// ECDSA of the digest that was sent.
func (c *Card) sign(cmd command) ([]byte, uint16) {
	if cmd.p1 != 0 || cmd.p2&0x80 == 0 {
		return nil, swP1P2
	}
	f, status := c.byReference(cmd.p2&0x7F, swP1P2)
	switch {
	case status != 0:
		return nil, status
	case f.key == nil:
		return nil, swNoCurrentFile
	case !c.session.verified[f.pair]:
		return nil, swSecurity
	case !signable(f.key, len(cmd.data)):
		return nil, swData
	}
	signature, err := f.key.Sign(c.options.Rand, cmd.data, crypto.Hash(0))
	if err != nil {
		return nil, swConditions
	}
	return signature, swOK
}

// signable bounds what may be sent to a key, in bytes.
func signable(k crypto.Signer, n int) bool {
	if pub, ok := k.Public().(*rsa.PublicKey); ok {
		return n > 0 && n <= pub.Size()-11
	}
	return n >= 20 && n <= 64
}

// rest is GET RESPONSE.
func (c *Card) rest() ([]byte, uint16) {
	if len(c.waiting) == 0 {
		return nil, swConditions
	}
	return c.waiting, swOK
}
