package trust

import (
	"time"
)

// Message is a package that is well-formed and nothing more: until the checks have passed, its content and all
// it says are unverified.
type Message struct{ unverified []byte }

// Parse reads the one DER form of a package: at most [MaxPackage] bytes, SignedData version 1, attached id-data
// content, no CRLs, no certificate twice, nothing after it. Errors carry package-malformed.
func Parse(der []byte) (*Message, error) { return nil, ErrUnjudged }

// Content returns the attached bytes, unverified until every check has passed. They alias the input.
func (m *Message) Content() []byte { return m.unverified }

// CheckSigners: exactly one SignerInfo, its certificate in the package, no unsigned attributes [signature-invalid].
func (m *Message) CheckSigners() error { return ErrUnjudged }

// CheckAttributes: content-type, message-digest, signing-time and signing-certificate-v2 are present, each exactly
// once, and true; S/MIME capabilities are ignored, any other attribute is refused [signature-invalid].
func (m *Message) CheckAttributes() error { return ErrUnjudged }

// CheckSignature: the signature over the signed attributes verifies with the signer certificate's key
// [signature-invalid].
func (m *Message) CheckSignature() error { return ErrUnjudged }

// SigningTime returns the signing-time attribute, unverified until every check has passed; ErrUnjudged when it
// is missing or malformed.
func (m *Message) SigningTime() (time.Time, error) { return time.Time{}, ErrUnjudged }
