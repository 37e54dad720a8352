package qemu

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// kernel is Debian's, unpacked: vmlinux, and the modules' files below modules/.
type kernel struct{ dir string }

// wanted are the modules that are kept, of some 300 MB: USB, a network card, sticks, and what these need.
var wanted = []string{"/kernel/drivers/usb/", "/kernel/drivers/net/ethernet/intel/e1000/",
	"/kernel/drivers/scsi/s", "/kernel/block/", "/kernel/lib/crc", "/kernel/crypto/crc", "/kernel/fs/fat/", "/kernel/fs/exfat/", "/kernel/fs/nls/"}

// findKernel takes the kernel that Debian has now from the cache, or fetches it.
func findKernel(ctx context.Context) (kernel, error) {
	name, err := kernelPackage(ctx)
	if err != nil {
		return kernel{}, err
	}
	kept := crc32.ChecksumIEEE([]byte(strings.Join(wanted, "\n")))
	dir, err := cached(fmt.Sprintf("%s-%08x", name, kept), func(dir string) error { return fetch(ctx, name, dir) })
	return kernel{dir}, err
}

// cached is a directory of the user's cache, which is filled if it is not there.
func cached(name string, fill func(dir string) error) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, "honnin-test", name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	lock, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil { // another test may fetch it already
		return "", err
	}
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "unpacking-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err := fill(tmp); err != nil {
		return "", fmt.Errorf("qemu: %s: %w", name, err)
	}
	return dir, os.Rename(tmp, dir)
}

// kernelPackage is what the package linux-image-amd64 stands for.
func kernelPackage(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "linux-image-amd64").Output()
	if err != nil {
		return "", fmt.Errorf("qemu: apt-cache: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: linux-image-"); ok {
			return "linux-image-" + name, nil
		}
	}
	return "", errors.New("qemu: apt-cache knows no kernel (apt-get update)")
}

func fetch(ctx context.Context, name, dir string) error {
	deb, err := download(ctx, name)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(deb)) }()
	files := exec.CommandContext(ctx, "dpkg", "--fsys-tarfile", deb)
	out, err := files.StdoutPipe()
	if err != nil {
		return err
	}
	if err := files.Start(); err != nil {
		return err
	}
	image, err := unpack(out, dir)
	_, _ = io.Copy(io.Discard, out) // or dpkg would die of a pipe that nobody reads
	if err := errors.Join(err, files.Wait()); err != nil {
		return err
	}
	elf, err := payload(ctx, image)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "vmlinux"), elf, 0o644)
}

func download(ctx context.Context, name string) (deb string, err error) {
	dir, err := os.MkdirTemp("", "honnin-kernel-")
	if err != nil {
		return "", err
	}
	get := exec.CommandContext(ctx, "apt-get", "download", "-q", name)
	get.Dir = dir
	said, err := get.CombinedOutput()
	found, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) != 1 {
		return "", errors.Join(fmt.Errorf("apt-get download: %s", said), err, os.RemoveAll(dir))
	}
	return found[0], nil
}

// unpack keeps the modules that are wanted, and returns the compressed kernel.
func unpack(files io.Reader, dir string) (image []byte, err error) {
	modules := filepath.Join(dir, "modules")
	if err := os.Mkdir(modules, 0o755); err != nil {
		return nil, err
	}
	for t := tar.NewReader(files); ; {
		h, err := t.Next()
		if err == io.EOF {
			return image, nil
		}
		if err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(h.Name, "./boot/vmlinuz-"):
			image, err = io.ReadAll(t)
		case strings.HasSuffix(h.Name, ".ko") && isWanted(h.Name):
			var b []byte
			if b, err = io.ReadAll(t); err == nil {
				err = os.WriteFile(filepath.Join(modules, path.Base(h.Name)), b, 0o644)
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

func isWanted(name string) bool {
	for _, w := range wanted {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// payload is the kernel itself: QEMU starts an ELF by its PVH note, and saves the machine the decompression of it, which
// takes longer than the rest of a boot. Where it lies is in the header of the boot protocol
// (kernel.org, x86/boot: setup_sects at 1F1, payload_offset at 248, payload_length at 24C; the length follows the data).
func payload(ctx context.Context, image []byte) ([]byte, error) {
	if len(image) < 0x250 || string(image[0x202:0x206]) != "HdrS" {
		return nil, errors.New("no kernel image")
	}
	from := (int(image[0x1F1])+1)*512 + int(binary.LittleEndian.Uint32(image[0x248:]))
	to := from + int(binary.LittleEndian.Uint32(image[0x24C:])) - 4
	if from < 0 || to > len(image) || from >= to {
		return nil, errors.New("a kernel image cut short")
	}
	xz := exec.CommandContext(ctx, "xz", "--decompress", "--stdout", "--single-stream")
	xz.Stdin = bytes.NewReader(image[from:to])
	elf, err := xz.Output()
	if err == nil && !bytes.HasPrefix(elf, []byte("\x7FELF")) {
		err = errors.New("the kernel is no ELF")
	}
	return elf, err
}
