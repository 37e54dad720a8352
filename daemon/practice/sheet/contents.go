package sheet

import (
	"fmt"
	"strconv"
	"strings"
)

// omitted stands where the applicant did not ask for an entry.
const omitted = "（省略）"

func canonical(c Content) []byte {
	f, err := c.form()
	if err != nil {
		return nil
	}
	return f.canonical()
}

// Canonical implements [Content].
func (r ResidentRecord) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r ResidentItems) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r SealRegistration) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r FamilyRegister) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r FamilySupplement) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r IncomeTax) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r TaxPaid) Canonical() []byte { return canonical(r) }

func (r ResidentRecord) form() (form, error) {
	householder := omitted
	if r.ShowRelation {
		householder = r.Householder
	}
	f := form{
		title:    "住民票の写し",
		head:     []row{{{label: "住所", value: r.Address}}, {{label: "世帯主", value: householder}}},
		sentence: "この写しは、世帯全員の住民票の原本と相違ないことを証明する。",
	}
	if !r.Whole {
		f.sentence = "この写しは、住民票の原本と相違ないことを証明する。"
	}
	if len(r.People) == 0 {
		return f, fmt.Errorf("%w: nobody on the record", ErrContent)
	}
	for i, p := range r.People {
		b, err := r.block(i+1, p)
		if err != nil {
			return f, err
		}
		f.blocks = append(f.blocks, b)
	}
	return f, nil
}

// block is one person of a resident record.
func (r ResidentRecord) block(n int, p Resident) (block, error) {
	show := func(asked bool, v string) string {
		if !asked {
			return omitted
		}
		return v
	}
	number, err := myNumber(p.MyNumber)
	if err != nil {
		return block{}, err
	}
	return block{title: fullWidth(strconv.Itoa(n)), rows: []row{
		{{label: "フリガナ", value: p.Kana, share: 7}, {label: "生年月日", value: p.Birth.Aligned()}},
		{{label: "氏名", value: p.Name, share: 7, big: true}, {label: "性別", value: p.Sex, share: 2, narrow: true},
			{label: "続柄", value: show(r.ShowRelation, p.Relation), narrow: true}},
		{{label: "住民となった年月日", value: p.Since.Aligned(), share: 6}, {label: "住所を定めた年月日", value: p.Settled.Aligned()}},
		{{label: "本籍", value: show(r.ShowOrigin, p.Origin), share: 8}, {label: "筆頭者", value: show(r.ShowOrigin, p.Head), narrow: true}},
		{{label: "前住所", value: p.Previous}},
		{{label: "個人番号", value: show(r.ShowMyNumber, number), share: 6}, {label: "届出年月日", value: p.Notified.Aligned()}},
		{{label: "備考", value: p.Remarks}},
	}}, checkDates(p.Birth, p.Since, p.Settled, p.Notified)
}

// myNumber groups twelve digits by four; empty stays empty. A number whose check digit is true could be
// somebody's, and is refused: these sheets are fiction.
func myNumber(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if len(s) != 12 || strings.Trim(s, "0123456789") != "" {
		return "", fmt.Errorf("%w: 個人番号 is twelve digits", ErrContent)
	}
	if s[11] == checkDigit(s[:11]) {
		return "", fmt.Errorf("%w: 個人番号 that could be somebody's", ErrContent)
	}
	return fullWidth(s[:4] + " " + s[4:8] + " " + s[8:]), nil
}

// checkDigit is the twelfth digit of a true 個人番号 (平成26年総務省令第85号 第5条): places count from the right.
func checkDigit(eleven string) byte {
	sum := 0
	for i := range eleven {
		weight := 12 - i // place + 1
		if weight > 7 {
			weight -= 6 // from the seventh place on, place - 5
		}
		sum += int(eleven[i]-'0') * weight
	}
	if r := sum % 11; r > 1 {
		return byte('0' + 11 - r)
	}
	return '0'
}

// checkDates refuses days that do not exist; a zero date is a blank.
func checkDates(dates ...Date) error {
	for _, d := range dates {
		if !d.IsZero() && !d.Valid() {
			return fmt.Errorf("%w: no such day", ErrContent)
		}
	}
	return nil
}

func (r ResidentItems) form() (form, error) {
	p := r.Person
	return form{
		title: "住民票記載事項証明書",
		head:  []row{{{label: "住所", value: r.Address}}, {{label: "世帯主", value: r.Householder}}},
		blocks: []block{{rows: []row{
			{{label: "フリガナ", value: p.Kana}},
			{{label: "氏名", value: p.Name, big: true}},
			{{label: "生年月日", value: p.Birth.Aligned(), share: 7}, {label: "性別", value: p.Sex}},
			{{label: "住民となった年月日", value: p.Since.Aligned()}},
			{{label: "住所を定めた年月日", value: p.Settled.Aligned()}},
			{{label: "備考", value: p.Remarks}},
		}}},
		sentence: "上記の事項は、住民票に記載されている事項と相違ないことを証明する。",
	}, checkDates(p.Birth, p.Since, p.Settled)
}

func (r SealRegistration) form() (form, error) {
	if err := r.Imprint.check(); err != nil {
		return form{}, err
	}
	return form{
		title: "印鑑登録証明書",
		style: imprints,
		blocks: []block{{title: "印影", rows: []row{
			{{label: "登録番号", value: r.Number}},
			{{label: "登録年月日", value: r.Registered.Aligned()}},
			{{label: "フリガナ", value: r.Kana}},
			{{label: "氏名", value: r.Name, big: true}},
			{{label: "生年月日", value: r.Birth.Aligned()}},
			{{label: "住所", value: r.Address}},
			{{label: "備考"}},
		}}},
		sentence: "この写しは、登録されている印影と相違ないことを証明する。",
		imprint:  &r.Imprint,
	}, checkDates(r.Registered, r.Birth)
}

func (r IncomeTax) form() (form, error) {
	f := form{
		title:    "所得・課税証明書",
		head:     []row{{{label: "住所", value: r.Address}}, {{label: "氏名", value: r.Name, big: true, share: 7}, {label: "生年月日", value: r.Birth.Aligned()}}, {{label: "年度", value: fiscalYear(r.Year), share: 7}, {label: "所得の期間", value: fullWidth(strings.TrimSuffix(Date{r.Year - 1, 12, 31}.Wareki(), "１２月３１日")) + "中"}}},
		sentence: "上記のとおり相違ないことを証明する。",
	}
	for _, part := range []struct {
		title   string
		amounts []Amount
	}{{"所得", r.Incomes}, {"控除", r.Deductions}, {"税額", r.Taxes}} {
		if len(part.amounts) > 0 {
			f.blocks = append(f.blocks, block{title: part.title, rows: amountRows(part.amounts)})
		}
	}
	if !(Date{r.Year, 4, 1}).Valid() {
		return f, fmt.Errorf("%w: fiscal year", ErrContent)
	}
	return f, checkDates(r.Birth)
}

func amountRows(amounts []Amount) []row {
	var rows []row
	for i := 0; i < len(amounts); i += 2 {
		r := row{{label: amounts[i].Name, value: yen(amounts[i].Yen), share: 6, right: true}}
		second := cell{}
		if i+1 < len(amounts) {
			second = cell{label: amounts[i+1].Name, value: yen(amounts[i+1].Yen), right: true}
		}
		rows = append(rows, append(r, second))
	}
	return rows
}

// yen writes 1234567 as 1,234,567円.
func yen(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s + "円"
}

func (r TaxPaid) form() (form, error) {
	f := form{
		title:    "納税証明書",
		head:     []row{{{label: "住所", value: r.Address}}, {{label: "氏名", value: r.Name, big: true}}},
		sentence: "上記のとおり納付されていることを証明する。",
	}
	b := block{rows: []row{{{heading: "年度", share: 2}, {heading: "税目", share: 4}, {heading: "課税額", share: 2},
		{heading: "納付済額", share: 2}, {heading: "未納額"}}}}
	for _, y := range r.Years {
		if !(Date{y.Year, 4, 1}).Valid() {
			return f, fmt.Errorf("%w: fiscal year", ErrContent)
		}
		b.rows = append(b.rows, row{{value: fiscalYear(y.Year), share: 2}, {value: y.Tax, share: 4},
			{value: yen(y.Charged), share: 2, right: true}, {value: yen(y.Paid), share: 2, right: true}, {value: yen(y.Overdue), right: true}})
	}
	f.blocks = []block{b}
	return f, nil
}
