package signed

import (
	"errors"
	"slices"
)

// Start is where a chain begins: the last policy that is here, or the root on a machine that has none.
type Start struct {
	Root Keys
	Last *Policy // nil: none yet, and the first may be of any version
}

// Extend finds the bundles that come after the start, each opened by the keys of the one before, whatever order they are
// brought in. It returns at least one, or why there is none. left is why others were left out: a stick carries old ones
// for terminals that are behind, so that is no fault; but people should hear of it.
func (s Start) Extend(brought ...Bundle) (added []*Policy, left []error, err error) {
	var rest []looked
	for _, b := range brought {
		rest = append(rest, look(b))
	}
	for {
		next, i, faults, err := s.next(rest)
		switch {
		case err != nil:
			return nil, faults, err
		case next == nil && len(added) == 0:
			return nil, faults, clearest(faults)
		case next == nil:
			return added, faults, nil
		}
		rest = slices.Delete(rest, i, i+1)
		added, s.Last = append(added, next), next
	}
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

// clearest is the fault that says most: what only an authentic policy can be told, and of these what is new.
func clearest(faults []error) error {
	order := []Code{Fork, Gap, Malformed, Here, Rollback, Unsigned}
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
