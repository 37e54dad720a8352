package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"honnin/config/protocol"
)

// says is everything that a terminal goes by, and the head of the chain.
func says(t testing.TB, j *Journal) string {
	t.Helper()
	var b bytes.Buffer
	for _, list := range []func() ([]Entry, error){j.Unfinished, j.Unsettled, j.Outbox} {
		l, err := list()
		fmt.Fprintln(&b, l, err)
	}
	standing, err := j.Incidents(0, 0)
	fmt.Fprintln(&b, standing, err)
	latches, err := j.Latches()
	fmt.Fprintln(&b, latches, err)
	why, err := j.StaffNeeded()
	n, head, broken := j.Verify()
	if err != nil || broken != nil {
		t.Errorf("opened, and then: %v %v", err, broken)
	}
	fmt.Fprintln(&b, why, n, head)
	return b.String()
}

// synced is the file at one synced boundary, and what the journal says then.
type synced struct {
	step  string
	image []byte
	says  string
	head  protocol.JournalHead
}

// aVisit is what a visit with one printed and one refused document writes.
func aVisit(tx, other protocol.Transaction) []Entry {
	doc := protocol.Digest{7}
	return []Entry{
		{Kind: Accepted, Transaction: tx, Document: doc, Of: 2},
		{Kind: Held, Transaction: tx, Yen: 200},
		{Kind: Sending, Transaction: tx, Document: doc, Of: 2},
		{Kind: Handed, Transaction: tx, Document: doc, Job: "7"},
		{Kind: Ended, Transaction: tx, Document: doc, Outcome: protocol.Printed, Impressions: 2, Of: 2},
		{Kind: Kept, Transaction: tx, Yen: 200},
		{Kind: Incident, Transaction: other, Municipality: "991015", Reason: "subject-mismatch"},
		{Kind: Latched, Transaction: other, Municipality: "991015", Reason: "subject-mismatch"},
		{Kind: Ended, Transaction: other, Outcome: protocol.Refused, Reason: "subject-mismatch"},
		{Kind: StaffNeeded, Reason: "media-jam"},
		{Kind: Delivered, Of: 7},
		{Kind: StaffReady, Staff: "s1"},
		moved(Closed, 0),
		{Kind: VisitEnded},
	}
}

// about is what an incident holds, or what closes it: the newest that is open.
func (e Entry) about(t testing.TB, j *Journal) Entry {
	t.Helper()
	if open := standings(t, j); len(open) > 0 && (e.Kind == Latched || e.Kind == Closed) {
		e.Of = int(open[len(open)-1])
	}
	return e
}

// boundaries lives two visits and one seal, and keeps the file after each step.
func boundaries(t *testing.T) (all []synced) {
	t.Helper()
	path := filepath.Join(quick(t), "j.db")
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	keep := func(step string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n, head, _ := j.Verify()
		all = append(all, synced{step, b, says(t, j), protocol.JournalHead{Position: uint64(n), Head: head}})
	}
	keep("new")
	for round := range byte(2) {
		visit, err := j.BeginVisit()
		if err != nil {
			t.Fatal(err)
		}
		keep("visit-begun")
		for _, e := range aVisit(protocol.Transaction{1, round}, protocol.Transaction{2, round}) {
			if e.Visit = visit; e.Kind == Delivered {
				e.Of += int(round) * 15 // the first outcome of this visit
				e.Of--
			}
			must(t, j, e.about(t, j))
			keep(string(e.Kind))
		}
		if err := j.update(0, seal); err != nil { // early, so that a seal is among the steps
			t.Fatal(err)
		}
		keep("seal")
	}
	storms(t, j, keep)
	return all
}

// storms gathers what is alike, some of it sealed and latched, has it delivered and closed.
func storms(t *testing.T, j *Journal, keep func(step string)) {
	t.Helper()
	must(t, j, Entry{Kind: Incident, Reason: "fault"})
	keep("raised")
	if err := j.update(0, seal); err != nil {
		t.Fatal(err)
	}
	keep("seal")
	last := must(t, j, Entry{Kind: Incident, Reason: "fault", Transaction: protocol.Transaction{7}})
	keep("raised")
	must(t, j, Entry{Kind: Latched, Of: int(last.Seq), Reason: "fault"})
	keep("latched")
	first := last.Seq - 1
	if e, gathered, err := j.Gather(first, nil); err != nil || !gathered || e.Storm.Count != 2 {
		t.Fatal(e.Storm, err)
	}
	keep("gathered")
	if err := j.update(0, seal); err != nil {
		t.Fatal(err)
	}
	keep("seal")
	must(t, j, Entry{Kind: Delivered, Of: int(first), Proof: protocol.Digest{1}})
	keep("delivered")
	must(t, j, moved(Closed, first))
	keep("closed")
	if l, err := j.Latches(); err != nil || len(l) != 0 {
		t.Errorf("still held: %v %v", l, err)
	}
}

const page = 4096

// changed lists the data pages in which b differs from a, and its meta pages.
func changed(a, b []byte) (data, meta []int) {
	a = with(a, b)
	for p := 0; p*page < len(b); p++ {
		switch same := bytes.Equal(a[p*page:(p+1)*page], b[p*page:(p+1)*page]); {
		case !same && p < 2:
			meta = append(meta, p)
		case !same:
			data = append(data, p)
		}
	}
	return data, meta
}

// with is a, as long as b, with these pages of b.
func with(a, b []byte, pages ...[]int) []byte {
	out := make([]byte, max(len(a), len(b)))
	copy(out, a)
	for _, p := range slices.Concat(pages...) {
		copy(out[p*page:], b[p*page:(p+1)*page])
	}
	return out
}

// some are subsets of the pages: none, all, each prefix, each alone, all but each, and a few more.
func some(r *rand.Rand, pages []int) (out [][]int) {
	for i := range pages {
		out = append(out, pages[:i], pages[i:i+1], slices.Delete(slices.Clone(pages), i, i+1))
	}
	for range 2 {
		out = append(out, slices.DeleteFunc(slices.Clone(pages), func(int) bool { return r.IntN(2) == 0 }))
	}
	return append(out, pages)
}

// quick is a directory in memory where there is one: these tests open thousands of files, and no power is really cut.
func quick(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "honnin-journal-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// found opens an image and returns what it says.
func found(t *testing.T, dir string, image []byte) (string, error) {
	t.Helper()
	path := filepath.Join(dir, "j.db")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := Open(path, clock)
	if err != nil {
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) { // without its first page nobody can tell
			t.Errorf("an error of another kind: %v", err)
		}
		return "", err
	}
	defer j.Close()
	return says(t, j), nil
}

// TestPowerCutWhileWriting: whatever part of a commit reached the disk, in whole pages or torn ones, the journal is as it
// was before or as it is after: never a third, and never a new one.
func TestPowerCutWhileWriting(t *testing.T) {
	r, dir, cases := rand.New(rand.NewPCG(1, 2)), quick(t), 0
	all := boundaries(t)
	for i, after := range all[1:] {
		before := all[i]
		expect := func(image []byte, want string) {
			t.Helper()
			cases++
			if got, err := found(t, dir, image); err != nil || got != want {
				t.Fatalf("%s: %v\n%s\nwant\n%s", after.step, err, got, want)
			}
		}
		data, meta := changed(before.image, after.image)
		if len(data) == 0 || len(meta) != 1 {
			t.Fatalf("%s: %d data pages, %d meta pages", after.step, len(data), len(meta))
		}
		for _, arrived := range some(r, data) {
			image := with(before.image, after.image, arrived)
			expect(image, before.says)
			torn := data[r.IntN(len(data))]*page + 512*(1+r.IntN(7)) // one more, from this sector on
			copy(image[torn:(torn/page+1)*page], after.image[torn:])
			expect(image, before.says)
		}
		whole := with(before.image, after.image, data, meta)
		expect(whole, after.says)
		m := meta[0] * page
		copy(whole[m:m+512], before.image[m:]) // only the meta page's later sectors
		expect(whole, before.says)
		copy(whole[m:m+page], after.image[m:m+512])
		copy(whole[m+512:m+page], before.image[m+512:])
		expect(whole, after.says)
		clear(whole[m+30 : m+60]) // torn within its sector
		expect(whole, before.says)
	}
	if cases < 300 {
		t.Errorf("only %d cases", cases)
	}
}

// TestLostWrites: a disk that confirmed a commit and lost pages of it leaves a journal that is refused, or one that says all
// that was recorded.
func TestLostWrites(t *testing.T) {
	r, dir, refused, kept := rand.New(rand.NewPCG(3, 4)), quick(t), 0, 0
	all := boundaries(t)
	for i, after := range all[1:] {
		data, meta := changed(all[i].image, after.image)
		for _, arrived := range some(r, data) {
			got, err := found(t, dir, with(all[i].image, after.image, arrived, meta))
			switch {
			case err != nil:
				refused++
			case got == after.says:
				kept++
			default:
				t.Fatalf("%s with pages %v of %v:\n%s\nwant\n%s", after.step, arrived, data, got, after.says)
			}
		}
	}
	if refused < 100 || kept < len(all)-1 {
		t.Errorf("refused %d times, whole %d times", refused, kept)
	}
}

// TestCutFile: a file that ends too early is refused, however much is left of it.
func TestCutFile(t *testing.T) {
	dir, all := quick(t), boundaries(t)
	last := all[len(all)-1]
	p, err := readPages(bytes.NewReader(last.image))
	if err != nil {
		t.Fatal(err)
	}
	used := int(p.high * p.size)
	for n := 0; n < used; n = min(n+1024, max(n+1, used-1)) {
		if got, err := found(t, dir, last.image[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d of %d bytes: %v\n%s", n, used, err, got)
		}
	}
	if got, err := found(t, dir, last.image[:used]); err != nil || got != last.says {
		t.Errorf("cut where nothing was: %v %s", err, got)
	}
}

// TestSpoiledPages: a page of zeros or of noise anywhere is damage, or was not in use.
func TestSpoiledPages(t *testing.T) {
	r, dir, all, refused := rand.New(rand.NewPCG(5, 6)), quick(t), boundaries(t), 0
	last := all[len(all)-1]
	for p := range len(last.image) / page {
		for _, noise := range []bool{false, true} {
			image := bytes.Clone(last.image)
			clear(image[p*page:][:page])
			for i := range image[p*page:][:page] {
				if noise {
					image[p*page+i] = byte(r.Uint32())
				}
			}
			got, err := found(t, dir, image)
			if err != nil {
				refused++
			} else if got != last.says && got != all[len(all)-2].says { // the last meta page gone: the one before
				t.Errorf("page %d: %s", p, got)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestOlderCopyShows: a journal that was put back at any boundary is whole in itself, and lacks what the centre knows.
func TestOlderCopyShows(t *testing.T) {
	dir, all := quick(t), boundaries(t)
	for i, older := range all {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, older.image, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(path, clock)
		if err != nil {
			t.Fatal(older.step, err)
		}
		for k, later := range all[1:] {
			held, err := j.Holds(later.head)
			if err != nil || held != (later.head.Position <= older.head.Position) {
				t.Errorf("%d: the head of %d: %v %v", i, k+1, held, err)
			}
		}
		_ = j.Close()
	}
}

// TestBrokenSync: after a sync that failed nothing more is recorded, even when the disk is well again; a restart reads
// what there is.
func TestBrokenSync(t *testing.T) {
	j, path := open(t)
	must(t, j, Entry{Kind: Late, Reason: "package"})
	well := swapForNull(t, j)
	if _, err := j.Record(Entry{Kind: Late}); err == nil || errors.Is(err, ErrBroken) && !errors.Is(err, j.broken) {
		t.Fatal("recorded without a disk", err)
	}
	well()
	if _, err := j.Record(Entry{Kind: Late}); !errors.Is(err, ErrBroken) {
		t.Errorf("recorded after a broken sync: %v", err)
	}
	if _, err := j.BeginVisit(); !errors.Is(err, ErrBroken) {
		t.Errorf("a visit began after a broken sync: %v", err)
	}
	j = reopen(t, j, path)
	if n, _, err := j.Verify(); n != 1 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
	must(t, j, Entry{Kind: Late})
}
