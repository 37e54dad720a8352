// Package ccid reaches a card through a reader on USB, without pcscd: the device class of smart card readers (USB-IF,
// Device Class: Smart Card CCID, rev. 1.1; its sections are meant by § here) over package usb.
//
// # Levels
//
// A reader says how much of the card's protocol it leaves to its host. At the extended APDU level that is nothing but to
// cut long commands and answers to its buffer; at the short APDU level there is no extended length; at the TPDU level,
// where the common contact readers are, the blocks of T=1 are ours (package contact), and the mapping of APDUs to T=0.
// Negotiation (PPS, parameters, IFSD) is done as far as the reader does not do it itself. Extended length where it cannot be
// carried is answered 6700 in the card's name, which is what a card says that has none.
//
// # What is promised
//
// A command is handed to the reader once. Whatever goes wrong with that message, or its answer (a stall, silence,
// garbage, another number), the card is lost ([card.ErrGone]) and the caller connects anew; only T=1 repeats, blocks and
// not commands. What concerns the reader alone (power, status, parameters) is asked again after a stall. A command that
// nobody waits for any more is aborted (§5.3.1) before the next one; a reader that does not come back from that is
// claimed anew.
//
// Connecting resets the card, closing takes its power. A connection is to the card that lay there: when the reader told
// of a removal since, it is over, whatever lies there now.
//
// # Readers that come and go
//
// Interfaces are claimed while somebody watches or is connected, and at no other time, each by itself: one that is silent or
// in the way delays no other. A reader that was unplugged, or is in use by pcscd or a kernel driver that does not let go, or
// may not be opened, is [card.ErrNoReader] with package usb's error beside it; it is tried again with growing patience, or
// when it is plugged in again. Errors name a reader by its numbers and its port, not in its own words, which may hold a
// serial number.
//
// Presence comes from the interrupt pipe; where there is none, or one that stalls or chatters, the slots are asked, less
// and less often while nothing happens.
//
// # The PIN
//
// With keys on the reader ([card.PINPad]) the PIN goes from them to the card. Otherwise it is in the messages of one
// VERIFY, which are wiped; not so libusb's own copy for the transfer, which is freed as it is. Nothing here is logged.
package ccid

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"honnin/config/trace"
	"honnin/drivers/card"
	"honnin/drivers/internal/usb"
)

const class = 0x0B // bInterfaceClass

// Found is a reader's interface, as it describes itself. Nothing is claimed to know it.
type Found struct {
	Name       string // maker, product, vendor and product number, port: what [New] is given
	Interface  int
	Alternate  int
	Descriptor Descriptor
	Err        error // [ErrDescriptor]: it cannot be used
}

// Describe returns the readers among a device's interfaces.
func Describe(i usb.Info) (found []Found) {
	for _, s := range i.Settings {
		if s.Class != class || slices.ContainsFunc(found, func(f Found) bool { return f.Interface == s.Interface }) {
			continue
		}
		f := Found{Name: name(i, s.Interface), Interface: s.Interface, Alternate: s.Alternate}
		f.Descriptor, f.Err = describe(s)
		found = append(found, f)
	}
	return found
}

func name(i usb.Info, iface int) string {
	var words []string
	for _, w := range []string{i.Manufacturer, i.Name} {
		if w != "" {
			words = append(words, w)
		}
	}
	words = append(words, fmt.Sprintf("(%04x:%04x) %s", i.Vendor, i.Product, i.Port))
	if iface > 0 {
		words = append(words, fmt.Sprintf("interface %d", iface))
	}
	return strings.Join(words, " ")
}

// describe reads the class descriptor of a setting, and asks for the pipes.
func describe(s usb.Setting) (Descriptor, error) {
	raw, ok := s.ClassDescriptor(descriptorType)
	if !ok {
		return Descriptor{}, fmt.Errorf("%w is missing", ErrDescriptor)
	}
	_, in := s.Endpoint(true, usb.KindBulk)
	_, out := s.Endpoint(false, usb.KindBulk)
	if !in || !out {
		return Descriptor{}, fmt.Errorf("%w: no bulk pipes", ErrDescriptor)
	}
	return ParseDescriptor(raw)
}

// Reader is one reader, or whichever matches. It is safe for concurrent use.
type Reader struct {
	bus   usb.Bus
	name  string
	scan  chan struct{} // a place for who looks at the bus
	trace trace.Trace

	mu      sync.Mutex
	users   int // watching, connected, or asking
	holds   map[place]*hold
	claims  uint64        // so far
	changed chan struct{} // closed when something is different
	open    *connection
}

// New returns the reader whose name is the one given, or has it in it as whole words: "1-2" is neither port 1-21 nor 1-2.3
// ([Found]; a slot beyond the first has " slot 1" and so on behind it). Of several, and of all when name is "", it is the first
// with a card. Nothing is asked of the bus yet.
func New(bus usb.Bus, name string) *Reader {
	return &Reader{bus: bus, name: name, scan: make(chan struct{}, 1), holds: map[place]*hold{}, changed: make(chan struct{})}
}

// Trace has the reader say what becomes of it and its slots. It is called before anything else.
func (r *Reader) Trace(t trace.Trace) { r.trace = t }

// stir wakes who waits for a change.
func (r *Reader) stir() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Reader) change() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// wanted are the interfaces that may be this reader: those of that exact name, else those that have it in theirs.
func (r *Reader) wanted(infos []usb.Info) (wanted []candidate) {
	for _, i := range infos {
		for _, f := range Describe(i) {
			if r.means(f) {
				wanted = append(wanted, candidate{place{i.Place, f.Interface}, i.Vendor, i.Product, f})
			}
		}
	}
	exact := slices.IndexFunc(wanted, func(c candidate) bool { return c.found.Name == r.name })
	if exact >= 0 {
		return wanted[exact : exact+1]
	}
	return wanted
}

// means tells whether the name of any of its slots fits.
func (r *Reader) means(f Found) bool {
	for n := range max(f.Descriptor.Slots, 1) {
		if fits(slotName(f.Name, n), r.name) {
			return true
		}
	}
	return false
}

func slotName(reader string, n int) string {
	if n == 0 {
		return reader
	}
	return fmt.Sprintf("%s slot %d", reader, n)
}

// goesOn and wentOn match what makes a word longer, behind it and before it: letters, and digits over a dot or a hyphen.
var (
	goesOn = regexp.MustCompile(`^([-.]?[0-9]|\pL)`)
	wentOn = regexp.MustCompile(`([0-9][-.]?|\pL)$`)
)

// fits tells whether a name has words in it, whole.
func fits(name, words string) bool {
	if words == "" {
		return true
	}
	for at := range name {
		if strings.HasPrefix(name[at:], words) && !wentOn.MatchString(name[:at]) && !goesOn.MatchString(name[at+len(words):]) {
			return true
		}
	}
	return false
}

// slotsOf are the slots that this reader stands for.
func (r *Reader) slotsOf(devices []*device) (slots []*slot) {
	for _, d := range devices {
		for _, s := range d.slots {
			if fits(s.name, r.name) {
				slots = append(slots, s)
			}
		}
	}
	return slots
}

// Present reports whether a card lies on the reader: [card.ErrNoReader].
func (r *Reader) Present(ctx context.Context) (bool, error) {
	r.acquire()
	defer r.release()
	devices, err := r.refresh(ctx)
	if err != nil {
		return false, err
	}
	s, err := r.occupied(ctx, devices)
	return s != nil, err
}

// HasKeys tells whether a PIN is typed at the reader itself, wherever the card may be laid: all that is claimed has keys, as far
// as is known. While nobody watches or is connected nothing is claimed.
func (r *Reader) HasKeys() bool {
	r.mu.Lock()
	var devices []*device
	for _, h := range r.holds {
		if h.device != nil {
			devices = append(devices, h.device)
		}
	}
	r.mu.Unlock()
	slots := r.slotsOf(devices)
	return len(slots) > 0 && !slices.ContainsFunc(slots, func(s *slot) bool { return !s.d.hasPad() })
}

// occupied returns the first slot with a card, nil when there is none. Those that had one last are asked first, and a reader
// that is busy with a command is not: what it said last counts.
func (r *Reader) occupied(ctx context.Context, devices []*device) (*slot, error) {
	slots := r.slotsOf(devices)
	slices.SortStableFunc(slots, func(a, b *slot) int { return cmp.Compare(b.rank(), a.rank()) })
	var wrong error
	for _, s := range slots {
		if len(s.d.turn) == 0 {
			if err := s.d.look(ctx, s); err != nil {
				wrong = reading(err)
				continue
			}
		}
		if present, _ := s.state(); present {
			return s, nil
		}
	}
	return nil, wrong
}

// reading gives package card's word to errors of a reader without a connection.
func reading(err error) error {
	if errors.Is(err, usb.ErrGone) {
		return fmt.Errorf("%w: %w", card.ErrNoReader, err)
	}
	return err
}
