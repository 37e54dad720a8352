package protocol

import "slices"

// Certificate is a kind of official certificate.
type Certificate string

// The kinds of certificate.
const (
	ResidentRecord         Certificate = "resident-record"            // 住民票の写し
	ResidentRecordItems    Certificate = "resident-record-items"      // 住民票記載事項証明書
	SealRegistration       Certificate = "seal-registration"          // 印鑑登録証明書
	FamilyRegister         Certificate = "family-register"            // 戸籍全部事項証明書
	FamilyRegisterPersonal Certificate = "family-register-individual" // 戸籍個人事項証明書
	FamilyRegisterSuppl    Certificate = "family-register-supplement" // 戸籍の附票の写し
	IncomeTax              Certificate = "income-tax"                 // 所得・課税証明書
	TaxPaid                Certificate = "tax-paid"                   // 納税証明書
)

// Register is the register a certificate is drawn from.
type Register string

// The registers.
const (
	ResidentRegister Register = "resident"
	SealRegister     Register = "seal"
	FamilyRegisters  Register = "family"
	TaxRegister      Register = "tax"
)

var registerOf = map[Certificate]Register{
	ResidentRecord: ResidentRegister, ResidentRecordItems: ResidentRegister,
	SealRegistration: SealRegister,
	FamilyRegister:   FamilyRegisters, FamilyRegisterPersonal: FamilyRegisters, FamilyRegisterSuppl: FamilyRegisters,
	IncomeTax: TaxRegister, TaxPaid: TaxRegister,
}

// Certificates returns every kind, in the order in which they are offered.
func Certificates() []Certificate {
	return []Certificate{ResidentRecord, ResidentRecordItems, SealRegistration, FamilyRegister,
		FamilyRegisterPersonal, FamilyRegisterSuppl, IncomeTax, TaxPaid}
}

// Valid reports whether c is one of the kinds.
func (c Certificate) Valid() bool { return slices.Contains(Certificates(), c) }

// Register returns the register that c is drawn from, or "" for an unknown kind.
func (c Certificate) Register() Register { return registerOf[c] }

// UnmarshalText checks the word.
func (c *Certificate) UnmarshalText(b []byte) error {
	if *c = Certificate(b); !c.Valid() {
		return malformed("certificate")
	}
	return nil
}

// UnmarshalText checks the word.
func (r *Register) UnmarshalText(b []byte) error {
	switch *r = Register(b); *r {
	case ResidentRegister, SealRegister, FamilyRegisters, TaxRegister:
		return nil
	}
	return malformed("register")
}
