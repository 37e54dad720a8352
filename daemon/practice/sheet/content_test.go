package sheet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"honnin/daemon/practice/sheet"
	"honnin/daemon/practice/sheet/sheettest"
)

// What is printed is in the canonical form; what is not asked for is in neither.
func TestCanonicalFollowsThePaper(t *testing.T) {
	changed := func(change func(*sheet.ResidentRecord)) []byte {
		r := sheettest.Household(2)
		change(&r)
		return r.Canonical()
	}
	base := changed(func(*sheet.ResidentRecord) {})
	if !bytes.Equal(base, changed(func(*sheet.ResidentRecord) {})) {
		t.Fatal("the same record has two canonical forms")
	}
	for name, change := range map[string]func(*sheet.ResidentRecord){
		"address":     func(r *sheet.ResidentRecord) { r.Address += "０" },
		"householder": func(r *sheet.ResidentRecord) { r.Householder = "見本　花子" },
		"name":        func(r *sheet.ResidentRecord) { r.People[1].Name = "見本　花子" },
		"kana":        func(r *sheet.ResidentRecord) { r.People[1].Kana = "ミホン" },
		"birth":       func(r *sheet.ResidentRecord) { r.People[0].Birth.Day++ },
		"sex":         func(r *sheet.ResidentRecord) { r.People[0].Sex = "" },
		"relation":    func(r *sheet.ResidentRecord) { r.People[1].Relation = "夫" },
		"since":       func(r *sheet.ResidentRecord) { r.People[0].Since.Year++ },
		"settled":     func(r *sheet.ResidentRecord) { r.People[0].Settled.Year++ },
		"notified":    func(r *sheet.ResidentRecord) { r.People[0].Notified.Year++ },
		"origin":      func(r *sheet.ResidentRecord) { r.People[0].Origin = "" },
		"head":        func(r *sheet.ResidentRecord) { r.People[0].Head = "見本" },
		"previous":    func(r *sheet.ResidentRecord) { r.People[0].Previous = "" },
		"remarks":     func(r *sheet.ResidentRecord) { r.People[0].Remarks = "見本" },
		"fewer":       func(r *sheet.ResidentRecord) { r.People = r.People[:1] },
		"order":       func(r *sheet.ResidentRecord) { r.People[0], r.People[1] = r.People[1], r.People[0] },
		"shown":       func(r *sheet.ResidentRecord) { r.ShowMyNumber = true },
		"hidden":      func(r *sheet.ResidentRecord) { r.ShowOrigin = false },
	} {
		if bytes.Equal(base, changed(change)) {
			t.Errorf("%s leaves no trace in the canonical form", name)
		}
	}
	if !bytes.Equal(base, changed(func(r *sheet.ResidentRecord) { r.People[0].MyNumber = "000000000001" })) {
		t.Error("a number that is not printed is in the canonical form")
	}
}

// Every sample differs from every other, and values cannot slip from one field into the next.
func TestCanonicalIsUnambiguous(t *testing.T) {
	seen := map[string]string{}
	for _, s := range sheettest.Samples() {
		k := string(s.Content.Canonical())
		if k == "" || seen[k] != "" {
			t.Errorf("%s has the canonical form of %q", s.Name, seen[k])
		}
		seen[k] = s.Name
	}
	a, b := sheettest.Seal(), sheettest.Seal()
	a.Name, a.Kana = "見本花", "子"
	b.Name, b.Kana = "見本", "花子"
	if bytes.Equal(a.Canonical(), b.Canonical()) {
		t.Error("a value slips into the next field")
	}
	b = sheettest.Seal()
	b.Imprint.Tilt++
	if bytes.Equal(sheettest.Seal().Canonical(), b.Canonical()) {
		t.Error("another imprint has the same canonical form")
	}
}

func TestBadContentIsRefused(t *testing.T) {
	record := func(change func(*sheet.ResidentRecord)) sheet.Content {
		r := sheettest.Household(2)
		change(&r)
		return r
	}
	seal := func(change func(*sheet.SealRegistration)) sheet.Content {
		r := sheettest.Seal()
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		content sheet.Content
		want    error
	}{
		"nobody":       {record(func(r *sheet.ResidentRecord) { r.People = nil }), sheet.ErrContent},
		"no such day":  {record(func(r *sheet.ResidentRecord) { r.People[0].Birth = sheet.Date{Year: 2023, Month: 2, Day: 30} }), sheet.ErrContent},
		"short number": {record(func(r *sheet.ResidentRecord) { r.People[0].MyNumber = "12345678901" }), sheet.ErrContent},
		"true number":  {record(func(r *sheet.ResidentRecord) { r.People[0].MyNumber = "123456789018" }), sheet.ErrContent},
		"wordy number": {record(func(r *sheet.ResidentRecord) { r.People[0].MyNumber = "12345678901x" }), sheet.ErrContent},
		"strange rune": {record(func(r *sheet.ResidentRecord) { r.People[0].Name = "架空　𠮷郎" }), sheet.ErrRune},
		"line feed":    {record(func(r *sheet.ResidentRecord) { r.Address = "架空市\n例町" }), sheet.ErrRune},
		"bad UTF-8":    {record(func(r *sheet.ResidentRecord) { r.Address = "\xff" }), sheet.ErrRune},
		"too long":     {record(func(r *sheet.ResidentRecord) { r.Address = strings.Repeat("町", 301) }), sheet.ErrTooLong},
		"too high": {record(func(r *sheet.ResidentRecord) {
			r.Address = strings.Repeat("町", 300)
			r.Householder, r.People[0].Relation = r.Address, r.Address
		}), sheet.ErrTooLong},
		"too many":           {sheettest.Household(100), sheet.ErrPages},
		"no imprint":         {seal(func(r *sheet.SealRegistration) { r.Imprint.Text = "" }), sheet.ErrContent},
		"blank imprint":      {seal(func(r *sheet.SealRegistration) { r.Imprint.Text = "　" }), sheet.ErrContent},
		"large imprint":      {seal(func(r *sheet.SealRegistration) { r.Imprint.Size = 251 }), sheet.ErrContent},
		"strange seal":       {seal(func(r *sheet.SealRegistration) { r.Imprint.Text = "𠮷" }), sheet.ErrRune},
		"nobody, family":     {sheet.FamilyRegister{Origin: "架空市", Head: "架空"}, sheet.ErrContent},
		"nobody, supplement": {sheet.FamilySupplement{Origin: "架空市", Head: "架空"}, sheet.ErrContent},
		"no such year":       {sheet.IncomeTax{Name: "架空", Year: 1500}, sheet.ErrContent},
		"no tax year":        {sheet.TaxPaid{Name: "架空", Years: []sheet.TaxYear{{Year: 99}}}, sheet.ErrContent},
	} {
		if _, err := sheet.Lay(c.content, issue(t)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestBadIssueIsRefused(t *testing.T) {
	for name, change := range map[string]func(*sheet.Issue){
		"no office": func(i *sheet.Issue) { i.Office = nil },
		"no time":   func(i *sheet.Issue) { i.At = time.Time{} },
		"no serial": func(i *sheet.Issue) { i.Serial = "" },
		"serial":    func(i *sheet.Issue) { i.Serial = "第１号" },
	} {
		i := issue(t)
		change(&i)
		if _, err := sheet.Lay(sheettest.Seal(), i); !errors.Is(err, sheet.ErrContent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range [][3]string{{"", "市長", "印"}, {"架空市", "", "印"}, {"架空市", "市長", ""}, {"架空市", "市長", "架空市長之印架空市長"}, {strings.Repeat("市", 31), "市長", "印"}} {
		if _, err := sheet.NewOffice(o[0], o[1], o[2]); !errors.Is(err, sheet.ErrContent) {
			t.Errorf("office %q: %v", o, err)
		}
	}
	if _, err := sheet.NewOffice("架空市", "市長", "𠮷"); !errors.Is(err, sheet.ErrRune) {
		t.Errorf("strange seal: %v", err)
	}
}

// An error says what is wrong, never whose.
func TestErrorsQuoteNothing(t *testing.T) {
	const name = "架空　𠮷郎"
	r := sheettest.Household(1)
	r.People[0].Name = name
	_, err := sheet.Lay(r, issue(t))
	if err == nil || strings.ContainsAny(err.Error(), name) {
		t.Errorf("the error is %v", err)
	}
}
