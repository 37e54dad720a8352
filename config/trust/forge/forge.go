// Package forge makes CMS messages with every part laid open, right ones and wrong ones: it is the attacker and the
// buggy issuer of the tests and of the vectors' generator, and is never linked into honnind.
//
// It shares no code with config/trust or config/trust/sign, so that a misreading of the standards there is not
// repeated here. [New] gives a message that the profile accepts; a test changes one part and asks for the bytes;
// whatever is left of the attributes is then signed afresh, as someone with the key could.
package forge

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	_ "crypto/md5" // hashes that are to be refused
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"time"
)

// CMS is SignedData, part by part. Parts are DER unless said otherwise.
type CMS struct {
	Version      int
	Digests      [][]byte // AlgorithmIdentifiers
	ContentType  asn1.ObjectIdentifier
	Content      []byte   // the bytes, not DER; nil is detached
	Certificates [][]byte // nil leaves the whole field out
	CRLs         [][]byte
	Signers      []*Signer
	Unsorted     bool   // leave sets as they are
	After        []byte // stands behind the signers
}

// Signer is SignerInfo, part by part.
type Signer struct {
	Version    int
	Name       []byte // SignerIdentifier
	Digest     []byte // AlgorithmIdentifier
	Attributes []Attribute
	Unsorted   bool
	Bare       bool   // no signed attributes: the signature is over the content
	Algorithm  []byte // AlgorithmIdentifier of the signature
	Unsigned   []Attribute
	Key        crypto.Signer
	Hash       crypto.Hash // what the key signs with; [New] puts the same everywhere
	PSS        *rsa.PSSOptions
	Signature  []byte // instead of one made with Key
}

// Attribute is an attribute and its DER values.
type Attribute struct {
	Name   asn1.ObjectIdentifier
	Values [][]byte
}

// Identifiers that a forger needs.
var (
	Data               = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	SignedData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	ContentType        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	MessageDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	SigningTime        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	Countersignature   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6}
	SMIMECapabilities  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}
	SigningCertificate = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	TimeStampToken     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	RSA                = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	PSS                = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	MGF1               = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	Ed25519            = asn1.ObjectIdentifier{1, 3, 101, 112}
	HashOf             = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.MD5: {1, 2, 840, 113549, 2, 5}, crypto.SHA1: {1, 3, 14, 3, 2, 26}, crypto.SHA224: {2, 16, 840, 1, 101, 3, 4, 2, 4},
		crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
	}
	ecdsaOf = map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1: {1, 2, 840, 10045, 4, 1}, crypto.SHA224: {1, 2, 840, 10045, 4, 3, 1},
		crypto.SHA256: {1, 2, 840, 10045, 4, 3, 2}, crypto.SHA384: {1, 2, 840, 10045, 4, 3, 3}, crypto.SHA512: {1, 2, 840, 10045, 4, 3, 4},
	}
)

// New makes a message as the profile wants it.
func New(content []byte, cert *x509.Certificate, key crypto.Signer, h crypto.Hash, at time.Time) *CMS {
	s := &Signer{
		Version: 1, Name: IssuerAndSerial(cert.RawIssuer, cert.SerialNumber), Digest: Algorithm(HashOf[h]),
		Algorithm: signatureAlgorithm(key, h), Key: key, Hash: h,
	}
	s.Attributes = []Attribute{
		{ContentType, [][]byte{OID(Data)}}, {SigningTime, [][]byte{UTCTime(at)}},
		{SigningCertificate, [][]byte{SigningCertificateV2(ESSCertID(h, cert.Raw))}}, {MessageDigest, [][]byte{OctetString(sum(h, content))}},
	}
	return &CMS{Version: 1, Digests: [][]byte{Algorithm(HashOf[h])}, ContentType: Data, Content: content,
		Certificates: [][]byte{cert.Raw}, Signers: []*Signer{s}}
}

func signatureAlgorithm(key crypto.Signer, h crypto.Hash) []byte {
	switch key.Public().(type) {
	case *rsa.PublicKey:
		return Algorithm(RSA, Null())
	case ed25519.PublicKey:
		return Algorithm(Ed25519)
	}
	return Algorithm(ecdsaOf[h])
}

// SetPSS makes an RSA signer sign with PSS; salt is its length in bytes, mask the hash of MGF1.
func (s *Signer) SetPSS(h, mask crypto.Hash, salt int) {
	s.Hash, s.PSS = h, &rsa.PSSOptions{SaltLength: salt, Hash: h}
	s.Algorithm = Algorithm(PSS, Sequence(
		TLV(0xa0, Algorithm(HashOf[h], Null())), TLV(0xa1, Algorithm(MGF1, Algorithm(HashOf[mask], Null()))), TLV(0xa2, Integer(int64(salt)))))
}

// Set replaces an attribute's values, or adds the attribute.
func (s *Signer) Set(name asn1.ObjectIdentifier, values ...[]byte) {
	s.Drop(name)
	s.Add(name, values...)
}

// Add adds an attribute, also a second of the same name.
func (s *Signer) Add(name asn1.ObjectIdentifier, values ...[]byte) {
	s.Attributes = append(s.Attributes, Attribute{name, values})
}

// Drop takes an attribute out.
func (s *Signer) Drop(name asn1.ObjectIdentifier) {
	s.Attributes = slices.DeleteFunc(s.Attributes, func(a Attribute) bool { return a.Name.Equal(name) })
}

// SignedAttributes returns what the signature is over: the attributes as a SET.
func (s *Signer) SignedAttributes() []byte { return attributes(0x31, s.Attributes, s.Unsorted) }

// DER returns the whole message.
func (c *CMS) DER() []byte {
	encap := OID(c.ContentType)
	if c.Content != nil {
		encap = append(encap, TLV(0xa0, OctetString(c.Content))...)
	}
	parts := [][]byte{Integer(int64(c.Version)), c.set(0x31, c.Digests), TLV(0x30, encap)}
	if c.Certificates != nil {
		parts = append(parts, c.set(0xa0, c.Certificates))
	}
	if c.CRLs != nil {
		parts = append(parts, c.set(0xa1, c.CRLs))
	}
	var signers [][]byte
	for _, s := range c.Signers {
		signers = append(signers, s.DER(c.Content))
	}
	parts = append(parts, c.set(0x31, signers), c.After)
	return Sequence(OID(SignedData), TLV(0xa0, Sequence(parts...)))
}

func (c *CMS) set(tag byte, elements [][]byte) []byte { return set(tag, elements, c.Unsorted) }

func set(tag byte, elements [][]byte, unsorted bool) []byte {
	e := slices.Clone(elements)
	if !unsorted {
		slices.SortFunc(e, bytes.Compare)
	}
	return TLV(tag, e...)
}

func attributes(tag byte, list []Attribute, unsorted bool) []byte {
	var out [][]byte
	for _, a := range list {
		out = append(out, Sequence(OID(a.Name), set(0x31, a.Values, false)))
	}
	return set(tag, out, unsorted)
}

// DER returns SignerInfo for a content.
func (s *Signer) DER(content []byte) []byte {
	parts := [][]byte{Integer(int64(s.Version)), s.Name, s.Digest}
	signed := content
	if !s.Bare {
		signed = s.SignedAttributes()
		parts = append(parts, attributes(0xa0, s.Attributes, s.Unsorted))
	}
	signature := s.Signature
	if signature == nil {
		signature = s.sign(signed)
	}
	parts = append(parts, s.Algorithm, OctetString(signature))
	if s.Unsigned != nil {
		parts = append(parts, attributes(0xa1, s.Unsigned, false))
	}
	return Sequence(parts...)
}

func (s *Signer) sign(b []byte) []byte {
	var opts crypto.SignerOpts = s.Hash
	source := rand.Reader
	switch s.Key.Public().(type) {
	case ed25519.PublicKey:
		return must(s.Key.Sign(source, b, crypto.Hash(0)))
	case *ecdsa.PublicKey:
		source = nil // deterministic
	case *rsa.PublicKey:
		if s.PSS != nil {
			opts = s.PSS
		}
	}
	return must(s.Key.Sign(source, sum(s.Hash, b), opts))
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// must ends a test that cannot forge what it wants to.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// IssuerAndSerial encodes the usual SignerIdentifier.
func IssuerAndSerial(issuer []byte, serial *big.Int) []byte {
	return Sequence(issuer, must(asn1.Marshal(serial)))
}

// ESSCertID encodes ESSCertIDv2 for a certificate, without IssuerSerial unless given.
func ESSCertID(h crypto.Hash, cert []byte, issuerSerial ...[]byte) []byte {
	digest := OctetString(sum(h, cert))
	tail := bytes.Join(issuerSerial, nil)
	if h == crypto.SHA256 {
		return Sequence(digest, tail)
	}
	return Sequence(Algorithm(HashOf[h]), digest, tail)
}

// SigningCertificateV2 encodes the attribute's value.
func SigningCertificateV2(ids ...[]byte) []byte { return Sequence(Sequence(ids...)) }

// Algorithm encodes an AlgorithmIdentifier.
func Algorithm(name asn1.ObjectIdentifier, params ...[]byte) []byte {
	return Sequence(append([][]byte{OID(name)}, params...)...)
}

// OID encodes an OBJECT IDENTIFIER.
func OID(o asn1.ObjectIdentifier) []byte { return must(asn1.Marshal(o)) }

// Integer encodes an INTEGER.
func Integer(n int64) []byte { return must(asn1.Marshal(n)) }

// Null encodes NULL.
func Null() []byte { return []byte{5, 0} }

// OctetString encodes an OCTET STRING.
func OctetString(b []byte) []byte { return TLV(4, b) }

// UTCTime encodes a time in whole seconds.
func UTCTime(t time.Time) []byte { return TLV(0x17, []byte(t.UTC().Format("060102150405Z"))) }

// Sequence encodes a SEQUENCE of parts.
func Sequence(parts ...[]byte) []byte { return TLV(0x30, parts...) }

// TLV encodes a value with its shortest definite length.
func TLV(tag byte, parts ...[]byte) []byte {
	b := bytes.Join(parts, nil)
	return slices.Concat([]byte{tag}, length(len(b)), b)
}

func length(n int) []byte {
	if n < 0x80 {
		return []byte{byte(n)}
	}
	digits := big.NewInt(int64(n)).Bytes()
	return append([]byte{0x80 | byte(len(digits))}, digits...)
}

// Indefinite rewrites the outermost value with indefinite length (BER).
func Indefinite(der []byte) []byte {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		panic(err)
	}
	return slices.Concat(der[:1], []byte{0x80}, outer.Bytes, []byte{0, 0})
}
