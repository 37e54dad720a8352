package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/spool/document/inspect/pdftest"
)

// sample is the package that the check is measured on: the practice world's resident record of a household of six,
// two pages, drawn and signed by the practice issuer under a chain of P-256 keys made for this run. (In the world
// itself that household's municipality signs with P-384, which costs more.)
type sample struct {
	pkg    []byte
	pages  int
	policy *policy.Policy
	want   document.Expectation
	anchor *x509.Certificate // of the issuing chain
	key    *sign.Pair        // the signer's
}

// The household of six lives here; p04 is its head.
const (
	sampleTown   = people.Kaku
	samplePerson = "p04"
	samplePages  = 2
)

func newSample(now func() time.Time) (*sample, error) {
	life := sign.Template{Name: "Figures, not an authority", NotBefore: now().Add(-time.Hour), NotAfter: now().Add(24 * time.Hour)}
	issuing, err := sign.NewCA(life)
	if err != nil {
		return nil, err
	}
	cards, err := sign.NewCA(life)
	if err != nil {
		return nil, err
	}
	card, err := cards.NewCard(life)
	if err != nil {
		return nil, err
	}
	s := &sample{anchor: issuing.Certificate, pages: samplePages}
	if s.key, err = issuing.NewSigner(sampleTown, life); err != nil {
		return nil, err
	}
	if s.policy, err = policy.Parse([]byte(policyText(issuing.Certificate, cards.Certificate)), nothingElse); err != nil {
		return nil, err
	}
	return s, s.issue(card.Certificate, now)
}

// heavier is a package for the same visit and of the same signer: so many pages, and a picture of size bytes that does
// not compress.
func (s *sample) heavier(pages, size int, now time.Time) (*sample, error) {
	f := inspect.Document(s.content())
	st, err := protocol.ParseStatement(f.Statement)
	if err != nil {
		return nil, err
	}
	st.Pages = pages
	text, err := st.Encode()
	if err != nil {
		return nil, err
	}
	d := pdftest.Good(text, pdftest.Tags(st.SubjectHash, st.Transaction, pages))
	d.Weigh(size)
	h := *s
	h.pages = pages
	h.pkg, err = sign.Sign(d.Bytes(), s.key.Options(now))
	return &h, err
}

func policyText(issuing, cards *x509.Certificate) string {
	return fmt.Sprintf("version = 1\nclock_skew = \"5m\"\npackage_lifetime = \"15m\"\n[card]\nanchors = [%q]\n"+
		"[[municipality]]\ncode = %q\nname = \"Sample\"\nissuing_anchors = [%q]\nregister_anchors = [%q]\n",
		armour(cards), sampleTown, armour(issuing), armour(issuing))
}

func nothingElse(string) ([]byte, error) { return nil, fs.ErrNotExist }

func armour(c *x509.Certificate) []byte {
	return bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// issue lets the practice issuer draw and sign the record.
func (s *sample) issue(card *x509.Certificate, now func() time.Time) error {
	source, office, err := town(card, now)
	if err != nil {
		return err
	}
	i, err := issuer.New(issuer.Config{Municipality: sampleTown, Office: office, Source: source, Signer: s.key,
		Software: practice.Software(sampleTown), Lifetime: 10 * time.Minute, Now: now})
	if err != nil {
		return err
	}
	order := issuer.Order{Transaction: protocol.NewTransaction(), Terminal: "FIGURES-1", Nonce: protocol.NewNonce(), Person: samplePerson,
		Applicant: protocol.Fingerprint(card.Raw), Certificate: protocol.ResidentRecord, Options: sampleOptions(), Copies: 1}
	s.want = document.Expectation{Terminal: order.Terminal, Transaction: order.Transaction, Nonce: order.Nonce, Card: card, Began: now(),
		Application: &protocol.Application{Municipality: sampleTown, Certificate: order.Certificate, Options: order.Options, Copies: order.Copies}}
	p, err := i.Issue(order)
	s.pkg = p.Bytes
	return err
}

func sampleOptions() protocol.Options {
	return protocol.Options{register.OptionHousehold: protocol.Text("all")}
}

// town is the sample's municipality: its register, in which card belongs to the sample's person, and its office.
func town(card *x509.Certificate, now func() time.Time) (*register.Primary, *sheet.Office, error) {
	registers := people.Registers{}
	for _, t := range people.Towns() {
		registers[t.Code] = register.New(t.Code, now)
	}
	people.Settle(registers)
	registers[sampleTown].Link(samplePerson, protocol.Fingerprint(card.Raw))
	for _, t := range people.Towns() {
		if t.Code == sampleTown {
			office, err := t.Office()
			return registers[sampleTown], office, err
		}
	}
	return nil, nil, errors.New("the sample's town is not there")
}
