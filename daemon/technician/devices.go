package technician

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/daemon/selftest"
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

// service stops every service, or ends that, in the technician's name; then it says how the terminal is. What incidents or
// anything else stops stays stopped.
func (m *Machine) service(ctx context.Context, who console.Who, c console.Call, a *console.Answer) error {
	q := question{Ask: askOff, Who: who.ID}
	if c.Command.Name == "service on" {
		q.Ask = askOn
	}
	got, err := q.ask(ctx, m.o.Site.State)
	if err != nil {
		return err
	}
	if got.Why != "" {
		return &console.Failure{Code: console.Failed, Why: got.Why}
	}
	l, err := m.live(ctx)
	if err != nil {
		return err
	}
	state := "in-service"
	if !l.InService {
		state = "out-of-service"
	}
	return a.Row("service.state", word(state), word(l.Why))
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

// reader shows how the reader is: what the daemon found last, and of one on USB what it can do.
func (m *Machine) reader(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	l := &look{Machine: m}
	l.policy, l.why = m.policy()
	l.live, l.down = m.live(ctx)
	state, why := l.reader(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	kind, _, _ := strings.Cut(m.o.Site.Reader, ":")
	model, pad := console.None(), console.None()
	all, err := m.devices(ctx)
	for _, d := range all {
		if err == nil && len(d.Readers) > 0 && l.allowed(d) {
			model, pad = console.Plain(strings.TrimSpace(d.Maker+" "+d.Name)), console.Yes(d.Readers[0].PINPad)
			break
		}
	}
	return a.Row("reader.state", word(kind), model, word(map[string]string{"ok": "ready", "failed": "not-ready", "unknown": "unknown"}[state]), word(why),
		console.None(), pad, console.None(), console.None(), console.None())
}

// selftest gives this machine's check packages of which the answer is known, with the policy in force.
func (m *Machine) selftest(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	p, err := m.policy()
	if err != nil {
		return refused(err)
	}
	all, err := m.o.SelfTest(ctx, p.Policy)
	if ctx.Err() != nil || err != nil {
		return errors.Join(ctx.Err(), err)
	}
	for _, l := range all {
		if err := a.Row("selftest.part", word(l.ID), console.Yes(l.Right()), console.Number(1), console.Span(l.Took)); err != nil {
			return err
		}
	}
	failed := selftest.Failed(all)
	return a.Row("selftest.verdict", console.Yes(failed == ""), word(failed))
}
