package technician

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// share is part of whole in percent, rounded up; nil of nothing.
func share(part, whole uint64) *int {
	const most = 1 << 56 // far more than any disk has
	if whole == 0 || whole > most || part > whole {
		return nil
	}
	n := int((part*100 + whole - 1) / whole)
	return &n
}

// journalShare is the journal's share of the room that it can have: its own file and what is free beside it. It has no other bound.
func journalShare(state string) *int {
	info, err := os.Stat(filepath.Join(state, journalFile))
	var s unix.Statfs_t
	if err != nil || unix.Statfs(state, &s) != nil {
		return nil
	}
	size := uint64(info.Size())
	return share(size, size+s.Bavail*uint64(s.Bsize))
}

// storage says how worn the flash is that the state directory is on, where that says so.
func (l *look) storage(context.Context) (state, why string) {
	var s unix.Stat_t
	if err := unix.Stat(l.o.Site.State, &s); err != nil {
		return "unknown", wordOf(err)
	}
	disks := disksOf(l.o.Sys, unix.Major(s.Dev), unix.Minor(s.Dev))
	state, why = "unknown", "not-told"
	for _, d := range disks {
		w, ok := wearOf(d)
		if !ok {
			continue
		}
		if l.worn == nil || w.used > *l.worn {
			l.worn = &w.used
		}
		if s, word := w.verdict(); state == "unknown" || s == "failed" || s == "soon" && state == "ok" {
			state, why = s, word
		}
	}
	return state, why
}

// disksOf are the whole disks under a device number, as directories of sysfs: itself, or what its partition is of, or what a
// mapping (LVM, LUKS, RAID) is made of. A file system without a device of its own has none.
func disksOf(sys string, major, minor uint32) []string {
	at, err := filepath.EvalSymlinks(filepath.Join(sys, "dev/block", fmt.Sprintf("%d:%d", major, minor)))
	if err != nil {
		return nil
	}
	const deep = 4 // mappings on mappings
	return under(at, deep)
}

func under(at string, deep int) (disks []string) {
	if _, err := os.Stat(filepath.Join(at, "partition")); err == nil {
		at = filepath.Dir(at)
	}
	parts, _ := filepath.Glob(filepath.Join(at, "slaves", "*"))
	if len(parts) == 0 {
		return []string{at}
	}
	for _, p := range parts {
		if to, err := filepath.EvalSymlinks(p); err == nil && deep > 0 {
			disks = append(disks, under(to, deep-1)...)
		}
	}
	return disks
}

// wear is what an eMMC says of itself (JEDEC JESD84-B51, EXT_CSD 267 to 269; Linux since 4.11 shows it in sysfs). NVMe and SATA
// say it only by commands that the kernel does not put into sysfs, and are not asked.
type wear struct {
	used   int  // percent of the lifetime that its maker gave it, at most: it counts in steps of 10
	over   bool // it is over
	spares int  // PRE_EOL_INFO: 1 normal, 2 most of the reserved blocks are used up, 3 nearly all; 0 not known
}

func wearOf(disk string) (w wear, ok bool) {
	for _, n := range numbersOf(filepath.Join(disk, "device/life_time")) {
		if n >= 1 && n <= 0x0B {
			w.used, w.over, ok = max(w.used, min(int(n)*10, 100)), w.over || n == 0x0B, true
		}
	}
	if n := numbersOf(filepath.Join(disk, "device/pre_eol_info")); len(n) == 1 && n[0] >= 1 && n[0] <= 3 {
		w.spares = int(n[0])
	}
	return w, ok
}

// numbersOf reads a file such as "0x01 0x02"; what is no number is none.
func numbersOf(path string) (out []uint64) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for word := range strings.FieldsSeq(string(b)) {
		if n, err := strconv.ParseUint(word, 0, 8); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// wornSoon is the percentage of its life from which on storage is to be replaced.
const wornSoon = 90

func (w wear) verdict() (state, why string) {
	switch {
	case w.over || w.spares == 3:
		return "failed", "worn-out"
	case w.used >= wornSoon || w.spares == 2:
		return "soon", "wearing-out"
	}
	return "ok", ""
}
