package register_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/protocol"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
)

var start = time.Date(2026, 11, 21, 2, 3, 4, 0, time.UTC)

func seal(text string) register.Seal {
	return register.Seal{SealRegistration: sheet.SealRegistration{Number: "1", Registered: sheet.Date{Year: 2020, Month: 1, Day: 1}, Name: text, Kana: "ミホン",
		Birth: sheet.Date{Year: 1990, Month: 1, Day: 1}, Address: "見本県見本市", Imprint: sheet.Imprint{Text: "見本", Size: 150}}}
}

func fingerprint(n byte) protocol.Digest { return protocol.Digest{n, 1} }

// town makes registers with two people, a and b, each with a seal.
func town() (*register.Primary, *time.Time) {
	now := start
	p := register.New("991015", func() time.Time { return now })
	p.Add(protocol.SealRegister, seal("見本　甲"), "a")
	p.Add(protocol.SealRegister, seal("見本　乙"), "b")
	p.Link("a", fingerprint('a'))
	p.Link("b", fingerprint('b'))
	return p, &now
}

func TestReadGivesWhatBelongsTogether(t *testing.T) {
	p, _ := town()
	for _, id := range []string{"a", "b"} {
		r, err := p.Read(protocol.SealRegister, id, fingerprint(id[0]))
		if err != nil || r.Person != id || r.Fingerprint != fingerprint(id[0]) || !r.AsOf.Equal(start) {
			t.Errorf("%+v %v", r, err)
		}
	}
	for name, err := range map[string]error{
		"another's fingerprint": fails(p.Read(protocol.SealRegister, "a", fingerprint('b'))),
		"no fingerprint":        fails(p.Read(protocol.SealRegister, "a", protocol.Digest{})),
	} {
		if !errors.Is(err, register.ErrNotLinked) {
			t.Error(name, err)
		}
	}
	if err := fails(p.Read(protocol.TaxRegister, "a", fingerprint('a'))); !errors.Is(err, register.ErrNotRegistered) {
		t.Error(err)
	}
	if p.Link("nobody", fingerprint('n')) {
		t.Error("linked to no record")
	}
	if who, ok := p.Holder(fingerprint('n')); ok {
		t.Error("a card that is not linked belongs to", who)
	}
}

func fails(_ register.Reading, err error) error { return err }

func ask(p *register.Primary, token protocol.Token, by byte) (protocol.InForceAnswer, error) {
	return p.InForce(register.Question{Transaction: protocol.Transaction{1}, Nonce: protocol.Nonce{2}, Applicant: fingerprint(by),
		Certificate: protocol.SealRegistration, Options: protocol.Options{}, Asked: protocol.InForceQuestion{Nonce: protocol.Nonce{3}, Document: protocol.Digest{4}, Token: token}})
}

func TestInForceIsTheRegistersOwn(t *testing.T) {
	p, now := town()
	r, _ := p.Read(protocol.SealRegister, "a", fingerprint('a'))
	content, _ := r.Facts.Content(protocol.SealRegistration, protocol.Options{}, "a")
	*now = start.Add(time.Second)
	a, err := ask(p, r.Token, 'a')
	if err != nil || !a.InForce || a.SubjectHash != protocol.HashFingerprint(protocol.Nonce{2}, fingerprint('a')) ||
		a.Content != protocol.HashContent(protocol.Nonce{2}, content.Canonical()) || a.Nonce != (protocol.Nonce{3}) || a.Document != (protocol.Digest{4}) {
		t.Errorf("%+v %v", a, err)
	}
	if b, err := ask(p, r.Token, 'b'); err != nil || b.SubjectHash != a.SubjectHash {
		t.Error("asked for b about a's record, the hash has to be a's:", err)
	}
	if err := p.Amend(protocol.SealRegister, "a", func(register.Facts) register.Facts { return seal("見本　丙") }); err != nil {
		t.Fatal(err)
	}
	old, err := ask(p, r.Token, 'a')
	if err != nil || old.InForce || old.SupersededAt != protocol.At(*now) || old.Content != a.Content {
		t.Errorf("%+v %v", old, err)
	}
	fresh, _ := p.Read(protocol.SealRegister, "a", fingerprint('a'))
	if newer, err := ask(p, fresh.Token, 'a'); err != nil || !newer.InForce || newer.Content == a.Content || fresh.Token == r.Token {
		t.Errorf("%+v %v", newer, err)
	}
	if _, err := ask(p, protocol.Token{9}, 'a'); !errors.Is(err, register.ErrNotRegistered) {
		t.Error(err)
	}
}

func TestAbolishedStaysAbolished(t *testing.T) {
	p, _ := town()
	r, _ := p.Read(protocol.SealRegister, "a", fingerprint('a'))
	if err := p.Abolish(protocol.SealRegister, "a"); err != nil {
		t.Fatal(err)
	}
	if known, inForce := p.Registered(protocol.SealRegister, "a"); !known || inForce {
		t.Error(known, inForce)
	}
	for _, err := range []error{p.Abolish(protocol.SealRegister, "a"), p.Amend(protocol.SealRegister, "a", nil), fails(p.Read(protocol.SealRegister, "a", fingerprint('a')))} {
		if !errors.Is(err, register.ErrNotRegistered) {
			t.Error(err)
		}
	}
	if a, err := ask(p, r.Token, 'a'); err != nil || a.InForce {
		t.Error(a, err)
	}
	if _, _, ok := p.Neighbour(protocol.SealRegister, "b"); ok {
		t.Error("a neighbour whose registration is abolished")
	}
}

func TestARecordWithoutCards(t *testing.T) {
	p := register.New("991015", func() time.Time { return start })
	p.Add(protocol.SealRegister, seal("見本　甲"), "a")
	if err := fails(p.Read(protocol.SealRegister, "a", fingerprint('a'))); !errors.Is(err, register.ErrNotLinked) {
		t.Error(err)
	}
	if _, _, ok := p.Neighbour(protocol.SealRegister, "z"); ok {
		t.Error("a neighbour without a card")
	}
}

func TestFactsPrintWhatTheyAre(t *testing.T) {
	h := register.Household{Address: "x", Head: "y", People: []register.Member{{ID: "a"}, {ID: "b"}, {}}}
	all, err := h.Content(protocol.ResidentRecord, protocol.Options{register.OptionHousehold: protocol.Text("all")}, "a")
	self, err2 := h.Content(protocol.ResidentRecord, protocol.Options{register.OptionHousehold: protocol.Text("self")}, "b")
	if err != nil || err2 != nil || len(all.(sheet.ResidentRecord).People) != 3 || len(self.(sheet.ResidentRecord).People) != 1 {
		t.Error(all, self, err, err2)
	}
	f := register.Family{Given: map[string]string{"a": "甲"}, Register: sheet.FamilyRegister{Members: []sheet.FamilyMember{{Given: "甲"}, {Given: "乙"}}}}
	one, err := f.Content(protocol.FamilyRegisterPersonal, nil, "a")
	if err != nil || len(one.(sheet.FamilyRegister).Members) != 1 || one.Kind() != protocol.FamilyRegisterPersonal {
		t.Error(one, err)
	}
	for name, err := range map[string]error{
		"a stranger in the household":   printed(h.Content(protocol.ResidentRecord, nil, "c")),
		"nobody in the household":       printed(h.Content(protocol.ResidentRecord, nil, "")),
		"a household as a seal":         printed(h.Content(protocol.SealRegistration, nil, "a")),
		"a stranger in the family":      printed(f.Content(protocol.FamilyRegisterPersonal, nil, "c")),
		"a family as a tax certificate": printed(f.Content(protocol.IncomeTax, nil, "a")),
		"a seal as a record":            printed(seal("x").Content(protocol.ResidentRecord, nil, "a")),
		"a year nobody was taxed":       printed(register.Tax{}.Content(protocol.IncomeTax, protocol.Options{register.OptionYear: protocol.Text("2026")}, "a")),
	} {
		if !errors.Is(err, register.ErrFacts) {
			t.Error(name, err)
		}
	}
}

func printed(_ sheet.Content, err error) error { return err }

// However records are amended and read at once, a reading is always of one person: name, fingerprint, token.
func TestReadingsNeverMix(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, _ := town()
		names := map[string]string{"a": "見本　甲", "b": "見本　乙"}
		n := rapid.IntRange(1, 30).Draw(rt, "rounds")
		var wg sync.WaitGroup
		for id, name := range names {
			wg.Go(func() {
				for range n {
					_ = p.Amend(protocol.SealRegister, id, func(register.Facts) register.Facts { return seal(name) })
				}
			})
			wg.Go(func() {
				for range n {
					r, err := p.Read(protocol.SealRegister, id, fingerprint(id[0]))
					if err != nil || r.Person != id || r.Facts.(register.Seal).Name != name || r.Fingerprint != fingerprint(id[0]) {
						t.Errorf("%+v %v", r, err)
					}
					if a, err := ask(p, r.Token, id[0]); err != nil || a.SubjectHash != protocol.HashFingerprint(protocol.Nonce{2}, fingerprint(id[0])) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}
