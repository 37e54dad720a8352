package script

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// Line is one visit as "honnind practice --json" prints it. Ms is machine time per step in milliseconds: waits for
// people are not in it.
type Line struct {
	Visit       uint64           `json:"visit"`
	Terminal    string           `json:"terminal"`
	Applicant   string           `json:"applicant"`
	PaperOf     string           `json:"paper_of"` // whose record was drawn: the practice world's own books, "" when nothing was offered
	Verdict     string           `json:"verdict"`  // accepted, refused; "" when no package was offered
	Reason      string           `json:"reason"`
	Also        []reason.Code    `json:"also"`
	Class       reason.Class     `json:"class"`
	Outcome     protocol.Outcome `json:"outcome"`
	Impressions int              `json:"impressions"`
	Document    string           `json:"document_sha256"`
	Ms          Ms               `json:"ms"`
}

// Ms is machine time in milliseconds. ToPaper is no step but a span over steps: see [ToPaper].
type Ms struct {
	Card     float64 `json:"card"`
	Centre   float64 `json:"centre"`
	Verify   float64 `json:"verify"`
	Register float64 `json:"register"`
	Journal  float64 `json:"journal"`
	Print    float64 `json:"print"`
	ToPaper  float64 `json:"to_paper"`
}

// Summary is what all visits come to.
type Summary struct {
	Visits       int            `json:"visits"`
	WrongOffered int            `json:"wrong_offered"` // packages of somebody else
	WrongPrinted int            `json:"wrong_printed"` // on paper
	RightPrinted int            `json:"right_printed"`
	RightRefused int            `json:"right_refused"`
	Refused      map[string]int `json:"refused"` // by reason
	Difference   []string       `json:"difference"`
	RatePerS     float64        `json:"rate_per_s"`
}

// Books are the records that a tally is held against.
type Books interface {
	PaperOf(protocol.Digest) (string, bool)
	Outcome(protocol.Transaction) (protocol.Outcome, bool)
}

// Tally adds visits up. It is safe for concurrent use.
type Tally struct {
	books Books
	began time.Time
	now   func() time.Time

	mu    sync.Mutex
	sum   Summary
	paper map[protocol.Digest]protocol.Outcome // by document, as the journals have it
}

// NewTally starts the clock.
func NewTally(b Books, now func() time.Time) *Tally {
	return &Tally{books: b, began: now(), now: now, paper: map[protocol.Digest]protocol.Outcome{}, sum: Summary{Refused: map[string]int{}, Difference: []string{}}}
}

// Add makes the line of one visit and counts it.
func (t *Tally) Add(terminal protocol.Terminal, w Wish, v Visit) Line {
	l := Line{Visit: v.Number, Terminal: string(terminal), Applicant: w.Applicant, Also: []reason.Code{}, Ms: milliseconds(v)}
	if e := v.Ending; e != nil {
		l.Outcome, l.Impressions, l.Reason = e.Outcome, e.Impressions, e.Reason
		t.judge(&l, e)
	}
	t.count(l)
	return l
}

func (t *Tally) judge(l *Line, e *session.Ending) {
	if e.Document != (protocol.Digest{}) {
		l.Document = e.Document.String()
		l.PaperOf, _ = t.books.PaperOf(e.Document)
		l.Verdict = "accepted"
	}
	if e.Code != "" {
		l.Verdict, l.Reason, l.Class = "refused", string(e.Code), e.Code.Class()
		l.Also = append(l.Also, e.Also...)
	}
	if e.Outcome == protocol.Printed {
		l.Reason = ""
	}
}

func (t *Tally) count(l Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wrong := l.PaperOf != "" && l.PaperOf != l.Applicant
	right := l.PaperOf != "" && !wrong
	paper := l.Outcome == protocol.Printed || l.Outcome == protocol.Unsure
	t.sum.Visits++
	add := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	add(&t.sum.WrongOffered, wrong)
	add(&t.sum.WrongPrinted, wrong && paper)
	add(&t.sum.RightPrinted, right && l.Outcome == protocol.Printed)
	add(&t.sum.RightRefused, right && l.Verdict == "refused")
	if l.Verdict == "refused" {
		t.sum.Refused[l.Reason]++
	}
}

// Reconcile holds a terminal's journal against the centre's outcomes, transaction by transaction, and notes what the
// journal says of paper. Entries up to since are of earlier runs.
func (t *Tally) Reconcile(terminal protocol.Terminal, j *journal.Journal, since uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return j.Each(func(e journal.Entry) error {
		if e.Kind != journal.Ended || e.Seq <= since {
			return nil
		}
		t.paper[e.Document] = e.Outcome
		if o, ok := t.books.Outcome(e.Transaction); !ok || o != e.Outcome {
			t.differ("%s: transaction %s is %q in the journal and %q at the centre", terminal, e.Transaction, e.Outcome, o)
		}
		return nil
	})
}

// Tray holds what came out of the printers against what the journals say of paper. Every document in the tray has
// to be printed in a journal, or unsure, and once; every printed one has to be in the tray.
func (t *Tally) Tray(documents []protocol.Digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[protocol.Digest]int{}
	for _, d := range documents {
		out[d]++
		if o := t.paper[d]; out[d] > 1 || o != protocol.Printed && o != protocol.Unsure {
			t.differ("document %s is in the tray and %q in the journal", d, o)
		}
	}
	for d, o := range t.paper {
		if o == protocol.Printed && out[d] == 0 {
			t.differ("document %s is printed in the journal and not in the tray", d)
		}
	}
}

func (t *Tally) differ(format string, args ...any) {
	t.sum.Difference = append(t.sum.Difference, fmt.Sprintf(format, args...))
}

// Summary closes the tally.
func (t *Tally) Summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum
	s.Difference = slices.Clone(s.Difference)
	slices.Sort(s.Difference)
	if d := t.now().Sub(t.began).Seconds(); d > 0 {
		s.RatePerS = float64(int(float64(s.Visits)/d*100)) / 100
	}
	return s
}

// WriteJSON writes a line, or the summary under its name.
func WriteJSON(w io.Writer, v any) error {
	if s, ok := v.(Summary); ok {
		v = map[string]Summary{"summary": s}
	}
	return json.NewEncoder(w).Encode(v)
}

// WriteText writes a line for people.
func WriteText(w io.Writer, l Line) error {
	said := l.Verdict
	if l.Reason != "" {
		said = strings.TrimSpace(said + " " + l.Reason)
	}
	_, err := fmt.Fprintf(w, "%s visit %d: %s asked, paper of %s: %s → %s\n", l.Terminal, l.Visit, l.Applicant, or(l.PaperOf, "nobody"), or(said, "nothing offered"), l.Outcome)
	return err
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func milliseconds(v Visit) Ms {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	s := v.Spent
	return Ms{ms(s.Card), ms(s.Centre), ms(s.Verify), ms(s.Register), ms(s.Journal), ms(s.Print), ms(v.Paper.Machine)}
}
