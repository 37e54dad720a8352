package console

// Code is the stable word of a failure: what a program branches on.
type Code string

// What can be wrong with a line, a sign-in or a command.
const (
	UnknownCommand  Code = "unknown-command"
	MissingArgument Code = "missing-argument"
	TooManyWords    Code = "too-many-words"
	BadValue        Code = "bad-value"
	UnknownFlag     Code = "unknown-flag"
	BadQuote        Code = "bad-quote"
	TooLong         Code = "too-long"
	Noise           Code = "noise"
	Lost            Code = "lost"

	SignInNeeded Code = "sign-in-needed"
	RoleNeeded   Code = "role-needed"
	Wait         Code = "wait"
	SeatTaken    Code = "seat-taken"
	SignedOut    Code = "signed-out"
	Already      Code = "already-signed-in"
	NotSignedIn  Code = "not-signed-in"

	NoSignature    Code = "no-signature"
	BadArmour      Code = "bad-armour"
	KeyKind        Code = "key-kind"
	UnknownKey     Code = "unknown-key"
	ExpiredKey     Code = "expired-key"
	OtherPurpose   Code = "other-purpose"
	OtherChallenge Code = "other-challenge"
	TooLate        Code = "too-late"
	NoPolicy       Code = "no-policy"
	PolicyEarly    Code = "policy-early"
	PolicyExpired  Code = "policy-expired"

	Cancelled  Code = "cancelled"
	Idle       Code = "idle"
	Break      Code = "break"
	HangUp     Code = "hang-up"
	NoJournal  Code = "no-journal"
	Unread     Code = "journal-unread"
	Unfit      Code = "unfit-answer"
	Failed     Code = "failed"
	DaemonDown Code = "daemon-down"
	Busy       Code = "busy"
	Unknown    Code = "unknown"
	NotHere    Code = "not-here"
	NoTransfer Code = "no-transfer"
	NoLine     Code = "no-line"
)

// codes say each failure to people; the pages list them.
var codes = []struct {
	Code Code
	Text Text
}{
	{UnknownCommand, T("そのコマンドはありません。help で一覧が出ます。", "There is no such command; help lists them.")},
	{MissingArgument, T("引数が足りません。", "An argument is missing.")},
	{TooManyWords, T("余分な語があります。", "There is a word too many.")},
	{BadValue, T("その値は使えません。", "This value is not allowed.")},
	{UnknownFlag, T("そのフラグはありません。", "There is no such flag.")},
	{BadQuote, T("引用符が閉じていません。", "A quotation mark is not closed.")},
	{TooLong, T("行が長すぎるため、捨てました。", "The line was too long and was thrown away.")},
	{Noise, T("雑音が来たため、捨てました。速度と配線を確かめてください。", "Noise came and was thrown away; check rate and cable.")},
	{Lost, T("コマンドの間に来た入力の一部を捨てました。", "Some of what came during the command was thrown away.")},
	{SignInNeeded, T("サインインが必要です。login と入力してください。", "Sign in first: type login.")},
	{RoleNeeded, T("この権限ではできません。", "Your role does not allow this.")},
	{Wait, T("前の失敗のため、しばらく待ってください。", "Wait a while, because of the failure before.")},
	{SeatTaken, T("別の保守員が使っています。", "Another technician is at work.")},
	{SignedOut, T("サインアウトしました。", "Signed out.")},
	{Already, T("既にサインインしています。先に logout してください。", "Somebody is signed in; logout first.")},
	{NotSignedIn, T("誰もサインインしていません。", "Nobody is signed in.")},
	{NoSignature, T("署名が来ませんでした。", "No signature came.")},
	{BadArmour, T("ssh-keygen の署名一つだけを、全部貼り付けてください。", "Paste one signature of ssh-keygen, whole, and nothing else.")},
	{KeyKind, T("鍵は ssh-ed25519 か ecdsa-sha2-nistp256 でなければなりません。", "The key must be ssh-ed25519 or ecdsa-sha2-nistp256.")},
	{UnknownKey, T("この鍵は、この端末のこの権限のためのポリシーにありません。", "The policy does not list this key for this terminal and role.")},
	{ExpiredKey, T("この鍵の期限は切れています。", "This key has expired.")},
	{OtherPurpose, T("別の目的の署名です。-n honnin-console で署名してください。", "Signed for another purpose; sign with -n honnin-console.")},
	{OtherChallenge, T("今の文字列の署名ではありません。", "This signs something other than the present challenge.")},
	{TooLate, T("文字列の期限が切れました。もう一度 login してください。", "The challenge has expired; type login again.")},
	{NoPolicy, T("この端末には有効なポリシーがまだないため、誰もサインインできません。端末の前で honnind policy receive を使ってください。", "No policy is in force here yet, so that nobody can sign in: use honnind policy receive at the terminal's own keyboard.")},
	{PolicyEarly, T("この端末の時計では、ポリシーの期間がまだ始まっていません。端末の前で時計を直してください (timedatectl)。", "By this terminal's clock the policy has not begun: set the clock at the terminal's own keyboard (timedatectl).")},
	{PolicyExpired, T("この端末の時計では、ポリシーの期限が切れています。時計が正しければ、次のポリシーが要ります: 端末の前で honnind policy receive、サインインしていればここで policy receive。", "By this terminal's clock the policy has expired. If the clock is right, it needs the next one: honnind policy receive at the terminal's own keyboard or, for who is signed in, policy receive here.")},
	{Cancelled, T("中止しました。", "Cancelled.")},
	{Idle, T("コマンドがないためサインアウトしました。", "Signed out, since no command was given.")},
	{Break, T("ブレークのためサインアウトしました。", "Signed out by a break.")},
	{HangUp, T("回線が切れたためサインアウトしました。", "Signed out, since the line hung up.")},
	{NoJournal, T("ジャーナルに書けないため、行いません。", "Not done, since the journal cannot be written.")},
	{Unread, T("ジャーナルを読めません。対処は doctor で分かります。", "The journal cannot be read; doctor says what to do.")},
	{Unfit, T("答えが表に合わないため、示しません。", "Not shown, since the answer does not fit the table.")},
	{Failed, T("できませんでした。", "That failed.")},
	{DaemonDown, T("honnind が動いていません。", "honnind is not running.")},
	{Busy, T("訪問の途中です。後でもう一度。", "A visit is under way; try again later.")},
	{Unknown, T("行われたかどうか分かりません。status を見てください。", "Nobody knows whether it was done; look at status.")},
	{NotHere, T("この端末にはありません。", "This terminal has no such thing.")},
	{NoTransfer, T("ファイルを送受信できませんでした。", "The file could not be sent or received.")},
	{NoLine, T("端末自身の画面ではファイルを送受信できません。シリアル回線のコンソール (honnind console --line) を使ってください。", "No file goes over the terminal's own screen; use the console on a serial line (honnind console --line).")},
}

// In returns what people are told.
func (c Code) In(lang string) string {
	for _, k := range codes {
		if k.Code == c {
			return k.Text.In(lang)
		}
	}
	return string(c)
}

// Failure is why a command was not done. Why is a reason code or another stable word; About is what was meant, such as a
// flag, and never what was typed.
type Failure struct {
	Code  Code
	Why   string
	About string
	Hint  string // what Is says
	Is    Hint
	After int // seconds to wait
}

// Hint is what a failure's hint is.
type Hint int

// What a hint can be: what was most likely meant, the values that are allowed, or how the command is used.
const (
	Meant Hint = iota
	Allowed
	Usage
)

func (f *Failure) Error() string { return "console: " + string(f.Code) + " " + f.About + f.Why }

// Fail is a failure that needs no more words.
func Fail(c Code) error { return &Failure{Code: c} }
