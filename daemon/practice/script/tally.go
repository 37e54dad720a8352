package script

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

// Books are the records that a tally is held against. They forget what is long ago: a [Tally] asks for a paper's truth
// when the visit is over, and for outcomes and incidents when [Tally.Reconcile] is called.
type Books interface {
	Truth(protocol.Digest) (practice.Paper, bool)
	Outcome(protocol.Transaction) (protocol.Outcome, bool)
	Incident(protocol.Terminal, protocol.IncidentID) (state string, ok bool)
}

// Stand is where a visit was made: at which terminal, and under which fault of the municipality's program.
type Stand struct {
	Terminal protocol.Terminal
	Channel  protocol.Channel
	Scenario scenario.Scenario // the zero Scenario: none
}

// Tally adds visits up. It is safe for concurrent use. What it remembers of single visits it forgets when the trays have
// been looked into ([Tally.Tray]), so that it can go on for ever.
type Tally struct {
	books Books

	mu   sync.Mutex
	sums map[scenario.ID]*Summary
	turn scenario.ID // whose turn the differences belong to

	paper     map[protocol.Digest]*paper // since the last look into the trays
	ended     map[protocol.Outcome]uint64
	witnessed map[protocol.Terminal]Witnessed // since the last look into its journal
}

// paper is what became of one document. Two people may have been handed the same one: its holder, and somebody else.
type paper struct {
	right           bool // somebody was, for whom it was right
	printed, unsure int  // as the journals have it
}

// NewTally returns an empty tally.
func NewTally(b Books) *Tally {
	t := &Tally{books: b, sums: map[scenario.ID]*Summary{}, ended: map[protocol.Outcome]uint64{}, witnessed: map[protocol.Terminal]Witnessed{}}
	t.forget()
	return t
}

func (t *Tally) forget() {
	t.paper = map[protocol.Digest]*paper{}
}

// of is called with the lock held.
func (t *Tally) of(d protocol.Digest) *paper {
	p, ok := t.paper[d]
	if !ok {
		p = &paper{}
		t.paper[d] = p
	}
	return p
}

// Turn says which scenario's visits and differences follow; "" for none.
func (t *Tally) Turn(id scenario.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn = id
}

// sum is called with the lock held.
func (t *Tally) sum(id scenario.ID) *Summary {
	s, ok := t.sums[id]
	if !ok {
		s = &Summary{Refused: map[string]int{}, RightRefusedFor: map[string]int{}, Difference: []string{}}
		t.sums[id] = s
	}
	return s
}

// Add makes the line of one visit and counts it.
func (t *Tally) Add(at Stand, w Wish, v Visit) Line {
	l := Line{Visit: v.Number, Terminal: string(at.Terminal), Scenario: at.Scenario.ID, Channel: at.Channel, Applicant: w.Applicant, Again: w.Again, Also: []reason.Code{}, Ms: milliseconds(v)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := v.Ending; e != nil {
		l.Outcome, l.Impressions, l.Reason = e.Outcome, e.Impressions, e.Reason
		t.judge(&l, e)
	}
	t.count(l)
	if l.truth == wrong && l.Verdict == "refused" && at.Scenario.ID != "" && !at.Scenario.MayRefuse(reason.Code(l.Reason)) {
		t.differ("%s: wrong paper was refused for %s, which is none of the scenario's reasons", at.Scenario.ID, l.Reason)
	}
	return l
}

func (t *Tally) judge(l *Line, e *session.Ending) {
	if e.Code != "" {
		l.Verdict, l.Reason, l.Class, l.truth = "refused", string(e.Code), e.Code.Class(), unread
		l.Also = append(l.Also, e.Also...)
	}
	if e.Document != (protocol.Digest{}) {
		t.look(l, e.Document)
	}
	if e.Outcome == protocol.Printed {
		l.Reason = ""
	}
}

// look asks the books whose paper it was. A document that they do not know would be one that nobody drew.
func (t *Tally) look(l *Line, d protocol.Digest) {
	l.document, l.Document = d, d.String()
	if l.Verdict == "" {
		l.Verdict = "accepted"
	}
	p, ok := t.books.Truth(d)
	l.PaperOf, l.Superseded, l.truth = p.Of, p.Superseded, right
	if !ok {
		t.differ("document %s is in no book", d)
	}
	if !ok || p.Wrong(l.Applicant) {
		l.truth = wrong
	}
	if l.truth == right {
		t.of(d).right = true
	}
}

// count is called with the lock held.
func (t *Tally) count(l Line) {
	s := t.sum(l.Scenario)
	s.Visits++
	if l.Again {
		s.Again++
	}
	refused, paper := l.Verdict == "refused", l.Outcome == protocol.Printed || l.Outcome == protocol.Unsure
	if refused {
		s.Refused[l.Reason]++
	}
	switch {
	case l.truth == nothing:
		s.NothingOffered++
	case l.truth == unread:
		s.Unread++
	case l.truth == wrong:
		s.WrongOffered++
		*oneOf(paper, refused, &s.WrongPrinted, &s.WrongRefused, &s.WrongEnded)++
	default:
		*oneOf(paper, refused, &s.RightPrinted, &s.RightRefused, &s.RightEnded)++
		if refused {
			s.RightRefusedFor[l.Reason]++
		}
		if l.Again && paper {
			s.AgainPrinted++
		}
	}
}

func oneOf(paper, refused bool, printed, no, ended *int) *int {
	switch {
	case paper:
		return printed
	case refused:
		return no
	}
	return ended
}

// Reconcile holds a terminal's journal against the centre, transaction by transaction: each has the same outcome there, and
// each incident is there, and open or closed as here; what is closed was seen open ([Tally.Witness]). A fee is kept where the sheet is printed, and returned everywhere else. It notes what the journal says of paper. Entries up to since are of earlier
// visits; it returns the last entry.
func (t *Tally) Reconcile(terminal protocol.Terminal, j *journal.Journal, since uint64) (last uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last = since
	money := map[protocol.Transaction]*purse{}
	stands := map[uint64]string{} // of incidents, by what came after them
	var raised []journal.Entry
	storms := false // one incident speaks for others
	err = j.Back(func(e journal.Entry) (bool, error) {
		if e.Seq <= since {
			return false, nil
		}
		last = max(last, e.Seq)
		moves(money, e)
		switch e.Kind {
		case journal.Ended:
			t.ended[e.Outcome]++
			t.of(e.Document).ended(e.Outcome)
			if o, ok := t.books.Outcome(e.Transaction); !ok || o != e.Outcome {
				t.differ("%s: transaction %s is %q in the journal and %q at the centre", terminal, e.Transaction, e.Outcome, o)
			}
		case journal.Closed, journal.Acknowledged:
			stands[uint64(e.Of)] = cmp.Or(stands[uint64(e.Of)], string(e.Kind))
		case journal.Gathered:
			storms = storms || e.Storm.Count > 1
		case journal.Incident:
			raised = append(raised, e)
		}
		return true, nil
	})
	if err == nil {
		err = t.incidents(terminal, j, raised, stands, storms)
	}
	delete(t.witnessed, terminal)
	for tx, p := range money {
		if p.held > 0 && p.outcome != "" && (p.kept > 0) != (p.outcome == protocol.Printed) || p.held != p.kept+p.returned {
			t.differ("%s: transaction %s is %q, and its fee was held %d times, kept %d and returned %d", terminal, tx, p.outcome, p.held, p.kept, p.returned)
		}
	}
	return last, err
}

// purse is what the journal says of one transaction's fee.
type purse struct {
	outcome              protocol.Outcome
	held, kept, returned int
}

func moves(money map[protocol.Transaction]*purse, e journal.Entry) {
	p, ok := money[e.Transaction]
	if !ok {
		p = &purse{}
	}
	switch e.Kind {
	case journal.Ended:
		p.outcome = e.Outcome
	case journal.Held:
		p.held++
	case journal.Kept:
		p.kept++
	case journal.Returned:
		p.returned++
	default:
		return
	}
	money[e.Transaction] = p
}

// Centre holds how many outcomes of each kind the centre was told of, since it was last asked, against the journals: one that
// no terminal knows of is somebody's paper too.
func (t *Tally) Centre(told map[protocol.Outcome]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range []protocol.Outcome{protocol.Printed, protocol.Failed, protocol.Unsure, protocol.Refused, protocol.Abandoned, protocol.Void} {
		if told[o] != t.ended[o] {
			t.differ("the centre knows of %d outcomes %q, the journals of %d", told[o], o, t.ended[o])
		}
	}
	clear(t.ended)
}

func (p *paper) ended(o protocol.Outcome) {
	switch o {
	case protocol.Printed:
		p.printed++
	case protocol.Unsure:
		p.unsure++
	}
}

// incidents holds what was raised against the centre. What another speaks for is told by that one.
func (t *Tally) incidents(terminal protocol.Terminal, j *journal.Journal, raised []journal.Entry, stands map[uint64]string, storms bool) (err error) {
	by := map[uint64]uint64{}
	if storms {
		if by, err = j.Spoken(); err != nil {
			return err
		}
	}
	for _, e := range raised {
		if by[e.Seq] > 0 {
			t.sum(t.turn).Incidents++
		} else if err := t.incident(terminal, e, cmp.Or(stands[e.Seq], protocol.IncidentOpen)); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tally) incident(terminal protocol.Terminal, e journal.Entry, stands string) error {
	head, err := e.Head()
	if err != nil {
		return err
	}
	id := protocol.NameIncident(terminal, head)
	t.sum(t.turn).Incidents++
	if state, ok := t.books.Incident(terminal, id); !ok || state != stands {
		t.differ("%s: incident %s (%s) is %q at the centre, and not %s", terminal, id, e.Reason, state, stands)
	}
	if stands != protocol.IncidentOpen && !t.witnessed[terminal][id] {
		t.differ("%s: incident %s (%s) is %s, and no person had come to it", terminal, id, e.Reason, stands)
	}
	return nil
}

// Tray holds what came out of the printers against what the journals say of paper, and against the books. Every document
// in the tray has to be printed in a journal, or unsure, as often; every printed one has to be in the tray. Wrong
// paper in the tray that no visit owned up to counts as printed.
func (t *Tally) Tray(documents []protocol.Digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[protocol.Digest]int{}
	for _, d := range documents {
		out[d]++
		if p := t.of(d); out[d] > p.printed+p.unsure {
			t.differ("document %s is in the tray %d times, and %d times in a journal", d, out[d], p.printed+p.unsure)
			if !p.right || out[d] > 1 {
				t.sum(t.turn).WrongPrinted++
			}
		}
	}
	for d, p := range t.paper {
		if p.printed > out[d] {
			t.differ("document %s is printed in the journal and not in the tray", d)
		}
	}
	t.forget()
}

// Spent adds what the visits of a scenario took: time, and room in the journals.
func (t *Tally) Spent(id scenario.ID, took time.Duration, journals int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum(id)
	s.Seconds += took.Seconds()
	s.JournalBytes += journals
}

// maxDifferences bounds a run that goes wrong for hours.
const maxDifferences = 1000

// Heard notes what became of an incident that nobody acknowledged.
func (t *Tally) Heard(h Heard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sum(t.turn)
	s.Heard = append(s.Heard, h)
}

// Differ notes that books of others disagree.
func (t *Tally) Differ(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.differ(format, args...)
}

// differ is called with the lock held.
func (t *Tally) differ(format string, args ...any) {
	if s := t.sum(t.turn); len(s.Difference) < maxDifferences {
		s.Difference = append(s.Difference, fmt.Sprintf(format, args...))
	}
}

// Summary is what it all came to: over everything, and for each scenario where there were any.
func (t *Tally) Summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := Summary{Refused: map[string]int{}, RightRefusedFor: map[string]int{}, Difference: []string{}}
	for _, id := range slices.Sorted(maps.Keys(t.sums)) {
		s := t.sums[id].closed()
		all.add(s)
		if id != "" {
			if all.Scenarios == nil {
				all.Scenarios = map[scenario.ID]Summary{}
			}
			all.Scenarios[id] = s
		}
	}
	return all.closed()
}

// closed returns a copy with what follows from the rest.
func (s Summary) closed() Summary {
	s.Refused, s.RightRefusedFor = maps.Clone(s.Refused), maps.Clone(s.RightRefusedFor)
	s.Difference = slices.Sorted(slices.Values(append([]string{}, s.Difference...)))
	if s.Difference == nil {
		s.Difference = []string{}
	}
	if s.Seconds > 0 {
		s.RatePerS = float64(int(float64(s.Visits)/s.Seconds*100)) / 100
	}
	return s
}

// Sound reports whether a summary is as it has to be: every visit is in one of its sums, the books agree, nothing wrong is
// on paper, and each scenario did strike and did not refuse everybody, unless its software is below the floor.
func (s Summary) Sound() bool {
	sum := s.WrongOffered + s.RightPrinted + s.RightRefused + s.RightEnded + s.Unread + s.NothingOffered
	sound := s.Visits == sum && s.WrongOffered == s.WrongRefused+s.WrongPrinted+s.WrongEnded && s.WrongPrinted == 0 && len(s.Difference) == 0
	for id, of := range s.Scenarios {
		s, _ := scenario.Find(string(id))
		sound = sound && of.WrongOffered > 0 && (of.RightPrinted > 0 || s.Unpatched) && of.Sound()
	}
	return sound
}

func (s *Summary) add(o Summary) {
	for to, n := range map[*int]int{&s.Visits: o.Visits, &s.WrongOffered: o.WrongOffered, &s.WrongRefused: o.WrongRefused, &s.WrongPrinted: o.WrongPrinted,
		&s.WrongEnded: o.WrongEnded, &s.RightPrinted: o.RightPrinted, &s.RightRefused: o.RightRefused, &s.RightEnded: o.RightEnded, &s.Unread: o.Unread,
		&s.NothingOffered: o.NothingOffered, &s.Again: o.Again, &s.AgainPrinted: o.AgainPrinted, &s.Incidents: o.Incidents} {
		*to += n
	}
	for code, n := range o.Refused {
		s.Refused[code] += n
	}
	for code, n := range o.RightRefusedFor {
		s.RightRefusedFor[code] += n
	}
	s.Difference, s.Heard = append(s.Difference, o.Difference...), append(s.Heard, o.Heard...)
	s.Seconds += o.Seconds
	s.JournalBytes += o.JournalBytes
}
