// Package trust decides whether signed bytes may be believed: the strict CMS verifier of the protocol's
// "Package" table, certification paths to the policy's anchors, and the card's certificate and signatures.
//
// Parties. An issuer (or a register) of a municipality signs; the policy names, for each municipality, the
// anchors its signers chain to, pinned signers, and what was revoked. A [Store] is one such selection: all
// municipalities' issuing anchors for packages, one municipality's register anchors for its answers.
//
// The verifier is hand-written on cryptobyte for exactly one profile, because general PKCS#7 libraries accept
// what must be refused here. A package goes through it in the order of the table:
//
//	m, err := trust.Parse(der)     // DER, structure            package-malformed
//	c := m.Against(store, now)
//	c.CheckSigners()               // exactly one               signature-invalid
//	c.CheckAlgorithms()            // hash, key, chain          signature-weak
//	c.CheckAttributes()            // all present, once, true   signature-invalid
//	c.CheckSignature()             //                           signature-invalid
//	c.CheckChain()                 // some municipality's anchor signer-untrusted
//	c.CheckValidity()              // of the signer             signer-expired
//	c.CheckUse()                   // CAs, key usages           signer-untrusted
//	c.CheckRevocation()            // of the signer             signer-revoked
//	c.CheckMunicipality()          // vouched for by its own    signer-wrong-municipality
//	c.CheckSigningTime(began, skew) //                          package-stale
//
// Each check judges its own row only, so that a caller may go on after a failure to list what else is wrong. A
// check that cannot be judged because an earlier row failed returns [ErrUnjudged]: not true, and not a finding.
// [Verify] is all of it at once.
//
// What can go wrong is in the errors' codes (config/reason). Their details name no subject, no serial number and
// no signature: a certificate is "the signer's" or "a CA's".
package trust

import (
	"crypto/x509"
	"errors"
	"time"

	"honnin/config/protocol"
)

// MaxPackage is the size limit of a package, in bytes.
const MaxPackage = 16 << 20

// ErrUnjudged is returned by a check whose subject does not exist because an earlier row failed (the chain of a
// signer that is not there, the time in an attribute that is missing). It carries no reason code. It is an error
// like any other to whoever only asks whether the check passed.
var ErrUnjudged = errors.New("trust: not judged, an earlier row failed")

// Signer is who signed a package, as far as the rows that were checked say so.
type Signer struct {
	Municipality protocol.Municipality // of the organizationIdentifier, or the pin's
	Certificate  *x509.Certificate
	SigningTime  time.Time
	Pinned       bool
}

// Verify checks every row in order at the instant now: der is a package of this profile whose signer s vouches
// for, signed not before began and not after now, each give or take skew. It returns the content only when every
// row holds. The error carries the reason code of the first row that failed.
func Verify(der []byte, s *Store, began, now time.Time, skew time.Duration) (content []byte, signer Signer, err error) {
	m, err := Parse(der)
	if err != nil {
		return nil, Signer{}, err
	}
	c := m.Against(s, now)
	for _, check := range []func() error{
		c.CheckSigners, c.CheckAlgorithms, c.CheckAttributes, c.CheckSignature,
		c.CheckChain, c.CheckValidity, c.CheckUse, c.CheckRevocation, c.CheckMunicipality,
		func() error { return c.CheckSigningTime(began, skew) },
	} {
		if err := check(); err != nil {
			return nil, Signer{}, err
		}
	}
	return m.Content(), c.Signer(), nil
}
