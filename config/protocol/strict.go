package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/semver"
)

// MaxJSON is the size limit of every JSON body, in bytes.
const MaxJSON = 64 << 10

// Time is an instant in whole seconds, UTC, written with T and Z (RFC 3339 without fraction or offset).
type Time struct{ time.Time }

const timeForm = "2006-01-02T15:04:05Z"

// At returns t cut to whole seconds, in UTC.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Second)} }

// ParseTime reads the one allowed form.
func ParseTime(s string) (Time, error) {
	t, err := time.Parse(timeForm, s)
	if err != nil || t.Format(timeForm) != s {
		return Time{}, malformed("time")
	}
	return Time{t}, nil
}

// MarshalText writes the one allowed form.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.UTC().Format(timeForm)), nil }

// UnmarshalText reads the one allowed form.
func (t *Time) UnmarshalText(b []byte) (err error) { *t, err = ParseTime(string(b)); return }

// MarshalJSON writes the one allowed form; without it the embedded time.Time would choose another.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(t.UTC().Format(`"` + timeForm + `"`)), nil }

// UnmarshalJSON reads the one allowed form.
func (t *Time) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' {
		return malformed("time")
	}
	return t.UnmarshalText(b[1 : len(b)-1])
}

// Option is one value of an application's options: a string or a boolean.
type Option struct {
	text   string
	truth  bool
	isBool bool
}

// Text makes a string option.
func Text(s string) Option { return Option{text: s} }

// Bool makes a boolean option.
func Bool(b bool) Option { return Option{truth: b, isBool: true} }

// Bool returns the truth of a boolean option; false for a string.
func (o Option) Bool() bool { return o.isBool && o.truth }

// Text returns the text of a string option; "" for a boolean.
func (o Option) Text() string { return o.text }

// MarshalJSON writes a string or a boolean.
func (o Option) MarshalJSON() ([]byte, error) {
	if o.isBool {
		return json.Marshal(o.truth)
	}
	return json.Marshal(o.text)
}

// UnmarshalJSON reads a string or a boolean and nothing else.
func (o *Option) UnmarshalJSON(b []byte) error {
	switch jsontext.Value(b).Kind() {
	case 't', 'f':
		o.isBool = true
		return json.Unmarshal(b, &o.truth)
	case '"':
		return json.Unmarshal(b, &o.text)
	}
	return malformed("option")
}

// Options are an application's choices by name.
type Options map[string]Option

// ParseStrict reads one JSON object into v: UTF-8 without BOM, at most [MaxJSON] bytes, no repeated or unknown
// member, nothing after the object. Members that must be there are pointers in v, and the caller looks.
func ParseStrict(b []byte, v any) error { return parseStrict(b, MaxJSON, v) }

func parseStrict(b []byte, most int, v any) error {
	if len(b) > most {
		return malformed(fmt.Sprintf("longer than %d KiB", most>>10))
	}
	if len(b) == 0 || b[len(b)-1] != '}' {
		return malformed("not one JSON object with nothing after it")
	}
	if err := json.Unmarshal(b, v, json.RejectUnknownMembers(true)); err != nil {
		// The library's text may quote the input, which may be personal: only the place is passed on.
		return malformed(where(err))
	}
	return nil
}

// parseWhole is [ParseStrict] for what is signed or counted: a member that may be absent is not there with the value that stands for
// absent (thirty-two bytes of zero, an empty text), or two bodies would be read as one.
func parseWhole(b []byte, v any) error {
	if err := ParseBody(b, v); err != nil {
		return err
	}
	again, err := EncodeBody(v)
	if err != nil {
		return err
	}
	want := jsontext.Value(slices.Clone(b))
	if errors.Join(want.Canonicalize(), (*jsontext.Value)(&again).Canonicalize()) != nil || !bytes.Equal(want, again) {
		return malformed("a member without a value")
	}
	return nil
}

func where(err error) string {
	var member *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("JSON syntax near byte %d", syntax.ByteOffset)
	case errors.As(err, &member):
		return fmt.Sprintf("JSON member near byte %d", member.ByteOffset)
	}
	return "JSON"
}

// CompareVersions orders two semantic versions; an invalid one is below every valid one.
func CompareVersions(a, b string) int { return semver.Compare("v"+a, "v"+b) }

// ValidVersion reports whether s is a full semantic version (semver.org 2.0.0).
func ValidVersion(s string) bool {
	v := "v" + s
	return semver.IsValid(v) && semver.Canonical(v)+semver.Build(v) == v
}
