package protocol

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// TestForms: each form is the regular expression that stands beside it on the protocol page.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		fits func(string) bool
		as   string
	}{
		{terminalForm.fits, `^[A-Z0-9-]{1,32}$`},
		{municipalityForm.fits, `^[0-9]{6}$`},
		{serialForm.fits, `^[A-Za-z0-9-]{1,64}$`},
		{wordForm.fits, `^[a-z0-9-]{1,64}$`},
		{isSource, `^urn:honnin:terminal:[A-Z0-9-]{1,32}$`},
	} {
		want := regexp.MustCompile(c.as)
		t.Run(c.as, rapid.MakeCheck(func(t *rapid.T) {
			s := rapid.OneOf(rapid.StringMatching(c.as), rapid.StringMatching(`(urn:honnin:terminal:)?[A-Za-z0-9_ \n-]{0,70}`), rapid.String()).Draw(t, "s")
			if c.fits(s) != want.MatchString(s) {
				t.Errorf("%q: %v", s, c.fits(s))
			}
		}))
	}
}
