package policy

import (
	"time"

	"honnin/config/keys"
	"honnin/config/protocol"
)

const (
	minute = int64(time.Minute)
	hour   = int64(time.Hour)
	day    = 24 * hour
	second = int64(time.Second)
)

// Table is every key of policy.toml. It is made for each use: whoever changes it changes their own.
func Table() keys.File {
	f := keys.File{Name: "policy.toml",
		Ja: "全端末の運用者が決めること。だれを信頼するか、何をいくらでいつ出すか、いつ止めるか。場所と機器は site.toml にあり、検査を弱められない。",
		En: "What the operator of all terminals has decided: whom to trust, what is issued, for how much and when, and when to stop. Place and hardware are in site.toml, which cannot weaken a check.",
		See: "書き方の例と、署名して端末に届けるまで: [FIELD.ja.md](../../daemon/FIELD.ja.md)。 An example, and how it is signed and brought to a terminal: [FIELD.md](../../daemon/FIELD.md).\n\n" +
			"`honnind config explain KEY` は一つのキーを説明する。 explains one key."}
	for _, part := range [][]keys.Key{headKeys(), timeKeys(), calendarKeys(""), latchKeys(), limitKeys(), trustKeys(), deviceKeys(), municipalityKeys(), serviceKeys(), peopleKeys(), contactKeys(), collectorKeys()} {
		f.Keys = append(f.Keys, part...)
	}
	return f
}

func headKeys() []keys.Key {
	return []keys.Key{
		{Path: "version", Form: keys.Number, Need: true, Min: 1, Max: maxVersion,
			Ja: "版。新しいポリシーほど大きい。端末は小さい版に戻らない。", En: "Rises with every policy. A terminal never goes back to a lower one."},
		{Path: "not_before", Form: keys.Instant,
			Ja: "この時刻から適用できる。署名するポリシーでは必須。", En: "From when the policy may be applied. A policy that is to be signed must have it."},
		{Path: "expires", Form: keys.Instant,
			Ja: "この時刻から端末は停止する。署名するポリシーでは必須。", En: "From here on a terminal with this policy is out of service. A policy that is to be signed must have it."},
		{Path: "expiry_warning", Form: keys.Duration, Default: "336h", Min: 0, Max: 366 * day,
			Ja: "期限のどれだけ前から警告するか。", En: "How long before expiry a terminal warns."},
		{Path: "terminals", Form: keys.Target, List: true, Min: 1, Max: maxTargets,
			Ja: "対象の端末。署名するポリシーでは必須。", En: "The terminals it is for. A policy that is to be signed must have it."},
		{Path: "previous", Form: keys.Digest,
			Ja: "直前のポリシーの SHA-256。版1にはない。", En: "The SHA-256 of the policy before; version 1 has none, every other that is to be signed must have it."},
		{Path: "policy_keys", Form: keys.Table,
			Ja: "次のポリシーに署名する鍵。署名するポリシーでは必須。", En: "The keys that sign the next policy. A policy that is to be signed must have them."},
		{Path: "policy_keys.threshold", Form: keys.Number, Default: "2", Min: minThreshold, Max: maxPolicyKeys,
			Ja: "必要な署名の数。異なる鍵で数える。", En: "How many distinct keys must sign."},
		{Path: "policy_keys.key", Form: keys.Tables, Need: true, Name: "name", Label: "policy key", Min: minThreshold, Max: maxPolicyKeys,
			Ja: "鍵。", En: "A key."},
		{Path: "policy_keys.key.name", Form: keys.Word, Need: true, Ja: "部署の名。人の名ではない。", En: "An office, never a person."},
		{Path: "policy_keys.key.pem", Form: keys.PEM, Need: true, Ja: "証明書または公開鍵。一つだけ。", En: "One certificate or one public key: RSA of 2048 to 8192 bits, P-256 or P-384."},
	}
}

func timeKeys() []keys.Key {
	return []keys.Key{
		{Path: "clock_skew", Form: keys.Duration, Need: true, Min: 0, Max: hour,
			Ja: "時計のずれをどこまで認めるか。", En: "How far any two clocks may differ."},
		{Path: "package_lifetime", Form: keys.Duration, Need: true, Min: second, Max: day,
			Ja: "証明書データの有効時間の上限。", En: "Caps a statement's expires_at − issued_at."},
		{Path: "crl_max_age", Form: keys.Duration, Default: "168h", Min: minute, Max: 366 * day,
			Ja: "失効リストがこれより古い市区町村は停止する。", En: "A municipality with an older revocation list is out of service."},
		{Path: "propagation_limit", Form: keys.Duration, Default: "24h", Min: 0, Max: 366 * day,
			Ja: "発行のこれより前に書き換えられた記録は、事故として届ける。", En: "A record superseded so long before issued_at is an incident."},
		{Path: "heartbeat", Form: keys.Duration, Default: "5m", Min: second, Max: hour,
			Ja: "端末がセンターに状態を知らせる間隔。", En: "How often a terminal tells the centre how it is, and asks for policies."},
		{Path: "languages", Form: keys.Text, List: true, Words: []string{"ja", "en"}, Default: "ja, en", Min: 1, Max: 2,
			Ja: "画面の言語。先頭から始まる。", En: "The screen's languages; it begins with the first."},
	}
}

// calendarKeys stand at the top, in a municipality and in a service. The nearest hours and days count; closed days add up.
func calendarKeys(in string) []keys.Key {
	k := []keys.Key{
		{Path: in + "hours", Form: keys.Hours, Ja: "取扱時間（日本時間）。", En: "When it is open, in Japan. Without it the next wider table's counts; without any, the centre's word alone."},
		{Path: in + "days", Form: keys.Text, List: true, Words: dayNames, Min: 1, Max: int64(len(dayNames)),
			Ja: "取り扱う曜日。祝日は holiday だけで決まる。", En: "On which days. On one of holidays only the word holiday counts. Without it the next wider table's; without any, every day."},
		{Path: in + "closed", Form: keys.Days, List: true, Max: 1000,
			Ja: "休止日。広い表の休止日に加わる。", En: "When it is closed all day, beside what the wider tables say."},
	}
	if in == "" {
		k = append(k, keys.Key{Path: "holidays", Form: keys.Days, List: true, Max: 1000, Ja: "祝日。", En: "Public holidays, for days."})
	}
	return k
}

func latchKeys() []keys.Key {
	return []keys.Key{
		{Path: "latch", Form: keys.Table, Ja: "自動停止。", En: "When refusals stop a municipality's service by themselves."},
		{Path: "latch.defective", Form: keys.Number, Default: "3", Min: 1, Max: 1000, Ja: "不良がこの数に達し、", En: "So many defective refusals …"},
		{Path: "latch.within", Form: keys.Duration, Default: "1h", Min: second, Max: 366 * day, Ja: "この時間内なら停止する。", En: "… within this time."},
		{Path: "latch.all", Form: keys.Number, Default: "3", Min: 1, Max: 1000, Ja: "停止した市区町村がこの数に達したら、端末の取扱いをすべて停止する。署名された完了の記録で一つが再開するまで。無効にはできない。",
			En: "So many municipalities stopped at once stop the whole terminal, until a signed closing opens one of them again. It cannot be switched off."},
	}
}

func limitKeys() []keys.Key {
	out := []keys.Key{{Path: "limits", Form: keys.Table, Ja: "利用者を待つ時間。", En: "How long a terminal waits for people. A limit that is missing is the terminal's own."}}
	for _, l := range limitTable(new(Limits)) {
		out = append(out, keys.Key{Path: "limits." + l.key, Form: keys.Duration, Min: int64(l.least), Max: int64(l.most), Ja: l.ja, En: l.en})
	}
	return out
}

func trustKeys() []keys.Key {
	return []keys.Key{
		{Path: "card", Form: keys.Table, Need: true, Ja: "マイナンバーカード。", En: "My Number cards."},
		{Path: "card.anchors", Form: keys.PEM, List: true, Need: true, Min: 1, Max: 100, Ja: "利用者証明用認証局の証明書。", En: "The CAs of cards' user authentication certificates."},
		{Path: "test", Form: keys.Table, Ja: "点検用の試験カード。", En: "Cards for tests, which technicians have."},
		{Path: "test.anchors", Form: keys.PEM, List: true, Min: 1, Max: 100, Ja: "試験カードの認証局。見本の発行だけに使え、card.anchors と同じ鍵は認めない。なければ見本は発行できない。", En: "The CAs of test cards, which are for a practice issuance at the console and for nothing else; none may have a key of card.anchors. Without any there is no such issuance."},
		{Path: "centre", Form: keys.Table, Ja: "証明書交付センター。", En: "The issuing centre."},
		{Path: "centre.urls", Form: keys.URL, List: true, Min: 1, Max: 100, Ja: "端末が接続してよいセンター。", En: "The centres that a site may name. Without it, any."},
		{Path: "centre.signers", Form: keys.PEM, List: true, Min: 1, Max: 100, Ja: "インシデントの受領書、だれも手を付けていないという状態、センターが全端末で止めているものに署名する証明書。鍵で判断する。なければ受領書は確かめず、止めているものも尋ねない。", En: "The certificates that sign receipts of incidents, that nobody has touched one, and what the centre has suspended for all terminals. Their keys count; without any, receipts are not verified and nobody asks what is suspended."},
		{Path: "terminal_keys", Form: keys.Table, Ja: "端末の鍵。", En: "The terminals' own keys."},
		{Path: "terminal_keys.anchors", Form: keys.PEM, List: true, Min: 1, Max: 100, Ja: "端末の証明書を直接発行する認証局。", En: "The CAs that issue terminals' certificates, directly. Without it a terminal's certificate need only fit its key and name, and results from sticks cannot be believed."},
		{Path: "terminal_keys.warning", Form: keys.Duration, Default: "720h", Min: 0, Max: 366 * day, Ja: "証明書の期限のどれだけ前から警告するか。", En: "How long before its certificates end a terminal warns."},
	}
}

func deviceKeys() []keys.Key {
	return []keys.Key{
		{Path: "devices", Form: keys.Table, Ja: "使ってよい機器。", En: "The hardware that a terminal may use; without one of its keys, all of its kind."},
		{Path: "devices.readers", Form: keys.Text, List: true, Words: []string{"pcsc", "usb"}, Min: 1, Max: 2, Ja: "読取り機の種類。", En: "Kinds of card readers."},
		{Path: "devices.printers", Form: keys.Text, List: true, Words: []string{"ipp", "ipps", "usb"}, Min: 1, Max: 3, Ja: "印刷機の種類。", En: "Kinds of printers."},
		{Path: "devices.usb", Form: keys.USB, List: true, Min: 1, Max: 1000, Ja: "USB で直接動かす機器。", En: "Vendor and product of readers and printers driven over USB."},
		{Path: "devices.pin_pad", Form: keys.Text, Words: []string{string(UsePINPad), string(RequirePINPad), string(IgnorePINPad)}, Default: string(UsePINPad),
			Ja: "読取り機のキーで暗証番号を入力するか。", En: "A reader with keys of its own takes the PIN there (use); no visit at a reader without (require); the PIN is typed on the screen always (ignore)."},
		{Path: "devices.printers_without_ipp", Form: keys.Flag, Default: "false",
			Ja: "窓口で、結果を知らせない USB 印刷機を使ってよいか。", En: "Whether a counter may have a printer on USB that cannot say what became of a document. Never in a store."},
	}
}

func municipalityKeys() []keys.Key {
	const m = "municipality."
	return append([]keys.Key{
		{Path: "municipality", Form: keys.Tables, Need: true, Name: "code", Min: 1, Max: 5000, Ja: "市区町村。", En: "A municipality whose certificates may be issued."},
		{Path: m + "code", Form: keys.Municipality, Need: true, Ja: "全国地方公共団体コード。", En: "Its local-government code."},
		{Path: m + "name", Form: keys.Text, Need: true, Ja: "名。", En: "Its name."},
		{Path: m + "issuing_anchors", Form: keys.PEM, List: true, Max: 100, Ja: "発行者の認証局。", En: "CAs that its issuers' certificates chain to; or pinned_signers, or both."},
		{Path: m + "register_anchors", Form: keys.PEM, List: true, Max: 100, Ja: "原簿の認証局。", En: "CAs that its registers' certificates chain to. Without any no in-force answer is believed."},
		{Path: m + "pinned_signers", Form: keys.PEM, List: true, Max: 100, Ja: "個別に信頼する署名者。", En: "Signers trusted without a chain."},
		{Path: m + "revoked", Form: keys.Digest, List: true, Max: 100_000, Ja: "失効した署名者や中間認証局。", En: "SHA-256 of the certificates of signers or intermediates that are trusted no more."},
		{Path: m + "crls", Form: keys.PEM, List: true, Max: 100, Ja: "失効リスト。", En: "Revocation lists."},
		{Path: m + "incident_key", Form: keys.PEM, Ja: "事故になった証明書データを暗号化して端末に残すための公開鍵（X25519 または P-256）。端末は開けない。なければ残さない。", En: "A public key, X25519 or P-256, to which a package that was refused with an incident is sealed before it is kept at the terminal, which cannot open it. Without it the package is destroyed."},
		{Path: m + "software", Form: keys.Tables, Name: "name", Max: 100, Ja: "発行ソフトウェアと下限の版。", En: "Issuing software that is accepted. Without any entry, every one is."},
		{Path: m + "software.name", Form: keys.Text, Need: true, Ja: "名。", En: "Its name."},
		{Path: m + "software.floor", Form: keys.Version, Need: true, Ja: "これより古い版は受け付けない。", En: "Nothing older is accepted."},
		{Path: m + "software.fixes", Form: keys.Text, List: true, Max: 100, Ja: "必要な修正。", En: "Fixes that it must list."},
	}, calendarKeys(m)...)
}

func serviceKeys() []keys.Key {
	const s = "municipality.service."
	var kinds []string
	for _, c := range protocol.Certificates() {
		kinds = append(kinds, string(c))
	}
	return append([]keys.Key{
		{Path: "municipality.service", Form: keys.Tables, Name: "certificate", Max: int64(len(kinds)), Ja: "取り扱う証明書。", En: "A certificate that is issued. Without any entry, whatever the centre offers, for what it asks. Where the centre's fee is another, this one counts and the difference is an incident."},
		{Path: s + "certificate", Form: keys.Text, Words: kinds, Need: true, Ja: "種類。", En: "Its kind."},
		{Path: s + "fee", Form: keys.Number, Need: true, Min: 0, Max: maxFee, Unit: "yen", Label: "-", Ja: "手数料（1通、円）。", En: "The fee for one copy."},
		{Path: s + "counter_fee", Form: keys.Number, Min: 0, Max: maxFee, Unit: "yen", Ja: "窓口での手数料。なければ fee。", En: "The fee at a counter, where it is another."},
	}, calendarKeys(s)...)
}

func peopleKeys() []keys.Key {
	return []keys.Key{
		{Path: "staff", Form: keys.Tables, Name: "id", Label: "staff", Max: 10_000, Ja: "窓口で氏名を確認する職員。", En: "Those who confirm names at a counter; a counter without any does not open."},
		{Path: "staff.id", Form: keys.Digits, Need: true, Ja: "番号。氏名ではない。", En: "Typed at a counter. Never a name."},
		{Path: "staff.roles", Form: keys.Text, List: true, Words: []string{string(Confirm)}, Need: true, Min: 1, Max: 1, Ja: "役割。", En: "What they may do."},
		{Path: "staff.code", Form: codeForm, Need: true, Secret: true, Ja: "個人コードの検証値。honnind policy staff-code が作る。", En: "What tells a personal code; honnind policy staff-code makes one."},
		{Path: "staff.expires", Form: keys.Day, Need: true, Ja: "最終日。", En: "The last day, in Japan."},
		{Path: "staff.municipality", Form: keys.Municipality, Ja: "この市区町村の証明書だけ。", En: "Only certificates of this one."},
		{Path: "staff.terminals", Form: keys.Terminal, List: true, Max: maxTargets, Ja: "この端末だけ。", En: "Only at these."},
		{Path: "person", Form: keys.Tables, Name: "id", Label: "person", Max: 10_000, Ja: "鍵を持つ人。保守員、事故の受付と解決。", En: "Those who have a key: technicians (honnind console), and who answers for incidents."},
		{Path: "person.id", Form: keys.Word, Need: true, Ja: "番号。氏名ではない。", En: "A number or office. Never a name."},
		{Path: "person.roles", Form: keys.Text, List: true, Words: roleNames(), Need: true, Min: 1, Max: int64(len(roles)),
			Ja: "look 診断を見る、service 保守する、acknowledge 事故を受け付ける、close 事故を解決とする。", En: "look: see diagnoses; service: repair; acknowledge: take on incidents; close: close them."},
		{Path: "person.key", Form: keys.PEM, Need: true, Ja: "look と service は SSH 公開鍵、acknowledge と close は証明書か公開鍵。", En: `For look and service a line "ssh-ed25519 …" or "ecdsa-sha2-nistp256 …"; for acknowledge and close a certificate or a public key.`},
		{Path: "person.expires", Form: keys.Day, Need: true, Ja: "最終日。", En: "The last day, in Japan."},
		{Path: "person.municipality", Form: keys.Municipality, Ja: "この市区町村だけ。", En: "Only for this one."},
		{Path: "person.terminals", Form: keys.Target, List: true, Max: maxTargets, Ja: "この端末だけ。", En: "Only at these."},
	}
}

func contactKeys() []keys.Key {
	return []keys.Key{
		{Path: "contact", Form: keys.Tables, Name: "id", Ordered: true, Label: "contact", Max: 1000, Ja: "事故の連絡先。順に知らせる。知らせるのはセンターと syslog の受信先で、端末は連絡先に自分では通信しない。", En: "Whom to tell of incidents, in this order. The centre does so, and whoever collects syslog: a terminal itself speaks to no contact, not even by https. At most 32 are told of one incident."},
		{Path: "contact.id", Form: keys.Word, Need: true, Ja: "部署の名。", En: "An office."},
		{Path: "contact.reach", Form: keys.Reach, Need: true, Ja: "連絡先。センターの係員のためのもので、端末は使わない。", En: "Where. It is for the people at the centre; the terminal has no use for it, and repeats it nowhere."},
		{Path: "contact.municipality", Form: keys.Municipality, Ja: "この市区町村のことだけ。", En: "Only what concerns this one."},
		{Path: "deadlines", Form: keys.Table, Ja: "事故の期限。", En: "How long an incident may go unacknowledged, from when it was raised."},
		{Path: "deadlines.acknowledge", Form: keys.Duration, Default: "30m", Min: minute, Max: 30 * day, Ja: "次の連絡先に知らせるまで。最初の連絡先には直ちに知らせる。", En: "Then the next contact is told, and so on; the first is told at once."},
		{Path: "deadlines.stop", Form: keys.Duration, Default: "4h", Min: minute, Max: 30 * day, Ja: "取扱いを止めるまで。どの市区町村のことでもなければ、軽いものを除き、端末全体を止める。本人と確かめられない人の申し出（not-mine-unproven）では止めない。", En: "Then that municipality's service stops at this terminal; where it concerns none, the whole terminal does, unless the incident is of severity medium. What anybody may say (not-mine-unproven) stops nothing. Closing the incident opens it again. Longer than acknowledge."},
	}
}
