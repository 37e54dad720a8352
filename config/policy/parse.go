package policy

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/keys"
	"honnin/config/protocol"
	"honnin/config/trust"
)

// Sizes in bytes: of the policy's text and of each file it names.
const (
	maxPolicy = 16 << 20
	maxFile   = 16 << 20
)

// wire mirrors the TOML, after [Table] has judged it: the forms, bounds and needs of single values are there, and a test holds
// the two against each other.
type wire struct {
	Version         int64              `toml:"version"`
	NotBefore       instant            `toml:"not_before"`
	Expires         instant            `toml:"expires"`
	ExpiryWarning   *duration          `toml:"expiry_warning"`
	Terminals       []target           `toml:"terminals"`
	Previous        hexDigest          `toml:"previous"`
	PolicyKeys      *wireKeys          `toml:"policy_keys"`
	ClockSkew       *duration          `toml:"clock_skew"`
	PackageLifetime *duration          `toml:"package_lifetime"`
	CRLMaxAge       *duration          `toml:"crl_max_age"`
	Propagation     *duration          `toml:"propagation_limit"`
	Heartbeat       *duration          `toml:"heartbeat"`
	Languages       []string           `toml:"languages"`
	Holidays        []string           `toml:"holidays"`
	Latch           wireLatch          `toml:"latch"`
	Limits          wireLimits         `toml:"limits"`
	Card            wireCard           `toml:"card"`
	Test            wireTest           `toml:"test"`
	Centre          wireCentre         `toml:"centre"`
	TerminalKeys    wireTerminalKeys   `toml:"terminal_keys"`
	Devices         wireDevices        `toml:"devices"`
	Municipality    []wireMunicipality `toml:"municipality"`
	Staff           []wireStaff        `toml:"staff"`
	Person          []wirePerson       `toml:"person"`
	Contact         []wireContact      `toml:"contact"`
	Deadlines       wireDeadlines      `toml:"deadlines"`
	Collector       []wireCollector    `toml:"collector"`
	wireCalendar
}

type wireLatch struct {
	Defective *int      `toml:"defective"`
	Within    *duration `toml:"within"`
	All       *int      `toml:"all"`
}

type wireCard struct {
	Anchors []string `toml:"anchors"`
}

type wireTest struct {
	Anchors []string `toml:"anchors"`
}

type wireTerminalKeys struct {
	Anchors []string  `toml:"anchors"`
	Warning *duration `toml:"warning"`
}

type wireMunicipality struct {
	Code            code           `toml:"code"`
	Name            string         `toml:"name"`
	IssuingAnchors  []string       `toml:"issuing_anchors"`
	RegisterAnchors []string       `toml:"register_anchors"`
	PinnedSigners   []string       `toml:"pinned_signers"`
	Revoked         []hexDigest    `toml:"revoked"`
	CRLs            []string       `toml:"crls"`
	IncidentKey     string         `toml:"incident_key"`
	Software        []wireSoftware `toml:"software"`
	Service         []wireService  `toml:"service"`
	wireCalendar
}

type wireSoftware struct {
	Name  string   `toml:"name"`
	Floor version  `toml:"floor"`
	Fixes []string `toml:"fixes"`
}

type duration time.Duration

func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 {
		return errors.New("not a duration")
	}
	*d = duration(v)
	return nil
}

type hexDigest protocol.Digest

func (d *hexDigest) UnmarshalText(b []byte) error {
	v, err := protocol.ParseDigest(string(b))
	if err != nil {
		return errors.New("not a SHA-256 of 64 lower-case hex digits")
	}
	*d = hexDigest(v)
	return nil
}

// code and version are structs because the decoder does not ask types that are strings.
type code struct{ protocol.Municipality }

func (c *code) UnmarshalText(b []byte) (err error) {
	if c.Municipality, err = protocol.ParseMunicipality(string(b)); err != nil {
		return errors.New("not a code of six digits")
	}
	return nil
}

type version struct{ string }

func (v *version) UnmarshalText(b []byte) error {
	if v.string = string(b); !protocol.ValidVersion(v.string) {
		return errors.New("not a semantic version such as 1.4.0")
	}
	return nil
}

// Load reads a policy and the files beside it. Its errors name the file.
func Load(path string) (*Policy, error) {
	b, err := read(path, maxPolicy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	dir := filepath.Dir(path)
	p, err := parse(b, func(name string) ([]byte, error) {
		if filepath.Base(name) != name || !filepath.IsLocal(name) {
			return nil, errors.New("not the name of a file beside the policy")
		}
		return read(filepath.Join(dir, name), maxFile)
	})
	var where *keys.Error
	if errors.As(err, &where) {
		where.File = path
	}
	return named(p, err)
}

func read(path string, most int64) ([]byte, error) {
	f, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !f.Mode().IsRegular() || f.Size() > most {
		return nil, fmt.Errorf("%s: not a file of at most %d bytes", path, most)
	}
	return os.ReadFile(path)
}

// Parse reads a policy. load returns the content of a file that it names; nil means that it may name none.
func Parse(text []byte, load func(name string) ([]byte, error)) (*Policy, error) {
	return named(parse(text, load))
}

func named(p *Policy, err error) (*Policy, error) {
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

func parse(text []byte, load func(name string) ([]byte, error)) (*Policy, error) {
	d := defaults{Table()}
	root, err := d.Read(text)
	if err != nil {
		return nil, err
	}
	var w wire
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&w); err != nil {
		return nil, err
	}
	f := &files{load: load, seen: map[string][]byte{}}
	p := &Policy{municipalities: map[protocol.Municipality]*municipality{}, side: keys.Side{Root: root, Load: f.again}}
	p.numbers(w, d)
	for _, part := range []func() error{
		func() error { return p.beginning(w, root, d, f) },
		func() error { return p.trust(w, root, f) },
		func() error { return p.people(w.Staff, root.Get("staff").Items()) },
		func() error { return p.keyholders(w.Person, root.Get("person").Items(), f) },
		func() error { return p.whomToTell(w, root, d) },
		func() error { return p.whoCollects(w.Collector, root.Get("collector").Items(), f) },
	} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	p.practice = f.practice
	return p, nil
}

// defaults are the table's.
type defaults struct{ keys.File }

func (d defaults) duration(set *duration, path string) time.Duration {
	if set != nil {
		return time.Duration(*set)
	}
	k, _ := d.Find(path)
	v, _ := time.ParseDuration(k.Default)
	return v
}

func (d defaults) number(set *int, path string) int {
	if set != nil {
		return *set
	}
	k, _ := d.Find(path)
	v, _ := strconv.Atoi(k.Default)
	return v
}

// numbers fills in what needs no judgement any more.
func (p *Policy) numbers(w wire, d defaults) {
	p.skew = d.duration(w.ClockSkew, "clock_skew")
	p.lifetime = d.duration(w.PackageLifetime, "package_lifetime")
	p.crlAge = d.duration(w.CRLMaxAge, "crl_max_age")
	p.propagation = d.duration(w.Propagation, "propagation_limit")
	p.heartbeat = d.duration(w.Heartbeat, "heartbeat")
	p.latch = Latch{d.number(w.Latch.Defective, "latch.defective"), d.duration(w.Latch.Within, "latch.within"), d.number(w.Latch.All, "latch.all")}
	p.terminalWarning = d.duration(w.TerminalKeys.Warning, "terminal_keys.warning")
	p.limits, p.languages, p.devices, p.centres = w.Limits.limits(), w.Languages, w.Devices.devices(), w.Centre.URLs
}

// trust fills in everything that holds certificates, and what the municipalities issue.
func (p *Policy) trust(w wire, root *keys.Node, f *files) (err error) {
	if p.cards, err = f.certificates(root.Get("card"), "anchors", w.Card.Anchors); err != nil {
		return err
	}
	if p.testCards, err = f.certificates(root.Get("test"), "anchors", w.Test.Anchors); err != nil {
		return err
	}
	if slices.ContainsFunc(p.testCards, p.issuesCards) {
		return root.Get("test").Wrong("anchors", "one has the key of one of card.anchors: test cards are nobody's")
	}
	if p.centreSigners, err = f.certificates(root.Get("centre"), "signers", w.Centre.Signers); err != nil {
		return err
	}
	if p.terminalAnchors, err = f.certificates(root.Get("terminal_keys"), "anchors", w.TerminalKeys.Anchors); err != nil {
		return err
	}
	everywhere := schedule{holidays: ranges(w.Holidays)}.within(w.wireCalendar)
	var issuing []trust.Authority
	for i, m := range w.Municipality {
		a, err := p.add(m, root.Get("municipality").Items()[i], everywhere, f)
		if err != nil {
			return err
		}
		issuing = append(issuing, a)
	}
	if p.issuing, err = trust.NewStore(issuing...); err != nil {
		return root.Wrong("municipality", "%v", err)
	}
	return nil
}

func (p *Policy) add(w wireMunicipality, n *keys.Node, everywhere schedule, f *files) (issuing trust.Authority, err error) {
	if len(w.IssuingAnchors)+len(w.PinnedSigners) == 0 {
		return issuing, n.Wrong("issuing_anchors", "at least one, or a pinned signer, is needed")
	}
	issuing = trust.Authority{Municipality: w.Code.Municipality}
	registers := trust.Authority{Municipality: w.Code.Municipality}
	var e [4]error
	issuing.Anchors, e[0] = f.certificates(n, "issuing_anchors", w.IssuingAnchors)
	issuing.Pins, e[1] = f.certificates(n, "pinned_signers", w.PinnedSigners)
	registers.Anchors, e[2] = f.certificates(n, "register_anchors", w.RegisterAnchors)
	issuing.CRLs, e[3] = f.crls(n, "crls", w.CRLs)
	if err := cmp.Or(e[:]...); err != nil {
		return issuing, err
	}
	for _, d := range w.Revoked {
		issuing.Revoked = append(issuing.Revoked, protocol.Digest(d))
	}
	registers.Revoked, registers.CRLs = issuing.Revoked, issuing.CRLs
	m := w.municipality(everywhere)
	m.crls = issuing.CRLs
	if m.incidentKey, err = f.incidentKey(w.IncidentKey); err != nil {
		return issuing, n.Wrong("incident_key", "%v", err)
	}
	if m.register, err = trust.NewStore(registers); err != nil {
		return issuing, n.Wrong("register_anchors", "%v", err)
	}
	p.municipalities[w.Code.Municipality] = m
	return issuing, nil
}

func (w wireMunicipality) municipality(everywhere schedule) *municipality {
	m := &municipality{name: w.Name, schedule: everywhere.within(w.wireCalendar), services: map[protocol.Certificate]service{}}
	for _, s := range w.Software {
		m.software = append(m.software, software{s.Name, s.Floor.string, slices.Clone(s.Fixes)})
	}
	for _, s := range w.Service {
		m.services[protocol.Certificate(s.Certificate)] = s.service(m.schedule)
	}
	return m
}

// files reads what the policy names, and notes practice certificates on the way.
type files struct {
	load     func(string) ([]byte, error)
	practice bool
	seen     map[string][]byte
}

func (f *files) certificates(in *keys.Node, key string, names []string) (out []*x509.Certificate, err error) {
	for i, n := range names {
		b, err := f.content(n)
		if err != nil {
			return nil, in.WrongItem(key, i, "%v", err)
		}
		certs, err := trust.ParseCertificates(b)
		if err != nil {
			return nil, in.WrongItem(key, i, "%v", err)
		}
		f.practice = f.practice || slices.ContainsFunc(certs, trust.IsPractice)
		out = append(out, certs...)
	}
	return out, nil
}

func (f *files) crls(in *keys.Node, key string, names []string) (out []*x509.RevocationList, err error) {
	for i, n := range names {
		b, err := f.content(n)
		if err != nil {
			return nil, in.WrongItem(key, i, "%v", err)
		}
		l, err := trust.ParseCRL(b)
		if err != nil {
			return nil, in.WrongItem(key, i, "%v", err)
		}
		out = append(out, l)
	}
	return out, nil
}

// content returns inline PEM as it is, and anything else as the file of that name.
func (f *files) content(name string) ([]byte, error) {
	if keys.Inline(name) {
		return []byte(name), nil
	}
	if f.load == nil {
		return nil, errors.New("names a file, and there are no files here")
	}
	b, err := f.load(name)
	if err == nil {
		f.seen[name] = b
	}
	return b, err
}

// again returns a file as it was.
func (f *files) again(name string) ([]byte, error) {
	b, ok := f.seen[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}
