package sheet

import (
	"strconv"

	"honnin/config/tokyo"
)

// What stands on the page, in millimetres from its top left corner, and what a technician sees by it:
//
//	steps at each edge    the margin that the printer cannot reach: count the steps that are missing, 1 mm each
//	frame, 15 mm inside   place and skew: measure at all four corners
//	rulers                feed and scale: 160 mm across, 180 mm along
//	greys, colours        toner and its steps, from 0 to 100 %
//	lines, small letters  resolution
//	full and half grey    banding, fixing
const (
	pageWide, pageHigh = 210.0, 297.0
	frame              = 15.0
	left               = 22.0
)

// title is a word of a vocabulary, and what people read.
type title struct{ word, ja, en string }

func titleOf(all []title, word string) *title {
	for i := range all {
		if all[i].word == word {
			return &all[i]
		}
	}
	return nil
}

var (
	ways = []title{{"ipp", "", "IPP"}, {"ipps", "", "IPP, TLS"}, {"usb", "", "USB"}, {"dir", "練習", "practice"}}

	states = []title{{string(OK), "", "OK"}, {string(Bad), "×", "FAILED"}, {string(Soon), "△", "SOON"}, {string(Unknown), "", "-"}}

	counters = []title{
		{string(Starts), "起動", "starts"}, {string(Visits), "手続き", "visits"}, {string(Printed), "印刷済み", "printed"}, {string(Refused), "拒否", "refused"},
		{string(Void), "無効", "void"}, {string(Failed), "失敗", "failed"}, {string(Unsure), "不明", "unsure"}, {string(Impressions), "証明書の面", "page sides"},
		{string(Services), "点検紙", "service sheets"}, {string(StaffCalls), "係員の呼出", "staff called"}, {string(Incidents), "事故", "incidents"},
	}

	checks = []title{
		{"disk", "ディスク", "disk"}, {"storage", "記憶装置", "storage"}, {"journal", "ジャーナル", "journal"}, {"policy", "ポリシー", "policy"}, {"config", "", "site.toml"}, {"keys", "鍵", "keys"}, {"daemon", "デーモン", "daemon"},
		{"usb", "", "USB"}, {"reader", "リーダー", "reader"}, {"printer", "プリンター", "printer"}, {"supplies", "消耗品", "supplies"}, {"centre", "センター", "centre"}, {"clock", "時計", "clock"},
		{"undelivered", "未送信", "undelivered"}, {"staff", "紙の通り道", "paper path"}, {"incidents", "事故", "incidents"}, {"service-off", "保守停止", "service off"},
		{"service", "サービス", "service"},
	}
)

// Checks are the names of checks that a sheet can have.
func Checks() []string { return words(checks) }

// Ways are how a printer may be reached.
func Ways() []string { return words(ways) }

func words(all []title) (out []string) {
	for _, t := range all {
		out = append(out, t.word)
	}
	return out
}

// draw is the whole file.
func draw(f Facts) ([]byte, error) {
	p := &pen{font: gothic()}
	p.steps()
	p.grey(0)
	p.box(frame, frame, pageWide-2*frame, pageHigh-2*frame, 0.5)
	p.heading()
	p.facts(f)
	p.findings(f)
	p.counts(f)
	p.tones()
	p.lines()
	p.rulers()
	p.fill(left, 246, 150, 7)
	p.grey(0.5)
	p.fill(left, 253, 150, 7)
	p.grey(0)
	p.text(left, 266, 7, "黒と灰色にむらや横縞がないか、こすって落ちないかを見る。 Look for bands, and rub: nothing may come off.")
	p.not(left, 276, 12)
	return p.file(f.At)
}

// not is what keeps anybody from taking it for a certificate.
func (p *pen) not(x, y, size float64) {
	p.text(x, y, size, "これは証明書ではありません / This is not a certificate")
}

func (p *pen) heading() {
	p.text(left, 37, 50, "点検")
	p.text(left+42, 36, 34, "SERVICE SHEET")
	p.fill(left, 43, 166, 12)
	p.grey(1)
	p.not(left+4, 51.2, 16)
	p.grey(0)
}

// rows writes name and value, one under the other.
func (p *pen) rows(x, y, wide float64, all [][2]string) {
	for i, r := range all {
		at := y + float64(i)*5.2
		p.text(x, at, 8, r[0])
		p.text(x+wide, at, 8, r[1])
	}
}

func (t title) both() string {
	if t.ja == "" {
		return t.en
	}
	return t.ja + " " + t.en
}

func (p *pen) facts(f Facts) {
	policy, model := "-", "-"
	if f.Policy > 0 {
		policy = strconv.FormatUint(f.Policy, 10)
	}
	if f.Model != "" {
		model = f.Model
	}
	p.rows(left, 63, 40, [][2]string{
		{"端末 terminal", string(f.Terminal)},
		{"時刻 time", f.At.In(tokyo.Zone()).Format("2006-01-02 15:04:05") + " (Asia/Tokyo)"},
		{"ソフト software", string(f.Software)},
		{"ポリシー policy", policy},
		{"プリンター printer", titleOf(ways, f.Printer).both()},
		{"機種 model", model},
		{"ジャーナル journal", strconv.FormatUint(f.Journal, 10)},
	})
}

// findings are in three columns, in the order of the doctor's.
func (p *pen) findings(f Facts) {
	p.text(left, 100, 9, "診断 doctor")
	const high = 6
	for i, c := range checks {
		at := "-"
		if s := titleOf(states, string(f.Checks[c.word])); s != nil {
			at = s.both()
		}
		p.rows(left+float64(i/high)*53, 105.5+float64(i%high)*5.2, 37, [][2]string{{c.both(), at}})
	}
}

func (p *pen) counts(f Facts) {
	p.text(left, 139, 9, "これまでの数 counted so far")
	for i, c := range counters {
		p.rows(left+float64(i/4)*53, 144.5+float64(i%4)*5.2, 37, [][2]string{{c.both(), strconv.FormatUint(f.Counters[Counter(c.word)], 10)}})
	}
}

// tones are grey from white to black, and the six colours that a colour printer mixes.
func (p *pen) tones() {
	for i := range 11 {
		x := left + float64(i)*13.6
		p.grey(1 - float64(i)/10)
		p.fill(x, 166, 13.6, 10)
		p.grey(0)
		p.text(x+4, 179.5, 6, strconv.Itoa(i*10)+"%")
	}
	p.box(left, 166, 11*13.6, 10, 0.1)
	for i, c := range [][3]float64{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
		p.colour(c)
		p.fill(left+float64(i)*25, 182, 25, 6)
	}
	p.grey(0)
}

// lines are pairs of a line and a gap as wide, and letters that get smaller.
func (p *pen) lines() {
	for i, points := range []float64{0.24, 0.36, 0.48, 0.72, 1} {
		x, wide := left+float64(i)*30, points/pointsPerMM
		for off := 0.0; off < 10; off += 2 * wide {
			p.fill(x+off, 192, wide, 10)
			p.fill(x+12, 192+off, 10, wide)
		}
		p.text(x, 206, 6, strconv.FormatFloat(points, 'f', 2, 64)+" pt")
	}
	for i, size := range []float64{4, 5, 6, 7, 8, 10} {
		p.text(left+float64(i)*25, 213, size, "点検 Ag 0123")
	}
}

// rulers are 160 mm across and 180 mm along the feed.
func (p *pen) rulers() {
	p.text(left, 219, 7, "定規を当てて比べる。枠は紙の端から 15 mm、四隅で測る。")
	p.text(left, 223, 7, "Hold a rule to it; the frame is 15 mm from each edge of the paper, at all four corners.")
	for mm := range 161 {
		x, long := left+float64(mm), tick(mm)
		p.fill(x-0.05, 228, 0.1, long)
		if mm%20 == 0 {
			p.text(x-1.5, 237, 6, strconv.Itoa(mm))
		}
	}
	for mm := range 181 {
		y, long := 61+float64(mm), tick(mm)
		p.fill(190-long, y-0.05, long, 0.1)
		if mm%20 == 0 {
			p.text(179.5, y+1, 6, strconv.Itoa(mm))
		}
	}
}

func tick(mm int) float64 {
	switch {
	case mm%10 == 0:
		return 5
	case mm%5 == 0:
		return 3.5
	}
	return 2
}

// steps are stairs at the four edges, from the paper's edge inwards.
func (p *pen) steps() {
	p.grey(0)
	for mm := range 14 {
		in, along := float64(mm), float64(mm)*3
		p.fill(70+along, in, 3, 0.2)
		p.fill(70+along, pageHigh-in-0.2, 3, 0.2)
		p.fill(in, 120+along, 0.2, 3)
		p.fill(pageWide-in-0.2, 120+along, 0.2, 3)
		if mm%5 == 0 && mm > 0 {
			n := strconv.Itoa(mm)
			p.text(70.5+along, in+3, 6, n)
			p.text(70.5+along, pageHigh-in-1, 6, n)
			p.text(in+1, 122.5+along, 6, n)
			p.text(pageWide-in-3.2, 122.5+along, 6, n)
		}
	}
	p.text(113, 12.5, 6, "余白 margin: 1 段 step = 1 mm")
}
