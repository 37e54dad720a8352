package sheet

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWareki(t *testing.T) {
	for _, c := range []struct {
		d             Date
		want, aligned string
	}{
		{Date{2026, 11, 21}, "令和８年１１月２１日", "令和　８年１１月２１日"},
		{Date{2019, 5, 1}, "令和元年５月１日", "令和元年　５月　１日"},
		{Date{2019, 4, 30}, "平成３１年４月３０日", "平成３１年　４月３０日"},
		{Date{1989, 1, 8}, "平成元年１月８日", "平成元年　１月　８日"},
		{Date{1989, 1, 7}, "昭和６４年１月７日", "昭和６４年　１月　７日"},
		{Date{1926, 12, 25}, "昭和元年１２月２５日", "昭和元年１２月２５日"},
		{Date{1926, 12, 24}, "大正１５年１２月２４日", "大正１５年１２月２４日"},
		{Date{1912, 7, 30}, "大正元年７月３０日", "大正元年　７月３０日"},
		{Date{1912, 7, 29}, "明治４５年７月２９日", "明治４５年　７月２９日"},
		{Date{1873, 1, 1}, "明治６年１月１日", "明治　６年　１月　１日"},
		{Date{1872, 12, 31}, "", ""},
		{Date{2023, 2, 29}, "", ""},
		{Date{2024, 2, 29}, "令和６年２月２９日", "令和　６年　２月２９日"},
		{Date{2100, 1, 1}, "", ""},
		{Date{}, "", ""},
	} {
		if got := c.d.Wareki(); got != c.want {
			t.Errorf("%v is %q, want %q", c.d, got, c.want)
		}
		if got := c.d.Aligned(); got != c.aligned {
			t.Errorf("%v aligned is %q, want %q", c.d, got, c.aligned)
		}
	}
}

func TestFiscalYear(t *testing.T) {
	for year, want := range map[int]string{2026: "令和８年度", 2019: "令和元年度", 2018: "平成３０年度", 1800: ""} {
		if got := fiscalYear(year); got != want {
			t.Errorf("%d is %q, want %q", year, got, want)
		}
	}
}

// The day on paper is Tokyo's, whatever the zone of the clock.
func TestDateOfIsTokyos(t *testing.T) {
	at := time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC)
	if got := DateOf(at); got != (Date{2027, 1, 1}) {
		t.Errorf("an hour after midnight in Tokyo is %v", got)
	}
	if got := DateOf(at.Add(-time.Second).In(time.FixedZone("", -8*3600))); got != (Date{2026, 12, 31}) {
		t.Errorf("a second before midnight in Tokyo is %v", got)
	}
	if got, want := pdfTime(at), "(D:20270101000000+09'00')"; got != want {
		t.Errorf("PDF date %s, want %s", got, want)
	}
}

// Different days are printed differently.
func TestWarekiTellsDaysApart(t *testing.T) {
	day := rapid.Custom(func(t *rapid.T) Date {
		return DateOf(time.Date(1873, 1, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 82000).Draw(t, "days")))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := day.Draw(t, "a"), day.Draw(t, "b")
		if !a.Valid() || a.Wareki() == "" {
			t.Fatalf("%v is not a day", a)
		}
		if (a == b) != (a.Wareki() == b.Wareki()) || (a == b) != (a.Aligned() == b.Aligned()) {
			t.Fatalf("%v and %v are printed as %q and %q", a, b, a.Wareki(), b.Wareki())
		}
	})
}

func TestFullWidth(t *testing.T) {
	if got, want := fullWidth("(1/2) 令和~A"), "（１／２）　令和～Ａ"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
