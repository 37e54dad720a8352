package technician

import (
	"context"
	"io"
	"slices"
	"strings"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/drivers/attached"
	"honnin/drivers/printer"
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

// printer shows how the printer is, and what to do about it.
func (m *Machine) printer(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	l := &look{Machine: m}
	l.policy, l.why = m.policy()
	l.live, l.down = m.live(ctx)
	state, why := l.printer(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	empty := console.None()
	if j, err := m.book(); err == nil {
		if why, err := j.StaffNeeded(); err == nil {
			empty = console.Yes(why == "")
		}
		_ = j.Close()
	}
	at, err := printer.Parse(m.o.Site.Printer.Address)
	if err != nil {
		return err
	}
	if err := a.Row("printer.state", word(at.Kind), console.None(), word(map[string]string{"ok": "ready", "failed": "not-ready"}[state]), console.None(), empty, console.None()); err != nil || why == "" {
		return err
	}
	return a.Row("printer.reason", word(why), word("error"), console.Says(advice(why)))
}

// advice is what to do about a printer's reason.
func advice(why string) console.Text {
	switch why {
	case printer.MediaJam:
		return console.T("詰まった紙を取り除き、通り道を見て、printer path-empty。", "Clear the jam, look along the whole path, then printer path-empty.")
	case printer.MediaNeeded:
		return console.T("用紙を入れる。", "Fill in paper.")
	case printer.JobsWaiting:
		return console.T("プリンターに残ったジョブを、パネルで取り消す。", "Cancel the jobs that are left, at the printer's panel.")
	case printer.Unreachable:
		return console.T("電源とケーブル、ネットワークを見る。", "Look at power, cable and network.")
	}
	return console.T("プリンターのパネルの表示を見る。", "Look at the printer's panel.")
}

// pathEmpty passes on that the technician has looked.
func (m *Machine) pathEmpty(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	got, err := question{Ask: askEmpty, Who: who.ID}.ask(ctx, m.o.Site.State)
	if err != nil {
		return err
	}
	state := "noted"
	if got.Why != "" {
		state = "unchanged"
	}
	return a.Row("printer.path", word(state), word(got.Why))
}

// allowed reports whether the policy in force lets a device be used.
func (l *look) allowed(d attached.Device) bool { return l.policy == nil || allows(l.policy.Policy, d) }

func allows(p *policy.Policy, d attached.Device) bool {
	ids := p.Devices().USB
	return len(ids) == 0 || slices.Contains(ids, d.ID)
}

// usb lists what is plugged in.
func (m *Machine) usb(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	all, err := m.devices(ctx)
	if err != nil {
		return err
	}
	p, _ := m.policy() // without one nothing is said of what it allows
	for _, d := range all {
		may := console.None()
		if p != nil {
			may = console.Yes(allows(p.Policy, d))
		}
		hint := ""
		if len(d.InTheWay) > 0 {
			hint = "in-the-way"
		}
		if err := a.Row("usb.device", name(d.Port), name(d.ID), word(kindOf(d)), console.Plain(strings.TrimSpace(d.Maker+" "+d.Name)), console.None(), may, console.None(), word(hint)); err != nil {
			return err
		}
	}
	return nil
}

func kindOf(d attached.Device) string {
	switch {
	case len(d.Readers) > 0:
		return "reader"
	case len(d.Printers) > 0:
		return "printer"
	}
	return "unreadable"
}
