package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"honnin/daemon/practice"
	"honnin/daemon/terminal"
	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// certificateSize is that of the user-authentication certificate which the figures of others were taken with.
const certificateSize = 1266

// cardFigures counts what the terminal says to a card in real visits: a first one, and one after the terminal has
// learned what cards can do.
func cardFigures(ctx context.Context, _ options) (rows []row, err error) {
	rows = []row{remark("The terminal's own sequence: certificate, tries left, PIN, authentication signature; release signature. RSA-2048.")}
	for _, c := range []struct {
		name            string
		short, extended bool
		target          string
	}{{"card with short file ids and extended length", true, true, "≤ 9"}, {"card with short file ids", true, false, "≤ 9"}, {"card with neither", false, false, ""}} {
		first, later, err := twoVisits(ctx, c.short, c.extended)
		if err != nil {
			return rows, err
		}
		if slices.Equal(first.all, later.all) { // what was learned made no difference
			rows = append(rows, first.rows(c.name, c.target)...)
			continue
		}
		rows = append(rows, first.rows(c.name+", first of its make", "")...)
		rows = append(rows, later.rows(c.name+", later", c.target)...)
	}
	return rows, nil
}

func twoVisits(ctx context.Context, short, extended bool) (first, later *wire, err error) {
	holder, err := cardtest.NewHolder(cardtest.RSA2048, certificateSize)
	if err != nil {
		return nil, nil, err
	}
	holder.ShortFileIDs, holder.Extended = short, extended
	ca, err := x509.ParseCertificate(holder.AuthCA)
	if err != nil {
		return nil, nil, err
	}
	held, err := virtual.New(holder)
	if err != nil {
		return nil, nil, err
	}
	line := new(wire)
	s, err := newStand(ctx, wiring{world: practice.Options{CardAnchors: []*x509.Certificate{ca}, Enrol: true}, printer: swift{new(time.Time)},
		reader: func(r *virtual.Reader) terminal.Reader { return tapped{r, line} }})
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, w := range []**wire{&first, &later} {
		if err == nil {
			_, err = s.visit(ctx, held, cardtest.PIN)
		}
		*w = line.cut()
	}
	return first, later, err
}

// tapped is a reader on whose line somebody listens.
type tapped struct {
	*virtual.Reader
	wire *wire
}

func (t tapped) Connect(ctx context.Context) (card.Connection, error) {
	c, err := t.Reader.Connect(ctx)
	return tap{c, t.wire}, err
}

type tap struct {
	card.Connection
	wire *wire
}

func (t tap) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	answer, err := t.Connection.Transmit(ctx, command)
	t.wire.heard(command, answer)
	return answer, err
}

// wire is what was heard: of each command what it is and how long, never what it says.
type wire struct {
	mu  sync.Mutex
	all []exchange
}

type exchange struct {
	ins      byte
	to, from int // bytes, with header and status word
	status   uint16
}

func (w *wire) heard(command, answer []byte) {
	e := exchange{to: len(command), from: len(answer)}
	if len(command) > 1 {
		e.ins = command[1]
	}
	if n := len(answer); n > 1 {
		e.status = uint16(answer[n-2])<<8 | uint16(answer[n-1])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, e)
}

// cut returns what was heard so far, and forgets it.
func (w *wire) cut() *wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := &wire{all: w.all}
	w.all = nil
	return heard
}

// Instructions (ISO/IEC 7816-4 and -8).
const (
	insVerify      = 0x20
	insSign        = 0x2A
	insGetResponse = 0xC0
)

// asksTries: VERIFY without a body.
func (e exchange) asksTries() bool { return e.ins == insVerify && e.to == 4 }

// refused reports whether the card did not take the command. The answer to the question for the tries is 63Cx.
func (e exchange) refused() bool {
	return e.status != 0x9000 && e.status>>8 != 0x61 && e.status>>4 != 0x63C
}

// toSignature is the part up to the first signature that the card gave.
func (w *wire) toSignature() []exchange {
	for i, e := range w.all {
		if e.ins != insSign || e.refused() {
			continue
		}
		for i++; i < len(w.all) && w.all[i].ins == insGetResponse; i++ {
		}
		return w.all[:i]
	}
	return w.all
}

func (w *wire) rows(name, target string) []row {
	return []row{
		{name + ": up to the authentication", apdus(w.toSignature()), target, described(w.toSignature())},
		{name + ": the whole visit", apdus(w.all), "", described(w.all)},
	}
}

func apdus(all []exchange) string { return fmt.Sprintf("%d APDUs", len(all)) }

func described(all []exchange) string {
	var to, from, tries, refused int
	for _, e := range all {
		to, from = to+e.to, from+e.from
		if e.asksTries() {
			tries++
		}
		if e.refused() {
			refused++
		}
	}
	text := fmt.Sprintf("%d bytes to the card, %d from it; asking for the tries left: %d APDU", to, from, tries)
	if refused > 0 {
		text += fmt.Sprintf("; short forms tried and refused: %d", refused)
	}
	return text
}
