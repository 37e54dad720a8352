package pcsc

import (
	"slices"
	"sync"
	"time"
)

// fake is a pcscd of which a test decides what it says and when. It is safe for concurrent use.
type fake struct {
	mu       sync.Mutex
	changed  chan struct{}
	down     bool
	slots    map[string]uint32 // reader's name to state, with its count in the upper half
	order    []string
	counting bool // the list of readers is counted in its state's upper half, as newer libraries do
	waits    int
	calls    map[string]int // that entered, by name
	atr      string
	sessions int

	connectErr    error
	hang          map[string]chan struct{} // call's name to what it waits for
	transmit      func(command, answer []byte) (int, error)
	disconnects   []disposition
	disconnectErr error
}

func newFake(readers ...string) *fake {
	f := &fake{changed: make(chan struct{}), slots: map[string]uint32{}, hang: map[string]chan struct{}{}, calls: map[string]int{}}
	for _, r := range readers {
		f.plug(r)
	}
	return f
}

// change alters the world and wakes who waits.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) plug(name string) {
	f.change(func() { f.slots[name] = 0; f.order = append(f.order, name) })
}

func (f *fake) unplug(name string) {
	f.change(func() {
		delete(f.slots, name)
		f.order = slices.DeleteFunc(f.order, func(n string) bool { return n == name })
	})
}

// card puts a card in or takes it out; the reader counts.
func (f *fake) card(name string, in bool) {
	f.change(func() { f.slots[name] = event(f.slots[name], in) })
}

func event(state uint32, in bool) uint32 {
	state = (state>>16 + 1) << 16
	if in {
		state |= statePresent
	}
	return state
}

func (f *fake) block(call string) (release func()) {
	ch := make(chan struct{})
	f.change(func() { f.hang[call] = ch })
	return func() {
		f.change(func() { delete(f.hang, call) })
		close(ch)
	}
}

// enter is where a call hangs, if it is to hang.
func (f *fake) enter(call string) error {
	f.mu.Lock()
	ch, down := f.hang[call], f.down
	f.calls[call]++
	f.mu.Unlock()
	if ch != nil {
		<-ch
	}
	if down {
		return codeNoService
	}
	return nil
}

// count returns how often each call was entered since it was last asked.
func (f *fake) count() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = map[string]int{}
	return calls
}

func (f *fake) establish() (session, error) {
	if err := f.enter("establish"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions++
	return &fakeSession{f: f, cancelled: make(chan struct{}, 1)}, nil
}

type fakeSession struct {
	f         *fake
	cancelled chan struct{}
}

func (s *fakeSession) release() {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.sessions--
}

func (s *fakeSession) readers() ([]string, error) {
	if err := s.f.enter("readers"); err != nil {
		return nil, err
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if len(s.f.order) == 0 {
		return nil, codeNoReadersAvailable
	}
	return slices.Clone(s.f.order), nil
}

// cancel is lost unless somebody waits, as pcscd has it.
func (s *fakeSession) cancel() {
	_ = s.f.enter("cancel")
	select {
	case s.cancelled <- struct{}{}:
	default:
	}
}

func (s *fakeSession) wait(states []readerState, milliseconds uint32) error {
	if err := s.f.enter("wait"); err != nil {
		return err
	}
	select {
	case <-s.cancelled: // came too early
	default:
	}
	timeout := time.After(time.Duration(milliseconds) * time.Millisecond)
	s.f.mu.Lock()
	s.f.waits++
	list := len(s.f.order)
	s.f.mu.Unlock()
	for {
		done, changed, err := s.f.compare(states, list)
		if done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-s.cancelled:
			return codeCancelled
		case <-timeout:
			return codeTimeout
		}
	}
}

// compare is SCardGetStatusChange's look at the world.
func (f *fake) compare(states []readerState, list int) (done bool, changed <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return false, nil, codeNoService
	}
	now := slices.Clone(states)
	for i := range now {
		now[i].state = f.stateOf(now[i], list)
		now[i].atr = f.atr
		done = done || now[i].state&stateChanged != 0
	}
	if done {
		copy(states, now)
	}
	return done, f.changed, nil
}

func (f *fake) stateOf(s readerState, list int) uint32 {
	if s.name == plugAndPlay {
		count := uint32(len(f.order)) << 16
		switch {
		case f.counting && s.state&^0xFFFF != count:
			return count | stateChanged
		case f.counting:
			return count
		case len(f.order) != list:
			return stateChanged
		}
		return 0
	}
	state, ok := f.slots[s.name]
	switch {
	case !ok:
		return stateUnknown | stateChanged
	case s.state == stateUnaware || s.state&^stateChanged != state|0x10:
		return state | 0x10 | stateChanged // 0x10 so that a known state is never "unaware"
	}
	return state | 0x10
}

func (s *fakeSession) connect(reader string) (handle, error) {
	if err := s.f.enter("connect"); err != nil {
		return nil, err
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.f.connectErr != nil {
		return nil, s.f.connectErr
	}
	return &fakeHandle{s.f}, nil
}

type fakeHandle struct{ f *fake }

func (h *fakeHandle) transmit(command, answer []byte) (int, error) {
	if err := h.f.enter("transmit"); err != nil {
		return 0, err
	}
	return h.f.transmit(command, answer)
}

func (h *fakeHandle) disconnect(d disposition) error {
	if err := h.f.enter("disconnect"); err != nil {
		return err
	}
	h.f.mu.Lock()
	defer h.f.mu.Unlock()
	h.f.disconnects = append(h.f.disconnects, d)
	return h.f.disconnectErr
}
