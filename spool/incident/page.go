package incident

import (
	"bytes"
	"fmt"
)

// pageWords are what the manual page says besides the catalogue.
var pageWords = map[string]struct{ title, lead, severity, means, applicant, technician, municipality, list, word, class, all string }{
	"ja": {"端末のインシデント", "端末が知らせる語の一つ一つについて、意味と、だれが何をするか。この文書は catalogue.toml から作られている。\n\nインシデントは、ポリシーに名前のある人が、原因を書き、自分の鍵で署名したときにだけ閉じる。あとの成功、再試行、再起動、時間の経過では閉じない。\n`honnind incident list --journal FILE` は開いているものを、`honnind incident show ID --journal FILE` は一つを、下の文とともに示す。",
		"重さ", "意味", "利用者に", "保守員は", "市区町村は", "一覧", "語", "分類", "分類の文は、語に別の文がないとき、その分類のすべての語に当てはまる。"},
	"en": {"Incidents of a terminal", "What each word that a terminal reports means, and who does what. This page is made from catalogue.toml.\n\nAn incident is closed only when a person whom the policy names has written a cause and signed it with their own key. No later success, no retry, no restart and no time closes one.\n`honnind incident list --journal FILE` shows what is open, and `honnind incident show ID --journal FILE` one of them with the texts below.",
		"severity", "means", "the applicant", "the technician", "the municipality", "All words", "word", "class", "The texts of a class are those of all its words that have none of their own."},
}

// severityWords are the severities for people who read Japanese.
var severityWords = map[Severity]string{Highest: "最高", High: "高", Medium: "中"}

// In returns the severity as people call it in a language.
func (s Severity) In(lang string) string {
	if w, ok := severityWords[s]; ok && lang == "ja" {
		return w
	}
	return string(s)
}

// Page is the operator's manual in a language, "ja" or "en", in Markdown.
func (c Catalogue) Page(lang string) []byte {
	p := pageWords[lang]
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s\n\n## %s\n\n| %s | %s | %s | %s |\n|---|---|---|---|\n", p.title, p.lead, p.list, p.word, p.severity, p.class, p.means)
	for _, class := range c.classes {
		for _, w := range c.of(class) {
			fmt.Fprintf(&b, "| `%s` | %s | [%s](#%s) | %s |\n", w.Word, w.Severity.In(lang), class.Name, class.Name, w.Means.In(lang))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", p.all)
	for _, class := range c.classes {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", class.Name, class.Title.In(lang))
		acts(&b, lang, class.Applicant, class.Technician, class.Municipality)
		for _, w := range c.of(class) {
			own := w.unlike(class)
			if own == [3]Text{} {
				continue
			}
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", w.Word, w.Means.In(lang))
			acts(&b, lang, own[0], own[1], own[2])
		}
	}
	return b.Bytes()
}

// acts lists who does what; an empty text is left out.
func acts(b *bytes.Buffer, lang string, applicant, technician, municipality Text) {
	p := pageWords[lang]
	for _, a := range []struct{ who, what string }{{p.applicant, applicant.In(lang)}, {p.technician, technician.In(lang)}, {p.municipality, municipality.In(lang)}} {
		if a.what != "" {
			fmt.Fprintf(b, "- **%s**: %s\n", a.who, a.what)
		}
	}
}

func (c Catalogue) of(class Class) (out []Word) {
	for _, w := range c.words {
		if w.Class == class.Name {
			out = append(out, w)
		}
	}
	return out
}

// unlike returns the texts that a word does not have from its class.
func (w Word) unlike(c Class) (own [3]Text) {
	for i, t := range [3][2]Text{{w.Applicant, c.Applicant}, {w.Technician, c.Technician}, {w.Municipality, c.Municipality}} {
		if t[0] != t[1] {
			own[i] = t[0]
		}
	}
	return own
}
