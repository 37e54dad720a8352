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
	"honnin/drivers/attached"
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
	Parts    []part            `json:"parts"`
}

// part is one part of it. What has no measure of wear says nothing of it.
type part struct {
	Part    string    `json:"part"`
	State   string    `json:"state"` // as doctor's
	Why     string    `json:"why,omitzero"`
	Expires time.Time `json:"expires,omitzero"`

	do console.Value
}

// ready looks at everything now.
func (m *Machine) readiness(ctx context.Context, who console.Who) readiness {
	r := readiness{Format: "honnin-readiness/1", Terminal: m.o.Site.Terminal, At: m.o.Now().UTC().Truncate(time.Second), Software: m.o.Software, System: system()}
	ends := m.ends()
	for _, f := range m.examine(ctx, who) {
		p := part{Part: f.check, State: f.state, Why: f.why, Expires: ends[f.check]}
		if !f.good() {
			p.do = console.Says(f.do)
		}
		r.Parts = append(r.Parts, p)
	}
	return r
}

// ends are when the policy in force and the first of the terminal's certificates end.
func (m *Machine) ends() map[string]time.Time {
	out := map[string]time.Time{}
	if p, err := m.policy(); err == nil {
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
		if err := a.Row("report.part", word(p.Part), word(p.State), console.None(), console.At(p.Expires), p.do); err != nil {
			return err
		}
	}
	if err := a.Row("report.signed", console.Terminal(r.Terminal), console.At(r.At), console.Digest(sha256.Sum256(message)), console.Digest(by)); err != nil || !c.Has("file") {
		return err
	}
	return m.send(ctx, a, "report.sent", string(r.Terminal)+"-report.p7m", message)
}

// bundled is how many of the journal's last entries are in a support bundle.
const bundled = 2000

// support sends one archive of what helps somebody elsewhere to understand this terminal. It is made of what has no place for
// personal data: checks, counters, entries of the journal, versions, devices without their serial numbers.
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
	for _, f := range []struct {
		name string
		make func(context.Context) ([]byte, error)
	}{
		{"report.json", func(ctx context.Context) ([]byte, error) {
			return json.Marshal(m.readiness(ctx, who), json.Deterministic(true))
		}},
		{"journal.jsonl", m.lastLines}, {"journal-head.json", m.headLine}, {"counters.json", m.counted}, {"devices.json", m.plugged}, {"policies.json", m.policies},
	} {
		b, err := f.make(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			f.name, b = f.name+".missing", []byte(wordOf(err)+"\n")
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

func (m *Machine) lastLines(ctx context.Context) ([]byte, error) {
	j, err := m.book()
	if err != nil {
		return nil, err
	}
	defer j.Close()
	var from time.Time
	left := bundled
	if err := j.Back(func(e journal.Entry) (bool, error) {
		from, left = e.At.Time, left-1
		return left > 0, nil
	}); err != nil {
		return nil, err
	}
	return lines(ctx, j, from)
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

func (m *Machine) counted(ctx context.Context) ([]byte, error) {
	j, err := m.book()
	if err != nil {
		return nil, err
	}
	defer j.Close()
	n, err := tally(ctx, j)
	if err != nil {
		return nil, err
	}
	type line struct {
		counter
		Value uint64 `json:"value"`
	}
	var all []line
	for _, k := range inOrder(n) {
		all = append(all, line{k, n[k]})
	}
	return json.Marshal(all)
}

func (m *Machine) plugged(ctx context.Context) ([]byte, error) {
	all, err := m.devices(ctx)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = []attached.Device{}
	}
	return json.Marshal(all)
}

// policies are the versions that are kept; their texts are the operator's, and stay here.
func (m *Machine) policies(context.Context) ([]byte, error) {
	p, err := m.o.Policies()
	if err != nil {
		return nil, err
	}
	all, err := p.History()
	if err != nil {
		return nil, err
	}
	type line struct {
		Version uint64          `json:"version"`
		SHA256  protocol.Digest `json:"sha256"`
		Expires time.Time       `json:"expires"`
		Applied bool            `json:"applied"`
	}
	out := []line{}
	for _, s := range all {
		out = append(out, line{s.Head.Version, s.Digest, s.Head.Expires, s.Applied != nil})
	}
	return json.Marshal(out)
}
