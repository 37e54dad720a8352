package console

import "honnin/config/policy"

// stateCommands say how the terminal is; the first two also to who has not signed in, with less in them.
func stateCommands() []Command {
	return []Command{
		{Name: "status", Does: T("端末の状態をひと目で。", "How the terminal is, at a glance."),
			Lines: []Line{
				{Code: "status.terminal", Title: T("端末", "Terminal"), Fields: []Field{
					name("terminal", T("端末", "terminal")), yes("daemon", T("honnind が動いている", "honnind runs")), word("state", T("状態", "state")),
					word("why", T("理由", "why")), at("since", T("から", "since")), at("now", T("時計", "clock")), number("policy", "", T("ポリシーの版", "policy version")),
					signed(number("incidents", "", T("開いた事故", "open incidents"))), signed(number("unsaid", "", T("未送信", "not yet delivered"))), signed(span("up", T("稼働", "running for"))), signed(yes("visit", T("訪問の途中", "visit in hand")))}},
				{Code: "status.stopped", Many: true, Title: T("止まっている自治体", "Stopped municipalities"), Fields: []Field{
					signed(name("municipality", T("自治体", "municipality"))), signed(word("why", T("理由", "why"))), signed(number("incident", "", T("事故", "incident")))}}},
			Examples: []Example{{"status", T("まず見る", "look first")}, {"status --json", T("プログラムから", "from a program")}}},
		{Name: "doctor", Does: T("全ての検査をして、することを順に言う。することは、理由が分かるものでも、誰にでも出る。", "Run all checks, and say in order what to do: that is for everybody, even where it tells the reason."),
			Lines: []Line{
				{Code: "doctor.check", Many: true, Title: T("検査", "Checks"), Fields: []Field{
					word("check", T("検査", "check")), word("state", T("状態", "state")), signed(word("why", T("理由", "why"))), signed(span("took", T("時間", "took")))}},
				{Code: "doctor.do", Many: true, Title: T("すること", "What to do"), Fields: []Field{
					number("step", "", T("順", "step")), word("check", T("検査", "check")), says("do", T("すること", "do"))}},
				{Code: "doctor.turned", Many: true, Title: T("前回の保守と違う検査", "Checks that turned out otherwise at the last visit"), Fields: []Field{
					signed(word("check", T("検査", "check"))), signed(word("was", T("前", "was"))), signed(word("is", T("今", "is"))), signed(at("looked", T("前に見た時刻", "looked at then")))}},
				{Code: "doctor.changed", Many: true, Title: T("前回の保守からの変化", "Since the last technician's visit"), Fields: []Field{
					signed(word("what", T("何が", "what"))), signed(plain("was", T("前", "was"))), signed(plain("is", T("今", "is")))}},
				{Code: "doctor.verdict", Title: T("結果", "Verdict"), Fields: []Field{word("verdict", T("結果", "verdict")), number("failed", "", T("不良", "failed")), signed(at("visit", T("前回の保守", "last technician's visit"))), at("looked", T("見た時刻", "looked at"))}}},
			Examples: []Example{{"doctor", T("どこが悪いかを知る", "learn what is wrong")}}},
		{Name: "incidents", Need: policy.Look, Does: T("開いた事故。", "Open incidents."),
			Inputs: []Input{{Name: "number", Form: FormNumber, Least: 1, Most: 1 << 53, Does: T("一つだけ、何をするかとともに。", "One of them, with what to do.")},
				{Name: "all", Flag: true, Does: T("閉じたものも。", "Closed ones too.")}},
			Lines: []Line{
				{Code: "incidents.incident", Many: true, Title: T("事故", "Incidents"), Fields: []Field{
					number("number", "", T("番号", "number")), at("at", T("時刻", "at")), word("word", T("語", "word")), word("severity", T("重さ", "severity")), word("state", T("状態", "state")),
					name("municipality", T("自治体", "municipality")), number("count", "", T("件数", "count")), yes("delivered", T("届いた", "delivered"))}},
				{Code: "incidents.means", Title: T("一つの事故", "One incident"), Fields: []Field{says("means", T("意味", "it means")), says("do", T("すること", "what to do")), yes("stops", T("サービスを止めている", "stops a service"))}}},
			Examples: []Example{{"incidents", T("一覧", "all open ones")}, {"incidents --all", T("閉じたものも", "closed ones too")}}},
		{Name: "counters", Need: policy.Look, Does: T("数えたもの: 枚数、拒否、故障、消耗。", "What was counted: sheets, refusals, faults, wear."),
			Inputs:   []Input{{Name: "name", Form: FormName, Does: T("この語を含むものだけ。", "Only those that contain this.")}},
			Lines:    []Line{{Code: "counters.counter", Many: true, Title: T("数", "Counters"), Fields: []Field{name("counter", T("名前", "counter")), number("value", "", T("値", "value")), word("of", T("内訳", "of"))}}},
			Examples: []Example{{"counters", T("全て", "all")}, {"counters entries", T("ジャーナルの件数、種類ごと", "entries of the journal, by kind")}}},
		{Name: "report", Need: policy.Look, Does: T("点検報告。端末の鍵で署名される。", "The readiness report, signed with the terminal's key."),
			Inputs: []Input{{Name: "file", Flag: true, Does: T("ファイルにして ZMODEM で送る。", "Send it as a file, with ZMODEM.")}},
			Lines: []Line{
				{Code: "report.part", Many: true, Title: T("点検報告", "Readiness report"), Fields: []Field{
					word("part", T("部分", "part")), word("state", T("状態", "state")), number("wear", "%", T("消耗", "worn")), at("expires", T("期限", "expires")), says("do", T("すること", "do"))}},
				{Code: "report.sheets", Title: T("印刷した枚数", "Sheets printed"), Fields: []Field{number("impressions", "", T("面", "impressions")), at("since", T("から", "since"))}},
				{Code: "report.signed", Title: T("署名", "Signature"), Fields: []Field{name("terminal", T("端末", "terminal")), at("at", T("時刻", "at")), digest("report", T("報告の SHA-256", "SHA-256 of the report")), digest("key", T("鍵の SHA-256", "SHA-256 of the key"))}},
				sent("report")},
			Moves:    takeHere,
			Examples: []Example{{"report", T("画面で読む", "read it")}, {"report --file", T("持ち帰る", "take it along")}}},
	}
}

// sent is the line that says that a file went over the line.
func sent(command string) Line {
	return Line{Code: command + ".sent", Title: T("送ったファイル", "File sent"), Fields: []Field{name("file", T("ファイル", "file")), number("bytes", "bytes", T("大きさ", "size")), digest("sha256", T("SHA-256", "SHA-256"))}}
}
