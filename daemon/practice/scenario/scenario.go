// Package scenario holds the published causes of the mix-ups of 2023 as miniatures that run: each is a small issuing
// program with the fault where it was, deployed in a municipality of the practice world in place of the sound one.
//
// Nobody in a miniature picks somebody else's paper. A program reads, draws and signs with the sound steps of package
// issuer and keeps between two steps what its model kept: a shared file name, a static area, a lock that is
// released too early, a stale copy. Whether paper goes astray depends on who else applies at the same moment and on what city hall
// does meanwhile ([Hall]). Every access to what is shared has a lock of its own; the fault is that the lock is not
// around the whole piece of work.
//
// Scenarios are data ([All]); [Deploy] makes the program of one.
package scenario

import (
	"slices"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice/people"
)

// ID names a scenario.
type ID string

// The scenarios.
const (
	Yokohama          ID = "yokohama"
	Adachi            ID = "adachi"
	Kawasaki          ID = "kawasaki"
	KawasakiRequest   ID = "kawasaki-request"
	Tokushima         ID = "tokushima"
	Munakata          ID = "munakata"
	Takamatsu         ID = "takamatsu"
	StaleRegistration ID = "stale-registration"
	Unheard           ID = "unheard"
	Repeat            ID = "repeat"
)

// Text is one text for people, in both languages.
type Text struct{ Ja, En string }

// Scenario is one incident, and how its miniature is built.
type Scenario struct {
	ID           ID
	Where, When  Text
	Cause        Text                  // as published
	Built        Text                  // how the miniature is built
	Municipality protocol.Municipality // of the practice world: where the program is deployed
	Certificate  protocol.Certificate  // what its applicants ask for
	Channels     []protocol.Channel    // on which it shows
	Refused      []reason.Code         // the reasons that may refuse wrong paper of it; nothing else may
	Unpatched    bool                  // software below the floor is at work: right paper is refused too (issuer-unpatched)
}

var (
	store   = []protocol.Channel{protocol.Store}
	counter = []protocol.Channel{protocol.Counter}
	both    = []protocol.Channel{protocol.Store, protocol.Counter}
)

// All returns every scenario, in the order of the incident table.
func All() []Scenario {
	return []Scenario{
		{ID: Yokohama, Where: Text{"横浜市", "Yokohama"}, When: Text{"2023年3月27日", "27 March 2023"},
			Cause: Text{"負荷により印刷待ちが上限時間を超え、印刷管理だけが解放されて処理全体は止まらず、次の申請者のファイルが取り込まれた。",
				"Under load the print wait passed its limit; only the print-order manager was released, not the whole piece of work, and the next applicant's file was picked up."},
			Built: Text{"すべての処理が作業フォルダの同じファイル名を使い、時間切れは管理ロックだけを放す。",
				"All jobs share the same file names in a work directory; the time-out gives back the manager's lock and nothing else."},
			Municipality: people.Mihon, Certificate: protocol.ResidentRecord, Channels: store,
			Refused: []reason.Code{reason.OtherTransaction, reason.TagMismatch}},
		{ID: Adachi, Where: Text{"足立区", "Adachi"}, When: Text{"2023年3月22日・4月18日", "22 March and 18 April 2023"},
			Cause: Text{"住民異動を反映するバッチ処理と複数の証明書発行が重なり、後の申請者のデータが先の申請者のデータを上書きした。",
				"The batch that carries resident changes over ran at the same time as several issuances; a later applicant's data overwrote the earlier one's."},
			Built: Text{"発行処理はバッチを待つ間に順番を譲り、作業行を読み直さずに続ける。",
				"An issuance that meets the batch gives its turn up and takes it up again, without its work row."},
			Municipality: people.Mihon, Certificate: protocol.ResidentRecord, Channels: store,
			Refused: []reason.Code{reason.SubjectMismatch, reason.TagMismatch}},
		{ID: Kawasaki, Where: Text{"川崎市", "Kawasaki"}, When: Text{"2023年5月2日", "2 May 2023"},
			Cause: Text{"戸籍システムとの連携部分で、1秒以内に2件の発行が重なり、描画の前に後の申請者の記録が先の記録を上書きした。",
				"Two issuances within a second in the link to the family-register system; the later record overwrote the earlier one before rendering."},
			Built: Text{"連携ファイルの名前は秒単位の時刻である。照合値は記録とともに運ばれる。",
				"The link names what it hands over by the second. The hash travels with the record."},
			Municipality: people.Mihon, Certificate: protocol.FamilyRegister, Channels: store, Refused: []reason.Code{reason.SubjectMismatch}},
		{ID: KawasakiRequest, Where: Text{"川崎市", "Kawasaki"}, When: Text{"2023年5月2日", "2 May 2023"},
			Cause: Text{"同上。ただし発行側が照合値を申請者の証明書から作る場合。", "The same, where the issuer takes the hash from the request."},
			Built: Text{"連携部分は同じ。照合値は申請の証明書から作られ、照合値だけでは分からない。",
				"The same link; hash and page tags come from the request's certificate, so that offline everything fits."},
			Municipality: people.Mihon, Certificate: protocol.FamilyRegisterPersonal, Channels: store, Refused: []reason.Code{reason.RegisterMismatch}},
		{ID: Tokushima, Where: Text{"徳島市", "Tokushima"}, When: Text{"2023年3月27日", "27 March 2023"},
			Cause: Text{"コンビニ交付と窓口の交付サービス（らくらく窓口）が、一つのプログラムで同時に動いた。",
				"Store issuance and the town hall's counter service ran at once on one program."},
			Built:        Text{"各サービスは自分の順番を守るが、静的な領域は一つしかない。", "Each service keeps its own turn; there is one static area for both."},
			Municipality: people.Mihon, Certificate: protocol.FamilyRegister, Channels: both, Refused: []reason.Code{reason.SubjectMismatch}},
		{ID: Munakata, Where: Text{"宗像市", "Munakata"}, When: Text{"2023年6月28日", "28 June 2023"},
			Cause: Text{"申請と出力の間に住民の記録が変わると、前の申請者の情報が残ったままになった。",
				"A change of the resident's record between application and output left the previous applicant's information in place."},
			Built:        Text{"記録が変わっていると、出力領域を作り直さずに出力する。", "Where the record has changed, the output area is put out without being filled anew."},
			Municipality: people.Mihon, Certificate: protocol.ResidentRecord, Channels: counter,
			Refused: []reason.Code{reason.OtherTransaction, reason.RecordSuperseded}}, // the change may come after the drawing, too
		{ID: Takamatsu, Where: Text{"高松市", "Takamatsu"}, When: Text{"2024年4月4日", "4 April 2024"},
			Cause: Text{"1台用のプログラムが複数台の構成に置かれ、ほぼ同時の申請が混ざった。修正版は追加された拠点に届いていなかった。",
				"A program made for one server was deployed on several; near-simultaneous requests. The mended version had not reached the newly added site."},
			Built:        Text{"3台がそれぞれのロックと番号で同じ置き場を使う。追加された2台は旧版である。", "Three servers, each with its own lock and counter, use the same place; the two added ones run the old version."},
			Municipality: people.Mihon, Certificate: protocol.ResidentRecord, Channels: store, Refused: []reason.Code{reason.SubjectMismatch}, Unpatched: true},
		{ID: StaleRegistration, Where: Text{"新潟市・さいたま市・熊本市", "Niigata, Saitama, Kumamoto"}, When: Text{"2023年", "2023"},
			Cause: Text{"登録簿の古い写しから、廃止された印鑑登録の証明書が本人に交付された。",
				"A stale copy of the register: an abolished seal registration was certified, to the right person."},
			Built: Text{"発行側は遅れて更新される写しを読み、登録は申し込みの後に廃止される。",
				"The issuer reads a copy that is brought up to date late; the registration is abolished after the offer."},
			Municipality: people.Mihon, Certificate: protocol.SealRegistration, Channels: store, Refused: []reason.Code{reason.RecordSuperseded}},
		{ID: Unheard, Where: Text{"足立区", "Adachi"}, When: Text{"2023年1月17日・3月22日・4月18日", "17 January, 22 March and 18 April 2023"},
			Cause: Text{"エラーの通知のたびに「再申請で正常に印刷された」とされ、4月28日まで調べられなかった。",
				"After each error notice: \"the application was made again and printing ended normally\". Nobody looked further until 28 April."},
			Built: Text{"足立区と同じ不具合。隣の店での再申請は正常に印刷されるが、取扱いは止まり、インシデントは開いたまま、だれも受け付けなければ次の連絡先、その次へと知らされる。",
				"Adachi's fault; the next application prints normally, at the next store. The service stays stopped here, the incident stays open, and while nobody acknowledges it one contact after the other is told."},
			Municipality: people.Mihon, Certificate: protocol.ResidentRecord, Channels: store,
			Refused: []reason.Code{reason.SubjectMismatch, reason.TagMismatch}},
		{ID: Repeat, Where: Text{"宗像市と同じ不具合の別の自治体", "another municipality with Munakata's fault"}, When: Text{"2019年・2023年・2024年", "2019, 2023, 2024"},
			Cause: Text{"既知の不具合が一部でだけ直された。123団体のうち44団体に修正が適用されていなかった。",
				"A known fault, mended in one place and not in others: of 123 sites 44 lacked a fix."},
			Built:        Text{"宗像市と同じプログラムの旧版を、別の自治体で動かす。", "Munakata's program, in a version below the floor, in another municipality."},
			Municipality: people.Kaku, Certificate: protocol.ResidentRecord, Channels: counter, Refused: []reason.Code{reason.OtherTransaction}, Unpatched: true},
	}
}

// MayRefuse reports whether wrong paper of this scenario may be refused for c. Software below the floor is a reason too,
// where nothing worse is found: right person, right transaction, and a record that changed meanwhile.
func (s Scenario) MayRefuse(c reason.Code) bool {
	return slices.Contains(s.Refused, c) || s.Unpatched && c == reason.IssuerUnpatched
}

// Find returns the scenario of this name.
func Find(id string) (Scenario, bool) {
	all := All()
	i := slices.IndexFunc(all, func(s Scenario) bool { return string(s.ID) == id })
	if i < 0 {
		return Scenario{}, false
	}
	return all[i], true
}
