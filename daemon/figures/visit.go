package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/practice/script"
	"honnin/daemon/provision"
	"honnin/daemon/selftest"
	"honnin/daemon/terminal"
	"honnin/drivers/card/virtual"
	"honnin/spool"
	"honnin/spool/document/inspect"
	"honnin/spool/journal"
)

// stand is one terminal with all its real parts, a practice world behind it and a scripted applicant before it.
type stand struct {
	reader *virtual.Reader
	world  *practice.World
	pool   *inspect.Pool
	who    *script.Applicant
	*terminal.Terminal
	closers []func() error // last first
}

// wiring is what differs between stands.
type wiring struct {
	world   practice.Options // State is filled in
	reader  func(*virtual.Reader) terminal.Reader
	printer spool.Printer
}

// newStand puts a terminal up and starts it. Close it, whatever newStand returned.
func newStand(ctx context.Context, w wiring) (*stand, error) {
	s := &stand{reader: virtual.NewReader(), who: script.NewApplicant(time.Now)}
	dir, err := os.MkdirTemp("", "honnin-figures-")
	if err != nil {
		return s, err
	}
	s.later(func() error { return os.RemoveAll(dir) })
	w.world.State = filepath.Join(dir, "keys")
	if s.world, err = practice.Start(w.world); err != nil {
		return s, err
	}
	s.later(s.world.Close)
	s.pool = inspect.NewPool(inspect.Options{})
	s.later(s.pool.Close)
	book, err := journal.Open(filepath.Join(dir, "journal.db"), time.Now)
	if err != nil {
		return s, err
	}
	s.later(book.Close)
	return s, s.plug(ctx, w, book)
}

func (s *stand) later(f func() error) { s.closers = append(s.closers, f) }

// Close ends everything in the reverse order.
func (s *stand) Close() (err error) {
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}

const standName protocol.Terminal = "FIGURES-1"

func (s *stand) plug(ctx context.Context, w wiring, book *journal.Journal) error {
	rules, err := policy.Parse([]byte(s.world.Policy()), nothingElse)
	if err != nil {
		return err
	}
	p := &signed.Policy{Policy: rules, Head: policy.Head{Version: 1, NotBefore: time.Now().Add(-time.Hour), Expires: time.Now().AddDate(1, 0, 0), Terminals: []policy.Target{"*"}}}
	access, err := s.world.Access(standName)
	if err != nil {
		return err
	}
	client, err := centre.New(centre.Config{URL: access.URL, Roots: access.Roots, Certificate: access.Certificate})
	if err != nil {
		return err
	}
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	s.Terminal, err = terminal.New(ctx, terminal.Parts{Terminal: standName, Channel: protocol.Store, Reader: w.reader(s.reader),
		Printer: w.printer, Policy: rules, Signed: p, Policies: one{p}, Inspector: s.pool, Centre: client, Payment: practice.NewPayment(), Journal: book,
		Screen: s.who, Now: time.Now, Log: quiet, Observe: s.who.Observe, SelfTest: selftest.New(os.TempDir())})
	if err != nil {
		return err
	}
	s.who.At(s.Terminal)
	s.run(ctx)
	return nil
}

// one is a store of one policy that nobody signed: what is measured here is nobody's terminal.
type one struct{ *signed.Policy }

func (o one) Due() (*provision.Slot, error)        { return nil, nil }
func (o one) Apply() (*signed.Policy, bool, error) { return o.Policy, false, nil }
func (o one) History() ([]provision.Slot, error) {
	return []provision.Slot{provision.SlotOf(o.Policy)}, nil
}
func (o one) Receive([]signed.Bundle, provision.Way) (provision.Answer, error) {
	return provision.Answer{}, errors.ErrUnsupported
}

func (s *stand) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Terminal.Run(ctx) }()
	s.later(func() error { stop(); return <-ended })
}

// visit lets somebody with a card ask for a resident record, with a child waiting as it does where people come minutes
// apart. The document must come out.
func (s *stand) visit(ctx context.Context, c *virtual.Card, pin string) (script.Visit, error) {
	warm(ctx, s.pool)
	v, err := s.who.Visit(ctx, script.Wish{PIN: pin, Certificate: protocol.ResidentRecord, Hands: hands{s.reader, c}})
	if err == nil && (v.Ending == nil || v.Ending.Outcome != protocol.Printed) {
		err = fmt.Errorf("the visit came to nothing: %+v", v.Ending)
	}
	return v, err
}

// hands hold one card. The paper of these figures lies nowhere.
type hands struct {
	reader *virtual.Reader
	card   *virtual.Card
}

func (h hands) Type(ctx context.Context, pin string) error { return h.reader.Type(ctx, pin) }

func (h hands) Place() error { h.reader.Place(h.card); return nil }
func (h hands) Pull() error  { h.reader.Pull(); return nil }
func (h hands) TakePaper()   {}

// plain is a reader as it is.
func plain(r *virtual.Reader) terminal.Reader { return r }

// swift is a printer that takes a document's first byte at once: what is measured with it is the terminal's own.
type swift struct{ first *time.Time }

func (swift) Ready(context.Context) (spool.Readiness, error) {
	return spool.Readiness{Ready: true}, nil
}

func (p swift) Print(_ context.Context, doc spool.Released, _ spool.Progress) (spool.Result, error) {
	content, err := doc.Open()
	if err != nil {
		return spool.Result{}, err
	}
	if _, err := io.ReadFull(content, make([]byte, 1)); err != nil {
		return spool.Result{Outcome: protocol.Failed, Reason: "unreadable"}, nil
	}
	*p.first = time.Now()
	return spool.Result{Outcome: protocol.Printed, Impressions: doc.Job().Impressions()}, nil
}
