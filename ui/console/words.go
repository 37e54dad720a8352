package console

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// meaning is what a stable word means, for people: in the fields with Key, or, where that is "", in all that have no meaning of their own.
// A program is always given the word.
type meaning struct {
	Word, Key string
	Text      Text
	Spelt     bool // English readers are shown the text, too: the word alone would not tell them
}

// wordIn is a word for people. In Japanese it is its text; what has none, such as a word of a device or the name of a command, stays as it is.
func wordIn(key, w, lang string) string {
	if key == "word" && isCommand(w) { // what a technician did
		return w
	}
	if key == "part" { // of the report: a check, or one thing of several: "supplies.toner-black"
		key = "check"
		if of, thing, several := strings.Cut(w, "."); several && lang == "ja" {
			return wordIn(key, of, lang) + " " + wordIn("supply", thing, lang)
		}
	}
	if m, ok := lookUp(w, key, ""); ok {
		return m.in(lang)
	}
	if lang == "ja" {
		if s, ok := composed(w); ok {
			return s
		}
	}
	return w
}

func (m meaning) in(lang string) string {
	if lang == "ja" || m.Spelt {
		return m.Text.In(lang)
	}
	return m.Word
}

// lookUp finds a word's meaning in fields with the first of these keys that has one.
func lookUp(w string, keys ...string) (meaning, bool) {
	for _, k := range keys {
		if i := slices.IndexFunc(vocabulary, func(m meaning) bool { return m.Word == w && m.Key == k }); i >= 0 {
			return vocabulary[i], true
		}
	}
	return meaning{}, false
}

// composed is the name of a supply, which begins with its type: "waste-toner-black", or with how it is: "toner-black-low".
func composed(w string) (string, bool) {
	if m, ok := lookUp(w, "supply", ""); ok {
		return m.Text.ja, true
	}
	for i := len(w) - 1; i > 0; i-- {
		head, ok := lookUp(w[:i], "supply")
		if w[i] != '-' || !ok {
			continue
		}
		if tail, ok := composed(w[i+1:]); ok {
			return head.Text.ja + " " + tail, true
		}
	}
	return "", false
}

// isCommand reports whether a word is a command's name, or the first part of one.
func isCommand(w string) bool {
	return slices.ContainsFunc(table(), func(c Command) bool { return strings.Fields(c.Name)[0] == w })
}

// wordPage is the section of the manual that says what the words mean.
func wordPage(b *bytes.Buffer, lang string) {
	p := pageWords[lang]
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| %s | %s | %s |\n|---|---|---|\n", wordTitle.In(lang), wordLead.In(lang), p.code, p.field, p.meaning)
	for _, m := range inOrder() {
		key := m.Key
		if key != "" {
			key = "`" + key + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", m.Word, key, m.Text.In(lang))
	}
}

// wordManual is the same in the manual page.
func wordManual(b *bytes.Buffer, lang string) {
	fmt.Fprintf(b, ".SH %s\n%s\n", strings.ToUpper(wordTitle.In(lang)), coded(wordLead.In(lang)))
	for _, m := range inOrder() {
		tag := m.Word
		if m.Key != "" {
			tag += " (" + m.Key + ")"
		}
		item(b, tag, m.Text.In(lang))
	}
}

// inOrder are the meanings as somebody looks for them.
func inOrder() []meaning {
	return slices.SortedFunc(slices.Values(vocabulary), func(x, y meaning) int { return cmp.Or(cmp.Compare(x.Word, y.Word), cmp.Compare(x.Key, y.Key)) })
}

var (
	wordTitle = T("語", "Words")
	wordLead  = T("欄の種類が `word` のときの値。`--json` では常に語のまま。日本語の画面には意味が出る。「欄」があれば、その欄だけの意味。消耗品の名前は種類と色 (`toner-black`)。ここにないもの: 事故の語は事故の手引き (MANUAL.ja.md)、書類を拒む理由コードは README.ja.md、プリンターの理由の残りは IPP (RFC 8011, 5.4.12)、`selftest` の部分と使用中のプログラムはその名前。",
		"The values of fields of the kind `word`. With `--json` they are always these; on a Japanese screen the meaning stands instead. A field, where one is named, is the only one in which the word means that. A supply's name is its type and its colour (`toner-black`). Not here: the words of incidents are in the manual of incidents (MANUAL.md), the reason codes of refused documents in README.md, the rest of a printer's reasons is IPP's (RFC 8011, section 5.4.12), parts of `selftest` and programs that hold a device go by their names.")
)
