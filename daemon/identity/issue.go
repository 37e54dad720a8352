package identity

import (
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"time"

	"honnin/config/trust/sign"
)

// Issue makes the certificate that is asked for, as an office would with openssl; adjust changes it at last. It is for
// practice worlds and tests: a terminal has no CA.
func Issue(ca *sign.Pair, a Asked, from, until time.Time, adjust ...func(*x509.Certificate)) (*x509.Certificate, error) {
	made, err := ca.NewCard(sign.Template{Name: string(a.Terminal), NotBefore: from, NotAfter: until, Key: public{a.Public}, Adjust: func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{extended[a.Use]}
		for _, f := range adjust {
			f(c)
		}
	}})
	if err != nil {
		return nil, err
	}
	return made.Certificate, nil
}

// public stands for a key whose other half is somebody else's.
type public struct{ key crypto.PublicKey }

func (p public) Public() crypto.PublicKey { return p.key }

func (public) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the private key is not here")
}
