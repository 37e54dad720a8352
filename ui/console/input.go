package console

import (
	"context"
	"time"
	"unicode/utf8"
)

// act is what a key does. A character is one, too: its rune stands beside it.
type act int

const (
	char act = iota
	enter
	erase // backspace, whichever of the two codes the terminal sends
	remove
	left
	right
	up
	down
	home
	end
	tab
	killEnd
	killAll
	killWord
	clear
	cancel
	bye
	brk   // NUL: how a break reads at the other end of a line
	noise // what no key sends
	ignored
	identity // a terminal's answer to the question what it is: one that understands control sequences
	place    // its answer to the question where the cursor is
)

const ctrlC = 0x03

// controls are the keys below the space.
var controls = map[byte]act{0x00: brk, 0x01: home, 0x02: left, ctrlC: cancel, 0x04: bye, 0x05: end, 0x06: right, 0x08: erase, '\t': tab, '\n': enter, 0x0B: killEnd,
	0x0C: clear, '\r': enter, 0x0E: down, 0x10: up, 0x15: killAll, 0x17: killWord, 0x7F: erase}

// finals are the last characters of control sequences, and numbers those before a tilde (xterm, VT220, Linux, rxvt).
var (
	finals  = map[byte]act{'A': up, 'B': down, 'C': right, 'D': left, 'H': home, 'F': end, 'c': identity, 'R': place}
	numbers = map[int]act{1: home, 3: remove, 4: end, 7: home, 8: end}
)

// key is one key.
type key struct {
	act        act
	r          rune
	rows, cols int  // of place
	sequence   bool // it came as a control sequence, as a VT100 sends it
}

// betweenBytes is how long the rest of one key may take: at 9600 baud a byte takes 1 ms and an adapter holds it back for 16, but
// a laptop may be busy, and nobody waits for an Escape alone.
const betweenBytes = time.Second

// keyboard makes keys of bytes.
type keyboard struct {
	wire   *wire
	one    [1]byte
	lastCR bool
}

// next waits for a key; quiet as in wire.read.
func (k *keyboard) next(ctx context.Context, quiet time.Duration) (key, error) {
	c, err := k.byte(ctx, quiet)
	if err != nil {
		return key{}, err
	}
	was := k.lastCR
	k.lastCR = c == '\r'
	switch a, is := controls[c]; {
	case c == '\n' && was:
		return key{act: ignored}, nil
	case is:
		return key{act: a}, nil
	case c == 0x1B:
		return k.escape(ctx)
	case c < ' ':
		return key{act: ignored}, nil
	case c < utf8.RuneSelf:
		return key{r: rune(c)}, nil
	}
	return k.character(ctx, c)
}

func (k *keyboard) byte(ctx context.Context, quiet time.Duration) (byte, error) {
	_, err := k.wire.read(ctx, k.one[:], quiet)
	return k.one[0], err
}

// rest is the next byte of the same key; 0 where none comes.
func (k *keyboard) rest(ctx context.Context) (byte, error) {
	c, err := k.byte(ctx, betweenBytes)
	if err == errQuiet {
		return 0, nil
	}
	return c, err
}

// character reads the rest of a character of UTF-8. What is none, and the control characters of ISO 8859-1, are noise.
func (k *keyboard) character(ctx context.Context, first byte) (key, error) {
	p := []byte{first}
	for !utf8.FullRune(p) {
		c, err := k.rest(ctx)
		if err != nil {
			return key{}, err
		}
		if c < utf8.RuneSelf {
			if c != 0 {
				k.wire.unread(c)
			}
			return key{act: noise}, nil
		}
		p = append(p, c)
	}
	r, n := utf8.DecodeRune(p)
	if r == utf8.RuneError || n != len(p) || r < 0xA0 {
		return key{act: noise}, nil
	}
	return key{r: r}, nil
}

// escape reads a control sequence (ECMA-48, section 5.4). One that nobody knows is ignored, one that does not end is noise.
func (k *keyboard) escape(ctx context.Context) (key, error) {
	c, err := k.rest(ctx)
	if err != nil || c != '[' && c != 'O' {
		if c != 0 && c < ' ' {
			k.wire.unread(c)
		}
		return key{act: ignored}, err
	}
	n, numbersSeen := 0, [2]int{}
	for range 32 {
		c, err = k.rest(ctx)
		switch {
		case err != nil || c == 0:
			return key{act: ignored}, err
		case c >= '0' && c <= '9' && n < 2:
			numbersSeen[n] = min(numbersSeen[n]*10+int(c-'0'), 9999)
		case c == ';':
			n++
		case c >= 0x20 && c < 0x40: // parameters and intermediates of others
		case c >= 0x40 && c < 0x7F:
			return sequence(c, numbersSeen), nil
		default:
			return key{act: noise}, nil
		}
	}
	return key{act: noise}, nil
}

func sequence(final byte, n [2]int) key {
	a, is := finals[final]
	if final == '~' {
		a, is = numbers[n[0]]
	}
	if !is {
		return key{act: ignored, sequence: true}
	}
	return key{act: a, rows: n[0], cols: n[1], sequence: true}
}
