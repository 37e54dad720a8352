package journal

import (
	"errors"
	"testing"

	"honnin/config/protocol"
)

// TestPoliciesOnlyRise: what was in force, and what the centre wants at least, is known after a restart and never falls; an
// outcome names the policy that was in force.
func TestPoliciesOnlyRise(t *testing.T) {
	j, path := open(t)
	at := func(version uint64) protocol.PolicyRef {
		return protocol.PolicyRef{Version: version, Digest: protocol.Digest{byte(version)}}
	}
	must(t, j, Entry{Kind: Ended, Transaction: protocol.Transaction{1}, Outcome: protocol.Refused, Policy: at(77)}) // not the caller's to say
	for _, version := range []uint64{3, 7} {
		must(t, j, Entry{Kind: PolicyApplied, Policy: at(version)})
		must(t, j, Entry{Kind: PolicyLeast, Least: version + 1})
		must(t, j, Entry{Kind: Ended, Transaction: protocol.Transaction{byte(version)}, Outcome: protocol.Refused})
	}
	for _, e := range []Entry{{Kind: PolicyApplied, Policy: at(7)}, {Kind: PolicyApplied, Policy: at(6)}, {Kind: PolicyApplied},
		{Kind: PolicyLeast, Least: 8}, {Kind: PolicyLeast, Least: 7}, {Kind: PolicyLeast}} {
		if _, err := j.Record(e); !errors.Is(err, ErrState) {
			t.Errorf("%+v: %v", e, err)
		}
	}
	j = reopen(t, j, path)
	if highest, least, err := j.Policy(); highest != at(7) || least != 8 || err != nil {
		t.Errorf("%v, %d, %v", highest, least, err)
	}
	var named []uint64
	if err := j.Each(func(e Entry) error {
		if e.Kind == Ended {
			named = append(named, e.Policy.Version)
		}
		return nil
	}); err != nil || len(named) != 3 || named[0] != 0 || named[1] != 3 || named[2] != 7 {
		t.Errorf("outcomes name %v, %v", named, err)
	}
}
