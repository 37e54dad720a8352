package ipp

import (
	"testing"

	"honnin/config/protocol"
	"honnin/drivers/printer"

	"github.com/OpenPrinting/goipp"
	"pgregory.net/rapid"
)

func known(n int) count { return count{n, true} }

func TestJudge(t *testing.T) {
	done := story{want: 6, sent: true, ended: true, state: jobCompleted, completed: known(6)}
	aborted := story{want: 6, sent: true, ended: true, state: jobAborted}
	with := func(s story, change func(*story)) story { change(&s); return s }
	for name, c := range map[string]struct {
		story       story
		outcome     protocol.Outcome
		impressions int
		reason      string
	}{
		"counted to the end":       {done, protocol.Printed, 6, ""},
		"nothing left the house":   {story{want: 6, trouble: printer.Unreachable}, protocol.Failed, 0, printer.Unreachable},
		"one missing":              {with(done, func(s *story) { s.completed = known(5) }), protocol.Unsure, 5, "impressions-short"},
		"none counted":             {with(done, func(s *story) { s.completed = known(0) }), protocol.Unsure, 0, "impressions-short"},
		"one too many":             {with(done, func(s *story) { s.completed = known(7) }), protocol.Unsure, 7, "impressions-over"},
		"not counted at all":       {with(done, func(s *story) { s.completed = count{} }), protocol.Unsure, 0, "impressions-unknown"},
		"with errors":              {with(done, func(s *story) { s.reasons = []string{"job-completed-with-errors"} }), protocol.Unsure, 6, "completed-with-errors"},
		"with warnings":            {with(done, func(s *story) { s.reasons = []string{"job-completed-with-warnings"} }), protocol.Printed, 6, ""},
		"jam, cleared by somebody": {with(done, func(s *story) { s.trouble = printer.MediaJam }), protocol.Unsure, 6, printer.MediaJam},
		"upload cut":               {with(done, func(s *story) { s.trouble = "upload-cut" }), protocol.Unsure, 6, "upload-cut"},
		"completed, never begun":   {with(done, func(s *story) { s.unbegun, s.completed = true, known(0) }), protocol.Unsure, 0, "impressions-short"},
		"not ended":                {with(done, func(s *story) { s.ended, s.state, s.trouble = false, jobProcessing, "deadline" }), protocol.Unsure, 6, "deadline"},
		"not ended, not begun":     {story{want: 6, sent: true, state: jobHeld, unbegun: true, trouble: "deadline"}, protocol.Unsure, 0, "deadline"},
		"aborted, nothing known":   {aborted, protocol.Unsure, 0, "aborted"},
		"aborted, never begun":     {with(aborted, func(s *story) { s.unbegun = true }), protocol.Failed, 0, "aborted"},
		"aborted, seen at work":    {with(aborted, func(s *story) { s.unbegun, s.processed = true, true }), protocol.Unsure, 0, "aborted"},
		"aborted, always says 0":   {with(aborted, func(s *story) { s.completed = known(0) }), protocol.Unsure, 0, "aborted"},
		"aborted, 0 by a counter":  {with(aborted, func(s *story) { s.completed, s.counts = known(0), true }), protocol.Failed, 0, "aborted"},
		"aborted, counts, silent":  {with(aborted, func(s *story) { s.counts = true }), protocol.Unsure, 0, "aborted"},
		"aborted after one":        {with(aborted, func(s *story) { s.completed, s.counts, s.unbegun = known(1), true, true }), protocol.Unsure, 1, "aborted"},
		"aborted after all":        {with(aborted, func(s *story) { s.completed, s.counts = known(6), true }), protocol.Unsure, 6, "aborted"},
		"cancelled at the device":  {with(aborted, func(s *story) { s.state, s.completed, s.counts = jobCanceled, known(0), true }), protocol.Failed, 0, printer.Canceled},
		"cancelled for a jam":      {with(aborted, func(s *story) { s.state, s.trouble = jobCanceled, printer.MediaJam }), protocol.Unsure, 0, printer.MediaJam},
	} {
		got := c.story.judge("job")
		if got.Outcome != c.outcome || got.Impressions != c.impressions || got.Reason != c.reason || got.JobID != "job" {
			t.Errorf("%s: %+v; want %s, %d, %q", name, got, c.outcome, c.impressions, c.reason)
		}
	}
}

func drawFacts(t *rapid.T) facts {
	number := rapid.Custom(func(t *rapid.T) count {
		return count{rapid.IntRange(0, 4).Draw(t, "n"), rapid.Bool().Draw(t, "known")}
	})
	f := facts{state: jobState(rapid.IntRange(3, 9).Draw(t, "state")), unbegun: rapid.Bool().Draw(t, "unbegun"),
		completed: number.Draw(t, "completed"), total: number.Draw(t, "total")}
	if !f.completed.known {
		f.completed.n = 0
	}
	return f
}

// Whatever a device says, in whatever order: printed needs a whole upload, no trouble, the end, and every
// impression counted; failed needs a reason to know that no paper moved.
func TestVerdictsNeedTheirEvidence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := story{want: rapid.IntRange(1, 4).Draw(t, "want"), sent: rapid.Bool().Draw(t, "sent"), counts: rapid.Bool().Draw(t, "counts"),
			trouble: rapid.SampledFrom([]string{"", "upload-cut", printer.MediaJam}).Draw(t, "trouble")}
		said := rapid.SliceOfN(rapid.Custom(drawFacts), 0, 5).Draw(t, "said")
		most, everMoved := 0, false
		for _, f := range said {
			s.note(f)
			most = max(most, f.completed.n)
			everMoved = everMoved || f.completed.n > 0
		}
		got := s.judge("j")
		switch got.Outcome {
		case protocol.Printed:
			if last := said[len(said)-1]; s.trouble != "" || !s.sent || last.state != jobCompleted || most != s.want {
				t.Fatalf("printed without evidence: %+v", s)
			}
		case protocol.Failed:
			if s.sent && (everMoved || !s.ended || s.state == jobCompleted) || got.Impressions != 0 {
				t.Fatalf("failed without evidence: %+v", s)
			}
		case protocol.Unsure:
			if got.Reason == "" {
				t.Fatalf("unsure of what? %+v", s)
			}
		default:
			t.Fatalf("no outcome: %+v", got)
		}
	})
}

func TestStateReasons(t *testing.T) {
	for _, c := range []struct {
		reasons []string
		word    string
		gravity gravity
	}{
		{nil, alert, waits},
		{[]string{"none"}, "", fine},
		{[]string{"none-report"}, "", fine},
		{[]string{"media-low", "toner-low-warning", "marker-supply-low-report"}, "", fine},
		{[]string{"media-low-error"}, "media-low", cancels},
		{[]string{"media-empty"}, "media-empty", waits},
		{[]string{"media-empty-report"}, "media-empty", waits},
		{[]string{"media-empty-error"}, "media-empty", cancels},
		{[]string{"media-empty", "media-needed-warning"}, "media-needed", cancels},
		{[]string{"media-jam-warning"}, "media-jam", cancels},
		{[]string{"cover-open"}, "cover-open", cancels},
		{[]string{"moving-to-paused", "paused"}, "moving-to-paused", cancels},
		{[]string{"toner-low", "media-jam-error"}, "media-jam", cancels},
		{[]string{"com.example-says-Yamada-Taro"}, alert, waits},
		{[]string{"com.example-says-Yamada-Taro-error"}, alert, cancels},
		{[]string{"com.example-tray-3-report"}, "", fine},
		{[]string{"other"}, alert, waits},
		{[]string{"other-warning"}, "", fine},
		{[]string{""}, alert, waits},
		{[]string{"-error"}, alert, cancels},
	} {
		if word, g := worst(c.reasons); word != c.word || g != c.gravity {
			t.Errorf("%q: %q, %d; want %q, %d", c.reasons, word, g, c.word, c.gravity)
		}
	}
}

func TestStops(t *testing.T) {
	device := func(state int, reasons ...string) attributes {
		a := goipp.Attribute{Name: "printer-state-reasons"}
		for _, r := range reasons {
			a.Values.Add(goipp.TagKeyword, goipp.String(r))
		}
		return attributes{goipp.MakeAttribute("printer-state", goipp.TagEnum, goipp.Integer(state)), a}
	}
	for name, c := range map[string]struct {
		device attributes
		job    jobState
		want   string
	}{
		"prints":                         {device(printerProcessing, "none"), jobProcessing, ""},
		"waits behind nothing":           {device(printerIdle, "none"), jobPending, ""},
		"last sheet taken, still going":  {device(printerProcessing, "media-empty"), jobProcessing, ""},
		"last sheet taken, stopped":      {device(printerStopped, "media-empty"), jobProcessing, "media-empty"},
		"last sheet taken, job stopped":  {device(printerProcessing, "media-empty"), jobStopped, "media-empty"},
		"last sheet taken, job complete": {device(printerStopped, "media-empty"), jobCompleted, ""},
		"stopped for no reason":          {device(printerStopped, "none"), jobProcessing, "stopped"},
		"job stopped for no reason":      {device(printerIdle, "none"), jobStopped, "stopped"},
		"jam":                            {device(printerProcessing, "media-jam"), jobProcessing, "media-jam"},
		"jam, and yet complete":          {device(printerIdle, "media-jam"), jobCompleted, "media-jam"},
	} {
		if got := stops(c.device, facts{state: c.job}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestUploaded(t *testing.T) {
	status := &refused{goipp.OpSendDocument, goipp.StatusErrorBusy}
	for _, c := range []struct {
		err   error
		whole bool
		want  string
	}{
		{nil, true, ""}, {nil, false, "upload-cut"}, {fault(printer.Unreachable), false, "upload-cut"},
		{fault(printer.Unreachable), true, "answer-lost"}, {status, true, "refused-by-printer"}, {status, false, "refused-by-printer"},
	} {
		if got := uploaded(c.err, c.whole); got != c.want {
			t.Errorf("%v, whole %v: %q, want %q", c.err, c.whole, got, c.want)
		}
	}
}
