package technician

import (
	"strings"

	"honnin/config/policy/signed"
	"honnin/daemon/identity"
	"honnin/drivers/attached"
	"honnin/ui/console"
)

// What to do comes first as far as it can be done here, over the line; then what needs the terminal's own keyboard.

// asItsUser is what to do about a console that may not read what is honnind's.
func asItsUser() console.Text {
	return console.T("端末の前で honnind console を、honnind を動かすユーザーで動かす。", "At the terminal's keyboard, run honnind console as the user that honnind runs as.")
}

// journalAdvice is what to do about a journal.
func journalAdvice(why string) console.Text {
	switch why {
	case "in-use":
		return console.T("ジャーナルを書き続けているものがある。もう一度 doctor。", "Somebody kept writing the journal; type doctor again.")
	case "not-permitted":
		return asItsUser()
	}
	return console.T("端末を止めたまま journal.db を写し取り、運用センターに連絡する。消さない。", "Leave the terminal closed, copy journal.db, and call the operator. Do not delete it.")
}

// obstacleAdvice is what to do about an obstacle's code.
func obstacleAdvice(code string) console.Text {
	switch attached.Code(code) {
	case attached.NoPermission:
		return console.T("端末の前で udev の規則を入れる: honnind devices --rules の出力の最初の行を見る。", "Install the udev rules at the terminal's keyboard: see the first lines of what honnind devices --rules prints.")
	case attached.InUse:
		return console.T("その装置を使っているプログラムを、端末の前で止める (usb の「使用中」): pcscd、ipp-usb、CUPS など。", "Stop, at the terminal's keyboard, the program that has the device (usb, held by): pcscd, ipp-usb, CUPS.")
	case attached.BadDescriptors:
		return console.T("装置を挿し直す。直らなければ交換する。", "Plug the device in anew; if that does not help, replace it.")
	}
	return console.T("妨げを取り除く: usb で何かが分かる。", "Remove what is in the way: usb says what.")
}

func readerAdvice(why string) console.Text {
	if why == "no-card-service" {
		return console.T("pcscd が動いていない。login service の後に reboot。端末の前では systemctl start pcscd.socket。", "pcscd is not running: login service, then reboot. At the terminal's keyboard: systemctl start pcscd.socket.")
	}
	return console.T("リーダーのケーブルと、カードが置かれたままでないかを見る。次に usb。", "Look at the reader's cable, and that no card lies on it; then usb.")
}

// daemonAdvice is what to do about a daemon that is down, that hangs, or that we may not speak with.
func daemonAdvice(why string) console.Text {
	switch why {
	case "not-permitted":
		return asItsUser()
	case wordOf(errSilent):
		return console.T("honnind が応答しない。login service の後に reboot を二度。端末の前では systemctl restart honnind。", "honnind does not answer: login service, then reboot, twice. At the terminal's keyboard: systemctl restart honnind.")
	}
	return console.T("login service の後、log --lines 50 で止まった理由を読み、reboot。端末の前では systemctl start honnind。", "login service, read with log --lines 50 why it stopped, then reboot. At the terminal's keyboard: systemctl start honnind.")
}

// diskAdvice is what to do about a disk. Its numbers are those of leastRoom and soonRoom.
func diskAdvice(why string) console.Text {
	switch why {
	case "full", "almost-full":
		return console.T("状態ディレクトリ (config show の state) のディスクを空ける: 空きは 200 MiB 必要、1000 MiB から安心。使用率は report の消耗。消すのは端末の前で、journal.db は消さない。", "Make room on the disk of the state directory (state, in config show): 200 MiB must be free, and 1000 MiB last for weeks; report says how full it is (worn). That is done at the terminal's keyboard; never delete journal.db.")
	case "read-only":
		return console.T("状態ディレクトリ (config show の state) のディスクに書けない。reboot。直らなければ記憶装置を交換する。", "The disk of the state directory (state, in config show) cannot be written: reboot; if that does not help, have the storage replaced.")
	}
	return console.T("状態ディレクトリ (config show の state) がそこにあり、読めるようにする。端末の前で行う。", "See at the terminal's keyboard that the state directory (state, in config show) is there and can be read.")
}

// keysAdvice is what to do about the terminal's keys.
func keysAdvice(why string) console.Text {
	switch identity.Code(why) {
	case identity.Missing, "missing":
		return console.T("端末の鍵がまだない。端末の前で honnind keys enrol (現場の頁)。", "The terminal has no keys yet: at its own keyboard, honnind keys enrol, as on the page for field staff.")
	case identity.Exposed, "not-permitted":
		return console.T("鍵を読めない、または他人が読める。端末の前で鍵のディレクトリ (config show の keys) を、honnind のユーザーだけのものにする: chown -R、モードは 0700、ファイルは 0600。", "The keys cannot be read, or others can read them: at the terminal's keyboard, make their directory (keys, in config show) and all in it the user's that honnind runs as: chown -R, mode 0700, files 0600.")
	}
	return console.T("端末の前で鍵を更新する: honnind keys renew (現場の頁)。", "Renew the terminal's keys at its own keyboard: honnind keys renew, as on the page for field staff.")
}

// centreAdvice is what to do about the way to the centre.
func centreAdvice(why string) console.Text {
	switch {
	case strings.HasPrefix(why, "policy-"), why == noRoot:
		return console.T("先に policy のことを済ませる。", "First do what stands at policy.")
	case strings.HasPrefix(why, "key-"):
		return console.T("先に keys のことを済ませる。", "First do what stands at keys.")
	case why == "no-roots":
		return console.T("centre.ca のファイルがないか、読めない (config show)。端末の前で置く。", "The file at centre.ca (config show) is missing or is none: put it there at the terminal's keyboard.")
	case why == "not-allowed":
		return console.T("ポリシーがこの centre.url を許していない (config show)。運用センターに連絡する。", "The policy does not allow this centre.url (config show): call the operator.")
	case why == "name-not-found", why == "no-route", why == "connection-refused", why == "too-slow":
		return console.T("回線のケーブルと名前解決を見る。centre でどこまで通るかが分かる。", "Look at the line's cable and the name service; centre says how far it goes.")
	case strings.HasPrefix(why, "certificate-"):
		return console.T("時計とセンターの証明書を見る (centre)。時計が正しければ運用センターに連絡する。", "Look at the clock and at the centre's certificate (centre); if the clock is right, call the operator.")
	case why == "centre-refused":
		return console.T("センターがこの端末の証明書を断った。keys と centre で期限を見て、運用センターに連絡する。", "The centre refused this terminal's certificate: see its end with centre, and call the operator.")
	}
	return console.T("回線、名前解決、証明書の期限を見る (centre)。", "Look at the line, the name service, and the certificates' ends (centre).")
}

// policyAdvice is what to do about a policy.
func policyAdvice(why string) console.Text {
	if why == noRoot {
		return console.T("端末の前で、運用者の policy-root.toml を site.toml の隣に置き、最初のポリシーを入れる: honnind policy receive (現場の頁)。それまでは誰もサインインできない。", "At the terminal's own keyboard, put the operator's policy-root.toml beside site.toml, then bring the first policy: honnind policy receive, as on the page for field staff. Nobody can sign in before.")
	}
	switch signed.Code(why) {
	case "not-permitted":
		return asItsUser()
	case "policy-ends": // only then does login still let somebody in
		return console.T("次のポリシーを入れる: 端末の前で honnind policy receive (現場の頁)、またはここで login service の後に policy receive。", "Bring the next policy: honnind policy receive at the terminal's own keyboard, as on the page for field staff, or policy receive here, after login service.")
	case signed.Missing:
		return console.T("最初のポリシーを端末の前で入れる: honnind policy receive (現場の頁)。それまでは誰もサインインできない。", "Bring the first policy at the terminal's own keyboard: honnind policy receive, as on the page for field staff. Nobody can sign in before.")
	case signed.Early:
		return console.T("端末の前で時計を直す (timedatectl): ポリシーの開始より前を指している。", "Set the clock at the terminal's keyboard (timedatectl): by it the policy has not begun.")
	case signed.Expired:
		return console.T("時計が正しいかを見る。正しければ次のポリシーを入れる: 端末の前で honnind policy receive、期限切れから 90 日まではここで login service の後に policy receive。", "See that the clock is right. If it is, bring the next policy: honnind policy receive at the terminal's own keyboard, or, until 90 days after the end of the last one, policy receive here, after login service.")
	}
	return console.T("次のポリシーを端末の前で入れる: honnind policy receive (現場の頁)。", "Bring the next policy at the terminal's own keyboard: honnind policy receive, as on the page for field staff.")
}
