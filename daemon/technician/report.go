package technician

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/config/protocol"
	"honnin/daemon/identity"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// readiness is the report: what works, what has to be done, and what expires when. It is JSON, signed as CMS with the
// terminal's signing key (package identity): honnind's office side, or openssl cms -verify, reads it.
type readiness struct {
	Format   string            `json:"format"` // "honnin-readiness/1"
	Terminal protocol.Terminal `json:"terminal"`
	At       time.Time         `json:"at"`
	Software string            `json:"software"`
	System   string            `json:"system"`
	Sheets   *sheets           `json:"sheets,omitzero"` // missing where there is no journal
	Parts    []part            `json:"parts"`
}

// part is one part of it: a check of doctor's, or one thing of several that a check looked at ("supplies.toner-black").
type part struct {
	Part    string    `json:"part"`
	State   string    `json:"state"` // as doctor's
	Why     string    `json:"why,omitzero"`
	Wear    *int      `json:"wear,omitzero"` // percent that is used up: of a supply, of the disk's and the journal's room, of the storage's life; missing where nothing says so
	Expires time.Time `json:"expires,omitzero"`

	do console.Value
}

// sheets is what this terminal put out of certificates, by its journal; service sheets and test visits are counted apart.
type sheets struct {
	Impressions uint64    `json:"impressions"`
	Since       time.Time `json:"since"` // of the journal's first entry
}

// readiness looks at everything now.
func (m *Machine) readiness(ctx context.Context, who console.Who) readiness {
	r := readiness{Format: "honnin-readiness/1", Terminal: m.o.Site.Terminal, At: m.o.Now().UTC().Truncate(time.Second), Software: m.o.Software, System: system()}
	r.Sheets = m.sheets()
	ends := m.ends()
	for _, f := range m.examine(ctx, who) {
		p := part{Part: f.check, State: f.state, Why: plainWord(f.why), Wear: f.worn, Expires: ends[f.check]}
		if f.of != "" {
			p.Part += "." + plainWord(f.of)
		}
		if !f.good() {
			p.do = console.Says(f.do)
		}
		r.Parts = append(r.Parts, p)
	}
	return r
}

func (m *Machine) sheets() *sheets {
	j, err := m.book()
	if err != nil {
		return nil
	}
	defer j.Close()
	s := &sheets{}
	if j.Each(func(e journal.Entry) error {
		if s.Since.IsZero() {
			s.Since = e.At.Time
		}
		if e.Kind == journal.Ended {
			s.Impressions += uint64(e.Impressions)
		}
		return nil
	}) != nil || s.Since.IsZero() {
		return nil
	}
	return s
}

// ends are when the policy in force and the first of the terminal's certificates end.
func (m *Machine) ends() map[string]time.Time {
	out := map[string]time.Time{}
	if p, _ := m.policy(); p != nil {
		out["policy"] = p.Head.Expires
	}
	states, _ := m.keyStates()
	for _, s := range states {
		if e := out["keys"]; !s.Until.IsZero() && (e.IsZero() || s.Until.Before(e)) {
			out["keys"] = s.Until
		}
	}
	return out
}

func (m *Machine) keyStates() ([]identity.State, error) {
	k, err := m.o.Keys()
	if err != nil {
		return nil, err
	}
	return k.Show()
}

// sign makes a message of the report, and says which key did.
func (m *Machine) sign(r readiness) (message []byte, by protocol.Digest, err error) {
	b, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return nil, by, err
	}
	k, err := m.o.Keys()
	if err != nil {
		return nil, by, err
	}
	states, err := k.Show()
	if err != nil {
		return nil, by, err
	}
	for _, s := range states {
		if s.Use == identity.Signing {
			by = s.Key
		}
	}
	p, err := m.policy()
	if err != nil {
		return nil, by, err
	}
	message, err = k.Sign(b, p.TerminalAnchors())
	return message, by, err
}

// report shows the report, or sends it. What cannot be signed is an error, not a report.
func (m *Machine) report(ctx context.Context, who console.Who, c console.Call, a *console.Answer) error {
	r := m.readiness(ctx, who)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	message, by, err := m.sign(r)
	if err != nil {
		return &console.Failure{Code: console.Failed, About: "signature", Why: wordOf(err)}
	}
	for _, p := range r.Parts {
		if err := a.Row("report.part", word(p.Part), word(p.State), maybeCount(p.Wear), console.At(p.Expires), p.do); err != nil {
			return err
		}
	}
	if s := r.Sheets; s != nil {
		if err := a.Row("report.sheets", console.Number(s.Impressions), console.At(s.Since)); err != nil {
			return err
		}
	}
	if err := a.Row("report.signed", console.Terminal(r.Terminal), console.At(r.At), console.Digest(sha256.Sum256(message)), console.Digest(by)); err != nil || !c.Has("file") {
		return err
	}
	return m.send(ctx, a, "report.sent", string(r.Terminal)+"-report.p7m", message)
}

// bundled are the commands whose answers are in a support bundle, in files of their names.
var bundled = []struct{ file, line string }{
	{"journal.jsonl", "journal tail --lines 2000"}, {"incidents.jsonl", "incidents --all"}, {"counters.jsonl", "counters"}, {"devices.jsonl", "usb"}, {"reader.jsonl", "reader"}, {"printer.jsonl", "printer"}, {"config.jsonl", "config show"}, {"policies.jsonl", "policy show"},
}

// support sends one archive of what helps somebody elsewhere to understand this terminal. It is made of what has no place for
// personal data: the report, the log, where the journal ends, and answers of the console.
func (m *Machine) support(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	b, err := m.bundle(ctx, who)
	if err != nil {
		return err
	}
	return m.send(ctx, a, "support.sent", string(m.o.Site.Terminal)+"-support.tar.gz", b)
}

// bundle makes the archive. A part that cannot be had is in it as the word why.
func (m *Machine) bundle(ctx context.Context, who console.Who) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	type file struct {
		name string
		make func(context.Context) ([]byte, error)
	}
	files := []file{
		{"report.json", func(ctx context.Context) ([]byte, error) {
			return json.Marshal(m.readiness(ctx, who), json.Deterministic(true))
		}},
		{"log.jsonl", m.lastLog}, {"journal-head.json", m.headLine},
	}
	for _, b := range bundled {
		files = append(files, file{b.file, func(ctx context.Context) ([]byte, error) { return console.Record(ctx, m, who, b.line) }})
	}
	for _, f := range files {
		b, err := f.make(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			f.name, b = f.name+".missing", []byte(reasonOf(err)+"\n")
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: 0o600, Size: int64(len(b)), ModTime: m.o.Now().UTC().Truncate(time.Second)}); err != nil {
			return nil, err
		}
		if _, err := t.Write(b); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}

func (m *Machine) headLine(context.Context) ([]byte, error) {
	j, err := m.book()
	if err != nil {
		return nil, err
	}
	defer j.Close()
	h, err := j.Head()
	if err != nil {
		return nil, err
	}
	return json.Marshal(h)
}
