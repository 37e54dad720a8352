package main

import (
	"fmt"
	"strings"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/spool/incident"
)

// Who was told of an incident that nobody acknowledged, and what comes next.

// telling is one step of an incident's escalation.
type telling struct {
	Contact string        `json:"contact,omitzero"` // "" where the policy names nobody
	At      protocol.Time `json:"at"`
	Over    bool          `json:"over,omitzero"` // the last deadline had passed
}

// plan is what comes if nobody acknowledges an incident, by the policy in force.
type plan struct {
	Contact string        `json:"contact,omitzero"` // who is told next; "": everybody was
	At      protocol.Time `json:"at,omitzero"`      // when
	Stops   protocol.Time `json:"stops,omitzero"`   // when a service stops; absent where none does, or has
}

// inForce is the policy by which the terminal at a directory goes, or the one that the flag names; nil without either.
func (f *incidentFlags) inForce(dir string) (*policy.Policy, error) {
	if f.policy != "" {
		p, err := policy.Load(f.policy)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		return p, nil
	}
	if dir == "" {
		return nil, nil
	}
	store, _, err := policyStore(dir)
	if err != nil {
		return nil, nil // the incidents are there all the same
	}
	p, _ := store.Load() // escalation goes on by one that has expired
	if p == nil {
		return nil, nil
	}
	return p.Policy, nil
}

// plans says what comes of an incident that is open and that nobody has acknowledged.
func (n *noticed) plans(p *policy.Policy, c incident.Catalogue) {
	if p == nil || n.State != protocol.IncidentOpen {
		return
	}
	var ids []string
	over := false
	for _, t := range n.Told {
		if over = over || t.Over; !t.Over {
			ids = append(ids, t.Contact)
		}
	}
	n.Plan = &plan{}
	if after, contact, more := incident.Next(ids, p.Contacts(n.Municipality), p.Deadlines()); more {
		n.Plan.Contact, n.Plan.At = contact, n.in(after)
	}
	if !over && !n.Stopped && c.Stops(n.Code, n.Municipality) {
		n.Plan.Stops = n.in(p.Deadlines().Stop)
	}
}

func (n *noticed) in(d time.Duration) protocol.Time { return protocol.At(n.Since.Add(d)) }

// heard says it in words.
func (n *noticed) heard() (lines []string) {
	for _, t := range n.Told {
		who := t.Contact
		if who == "" {
			who = "nobody (the policy names no contact)"
		}
		if t.Over {
			who += ", for the last time: nobody acknowledged it in time"
		}
		lines = append(lines, "told "+when(t.At)+": "+who)
	}
	if n.Stopped {
		lines = append(lines, "it stops "+n.service()+" on this terminal until it is closed")
	}
	for _, s := range n.Suspends {
		lines = append(lines, "it stops "+suspends(s)+" on all terminals until it is closed")
	}
	if n.Plan == nil {
		return lines
	}
	switch {
	case n.Plan.Contact != "" && len(n.Told) == 0:
		lines = append(lines, "told within a minute: "+n.Plan.Contact+"; or with another that is alike, if nobody has acknowledged that one either")
	case n.Plan.Contact != "":
		lines = append(lines, fmt.Sprintf("unless somebody acknowledges it, %s is told %s", n.Plan.Contact, when(n.Plan.At)))
	}
	if !n.Plan.Stops.IsZero() {
		lines = append(lines, fmt.Sprintf("and %s stops on this terminal %s", n.service(), when(n.Plan.Stops)))
	}
	return lines
}

// suspends is what a centre has stopped.
func suspends(s protocol.Suspension) string {
	var what []string
	if p := s.Software; p != nil && p.UpTo != "" {
		what = append(what, "what "+p.Name+" issues up to its version "+p.UpTo)
	} else if p != nil {
		what = append(what, "what "+p.Name+" issues")
	}
	if s.Municipality != "" {
		what = append(what, "the service of "+string(s.Municipality))
	}
	return strings.Join(what, " in ")
}

func (n *noticed) service() string {
	if n.Municipality == "" {
		return "every service"
	}
	return "the service of " + string(n.Municipality)
}
