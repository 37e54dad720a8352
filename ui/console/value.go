package console

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"honnin/config/individual"
	"honnin/config/keys"
	"honnin/config/protocol"
	"honnin/config/tokyo"
	"honnin/spool/incident"
)

// Text is what the program itself says, Japanese and English. It can be made of constants only, or of the catalogue of
// incidents: what was read from a card, a package or a letter is no constant and never becomes one.
type Text struct{ ja, en string }

// constant has no name outside this package, so only a constant of the program's own text can be given for it.
type constant string

// T is a text.
func T(ja, en constant) Text { return Text{string(ja), string(en)} }

// Advice is what a technician does about an incident.
func Advice(w incident.Word) Text { return Text{w.Technician.Ja, w.Technician.En} }

// Meaning is what an incident means.
func Meaning(w incident.Word) Text { return Text{w.Means.Ja, w.Means.En} }

// In returns the text in a language, "ja" or "en".
func (t Text) In(lang string) string {
	if lang == "ja" {
		return t.ja
	}
	return t.en
}

// Kind is what a field may hold.
type Kind string

// The kinds of fields.
const (
	KindWord   Kind = "word"   // a stable word of the program: a-z, 0-9, hyphen, dot; at most 64
	KindName   Kind = "name"   // of a device, file, terminal, municipality or key: printable ASCII without a space; at most 128
	KindPlain  Kind = "plain"  // printable ASCII, at most 400, such as a line of the log
	KindNumber Kind = "number" // an integer, with the field's unit
	KindYes    Kind = "yes"    // true or false
	KindTime   Kind = "time"   // an instant; in JSON RFC 3339 in UTC, for people in Japan's time
	KindSpan   Kind = "span"   // a duration; in JSON in milliseconds
	KindDigest Kind = "digest" // SHA-256, in hex
	KindText   Kind = "text"   // the program's own words, in the language of the session
	KindChange Kind = "change" // what is otherwise in a policy, in words
)

// Value is one field's content. There is a maker for each kind and no other way, so that nothing reaches the line that is
// not of a kind declared in the table of commands.
type Value struct {
	kind Kind
	s    string
	t    Text
	n    int64
	at   time.Time
}

// withheld stands for what a maker was given and does not let through.
const withheld = "(withheld)"

// None is a value that is not known: "-" for people, null in JSON.
func None() Value { return Value{} }

// Word is a stable word of the program: a reason code, a state.
func Word[S ~string](s S) Value {
	return Value{kind: KindWord, s: only(string(s), 64, func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.'
	})}
}

// Name is the name of a thing, never of a person.
func Name[S ~string](s S) Value {
	return Value{kind: KindName, s: only(string(s), 128, func(r rune) bool { return r > ' ' && r < 0x7F })}
}

// Terminal is a terminal's name, which may be digits.
func Terminal(t protocol.Terminal) Value { return Value{kind: KindName, s: printable(string(t))} }

// Plain is text of the machine's own, such as a line of its log. Names and addresses of people are written in characters
// that it does not take, and a run of 12 digits may be a My Number: either is withheld as a whole.
func Plain(s string) Value {
	return Value{kind: KindPlain, s: only(s, 400, func(r rune) bool { return r >= ' ' && r < 0x7F })}
}

// only returns s if it is what may go out.
func only(s string, most int, ok func(rune) bool) string {
	if len(s) > most || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) || individual.Within(s) {
		return withheld
	}
	return s
}

// Number is an integer.
func Number[N ~int | ~int64 | ~uint64 | ~uint32](n N) Value {
	return Value{kind: KindNumber, n: int64(n)}
}

// Yes is true or false.
func Yes(b bool) Value {
	v := Value{kind: KindYes}
	if b {
		v.n = 1
	}
	return v
}

// At is an instant; the zero one is not known.
func At(t time.Time) Value {
	if t.IsZero() {
		return None()
	}
	return Value{kind: KindTime, at: t}
}

// Span is a duration.
func Span(d time.Duration) Value { return Value{kind: KindSpan, n: d.Milliseconds()} }

// Digest is a SHA-256 value; the zero one is not known.
func Digest(d protocol.Digest) Value {
	if d == (protocol.Digest{}) {
		return None()
	}
	return Value{kind: KindDigest, s: d.String()}
}

// Says is the program's own text.
func Says(t Text) Value { return Value{kind: KindText, t: t} }

// Changed is a difference between two policies or sites, as [keys.File.Diff] words it. It is of the operator's own text;
// control characters in it are left out.
func Changed(c keys.Change) Value { return Value{kind: KindChange, s: printable(c.String())} }

// printable leaves out what would do something at a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || cells(r) == 0 {
			return -1
		}
		return r
	}, s)
}

// text is the value for people.
func (v Value) text(lang, unit string) string {
	switch v.kind {
	case KindNumber:
		return strings.TrimSpace(strconv.FormatInt(v.n, 10) + " " + unit)
	case KindYes:
		return yesWords[v.n].In(lang)
	case KindTime:
		return v.at.In(tokyo.Zone()).Format("2006-01-02 15:04:05")
	case KindSpan:
		return (time.Duration(v.n) * time.Millisecond).String()
	case KindText:
		return v.t.In(lang)
	case "":
		return "-"
	}
	return v.s
}

var yesWords = [2]Text{T("いいえ", "no"), T("はい", "yes")}

// json is the value for programs.
func (v Value) json(lang string) any {
	switch v.kind {
	case KindNumber, KindSpan:
		return v.n
	case KindYes:
		return v.n == 1
	case KindTime:
		return v.at.UTC().Format(time.RFC3339)
	case KindText:
		return v.t.In(lang)
	case "":
		return nil
	}
	return v.s
}

// pair is one key of an object.
type pair struct {
	key   string
	value any
}

// object is one line of JSON, its keys in the order given.
func object(pairs ...pair) string {
	var b strings.Builder
	for i, p := range slices.All(pairs) {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		k, _ := json.Marshal(p.key)
		v, err := json.Marshal(p.value)
		if err != nil { // no kind of value does that
			v = []byte("null")
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	return b.String() + "}"
}
