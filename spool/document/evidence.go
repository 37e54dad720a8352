package document

import "honnin/config/protocol"

// Evidence is what an incident may say of this document: it was signed and read, and passed the whole check.
func (v Verified) Evidence() protocol.Evidence {
	if v.p == nil {
		return protocol.Evidence{}
	}
	return protocol.Evidence{SignedBy: protocol.Fingerprint(v.p.signer.Certificate.Raw), SignedAt: protocol.At(v.p.signer.SigningTime)}.Read(v.p.statement)
}

// evidence is what was learned of a package up to its refusal, after all rows were read: of the signer once the signature held
// under a certificate that chains to an anchor, of the statement once every row held that says whose bytes these are.
func (c *check) evidence() (e protocol.Evidence) {
	if c.candidate == nil || c.signature() != nil {
		return e
	}
	if s := c.candidate.Signer(); s.Certificate != nil {
		e.SignedBy, e.SignedAt = protocol.Fingerprint(s.Certificate.Raw), protocol.At(s.SigningTime)
	}
	if s, err := c.said(); err == nil {
		e = e.Read(s)
	}
	return e
}

// signature says what is wrong with the signature, the attributes it covers and the certificate's way to an anchor; not with its
// time, its use or its revocation.
func (c *check) signature() error {
	for _, row := range []func() error{c.candidate.CheckSigners, c.candidate.CheckAlgorithms, c.candidate.CheckAttributes, c.candidate.CheckSignature, c.candidate.CheckChain} {
		if err := row(); err != nil {
			return err
		}
	}
	return nil
}
