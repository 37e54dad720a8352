package provision

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
)

// TestLookingAgain: a look at what was verified costs little, and finds whatever has changed since, to the byte.
func TestLookingAgain(t *testing.T) {
	o := signedtest.New(t, start)
	m := newMachine(t, o)
	for _, b := range o.Chain(12, signedtest.Head{}, signedtest.Head{Keys: []int{0, 1, 3}}) {
		m.takes(b)
	}
	cost := func() uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if due, err := m.Due(); due != nil || err != nil {
			t.Fatal(due, err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	m.verified.Store(nil)
	first, again := cost(), cost()
	t.Logf("%d bytes the first time, %d again", first, again)
	if again > first/8 {
		t.Errorf("%d bytes the first time, and %d again", first, again)
	}
	for _, version := range []uint64{1, 2, 12} {
		for _, name := range []string{textFile, signatureFile(0), receivedFile} {
			path := filepath.Join(m.slot(version), name)
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			put(t, path, append([]byte("x"), good[1:]...)) // as long as before
			if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Due(); err == nil {
				t.Errorf("version %d: another %s was not noticed", version, name)
			}
			put(t, path, good)
			if _, err := m.Due(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := os.Rename(m.slot(12), m.slot(13)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Due(); err == nil {
		t.Error("a slot under another version was not noticed")
	}
}

// TestExchangedMeanwhile: what is exchanged between the look and the reading of the whole is not taken for what was looked at.
func TestExchangedMeanwhile(t *testing.T) {
	o := signedtest.New(t, start)
	first := o.Chain(1)[0]
	m := newMachine(t, o)
	m.takes(first)
	slots, err := m.History()
	if err != nil {
		t.Fatal(err)
	}
	o.Body += "\n# another\n"
	other := o.Bundle(o.Text(signedtest.Head{Version: 1}))
	put(t, filepath.Join(m.slot(1), textFile), other.Text)
	for i, s := range other.Signatures {
		put(t, filepath.Join(m.slot(1), signatureFile(i)), s.DER)
	}
	if _, err := m.whole(&slots[0]); refusal(err) != signed.Fork {
		t.Error(err)
	}
}

// TestRotationTakenAway: where those that rotated the keys are gone, the policies brought again mend the store; and where a retired
// key has led elsewhere since, they do so in an empty directory.
func TestRotationTakenAway(t *testing.T) {
	o := signedtest.New(t, start)
	all := rotating(o)
	m := newMachine(t, o)
	m.takes(all[0])
	m.takes(all[1:]...)
	away := func(versions ...uint64) {
		t.Helper()
		for _, v := range versions {
			if err := os.RemoveAll(m.slot(v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		gone  []uint64
		bring []signed.Bundle
		want  signed.Code
	}{
		"one":             {[]uint64{2}, all[1:], ""},
		"both":            {[]uint64{2, 3}, all[1:], ""},
		"the first, too":  {[]uint64{1, 2, 3}, all, ""},
		"not all brought": {[]uint64{2, 3}, all[2:], signed.Unsigned},
	} {
		away(c.gone...)
		m.runs(0, signed.Unsigned)
		if _, err := m.Receive(c.bring, ByStick); refusal(err) == signed.Here && c.want != "" {
			t.Errorf("%s: %v", name, err)
		}
		m.runs(5, c.want)
		if c.want != "" {
			m.taken(all)
		}
	}

	away(2, 3, 4, 5)
	fork := o.Bundle(o.Text(signedtest.Head{Version: 2, After: all[0].Text, Terminals: []string{string(here)}}))
	m.takes(fork)
	if _, err := m.Receive(all, ByStick); refusal(err) != signed.Fork {
		t.Errorf("over a fork: %v", err)
	}
	away(1, 2)
	m.taken(all)
}

// rotating are five policies, of which the second and the third rotate the keys, and each needs the one before.
func rotating(o *signedtest.Office) (all []signed.Bundle) {
	var before []byte
	for i, c := range []struct{ names, signed []int }{{nil, []int{0, 1}}, {[]int{1, 2, 3}, []int{0, 1}}, {[]int{0, 2, 3}, []int{1, 3}}, {[]int{0, 2, 3}, []int{0, 3}}, {[]int{0, 2, 3}, []int{0, 3}}} {
		before = o.Text(signedtest.Head{Version: uint64(i + 1), After: before, Keys: c.names})
		all = append(all, o.Bundle(before, c.signed...))
	}
	return all
}

func (m *machine) taken(all []signed.Bundle) {
	m.t.Helper()
	if _, err := m.Receive(all, ByStick); err != nil && refusal(err) != signed.Here {
		m.t.Fatal(err)
	}
	if _, _, err := m.Apply(); err != nil {
		m.t.Fatal(err)
	}
	m.runs(uint64(len(all)), "")
}
