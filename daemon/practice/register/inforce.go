package register

import (
	"slices"
	"time"

	"honnin/config/protocol"
)

// MaxAge is how long an answer may be believed.
const MaxAge = time.Minute

// Question is what the register is asked at the commit: the terminal's question, and what the centre knows of
// the transaction.
type Question struct {
	Transaction protocol.Transaction
	Nonce       protocol.Nonce  // the transaction's: the key of both hashes
	Applicant   protocol.Digest // fingerprint of the certificate that authenticated
	Certificate protocol.Certificate
	Options     protocol.Options
	Asked       protocol.InForceQuestion
}

// InForce answers, unsigned. Subject hash and content are this register's own: of the record that the token
// names, whoever applied. Where the applicant is not a holder of that record, the hash is of one who is.
func (p *Primary) InForce(q Question) (protocol.InForceAnswer, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.tokens[q.Asked.Token]
	if !ok {
		return protocol.InForceAnswer{}, ErrNotRegistered
	}
	h, fingerprint, err := v.of.answersTo(q.Applicant)
	if err != nil {
		return protocol.InForceAnswer{}, err
	}
	content, err := v.facts.Content(q.Certificate, q.Options, h.person)
	if err != nil {
		return protocol.InForceAnswer{}, err
	}
	now := p.now()
	a := protocol.InForceAnswer{
		Transaction: q.Transaction, Nonce: q.Asked.Nonce, Document: q.Asked.Document,
		Municipality: p.code, Register: v.of.register, Token: v.token,
		SubjectHash: protocol.HashFingerprint(q.Nonce, fingerprint),
		Content:     protocol.HashContent(q.Nonce, content.Canonical()),
		InForce:     v.superseded.IsZero(),
		ThisUpdate:  protocol.At(now), NextUpdate: protocol.At(now.Add(MaxAge)),
	}
	if !a.InForce {
		a.SupersededAt = protocol.At(v.superseded)
	}
	return a, nil
}

// answersTo returns the holder with this fingerprint, or else the first holder who has any.
func (rec *record) answersTo(fingerprint protocol.Digest) (holder, protocol.Digest, error) {
	for _, h := range rec.holders {
		if slices.Contains(h.fingerprints, fingerprint) {
			return h, fingerprint, nil
		}
	}
	for _, h := range rec.holders {
		if len(h.fingerprints) > 0 {
			return h, h.fingerprints[0], nil
		}
	}
	return holder{}, protocol.Digest{}, ErrNotLinked
}
