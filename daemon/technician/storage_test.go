package technician

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"honnin/config/site"
)

// sysfs is a kernel's tree as files.
type sysfs struct {
	*testing.T
	root string
}

func (s sysfs) file(path, text string) {
	s.Helper()
	path = filepath.Join(s.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s sysfs) link(to, from string) {
	s.Helper()
	from = filepath.Join(s.root, from)
	if err := os.MkdirAll(filepath.Dir(from), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(s.root, to), from); err != nil {
		s.Fatal(err)
	}
}

// emmc is a card with a partition, a LUKS mapping on it, and a disk without a word beside it.
func emmc(t *testing.T, life, eol string) sysfs {
	s := sysfs{t, t.TempDir()}
	s.file("devices/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p2/partition", "2\n")
	if life != "" {
		s.file("devices/mmc0/mmc0:0001/life_time", life)
	}
	s.file("devices/mmc0/mmc0:0001/pre_eol_info", eol)
	s.link("devices/mmc0/mmc0:0001", "devices/mmc0/mmc0:0001/block/mmcblk0/device")
	s.link("devices/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p2", "dev/block/179:2")
	s.link("devices/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p2", "devices/virtual/block/dm-0/slaves/mmcblk0p2")
	s.link("devices/virtual/block/dm-0", "dev/block/253:0")
	s.file("devices/virtual/block/vda/size", "1\n")
	s.link("devices/virtual/block/vda", "dev/block/259:9")
	return s
}

func TestDisksOf(t *testing.T) {
	s := emmc(t, "0x01 0x02\n", "0x01\n")
	card := filepath.Join(s.root, "devices/mmc0/mmc0:0001/block/mmcblk0")
	for at, want := range map[[2]uint32][]string{{179, 2}: {card}, {253, 0}: {card}, {259, 9}: {filepath.Join(s.root, "devices/virtual/block/vda")}, {0, 42}: nil} {
		if got := disksOf(s.root, at[0], at[1]); !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
	s.link("devices/virtual/block/dm-1", "devices/virtual/block/dm-1/slaves/dm-1") // a circle
	s.link("devices/virtual/block/dm-1", "dev/block/253:1")
	if got := disksOf(s.root, 253, 1); len(got) != 0 {
		t.Error(got)
	}
}

// TestStorage: what the flash under the state directory says of its life; what says nothing has no measure.
func TestStorage(t *testing.T) {
	state := t.TempDir()
	var at unix.Stat_t
	if err := unix.Stat(state, &at); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ life, eol, want string }{
		{"0x01 0x02\n", "0x01\n", "20 ok "}, {"0x09 0x01\n", "0x01\n", "90 soon wearing-out"}, {"0x0a 0x0A\n", "0x01", "100 soon wearing-out"}, {"0x0b 0x01", "0x01", "100 failed worn-out"},
		{"0x01 0x01", "0x02", "10 soon wearing-out"}, {"0x01 0x01", "0x03", "10 failed worn-out"}, {"0x00 0x03", "0x00", "30 ok "}, {"0x00 0x00", "0x01", "- unknown not-told"},
		{"0x0c 0xff", "0x01", "- unknown not-told"}, {"", "0x01", "- unknown not-told"}, {"山田 0x1000000000000000000", "x", "- unknown not-told"},
	} {
		s := emmc(t, c.life, c.eol)
		s.link("devices/mmc0/mmc0:0001/block/mmcblk0/mmcblk0p2", fmt.Sprintf("dev/block/%d:%d", unix.Major(at.Dev), unix.Minor(at.Dev)))
		l := &look{Machine: New(Options{Site: site.Site{State: state}, Sys: s.root})}
		word, why := l.storage(t.Context())
		worn := "-"
		if l.worn != nil {
			worn = fmt.Sprint(*l.worn)
		}
		if got := worn + " " + word + " " + why; got != c.want {
			t.Errorf("%q %q: %s, want %s", c.life, c.eol, got, c.want)
		}
	}
}

func TestShare(t *testing.T) {
	for in, want := range map[[2]uint64]int{{0, 1}: 0, {1, 1000}: 1, {1, 1}: 100, {999, 1000}: 100, {1 << 55, 1 << 56}: 50} {
		if got := share(in[0], in[1]); got == nil || *got != want {
			t.Errorf("%v: %v", in, got)
		}
	}
	if share(0, 0) != nil || share(2, 1) != nil || share(1<<62, 1<<63) != nil {
		t.Error("a share of nothing")
	}
	dir := t.TempDir()
	if journalShare(dir) != nil {
		t.Error("a journal that is not there")
	}
	if err := os.WriteFile(filepath.Join(dir, journalFile), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := journalShare(dir); got == nil || *got != 1 {
		t.Error(got)
	}
}
