// Package trace is how the parts of a terminal say what they do, for whoever has the log say more for a while.
//
// A part is given a [Trace] and says lines to it. A line is to hold nothing personal: what it says and its keys are constants of the
// program by their type, its values numbers, words and errors, of which the one who writes the line keeps what is of a declared form
// or constant. There is no value for bytes; that a word is the program's own and was not read, its author answers for. The zero Trace is silent, and costs one comparison;
// one that is off costs a call more, and no memory.
package trace

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// constant has no name outside this package, so only a constant of the program's own text can be given for it.
type constant string

// Sink takes lines, from any goroutine. Put does not wait.
type Sink interface {
	On() bool // whether lines are wanted now
	Put(Line)
	Now() time.Time
}

// Line is one thing that happened.
type Line struct {
	says string
	with []Value
}

// Says is the constant part of it.
func (l Line) Says() string { return l.says }

// With are its values, to be kept as they are.
func (l Line) With() []Value { return l.with }

// Value is one value of a line.
type Value struct {
	key  string
	form string // of n; "" where the value is word or err
	n    int64
	word string
	err  error
}

// Key is the value's name.
func (v Value) Key() string { return v.key }

// Err is the error that the value tells of; nil where it tells of something else, or of none.
func (v Value) Err() error { return v.err }

// Text is the value as text; "" for an error.
func (v Value) Text() string {
	if v.form == "" {
		return v.word
	}
	return fmt.Sprintf(v.form, v.n)
}

// Number is a count.
func Number[N ~int | ~uint64 | ~int64 | ~uint32](key constant, n N) Value {
	return Value{key: string(key), form: "%d", n: int64(n)}
}

// Byte is a code of a byte, such as an instruction, in hex.
func Byte(key constant, n byte) Value { return Value{key: string(key), form: "%02X", n: int64(n)} }

// Code is a code of two bytes, such as a status word, in hex.
func Code(key constant, n uint16) Value { return Value{key: string(key), form: "%04X", n: int64(n)} }

// Span is how long something took, in milliseconds.
func Span(key constant, d time.Duration) Value {
	return Value{key: string(key), form: "%dms", n: d.Milliseconds()}
}

// Yes is true or false.
func Yes(key constant, b bool) Value { return Value{key: string(key), word: strconv.FormatBool(b)} }

// Word is a word of the program's own, such as a state or a reason: what else it is, the one who writes the line withholds.
func Word[S ~string](key constant, s S) Value { return Value{key: string(key), word: string(s)} }

// Why tells of an error, or of none.
func Why(err error) Value { return Value{key: "why", err: err} }

// Trace is where a part says lines.
type Trace struct{ to Sink }

// To makes a Trace.
func To(s Sink) Trace { return Trace{s} }

// On reports whether anybody listens: for what costs something to find out.
func (t Trace) On() bool { return t.to != nil && t.to.On() }

// Now is the time where anybody listens, and zero elsewhere: for a [Span].
func (t Trace) Now() time.Time {
	if !t.On() {
		return time.Time{}
	}
	return t.to.Now()
}

// Say says one line, if anybody listens.
func (t Trace) Say(says constant, with ...Value) {
	if t.On() {
		t.to.Put(Line{string(says), slices.Clone(with)})
	}
}
