package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"honnin/config/trust"
	"honnin/spool/document/inspect"
)

// The steps of the check, in the daemon and over both processes; those of the child are [inspect.Steps].
const (
	parsing   = "CMS: DER and structure"
	hashing   = "CMS: attributes, SHA-256 of the content"
	chaining  = "CMS: algorithms, path, its rows"
	signature = "CMS: signature"
	cards     = "the card's certificate"
	others    = "statement, its rules, the copy"
	handing   = "to the child and back, cold caches"
	whole     = "the whole check, its child waiting"
	lowest    = "floor: SHA-256 and 2 verifications"
	child     = "processor time of a child, birth to end"
	peer      = "peer, as a process: "
	allPeers  = "openssl + qpdf + pdfdetach"

	unread    = ""  // the check without its PDF: CMS, card, statement, copy
	inspected = " " // the PDF alone, in this process
)

var daemonSteps = []string{parsing, hashing, chaining, signature, cards, others}

// ledger is how long each step took, run for run.
type ledger map[string][]time.Duration

// watch returns a function that notes under a step's name the time since it was last called.
func (l ledger) watch() func(step string) {
	last := time.Now()
	return func(step string) {
		l[step] = append(l[step], time.Since(last))
		last = time.Now()
	}
}

// rest enters under name what is left of a when the parts are taken off, for the lowest and for the median.
func (l ledger) rest(name, a string, parts ...string) {
	left := spreadOf(l[a])
	for _, p := range parts {
		s := spreadOf(l[p])
		left.low, left.median = left.low-s.low, left.median-s.median
	}
	l[name] = []time.Duration{max(0, left.low), max(0, left.median), max(0, left.median)}
}

// column is one package with what was measured on it.
type column struct {
	*sample
	head  string
	share int // of the runs, in percent
	ledger
}

type table struct{ columns []*column }

// newTable makes the packages: what the practice issuer draws, and three heavier ones.
func newTable(now func() time.Time) (*table, error) {
	s, err := newSample(now)
	if err != nil {
		return nil, err
	}
	t := &table{}
	t.add(s, "record", 100)
	for _, w := range []struct {
		pages, size, share int
		head               string
	}{{2, 150 << 10, 100, "150 KB"}, {10, 2 << 20, 25, "2 MB"}, {30, 10 << 20, 10, "10 MB"}} {
		h, err := s.heavier(w.pages, w.size, now())
		if err != nil {
			return nil, err
		}
		t.add(h, w.head, w.share)
	}
	return t, nil
}

func (t *table) add(s *sample, head string, share int) {
	t.columns = append(t.columns, &column{s, fmt.Sprintf("%s, %d p.", head, s.pages), share, ledger{}})
}

// measure runs everything in turn, n times, so that other work on the machine meets all alike.
func (c *column) measure(ctx context.Context, n, peers int) (err error) {
	pool := inspect.NewPool(inspect.Options{})
	before := ofChildren()
	floor, facts := c.floor(), inspect.Document(c.content())
	known := c.verify(ctx, inspects(func([]byte) inspect.Facts { return facts }))
	full := c.verify(ctx, pool)
	for range n {
		c.want.Began = time.Now().Add(-time.Minute) // this takes time
		if err = c.once(ctx, pool, known, full, floor); err != nil {
			break
		}
	}
	if err := errors.Join(err, pool.Close()); err != nil {
		return err
	}
	c.ledger[child] = []time.Duration{(ofChildren() - before) / time.Duration(n+1)}
	c.rest(others, unread, parsing, hashing, chaining, signature, cards)
	c.rest(handing, whole, unread, inspected)
	return c.peers(ctx, min(n, peers), c.ledger)
}

// once is one turn.
func (c *column) once(ctx context.Context, pool *inspect.Pool, known, full, floor func() error) error {
	if err := c.signed(c.watch()); err != nil {
		return err
	}
	lap := c.watch()
	if err := known(); err != nil {
		return err
	}
	lap(unread)
	pdf := c.content()
	all, step := c.watch(), c.watch()
	if f := inspect.Timed(pdf, step); len(f.Findings) > 0 {
		return f.Err()
	}
	all(inspected)
	warm(ctx, pool)
	lap = c.watch()
	if err := full(); err != nil {
		return err
	}
	lap(whole)
	if err := floor(); err != nil {
		return err
	}
	lap(lowest)
	return nil
}

// signed goes through the rows about the signed bytes and the card, as the check does.
func (s *sample) signed(lap func(string)) error {
	now := time.Now()
	m, err := trust.Parse(s.pkg)
	if err != nil {
		return err
	}
	lap(parsing)
	err = m.CheckAttributes()
	lap(hashing)
	a := m.Against(s.policy.IssuingStore(), now)
	err = cmp.Or(err, a.CheckSigners(), a.CheckAlgorithms(), a.CheckChain(), a.CheckValidity(), a.CheckUse(), a.CheckRevocation(), a.CheckMunicipality(),
		a.CheckSigningTime(s.want.Began, s.policy.ClockSkew()))
	lap(chaining)
	err = cmp.Or(err, a.CheckSignature())
	lap(signature)
	err = cmp.Or(err, trust.CheckCard(s.want.Card, s.policy.CardAnchors(), now))
	lap(cards)
	return err
}

// ofChildren is the processor time of all children that have ended.
func ofChildren() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rows makes the table: lowest, and the median in brackets, in milliseconds.
func (t *table) rows() []row {
	rows := []row{remark("Lowest (median) in milliseconds; P-256 throughout, the chain remembered. The first package is the practice issuer's,"),
		remark("the others are mostly a picture that does not compress. The child's steps are timed in this process."), t.row("", func(c *column) string { return c.head })}
	add := func(names ...string) {
		for _, n := range names {
			rows = append(rows, t.line(n))
		}
	}
	add(whole, lowest)
	rows[len(rows)-2].target = "≤ 2 ms for the first two"
	rows = append(rows, remark("Where it goes: in the daemon"))
	add(daemonSteps...)
	rows = append(rows, remark("in the child"))
	add(inspect.Steps...)
	rows = append(rows, remark("between them: the pipe, being woken, memory touched for the first time"))
	add(handing)
	rows = append(rows, remark("The same bytes in strangers' hands, who ask neither for the card nor for tags and statement"))
	for _, p := range []string{"openssl", "qpdf", "pdfdetach", "pdfinfo", "mutool"} {
		add(peer + p)
	}
	rows = append(rows, t.row(allPeers, (*column).peersTogether))
	rows = append(rows, t.row(child, func(c *column) string { return figure(spreadOf(c.ledger[child]).low) }))
	return rows
}

func (t *table) line(step string) row {
	return t.row(step, func(c *column) string { return spreadOf(c.ledger[step]).cell() })
}

const cellWidth = 18

func (t *table) row(name string, cell func(*column) string) row {
	var b strings.Builder
	for _, c := range t.columns {
		fmt.Fprintf(&b, "%*s", cellWidth, cell(c))
	}
	return row{name: cmp.Or(name, " "), value: b.String()}
}

func (s spread) cell() string {
	if s.runs == 0 {
		return "-"
	}
	return figure(s.low) + " (" + figure(s.median) + ")"
}

func figure(d time.Duration) string { return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond)) }

func (c *column) peersTogether() string {
	var sum spread
	for _, p := range []string{"openssl", "qpdf", "pdfdetach"} {
		s := spreadOf(c.ledger[peer+p])
		if s.runs == 0 {
			return "-"
		}
		sum.low, sum.median, sum.runs = sum.low+s.low, sum.median+s.median, s.runs
	}
	return sum.cell()
}
