package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/tokyo"
)

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, tokyo.Zone())
	if err != nil {
		panic(err)
	}
	return t
}

func TestOpen(t *testing.T) {
	p := must[*policy.Policy](t)(policy.Parse([]byte(full), fullWorld(t).load))
	const seal, family = protocol.SealRegistration, protocol.FamilyRegister
	for _, c := range []struct {
		of    protocol.Municipality
		what  protocol.Certificate
		now   string
		open  bool
		until string
	}{
		{"141003", seal, "2026-12-01 06:59", false, "2026-12-01 07:00"}, // Tuesday; the municipality's hours, not the country's
		{"141003", seal, "2026-12-01 07:00", true, "2026-12-01 22:00"},
		{"141003", seal, "2026-12-01 22:00", false, "2026-12-02 07:00"},
		{"141003", seal, "2026-12-28 22:00", false, "2027-01-04 07:00"}, // over the turn of the year
		{"141003", seal, "2026-12-29 12:00", false, "2027-01-04 07:00"},
		{"141003", seal, "2027-01-15 22:30", false, "2027-01-17 07:00"}, // the municipality's own day
		{"141003", seal, "2026-11-23 12:00", true, "2026-11-23 22:00"},  // a holiday, and it is open on those
		{"141003", family, "2026-11-23 12:00", false, "2026-11-24 09:00"},
		{"141003", family, "2026-12-04 17:00", false, "2026-12-07 09:00"}, // from Friday to Monday
		{"141003", family, "2027-02-09 17:00", false, "2027-02-15 09:00"}, // its own closed days, then a weekend
		{"141003", family, "2027-04-30 17:00", false, "2027-05-06 09:00"}, // a weekend, then holidays
		{"131016", seal, "2026-12-01 06:30", true, "2026-12-01 23:00"},    // no services of its own: everything, in the country's hours
		{"131016", protocol.TaxPaid, "2026-12-31 12:00", false, "2027-01-04 06:30"},
		{"141003", protocol.TaxPaid, "2026-12-01 12:00", false, ""}, // not issued
		{"999999", seal, "2026-12-01 12:00", false, ""},
		{"131016", "passport", "2026-12-01 12:00", false, ""},
	} {
		open, until := p.Open(c.of, c.what, at(c.now).UTC()) // whatever zone the clock speaks of
		want := time.Time{}
		if c.until != "" {
			want = at(c.until)
		}
		if open != c.open || !until.Equal(want) {
			t.Errorf("%s in %s at %s: %v until %s, want %v until %s", c.what, c.of, c.now, open, until.In(tokyo.Zone()), c.open, want)
		}
	}
	if d := p.DayBegins(); d != 6*time.Hour {
		t.Error("the day begins at", d)
	}
}

// TestOpenIsTrueUntil holds every answer against a look at each quarter of an hour up to what it says.
func TestOpenIsTrueUntil(t *testing.T) {
	w := fullWorld(t)
	clocks := []string{"00:00", "06:30", "12:15", "23:00", "24:00"}
	closings := []string{"12-29/01-03", "2026-12-04", "02-29", "2026-12-07/2026-12-20", "01-01/12-31"}
	names := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"}
	seen := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		if i := rapid.IntRange(-1, 3).Draw(r, "from"); i >= 0 {
			fmt.Fprintf(&b, "hours = \"%s-%s\"\n", clocks[i], clocks[rapid.IntRange(i+1, 4).Draw(r, "to")])
		}
		if days := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 8, rapid.ID).Draw(r, "days"); rapid.Bool().Draw(r, "limited") {
			fmt.Fprintf(&b, "days = %s\n", list(days))
		}
		fmt.Fprintf(&b, "closed = %s\nholidays = [\"2026-12-11\", \"01-01/01-02\"]\n", list(rapid.SliceOfNDistinct(rapid.SampledFrom(closings), 0, 2, rapid.ID).Draw(r, "closed")))
		p, err := policy.Parse([]byte(strings.Replace(good, "\n[card]", "\n"+b.String()+"[card]", 1)), w.load)
		if err != nil {
			r.Fatal(err)
		}
		now := at("2026-12-01 00:00").Add(time.Duration(rapid.IntRange(0, 60*24*4).Draw(r, "quarters")) * 15 * time.Minute)
		open, until := p.Open("141003", protocol.IncomeTax, now)
		if closed, when := p.Closed(now); closed == open || closed && !when.Equal(until) || open && !when.IsZero() {
			r.Fatalf("%sat %s: %v until %s, and everywhere closed %v until %s", b.String(), now, open, until, closed, when)
		}
		seen[fmt.Sprint(open, until.IsZero())]++
		end := until
		if until.IsZero() {
			end = now.AddDate(0, 1, 0)
		} else if turned, _ := p.Open("141003", protocol.IncomeTax, until); turned == open {
			r.Fatalf("%sat %s: %v until %s, and it goes on", b.String(), now, open, until)
		}
		if !end.After(now) {
			r.Fatalf("%sat %s: until %s", b.String(), now, until)
		}
		step := 15 * time.Minute
		for q := now; q.Before(end); q = q.Add(step) {
			if until.IsZero() || q.Sub(now) > 30*time.Hour {
				step = 17*time.Hour + 15*time.Minute
			}
			if then, to := p.Open("141003", protocol.IncomeTax, q); then != open || !to.Equal(until) && !until.IsZero() {
				r.Fatalf("%sat %s: %v until %s, but at %s %v until %s", b.String(), now, open, until, q, then, to)
			}
		}
	})
	for _, what := range []string{"true false", "true true", "false false", "false true"} {
		if seen[what] == 0 {
			t.Errorf("never seen: %s", what)
		}
	}
}

func list(words []string) string {
	if len(words) == 0 {
		return "[]"
	}
	return `["` + strings.Join(words, `", "`) + `"]`
}

func TestDayBegins(t *testing.T) {
	w := newWorld(t)
	for line, want := range map[string]time.Duration{
		"": 6 * time.Hour, "hours = \"09:00-17:00\"\n": 8*time.Hour + 30*time.Minute, "hours = \"00:00-24:00\"\n": 0, "hours = \"00:15-24:00\"\n": 0,
	} {
		p := must[*policy.Policy](t)(policy.Parse([]byte(strings.Replace(good, "\n[card]", "\n"+line+"[card]", 1)), w.load))
		if got := p.DayBegins(); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func TestFee(t *testing.T) {
	p := must[*policy.Policy](t)(policy.Parse([]byte(full), fullWorld(t).load))
	for _, c := range []struct {
		of   protocol.Municipality
		what protocol.Certificate
		at   protocol.Channel
		want int
		says bool
	}{
		{"141003", protocol.SealRegistration, protocol.Store, 250, true},
		{"141003", protocol.SealRegistration, protocol.Counter, 300, true},
		{"141003", protocol.FamilyRegister, protocol.Counter, 450, true},
		{"141003", protocol.TaxPaid, protocol.Store, 0, false},
		{"131016", protocol.SealRegistration, protocol.Store, 0, false},
		{"999999", protocol.SealRegistration, protocol.Store, 0, false},
	} {
		if yen, says := p.Fee(c.of, c.what, c.at); yen != c.want || says != c.says {
			t.Errorf("%+v: %d %v", c, yen, says)
		}
	}
}

// TestOffers: the policy's fee and hours count, and a fee that the centre has wrong is told as the centre sent it.
func TestOffers(t *testing.T) {
	p := must[*policy.Policy](t)(policy.Parse([]byte(full), fullWorld(t).load))
	offer := func(m protocol.Municipality, c protocol.Certificate, fee int) protocol.Offer {
		return protocol.Offer{ID: string(m) + "-" + string(c), Municipality: m, Certificate: c, Fee: fee, Hours: "00:00-24:00", Available: true}
	}
	gone := offer("131016", protocol.TaxPaid, 1)
	gone.Available, gone.Why = false, "not-registered"
	from := []protocol.Offer{
		offer("141003", protocol.SealRegistration, 250), offer("141003", protocol.FamilyRegister, 400), offer("141003", protocol.TaxPaid, 300),
		offer("131016", protocol.TaxPaid, 123), gone, offer("999999", protocol.TaxPaid, 300),
	}
	sent := slices.Clone(from)
	stand, wrong := p.Offers(from, protocol.Store, at("2026-12-05 12:00")) // Saturday
	var got []string
	for _, o := range stand {
		got = append(got, fmt.Sprintf("%s %d %s %v %s", o.ID, o.Fee, o.Hours, o.Available, o.Why))
	}
	want := []string{"141003-seal-registration 250 07:00-22:00 true ", "141003-family-register 450 09:00-17:00 false closed-today",
		"131016-tax-paid 123 06:30-23:00 true ", "131016-tax-paid 1 06:30-23:00 false not-registered"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	late, _ := p.Offers(from, protocol.Store, at("2026-12-04 18:00")) // Friday
	if late[1].Why != "closed" {
		t.Errorf("closed since 17:00, and says %q", late[1].Why)
	}
	if len(wrong) != 1 || wrong[0].ID != "141003-family-register" || wrong[0].Fee != 400 {
		t.Errorf("%+v", wrong)
	}
	if !slices.EqualFunc(from, sent, func(a, b protocol.Offer) bool { return a.Fee == b.Fee && a.Available == b.Available }) {
		t.Error("what the centre sent was changed")
	}
}
