package sealed

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"honnin/daemon/durable"
)

const mask = 0x5a

// masked is b as it does not stand in memory otherwise.
func masked(b []byte) (out []byte) {
	for _, c := range b {
		out = append(out, c^mask)
	}
	return out
}

// inMemory counts where this process's memory holds what was masked.
func inMemory(t *testing.T, what []byte) (times int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mem.Close() }()
	window, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON) // no part of the heap
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(window) }()
	read, masks := 0, bytes.Repeat([]byte{mask}, len(window))
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") || to-from > 512<<20 { // so large is only what the race detector knows
			continue
		}
		for at := from; at < to; at += int64(len(window) - len(what)) {
			n, _ := mem.ReadAt(window[:min(int64(len(window)), to-at)], at) // what is not there is not read
			subtle.XORBytes(window[:n], window[:n], masks)
			times += bytes.Count(window[:n], what)
			read += n
			clear(window)
		}
	}
	if read < 1<<20 {
		t.Fatalf("read only %d bytes of this process", read)
	}
	return times
}

// TestNothingIsLeftInMemory: once a package is kept, or could not be, its bytes are nowhere in the process. What looks for them finds
// them before.
func TestNothingIsLeftInMemory(t *testing.T) {
	key := keyOf(t, ecdh.X25519()).PublicKey()
	for how, disk := range map[string]durable.Disk{"kept": durable.Real{}, "not kept": failing{durable.Real{}, os.ErrInvalid}} {
		s := newShelf(t, disk, filepath.Join(t.TempDir(), "sealed"))
		pkg := make([]byte, 1<<16)
		if _, err := rand.Read(pkg); err != nil {
			t.Fatal(err)
		}
		part := masked(pkg[1000:1032])
		if inMemory(t, part) == 0 {
			t.Fatal("it is not found where it is")
		}
		err := s.Keep(name(7, "991015"), key, pkg)
		if (err == nil) != (how == "kept") {
			t.Fatal(err)
		}
		if n := inMemory(t, part); n > 0 {
			t.Errorf("%s: the package is %d times in memory", how, n)
		}
	}
}
