package provision

import (
	"slices"

	"honnin/config/policy/signed"
)

// repair writes anew what the walk to the policy in force needs and is damaged or gone, out of what was brought: the same version,
// signed by the same keys; or those that lead to its keys. (The journal knows its digest: see daemon/terminal.)
func (s *Store) repair(brought []signed.Bundle, n Note) error {
	kept, err := s.find()
	if err != nil {
		return err
	}
	w := s.start()
	for i, k := range kept {
		if s.next(&w, k) == nil {
			continue
		}
		if !slices.ContainsFunc(kept[i:], stored.wasApplied) {
			return nil
		}
		if err := s.restore(&w, k, brought, n); err != nil {
			return err
		}
		if k, err = findSlot(k.dir); err != nil || s.next(&w, k) != nil {
			return err
		}
	}
	return nil
}

// restore writes what is missing before a slot, and the slot itself where that is damaged.
func (s *Store) restore(w *walked, k stored, brought []signed.Bundle, n Note) error {
	for _, p := range missing(*w, k, brought) {
		if err := s.put(p, n); err != nil {
			return err
		}
		back, err := findSlot(s.slot(p.Head.Version))
		if err == nil {
			err = s.next(w, back)
		}
		if err != nil {
			return err
		}
	}
	if p := again(k, brought, w.keys); p != nil {
		return s.mend(k, p, n)
	}
	return nil
}

// again finds a slot's policy among what was brought.
func again(k stored, brought []signed.Bundle, keys signed.Keys) *signed.Policy {
	return lowest(brought, keys, func(p *signed.Policy) bool { return p.Head.Version == k.version })
}

// missing finds those that rotated the keys between the last slot that is good and k, whose keys they lead to.
func missing(w walked, k stored, brought []signed.Bundle) (found []*signed.Policy) {
	keys, above := w.keys, uint64(0)
	if n := len(w.slots); n > 0 {
		above = w.slots[n-1].Head.Version
	}
	for {
		if _, _, err := k.open(keys); err == nil || again(k, brought, keys) != nil {
			return found
		}
		p := lowest(brought, keys, func(p *signed.Policy) bool {
			return p.Rotates && above < p.Head.Version && p.Head.Version < k.version
		})
		if p == nil {
			return nil
		}
		found, keys, above = append(found, p), signed.KeysOf(p.Head.Keys), p.Head.Version
	}
}

// lowest finds the first version among what was brought that some keys open, and that is what is looked for.
func lowest(brought []signed.Bundle, keys signed.Keys, is func(*signed.Policy) bool) (found *signed.Policy) {
	for _, b := range brought {
		if p, err := keys.Open(b); err == nil && is(p) && (found == nil || p.Head.Version < found.Head.Version) {
			found = p
		}
	}
	return found
}
