package ccidtest

// Chip is the card's side of its contacts: T=1 as ISO/IEC 7816-3:2006 §11 has it for a card, T=0 as a reader at TPDU
// level sees it. What it knows of the protocol is its own. It is not safe for concurrent use.
type Chip struct {
	App  func(command []byte) []byte // carries out one command
	CRC  bool
	IFSC int // bytes taken in a block, 32 when 0

	Wait   []byte // multipliers of waiting time that are asked for before each answer
	Resize []byte // new lengths that are asked for, one before each answer
	Abort  bool   // breaks off every chain
	Seen   int    // blocks that came, for tests

	vs, vr  byte // the number of our next I-block, and of the one expected
	ifsd    int
	gather  []byte   // the command so far
	parts   [][]byte // of the answer, the first one under way when flying
	flying  bool
	asks    []byte // S(request) that waits for its answer
	after   [][]byte
	last    []byte // what was sent last
	resizes int
}

// Reset is power taken and given.
func (c *Chip) Reset() {
	c.vs, c.vr, c.ifsd = 0, 0, 32
	c.gather, c.parts, c.flying, c.asks, c.after, c.last, c.resizes = nil, nil, false, nil, nil, nil, 0
}

// Block takes one block and answers it; never with silence, which is the line's to add.
func (c *Chip) Block(in []byte) []byte {
	c.Seen++
	c.last = c.answer(in)
	return c.last
}

func (c *Chip) answer(in []byte) []byte {
	edc := 1
	if c.CRC {
		edc = 2
	}
	if len(in) < 3+edc || len(in) != 3+int(in[2])+edc || in[0] != 0 || in[2] == 255 {
		return c.complain(2)
	}
	if !c.sound(in) {
		return c.complain(1)
	}
	pcb, inf := in[1], in[3:3+int(in[2])]
	switch {
	case pcb>>7 == 0:
		return c.takeI(pcb, inf)
	case pcb>>6 == 2:
		return c.takeR(pcb >> 4 & 1)
	}
	return c.takeS(pcb, inf)
}

// complain repeats a request, or asks for the block that is due.
func (c *Chip) complain(why byte) []byte {
	if c.asks != nil {
		return c.asks
	}
	return c.build(0x80|c.vr<<4|why, nil)
}

func (c *Chip) takeI(pcb byte, inf []byte) []byte {
	if c.flying && len(c.parts) == 1 && pcb>>6&1 == c.vr { // it has our answer: this is the next command
		c.vs, c.flying, c.parts = c.vs^1, false, nil
	}
	if c.asks != nil || c.flying || pcb>>6&1 != c.vr || pcb&0x1F != 0 {
		return c.complain(2)
	}
	c.vr ^= 1
	c.gather = append(c.gather, inf...)
	if pcb&0x20 != 0 {
		if c.Abort {
			return c.ask(0xC2)
		}
		return c.build(0x80|c.vr<<4, nil)
	}
	command := c.gather
	c.gather = nil
	c.cut(c.App(command))
	return c.stall()
}

func (c *Chip) cut(answer []byte) {
	c.parts = nil
	for len(answer) > c.ifsd {
		c.parts, answer = append(c.parts, answer[:c.ifsd]), answer[c.ifsd:]
	}
	c.parts = append(c.parts, answer)
}

// stall asks for what the test wants asked for, then gives the answer.
func (c *Chip) stall() []byte {
	c.after = nil
	for _, w := range c.Wait {
		c.after = append(c.after, []byte{0xC3, w})
	}
	if c.resizes < len(c.Resize) {
		c.after = append(c.after, []byte{0xC1, c.Resize[c.resizes]})
		c.resizes++
	}
	return c.goOn()
}

func (c *Chip) goOn() []byte {
	if len(c.after) > 0 {
		next := c.after[0]
		c.after = c.after[1:]
		return c.ask(next[0], next[1])
	}
	return c.fly()
}

func (c *Chip) ask(pcb byte, inf ...byte) []byte {
	c.asks = c.build(pcb, inf)
	return c.asks
}

// fly sends the part of the answer that is due.
func (c *Chip) fly() []byte {
	if len(c.parts) == 0 {
		return c.build(0x80|c.vr<<4|2, nil)
	}
	c.flying = true
	pcb := c.vs << 6
	if len(c.parts) > 1 {
		pcb |= 0x20
		if c.Abort {
			c.flying = false
			return c.ask(0xC2)
		}
	}
	return c.build(pcb, c.parts[0])
}

func (c *Chip) takeR(nr byte) []byte {
	switch {
	case c.asks != nil:
		return c.asks
	case c.flying && nr == c.vs:
		return c.fly()
	case c.flying && len(c.parts) > 1:
		c.vs, c.parts = c.vs^1, c.parts[1:]
		return c.fly()
	case c.last != nil && c.last[1]>>6 == 2:
		return c.last
	}
	return c.build(0x80|c.vr<<4, nil)
}

func (c *Chip) takeS(pcb byte, inf []byte) []byte {
	switch {
	case pcb == 0xC0 && len(inf) == 0:
		c.Reset()
		return c.build(0xE0, nil)
	case pcb == 0xC1 && len(inf) == 1:
		c.ifsd = int(inf[0])
		return c.build(0xE1, inf)
	case pcb == 0xC2 && len(inf) == 0:
		c.gather, c.parts, c.flying = nil, nil, false
		return c.build(0xE2, nil)
	case c.asks != nil && pcb == c.asks[1]|0x20:
		asked := c.asks[1]
		c.asks = nil
		if asked == 0xC2 {
			c.gather, c.parts, c.flying = nil, nil, false
			return c.build(0x80|c.vr<<4, nil)
		}
		if asked == 0xC1 {
			c.IFSC = int(inf[0])
		}
		return c.goOn()
	}
	return c.complain(2)
}

func (c *Chip) build(pcb byte, inf []byte) []byte {
	b := append([]byte{0, pcb, byte(len(inf))}, inf...)
	if c.CRC {
		h, l := remainder(b)
		return append(b, h, l)
	}
	x := byte(0)
	for _, v := range b {
		x ^= v
	}
	return append(b, x)
}

func (c *Chip) sound(b []byte) bool {
	if c.CRC {
		h, l := remainder(b[:len(b)-2])
		return h == b[len(b)-2] && l == b[len(b)-1]
	}
	x := byte(0)
	for _, v := range b {
		x ^= v
	}
	return x == 0
}

// remainder divides bit by bit, as a shift register would: the polynomial 1021 from FFFF, each byte's lowest bit first.
func remainder(b []byte) (high, low byte) {
	reg := [16]bool{}
	for i := range reg {
		reg[i] = true
	}
	for _, v := range b {
		for bit := range 8 {
			in := v>>bit&1 == 1 != reg[15]
			copy(reg[1:], reg[:15])
			reg[0] = in
			reg[5] = reg[5] != in
			reg[12] = reg[12] != in
		}
	}
	for i := range 8 { // bit 15 went in first, so it is the lowest
		if reg[7-i] {
			high |= 1 << i
		}
		if reg[15-i] {
			low |= 1 << i
		}
	}
	return high, low
}

// TPDU answers one command TPDU of T=0 (§12.2): a header with P3, and the data where P3 counts some.
func (c *Chip) TPDU(in []byte) []byte {
	if len(in) < 5 {
		return nil
	}
	header, outgoing := in[:5], in[1] == 0xB0 || in[1] == 0xC0 || in[1] == 0xCA
	switch {
	case len(in) == 5 && outgoing:
		return c.App(header)
	case len(in) == 5 && in[4] == 0:
		return c.App(in[:4])
	case len(in) == 5+int(in[4]) && !outgoing:
		return c.App(in)
	}
	return []byte{0x67, 0x00}
}

// PPS answers a request that the ATR's protocols allow (§9).
func (c *Chip) PPS(in []byte, protocols ...byte) []byte {
	x := byte(0)
	for _, v := range in {
		x ^= v
	}
	if len(in) < 3 || x != 0 {
		return nil
	}
	for _, t := range protocols {
		if in[1]&0xF == t {
			return in
		}
	}
	return nil
}
