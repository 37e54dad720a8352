package people

import (
	"honnin/config/protocol"
	"honnin/daemon/practice/sheet"
)

// The three municipalities. The last digit of each code is the check digit; the first two, 99, are no prefecture.
const (
	Mihon protocol.Municipality = "991015"
	Kaku  protocol.Municipality = "991023"
	Reiji protocol.Municipality = "991031"
)

// Town is one municipality as its issuer needs to know it.
type Town struct {
	Code              protocol.Municipality
	Name              protocol.Names
	full, mayor, seal string
	small, family     int // fees in yen
}

// Towns returns the three municipalities.
func Towns() []Town {
	return []Town{
		{Mihon, protocol.Names{Ja: "見本市", En: "Mihon City"}, "見本県見本市", "見本市長　手本　正", "見本市長之印", 200, 450},
		{Kaku, protocol.Names{Ja: "架空市", En: "Kakū City"}, "見本県架空市", "架空市長　想定　次郎", "架空市長之印", 250, 450},
		{Reiji, protocol.Names{Ja: "例示町", En: "Reiji Town"}, "見本県例示郡例示町", "例示町長　雛形　一", "例示町長之印", 300, 450},
	}
}

// Office prepares who certifies on the town's sheets.
func (t Town) Office() (*sheet.Office, error) { return sheet.NewOffice(t.full, t.mayor, t.seal) }

// Fee returns the fee for one copy, in yen.
func (t Town) Fee(c protocol.Certificate) int {
	switch c {
	case protocol.FamilyRegister, protocol.FamilyRegisterPersonal:
		return t.family
	}
	return t.small
}
