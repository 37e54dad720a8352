package card

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
)

// digestInfo is the DER of a DigestInfo for SHA-256 up to the digest (RFC 8017 §9.2, note 1).
var digestInfo = []byte{
	0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
}

const maxSignature = 1024 // bytes: RSA of 8192 bits

// Sign has the card sign SHA-256 of message with the user-authentication key: RSASSA-PKCS1-v1_5, or ECDSA in its
// ASN.1 form, as the certificate's key is. The PIN must have been verified on this Card. The certificate is read
// unless it was before, and the signature is returned only if it verifies under it, otherwise [ErrSignature], or
// [ErrChanged] where another card lies there.
func (c *Card) Sign(ctx context.Context, message []byte) ([]byte, error) {
	if c.certified == nil {
		if _, err := c.Certificate(ctx); err != nil {
			return nil, err
		}
	}
	if !c.verified {
		return nil, ErrNotVerified
	}
	input, algorithm, err := toBeSigned(c.certified, message)
	if err != nil {
		return nil, err
	}
	signature, err := c.sign(ctx, input, func(signature []byte) error {
		if c.certified.CheckSignature(algorithm, message, signature) != nil {
			return ErrSignature
		}
		return nil
	})
	if errors.Is(err, ErrNotVerified) {
		c.verified = false
	}
	if err != nil {
		return nil, c.suspect(ctx, err)
	}
	return signature, nil
}

// toBeSigned returns what the card has to sign for a message, by the certificate's key.
func toBeSigned(cert *x509.Certificate, message []byte) ([]byte, x509.SignatureAlgorithm, error) {
	digest := sha256.Sum256(message)
	switch cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return append(append([]byte(nil), digestInfo...), digest[:]...), x509.SHA256WithRSA, nil
	case *ecdsa.PublicKey:
		return digest[:], x509.ECDSAWithSHA256, nil
	}
	return nil, 0, malformed("a certificate for a %s key, which this terminal does not know", cert.PublicKeyAlgorithm)
}

// sign names the key by short file identifier while that works, and by SELECT otherwise. Signing twice harms
// nobody, and a signature that check refuses never leaves.
func (c *Card) sign(ctx context.Context, input []byte, check func([]byte) error) (signature []byte, err error) {
	compute := func(reference byte) error {
		if signature, err = c.compute(ctx, reference, input); err != nil {
			return err
		}
		return check(signature)
	}
	err = c.eitherWay(ctx, &c.can.SignByShortID,
		func() error { return compute(0x80 | fileKey) },
		func() error {
			if err := c.choose(ctx, fileKey); err != nil {
				return err
			}
			return compute(0x80)
		})
	return signature, err
}

// compute sends PERFORM SECURITY OPERATION in the JPKI application's own class.
func (c *Card) compute(ctx context.Context, reference byte, input []byte) ([]byte, error) {
	signature, err := c.exchange(ctx, command{
		name: "COMPUTE SIGNATURE", cla: 0x80, ins: 0x2A, p2: reference, data: input, le: maxShort, most: maxSignature, repeat: true,
	})
	if s := (*StatusError)(nil); errors.As(err, &s) && s.SW == swUnverified {
		return nil, fmt.Errorf("%w: %w", ErrNotVerified, s)
	}
	return signature, err
}
