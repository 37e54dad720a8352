package terminal

import (
	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/spool/document"
)

// checker is the check as the session sees it. A release signature that verified is handed to the delivery at
// once, so that it is there whenever this transaction's outcome is on its way.
type checker struct {
	*document.Verifier
	attach attach
}

// attach hands a release signature to the delivery of its transaction's outcome.
type attach func(t protocol.Transaction, signature []byte)

var _ session.Verifier = checker{}

func (c checker) CheckCard(certificate []byte) error {
	card, err := document.ParseCard(certificate)
	if err != nil {
		return err
	}
	return c.Verifier.CheckCard(card)
}

func (c checker) ReleaseSignature(d document.Verified, signature []byte) (document.ReleaseSignature, error) {
	s, err := c.Verifier.ReleaseSignature(d, signature)
	if err == nil {
		c.attach(d.Transaction(), s.Bytes())
	}
	return s, err
}
