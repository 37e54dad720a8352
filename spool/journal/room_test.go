package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"honnin/config/protocol"
)

// swapForNull puts /dev/null in the place of the journal's file: it takes every write, and no sync.
func swapForNull(t *testing.T, j *Journal) (back func()) {
	t.Helper()
	fd := int(j.file.Fd())
	kept, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := unix.Dup2(int(null.Fd()), fd); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(unix.Dup2(kept, fd), unix.Close(kept)); err != nil {
			t.Fatal(err)
		}
	}
}

// small mounts a file system of 1 MiB.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("honnin-test", dir, "tmpfs", 0, "size=1024k,mode=0700"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mount: %v (needs root)", err)
		}
		t.Skipf("mount: %v (needs root)", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

// TestFullDiskThenPowerCut: what a visit has to say after the disk has become full is on the disk all the same, the
// latch before all; and no further visit begins.
func TestFullDiskThenPowerCut(t *testing.T) {
	dir := small(t)
	path := filepath.Join(dir, "journal.db")
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.BeginVisit(); err != nil {
		t.Fatal(err)
	}
	fill(t, dir)
	for i := range byte(6) { // six documents in one visit
		for _, e := range aVisit(protocol.Transaction{1, i}, protocol.Transaction{2, i})[:10] {
			must(t, j, e.about(t, j))
		}
	}
	if _, err := j.BeginVisit(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a visit began on a full disk: %v", err)
	}
	for range 40 { // and nothing that happens between visits is lost
		must(t, j, Entry{Kind: Incident, Reason: "fault"})
	}
	want := says(t, j)
	b, err := os.ReadFile(path) // the power cut
	if err != nil {
		t.Fatal(err)
	}
	if got, err := found(t, t.TempDir(), b); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if l, err := j.Latches(); err != nil || len(l) != 6 {
		t.Errorf("latches: %v %v", l, err)
	}
	if err := errors.Join(j.Close(), os.Remove(filepath.Join(dir, "filler"))); err != nil {
		t.Fatal(err)
	}
	if j, err = Open(path, clock); err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if v, err := j.BeginVisit(); v != 2 || err != nil {
		t.Errorf("with room again: visit %d, %v", v, err)
	}
}

// TestStormOnAFullDisk: a storm becomes one without more room, and takes none that a visit may need.
func TestStormOnAFullDisk(t *testing.T) {
	const n = 5*gatherFew + 3
	dir := small(t)
	path := filepath.Join(dir, "journal.db")
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	j.db.NoSync = true
	first := must(t, j, Entry{Kind: Incident, Reason: "fault"})
	for range n - 1 {
		must(t, j, Entry{Kind: Incident, Reason: "fault"})
	}
	if _, err := j.BeginVisit(); err != nil {
		t.Fatal(err)
	}
	fill(t, dir)
	if e, gathered, err := j.Gather(first.Seq, nil); err != nil || !gathered || e.Storm.Count != n || e.Storm.More {
		t.Fatalf("%+v %v", e.Storm, err)
	}
	for i := range byte(6) {
		for _, e := range aVisit(protocol.Transaction{1, i}, protocol.Transaction{2, i})[:10] {
			must(t, j, e.about(t, j))
		}
	}
	j = reopen(t, j, path)
	if _, _, err := j.Verify(); err != nil {
		t.Error(err)
	}
	if by, err := j.Spoken(); err != nil || len(by) != n-1 {
		t.Error(len(by), err)
	}
}

// TestRestartOnAFullDisk: the room that a former run made is there for what a restart has to say.
func TestRestartOnAFullDisk(t *testing.T) {
	dir := small(t)
	path, tx := filepath.Join(dir, "journal.db"), protocol.Transaction{1}
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range aVisit(tx, tx)[:3] {
		must(t, j, e)
	}
	fill(t, dir)
	j = reopen(t, j, path)
	must(t, j, Entry{Kind: StaffNeeded, Reason: "restart-while-printing"})
	must(t, j, Entry{Kind: Ended, Transaction: tx, Outcome: protocol.Unsure})
	must(t, j, Entry{Kind: Returned, Transaction: tx})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "another.db"), clock); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a new journal on a full disk: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "another.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a journal has a name: %v", err)
	}
}

// TestReadOnlyDisk: nothing is recorded, nothing begins, and what was recorded can be read.
func TestReadOnlyDisk(t *testing.T) {
	dir := small(t)
	path := filepath.Join(dir, "journal.db")
	j, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	must(t, j, Entry{Kind: Latched, Of: int(must(t, j, Entry{Kind: Incident, Municipality: "991015", Reason: "tag-missing"}).Seq), Municipality: "991015", Reason: "tag-missing"})
	want := says(t, j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if j, err := Open(path, clock); !errors.Is(err, unix.EROFS) {
		t.Errorf("opened on a read-only disk: %v %v", j, err)
	}
	if j, err := Open(filepath.Join(dir, "another.db"), clock); !errors.Is(err, unix.EROFS) {
		t.Errorf("began anew on a read-only disk: %v %v", j, err)
	}
	c, err := Copy(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := says(t, c); got != want {
		t.Errorf("the copy says\n%s\nwant\n%s", got, want)
	}
	if _, err := c.Record(Entry{Kind: Late}); err == nil {
		t.Error("a copy was written to")
	}
}

// TestEscalationTakesNoVisitsRoom: however many steps are written in a visit, its room is there behind them; and where there is no
// other, none is.
func TestEscalationTakesNoVisitsRoom(t *testing.T) {
	dir := small(t)
	j, err := Open(filepath.Join(dir, "journal.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	steps := func(from, n int) (all []Entry) {
		for i := range n {
			of := int(must(t, j, Entry{Kind: Incident, Reason: "tag-missing", Municipality: "991015", Document: protocol.Digest{byte(from), byte(i)}}).Seq)
			all = append(all, Entry{Kind: Escalated, Of: of, Step: 1, Contact: "a-contact-with-a-long-name"}, Entry{Kind: Escalated, Of: of, Step: 2, Reason: Unacknowledged},
				Entry{Kind: Latched, Of: of, Municipality: "991015", Reason: Unacknowledged})
		}
		return all
	}
	many, few := steps(0, 64), steps(1, 1)
	if _, err := j.BeginVisit(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Record(many[0], many[1:]...); err != nil {
		t.Fatal(err)
	}
	if err := j.db.View(func(tx *bolt.Tx) error {
		if left := j.room - tx.Size(); left < visitRoom {
			t.Errorf("%d bytes are left for the visit", left)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	fill(t, dir)
	for err == nil { // what is to spare above a visit's room is taken, and no more
		_, err = j.Record(few[0], few[1:]...)
		few = steps(2, 1)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
}

// TestTechniciansTakeNoVisitsRoom: on a full disk a visit goes to its end, whatever a technician does meanwhile.
func TestTechniciansTakeNoVisitsRoom(t *testing.T) {
	dir, tx := small(t), protocol.Transaction{1}
	j, err := Open(filepath.Join(dir, "journal.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := j.BeginVisit(); err != nil {
		t.Fatal(err)
	}
	fill(t, dir)
	n := 0
	for _, kind := range Kinds() {
		if !strings.HasPrefix(string(kind), "technician-") && kind != ServiceOff && kind != ServiceOn {
			continue
		}
		n++
		for err = nil; err == nil; { // what is to spare above a visit's room is taken, and no more
			_, err = j.Record(Entry{Kind: kind, Staff: "tech-7", Reason: "status"})
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Error(kind, err)
		}
	}
	if n != 7 {
		t.Errorf("%d kinds are a technician's", n)
	}
	for _, e := range append(aVisit(tx, tx)[:6], Entry{Kind: VisitEnded}) {
		must(t, j, e)
	}
}

// TestTestVisitOnAFullDisk: the end of a test visit has its room before it begins, and where there is none, none begins.
func TestTestVisitOnAFullDisk(t *testing.T) {
	dir := small(t)
	j, err := Open(filepath.Join(dir, "journal.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	fill(t, dir)
	ended := 0
	for {
		if _, err = j.Record(Entry{Kind: TestVisitBegun, Staff: "tech-7"}); err != nil {
			break
		}
		must(t, j, Entry{Kind: TestVisitDone, Reason: "unsure"})
		must(t, j, Entry{Kind: StaffNeeded, Reason: "unsure"})
		must(t, j, Entry{Kind: StaffReady, Staff: "s1"})
		ended++
	}
	if !errors.Is(err, unix.ENOSPC) || ended == 0 {
		t.Errorf("after %d: %v", ended, err)
	}
}
