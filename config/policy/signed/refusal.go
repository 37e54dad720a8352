package signed

import "fmt"

// Code says in one word why a policy is not taken. It is not a reason for refusing a document (config/reason).
type Code string

// The codes.
const (
	Missing       Code = "policy-missing"        // there is none
	Malformed     Code = "policy-malformed"      // signed, or not yet, and no policy
	Unsigned      Code = "policy-unsigned"       // fewer distinct keys signed this text than are needed
	Here          Code = "policy-here"           // this very policy is here already: nothing is wrong
	Rollback      Code = "policy-rollback"       // older than what is here
	Fork          Code = "policy-fork"           // another policy has its place already, or wants it too
	Gap           Code = "policy-gap"            // does not name the digest of the policy before
	OtherTerminal Code = "policy-other-terminal" // for others
	Early         Code = "policy-early"          // before not_before
	Practice      Code = "policy-practice"       // with anchors of a practice world, at a real terminal
	Expired       Code = "policy-expired"        // at or after expires
)

// Codes lists all of them.
func Codes() []Code {
	return []Code{Missing, Malformed, Unsigned, Here, Rollback, Fork, Gap, OtherTerminal, Early, Practice, Expired}
}

// Refusal is why a policy is not taken. Its words name keys, versions, terminals and files, and quote nothing.
type Refusal struct {
	Code Code
	Err  error
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(c Code, format string, args ...any) error {
	return &Refusal{c, fmt.Errorf(format, args...)}
}
