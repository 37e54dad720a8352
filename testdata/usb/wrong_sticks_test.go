package usb_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"honnin/testdata/usb/qemu"
)

// fat is a FAT16 file system (Microsoft's FAT specification, sections 3 and 4) in an image, to be lied in.
type fat []byte

func (b fat) field(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }

func (b fat) root() int { return 512 * (b.field(14) + int(b[16])*b.field(22)) }
func (b fat) data() int { return b.root() + 32*b.field(17) }

// links has every cluster followed by another one, in all copies of the table.
func (b fat) links(next func(n int) int) {
	for table := range int(b[16]) {
		t := b[512*(b.field(14)+table*b.field(22)):][:512*b.field(22)]
		for n := 2; n < len(t)/2; n++ {
			binary.LittleEndian.PutUint16(t[2*n:], uint16(next(n)))
		}
	}
}

// size has the policy's entry in the root directory speak of another size.
func (b fat) size(n uint32) {
	at := b.root() + bytes.Index(b[b.root():b.data()], []byte("POLICY~1TOM"))
	binary.LittleEndian.PutUint32(b[at+28:], n)
}

// damaged: sticks that are broken, or mean ill. Each is refused in one line, before patience ends, and nothing
// of it is taken in.
func (f *fieldwork) damaged() {
	f.Helper()
	next := f.has + 1
	policy := func(dir string) {
		f.lay(dir, next)
		f.lay(dir+"/9", next)
	}
	base := f.filled(policy, "mkfs.vfat", 8<<20, "-F", "16", "-s", "1")
	exfat := f.filled(policy, "mkfs.exfat", 8<<20)
	directory := f.filled(func(dir string) { f.put(dir+"/policy.toml/inside.txt", []byte("見本")) }, "mkfs.vfat", 8<<20, "-F", "16", "-s", "1")
	for _, c := range []struct {
		name, device string
		base         []byte
		damage       func(b fat) fat
		want         string
	}{
		{"a directory where the policy should be", part, directory, nil, "policy.toml: not a regular file"},
		{"chains that end too soon", part, base, func(b fat) fat { b.links(func(int) int { return 0 }); return b }, "input/output error"},
		{"chains in a circle", part, base, func(b fat) fat { b.links(func(n int) int { return n }); return b }, "input/output error"},
		{"chains that lead out", part, base, func(b fat) fat { b.links(func(int) int { return 0xFFF0 }); return b }, "input/output error"},
		{"a policy of four gigabytes", part, base, func(b fat) fat { b.size(1<<32 - 1); return b }, "policy.toml: larger than"},
		{"a policy longer than its chain", part, base, func(b fat) fat { b.size(12 << 20); return b }, "input/output error"},
		{"a root directory of noise", part, base, func(b fat) fat { noise(b[b.root():b.data()]); return b }, "input/output error"},
		{"clusters of three sectors", part, base, func(b fat) fat { b[13] = 3; return b }, "vfat on the stick: invalid argument"},
		{"cut off behind the root directory", part, base, func(b fat) fat { return b[:b.data()+8<<10] }, "input/output error"},
		{"cut off in the table", part, base, func(b fat) fat { return b[:b.root()/2] }, "policy-missing"},
		{"exFAT whose head does not fit its sum", part, exfat, func(b fat) fat { b[120] ^= 1; return b }, "exfat on the stick: invalid argument"},
		{"exFAT with noise behind its head", part, exfat, func(b fat) fat { noise(b[24*512:]); return b }, "exfat on the stick"},
		{"noise", part, base, func(b fat) fat { noise(b); return b }, "no file system on the device"},
		{"the whole stick for its partition", whole, base, nil, "no file system on the device"},
	} {
		f.run(c.name, func() {
			b := bytes.Clone(c.base)
			if c.damage != nil {
				b = b[:before+len(c.damage(b[before:]))]
			}
			image := f.TempDir() + "/stick"
			must(f.T, os.WriteFile(image, b, 0o600))
			f.insert(image, c.device, 0, func() { f.wants(f.refused(c.device), "不一致", c.want) })
		})
	}
	f.run("gone", func() { f.wants(f.refused(part), "不一致", "the device: no such file or directory") })
}

// filled is a stick with something on it, as its image.
func (f *fieldwork) filled(fill func(dir string), mkfs string, size int64, args ...string) []byte {
	f.Helper()
	image := f.format(mkfs, size, args...)
	f.insert(image, part, 0, func() { f.mounted(fill) })
	b, err := os.ReadFile(image)
	must(f.T, err)
	return b
}

// noise is the same each time.
func noise(b []byte) { _, _ = rand.NewChaCha8([32]byte{7}).Read(b) }

// refused is the one line in which a stick is refused.
func (f *fieldwork) refused(device string) string {
	f.Helper()
	said := f.honnind(3, "policy", "receive", "--config", config, "--device", device)
	if strings.Count(said, "\n") != 1 || !strings.HasSuffix(said, "\n") {
		f.Errorf("not in one line:\n%s", said)
	}
	return said
}

// pulled: a stick that goes while the policy is read: what was read since the mount is more than its tables and its directory, which
// are 100 sectors. The mount in which it is read allows nothing.
func (f *fieldwork) pulled() {
	image := f.TempDir() + "/stick"
	must(f.T, os.WriteFile(image, f.filled(f.long, "mkfs.vfat", 8<<20, "-F", "16", "-s", "1"), 0o600))
	f.insert(image, part, 100<<10, func() {
		f.start("pulled")
		var mount qemu.FileSystem
		await(f.T, "a mount", func() bool {
			all, err := f.machine.FileSystems(limit(f.T), "/proc/[0-9]*/fd/*")
			must(f.T, err)
			for _, fs := range all {
				if fs.Type == unix.MSDOS_SUPER_MAGIC {
					mount = fs
				}
			}
			return mount.Type != 0
		})
		const nothing = unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC | stNoSymFollow
		if mount.Flags&nothing != nothing {
			f.Errorf("it is mounted with %#x", mount.Flags)
		}
		had := f.sectors()
		await(f.T, "what is behind the directory", func() bool { return f.sectors() >= had+256 })
	})
	f.wants(f.ended("pulled"), "不一致", "input/output error")
}

// sectors of the stick are read so far (Linux, Documentation/block/stat.rst: the third number).
func (f *fieldwork) sectors() (n int) {
	f.Helper()
	b, err := f.machine.Read(limit(f.T), "/sys/block/sda/stat")
	must(f.T, err)
	fields := strings.Fields(string(b))
	if len(fields) < 3 {
		f.Fatalf("%q", b)
	}
	n, err = strconv.Atoi(fields[2])
	must(f.T, err)
	return n
}

const stNoSymFollow = 0x2000 // statfs(2)

// start has a stick received beside the test.
func (f *fieldwork) start(name string, more ...string) {
	f.Helper()
	args := append([]string{"/bin/honnind", "policy", "receive", "--config", config, "--device", part}, more...)
	must(f.T, f.machine.Start(limit(f.T), qemu.Command{Name: name, Args: args}))
}

// ended waits for the refusal, and returns it.
func (f *fieldwork) ended(name string) (said string) {
	f.Helper()
	await(f.T, "an end", func() bool {
		b, err := f.machine.Said(limit(f.T), name)
		must(f.T, err)
		said = b
		return strings.Contains(said, name+" has ended")
	})
	if code, err := f.machine.Stop(limit(f.T), name); code != 3 || err != nil {
		f.Errorf("%d, %v\n%s", code, err, said)
	}
	return said
}

// nearlyDead has a stick received that gives 8 KiB a second, which goes on beside the test. (The kernel reads 128 KiB at once, and
// aborts that after 30 s; QEMU would stand still meanwhile.) What is returned waits for the end, and pulls the stick only then.
func (f *fieldwork) nearlyDead() (wait func()) {
	f.Helper()
	image := f.TempDir() + "/stick"
	must(f.T, os.WriteFile(image, f.filled(f.long, "mkfs.vfat", 8<<20, "-F", "16", "-s", "1"), 0o600))
	must(f.T, f.machine.Insert(limit(f.T), "stick", image, 0))
	awaitFile(f.T, part)
	must(f.T, f.machine.Slow(limit(f.T), "stick", 8<<10))
	began := time.Now()
	f.start("slow", "--result", "/tmp")
	return func() {
		f.wants(f.ended("slow"), "不一致", "the stick did not answer within 1m0s", "No result file was written")
		f.Logf("the terminal gave it up after %.0f s at most", time.Since(began).Seconds())
		must(f.T, f.machine.Pull(limit(f.T), "stick"))
		awaitNoFile(f.T, whole)
	}
}
