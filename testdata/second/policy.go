package second

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy is what the check needs of a policy file.
type Policy struct {
	Skew, Lifetime time.Duration
	Cards          []*x509.Certificate
	Towns          []town
}

// town is a [[municipality]].
type town struct {
	code         string
	anchors      []*x509.Certificate
	pins         []*x509.Certificate
	revoked      []string
	crls         []*x509.RevocationList
	software     []software
	listsRevoked map[string]bool
}

// software is a [[municipality.software]].
type software struct {
	name, floor string
	fixes       []string
}

var (
	assign = regexp.MustCompile(`(?m)^[ \t]*([a-z_]+)[ \t]*=[ \t]*`)
	quoted = regexp.MustCompile(`"""((?s:.*?))"""|"([^"\n]*)"`)
	remark = regexp.MustCompile(`(?m)^([^"\n]*(?:"[^"\n]*"[^"\n]*)*?)#.*$`)
)

// ReadPolicy reads the TOML of the policies here: tables, strings, and lists of strings. Nothing about policies is
// judged: the vectors are packages.
func ReadPolicy(file string) (*Policy, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p, dir := new(Policy), filepath.Dir(file)
	for i, part := range regexp.MustCompile(`(?m)^[ \t]*\[`).Split(remark.ReplaceAllString(string(b), "$1"), -1) {
		name := ""
		if i > 0 {
			name, part, _ = strings.Cut(part, "\n")
		}
		if err := p.table(strings.Trim(name, "[] \t"), values(part), dir); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return p, nil
}

// values returns what stands behind each key, as a list of the strings in it.
func values(part string) map[string][]string {
	m, at := map[string][]string{}, assign.FindAllStringSubmatchIndex(part, -1)
	for i, a := range at {
		end := len(part)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		list := []string{}
		for _, q := range quoted.FindAllStringSubmatch(part[a[1]:end], -1) {
			list = append(list, q[1]+q[2])
		}
		m[part[a[2]:a[3]]] = list
	}
	return m
}

func (p *Policy) table(name string, v map[string][]string, dir string) (err error) {
	one := func(key string) string { return strings.Join(v[key], "") }
	switch name {
	case "":
		if p.Skew, err = time.ParseDuration(one("clock_skew")); err == nil {
			p.Lifetime, err = time.ParseDuration(one("package_lifetime"))
		}
	case "card":
		p.Cards, err = certificates(dir, v["anchors"])
	case "municipality":
		t := town{code: one("code"), revoked: v["revoked"]}
		if t.anchors, err = certificates(dir, v["issuing_anchors"]); err == nil {
			t.pins, err = certificates(dir, v["pinned_signers"])
		}
		for _, c := range v["crls"] {
			t.crls = append(t.crls, crl(dir, c))
		}
		p.Towns = append(p.Towns, t)
	case "municipality.software":
		t := &p.Towns[len(p.Towns)-1]
		t.software = append(t.software, software{one("name"), one("floor"), v["fixes"]})
	case "latch":
	default:
		err = fmt.Errorf("table %q", name)
	}
	return err
}

// blocks are the PEM blocks of a file, or of a text that is PEM itself.
func blocks(dir, source string) (list [][]byte) {
	b := []byte(source)
	if !strings.Contains(source, "-----BEGIN") {
		b, _ = os.ReadFile(filepath.Join(dir, source))
		if block, _ := pem.Decode(b); block == nil {
			return [][]byte{b}
		}
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		list = append(list, block.Bytes)
	}
	return list
}

func certificates(dir string, sources []string) (list []*x509.Certificate, err error) {
	for _, s := range sources {
		for _, b := range blocks(dir, s) {
			c, err := x509.ParseCertificate(b)
			if err != nil {
				return nil, err
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// crl reads one CRL. One that cannot be read becomes one that nobody signed.
func crl(dir, source string) *x509.RevocationList {
	for _, b := range blocks(dir, source) {
		if l, err := x509.ParseRevocationList(b); err == nil {
			return l
		}
	}
	return new(x509.RevocationList)
}

// listed says whether a certificate is on some municipality's list.
func (p *Policy) listed(c *x509.Certificate) bool {
	sum := sha256.Sum256(c.Raw)
	return slices.ContainsFunc(p.Towns, func(t town) bool { return slices.Contains(t.revoked, hex.EncodeToString(sum[:])) })
}

// patched says whether the software may issue for the statement's municipality.
func (p *Policy) patched(st *statement) bool {
	i := slices.IndexFunc(p.Towns, func(t town) bool { return t.code == st.municipality })
	if i < 0 {
		return false
	}
	return len(p.Towns[i].software) == 0 || slices.ContainsFunc(p.Towns[i].software, func(s software) bool {
		return s.name == st.software && !versionLess(st.version, s.floor) &&
			!slices.ContainsFunc(s.fixes, func(f string) bool { return !slices.Contains(st.fixes, f) })
	})
}

// versionLess orders semantic versions (semver.org 2.0.0, section 11).
func versionLess(a, b string) bool {
	a, _, _ = strings.Cut(a, "+")
	b, _, _ = strings.Cut(b, "+")
	aCore, aPre, aHas := strings.Cut(a, "-")
	bCore, bPre, bHas := strings.Cut(b, "-")
	if c := slices.CompareFunc(strings.Split(aCore, "."), strings.Split(bCore, "."), compareIdentifier); c != 0 {
		return c < 0
	}
	if !aHas || !bHas {
		return aHas
	}
	return slices.CompareFunc(strings.Split(aPre, "."), strings.Split(bPre, "."), compareIdentifier) < 0
}

func compareIdentifier(a, b string) int {
	_, errA := strconv.ParseUint(a[:1], 10, 64)
	_, errB := strconv.ParseUint(b[:1], 10, 64)
	numA, numB := errA == nil && digits.MatchString(a), errB == nil && digits.MatchString(b)
	switch {
	case numA && numB && len(a) != len(b):
		return len(a) - len(b)
	case numA != numB:
		if numA {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

var digits = regexp.MustCompile(`^[0-9]+$`)
