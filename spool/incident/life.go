package incident

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust"
)

// Doubt is why something about an incident is not believed: one word, for the journal.
type Doubt string

// The doubts.
const (
	ReceiptUnsigned Doubt = "receipt-unsigned" // no signature of the one profile that holds, or not over a receipt
	ReceiptForeign  Doubt = "receipt-foreign"  // by a key that the policy does not name for the centre
	ReceiptOther    Doubt = "receipt-other"    // for another event
	ReceiptEarly    Doubt = "receipt-early"    // of a time that has not come
	StateUnsigned   Doubt = "state-unsigned"   // no signature of the one profile that holds, or not over a state
	StateOther      Doubt = "state-other"      // of another incident or another terminal
	StateStranger   Doubt = "state-stranger"   // by a key that the policy does not know
	StateRole       Doubt = "state-wrong-role" // by somebody who may do other things, or this elsewhere
	StateExpired    Doubt = "state-expired"    // by somebody who no longer may
	StateEarly      Doubt = "state-early"      // of a time that has not come
	StateReplayed   Doubt = "state-replayed"   // older than what is known, or than the incident itself
	StateBackwards  Doubt = "state-backwards"  // what is acknowledged is not open again, nor acknowledged twice; closed is the end
	NoDoubt         Doubt = ""                 // it is believed
)

func (d Doubt) Error() string { return "incident: " + string(d) }

// Known is what a terminal knows of one of its incidents.
type Known struct {
	ID           protocol.IncidentID
	Event        protocol.Digest       // SHA-256 of the event's bytes
	Again        protocol.Digest       // of the same event's, as this program sends it; zero where no other wrote it
	Municipality protocol.Municipality // "" where it concerns none
	Raised       time.Time
	Told         time.Time       // when it was fixed for how many its event speaks; zero where it is one
	Acknowledged time.Time       // when that was signed; zero: it was not
	Proof        protocol.Digest // of the state by which it was acknowledged
	Closed       bool
}

// is reports whether a digest is the event's.
func (k Known) is(d protocol.Digest) bool {
	return d == k.Event || d == k.Again && d != protocol.Digest{}
}

// Judge believes what is signed by those whom a policy names.
type Judge struct {
	Policy   *policy.Policy
	Terminal protocol.Terminal
	Now      time.Time
}

// Move is what a believed state says that was not known.
type Move struct {
	To    string // [protocol.IncidentAcknowledged] or [protocol.IncidentClosed]; "": nothing new
	By    string // the person's id
	At    protocol.Time
	Proof protocol.Digest // SHA-256 of the signed state
	Cause string          // of a closing; for whoever looks at it, and never to be kept
}

// Checks reports whether the policy names those who sign receipts: without them, a receipt is the centre's word as it comes.
func (j Judge) Checks() bool { return len(j.Policy.CentreSigners()) > 0 }

// Receipt returns the digest of a receipt that the centre signed for this very event, or a [Doubt].
func (j Judge) Receipt(of Known, der []byte) (protocol.Digest, error) {
	content, by, _, err := trust.VerifyAttached(der)
	if err != nil {
		return protocol.Digest{}, ReceiptUnsigned
	}
	r, err := protocol.ParseReceipt(content)
	switch {
	case err != nil:
		return protocol.Digest{}, ReceiptUnsigned
	case !j.centre(by):
		return protocol.Digest{}, ReceiptForeign
	case r.Incident != of.ID || r.Source != j.source() || !of.is(r.Event):
		return protocol.Digest{}, ReceiptOther
	case r.ReceivedAt.After(j.Now.Add(j.Policy.ClockSkew())):
		return protocol.Digest{}, ReceiptEarly
	}
	return sha256.Sum256(der), nil
}

// State returns what a signed state moves, or a [Doubt]. The state that is known already moves nothing.
func (j Judge) State(of Known, der []byte) (Move, error) {
	proof := protocol.Digest(sha256.Sum256(der))
	if !of.Closed && !of.Acknowledged.IsZero() && proof == of.Proof {
		return Move{}, nil
	}
	content, signer, _, err := trust.VerifyAttached(der)
	if err != nil {
		return Move{}, StateUnsigned
	}
	s, err := protocol.ParseIncidentState(content)
	if err != nil {
		return Move{}, StateUnsigned
	}
	if s.Incident != of.ID || s.Source != j.source() || s.Event != (protocol.Digest{}) && !of.is(s.Event) {
		return Move{}, StateOther
	}
	if s.State == protocol.IncidentOpen {
		return Move{}, doubted(j.untouched(of, signer))
	}
	by, doubt := j.person(s.State, of.Municipality, signer)
	if doubt == NoDoubt {
		doubt = j.follows(of, s)
	}
	if doubt != NoDoubt {
		return Move{}, doubt
	}
	return Move{To: s.State, By: by, At: s.At, Proof: proof, Cause: s.Cause}, nil
}

func doubted(d Doubt) error {
	if d == NoDoubt {
		return nil
	}
	return d
}

func (j Judge) source() string { return protocol.SourcePrefix + string(j.Terminal) }

// centre reports whether a key is one of those that the policy names for the centre.
func (j Judge) centre(signer *x509.Certificate) bool {
	key, err := x509.MarshalPKIXPublicKey(signer.PublicKey)
	return err == nil && slices.ContainsFunc(j.Policy.CentreSigners(), func(c *x509.Certificate) bool {
		one, err := x509.MarshalPKIXPublicKey(c.PublicKey)
		return err == nil && bytes.Equal(one, key)
	})
}

// untouched judges the centre's word that nobody has touched an incident.
func (j Judge) untouched(of Known, signer *x509.Certificate) Doubt {
	switch {
	case j.Checks() && !j.centre(signer):
		return StateStranger
	case of.Closed || !of.Acknowledged.IsZero():
		return StateBackwards
	}
	return NoDoubt
}

// role is what a person needs for a state.
var role = map[string]policy.Role{protocol.IncidentAcknowledged: policy.Acknowledge, protocol.IncidentClosed: policy.Close}

// person names who signed, if the policy lets that person do this: at this terminal, for this municipality, now.
func (j Judge) person(state string, m protocol.Municipality, signer *x509.Certificate) (string, Doubt) {
	key, err := x509.MarshalPKIXPublicKey(signer.PublicKey)
	if err != nil {
		return "", StateStranger
	}
	find := func(all []policy.Person) (string, bool) {
		i := slices.IndexFunc(all, func(p policy.Person) bool { return bytes.Equal(p.SPKI, key) })
		if i < 0 {
			return "", false
		}
		return all[i].ID, true
	}
	if id, is := find(j.Policy.Persons(role[state], j.Terminal, m, j.Now)); is {
		return id, NoDoubt
	}
	if _, was := find(j.Policy.Persons(role[state], j.Terminal, m, time.Time{})); was {
		return "", StateExpired
	}
	if j.Policy.HasKey(key) {
		return "", StateRole
	}
	return "", StateStranger
}

// follows holds a person's state against what is known.
func (j Judge) follows(of Known, s protocol.IncidentState) Doubt {
	skew := j.Policy.ClockSkew()
	switch {
	case s.At.After(j.Now.Add(skew)):
		return StateEarly
	case of.Closed, s.State == protocol.IncidentAcknowledged && !of.Acknowledged.IsZero():
		return StateBackwards
	case s.Event == (protocol.Digest{}) && s.At.Before(of.Told): // by whom knew the first, and not how many they are
		return StateReplayed
	case s.At.Before(of.Raised.Add(-skew)), s.At.Before(of.Acknowledged.Add(-skew)):
		return StateReplayed
	}
	return NoDoubt
}
