package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Known tells whether apt's lists say where packages are that are to be fetched. (apt-cache show is content with one of them, and
// with one that is installed.)
func Known(names ...string) error {
	if err := exec.Command("apt-get", append([]string{"download", "--print-uris", "-qq"}, names...)...).Run(); err != nil {
		return fmt.Errorf("qemu: apt's lists lack one of %s (apt-get update): %w", strings.Join(names, ", "), err)
	}
	return nil
}

// Unpacked is where the files of one of Debian's packages lie, for programs of others that run in the machine and would
// be in the way here: ipp-usb takes hold of each printer that it finds. It is fetched once, as the kernel is.
func Unpacked(ctx context.Context, name string) (dir string, err error) {
	out, err := exec.CommandContext(ctx, "apt-get", "download", "--print-uris", "-q", name).Output()
	if err != nil {
		return "", fmt.Errorf("qemu: apt-get download %s: %w", name, err)
	}
	fields := strings.Fields(string(out)) // address, file, size, digest
	if len(fields) != 4 || fields[1] != filepath.Base(fields[1]) {
		return "", fmt.Errorf("qemu: apt-get knows no package %s (apt-get update)", name)
	}
	return cached(strings.TrimSuffix(fields[1], ".deb"), func(dir string) error {
		deb, err := download(ctx, name)
		if err != nil {
			return err
		}
		said, err := exec.CommandContext(ctx, "dpkg", "--extract", deb, dir).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("dpkg --extract: %w: %s", err, said)
		}
		return errors.Join(err, os.RemoveAll(filepath.Dir(deb)))
	})
}
