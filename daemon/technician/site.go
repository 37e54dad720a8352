package technician

import (
	"context"
	"errors"
	"strconv"

	"honnin/config/keys"
	"honnin/config/site"
	"honnin/ui/console"
)

// setting is a key of site.toml and what it is, as the console shows it; "" is nothing.
type setting struct{ Key, Value string }

// settings are all of a site. There is no secret among them: keys and certificates are named by their files.
func settings(s site.Site) []setting {
	baud := ""
	if s.Line.Baud != 0 {
		baud = strconv.Itoa(s.Line.Baud)
	}
	return []setting{{"terminal", string(s.Terminal)}, {"channel", string(s.Channel)}, {"payment", string(s.Payment)}, {"reader", s.Reader},
		{"printer.address", s.Printer.Address}, {"printer.ca", s.Printer.CA}, {"listen", s.Listen}, {"metrics", s.Metrics}, {"state", s.State}, {"policy", s.Policy},
		{"keys", s.Keys}, {"centre.url", s.Centre.URL}, {"centre.ca", s.Centre.CA}, {"line.device", s.Line.Device}, {"line.baud", baud}}
}

// config shows site.toml as it was read when this console began.
func (m *Machine) config(_ context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	for _, k := range settings(m.o.Site) {
		value := console.Plain(k.Value)
		if k.Value == "" {
			value = console.None()
		}
		if err := a.Row("config.key", console.Name(k.Key), value, console.None()); err != nil {
			return err
		}
	}
	return nil
}

// diffConfig says what the daemon would go by after a restart that it does not go by now; or where the file is wrong, so that it would
// not start.
func (m *Machine) diffConfig(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	file, wrong := m.o.Read()
	if wrong != nil {
		return faults(a, wrong)
	}
	runs, err := m.ask(ctx, question{Ask: askConfig})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	}
	was := map[string]string{}
	for _, k := range runs.Config {
		was[k.Key] = k.Value
	}
	for _, k := range settings(file) {
		if was[k.Key] == k.Value {
			continue
		}
		c := keys.Change{Key: k.Key, What: orNone(was[k.Key]) + " → " + orNone(k.Value)}
		if err := a.Row("config.change", console.Name(k.Key), console.Changed(c)); err != nil {
			return err
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// sited says whether honnind could start with the file as it is.
func (l *look) sited(context.Context) (string, string) {
	_, err := l.o.Read()
	return stateOf(siteWord(err)), siteWord(err)
}

// siteWord is what is wrong with site.toml, in a word.
func siteWord(err error) string {
	if w := wordOf(err); w != "failed" {
		return w
	}
	return "invalid"
}

// faults shows where site.toml is wrong. What is said of it is shown by honnind config, and not repeated here.
func faults(a *console.Answer, wrong error) error {
	for _, f := range all(wrong) {
		if err := a.Row("config.wrong", name(f.Key), count(f.Line)); err != nil {
			return err
		}
	}
	return &console.Failure{Code: console.Failed, About: "site.toml", Why: siteWord(wrong)}
}

// all are the faults that were joined to one error.
func all(err error) (out []*keys.Error) {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, e := range several.Unwrap() {
			out = append(out, all(e)...)
		}
		return out
	}
	if f := (*keys.Error)(nil); errors.As(err, &f) {
		out = append(out, f)
	}
	return out
}
