package journal

import (
	"cmp"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"honnin/config/protocol"
)

// storm raises n incidents that are alike, and one that is not after every so many; many to a transaction.
func storm(t testing.TB, j *Journal, n, every int) {
	t.Helper()
	for done := 0; done < n; {
		if err := j.update(0, func(tx *bolt.Tx) error {
			for range min(5000, n-done) {
				e := Entry{Kind: Incident, Reason: "fault", Where: "opening/printer"}
				if done++; done%every == 0 {
					other := e
					other.Where = string(rune('a' + done/every))
					if _, err := appendEntry(tx, other, noon); err != nil {
						return err
					}
				}
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
}

// told brings all that is in the outbox, oldest first, and returns what each event says.
func told(t rapid.TB, j *Journal) (all []Entry) {
	t.Helper()
	for {
		e, head, ok, err := j.Oldest(0)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		if g, gathered, err := j.Gather(head.Position, nil); err != nil {
			t.Fatal(err)
		} else if gathered {
			e.Storm = g.Storm
		}
		all = append(all, e)
		if _, err := j.Record(Entry{Kind: Delivered, Of: int(head.Position), Proof: protocol.Digest{1}}); err != nil {
			t.Fatal(err)
		}
	}
}

func counts(all []Entry) (out []uint64) {
	for _, e := range all {
		out = append(out, e.Storm.Count)
	}
	return out
}

// TestStormIsOneAndNothingElse: of many alike and a few that are not, each of these is told by itself; and one closing closes those
// that its event counted.
func TestStormIsOneAndNothingElse(t *testing.T) { stormIsOne(t, 3*gatherStep+1) }

func stormIsOne(t *testing.T, n int) {
	path := filepath.Join(quick(t), "j.db")
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	j.db.NoSync = true
	storm(t, j, n, n/5)
	all := told(t, j)
	if got, want := counts(all), []uint64{uint64(n), 1, 1, 1, 1, 1}; !slices.Equal(got, want) {
		t.Fatalf("told of %d", got)
	}
	if s := all[0].Storm; s.Through != uint64(n+5) || !s.Last.Equal(noon) || s.More {
		t.Errorf("%+v", s)
	}
	storm(t, j, 2, 9) // what happens now was in no event
	j = reopen(t, j, path)
	must(t, j, moved(Closed, 1))
	if left := standings(t, j); len(left) != 5+2 {
		t.Errorf("%d are open", len(left))
	}
	if got := counts(told(t, j)); !slices.Equal(got, []uint64{2}) {
		t.Errorf("and then: %d", got)
	}
	if _, _, err := j.Verify(); err != nil {
		t.Error(err)
	}
}

// TestGatheringIsCutShort: wherever between two steps the power goes, what is told in the end is the same.
func TestGatheringIsCutShort(t *testing.T) {
	j, path := open(t)
	j.db.NoSync = true
	storm(t, j, 2*gatherStep+10, 1<<20)
	for step := 1; ; step++ {
		e, err := j.gatherSome(1, nil)
		if err != nil {
			t.Fatal(err)
		}
		j = reopen(t, j, path)
		if _, _, err := j.Verify(); err != nil {
			t.Fatalf("after step %d: %v", step, err)
		}
		if out, _ := j.Outbox(); len(out) != 2*gatherStep+10-int(e.Storm.Count)+1 || len(standings(t, j)) != len(out) {
			t.Errorf("after step %d %d wait", step, len(out))
		}
		if !e.Storm.More {
			break
		}
		must(t, j, Entry{Kind: Late, Reason: "package"})
	}
	if again, gathered, err := j.Gather(1, nil); gathered || err != nil {
		t.Errorf("gathered twice: %+v %v", again, err)
	}
	if _, err := j.Record(Entry{Kind: Gathered, Of: 1}); !errors.Is(err, ErrState) {
		t.Errorf("recorded twice: %v", err)
	}
	if got := counts(told(t, j)); !slices.Equal(got, []uint64{2*gatherStep + 10}) {
		t.Errorf("told of %d", got)
	}
}

// TestEveryTransactionIsNamed: an event tells of so many transactions and no more; the next tells of the others.
func TestEveryTransactionIsNamed(t *testing.T) {
	j, _ := open(t)
	var want []protocol.Transaction
	for i := range byte(MaxGathered + 36) {
		want = append(want, protocol.Transaction{1, i})
		must(t, j, Entry{Kind: Incident, Reason: "fault", Transaction: want[i]})
		must(t, j, Entry{Kind: Incident, Reason: "fault", Transaction: want[i]})
	}
	var named []protocol.Transaction
	all := told(t, j)
	for _, e := range all {
		named = append(named, e.Storm.Transactions...)
	}
	if got := counts(all); !slices.Equal(got, []uint64{2 * MaxGathered, 72}) || !slices.Equal(named, want) {
		t.Errorf("%d, %d named", got, len(named))
	}
}

// TestWhatIsDistinct: what differs in anything but when, in whose visit and in which transaction is told by itself.
func TestWhatIsDistinct(t *testing.T) {
	one := Entry{Kind: Incident, Reason: "tag-missing", Municipality: "991015", Where: "x", Document: protocol.Digest{1}, Certificate: "resident-record"}
	v := reflect.ValueOf(one)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if slices.Contains([]string{"Kind", "Of", "Storm", "Policy"}, name) { // the journal sets the last itself
			continue
		}
		j, _ := open(t)
		other := reflect.New(v.Type()).Elem()
		other.Set(v)
		change(t, other.Field(i))
		must(t, j, one)
		must(t, j, other.Interface().(Entry))
		alike := slices.Contains([]string{"Seq", "At", "Visit", "Prev", "Transaction"}, name)
		if got := counts(told(t, j)); (len(got) == 1) != alike {
			t.Errorf("another %s: told of %d", name, got)
		}
	}
}

// change has a field hold something else.
func change(t *testing.T, f reflect.Value) {
	t.Helper()
	switch f.Kind() {
	case reflect.String:
		valid := map[string]string{"Municipality": "991023", "Certificate": string(protocol.Certificates()[1]), "Channel": "counter", "Outcome": "printed"}
		f.SetString(cmp.Or(valid[f.Type().Name()], "other"))
	case reflect.Int:
		f.SetInt(f.Int() + 1)
	case reflect.Uint64:
		f.SetUint(f.Uint() + 1)
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Array:
		f.Index(1).SetUint(9)
	case reflect.Slice:
		f.Set(reflect.Append(f, reflect.New(f.Type().Elem()).Elem()))
		if f.Index(0).Kind() == reflect.String {
			f.Index(0).SetString("tag-mismatch")
		}
	case reflect.Struct:
		switch f.Interface().(type) {
		case protocol.Time:
			f.Set(reflect.ValueOf(protocol.At(noon.AddDate(1, 0, 0))))
		default:
			change(t, f.Field(0))
		}
	default:
		t.Fatalf("a field of kind %s: say what another is", f.Kind())
	}
}

// TestOneEventForEach: whatever happens in whatever order, over restarts and seals: every incident is told in exactly one event, the
// counts add up, what one held its speaker holds, and a closing closes what its event counted and nothing else.
func TestOneEventForEach(t *testing.T) {
	path := filepath.Join(quick(t), "p.db")
	storms, merged := 0, 0
	for round := 0; round < 20 && (storms < 20 || merged < 50); round++ {
		rapid.Check(t, func(t *rapid.T) { oneEventForEach(t, path, &storms, &merged) })
	}
	if storms < 20 || merged < 50 {
		t.Errorf("only %d storms, of %d more", storms, merged)
	}
}

// spoken is what the test knows of an open incident: the entry's kind, those that it speaks for, and whether that is fixed, and written.
type spoken struct {
	kind           string
	count          uint64
	holds          protocol.Municipality
	fixed, written bool
}

func oneEventForEach(t *rapid.T, path string, storms, merged *int) {
	_ = os.Remove(path)
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	j.db.NoSync = true
	open, raised, closed := map[uint64]*spoken{}, uint64(0), uint64(0)
	pick := func() (uint64, *spoken) {
		all := slices.Sorted(maps.Keys(open))
		if len(all) == 0 {
			return 0, nil
		}
		at := rapid.SampledFrom(all).Draw(t, "which")
		return at, open[at]
	}
	record := func(e Entry) Entry {
		done, err := j.Record(e)
		if err != nil {
			t.Fatal(e.Kind, err)
		}
		return done
	}
	for range rapid.IntRange(10, 40).Draw(t, "n") {
		what := rapid.IntRange(0, 15).Draw(t, "what")
		at, s := pick()
		switch {
		case what < 7:
			kind := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "kind")
			e := record(Entry{Kind: Incident, Municipality: "991015", Reason: "fault", Where: kind, Transaction: protocol.Transaction{byte(rapid.IntRange(0, 3).Draw(t, "tx"))}})
			open[e.Seq], raised = &spoken{kind: kind, count: 1}, raised+1
		case s == nil:
		case what < 10:
			e, gathered, err := j.Gather(at, nil)
			if err != nil || gathered == s.written {
				t.Fatal(err, gathered)
			}
			if s.written {
				break
			}
			s.written = true
			n := s.takeAlike(open, at)
			if *merged += n; n > 0 {
				*storms++
			}
			if e.Storm.Count != s.count || e.Storm.More {
				t.Fatalf("%+v, and not %+v", e.Storm, s)
			}
		case what == 10:
			record(Entry{Kind: Disbelieved, Of: int(at), Reason: rapid.StringMatching(`[a-z]{9}`).Draw(t, "word")})
			s.fixed = true
		case what == 11:
			record(moved(Closed, at))
			closed += s.count
			delete(open, at)
		case what == 12 && s.holds == "":
			s.holds = "991015"
			record(Entry{Kind: Latched, Of: int(at), Municipality: s.holds, Reason: "fault"})
		case what == 13 && j.live() > 0:
			if err := j.update(0, seal); err != nil {
				t.Fatal(err)
			}
		case what > 13:
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if j, err = Open(path, clock); err != nil {
				t.Fatal(err)
			}
			j.db.NoSync = true
		}
		same(t, j, open)
	}
	if _, _, err := j.Verify(); err != nil {
		t.Fatal(err)
	}
	standing := uint64(0)
	for _, s := range open {
		standing += s.count
	}
	if standing+closed != raised {
		t.Fatalf("%d are open and %d closed, of %d", standing, closed, raised)
	}
}

// takeAlike has s speak for the others that are alike, younger, and of whom nothing was said.
func (s *spoken) takeAlike(open map[uint64]*spoken, at uint64) (n int) {
	if s.fixed {
		return 0
	}
	s.fixed = true
	for other, o := range open {
		if other > at && o.kind == s.kind && !o.fixed {
			if n++; s.holds == "" {
				s.holds = o.holds
			}
			s.count++
			delete(open, other)
		}
	}
	return n
}

// same holds the journal against what the test knows.
func same(t *rapid.T, j *Journal, open map[uint64]*spoken) {
	t.Helper()
	all, err := j.Incidents(0, 0)
	latches, err2 := j.Latches()
	held := map[uint64]protocol.Municipality{}
	for _, l := range latches {
		held[l.Of] = l.Municipality
	}
	if err != nil || err2 != nil || len(all) != len(open) {
		t.Fatal(err, err2, len(all), len(open))
	}
	for _, at := range all {
		if s := open[at.Position]; s == nil || at.Count != s.count || at.fixed() != s.fixed || held[at.Position] != s.holds {
			t.Fatalf("%+v holds %q, and not %+v", at, held[at.Position], s)
		}
		delete(held, at.Position)
	}
	if len(held) > 0 {
		t.Fatalf("held by what is not open: %v", held)
	}
}

// TestHeldTogether: what those that are gathered stop, their speaker stops from then on; and everything, where they stop not the same.
func TestHeldTogether(t *testing.T) {
	for want, held := range map[Latch][2]string{
		{1, "991015", "a"}: {"991015 a", "991015 b"}, {1, "991015", "b"}: {"", "991015 b"}, {1, "991015", "c"}: {"991015 c", ""}, {1, "", "a"}: {"991015 a", " b"},
	} {
		j, path := open(t)
		must(t, j, Entry{Kind: Incident, Municipality: "991015", Reason: "fault"})
		must(t, j, Entry{Kind: Incident, Municipality: "991015", Reason: "fault"})
		for i, h := range held {
			if m, why, _ := strings.Cut(h, " "); why != "" {
				must(t, j, Entry{Kind: Latched, Of: i + 1, Municipality: protocol.Municipality(m), Reason: why})
			}
		}
		if _, gathered, err := j.Gather(1, nil); !gathered || err != nil {
			t.Fatal(err)
		}
		j = reopen(t, j, path)
		if l, err := j.Latches(); err != nil || !slices.Equal(l, []Latch{want}) {
			t.Errorf("%q: %+v %v", held, l, err)
		}
		if by, err := j.Spoken(); err != nil || !maps.Equal(by, map[uint64]uint64{2: 1}) {
			t.Errorf("%v %v", by, err)
		}
		must(t, j, moved(Closed, 1))
		if l, err := j.Latches(); err != nil || len(l) != 0 {
			t.Errorf("%q: closed, and still %+v %v", held, l, err)
		}
	}
}
