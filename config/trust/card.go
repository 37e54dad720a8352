package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"time"

	"honnin/config/reason"
)

// CheckCard: a card's certificate chains to one of anchors, is valid now and allows digitalSignature [card-untrusted,
// card-expired]. Anchors are chosen by key identifier: the generations of the real card CA share one name. The path
// is one step long, as the real one is.
func CheckCard(cert *x509.Certificate, anchors []*x509.Certificate, now time.Time) error {
	if w := weakKey(cert.PublicKey) + weakSignature(cert); w != "" {
		return reason.Errorf(reason.CardUntrusted, "the card's certificate: %s", w)
	}
	if f := issuerFault(cert, anchors, now); f != "" {
		return reason.Errorf(reason.CardUntrusted, "%s", f)
	}
	switch {
	case !validAt(cert, now):
		return reason.Errorf(reason.CardExpired, "the card's certificate is not valid now")
	case cert.IsCA || restricts(cert, x509.KeyUsageDigitalSignature):
		return reason.Errorf(reason.CardUntrusted, "the card's certificate does not allow digitalSignature")
	case len(cert.UnhandledCriticalExtensions) > 0:
		return reason.Errorf(reason.CardUntrusted, "the card's certificate has a critical extension that is not known")
	}
	return nil
}

// issuerFault says why none of anchors may have issued cert, or "" when one did.
func issuerFault(cert *x509.Certificate, anchors []*x509.Certificate, now time.Time) string {
	fault := "the card's certificate does not chain to a card anchor"
	for _, a := range anchors {
		if !issuedCard(a, cert) {
			continue
		}
		if fault = cardAnchorFault(a, now); fault == "" {
			return ""
		}
	}
	return fault
}

func issuedCard(a, cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, a.RawSubject) && identifiers(cert.AuthorityKeyId, a.SubjectKeyId) &&
		weakKey(a.PublicKey) == "" && signedBy(cert, a)
}

func cardAnchorFault(a *x509.Certificate, now time.Time) string {
	switch {
	case !validAt(a, now):
		return "the card anchor is not valid now"
	case !a.BasicConstraintsValid || !a.IsCA || restricts(a, x509.KeyUsageCertSign):
		return "the card anchor is not a CA"
	}
	return ""
}

var errCardSignature = errors.New("trust: the card's signature does not verify")

// VerifyCardSignature checks sig over message with the card's key: RSA PKCS#1 v1.5 or ECDSA (P-256, P-384;
// ASN.1), both over SHA-256.
func VerifyCardSignature(cert *x509.Certificate, message, sig []byte) error {
	if weakKey(cert.PublicKey) != "" {
		return errCardSignature
	}
	digest := sha256.Sum256(message)
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], sig) == nil {
			return nil
		}
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(k, digest[:], sig) {
			return nil
		}
	}
	return errCardSignature
}
