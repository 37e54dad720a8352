// Package people is who lives in the practice world, and where: three municipalities that do not exist (prefecture
// code 99), two dozen people whose names say that they do not either (架空, 見本, 例田 …), and what the registers say
// of them. It is data and nothing else.
//
// Outside the registers and the sheets a person is known by an id only: p01 to p24, and e01 and on for guests
// whose strange card was enrolled. Every My Number here has a wrong check digit, so that it cannot be anybody's.
package people

import (
	"honnin/config/protocol"
	"honnin/daemon/practice/register"
)

// KeyKind is the kind of key on a card.
type KeyKind string

// The kinds of key: today's JPKI cards are RSA, the next generation plans ECDSA.
const (
	RSA2048 KeyKind = "rsa-2048"
	P256    KeyKind = "p-256"
	P384    KeyKind = "p-384"
)

// Status is what the card authority says of a card.
type Status string

// The states of a card.
const (
	Good      Status = ""
	Revoked   Status = "revoked"
	Suspended Status = "suspended"
)

// Person is one fictional person and the card in their hand.
type Person struct {
	ID         string
	PIN        string // documented: it is a practice card
	Key        KeyKind
	Generation int // of the card authority, 1 or 2
	Status     Status
	Renewed    bool                  // an older card of this person is linked as well
	Linked     bool                  // the registers know the card
	Home       protocol.Municipality // where they live; a family register may lie elsewhere
}

// Ordinary reports whether this person's card is good and linked: whoever is not, the centre declines.
func (p Person) Ordinary() bool { return p.Status == Good && p.Linked }

// All returns everybody, p01 first.
func All() []Person {
	return []Person{
		{ID: "p01", PIN: "1234", Key: RSA2048, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p02", PIN: "2345", Key: RSA2048, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p03", PIN: "3456", Key: RSA2048, Generation: 2, Linked: true, Home: Mihon},
		{ID: "p04", PIN: "4567", Key: P384, Generation: 2, Linked: true, Home: Kaku},
		{ID: "p05", PIN: "5678", Key: P256, Generation: 2, Linked: true, Home: Kaku},
		{ID: "p06", PIN: "6789", Key: P384, Generation: 1, Linked: true, Home: Kaku},
		{ID: "p07", PIN: "7890", Key: P256, Generation: 2, Linked: true, Home: Kaku},
		{ID: "p08", PIN: "8901", Key: P256, Generation: 2, Status: Revoked, Linked: true, Home: Kaku},
		{ID: "p09", PIN: "9012", Key: P384, Generation: 2, Status: Suspended, Linked: true, Home: Reiji},
		{ID: "p10", PIN: "1010", Key: P384, Generation: 2, Renewed: true, Linked: true, Home: Reiji},
		{ID: "p11", PIN: "1111", Key: P256, Generation: 2, Home: Reiji},
		{ID: "p12", PIN: "1212", Key: P256, Generation: 2, Linked: true, Home: Reiji},
		{ID: "p13", PIN: "1313", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p14", PIN: "1414", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p15", PIN: "1515", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p16", PIN: "1616", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p17", PIN: "1717", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p18", PIN: "1818", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p19", PIN: "1919", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p20", PIN: "2020", Key: P256, Generation: 1, Linked: true, Home: Mihon},
		{ID: "p21", PIN: "2121", Key: P256, Generation: 1, Linked: true, Home: Kaku},
		{ID: "p22", PIN: "2222", Key: P256, Generation: 1, Linked: true, Home: Kaku},
		{ID: "p23", PIN: "2323", Key: P256, Generation: 1, Linked: true, Home: Kaku},
		{ID: "p24", PIN: "2424", Key: P256, Generation: 1, Linked: true, Home: Kaku},
	}
}

// Registers are the primaries by municipality.
type Registers map[protocol.Municipality]*register.Primary

// Settle enters everything that the registers say of everybody.
func Settle(r Registers) {
	for _, h := range households() {
		r[h.code].Add(protocol.ResidentRegister, h.Household, ids(h.Household)...)
	}
	for id, s := range seals() {
		r[s.code].Add(protocol.SealRegister, register.Seal{SealRegistration: s.SealRegistration}, id)
	}
	for _, f := range families() {
		r[f.code].Add(protocol.FamilyRegisters, f.Family, keys(f.Given)...)
	}
	for _, h := range households() {
		for _, m := range h.People {
			if m.ID != "" {
				r[h.code].Add(protocol.TaxRegister, taxes(h.Address, m), m.ID)
			}
		}
	}
}

func ids(h register.Household) (out []string) {
	for _, m := range h.People {
		if m.ID != "" {
			out = append(out, m.ID)
		}
	}
	return out
}
