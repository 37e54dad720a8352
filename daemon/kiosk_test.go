package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/spool/journal"
	"honnin/ui/touch/touchtest"
)

// kioskWith starts a practice kiosk and returns its address and its state directory.
func kioskWith(t *testing.T, channel protocol.Channel, reader string, log io.Writer) (address, state string, stop func()) {
	t.Helper()
	f := practiceFlags{channel: channel, channelGiven: true, reader: reader, listen: "127.0.0.1:0", state: withKeys(t, t.TempDir()), terminals: 1, certificate: string(protocol.ResidentRecord)}
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	logger := logrus.New()
	logger.SetOutput(log)
	ctx, cancel := context.WithCancel(context.Background())
	said, says := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := kiosk(ctx, says, f, logger)
		_ = says.CloseWithError(err)
		ended <- err
	}()
	line := make([]byte, 256)
	n, err := said.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the kiosk ended with %v", err)
		}
	}
	return strings.TrimSpace(strings.TrimPrefix(string(line[:n]), "ready")), f.state, stop
}

// practised is a practice terminal with its panel and its screen in a browser.
type practised struct {
	t            *testing.T
	panel, kiosk *touchtest.Browser
	state        string
	log          strings.Builder
	stop         func()
}

func practise(t *testing.T, channel protocol.Channel, reader string) *practised {
	t.Helper()
	p := &practised{t: t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%s", p.log.String())
		}
	})
	var address string
	address, p.state, p.stop = kioskWith(t, channel, reader, &p.log)
	p.panel = touchtest.Start(t, 1500, 900)
	p.panel.Open(address)
	p.kiosk = p.panel.Tab(t, 1024, 768)
	p.kiosk.Open(address + "kiosk")
	p.kiosk.WaitScreen("welcome")
	return p
}

// close ends the terminal. Neither page may have complained, and no PIN may be in the log.
func (p *practised) close() {
	p.t.Helper()
	if said := append(p.panel.Complaints(), p.kiosk.Complaints()...); len(said) != 0 {
		p.t.Errorf("the pages complain: %v", said)
	}
	p.panel.Open("about:blank") // or the pages would complain that the server is gone, and rightly
	p.kiosk.Open("about:blank")
	p.stop()
	if (needle{b: []byte("1234"), word: true}).in([]byte(p.log.String())) {
		p.t.Error("the PIN is in the log")
	}
}

// TestTouch drives a whole terminal in a browser: once to a printed sheet, once to a refusal.
func TestTouch(t *testing.T) {
	p := practise(t, protocol.Store, "virtual")
	panel, kiosk := p.panel, p.kiosk
	town := people.Towns()[1]
	t.Run("printed", func(t *testing.T) {
		costs(t, panel, kiosk, town, fmt.Sprintf("%d円", town.Fee(protocol.ResidentRecord)))
		upToTheCheck(panel, kiosk)
		kiosk.WaitScreen("take-card")
		panel.Act("pull")
		kiosk.WaitScreen("take-paper")
		panel.Act("take-paper")
		kiosk.WaitScreen("done")
		kiosk.Press("done")
		kiosk.WaitScreen("welcome")
		panel.Shot("panel-printed")
		panel.Wait(`document.querySelectorAll("[data-policies] [data-scenario]").length === 3 && document.querySelectorAll("[data-scenario^=policy-]").length === 3`) // under their own heading
		if n := sheets(t, p.state); n != 1 {
			t.Errorf("%d sheets came out", n)
		}
	})
	t.Run("refused", func(t *testing.T) {
		panel.Act("stranger")
		upToTheCheck(panel, kiosk)
		kiosk.WaitScreen("refused")
		kiosk.Shot("refused")
		panel.Shot("panel-refused")
		panel.Act("pull")
		kiosk.Press("done")
		kiosk.WaitScreen("welcome")
		if n := sheets(t, p.state); n != 1 {
			t.Errorf("%d sheets: a stranger's paper came out", n)
		}
	})
	t.Run("the service is stopped until the municipality closes the incident", func(t *testing.T) {
		chooses := func() (open int) {
			t.Helper()
			panel.Place("p01")
			kiosk.WaitScreen("pin")
			kiosk.EnterPIN("1234")
			kiosk.WaitScreen("choose")
			return touchtest.Eval[int](kiosk, `document.querySelectorAll("[data-offer^='991015']:not(:disabled):not([aria-disabled=true])").length`)
		}
		leaves := func() {
			t.Helper()
			panel.Act("pull")
			kiosk.WaitScreen("ended")
			panel.Wait(`document.querySelector("[data-card='']")`) // drawn anew: what is pressed next stays where it is
		}
		if open := chooses(); open != 0 {
			t.Errorf("%d offers of the municipality are still open", open)
		}
		if text := touchtest.Eval[string](kiosk, `document.getElementById("picture").innerText`); !strings.Contains(text, "不具合の調査で停止中") {
			t.Errorf("nobody says why: %s", text)
		}
		kiosk.Shot("kiosk-stopped")
		leaves()
		if touchtest.Eval[bool](panel, `!document.querySelector("[data-act=staff]").disabled`) {
			t.Error("staff are called for what they cannot open")
		}
		panel.Act("close")
		panel.Wait(`document.querySelector("[data-act=close]").disabled`)
		kiosk.WaitScreen("welcome")
		if open := chooses(); open == 0 {
			t.Error("closed by a person, and not offered again")
		}
		leaves()
	})
	t.Run("the policy", func(t *testing.T) {
		kiosk.WaitScreen("welcome")
		on := `document.querySelector("[data-scenario=policy-minimum]").ariaPressed === "true"`
		for n := 0; n < 100 && !touchtest.Eval[bool](panel, on); n++ { // a press on what is drawn anew is lost; this one may be repeated
			panel.Scenario("policy-minimum")
		}
		kiosk.WaitScreen("out-of-service")
		kiosk.Wait(`document.getElementById("picture").innerText.includes("点検中です")`) // it says first that it prepares itself
		kiosk.Pictured("minimum.png")
		panel.Shot("panel-policies")
		panel.Scenario("policy-fee")
		costs(t, panel, kiosk, town, fmt.Sprintf("%d円", cheapFee))
	})
	p.close()
	outcomes(t, p.state)
}

// costs looks what a town's resident record costs, where it is chosen and where it is confirmed; nobody buys it.
func costs(t *testing.T, panel, kiosk *touchtest.Browser, town people.Town, want string) {
	t.Helper()
	says := func(what string) {
		t.Helper()
		if fee := touchtest.Eval[string](kiosk, `document.querySelector("`+what+`").textContent`); fee != want {
			t.Errorf("%s says %q, want %q", what, fee, want)
		}
	}
	kiosk.WaitScreen("welcome")
	panel.Place("p05")
	kiosk.WaitScreen("pin")
	kiosk.EnterPIN("5678")
	kiosk.WaitScreen("choose")
	offer := fmt.Sprintf("%s-%s", town.Code, protocol.ResidentRecord)
	says("[data-offer='" + offer + "'] small")
	kiosk.Offer(offer)
	says("[data-total]")
	kiosk.Press("choose")
	kiosk.WaitScreen("confirm")
	says(".money dd")
	panel.Act("pull")
	kiosk.Press("done")
	kiosk.WaitScreen("welcome")
}

// TestTouchAnIncident: Adachi's fault is put into the municipality's program from the panel. Visits follow, as at any other
// machine, until its paper goes astray: the screen tells it, and the number on it finds what happened.
func TestTouchAnIncident(t *testing.T) {
	t.Parallel()
	p := practise(t, protocol.Store, "virtual")
	panel, kiosk := p.panel, p.kiosk
	panel.Scenario("adachi")
	panel.Wait(`document.querySelector("[data-playing=adachi]") !== null`)
	screen := func() string {
		return touchtest.Eval[string](kiosk, `document.getElementById("picture").dataset.screen`)
	}
	printed := 0
	for upToTheCheck(panel, kiosk); ; upToTheCheck(panel, kiosk) {
		kiosk.Wait(`["take-card", "refused"].includes(document.getElementById("picture")?.dataset.screen)`)
		if screen() == "refused" {
			break
		}
		printed++
		panel.Act("pull")
		kiosk.WaitScreen("take-paper")
		panel.Act("take-paper")
		kiosk.WaitScreen("done")
		kiosk.Press("done")
		kiosk.WaitScreen("welcome")
		if printed == 30 {
			t.Fatal("30 visits, and the fault did not strike")
		}
	}
	kiosk.Shot("refused-adachi")
	panel.Shot("panel-adachi")
	said := touchtest.Eval[string](kiosk, `document.getElementById("picture").innerText`)
	for _, words := range []string{"この書類は印刷しませんでした", "破棄しました", "手数料はかかりません", "だれにも見せていません", "市区町村の窓口", "This document was not printed"} {
		if !strings.Contains(said, words) {
			t.Errorf("%q is not on the screen:\n%s", words, said)
		}
	}
	number := touchtest.Eval[string](kiosk, `document.querySelector(".quote strong").textContent`)
	code := touchtest.Eval[string](kiosk, `document.querySelector(".code code").textContent`)
	panel.Act("pull")
	kiosk.Press("done")
	kiosk.WaitScreen("welcome")
	if n := sheets(t, p.state); n != printed {
		t.Errorf("%d sheets after %d visits that printed", n, printed)
	}
	p.close()
	told, exit := honnindSays(t, "journal", "show", "--journal", filepath.Join(p.state, "terminals", "PRACTICE-01", "journal.db"), "--number", number)
	if exit != exitOK || !strings.Contains(told, "incident: "+code) {
		t.Errorf("%s does not find the %s (%d):\n%s", number, code, exit, told)
	}
}

// staffSay has the practice world's member of staff say "same" or "differs" of the name on the sheet.
func staffSay(kiosk *touchtest.Browser, word string) {
	kiosk.WaitScreen("confirm-name")
	for _, field := range []struct{ name, keys string }{{"staff", practice.StaffID}, {"code", practice.StaffCode}} {
		kiosk.Click(`[data-field=` + field.name + `]`)
		for _, k := range field.keys {
			kiosk.Click(`[data-key="` + string(k) + `"]`)
		}
	}
	kiosk.Click(`[data-word$="` + word + `"]`)
}

// TestTouchAtACounter: at a town hall staff read the name on the sheet, with the number and the code that the panel tells.
// Where it is the applicant's they hand the sheet over, where it is not they keep it.
func TestTouchAtACounter(t *testing.T) {
	t.Parallel()
	p := practise(t, protocol.Counter, "virtual")
	panel, kiosk := p.panel, p.kiosk
	if hint := touchtest.Eval[string](panel, `document.querySelector("[data-staff-code]").textContent`); !strings.Contains(hint, practice.StaffID) || !strings.Contains(hint, practice.StaffCode) {
		t.Errorf("the panel says %q", hint)
	}
	upToTheSheet := func(word string) {
		upToTheCheck(panel, kiosk)
		kiosk.WaitScreen("take-card")
		panel.Act("pull")
		staffSay(kiosk, word)
	}
	upToTheSheet("same")
	kiosk.WaitScreen("take-paper")
	panel.Act("take-paper")
	kiosk.WaitScreen("done")
	kiosk.Press("done")
	kiosk.WaitScreen("welcome")
	upToTheSheet("differs")
	kiosk.WaitScreen("withheld")
	kiosk.Shot("withheld")
	p.close()
	told, _ := honnindSays(t, "journal", "show", "--journal", filepath.Join(p.state, "terminals", "COUNTER-01", "journal.db"))
	if !strings.Contains(told, practice.StaffID) || !strings.Contains(told, string(reason.NameMismatch)) || strings.Contains(told+p.log.String(), practice.StaffCode) {
		t.Errorf("the journal tells\n%s", told)
	}
}

// TestTouchAtTheReader: at a reader with keys the screen takes no digits. A wrong PIN, the last try that is asked for before,
// and the red key, on the panel and on the screen.
func TestTouchAtTheReader(t *testing.T) {
	t.Parallel()
	p := practise(t, protocol.Store, virtualKeys)
	panel, kiosk := p.panel, p.kiosk
	asked := func(tries int) { // and the panel is drawn anew for the last time: a press on what is replaced is lost
		kiosk.WaitScreen("pin-at-reader")
		panel.Wait(fmt.Sprintf(`document.querySelector("[data-act=type]:not(:disabled)") !== null && document.querySelector("[data-card=p01]").innerText.includes("tries left: %d") &&
			document.querySelector("tr td + td")?.innerText === "at-pad"`, tries))
	}
	panel.Place("p01")
	asked(3)
	if keys := touchtest.Eval[int](kiosk, `document.querySelectorAll("[data-key], [data-send], input:not([type=hidden])").length`); keys != 0 {
		t.Errorf("the screen has %d keys", keys)
	}
	panel.Act("red")
	kiosk.WaitScreen("ended")
	panel.Act("pull")
	kiosk.Press("done")
	kiosk.WaitScreen("welcome")
	panel.Place("p01")
	asked(3)
	panel.Act("wrong")
	kiosk.Wait(`document.querySelector("[role=alert]")?.textContent.includes("2")`)
	kiosk.Shot("pin-at-reader")
	asked(2)
	panel.Shot("panel-keys")
	panel.Act("wrong")
	kiosk.WaitScreen("last-try")
	kiosk.Press("yes")
	asked(1)
	panel.Act("type")
	kiosk.WaitScreen("choose")
	kiosk.Click(`[data-offer]:not(:disabled)`)
	kiosk.WaitScreen("options")
	kiosk.Press("choose")
	kiosk.WaitScreen("confirm")
	kiosk.Press("yes")
	kiosk.WaitScreen("take-card")
	panel.Act("pull")
	kiosk.WaitScreen("take-paper")
	p.close()
	if n := sheets(t, p.state); n != 1 {
		t.Errorf("%d sheets", n)
	}
}

func upToTheCheck(panel, kiosk *touchtest.Browser) {
	panel.Place("p01")
	kiosk.WaitScreen("pin")
	kiosk.EnterPIN("1234")
	kiosk.WaitScreen("choose")
	kiosk.Click(`[data-offer]:not(:disabled)`)
	kiosk.WaitScreen("options")
	kiosk.Press("choose")
	kiosk.WaitScreen("confirm")
	kiosk.Press("yes")
}

func sheets(t *testing.T, state string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(state, "sheets", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// outcomes looks into the journal: one printed, one refused, no money left.
func outcomes(t *testing.T, state string) {
	t.Helper()
	path := filepath.Join(state, "terminals", "PRACTICE-01", "journal.db")
	j, err := journal.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	count := map[protocol.Outcome]int{}
	if err := j.Each(func(e journal.Entry) error {
		if e.Kind == journal.Ended {
			count[e.Outcome]++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if count[protocol.Printed] != 1 || count[protocol.Refused] != 1 {
		t.Errorf("outcomes: %v", count)
	}
	if left, err := j.Unsettled(); err != nil || len(left) != 0 {
		t.Errorf("money left: %v %v", left, err)
	}
}
