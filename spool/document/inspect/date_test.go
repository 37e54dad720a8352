package inspect

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// What the two readers of dates must agree with, and what is nearly such a date.
var (
	dateForm = regexp.MustCompile(`^D:[0-9]{4}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}(Z(00'00'?)?|[+-][0-9]{2}('([0-9]{2}'?)?)?)?)?)?)?)?)?$`)
	zuluForm = regexp.MustCompile(`^D:[0-9]{14}Z$`)
	nearDate = `D?:?[0-9]{0,6}([0-9]{2}){0,6}([Z+-]([0-9]|00)?([0-9]|00)?'?([0-9]|00)?[0-9]?'?[0-9']?)?`
)

// TestDates: isDate and zulu read what the forms say.
func TestDates(t *testing.T) {
	dates, zulus := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(dateForm.String()), rapid.StringMatching(zuluForm.String()), rapid.StringMatching(nearDate)).Draw(t, "s")
		if got, want := isDate([]byte(s)), dateForm.MatchString(s); got != want {
			t.Errorf("%q is a date: %v", s, got)
		} else if want {
			dates++
		}
		if got, want := zulu([]byte(s)), zuluForm.MatchString(s); got != want {
			t.Errorf("%q is a date in UTC: %v", s, got)
		} else if want {
			zulus++
		}
	})
	if dates == 0 || zulus == 0 {
		t.Errorf("%d dates, %d in UTC", dates, zulus)
	}
}
