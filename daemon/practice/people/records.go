package people

import (
	"maps"
	"slices"

	"honnin/config/protocol"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
)

type household struct {
	code protocol.Municipality
	register.Household
}

const (
	male, female = "男", "女"
	self         = "世帯主"
)

// member is a person of a household who moved in on one day.
func member(id, name, kana, sex, relation string, birth, since sheet.Date, origin, head, number string) register.Member {
	return register.Member{ID: id, Resident: sheet.Resident{Name: name, Kana: kana, Birth: birth, Sex: sex, Relation: relation,
		Since: since, Settled: since, Notified: since, Origin: origin, Head: head, Previous: "東見本県旧例郡試町大字仮１番地", MyNumber: number}}
}

const (
	originMihon = "見本県見本市本籍町一丁目１番地"
	originKaku  = "見本県架空市本籍町二丁目２番地"
	originReiji = "見本県例示郡例示町大字本籍３番地"
)

// households are everybody's.
func households() []household {
	all := first()
	for _, n := range neighbours {
		all = append(all, n.household())
	}
	return all
}

// first are the households of p01 to p12.
func first() []household {
	d := func(y, m, day int) sheet.Date { return sheet.Date{Year: y, Month: m, Day: day} }
	return []household{
		{Mihon, register.Household{Address: "見本県見本市手本町一丁目２番３号", Head: "架空　太郎", People: []register.Member{
			member("p01", "架空　太郎", "カクウ　タロウ", male, self, d(1975, 5, 5), d(2001, 4, 1), originMihon, "架空　太郎", "000000000014"),
			member("p02", "架空　花子", "カクウ　ハナコ", female, "妻", d(1977, 7, 7), d(2003, 6, 10), originMihon, "架空　太郎", "000000000022"),
			member("", "架空　一郎", "カクウ　イチロウ", male, "子", d(2006, 11, 3), d(2006, 11, 3), originMihon, "架空　太郎", "000000000030"),
		}}},
		{Mihon, register.Household{Address: "見本県見本市見本町三丁目１４番１５号　サンプルハイツ２０１号室", Head: "見本　次郎", People: []register.Member{
			member("p03", "見本　次郎", "ミホン　ジロウ", male, self, d(1988, 2, 29), d(2015, 9, 26), originKaku, "見本　次郎", "000000000048"),
		}}},
		{Kaku, register.Household{Address: "見本県架空市想定町五丁目６番７号", Head: "想定　健太", People: []register.Member{
			member("p04", "想定　健太", "ソウテイ　ケンタ", male, self, d(1970, 1, 15), d(1998, 3, 20), originKaku, "想定　健太", "000000000056"),
			member("p05", "想定　美咲", "ソウテイ　ミサキ", female, "妻", d(1972, 8, 11), d(1999, 10, 1), originKaku, "想定　健太", "000000000065"),
			member("p06", "想定　陽菜", "ソウテイ　ヒナ", female, "子", d(2002, 5, 30), d(2002, 5, 30), originKaku, "想定　健太", "000000000073"),
			member("", "想定　翔", "ソウテイ　ショウ", male, "子", d(2008, 12, 24), d(2008, 12, 24), originKaku, "想定　健太", "000000000081"),
			member("", "想定　結衣", "ソウテイ　ユイ", female, "子", d(2019, 5, 1), d(2019, 5, 1), originKaku, "想定　健太", "000000000099"),
			member("", "想定　一", "ソウテイ　ハジメ", male, "父", d(1942, 4, 2), d(2012, 7, 9), originKaku, "想定　一", "000000000103"),
		}}},
		{Kaku, register.Household{Address: "見本県架空市例田町一丁目１番１号", Head: "例田　さくら", People: []register.Member{
			member("p07", "例田　さくら", "レイダ　サクラ", female, self, d(1995, 3, 27), d(2020, 4, 2), originMihon, "例田　さくら", "000000000111"),
		}}},
		{Kaku, register.Household{Address: "見本県架空市仮野町四丁目８番２号", Head: "仮野　大輔", People: []register.Member{
			member("p08", "仮野　大輔", "カリノ　ダイスケ", male, self, d(1966, 6, 6), d(1990, 1, 8), originKaku, "仮野　大輔", "000000000129"),
		}}},
		{Reiji, register.Household{Address: "見本県例示郡例示町大字雛形９番地", Head: "雛形　結衣", People: []register.Member{
			member("p09", "雛形　結衣", "ヒナガタ　ユイ", female, self, d(1959, 10, 10), d(1985, 5, 5), originReiji, "雛形　結衣", "000000000137"),
		}}},
		{Reiji, register.Household{Address: "見本県例示郡例示町大字試山１２番地３", Head: "試山　健二", People: []register.Member{
			member("p10", "試山　健二", "タメシヤマ　ケンジ", male, self, d(1981, 9, 9), d(2010, 2, 14), originReiji, "試山　健二", "000000000145"),
			member("p12", "試山　恵", "タメシヤマ　メグミ", female, "妻", d(1983, 12, 1), d(2011, 11, 11), originReiji, "試山　健二", "000000000154"),
		}}},
	}
}

type seal struct {
	code protocol.Municipality
	sheet.SealRegistration
}

// seals are the registered seals, of whoever lives in the town and has one.
func seals() map[string]seal {
	engraved := map[string]sheet.Imprint{
		"p01": {Text: "架空", Size: 180, Tilt: -3}, "p03": {Text: "見本", Size: 165, Tilt: 2},
		"p04": {Text: "想定", Size: 210, Tilt: 1, Square: true}, "p07": {Text: "例田", Size: 150, Tilt: 4},
		"p10": {Text: "試山", Size: 180, Tilt: -1}, "p12": {Text: "恵", Size: 135, Tilt: 5},
	}
	for _, n := range neighbours {
		engraved[n.id] = sheet.Imprint{Text: n.family, Size: 150, Tilt: n.tilt}
	}
	out := map[string]seal{}
	for _, h := range households() {
		for _, m := range h.People {
			if imprint, ok := engraved[m.ID]; ok {
				out[m.ID] = seal{h.code, sheet.SealRegistration{Number: "見本" + m.ID[1:] + "号", Registered: m.Since,
					Name: m.Name, Kana: m.Kana, Birth: m.Birth, Address: h.Address, Imprint: imprint}}
			}
		}
	}
	return out
}

type family struct {
	code protocol.Municipality
	register.Family
}

func entry(title string, items ...string) sheet.FamilyEntry {
	e := sheet.FamilyEntry{Title: title}
	for i := 0; i+1 < len(items); i += 2 {
		e.Items = append(e.Items, sheet.Item{Name: items[i], Value: items[i+1]})
	}
	return e
}

// relative is one person of a family register.
func relative(given, spouse, father, mother, relation string, birth sheet.Date, place string) sheet.FamilyMember {
	m := sheet.FamilyMember{Given: given, Birth: birth, Spouse: spouse, Father: father, Mother: mother, Relation: relation,
		Entries: []sheet.FamilyEntry{entry("出生", "出生日", birth.Wareki(), "出生地", place, "届出人", "父")}}
	if spouse != "" {
		m.Entries = append(m.Entries, entry("婚姻", "婚姻日", sheet.Date{Year: 2000, Month: 10, Day: 10}.Wareki(), "配偶者区分", spouse))
	}
	return m
}

func familyOf(code protocol.Municipality, origin, head string, given map[string]string, address string, members ...sheet.FamilyMember) family {
	made := sheet.Date{Year: 2005, Month: 3, Day: 5}
	f := register.Family{Given: given, Register: sheet.FamilyRegister{Origin: origin, Head: head,
		History: []sheet.FamilyEntry{entry("戸籍改製", "改製日", made.Wareki(), "改製事由", "平成６年法務省令第５１号による改製")}, Members: members}}
	f.Supplement = sheet.FamilySupplement{Origin: origin, Head: head}
	for _, m := range members {
		f.Supplement.Members = append(f.Supplement.Members, sheet.SupplementMember{Given: m.Given,
			Addresses: []sheet.AddressEntry{{Address: "東見本県旧例郡試町大字仮１番地", Since: m.Birth}, {Address: address, Since: made}}})
	}
	return family{code, f}
}

// families are everybody's family registers.
func families() []family {
	all := firstFamilies()
	for _, n := range neighbours {
		all = append(all, n.registered())
	}
	return all
}

func firstFamilies() []family {
	d := func(y, m, day int) sheet.Date { return sheet.Date{Year: y, Month: m, Day: day} }
	return []family{
		familyOf(Mihon, originMihon, "架空　太郎", map[string]string{"p01": "太郎", "p02": "花子"}, "見本県見本市手本町一丁目２番３号",
			relative("太郎", "夫", "架空　治", "架空　和子", "長男", d(1975, 5, 5), "見本県見本市"),
			relative("花子", "妻", "例田　正", "例田　文子", "二女", d(1977, 7, 7), "見本県架空市"),
			relative("一郎", "", "架空　太郎", "架空　花子", "長男", d(2006, 11, 3), "見本県見本市")),
		familyOf(Mihon, originMihon, "例田　さくら", map[string]string{"p07": "さくら"}, "見本県架空市例田町一丁目１番１号",
			relative("さくら", "", "例田　正", "例田　文子", "長女", d(1995, 3, 27), "見本県見本市")),
		familyOf(Kaku, originKaku, "見本　次郎", map[string]string{"p03": "次郎"}, "見本県見本市見本町三丁目１４番１５号",
			relative("次郎", "", "見本　一郎", "見本　恵子", "二男", d(1988, 2, 29), "見本県架空市")),
		familyOf(Kaku, originKaku, "想定　健太", map[string]string{"p04": "健太", "p05": "美咲", "p06": "陽菜"}, "見本県架空市想定町五丁目６番７号",
			relative("健太", "夫", "想定　一", "想定　文子", "長男", d(1970, 1, 15), "見本県架空市"),
			relative("美咲", "妻", "模川　正", "模川　恵子", "長女", d(1972, 8, 11), "見本県見本市"),
			relative("陽菜", "", "想定　健太", "想定　美咲", "長女", d(2002, 5, 30), "見本県架空市"),
			relative("翔", "", "想定　健太", "想定　美咲", "長男", d(2008, 12, 24), "見本県架空市"),
			relative("結衣", "", "想定　健太", "想定　美咲", "二女", d(2019, 5, 1), "見本県架空市")),
		familyOf(Reiji, originReiji, "試山　健二", map[string]string{"p10": "健二", "p12": "恵"}, "見本県例示郡例示町大字試山１２番地３",
			relative("健二", "夫", "試山　正", "試山　和子", "二男", d(1981, 9, 9), "見本県例示郡例示町"),
			relative("恵", "妻", "雛形　治", "雛形　文子", "長女", d(1983, 12, 1), "見本県例示郡例示町")),
		familyOf(Reiji, originReiji, "雛形　結衣", map[string]string{"p09": "結衣"}, "見本県例示郡例示町大字雛形９番地",
			relative("結衣", "", "雛形　正", "雛形　恵子", "長女", d(1959, 10, 10), "見本県例示郡例示町")),
	}
}

// Years are the fiscal years that a tax register can certify, the newest first.
func Years() []int { return []int{2026, 2025} }

func taxes(address string, m register.Member) register.Tax {
	t := register.Tax{Paid: sheet.TaxPaid{Name: m.Name, Address: address}}
	for i, year := range Years() {
		income := 3_200_000 + 10_000*int(m.MyNumber[10]-'0') + 50_000*i
		t.Income = append(t.Income, sheet.IncomeTax{Name: m.Name, Address: address, Birth: m.Birth, Year: year,
			Incomes:    []sheet.Amount{{Name: "給与収入", Yen: income + 900_000}, {Name: "給与所得", Yen: income}},
			Deductions: []sheet.Amount{{Name: "社会保険料控除", Yen: 480_000}, {Name: "基礎控除", Yen: 430_000}},
			Taxes:      []sheet.Amount{{Name: "市民税", Yen: (income - 910_000) * 6 / 100}, {Name: "県民税", Yen: (income - 910_000) * 4 / 100}}})
		charged := (income - 910_000) / 10
		t.Paid.Years = append(t.Paid.Years, sheet.TaxYear{Year: year, Tax: "市民税・県民税", Charged: charged, Paid: charged})
	}
	return t
}

// Guest enters a fictional resident of Mihon for a card that the practice world did not make.
func Guest(r *register.Primary, id string) {
	since := sheet.Date{Year: 2026, Month: 4, Day: 1}
	m := member(id, "仮住　花子", "カリズミ　ハナコ", female, self, sheet.Date{Year: 1990, Month: 1, Day: 1}, since, originMihon, "仮住　花子", "000000000995")
	h := register.Household{Address: "見本県見本市仮住町一丁目１番１号", Head: m.Name, People: []register.Member{m}}
	r.Add(protocol.ResidentRegister, h, id)
	r.Add(protocol.SealRegister, register.Seal{SealRegistration: sheet.SealRegistration{Number: "見本９９号", Registered: since, Name: m.Name, Kana: m.Kana,
		Birth: m.Birth, Address: h.Address, Imprint: sheet.Imprint{Text: "仮住", Size: 165}}}, id)
	r.Add(protocol.TaxRegister, taxes(h.Address, m), id)
}

func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
