package console

import (
	"slices"
	"sync"
)

// Commands is the table, in the order of the manual. It is made for each use: whoever changes it changes their own.
func Commands() []Command {
	return slices.Concat(ownCommands(), stateCommands(), deviceCommands(), recordCommands(), policyCommands(), repairCommands())
}

// table is the console's own copy, which nobody changes.
var table = sync.OnceValue(Commands)

// ownCommands are what the console does itself.
func ownCommands() []Command {
	return []Command{
		{Name: "help", own: true,
			Does:     T("コマンドの一覧、または一つのコマンドの説明。", "List the commands, or explain one."),
			Inputs:   []Input{{Name: "command", Form: FormName, Does: T("説明するコマンド。", "The command to explain.")}, {Name: "word", Form: FormName, Does: T("その二つ目の語。", "Its second word.")}},
			Lines:    []Line{{Code: "help.command", Many: true, Title: T("コマンド", "Commands"), Fields: []Field{plain("command", T("コマンド", "command")), word("role", T("権限", "role")), says("does", T("内容", "what it does"))}}},
			Examples: []Example{{"help", T("一覧を見る", "see what there is")}, {"help journal tail", T("一つの説明を見る", "see one explained")}}},
		{Name: "version", Does: T("この端末のソフトウェアの版。", "The versions of this terminal's software."),
			Lines: []Line{{Code: "version.software", Title: T("版", "Versions"), Fields: []Field{
				name("version", T("honnin", "honnin")), word("system", T("OS", "system")), number("policy", "", T("ポリシーの版", "policy version")), at("built", T("作成", "built"))}}},
			Examples: []Example{{"version", T("版を見る", "see the versions")}}},
		{Name: "lang", own: true, Does: T("言語を選ぶ。", "Choose the language."),
			Inputs:   []Input{{Name: "language", Required: true, Words: []string{"ja", "en"}, Does: T("ja 日本語、en 英語。", "ja Japanese, en English.")}},
			Examples: []Example{{"lang ja", T("日本語にする", "speak Japanese")}}},
		{Name: "terminal", own: true, Does: T("画面の種類を決める。", "Say what kind of screen yours is."),
			Inputs: []Input{
				{Name: "kind", Required: true, Words: []string{"auto", "vt100", "dumb"}, Does: T("auto は端末に問い合わせる。dumb は制御文字列を使わない。", "auto asks it; dumb uses no control sequences.")},
				{Name: "rows", Flag: true, Form: FormNumber, Least: 2, Most: 500, Does: T("行数。これだけ書くごとに止まる。", "Rows: a page stops after so many.")},
				{Name: "columns", Flag: true, Form: FormNumber, Least: 20, Most: 500, Does: T("桁数。", "Columns.")},
				{Name: "no-pages", Flag: true, Does: T("ページで止まらない。", "Do not stop after a page.")}},
			Examples: []Example{{"terminal auto", T("端末に問い合わせる", "ask the terminal")}, {"terminal dumb --no-pages", T("プログラムから使う", "for a program")}}},
		{Name: "history", own: true, Does: T("この接続で入力した行。", "The lines typed since you plugged in."),
			Lines:    []Line{{Code: "history.line", Many: true, Title: T("履歴", "History"), Fields: []Field{number("number", "", T("番号", "number")), plain("command", T("コマンド", "command"))}}},
			Examples: []Example{{"history", T("履歴を見る", "see them")}}},
		{Name: "login", own: true, Does: T("自分の SSH 鍵でサインインする。", "Sign in with your own SSH key."),
			Inputs: []Input{{Name: "role", Words: []string{"look", "service"}, Does: T("look は見るだけ (省略時)、service は修理もできる。", "look may see (if left out); service may also repair.")}},
			Lines: []Line{
				{Code: "login.challenge", Title: T("署名するもの", "What to sign"), Fields: []Field{plain("first", T("一行目", "first line")), plain("second", T("二行目", "second line")), name("namespace", T("名前空間 (-n)", "namespace (-n)")), span("within", T("期限", "within"))}},
				{Code: "login.signed-in", Title: T("サインイン", "Signed in"), Fields: []Field{name("who", T("保守員", "technician")), word("role", T("権限", "role")), word("limited", T("制限", "limited by"))}}},
			Examples: []Example{{"login service", T("修理のためにサインインする", "sign in for a repair")}}},
		{Name: "logout", own: true, Does: T("サインアウトする (exit、Ctrl-D でも)。端末の前では、もう一度でコンソールが終わる。", "Sign out (also exit, Ctrl-D); at the terminal's own keyboard, a second time ends the console."),
			Examples: []Example{{"logout", T("帰る前に", "before you leave")}}},
	}
}

// Short makers of fields, so that a row of the table stays a row.

func word(key string, t Text) Field   { return Field{Key: key, Kind: KindWord, Title: t} }
func name(key string, t Text) Field   { return Field{Key: key, Kind: KindName, Title: t} }
func plain(key string, t Text) Field  { return Field{Key: key, Kind: KindPlain, Title: t} }
func says(key string, t Text) Field   { return Field{Key: key, Kind: KindText, Title: t} }
func yes(key string, t Text) Field    { return Field{Key: key, Kind: KindYes, Title: t} }
func at(key string, t Text) Field     { return Field{Key: key, Kind: KindTime, Title: t} }
func span(key string, t Text) Field   { return Field{Key: key, Kind: KindSpan, Title: t} }
func digest(key string, t Text) Field { return Field{Key: key, Kind: KindDigest, Title: t} }
func change(key string, t Text) Field { return Field{Key: key, Kind: KindChange, Title: t} }
func number(key, unit string, t Text) Field {
	return Field{Key: key, Kind: KindNumber, Unit: unit, Title: t}
}

// signed is a field that only who has signed in sees.
func signed(f Field) Field { f.Signed = true; return f }
