package site

import (
	"honnin/config/keys"
	"honnin/config/protocol"
)

// Table is every key of site.toml. It is made for each use: whoever changes it changes their own.
func Table() keys.File {
	file := &keys.Form{Says: "a path, absolute or beside this file", Type: "string", Pattern: keys.Text.Pattern, Fits: keys.Text.Fits}
	return keys.File{Name: "site.toml",
		Ja: "一台の端末の場所と機器。検査を弱めるもの、用紙をよそに出すものは書けない。",
		En: "Where one terminal stands and what hardware it has. Nothing in it can weaken a check or lead paper elsewhere.",
		Keys: []keys.Key{
			{Path: "version", Form: keys.Number, Need: true, Min: 1, Max: 1, Ja: "このファイルの形式。", En: "The form of this file."},
			{Path: "terminal", Form: keys.Terminal, Need: true, Ja: "端末の名。", En: "The terminal's name."},
			{Path: "channel", Form: keys.Text, Words: []string{string(protocol.Store), string(protocol.Counter)}, Need: true, Ja: "店舗か窓口か。", En: "A multi-copy machine in a store, or a town hall's counter."},
			{Path: "payment", Form: keys.Text, Words: []string{string(Free), string(Attended)}, Need: true, Ja: "手数料を受け取る者。attended は窓口だけ。", En: `Who takes the fee: nobody, or a member of staff; "attended" is for the counter.`},
			{Path: "reader", Form: keys.Text, Need: true, Ja: "カード読取り機。pcsc、usb、または :名の一部 を付ける。", En: `"pcsc" or "usb", with ":NAME" of which NAME is a part of the reader's name.`},
			{Path: "listen", Form: keys.Text, Need: true, Ja: "画面の待ち受け先。この機械の中だけ。", En: "The touch screen's address and port, on loopback: 127.0.0.1:8080."},
			{Path: "metrics", Form: keys.Text, Ja: "監視（Prometheus）の待ち受け先。なければ開かない。パスワードも暗号もないので、この機械の中か、運用者の網に限る。", En: "Where Prometheus asks: an IP address of this machine and a port, such as 127.0.0.1:9464. Without it nobody is answered. Plain HTTP without a password: on loopback, or on a network of the operator's."},
			{Path: "state", Form: file, Need: true, Ja: "記録のディレクトリ。", En: "The directory of the journal."},
			{Path: "policy", Form: file, Need: true, Ja: "ポリシーのディレクトリ。honnind policy receive が署名を確かめて置く。", En: "The directory of signed policies, which honnind policy receive fills."},
			{Path: "keys", Form: file, Need: true, Ja: "端末の鍵のディレクトリ。honnind keys enrol が作り、デーモンだけが入れる。", En: "The directory of the terminal's own keys, which honnind keys enrol makes; the daemon's user alone may enter it."},
			{Path: "printer", Form: keys.Table, Need: true, Ja: "印刷機。", En: "The one printer."},
			{Path: "printer.address", Form: keys.Text, Need: true, Ja: "ipp://…、ipps://… または usb。", En: `"ipps://…", "ipp://…" on this machine, or "usb", with ":VENDOR:PRODUCT" or ":PORT" where several are plugged in.`},
			{Path: "printer.ca", Form: file, Ja: "ipps の印刷機の証明書、またはその認証局。", En: "With ipps and only then: the printer's certificate, or the CA it chains to, in PEM."},
			{Path: "line", Form: keys.Table, Ja: "保守員のシリアル回線。", En: "The serial line for technicians."},
			{Path: "line.device", Form: file, Need: true, Ja: "回線の装置。/dev/ttyS0 など。", En: "Its device: /dev/ttyS0, or better a name that stays, below /dev/serial/by-path."},
			{Path: "line.baud", Form: keys.Number, Min: 9600, Max: 115200, Ja: "速度。9600、19200、38400、57600、115200 のどれか。書かなければ 115200。", En: "Its rate: 9600, 19200, 38400, 57600 or 115200, which is also meant where it is left out."},
			{Path: "centre", Form: keys.Table, Need: true, Ja: "証明書交付センター。", En: "The issuing centre."},
			{Path: "centre.url", Form: keys.Text, Need: true, Ja: "https://…。ポリシーの centre.urls の一つ。", En: "https://…; one of the policy's centre.urls, where it has any."},
			{Path: "centre.ca", Form: file, Need: true, Ja: "センターの認証局。", En: "The CA of its TLS certificate, in PEM."},
		}}
}
