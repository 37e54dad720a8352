package console

import "honnin/config/policy"

// policyCommands are about what the operator decided, and where the terminal stands.
func policyCommands() []Command {
	head := func(code string, t Text) Line {
		return Line{Code: code, Title: t, Fields: []Field{number("version", "", T("版", "version")), at("not-before", T("開始", "not before")), at("expires", T("期限", "expires")), number("left", "days", T("残り", "left")), word("state", T("状態", "state")), digest("sha256", T("SHA-256", "SHA-256"))}}
	}
	changed := Line{Code: "policy.change", Many: true, Title: T("変更", "Changes"), Fields: []Field{name("key", T("キー", "key")), change("change", T("変更", "change"))}}
	verdict := Line{Code: "policy.verdict", Title: T("判定", "Verdict"), Fields: []Field{word("verdict", T("判定", "verdict")), word("why", T("理由", "why")), number("version", "", T("版", "version")), at("applies", T("適用", "applies"))}}
	return []Command{
		{Name: "policy show", Need: policy.Look, Does: T("有効なポリシーと、待っているポリシー。", "The policy in force, and the one that waits."),
			Lines:    []Line{head("policy.inforce", T("有効", "In force")), head("policy.waiting", T("待っている", "Waiting"))},
			Examples: []Example{{"policy show", T("版と期限を見る", "see version and end")}}},
		{Name: "policy diff", Need: policy.Look, Does: T("待っているポリシーで何が変わるか。", "What the waiting policy changes."),
			Lines:    []Line{changed},
			Examples: []Example{{"policy diff", T("適用する前に", "before it applies")}}},
		{Name: "policy receive", Need: policy.Service, Lapsed: true, Does: T("署名されたポリシーを ZMODEM で受け取る。署名、版、端末、日付は端末が確かめる。", "Take in a signed policy with ZMODEM; the terminal checks signatures, version, terminal and dates."),
			Lines:    []Line{{Code: "policy.received", Title: T("受け取ったファイル", "File received"), Fields: []Field{number("bytes", "bytes", T("大きさ", "size")), digest("sha256", T("SHA-256", "SHA-256"))}}, verdict},
			Examples: []Example{{"policy receive", T("持って来たポリシーを入れる", "bring one in")}}},
		{Name: "policy apply", Need: policy.Service, Lapsed: true, Does: T("待っているポリシーを、次の訪問の前に適用する。", "Apply the waiting policy before the next visit."),
			Ask:      T("待っているポリシーを適用しますか。戻すことはできません。", "Apply the policy that waits? There is no way back."),
			Lines:    []Line{verdict},
			Examples: []Example{{"policy apply --yes", T("問われずに適用する", "apply it without being asked")}}},
		{Name: "config show", Need: policy.Look, Does: T("この端末の設定 (site.toml)。秘密は出ない。", "How this terminal is set up (site.toml); no secrets."),
			Lines:    []Line{{Code: "config.key", Many: true, Title: T("設定", "Settings"), Fields: []Field{name("key", T("キー", "key")), plain("value", T("値", "value")), yes("default", T("既定", "default"))}}},
			Examples: []Example{{"config show", T("設定を見る", "see it")}}},
		{Name: "config diff", Need: policy.Look, Does: T("動いている設定とファイルの違い。または、ファイルのどこが誤りか。", "How the file differs from what runs, or where it is wrong."),
			Lines: []Line{{Code: "config.change", Many: true, Title: T("変更", "Changes"), Fields: []Field{name("key", T("キー", "key")), change("change", T("変更", "change"))}},
				{Code: "config.wrong", Many: true, Title: T("誤り", "Wrong"), Fields: []Field{name("key", T("キー", "key")), number("line", "", T("行", "line"))}}},
			Examples: []Example{{"config diff", T("再起動の前に", "before a restart")}}},
	}
}

// repairCommands change something that everybody at the terminal notices.
func repairCommands() []Command {
	state := []Line{{Code: "service.state", Title: T("サービス", "Service"), Fields: []Field{word("state", T("状態", "state")), word("why", T("理由", "why"))}}}
	return []Command{
		{Name: "service on", Need: policy.Service, Does: T("保守員が止めたサービスを始める。開いた事故が止めているものは始まらない。", "Begin the service that a technician stopped; what an open incident stops does not begin."),
			Lines: state, Examples: []Example{{"service on", T("修理が終わったら", "when the repair is done")}}},
		{Name: "service off", Need: policy.Service, Lapsed: true, Does: T("今の訪問が終わったらサービスを止める。", "Stop the service after the present visit."),
			Ask:   T("サービスを止めますか。", "Stop the service?"),
			Lines: state, Examples: []Example{{"service off --yes", T("修理の前に", "before a repair")}}},
		{Name: "reboot", Need: policy.Service, Lapsed: true, Does: T("今の訪問が終わったら端末を再起動する。", "Restart the terminal after the present visit."),
			Ask:      T("端末を再起動しますか。この接続は切れます。", "Restart the terminal? This session ends."),
			Lines:    []Line{{Code: "reboot.state", Title: T("再起動", "Reboot"), Fields: []Field{word("state", T("状態", "state")), word("why", T("理由", "why"))}}},
			Examples: []Example{{"reboot", T("最後の手段", "as a last resort")}}},
	}
}
