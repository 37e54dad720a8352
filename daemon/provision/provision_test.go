package provision

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/trust/sign"
)

// machine is a terminal with a store and a clock.
type machine struct {
	*Store
	t  *testing.T
	at time.Time
}

func newMachine(t *testing.T, o *signedtest.Office) *machine {
	t.Helper()
	m := &machine{t: t, at: start}
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "policy"), Root: o.Root(), Terminal: here, Now: func() time.Time { return m.at }})
	if err != nil {
		t.Fatal(err)
	}
	m.Store = s
	return m
}

// takes receives and applies.
func (m *machine) takes(brought ...signed.Bundle) {
	m.t.Helper()
	if _, err := m.Receive(brought, ByStick); err != nil {
		m.t.Fatal(err)
	}
	if _, fresh, err := m.Apply(); err != nil || !fresh {
		m.t.Fatal(fresh, err)
	}
}

// runs checks what is in force.
func (m *machine) runs(version uint64, want signed.Code) {
	m.t.Helper()
	p, err := m.Load()
	if refusal(err) != want || want == "" && (err != nil || p.Head.Version != version) {
		m.t.Errorf("in force is %v, want version %d, %q", err, version, want)
	}
}

func refusal(err error) signed.Code {
	var r *signed.Refusal
	errors.As(err, &r)
	if r == nil {
		return ""
	}
	return r.Code
}

// stick writes bundles as an office does.
func stick(t *testing.T, bundles ...signed.Bundle) string {
	t.Helper()
	dir := t.TempDir()
	for i, b := range bundles {
		to := dir
		if len(bundles) > 1 {
			to = filepath.Join(dir, strconv.Itoa(i+1))
		}
		if err := os.MkdirAll(to, 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(to, textFile), b.Text)
		for _, s := range b.Signatures {
			put(t, filepath.Join(to, s.Name), s.DER)
		}
	}
	return dir
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []signed.Bundle {
	t.Helper()
	b, _, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The life of a store: nothing, received, waiting, in force, expired, and no way back.
func TestLife(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(4, signedtest.Head{}, signedtest.Head{NotBefore: start.AddDate(0, 0, 7)}, signedtest.Head{Terminals: []string{"OTHER-*"}})
	m := newMachine(t, o)
	m.runs(0, signed.Missing)
	if _, _, err := m.Apply(); refusal(err) != signed.Missing {
		t.Error(err)
	}
	if a, err := m.Check(read(t, stick(t, all[0]))); err != nil || a.Before != nil || a.Last().Head.Version != 1 {
		t.Error(a, err)
	}
	m.runs(0, signed.Missing) // a check takes nothing in
	if _, err := m.Receive(read(t, stick(t, all[0])), ByStick); err != nil {
		t.Fatal(err)
	}
	m.runs(0, signed.Missing) // what was received is not in force
	if _, fresh, err := m.Apply(); err != nil || !fresh {
		t.Fatal(err)
	}
	m.runs(1, "")

	if _, err := m.Receive(all[:2], ByStick); err != nil {
		t.Fatal(err)
	}
	if p, fresh, err := m.Apply(); err != nil || fresh || p.Head.Version != 1 {
		t.Error("a policy is in force before its time", fresh, err)
	}
	m.at = start.AddDate(0, 0, 7)
	if due, err := m.Due(); err != nil || due == nil {
		t.Error("not due at its time", err)
	}
	if _, fresh, err := m.Apply(); err != nil || !fresh {
		t.Fatal(err)
	}
	m.runs(2, "")
	m.at = start
	m.runs(0, signed.Early) // a clock put back does not bring version 1 back
	if _, _, err := m.Apply(); refusal(err) != signed.Early {
		t.Error(err)
	}
	m.at = start.AddDate(0, 0, 7)

	if _, err := m.Receive(all[2:3], ByStick); refusal(err) != signed.OtherTerminal {
		t.Error(err)
	}
	m.takes(all[3]) // the one between was not for this terminal, and is kept
	m.runs(4, "")
	slots, err := m.History()
	if err != nil || len(slots) != 4 || slots[2].Applied != nil || slots[3].Applied == nil || slots[3].Received.By != ByStick {
		t.Error(slots, err)
	}
	m.at = start.AddDate(0, 0, 90)
	m.runs(0, signed.Expired)
}

// A practice world's policy does not come in, whoever signed it; nor does a store open that others could enter.
func TestNotHere(t *testing.T) {
	o := signedtest.New(t, start)
	ca, err := sign.NewCA(sign.Template{Name: "Practice", NotBefore: start, NotAfter: start.Add(time.Hour), Practice: true})
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, o)
	o.Body = strings.Replace(o.Body, "issuing_anchors = [", "issuing_anchors = ["+strconv.Quote(signedtest.Armour(ca.Certificate))+", ", 1)
	if _, err := m.Receive(o.Chain(1), ByStick); refusal(err) != signed.Practice {
		t.Error(err)
	}
	if err := os.Chmod(m.o.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(m.o); err == nil {
		t.Error("others could enter")
	}
}

// A policy that expired while it waited leaves nothing in force: what it would have replaced is not served any more.
func TestExpiredWhileItWaited(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(2, signedtest.Head{}, signedtest.Head{Expires: start.AddDate(0, 0, 1)})
	m := newMachine(t, o)
	m.takes(all[0])
	if _, err := m.Receive(all[1:], ByStick); err != nil {
		t.Fatal(err)
	}
	m.at = start.AddDate(0, 0, 2)
	if _, _, err := m.Apply(); refusal(err) != signed.Expired {
		t.Error(err)
	}
}

// What is on the way is judged as what is last: a practice world's policy does not come in before a good one.
func TestPracticeOnTheWay(t *testing.T) {
	o := signedtest.New(t, start)
	m := newMachine(t, o)
	ca, err := sign.NewCA(sign.Template{Name: "Practice", NotBefore: start, NotAfter: start.Add(time.Hour), Practice: true})
	if err != nil {
		t.Fatal(err)
	}
	first := o.Chain(1)[0]
	good := o.Body
	o.Body = strings.Replace(o.Body, "issuing_anchors = [", "issuing_anchors = ["+strconv.Quote(signedtest.Armour(ca.Certificate))+", ", 1)
	practice := o.Bundle(o.Text(signedtest.Head{Version: 2, After: first.Text}))
	o.Body = good
	early := o.Bundle(o.Text(signedtest.Head{Version: 3, After: practice.Text, NotBefore: start.AddDate(0, 0, 7)}))
	m.takes(first)
	if a, err := m.Receive([]signed.Bundle{practice, early}, ByStick); refusal(err) != signed.Practice || len(a.Added) != 0 {
		t.Error(err)
	}
	m.o.Practice = true
	if _, err := m.Receive([]signed.Bundle{practice, early}, ByStick); err != nil {
		t.Fatal(err)
	}
	m.o.Practice = false // a store that came from elsewhere
	if _, fresh, err := m.Apply(); refusal(err) != signed.Practice || fresh {
		t.Error("a practice policy came into force:", err)
	}
}

// What has expired is passed over where a higher one waits, and where it had expired when it came; what was in force stays.
func TestExpiredOnTheWay(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(3, signedtest.Head{}, signedtest.Head{NotBefore: start.Add(-48 * time.Hour), Expires: start.Add(-24 * time.Hour)},
		signedtest.Head{NotBefore: start.AddDate(0, 0, 7)})
	for name, c := range map[string]struct {
		bring []signed.Bundle
		want  signed.Code
	}{"alone": {all[1:2], signed.Expired}, "with one that waits": {all[1:], ""}} {
		m := newMachine(t, o)
		m.takes(all[0])
		if _, err := m.Receive(c.bring, ByStick); refusal(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if due, err := m.Due(); due != nil || err != nil {
			t.Errorf("%s: due %v, %v", name, due != nil, err)
		}
		if p, fresh, err := m.Apply(); err != nil || fresh || p.Head.Version != 1 {
			t.Errorf("%s: %v %v", name, fresh, err)
		}
		if _, err := m.Receive(all[2:], ByStick); err != nil && refusal(err) != signed.Here {
			t.Errorf("%s: what follows: %v", name, err)
		}
		m.at = start.AddDate(0, 0, 7)
		if p, _, err := m.Apply(); err != nil || p.Head.Version != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A pilot keeps nothing from the others: what is for them comes into force, and what follows finds its place.
func TestPilotElsewhere(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(4, signedtest.Head{}, signedtest.Head{}, signedtest.Head{Terminals: []string{"OTHER-*"}})
	m := newMachine(t, o)
	m.takes(all[0])
	a, err := m.Receive(all[1:3], ByCentre)
	if err != nil || a.Last().Head.Version != 2 || len(a.Added) != 2 {
		t.Fatal(a, err)
	}
	if _, fresh, err := m.Apply(); err != nil || !fresh {
		t.Fatal(err)
	}
	m.runs(2, "")
	m.takes(all[3])
	m.runs(4, "")
}

// What came into force and is damaged is repaired by the same bundle, and by no other.
func TestRepaired(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(2, signedtest.Head{}, signedtest.Head{Keys: []int{1, 2, 3}})
	m := newMachine(t, o)
	m.takes(all[0])
	m.takes(all[1])
	for _, version := range []uint64{1, 2} {
		entries, err := os.ReadDir(m.slot(version))
		if err != nil || len(entries) != 5 {
			t.Fatal(len(entries), err)
		}
		for _, e := range entries {
			path := filepath.Join(m.slot(version), e.Name())
			put(t, path, []byte("x"))
			if _, err := m.Load(); err == nil {
				t.Fatalf("%d %s: served", version, e.Name())
			}
			stripped := signed.Bundle{Text: all[version-1].Text, Signatures: all[version-1].Signatures[:1]}
			if _, err := m.Receive([]signed.Bundle{stripped}, ByStick); err == nil {
				t.Errorf("%d %s: repaired by what is not signed", version, e.Name())
			}
			if _, err := m.Load(); err == nil {
				t.Fatalf("%d %s: served", version, e.Name())
			}
			if _, err := m.Receive(all, ByStick); refusal(err) != signed.Here {
				t.Errorf("%d %s: %v", version, e.Name(), err)
			}
			m.runs(2, "")
		}
	}
}

// While a terminal runs, nobody else applies; what was received waits.
func TestAppliedBetweenVisitsOnly(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(2)
	m := newMachine(t, o)
	m.takes(all[0])
	if err := m.Use(); err != nil {
		t.Fatal(err)
	}
	staff, err := Open(m.o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := staff.Receive(all, ByStick); err != nil {
		t.Fatal(err)
	}
	if _, _, err := staff.Apply(); !errors.Is(err, ErrInUse) {
		t.Errorf("applied while a terminal runs: %v", err)
	}
	m.runs(1, "")
	if _, fresh, err := m.Apply(); err != nil || !fresh {
		t.Errorf("the terminal itself may: %v", err)
	}
	forked, err := unix.Dup(int(m.use.Fd())) // a child has it, too, until it is the program that it is to be
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(forked)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, fresh, err := staff.Apply(); err != nil || fresh {
		t.Error(fresh, err)
	}
}

// Attack: a file is swapped after it was checked. What was checked is what was kept; and what is kept is checked again.
func TestSwappedAfterCheck(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(2)
	m := newMachine(t, o)
	m.takes(all[0])
	dir := stick(t, all[1])
	brought := read(t, dir)
	if _, err := m.Check(brought); err != nil {
		t.Fatal(err)
	}
	hostile := bytes.Replace(all[1].Text, []byte(`"5m"`), []byte(`"6m"`), 1)
	put(t, filepath.Join(dir, textFile), hostile)
	if _, err := m.Receive(brought, ByStick); err != nil {
		t.Fatal(err)
	}
	slots, err := m.History()
	if err != nil || slots[1].Digest != sha256.Sum256(all[1].Text) {
		t.Fatal("what was swapped came in", err)
	}
	if _, err := m.Receive(read(t, dir), ByStick); refusal(err) != signed.Unsigned {
		t.Errorf("the swapped file: %v", err)
	}
	kept := filepath.Join(m.slot(2), textFile)
	put(t, kept, hostile)
	if p, fresh, err := m.Apply(); err != nil || fresh || p.Head.Version != 1 {
		t.Errorf("a swapped file was applied: %v", err)
	}
	put(t, kept, all[1].Text)
	if _, fresh, err := m.Apply(); err != nil || !fresh {
		t.Fatal(err)
	}
	put(t, kept, hostile)
	m.runs(0, signed.Unsigned)
}

// Whatever single byte of what is kept and in force is changed, the terminal does not serve an earlier policy, nor where a
// file of it is gone; but for the mark that it was applied, without which it waits to be applied again.
func TestDamagedStoreServesNothing(t *testing.T) {
	o := signedtest.New(t, start)
	m := newMachine(t, o)
	m.takes(o.Chain(2)...)
	entries, err := os.ReadDir(m.slot(2))
	if err != nil || len(entries) != 5 {
		t.Fatal(len(entries), err)
	}
	for _, e := range entries {
		path := filepath.Join(m.slot(2), e.Name())
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(good); i += max(1, len(good)/40) {
			bad := slices.Clone(good)
			bad[i] ^= 1
			put(t, path, bad)
			if p, err := m.Load(); err == nil && p.Head.Version != 2 {
				t.Errorf("%s, byte %d: version %d", e.Name(), i, p.Head.Version)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if p, err := m.Load(); e.Name() != appliedFile && err == nil {
			t.Errorf("without %s: version %d", e.Name(), p.Head.Version)
		}
		put(t, path, good)
	}
	m.runs(2, "")
}

// Whatever was kept long ago and not needed goes; the keys' way stays, and the walk finds the same.
func TestPruned(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(9, signedtest.Head{}, signedtest.Head{}, signedtest.Head{Keys: []int{0, 1, 3}})
	m := newMachine(t, o)
	m.keep = 2
	for _, b := range all {
		m.takes(b)
	}
	slots, err := m.History()
	if err != nil {
		t.Fatal(err)
	}
	var left []uint64
	for _, s := range slots {
		left = append(left, s.Head.Version)
	}
	if !slices.Equal(left, []uint64{3, 4, 7, 8, 9}) { // 3 and 4 rotated the keys: there and back
		t.Error(left)
	}
	m.runs(9, "")
	more := o.Chain(15, signedtest.Head{}, signedtest.Head{}, signedtest.Head{Keys: []int{0, 1, 3}})
	m = newMachine(t, o)
	m.keep = 2
	m.takes(more[:9]...)
	m.takes(more[9:14]...)
	if _, err := m.Receive(more[14:], ByStick); err != nil {
		t.Fatal(err)
	}
	if slots, err := m.History(); err != nil || !slices.ContainsFunc(slots, func(s Slot) bool { return s.Head.Version == 9 }) {
		t.Error("what was in force before is gone:", err)
	}
}

// The root file counts only where nobody else could have written it.
func TestRootFile(t *testing.T) {
	o := signedtest.New(t, start)
	me := os.Getuid()
	for name, c := range map[string]struct {
		owner int
		harm  func(dir string) error
		fine  bool
	}{
		"good":             {me, func(string) error { return nil }, true},
		"another's":        {me + 1, func(string) error { return nil }, false},
		"group may write":  {me, func(dir string) error { return os.Chmod(filepath.Join(dir, RootFile), 0o660) }, false},
		"others may write": {me, func(dir string) error { return os.Chmod(filepath.Join(dir, RootFile), 0o602) }, false},
		"open directory":   {me, func(dir string) error { return os.Chmod(dir, 0o777) }, false},
		"a link": {me, func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, RootFile), filepath.Join(dir, "x")), os.Symlink("x", filepath.Join(dir, RootFile)))
		}, false},
		"missing": {me, func(dir string) error { return os.Remove(filepath.Join(dir, RootFile)) }, false},
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, RootFile), o.RootText())
		if err := c.harm(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadRoot(dir, c.owner); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}
