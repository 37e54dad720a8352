package serial

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile is a lock file as minicom makes and honours them: "LCK..ttyS0", "LCK..pts_3", with the holder's process number
// in ten places (the HDB UUCP form; Filesystem Hierarchy Standard 3.0, section 5.9).
type lockFile struct{ path string } // empty: nobody keeps any here

// maxLock bounds a lock file that is read, in bytes.
const maxLock = 256

func lockPath(dir, device string) string {
	return filepath.Join(dir, "LCK.."+strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(device, "/dev/"), "/"), "/", "_"))
}

// takeLock takes a device's lock file, over one whose holder is no more. The file is written elsewhere and linked into its place, so
// that nobody sees it half written.
func takeLock(dir, device string) (*lockFile, error) {
	own, err := os.CreateTemp(dir, "LTMP.*")
	if errors.Is(err, fs.ErrNotExist) {
		return &lockFile{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("serial: the lock file: %w", err)
	}
	defer os.Remove(own.Name())
	_, err = fmt.Fprintf(own, "%10d\n", os.Getpid())
	if err := errors.Join(err, own.Chmod(0o644), own.Close()); err != nil {
		return nil, fmt.Errorf("serial: the lock file: %w", err)
	}
	path := lockPath(dir, device)
	for range 2 {
		if err = os.Link(own.Name(), path); !errors.Is(err, fs.ErrExist) {
			break
		}
		if held(path) {
			return nil, ErrHeld
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(ErrHeld, err)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrHeld
	}
	if err != nil {
		return nil, fmt.Errorf("serial: the lock file: %w", err)
	}
	return &lockFile{path}, nil
}

// held reports whether a lock file's holder lives. One that cannot be read is held.
func held(path string) bool {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil || !st.Mode().IsRegular() || st.Size() > maxLock {
		return true
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	pid, is := holder(b)
	return err != nil || !is || !errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}

// holder is the process that a lock file names.
func holder(b []byte) (pid int, is bool) {
	if len(b) > maxLock {
		return 0, false
	}
	words := bytes.Fields(b)
	if len(words) == 0 {
		return 0, false
	}
	pid, err := strconv.Atoi(string(words[0]))
	return pid, err == nil && pid > 0
}

// release removes it, unless another program has its own there by now.
func (l *lockFile) release() error {
	if l.path == "" || !ours(l.path) {
		return nil
	}
	return os.Remove(l.path)
}

// ours reports whether a lock file names this process.
func ours(path string) bool {
	if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() || st.Size() > maxLock {
		return false
	}
	b, err := os.ReadFile(path)
	pid, is := holder(b)
	return err == nil && is && pid == os.Getpid()
}
