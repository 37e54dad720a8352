package touch

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/ui/touch/touchtest"
)

// next waits for a finger; someone who only is there does not count.
func (h *harness) next(t *testing.T) Finger {
	t.Helper()
	for {
		select {
		case f := <-h.srv.Fingers():
			if f.Action != Touched {
				return f
			}
		case <-time.After(touchtest.Limit):
			t.Fatal("no finger came")
		}
	}
}

// kiosk is a server and a tab that shows it.
func kiosk(t *testing.T, chromium *touchtest.Browser) (*harness, *touchtest.Browser) {
	t.Helper()
	h, b := newHarness(t, nil), chromium.Tab(t, 1024, 768)
	b.Open(h.url + h.srv.EntryPath())
	b.WaitScreen("out-of-service")
	return h, b
}

func TestInChromium(t *testing.T) {
	chromium := touchtest.Start(t, 1024, 768)
	for name, f := range map[string]func(*testing.T, *touchtest.Browser){
		"every screen": everyScreen, "samples": sampleScreens, "every message": everyMessage, "every refusal": everyRefusal, "PIN": pinInTheBrowser, "counter": deskInTheBrowser, "application": application,
		"double tap": doubleTap, "progress": progress, "language": languageOfAVisit, "abandoned language": abandonedLanguage,
		"still": still, "another page": anotherPage, "restart": restart, "panel": practicePanel,
	} {
		t.Run(name, func(t *testing.T) { f(t, chromium) })
	}
}

// pinInTheBrowser: the digits go out once, and stand nowhere.
func pinInTheBrowser(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	h.srv.Show(Screen{Visit: 11, Name: PIN, TriesLeft: 3})
	b.WaitScreen("pin")
	on := func() int { return touchtest.Eval[int](b, `document.querySelectorAll("[data-pin-dots] .on").length`) }
	for _, k := range []string{"9", "9", "clear", "4", "0", "7", "erase", "3", "6", "8"} {
		b.Click(fmt.Sprintf(`[data-key=%q]`, k))
	}
	if on() != 4 {
		t.Errorf("%d digits are shown as entered", on())
	}
	where := `(() => { const d = document.documentElement.cloneNode(true); d.querySelector(".keypad").remove();
		return d.outerHTML + location.href + document.cookie + JSON.stringify([localStorage, sessionStorage]) + [...document.querySelectorAll("input")].map((i) => i.value) })()`
	if strings.Contains(touchtest.Eval[string](b, where), "4036") {
		t.Error("the PIN stands in the page")
	}
	b.Press("pin")
	if f := h.next(t); string(f.PIN) != "4036" || f.Visit != 11 {
		t.Errorf("sent %q", f.PIN)
	}
	h.srv.Show(Screen{Visit: 11, Name: PIN, TriesLeft: 2, WrongPIN: true})
	b.Wait(`document.querySelector("[role=alert]") !== null`)
	if on() != 0 {
		t.Error("digits are left over")
	}
	b.Wait(`document.querySelector("[data-send]").disabled`)
}

// deskInTheBrowser: staff type a number and a code; the code goes out once, and stands nowhere.
func deskInTheBrowser(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	for _, says := range []string{"same", "differs"} {
		h.srv.Show(Screen{Visit: 11, Name: ConfirmName, TriesLeft: 5, Of: 2, WrongCode: says == "differs"})
		b.Wait(fmt.Sprintf(`document.getElementById("picture").dataset.picture === "%d"`, h.number()))
		ready := func() bool {
			return touchtest.Eval[bool](b, `[...document.querySelectorAll("[data-word]")].every((b) => !b.disabled)`)
		}
		tap := func(keys ...string) {
			for _, k := range keys {
				b.Click(fmt.Sprintf(`[data-key=%q]`, k))
			}
		}
		tap("1", "2", "9", "erase", "0", "7")
		b.Click(`[data-field="code"]`)
		tap("9", "clear", "4", "8", "2", "9", "1")
		if ready() {
			t.Error("five digits may be sent")
		}
		tap("3")
		if shown := touchtest.Eval[string](b, `[...document.querySelectorAll("[data-value]")].map((v) => v.textContent).join()`); shown != "1207,●●●●●●" || !ready() {
			t.Errorf("it shows %q", shown)
		}
		where := `document.documentElement.outerHTML + location.href + document.cookie + JSON.stringify([localStorage, sessionStorage])`
		if strings.Contains(touchtest.Eval[string](b, where), "482913") {
			t.Error("the code stands in the page")
		}
		b.Click(fmt.Sprintf(`[data-word$=%q]`, "/"+says))
		if f := h.next(t); f.Action != Code || f.Visit != 11 || f.Staff != "1207" || string(f.PIN) != "482913" || f.Same != (says == "same") {
			t.Errorf("%s: sent %+v", says, f)
		}
	}
}

func application(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	h.srv.Show(sample(Choose))
	b.WaitScreen("choose")
	b.Offer("b1")
	b.Click(`[data-local="unlook"]`)
	b.WaitScreen("choose")
	b.Offer("a0")
	b.Click(`label:has([name="opt.household"][value="1"])`)
	b.Click(`[data-step="1"]`)
	b.Click(`[data-step="1"]`)
	b.Click(`[data-step="-1"]`)
	if total := touchtest.Eval[string](b, `document.querySelector("[data-total]").textContent`); total != "600円" {
		t.Errorf("the total is %s", total)
	}
	b.Press("choose")
	f := h.next(t)
	want := protocol.Options{"household": protocol.Text("self"), "my_number": protocol.Bool(false), "domicile": protocol.Bool(false), "head": protocol.Bool(false)}
	if f.Offer != "a0" || f.Copies != 2 || !reflect.DeepEqual(f.Options, want) {
		t.Errorf("applied for %+v", f)
	}
}

// everyRefusal shows the screen of a refusal with each of its texts, in both languages.
func everyRefusal(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	seen := map[string]bool{}
	for _, lang := range []string{"ja", "en"} {
		for _, i := range reason.All() {
			s := sample(Refused)
			s.Code = i.Code
			h.srv.Show(s)
			b.Wait(fmt.Sprintf(`document.getElementById("picture").dataset.tick === "%d"`, h.tick()))
			b.Language(lang)
			said := touchtest.Eval[string](b, `document.querySelector(".refusal .lead").textContent`)
			if !seen[said] {
				check(t, b, lang, "refused "+string(i.Code))
			}
			seen[said] = true
		}
	}
	if len(seen) < 2*10 {
		t.Errorf("only %d texts: %v", len(seen), seen)
	}
}

// doubleTap: a nervous finger does not press what stands there next.
func doubleTap(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	h.srv.Show(sample(Confirm))
	b.WaitScreen("confirm")
	touchtest.Eval[bool](b, `(() => { const y = document.querySelector("[data-action=yes]"); y.click(); y.click(); y.click(); return true; })()`)
	if f := h.next(t); f.Action != Yes {
		t.Errorf("pressed %q", f.Action)
	}
	pay := sample(Pay)
	h.srv.Show(pay)
	b.WaitScreen("pay")
	h.noFinger(t)
}

// progress: a moving counter takes neither digits nor buttons away.
func progress(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	s := Screen{Visit: 12, Name: PIN, TriesLeft: 3, Seconds: 500}
	h.srv.Show(s)
	b.WaitScreen("pin")
	b.Click(`[data-key="5"]`)
	s.Seconds = 900
	h.srv.Show(s)
	b.Wait(`Number(document.querySelector("[data-countdown]").dataset.countdown) > 600`)
	if on := touchtest.Eval[int](b, `document.querySelectorAll("[data-pin-dots] .on").length`); on != 1 {
		t.Errorf("%d digits after the counter moved", on)
	}
	b.Wait(`Number(document.querySelector("[data-countdown]").dataset.countdown) < 900`) // it counts by itself
	h.srv.Show(Screen{Visit: 12, Name: Printing, Of: 4})
	b.WaitScreen("printing")
	h.srv.Show(Screen{Visit: 12, Name: Printing, Of: 4, Done: 3})
	b.Wait(`document.querySelector("progress")?.value === 3`)
}

func languageOfAVisit(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	h.srv.Show(Screen{Name: Welcome})
	b.WaitScreen("welcome")
	b.Language("en")
	h.srv.Show(Screen{Visit: 13, Name: Reading})
	b.WaitScreen("reading")
	b.Wait(`document.documentElement.lang === "en"`)
	h.srv.Show(Screen{Name: Welcome})
	b.WaitScreen("welcome")
	b.Wait(`document.documentElement.lang === "ja"`)
}

func everyMessage(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	n := 0
	for _, lang := range []string{"ja", "en"} {
		for _, screen := range []Name{Ended, Done, OutOfService, AskNotMine, Disowned} {
			for _, m := range Messages(screen) {
				s := sample(screen)
				s.Message, s.Visit = m, 14
				h.srv.Show(s)
				b.Wait(fmt.Sprintf(`document.getElementById("picture").dataset.tick === "%d"`, h.tick()))
				b.Language(lang)
				check(t, b, lang, string(screen)+" "+string(m))
				n++
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d messages were shown", n)
	}
}

// abandonedLanguage: on the first screen there is no visit whose end would bring Japanese back.
// The page's timers run 200 times faster.
func abandonedLanguage(t *testing.T, chromium *touchtest.Browser) {
	h, b := newHarness(t, nil), chromium.Tab(t, 1024, 768)
	b.Before(`{ const real = window.setTimeout; window.setTimeout = (f, ms) => real(f, ms / 200); }`)
	b.Open(h.url + h.srv.EntryPath())
	h.srv.Show(Screen{Name: Welcome})
	b.WaitScreen("welcome")
	// The page itself notes what it speaks: English is over before a busy machine has asked it.
	touchtest.Eval[bool](b, `{ window.spoken = ["ja"]; new MutationObserver(() => {
		if (spoken.at(-1) !== document.documentElement.lang) spoken.push(document.documentElement.lang);
	}).observe(document.documentElement, { attributes: true }); true; }`)
	b.Click(`[data-local="language"]`)
	b.Wait(`spoken.join() === "ja,en,ja"`)
	h.noFinger(t)
}

func (h *harness) tick() uint64 { p, _ := h.srv.current(); return p.tick }

// still: who asks for no motion gets none.
func still(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	h.srv.Show(Screen{Visit: 15, Name: TakeCard})
	b.WaitScreen("take-card")
	moving := `document.getAnimations().length`
	if touchtest.Eval[int](b, moving) == 0 {
		t.Error("nothing moves at all")
	}
	b.Do("reduce motion", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Void{}, reduceMotion(ctx, target)
	})
	b.Wait(moving + ` === 0 || matchMedia("(prefers-reduced-motion: reduce)").matches`)
	if n := touchtest.Eval[int](b, moving); n != 0 {
		t.Errorf("%d things still move", n)
	}
}

func reduceMotion(ctx context.Context, target *chromedp.Target) error {
	_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}})
	return err
}

// anotherPage: what it must not do. a page from another port of this machine is even sent our cookie along
// (ports are one site to a browser); it must neither press anything nor show the kiosk in a frame.
func anotherPage(t *testing.T, chromium *touchtest.Browser) {
	h, b := kiosk(t, chromium)
	h.srv.Show(Screen{Visit: 7, Name: Working})
	b.WaitScreen("working")
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<iframe src="%s/kiosk"></iframe><form method="post" target="f" action="%s/kiosk/finger">
<input name="visit" value="7"><input name="picture" value="%d"><input name="action" value="cancel"></form><iframe name="f"></iframe>
<script>addEventListener("load", async () => { document.forms[0].submit(); let n = 0;
for (const mode of ["no-cors", "cors"]) await fetch("%s/kiosk/finger", {method: "POST", mode, credentials: "include", body: new URLSearchParams(new FormData(document.forms[0]))}).catch(() => n++);
await fetch("%s/enter/x", {credentials: "include"}).catch(() => n++);
document.title = "tried " + n; })</script>`, h.url, h.url, h.number(), h.url, h.url)
	}))
	defer evil.Close()
	other := chromium.Tab(t, 1024, 768)
	other.Foreign()
	other.Open(evil.URL)
	other.Wait(`document.title.startsWith("tried")`)
	h.noFinger(t)
	if frames := touchtest.Eval[string](other, `(() => { try { return frames[0].document.title } catch { return "closed to us" } })()`); frames != "closed to us" {
		t.Errorf("the frame shows %q", frames)
	}
	refused := 0
	for _, e := range h.log.AllEntries() {
		if strings.Contains(e.Message, "foreign origin") {
			refused++
		}
	}
	if refused < 3 {
		t.Errorf("only %d requests were refused", refused)
	}
	other.WaitComplaint("frame-ancestors") // the browser would not frame it either
	b.WaitScreen("working")
}

func (h *harness) number() uint64 { p, _ := h.srv.current(); return p.number }

// restartable is a server that can be stopped and started anew on its port.
type restartable struct {
	addr  string
	stop  func()
	srv   *Server
	entry string
	panel Panel
}

func (r *restartable) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	if r.srv, err = New(Options{Hosts: []string{r.addr}, Entry: r.entry, Panel: r.panel}); err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: r.srv.Handler(), ReadHeaderTimeout: touchtest.Limit}
	hs.RegisterOnShutdown(r.srv.Close)
	go func() { _ = hs.Serve(l) }()
	r.stop = func() {
		r.srv.Close()
		if err := hs.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// restart: while nobody answers the page says "please wait"; then it goes on by itself, with
// the same entry token by its cookie, and in practice by loading again.
func restart(t *testing.T, chromium *touchtest.Browser) {
	for name, r := range map[string]*restartable{
		"same token":          {addr: "127.0.0.1:0", entry: strings.Repeat("k", 40)},
		"practice, new token": {addr: "127.0.0.1:0", panel: &fakePanel{}},
	} {
		t.Run(name, func(t *testing.T) {
			r.start(t)
			b := chromium.Tab(t, 1024, 768)
			b.Open("http://" + r.addr + r.srv.EntryPath())
			r.srv.Show(Screen{Visit: 3, Name: Working})
			b.WaitScreen("working")
			b.Expect("net::ERR_") // the browser notes each time that nobody answers,
			b.Expect("403")       // and that the page's token is of the one before
			r.stop()
			b.Wait(`document.body.classList.contains("lost")`)
			if shown := touchtest.Eval[string](b, `document.elementFromPoint(512, 384).closest("#waiting").innerText`); !strings.Contains(shown, "お待ちください") {
				t.Errorf("meanwhile the screen says %q", shown)
			}
			b.Shot("waiting-" + strings.Fields(name)[0])
			r.start(t)
			defer func() { r.stop() }()
			b.WaitScreen("out-of-service")
			r.srv.Show(Screen{Name: Welcome})
			b.WaitScreen("welcome")
		})
	}
}

// practicePanel: the kiosk lives in its frame beside the panel, and both follow the practice world.
func practicePanel(t *testing.T, chromium *touchtest.Browser) {
	p := &fakePanel{state: PanelState{Sheets: []Sheet{{"visit-3.pdf", "Visit 3 · 住民票の写し"}}, Events: []Event{
		{9, "refused", "refused", "subject-mismatch"}, {8, "done", "printed", ""}}, InTray: 1, NeedsStaff: true,
		StaffCode: "Staff 7 confirms with the code 482913", Scenarios: []Scenario{
			{ID: "yokohama", Ja: "横浜市 2023年3月27日", En: "Yokohama, 27 March 2023", JaWhy: strings.Repeat("負荷により、次の申請者のファイルが取り込まれた。", 3), Why: strings.Repeat("Under load the next file was picked up. ", 4)},
			{ID: "tokushima", Ja: "徳島市 2023年3月27日", En: "Tokushima, 27 March 2023", JaWhy: "一つのプログラム", Why: "One program.", JaHow: "住民票の写しを申し込む", How: "Ask for a resident record.", On: true, OtherPlaces: true}}}}
	h := newHarness(t, p)
	h.srv.Show(Screen{Name: Welcome}) // now: a panel that is drawn anew between finger down and up was not pressed
	b := chromium.Tab(t, 1440, 900)
	b.Expect("409") // the refusal that is asked for
	b.Open(h.url + "/")
	frame := `document.getElementById("kiosk").contentDocument?.getElementById("picture")?.dataset.screen`
	// The frame's own changes do not wake an observer of this document: let the panel's stream do it.
	b.Wait(`document.querySelector("[data-person=p01]") !== null`)
	b.Place("p01")
	b.Wait(`document.querySelector("[data-card=p01]") !== null`)
	b.Place("p02")
	b.Wait(`document.getElementById("said").textContent.includes("not empty")`)
	touchtest.Eval[bool](b, `new Promise((done) => { const look = () => `+frame+` === "welcome" ? done(true) : requestAnimationFrame(look); look(); })`)
	b.Shot("panel")
	other := chromium.Tab(t, 1024, 768) // the kiosk in a tab of its own, as end-to-end tests have it
	other.Open(h.url + "/kiosk")
	other.WaitScreen("welcome")
	b.Act("stranger")
	b.Wait(`document.querySelector("[data-act=stranger][aria-pressed]") !== null`)
	b.Scenario("yokohama")
	b.Wait(`document.querySelector("[data-playing=yokohama]") !== null && document.querySelector("[data-playing=tokushima]") === null && document.querySelector("[data-staff-code]") !== null`)
	h.srv.Show(Screen{Visit: 4, Name: PIN, TriesLeft: 3})
	other.WaitScreen("pin")
	other.EnterPIN("1234")
	if f := h.next(t); string(f.PIN) != "1234" {
		t.Errorf("sent %q", f.PIN)
	}
	b.Act("pull")
	b.Wait(`document.querySelector('[data-card=""]') !== null`)
	if !slices.Equal(p.done, []string{"stranger", "play yokohama"}) {
		t.Errorf("the practice world heard %v", p.done)
	}
	if bad := touchtest.Eval[string](b, `document.querySelector(".people").innerHTML`); strings.Contains(bad, "<b>一</b>") {
		t.Error("foreign text became markup")
	}
	if wide := touchtest.Eval[bool](b, `document.documentElement.scrollWidth > innerWidth || document.querySelector("aside").scrollWidth > document.querySelector("aside").clientWidth`); wide {
		t.Error("the panel is wider than its place")
	}
}
