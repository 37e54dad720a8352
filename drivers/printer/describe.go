package printer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Description is what a printer says of itself, for a technician. All of it is foreign: it holds words of known lists, numbers,
// and a model in printable ASCII; names of jobs and of people, serial numbers and messages have no place in it. What a printer
// does not say is missing.
type Description struct {
	Model     string   `json:"model,omitzero"`     // at most 64 characters
	State     string   `json:"state,omitzero"`     // "idle", "processing", "stopped"
	Accepting *bool    `json:"accepting,omitzero"` // jobs
	Sheets    *int     `json:"sheets,omitzero"`    // that came out of it in its life, by its own count
	Reasons   []Reason `json:"reasons,omitzero"`   // why it is in that state
	Supplies  []Supply `json:"supplies,omitzero"`
	Jobs      []Job    `json:"jobs,omitzero"` // that have not ended, whoever's
}

// Most is how many reasons, supplies and jobs are taken of each.
const Most = 32

// Reason is one word why a printer is as it is.
type Reason struct {
	Word     string `json:"word"`     // of a list that the driver knows
	Severity string `json:"severity"` // "report", "warning", "error" (RFC 8011 section 5.4.12)
}

// Supply is something that is used up, or a receptacle that fills.
type Supply struct {
	Name  string `json:"name"`           // "toner-black", "waste-toner"; "other"
	Left  *int   `json:"left,omitzero"`  // percent of it, or of the room in a receptacle
	State string `json:"state,omitzero"` // "ok", "low", "empty"; of a receptacle "ok", "almost-full", "full"
}

// Job is one that waits or prints at the device.
type Job struct {
	Number int    `json:"number"`
	State  string `json:"state"`        // "pending", "held", "processing", "stopped"
	Ours   bool   `json:"ours"`         // it has the form of this program's: a transaction for a name, and its user
	Age    *int   `json:"age,omitzero"` // in seconds of the printer's clock
}

// Shown is a model's name if it is fit to be shown, else nothing: printable ASCII, at most 64 characters. A serial number in it is not
// shown: what follows a word for one, and what looks like one. It serves for any device's name.
func Shown(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	if at := serialWord().FindStringSubmatchIndex(s); at != nil {
		s = strings.TrimRight(s[:at[2]], " (,;:-_/.#")
	}
	words := strings.Fields(s)
	if !slices.ContainsFunc(words, likeSerial) {
		return strings.TrimSpace(s)
	}
	return strings.Join(slices.DeleteFunc(words, likeSerial), " ")
}

// serialWord finds a word for a serial number, with the number in the same word or not. "Series", "Server" and "SNR" are none.
var serialWord = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^a-z])(s[/.]n|(?:sn|ser)(?:[^a-z]|n[or]|num|$)|serial)`)
})

// likeSerial reports whether a word is as long as a serial number: so many digits, or letters with nearly as many.
func likeSerial(word string) bool {
	digits, letters := 0, 0
	for _, r := range word {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z':
			letters++
		}
	}
	return digits >= 6 || len(word) >= 8 && digits >= 5 && letters > 0
}

// supplies are the types of RFC 3805 (PrtMarkerSuppliesTypeTC), in the spelling of CUPS' marker-types.
var supplies = []string{"toner", "waste-toner", "ink", "ink-cartridge", "ink-ribbon", "waste-ink", "opc", "developer", "fuser-oil", "solid-wax", "ribbon-wax", "waste-wax", "fuser",
	"corona-wire", "fuser-oil-wick", "cleaner-unit", "fuser-cleaning-pad", "transfer-unit", "toner-cartridge", "fuser-oiler", "water", "waste-water", "glue-water-additive",
	"waste-paper", "binding-supply", "banding-supply", "stitching-wire", "shrink-wrap", "paper-wrap", "staples", "inserts", "covers"}

var colours = []string{"black", "cyan", "magenta", "yellow", "light-cyan", "light-magenta", "gray", "light-gray", "photo-black", "matte-black", "red", "green", "blue", "orange", "violet", "white"}

// hexColours are those of CUPS' marker-colors that have a name.
var hexColours = map[string]string{"#000000": "black", "#00ffff": "cyan", "#ff00ff": "magenta", "#ffff00": "yellow"}

// NewSupply makes a supply of a printer's words for its type and colour ("wasteToner" or "waste-toner"; "black" or "#000000").
// Left is in percent and counts if known; low is the percentage from which on it is low.
func NewSupply(kind, colour string, left int, known bool, low int) Supply {
	s := Supply{Name: hyphenated(kind)}
	if !slices.Contains(supplies, s.Name) {
		s.Name = "other"
	}
	if c := hexColours[strings.ToLower(colour)]; c != "" {
		colour = c
	}
	if colour = hyphenated(colour); slices.Contains(colours, colour) {
		s.Name += "-" + colour
	}
	if known {
		left = min(max(left, 0), 100)
		s.Left, s.State = &left, stateOf(left, low, s.Receives())
	}
	return s
}

// Receives reports whether it is a receptacle, which fills.
func (s Supply) Receives() bool { return strings.HasPrefix(s.Name, "waste-") }

func stateOf(left, low int, receives bool) string {
	words := [3]string{"ok", "low", "empty"}
	if receives {
		words = [3]string{"ok", "almost-full", "full"}
	}
	switch {
	case left == 0:
		return words[2]
	case left <= low:
		return words[1]
	}
	return words[0]
}

// hyphenated is "waste-toner" of "wasteToner".
func hyphenated(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return strings.TrimPrefix(b.String(), "-")
}

// low is the percentage from which on a supply is low where the printer names none.
const low = 10

// Value of prtMarkerSuppliesLevel (RFC 3805): some of it is left, nobody knows how much.
const someLeft = -3

// ParseSupply reads one value of printer-supply (PWG 5100.13, section 5.6.28: "type=toner;maxcapacity=100;level=80;…"). Its
// numbers mean what RFC 3805 says of prtMarkerSuppliesLevel: what is left, of a receptacle the room that is left.
func ParseSupply(value string) (s Supply, ok bool) {
	const longest = 1023 // bytes of an octetString (RFC 8011 section 5.1.11)
	if len(value) > longest {
		return s, false
	}
	is := map[string]string{}
	for field := range strings.SplitSeq(value, ";") {
		k, v, _ := strings.Cut(field, "=")
		is[strings.TrimSpace(k)] = strings.TrimSpace(v)
	}
	if is["type"] == "" {
		return s, false
	}
	left, known := part(is["level"], is["maxcapacity"])
	s = NewSupply(is["type"], is["colorantname"], left, known, low)
	if n, err := strconv.Atoi(is["level"]); err == nil && n == someLeft {
		s.State = "ok"
	}
	return s, true
}

// part is level in percent of most, rounded up: what is not empty is not 0.
func part(level, most string) (percent int, known bool) {
	l, err := strconv.ParseInt(level, 10, 32)
	m, err2 := strconv.ParseInt(most, 10, 32)
	if err != nil || err2 != nil || l < 0 || m <= 0 || l > m {
		return 0, false
	}
	return int((l*100 + m - 1) / m), true
}
