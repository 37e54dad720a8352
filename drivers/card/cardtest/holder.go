// Package cardtest is what tests of cards share: certificates of fictional holders, and a private world of pcscd and
// vpcd into which a virtual card can be laid. It is imported by tests only.
//
// A [World] has a network and a mount namespace of its own: vpcd listens on every address without asking who comes, so
// it listens where nobody else can be, and two worlds run side by side. The socket of its pcscd is a file in a private
// directory, so clients need not live inside: PCSCLITE_CSOCK_NAME leads them there. Only the card itself must dial
// from within, and does so from a thread that enters the namespace and never comes back.
package cardtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"honnin/drivers/card/virtual"
)

// Algorithm is a kind of key a card may hold.
type Algorithm string

// The algorithms.
const (
	RSA2048   Algorithm = "RSA-2048"
	ECDSAP256 Algorithm = "ECDSA P-256"
	ECDSAP384 Algorithm = "ECDSA P-384"
)

// The PINs of every card made here.
const (
	PIN     = "1234"
	SignPIN = "ABC123"
)

// GenerateKey makes a key.
func GenerateKey(a Algorithm) (crypto.Signer, error) {
	switch a {
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	return nil, fmt.Errorf("cardtest: unknown algorithm %q", a)
}

// Authority is a fictional certification authority with an RSA key: signatures of one length, so that certificates
// can be made to size.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes one; purpose is "user authentication" or "digital signature".
func NewAuthority(purpose string) (*Authority, error) {
	key, err := GenerateKey(RSA2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               authorityName(purpose),
		NotBefore:             notBefore(),
		NotAfter:              notAfter(),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{cert, key}, err
}

// authorityName has the shape of the real one and says that it is not.
func authorityName(purpose string) pkix.Name {
	return pkix.Name{
		Country:            []string{"JP"},
		Organization:       []string{"Practice JPKI (fictional)"},
		OrganizationalUnit: []string{"Practice JPKI for " + purpose, "Practice Agency, not an authority"},
	}
}

// Wide enough that no test has a clock in it.
func notBefore() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }
func notAfter() time.Time  { return time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC) }

// Issue makes a holder's certificate, DER. With a size it is made exactly so many bytes long, by a longer address of
// its revocation list. It holds no name, as the real ones hold none.
func (a *Authority) Issue(pub crypto.PublicKey, serial int64, usage x509.KeyUsage, size int) ([]byte, error) {
	for pad, round := 1, 0; round < 8; round++ {
		der, err := a.issue(pub, serial, usage, pad)
		if err != nil || size == 0 || len(der) == size {
			return der, err
		}
		if pad += size - len(der); pad < 1 {
			return nil, fmt.Errorf("cardtest: a certificate of %d bytes cannot be made", size)
		}
	}
	return nil, errors.New("cardtest: no padding gives that size")
}

func (a *Authority) issue(pub crypto.PublicKey, serial int64, usage x509.KeyUsage, pad int) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1_000_000 + serial),
		Subject: pkix.Name{Country: []string{"JP"},
			CommonName: fmt.Sprintf("PRACTICE%011dA", serial)},
		NotBefore:             notBefore(),
		NotAfter:              notAfter(),
		KeyUsage:              usage,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		CRLDistributionPoints: []string{"http://practice.invalid/" + strings.Repeat("0", pad)},
	}, a.Certificate, pub, a.key)
}

// NewHolder makes the contents of a virtual card: both key pairs of one algorithm with certificates of new
// authorities, PINs [PIN] and [SignPIN]. The user-authentication certificate is size bytes long, or as it comes.
func NewHolder(algorithm Algorithm, size int) (virtual.Options, error) {
	o := virtual.Options{PIN: PIN, SignPIN: SignPIN}
	var err error
	o.AuthKey, o.AuthCert, o.AuthCA, err = pair(algorithm, "user authentication", x509.KeyUsageDigitalSignature, size)
	if err != nil {
		return virtual.Options{}, err
	}
	usage := x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	o.SignKey, o.SignCert, o.SignCA, err = pair(algorithm, "digital signature", usage, 0)
	return o, err
}

func pair(algorithm Algorithm, purpose string, usage x509.KeyUsage, size int) (crypto.Signer, []byte, []byte, error) {
	ca, err := NewAuthority(purpose)
	if err != nil {
		return nil, nil, nil, err
	}
	key, err := GenerateKey(algorithm)
	if err != nil {
		return nil, nil, nil, err
	}
	cert, err := ca.Issue(key.Public(), 1, usage, size)
	return key, cert, ca.Certificate.Raw, err
}

// AuthenticationOnly returns o without the signature pair.
func AuthenticationOnly(o virtual.Options) virtual.Options {
	o.SignKey, o.SignCert, o.SignCA, o.SignPIN = nil, nil, nil, ""
	return o
}
