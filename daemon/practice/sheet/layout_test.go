package sheet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func testIssue(t testing.TB) Issue {
	t.Helper()
	office, err := NewOffice("見本県架空市", "架空市長　見本　一郎", "架空市長之印")
	if err != nil {
		t.Fatal(err)
	}
	return Issue{Serial: "141003-20261121-0000042", At: time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC), Office: office}
}

// fataler is what testing.T and rapid.T share.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func drawn(t fataler, c Content, i Issue) []drawing {
	t.Helper()
	l, err := Lay(c, i)
	if err != nil {
		t.Fatalf("lay: %v", err)
	}
	var out []drawing
	for n, p := range l.pages {
		d, err := readStream(inflate(t, p.content))
		if err != nil {
			t.Fatalf("page %d: %v", n+1, err)
		}
		out = append(out, d)
	}
	return out
}

func person(name string) Resident {
	return Resident{Name: name, Kana: "カクウ　タロウ", Birth: Date{1984, 1, 8}, Sex: "男", Relation: "子", Since: Date{2019, 4, 1},
		Settled: Date{2019, 4, 1}, Origin: "見本県架空市本籍町９８番地", Head: "架空　太郎", Previous: "東見本県旧例市", MyNumber: "123456789012", Remarks: "見本"}
}

func household(n int) ResidentRecord {
	r := ResidentRecord{Address: "見本県架空市例町１番地", Householder: "架空　太郎", Whole: true, ShowRelation: true, ShowOrigin: true}
	for i := range n {
		r.People = append(r.People, person("架空　"+string("太花陽悠桜正和"[3*(i%7):3*(i%7)+3])))
	}
	return r
}

// Every page says whose office, which issue, which page of how many and that it is a sample; the certification
// and the seal are on the last page only.
func TestFurniture(t *testing.T) {
	pages := drawn(t, household(9), testIssue(t))
	if len(pages) != 3 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, d := range pages {
		text := d.text()
		for _, want := range []string{"見本", "住民票の写し", "発行番号　141003-20261121-0000042", fullWidth(fmt.Sprintf("(%d/3)", i+1)),
			"この証明書に効力はありません", "地紋", "見本県架空市例町１番地"} {
			if !strings.Contains(text, want) {
				t.Errorf("page %d lacks %q", i+1, want)
			}
		}
		last := i == len(pages)-1
		for _, want := range []string{"世帯全員の住民票の原本と相違ない", "架空市長　見本　一郎", "令和　８年１１月２１日"} {
			if strings.Contains(text, want) != last {
				t.Errorf("page %d of 3: %q is %t", i+1, want, !last)
			}
		}
		if strings.Contains(text, "次頁に続く") == last {
			t.Errorf("page %d of 3 says otherwise whether another follows", i+1)
		}
		want := "[/Ground]"
		if last {
			want = "[/Ground /Seal]"
		}
		if got := fmt.Sprint(d.placed); got != want {
			t.Errorf("page %d places %s, want %s", i+1, got, want)
		}
		if mark, ok := d.find("見本"); !ok || mark.red < 0.5 {
			t.Errorf("page %d has no red 見本", i+1)
		}
	}
}

// Each person is on one page, once, in order, numbered.
func TestPeopleKeepTogether(t *testing.T) {
	for n := 1; n <= 12; n++ {
		r := household(n)
		for i := range r.People {
			r.People[i].Name = fmt.Sprintf("架空　%c", 'ア'+2*rune(i))
			r.People[i].Remarks = fmt.Sprintf("備考　%c", 'ア'+2*rune(i))
		}
		seen := 0
		for _, d := range drawn(t, r, testIssue(t)) {
			text := d.text()
			for strings.Contains(text, fmt.Sprintf("架空　%c", 'ア'+2*rune(seen))) {
				if !strings.Contains(text, fmt.Sprintf("備考　%c", 'ア'+2*rune(seen))) {
					t.Fatalf("person %d of %d is divided", seen+1, n)
				}
				seen++
				if seen == n {
					break
				}
			}
		}
		if seen != n {
			t.Fatalf("%d people of %d", seen, n)
		}
	}
}

// What the applicant did not ask for is not on the paper.
func TestOmittedIsNotPrinted(t *testing.T) {
	r := household(2)
	r.Householder, r.People[0].Relation = "仮野　一", "世帯主"
	for _, c := range []struct {
		name   string
		change func(*ResidentRecord)
		gone   []string
		stays  []string
	}{
		{"number", func(*ResidentRecord) {}, []string{"１２３４　５６７８　９０１２"}, []string{"９８番地", "仮野"}},
		{"number shown", func(r *ResidentRecord) { r.ShowMyNumber = true }, nil, []string{"１２３４　５６７８　９０１２"}},
		{"origin", func(r *ResidentRecord) { r.ShowOrigin = false }, []string{"９８番地"}, []string{"仮野"}},
		{"relation", func(r *ResidentRecord) { r.ShowRelation = false }, []string{"仮野"}, []string{"９８番地"}},
		{"part", func(r *ResidentRecord) { r.Whole = false }, []string{"世帯全員"}, []string{"住民票の原本と相違ない"}},
	} {
		changed := r
		c.change(&changed)
		text := drawn(t, changed, testIssue(t))[0].text()
		for _, s := range c.gone {
			if strings.Contains(text, s) {
				t.Errorf("%s: %q is printed", c.name, s)
			}
		}
		for _, s := range c.stays {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %q is missing", c.name, s)
			}
		}
	}
}

// overlap is how many points two runs share across, if their lines are closer than a line is high.
func overlap(a, b run) float64 {
	if d := a.base - b.base; d > 0.8*min(a.size, b.size) || -d > 0.8*min(a.size, b.size) {
		return 0
	}
	return min(a.x+a.width, b.x+b.width) - max(a.x, b.x)
}

// checkPage holds what is true of every page whatever the values: text inside the frame, no text over other text.
func checkPage(t fataler, d drawing) {
	t.Helper()
	const slack = 0.1 // two decimals
	for i, r := range d.runs {
		if r.x < left-slack || r.x+r.width > right+slack || r.base-r.size < 30 || r.base > pageHeight-30 {
			t.Fatalf("text at %.1f,%.1f of width %.1f leaves the frame", r.x, r.base, r.width)
		}
		for _, o := range d.runs[:i] {
			if overlap(r, o) > slack {
				t.Fatalf("text at %.1f,%.1f lies over text at %.1f,%.1f", r.x, r.base, o.x, o.base)
			}
		}
	}
	for _, b := range d.boxes {
		if b.x < left-slack || b.x+b.w > right+slack || b.y < 30 || b.y+b.h > bodyEnd+slack {
			t.Fatalf("box %v leaves the frame", b)
		}
	}
	for _, l := range d.lines {
		if (l[0].x != l[1].x && l[0].y != l[1].y) || min(l[0].x, l[1].x) < left-slack || max(l[0].x, l[1].x) > right+slack {
			t.Fatalf("rule %v", l)
		}
	}
}

// No value, however long, pushes text out of the frame or over other text.
func TestTextNeverCollides(t *testing.T) {
	i := testIssue(t)
	letters := rapid.SampledFrom([]rune("架空見本市町村一丁目番地号カナかなA1 　、。（）ー"))
	v := func(n int) *rapid.Generator[string] { return rapid.StringOfN(letters, 0, n, -1) }
	rapid.Check(t, func(t *rapid.T) {
		r := household(rapid.IntRange(1, 8).Draw(t, "people"))
		r.Address, r.Householder = v(200).Draw(t, "address"), v(90).Draw(t, "householder")
		for k := range r.People {
			p := &r.People[k]
			p.Name, p.Kana, p.Origin, p.Head = v(120).Draw(t, "name"), v(80).Draw(t, "kana"), v(200).Draw(t, "origin"), v(60).Draw(t, "head")
			p.Previous, p.Remarks, p.Sex, p.Relation = v(250).Draw(t, "previous"), v(300).Draw(t, "remarks"), v(5).Draw(t, "sex"), v(40).Draw(t, "relation")
		}
		for _, d := range drawn(t, r, i) {
			checkPage(t, d)
		}
	})
}

func TestRegisterTextNeverCollides(t *testing.T) {
	i := testIssue(t)
	letters := rapid.SampledFrom([]rune("架空見本市町村一丁目番地号カナかな１２、。（）ー"))
	v := func(n int) *rapid.Generator[string] { return rapid.StringOfN(letters, 0, n, -1) }
	entry := rapid.Custom(func(t *rapid.T) FamilyEntry {
		e := FamilyEntry{Title: v(20).Draw(t, "title")}
		for range rapid.IntRange(0, 6).Draw(t, "items") {
			e.Items = append(e.Items, Item{v(12).Draw(t, "name"), v(200).Draw(t, "value")})
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		r := FamilyRegister{Origin: v(200).Draw(t, "origin"), Head: v(60).Draw(t, "head"), History: rapid.SliceOfN(entry, 0, 4).Draw(t, "history")}
		for range rapid.IntRange(1, 6).Draw(t, "members") {
			r.Members = append(r.Members, FamilyMember{Given: v(40).Draw(t, "given"), Father: v(100).Draw(t, "father"), Spouse: v(10).Draw(t, "spouse"),
				Removed: rapid.Bool().Draw(t, "removed"), Entries: rapid.SliceOfN(entry, 0, 4).Draw(t, "entries")})
		}
		for _, d := range drawn(t, r, i) {
			checkPage(t, d)
		}
	})
}

// The longest office there may be has its place beside the seal.
func TestLongestOffice(t *testing.T) {
	i := testIssue(t)
	office, err := NewOffice(strings.Repeat("市", maxOffice), strings.Repeat("長", maxMayor), "印")
	if err != nil {
		t.Fatal(err)
	}
	i.Office, i.Serial = office, strings.Repeat("0", 64)
	for _, c := range []Content{household(1), FamilySupplement{Origin: "架空市", Head: "架空", Members: []SupplementMember{{Given: "太郎"}}}} {
		for _, d := range drawn(t, c, i) {
			checkPage(t, d)
			for _, r := range d.runs {
				if strings.HasPrefix(r.text, "市市") || strings.HasPrefix(r.text, "長長") {
					if r.x+r.width > right-72 {
						t.Errorf("%q runs under the seal", r.text)
					}
				}
			}
		}
	}
}

// A family register reads as the official form does.
func TestRegisterLines(t *testing.T) {
	r := FamilyRegister{Origin: "見本県架空市", Head: "架空　太郎",
		History: []FamilyEntry{{"戸籍編製", []Item{{"編製日", "平成２２年１１月２２日"}}}, {"訂正", []Item{{"訂正日", "令和元年５月１日"}}}},
		Members: []FamilyMember{
			{Given: "太郎", Birth: Date{1984, 1, 8}, Spouse: "夫", Father: "架空正義", Mother: "架空和子", Relation: "長男", Entries: []FamilyEntry{{"出生", []Item{{"出生日", "昭和５９年１月８日"}}}}},
			{Given: "花子", Birth: Date{1989, 1, 8}, Removed: true},
		}}
	d := drawn(t, r, testIssue(t))[0]
	rows := map[float64]string{}
	var order []float64
	for _, k := range d.runs {
		if k.base < bodyTop || k.base > footTop {
			continue
		}
		if _, ok := rows[k.base]; !ok {
			order = append(order, k.base)
		}
		rows[k.base] += k.text + "|"
	}
	var got []string
	for _, y := range order {
		got = append(got, strings.TrimSuffix(rows[y], "|"))
	}
	want := []string{"本籍|見本県架空市", "氏名|架空　太郎", "戸籍事項", "　戸籍編製|【編製日】平成２２年１１月２２日", "　訂　　正|【訂正日】令和元年５月１日",
		"戸籍に記録されている者|【名】太郎", "【生年月日】昭和５９年１月８日　　【配偶者区分】夫", "【父】架空正義", "【母】架空和子", "【続柄】長男",
		"身分事項", "　出　　生|【出生日】昭和５９年１月８日",
		"戸籍に記録されている者|【名】花子", "【生年月日】平成元年１月８日", "除籍|【父】", "【母】", "【続柄】", "以下余白"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the register reads\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, title := range map[bool]string{false: "全部事項証明", true: "個人事項証明"} {
		r.Individual = name
		if !strings.Contains(drawn(t, r, testIssue(t))[0].text(), title) {
			t.Errorf("individual %t is not headed %s", name, title)
		}
	}
}

// A long item goes on under itself; a register goes on on the next page under the same head.
func TestRegisterGoesOn(t *testing.T) {
	value := strings.Repeat("見本県架空市例町一番地", 9)
	r := FamilyRegister{Origin: "見本県架空市", Head: "架空　太郎"}
	for range 9 {
		r.Members = append(r.Members, FamilyMember{Given: "太郎", Birth: Date{1984, 1, 8}, Entries: []FamilyEntry{{"婚姻", []Item{{"従前戸籍", value}}}}})
	}
	pages := drawn(t, r, testIssue(t))
	if len(pages) < 2 {
		t.Fatalf("%d pages", len(pages))
	}
	all := ""
	for i, d := range pages {
		all += d.text()
		if !strings.Contains(d.text(), fullWidth(fmt.Sprintf("(%dの%d)", len(pages), i+1))) {
			t.Errorf("page %d does not say so", i+1)
		}
		if head, ok := d.find("架空　太郎"); !ok || head.base > bodyTop+80 {
			t.Errorf("page %d has no head", i+1)
		}
		if strings.Contains(d.text(), "以下余白") != (i == len(pages)-1) {
			t.Errorf("page %d ends otherwise", i+1)
		}
	}
	if n := strings.Count(all, "【従前戸籍】"+value); n != 9 {
		t.Errorf("%d items of 9 are whole", n)
	}
}

// Money ends where its column ends, headings stand over their columns.
func TestTaxColumns(t *testing.T) {
	c := TaxPaid{Name: "架空　太郎", Address: "架空市", Years: []TaxYear{{2026, "市民税", 1234567, 5, 0}, {2025, "市民税", 9, 1000, 12}}}
	d := drawn(t, c, testIssue(t))[0]
	var ends [2][]float64
	for _, r := range d.runs {
		switch r.text {
		case "1,234,567円", "9円":
			ends[0] = append(ends[0], r.x+r.width)
		case "5円", "1,000円":
			ends[1] = append(ends[1], r.x+r.width)
		}
	}
	for i, e := range ends {
		if len(e) != 2 || e[0]-e[1] > 0.02 || e[1]-e[0] > 0.02 {
			t.Errorf("column %d ends at %v", i, e)
		}
	}
	heading, ok := d.find("課税額")
	if !ok || heading.id != gothic || heading.x+heading.width > ends[0][0] {
		t.Error("no heading over the first column")
	}
	checkPage(t, d)
}

func TestIncomeTaxPeriod(t *testing.T) {
	c := IncomeTax{Name: "架空　太郎", Address: "架空市", Birth: Date{1984, 1, 8}, Year: 2026, Incomes: []Amount{{"給与収入", 1}, {"給与所得", 2}, {"合計", 3}}}
	d := drawn(t, c, testIssue(t))[0]
	for _, want := range []string{"令和８年度", "令和７年中", "給与収入", "3円"} {
		if _, ok := d.find(want); !ok {
			t.Errorf("%q is not on the paper", want)
		}
	}
	checkPage(t, d)
}

// The imprint is drawn in its true size, in its box.
func TestImprintSize(t *testing.T) {
	for _, size := range []int{81, 150, 250} {
		for _, square := range []bool{true, false} {
			im := Imprint{Text: "見本", Size: size, Square: square}
			var p pen
			im.draw(&p, point{138, 250})
			low, high := extent(t, p.buf)
			want := float64(size) / 10 * pointsPerMM
			if w, h := high.x-low.x, high.y-low.y; w < want-0.1 || w > want+0.1 || h < want-0.1 || h > want+0.1 {
				t.Errorf("size %d is %.2f by %.2f points, want %.2f", size, w, h, want)
			}
			if mid := (low.x + high.x) / 2; mid < 137.9 || mid > 138.1 {
				t.Errorf("size %d lies around %.2f", size, mid)
			}
		}
	}
}

// extent is the box of all path points of a stream.
func extent(t *testing.T, content []byte) (low, high point) {
	t.Helper()
	var c []contourPoint
	var operands []float64
	for _, token := range strings.Fields(string(content)) {
		var v float64
		if _, err := fmt.Sscanf(token, "%g", &v); err == nil {
			operands = append(operands, v)
			continue
		}
		if token == "m" || token == "l" || token == "c" {
			for i := 0; i+1 < len(operands); i += 2 {
				c = append(c, contourPoint{point: point{operands[i], pageHeight - operands[i+1]}})
			}
		}
		operands = operands[:0]
	}
	if len(c) == 0 {
		t.Fatal("nothing is drawn")
	}
	return ink([][]contourPoint{c})
}
