package sealed

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/durable"
	"honnin/daemon/durable/durabletest"
)

type shelf struct {
	*Store
	key    *ecdh.PrivateKey
	closed map[protocol.IncidentID]bool
	time   time.Time
}

func newShelf(t *testing.T, disk durable.Disk, dir string) *shelf {
	s := &shelf{key: keyOf(t, ecdh.X25519()), closed: map[protocol.IncidentID]bool{}, time: time.Now()}
	s.Store = New(dir, disk, func(id protocol.IncidentID) bool { return !s.closed[id] }, func() time.Time { return s.time })
	s.Store.free = func(string) (int64, error) { return 1 << 40, nil }
	return s
}

func (s *shelf) names(t *testing.T) (out []string) {
	t.Helper()
	all, err := List(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		out = append(out, fmt.Sprintf("%s/%s", k.Municipality, k.Incident))
	}
	return out
}

// TestKept: what is kept lies there whole, for this user alone, opens with the key, and the package's bytes are gone.
func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sealed")
	s := newShelf(t, durable.Real{}, dir)
	if all, err := List(dir); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	want := bytes.Repeat([]byte("someone's certificate "), 50)
	pkg := bytes.Clone(want)
	if err := s.Keep(name(7, "991015"), s.key.PublicKey(), pkg); err != nil {
		t.Fatal(err)
	}
	if len(bytes.Trim(pkg, "\x00")) > 0 {
		t.Error("the package was not overwritten")
	}
	all, err := List(dir)
	if err != nil || len(all) != 1 || all[0].Name != name(7, "991015") {
		t.Fatal(all, err)
	}
	info, err := os.Stat(all[0].File)
	if err != nil || info.Mode() != 0o600 || info.Size() != all[0].Size || filepath.Base(all[0].File) != FileName(name(7, "991015").Incident) {
		t.Error(info, err)
	}
	file, err := os.ReadFile(all[0].File)
	if err != nil || bytes.Contains(file, want[:22]) {
		t.Fatal("it lies there as it was", err)
	}
	if _, back, err := Open(s.key, file); err != nil || !bytes.Equal(back, want) {
		t.Error(err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Error(names)
	}
}

// TestNotKept: whatever fails, nothing is left and the package is overwritten.
func TestNotKept(t *testing.T) {
	full := errors.New("full")
	for what, spoil := range map[string]func(*shelf) *ecdh.PublicKey{
		"the disk has no more to spare": func(s *shelf) *ecdh.PublicKey {
			s.free = func(string) (int64, error) { return Spare + 100, nil }
			return nil
		},
		"nobody knows what the disk has": func(s *shelf) *ecdh.PublicKey {
			s.free = func(string) (int64, error) { return 0, full }
			return nil
		},
		"a key of another curve": func(s *shelf) *ecdh.PublicKey { return keyOf(t, ecdh.P384()).PublicKey() },
		"the disk fails":         func(s *shelf) *ecdh.PublicKey { s.disk = failing{s.disk, full}; return nil },
	} {
		s := newShelf(t, durable.Real{}, filepath.Join(t.TempDir(), "sealed"))
		to := spoil(s)
		if to == nil {
			to = s.key.PublicKey()
		}
		pkg := bytes.Repeat([]byte("package"), 100)
		if err := s.Keep(name(1, "991015"), to, pkg); err == nil {
			t.Errorf("%s: kept", what)
		}
		if names, err := os.ReadDir(s.dir); len(names) > 0 {
			t.Errorf("%s: %v is left, %v", what, names, err)
		}
		if len(bytes.Trim(pkg, "\x00")) > 0 {
			t.Errorf("%s: the package was not overwritten", what)
		}
	}
	s := newShelf(t, durable.Real{}, t.TempDir())
	if err := s.Keep(name(1, "991015"), s.key.PublicKey(), make([]byte, trust.MaxPackage+1)); !errors.Is(err, ErrRoom) {
		t.Error("larger than any package:", err)
	}
}

// failing is a disk that writes half and then fails.
type failing struct {
	durable.Disk
	err error
}

func (f failing) Write(path string, b []byte) error {
	return errors.Join(f.Disk.Write(path, b[:len(b)/2]), f.err)
}

// TestPowerCut: wherever the power fails, what a restart finds is whole or nothing, and it finds room again.
func TestPowerCut(t *testing.T) {
	want := bytes.Repeat([]byte("package"), 300)
	cuts := 0
	for steps := 0; ; steps++ {
		root := t.TempDir()
		disk := durabletest.New(root, steps)
		s := newShelf(t, disk, filepath.Join(root, "sealed"))
		err := s.Keep(name(9, "991015"), s.key.PublicKey(), bytes.Clone(want))
		if err != nil {
			cuts++
		}
		for i, after := range disk.Images(t, t.TempDir()) {
			again := newShelf(t, durable.Real{}, filepath.Join(after, "sealed"))
			all, lerr := List(again.dir)
			if lerr != nil || err == nil && len(all) != 1 {
				t.Fatalf("cut at %d (%d): %v %v", steps, i, all, lerr)
			}
			for _, k := range all {
				file, rerr := os.ReadFile(k.File)
				if _, back, oerr := Open(s.key, file); rerr != nil || oerr != nil || !bytes.Equal(back, want) {
					t.Fatalf("cut at %d (%d): a file that is not whole: %v %v", steps, i, rerr, oerr)
				}
			}
			if err := again.Sweep(); err != nil {
				t.Fatal(err)
			}
			if names, _ := os.ReadDir(again.dir); len(names) != len(all) {
				t.Fatalf("cut at %d (%d): scraps are left", steps, i)
			}
		}
		if err == nil {
			break
		}
	}
	if cuts < 5 {
		t.Fatalf("only %d cuts", cuts)
	}
}

// TestOldAndForeign: what is too old goes, open or not, and of this format what is not whole, malformed or under another's name; nothing
// else goes: no directory, link or file of another format, and nothing that cannot be read now. A clock that went back takes nothing.
func TestOldAndForeign(t *testing.T) {
	dir := t.TempDir()
	s := newShelf(t, durable.Real{}, dir)
	for i := range 3 {
		if err := s.Keep(name(uint64(i+1), "991015"), s.key.PublicKey(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	all, _ := List(dir)
	file, _ := os.ReadFile(all[0].File)
	named := func(i uint64) string { return FileName(name(i, "991015").Incident) }
	next := []byte(strings.Replace(string(file), Format, "honnin-sealed/2", 1))
	for path, b := range map[string][]byte{"other" + extension: file, named(50): file, named(51): file[:len(Format)+9], named(52) + begun: file} {
		write(t, filepath.Join(dir, path), b)
	}
	foreign := map[string][]byte{"note.txt": []byte("x"), "empty": nil, "policy" + begun: []byte("x"), named(53): next}
	for path, b := range foreign {
		write(t, filepath.Join(dir, path), b)
	}
	inside := filepath.Join(dir, named(54)+begun, "kept")
	if err := os.MkdirAll(filepath.Dir(inside), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, inside, file)
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, file)
	if err := os.Symlink(outside, filepath.Join(dir, named(55))); err != nil {
		t.Fatal(err)
	}
	old := s.time.Add(-MaxAge - time.Second)
	if err := os.Chtimes(all[2].File, old, old); err != nil {
		t.Fatal(err)
	}
	if got := s.names(t); len(got) != 3 {
		t.Fatal(got)
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	names, _ := os.ReadDir(dir)
	if got := s.names(t); len(got) != 2 || len(names) != 2+len(foreign)+2 {
		t.Fatal(got, names)
	}
	for _, path := range []string{outside, inside} {
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, file) {
			t.Errorf("%s: %v", path, err)
		}
	}
	s.time = s.time.Add(-10 * MaxAge)
	if err := s.Sweep(); err != nil || len(s.names(t)) != 2 {
		t.Error("a clock that went back took something", err)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestUnreadable: a file that the disk does not give is told, and stays.
func TestUnreadable(t *testing.T) {
	s := newShelf(t, durable.Real{}, t.TempDir())
	for i := range 2 {
		if err := s.Keep(name(uint64(i+1), "991015"), s.key.PublicKey(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	eio := errors.New("input/output error")
	s.look = func(path string) (Kept, error) {
		if filepath.Base(path) == FileName(name(1, "991015").Incident) {
			return Kept{}, eio
		}
		return look(path)
	}
	if err := s.Sweep(); !errors.Is(err, eio) {
		t.Error("not told:", err)
	}
	s.look = look
	if err := s.Sweep(); err != nil || len(s.names(t)) != 2 {
		t.Error(s.names(t), err)
	}
}

// TestBounds: the numbers hold whatever is kept; nothing whose incident is open goes while another's is closed, and none of a
// municipality goes for one that has more.
func TestBounds(t *testing.T) {
	towns := []protocol.Municipality{"991015", "991023", "991031"}
	rapid.Check(t, func(t *rapid.T) {
		closed := map[protocol.IncidentID]bool{}
		s := New("", nil, func(id protocol.IncidentID) bool { return !closed[id] }, nil)
		var all []Kept
		for i := range rapid.IntRange(0, MaxFiles).Draw(t, "files") {
			k := Kept{Name: name(uint64(i+1), rapid.SampledFrom(towns).Draw(t, "town")), At: time.Unix(int64(rapid.IntRange(0, 99).Draw(t, "at")), 0),
				Size: int64(rapid.SampledFrom([]int{1 << 10, 5 << 20, 16 << 20}).Draw(t, "size"))}
			if closed[k.Incident] = rapid.Bool().Draw(t, "closed"); sum(all, Kept.bytes)+k.Size <= MaxBytes {
				all = append(all, k)
			}
		}
		m, size := rapid.SampledFrom(towns).Draw(t, "new"), int64(rapid.SampledFrom([]int{1 << 10, 16 << 20}).Draw(t, "new size"))
		out, fits := s.outFor(all, m, size)
		rest := slices.DeleteFunc(slices.Clone(all), func(k Kept) bool { return slices.Contains(out, k) })
		if !fits || len(rest)+len(out) != len(all) || len(rest)+1 > MaxFiles || sum(rest, Kept.bytes)+size > MaxBytes {
			t.Fatalf("%d of %d are left", len(rest), len(all))
		}
		openGoes := slices.ContainsFunc(out, func(k Kept) bool { return !closed[k.Incident] })
		if openGoes && slices.ContainsFunc(rest, func(k Kept) bool { return closed[k.Incident] }) {
			t.Error("one that is open goes, and one that is closed stays")
		}
		if n := len(out); n > 0 && slices.ContainsFunc(rest, func(k Kept) bool {
			last := out[n-1]
			return closed[k.Incident] == closed[last.Incident] && k.Municipality == last.Municipality && oldestFirst(k, last) < 0
		}) {
			t.Error("an older one stays")
		}
	})
	s := New("", nil, func(protocol.IncidentID) bool { return true }, nil)
	var all []Kept
	for i := range MaxFiles {
		m := towns[0]
		if i < 3 { // the oldest are another's
			m = towns[1]
		}
		all = append(all, Kept{Name: name(uint64(i+1), m), At: time.Unix(int64(i), 0), Size: 100})
	}
	for _, m := range towns {
		if out, fits := s.outFor(all, m, 100); !fits || len(out) != 1 || out[0].Municipality != towns[0] || out[0].At.Unix() != 3 {
			t.Errorf("for %s: %+v", m, out)
		}
	}
	if _, fits := s.outFor(nil, towns[0], MaxBytes+1); fits {
		t.Error("more than all of it fits")
	}
}

// TestStorm: a municipality's storm through the store itself leaves another's package alone.
func TestStorm(t *testing.T) {
	s := newShelf(t, durabletest.Fast{}, filepath.Join(t.TempDir(), "sealed"))
	keep := func(n Name) {
		t.Helper()
		if err := s.Keep(n, s.key.PublicKey(), []byte("package")); err != nil {
			t.Fatal(err)
		}
	}
	keep(name(1, "991023"))
	for i := range MaxFiles + 20 {
		keep(name(uint64(i+2), "991015"))
	}
	got := s.names(t)
	if len(got) != MaxFiles || !slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, "991023/") }) {
		t.Errorf("%d files: %v", len(got), got)
	}
}
