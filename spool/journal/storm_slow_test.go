//go:build slow

package journal

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"honnin/config/protocol"
)

// TestStormOfAHundredThousand: as TestStormIsOneAndNothingElse, at its size.
func TestStormOfAHundredThousand(t *testing.T) { stormIsOne(t, 100_000) }

// TestStormOfTransactions: 100,000 that are alike, each in a transaction of its own, are 1,563 events, in which each is named.
func TestStormOfTransactions(t *testing.T) {
	const n, perTransaction = 100_000, 5000
	j, err := Open(filepath.Join(quick(t), "j.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	j.db.NoSync = true
	for done := 0; done < n; done += perTransaction {
		if err := j.update(0, func(tx *bolt.Tx) error {
			for i := range uint64(perTransaction) {
				e := Entry{Kind: Incident, Reason: "tag-missing", Municipality: "991015"}
				binary.BigEndian.PutUint64(e.Transaction[:], uint64(done)+i+1)
				if _, err := appendEntry(tx, e, noon); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		j.tidy()
	}
	named := map[protocol.Transaction]bool{}
	all := told(t, j)
	for _, e := range all {
		for _, one := range e.Storm.Transactions {
			named[one] = true
		}
	}
	if len(all) != (n+MaxGathered-1)/MaxGathered || len(named) != n {
		t.Errorf("%d events name %d", len(all), len(named))
	}
}
