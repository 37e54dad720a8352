package journal

// near is how far behind one entry the next may be to be read in one go with it.
const near = 1024

// Several calls f with the entries at these rising positions. It reads what is between two that are near each other, and little
// else: asking for each of many by itself ([Journal.At]) would open a seal for each. An error is [ErrNoEntry] for a position that the
// journal does not have.
func Several(j interface {
	After(position uint64, f func(Entry) (more bool, err error)) error
}, at []uint64, f func(Entry)) error {
	for len(at) > 0 {
		before := len(at)
		err := j.After(at[0]-1, func(e Entry) (more bool, err error) {
			if e.Seq == at[0] {
				f(e)
				at = at[1:]
			}
			return len(at) > 0 && at[0]-e.Seq <= near, nil
		})
		if err == nil && len(at) == before {
			err = ErrNoEntry
		}
		if err != nil {
			return err
		}
	}
	return nil
}
