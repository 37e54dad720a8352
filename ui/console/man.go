package console

import (
	"bytes"
	"fmt"
	"strings"
)

// manWords are what the manual page says besides the table and what [Page] says.
var manWords = map[string]struct {
	name, synopsis, description, options, commands, failures, see string // titles
	does, lines, here                                             string
	flags                                                         [][2]string
}{
	"ja": {"名前", "書式", "説明", "オプション", "コマンド", "失敗の語", "関連項目", "保守員のコンソール", "答えの行", "--line がなければこの端末で、入力の終わり (Ctrl-D) まで使う。あればその回線で、抜けても戻るのを待ちながら使い続ける。honnind が動いていなくても答える。" +
		"ファイルの送受信は --line があり root のときだけできる (rz と sz は nobody として動く)。",
		[][2]string{{"--config DIR", "site.toml のディレクトリー。"}, {"--practice STATE", "--config の代わりに: 画面つきの honnind practice の状態ディレクトリー (.practice など)。"}, {"--line DEVICE|site", "/dev/ttyS0 のようなシリアル回線。site は site.toml の回線。"}, {"--speed BAUD", "回線の速度: 9600、19200、38400、57600、115200 (省略時は 115200 か site.toml の値)。"}, {"--lang ja|en", "始めの言語 (省略時は ja)。"}}},
	"en": {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "FAILURES", "SEE ALSO", "the technician's console", "Lines of the answer", "Without --line it is here, until the end of input (Ctrl-D); with it, on that line for ever, which may be unplugged and come back. It answers whether honnind runs or not. " +
		"Files are moved only with --line, and where it is root's (rz and sz then run as nobody).",
		[][2]string{{"--config DIR", "The directory of site.toml."}, {"--practice STATE", "In place of --config: the state directory of honnind practice with a screen, such as .practice."}, {"--line DEVICE|site", "A serial line such as /dev/ttyS0; site: that of site.toml."}, {"--speed BAUD", "Its rate: 9600, 19200, 38400, 57600 or 115200 (if left out 115200, or site.toml's)."}, {"--lang ja|en", "The language to begin with (if left out ja)."}}},
}

// manDate is when what the pages say besides the table changed last.
const manDate = "2026-11-22"

// Man is the manual page honnind-console(8) in a language, "ja" or "en", for man(1): groff_man(7), UTF-8.
func Man(lang string) []byte {
	p, m := pageWords[lang], manWords[lang]
	var b bytes.Buffer
	fmt.Fprintf(&b, ".\\\" Made from the table of commands: go test ./ui/console -run Page -update\n.TH HONNIND-CONSOLE 8 %s honnin\n.nh\n.ad l\n", manDate)
	fmt.Fprintf(&b, ".SH %s\nhonnind-console \\- %s\n.SH %s\n.B honnind console\n", m.name, roff(m.does), m.synopsis)
	for i, f := range m.flags {
		around := "[%s]\n"
		if i < 2 { // one or the other
			around = []string{"%s |\n", "%s\n"}[i]
		}
		fmt.Fprintf(&b, around, `\fB`+roff(f[0])+`\fP`)
	}
	fmt.Fprintf(&b, ".SH %s\n%s\n.PP\n", m.description, roff(m.here))
	for i, s := range strings.Split(p.lead+"\n\n"+p.json, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		fmt.Fprintln(&b, coded(s))
	}
	fmt.Fprintf(&b, ".SH %s\n", m.options)
	for _, f := range m.flags {
		item(&b, f[0], f[1])
	}
	fmt.Fprintf(&b, ".SH %s\n", m.commands)
	for _, c := range table() {
		c.manual(&b, lang)
	}
	fmt.Fprintf(&b, ".SH %s\n", m.failures)
	for _, c := range codes {
		item(&b, string(c.Code), c.Text.In(lang))
	}
	wordManual(&b, lang)
	fmt.Fprintf(&b, ".SH %s\n.BR ssh-keygen (1),\n.BR picocom (1),\n.BR minicom (1),\n.BR rz (1),\n.BR sz (1)\n", m.see)
	return b.Bytes()
}

// manual is a row of the table.
func (c *Command) manual(b *bytes.Buffer, lang string) {
	p := pageWords[lang]
	fmt.Fprintf(b, ".SS %s\n.B %s\n.PP\n%s\n(%s: %s)\n", roff(c.Name), roff(c.usage()), roff(c.Does.In(lang)), p.role, roff(c.need(lang)))
	for _, i := range c.Inputs {
		item(b, i.label(), i.Does.In(lang)+i.range_())
	}
	if c.Ask != (Text{}) {
		item(b, "--yes", c.Ask.In(lang))
	}
	fmt.Fprintf(b, ".PP\n%s:\n", p.example)
	for _, e := range c.Examples {
		item(b, e.Line, e.Does.In(lang))
	}
	if len(c.Lines) > 0 {
		fmt.Fprintf(b, ".PP\n%s:\n", manWords[lang].lines)
	}
	for _, l := range c.Lines {
		var keys []string
		for _, f := range l.Fields {
			keys = append(keys, f.Key)
		}
		item(b, l.Code, l.Title.In(lang)+": "+strings.Join(keys, ", "))
	}
}

func item(b *bytes.Buffer, tag, text string) {
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(tag), roff(text))
}

// roff writes a text so that troff shows it as it is (groff(7), "Escape sequences"): hyphens can be copied as such, no line is a request,
// and Japanese, which has no spaces, is broken behind its punctuation.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "、", `、\:`, "。", `。\:`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}

// coded is roff for a text in which what is typed stands between backquotes.
func coded(s string) string {
	parts := strings.Split(roff(s), "`")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = `\fB` + parts[i] + `\fP`
	}
	return strings.Join(parts, "")
}
