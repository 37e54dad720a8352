// Package panel is the practice world within reach of the hand: it stands beside the kiosk's picture and lets a
// person place and pull cards, jam the printer, be handed a stranger's paper, put one of the faults of 2023 into a
// municipality's program, and be the staff. Everything it does
// is done to the world around the terminal, never to the terminal: what the terminal makes of it is real.
package panel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/daemon/session"
	"honnin/drivers/card/virtual"
	"honnin/drivers/printer/file"
	"honnin/ui/touch"
)

// Staff is the id under which the panel's member of staff is journalled.
const Staff = "practice-staff"

// ErrReal is returned for what cannot be done to a real reader or printer from here.
var ErrReal = errors.New("本物の装置です。手で操作してください。 This is a real device: do it by hand.")

// errNobody is returned for a PIN of nobody.
var errNobody = errors.New("カードが置かれていません。 No card lies on the reader.")

// errUnheard is returned where a terminal has not heard of a closing in time.
var errUnheard = errors.New("端末がまだ完了を受け取っていません。 The terminal has not heard of it yet.")

// maxEvents is how many lines of the log are kept.
const maxEvents = 40

// Terminal is what the panel needs of the terminal: what staff can say to it, and its incidents.
type Terminal interface {
	practice.Hears
	StaffReady(ctx context.Context, staff string) error
	StaffNeeded() (string, error)
	Failed() bool // its self-test
}

// Panel implements touch.Panel. Reader and printer are nil where real ones are used.
type Panel struct {
	world   *practice.World
	channel protocol.Channel
	reader  *virtual.Reader
	printer *file.Printer
	dir     string // of the printer's sheets

	mu       sync.Mutex
	terminal Terminal
	holder   string // whose card lies on the reader
	card     *virtual.Card
	cards    map[string]*virtual.Card // one a person, so that wrong PINs add up
	jammed   bool
	empty    bool
	stranger bool
	events   []touch.Event
	changed  func()
	levers   []Lever
}

var _ touch.Panel = (*Panel)(nil)

// New returns a panel over a world, beside a terminal of a channel with a virtual reader (or nil) and a directory printer
// (or nil) printing to dir.
func New(w *practice.World, c protocol.Channel, r *virtual.Reader, p *file.Printer, dir string) *Panel {
	return &Panel{world: w, channel: c, reader: r, printer: p, dir: dir, cards: map[string]*virtual.Card{}, changed: func() {}}
}

// At tells the panel which terminal it stands beside, and what to call when it has something new to show.
func (p *Panel) At(t Terminal, changed func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.terminal, p.changed = t, changed
}

// Observe takes down what happened in a visit.
func (p *Panel) Observe(s session.Step) {
	p.mu.Lock()
	if s.From != s.To || s.End != nil {
		e := touch.Event{Visit: s.Visit, State: s.To.String()}
		if s.End != nil {
			e.Outcome, e.Code = string(s.End.Outcome), string(s.End.Code)
			p.stranger = false // it was for one package
		}
		p.events = append(p.events, e)
		p.events = p.events[max(0, len(p.events)-maxEvents):]
	}
	changed := p.changed
	p.mu.Unlock()
	changed()
}

// People lists who has a card.
func (p *Panel) People() (out []touch.Person) {
	for _, x := range people.All() {
		out = append(out, touch.Person{ID: x.ID, Label: label(x.ID), Note: note(x), PIN: x.PIN})
	}
	return out
}

func note(x people.Person) string {
	switch {
	case x.Status == people.Revoked:
		return "失効したカード revoked"
	case x.Status == people.Suspended:
		return "一時停止中のカード suspended"
	case !x.Linked:
		return "未登録のカード not linked"
	}
	return string(x.Key)
}

// State is what the panel shows.
func (p *Panel) State() touch.PanelState {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := touch.PanelState{Card: p.holder, Keys: p.reader != nil && p.reader.HasKeys(), Jammed: p.jammed, PaperOut: p.empty, Stranger: p.stranger, Sheets: p.sheets(), Scenarios: p.scenarios(), Policies: p.policies(), StaffCode: p.staffCode()}
	if p.card != nil {
		s.TriesLeft = p.card.TriesLeft()
	}
	if p.printer != nil {
		s.InTray = p.printer.InTray()
	}
	if p.terminal != nil {
		why, err := p.terminal.StaffNeeded()
		s.NeedsStaff = why != "" || err != nil || p.terminal.Failed()
		open, _ := p.terminal.Open() // what cannot be read is none to press a button for
		s.Open = len(open)
	}
	s.Events = slices.Clone(p.events)
	slices.Reverse(s.Events)
	return s
}

var sheetName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{32}\.pdf$`) })

func (p *Panel) sheets() (out []touch.Sheet) {
	entries, err := os.ReadDir(p.dir)
	if err != nil || p.dir == "" {
		return nil
	}
	at := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && sheetName().MatchString(e.Name()) {
			at[e.Name()] = info.ModTime()
			out = append(out, touch.Sheet{Name: e.Name(), Label: info.ModTime().Format("15:04:05") + " " + e.Name()[:8]})
		}
	}
	slices.SortFunc(out, func(a, b touch.Sheet) int { return at[b.Name].Compare(at[a.Name]) })
	return out[:min(len(out), 12)]
}

// Sheet returns a printed sheet.
func (p *Panel) Sheet(name string) ([]byte, error) {
	if !sheetName().MatchString(name) || p.dir == "" {
		return nil, os.ErrNotExist
	}
	return os.ReadFile(filepath.Join(p.dir, name))
}

// Place puts a person's card on the reader.
func (p *Panel) Place(person string) error {
	if p.reader == nil {
		return ErrReal
	}
	c, err := p.hand(person)
	if err != nil {
		return err
	}
	p.reader.Place(c)
	return nil
}

func (p *Panel) hand(person string) (*virtual.Card, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.cards[person]
	if !ok {
		var err error
		if c, err = p.world.Card(person); err != nil {
			return nil, err
		}
		p.cards[person] = c
	}
	p.holder, p.card = person, c
	return c, nil
}

// typing is how long fingers at the panel wait for the reader to ask.
const typing = time.Second

// Type types the PIN of the card that lies there on the reader's keys, or another one.
func (p *Panel) Type(wrong bool) error {
	if p.reader == nil || !p.reader.HasKeys() {
		return ErrReal
	}
	p.mu.Lock()
	at := slices.IndexFunc(people.All(), func(x people.Person) bool { return x.ID == p.holder })
	p.mu.Unlock()
	if at < 0 {
		return errNobody
	}
	pin := people.All()[at].PIN
	if wrong {
		pin = string('0'+(pin[0]-'0'+1)%10) + pin[1:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), typing)
	defer cancel()
	return p.reader.Type(ctx, pin)
}

// Refuse presses the red key at the reader.
func (p *Panel) Refuse() error {
	if p.reader == nil || !p.reader.HasKeys() {
		return ErrReal
	}
	ctx, cancel := context.WithTimeout(context.Background(), typing)
	defer cancel()
	return p.reader.Refuse(ctx)
}

// Pull takes whatever card lies there.
func (p *Panel) Pull() error {
	if p.reader == nil {
		return ErrReal
	}
	p.reader.Pull()
	p.mu.Lock()
	p.holder, p.card = "", nil
	p.mu.Unlock()
	return nil
}

func (p *Panel) device(f func(*file.Printer)) error {
	if p.printer == nil {
		return ErrReal
	}
	f(p.printer)
	return nil
}

// Jam lets the next sheet jam.
func (p *Panel) Jam() error {
	return p.device(func(d *file.Printer) { p.set(func() { p.jammed = true }); d.JamAfter(0) })
}

// ClearJam clears the paper path.
func (p *Panel) ClearJam() error {
	return p.device(func(d *file.Printer) { p.set(func() { p.jammed, p.empty = false, false }); d.Clear() })
}

// PaperOut empties the paper tray, or fills it again.
func (p *Panel) PaperOut() error {
	return p.device(func(d *file.Printer) {
		full := false
		p.set(func() { full = p.empty; p.empty = !p.empty })
		if full {
			d.Clear()
		} else {
			d.PaperOut()
		}
	})
}

func (p *Panel) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// TakePaper takes the sheets from the tray.
func (p *Panel) TakePaper() error { return p.device((*file.Printer).TakePaper) }

// HandStranger has the issuer hand over a neighbour's package next time, or no longer.
func (p *Panel) HandStranger() error {
	p.set(func() { p.stranger = !p.stranger; p.world.HandStranger(p.stranger) })
	return nil
}

// Staff empties tray and path, and says so. It opens no service that an incident stopped.
func (p *Panel) Staff() error {
	if p.printer != nil {
		p.printer.Clear()
		p.printer.TakePaper()
		p.set(func() { p.jammed, p.empty = false, false })
	}
	err := p.terminal.StaffReady(context.Background(), Staff)
	if errors.Is(err, session.ErrNotStopped) {
		return nil
	}
	return err
}

// hearing is how long the panel waits for a terminal to hear of a closing.
const hearing = 20 * time.Second

// Close has the municipality's person close this terminal's incidents, each with a cause and signed, and waits until the terminal
// has heard of it.
func (p *Panel) Close() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), hearing, errUnheard)
	defer cancel()
	return p.world.CloseAll(ctx, p.terminal)
}

// label is a person's fictional name; whoever no register knows has none.
func label(id string) string {
	if name := people.Name(id); name != "" {
		return name
	}
	return "氏名未登録 " + id
}
