package script

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice/scenario"
)

// Line is one visit as "honnind practice --json" prints it. Ms is machine time per step in milliseconds: waits for
// people are not in it.
type Line struct {
	Visit       uint64           `json:"visit"`
	Terminal    string           `json:"terminal"`
	Scenario    scenario.ID      `json:"scenario"` // whose fault the municipality's program has, "" for a sound one
	Channel     protocol.Channel `json:"channel"`
	Applicant   string           `json:"applicant"`
	Again       bool             `json:"again"`      // they were refused just before, and try once more
	PaperOf     string           `json:"paper_of"`   // whose record was drawn: the practice world's own books, "" when nothing was offered
	Superseded  bool             `json:"superseded"` // what was drawn was no longer in force, says the same book
	Verdict     string           `json:"verdict"`    // accepted, refused; "" when no package was offered
	Reason      string           `json:"reason"`
	Also        []reason.Code    `json:"also"`
	Class       reason.Class     `json:"class"`
	Outcome     protocol.Outcome `json:"outcome"`
	Impressions int              `json:"impressions"`
	Document    string           `json:"document_sha256"`
	Ms          Ms               `json:"ms"`

	document protocol.Digest
	truth    truth
}

// truth is what the practice world's books say of a visit's paper.
type truth int

const (
	nothing truth = iota // no package was offered
	unread               // one was, and refused before it was known which document it held
	right
	wrong // somebody else's, or superseded
)

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

// Summary is what visits come to. Visits is WrongRefused + WrongPrinted + WrongEnded + RightPrinted + RightRefused +
// RightEnded + Unread + NothingOffered. An outcome of "unsure" counts as printed.
type Summary struct {
	Visits          int            `json:"visits"`
	WrongOffered    int            `json:"wrong_offered"` // packages of somebody else, or of a superseded record
	WrongRefused    int            `json:"wrong_refused"`
	WrongPrinted    int            `json:"wrong_printed"` // on paper
	WrongEnded      int            `json:"wrong_ended"`   // neither: the visit ended for another cause
	RightPrinted    int            `json:"right_printed"`
	RightRefused    int            `json:"right_refused"`
	RightEnded      int            `json:"right_ended"`
	Unread          int            `json:"unread"`            // refused before it was known whose it was
	NothingOffered  int            `json:"nothing_offered"`   // the visit ended before
	Refused         map[string]int `json:"refused"`           // all, by reason
	RightRefusedFor map[string]int `json:"right_refused_for"` // of these the right ones
	Again           int            `json:"again"`             // visits of somebody who was refused just before
	AgainPrinted    int            `json:"again_printed"`     // of these with right paper in the end
	Incidents       int            `json:"incidents"`         // raised; each is at the centre, and stood open until a person closed it
	Difference      []string       `json:"difference"`        // between journals, centre, printers and books
	JournalBytes    int64          `json:"journal_bytes"`     // by which the journals' files grew, which they do in steps
	Seconds         float64        `json:"seconds"`
	RatePerS        float64        `json:"rate_per_s"`

	Heard     []Heard                 `json:"heard,omitempty"` // of incidents on which nobody acted: who was told
	Scenarios map[scenario.ID]Summary `json:"scenarios,omitempty"`
	Soak      *Soak                   `json:"soak,omitempty"`
}

// Heard is what became of an incident that nobody acknowledged, by the clock of the practice world.
type Heard struct {
	Terminal     string                `json:"terminal"`
	Word         string                `json:"word"`
	Municipality protocol.Municipality `json:"municipality"`
	State        string                `json:"state"` // after the last deadline, before a person of the municipality comes
	Told         []Told                `json:"told"`
	Stopped      bool                  `json:"stopped"` // its municipality's service at that terminal, in the end
}

// Told is one step of it.
type Told struct {
	Contact string `json:"contact"`
	Minutes int    `json:"minutes"`        // after the incident
	Over    bool   `json:"over,omitempty"` // the last deadline has passed, too
}

// Soak is what a long run made of the process that holds terminals, practice world and everything. In bytes.
type Soak struct {
	Terminals  int     `json:"terminals"`
	Seconds    float64 `json:"seconds"`   // with everything
	RSSStart   int64   `json:"rss_start"` // after the first round
	RSSEnd     int64   `json:"rss_end"`
	RSSPeak    int64   `json:"rss_peak"`
	HeapStart  int64   `json:"heap_start"`
	HeapEnd    int64   `json:"heap_end"`
	Goroutines int     `json:"goroutines"` // at the end
	Files      int     `json:"files"`      // open at the end
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
	paper := or(l.PaperOf, "nobody")
	if l.Superseded {
		paper += " (superseded)"
	}
	where := l.Terminal
	if l.Scenario != "" {
		where += " " + string(l.Scenario)
	}
	_, err := fmt.Fprintf(w, "%s visit %d: %s asked, paper of %s: %s → %s\n", where, l.Visit, l.Applicant, paper, or(said, "nothing offered"), l.Outcome)
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
