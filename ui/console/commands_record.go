package console

import "honnin/config/policy"

// logLevels are the levels of the log, lowest first.
var logLevels = []string{"debug", "info", "warning", "error"}

// logPackages are what logs, and what several are below. TestConsoleHasThePackages of daemon/logbook holds it against the log.
var logPackages = []string{"daemon", "daemon/centre", "daemon/collector", "daemon/logbook", "daemon/selftest", "daemon/session", "daemon/terminal",
	"drivers", "drivers/card", "drivers/card/ccid", "drivers/card/pcsc", "drivers/printer", "drivers/printer/ipp", "ui", "ui/touch"}

// recordCommands read what was written down.
func recordCommands() []Command {
	entry := Line{Code: "journal.entry", Many: true, Title: T("ジャーナル", "Journal"), Fields: []Field{
		number("number", "", T("番号", "number")), at("at", T("時刻", "at")), word("kind", T("種類", "kind")), number("visit", "", T("訪問", "visit")), word("word", T("語", "word")), name("municipality", T("自治体", "municipality")), name("staff", T("係", "staff"))}}
	return []Command{
		{Name: "journal tail", Need: policy.Look, Does: T("ジャーナルの終わり。", "The end of the journal."),
			Inputs:   []Input{{Name: "lines", Flag: true, Form: FormNumber, Least: 1, Most: 10_000, Does: T("件数 (省略時 20)。", "How many (20 if left out).")}, {Name: "incidents", Flag: true, Does: T("事故だけ。", "Incidents only.")}},
			Lines:    []Line{entry},
			Examples: []Example{{"journal tail --lines 50", T("最後の 50 件", "the last 50")}}},
		{Name: "journal verify", Need: policy.Look, Does: T("ジャーナルの鎖を始めから確かめる。", "Check the journal's chain from the beginning."),
			Lines:    []Line{{Code: "journal.verified", Title: T("検証", "Verified"), Fields: []Field{yes("ok", T("合格", "passed")), number("entries", "", T("件数", "entries")), digest("head", T("末尾", "head")), word("why", T("理由", "why"))}}},
			Examples: []Example{{"journal verify", T("書き換えられていないか", "was it tampered with?")}}},
		{Name: "journal export", Need: policy.Look, Does: T("ジャーナルを ZMODEM で送る。個人の情報は入っていない。", "Send the journal with ZMODEM; nothing personal is in it."),
			Inputs:   []Input{{Name: "since", Flag: true, Form: FormDuration, Most: 366 * 24 * 3600, Does: T("この時間より新しいものだけ。", "Only what is newer than this.")}},
			Lines:    []Line{sent("journal")},
			Moves:    takeHere,
			Examples: []Example{{"journal export --since 48h", T("二日分", "two days of it")}}},
		{Name: "log", Need: policy.Look, Does: T("ログ。", "The log."),
			Inputs: []Input{
				{Name: "lines", Flag: true, Form: FormNumber, Least: 1, Most: 10_000, Does: T("行数 (省略時 50)。", "How many (50 if left out).")},
				{Name: "level", Flag: true, Words: logLevels, Does: T("これ以上だけ。", "This level and above.")},
				{Name: "package", Flag: true, Words: logPackages, Does: T("このパッケージと、その下だけ。", "Only this package, and those below it.")},
				{Name: "since", Flag: true, Form: FormDuration, Most: 366 * 24 * 3600, Does: T("この時間より新しいものだけ。", "Only what is newer than this.")},
				{Name: "follow", Flag: true, Does: T("続けて待つ。Ctrl-C で終わる。", "Go on waiting; Ctrl-C ends it.")}},
			Lines: []Line{{Code: "log.line", Many: true, Title: T("ログ", "Log"), Fields: []Field{
				at("at", T("時刻", "at")), word("level", T("レベル", "level")), name("package", T("パッケージ", "package")), plain("text", T("内容", "text"))}}},
			Examples: []Example{{"log --level warning --since 24h", T("一日の警告", "a day's warnings")}, {"log --package drivers/card --follow", T("リーダーを見守る", "watch the reader")}}},
		{Name: "log level", Need: policy.Service, Does: T("パッケージのログを、限られた時間だけ詳しくする。", "Let a package log more, for a limited time."),
			Inputs: []Input{
				{Name: "package", Required: true, Words: logPackages, Does: T("パッケージ。その下も。", "The package, and those below it.")},
				{Name: "level", Required: true, Words: logLevels, Does: T("レベル。", "The level.")},
				{Name: "for", Flag: true, Form: FormDuration, Most: 24 * 3600, Does: T("時間 (省略時 15m、最長 24h)。その後は元に戻る。", "How long (15m if left out, 24h at most); then it is as before.")}},
			Lines:    []Line{{Code: "log.level", Title: T("レベル", "Level"), Fields: []Field{name("package", T("パッケージ", "package")), word("level", T("レベル", "level")), at("until", T("まで", "until"))}}},
			Examples: []Example{{"log level drivers/card debug --for 15m", T("15 分だけ詳しく", "more for 15 minutes")}}},
		{Name: "support", Need: policy.Look, Does: T("サポート用の記録を ZMODEM で送る: 報告、ログ、ジャーナルの最新 2000 件と末尾の位置、事故、数、設定、ポリシー、装置、リーダー、プリンター。個人の情報は入っていない。", "Send the support bundle with ZMODEM: report, log, the journal's newest 2000 entries and its head, incidents, counters, settings, policies, devices, reader, printer; nothing personal is in it."),
			Lines:    []Line{sent("support")},
			Moves:    takeHere,
			Examples: []Example{{"support", T("持ち帰る", "take it along")}}},
	}
}
