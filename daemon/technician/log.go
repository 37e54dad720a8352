package technician

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"honnin/daemon/logbook"
	"honnin/ui/console"
)

// Levels lets packages log more, or less, for a while; *logbook.Book is it.
type Levels interface {
	SetLevel(name, level string, span time.Duration) error
}

// logLevel is what of which package is wanted for how long.
type logLevel struct {
	Package string `json:"package"`
	Level   string `json:"level"`
	Seconds int    `json:"seconds"`
}

const (
	followTime = 500 * time.Millisecond // between two looks for new lines
	usualLevel = 15 * time.Minute
	usualLines = 50
	maxSeconds = int(2 * logbook.Longest / time.Second) // more is refused all the same
)

// log shows the log's last lines, and then those that come. It is read from the disk, whether the daemon runs or not.
func (m *Machine) log(ctx context.Context, _ console.Who, c console.Call, a *console.Answer) error {
	r, err := logbook.Open(m.o.Site.State)
	if err != nil {
		return &console.Failure{Code: console.Failed, About: "log", Why: wordOf(err)}
	}
	defer r.Close()
	last, err := r.Last(ctx, c.Number("lines", usualLines), m.wanted(c))
	if err != nil {
		return logFailure(ctx, err)
	}
	for _, e := range last {
		if err := logLine(e, a); err != nil {
			return err
		}
	}
	if err := unreadable(r, a); err != nil || !c.Has("follow") {
		return err
	}
	return m.followLog(ctx, r, c, a)
}

func logFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &console.Failure{Code: console.Failed, About: "log", Why: wordOf(err)}
}

// wanted are the lines that somebody asked for.
func (m *Machine) wanted(c console.Call) (f logbook.Filter) {
	f.Package = c.Word("package")
	if l, ok := logbook.ParseLevel(c.Word("level")); ok {
		f.Level = l
	}
	if c.Has("since") {
		f.Since = m.o.Now().Add(-c.Duration("since", 0))
	}
	return f
}

func logLine(e logbook.Entry, a *console.Answer) error {
	return a.Row("log.line", console.At(e.At), console.Word(e.Level.String()), console.Name(e.Package), console.Plain(e.Text()))
}

// unreadable says how many lines are none of the log's, such as one that a power cut tore.
func unreadable(r *logbook.Reader, a *console.Answer) error {
	if r.Unreadable == 0 {
		return nil
	}
	return logLine(logbook.Entry{Level: logbook.Warning, Package: "daemon/logbook", Says: "lines that could not be read",
		With: map[string]string{"lost": strconv.Itoa(r.Unreadable)}}, a)
}

// followLog shows what comes until ctx ends.
func (m *Machine) followLog(ctx context.Context, r *logbook.Reader, c console.Call, a *console.Answer) error {
	want := m.wanted(c)
	look := time.NewTicker(followTime)
	defer look.Stop()
	for {
		if err := a.Flush(); err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		var shown error // of the line: its end is no fault of the log's
		err := r.Next(func(e logbook.Entry) error {
			if shown = ctx.Err(); shown == nil && want.Takes(e) {
				shown = logLine(e, a)
			}
			return shown
		})
		if shown != nil {
			return shown
		}
		if err != nil {
			return logFailure(ctx, err)
		}
	}
}

// setLevel has the daemon log a package from a level on, for a while.
func (m *Machine) setLevel(ctx context.Context, who console.Who, c console.Call, a *console.Answer) error {
	span := c.Duration("for", usualLevel)
	l := logLevel{Package: c.Word("package"), Level: c.Word("level"), Seconds: int(span / time.Second)}
	until := m.o.Now().Add(span)
	got, err := m.order(ctx, question{Ask: askLevel, Who: who.ID, Log: l})
	if err != nil {
		return err
	}
	if got.Why != "" {
		return &console.Failure{Code: console.Failed, About: "package", Why: got.Why}
	}
	return a.Row("log.level", console.Name(l.Package), console.Word(l.Level), console.At(until))
}

// level is the daemon's side of it.
func (s *server) level(q question) string {
	switch {
	case !idForm().MatchString(q.Who):
		return "malformed"
	case s.Log == nil:
		return "not-here"
	}
	err := s.Log.SetLevel(q.Log.Package, q.Log.Level, time.Duration(min(q.Log.Seconds, maxSeconds))*time.Second)
	if r := logbook.Refusal(""); errors.As(err, &r) {
		return r.Error()
	}
	return wordOf(err)
}

// bundledLog is how many of the log's last lines are in a support bundle.
const bundledLog = 10_000

// lastLog are lines that are the log's; what else stands in its files is left out.
func (m *Machine) lastLog(ctx context.Context) ([]byte, error) {
	r, err := logbook.Open(m.o.Site.State)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all, err := r.Last(ctx, bundledLog, logbook.Filter{})
	if err == nil && len(all) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, e := range all {
		line, err := e.Line()
		if err != nil {
			return nil, err
		}
		out.Write(line)
	}
	return out.Bytes(), nil
}
