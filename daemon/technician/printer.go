package technician

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"honnin/config/policy/signed"
	"honnin/drivers/printer"
	"honnin/drivers/printer/usbprint"
	"honnin/spool"
	"honnin/ui/console"
)

// ready asks the printer how it is, and closes it again.
func (m *Machine) ready(ctx context.Context, p *signed.Policy) (spool.Readiness, error) {
	ctx, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	device, err := m.o.Printer(p.Policy)
	if err != nil {
		return spool.Readiness{}, err
	}
	if c, ok := device.(io.Closer); ok {
		defer c.Close()
	}
	return device.Ready(ctx)
}

// printer is the check: what the daemon found last and what the printer says of itself count while a daemon runs; else it is asked.
// What else the printer says is wrong are further findings.
func (l *look) printer(ctx context.Context) (state, why string) {
	switch _, err := printer.Parse(l.o.Site.Printer.Address); {
	case err != nil:
		return "failed", "bad-address"
	case l.policy == nil:
		return "unknown", "no-policy"
	}
	l.said = l.told(ctx)
	switch {
	case l.down == nil:
		if state, why = l.heard(); state == "failed" {
			l.out = why
		}
	case l.said.Why != "" && l.said.Why != "not-here": // it would be no more ready
		state, why = "failed", l.said.Why
	default:
		r, err := l.ready(ctx, l.policy)
		if state, why = readyState(err == nil && r.Ready, cmp.Or(r.Reason, wordOf(err), "not-ready")); state == "ok" {
			why = ""
		}
	}
	for _, r := range l.said.Reasons {
		if r.Severity != "report" && r.Word != why && !slices.ContainsFunc(l.more, func(f finding) bool { return f.why == r.Word }) {
			l.more = append(l.more, finding{check: "printer", state: map[string]string{"error": "failed", "warning": "soon"}[r.Severity], why: r.Word, do: advice(r.Word)})
		}
	}
	return state, why
}

// heard is how the printer is that a daemon has.
func (l *look) heard() (state, why string) {
	gravest := ""
	if rs := l.said.Reasons; len(rs) > 0 && rs[0].Severity == "error" {
		gravest = rs[0].Word
	}
	ready, asked := l.live.Ready["printer"]
	switch {
	case l.said.At.IsZero() && l.said.Why != "" && l.said.Why != "visit" && l.said.Why != "not-here":
		return "failed", l.said.Why
	case gravest != "":
		return "failed", gravest
	case asked:
		return readyState(ready, cmp.Or(l.live.Why, "not-ready"))
	case l.said.At.IsZero():
		return "unknown", "not-asked"
	case l.said.Why != "" && l.said.Why != "visit" && l.said.Why != printer.Busy:
		return "failed", l.said.Why
	}
	return "ok", ""
}

// supplies is the check of what is used up: it finds the worst, and each supply of which the printer says how it is.
func (l *look) supplies(context.Context) (state, why string) {
	state, why = "unknown", "not-told"
	for _, s := range l.said.Supplies {
		f := finding{check: "supplies", of: s.Name, state: "ok", do: supplyAdvice(s)}
		switch s.State {
		case "":
			continue
		case "ok":
		case "empty", "full":
			f.state, f.why = "failed", s.Name+"-"+s.State
		default:
			f.state, f.why = "soon", s.Name+"-"+s.State
		}
		if s.Left != nil {
			worn := 100 - *s.Left
			f.worn = &worn
		}
		l.more = append(l.more, f)
		if worse(f.state, state) {
			state, why = f.state, f.why
		}
	}
	return state, why
}

// worse reports whether one state of a finding is to be shown instead of another, or of none.
func worse[S ~string](a, b S) bool {
	order := []S{"unknown", "ok", "soon", "failed"}
	return slices.Index(order, a) > slices.Index(order, b)
}

func supplyAdvice(s printer.Supply) console.Text {
	if s.Receives() {
		return advice("marker-waste-full")
	}
	return advice("marker-supply-low")
}

// printer shows how the printer is, and what to do about it.
func (m *Machine) printer(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	at, err := printer.Parse(m.o.Site.Printer.Address)
	if err != nil {
		return err
	}
	l := m.look(ctx)
	state, why := l.printer(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s := l.said
	if err := a.Row("printer.state", word(at.Kind), text(s.Model), word(map[string]string{"ok": "ready", "failed": "not-ready"}[state]), maybe(s.Accepting),
		m.pathIsEmpty(), maybeCount(s.Sheets), console.At(s.At)); err != nil {
		return err
	}
	if why != "" && !slices.ContainsFunc(s.Reasons, func(r printer.Reason) bool { return r.Word == why }) {
		s.Reasons = slices.Concat([]printer.Reason{{Word: why, Severity: "error"}}, s.Reasons)
	}
	for _, r := range s.Reasons {
		if err := a.Row("printer.reason", word(r.Word), word(r.Severity), console.Says(advice(r.Word))); err != nil {
			return err
		}
	}
	for _, s := range s.Supplies {
		if err := a.Row("printer.supply", word(s.Name), maybeCount(s.Left), word(s.State)); err != nil {
			return err
		}
	}
	for _, j := range s.Jobs {
		age := console.None()
		if j.Age != nil {
			age = console.Span(time.Duration(*j.Age) * time.Second)
		}
		if err := a.Row("printer.job", console.Number(j.Number), word(j.State), console.Yes(j.Ours), age); err != nil {
			return err
		}
	}
	return nil
}

// pathIsEmpty is what staff or a technician said last.
func (m *Machine) pathIsEmpty() console.Value {
	j, err := m.book()
	if err != nil {
		return console.None()
	}
	defer j.Close()
	why, err := j.StaffNeeded()
	if err != nil {
		return console.None()
	}
	return console.Yes(why == "")
}

func maybe(b *bool) console.Value {
	if b == nil {
		return console.None()
	}
	return console.Yes(*b)
}

func maybeCount(n *int) console.Value {
	if n == nil {
		return console.None()
	}
	return console.Number(*n)
}

// text is a device's own name, if it has one.
func text(s string) console.Value {
	if s == "" {
		return console.None()
	}
	return console.Plain(s)
}

// advice is what to do about a printer's reason.
func advice(why string) console.Text {
	for _, a := range []struct {
		do   console.Text
		when []string
	}{
		{console.T("詰まった紙を取り除き、通り道を見て、printer path-empty。", "Clear the jam, look along the whole path, then printer path-empty."),
			[]string{printer.MediaJam, "media-path-jam", "media-path-input-feed", "media-path-output-feed", "input-media-tray-feed"}},
		{console.T("用紙を入れる。", "Fill in paper."), []string{printer.MediaNeeded, "media-empty", "media-low"}},
		{console.T("カバーや扉を閉める。", "Close covers and doors."), []string{"cover-open", "door-open", "interlock-open"}},
		{console.T("トレイを戻す。", "Put the tray back."), []string{"input-tray-missing", "output-tray-missing", "media-path-media-tray-missing"}},
		{console.T("排紙トレイを空にする。", "Empty the output tray."), []string{"output-area-full", "output-area-almost-full", "output-mailbox-full"}},
		{console.T("消耗品を交換するか注文する (printer でどれかが分かる)。", "Replace the supply, or order it; printer says which."),
			[]string{"toner-empty", "toner-low", "marker-supply-empty", "marker-supply-low", "marker-supply-missing", "developer-empty", "developer-low", "opc-life-over", "opc-near-eol", "cleaner-life-almost-over"}},
		{console.T("廃棄容器を空にするか交換する (printer でどれかが分かる)。", "Empty or replace the waste receptacle; printer says which."), []string{"marker-waste-full", "marker-waste-almost-full"}},
		{console.T("パネルで一時停止を解く。", "End the pause at the printer's panel."), []string{"paused", "moving-to-paused", "hold-new-jobs", "offline"}},
		{console.T("プリンターに残ったジョブを、パネルで取り消す。", "Cancel the jobs that are left, at the printer's panel."), []string{printer.JobsWaiting}},
		{console.T("電源とケーブル、ネットワークを見る。", "Look at power, cable and network."), []string{printer.Unreachable, "too-slow", "shutdown", "power-down"}},
		{console.T("CUPS を通さず、装置そのものを site.toml に書く。", "Name the device itself in site.toml, not a CUPS queue."), []string{"queue-between"}},
		{console.T("site.toml の printer.address を端末の前で直す (config show)。", "Correct printer.address in site.toml at the terminal's keyboard (config show)."), []string{"bad-address"}},
		{console.T("点検紙を印刷できない装置である。visit --test-card で印刷を試す。", "This printer prints no service sheets: visit --test-card tries it."), []string{"no-printer"}},
		{console.T("usb で妨げを見て取り除く。", "See with usb what is in the way, and remove it."), []string{usbprint.InUse, usbprint.NoPermission}},
	} {
		if slices.Contains(a.when, why) {
			return a.do
		}
	}
	return console.T("プリンターのパネルの表示を見る。", "Look at the printer's panel.")
}
