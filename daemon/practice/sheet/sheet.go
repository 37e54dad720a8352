// Package sheet draws the practice world's certificates: fictional, marked 見本, and otherwise as a Japanese
// municipality's issuing server would print them (ruled tables, 地紋, the mayor's seal, wareki dates).
//
// A [Content] says what is printed. It is turned into one description, a form, and both the canonical bytes
// behind record.content ([Content.Canonical]) and the drawing are made from that form, so what is hashed is
// what is drawn. [Lay] draws a content with the data of one issue; the resulting [Layout] becomes a PDF with
// [Layout.PDF], which adds issuance.json and tags each page as PROTOCOL.md asks. [Bind] puts pages of several
// layouts into one document: the fault this terminal exists to stop.
//
// The writer is direct and fast rather than general. Two committed font subsets (fonts/, SIL Open Font
// License) are parsed once, on first use; a document holds of them only the outlines it shows, copied as they
// are. A rune that the subsets lack is an error: nothing is printed with a missing glyph. Errors never quote
// a value.
package sheet

import (
	"errors"
	"time"

	"honnin/config/protocol"
)

// Errors of [Lay] and [NewOffice]. Returned errors wrap one of them and never quote the value.
var (
	ErrRune    = errors.New("sheet: character not in the font subset")
	ErrTooLong = errors.New("sheet: value too long for its place")
	ErrPages   = errors.New("sheet: more pages than one document may have")
	ErrContent = errors.New("sheet: content incomplete or out of range")
)

// Content is what one certificate says. The types of this package are the only contents.
type Content interface {
	// Kind is the certificate this content is printed as.
	Kind() protocol.Certificate
	// Canonical returns the printed fields in the practice municipalities' canonical form: the message of
	// record.content (see protocol.HashContent). It covers what is read from the record, not the data of the issue. It is nil
	// for an incomplete content, which Lay refuses.
	Canonical() []byte

	form() (form, error)
}

// Issue is the data of one issue, as printed: not part of the record.
type Issue struct {
	Serial string    // 発行番号, 1 to 64 of [A-Za-z0-9-]
	At     time.Time // the date on paper is this instant's in Asia/Tokyo
	Office *Office   // who certifies
}

// Tag is what each page says of the transaction it was made for, and when.
type Tag struct {
	Subject     protocol.SubjectHash
	Transaction protocol.Transaction
	At          time.Time
}

// Resident is one person of a household. Empty members are printed as blank, or left out where the real form does.
type Resident struct {
	Name     string // 氏名
	Kana     string // フリガナ
	Birth    Date   // 生年月日
	Sex      string // 性別: 男, 女
	Relation string // 続柄: 世帯主, 妻, 子
	Since    Date   // 住民となった年月日
	Settled  Date   // 住所を定めた年月日
	Notified Date   // 届出の年月日
	Origin   string // 本籍
	Head     string // 筆頭者
	Previous string // 前住所
	MyNumber string // 個人番号, 12 digits with a wrong check digit, so that it is nobody's; printed only where the record asks for it
	Remarks  string // 備考
}

// ResidentRecord is a 住民票の写し.
type ResidentRecord struct {
	Address      string // 住所
	Householder  string // 世帯主
	People       []Resident
	Whole        bool // the whole household (世帯全員), or a part of it
	ShowRelation bool // 世帯主・続柄
	ShowOrigin   bool // 本籍・筆頭者
	ShowMyNumber bool // 個人番号
}

// ResidentItems is a 住民票記載事項証明書 of one person: relation, origin and number are never printed.
type ResidentItems struct {
	Address     string
	Householder string
	Person      Resident
}

// SealRegistration is a 印鑑登録証明書.
type SealRegistration struct {
	Number     string // 登録番号
	Registered Date   // 登録年月日
	Name, Kana string
	Birth      Date
	Address    string
	Imprint    Imprint // 印影
}

// Item is one named entry, printed as 【Name】Value.
type Item struct{ Name, Value string }

// FamilyEntry is one entry of a family register: its title (出生, 婚姻, 戸籍編製) and items.
type FamilyEntry struct {
	Title string
	Items []Item
}

// FamilyMember is one person of a family register (戸籍に記録されている者).
type FamilyMember struct {
	Given    string // 名
	Birth    Date
	Spouse   string // 配偶者区分: 夫, 妻, or empty
	Father   string
	Mother   string
	Relation string // 続柄 to the parents: 長男, 二女
	Removed  bool   // 除籍
	Entries  []FamilyEntry
}

// FamilyRegister is a 戸籍全部事項証明書, or with Individual a 戸籍個人事項証明書 of its members.
type FamilyRegister struct {
	Origin     string        // 本籍
	Head       string        // 氏名 of the 筆頭者
	History    []FamilyEntry // 戸籍事項
	Members    []FamilyMember
	Individual bool
}

// AddressEntry is one address in a family register's supplement.
type AddressEntry struct {
	Address string
	Since   Date // 住所を定めた年月日
}

// SupplementMember is one person of a family register's supplement.
type SupplementMember struct {
	Given     string
	Addresses []AddressEntry
}

// FamilySupplement is a 戸籍の附票の写し.
type FamilySupplement struct {
	Origin, Head string
	Members      []SupplementMember
}

// Amount is one line of yen.
type Amount struct {
	Name string
	Yen  int
}

// IncomeTax is a 所得・課税証明書 for one fiscal year.
type IncomeTax struct {
	Name, Address string
	Birth         Date
	Year          int // fiscal year (年度), Christian era
	Incomes       []Amount
	Deductions    []Amount
	Taxes         []Amount
}

// TaxYear is one line of a tax-payment certificate.
type TaxYear struct {
	Year                   int    // fiscal year, Christian era
	Tax                    string // 税目
	Charged, Paid, Overdue int    // yen
}

// TaxPaid is a 納税証明書.
type TaxPaid struct {
	Name, Address string
	Years         []TaxYear
}

// Kind implements [Content].
func (ResidentRecord) Kind() protocol.Certificate { return protocol.ResidentRecord }

// Kind implements [Content].
func (ResidentItems) Kind() protocol.Certificate { return protocol.ResidentRecordItems }

// Kind implements [Content].
func (SealRegistration) Kind() protocol.Certificate { return protocol.SealRegistration }

// Kind implements [Content].
func (r FamilyRegister) Kind() protocol.Certificate {
	if r.Individual {
		return protocol.FamilyRegisterPersonal
	}
	return protocol.FamilyRegister
}

// Kind implements [Content].
func (FamilySupplement) Kind() protocol.Certificate { return protocol.FamilyRegisterSuppl }

// Kind implements [Content].
func (IncomeTax) Kind() protocol.Certificate { return protocol.IncomeTax }

// Kind implements [Content].
func (TaxPaid) Kind() protocol.Certificate { return protocol.TaxPaid }
