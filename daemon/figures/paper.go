package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"sync"
	"time"

	"honnin/daemon/practice"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/spool"
)

// paperFigures measures how long an applicant waits for the machine after the last key press.
func paperFigures(ctx context.Context, o options) ([]row, error) {
	rows := []row{
		remark("Included: application, package, check, fee, release signature, card released; register's answer, printer asked, journal synced, driver."),
		remark("Included of others: the practice centre, in this process over TLS on loopback; a card of software: a real card and its reader sign slower."),
		remark("Excluded: the wait for the card to be taken, and what the printer does after its first byte. The first visit, which opens connections, is not counted."),
	}
	var first time.Time
	own, err := waits(ctx, o.runs, swift{&first}, func() time.Time { return first })
	if err != nil {
		return rows, err
	}
	rows = append(rows, own.row("to a driver that sends at once", "≤ 100 ms", "the terminal's own"))
	line := new(wiretap)
	device, err := startPrinter(ctx)
	if err != nil {
		return append(rows, row{"to the first byte of %PDF at an IPP printer", "-", "≤ 100 ms", err.Error()}), nil
	}
	defer device.stop()
	p, err := device.driver(line)
	if err != nil {
		return rows, err
	}
	far, err := waits(ctx, o.runs, p, line.first)
	return append(rows, far.row("to the first byte of %PDF on the wire to ippeveprinter", "≤ 100 ms", "its state asked twice, job validated and created")), err
}

// waits makes n visits of the sample's person at a printer; first says when the document's first byte left.
func waits(ctx context.Context, n int, p spool.Printer, first func() time.Time) (wait spread, err error) {
	s, err := newStand(ctx, wiring{reader: plain, printer: p})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return spread{}, err
	}
	var took []time.Duration
	for i := range n + 1 {
		c, err := s.world.Card(samplePerson)
		if err != nil {
			return spread{}, err
		}
		v, err := s.visit(ctx, c, pinOf(s.world, samplePerson))
		if err != nil {
			return spread{}, err
		}
		if i > 0 { // the first visit opens connections; a terminal's day has one
			took = append(took, v.Paper.Machine+first().Sub(v.Paper.Handed))
		}
	}
	return spreadOf(took), nil
}

func pinOf(w *practice.World, id string) string {
	for _, p := range w.People() {
		if p.ID == id {
			return p.PIN
		}
	}
	return ""
}

// wiretap notes when the beginning of a PDF was handed to the network.
type wiretap struct {
	mu sync.Mutex
	at time.Time
}

func (w *wiretap) first() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *wiretap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	return tappedConn{c, w}, err
}

type tappedConn struct {
	net.Conn
	wire *wiretap
}

func (c tappedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.Contains(b, []byte("%PDF-")) {
		c.wire.mu.Lock()
		c.wire.at = time.Now()
		c.wire.mu.Unlock()
	}
	return n, err
}

// device is a running ippeveprinter with the D-Bus that it will not start without.
type device struct {
	port  string
	procs []*exec.Cmd
	dir   string
}

func (d *device) driver(line *wiretap) (spool.Printer, error) {
	a, err := printer.Parse("ipp://127.0.0.1:" + d.port + "/ipp/print")
	if err != nil {
		return nil, err
	}
	return ipp.New(a, ipp.Options{Dial: line.dial})
}
