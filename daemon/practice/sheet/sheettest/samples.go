// Package sheettest holds sample certificates for tests and pictures: every kind, small and large, of people
// whose names say that they do not exist. Nothing here is read by the practice world.
package sheettest

import (
	"fmt"
	"time"

	"honnin/daemon/practice/sheet"
)

// Sample is one content with a name for files and subtests.
type Sample struct {
	Name    string
	Pages   int // how many it fills
	Content sheet.Content
}

// Issue is an issue by the sample office, at the instant of PROTOCOL.md's example.
func Issue() (sheet.Issue, error) {
	office, err := sheet.NewOffice("見本県架空市", "架空市長　　見本　一郎", "架空市長之印")
	return sheet.Issue{Serial: "141003-20261121-0000042", At: time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC), Office: office}, err
}

// Household returns a household of n people.
func Household(n int) sheet.ResidentRecord {
	const head = "架空　太郎"
	r := sheet.ResidentRecord{
		Address: "見本県架空市例町一丁目２番３号　サンプルハイツ４０５号室", Householder: head,
		Whole: true, ShowRelation: true, ShowOrigin: true,
	}
	given := []struct {
		name, kana, sex, relation string
		born                      int
	}{
		{"太郎", "タロウ", "男", "世帯主", 1984}, {"花子", "ハナコ", "女", "妻", 1989}, {"陽菜", "ヒナ", "女", "子", 2012},
		{"悠斗", "ユウト", "男", "子", 2015}, {"さくら", "サクラ", "女", "子", 2019}, {"正義", "マサヨシ", "男", "父", 1955}, {"和子", "カズコ", "女", "母", 1958},
	}
	for i := range n {
		g := given[i%len(given)]
		r.People = append(r.People, sheet.Resident{
			Name: "架空　" + g.name, Kana: "カクウ　" + g.kana, Sex: g.sex, Relation: g.relation,
			Birth: sheet.Date{Year: g.born, Month: 1 + (3*i)%12, Day: 8 + i%20},
			Since: sheet.Date{Year: 2019, Month: 4, Day: 1}, Settled: sheet.Date{Year: 2021, Month: 7, Day: 10}, Notified: sheet.Date{Year: 2021, Month: 7, Day: 14},
			Origin: "見本県架空市本籍町９８番地", Head: head,
			Previous: "東見本県旧例市仮町三丁目４番地５", MyNumber: fmt.Sprintf("1004567890%d1", i%7),
		})
	}
	return r
}

// Seal is a seal registration.
func Seal() sheet.SealRegistration {
	return sheet.SealRegistration{
		Number: "００１２３４５", Registered: sheet.Date{Year: 2015, Month: 10, Day: 5},
		Name: "見本　花子", Kana: "ミホン　ハナコ", Birth: sheet.Date{Year: 1989, Month: 1, Day: 8},
		Address: "見本県架空市例町一丁目２番３号", Imprint: sheet.Imprint{Text: "見本", Size: 150, Tilt: -3},
	}
}

func item(pairs ...string) (items []sheet.Item) {
	for i := 0; i+1 < len(pairs); i += 2 {
		items = append(items, sheet.Item{Name: pairs[i], Value: pairs[i+1]})
	}
	return items
}

// Family is a family register of a couple with children.
func Family(children int) sheet.FamilyRegister {
	const origin = "見本県架空市本籍町九十八番地"
	birth := func(place, day, by string) sheet.FamilyEntry {
		return sheet.FamilyEntry{Title: "出生", Items: item("出生日", day, "出生地", place, "届出日", day, "届出人", by)}
	}
	marriage := func(other, former string) sheet.FamilyEntry {
		return sheet.FamilyEntry{Title: "婚姻", Items: item("婚姻日", "平成２２年１１月２２日", "配偶者氏名", other, "従前戸籍", former)}
	}
	r := sheet.FamilyRegister{
		Origin: origin, Head: "架空　太郎",
		History: []sheet.FamilyEntry{{Title: "戸籍編製", Items: item("編製日", "平成２２年１１月２２日")}},
		Members: []sheet.FamilyMember{
			{Given: "太郎", Birth: sheet.Date{Year: 1984, Month: 1, Day: 8}, Spouse: "夫", Father: "架空正義", Mother: "架空和子", Relation: "長男",
				Entries: []sheet.FamilyEntry{birth("見本県架空市", "昭和５９年１月８日", "父"), marriage("見本花子", "見本県架空市例町一番地　架空正義")}},
			{Given: "花子", Birth: sheet.Date{Year: 1989, Month: 1, Day: 8}, Spouse: "妻", Father: "見本一郎", Mother: "見本由美", Relation: "二女",
				Entries: []sheet.FamilyEntry{birth("東見本県旧例市", "平成元年１月８日", "母"), marriage("架空太郎", "東見本県旧例市仮町三番地　見本一郎")}},
		},
	}
	for i := range children {
		d := sheet.Date{Year: 2012 + i, Month: 3, Day: 3 + i}
		r.Members = append(r.Members, sheet.FamilyMember{Given: []string{"陽菜", "悠斗", "さくら", "健太"}[i%4], Birth: d,
			Father: "架空太郎", Mother: "架空花子", Relation: []string{"長女", "長男", "二女", "二男"}[i%4], Removed: i == 1,
			Entries: []sheet.FamilyEntry{birth("見本県架空市", d.Wareki(), "父")}})
	}
	return r
}

// Supplement is a family register's supplement.
func Supplement() sheet.FamilySupplement {
	return sheet.FamilySupplement{Origin: "見本県架空市本籍町九十八番地", Head: "架空　太郎", Members: []sheet.SupplementMember{
		{Given: "太郎", Addresses: []sheet.AddressEntry{
			{Address: "東見本県旧例市仮町三丁目４番地５", Since: sheet.Date{Year: 2010, Month: 11, Day: 22}},
			{Address: "見本県架空市例町一丁目２番３号　サンプルハイツ４０５号室", Since: sheet.Date{Year: 2021, Month: 7, Day: 10}}}},
		{Given: "花子", Addresses: []sheet.AddressEntry{{Address: "見本県架空市例町一丁目２番３号　サンプルハイツ４０５号室", Since: sheet.Date{Year: 2021, Month: 7, Day: 10}}}},
	}}
}

// Samples returns every kind of certificate.
func Samples() []Sample {
	numbered := Household(1)
	numbered.ShowMyNumber, numbered.Whole, numbered.ShowOrigin = true, false, false
	individual := Family(0)
	individual.Individual, individual.Members, individual.History = true, individual.Members[1:], nil
	return []Sample{
		{"resident-record", 1, Household(3)},
		{"resident-record-household", 2, Household(6)},
		{"resident-record-number", 1, numbered},
		{"resident-record-items", 1, sheet.ResidentItems{Address: Household(1).Address, Householder: "架空　太郎", Person: Household(2).People[1]}},
		{"seal-registration", 1, Seal()},
		{"family-register", 2, Family(2)},
		{"family-register-individual", 1, individual},
		{"family-register-supplement", 1, Supplement()},
		{"income-tax", 1, incomeTax()},
		{"tax-paid", 1, taxPaid()},
	}
}

func incomeTax() sheet.IncomeTax {
	return sheet.IncomeTax{
		Name: "見本　花子", Address: "見本県架空市例町一丁目２番３号", Birth: sheet.Date{Year: 1989, Month: 1, Day: 8}, Year: 2026,
		Incomes:    []sheet.Amount{{Name: "給与収入", Yen: 5120000}, {Name: "給与所得", Yen: 3656000}, {Name: "営業等所得", Yen: 0}, {Name: "合計所得金額", Yen: 3656000}},
		Deductions: []sheet.Amount{{Name: "社会保険料", Yen: 742300}, {Name: "生命保険料", Yen: 28000}, {Name: "扶養", Yen: 330000}, {Name: "基礎", Yen: 430000}, {Name: "控除合計", Yen: 1530300}},
		Taxes:      []sheet.Amount{{Name: "市民税所得割", Yen: 126000}, {Name: "市民税均等割", Yen: 3000}, {Name: "県民税所得割", Yen: 84000}, {Name: "県民税均等割", Yen: 1000}, {Name: "年税額", Yen: 214000}},
	}
}

func taxPaid() sheet.TaxPaid {
	return sheet.TaxPaid{Name: "架空　太郎", Address: "見本県架空市例町一丁目２番３号", Years: []sheet.TaxYear{
		{Year: 2026, Tax: "市民税・県民税", Charged: 214000, Paid: 107000}, {Year: 2026, Tax: "固定資産税・都市計画税", Charged: 98700, Paid: 98700},
		{Year: 2026, Tax: "軽自動車税（種別割）", Charged: 10800, Paid: 10800}, {Year: 2025, Tax: "市民税・県民税", Charged: 201500, Paid: 201500}}}
}
