// Package logbook keeps the log of a terminal in its state directory, for the technician: two files of lines of JSON, 8 MiB
// together, of which the older one is thrown away when the newer is full.
//
// # What may stand in it
//
// Nothing personal, and nothing that came from outside. What a line says is a constant of the program (a test reads the source
// for it; what is not printable ASCII, or has a long number in it, is withheld besides). Of its fields only the known ones are kept
// ([fields]), each in its form: numbers, times, words, names without a space. Of an error, whose text may quote a library or a
// device, only what is constant is kept: its codes, the sentinels of this program, the system's error number, its type ([Why]).
// The same is asked of each line when it is read again, so that what somebody wrote into the file goes no further either.
//
// # Levels
//
// Each package logs from info on, until a technician wants more, or less, of it for a while. That is in the memory of the process
// only and ends by its own clock: after a restart all is as it was. Level debug comes from [honnin/config/trace] alone and goes
// nowhere but here.
//
// # A disk that is full or hangs
//
// Nobody waits for the log. Lines go through a queue to one writer; those that find it full, or that the disk does not take, are
// counted, and the book says how many as soon as it can. After a power cut the last line may be torn: it is passed over.
package logbook

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/trace"
)

// Level is how much a line matters.
type Level int32

// The levels, lowest first.
const (
	Debug Level = iota
	Info
	Warning
	Error
)

// Levels are their words, lowest first.
func Levels() []string { return []string{"debug", "info", "warning", "error"} }

func (l Level) String() string { return Levels()[l] }

// ParseLevel reads a level's word.
func ParseLevel(s string) (Level, bool) {
	i := slices.Index(Levels(), s)
	return Level(i), i >= 0
}

// Packages are those that log, in order.
func Packages() []string {
	return []string{"daemon", "daemon/centre", "daemon/collector", "daemon/logbook", "daemon/selftest", "daemon/session", "daemon/terminal",
		"drivers/card", "drivers/card/ccid", "drivers/card/pcsc", "drivers/printer/ipp", "ui/touch"}
}

// Within are the packages that a name means: that one, and those below it.
func Within(name string) (out []string) {
	for _, p := range Packages() {
		if below(p, name) {
			out = append(out, p)
		}
	}
	return out
}

func below(pkg, name string) bool { return pkg == name || strings.HasPrefix(pkg, name+"/") }

// waiting is how many lines wait for the disk at most.
const waiting = 1024

// Book is the log of one process. It is safe for concurrent use. A nil Book takes nothing.
type Book struct {
	now    func() time.Time
	levels map[string]*level
	lines  chan Entry
	lost   atomic.Uint64
}

// New makes a book; now gives the lines' times. What it is given waits until [Book.Keep].
func New(now func() time.Time) *Book {
	b := &Book{now: now, levels: map[string]*level{}, lines: make(chan Entry, waiting)}
	for _, p := range Packages() {
		b.levels[p] = newLevel()
	}
	return b
}

// Lost is how many lines were not kept so far, and not yet said to be.
func (b *Book) Lost() uint64 { return b.lost.Load() }

// wants reports whether lines of a package and level are kept now. Those of a package that nobody listed are, from info on.
func (b *Book) wants(pkg string, l Level) bool {
	is := b.levels[pkg]
	return is != nil && l >= Level(is.now.Load()) || is == nil && l >= Info
}

// put queues a line, or counts it.
func (b *Book) put(e Entry) {
	select {
	case b.lines <- e:
	default:
		b.lost.Add(1)
	}
}

// Ends notes that a program does not go on, and why; nil is no reason.
func (b *Book) Ends(pkg string, err error) {
	if err == nil {
		return
	}
	e := Entry{At: b.now(), Level: Error, Package: pkg, Says: "the program ends", With: map[string]string{}}
	e.add("why", Why(err))
	b.put(e)
}

// Trace is for one package's lines at level debug.
func (b *Book) Trace(pkg string) trace.Trace {
	if b == nil || b.levels[pkg] == nil {
		return trace.Trace{}
	}
	return trace.To(sink{b, pkg})
}

type sink struct {
	b   *Book
	pkg string
}

func (s sink) On() bool { return s.b.wants(s.pkg, Debug) }

func (s sink) Now() time.Time { return s.b.now() }

func (s sink) Put(l trace.Line) {
	e := Entry{At: s.b.now(), Level: Debug, Package: s.pkg, Says: said(l.Says()), With: map[string]string{}}
	for _, v := range l.With() {
		if v.Err() != nil {
			e.add(v.Key(), Why(v.Err()))
		} else {
			e.add(v.Key(), v.Text())
		}
	}
	s.b.put(e)
}

// Hook has a logger write into the book, too. The logger has to report callers: a line belongs to the package that logged it.
func (b *Book) Hook() logrus.Hook { return hook{b} }

type hook struct{ b *Book }

func (hook) Levels() []logrus.Level { return logrus.AllLevels }

// Fire is logrus'.
func (h hook) Fire(l *logrus.Entry) error {
	pkg := "daemon"
	if l.HasCaller() {
		pkg = packageOf(l.Caller.Function)
	}
	if !fits("pkg", pkg) {
		pkg = "other"
	}
	at, matters := h.b.now(), levelOf(l.Level)
	if !h.b.wants(pkg, matters) {
		return nil
	}
	e := Entry{At: at, Level: matters, Package: pkg, Says: said(l.Message), With: map[string]string{}}
	for k, v := range l.Data {
		if k == logrus.ErrorKey {
			k = "why"
		}
		e.add(k, textOf(v))
	}
	h.b.put(e)
	return nil
}

func levelOf(l logrus.Level) Level {
	switch {
	case l >= logrus.DebugLevel:
		return Debug
	case l == logrus.InfoLevel:
		return Info
	case l == logrus.WarnLevel:
		return Warning
	}
	return Error
}

// packageOf is the package of a function as the runtime names it: "honnin/daemon/terminal.(*gate).say". That of a program is "main".
func packageOf(function string) string {
	at := strings.LastIndexByte(function, '/')
	pkg, _, _ := strings.Cut(function[at+1:], ".")
	if pkg = function[:at+1] + pkg; pkg == "main" {
		return "daemon"
	}
	return strings.TrimPrefix(pkg, "honnin/")
}

// textOf is a field's value as text: errors as [Why] has them, what is neither a number nor a word as nothing.
func textOf(v any) string {
	switch v := v.(type) {
	case error:
		return Why(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case time.Duration:
		return v.Round(time.Millisecond).String()
	case []string:
		return strings.Join(v, ",")
	case string, bool, int, int64, uint, uint64, uint32:
		return fmt.Sprint(v)
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(v)
}
