package contact

import (
	"context"
	"errors"
	"fmt"
)

// Limits of patience (§11.6.3.2).
const (
	attempts    = 3    // at one block, and at S(RESYNCH)
	maxRequests = 500  // of a card for time or lengths while it owes one block; a context bounds the time
	maxBlocks   = 4096 // of one answer: 65538 bytes in blocks of 32, and as many again
	maxAnswer   = 65538
)

// Errors of a line. After each of them it is over, but for ErrNoise, which only an [Exchange] returns.
var (
	// ErrNoise is no block, or none that could be read: the card was mute for its block waiting time, or a character
	// arrived with wrong parity. T=1 asks again.
	ErrNoise = errors.New("contact: no block was heard")
	// ErrLost is a card that does not come back to the protocol. Whether it has the command is unknown.
	ErrLost = errors.New("contact: the card lost the thread of T=1")
	// ErrAborted is a card that broke off a chain.
	ErrAborted = errors.New("contact: the card aborted")
	// ErrTooLong is an answer that no APDU has room for.
	ErrTooLong = errors.New("contact: an answer that does not end")

	errFruitless = errors.New("contact: repeating does not help")
)

// Exchange sends one block to the card and returns the one that came back. A wait other than 0 multiplies the block waiting
// time for this answer. The block may hold a PIN: it is wiped after the call.
type Exchange func(ctx context.Context, block []byte, wait byte) ([]byte, error)

// T1 is one card's line. It is not safe for concurrent use.
type T1 struct {
	exchange   Exchange
	crc        bool
	first      int // IFSC of the ATR
	most       int // bytes of information that the reader takes in a block
	ifsc       int
	ns, nr     byte // the number of our next I-block, and of the card's
	over, left bool // left: the last block of the command has left
}

// NewT1 starts from what the ATR said, at a reader that takes blocks with at most so many bytes of information.
func NewT1(a ATR, most int, exchange Exchange) *T1 {
	first := min(int(a.IFSC), most)
	return &T1{exchange: exchange, crc: a.CRC, first: first, most: most, ifsc: first}
}

// Negotiate tells the card that it may send ifsd bytes in a block (S(IFS), §11.4.2); without it that is 32. A card that
// does not agree is set back to 32, so it is only an error when that fails too.
func (t *T1) Negotiate(ctx context.Context, ifsd byte) error {
	if t.over {
		return ErrLost
	}
	ask := block{sIFS, []byte{ifsd}}
	_, err := t.await(ctx, ask, func(in block) bool { return in.pcb == sIFS|sResponse && in.inf[0] == ifsd })
	if errors.Is(err, errFruitless) {
		err = t.resynchronise(ctx)
	}
	return t.end(err)
}

// Transmit sends a command and returns the answer.
func (t *T1) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if t.over {
		return nil, ErrLost
	}
	t.left = false
	answer, err := t.converse(ctx, command)
	if errors.Is(err, errFruitless) && !t.left {
		if err = t.resynchronise(ctx); err == nil {
			answer, err = t.converse(ctx, command)
		}
	}
	return answer, t.end(err)
}

// Prologue is what goes in front of a command of n bytes that the reader itself completes, in one block: a PIN from its
// keys. ok is false when the command does not fit into one.
func (t *T1) Prologue(n int) (p [3]byte, ok bool) {
	return [3]byte{0, information(t.ns, false, nil).pcb, byte(n)}, n <= t.ifsc
}

// Sent takes over after the reader sent a block with [T1.Prologue]: raw and err are what came back for it. The block is
// never sent again; only the card's answer to it is asked for again.
func (t *T1) Sent(ctx context.Context, raw []byte, err error) ([]byte, error) {
	if t.over {
		return nil, ErrLost
	}
	t.left = true
	in, err := t.read(raw, err)
	again := t.reject(err)
	in, err = t.settle(ctx, again, in, err, t.answers)
	if err != nil {
		return nil, t.end(err)
	}
	t.ns ^= 1
	answer, err := t.collect(ctx, in)
	return answer, t.end(err)
}

// end makes every error but nil the end of the line.
func (t *T1) end(err error) error {
	if err == nil {
		return nil
	}
	t.over = true
	if errors.Is(err, errFruitless) {
		return ErrLost
	}
	return err
}

// converse sends the command's chain and collects the answer's.
func (t *T1) converse(ctx context.Context, command []byte) ([]byte, error) {
	for len(command) > t.ifsc {
		part := command[:t.ifsc] // the card may change ifsc while it acknowledges this
		if _, err := t.await(ctx, information(t.ns, true, part), t.acknowledges); err != nil {
			return nil, err
		}
		t.ns, command = t.ns^1, command[len(part):]
	}
	t.left = true
	in, err := t.await(ctx, information(t.ns, false, command), t.answers)
	if err != nil {
		return nil, err
	}
	t.ns ^= 1
	return t.collect(ctx, in)
}

// acknowledges: an R-block that expects the next block of our chain (rule 5).
func (t *T1) acknowledges(in block) bool {
	return in.isR() && in.pcb&3 == 0 && in.expected() == t.ns^1
}

// answers: the card's next I-block (rule 2).
func (t *T1) answers(in block) bool { return in.isI() && in.sent() == t.nr }

// collect acknowledges block after block of the card's chain.
func (t *T1) collect(ctx context.Context, in block) (answer []byte, err error) {
	for n := 0; ; n++ {
		t.nr ^= 1
		answer = append(answer, in.inf...)
		if len(answer) > maxAnswer || n == maxBlocks {
			return nil, t.refuse(ctx, answer)
		}
		if !in.more() {
			return answer, nil
		}
		if in, err = t.await(ctx, block{pcb: pcbR | t.nr<<4}, t.answers); err != nil {
			clear(answer)
			return nil, err
		}
	}
}

// refuse breaks off the card's chain (rule 9).
func (t *T1) refuse(ctx context.Context, answer []byte) error {
	clear(answer)
	_, err := t.await(ctx, block{pcb: sAbort}, func(in block) bool { return in.pcb == sAbort|sResponse })
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTooLong, err)
	}
	return ErrTooLong
}

// resynchronise sets both sides back to their beginning (rule 6), what the card last said of its lengths too.
func (t *T1) resynchronise(ctx context.Context) error {
	_, err := t.await(ctx, block{pcb: sResynch}, func(in block) bool { return in.pcb == sResynch|sResponse })
	if err == nil {
		t.ns, t.nr, t.ifsc = 0, 0, min(t.ifsc, t.first)
	}
	return err
}

// await sends a block until what it is to be answered with comes (rules 3 and 7).
func (t *T1) await(ctx context.Context, sent block, wanted func(block) bool) (block, error) {
	in, err := t.swap(ctx, sent, 0)
	return t.settle(ctx, sent, in, err, wanted)
}

// settle goes on from the first thing that came back for a block.
func (t *T1) settle(ctx context.Context, sent, in block, err error, wanted func(block) bool) (block, error) {
	failures := 0
	for range maxRequests {
		out, wait := sent, byte(0)
		switch {
		case err == nil && wanted(in):
			return in, nil
		case err == nil && in.isRequest():
			if out, wait, err = t.respond(ctx, in); err != nil {
				return block{}, err
			}
		case err != nil && !heardBadly(err):
			return block{}, err
		default:
			if failures++; failures == attempts {
				return block{}, errFruitless
			}
			out = t.repair(sent, in, err)
		}
		in, err = t.swap(ctx, out, wait)
	}
	return block{}, errFruitless
}

func heardBadly(err error) bool {
	return errors.Is(err, ErrNoise) || errors.Is(err, errInvalid) || errors.Is(err, errWrongEDC)
}

// repair is what to send after a block that is not the one awaited. A card that asks for the block which it has not
// got gets it again (rule 7.4); R- and S-blocks are repeated (7.2, 7.3); after an I-block the card is asked for its
// own (7.1).
func (t *T1) repair(sent, in block, err error) block {
	if !sent.isI() || err == nil && in.isR() && in.expected() == t.ns {
		return sent
	}
	return t.reject(err)
}

func (t *T1) reject(err error) block {
	why := byte(rOther)
	if errors.Is(err, errWrongEDC) {
		why = rWrongEDC
	}
	return block{pcb: pcbR | t.nr<<4 | why}
}

// respond answers a card's request (rule 3, rule 9), and says for how long the card may think then.
func (t *T1) respond(ctx context.Context, in block) (out block, wait byte, err error) {
	out = block{in.pcb | sResponse, in.inf}
	switch in.pcb {
	case sWTX:
		return out, in.inf[0], nil
	case sIFS:
		t.ifsc = min(int(in.inf[0]), t.most)
		return out, 0, nil
	}
	_, _ = t.swap(ctx, out, 0) // out of courtesy: whatever the card says to it, this command is over
	return block{}, 0, ErrAborted
}

// swap sends a block and reads the one that comes back.
func (t *T1) swap(ctx context.Context, out block, wait byte) (block, error) {
	raw := out.encode(t.crc)
	defer clear(raw)
	answer, err := t.exchange(ctx, raw, wait)
	return t.read(answer, err)
}

func (t *T1) read(raw []byte, err error) (block, error) {
	if err != nil {
		return block{}, err
	}
	return decode(raw, t.crc)
}
