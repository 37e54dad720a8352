package people_test

import (
	"strconv"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
)

func settled(t *testing.T) people.Registers {
	t.Helper()
	r := people.Registers{}
	for _, town := range people.Towns() {
		r[town.Code] = register.New(town.Code, time.Now)
	}
	people.Settle(r)
	people.Guest(r[people.Mihon], "e01")
	for _, p := range append(people.All(), people.Person{ID: "e01"}) {
		for _, primary := range r {
			primary.Link(p.ID, protocol.Digest([]byte(p.ID + "..............................")[:32]))
		}
	}
	return r
}

// optionSets are all combinations that the centre offers for a certificate.
func optionSets(c protocol.Certificate) (out []protocol.Options) {
	switch c {
	case protocol.ResidentRecord:
		for n := range 16 {
			household := "all"
			if n&1 == 1 {
				household = "self"
			}
			out = append(out, protocol.Options{register.OptionHousehold: protocol.Text(household), register.OptionHead: protocol.Bool(n&2 > 0),
				register.OptionDomicile: protocol.Bool(n&4 > 0), register.OptionMyNumber: protocol.Bool(n&8 > 0)})
		}
		return out
	case protocol.IncomeTax:
		for _, y := range people.Years() {
			out = append(out, protocol.Options{register.OptionYear: protocol.Text(strconv.Itoa(y))})
		}
		return out
	}
	return []protocol.Options{{}}
}

// Every sheet that anybody may ask for, in every variant, can be drawn with the committed fonts.
func TestEverySheetCanBeDrawn(t *testing.T) {
	drawn, pages := 0, map[protocol.Certificate]int{}
	for code, primary := range settled(t) {
		var office *sheet.Office
		for _, town := range people.Towns() {
			if town.Code == code {
				var err error
				if office, err = town.Office(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, p := range append(people.All(), people.Person{ID: "e01"}) {
			for _, c := range protocol.Certificates() {
				if known, _ := primary.Registered(c.Register(), p.ID); !known {
					continue
				}
				r, err := primary.Read(c.Register(), p.ID, protocol.Digest([]byte(p.ID + "..............................")[:32]))
				if err != nil {
					t.Fatal(p.ID, c, err)
				}
				for _, o := range optionSets(c) {
					content, err := r.Facts.Content(c, o, p.ID)
					if err != nil {
						t.Error(p.ID, c, err)
						continue
					}
					l, err := sheet.Lay(content, sheet.Issue{Serial: "1", At: time.Now(), Office: office})
					if err != nil || content.Kind() != c {
						t.Error(p.ID, c, err)
						continue
					}
					pages[c] = max(pages[c], l.Pages())
					drawn++
				}
			}
		}
	}
	if drawn < 200 || pages[protocol.ResidentRecord] < 2 {
		t.Error("drawn:", drawn, "pages:", pages)
	}
}

// A number whose check digit is right could be a living person's.
func TestNoMyNumberIsReal(t *testing.T) {
	n := 0
	for _, primary := range settled(t) {
		for _, p := range append(people.All(), people.Person{ID: "e01"}) {
			r, err := primary.Read(protocol.ResidentRegister, p.ID, protocol.Digest([]byte(p.ID + "..............................")[:32]))
			if err != nil {
				continue
			}
			for _, m := range r.Facts.(register.Household).People {
				n++
				if len(m.MyNumber) != 12 || checkDigit(m.MyNumber[:11]) == int(m.MyNumber[11]-'0') {
					t.Error("a number that could be real, of", p.ID)
				}
			}
		}
	}
	if n < 12 {
		t.Error("numbers looked at:", n)
	}
}

// checkDigit computes a My Number's last digit (Ministerial Ordinance 85 of 2014, article 5).
func checkDigit(digits string) int {
	sum := 0
	for i := range digits {
		n := len(digits) - i // counted from the right, 1 to 11
		q := n + 1
		if n > 6 {
			q = n - 5
		}
		sum += int(digits[i]-'0') * q
	}
	if r := sum % 11; r > 1 {
		return 11 - r
	}
	return 0
}

// Codes: prefecture 99 does not exist, and the check digits are right (JIS X 0402).
func TestTownCodes(t *testing.T) {
	for _, town := range people.Towns() {
		c, sum := string(town.Code), 0
		for i := range 5 {
			sum += int(c[i]-'0') * (6 - i)
		}
		if check := (11 - sum%11) % 10; c[:2] != "99" || int(c[5]-'0') != check {
			t.Errorf("%s: check digit %d", c, check)
		}
		for _, kind := range protocol.Certificates() {
			if f := town.Fee(kind); f < 200 || f > 450 {
				t.Error(c, kind, f)
			}
		}
	}
}

func TestPeople(t *testing.T) {
	seen, pins, ordinary := map[string]bool{}, map[string]bool{}, 0
	kinds := map[people.KeyKind]int{}
	for _, p := range people.All() {
		if seen[p.ID] || pins[p.PIN] || len(p.PIN) != 4 {
			t.Error(p.ID, "is not unlike the others")
		}
		seen[p.ID], pins[p.PIN] = true, true
		kinds[p.Key]++
		if p.Ordinary() {
			ordinary++
		}
	}
	if len(seen) != 24 || ordinary != 21 || kinds[people.RSA2048] != 3 || kinds[people.P256] == 0 || kinds[people.P384] == 0 {
		t.Error(len(seen), ordinary, kinds)
	}
}
