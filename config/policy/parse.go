package policy

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/protocol"
	"honnin/config/trust"
)

// Sizes in bytes: of the policy's text and of each file it names.
const (
	maxPolicy = 16 << 20
	maxFile   = 16 << 20
)

// wire mirrors the TOML. Keys that must be there are pointers or have a form that an absent one breaks.
type wire struct {
	Version         *int64             `toml:"version"`
	NotBefore       instant            `toml:"not_before"`
	Expires         instant            `toml:"expires"`
	Terminals       []target           `toml:"terminals"`
	Previous        *hexDigest         `toml:"previous"`
	PolicyKeys      *wireKeys          `toml:"policy_keys"`
	ClockSkew       *duration          `toml:"clock_skew"`
	PackageLifetime *duration          `toml:"package_lifetime"`
	CRLMaxAge       *duration          `toml:"crl_max_age"`
	Propagation     *duration          `toml:"propagation_limit"`
	Latch           *wireLatch         `toml:"latch"`
	Card            *wireCard          `toml:"card"`
	Municipality    []wireMunicipality `toml:"municipality"`
	Staff           []wireStaff        `toml:"staff"`
	Devices         *wireDevices       `toml:"devices"`
}

type wireLatch struct {
	Defective *int      `toml:"defective"`
	Within    *duration `toml:"within"`
}

type wireCard struct {
	Anchors []string `toml:"anchors"`
}

type wireMunicipality struct {
	Code            code           `toml:"code"`
	Name            string         `toml:"name"`
	IssuingAnchors  []string       `toml:"issuing_anchors"`
	RegisterAnchors []string       `toml:"register_anchors"`
	PinnedSigners   []string       `toml:"pinned_signers"`
	Revoked         []hexDigest    `toml:"revoked"`
	CRLs            []string       `toml:"crls"`
	Software        []wireSoftware `toml:"software"`
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
		return errors.New(`not a duration of zero or more; write it like "90s", "5m", "24h"`)
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

// Load reads a policy and the files beside it.
func Load(path string) (*Policy, error) {
	b, err := read(path, maxPolicy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	dir := filepath.Dir(path)
	return Parse(b, func(name string) ([]byte, error) {
		if filepath.Base(name) != name || !filepath.IsLocal(name) {
			return nil, errors.New("not the name of a file beside the policy")
		}
		return read(filepath.Join(dir, name), maxFile)
	})
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

// Parse reads a policy. load returns the content of a file that it names.
func Parse(text []byte, load func(name string) ([]byte, error)) (*Policy, error) {
	var w wire
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&w); err != nil {
		return nil, explain(err)
	}
	p := &Policy{municipalities: map[protocol.Municipality]*municipality{}}
	f := &files{load: load}
	if err := p.beginning(w, f); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if err := w.numbers(p); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if err := p.trust(w, f); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if err := p.people(w.Staff); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	var err error
	if p.devices, err = w.Devices.devices(); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// explain turns a decoder's error into one line that names the line and the key.
func explain(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		e := unknown.Errors[0]
		line, _ := e.Position()
		return fmt.Errorf("policy: line %d: unknown key %s; allowed are %s", line, strings.Join(e.Key(), "."), allowed(e.Key()))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, _ := bad.Position()
		return fmt.Errorf("policy: line %d: %s: %s", line, strings.Join(bad.Key(), "."), strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return fmt.Errorf("policy: %w", err)
}

// allowed lists the keys of the table that an unknown key stands in.
func allowed(key toml.Key) string {
	switch {
	case len(key) > 2 && key[0] == "municipality":
		return "name, floor, fixes"
	case len(key) > 1 && key[0] == "municipality":
		return "code, name, issuing_anchors, register_anchors, pinned_signers, revoked, crls, software"
	case len(key) > 2 && key[0] == "policy_keys":
		return "name, pem"
	case len(key) > 1 && key[0] == "policy_keys":
		return "threshold, key"
	case len(key) > 1 && key[0] == "latch":
		return "defective, within"
	case len(key) > 1 && key[0] == "card":
		return "anchors"
	case len(key) > 1 && key[0] == "devices":
		return "readers, printers, usb, pin_pad, printers_without_ipp"
	case len(key) > 1 && key[0] == "staff":
		return "id, roles, code, expires, municipality, terminals"
	}
	return "version, not_before, expires, terminals, previous, policy_keys, clock_skew, package_lifetime, crl_max_age, propagation_limit, latch, card, municipality, staff, devices"
}

func (w wire) numbers(p *Policy) error {
	p.latch.Defective = 3
	if l := w.Latch; l != nil && l.Defective != nil {
		p.latch.Defective = *l.Defective
	}
	if p.latch.Defective < 1 || p.latch.Defective > 1000 {
		return errors.New("latch.defective: must be from 1 to 1000")
	}
	var within *duration
	if w.Latch != nil {
		within = w.Latch.Within
	}
	return errors.Join(
		between(&p.skew, "clock_skew", w.ClockSkew, -1, 0, time.Hour),
		between(&p.lifetime, "package_lifetime", w.PackageLifetime, -1, time.Second, 24*time.Hour),
		between(&p.crlAge, "crl_max_age", w.CRLMaxAge, 7*24*time.Hour, time.Minute, 366*24*time.Hour),
		between(&p.propagation, "propagation_limit", w.Propagation, 24*time.Hour, 0, 366*24*time.Hour),
		between(&p.latch.Within, "latch.within", within, time.Hour, time.Second, 366*24*time.Hour),
	)
}

// between sets to from the key's value or its default; a negative default means that the key must be there.
func between(to *time.Duration, key string, from *duration, byDefault, least, most time.Duration) error {
	switch {
	case from != nil:
		*to = time.Duration(*from)
	case byDefault < 0:
		return fmt.Errorf("%s: is missing", key)
	default:
		*to = byDefault
	}
	if *to < least || *to > most {
		return fmt.Errorf("%s: must be from %s to %s", key, least, most)
	}
	return nil
}

// trust fills in everything that holds certificates.
func (p *Policy) trust(w wire, f *files) (err error) {
	if w.Card == nil || len(w.Card.Anchors) == 0 {
		return errors.New("card.anchors: at least one is needed")
	}
	if p.cards, err = f.certificates("card.anchors", w.Card.Anchors); err != nil {
		return err
	}
	if len(w.Municipality) == 0 {
		return errors.New("municipality: at least one is needed")
	}
	var issuing []trust.Authority
	for i, m := range w.Municipality {
		where := fmt.Sprintf("municipality %d (%q)", i+1, string(m.Code.Municipality))
		a, err := p.add(m, f)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		issuing = append(issuing, a)
	}
	p.practice = f.practice
	p.issuing, err = trust.NewStore(issuing...)
	return err
}

func (p *Policy) add(w wireMunicipality, f *files) (issuing trust.Authority, err error) {
	if err := w.complete(p.municipalities); err != nil {
		return issuing, err
	}
	issuing = trust.Authority{Municipality: w.Code.Municipality}
	registers := trust.Authority{Municipality: w.Code.Municipality}
	var e [4]error
	issuing.Anchors, e[0] = f.certificates("issuing_anchors", w.IssuingAnchors)
	issuing.Pins, e[1] = f.certificates("pinned_signers", w.PinnedSigners)
	registers.Anchors, e[2] = f.certificates("register_anchors", w.RegisterAnchors)
	issuing.CRLs, e[3] = f.crls("crls", w.CRLs)
	if err := errors.Join(e[:]...); err != nil {
		return issuing, err
	}
	for _, d := range w.Revoked {
		issuing.Revoked = append(issuing.Revoked, protocol.Digest(d))
	}
	registers.Revoked, registers.CRLs = issuing.Revoked, issuing.CRLs
	m := &municipality{name: w.Name, crls: issuing.CRLs}
	for _, s := range w.Software {
		m.software = append(m.software, software{s.Name, s.Floor.string, slices.Clone(s.Fixes)})
	}
	m.register, err = trust.NewStore(registers)
	p.municipalities[w.Code.Municipality] = m
	return issuing, err
}

func (w wireMunicipality) complete(others map[protocol.Municipality]*municipality) error {
	switch {
	case w.Code.Municipality == "":
		return errors.New("code: is missing; six digits")
	case others[w.Code.Municipality] != nil:
		return errors.New("code: stands twice")
	case w.Name == "":
		return errors.New("name: is missing")
	case len(w.IssuingAnchors)+len(w.PinnedSigners) == 0:
		return errors.New("issuing_anchors: at least one, or a pinned signer, is needed")
	}
	seen := map[string]bool{}
	for _, s := range w.Software {
		switch {
		case s.Name == "" || seen[s.Name]:
			return errors.New("software.name: is missing or stands twice")
		case s.Floor.string == "":
			return fmt.Errorf("software %q: floor: is missing; a semantic version such as 1.4.0", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// files reads what the policy names, and notes practice certificates on the way.
type files struct {
	load     func(string) ([]byte, error)
	practice bool
}

func (f *files) certificates(key string, names []string) (out []*x509.Certificate, err error) {
	for i, n := range names {
		b, err := f.content(n)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", key, i, err)
		}
		certs, err := trust.ParseCertificates(b)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", key, i, err)
		}
		f.practice = f.practice || slices.ContainsFunc(certs, trust.IsPractice)
		out = append(out, certs...)
	}
	return out, nil
}

func (f *files) crls(key string, names []string) (out []*x509.RevocationList, err error) {
	for i, n := range names {
		b, err := f.content(n)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", key, i, err)
		}
		l, err := trust.ParseCRL(b)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", key, i, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// content returns inline PEM as it is, and anything else as the file of that name.
func (f *files) content(name string) ([]byte, error) {
	if strings.Contains(name, "-----BEGIN") {
		return []byte(name), nil
	}
	if f.load == nil {
		return nil, errors.New("names a file, and there are no files here")
	}
	return f.load(name)
}
