package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/centre"
	"honnin/daemon/logbook"
	"honnin/daemon/practice"
	"honnin/daemon/practice/server"
	"honnin/daemon/provision"
	"honnin/daemon/selftest"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/drivers/card/virtual"
	"honnin/drivers/printer"
	"honnin/drivers/printer/file"
	"honnin/spool"
	"honnin/spool/document/inspect"
	"honnin/spool/journal"
)

// stage is a practice world with everything that terminals share.
type stage struct {
	flags      practiceFlags
	log        logrus.FieldLogger
	book       *logbook.Book // for a technician; nil: none
	world      *practice.World
	office     *practiceOffice
	policy     *policy.Policy // the first
	pool       *inspect.Pool
	money      *practice.Payment
	tester     *selftest.Tester
	technician string // the policy's entry for one; "": none
	clock      *clock // of the world and its terminals
}

// clock is a practice world's, which can be put forward: people who do not act for hours need not be waited for.
type clock struct{ ahead atomic.Int64 } // nanoseconds

// Now is the time in the world.
func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// forward lets so much time pass.
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// byThisMachine tests terminals whose clock was put forward by this machine's, which the test is about.
type byThisMachine struct {
	terminal.SelfTest
	of *clock
}

func (b byThisMachine) Run(ctx context.Context, p terminal.Parts) string {
	if b.of.ahead.Load() != 0 {
		p.Now = time.Now
	}
	return b.SelfTest.Run(ctx, p)
}

func openStage(f practiceFlags, log logrus.FieldLogger) (*stage, error) {
	anchors, err := readAnchors(f.cardAnchors)
	if err != nil {
		return nil, usage("--card-anchors: %w", err)
	}
	clock := new(clock)
	o := practice.Options{Now: clock.Now, State: filepath.Join(f.state, "keys"), Incidents: filepath.Join(f.state, "incidents"), CardAnchors: anchors, Enrol: f.enrol}
	if !f.scripted() { // whose incidents are counted, put away and forgotten
		o.Book = filepath.Join(f.state, "incidents.book")
	}
	if f.hours {
		o.Open = practice.TokyoHours
	}
	w, err := practice.Start(o)
	if err != nil {
		return nil, err
	}
	var technician string
	if !f.scripted() { // where one can come by
		if technician, err = hireTechnician(o.State); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	office, err := newPracticeOffice(w.Policy()+technician, clock.Now())
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if f.stranger {
		w.HandStrangers(true)
	}
	w.SuspendAtOnce(server.Stop(f.suspend))
	if len(f.played) == 1 {
		err = w.Play(f.played[0].ID)
	}
	return &stage{f, log, nil, w, office, office.last.Policy, inspect.NewPool(inspect.Options{Warm: min(f.terminals, 4)}), practice.NewPayment(), selftest.New(f.state), technician, clock}, err
}

func (s *stage) close() error { return errors.Join(s.pool.Close(), s.world.Close()) }

// readAnchors reads every certificate in a directory.
func readAnchors(dir string) (out []*x509.Certificate, err error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		b, err := readBounded(filepath.Join(dir, e.Name()), 1<<20)
		if err != nil {
			return nil, err
		}
		certs, err := trust.ParseCertificates(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		out = append(out, certs...)
	}
	if len(out) == 0 {
		return nil, errors.New("no certificate in this directory")
	}
	return out, nil
}

// sheets is the directory in which the sheets of all terminals appear; "" with a real printer.
func (s *stage) sheets() string {
	a, err := printer.Parse(s.flags.printer)
	if err != nil || a.Kind != printer.Directory {
		return ""
	}
	return a.Dir
}

// place is where one terminal stands: its devices, as far as they are practice ones, and its journal.
type place struct {
	name     protocol.Terminal
	channel  protocol.Channel
	reader   terminal.Reader
	virtual  *virtual.Reader // nil: a real reader
	attended *attended       // a real reader with nobody at it: scripted visits only
	printer  spool.Printer
	device   *file.Printer // nil: a real printer
	sheets   string        // the directory printer's directory
	file     string        // of the journal
	journal  *journal.Journal
	tray     session.Tray
	policies *provision.Store
	signed   *signed.Policy // in force at the start
}

// placeName names a terminal: at a store, or on a town hall's counter.
func placeName(n int, c protocol.Channel) protocol.Terminal {
	if c == protocol.Counter {
		return protocol.Terminal(fmt.Sprintf("COUNTER-%02d", n+1))
	}
	return protocol.Terminal(fmt.Sprintf("PRACTICE-%02d", n+1))
}

// place is the n-th place on the channel that the flags name.
func (s *stage) place(n int) (*place, error) { return s.placeOn(n, s.flags.channel) }

func (s *stage) placeOn(n int, c protocol.Channel) (p *place, err error) {
	p = &place{name: placeName(n, c), channel: c}
	if err := s.devices(p); err != nil {
		return nil, err
	}
	home := filepath.Join(s.flags.state, "terminals", string(p.name))
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, errors.Join(err, closePrinter(p.printer))
	}
	p.file = filepath.Join(home, journalFile)
	if p.policies, err = s.office.provide(home, p.name); err != nil {
		return nil, errors.Join(err, closePrinter(p.printer))
	}
	p.signed = s.office.last
	if p.journal, err = journal.Open(p.file, s.clock.Now); err != nil {
		return nil, errors.Join(err, p.policies.Close(), closePrinter(p.printer))
	}
	return p, nil
}

// close is for when the terminal has ended.
func (p *place) close() error {
	return errors.Join(p.journal.Close(), p.policies.Close(), closePrinter(p.printer))
}

// keysPatience is how long a reader with keys waits for a person, as one on USB is told to.
const keysPatience = 30 * time.Second

func (s *stage) devices(p *place) error {
	if p.reader = traced(openReader(attached.System(), s.flags.reader), s.book, readerPackage(s.flags.reader)); p.reader == nil {
		if p.virtual = virtual.NewReader(); s.flags.reader == virtualKeys {
			p.virtual = virtual.NewReaderWithKeys(keysPatience)
		}
		p.reader = p.virtual
	} else if s.flags.scripted() {
		p.attended = &attended{Reader: p.reader, away: true}
		p.reader = p.attended
	}
	address, err := printer.Parse(s.flags.printer)
	if err != nil {
		return usage("--printer: %w", err)
	}
	if address.Kind != printer.Directory {
		p.printer, err = s.realPrinter(address, p.channel)
		p.printer = traced(p.printer, s.book, "drivers/printer/ipp")
		return err
	}
	p.sheets = address.Dir
	p.device, err = file.New(p.sheets, file.Options{})
	p.printer, p.tray = p.device, tray{p.device}
	return err
}

// realPrinter opens a real printer for practice. The certificate of an ipps printer is taken as it is found now and
// pinned for this run; a production terminal has it in its configuration. One without IPP is for the counter, as there.
func (s *stage) realPrinter(a printer.Address, c protocol.Channel) (spool.Printer, error) {
	o := printerOptions{direct: c == protocol.Counter}
	if a.Kind == printer.IPPS {
		d, err := certificateAt(a)
		if err != nil {
			return nil, fmt.Errorf("printer: %w", err)
		}
		s.log.WithField("certificate", d.String()).Info("the printer's certificate is pinned for this run")
		o.ipp.Pin = &d
	}
	return openPrinter(attached.System(), a, o, s.log)
}

func certificateAt(a printer.Address) (protocol.Digest, error) {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: a.Host, MinVersion: tls.VersionTLS12}} // looked at, not trusted: see realPrinter
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", fmt.Sprintf("%s:%d", a.Host, a.Port))
	if err != nil {
		return protocol.Digest{}, err
	}
	defer conn.Close()
	return protocol.Fingerprint(conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw), nil
}

// terminal puts a terminal at a place.
func (s *stage) terminal(ctx context.Context, p *place, screen session.Screen, observe func(session.Step)) (*terminal.Terminal, error) {
	access, err := s.world.Access(p.name)
	if err != nil {
		return nil, err
	}
	own, err := enrolled(s.world, filepath.Join(filepath.Dir(p.file), "keys"), p.name)
	if err != nil {
		return nil, err
	}
	certificate, err := own.TLS([]*x509.Certificate{s.world.TerminalAnchor()})
	if err != nil {
		return nil, err
	}
	client, err := centre.New(centre.Config{URL: access.URL, Roots: access.Roots, Certificate: certificate, Trace: s.book.Trace("daemon/centre")})
	if err != nil {
		return nil, err
	}
	return terminal.New(ctx, terminal.Parts{
		Terminal: p.name, Channel: p.channel, Reader: p.reader, Printer: p.printer, Tray: p.tray,
		Policy: p.signed.Policy, Signed: p.signed, Policies: p.policies, KeysExpire: firstEnd(own), Software: software(), Inspector: s.pool, Centre: client, Payment: s.money, Journal: p.journal, Sealed: sealedAt(filepath.Dir(p.file), p.journal, p.name), Owing: owingAt(filepath.Dir(p.file)),
		Screen: screen, Now: s.clock.Now, Log: s.log, Observe: stepping(s.book.Trace("daemon/session"), observe), Trace: s.book.Trace("drivers/card"), SelfTest: byThisMachine{s.tester, s.clock},
	})
}

// tray is the practice printer's sensor as the session wants it.
type tray struct{ device *file.Printer }

func (t tray) Taken(ctx context.Context) error { return t.device.Taken(ctx) }
