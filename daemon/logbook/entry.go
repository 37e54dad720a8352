package logbook

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/config/individual"
)

// Entry is one line of the log.
type Entry struct {
	At      time.Time
	Level   Level
	Package string
	Says    string
	With    map[string]string
}

// Bounds of a line.
const (
	maxSays  = 160 // bytes
	maxValue = 128
	maxWith  = 10
	maxText  = 400  // as [Entry.Text] has it
	maxLine  = 2048 // as it is written
)

// withheld stands for what may not be kept.
const withheld = "(withheld)"

// forms is what may stand in a field of a kind.
var forms = sync.OnceValue(func() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"says":  regexp.MustCompile(`^[ -~]{1,160}$`),
		"name":  regexp.MustCompile(`^[!-~]{1,64}$`),
		"word":  regexp.MustCompile(`^[a-zA-Z0-9_.,-]{1,64}$`),
		"words": regexp.MustCompile(`^[a-zA-Z0-9 _.,/(){}-]{1,128}$`),
		"pkg":   regexp.MustCompile(`^[a-z0-9/_-]{1,64}$`),
	}
})

// fields are the fields that are kept, and the form of each. What is left out says who the terminal is, or repeats the manual.
func fields() map[string]string {
	return map[string]string{
		"address": "name", "baud": "word", "by": "name", "case": "word", "collector": "name", "confinement": "words", "contact": "name", "entry": "word", "event": "word",
		"expected": "word", "failed": "word", "fault": "word", "from": "word", "got": "word", "in_force": "word", "incident": "name", "incidents": "word", "ins": "word",
		"lost": "word", "municipality": "word", "operation": "word", "outcome": "word", "present": "word", "printed": "word", "reader": "word", "reference": "name", "route": "words",
		"sha256": "word", "slot": "word", "state": "word", "status": "word", "step": "word", "suspended": "words", "sw": "word", "to": "word", "took": "word",
		"unsure": "word", "until": "name", "version": "word", "visit": "word", "void": "word", "wanted": "word", "why": "word",
	}
}

var theFields = sync.OnceValue(fields)

// add keeps a field in its form. One without a form is left out, one that does not fit is withheld.
func (e *Entry) add(key, text string) {
	form := theFields()[key]
	if form == "" || text == "" || len(e.With) >= maxWith {
		return
	}
	if key == "sha256" {
		text = text[:min(8, len(text))]
	}
	if !fits(form, text) {
		text = withheld
	}
	e.With[key] = text
}

// fits reports whether a text is of a form, and holds no number so long that it could be a person's.
func fits(form, text string) bool { return forms()[form].MatchString(text) && !individual.Within(text) }

func said(s string) string {
	if !fits("says", s) {
		return withheld
	}
	return s
}

// Text is what the line says and its fields, in order, as one text of printable ASCII of at most 400 bytes.
func (e Entry) Text() string {
	out := e.Says
	for _, k := range slices.Sorted(maps.Keys(e.With)) {
		if more := " " + k + "=" + e.With[k]; len(out)+len(more) <= maxText {
			out += more
		}
	}
	return out
}

// written is a line as it stands in the file.
type written struct {
	At      time.Time         `json:"at"`
	Level   string            `json:"level"`
	Package string            `json:"package"`
	Says    string            `json:"says"`
	With    map[string]string `json:"with,omitempty"`
}

// Line is the line as it stands in the file, with its end.
func (e Entry) Line() ([]byte, error) {
	b, err := json.Marshal(written{e.At.UTC().Truncate(time.Millisecond), e.Level.String(), e.Package, e.Says, e.With}, json.Deterministic(true))
	return append(b, '\n'), err
}

// parse reads a line, which anybody may have written.
func parse(line []byte) (e Entry, ok bool) {
	var w written
	if len(line) > maxLine || json.Unmarshal(line, &w, json.RejectUnknownMembers(true)) != nil {
		return e, false
	}
	l, ok := ParseLevel(w.Level)
	if !ok || w.At.IsZero() || !fits("pkg", w.Package) || !fits("says", w.Says) || len(w.With) > maxWith {
		return e, false
	}
	for k, v := range w.With {
		if form := theFields()[k]; form == "" || v != withheld && !fits(form, v) {
			return e, false
		}
	}
	return Entry{w.At, l, w.Package, strings.Clone(w.Says), w.With}, true
}
