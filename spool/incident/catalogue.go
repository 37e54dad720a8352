// Package incident is what an incident means, who may say what of it, and who has to act.
//
// Catalogue: every word that an entry "incident" of the journal can have is in catalogue.toml, with its severity, what it
// means, what the applicant is told, what the technician does and what the municipality must do. It is data, read strictly
// by [Load]; MANUAL.md and MANUAL.ja.md are made from it ([Catalogue.Page]). An English meaning of a reason code is that of
// config/reason and stands nowhere else.
//
// Life: raised → delivered → acknowledged → closed. The terminal raises; the centre's signed receipt delivers; a person
// whom the policy lists for that role acknowledges, and closes with a cause. [Judge] believes nothing that is not signed
// (CMS, the profile of config/trust) by a key which the policy in force names for this, now. It is pure: the journal keeps
// what follows (spool/journal), the terminal asks (daemon/terminal). No success, retry, restart or clock is an argument of
// any of it. A certificate in a signature only carries its key, as with policies: the policy says until when a key counts.
//
// The cause is a person's sentence and could hold anything. It is never kept here: the journal has the digest of the whole
// signed state, which nobody can guess back (of a short sentence alone they could), and the centre has the state.
package incident

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/reason"
)

// Severity says how much an incident matters.
type Severity string

// The severities, highest first.
const (
	Highest Severity = "highest" // somebody's paper may go, or could have gone, to another
	High    Severity = "high"    // something that must be right was wrong
	Medium  Severity = "medium"  // to be put right soon; nobody's paper is in question
)

// Severities returns them all, highest first.
func Severities() []Severity { return []Severity{Highest, High, Medium} }

// Fault is the class of words that are no reason codes. The others are config/reason's.
const Fault = "fault"

// Text is a text for people.
type Text struct {
	Ja string `toml:"ja"`
	En string `toml:"en"`
}

// In returns the text in a language, "ja" or another.
func (t Text) In(lang string) string {
	if lang == "ja" {
		return t.Ja
	}
	return t.En
}

// Word is one word of the catalogue.
type Word struct {
	Word         string   `toml:"word"` // a reason code, or a word of the terminal's own
	Class        string   `toml:"-"`    // the reason code's, or [Fault]
	Severity     Severity `toml:"severity"`
	Means        Text     `toml:"means"`
	Applicant    Text     `toml:"applicant"`
	Technician   Text     `toml:"technician"`
	Municipality Text     `toml:"municipality"`
	OnlyTold     bool     `toml:"only_told"` // it never stops anything, however long nobody acknowledges it
}

// Class is what the words of one class have in common.
type Class struct {
	Name         string   `toml:"name"`
	Severity     Severity `toml:"severity"`
	Title        Text     `toml:"title"`
	Applicant    Text     `toml:"applicant"`
	Technician   Text     `toml:"technician"`
	Municipality Text     `toml:"municipality"`
}

// Catalogue is every word that an incident can have. It never changes.
type Catalogue struct {
	classes []Class
	words   []Word
}

//go:embed catalogue.toml
var text []byte

// ErrCatalogue is returned for a catalogue that lacks something or has too much.
var ErrCatalogue = errors.New("incident: catalogue")

// Load reads the catalogue that this program holds.
func Load() (Catalogue, error) { return parse(text) }

func parse(b []byte) (c Catalogue, err error) {
	var file struct {
		Class []Class `toml:"class"`
		Word  []Word  `toml:"word"`
	}
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(&file); err != nil {
		return c, fmt.Errorf("%w: %w", ErrCatalogue, err)
	}
	c.classes = file.Class
	for _, w := range file.Word {
		if w, err = c.whole(w); err != nil {
			return Catalogue{}, err
		}
		c.words = append(c.words, w)
	}
	return c, nil
}

// whole fills in what a word has from its class, and refuses one that still lacks something.
func (c Catalogue) whole(w Word) (Word, error) {
	if _, twice := c.Word(w.Word); twice {
		return w, fmt.Errorf("%w: %q twice", ErrCatalogue, w.Word)
	}
	w.Class = Fault
	if code := reason.Code(w.Word); code.Known() {
		if w.Class = string(code.Class()); w.Means.En != "" {
			return w, fmt.Errorf("%w: %q has its English meaning elsewhere", ErrCatalogue, w.Word)
		}
		w.Means.En = code.Meaning()
	}
	for _, class := range c.classes {
		if class.Name == w.Class {
			w = w.or(class)
		}
	}
	for _, t := range []Text{w.Means, w.Applicant, w.Technician, w.Municipality} {
		if t.Ja == "" || t.En == "" || w.Severity.rank() < 0 {
			return w, fmt.Errorf("%w: %q lacks a text or a severity", ErrCatalogue, w.Word)
		}
	}
	return w, nil
}

func (w Word) or(c Class) Word {
	if w.Severity == "" {
		w.Severity = c.Severity
	}
	for _, t := range []struct {
		to   *Text
		from Text
	}{{&w.Applicant, c.Applicant}, {&w.Technician, c.Technician}, {&w.Municipality, c.Municipality}} {
		if *t.to == (Text{}) {
			*t.to = t.from
		}
	}
	return w
}

func (s Severity) rank() int {
	for i, each := range Severities() {
		if s == each {
			return i
		}
	}
	return -1
}

// Less reports whether s matters less than o. What is no severity matters most: nobody thought of it.
func (s Severity) Less(o Severity) bool { return s.rank() > o.rank() }

// Words returns every word.
func (c Catalogue) Words() []Word { return append([]Word(nil), c.words...) }

// Classes returns every class.
func (c Catalogue) Classes() []Class { return append([]Class(nil), c.classes...) }

// Word looks a word up.
func (c Catalogue) Word(word string) (Word, bool) {
	for _, w := range c.words {
		if w.Word == word {
			return w, true
		}
	}
	return Word{}, false
}
