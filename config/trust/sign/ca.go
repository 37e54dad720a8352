package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
)

// Pair is a certificate and its key, with the CAs above it short of the anchor. CAs, signers and cards are pairs.
type Pair struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	Chain       []*x509.Certificate // intermediates, from the issuer upwards
}

// Template says what a new certificate holds. The zero value of each field but the times has a use.
type Template struct {
	Name      string     // common name; a made-up one
	Subject   *pkix.Name // instead of Name
	NotBefore time.Time
	NotAfter  time.Time
	Key       crypto.Signer // nil: a new P-256 key
	Hash      crypto.Hash   // the CA signs with it; 0 is SHA-256
	PSS       bool          // an RSA CA signs with RSASSA-PSS
	PathLen   int           // CAs only: at most so many CAs below; 0 is no limit, -1 is none below
	Practice  bool          // CAs only: marked as an anchor of a practice world (trust.PracticePolicy)

	// Adjust changes the template at last, for certificates that are to be refused.
	Adjust func(*x509.Certificate)
}

// NewCA makes a self-signed CA.
func NewCA(t Template) (*Pair, error) { return t.make(nil, t.authority) }

// NewCA makes a CA under ca.
func (ca *Pair) NewCA(t Template) (*Pair, error) { return t.make(ca, t.authority) }

// NewSigner makes a signer of documents for municipality m under ca.
func (ca *Pair) NewSigner(m protocol.Municipality, t Template) (*Pair, error) {
	return t.make(ca, func(c *x509.Certificate) {
		c.Subject.ExtraNames = append(c.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: oidOrganizationIdentifier, Value: "GOVJP-" + string(m)})
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
		c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidDocumentSigning}
	})
}

// NewCard makes a card's user-authentication certificate under ca.
func (ca *Pair) NewCard(t Template) (*Pair, error) {
	return t.make(ca, func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
}

// CRL signs a list of revoked certificates of ca.
func (ca *Pair) CRL(number int64, thisUpdate, nextUpdate time.Time, revoked ...*x509.Certificate) (*x509.RevocationList, error) {
	t := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: thisUpdate, NextUpdate: nextUpdate}
	for _, c := range revoked {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: thisUpdate})
	}
	der, err := x509.CreateRevocationList(source(ca.Key), t, ca.Certificate, ca.Key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return x509.ParseRevocationList(der)
}

// Options returns what [Sign] needs to sign as p at an instant.
func (p *Pair) Options(at time.Time) Options {
	return Options{Certificate: p.Certificate, Key: p.Key, Chain: p.Chain, Time: at}
}

// NewKey makes a P-256 key.
func NewKey() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

var (
	oidOrganizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}
	oidDocumentSigning        = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36} // RFC 9336
)

func (t Template) authority(c *x509.Certificate) {
	c.IsCA = true
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	switch {
	case t.PathLen > 0:
		c.MaxPathLen = t.PathLen
	case t.PathLen < 0:
		c.MaxPathLenZero = true
	}
	if t.Practice {
		c.Policies = append(c.Policies, practicePolicy())
	}
}

func practicePolicy() x509.OID {
	o, err := x509.ParseOID(trust.PracticePolicy)
	if err != nil {
		panic(err) // a constant of this program
	}
	return o
}

func (t Template) make(ca *Pair, kind func(*x509.Certificate)) (*Pair, error) {
	if t.Key == nil {
		var err error
		if t.Key, err = NewKey(); err != nil {
			return nil, err
		}
	}
	c, err := t.template()
	if err != nil {
		return nil, err
	}
	kind(c)
	issuer := &Pair{Certificate: c, Key: t.Key}
	var chain []*x509.Certificate
	if ca != nil {
		issuer, chain = ca, ca.below()
	}
	c.SignatureAlgorithm = t.signatureAlgorithm(issuer.Key)
	if t.Adjust != nil {
		t.Adjust(c)
	}
	der, err := x509.CreateCertificate(source(issuer.Key), c, issuer.Certificate, t.Key.Public(), issuer.Key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &Pair{cert, t.Key, chain}, err
}

// below is the chain of whatever ca issues: ca itself, unless it is an anchor, and what is above it.
func (ca *Pair) below() []*x509.Certificate {
	if ca.Certificate.CheckSignatureFrom(ca.Certificate) == nil {
		return nil
	}
	return append([]*x509.Certificate{ca.Certificate}, ca.Chain...)
}

func (t Template) template() (*x509.Certificate, error) {
	spki, err := x509.MarshalPKIXPublicKey(t.Key.Public())
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	subject := pkix.Name{Country: []string{"JP"}, CommonName: t.Name}
	if t.Subject != nil {
		subject = *t.Subject
	}
	id := sha256.Sum256(spki) // RFC 7093 §2
	return &x509.Certificate{
		SerialNumber: serial(spki, subject.CommonName, t.NotBefore, t.NotAfter), Subject: subject, SubjectKeyId: id[:20],
		NotBefore: t.NotBefore, NotAfter: t.NotAfter, BasicConstraintsValid: true,
	}, nil
}

// serial derives a serial number from what makes a certificate of a practice CA unlike others, so that the same input
// makes the same certificate.
func serial(spki []byte, name string, from, to time.Time) *big.Int {
	h := sha256.New()
	fmt.Fprintf(h, "%x/%s/%d/%d", spki, name, from.Unix(), to.Unix())
	return new(big.Int).SetBytes(append([]byte{1}, h.Sum(nil)[:15]...))
}

func (t Template) signatureAlgorithm(key crypto.Signer) x509.SignatureAlgorithm {
	i := map[crypto.Hash]int{0: 0, crypto.SHA256: 0, crypto.SHA384: 1, crypto.SHA512: 2}[t.Hash]
	switch key.Public().(type) {
	case *ecdsa.PublicKey:
		return [3]x509.SignatureAlgorithm{x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512}[i]
	case *rsa.PublicKey:
		if t.PSS {
			return [3]x509.SignatureAlgorithm{x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS}[i]
		}
		return [3]x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA}[i]
	}
	return x509.UnknownSignatureAlgorithm // the library chooses: Ed25519
}

// source is the randomness a key signs with: none for ECDSA, which is then deterministic (RFC 6979).
func source(key crypto.Signer) io.Reader {
	if _, ok := key.Public().(*ecdsa.PublicKey); ok {
		return nil
	}
	return rand.Reader
}
