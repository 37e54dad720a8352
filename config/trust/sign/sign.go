// Package sign makes what config/trust verifies: packages of the protocol's one CMS profile, and the certificates of
// practice authorities, signers and cards.
//
// It is the signing side for practice issuers and registers and for "honnind package sign". A terminal never signs a
// package. Keys come in through the caller; nothing here reads or keeps one.
package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Options say who signs, how and when.
type Options struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	Chain       []*x509.Certificate // CAs between signer and anchor, carried along; the anchor is not needed
	Hash        crypto.Hash         // SHA-256, SHA-384 or SHA-512; 0 is SHA-256
	PSS         bool                // RSA keys only: RSASSA-PSS instead of PKCS#1 v1.5
	Time        time.Time           // signing time, cut to whole seconds
	Detached    bool                // leave the content out, for trust.VerifyDetached
}

var (
	oidData               = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidSigningCertificate = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidRSA                = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidPSS                = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1               = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
)

var hashOIDs = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
	crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
	crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
}

var ecdsaOIDs = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.SHA256: {1, 2, 840, 10045, 4, 3, 2},
	crypto.SHA384: {1, 2, 840, 10045, 4, 3, 3},
	crypto.SHA512: {1, 2, 840, 10045, 4, 3, 4},
}

// Sign makes a package: DER CMS SignedData with content attached (or not, see Detached), one signer, the four signed attributes, and the
// certificates of signer and chain.
func Sign(content []byte, o Options) ([]byte, error) {
	if o.Hash == 0 {
		o.Hash = crypto.SHA256
	}
	if hashOIDs[o.Hash] == nil {
		return nil, errors.New("sign: hash is not SHA-256, SHA-384 or SHA-512")
	}
	attributes, err := o.attributes(content)
	if err != nil {
		return nil, err
	}
	signature, err := o.sign(attributes)
	if err != nil {
		return nil, err
	}
	return o.encode(content, attributes, signature)
}

// attributes returns the signed attributes as they are signed: a SET in DER order.
func (o Options) attributes(content []byte) ([]byte, error) {
	at := o.Time.UTC().Truncate(time.Second)
	if at.Year() < 1950 || at.Year() > 2049 {
		return nil, errors.New("sign: signing time is outside 1950 to 2049")
	}
	values := []struct {
		name  asn1.ObjectIdentifier
		value func(*cryptobyte.Builder)
	}{
		{oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidData) }},
		{oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(o.sum(content)) }},
		{oidSigningTime, func(b *cryptobyte.Builder) { b.AddASN1UTCTime(at) }},
		{oidSigningCertificate, o.signingCertificate},
	}
	var list [][]byte
	for _, v := range values {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(v.name)
			b.AddASN1(cbasn1.SET, v.value)
		})
		e, err := b.Bytes()
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		list = append(list, e)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SET, sorted(list))
	return b.Bytes()
}

// signingCertificate writes SigningCertificateV2 (RFC 5035 §3); SHA-256 is the default and is left out.
func (o Options) signingCertificate(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				if o.Hash != crypto.SHA256 {
					o.addHash(b)
				}
				b.AddASN1OctetString(o.sum(o.Certificate.Raw))
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(explicit(4), func(b *cryptobyte.Builder) { b.AddBytes(o.Certificate.RawIssuer) })
					})
					b.AddASN1BigInt(o.Certificate.SerialNumber)
				})
			})
		})
	})
}

// sign signs the attributes. Without a source of randomness ECDSA is deterministic (RFC 6979), so that the same input
// makes the same package.
func (o Options) sign(attributes []byte) ([]byte, error) {
	var source io.Reader
	var how crypto.SignerOpts = o.Hash
	switch o.Key.Public().(type) {
	case *rsa.PublicKey:
		source = rand.Reader
		if o.PSS {
			how = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: o.Hash}
		}
	case *ecdsa.PublicKey:
		if o.PSS {
			return nil, errors.New("sign: PSS with an ECDSA key")
		}
	default:
		return nil, errors.New("sign: key is neither RSA nor ECDSA")
	}
	sig, err := o.Key.Sign(source, o.sum(attributes), how)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return sig, nil
}

func (o Options) encode(content, attributes, signature []byte) ([]byte, error) {
	certificates := [][]byte{o.Certificate.Raw}
	for _, c := range o.Chain {
		certificates = append(certificates, c.Raw)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(cbasn1.SET, o.addHash)
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidData)
					if !o.Detached {
						b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
					}
				})
				b.AddASN1(explicit(0), sorted(certificates))
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { o.addSigner(b, attributes, signature) })
			})
		})
	})
	return b.Bytes()
}

func (o Options) addSigner(b *cryptobyte.Builder, attributes, signature []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(o.Certificate.RawIssuer)
			b.AddASN1BigInt(o.Certificate.SerialNumber)
		})
		o.addHash(b)
		implicit := slices.Clone(attributes)
		implicit[0] = byte(explicit(0)) // [0] IMPLICIT stands where SET stands in what is signed
		b.AddBytes(implicit)
		o.addSignatureAlgorithm(b)
		b.AddASN1OctetString(signature)
	})
}

func (o Options) addSignatureAlgorithm(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		switch _, isRSA := o.Key.Public().(*rsa.PublicKey); {
		case !isRSA:
			b.AddASN1ObjectIdentifier(ecdsaOIDs[o.Hash])
		case o.PSS:
			b.AddASN1ObjectIdentifier(oidPSS)
			b.AddASN1(cbasn1.SEQUENCE, o.addPSSParameters)
		default:
			b.AddASN1ObjectIdentifier(oidRSA)
			b.AddASN1NULL()
		}
	})
}

func (o Options) addPSSParameters(b *cryptobyte.Builder) {
	b.AddASN1(explicit(0), o.addHashWithNull)
	b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidMGF1)
			o.addHashWithNull(b)
		})
	})
	b.AddASN1(explicit(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(o.Hash.Size())) })
}

func (o Options) addHash(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(hashOIDs[o.Hash]) })
}

// addHashWithNull is the form that RFC 4055 §2.1 wants inside PSS parameters; elsewhere RFC 5754 §2 leaves NULL out.
func (o Options) addHashWithNull(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(hashOIDs[o.Hash])
		b.AddASN1NULL()
	})
}

func (o Options) sum(b []byte) []byte {
	h := o.Hash.New()
	h.Write(b)
	return h.Sum(nil)
}

func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// sorted writes elements in the order that DER wants of a SET OF, each once.
func sorted(elements [][]byte) func(*cryptobyte.Builder) {
	slices.SortFunc(elements, slices.Compare[[]byte])
	elements = slices.CompactFunc(elements, slices.Equal[[]byte])
	return func(b *cryptobyte.Builder) {
		for _, e := range elements {
			b.AddBytes(e)
		}
	}
}
