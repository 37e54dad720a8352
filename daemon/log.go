package main

import (
	"runtime"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/trace"
	"honnin/daemon/logbook"
	"honnin/daemon/session"
)

// newBook has what a logger writes kept for the technician, too.
func newBook(log *logrus.Logger) *logbook.Book {
	b := logbook.New(time.Now)
	log.SetReportCaller(true) // the book goes by packages
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, CallerPrettyfier: func(*runtime.Frame) (function, file string) { return "", "" }})
	log.AddHook(b.Hook())
	return b
}

// keepBook writes it to a state directory, until end. What goes wrong with that is told to the logger, and stops nothing.
func keepBook(b *logbook.Book, state string, log logrus.FieldLogger) (end func()) {
	return b.Keep(state, func(err error) {
		if err != nil {
			log.WithError(err).Warn("the log cannot be kept for the technician: it goes on without")
			return
		}
		log.Info("the log is kept again")
	})
}

// traced gives a device to whoever listens, if it has something to say.
func traced[T any](device T, b *logbook.Book, pkg string) T {
	if d, ok := any(device).(interface{ Trace(trace.Trace) }); ok {
		d.Trace(b.Trace(pkg))
	}
	return device
}

// stepping says each move of a visit, and passes it on to another, if there is one. It holds nothing personal ([session.Step]).
func stepping(t trace.Trace, other func(session.Step)) func(session.Step) {
	return func(s session.Step) {
		if other != nil {
			defer other(s)
		}
		if s.End == nil {
			t.Say("step", trace.Number("visit", s.Visit), trace.Word("from", s.From.String()), trace.Word("event", s.Event.String()), trace.Word("to", s.To.String()))
			return
		}
		t.Say("the last step of a transaction", trace.Number("visit", s.Visit), trace.Word("from", s.From.String()), trace.Word("event", s.Event.String()), trace.Word("to", s.To.String()),
			trace.Word("outcome", s.End.Outcome), trace.Word("why", s.End.Reason))
	}
}
