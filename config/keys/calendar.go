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
	from, to int // 20270503, or of every year 503
}

// ParseDays reads a day or a range of days, each written "2027-05-03" or, of every year, "05-03".
func ParseDays(s string) (r Range, err error) {
	from, to, two := strings.Cut(s, "/")
	if !two {
		to = from
	}
	r = Range{date(from), date(to)}
	if len(from) != len(to) || r.from == 0 || r.to == 0 || r.dated() && r.to < r.from {
		return r, errors.New("keys: not a day, or days")
	}
	return r, nil
}

func (r Range) dated() bool { return r.from > 1231 }

// date reads a day; 0 is anything else.
func date(s string) int {
	if t, err := time.Parse(time.DateOnly, s); err == nil && t.Year() > 0 {
		return ymd(t)
	}
	if t, err := time.Parse(time.DateOnly, "2000-"+s); err == nil { // a leap year
		return ymd(t) % 10_000
	}
	return 0
}

func ymd(t time.Time) int {
	y, m, d := t.Date()
	return y*10_000 + int(m)*100 + d
}

// Has reports whether the day of t, where t is, is one of them. Days of every year may reach over its end.
func (r Range) Has(t time.Time) bool {
	day := ymd(t)
	if !r.dated() {
		day %= 10_000
	}
	if r.from <= r.to {
		return r.from <= day && day <= r.to
	}
	return day >= r.from || day <= r.to
}
