package provision

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
)

// RootFile is the name of the file with which trust in policies begins, beside site.toml. It is placed when the machine
// is set up, by root, from the office's own hand (a fingerprint read over the telephone is enough, 64 digits for each
// key): whoever writes it decides which policies the machine obeys. So it and its directory must belong to the owner and
// be writable by nobody else; the daemon's own user, which may be taken over, cannot change it. It is read at every
// start, and matters until the store is lost: the keys that sign today are in the policies.
const RootFile = "policy-root.toml"

const maxRoot = 64 << 10

// LoadRoot reads the root file in dir, which this user (0 in production) must own.
func LoadRoot(dir string, owner int) (signed.Keys, error) {
	d, err := os.Open(dir)
	if err != nil {
		return signed.Keys{}, err
	}
	defer d.Close()
	if err := owned(int(d.Fd()), "", owner); err != nil {
		return signed.Keys{}, fmt.Errorf("%s: %w", dir, err)
	}
	if err := owned(int(d.Fd()), RootFile, owner); err != nil {
		return signed.Keys{}, fmt.Errorf("%s: %w", filepath.Join(dir, RootFile), err)
	}
	b, err := readFile(d, RootFile, maxRoot)
	if err != nil {
		return signed.Keys{}, err
	}
	return signed.ParseRoot(b)
}

// owned looks at the directory itself, or at what it holds under name. Nobody but the owner can exchange that later.
func owned(dir int, name string, owner int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	if int(st.Uid) != owner || st.Mode&0o022 != 0 {
		return fmt.Errorf("must belong to user %d and be writable by nobody else", owner)
	}
	return nil
}
