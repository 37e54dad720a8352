package register

import (
	"strconv"

	"honnin/config/protocol"
	"honnin/daemon/practice/sheet"
)

// The names of options, as offers and statements spell them.
const (
	OptionHousehold = "household" // "all" or "self"
	OptionHead      = "head"      // 世帯主・続柄
	OptionDomicile  = "domicile"  // 本籍・筆頭者
	OptionMyNumber  = "my_number" // 個人番号
	OptionYear      = "year"      // fiscal year
)

// Household is what the resident register says of the people who live together.
type Household struct {
	Address string
	Head    string
	People  []Member
}

// Member is one person of a household; ID is empty for one without a card.
type Member struct {
	ID string
	sheet.Resident
}

// Content prints the household, or one of it.
func (h Household) Content(c protocol.Certificate, o protocol.Options, person string) (sheet.Content, error) {
	self, ok := h.member(person)
	switch {
	case !ok:
		return nil, ErrFacts
	case c == protocol.ResidentRecordItems:
		return sheet.ResidentItems{Address: h.Address, Householder: h.Head, Person: self.Resident}, nil
	case c != protocol.ResidentRecord:
		return nil, ErrFacts
	}
	r := sheet.ResidentRecord{Address: h.Address, Householder: h.Head, Whole: o[OptionHousehold].Text() == "all",
		ShowRelation: o[OptionHead].Bool(), ShowOrigin: o[OptionDomicile].Bool(), ShowMyNumber: o[OptionMyNumber].Bool()}
	for _, m := range h.People {
		if r.Whole || m.ID == person {
			r.People = append(r.People, m.Resident)
		}
	}
	return r, nil
}

func (h Household) member(person string) (Member, bool) {
	for _, m := range h.People {
		if m.ID == person && person != "" {
			return m, true
		}
	}
	return Member{}, false
}

// Seal is what the seal register says of one person.
type Seal struct{ sheet.SealRegistration }

// Content prints the registration.
func (s Seal) Content(c protocol.Certificate, _ protocol.Options, _ string) (sheet.Content, error) {
	if c != protocol.SealRegistration {
		return nil, ErrFacts
	}
	return s.SealRegistration, nil
}

// Family is what the family register says of the people who share it, with its supplement.
type Family struct {
	Register   sheet.FamilyRegister
	Supplement sheet.FamilySupplement
	Given      map[string]string // the given name in the register, by person
}

// Content prints all of the register, one person's entry, or the supplement.
func (f Family) Content(c protocol.Certificate, _ protocol.Options, person string) (sheet.Content, error) {
	switch c {
	case protocol.FamilyRegister:
		return f.Register, nil
	case protocol.FamilyRegisterSuppl:
		return f.Supplement, nil
	case protocol.FamilyRegisterPersonal:
		return f.personal(person)
	}
	return nil, ErrFacts
}

func (f Family) personal(person string) (sheet.Content, error) {
	one := f.Register
	one.Individual, one.Members = true, nil
	for _, m := range f.Register.Members {
		if given, ok := f.Given[person]; ok && m.Given == given {
			one.Members = append(one.Members, m)
		}
	}
	if len(one.Members) != 1 {
		return nil, ErrFacts
	}
	return one, nil
}

// Tax is what the tax register says of one person.
type Tax struct {
	Income []sheet.IncomeTax // by year
	Paid   sheet.TaxPaid
}

// Content prints one year's income, or what was paid.
func (t Tax) Content(c protocol.Certificate, o protocol.Options, _ string) (sheet.Content, error) {
	switch c {
	case protocol.TaxPaid:
		return t.Paid, nil
	case protocol.IncomeTax:
		for _, y := range t.Income {
			if strconv.Itoa(y.Year) == o[OptionYear].Text() {
				return y, nil
			}
		}
	}
	return nil, ErrFacts
}
