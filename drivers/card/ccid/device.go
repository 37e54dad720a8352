package ccid

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"honnin/config/trace"
	"honnin/drivers/internal/usb"
)

// Errors beside those of package card and of package usb.
var (
	// ErrProtocol is a reader whose messages make no sense.
	ErrProtocol = errors.New("ccid: the reader does not keep to its protocol")
	// ErrSilent is a reader that does not answer.
	ErrSilent = errors.New("ccid: the reader does not answer")
	// ErrHardware is a reader that says of itself that it is broken.
	ErrHardware = errors.New("ccid: the reader reports a hardware error")

	errBroken = fmt.Errorf("%w, and could not be brought back", ErrProtocol)
)

// How long a reader may take.
const (
	readerWithin = 5 * time.Second  // for what concerns the reader alone, and a card's reset
	cardWithin   = 10 * time.Second // for a command at APDU level, unless it asks for more time
	margin       = 2 * time.Second  // for the reader itself, beside a card's own waiting time
	abortWithin  = time.Second
	ceiling      = 60 * time.Second // for one message, however much time is asked for
	strays       = 8                // answers to nothing we asked that are passed over
	empties      = 4                // empty transfers in a row; a message of whole packets ends in one
)

// device is one claimed interface. One message is under way at a time.
type device struct {
	Descriptor
	pipes    usb.Interface
	iface    uint16
	out, in  uint8
	notices  uint8         // the interrupt pipe, 0 for none
	notice   int           // its packets, bytes
	packet   int           // of the bulk pipe from the reader, bytes
	claim    uint64        // which of all claims it is
	since    time.Time     // of the claim
	stir     func()        // tells that a slot is not as it was
	lost     func(error)   // tells that it failed
	over     chan struct{} // closed when it failed
	turn     chan struct{} // a place for who speaks to the reader, taken by lock; it guards what follows
	seq      atomic.Uint32 // of the next message
	trace    trace.Trace
	unsolved *pending // a command that nobody waits for any more: to be aborted before the next one

	mu      sync.Mutex
	broken  error // it has to be claimed anew, if it is still there
	padless bool  // it has not the keys that it claims
	slots   []*slot
}

// pending names a command.
type pending struct{ slot, seq byte }

func (d *device) lock(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *device) unlock() { <-d.turn }

// fail gives the device up: whoever looks at the bus next claims it anew, if it is there.
func (d *device) fail(err error) error {
	d.mu.Lock()
	first := d.broken == nil
	if first {
		d.broken = err
	}
	d.mu.Unlock()
	if first {
		close(d.over)
		d.lost(err)
	}
	return err
}

// proven tells whether it lasted.
func (d *device) proven() bool { return time.Since(d.since) >= tryLast }

func (d *device) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken
}

// ask sends a message to a slot and returns the answer, good or bad ([answer.err]). After an error nobody knows
// what became of it, and it will be aborted before the next one. It needs the turn, which is held for a whole command to
// the card and not for a message: an abort of something else between its parts would end it.
func (d *device) ask(ctx context.Context, slot byte, r request, patience time.Duration) (answer, error) {
	if err := d.failed(); err != nil {
		return answer{}, err
	}
	if d.unsolved != nil {
		if err := d.abort(ctx); err != nil {
			return answer{}, err
		}
	}
	p := pending{slot, d.number()}
	d.unsolved = &p
	a, err := d.roundTrip(ctx, p, r, patience)
	if err != nil {
		d.trace.Say("no answer to a message", trace.Byte("operation", byte(r.kind)), trace.Number("slot", int(slot)), trace.Why(err))
	}
	if err == nil && !errors.Is(a.err(), commandAborted) { // an abort that somebody before us began, and that we end
		d.unsolved = nil
	}
	return a, err
}

// number is the next message's.
func (d *device) number() byte { return byte(d.seq.Add(1) - 1) }

// again asks what is harmless to ask, and asks it once more when a stall was in the way.
func (d *device) again(ctx context.Context, slot byte, r request) (answer, error) {
	a, err := d.ask(ctx, slot, r, readerWithin)
	if errors.Is(err, usb.ErrStall) {
		a, err = d.ask(ctx, slot, r, readerWithin)
	}
	return a, err
}

func (d *device) roundTrip(ctx context.Context, p pending, r request, patience time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, max(ceiling, patience), ErrSilent)
	defer cancel()
	if err := d.send(ctx, r.encode(p.slot, p.seq)); err != nil {
		return answer{}, err
	}
	for passed := 0; ; {
		a, err := d.receive(ctx, patience)
		switch {
		case err != nil:
			return answer{}, err
		case a.slot != p.slot || a.seq != p.seq:
			if passed++; passed > strays {
				return answer{}, fmt.Errorf("%w: answers to nothing", ErrProtocol)
			}
		case a.wantsTime():
		case a.kind != answeredBy(r.kind) && a.err() == nil:
			return answer{}, fmt.Errorf("%w: %02X as an answer to %02X", ErrProtocol, a.kind, r.kind)
		default:
			return a, nil
		}
	}
}

// send writes one message, which may hold a PIN.
func (d *device) send(ctx context.Context, message []byte) error {
	defer clear(message)
	limit, cancel := context.WithTimeoutCause(ctx, readerWithin, ErrSilent)
	defer cancel()
	n, err := d.pipes.Write(limit, d.out, message)
	if err == nil && n != len(message) {
		err = fmt.Errorf("%w: it took %d bytes of %d", ErrProtocol, n, len(message))
	}
	return d.explain(limit, d.out, err)
}

// receive reads one message. The first packets hold the header, which says how much is to come: so the end is found whether
// or not the reader marks it with an empty packet, and that one is passed over before the next message.
func (d *device) receive(ctx context.Context, patience time.Duration) (answer, error) {
	limit, cancel := context.WithTimeoutCause(ctx, patience, ErrSilent)
	defer cancel()
	message, err := d.first(limit)
	if err != nil {
		return answer{}, d.explain(limit, d.in, err)
	}
	whole, err := length(message)
	for err == nil && len(message) < whole && len(message)%d.packet == 0 {
		more := make([]byte, packets(whole-len(message), d.packet))
		var n int
		if n, err = d.pipes.Read(limit, d.in, more); err == nil && n == 0 {
			break
		}
		message = append(message, more[:n]...)
	}
	if err != nil {
		return answer{}, d.explain(limit, d.in, err)
	}
	return parseAnswer(message)
}

func (d *device) first(ctx context.Context) ([]byte, error) {
	b := make([]byte, packets(header, d.packet))
	for range empties {
		if n, err := d.pipes.Read(ctx, d.in, b); n > 0 || err != nil {
			return b[:n], err
		}
	}
	return nil, fmt.Errorf("%w: empty answers", ErrProtocol)
}

// packets is the room for n bytes in whole packets.
func packets(n, packet int) int { return (n + packet - 1) / packet * packet }

// explain clears a stall, notes a reader that is gone, and says whose patience has ended.
func (d *device) explain(ctx context.Context, endpoint uint8, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, usb.ErrStall):
		return errors.Join(err, d.clear(ctx, endpoint))
	case errors.Is(err, usb.ErrGone):
		return d.fail(err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

func (d *device) clear(ctx context.Context, endpoint uint8) error {
	err := d.pipes.ClearHalt(ctx, endpoint)
	if err != nil {
		_ = d.fail(err)
	}
	return err
}

// abort ends the unsolved command (§5.3.1): the control pipe and the bulk pipe name the same number, and the answer
// to the latter is the end of all that went before. The number is a new one, so that the command's own answer, when it was on
// its way already, is not taken for the abort's. A reader without the request answers a question for its slot instead.
// Once begun it is not left half done, whoever leaves meanwhile: a reader would answer nothing else any more.
func (d *device) abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 2*abortWithin, ErrSilent)
	defer cancel()
	p, r := pending{d.unsolved.slot, d.number()}, request{kind: abortMessage}
	d.trace.Say("a command is aborted", trace.Number("slot", int(p.slot)))
	_, err := d.pipes.Control(ctx, 0x21, 0x01, uint16(p.seq)<<8|uint16(p.slot), d.iface, nil)
	if errors.Is(err, usb.ErrStall) {
		r.kind, err = getSlotStatus, nil
	}
	if err == nil {
		err = d.finish(ctx, p, r)
	}
	if err != nil {
		return d.fail(fmt.Errorf("%w: %w", errBroken, err))
	}
	d.unsolved = nil
	return nil
}

func (d *device) finish(ctx context.Context, p pending, r request) error {
	a, err := d.roundTrip(ctx, p, r, abortWithin)
	if err == nil && !errors.Is(a.err(), errNoCard) {
		err = a.err()
	}
	return err
}

// close leaves no command behind for whoever claims the reader next, and gives the claim back.
func (d *device) close() {
	d.settle()
	_ = d.pipes.Close() // a transfer that does not end has its handle left to the kernel
}

func (d *device) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), abortWithin)
	defer cancel()
	if d.lock(ctx) != nil {
		return // somebody speaks still: closing the pipes ends it
	}
	defer d.unlock()
	if d.unsolved != nil && d.failed() == nil {
		_ = d.abort(ctx)
	}
}
