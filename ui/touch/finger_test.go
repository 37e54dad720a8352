package touch

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"honnin/config/protocol"
)

// body is the form of a finger on the picture that is shown.
func (h *harness) body(action Action, more ...string) string {
	p, _ := h.srv.current()
	v := url.Values{"visit": {fmt.Sprint(p.Visit)}, "picture": {fmt.Sprint(p.number)}, "action": {string(action)}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v.Encode()
}

func (h *harness) pinPath() string {
	p, _ := h.srv.current()
	return fmt.Sprintf("/kiosk/pin/%d/%d", p.Visit, p.number)
}

func TestEveryActionOnEveryScreen(t *testing.T) {
	h, passed := newHarness(t, nil).enter(t), 0
	for _, n := range Names() {
		for _, a := range []Action{Yes, Back, Cancel, More, Finish, Touched, "", "print"} {
			before := h.srv.Dropped().Unexpected
			h.srv.Show(Screen{Visit: 7, Name: n, Fee: passed})
			got := h.do(t, "POST", "/kiosk/finger", h.body(a))
			if !n.Allows(a) {
				h.noFinger(t)
				if got.status != 400 || h.srv.Dropped().Unexpected != before+1 {
					t.Errorf("%s on %s: %d, %+v", a, n, got.status, h.srv.Dropped())
				}
				continue
			}
			passed++
			if f := h.finger(t); got.status != 204 || f.Visit != 7 || f.Action != a || f.PIN != nil || f.Options != nil {
				t.Errorf("%s on %s: %d %+v", a, n, got.status, f)
			}
		}
	}
	if passed < 20 {
		t.Errorf("only %d actions were possible at all", passed)
	}
}

func TestStaleAndRepeatedFingersAreDroppedAndCounted(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	h.srv.Show(Screen{Visit: 7, Name: Confirm, Fee: 300})
	old := h.body(Yes)
	h.srv.Show(Screen{Visit: 8, Name: Confirm, Fee: 300})
	if got := h.do(t, "POST", "/kiosk/finger", old); got.status != 409 {
		t.Errorf("a finger of an earlier visit: %d", got.status)
	}
	before := h.body(Yes)
	h.srv.Show(Screen{Visit: 8, Name: Confirm, Fee: 600})
	if got := h.do(t, "POST", "/kiosk/finger", before); got.status != 409 {
		t.Errorf("a finger on an earlier picture of this visit: %d", got.status)
	}
	if got := h.do(t, "POST", "/kiosk/finger", strings.Replace(before, "action=yes", "action=touched", 1)); got.status != 204 {
		t.Errorf("somebody was there, on an earlier picture: %d", got.status)
	}
	h.noFinger(t)
	now := h.body(Yes)
	for i, want := range []int{204, 409, 409} {
		if got := h.do(t, "POST", "/kiosk/finger", now); got.status != want {
			t.Errorf("tap %d: %d, want %d", i+1, got.status, want)
		}
	}
	h.finger(t)
	h.noFinger(t)
	if d := h.srv.Dropped(); d != (Dropped{Stale: 3, Repeated: 2}) {
		t.Errorf("counted %+v", d)
	}
}

func TestTheSameScreenAgainCanBeTouchedAgain(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	s := Screen{Visit: 7, Name: PIN, TriesLeft: 2, WrongPIN: true}
	for range 3 {
		h.srv.Show(s)
		if got := h.do(t, "POST", h.pinPath(), "1234"); got.status != 204 {
			t.Fatalf("answered %d", got.status)
		}
		h.finger(t)
	}
}

func TestProgressKeepsThePicture(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	h.srv.Show(Screen{Visit: 7, Name: Working, Seconds: 60})
	meant := h.body(Cancel)
	h.srv.Show(Screen{Visit: 7, Name: Working, Seconds: 30})
	if got := h.do(t, "POST", "/kiosk/finger", meant); got.status != 204 {
		t.Errorf("a tap was lost to a counter: %d", got.status)
	}
}

// TestNotMine: a certificate is disowned on the picture that names its visit, once, and on no other; the browser does not say of which.
func TestNotMine(t *testing.T) {
	h, tried := newHarness(t, nil).enter(t), 0
	for _, n := range []Name{Welcome, OutOfService, TakePaper, Done} {
		for _, of := range []uint64{0, 7} {
			tried++
			h.srv.Show(Screen{Visit: 7, Name: n, Disowns: of, Fee: tried})
			before, drawn := h.srv.Dropped(), strings.Contains(h.do(t, "GET", "/kiosk", "").body, `data-action="not-mine"`)
			got := h.do(t, "POST", "/kiosk/finger", h.body(NotMine, "of", "6"))
			if drawn != (of > 0) || (got.status == 204) != drawn {
				t.Errorf("%s of %d: drawn %t, answered %d", n, of, drawn, got.status)
			}
			if of == 0 {
				h.noFinger(t)
				if h.srv.Dropped().Unexpected != before.Unexpected+1 {
					t.Errorf("%s: not counted", n)
				}
				continue
			}
			if f := h.finger(t); f.Action != NotMine || f.Of != of || f.Visit != 7 {
				t.Errorf("%s: passed on %+v", n, f)
			}
			if again := h.do(t, "POST", "/kiosk/finger", h.body(NotMine)); again.status != 409 {
				t.Errorf("%s: twice: %d", n, again.status)
			}
		}
	}
	h.srv.Show(Screen{Visit: 7, Name: Printing, Disowns: 7})
	if got := h.do(t, "POST", "/kiosk/finger", h.body(NotMine)); got.status != 400 || tried != 8 {
		t.Errorf("while it prints: %d", got.status)
	}
	h.noFinger(t)
}

// TestUnprovenGetsNoNumber: who could not show the card of the visit is not told how its fee is claimed, and is told what to do
// with the sheets.
func TestUnprovenGetsNoNumber(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	for message, proven := range map[Message]bool{NoMessage: true, MsgUnproven: false} {
		h.srv.Show(Screen{Visit: 7, Name: Disowned, Message: message, Reference: "0042-1121-12345"})
		shown := h.do(t, "GET", "/kiosk", "").body
		for _, words := range []string{"0042-1121-12345", "返金", "窓口"} {
			if strings.Contains(shown, words) != proven {
				t.Errorf("%q: %q is shown: %t", message, words, !proven)
			}
		}
		if !strings.Contains(shown, "係員にお渡しください") {
			t.Errorf("%q: nothing is said of the sheets", message)
		}
	}
}

func TestNobodyListening(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	last := 0
	for range fingersAhead + 1 {
		h.srv.Show(Screen{Visit: 7, Name: Working})
		last = h.do(t, "POST", "/kiosk/finger", h.body(Cancel)).status
	}
	if last != 503 || h.srv.Dropped().Full != 1 {
		t.Errorf("answered %d, counted %+v", last, h.srv.Dropped())
	}
	h.finger(t)
	if got := h.do(t, "POST", "/kiosk/finger", h.body(Cancel)); got.status != 204 {
		t.Errorf("the picture was spent by a finger that was not passed on: %d", got.status)
	}
}

func TestPIN(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		on   Name
		want int
	}{
		"four digits":     {"9137", PIN, 204},
		"three":           {"913", PIN, 400},
		"five":            {"91375", PIN, 400},
		"none":            {"", PIN, 400},
		"a letter":        {"913a", PIN, 400},
		"a wide digit":    {"９1", PIN, 400},
		"a form":          {"pin=9137", PIN, 400},
		"very long":       {strings.Repeat("9137", 5000), PIN, 400},
		"another screen":  {"9137", Confirm, 400},
		"the last try":    {"9137", LastTry, 400},
		"at the reader":   {"9137", PINAtReader, 400},
		"nobody is there": {"9137", Welcome, 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil).enter(t)
			h.srv.Show(Screen{Visit: 7, Name: c.on, TriesLeft: 3})
			got := h.do(t, "POST", h.pinPath(), c.body)
			if got.status != c.want || got.body != "" {
				t.Fatalf("answered %d %q", got.status, got.body)
			}
			if c.want != 204 {
				h.noFinger(t)
				return
			}
			if f := h.finger(t); string(f.PIN) != c.body || f.Action != Pin || f.Visit != 7 {
				t.Errorf("passed on %+v", f)
			}
			h.srv.Show(Screen{Visit: 7, Name: PIN, TriesLeft: 2, WrongPIN: true})
			if page := h.do(t, "GET", "/kiosk", ""); strings.Contains(page.body, "9137") {
				t.Error("the PIN came back")
			}
		})
	}
}

func TestCode(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		on         Name
		want       int
	}{
		"the same":        {"same/1207", "482913", ConfirmName, 204},
		"differs":         {"differs/1", "482913482913", ConfirmName, 204},
		"another word":    {"perhaps/1207", "482913", ConfirmName, 400},
		"five digits":     {"same/1207", "48291", ConfirmName, 400},
		"thirteen":        {"same/1207", "4829134829134", ConfirmName, 400},
		"a letter":        {"same/1207", "48291x", ConfirmName, 400},
		"very long":       {"same/1207", strings.Repeat("4829", 5000), ConfirmName, 400},
		"a name":          {"same/sato", "482913", ConfirmName, 400},
		"a long number":   {"same/123456789", "482913", ConfirmName, 400},
		"nobody":          {"same/", "482913", ConfirmName, 404},
		"the keypad":      {"same/1207", "482913", PIN, 400},
		"nobody is there": {"same/1207", "482913", Welcome, 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil).enter(t)
			h.srv.Show(Screen{Visit: 7, Name: c.on, TriesLeft: 3})
			got := h.do(t, "POST", strings.Replace(h.pinPath(), "/pin/", "/code/", 1)+"/"+c.path, c.body)
			if got.status != c.want {
				t.Fatalf("answered %d %q", got.status, got.body)
			}
			if c.want != 204 {
				h.noFinger(t)
				return
			}
			if f := h.finger(t); string(f.PIN) != c.body || f.Action != Code || f.Visit != 7 || f.Same != strings.HasPrefix(c.path, "same") || !strings.HasSuffix(c.path, "/"+f.Staff) {
				t.Errorf("passed on %+v", f)
			}
			if page := h.do(t, "GET", "/kiosk", ""); strings.Contains(page.body, c.body) {
				t.Error("the code came back")
			}
		})
	}
	h := newHarness(t, nil).enter(t)
	h.srv.Show(Screen{Visit: 7, Name: ConfirmName})
	if got := h.do(t, "POST", "/kiosk/finger", h.body(Code)); got.status != 400 {
		t.Errorf("a word of staff without a code: %d", got.status)
	}
}

func TestAPINThatIsNotPassedOnIsOverwritten(t *testing.T) {
	h := newHarness(t, nil)
	pin := []byte("9137")
	if v := h.srv.pass(Finger{Visit: 3, Action: Pin, PIN: pin}, 1); v != stale {
		t.Fatalf("verdict %d", v)
	}
	if !bytes.Equal(pin, make([]byte, 4)) {
		t.Error("the digits are still there")
	}
}

func TestThePINHasOneWayOnly(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	h.srv.Show(Screen{Visit: 7, Name: PIN, TriesLeft: 3})
	if got := h.do(t, "POST", "/kiosk/finger", h.body(Pin, "pin", "9137")); got.status != 400 {
		t.Errorf("a PIN in a form: %d", got.status)
	}
	h.noFinger(t)
}

func TestMalformedForms(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"too long":       {"action=" + strings.Repeat("a", maxBody), 413},
		"twice":          {"visit=7&visit=7&picture=2&action=cancel", 400},
		"no visit":       {"picture=2&action=cancel", 400},
		"negative":       {"visit=-7&picture=2&action=cancel", 400},
		"not a form":     {"{\"visit\":7}", 400},
		"broken escape":  {"visit=%zz", 400},
		"in the query":   {"", 400},
		"a number twice": {"visit=7&picture=99999999999999999999&action=cancel", 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil).enter(t)
			h.srv.Show(Screen{Visit: 7, Name: Working})
			if got := h.do(t, "POST", "/kiosk/finger?visit=7&picture=2&action=cancel", c.body); got.status != c.want {
				t.Errorf("answered %d, want %d", got.status, c.want)
			}
			h.noFinger(t)
			if h.srv.Dropped().Unexpected != 1 {
				t.Errorf("counted %+v", h.srv.Dropped())
			}
		})
	}
}

// applied is the form of a true application for the first sample offer.
var applied = []string{"offer", "a0", "copies", "2", "opt.household", "1", "opt.my_number", "0", "opt.domicile", "1", "opt.head", "0"}

func TestApplication(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		want   int
	}{
		"as offered":         {nil, 204},
		"ten copies":         {[]string{"copies", "10"}, 204},
		"no copies":          {[]string{"copies", "0"}, 400},
		"too many copies":    {[]string{"copies", "11"}, 400},
		"copies in words":    {[]string{"copies", "two"}, 400},
		"no such value":      {[]string{"opt.household", "2"}, 400},
		"a value below":      {[]string{"opt.household", "-1"}, 400},
		"the value itself":   {[]string{"opt.household", "all"}, 400},
		"an option missing":  {[]string{"opt.household", ""}, 400},
		"an option too many": {[]string{"opt.seal", "0"}, 400},
		"no such offer":      {[]string{"offer", "zz"}, 400},
		"not available":      {[]string{"offer", "a6"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil).enter(t)
			h.srv.Show(sample(Choose))
			got := h.do(t, "POST", "/kiosk/finger", h.body(Apply, append(append([]string(nil), applied...), c.change...)...))
			if got.status != c.want {
				t.Fatalf("answered %d, want %d", got.status, c.want)
			}
			if c.want != 204 {
				h.noFinger(t)
				return
			}
			f := h.finger(t)
			want := protocol.Options{"household": protocol.Text("self"), "my_number": protocol.Bool(false),
				"domicile": protocol.Bool(true), "head": protocol.Bool(false)}
			if f.Offer != "a0" || f.Copies < 2 || !reflect.DeepEqual(f.Options, want) {
				t.Errorf("passed on %+v", f)
			}
		})
	}
}

func TestAnApplicationOnlyWhereOneCanChoose(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	s := sample(Choose)
	s.Name = Confirm
	h.srv.Show(s)
	if got := h.do(t, "POST", "/kiosk/finger", h.body(Apply, applied...)); got.status != 400 {
		t.Errorf("answered %d", got.status)
	}
	h.noFinger(t)
}

// TestLocal: language and the open offer stay here; the session hears no more than that someone is there.
func TestLocal(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	h.srv.Show(sample(Choose))
	local := func(form string, want int) string {
		t.Helper()
		p, _ := h.srv.current()
		if got := h.do(t, "POST", "/kiosk/local", fmt.Sprintf("picture=%d&%s", p.number, form)); got.status != want {
			t.Errorf("%s: answered %d, want %d", form, got.status, want)
		}
		return h.do(t, "GET", "/kiosk", "").body
	}
	if page := local("language=en", 204); !strings.Contains(page, "Choose a certificate") || !strings.Contains(page, `<html lang="en">`) {
		t.Error("the screen does not speak English")
	}
	if f := h.finger(t); f.Action != Touched || f.Visit != 7 {
		t.Errorf("the session hears %+v", f)
	}
	if page := local("look=a0", 204); !strings.Contains(page, `data-screen="options"`) || !strings.Contains(page, "opt.household") {
		t.Error("the options do not open")
	}
	h.finger(t)
	if page := local("look=", 204); !strings.Contains(page, `data-screen="choose"`) {
		t.Error("the options do not close")
	}
	h.finger(t)
	for _, bad := range []string{"language=fr", "look=a6", "look=zz", "language="} {
		local(bad, 400)
	}
	if got := h.do(t, "POST", "/kiosk/local", "picture=1&look=a0"); got.status != 400 {
		t.Errorf("an offer of an earlier picture: %d", got.status)
	}
	h.noFinger(t)
}

// TestPictures checks, over random runs, what a picture's number and language promise.
func TestPictures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := picture{Screen: Screen{Name: Welcome}, number: 1}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before := p
			p.spent = p.spent || rapid.Bool().Draw(t, "touched")
			if rapid.Bool().Draw(t, "language") {
				p.lang = p.language().other()
			}
			spent, lang := p.spent, p.language()
			s := Screen{Visit: rapid.Uint64Range(0, 2).Draw(t, "visit"), Name: rapid.SampledFrom(append(Names(), "nonsense")).Draw(t, "name"),
				Seconds: rapid.IntRange(0, 3).Draw(t, "seconds"), Fee: rapid.IntRange(0, 1).Draw(t, "fee")}
			p = p.next(s)
			changed := !s.Name.Valid() && before.Name != OutOfService || s.Name.Valid() && (s.Name != before.Name || s.Fee != before.Fee) || s.Visit != before.Visit
			switch {
			case p.tick != before.tick+1:
				t.Fatalf("a change was not counted")
			case p.spent && p.number != before.number, (changed || spent) && (p.number != before.number+1 || p.spent):
				t.Fatalf("an old tap fits a new picture: %+v after %+v", p, before)
			case !p.Name.Valid():
				t.Fatalf("shows %q", p.Name)
			case before.Visit != 0 && s.Visit != before.Visit && p.language() != Japanese:
				t.Fatal("the next person is met in English")
			case (before.Visit == 0 || s.Visit == before.Visit) && p.language() != lang:
				t.Fatal("the language was lost within a visit")
			}
		}
	})
}

func TestAScreenIsIndependentOfItsMaker(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	s := sample(Confirm)
	h.srv.Show(s)
	s.Chosen.Options["household"] = protocol.Text("self")
	if page := h.do(t, "GET", "/kiosk", ""); !strings.Contains(page.body, "世帯全員") {
		t.Error("the picture changed behind the screen")
	}
}

func FuzzFinger(f *testing.F) {
	f.Add("visit=7&picture=2&action=choose&offer=a0&copies=1&opt.household=0&opt.my_number=0&opt.domicile=0&opt.head=0")
	f.Add("visit=7&picture=2&action=cancel")
	f.Add("visit=7&picture=2&action=choose&offer=a0&copies=99999999999")
	f.Add("%")
	srv, err := New(Options{Hosts: []string{"127.0.0.1:1"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		before := srv.Dropped()
		srv.Show(sample(Choose))
		r := httptest.NewRequest("POST", "http://127.0.0.1:1/kiosk/finger", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://127.0.0.1:1")
		r.AddCookie(&http.Cookie{Name: cookieName(r), Value: srv.seal("ABC")})
		srv.Handler().ServeHTTP(httptest.NewRecorder(), r)
		select {
		case got := <-srv.Fingers():
			if got.Visit != 7 || !Choose.Allows(got.Action) || got.Action == Apply && (got.Copies < 1 || got.Copies > 10 || len(got.Options) != 4) {
				t.Errorf("passed on %+v", got)
			}
		default:
			if srv.Dropped() == before {
				t.Error("a finger vanished uncounted")
			}
		}
	})
}

// TestNotFourDigits: what was typed at the reader was no PIN: that is said, and is no wrong PIN.
func TestNotFourDigits(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	for misfit, want := range map[bool]int{false: 0, true: 1} {
		h.srv.Show(Screen{Visit: 7, Name: PINAtReader, TriesLeft: 3, Misfit: misfit})
		page := h.do(t, "GET", "/kiosk", "").body
		if strings.Count(page, `role="alert"`) != want || strings.Count(page, "数字4けたではありませんでした") != want || strings.Contains(page, "暗証番号が違います") || !strings.Contains(page, "あと 3 回") {
			t.Errorf("misfit %v:\n%s", misfit, page)
		}
	}
}
