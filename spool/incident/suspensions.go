package incident

import (
	"honnin/config/protocol"
	"honnin/config/trust"
)

// The doubts about what is said to be suspended.
const (
	SuspensionsUnsigned Doubt = "suspensions-unsigned" // no signature of the one profile that holds, or not over suspensions
	SuspensionsForeign  Doubt = "suspensions-foreign"  // by a key that the policy does not name for the centre
	SuspensionsOther    Doubt = "suspensions-other"    // an answer to another question
)

// Suspensions returns what the centre signed as the answer to the question with this nonce, or a [Doubt]. Whoever asks has to have
// [Judge.Checks].
func (j Judge) Suspensions(nonce protocol.Nonce, der []byte) (protocol.Suspensions, error) {
	content, by, _, err := trust.VerifyAttached(der)
	if err != nil {
		return protocol.Suspensions{}, SuspensionsUnsigned
	}
	s, err := protocol.ParseSuspensions(content)
	switch {
	case err != nil:
		return protocol.Suspensions{}, SuspensionsUnsigned
	case !j.centre(by):
		return protocol.Suspensions{}, SuspensionsForeign
	case s.Nonce != nonce:
		return protocol.Suspensions{}, SuspensionsOther
	}
	return s, nil
}
