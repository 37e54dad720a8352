package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/people"
	"honnin/daemon/provision"
)

// practiceOffice signs a practice world's policies with two keys of this start, which are marked as practice. Its terminals
// receive and apply them as production terminals do.
type practiceOffice struct {
	names    []string
	keys     []*sign.Pair
	root     signed.Keys
	rootText []byte // the same, as a terminal's root file
	text     string // of the last policy, without its head and keys
	last     *signed.Policy
}

// newPracticeOffice signs the first policy. Its version is the time, in milliseconds: the journals of practice terminals outlive
// their offices, and a version never falls.
func newPracticeOffice(text string, now time.Time) (*practiceOffice, error) {
	o := &practiceOffice{names: []string{"practice-a", "practice-b"}}
	var certs []*x509.Certificate
	for _, name := range o.names {
		k, err := sign.NewCA(sign.Template{Name: name, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), Practice: true})
		if err != nil {
			return nil, err
		}
		o.keys, certs = append(o.keys, k), append(certs, k.Certificate)
	}
	var err error
	if o.rootText, err = signed.FormatRoot(len(o.names), o.names, certs); err != nil {
		return nil, err
	}
	if o.root, err = signed.ParseRoot(o.rootText); err != nil {
		return nil, err
	}
	return o, o.sign(text, uint64(now.UnixMilli()), sha256.Sum256([]byte("the office before this one")), now)
}

// next signs the policy after the last.
func (o *practiceOffice) next(text string, now time.Time) error {
	return o.sign(text, o.last.Head.Version+1, o.last.Digest, now)
}

var versionLine = regexp.MustCompile(`(?m)^version = 1$`)

func (o *practiceOffice) sign(text string, version uint64, previous protocol.Digest, now time.Time) error {
	head := fmt.Sprintf("version = %d\nnot_before = %q\nexpires = %q\nterminals = [\"*\"]\nprevious = %q\nheartbeat = \"2s\"",
		version, now.Add(-time.Hour).UTC().Format(time.RFC3339), now.AddDate(1, 0, 0).UTC().Format(time.RFC3339), previous)
	whole := versionLine.ReplaceAllLiteralString(text, head) + "\n[policy_keys]\nthreshold = 2\n"
	for i, k := range o.keys {
		whole += fmt.Sprintf("[[policy_keys.key]]\nname = %q\npem = %q\n", o.names[i], pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw}))
	}
	b := signed.Bundle{Text: []byte(whole)}
	for i, k := range o.keys {
		how := k.Options(now)
		how.Detached = true
		der, err := sign.Sign(b.Text, how)
		if err != nil {
			return err
		}
		b.Signatures = append(b.Signatures, signed.Signature{Name: o.names[i], DER: der})
	}
	p, err := o.root.Open(b)
	if err == nil {
		err = p.At(now)
	}
	if err == nil {
		o.text, o.last = text, p
	}
	return err
}

// bundle is the last policy as the centre gives it out.
func (o *practiceOffice) bundle() protocol.PolicyBundle {
	p := protocol.PolicyBundle{Text: o.last.Bundle.Text}
	for _, s := range o.last.Bundle.Signatures {
		p.Signatures = append(p.Signatures, s.DER)
	}
	return p
}

// provide makes a practice terminal's store anew, with the last policy in force: what another start's keys signed is nothing here.
func (o *practiceOffice) provide(dir string, t protocol.Terminal) (*provision.Store, error) {
	dir = filepath.Join(dir, "policies")
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	s, err := provision.Open(provision.Options{Dir: dir, Root: o.root, Terminal: t, Now: time.Now, Practice: true})
	if err != nil {
		return nil, err
	}
	if err := s.Use(); err != nil {
		return nil, err
	}
	if _, err = s.Receive([]signed.Bundle{o.last.Bundle}, provision.ByFile); err == nil {
		_, _, err = s.Apply()
	}
	return s, err
}

// withFees is a practice world's policy in which a town's certificates have their fees, but one has another.
func withFees(text string, town people.Town, c protocol.Certificate, yen int) string {
	service := "service = ["
	for _, each := range protocol.Certificates() {
		fee := town.Fee(each)
		if each == c {
			fee = yen
		}
		service += fmt.Sprintf("{certificate = %q, fee = %d}, ", each, fee)
	}
	line := fmt.Sprintf("code = %q\n", town.Code)
	return strings.Replace(text, line, line+service+"]\n", 1)
}

// publish signs the next policy, and has the centre offer it.
func (s *stage) publish(text string) (version uint64, err error) {
	if err := s.office.next(text, time.Now()); err != nil {
		return 0, err
	}
	version = s.office.last.Head.Version
	s.world.Publish(version, s.office.bundle())
	return version, nil
}
