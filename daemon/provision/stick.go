package provision

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/config/trust"
)

// Bounds of what is brought: names in one directory, policies, and bytes of all.
const (
	maxNames   = 4096
	maxBundles = 64
	maxBytes   = 64 << 20
)

// numbered is a directory of one policy among several.
var numbered = regexp.MustCompile(`^[0-9]{1,16}$`)

// Read takes what a stick or a directory brings: its policy.toml with the signatures beside it, and those in numbered
// directories, "8", "9", for terminals that are behind. A path to a policy.toml takes that one alone, and one to another file
// takes that as a pack ([ReadPack]). passed are numbered directories without a policy: a camera makes such, too.
//
// The file system may be hostile. Only regular files with the expected names are opened, none through a link, each is
// read once, into memory, up to its bound; nothing is run, followed or written. Mount a stick with
// "ro,nosuid,nodev,noexec".
func Read(path string) (out []signed.Bundle, passed []string, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG || filepath.Base(path) == textFile {
		out, err := readOne(path)
		return out, nil, err
	}
	dir, err := openDir(unix.AT_FDCWD, path)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	return readAll(dir, maxBytes)
}

// readOne reads a policy.toml with the signatures beside it, or a pack.
func readOne(path string) ([]signed.Bundle, error) {
	dir, err := openDir(unix.AT_FDCWD, filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if filepath.Base(path) == textFile {
		b, err := readBundle(dir)
		return []signed.Bundle{b}, err
	}
	pack, err := readFile(dir, filepath.Base(path), MaxPack)
	if err != nil {
		return nil, err
	}
	return ReadPack(pack)
}

// readAll reads at most left bytes.
func readAll(dir *os.File, left int) (out []signed.Bundle, passed []string, err error) {
	names, err := list(dir)
	if err != nil {
		return nil, nil, err
	}
	take := func(from *os.File) error {
		b, err := readBundle(from)
		if err != nil {
			return err
		}
		if left -= size(b); left < 0 || len(out) == maxBundles {
			return fmt.Errorf("more than %d policies, or than %d bytes", maxBundles, maxBytes)
		}
		out = append(out, b)
		return nil
	}
	for _, name := range names {
		switch {
		case name == textFile:
			err = take(dir)
		case numbered.MatchString(name):
			var empty bool
			if empty, err = inside(dir, name, take); empty {
				passed = append(passed, name)
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if len(out) == 0 {
		return nil, passed, &signed.Refusal{Code: signed.Missing, Err: errors.New("no policy.toml is here, nor in numbered directories")}
	}
	return out, passed, nil
}

func size(b signed.Bundle) int {
	n := len(b.Text)
	for _, s := range b.Signatures {
		n += len(s.DER)
	}
	return n
}

// inside does something with a directory, if it is one, and has a policy.
func inside(dir *os.File, name string, do func(*os.File) error) (empty bool, err error) {
	sub, err := openDir(int(dir.Fd()), name)
	if err != nil {
		return false, err
	}
	defer sub.Close()
	var st unix.Stat_t
	if err := unix.Fstatat(int(sub.Fd()), textFile, &st, unix.AT_SYMLINK_NOFOLLOW); errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, do(sub)
}

// list returns the names in a directory, sorted.
func list(dir *os.File) ([]string, error) {
	names, err := dir.Readdirnames(maxNames + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > maxNames {
		return nil, fmt.Errorf("more than %d files in one directory", maxNames)
	}
	slices.Sort(names)
	return names, nil
}

// readBundle reads policy.toml in dir and its signatures.
func readBundle(dir *os.File) (b signed.Bundle, err error) {
	if b.Text, err = readFile(dir, textFile, signed.MaxText); err != nil {
		return b, err
	}
	names, err := signatures(dir)
	if err != nil {
		return b, err
	}
	for _, name := range names {
		der, err := readFile(dir, name, trust.MaxDetached)
		if err != nil {
			return b, err
		}
		b.Signatures = append(b.Signatures, signed.Signature{Name: name, DER: der})
	}
	return b, nil
}

// signatures returns the names of the signatures in dir, sorted.
func signatures(dir *os.File) ([]string, error) {
	again, err := openDir(int(dir.Fd()), ".") // a directory is listed once by each descriptor
	if err != nil {
		return nil, err
	}
	defer again.Close()
	names, err := list(again)
	names = slices.DeleteFunc(names, func(name string) bool { return !signatureForm.MatchString(name) })
	if err == nil && len(names) > signed.MaxSignatures {
		err = fmt.Errorf("more than %d signatures", signed.MaxSignatures)
	}
	return names, err
}

// openDir opens a directory that is no link.
func openDir(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: not a directory that can be read, or a link: %w", filepath.Base(name), err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// readFile reads a regular file of at most so many bytes.
func readFile(dir *os.File, name string, most int) (b []byte, err error) {
	err = withFile(dir, name, most, func(f io.Reader) error {
		b, err = io.ReadAll(f)
		return err
	})
	return b, err
}

// withFile reads a regular file of at most so many bytes. It looks before it opens, since opening a device may do
// something, and after, since it may have been exchanged.
func withFile(dir *os.File, name string, most int, read func(io.Reader) error) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := regular(st, name, most); err != nil {
		return err
	}
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := regular(st, name, most); err != nil {
		return err
	}
	l := &io.LimitedReader{R: f, N: int64(most) + 1}
	if err := read(l); err != nil {
		return err
	}
	if l.N == 0 {
		return tooLarge(name, most)
	}
	return nil
}

func regular(st unix.Stat_t, name string, most int) error {
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%s: not a regular file", name)
	case st.Size > int64(most):
		return tooLarge(name, most)
	}
	return nil
}

func tooLarge(name string, most int) error {
	return fmt.Errorf("%s: larger than %d bytes", name, most)
}
