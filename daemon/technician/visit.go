package technician

import (
	"context"
	"errors"
	"time"

	"honnin/ui/console"
)

// Visits makes practice issuances on the terminal's real devices, with a test card, one at a time.
type Visits interface {
	// Begin begins one in a technician's name, and returns at once: "", or a word for why not.
	Begin(technician string) (why string)
	// Course says how the last one goes, from a step on. Whom nobody asks of for [Abandoned] is cancelled.
	Course(from int) Course
	// Cancel ends it as its cancel button does.
	Cancel()
}

// Abandoned is how long a test visit goes on whose console does not ask any more: its line hung up, or its process ended.
const Abandoned = 10 * time.Second

// Course is what happened in a test visit.
type Course struct {
	Steps   []VisitStep `json:"steps,omitzero"` // at most [MaxSteps]
	Over    bool        `json:"over,omitzero"`
	Outcome string      `json:"outcome,omitzero"` // what came of it, once it is over
	Why     string      `json:"why,omitzero"`
}

// VisitStep is one thing that happened.
type VisitStep struct {
	Step  string `json:"step"`                  // "card"
	State string `json:"state"`                 // "ok", "waiting" for somebody, or a word for what went wrong
	Took  int64  `json:"milliseconds,omitzero"` // 0: not known, or less than one
}

// MaxSteps bounds what a [Course] says at once.
const MaxSteps = 50

const (
	askVisit  ask = "visit"        // Who begins a test visit
	askCourse ask = "visit-course" // how it goes, from step From on
	askCancel ask = "visit-cancel"
)

// visit answers what is asked of test visits.
func (s *server) visit(q question) answer {
	switch {
	case q.From < 0 || (q.Ask == askVisit) != idForm().MatchString(q.Who):
		return answer{Why: "malformed"}
	case s.Visits == nil:
		return answer{Why: "not-here"}
	}
	switch q.Ask {
	case askVisit:
		return answer{Why: s.Visits.Begin(q.Who)}
	case askCancel:
		s.Visits.Cancel()
	}
	return answer{Course: s.Visits.Course(q.From)}
}

// lookAgain is how often a console asks how a test visit goes.
const lookAgain = 300 * time.Millisecond

// visit has the daemon make a test visit, and follows it. Who goes before its end cancels it.
func (m *Machine) visit(ctx context.Context, who console.Who, c console.Call, a *console.Answer) error {
	if !c.Has("test-card") {
		return &console.Failure{Code: console.MissingArgument, About: "--test-card"}
	}
	cancel := func() { // a daemon that is not asked any more cancels it, too
		_, _ = question{Ask: askCancel}.ask(context.WithoutCancel(ctx), m.o.Site.State)
	}
	got, err := m.order(ctx, question{Ask: askVisit, Who: who.ID})
	switch failed := (*console.Failure)(nil); {
	case errors.As(err, &failed) && failed.Code == console.Unknown: // it may have begun
		cancel()
		return err
	case err != nil:
		return err
	case got.Why == "busy":
		return console.Fail(console.Busy)
	case got.Why != "":
		return &console.Failure{Code: console.Failed, Why: got.Why}
	}
	if err = m.follow(ctx, a); err != nil {
		cancel()
	}
	return err
}

// mostSilent is how many questions in a row may find a daemon silent that makes a test visit or prints a sheet, and is perhaps only slow.
const mostSilent = 2

// follow writes what happens in a test visit until that is over.
func (m *Machine) follow(ctx context.Context, a *console.Answer) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for from, silent := 0, 0; ; {
		got, err := question{Ask: askCourse, From: from}.ask(ctx, m.o.Site.State)
		silent++
		switch {
		case errors.Is(err, errSilent) && silent <= mostSilent && ctx.Err() == nil: // it has no step to tell of
		case err != nil:
			return err
		default:
			silent = 0
		}
		for _, s := range got.Course.Steps {
			took := console.None()
			if s.Took > 0 {
				took = console.Span(time.Duration(s.Took) * time.Millisecond)
			}
			if err := a.Row("visit.step", word(s.Step), word(s.State), took); err != nil {
				return err
			}
		}
		if from += len(got.Course.Steps); silent == 0 && len(got.Course.Steps) == 0 && got.Course.Over {
			return a.Row("visit.outcome", word(got.Course.Outcome), word(got.Course.Why))
		}
		if err := a.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
