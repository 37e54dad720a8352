package technician

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/daemon/durable"
	"honnin/ui/console"
)

// What the doctor found is kept for the next technician, in a file of the state directory: of the visit that is under way, and of the last
// one before it in which the doctor was asked. It holds words and times. Where it cannot be kept or read, nothing is said to have changed.

const (
	foundFile = "console.doctor"
	longFound = 64 << 10 // bytes
)

// checkup is what the doctor found when it was asked last in a visit.
type checkup struct {
	Visit  string              `json:"visit"`
	Looked time.Time           `json:"looked"`
	Found  map[string][]result `json:"found"` // of each check; sorted
}

// result is what a check found of one thing.
type result struct {
	State string `json:"state"`
	Why   string `json:"why,omitzero"`
}

func (r result) compare(o result) int {
	return cmp.Or(cmp.Compare(r.State, o.State), cmp.Compare(r.Why, o.Why))
}

// checkups are the newest, and that of a visit before.
type checkups struct {
	Now    checkup `json:"now"`
	Before checkup `json:"before"`
}

// turn is a check that turned out otherwise than before; "" is nothing that it found.
type turn struct{ check, was, is string }

// turned keeps what was found in the visit of who sits here, and says what was found otherwise in the one before, and when that was.
func (m *Machine) turned(found []finding) ([]turn, time.Time) {
	path, kept := filepath.Join(m.o.Site.State, foundFile), checkups{}
	if b, err := bounded(path, longFound); err != nil || len(b) > longFound || json.Unmarshal(b, &kept) != nil {
		kept = checkups{}
	}
	if kept.Now.Visit != m.sitting {
		kept.Before = kept.Now
	}
	kept.Now = checkup{m.sitting, m.lookedAt().UTC(), results(found)}
	var all []turn
	for _, c := range checks() {
		was, is := kept.Before.Found[c.name], kept.Now.Found[c.name]
		if len(was) > 0 && len(is) > 0 { // or one of two versions does not make this check
			all = append(all, between(c.name, was, is)...)
		}
	}
	if b, err := json.Marshal(kept, json.Deterministic(true)); err == nil {
		_ = durable.Replace(durable.Real{}, path, b) // a disk that takes nothing is the doctor's first check
	}
	return all, kept.Before.Looked
}

// results are what the checks found; what one found of each of several things is summed up in its own.
func results(found []finding) map[string][]result {
	all := map[string][]result{}
	for _, f := range found {
		if f.of == "" {
			all[f.check] = append(all[f.check], result{f.state, plainWord(f.why)})
		}
	}
	for _, r := range all {
		slices.SortFunc(r, result.compare)
	}
	return all
}

// between pairs what a check does not find any more with what it found only now.
func between(check string, was, is []result) (all []turn) {
	lost := slices.DeleteFunc(slices.Clone(was), func(r result) bool { return slices.Contains(is, r) })
	come := slices.DeleteFunc(slices.Clone(is), func(r result) bool { return slices.Contains(was, r) })
	for i := range max(len(lost), len(come)) {
		var a, b result
		if i < len(lost) {
			a = lost[i]
		}
		if i < len(come) {
			b = come[i]
		}
		if a.Why == b.Why { // for the same reason it is better now, or worse
			a.Why, b.Why = "", ""
		}
		all = append(all, turn{check, cmp.Or(a.Why, a.State), cmp.Or(b.Why, b.State)})
	}
	return all
}

// turns shows what turned out otherwise.
func turns(a *console.Answer, all []turn, looked time.Time) error {
	for _, t := range all {
		if err := a.Row("doctor.turned", word(t.check), word(t.was), word(t.is), console.At(looked)); err != nil {
			return err
		}
	}
	return nil
}
