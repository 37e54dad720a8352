package console

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
)

// TestVocabulary: each meaning stands once, in both languages, on both pages; and is short enough for a column.
func TestVocabulary(t *testing.T) {
	pages := map[string][]byte{"ja": Page("ja"), "en": Page("en")}
	keys := map[string]bool{"": true, "supply": true, "check": true, "counter": true}
	for _, c := range Commands() {
		for _, l := range c.Lines {
			for _, f := range l.Fields {
				keys[f.Key] = keys[f.Key] || f.Kind == KindWord
			}
		}
	}
	seen := map[[2]string]bool{}
	for _, m := range vocabulary {
		k := [2]string{m.Word, m.Key}
		if seen[k] || !keys[m.Key] || Word(m.Word).s == withheld || columns(m.Text.ja) > 32 || m.Text.en == "" || strings.ContainsFunc(m.Text.en, unicode.IsControl) {
			t.Errorf("%v is twice, no word of any field, or too long: %q", k, m.Text)
		}
		seen[k] = true
		for lang, page := range pages {
			if !bytes.Contains(page, []byte("| `"+m.Word+"` | ")) || !bytes.Contains(page, []byte(" | "+m.Text.In(lang)+" |\n")) {
				t.Errorf("%s: nothing of %v", lang, k)
			}
		}
	}
	if len(seen) == 0 {
		t.Error("no words")
	}
}

// TestWordsOfPeople: people who read Japanese are told what a word means; a command's name and what is no word of ours stay.
func TestWordsOfPeople(t *testing.T) {
	for typed, want := range map[[2]string][2]string{
		{"state", "in-service"}: {"稼働中", "in-service"}, {"verdict", "act"}: {"上の「すること」をする", "do what stands above"}, {"role", "service"}: {"service (修理)", "service"},
		{"check", "service"}: {"サービス", "service"}, {"word", "doctor"}: {"doctor", "doctor"}, {"word", "service.off"}: {"service.off", "service.off"}, {"word", "media-jam"}: {"紙詰まり", "media-jam"},
		{"part", "supplies.waste-toner-light-cyan"}: {"消耗品 廃トナー容器 ライトシアン", "supplies.waste-toner-light-cyan"}, {"why", "toner-black-low"}: {"トナー 黒 残り少ない", "toner-black-low"},
		{"part", "undelivered"}: {"未送信の記録", "undelivered"}, {"why", "ink-of-others"}: {"ink-of-others", "ink-of-others"}, {"holder", "pcscd"}: {"pcscd", "pcscd"}, {"why", ""}: {"", ""},
	} {
		if got := [2]string{wordIn(typed[0], typed[1], "ja"), wordIn(typed[0], typed[1], "en")}; got != want {
			t.Errorf("%v is %q, want %q", typed, got, want)
		}
	}
	bubble(t, func(r *rig) {
		if s := r.send("terminal dumb --no-pages\rlang ja\rhelp\r"); !strings.Contains(s, "なし") || strings.Contains(s, " none ") {
			r.Errorf("%q", s)
		}
		if s := r.send("help --json\r"); !strings.Contains(s, `"role":"none"`) || strings.Contains(s, "なし") {
			r.Errorf("%q", s)
		}
	})
}
