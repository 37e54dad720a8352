package terminal

import (
	"context"
	"errors"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool"
	"honnin/spool/sheet"
)

// Errors of [Terminal.PrintSheet], besides those of package sheet and what wraps [session.ErrPolicy].
var (
	ErrVisit = errors.New("terminal: a visit is in hand")
	ErrSheet = errors.New("terminal: another service sheet is on its way")
)

// ServiceSheet is the word for why a terminal is out of service that prints a service sheet.
const ServiceSheet = "service-sheet"

// sheetWait is how long a service sheet waits for the session to give way, where a visit begins in the same moment. A technician who
// saw no sheet by then is not to be surprised by one.
const (
	sheetWait  = 20 * time.Second
	sheetYield = 500 * time.Millisecond // before the session is asked once more
)

// SheetState is how the service sheet stands that was asked for last. The zero value: none was.
type SheetState struct {
	State   string           `json:"state"`            // "waiting", "printing", "done"
	Outcome protocol.Outcome `json:"outcome,omitzero"` // done: printed, failed, unsure; "": it was not begun
	Why     string           `json:"why,omitzero"`     // done: a word
}

// sheets are the service sheets of a terminal: one at a time.
type sheets struct {
	mu     sync.Mutex
	last   SheetState
	number int // of the last one
	sheet  sheet.Service
	asker  string
}

// ask makes a sheet wait, unless there is one, or check says why not: after the end of the one before.
func (s *sheets) ask(of sheet.Service, technician string, check func() error) (number int, err error) {
	before, busy := s.stand()
	if busy {
		return 0, ErrSheet
	}
	if err := check(); err != nil { // it may wait for the disk, and nobody for it
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.number != before {
		return 0, ErrSheet
	}
	s.number++
	s.last, s.sheet, s.asker = SheetState{State: "waiting"}, of, technician
	return s.number, nil
}

// stand returns the number of the last one, and whether it is on its way.
func (s *sheets) stand() (number int, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number, s.last.State == "waiting" || s.last.State == "printing"
}

// waits reports whether one still waits.
func (s *sheets) waits(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number == number && s.last.State == "waiting"
}

// take begins with the one that waits, if there is one.
func (s *sheets) take() (of sheet.Service, technician string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.State != "waiting" {
		return sheet.Service{}, "", false
	}
	s.last.State = "printing"
	return s.sheet, s.asker, true
}

// withdraw ends the wait of one.
func (s *sheets) withdraw(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.number == number && s.last.State == "waiting" {
		s.last, s.sheet = SheetState{State: "done", Why: "visit"}, sheet.Service{}
	}
}

func (s *sheets) end(o protocol.Outcome, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.sheet = SheetState{"done", o, why}, sheet.Service{}
}

// PrintSheet has a service sheet of these facts printed for a technician (an id) as soon as the session gives way. It does not wait for that:
// [Terminal.Sheet] says how it stands. What the terminal knows of itself it adds to the facts. It is refused while a visit is in hand,
// and where it could not be printed now for all that is known; the printer is looked at when it comes to that.
func (t *Terminal) PrintSheet(f sheet.Facts, technician string) error {
	s, err := t.draw(f)
	if err != nil {
		return err
	}
	number, err := t.sheets.ask(s, technician, t.sheetable)
	if err != nil {
		return err
	}
	go t.await(number)
	return nil
}

// await has the session give way, and the one after it, where it has just ended; in the end it withdraws the sheet.
func (t *Terminal) await(number int) {
	late := time.NewTimer(sheetWait)
	defer late.Stop()
	again := time.NewTicker(sheetYield)
	defer again.Stop()
	asked := make(chan struct{}, 1)
	asked <- struct{}{}
	for t.sheets.waits(number) {
		select {
		case <-asked:
			go func() { t.plugged().Yield(); asked <- struct{}{} }() // it waits for one that does not run yet
		default:
		}
		select {
		case <-again.C:
		case <-late.C:
			t.sheets.withdraw(number)
		}
	}
}

// Sheet returns how the service sheet stands that was asked for last.
func (t *Terminal) Sheet() SheetState {
	t.sheets.mu.Lock()
	defer t.sheets.mu.Unlock()
	return t.sheets.last
}

func (t *Terminal) sheetable() error {
	if err := t.ledger.settle(); err != nil { // what is owed may call staff
		return err
	}
	why, err := t.journal.StaffNeeded()
	switch {
	case err != nil:
		return err
	case why != "":
		return spool.ErrStaff
	case t.plugged().gate.visited():
		return ErrVisit
	case t.wanted.Load() != nil || t.lent.Load() != nil:
		return ErrLent
	}
	return t.law.judge()
}

func (t *Terminal) draw(f sheet.Facts) (sheet.Service, error) {
	p := t.plugged().parts
	head, err := t.journal.Head()
	if err != nil {
		return sheet.Service{}, err
	}
	f.Terminal, f.At, f.Software, f.Policy, f.Journal = p.Terminal, t.now(), protocol.ProgramOf(p.Software), 0, head.Position
	if in := t.law.inForce(); in != nil {
		f.Policy = in.Head.Version
	}
	return sheet.New(f)
}

// printSheet prints the service sheet that waits, if one does. No visit is in hand, and none begins meanwhile; what is in motion is not
// abandoned when ctx ends. What came of it is said by told: once there is a session again that hears the word that the path is empty.
func (t *Terminal) printSheet(ctx context.Context) (told func()) {
	s, technician, ok := t.sheets.take()
	if !ok {
		return func() {}
	}
	p := t.plugged()
	if err := t.law.judge(); err != nil { // another policy may have come into force
		return func() { t.sheets.end("", "policy") }
	}
	if err := t.ledger.settle(); err != nil {
		return func() { t.sheets.end("", SheetWord(err)) }
	}
	p.noticed.Show(session.View{State: session.Unready, Word: ServiceSheet})
	got, err := spool.PrintService(context.WithoutCancel(ctx), t.journal, p.parts.Printer, s, technician)
	why := got.Reason
	if err != nil {
		why = SheetWord(err)
	}
	t.log.WithField("outcome", string(got.Outcome)).WithField("why", why).Info("a service sheet")
	return func() { t.sheets.end(got.Outcome, why) }
}

// SheetWord is why no service sheet was printed, in a word.
func SheetWord(err error) string {
	var not *spool.NotReady
	switch {
	case err == nil:
		return ""
	case errors.As(err, &not) && not.Reason != "":
		return not.Reason
	case errors.Is(err, spool.ErrNotReady):
		return "printer"
	}
	for _, k := range []struct {
		err  error
		word string
	}{
		{spool.ErrStaff, "staff-needed"}, {spool.ErrNotEmpty, "not-empty"}, {spool.ErrNoSheets, "no-printer"}, {ErrVisit, "visit"}, {ErrSheet, "busy"},
		{ErrLent, TestVisit}, {sheet.ErrFacts, "malformed"}, {session.ErrPolicy, "policy"},
	} {
		if errors.Is(err, k.err) {
			return k.word
		}
	}
	return "no-journal"
}
