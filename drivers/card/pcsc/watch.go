package pcsc

import (
	"context"
	"errors"
	"hash/fnv"
	"io"
	"strconv"
	"time"

	"honnin/config/trace"
	"honnin/drivers/card/internal/presence"
)

// Watch calls notify with what is, and then with every change, until ctx ends. A card exchanged between two looks
// is gone and then here. A missing reader or pcscd is a missing card; both are waited for, and "no card" is said once more when
// they go or come without one.
func (r *Reader) Watch(ctx context.Context, notify func(present bool)) {
	tracker := &presence.Tracker{Notify: func(p bool) {
		if ctx.Err() == nil {
			notify(p)
		}
	}}
	for ctx.Err() == nil {
		r.follow(ctx, tracker)
		tracker.Set(false, false, 0)
		pause(ctx, serviceEvery)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// follow watches through one PC/SC context until that fails or ctx ends. A call that does not come back after ctx's end
// is left behind.
func (r *Reader) follow(ctx context.Context, tracker *presence.Tracker) {
	looks, over := make(chan look), make(chan struct{})
	go func() {
		defer close(over)
		within(r.lib, func(s session) (struct{}, error) { return struct{}{}, r.report(ctx, s, looks) })
	}()
	for last := (look{}); ; {
		select {
		case l := <-looks:
			if l != last {
				r.trace.Say("the reader is not as it was", trace.Yes("reader", l.reader), trace.Yes("present", l.present))
			}
			last = l
			tracker.Set(l.reader, l.present, l.serial)
		case <-over:
			r.trace.Say("pcscd has ended the watch")
			return
		case <-ctx.Done():
			left, forget := context.WithTimeout(context.WithoutCancel(ctx), watchEnds)
			defer forget()
			select {
			case <-over:
			case <-left.Done():
			}
			return
		}
	}
}

// report sends what it sees until ctx ends or the PC/SC context fails.
func (r *Reader) report(ctx context.Context, s session, looks chan<- look) error {
	over := make(chan struct{})
	defer close(over)
	defer context.AfterFunc(ctx, func() { cancelUntil(s, over) })()
	return r.look(s, func(l look) bool {
		select {
		case looks <- l:
			return true
		case <-ctx.Done():
			return false
		}
	})
}

// cancelUntil repeats SCardCancel: one that comes before the wait is lost.
func cancelUntil(s session, over <-chan struct{}) {
	ticker := time.NewTicker(cancelEvery)
	defer ticker.Stop()
	for {
		s.cancel()
		select {
		case <-over:
			return
		case <-ticker.C:
		}
	}
}

// look is what the matching readers look like at one moment.
type look struct {
	reader  bool // there is one
	present bool
	serial  uint64
}

// look reports every state of the matching readers until report has had enough or the context fails.
func (r *Reader) look(s session, report func(look) bool) error {
	list := uint32(stateUnaware)
	for {
		states, err := r.watched(s, list)
		for again := false; err == nil && !again; {
			if !report(summary(states)) {
				return nil
			}
			again, err = await(s, states)
		}
		if err != nil {
			return err
		}
		// Older libraries say only that the list changed; newer ones count it in the upper half, and would
		// answer at once, for ever, who does not hand the count back.
		list = states[0].state &^ stateChanged
	}
}

// watched lists the matching readers as they are, and the list itself in front, as it was last known.
func (r *Reader) watched(s session, list uint32) ([]readerState, error) {
	names, err := s.readers()
	if err != nil && !errors.Is(err, codeNoReadersAvailable) {
		return nil, err
	}
	states := []readerState{{name: plugAndPlay, state: list}}
	for _, n := range r.matching(names) {
		states = append(states, readerState{name: n, state: stateUnaware})
	}
	if len(states) == 1 {
		return states, nil
	}
	err = s.wait(states[1:], 0)
	if errors.Is(err, codeUnknownReader) || errors.Is(err, codeTimeout) {
		err = nil // unplugged since the list: the wait that follows says so
	}
	return states, err
}

// await waits for a change; again asks for a new list of readers.
func await(s session, states []readerState) (again bool, err error) {
	err = s.wait(states, uint32(lookAgain/time.Millisecond))
	switch {
	case errors.Is(err, codeTimeout), errors.Is(err, codeUnknownReader), errors.Is(err, codeReaderUnavailable):
		return true, nil
	case err != nil:
		return false, err
	}
	for _, st := range states[1:] {
		again = again || st.state&stateUnknown != 0
	}
	return again || states[0].state&stateChanged != 0, nil
}

// summary is present when any reader has a card; the serial moves with each reader's count of insertions and
// removals.
func summary(states []readerState) (l look) {
	h := fnv.New64a()
	l.reader = len(states) > 1
	for _, st := range states[1:] {
		l.present = l.present || st.present()
		_, _ = io.WriteString(h, st.name+"\x00"+strconv.Itoa(int(st.state>>16))+"\x00")
	}
	l.serial = h.Sum64()
	return l
}
