package trace

import (
	"errors"
	"strings"
	"testing"
	"time"
)

type sink struct {
	on  bool
	got []Line
}

func (s *sink) On() bool   { return s.on }
func (s *sink) Put(l Line) { s.got = append(s.got, l) }

func (s *sink) Now() time.Time { return time.Unix(7, 0) }

func TestNow(t *testing.T) {
	if !(Trace{}).Now().IsZero() || !To(&sink{}).Now().IsZero() || To(&sink{on: true}).Now() != time.Unix(7, 0) {
		t.Error("the time is the listener's, and none where nobody listens")
	}
}

func TestSay(t *testing.T) {
	type state string
	s := &sink{on: true}
	To(s).Say("a command", Byte("ins", 0xA4), Code("sw", 0x63C2), Number("n", 7), Span("took", 1500*time.Microsecond), Yes("there", true),
		Word("state", state("welcome")), Why(errors.New("any")))
	if len(s.got) != 1 || s.got[0].Says() != "a command" {
		t.Fatalf("%+v", s.got)
	}
	var said []string
	for _, v := range s.got[0].With() {
		said = append(said, v.Key()+"="+v.Text())
	}
	if got := strings.Join(said, " "); got != "ins=A4 sw=63C2 n=7 took=1ms there=true state=welcome why=" || s.got[0].With()[6].Err() == nil {
		t.Error(got)
	}
}

// TestOffCostsNothing: no memory, whether nobody could listen or nobody does.
func TestOffCostsNothing(t *testing.T) {
	for name, tr := range map[string]Trace{"none": {}, "off": To(&sink{})} {
		if n := testing.AllocsPerRun(100, func() { say(tr, 0xA4, 0x9000) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	on := &sink{on: true}
	if n := testing.AllocsPerRun(100, func() { say(To(on), 0xA4, 0x9000) }); n == 0 {
		t.Error("nothing is said")
	}
}

//go:noinline
func say(t Trace, ins byte, sw uint16) { t.Say("a command", Byte("ins", ins), Code("sw", sw)) }

func BenchmarkOff(b *testing.B) {
	tr := To(&sink{})
	b.ReportAllocs()
	for b.Loop() {
		say(tr, 0xA4, 0x9000)
	}
}
