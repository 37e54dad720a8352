package signed

import (
	"errors"
	"slices"

	"honnin/config/protocol"
)

// Start is where a chain begins: the last policy that is here, or the root on a machine that has none.
type Start struct {
	Root Keys
	Last *Policy // nil: none yet, and the first may be of any version
}

// Extend finds the bundles that come after the start, each opened by the keys of the one before, whatever order they are
// brought in. It returns at least one, or why there is none. left is why others were left out: a stick carries old ones
// for terminals that are behind, so that is no fault where they are [Old]; but people should hear of it.
func (s Start) Extend(brought ...Bundle) (added []*Policy, left []error, err error) {
	var rest []looked
	for _, b := range brought {
		rest = append(rest, look(b))
	}
	var past []protocol.Digest
	if s.Last != nil {
		past = append(past, s.Last.Head.Previous)
	}
	for {
		next, i, faults, err := s.next(rest)
		switch {
		case err != nil:
			return nil, faults, err
		case next == nil && len(added) == 0:
			s.outdated(past, rest, faults)
			return nil, faults, clearest(faults)
		case next == nil:
			s.outdated(past, rest, faults)
			return added, faults, nil
		}
		rest = slices.Delete(rest, i, i+1)
		added, s.Last, past = append(added, next), next, append(past, next.Head.Previous)
	}
}

// outdated says of old policies that they are old, whoever might sign then: what is authentic names the one before it,
// which names the one before that. faults are those of rest.
func (s Start) outdated(past []protocol.Digest, rest []looked, faults []error) {
	for ; len(past) > 0; past = past[1:] {
		is := func(b looked) bool { return b.parse != nil && b.digest == past[0] }
		i := slices.IndexFunc(rest, is)
		if i < 0 {
			continue
		}
		p, err := rest[i].parse()
		if err != nil {
			continue
		}
		h, _ := p.Head()
		for i, b := range rest {
			if is(b) {
				faults[i] = refuse(Rollback, "version %d is before version %d, which is here", h.Version, s.Last.Head.Version)
			}
		}
		past = append(past, h.Previous)
	}
}

// Old reports whether a policy was left out for being here, or older than what is here: nothing is lost with it. What else
// is left out nobody could judge here, or it has a place that another has.
func Old(fault error) bool {
	var r *Refusal
	return errors.As(fault, &r) && (r.Code == Here || r.Code == Rollback)
}

// next is the one bundle that follows, and where it is; or no bundle, and the fault of each. Two that follow are an
// error; but on a machine that has none, the highest that the root opens begins.
func (s Start) next(brought []looked) (found *Policy, at int, faults []error, err error) {
	for i, b := range brought {
		p, err := s.open(b)
		switch {
		case err != nil:
			faults = append(faults, err)
		case found == nil:
			found, at = p, i
		case p.Digest == found.Digest:
		case s.Last != nil || p.Head.Version == found.Head.Version:
			return nil, 0, nil, refuse(Fork, "two policies were brought for one place, versions %d and %d", found.Head.Version, p.Head.Version)
		case p.Head.Version > found.Head.Version:
			found, at = p, i
		}
	}
	return found, at, faults, nil
}

func (s Start) open(b looked) (*Policy, error) {
	if s.Last == nil {
		return s.Root.open(b)
	}
	if b.digest == s.Last.Digest { // its own keys may be retired by now
		return nil, refuse(Here, "version %d is here already", s.Last.Head.Version)
	}
	p, err := KeysOf(s.Last.Head.Keys).open(b)
	if err == nil {
		err = p.After(s.Last)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// clearest is the fault that says most: what only an authentic policy can be told, and what may be new before what is old.
func clearest(faults []error) error {
	order := []Code{Fork, Gap, Malformed, Unsigned, Here, Rollback}
	var best error = refuse(Missing, "no policy is here")
	rank := len(order)
	for _, f := range faults {
		var r *Refusal
		if errors.As(f, &r) && slices.Index(order, r.Code) < rank {
			best, rank = f, slices.Index(order, r.Code)
		}
	}
	return best
}
