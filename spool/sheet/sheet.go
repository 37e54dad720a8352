// Package sheet draws the service sheet (点検): the one page beside certificates that this terminal may ever print.
//
// A technician has it printed to judge the path of the paper. So that it can hold nothing of a citizen's, and be taken for no
// certificate, it is made of [Facts] alone: names, versions, numbers, times, and words of vocabularies that are closed here. Nobody can
// give it text, or bytes: [New] is the only maker of a [Service], which is spent once. It has neither statement nor tags, so that the check of
// documents refuses it, and says in both languages that it is no certificate.
//
// The page is A4 in one PDF 1.7 file of nine objects, with one font (BIZ UDGothic, as far as this page needs it). What stands on it and
// what each mark shows: page.go.
package sheet

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
)

// ErrFacts is wrapped by the errors of [New] for facts that may not stand on a sheet.
var ErrFacts = errors.New("sheet: not what may stand on a service sheet")

// ErrNone is returned for a zero [Service], or one that was spent.
var ErrNone = errors.New("sheet: no service sheet, or spent before")

// Pages is how many pages a sheet has.
const Pages = 1

// Counter is a thing that the terminal counts, in all of its journal.
type Counter string

// The counters, as they stand on the sheet.
const (
	Starts      Counter = "starts"
	Visits      Counter = "visits"
	Printed     Counter = "printed" // certificates, by outcome, up to Unsure
	Refused     Counter = "refused"
	Void        Counter = "void"
	Failed      Counter = "failed"
	Unsure      Counter = "unsure"
	Impressions Counter = "impressions" // page sides of certificates that are known to be out
	Services    Counter = "service-sheets"
	StaffCalls  Counter = "staff-needed"
	Incidents   Counter = "incidents"
)

// State is what the doctor found of a part.
type State string

// The states.
const (
	OK      State = "ok"
	Bad     State = "failed"
	Soon    State = "soon"
	Unknown State = "unknown"
)

// Facts are all that a sheet says.
type Facts struct {
	Terminal protocol.Terminal  `json:"terminal"`
	At       time.Time          `json:"at"`
	Software protocol.Program   `json:"software"`
	Policy   uint64             `json:"policy"`  // version in force; 0: none
	Journal  uint64             `json:"journal"` // entries
	Printer  string             `json:"printer"` // how it is reached: a word of [Ways]
	Model    string             `json:"model,omitzero"`
	Checks   map[string]State   `json:"checks,omitzero"` // by the doctor's names: words of [Checks]
	Counters map[Counter]uint64 `json:"counters,omitzero"`
}

// maxModel bounds a printer's model, in bytes.
const maxModel = 64

// check refuses what is of no vocabulary, without repeating it.
func (f Facts) check() error {
	if _, err := protocol.ParseTerminal(string(f.Terminal)); err != nil {
		return fmt.Errorf("%w: terminal", ErrFacts)
	}
	if f.At.IsZero() || f.At.Year() < 2000 || f.At.Year() > 9999 {
		return fmt.Errorf("%w: time", ErrFacts)
	}
	if protocol.ProgramOf(string(f.Software)) == "" {
		return fmt.Errorf("%w: software", ErrFacts)
	}
	if titleOf(ways, f.Printer) == nil {
		return fmt.Errorf("%w: printer", ErrFacts)
	}
	if !plain(f.Model) {
		return fmt.Errorf("%w: model", ErrFacts)
	}
	for c := range f.Counters {
		if titleOf(counters, string(c)) == nil {
			return fmt.Errorf("%w: counter", ErrFacts)
		}
	}
	for c, s := range f.Checks {
		if titleOf(checks, c) == nil || titleOf(states, string(s)) == nil {
			return fmt.Errorf("%w: check", ErrFacts)
		}
	}
	return nil
}

// plain is what a device may call itself: printable ASCII, and no number as long as a person's.
func plain(s string) bool {
	digits := 0
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return len(s) <= maxModel && digits < 12
}

// Service is a service sheet. Only [New] makes one, and it is spent once.
type Service struct{ s *service }

type service struct {
	pdf    []byte
	digest protocol.Digest
	spent  atomic.Bool
}

// New draws a sheet. Facts that may not stand on one are [ErrFacts].
func New(f Facts) (Service, error) {
	f.Model = strings.TrimSpace(f.Model)
	if err := f.check(); err != nil {
		return Service{}, err
	}
	pdf, err := draw(f)
	if err != nil {
		return Service{}, err
	}
	return Service{&service{pdf: pdf, digest: protocol.Fingerprint(pdf)}}, nil
}

// Digest names the sheet: the SHA-256 of its file; zero of a zero one.
func (s Service) Digest() protocol.Digest {
	if s.s == nil {
		return protocol.Digest{}
	}
	return s.s.digest
}

// Spend returns the sheet's file, once.
func (s Service) Spend() ([]byte, error) {
	if s.s == nil || !s.s.spent.CompareAndSwap(false, true) {
		return nil, ErrNone
	}
	return s.s.pdf, nil
}
