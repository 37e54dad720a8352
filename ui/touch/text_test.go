package touch

import (
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/protocol"
	"honnin/config/reason"
)

// keys returns the flattened keys of a language, plural forms together.
func keys(t *testing.T, l Language) map[string]string {
	t.Helper()
	b, err := locales.ReadFile("locales/" + string(l) + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := toml.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	flatten("", tree, out)
	if len(out) < 100 {
		t.Fatalf("only %d texts", len(out))
	}
	return out
}

func flatten(path string, tree map[string]any, out map[string]string) {
	for k, v := range tree {
		switch v := v.(type) {
		case string:
			if k == "one" || k == "other" {
				out[path] += v
			} else {
				out[strings.TrimPrefix(path+"."+k, ".")] = v
			}
		case map[string]any:
			flatten(strings.TrimPrefix(path+"."+k, "."), v, out)
		}
	}
}

func both(t *testing.T) []*texts {
	t.Helper()
	var out []*texts
	for _, l := range []Language{Japanese, English} {
		tx, err := loadTexts(l)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tx)
	}
	return out
}

func TestBothLanguagesSayTheSameThings(t *testing.T) {
	ja, en := keys(t, Japanese), keys(t, English)
	if a, b := slices.Sorted(maps.Keys(ja)), slices.Sorted(maps.Keys(en)); !slices.Equal(a, b) {
		t.Errorf("keys differ:\n%v\n%v", a, b)
	}
	for k := range ja {
		if strings.Count(ja[k], "{{") > strings.Count(en[k], "{{") {
			t.Errorf("%s: English leaves something out", k)
		}
		if strings.TrimSpace(ja[k]) == "" || strings.TrimSpace(en[k]) == "" {
			t.Errorf("%s is empty", k)
		}
	}
}

// TestNoTextIsUnused: a key is named in a template, or belongs to a family that code chooses from.
func TestNoTextIsUnused(t *testing.T) {
	var all strings.Builder
	for _, name := range []string{"picture", "screens", "pages", "art"} {
		b, err := templates.ReadFile("templates/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	families := []string{"step.", "certificate.", "option.", "option-value.", "choose.why.", "refused.", "money.", "done.", "ended.", "out-of-service.", "not-mine.", "disowned."}
	for k := range keys(t, Japanese) {
		chosen := slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(k, f) })
		if !chosen && !strings.Contains(all.String(), `"`+k+`"`) {
			t.Errorf("%s is never shown", k)
		}
	}
}

func TestEveryMessageHasItsOwnText(t *testing.T) {
	n := 0
	for _, tx := range both(t) {
		for screen, ms := range messages {
			seen := map[string]Message{}
			for _, m := range ms {
				got, err := tx.message(screen, m)
				if err != nil {
					t.Fatal(err)
				}
				if other, ok := seen[got]; ok {
					t.Errorf("%s: %q and %q read the same: %s", screen, m, other, got)
				}
				seen[got], n = m, n+1
			}
			if got, err := tx.message(screen, "a word nobody thought of"); err != nil || seen[got] != NoMessage {
				t.Errorf("%s: an unknown message reads %q, %v", screen, got, err)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d messages", n)
	}
}

func TestEveryRefusalHasAText(t *testing.T) {
	own := map[reason.Code]string{reason.SubjectMismatch: "person", reason.RegisterMismatch: "record", reason.TagMismatch: "page",
		reason.RegisterOtherTransaction: "unconfirmed", reason.IssuerUnpatched: "unpatched", reason.RecordSuperseded: "superseded"}
	first := map[reason.Class]string{reason.MixedUp: "mixed", reason.Forged: "forged", reason.Defective: "defective", reason.Late: "late", reason.Card: "card"}
	then := map[reason.Class]string{reason.MixedUp: "now-stopped", reason.Forged: "now-stopped", reason.Defective: "now-later", reason.Late: "now-again", reason.Card: "now-office"}
	for _, tx := range both(t) {
		for _, i := range append(reason.All(), reason.Info{Code: "a code nobody thought of", Class: reason.Forged}) {
			why, next := own[i.Code], then[i.Class]
			if why == "" {
				why = first[i.Class]
			}
			got, err := tx.refusal(i.Code)
			if text, _ := tx.say("refused." + why); err != nil || got != text {
				t.Errorf("%s reads %q, %v", i.Code, got, err)
			}
			got, err = tx.next(i.Code)
			if text, _ := tx.say("refused." + next); err != nil || got != text {
				t.Errorf("then %s reads %q, %v", i.Code, got, err)
			}
		}
	}
}

func TestWords(t *testing.T) {
	tx := both(t)
	ja, en := tx[0], tx[1]
	must := func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		return s
	}
	names := protocol.Names{Ja: "練習市", En: "Practice City"}
	closed := protocol.Offer{Why: "closed", Hours: "06:30-23:00"}
	for i, c := range []struct{ got, want string }{
		{must(ja.yen(0)), "無料"}, {must(ja.yen(300)), "300円"}, {must(ja.yen(1200)), "1,200円"}, {must(en.yen(1234567)), "¥1,234,567"},
		{ja.name(names), "練習市"}, {en.name(names), "Practice City"}, {en.name(protocol.Names{Ja: "練習市"}), "練習市"},
		{ja.optionName("household"), "載せる人"}, {ja.optionName("<x>"), "<x>"},
		{ja.optionValue("my_number", protocol.Bool(true)), "載せる"}, {en.optionValue("my_number", protocol.Bool(false)), "Do not show"},
		{ja.optionValue("household", protocol.Text("self")), "本人のみ"}, {ja.optionValue("year", protocol.Text("2026")), "2026年度"},
		{ja.optionValue("paper", protocol.Text("x")), "x"},
		{must(ja.why(closed)), "受付 06:30-23:00"}, {must(en.why(protocol.Offer{Why: "moon"})), "Not available now"},
		{must(en.why(protocol.Offer{Why: "closed"})), "Closed now"}, {must(ja.why(protocol.Offer{Why: "closed-today", Hours: "09:00-17:00"})), "本日は取り扱いません"},
		{ja.when(time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)), "11月24日 06:30"}, {en.when(time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)), "24 November, 06:30"},
		{must(en.say("pin.left", "Count", 1)), "1 try left"}, {must(en.say("pin.left", "Count", 3)), "3 tries left"},
		{fill(must(en.pattern("seconds.left")), 9), "Time left: 9 s"},
	} {
		if c.got != c.want {
			t.Errorf("%d: %q, want %q", i, c.got, c.want)
		}
	}
	for _, c := range protocol.Certificates() {
		if must(ja.certificate(c)) == must(en.certificate(c)) {
			t.Errorf("%s has one name", c)
		}
	}
	if _, err := ja.say("no.such.key"); err == nil {
		t.Error("a key without a text is shown")
	}
}

// TestTheFontsHoldEveryRune: after a new text, fonts/subset.sh is to be run.
func TestTheFontsHoldEveryRune(t *testing.T) {
	for _, face := range []string{"regular", "bold"} {
		b, err := os.ReadFile("fonts/" + face + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if info, err := static.ReadFile("static/honnin-ud-" + face + ".woff2"); err != nil || string(info[:4]) != "wOF2" || len(info) > 1<<20 {
			t.Errorf("%s: not a small woff2 font: %v", face, err)
		}
		for _, l := range []Language{Japanese, English} {
			for key, text := range keys(t, l) {
				for _, r := range text + "0123456789,#−＋C" {
					if !strings.ContainsRune(string(b), r) {
						t.Errorf("%s lacks %q of %s", face, r, key)
					}
				}
			}
		}
	}
	for _, licence := range []string{"biz-udgothic", "noto-sans"} {
		if b, err := static.ReadFile("static/OFL-" + licence + ".txt"); err != nil || !strings.Contains(string(b), "SIL OPEN FONT LICENSE") {
			t.Errorf("a font's licence is not beside it: %v", err)
		}
	}
}

// TestEveryPictureCanBeDrawn draws every screen bare and full, in both languages.
func TestEveryPictureCanBeDrawn(t *testing.T) {
	d, err := newDrawer()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range Names() {
		bare := Screen{Name: n}
		if n == Confirm {
			bare.Chosen.Offer.Certificate = protocol.TaxPaid // without a document there is nothing to confirm
		}
		for _, s := range []Screen{bare, sample(n)} {
			for _, l := range []Language{Japanese, English} {
				b, err := d.draw(picture{Screen: s, number: 3, lang: l})
				if err != nil || !strings.Contains(string(b), `data-screen="`+string(n)+`"`) || !strings.Contains(string(b), "<h1") {
					t.Errorf("%s in %s: %v", n, l, err)
				}
			}
		}
	}
}

// TestActionsOnScreensAreAllowed: what a screen lets a finger press is exactly what it takes.
func TestActionsOnScreensAreAllowed(t *testing.T) {
	d, err := newDrawer()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range Names() {
		s := sample(n)
		s.CardIn = false // a card that lies there is to be taken, and that ends the screen
		quiet := s
		quiet.NoFinish = true
		if b, err := d.draw(picture{Screen: quiet}); err != nil || n != TakePaper && strings.Contains(string(b), `data-action="done"`) {
			t.Errorf("%s: a button that nobody hears", n)
		}
		b, err := d.draw(picture{Screen: s, number: 3})
		if n == Choose {
			more, err2 := d.draw(picture{Screen: s, number: 3, looking: "a0"})
			b, err = append(b, more...), err2
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []Action{Pin, Yes, Back, Cancel, Apply, More, Finish, NotMine} {
			if drawn := strings.Contains(string(b), `data-action="`+string(a)+`"`); drawn != n.Allows(a) {
				t.Errorf("%s: %s drawn %t, taken %t", n, a, drawn, n.Allows(a))
			}
		}
	}
}

// TestWhatCannotBeDrawnIsOutOfService: nobody is asked to confirm a document that has no name.
func TestWhatCannotBeDrawnIsOutOfService(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := string(s.fragment(picture{Screen: Screen{Visit: 7, Name: Confirm, Fee: 300}, number: 3}))
	if !strings.Contains(got, `data-screen="out-of-service"`) || strings.Contains(got, "data-action") {
		t.Errorf("shows %s", got)
	}
}

// TestClosedSaysUntilWhen: in both languages, and only where it is known.
func TestClosedSaysUntilWhen(t *testing.T) {
	d, err := newDrawer()
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		screen Screen
		says   bool
	}{
		{Screen{Name: OutOfService, Message: MsgClosed, Until: until}, true}, {Screen{Name: OutOfService, Message: MsgClosed}, false},
		{Screen{Name: OutOfService, Message: MsgPaper, Until: until}, false},
	} {
		b, err := d.draw(picture{Screen: c.screen})
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"11月24日 06:30", "24 November, 06:30"} {
			if strings.Contains(string(b), words) != c.says {
				t.Errorf("%s says %q: %t\n%s", c.screen.Message, words, !c.says, b)
			}
		}
	}
}

// TestSpeak: only the languages that are offered can be chosen, and the first is spoken until somebody does and after they left.
func TestSpeak(t *testing.T) {
	for _, c := range []struct {
		offered []string
		first   Language
		both    bool
	}{
		{nil, Japanese, true}, {[]string{"ja", "en"}, Japanese, true}, {[]string{"en", "ja"}, English, true},
		{[]string{"ja"}, Japanese, false}, {[]string{"en"}, English, false}, {[]string{"fr"}, Japanese, true},
	} {
		s, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Speak(c.offered...)
		s.Show(Screen{Visit: 7, Name: TakeCard})
		p, _ := s.current()
		drawn := string(s.fragment(p))
		if p.language() != c.first || strings.Contains(drawn, "data-local=") != c.both || strings.Contains(drawn, `class="also"`) != c.both {
			t.Errorf("%v: %s", c.offered, drawn)
		}
		if took := s.turn(url.Values{"language": {string(c.first.other())}}, p.number); took != c.both {
			t.Errorf("%v: another language was taken: %t", c.offered, took)
		}
		if p, _ := s.current(); (p.language() != c.first) != c.both {
			t.Errorf("%v: speaks %s", c.offered, p.language())
		}
		s.Show(Screen{Name: Welcome})
		if p, _ := s.current(); p.language() != c.first {
			t.Errorf("%v: speaks %s to the next one", c.offered, p.language())
		}
	}
}
