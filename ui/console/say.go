package console

import (
	"fmt"
	"strings"
)

// Everything that the console itself says on the screen.
var (
	banner    = "honnin console. Type help, or press Enter. lang ja: Japanese"
	moreLine  = "--More--"
	promptOf  = map[int]string{1: "honnin> ", 2: "look> ", 3: "service> "}
	askEnding = T("はい: yes ", "Type yes: ")
	hintWords = [...]Text{Meant: T("もしかして: ", "Did you mean: "), Allowed: T("使える値: ", "Allowed: "), Usage: T("使い方: ", "Usage: ")}
	noneWords = T("なし。", "None.")
	waitWords = T("秒後", "seconds to wait")
	takeHere  = T("ZMODEM での受信 (rz) を始めてください。中止は Ctrl-X を五回。", "Start receiving with ZMODEM (rz) now; five Ctrl-X end it.")
	signHere  = T("手元で次を実行し、", "Run this on your machine,")
	signThese = T("次の二行を貼り付け、Enter、Ctrl-D (Windows では Ctrl-Z Enter)。", "paste the next two lines into it, then Enter, Ctrl-D (Windows: Ctrl-Z, Enter).")
	pasteHere = T("出てきた署名をここに貼り付ける (2 分以内。Ctrl-C で中止)。", "Paste the signature here (within 2 minutes; Ctrl-C gives up).")
)

// text is a failure for people.
func (f *Failure) text(lang string) string {
	parts := []string{"! " + string(f.Code) + ": " + f.Code.In(lang)}
	for _, s := range []string{f.About, wordIn("why", f.Why, lang)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if f.After > 0 {
		parts = append(parts, fmt.Sprint(f.After, " ", waitWords.In(lang)))
	}
	if f.Hint != "" {
		parts = append(parts, hintWords[f.Is].In(lang)+f.Hint)
	}
	return strings.Join(parts, "  ")
}
