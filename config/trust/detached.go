package trust

import (
	"crypto/x509"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MaxDetached is the size limit of a detached signature, in bytes.
const MaxDetached = 64 << 10

// VerifyDetached checks what der says of content: the rows of the package's profile that need no anchor (structure, one
// signer, algorithms, attributes, signature), with the content left out of the message. It returns the certificate that
// bears the signer's key, and when it was signed by the signer's clock. Whether that key may be believed is the
// caller's to judge; nothing of the certificate but its key was. Errors carry package-malformed, signature-invalid or
// signature-weak.
func VerifyDetached(der, content []byte) (signer *x509.Certificate, at time.Time, err error) {
	if len(der) > MaxDetached {
		return nil, at, malformed("a signature larger than 64 KiB")
	}
	m := &Message{}
	m.hold(content)
	if err := m.parse(der, noContent); err != nil {
		return nil, at, err
	}
	return m.signedBy()
}

// VerifyAttached is [VerifyDetached] for a message that carries its content, at most [MaxDetached] bytes in all. It returns
// the content, too.
func VerifyAttached(der []byte) (content []byte, signer *x509.Certificate, at time.Time, err error) {
	if len(der) > MaxDetached {
		return nil, nil, at, malformed("a signed message larger than 64 KiB")
	}
	m, err := Parse(der)
	if err != nil {
		return nil, nil, at, err
	}
	if signer, at, err = m.signedBy(); err != nil {
		return nil, nil, at, err
	}
	return m.Content(), signer, at, nil
}

func (m *Message) signedBy() (signer *x509.Certificate, at time.Time, err error) {
	c := m.Against(&Store{}, at)
	for _, check := range []func() error{c.CheckSigners, c.CheckAlgorithms, c.CheckAttributes, c.CheckSignature} {
		if err := check(); err != nil {
			return nil, at, err
		}
	}
	at, err = c.SigningTime()
	return c.cert.x509, at, err
}

func noContent(s *cryptobyte.String) error {
	var encap cryptobyte.String
	if !s.ReadASN1(&encap, asn1.SEQUENCE) {
		return malformed("encapContentInfo")
	}
	if t, ok := readOID(&encap); !ok || t != oidData || !encap.Empty() {
		return malformed("not the detached signature of id-data")
	}
	return nil
}
