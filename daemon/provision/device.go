package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/durable"
)

// devicePatience bounds what is done with a stick at once: it may be slow, broken, or made to seem so.
const devicePatience = 60 * time.Second

// ReadDevice is [Read] for a stick that is not mounted: its partition, "/dev/sdb1", is mounted where no path leads, read,
// and unmounted. The mount is read-only, nosuid, nodev, noexec, follows no link, and writes nothing to the stick, not even
// a journal's rest. It needs root.
func ReadDevice(path string) (out []signed.Bundle, passed []string, err error) {
	err = inTime(devicePatience, func() error {
		return mounted(path, false, func(dir *os.File) (err error) {
			out, passed, err = readAll(dir, maxBytes)
			return err
		})
	})
	if err != nil {
		return nil, nil, err
	}
	return out, passed, nil
}

// WriteDevice is [WriteResult] for a stick that is not mounted.
func WriteDevice(path string, t protocol.Terminal, sealed []byte) error {
	return inTime(devicePatience, func() error {
		return mounted(path, true, func(dir *os.File) error {
			return errors.Join(WriteResult(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), t, sealed), unix.Syncfs(int(dir.Fd())))
		})
	})
}

// ErrSilent is a stick that does not answer in time. A thread of this process may still be in the kernel and wait for it: nothing
// may be done that waits for all threads, such as becoming another user, but to end.
var ErrSilent = errors.New("the stick did not answer")

// inTime leaves behind what does not end: a kernel that waits for a stick cannot be interrupted ([ErrSilent]).
func inTime(patience time.Duration, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		return fmt.Errorf("%w within %s", ErrSilent, patience)
	}
}

// mounted does something with the root directory of a device's file system.
func mounted(path string, write bool, do func(dir *os.File) error) error {
	device, err := openDevice(path)
	if err != nil {
		return err
	}
	defer device.Close()
	kind, err := kindOf(device)
	if err != nil {
		return err
	}
	dir, err := mount(device, kind, write)
	if err != nil {
		return fmt.Errorf("%s on the stick: %w", kind, err)
	}
	return errors.Join(do(dir), dir.Close())
}

// openDevice opens a block device, and nothing else.
func openDevice(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("the device: %w", err)
	}
	f := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return nil, errors.Join(errors.New("the device: not a block device, such as /dev/sdb1"), err, f.Close())
	}
	return f, nil
}

// fileSystems are those that are mounted at all, by what stands where in them.
var fileSystems = []struct {
	kind, mark string
	at         int
	flags      []string // when it is only read
}{
	{"vfat", "FAT32   ", 82, nil},                       // Microsoft's FAT specification, section 3
	{"vfat", "FAT16   ", 54, nil},                       //
	{"vfat", "FAT12   ", 54, nil},                       //
	{"exfat", "EXFAT   ", 3, nil},                       // exFAT specification, section 3.1
	{"ext4", "\x53\xEF", 1024 + 56, []string{"noload"}}, // kernel.org, ext4: s_magic
}

// kindOf says which file system is on a device.
func kindOf(device io.ReaderAt) (string, error) {
	b := make([]byte, 2048)
	if n, err := device.ReadAt(b, 0); n < len(b) {
		return "", fmt.Errorf("the device cannot be read: %w", err)
	}
	for _, f := range fileSystems {
		if bytes.HasPrefix(b[f.at:], []byte(f.mark)) {
			return f.kind, nil
		}
	}
	return "", errors.New("no file system on the device that is known here (FAT, exFAT, ext4); name the stick's partition, such as /dev/sdb1")
}

// mount returns the root directory of a mount that is in no mount namespace, and ends with it (fsmount(2)).
func mount(device *os.File, kind string, write bool) (*os.File, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fs)
	attributes := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW
	steps := []func() error{func() error {
		return unix.FsconfigSetString(fs, "source", fmt.Sprintf("/proc/self/fd/%d", device.Fd()))
	}}
	if !write {
		attributes |= unix.MOUNT_ATTR_RDONLY
		steps = append(steps, func() error { return unix.FsconfigSetFlag(fs, "ro") })
		for _, f := range fileSystems {
			for _, flag := range f.flags {
				if f.kind == kind {
					steps = append(steps, func() error { return unix.FsconfigSetFlag(fs, flag) })
				}
			}
		}
	}
	steps = append(steps, func() error { return unix.FsconfigCreate(fs) })
	if err := durable.InOrder(steps...); err != nil {
		return nil, err
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attributes)
	if err != nil {
		return nil, err
	}
	mount := os.NewFile(uintptr(fd), "the stick")
	defer mount.Close()
	return openDir(fd, ".") // what fsmount gives is a path only
}
