package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
)

// loop makes a block device of an image, as a stick is one. It skips the test where the machine has none, and fails it where CI=true.
func loop(t *testing.T, image string) string {
	t.Helper()
	missing := func(why error) {
		if os.Getenv("CI") == "true" {
			t.Fatal("no loop device can be had:", why)
		}
		t.Skip("no loop device can be had:", why)
	}
	if os.Getuid() != 0 {
		missing(errors.New("not root"))
	}
	out, err := exec.Command("losetup", "--find", "--show", image).Output()
	if err != nil {
		missing(err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if err := exec.Command("losetup", "--detach", device).Run(); err != nil {
			t.Error(err)
		}
	})
	return device
}

// ext4 makes an image with what lies in a directory.
func ext4(t *testing.T, from string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 8<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", from, image).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return image
}

// imageOf is an image with these policies in numbered directories, and what else is put there.
func imageOf(t *testing.T, all []signed.Bundle, more ...func(dir string) error) string {
	t.Helper()
	dir := t.TempDir()
	for i, b := range all {
		lay(t, filepath.Join(dir, string(rune('1'+i))), b)
	}
	for _, f := range more {
		if err := f(dir); err != nil {
			t.Fatal(err)
		}
	}
	return ext4(t, dir)
}

// lay writes a policy with its signatures into a directory.
func lay(t *testing.T, dir string, b signed.Bundle) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, textFile), b.Text)
	for i, s := range b.Signatures {
		put(t, filepath.Join(dir, textFile+"."+string(rune('a'+i))+".p7s"), s.DER)
	}
}

// A stick that is not mounted is read, not changed by that, mounted nowhere, and takes a result where it is asked to.
func TestDevice(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(2)
	image := imageOf(t, all)
	device := loop(t, image)
	before, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := ReadDevice(device)
	if err != nil || len(got) != 2 || !bytes.Equal(got[1].Text, all[1].Text) || len(got[1].Signatures) != 2 {
		t.Fatalf("%d, %v", len(got), err)
	}
	unix.Sync()
	if after, err := os.ReadFile(image); err != nil || !bytes.Equal(before, after) {
		t.Error("reading changed the stick", err)
	}
	if err := WriteDevice(device, here, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	if err := WriteDevice(device, here, []byte("sealed again")); err != nil {
		t.Fatal(err)
	}
	if got, _, err = ReadDevice(device); err != nil || len(got) != 2 {
		t.Error("read again:", err)
	}
	out, err := exec.Command("debugfs", "-R", "cat "+ResultName(here), image).Output()
	if err != nil || string(out) != "sealed again" {
		t.Errorf("%q, %v", out, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(device, &st); err != nil {
		t.Fatal(err)
	}
	stick := fmt.Sprintf(" %d:%d ", unix.Major(st.Rdev), unix.Minor(st.Rdev)) // proc(5): others may mount what they like meanwhile
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || bytes.Contains(mounts, []byte(stick)) {
		t.Error("it is still mounted", err)
	}
}

// Sticks that mean ill, or are broken: an error in time, and nothing of it is taken.
func TestHostileDevices(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(1)
	text := func(make func(path string) error) func(string) error {
		return func(dir string) error {
			p := filepath.Join(dir, "1", textFile)
			return errors.Join(os.Remove(p), make(p))
		}
	}
	sparse := func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 1<<40)) }
	for name, c := range map[string]struct {
		image func() string
		want  string
	}{
		"link": {func() string {
			return imageOf(t, all, text(func(p string) error { return os.Symlink("/etc/passwd", p) }))
		}, "not a regular file"},
		"pipe": {func() string { return imageOf(t, all, text(func(p string) error { return unix.Mkfifo(p, 0o600) })) }, "not a regular file"},
		"device": {func() string {
			return imageOf(t, all, text(func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) }))
		}, "not a regular file"},
		"sparse": {func() string { return imageOf(t, all, text(sparse)) }, "larger than"},
		"linked directory": {func() string {
			return imageOf(t, nil, func(dir string) error { return os.Symlink("/etc", filepath.Join(dir, "1")) })
		}, "not a directory that can be read, or a link"},
		"nothing": {func() string { return imageOf(t, nil) }, string(signed.Missing)},
		"truncated": {func() string {
			p := imageOf(t, all)
			if err := os.Truncate(p, 1<<20); err != nil {
				t.Fatal(err)
			}
			return p
		}, "ext4 on the stick"},
		"damaged": {func() string {
			p := imageOf(t, all)
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.WriteAt(bytes.Repeat([]byte{0xA5}, 1<<20), 2048)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			return p
		}, "ext4 on the stick"},
		"no file system": {func() string {
			p := filepath.Join(t.TempDir(), "image")
			put(t, p, make([]byte, 1<<20))
			return p
		}, "no file system on the device"},
		"too small": {func() string {
			p := filepath.Join(t.TempDir(), "image")
			put(t, p, make([]byte, 512))
			return p
		}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := ReadDevice(loop(t, c.image()))
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d policies, %v", len(got), err)
			}
		})
	}
	for name, path := range map[string]string{"a file": imageOf(t, all), "a directory": t.TempDir(), "a character device": "/dev/null", "nothing there": "/dev/nowhere"} {
		if _, _, err := ReadDevice(path); err == nil || !strings.Contains(err.Error(), "the device") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only file systems that are meant for sticks are mounted at all.
func TestKindOf(t *testing.T) {
	at := func(offset int, mark string) []byte {
		b := make([]byte, 4096)
		copy(b[offset:], mark)
		return b
	}
	for name, c := range map[string]struct {
		image []byte
		want  string
	}{
		"FAT32": {at(82, "FAT32   "), "vfat"}, "FAT16": {at(54, "FAT16   "), "vfat"}, "FAT12": {at(54, "FAT12   "), "vfat"}, "exFAT": {at(3, "EXFAT   "), "exfat"},
		"ext4": {at(1080, "\x53\xEF"), "ext4"}, "NTFS": {at(3, "NTFS    "), ""}, "a partition table": {at(510, "\x55\xAA"), ""}, "nothing": {make([]byte, 4096), ""},
		"squashfs": {at(0, "hsqs"), ""}, "ISO 9660": {at(1, "CD001"), ""},
	} {
		got, err := kindOf(bytes.NewReader(c.image))
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A stick is mounted so that nothing on it can do anything, and for reading only unless a result is written.
func TestMountAllowsNothing(t *testing.T) {
	device := loop(t, imageOf(t, signedtest.New(t, start).Chain(1)))
	const nothing = unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC | 0x2000 // ST_NOSYMFOLLOW
	for write, want := range map[bool]int64{false: nothing | unix.ST_RDONLY, true: nothing} {
		err := mounted(device, write, func(dir *os.File) error {
			var st unix.Statfs_t
			err := unix.Fstatfs(int(dir.Fd()), &st)
			if got := st.Flags & (nothing | unix.ST_RDONLY); got != want {
				t.Errorf("for writing %t: flags %#x, want %#x", write, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A stick that never answers is left behind.
func TestInTime(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	if err := inTime(time.Millisecond, func() error { <-never; return nil }); !errors.Is(err, ErrSilent) {
		t.Error(err)
	}
	if err := inTime(time.Hour, func() error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}
