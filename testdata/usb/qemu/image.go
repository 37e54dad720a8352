package qemu

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// image is what the machine's root holds, by path without the leading slash.
type image map[string]file

type file struct {
	mode os.FileMode // permissions
	data []byte
}

// add puts a file of the host in.
func (i image) add(at, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	i[strings.TrimPrefix(at, "/")] = file{info.Mode().Perm(), b}
	return nil
}

// libraryPlaces are where Debian has libraries.
var libraryPlaces = []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/systemd", "/lib/systemd"}

// program puts a program in, with the libraries that it is linked to, and theirs.
func (i image) program(at, from string) error {
	if err := i.add(at, from); err != nil {
		return err
	}
	f, err := elf.Open(from)
	if err != nil {
		return nil // a script
	}
	defer func() { _ = f.Close() }()
	names, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	if s := f.Section(".interp"); s != nil {
		b, err := s.Data()
		if err != nil {
			return err
		}
		loader := string(bytes.TrimRight(b, "\x00"))
		if err := i.add(loader, loader); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := i.library(name); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
	return nil
}

// library puts one in, where the loader looks first.
func (i image) library(name string) error {
	at := "lib/x86_64-linux-gnu/" + name
	if _, ok := i[at]; ok || strings.HasPrefix(name, "ld-linux") {
		return nil
	}
	for _, dir := range libraryPlaces {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return i.program(at, filepath.Join(dir, name))
		}
	}
	return fmt.Errorf("no library %s", name)
}

// modules puts modules in, each after those that it needs, and the order in which to load them.
func (i image) modules(k kernel, names ...string) error {
	var order []string
	var add func(name string) error
	add = func(name string) error {
		at := "lib/modules/" + name + ".ko"
		if _, ok := i[at]; ok {
			return nil
		}
		from, needs, err := k.module(name)
		if err != nil {
			return err
		}
		if err := i.add(at, from); err != nil {
			return err
		}
		for _, n := range needs {
			if err := add(n); err != nil {
				return err
			}
		}
		order = append(order, name+".ko")
		return nil
	}
	for _, n := range names {
		if err := add(n); err != nil {
			return err
		}
	}
	i["lib/modules/order"] = file{0o644, []byte(strings.Join(order, "\n"))}
	return nil
}

// module is where a module lies, and which others it needs (its section .modinfo, "depends=A,B").
func (k kernel) module(name string) (from string, needs []string, err error) {
	for _, spelt := range []string{name, strings.ReplaceAll(name, "_", "-"), strings.ReplaceAll(name, "-", "_")} {
		from = filepath.Join(k.dir, "modules", spelt+".ko")
		f, openErr := elf.Open(from)
		if openErr != nil {
			err = openErr
			continue
		}
		defer func() { _ = f.Close() }()
		s := f.Section(".modinfo")
		if s == nil {
			return "", nil, fmt.Errorf("module %s says nothing of itself", name)
		}
		info, err := s.Data()
		if err != nil {
			return "", nil, err
		}
		for fact := range strings.SplitSeq(string(info), "\x00") {
			if list, ok := strings.CutPrefix(fact, "depends="); ok && list != "" {
				needs = strings.Split(list, ",")
			}
		}
		return from, needs, nil
	}
	return "", nil, err
}

// write makes the archive that the kernel unpacks (kernel.org, "initramfs buffer format", newc). It is not compressed:
// copying it takes less than decompressing it would.
func (i image) write(to string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	w := &archive{w: bufio.NewWriterSize(f, 1<<20), dirs: map[string]bool{".": true}}
	for _, at := range slices.Sorted(maps.Keys(i)) {
		w.dir(path.Dir(at))
		w.entry(at, 0o100000|uint32(i[at].mode), i[at].data)
	}
	w.entry("dev/console", 0o020600, nil) // or the first process has nowhere to speak
	w.entry("TRAILER!!!", 0, nil)
	return errors.Join(w.err, w.w.Flush(), f.Close())
}

type archive struct {
	w     *bufio.Writer
	dirs  map[string]bool
	inode int
	err   error
}

func (a *archive) dir(name string) {
	if a.dirs[name] {
		return
	}
	a.dirs[name] = true
	a.dir(path.Dir(name))
	a.entry(name, 0o040755, nil)
}

func (a *archive) entry(name string, mode uint32, data []byte) {
	if a.err != nil {
		return
	}
	a.inode++
	major, minor := 0, 0
	if mode&0o170000 == 0o020000 {
		major, minor = 5, 1
	}
	head := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0, name)
	for _, part := range [][]byte{[]byte(head), data} {
		if _, a.err = a.w.Write(part); a.err != nil {
			return
		}
		if _, a.err = io.WriteString(a.w, "\x00\x00\x00"[:-len(part)&3]); a.err != nil {
			return
		}
	}
}
