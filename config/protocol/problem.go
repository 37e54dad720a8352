package protocol

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// Problem is an RFC 9457 problem document. Type is "urn:honnin:problem:" and a word; members beyond these four
// are allowed there and ignored here (RFC 9457, section 3.2).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitzero"`
}

// ProblemPrefix begins every problem type.
const ProblemPrefix = "urn:honnin:problem:"

// The words of the centre's problems.
const (
	ProblemBadRequest     = "bad-request"          // 400: the body, or a header, breaks this protocol
	ProblemUntrusted      = "card-untrusted"       // 403: the certificate does not chain, or the signature is not the card's
	ProblemExpired        = "card-expired"         // 403: the certificate is not valid now
	ProblemRevoked        = "card-revoked"         // 403: the card was revoked
	ProblemSuspended      = "card-suspended"       // 403: the holder had the card suspended
	ProblemNotLinked      = "not-linked"           // 403: no record holds this card's fingerprint; nobody's fault
	ProblemTerminal       = "other-terminal"       // 403: the transaction belongs to another terminal
	ProblemUnknown        = "unknown"              // 404: no such transaction or incident
	ProblemCancelled      = "cancelled"            // 410: the transaction was cancelled, or ran out of time
	ProblemOrder          = "out-of-order"         // 409: a call that this transaction is not ready for
	ProblemConflict       = "idempotency-conflict" // 409: the key was used with another body, or an outcome differs from the recorded one
	ProblemTooLarge       = "too-large"            // 413: a body longer than 64 KiB
	ProblemNotAvailable   = "not-available"        // 422: no such offer, or one that is not available now
	ProblemIssuer         = "issuer-failed"        // 502: the municipality's issuer gave no package; 500, 503: the centre itself cannot answer now
	ProblemRegisterFailed = "register-failed"      // 502: the municipality's register gave no answer
)

// ParseProblem reads a problem document and returns its word. Title and detail are dropped: they are for people
// at the other end, and nothing keeps personal data out of them.
func ParseProblem(b []byte) (word string, status int, err error) {
	var p Problem
	if len(b) > MaxJSON {
		return "", 0, malformed("problem longer than 64 KiB")
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return "", 0, malformed("problem: " + where(err))
	}
	word, ok := strings.CutPrefix(p.Type, ProblemPrefix)
	if !ok || !wordForm.fits(word) || p.Status < 400 || p.Status > 599 {
		return "", 0, malformed("problem: type or status")
	}
	return word, p.Status, nil
}
