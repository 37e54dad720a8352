package protocol

import (
	"crypto/hmac"
	"crypto/sha256"
)

const subjectPurpose = "honnin subject v1\x00"

// Fingerprint is the SHA-256 of a certificate's DER bytes.
func Fingerprint(certificate []byte) Digest { return sha256.Sum256(certificate) }

// HashSubject ties the holder of certificate (DER) to one nonce. The terminal computes it from the
// certificate on the card, after the card has proved that it holds the key.
func HashSubject(nonce Nonce, certificate []byte) SubjectHash {
	return HashFingerprint(nonce, Fingerprint(certificate))
}

// HashFingerprint is [HashSubject] from a stored fingerprint: the only form an issuer or a register may use,
// because a hash computed from the request proves nothing about the record.
func HashFingerprint(nonce Nonce, fingerprint Digest) (h SubjectHash) {
	m := hmac.New(sha256.New, nonce[:])
	m.Write([]byte(subjectPurpose))
	m.Write(fingerprint[:])
	m.Sum(h[:0])
	return h
}

// HashContent is record.content: an HMAC, keyed with the nonce, over the printed fields in the municipality's
// own canonical form. The terminal compares it with the register's and cannot compute it.
func HashContent(nonce Nonce, canonical []byte) (d Digest) {
	m := hmac.New(sha256.New, nonce[:])
	m.Write(canonical)
	m.Sum(d[:0])
	return d
}

const (
	authenticationPurpose = "honnin authentication v1\x00"
	releasePurpose        = "honnin release v1\x00"
)

// AuthenticationMessage is what the card signs to show that it holds the key, in this transaction.
func AuthenticationMessage(t Terminal, tx Transaction, n Nonce, c Challenge) []byte {
	b := append([]byte(authenticationPurpose), padded(t)...)
	b = append(b, tx[:]...)
	b = append(b, n[:]...)
	return append(b, c[:]...)
}

// ReleaseMessage is what the card signs to release this very document to paper.
func ReleaseMessage(t Terminal, tx Transaction, pdf Digest) []byte {
	b := append([]byte(releasePurpose), padded(t)...)
	b = append(b, tx[:]...)
	return append(b, pdf[:]...)
}

func padded(t Terminal) []byte {
	b := make([]byte, 32)
	copy(b, t)
	return b
}
