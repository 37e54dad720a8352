package technician

import (
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/identity"
	"honnin/spool/journal"
)

// TestWhatExpiresWhen: the report says when the policy and the first of the keys end, and of nothing else; how many impressions there were
// since the journal began; and with which key it is signed.
func TestWhatExpiresWhen(t *testing.T) {
	r := newRuled(t)
	r.keeps(t, append(printed(2), printed(1)...)...)
	ends := map[any]any{"policy": r.begun.Add(45 * 24 * time.Hour).Format(time.RFC3339), "keys": r.begun.Add(20 * 24 * time.Hour).Format(time.RFC3339)}
	parts := rows(t, r.Machine, "report", "report.part")
	for _, p := range parts {
		if p["expires"] != ends[p["part"]] {
			t.Errorf("%v, want %v", p, ends[p["part"]])
		}
		delete(ends, p["part"])
	}
	if len(ends) > 0 || len(parts) < len(checks()) {
		t.Errorf("no %v in %v", ends, parts)
	}
	if s := rows(t, r.Machine, "report", "report.sheets"); len(s) != 1 || s[0]["impressions"] != 3.0 || s[0]["since"] != r.begun.Format(time.RFC3339) {
		t.Errorf("%v", s)
	}
	states, err := r.keyStates()
	if err != nil || states[1].Use != identity.Signing || states[1].Key == states[0].Key {
		t.Fatal(states, err)
	}
	if s := rows(t, r.Machine, "report", "report.signed"); len(s) != 1 || s[0]["key"] != states[1].Key.String() || s[0]["terminal"] != "JP-99-000001" || s[0]["report"] == nil {
		t.Errorf("%v", s)
	}
}

// printed is a transaction that came out on paper.
func printed(impressions int) []journal.Entry {
	tx, doc := protocol.NewTransaction(), protocol.Digest{1}
	return []journal.Entry{{Kind: journal.Accepted, Transaction: tx, Document: doc, Of: impressions}, {Kind: journal.Sending, Transaction: tx, Document: doc},
		{Kind: journal.Ended, Transaction: tx, Document: doc, Outcome: protocol.Printed, Impressions: impressions}}
}
