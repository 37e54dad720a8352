package keys

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Span is hours of a day, in minutes after midnight; To is not in it.
type Span struct{ From, To int }

// ParseHours reads "06:30-23:00". Hours do not reach over midnight.
func ParseHours(s string) (h Span, err error) {
	from, to, ok := strings.Cut(s, "-")
	if h = (Span{minutes(from), minutes(to)}); !ok || h.From < 0 || h.To < 0 || h.From >= h.To {
		return h, errors.New("keys: not hours of a day")
	}
	return h, nil
}

func (h Span) String() string { return clock(h.From) + "-" + clock(h.To) }

func clock(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

// minutes reads "06:30"; −1 is anything else.
func minutes(s string) int {
	if s == "24:00" {
		return 24 * 60
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

// Range is days from the first to the last, of one year or of every year.
type Range struct {
	from, to string // "2006-01-02", or "01-02"
}

// ParseDays reads a day or a range of days, each written "2027-05-03" or, of every year, "05-03".
func ParseDays(s string) (r Range, err error) {
	r.from, r.to, err = s, s, nil
	if from, to, two := strings.Cut(s, "/"); two {
		r = Range{from, to}
	}
	if len(r.from) != len(r.to) || !isDate(r.from) || !isDate(r.to) || r.dated() && r.to < r.from {
		return r, errors.New("keys: not a day, or days")
	}
	return r, nil
}

func (r Range) dated() bool { return len(r.from) == len(time.DateOnly) }

func isDate(s string) bool {
	if len(s) == len("01-02") {
		s = "2000-" + s // a leap year
	}
	return isDay(s)
}

// Has reports whether the day of t, where t is, is one of them. Days of every year may reach over its end.
func (r Range) Has(t time.Time) bool {
	if r.dated() {
		day := t.Format(time.DateOnly)
		return r.from <= day && day <= r.to
	}
	day := t.Format("01-02")
	if r.from <= r.to {
		return r.from <= day && day <= r.to
	}
	return day >= r.from || day <= r.to
}
