package console

import "honnin/config/policy"

// deviceCommands are about what is plugged in, and about the centre.
func deviceCommands() []Command {
	return []Command{
		{Name: "reader", Need: policy.Look, Does: T("カードリーダー。", "The card reader."),
			Lines: []Line{{Code: "reader.state", Title: T("リーダー", "Reader"), Fields: []Field{
				word("kind", T("接続", "kind")), plain("model", T("機種", "model")), word("state", T("状態", "state")), word("why", T("理由", "why")), yes("card", T("カードがある", "a card is on it")),
				yes("pinpad", T("暗証番号キー", "PIN pad")), number("speed", "bit/s", T("速度", "speed")), number("faults", "", T("故障の数", "faults")), at("fault", T("最後の故障", "last fault"))}}},
			Examples: []Example{{"reader", T("状態を見る", "see how it is")}}},
		{Name: "printer", Need: policy.Look, Does: T("プリンター: 状態、理由、消耗品、待ち行列。", "The printer: state, reasons, supplies, queue."),
			Lines: []Line{
				{Code: "printer.state", Title: T("プリンター", "Printer"), Fields: []Field{
					word("kind", T("接続", "kind")), plain("model", T("機種", "model")), word("state", T("状態", "state")), yes("accepting", T("受け付ける", "accepts jobs")),
					yes("path-empty", T("通り道は空", "path is empty")), number("sheets", "", T("枚数", "sheets")), at("seen", T("装置が言った時刻", "it said so at"))}},
				{Code: "printer.reason", Many: true, Title: T("理由", "Reasons"), Fields: []Field{word("reason", T("理由", "reason")), word("severity", T("重さ", "severity")), says("do", T("すること", "do"))}},
				{Code: "printer.supply", Many: true, Title: T("消耗品", "Supplies"), Fields: []Field{word("supply", T("消耗品", "supply")), number("level", "%", T("残り", "left")), word("state", T("状態", "state"))}},
				{Code: "printer.job", Many: true, Title: T("待ち行列", "Queue"), Fields: []Field{number("job", "", T("番号", "job")), word("state", T("状態", "state")), yes("ours", T("この端末のもの", "ours")), span("age", T("経過", "age"))}}},
			Examples: []Example{{"printer", T("状態を見る", "see how it is")}, {"printer --json", T("プログラムから", "from a program")}}},
		{Name: "printer sheet", Need: policy.Service, Does: T("点検紙を一枚印刷する。証明書ではない。その後は printer path-empty まで休止する。", "Print the service sheet; it is no certificate. No visit begins after it before printer path-empty."),
			Lines:    []Line{{Code: "printer.sheet", Title: T("点検紙", "Service sheet"), Fields: []Field{word("outcome", T("結果", "outcome")), word("why", T("理由", "why")), span("took", T("時間", "took")), says("do", T("すること", "do"))}}},
			Examples: []Example{{"printer sheet", T("印刷してみる", "see it print")}}},
		{Name: "printer path-empty", Need: policy.Service, Does: T("トレイと紙の通り道が空であることを、見た人が言う。", "Say that tray and path are empty, having looked."),
			Ask:      T("排紙トレイと通り道を見て、紙が一枚もないことを確かめましたか。", "Have you looked into the tray and the whole path, and is there no sheet?"),
			Lines:    []Line{{Code: "printer.path", Title: T("通り道", "Path"), Fields: []Field{word("state", T("状態", "state")), word("why", T("理由", "why"))}}},
			Examples: []Example{{"printer path-empty", T("紙詰まりを直した後で", "after a jam was cleared")}}},
		{Name: "centre", Need: policy.Look, Does: T("センターまでの道: 名前、TCP、TLS、期限、往復、時計。", "The way to the centre: name, TCP, TLS, days left, round trip, clock."),
			Lines: []Line{
				{Code: "centre.step", Many: true, Title: T("段階", "Steps"), Fields: []Field{word("step", T("段階", "step")), word("state", T("状態", "state")), word("why", T("理由", "why")), span("took", T("時間", "took"))}},
				{Code: "centre.certificate", Many: true, Title: T("証明書の鎖", "Certificate chain"), Fields: []Field{number("depth", "", T("段", "depth")), word("of", T("役割", "of")), at("expires", T("期限", "expires")), number("left", "days", T("残り", "left")), digest("sha256", T("SHA-256", "SHA-256"))}},
				{Code: "centre.clock", Title: T("時計", "Clock"), Fields: []Field{span("ahead", T("センターより進み", "ahead of the centre")), span("trip", T("往復", "round trip")), span("allowed", T("許される差", "allowed"))}}},
			Examples: []Example{{"centre", T("全ての段階", "every step")}}},
		{Name: "usb", Need: policy.Look, Does: T("USB にあるリーダーとプリンター、そしてその妨げ。", "Readers and printers on USB, and what is in their way."),
			Lines: []Line{{Code: "usb.device", Many: true, Title: T("USB", "USB"), Fields: []Field{
				name("port", T("口", "port")), name("id", T("メーカーと製品", "vendor and product")), word("kind", T("種類", "kind")), plain("model", T("機種", "model")), word("speed", T("速度", "speed")), yes("allowed", T("ポリシーが許す", "policy allows")), word("holder", T("使用中", "held by")), word("hint", T("助言", "hint"))}}},
			Examples: []Example{{"usb", T("何が挿さっているか", "see what is plugged in")}}},
		{Name: "selftest", Need: policy.Service, Does: T("自己検査: 拒否すべきものを拒否するか。", "The self-test: does it refuse what it has to refuse?"),
			Lines: []Line{
				{Code: "selftest.part", Many: true, Title: T("部分", "Parts"), Fields: []Field{word("part", T("部分", "part")), yes("ok", T("合格", "passed")), number("cases", "", T("件数", "cases")), span("took", T("時間", "took"))}},
				{Code: "selftest.verdict", Title: T("結果", "Verdict"), Fields: []Field{yes("ok", T("合格", "passed")), word("why", T("理由", "why"))}}},
			Examples: []Example{{"selftest", T("修理の後で", "after a repair")}}},
		{Name: "visit", Need: policy.Service, Does: T("本物の装置での発行の練習。紙には見本と印刷される。カードも暗証番号も端末で。窓口で名前を確かめるのは担当者 1207、番号 246810。", "A practice issuance on the real devices; the paper says 見本 (sample). Card and PIN are for the terminal itself. At a counter staff 1207 confirms the name, with 246810."),
			Inputs: []Input{{Name: "test-card", Flag: true, Does: T("試験用カードで。必ず付ける。", "With the test card; it has to be typed.")}},
			Lines: []Line{
				{Code: "visit.step", Many: true, Title: T("段階", "Steps"), Fields: []Field{word("step", T("段階", "step")), word("state", T("状態", "state")), span("took", T("時間", "took"))}},
				{Code: "visit.outcome", Title: T("結果", "Outcome"), Fields: []Field{word("outcome", T("結果", "outcome")), word("why", T("理由", "why"))}}},
			Examples: []Example{{"visit --test-card", T("引き渡す前に", "before you hand it over")}}},
	}
}
