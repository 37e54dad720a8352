package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/practice/pki"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
)

// crashingTerminal is the other process.
func crashingTerminal(t *testing.T, told string) {
	var o crashOrder
	if err := json.Unmarshal([]byte(told), &o); err != nil {
		t.Fatal(err)
	}
	out, err := rpc.Dial("unix", o.Socket)
	if err != nil {
		t.Fatal(err)
	}
	practiceKeys = func() ([]byte, error) { return os.ReadFile(filepath.Join(o.State, "keys", pki.FileName)) }
	step := func(what string) {
		if err := out.Call("Outside.Step", what, new(bool)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	s := newStand(t, o.State, func(s *stand, p *terminal.Parts) {
		s.line.lead(t, o.Centre)
		p.Policy = untold(s)
		p.Journal, p.Payment, p.Tray = steppedJournal{p.Journal, step}, steppedMoney{out}, nil
		if o.Visit == "keys" {
			p.Reader = s.withReaderKeys()
		}
		p.Reader = &tapped{Reader: p.Reader, before: func(command []byte) { step("card " + instruction(command)) },
			after: func(command, _ []byte) { step("card did " + instruction(command)) }}
		p.Printer = ippAt(t, o.Printer, func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return &steppedLine{Conn: conn, step: step}, err
		})
		if atCounter(o.Visit) {
			p.Channel = protocol.Counter
		}
		if o.Visit == "forgotten" {
			p.Limits.TakeCard = 50 * time.Millisecond
		}
	})
	if s.Stopped() { // by a visit that was cut short
		s.settledFrom(out)
	}
	w := s.wish("p04", protocol.ResidentRecord)
	w.Differs = o.Visit == "differs"
	switch o.Visit {
	case "settle":
		s.everythingDelivered()
		s.quit()
		return
	case "forgotten":
		w.Hands.(*holding).forget = func(v session.View) bool { return v.State == session.TakeCard }
	case "disowned":
		s.hand.instead[session.PressFinish] = func() bool { s.saysNotMine(); return true }
	case "cancelled":
		s.hand.instead[session.PressYes] = func() bool {
			v, _ := s.screen.now()
			s.Press(v.Visit, session.Input{Kind: session.PressCancel})
			return true
		}
	}
	if v := s.visit(w); v.Ending == nil {
		t.Error("no outcome")
	}
	s.saysAfterwards(o.Visit)
	s.everythingDelivered()
	s.quit()
}

// saysAfterwards says that the sheet is another's, without a card, or waits for what was said within the visit.
func (s *stand) saysAfterwards(visit string) {
	switch visit {
	case "disowned":
		s.awaitState(session.OutOfService)
	case "unproven":
		s.await("the button", func(v session.View) bool { return v.State == session.Idle && v.Disowns > 0 })
		s.saysNotMine()
		v := s.awaitState(session.PlaceAgain)
		s.Press(v.Visit, session.Input{Kind: session.PressCancel})
		s.awaitState(session.OutOfService)
	}
}

// settledFrom has the municipality, outside, close what stops a service, until the terminal has heard of it.
func (s *stand) settledFrom(out *rpc.Client) {
	s.t.Helper()
	s.everythingDelivered()
	ids, err := s.Open()
	s.must(err)
	for _, id := range ids {
		s.must(out.Call("Outside.Close", id, new(bool)))
	}
	s.until("the services to open", func() bool { return !s.Stopped() })
}

var contactTable = regexp.MustCompile(`(?m)^\[\[contact\]\]\n(?:[a-z]+ = .*\n)*`)

// untold is the policy without anybody to tell: whom an incident is told is journalled beside a visit, now or at the next heartbeat,
// and would be another step each time. That nothing of it is lost or repeated by a restart, TestNobodyAcknowledges says.
func untold(s *stand) *policy.Policy {
	s.t.Helper()
	p, err := policy.Parse(contactTable.ReplaceAll(s.place.signed.Bundle.Text, nil), nil)
	s.must(err)
	if len(p.Contacts("")) != 0 || len(s.place.signed.Policy.Contacts("")) == 0 {
		s.t.Fatal("there is somebody to tell")
	}
	return p
}

func instruction(command []byte) string {
	if bytes.Equal(command, onKeys) {
		return "keys"
	}
	return fmt.Sprintf("%02X", command[1])
}

type steppedJournal struct {
	terminal.Journal
	step func(string)
}

func (j steppedJournal) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	j.step("journal " + string(e.Kind))
	done, err := j.Journal.Record(e, with...)
	j.step("journalled " + string(e.Kind))
	return done, err
}

func (j steppedJournal) BeginVisit() (uint64, error) {
	j.step("journal " + string(journal.VisitBegun))
	n, err := j.Journal.BeginVisit()
	j.step("journalled " + string(journal.VisitBegun))
	return n, err
}

type steppedMoney struct{ out *rpc.Client }

func (m steppedMoney) move(t protocol.Transaction, yen int, to string) error {
	return m.out.Call("Outside.Move", Movement{t, yen, to}, new(bool))
}

func (m steppedMoney) Hold(_ context.Context, t protocol.Transaction, yen int) error {
	return m.move(t, yen, "held")
}
func (m steppedMoney) Keep(_ context.Context, t protocol.Transaction) error {
	return m.move(t, 0, "kept")
}
func (m steppedMoney) Return(_ context.Context, t protocol.Transaction) error {
	return m.move(t, 0, "returned")
}

// steppedLine is a connection to the printer.
type steppedLine struct {
	net.Conn
	step func(string)

	mu   sync.Mutex
	head bool   // the header is out, the request is not
	op   string // asked and not answered
}

func (l *steppedLine) Write(b []byte) (int, error) {
	name := l.asks(b)
	l.step("printer " + name)
	n, err := l.Conn.Write(b)
	l.step("printer got " + name)
	return n, err
}

// asks returns which request b begins. A request with a document has its HTTP header in a write of its own.
func (l *steppedLine) asks(b []byte) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	header, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	switch {
	case ok && bytes.HasPrefix(header, []byte("POST ")):
		if l.head = len(body) == 0; l.head {
			return "header"
		}
	case l.head:
		l.head, body = false, b
	default:
		return "more of the document"
	}
	l.op = goipp.Op(int(body[2])<<8 | int(body[3])).String()
	return l.op
}

func (l *steppedLine) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.mu.Lock()
	op := l.op
	l.op = ""
	l.mu.Unlock()
	if n > 0 && op != "" {
		l.step("printer did " + op)
	}
	return n, err
}
