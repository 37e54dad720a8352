package trust

import (
	"crypto/x509"
	"time"
)

// CheckCard: a card's certificate chains to one of anchors, chosen by key identifier, is valid now and allows
// digitalSignature [card-untrusted, card-expired].
func CheckCard(cert *x509.Certificate, anchors []*x509.Certificate, now time.Time) error {
	return ErrUnjudged
}

// VerifyCardSignature checks sig over message with the card's key: RSA PKCS#1 v1.5 or ECDSA (P-256, P-384;
// ASN.1), both over SHA-256.
func VerifyCardSignature(cert *x509.Certificate, message, sig []byte) error { return ErrUnjudged }
