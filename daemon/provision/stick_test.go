package provision

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed/signedtest"
)

func TestReadTakes(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(3)
	one, many := stick(t, all[0]), stick(t, all...)
	put(t, filepath.Join(one, "holiday.jpg"), []byte("not ours"))
	if err := os.Mkdir(filepath.Join(one, "System Volume Information"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{one, filepath.Join(one, textFile)} {
		if b := read(t, path); len(b) != 1 || !bytes.Equal(b[0].Text, all[0].Text) || len(b[0].Signatures) != 2 {
			t.Error(path, len(b))
		}
	}
	if b := read(t, many); len(b) != 3 {
		t.Error(len(b))
	}
	newMachine(t, o).takes(read(t, many)...)
}

// A numbered directory without a policy is named and passed over; what is beside it counts.
func TestNumberWithoutPolicy(t *testing.T) {
	o := signedtest.New(t, start)
	dir := stick(t, o.Chain(2)...)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "2026"), 0o700), os.Mkdir(filepath.Join(dir, "photos"), 0o700)); err != nil {
		t.Fatal(err)
	}
	got, passed, err := Read(dir)
	if err != nil || len(got) != 2 || !slices.Equal(passed, []string{"2026"}) {
		t.Errorf("%d taken, %v passed over, %v", len(got), passed, err)
	}
}

// The bound of what is read counts signatures, too.
func TestBytesOfAll(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(2)
	dir := stick(t, all...)
	whole := size(all[0]) + size(all[1])
	if whole <= len(all[0].Text)+len(all[1].Text) {
		t.Fatal("no signatures")
	}
	for left, fits := range map[int]bool{whole: true, whole - 1: false} {
		d, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := readAll(d, left); (err == nil) != fits || fits && len(got) != 2 {
			t.Errorf("%d bytes of %d: %d, %v", left, whole, len(got), err)
		}
		d.Close()
	}
}

// A file system that means harm.
func TestHostileSticks(t *testing.T) {
	o := signedtest.New(t, start)
	good := o.Chain(1)[0]
	elsewhere := stick(t, good)
	for name, harm := range map[string]struct {
		do   func(dir string) error
		says string
	}{
		"empty": {func(dir string) error { return os.Remove(filepath.Join(dir, textFile)) }, "policy-missing"},
		"text is a link": {func(dir string) error {
			return relink(filepath.Join(elsewhere, textFile), filepath.Join(dir, textFile))
		}, "not a regular file"},
		"text is a device": {func(dir string) error {
			return replace(dir, textFile, func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) })
		}, "not a regular file"},
		"text is a pipe": {func(dir string) error {
			return replace(dir, textFile, func(p string) error { return unix.Mkfifo(p, 0o600) })
		}, "not a regular file"},
		"text is a directory": {func(dir string) error {
			return replace(dir, textFile, func(p string) error { return os.Mkdir(p, 0o700) })
		}, "not a regular file"},
		"text is huge":          {func(dir string) error { return os.Truncate(filepath.Join(dir, textFile), 1<<40) }, "larger than"},
		"a signature is a link": {func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "policy.toml.x.p7s")) }, "not a regular file"},
		"a signature is large": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policy.toml.x.p7s"), make([]byte, 1<<17), 0o600)
		}, "larger than"},
		"a number is a link":  {func(dir string) error { return os.Symlink(elsewhere, filepath.Join(dir, "2")) }, "or a link"},
		"a number is a file":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "2"), nil, 0o600) }, "not a directory"},
		"too many signatures": {many(40, "policy.toml.%.p7s"), "more than 32 signatures"},
		"too many files":      {many(maxNames+1, "f%"), "more than 4096 files"},
	} {
		dir := stick(t, good)
		if err := harm.do(dir); err != nil {
			t.Fatal(name, err)
		}
		if b, _, err := Read(dir); err == nil || !strings.Contains(err.Error(), harm.says) {
			t.Errorf("%s: %d taken, %v", name, len(b), err)
		}
	}
	link := filepath.Join(t.TempDir(), "stick")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(link); err == nil {
		t.Error("a link to a stick")
	}
}

func replace(dir, name string, with func(string) error) error {
	p := filepath.Join(dir, name)
	return errors.Join(os.Remove(p), with(p))
}

func relink(to, at string) error { return errors.Join(os.Remove(at), os.Symlink(to, at)) }

func many(n int, form string) func(string) error {
	return func(dir string) error {
		for i := range n {
			name := strings.Replace(form, "%", "n"+slotName(uint64(i)), 1)
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	}
}
