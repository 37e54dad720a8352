package protocol

import "slices"

// MaxStormTransactions is how many transactions one event tells of.
const MaxStormTransactions = 64

// Storm is what an event says of incidents that are alike, and that it speaks for: the same in all but when they were, in whose
// visit, and in which transaction. The first of them names the event, and is in it. None of them is told by another event.
type Storm struct {
	Count        uint64        `json:"count"`                 // so many, the first among them: 2 or more
	Through      uint64        `json:"through"`               // the position of the last in the terminal's journal
	Last         Time          `json:"last"`                  // when that was; the event's time is the first's
	Transactions []Transaction `json:"transactions,omitzero"` // all of theirs, each once; absent where there is none
}

func (s Storm) none() bool {
	return s.Count == 0 && s.Through == 0 && s.Last.IsZero() && s.Transactions == nil
}

// check judges what the event id says of a storm.
func (s Storm) check(id IncidentID) error {
	if s.none() {
		return nil
	}
	if _, first, err := id.Place(); err == nil && s.Through < first+s.Count-1 || s.Through < s.Count {
		return malformed("storm: more than there is room for")
	}
	if s.Count < 2 || s.Count > MaxVersion || s.Through > MaxVersion || s.Last.IsZero() || len(s.Transactions) > MaxStormTransactions || uint64(len(s.Transactions)) > s.Count {
		return malformed("storm: count, last or transactions")
	}
	for i, t := range s.Transactions {
		if t.IsZero() || slices.Contains(s.Transactions[:i], t) {
			return malformed("storm: a transaction twice")
		}
	}
	return nil
}

// checkHints judges the incidents that a centre names: each once, and no more than [MaxHints].
func checkHints(all []IncidentID) error {
	if len(all) > MaxHints {
		return malformed("heartbeat's answer: more than 64 incidents")
	}
	for i, id := range all {
		if slices.Contains(all[:i], id) {
			return malformed("heartbeat's answer: an incident twice")
		}
	}
	return nil
}
