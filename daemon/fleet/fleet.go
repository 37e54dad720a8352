// Package fleet tells an office which of its terminals are behind, from the result files that field staff bring back.
//
// A result file is a message that a terminal signed ([honnin/daemon/identity], [honnin/daemon/provision.Result]). It is
// believed when its signer's certificate is that of this terminal, issued by the policy's terminal_keys.anchors, and it
// is neither from the future nor too old. Of several that a terminal signed the newest counts. What is not believed
// counts for nobody, so that a forged file hides no terminal that is behind; it is listed, with why.
package fleet

import (
	"cmp"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/identity"
	"honnin/daemon/provision"
)

// Question is what an office asks.
type Question struct {
	Latest  *policy.Policy // with its head
	Digest  protocol.Digest
	Known   []protocol.Terminal // all terminals; nil: those that the policy names, and nobody can say who else is silent
	Now     time.Time
	OldFrom time.Duration // a result is too old when it is older
}

// File is a result file as it was brought back.
type File struct {
	Name string
	DER  []byte
}

// State is how a terminal stands.
type State string

// The states.
const (
	Current State = "current" // has the latest
	Behind  State = "behind"  // has an older one, or none
	Ahead   State = "ahead"   // has a newer one than the office asks for
	Fork    State = "fork"    // has another policy of a version that the latest says nothing good of
	Silent  State = "silent"  // never answered, or too long ago
)

// Row is one terminal.
type Row struct {
	Terminal protocol.Terminal  `json:"terminal"`
	State    State              `json:"state"`
	Has      *provision.Version `json:"has,omitempty"`   // the highest it has; nil: none, or not known
	By       uint64             `json:"by,omitempty"`    // so many versions behind
	Since    time.Time          `json:"since,omitzero"`  // since when the latest could have been in force there
	Heard    time.Time          `json:"heard,omitzero"`  // by the terminal's clock
	Fault    string             `json:"fault,omitempty"` // why nothing was received the last time
}

// Odd is a file that is not believed.
type Odd struct {
	File string `json:"file"`
	Code Code   `json:"code"`
	Why  string `json:"why"`
}

// Code says in one word why a file is not believed. Those of identity.Code may stand here, too.
type Code string

// The codes.
const (
	NoResult Code = "result-malformed"  // signed by a terminal, and no result of that terminal's
	TooOld   Code = "result-too-old"    // older than is asked for
	Future   Code = "result-future"     // later than now, by more than clocks may differ
	Stranger Code = "result-stranger"   // of a terminal that is not known
	Unread   Code = "result-unreadable" // not read at all
)

// Report is the answer.
type Report struct {
	Latest provision.Version `json:"latest"`
	At     time.Time         `json:"at"`
	Rows   []Row             `json:"terminals"`
	Odd    []Odd             `json:"not_believed"`
	Open   bool              `json:"open"` // the policy is for more terminals than are known by name: others may be silent
}

// Good reports whether every terminal has the latest, and nothing odd was brought.
func (r Report) Good() bool {
	return len(r.Odd) == 0 && len(r.Rows) > 0 && !slices.ContainsFunc(r.Rows, func(r Row) bool { return r.State != Current })
}

// Lag answers. The rows are sorted by name, what is odd as it was brought.
func (q Question) Lag(files []File) Report {
	head, _ := q.Latest.Head()
	r := Report{Latest: provision.Version{Version: head.Version, SHA256: q.Digest.String()}, At: q.Now.UTC().Truncate(time.Second), Rows: []Row{}, Odd: []Odd{}}
	known, open := q.known(head)
	newest := map[protocol.Terminal]provision.Result{}
	for _, f := range files {
		got, err := q.believe(f, head, known)
		if err != nil {
			r.Odd = append(r.Odd, Odd{f.Name, codeOf(err), err.Error()})
			continue
		}
		if old, there := newest[got.Terminal]; !there || got.At.After(old.At) {
			newest[got.Terminal] = got
		}
	}
	for t := range newest {
		known[t] = true
	}
	for t := range known {
		r.Rows = append(r.Rows, q.row(t, newest, head, r.Latest))
	}
	slices.SortFunc(r.Rows, func(a, b Row) int { return cmp.Compare(a.Terminal, b.Terminal) })
	r.Open = open
	return r
}

// known are the terminals known by name; open says whether there may be others.
func (q Question) known(head policy.Head) (known map[protocol.Terminal]bool, open bool) {
	known = map[protocol.Terminal]bool{}
	for _, t := range q.Known {
		known[t] = true
	}
	if q.Known != nil {
		return known, false
	}
	for _, t := range head.Terminals {
		name, err := protocol.ParseTerminal(string(t))
		if open = open || err != nil; err == nil {
			known[name] = true
		}
	}
	return known, open
}

// odd is why a file is not believed.
type odd struct {
	code Code
	err  error
}

func (o *odd) Error() string { return o.err.Error() }

func codeOf(err error) Code {
	var o *odd
	var r *identity.Refusal
	switch {
	case errors.As(err, &o):
		return o.code
	case errors.As(err, &r):
		return Code(r.Code)
	}
	return Unread
}

func (q Question) believe(f File, head policy.Head, known map[protocol.Terminal]bool) (provision.Result, error) {
	r, at, err := Open(f.DER, q.Latest.TerminalAnchors())
	switch {
	case err != nil:
		return r, err
	case q.Known != nil && !known[r.Terminal], q.Known == nil && !head.Targets(r.Terminal):
		return r, &odd{Stranger, errors.New("terminal " + string(r.Terminal) + " is not a known one")}
	case at.After(q.Now.Add(q.Latest.ClockSkew())):
		return r, &odd{Future, errors.New("signed in the future, at " + at.UTC().Format(time.RFC3339))}
	case at.Before(q.Now.Add(-q.OldFrom)):
		return r, &odd{TooOld, errors.New("signed at " + at.UTC().Format(time.RFC3339))}
	}
	return r, nil
}

// Open reads one result file, and when it was signed by the terminal's clock.
func Open(der []byte, anchors []*x509.Certificate) (r provision.Result, at time.Time, err error) {
	content, from, at, err := identity.Verify(der, anchors)
	if err != nil {
		return r, at, err
	}
	if r, err = provision.ParseResult(content); err != nil {
		return r, at, &odd{NoResult, err}
	}
	if r.Terminal != from || r.At.Sub(at).Abs() > time.Minute {
		return r, at, &odd{NoResult, errors.New("it speaks of another terminal, or of another time, than its signature")}
	}
	return r, at, nil
}

func (q Question) row(t protocol.Terminal, newest map[protocol.Terminal]provision.Result, head policy.Head, latest provision.Version) Row {
	got, heard := newest[t]
	row := Row{Terminal: t, State: Silent, Since: head.NotBefore}
	if !heard {
		return row
	}
	row.Heard, row.Fault = got.At, got.Fault
	row.Has = got.Has()
	switch has := row.Has; {
	case has == nil:
		row.State, row.By = Behind, head.Version
	case *has == latest:
		row.State, row.Since, row.Fault = Current, time.Time{}, ""
	case has.Version == latest.Version, has.Version+1 == latest.Version && has.SHA256 != head.Previous.String():
		row.State = Fork
	case has.Version > latest.Version:
		row.State, row.Since = Ahead, time.Time{}
	default:
		row.State, row.By = Behind, head.Version-has.Version
	}
	return row
}
