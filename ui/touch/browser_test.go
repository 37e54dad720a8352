package touch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/ui/touch/touchtest"
)

// offer makes one of the sample offers.
func offer(id, code, ja, en string, c protocol.Certificate, fee int) protocol.Offer {
	return protocol.Offer{ID: id, Municipality: protocol.Municipality(code), Name: protocol.Names{Ja: ja, En: en},
		Certificate: c, Fee: fee, Hours: "06:30-23:00", Available: true}
}

// sampleOffers are as many as a person normally sees: eight of the home, three of another municipality.
func sampleOffers() []protocol.Offer {
	var out []protocol.Offer
	for i, c := range protocol.Certificates() {
		out = append(out, offer(fmt.Sprintf("a%d", i), "141003", "練習市", "Practice City", c, 300))
	}
	out[0].Options = map[string][]protocol.Option{
		"household": {protocol.Text("all"), protocol.Text("self")},
		"my_number": {protocol.Bool(false), protocol.Bool(true)},
		"domicile":  {protocol.Bool(false), protocol.Bool(true)},
		"head":      {protocol.Bool(false), protocol.Bool(true)},
	}
	out[6].Available, out[6].Why, out[6].Hours = false, "closed", "06:30-23:00"
	out[4].Available, out[4].Why = false, "closed-today"
	out[2].Available, out[2].Why = false, "not-registered"
	for i, c := range []protocol.Certificate{protocol.FamilyRegister, protocol.FamilyRegisterPersonal, protocol.FamilyRegisterSuppl} {
		out = append(out, offer(fmt.Sprintf("b%d", i), "131001", "架空区", "Fiction Ward", c, 450))
	}
	out[8].Available, out[8].Why = false, "stopped"
	return out
}

func sampleChoice() Choice {
	return Choice{Offer: sampleOffers()[0], Copies: 2, Options: protocol.Options{"household": protocol.Text("all"),
		"my_number": protocol.Bool(false), "domicile": protocol.Bool(true), "head": protocol.Bool(true)}}
}

// sample is a screen of every kind, as full as it gets.
func sample(n Name) Screen {
	s := Screen{Visit: 7, Name: n, TriesLeft: 3, Chosen: sampleChoice(), Fee: 600, Seconds: 45, Done: 1, Of: 4}
	switch n {
	case Welcome, OutOfService:
		s.Visit, s.Seconds, s.Disowns = 0, 0, 7
		s.Message, s.Until = MsgClosed, time.Date(2027, 1, 3, 21, 30, 0, 0, time.UTC)
	case PIN:
		s.TriesLeft, s.WrongPIN, s.IdlePad = 2, true, true
	case PINAtReader:
		s.TriesLeft, s.WrongPIN, s.Seconds = 2, true, 0
	case Choose:
		s.Offers = sampleOffers()
	case Refused:
		s.CardIn, s.Code, s.Reference = true, reason.SubjectMismatch, "0042-1121-12345"
	case ConfirmName:
		s.TriesLeft, s.WrongCode, s.Of = 4, true, 12
	case Withheld:
		s.CardIn, s.Code, s.Reference = true, reason.NameMismatch, "0042-1121-12345"
	case TakePaper, Done:
		s.Disowns = 7
	case AskNotMine:
		s.Message = MsgAgain
	case Disowned:
		s.CardIn, s.Message, s.Reference = true, MsgUnproven, "0042-1121-12345"
	case FailedPaper:
		s.Reference = "0042-1121-12345"
	case Ended, Blocked:
		s.CardIn, s.Message = true, MsgNotLinked
	case Printing:
		s.Seconds = 0
	}
	return s
}

// fits is what must hold of every picture, measured in the page.
const fits = `(() => {
  const bad = [], root = document.documentElement, pic = document.getElementById("picture");
  for (const el of [root, document.body, pic, pic.querySelector("main"), ...pic.querySelectorAll(".offers, header, footer, main *")]) {
    if (el.closest("svg")) continue;
    if (getComputedStyle(el).display === "inline") continue;
    if (el.scrollWidth > el.clientWidth + 1) bad.push(el.tagName + "." + el.className + " is wider: " + el.scrollWidth + " > " + el.clientWidth);
    if (el.scrollHeight > el.clientHeight + 1 && getComputedStyle(el).overflowY !== "visible") bad.push(el.tagName + "." + el.className + " is higher: " + el.scrollHeight + " > " + el.clientHeight);
  }
  const main = pic.querySelector("main").getBoundingClientRect(), targets = [];
  for (const el of pic.querySelectorAll("main *")) {
    if (el.closest("svg")) continue;
    const r = el.getBoundingClientRect();
    if (r.width + r.height === 0) continue; // display: contents, hidden fields
    if (r.bottom > main.bottom + 1 || r.top < main.top - 1) bad.push(el.tagName + "." + el.className + " leaves main: " + r.top + ".." + r.bottom);
  }
  for (const el of pic.querySelectorAll("button, input:not([type=hidden]), a")) {
    const r = el.getBoundingClientRect();
    targets.push(r);
    if (r.width < 63.5 || r.height < 63.5) bad.push("target " + (el.dataset.action || el.dataset.local || el.dataset.key || el.name) + " is " + r.width + "x" + r.height);
    if (r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight) bad.push("target outside the screen");
    if (!el.labels?.length && !(el.getAttribute("aria-label") || el.textContent).trim()) bad.push("target without a name");
  }
  targets.forEach((a, i) => targets.slice(i + 1).forEach((b) => {
    if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) bad.push("targets overlap");
  }));
  if (pic.querySelectorAll("h1").length !== 1) bad.push("not one heading");
  if (pic.querySelectorAll("main").length !== 1) bad.push("not one main");
  if (pic.querySelectorAll(".primary").length > 1) bad.push("more than one primary action");
  if (pic.querySelectorAll("[data-local=language]").length !== 1) bad.push("no language button");
  if (root.lang !== pic.lang) bad.push("lang of the page: " + root.lang);
  if (!document.title) bad.push("no title");
  for (const el of pic.querySelectorAll("svg")) if (el.getAttribute("aria-hidden") !== "true") bad.push("a drawing speaks");
  for (const el of pic.querySelectorAll("[role=progressbar], progress, [role=group]")) if (!el.getAttribute("aria-label")) bad.push("no label: " + el.className);
  return bad;
})()`

// contrast measures every text against the background behind it (WCAG 2: 4.5, or 3 for large text; disabled
// controls are exempt there but not here, where they only may be fainter).
const contrast = `(() => {
  const lum = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const rgb = (s) => s.match(/[\d.]+/g).map(Number);
  const behind = (el) => { for (; el; el = el.parentElement) { const c = rgb(getComputedStyle(el).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  const bad = [], walk = document.createTreeWalker(document.getElementById("picture"), NodeFilter.SHOW_TEXT);
  let n = 0;
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || el.closest("svg")) continue;
    n++;
    const st = getComputedStyle(el), fg = rgb(st.color).slice(0, 3), [a, b] = [lum(fg), lum(behind(el))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05), size = parseFloat(st.fontSize), large = size >= 24 || size >= 18.66 && st.fontWeight >= 700;
    const need = el.closest(":disabled") ? 2 : large ? 3 : 4.5;
    if (ratio < need) bad.push(walk.currentNode.data.trim() + ": " + ratio.toFixed(2));
  }
  return n ? bad : ["no text at all"];
})()`

var sizes = []struct{ w, h int }{{1024, 768}, {1920, 1080}}

// everyScreen shows every screen in both languages at both sizes.
func everyScreen(t *testing.T, chromium *touchtest.Browser) {
	for _, size := range sizes {
		t.Run(fmt.Sprintf("%dx%d", size.w, size.h), func(t *testing.T) {
			h, b := newHarness(t, nil), chromium.Tab(t, size.w, size.h)
			b.Open(h.url + h.srv.EntryPath())
			for _, lang := range []string{"ja", "en"} {
				for _, n := range Names() {
					h.showAndMeasure(t, b, sample(n), lang)
				}
				h.srv.Show(sample(Choose))
				b.WaitScreen("choose")
				b.Language(lang)
				b.Offer("a0")
				measure(t, b, lang, "options")
			}
		})
	}
}

func (h *harness) showAndMeasure(t *testing.T, b *touchtest.Browser, s Screen, lang string) {
	t.Helper()
	h.srv.Show(s)
	b.WaitScreen(string(s.Name))
	b.Language(lang)
	measure(t, b, lang, string(s.Name))
}

func measure(t *testing.T, b *touchtest.Browser, lang, name string) {
	t.Helper()
	touchtest.Eval[bool](b, `document.fonts.ready.then(() => true)`)
	shot := fmt.Sprintf("%s-%s-%d", name, lang, touchtest.Eval[int](b, "innerWidth"))
	b.Shot(shot)
	if path, shown := map[string]string{"choose-ja-1024": "choose.png", "out-of-service-ja-1024": "closed.png", "refused-ja-1024": "refused.png"}[shot]; shown {
		b.Pictured(path)
	}
	check(t, b, lang, name)
}

func check(t *testing.T, b *touchtest.Browser, lang, name string) {
	t.Helper()
	for _, law := range []string{fits, contrast} {
		if bad := touchtest.Eval[[]string](b, law); len(bad) > 0 {
			t.Errorf("%s (%s): %s", name, lang, strings.Join(bad, "; "))
		}
	}
	if bad := b.Axe(); len(bad) > 0 {
		t.Errorf("%s (%s): axe: %s", name, lang, strings.Join(bad, "; "))
	}
}
