package technician

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"honnin/config/policy"
	"honnin/drivers/attached"
	"honnin/drivers/printer"
	"honnin/ui/console"
)

// pathEmpty passes on that the technician has looked.
func (m *Machine) pathEmpty(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	got, err := m.order(ctx, question{Ask: askEmpty, Who: who.ID})
	if err != nil {
		return err
	}
	if got.Why == tooSlow {
		return &console.Failure{Code: console.Unknown, Why: got.Why}
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
	got, err := m.order(ctx, q)
	if err != nil {
		return err
	}
	if got.Why != "" {
		return &console.Failure{Code: console.Failed, Why: got.Why}
	}
	l, err := m.begun(ctx, q.Ask)
	if err != nil {
		return err
	}
	state, why := l.state()
	return a.Row("service.state", word(state), word(why))
}

// begun is how the terminal is after it was told. It looks at its parts at once, which takes a moment, and that is waited for: while
// it says that it is stopped, though it may serve, or that it serves or has no reader, though it is stopped and no visit is in hand.
func (m *Machine) begun(ctx context.Context, told ask) (l live, err error) {
	late := time.After(3 * time.Second)
	for {
		l, err = m.live(ctx)
		before := l.Why == "reader" || l.Why == "unready" || l.Why == "stopped" && told == askOn || l.InService && told == askOff && !l.Visit
		if err != nil || !before {
			return l, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-late:
			return l, nil
		case <-ctx.Done():
			return l, ctx.Err()
		}
	}
}

// inTheWay is what of a device's obstacles has to be removed: a kernel driver is detached by whoever claims the device, and the
// daemon that runs has its devices in use.
func (l *look) inTheWay(d attached.Device) []attached.Obstacle {
	return slices.DeleteFunc(slices.Clone(d.InTheWay), func(o attached.Obstacle) bool {
		return o.Code == attached.KernelDriver || o.Code == attached.InUse && o.By == "honnind" && l.down == nil
	})
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
		code := console.Failed
		if errors.Is(err, attached.ErrNoBus) {
			code = console.NotHere
		}
		return &console.Failure{Code: code, Why: wordOf(err)}
	}
	l := m.look(ctx)
	for _, d := range all {
		if err := a.Row("usb.device", l.plugged(d)...); err != nil {
			return err
		}
	}
	return nil
}

// plugged is the row of a device. Without a policy nothing is said of what it allows.
func (l *look) plugged(d attached.Device) []console.Value {
	may, holder, hint := console.None(), "", attached.Code("")
	if l.policy != nil {
		may = console.Yes(allows(l.policy.Policy, d))
	}
	for _, o := range d.InTheWay {
		holder = cmp.Or(holder, o.By)
	}
	if stands := l.inTheWay(d); len(stands) > 0 {
		hint = stands[0].Code
	}
	return []console.Value{name(d.Port), name(d.ID), word(kindOf(d)), madeAs(d), word(d.Speed), may, word(holder), word(hint)}
}

// madeAs is what a device says of itself; its serial number is not shown.
func madeAs(d attached.Device) console.Value { return text(printer.Shown(d.Maker + " " + d.Name)) }

func kindOf(d attached.Device) string {
	switch {
	case len(d.Readers) > 0:
		return "reader"
	case len(d.Printers) > 0:
		return "printer"
	}
	return "unreadable"
}

// reader shows how the reader is: what the daemon found last, and of one on USB what it can do. Without a daemon pcscd knows
// whether a card lies there; a reader on USB would have to be claimed for that, and is not.
func (m *Machine) reader(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	l := m.look(ctx)
	state, why := l.reader(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	all, _ := m.devices(ctx) // without USB the reader's model is not known
	return a.Row("reader.state", l.readerRow(state, why, all)...)
}

func (l *look) readerRow(state, why string, all []attached.Device) []console.Value {
	kind, _, _ := strings.Cut(l.o.Site.Reader, ":")
	model, pad := console.None(), console.None()
	for _, d := range all {
		if len(d.Readers) > 0 && l.allowed(d) {
			model, pad = madeAs(d), console.Yes(d.Readers[0].PINPad)
			break
		}
	}
	seen, faults := l.live.Reader, console.None()
	if l.down == nil {
		faults = console.Number(seen.Faults)
	}
	return []console.Value{word(kind), model, word(map[string]string{"ok": "ready", "failed": "not-ready", "unknown": "unknown"}[state]), word(why),
		maybe(seen.Card), pad, count(seen.Rate), faults, console.At(seen.Last)}
}
