package console

import (
	"bytes"
	"fmt"
	"strings"

	"honnin/config/policy"
)

// pageWords are what the manual says besides the table.
var pageWords = map[string]struct{ title, lead, json, role, usage, answer, codes, code, meaning, field, kind, holds, redacted, example string }{
	"ja": {"保守員のコンソール", "シリアル回線 (8N1、フロー制御なし) か `honnind console` で使う。この文書はコマンドの表から作られている。その端末でできるものは、端末の`help`に出る。\n\n" +
		"`login` が出す文字列を自分の SSH 鍵で `ssh-keygen -Y sign -n honnin-console` により署名し、貼り付けるとサインインできる。文字列は二分間、一度だけ使える。" +
		"10 分間コマンドがないとき、ブレークのとき、回線が切れたときはサインアウトする。" +
		"ポリシーの開始前と、期限が切れた後の 90 日間もサインインでき、見ることと、`service off`、`reboot`、`policy receive`、`policy apply` ができる。",
		"`--json` を付けると、`{` で始まる一行が一つの答えになる。最後の行は `\"code\":\"done\"` で、`result` は `ok` か下の失敗の語。`why` は理由の語、`about` は引数かフラグ、`hint` は候補か使える値、`after` は待つ秒数。" +
			"プログラムは始めに `terminal dumb --no-pages` を送り、答えを待ってから次の行を送る。打った行はそのまま返る。",
		"権限", "書き方", "答えの行", "失敗の語", "語", "意味", "欄", "種類", "内容", "サインインしていないときは `null`", "例"},
	"en": {"The technician's console", "On the serial line (8N1, no flow control), or with `honnind console`. This page is made from the table of commands. A terminal's own `help` lists those that it does.\n\n" +
		"`login` writes a challenge; sign it with your own SSH key, `ssh-keygen -Y sign -n honnin-console`, and paste the signature. A challenge is good once, for two minutes. " +
		"Ten minutes without a command, a break, and a line that hangs up sign out. " +
		"Before the policy's beginning, and for 90 days after its end, its technicians still sign in: to look, and for `service off`, `reboot`, `policy receive` and `policy apply`.",
		"With `--json` an answer is lines that begin with `{`, one object each. The last one has `\"code\":\"done\"`, and its `result` is `ok` or a word of the list of failures; `why` is a reason's word, `about` an argument or a flag, `hint` what was most likely meant or is allowed, `after` seconds to wait. " +
			"A program begins with `terminal dumb --no-pages` and waits for each answer before it sends the next line. What is typed is echoed.",
		"role", "usage", "lines of the answer", "Failures", "word", "meaning", "field", "kind", "holds", "`null` to who has not signed in", "Examples"},
}

// roleNames are the roles for people.
var roleNames = map[policy.Role]Text{Nobody: T("なし", "none"), policy.Look: T("look (見る)", "look"), policy.Service: T("service (修理)", "service")}

// lapsedToo is said of what can be done while the policy is out of its time.
var lapsedToo = T("、期間外のポリシーでも", ", under a policy out of its time too")

// need is the role that a command wants, for people.
func (c *Command) need(lang string) string {
	if c.Lapsed {
		return roleNames[c.Need].In(lang) + lapsedToo.In(lang)
	}
	return roleNames[c.Need].In(lang)
}

// Page is the manual in a language, "ja" or "en", in Markdown.
func Page(lang string) []byte {
	p := pageWords[lang]
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s\n\n%s\n\n| %s | %s | |\n|---|---|---|\n", p.title, p.lead, p.json, p.usage, p.role)
	for _, c := range table() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", c.Name, anchor(c.Name), c.need(lang), c.Does.In(lang))
	}
	for _, c := range table() {
		c.section(&b, lang)
	}
	fmt.Fprintf(&b, "\n## %s\n\n| %s | %s |\n|---|---|\n", p.codes, p.code, p.meaning)
	for _, c := range codes {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.Code, c.Text.In(lang))
	}
	wordPage(&b, lang)
	return b.Bytes()
}

func anchor(name string) string { return strings.ReplaceAll(name, " ", "-") }

func (c *Command) section(b *bytes.Buffer, lang string) {
	p := pageWords[lang]
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n    %s\n\n", c.Name, c.Does.In(lang), c.usage())
	for _, i := range c.Inputs {
		fmt.Fprintf(b, "- `%s` %s%s\n", i.label(), i.Does.In(lang), i.range_())
	}
	if c.Ask != (Text{}) {
		fmt.Fprintf(b, "- `--yes` → %s\n", c.Ask.In(lang))
	}
	fmt.Fprintf(b, "\n%s:\n\n", p.example)
	for _, e := range c.Examples {
		fmt.Fprintf(b, "- `%s` %s\n", e.Line, e.Does.In(lang))
	}
	for _, l := range c.Lines {
		fmt.Fprintf(b, "\n`%s` %s\n\n| %s | %s | %s |\n|---|---|---|\n", l.Code, l.Title.In(lang), p.field, p.kind, p.holds)
		for _, f := range l.Fields {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Key, f.kind(), f.holds(lang))
		}
	}
}

// label is an input's name as it is typed.
func (i Input) label() string {
	if i.Flag {
		return strings.TrimSpace("--" + i.Name + " " + i.value())
	}
	return i.value()
}

func (i Input) range_() string {
	if i.many() {
		return " (" + strings.Join(i.Words, ", ") + ")"
	}
	if i.Form == FormNumber && len(i.Words) == 0 {
		return fmt.Sprintf(" (%d-%d)", i.Least, i.Most)
	}
	return ""
}

func (f Field) kind() string { return strings.TrimSpace(string(f.Kind) + " " + f.Unit) }

func (f Field) holds(lang string) string {
	if f.Signed {
		return f.Title.In(lang) + "; " + pageWords[lang].redacted
	}
	return f.Title.In(lang)
}

// explain is a command's help on the screen.
func (c *Command) explain(lang string) (out []string) {
	out = append(out, c.usage(), "  "+c.Does.In(lang), "  "+pageWords[lang].role+": "+c.need(lang))
	for _, i := range c.Inputs {
		out = append(out, "  "+i.label()+"  "+i.Does.In(lang)+i.range_())
	}
	out = append(out, pageWords[lang].example+":")
	for _, e := range c.Examples {
		out = append(out, "  "+e.Line+"  # "+e.Does.In(lang))
	}
	return out
}
