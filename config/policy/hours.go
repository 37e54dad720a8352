package policy

import (
	"slices"
	"time"

	"honnin/config/keys"
	"honnin/config/tokyo"
)

// The words of "days". On a day of holidays only the last counts.
const holiday = "holiday"

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat", holiday}

// wireCalendar stands at the top, in a municipality and in a service.
type wireCalendar struct {
	Hours  string   `toml:"hours"`
	Days   []string `toml:"days"`
	Closed []string `toml:"closed"`
}

// schedule is when something is open. The zero schedule always is.
type schedule struct {
	hours    keys.Span
	days     []string // none: all
	closed   []keys.Range
	holidays []keys.Range
}

// within narrows s by what a table inside says. The forms were checked before.
func (s schedule) within(w wireCalendar) schedule {
	if w.Hours != "" {
		s.hours, _ = keys.ParseHours(w.Hours)
	}
	if len(w.Days) > 0 {
		s.days = w.Days
	}
	s.closed = append(slices.Clip(s.closed), ranges(w.Closed)...)
	return s
}

func ranges(days []string) (out []keys.Range) {
	for _, d := range days {
		r, _ := keys.ParseDays(d)
		out = append(out, r)
	}
	return out
}

// on returns when it is open on a day; ok is false where it is not at all.
func (s schedule) on(midnight time.Time) (from, to time.Time, ok bool) {
	name := dayNames[midnight.Weekday()]
	has := func(r keys.Range) bool { return r.Has(midnight) }
	if slices.ContainsFunc(s.holidays, has) {
		name = holiday
	}
	if len(s.days) > 0 && !slices.Contains(s.days, name) || slices.ContainsFunc(s.closed, has) {
		return from, to, false
	}
	h := s.hours
	if h == (keys.Span{}) {
		h = keys.Span{From: 0, To: 24 * 60}
	}
	return midnight.Add(time.Duration(h.From) * time.Minute), midnight.Add(time.Duration(h.To) * time.Minute), true
}

// why says in a word for a screen why it is not open: today at no hour, or not at this one.
func (s schedule) why(at time.Time) string {
	at = at.In(tokyo.Zone())
	if _, _, ok := s.on(time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, tokyo.Zone())); !ok {
		return "closed-today"
	}
	return "closed"
}

// horizon is how many days ahead a change is looked for.
const horizon = 400

// open reports whether it is open, and until when that stays so; zero where it does for more than a year. Japan has no
// summer time, so that a day has 24 hours.
func (s schedule) open(at time.Time) (is bool, until time.Time) {
	at = at.In(tokyo.Zone())
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, tokyo.Zone())
	for range horizon {
		from, to, ok := s.on(day)
		day = day.AddDate(0, 0, 1)
		switch {
		case !ok && is:
			return true, until
		case !ok || !at.Before(to):
		case is && !from.Equal(until):
			return true, until
		case !is && at.Before(from):
			return false, from
		default:
			is, until = true, to
		}
	}
	return is, time.Time{}
}
