package protocol_test

import (
	"errors"
	"testing"

	"honnin/config/protocol"
)

// TestStorm: what an event may say of those that it speaks for, and what not.
func TestStorm(t *testing.T) {
	one, two := protocol.Transaction{1}, protocol.Transaction{2}
	many := make([]protocol.Transaction, protocol.MaxStormTransactions+1)
	for i := range many {
		many[i] = protocol.Transaction{3, byte(i)}
	}
	for name, c := range map[string]struct {
		storm protocol.Storm
		ok    bool
	}{
		"none":                    {protocol.Storm{}, true},
		"two, next to each other": {protocol.Storm{Count: 2, Through: 18, Last: at}, true},
		"as many as can be":       {protocol.Storm{Count: 1000, Through: protocol.MaxVersion, Last: at, Transactions: many[:64]}, true},
		"one":                     {protocol.Storm{Count: 1, Through: 18, Last: at}, false},
		"no count":                {protocol.Storm{Through: 18, Last: at}, false},
		"never":                   {protocol.Storm{Count: 2, Through: 18}, false},
		"no room for three":       {protocol.Storm{Count: 3, Through: 18, Last: at}, false},
		"before the first":        {protocol.Storm{Count: 2, Through: 3, Last: at}, false},
		"too many":                {protocol.Storm{Count: 1 << 53, Through: 1 << 60, Last: at}, false},
		"too many transactions":   {protocol.Storm{Count: 1000, Through: 2000, Last: at, Transactions: many}, false},
		"more than incidents":     {protocol.Storm{Count: 2, Through: 18, Last: at, Transactions: many[:3]}, false},
		"a transaction twice":     {protocol.Storm{Count: 9, Through: 99, Last: at, Transactions: []protocol.Transaction{one, two, one}}, false},
		"a transaction of zeros":  {protocol.Storm{Count: 9, Through: 99, Last: at, Transactions: []protocol.Transaction{{}}}, false},
	} {
		b, err := protocol.EncodeBody(protocol.NewEvent("t-1-17-01020304", "T-1", at, protocol.IncidentData{Code: "fault", Class: "fault", Storm: c.storm}))
		if err != nil {
			t.Fatal(err)
		}
		got, err := protocol.ParseEvent(b)
		if c.ok && (err != nil || got.Data.Storm.Count != c.storm.Count) || !c.ok && !errors.Is(err, protocol.ErrFormat) {
			t.Errorf("%s: %+v %v", name, got.Data.Storm, err)
		}
	}
}

// TestHints: a heartbeat's answer names each incident once, and no more than 64.
func TestHints(t *testing.T) {
	var all []protocol.IncidentID
	for i := range protocol.MaxHints + 1 {
		all = append(all, protocol.NameIncident("T-1", protocol.JournalHead{Position: uint64(i + 1)}))
	}
	for n, ok := range map[int]bool{0: true, 1: true, protocol.MaxHints: true, protocol.MaxHints + 1: false} {
		if err := (protocol.HeartbeatAnswer{Incidents: all[:n]}).Check(); (err == nil) != ok {
			t.Errorf("%d: %v", n, err)
		}
	}
	if err := (protocol.HeartbeatAnswer{Incidents: []protocol.IncidentID{"a", "b", "a"}}).Check(); !errors.Is(err, protocol.ErrFormat) {
		t.Errorf("one twice: %v", err)
	}
}
