package sheet

import "fmt"

// A computerised family register (戸籍法施行規則 付録第24号様式) has two columns: what an entry is, and its
// items as 【name】value, one under the other.

func (r FamilyRegister) form() (form, error) {
	f := form{
		title:    "全部事項証明",
		style:    register,
		head:     registerHead(r.Origin, r.Head),
		sentence: "これは、戸籍に記録されている事項の全部を証明した書面である。",
	}
	if r.Individual {
		f.title = "個人事項証明"
		f.sentence = "これは、戸籍に記録されている事項中の一部を証明した書面である。"
	}
	if len(r.Members) == 0 {
		return f, fmt.Errorf("%w: nobody in the register", ErrContent)
	}
	if len(r.History) > 0 {
		f.blocks = append(f.blocks, entries("戸籍事項", r.History))
	}
	for _, m := range r.Members {
		if err := checkDates(m.Birth); err != nil {
			return f, err
		}
		f.blocks = append(f.blocks, m.block())
		if len(m.Entries) > 0 {
			f.blocks = append(f.blocks, entries("身分事項", m.Entries))
		}
	}
	return f, nil
}

func registerHead(origin, head string) []row {
	return []row{{{label: "本籍", value: origin}}, {{label: "氏名", value: head}}}
}

func entries(title string, list []FamilyEntry) block {
	b := block{title: title, events: true}
	for _, e := range list {
		r := row{{label: e.Title}}
		for _, i := range e.Items {
			r = append(r, cell{label: i.Name, value: i.Value})
		}
		b.rows = append(b.rows, r)
	}
	return b
}

func (m FamilyMember) block() block {
	r := row{{}, {label: "名", value: m.Given}, {label: "生年月日", value: m.Birth.Wareki()}}
	if m.Removed {
		r[0].label = "除籍"
	}
	if m.Spouse != "" {
		r = append(r, cell{label: "配偶者区分", value: m.Spouse, run: true})
	}
	r = append(r, cell{label: "父", value: m.Father}, cell{label: "母", value: m.Mother}, cell{label: "続柄", value: m.Relation})
	return block{title: "戸籍に記録されている者", rows: []row{r}}
}

func (r FamilySupplement) form() (form, error) {
	f := form{
		title:    "戸籍の附票の写し",
		style:    register,
		head:     registerHead(r.Origin, r.Head),
		sentence: "この写しは、戸籍の附票の原本と相違ないことを証明する。",
	}
	if len(r.Members) == 0 {
		return f, fmt.Errorf("%w: nobody in the supplement", ErrContent)
	}
	for _, m := range r.Members {
		person := row{{}, {label: "名", value: m.Given}}
		for _, a := range m.Addresses {
			if err := checkDates(a.Since); err != nil {
				return f, err
			}
			person = append(person, cell{label: "住所", value: a.Address}, cell{label: "住定日", value: a.Since.Wareki()})
		}
		f.blocks = append(f.blocks, block{title: "附票に記録されている者", rows: []row{person}})
	}
	return f, nil
}
