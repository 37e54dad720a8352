package card

import (
	"context"
	"errors"
	"fmt"
	"time"

	"honnin/config/trace"
)

// Status words (ISO/IEC 7816-4 §5.6) that mean something to this package.
const (
	swOK          = 0x9000
	swEndOfFile   = 0x6282 // fewer bytes than asked for, the file ended
	swUnverified  = 0x6982
	swBlocked     = 0x6983
	swBlockedJPKI = 0x6984
)

const maxShort = 256 // bytes of data that a short Le asks for at most

// command is one command APDU. A Le of 0 is absent; up to 256 it is coded short, above it extended.
type command struct {
	name           string
	cla, ins       byte
	p1, p2         byte
	data           []byte // at most 255 bytes
	le             int    // bytes of data asked for, up to 65536
	most           int    // bytes that may come in several parts, when more than le
	secret, repeat bool   // secret: wiped after sending; repeat: harmless to send again
}

// encode writes the command as ISO/IEC 7816-4 §5.2 has it.
func (c command) encode() ([]byte, error) {
	if len(c.data) > 255 || c.le < 0 || c.le > 65536 || c.le > maxShort && len(c.data) > 0 {
		return nil, fmt.Errorf("card: %s does not fit an APDU", c.name)
	}
	b := make([]byte, 0, 5+len(c.data)+3)
	b = append(b, c.cla, c.ins, c.p1, c.p2)
	if len(c.data) > 0 {
		b = append(append(b, byte(len(c.data))), c.data...)
	}
	switch {
	case c.le == 0:
		return b, nil
	case c.le <= maxShort:
		return append(b, byte(c.le)), nil
	default:
		return append(b, 0, byte(c.le>>8), byte(c.le)), nil
	}
}

// exchange sends one command and follows 61xx (more data waits) and 6Cxx (ask again with this Le, only where
// repeating is harmless). It returns data with 9000, or with 6282 when some came, and otherwise a *StatusError.
func (c *Card) exchange(ctx context.Context, cmd command) ([]byte, error) {
	data, sw, err := c.once(ctx, cmd)
	if err == nil && sw>>8 == 0x6C && cmd.repeat && cmd.le > 0 {
		cmd.le, cmd.repeat = shortLe(sw), false
		data, sw, err = c.once(ctx, cmd)
	}
	for err == nil && sw>>8 == 0x61 && cmd.le > 0 {
		data, sw, err = c.more(ctx, cmd, data, shortLe(sw))
	}
	if err != nil {
		return nil, err
	}
	if sw == swOK || sw == swEndOfFile && len(data) > 0 {
		return data, nil
	}
	return nil, &StatusError{cmd.name, sw}
}

// more fetches the next part of an answer. A part adds at least a byte and the whole stays within what the
// command asked for, so a card cannot keep us here.
func (c *Card) more(ctx context.Context, cmd command, data []byte, le int) ([]byte, uint16, error) {
	part, sw, err := c.once(ctx, command{name: "GET RESPONSE", ins: 0xC0, le: le})
	if err != nil {
		return nil, 0, err
	}
	if len(part) == 0 && sw>>8 == 0x61 || len(data)+len(part) > max(cmd.le, cmd.most) {
		return nil, 0, malformed("%s: an answer that does not end", cmd.name)
	}
	return append(data, part...), sw, nil
}

// shortLe reads how many bytes the second half of 61xx or 6Cxx announces; 00 is 256.
func shortLe(sw uint16) int {
	if n := int(sw & 0xFF); n > 0 {
		return n
	}
	return maxShort
}

// once sends one command. After the line is lost nothing more is ever sent.
func (c *Card) once(ctx context.Context, cmd command) ([]byte, uint16, error) {
	if c.gone {
		return nil, 0, ErrGone
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	raw, err := cmd.encode()
	if err != nil {
		return nil, 0, err
	}
	if cmd.secret {
		defer clear(raw)
	}
	began := c.trace.Now()
	answer, err := c.t.Transmit(ctx, raw)
	c.told(cmd.ins, answer, err, began)
	if err != nil || len(answer) < 2 {
		return nil, 0, c.lose(err)
	}
	data, sw := answer[:len(answer)-2], uint16(answer[len(answer)-2])<<8|uint16(answer[len(answer)-1])
	if len(data) > cmd.le {
		return nil, 0, malformed("%s: %d bytes where at most %d were asked for", cmd.name, len(data), cmd.le)
	}
	return append([]byte(nil), data...), sw, nil
}

// told says what was asked and how it was answered, and nothing of what.
func (c *Card) told(ins byte, answer []byte, err error, began time.Time) {
	if !c.trace.On() {
		return
	}
	took := trace.Span("took", c.trace.Now().Sub(began))
	if n := len(answer); err == nil && n >= 2 {
		c.trace.Say("command", trace.Byte("ins", ins), trace.Code("sw", uint16(answer[n-2])<<8|uint16(answer[n-1])), took)
		return
	}
	c.trace.Say("command without an answer", trace.Byte("ins", ins), trace.Why(err), took)
}

// lose ends the conversation. An error of the transport is kept beside [ErrGone]: it says why.
func (c *Card) lose(err error) error {
	c.gone, c.verified, c.selected, c.file = true, false, false, 0
	switch {
	case err == nil:
		return ErrGone
	case errors.Is(err, ErrGone):
		return err
	}
	return fmt.Errorf("%w: %w", ErrGone, err)
}
