package people

import (
	"fmt"

	"honnin/config/protocol"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
)

// neighbour is one of p13 to p24, who have an ECDSA card, a household, a seal and a family register each: they apply
// when much is going on.
type neighbour struct {
	home                         protocol.Municipality
	id, family, given, kana, sex string
	children                     int
	tilt                         int
}

var neighbours = []neighbour{
	{Mihon, "p13", "例田", "正", "レイダ　タダシ", male, 4, 2},
	{Mihon, "p14", "仮野", "恵", "カリノ　メグミ", female, 0, -2},
	{Mihon, "p15", "雛形", "翔", "ヒナガタ　ショウ", male, 5, 3},
	{Mihon, "p16", "試山", "文子", "タメシヤマ　フミコ", female, 1, -4},
	{Mihon, "p17", "模川", "治", "モカワ　オサム", male, 4, 1},
	{Mihon, "p18", "想定", "和子", "ソウテイ　カズコ", female, 0, 5},
	{Mihon, "p19", "見本", "健二", "ミホン　ケンジ", male, 6, -1},
	{Mihon, "p20", "架空", "美咲", "カクウ　ミサキ", female, 2, 4},
	{Kaku, "p21", "雛形", "太郎", "ヒナガタ　タロウ", male, 0, -3},
	{Kaku, "p22", "試山", "さくら", "タメシヤマ　サクラ", female, 4, 2},
	{Kaku, "p23", "模川", "大輔", "モカワ　ダイスケ", male, 1, -5},
	{Kaku, "p24", "見本", "恵子", "ミホン　ケイコ", female, 0, 1},
}

// given are the children's names.
var given = []struct{ name, kana, sex string }{
	{"一郎", "イチロウ", male}, {"結衣", "ユイ", female}, {"健太", "ケンタ", male}, {"陽菜", "ヒナ", female}, {"大輔", "ダイスケ", male}, {"花子", "ハナコ", female},
}

func (n neighbour) name() string { return n.family + "　" + n.given }
func (n neighbour) number() int  { return int(n.id[1]-'0')*10 + int(n.id[2]-'0') }
func (n neighbour) address() string {
	return town(n.home) + "見本町" + wide(n.number()) + "番地"
}
func (n neighbour) origin() string {
	return town(n.home) + "本籍町" + wide(n.number()) + "番地"
}

func town(m protocol.Municipality) string {
	if m == Kaku {
		return "見本県架空市"
	}
	return "見本県見本市"
}

// wide writes two digits in full width.
func wide(n int) string { return string([]rune{'０' + rune(n/10), '０' + rune(n%10)}) }

func (n neighbour) birth() sheet.Date {
	return sheet.Date{Year: 1955 + n.number(), Month: 1 + n.number()%12, Day: n.number()}
}

// myNumber ends with a digit that is never the check digit.
func (n neighbour) myNumber(person int) string {
	return fmt.Sprintf("%09d%02d%d", n.number(), person, (n.number()+8*person)%10)
}

// household is a whole family; with four children and more it takes two pages.
func (n neighbour) household() household {
	since := sheet.Date{Year: 2012, Month: 4, Day: n.number()}
	h := register.Household{Address: n.address(), Head: n.name(), People: []register.Member{
		member(n.id, n.name(), n.kana, n.sex, self, n.birth(), since, n.origin(), n.name(), n.myNumber(0))}}
	for i, c := range given[:n.children] {
		born := sheet.Date{Year: 2013 + i, Month: 5 + i, Day: n.number()}
		h.People = append(h.People, member("", n.family+"　"+c.name, c.kana, c.sex, "子", born, born, n.origin(), n.name(), n.myNumber(1+i)))
	}
	return household{n.home, h}
}

func (n neighbour) registered() family {
	members := []sheet.FamilyMember{relative(n.given, "", n.family+"　一", n.family+"　文子", "長女", n.birth(), town(n.home))}
	if n.sex == male {
		members[0].Relation = "長男"
	}
	return familyOf(n.home, n.origin(), n.name(), map[string]string{n.id: n.given}, n.address(), members...)
}
