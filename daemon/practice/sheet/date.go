package sheet

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"honnin/config/tokyo"
)

// Date is a calendar day, without a time of day or zone. The zero Date is printed as blank.
type Date struct{ Year, Month, Day int }

// DateOf returns the day that t falls on in Asia/Tokyo.
func DateOf(t time.Time) Date {
	y, m, d := t.In(tokyo.Zone()).Date()
	return Date{y, int(m), d}
}

// IsZero reports whether d was never set.
func (d Date) IsZero() bool { return d == Date{} }

// maxYear keeps an era's years to two places.
const maxYear = 2100

// Valid reports whether d is a day of the calendar within an era that can be printed.
func (d Date) Valid() bool {
	t := time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC)
	return t.Year() == d.Year && int(t.Month()) == d.Month && t.Day() == d.Day && d.Year < maxYear && !d.before(eras[len(eras)-1].from)
}

func (d Date) before(o Date) bool {
	return d.Year*10000+d.Month*100+d.Day < o.Year*10000+o.Month*100+o.Day
}

type era struct {
	name  string
	from  Date
	first int
}

// eras from the newest to the oldest; Meiji begins with the Gregorian calendar (1873).
var eras = []era{
	{"令和", Date{2019, 5, 1}, 2019},
	{"平成", Date{1989, 1, 8}, 1989},
	{"昭和", Date{1926, 12, 25}, 1926},
	{"大正", Date{1912, 7, 30}, 1912},
	{"明治", Date{1873, 1, 1}, 1868},
}

// Wareki returns d in the Japanese calendar with full-width digits, as family registers print it:
// 令和８年１１月２１日, 平成元年１月８日. A zero or invalid date is "".
func (d Date) Wareki() string {
	return d.wareki(0)
}

// Aligned returns d as resident records print it: numbers padded to two full-width places.
func (d Date) Aligned() string {
	return d.wareki('　')
}

func (d Date) wareki(pad rune) string {
	if !d.Valid() {
		return ""
	}
	i := slices.IndexFunc(eras, func(e era) bool { return !d.before(e.from) })
	b := append(make([]byte, 0, 40), eras[i].name...)
	if year := d.Year - eras[i].first + 1; year == 1 {
		b = append(b, "元"...)
	} else {
		b = appendWide(b, year, pad)
	}
	b = appendWide(append(b, "年"...), d.Month, pad)
	b = appendWide(append(b, "月"...), d.Day, pad)
	return string(append(b, "日"...))
}

// appendWide writes 0 to 99 in full-width digits, to two places with pad unless it is 0.
func appendWide(b []byte, n int, pad rune) []byte {
	if n >= 10 {
		b = utf8.AppendRune(b, '０'+rune(n/10))
	} else if pad != 0 {
		b = utf8.AppendRune(b, pad)
	}
	return utf8.AppendRune(b, '０'+rune(n%10))
}

// FiscalYear returns 令和８年度 for 2026: a fiscal year begins in April.
func fiscalYear(year int) string {
	w := Date{year, 4, 1}.Wareki()
	i := strings.Index(w, "年")
	if i < 0 {
		return ""
	}
	if year == 2019 { // the year that April still called 平成３１ is 令和元年度 on tax papers
		return "令和元年度"
	}
	return w[:i] + "年度"
}

// fullWidth turns printable ASCII into its full-width form.
func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '　'
		case r > ' ' && r < 0x7f:
			return r - 0x21 + 0xff01
		}
		return r
	}, s)
}
