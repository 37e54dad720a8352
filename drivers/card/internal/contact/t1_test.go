package contact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/card/internal/contact"
	"pgregory.net/rapid"
)

// wire is a card at the end of a line on which blocks get lost.
type wire struct {
	chip  *ccidtest.Chip
	done  [][]byte // commands that the card carried out
	log   []string // blocks, in order
	waits []byte
	there func(n int, b []byte) []byte // what becomes of block n on its way to the card, nil for nothing
	back  func(n int, b []byte) []byte
	n     int
}

// newWire has a card that answers each command with size bytes of its digest, so to speak.
func newWire(chip *ccidtest.Chip, size int) *wire {
	same := func(_ int, b []byte) []byte { return b }
	w := &wire{chip: chip, there: same, back: same}
	chip.App = func(command []byte) []byte {
		w.done = append(w.done, bytes.Clone(command))
		return reply(command, size)
	}
	chip.Reset()
	return w
}

func reply(command []byte, size int) []byte {
	b := make([]byte, size, size+2)
	for i := range b {
		b[i] = byte(i) ^ command[i%len(command)]
	}
	return append(b, 0x90, 0x00)
}

func (w *wire) exchange(ctx context.Context, block []byte, wait byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.n++
	w.waits = append(w.waits, wait)
	w.log = append(w.log, fmt.Sprintf("> %X", block))
	heard := w.there(w.n, bytes.Clone(block))
	if heard == nil {
		return nil, contact.ErrNoise
	}
	answer := w.back(w.n, bytes.Clone(w.chip.Block(heard)))
	w.log = append(w.log, fmt.Sprintf("< %X", answer))
	if answer == nil {
		return nil, contact.ErrNoise
	}
	return answer, nil
}

func (w *wire) line(ifsc byte) *contact.T1 {
	w.chip.IFSC = int(ifsc)
	return contact.NewT1(contact.ATR{IFSC: ifsc, CRC: w.chip.CRC}, 254, w.exchange)
}

func command(n int, fill byte) []byte {
	b := bytes.Repeat([]byte{fill}, n)
	return append([]byte{0x00, 0xB0}, b...)
}

// TestT1 carries commands of all lengths to a card and back, with everything a card may ask for meanwhile.
func TestT1(t *testing.T) {
	for _, crc := range []bool{false, true} {
		for _, ifsc := range []byte{1, 32, 254} {
			for _, ifsd := range []byte{0, 1, 254} {
				for _, size := range []int{0, 1, 300, 1500} {
					w := newWire(&ccidtest.Chip{CRC: crc, Wait: []byte{3, 200}, Resize: []byte{7, 254}}, size)
					line := w.line(ifsc)
					if ifsd > 0 {
						if err := line.Negotiate(t.Context(), ifsd); err != nil {
							t.Fatal(err)
						}
					}
					for i, n := range []int{2, 30, 31, 252, 253, 600} {
						c := command(n, byte(i))
						got, err := line.Transmit(t.Context(), c)
						if err != nil || !bytes.Equal(got, reply(c, size)) || len(w.done) != i+1 || !bytes.Equal(w.done[i], c) {
							t.Fatalf("CRC %v, IFSC %d, IFSD %d, command of %d, answer of %d: %d bytes, %v; the card has %d commands",
								crc, ifsc, ifsd, n, size, len(got), err, len(w.done))
						}
					}
					if !slices.Contains(w.waits, 200) {
						t.Error("the reader was not told of the waiting time")
					}
				}
			}
		}
	}
}

// TestBlocks has blocks as they are on the wire, by hand (§11.3, and the scenarios of annex A).
func TestBlocks(t *testing.T) {
	select1 := []byte{0x00, 0xA4, 0x00, 0x00}
	for _, c := range []struct {
		name string
		back map[int][]byte // what comes instead of the card's block; empty for silence
		want []string
	}{
		{"nothing goes wrong", nil, []string{"> 00000400A40000A0", "< 000002900092"}},
		{"silence", map[int][]byte{1: {}}, []string{"> 00000400A40000A0", "< ", "> 00820082", "< 000002900092"}},
		{"a spoilt check", map[int][]byte{1: {0, 0, 2, 0x90, 0, 0x93}},
			[]string{"> 00000400A40000A0", "< 000002900093", "> 00810081", "< 000002900092"}},
		{"an R-block that asks again", map[int][]byte{1: {0, 0x82, 0, 0x82}, 2: {0, 0, 2, 0x90, 0, 0x92}},
			[]string{"> 00000400A40000A0", "< 00820082", "> 00000400A40000A0", "< 000002900092"}},
		{"more time", map[int][]byte{1: {0, 0xC3, 1, 5, 0xC7}, 2: {0, 0, 2, 0x90, 0, 0x92}},
			[]string{"> 00000400A40000A0", "< 00C30105C7", "> 00E30105E7", "< 000002900092"}},
		{"the number of another block", map[int][]byte{1: {0, 0x40, 2, 0x90, 0, 0xD2}},
			[]string{"> 00000400A40000A0", "< 00400290 00D2", "> 00820082", "< 000002900092"}},
	} {
		w := newWire(&ccidtest.Chip{}, 0)
		w.back = func(n int, b []byte) []byte {
			if other, ok := c.back[n]; ok {
				return slices.Clip(append([]byte(nil), other...))
			}
			return b
		}
		if _, err := w.line(32).Transmit(t.Context(), select1); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for i := range c.want {
			c.want[i] = string(bytes.ReplaceAll([]byte(c.want[i][2:]), []byte(" "), nil))
		}
		var got []string
		for _, l := range w.log {
			got = append(got, l[2:])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestAbort(t *testing.T) {
	for _, c := range []struct {
		name            string
		command, answer int
	}{{"ours", 600, 0}, {"the card's", 2, 600}} {
		w := newWire(&ccidtest.Chip{Abort: true}, c.answer)
		line := w.line(32)
		_, err := line.Transmit(t.Context(), command(c.command, 1))
		_, after := line.Transmit(t.Context(), command(1, 1))
		if !errors.Is(err, contact.ErrAborted) || !errors.Is(after, contact.ErrLost) {
			t.Errorf("%s: %v, then %v", c.name, err, after)
		}
	}
}

func TestEndlessAnswer(t *testing.T) {
	w := newWire(&ccidtest.Chip{}, 70000)
	line := w.line(254)
	if err := line.Negotiate(t.Context(), 254); err != nil {
		t.Fatal(err)
	}
	_, err := line.Transmit(t.Context(), command(2, 1))
	if last := w.log[len(w.log)-1]; !errors.Is(err, contact.ErrTooLong) || last != "< 00E200E2" {
		t.Errorf("%v after %s", err, last)
	}
}

// TestResynchronise: a chain that did not get through is begun anew, once; a command that did is not.
func TestResynchronise(t *testing.T) {
	w := newWire(&ccidtest.Chip{}, 8)
	w.there = func(n int, b []byte) []byte {
		if n >= 2 && n <= 4 {
			return nil
		}
		return b
	}
	c := command(100, 7)
	got, err := w.line(32).Transmit(t.Context(), c)
	if err != nil || !bytes.Equal(got, reply(c, 8)) || len(w.done) != 1 || !slices.Contains(w.log, "> 00C000C0") {
		t.Errorf("%v; the card has %d commands; %q", err, len(w.done), w.log)
	}

	w = newWire(&ccidtest.Chip{}, 8)
	w.back = func(int, []byte) []byte { return nil }
	_, err = w.line(32).Transmit(t.Context(), command(2, 7))
	if !errors.Is(err, contact.ErrLost) || len(w.done) != 1 || w.n != 3 {
		t.Errorf("%v; the card has %d commands, %d blocks", err, len(w.done), w.n)
	}
}

func TestNegotiateFails(t *testing.T) {
	w := newWire(&ccidtest.Chip{}, 100)
	w.there = func(n int, b []byte) []byte {
		if b[1] == 0xC1 {
			return nil
		}
		return b
	}
	line := w.line(32)
	if err := line.Negotiate(t.Context(), 254); err != nil {
		t.Fatalf("a card that knows no IFS, but RESYNCH: %v", err)
	}
	if _, err := line.Transmit(t.Context(), command(9, 1)); err != nil {
		t.Error(err)
	}
	w.there = func(int, []byte) []byte { return nil }
	if err := line.Negotiate(t.Context(), 254); !errors.Is(err, contact.ErrLost) {
		t.Error(err)
	}
}

// TestSent: the reader sent the block itself, with a PIN that nobody else knows. It is never sent again.
func TestSent(t *testing.T) {
	for _, c := range []struct {
		name       string
		reachesIt  bool
		heard      func([]byte) ([]byte, error)
		ok         bool
		done, more int
	}{
		{"all is well", true, func(b []byte) ([]byte, error) { return b, nil }, true, 1, 0},
		{"its answer got lost", true, func([]byte) ([]byte, error) { return nil, contact.ErrNoise }, true, 1, 1},
		{"it never arrived", false, func([]byte) ([]byte, error) { return nil, contact.ErrNoise }, false, 0, 2},
		{"the reader failed", true, func([]byte) ([]byte, error) { return nil, errors.New("unplugged") }, false, 1, 0},
	} {
		w := newWire(&ccidtest.Chip{}, 0)
		line := w.line(32)
		pin := []byte{0x00, 0x20, 0x00, 0x80, 4, '1', '2', '3', '4'}
		head, ok := line.Prologue(len(pin))
		raw := append(head[:], pin...)
		check := byte(0)
		for _, b := range raw {
			check ^= b
		}
		var answer []byte
		if c.reachesIt {
			answer = w.chip.Block(append(raw, check))
		}
		got, err := line.Sent(t.Context(), first(c.heard(answer)), second(c.heard(answer)))
		if !ok || (err == nil) != c.ok || c.ok && !bytes.Equal(got, []byte{0x90, 0}) || len(w.done) != c.done || w.n != c.more {
			t.Errorf("%s: % X, %v; %d commands at the card, %d more blocks", c.name, got, err, len(w.done), w.n)
		}
		if _, err := line.Transmit(t.Context(), command(2, 1)); (err == nil) != c.ok {
			t.Errorf("%s, then: %v", c.name, err)
		}
	}
	if _, ok := newWire(&ccidtest.Chip{}, 0).line(5).Prologue(9); ok {
		t.Error("a block longer than the card takes")
	}
}

func first(b []byte, _ error) []byte   { return b }
func second(_ []byte, err error) error { return err }

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWire(&ccidtest.Chip{}, 600)
	w.back = func(n int, b []byte) []byte {
		if n == 3 {
			cancel()
		}
		return b
	}
	if _, err := w.line(32).Transmit(ctx, command(9, 1)); !errors.Is(err, context.Canceled) || w.n != 3 {
		t.Errorf("%v after %d blocks", err, w.n)
	}
}

// TestNeverTwice: whatever is lost or spoilt on the way, the card carries each command out at most once, in order, and an
// answer that comes is its own.
func TestNeverTwice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		chip := &ccidtest.Chip{
			CRC:    rapid.Bool().Draw(r, "crc"),
			Wait:   rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 2).Draw(r, "wait"),
			Resize: rapid.SliceOfN(rapid.ByteRange(1, 254), 0, 2).Draw(r, "resize"),
		}
		w := newWire(chip, rapid.SampledFrom([]int{0, 3, 90}).Draw(r, "size"))
		bad := rapid.IntRange(2, 30).Draw(r, "one in")
		spoil := func(_ int, b []byte) []byte {
			if rapid.IntRange(0, bad).Draw(r, "luck") > 0 {
				return b
			}
			switch rapid.IntRange(0, 2).Draw(r, "how") {
			case 0:
				return nil
			case 1:
				return b[:rapid.IntRange(1, len(b)-1).Draw(r, "cut")]
			}
			bit := rapid.IntRange(0, len(b)*8-1).Draw(r, "bit")
			b[bit/8] ^= 1 << (bit % 8)
			return b
		}
		w.there, w.back = spoil, spoil
		line := w.line(rapid.ByteRange(1, 254).Draw(r, "ifsc"))
		if rapid.Bool().Draw(r, "negotiate") && line.Negotiate(context.Background(), 254) != nil {
			return
		}
		for i := range 6 {
			c := command(rapid.IntRange(2, 80).Draw(r, "length"), byte(i))
			got, err := line.Transmit(context.Background(), c)
			if len(w.done) > i+1 || len(w.done) == i+1 && !bytes.Equal(w.done[i], c) {
				r.Fatalf("command %d: the card has %d, the last one % X", i, len(w.done), w.done[len(w.done)-1])
			}
			if err != nil {
				if !errors.Is(err, contact.ErrLost) {
					r.Fatal(err)
				}
				return
			}
			if len(w.done) != i+1 || !bytes.Equal(got, reply(c, len(got)-2)) {
				r.Fatalf("command %d: % X", i, got)
			}
		}
	})
}

// FuzzT1 lets a card say anything: what comes back is bounded, and ends.
func FuzzT1(f *testing.F) {
	f.Add([]byte{}, []byte{0, 0, 2, 0x90, 0, 0x92})
	f.Add([]byte{5}, []byte{0, 0xC3, 1, 5, 0xC7, 0, 0, 2, 0x90, 0, 0x92})
	f.Add([]byte{6, 4}, []byte{0, 0x20, 2, 1, 2, 0x21, 0, 0x40, 0, 0x40})
	f.Add([]byte{4, 4, 4}, []byte{0, 0x82, 0, 0x82, 0, 0x92, 0, 0x92, 0, 0xE0, 0, 0xE0})
	f.Fuzz(func(t *testing.T, lengths, stream []byte) {
		blocks, over := 0, errors.New("the fuzzer has no more")
		pin := []byte("\x00\x20\x00\x80\x041234")
		last := 0
		exchange := func(_ context.Context, b []byte, _ byte) ([]byte, error) {
			if bytes.Contains(b, pin) && b[1]&0x80 == 0 && b[1]&0x20 == 0 {
				last++
			}
			if blocks++; len(stream) == 0 {
				return nil, over
			}
			n := min(6, len(stream))
			if len(lengths) > 0 {
				n, lengths = min(int(lengths[0]), len(stream)), lengths[1:]
			}
			var next []byte
			next, stream = stream[:n], stream[n:]
			return next, nil
		}
		line := contact.NewT1(contact.ATR{IFSC: 32}, 254, exchange)
		answer, err := line.Transmit(t.Context(), pin)
		if err == nil && len(answer) > 65538 || blocks > len(stream)+5000 {
			t.Errorf("%d bytes, %d blocks", len(answer), blocks)
		}
		if last > 3 {
			t.Errorf("the block with the PIN left %d times", last)
		}
		if _, again := line.Transmit(t.Context(), pin); err != nil && !errors.Is(again, contact.ErrLost) {
			t.Errorf("%v, but the line goes on: %v", err, again)
		}
	})
}
