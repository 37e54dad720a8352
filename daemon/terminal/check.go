package terminal

import (
	"honnin/daemon/centre"
	"honnin/daemon/session"
	"honnin/spool/document"
)

// checker is the check as the session sees it. A release signature that verified is handed to the delivery at
// once, so that it is there whenever this transaction's outcome is on its way.
type checker struct {
	*document.Verifier
	deliver *centre.Deliverer
}

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
		c.deliver.Attach(d.Transaction(), s.Bytes())
	}
	return s, err
}
