// Package contact is the terminal's side of a card with contacts, ISO/IEC 7816-3:2006: what an answer to reset says, and
// the block protocol T=1. It knows no reader: blocks go out and come in through an [Exchange].
//
// # T=1
//
// [T1] sends commands as chains of I-blocks and collects the answer's chain (§11.6). A block that did not come, or came
// spoilt, is asked for again with an R-block, twice; nothing else is ever repeated. That is safe below a VERIFY, which
// must reach the card once: a block carries its number, and a card that has taken it does not take it again but repeats
// what it answered. What is never done is to send a command anew after its last block has left: then, when repeating
// blocks does not help, nobody knows whether the card has it, and the line is over ([ErrLost]). Before that the card cannot
// have begun, so both sides are set back with S(RESYNCH) and the chain starts again, once.
//
// A card may ask for time (WTX), for other block lengths (IFS), or break off (ABORT). All of it is bounded, in blocks
// here and in time by the caller's context.
package contact

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrATR is an answer to reset that is not of the form of §8.2.
var ErrATR = errors.New("contact: malformed answer to reset")

func badATR(why string) error { return fmt.Errorf("%w: %s", ErrATR, why) }

// maxATR is TS and at most 32 characters (§8.2.1).
const maxATR = 33

// ATR is what an answer to reset (§8) says of the protocols. What is absent there has its default here.
type ATR struct {
	Inverse   bool   // TS is 3F
	Speed     byte   // TA1: indices of Fi and Di, 11 by default
	Guard     byte   // TC1: extra guard time
	Protocols []byte // values of T offered, the first one first, without the global T=15; never empty
	Specific  bool   // TA2 is there: nothing is negotiated, and the card speaks Mode
	Mode      byte   // of TA2
	WI        byte   // TC2: waiting time integer of T=0, 10 by default
	IFSC      byte   // bytes of information that the card takes in a block of T=1, 32 by default
	BWI, CWI  byte   // waiting time integers of T=1, 4 and 13 by default
	CRC       bool   // blocks of T=1 end in a CRC instead of an LRC
}

// ParseATR reads an answer to reset, with its check byte where there is to be one.
func ParseATR(raw []byte) (ATR, error) {
	a := ATR{Speed: 0x11, WI: 10, IFSC: 32, BWI: 4, CWI: 13}
	if len(raw) < 2 || len(raw) > maxATR {
		return ATR{}, badATR(fmt.Sprintf("%d bytes", len(raw)))
	}
	if raw[0] != 0x3B && raw[0] != 0x3F {
		return ATR{}, badATR("TS is neither 3B nor 3F")
	}
	a.Inverse = raw[0] == 0x3F
	s := &scanner{rest: raw[2:]}
	if err := a.interfaces(s, raw[1]); err != nil {
		return ATR{}, err
	}
	s.skip(int(raw[1] & 0xF)) // the historical bytes
	checked := !slices.Equal(a.Protocols, []byte{0}) || s.global
	if checked {
		s.skip(1)
	}
	switch {
	case s.short:
		return ATR{}, badATR("it ends too early")
	case len(s.rest) > 0:
		return ATR{}, badATR("it goes on after its end")
	case checked && xor(raw[1:]) != 0:
		return ATR{}, badATR("TCK is wrong")
	}
	return a, nil
}

// scanner takes an ATR apart.
type scanner struct {
	rest   []byte
	short  bool // something was missing
	global bool // T=15 was named
}

func (s *scanner) next() byte {
	if len(s.rest) == 0 {
		s.short = true
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

func (s *scanner) skip(n int) {
	for range n {
		s.next()
	}
}

// group is TA, TB, TC and TD as far as they are there.
type group struct {
	there byte
	b     [4]byte
}

func (g *group) has(i int) bool { return g.there&(0x10<<i) != 0 }

// or returns character i, or what stands for it when it is absent.
func (g *group) or(i int, absent byte) byte {
	if g.has(i) {
		return g.b[i]
	}
	return absent
}

func (s *scanner) group(there byte) (g group) {
	g.there = there
	for i := range g.b {
		if g.has(i) {
			g.b[i] = s.next()
		}
	}
	return g
}

// interfaces reads the interface bytes (§8.2.3). From the third group on they belong to the T of the TD before them,
// and the first ones of T=1 count.
func (a *ATR) interfaces(s *scanner, there byte) (err error) {
	t, ofT1 := byte(0), false
	for i := 1; err == nil && !s.short; i++ {
		g := s.group(there)
		switch {
		case i == 1:
			a.Speed, a.Guard = g.or(0, a.Speed), g.or(2, 0)
		case i == 2:
			err = a.second(g)
		case t == 1 && !ofT1:
			ofT1, err = true, a.third(g)
		}
		if !g.has(3) {
			break
		}
		there, t = g.b[3], g.b[3]&0xF
		if t == 15 && i == 1 {
			return badATR("T=15 comes first")
		}
		a.offer(s, t)
	}
	if len(a.Protocols) == 0 {
		a.Protocols = []byte{0}
	}
	return err
}

func (a *ATR) offer(s *scanner, t byte) {
	switch {
	case t == 15:
		s.global = true
	case !slices.Contains(a.Protocols, t):
		a.Protocols = append(a.Protocols, t)
	}
}

func (a *ATR) second(g group) error {
	a.Specific, a.Mode = g.has(0), g.b[0]&0xF
	if a.WI = g.or(2, a.WI); a.WI == 0 {
		return badATR("WI is 0")
	}
	return nil
}

// third reads the bytes of T=1 (§11.4).
func (a *ATR) third(g group) error {
	a.IFSC = g.or(0, a.IFSC)
	waiting := g.or(1, a.BWI<<4|a.CWI)
	a.BWI, a.CWI, a.CRC = waiting>>4, waiting&0xF, g.or(2, 0)&1 != 0
	switch {
	case a.IFSC == 0 || a.IFSC == 255:
		return badATR("IFSC is reserved")
	case a.BWI > 9:
		return badATR("BWI is reserved")
	}
	return nil
}

// Fi and Di by their indices (tables 7 and 8); 0 is reserved.
var (
	fi = [16]int{372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048, 0, 0}
	di = [16]int{0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0}
)

// Rate returns the bits per second of TA1's speed at a clock of so many kHz, 0 when an index is reserved.
func (a ATR) Rate(kHz int) int {
	f, d := fi[a.Speed>>4], di[a.Speed&0xF]
	if f == 0 {
		return 0
	}
	return kHz * 1000 / f * d
}

// BlockWait is how long a card of T=1 may be silent before it answers a block, at a clock of so many kHz (§11.4.3).
func (a ATR) BlockWait(kHz int) time.Duration {
	return (960 * 372 << a.BWI) * time.Second / time.Duration(1000*max(kHz, 1000))
}

// xor is the check byte of ATR, PPS and LRC: zero over a whole that has it at its end.
func xor(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}
