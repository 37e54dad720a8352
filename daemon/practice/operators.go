package practice

import (
	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/practice/operator"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/server"
)

// Incidents lists all incidents that the centre knows, newest first.
func (w *World) Incidents() []server.Listed { return w.centre.Incidents() }

// Operators makes the page of those who act on incidents, for a browser that asks for it under one of these names.
func (w *World) Operators(hosts []string) (*operator.Server, error) {
	towns := map[protocol.Municipality]protocol.Names{}
	for _, t := range people.Towns() {
		towns[t.Code] = t.Name
	}
	return operator.New(operator.Options{Hosts: hosts, Centre: w, Towns: towns, Persons: []operator.Person{
		{ID: TakerID, Roles: []policy.Role{policy.Acknowledge}, Certificate: protocol.Fingerprint(w.keys.Taker.Certificate.Raw)},
		{ID: CloserID, Roles: []policy.Role{policy.Acknowledge, policy.Close}, Certificate: protocol.Fingerprint(w.keys.Closer.Certificate.Raw)}}})
}
