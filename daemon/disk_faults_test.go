package main

import (
	"context"
	encoding "encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/printer/file"
	"honnin/spool/journal"
	"honnin/ui/touch"
)

// tiny mounts a file system of so many KiB; it is skipped without the right to, and never with CI=true.
func tiny(t *testing.T, kib string, flags uintptr) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("honnin-test", dir, "tmpfs", flags, "size="+kib+"k,mode=0700"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mount: %v (needs root)", err)
		}
		t.Skipf("mount: %v (needs root)", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill writes until the disk takes no more, and returns how to make room again.
func fill(t *testing.T, dir string) (room func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); err != nil {
			return func() { _ = os.Remove(path) }
		}
	}
}

// TestFullDisk: what cannot be journalled is not begun, and what was begun has room for its end. A visit under way ends as any
// other; then the terminal closes before a visit gets its number, and opens again when there is room and staff say so.
func TestFullDisk(t *testing.T) {
	for moment, when := range map[string]func(v session.View) bool{
		"before a visit":  func(v session.View) bool { return v.State == session.Idle },
		"while choosing":  func(v session.View) bool { return v.State == session.Choosing },
		"taking the card": func(v session.View) bool { return v.State == session.TakeCard },
	} {
		under := 1 // visits under way when the disk is full
		if when(session.View{State: session.Idle}) {
			under = 0
		}
		t.Run(moment, func(t *testing.T) {
			disk := tiny(t, "1024", 0)
			paper := t.TempDir() // elsewhere: only the terminal's memory is full
			elsewhere := func(s *stand, p *terminal.Parts) {
				device, err := file.New(paper, file.Options{})
				s.must(err)
				p.Printer, p.Tray = device, tray{device}
				s.place.device, s.place.sheets = device, paper
			}
			s := newStand(t, disk, elsewhere)
			s.awaitState(session.Idle)
			var room func()
			w := s.wish("p04", protocol.ResidentRecord)
			if under == 0 {
				room = fill(t, disk)
			}
			if when(session.View{State: session.Choosing}) {
				s.hand.instead[session.PressChoose] = func() bool { room = fill(t, disk); return false }
			}
			h := w.Hands.(*holding)
			h.forget = func(v session.View) bool {
				if when(v) && v.State == session.TakeCard && room == nil {
					room = fill(t, disk)
				}
				return false
			}
			v := s.visit(w)
			if printed := v.Ending != nil && v.Ending.Outcome == protocol.Printed; printed != (under == 1) {
				t.Fatalf("%+v", v.Ending)
			}
			if under == 1 {
				under += s.visitsOnAFullDisk()
			}
			shown := terminal.Picture(s.awaitState(session.OutOfService))
			if shown.Name != touch.OutOfService || shown.Message != touch.MsgIncident {
				t.Errorf("the screen shows %s %q", shown.Name, shown.Message)
			}
			if n := s.sheets(); n != under {
				t.Errorf("%d sheets came out that no journal knows", n)
			}
			if sums := s.money.Sums(); sums.Held != 0 || (sums.Kept > 0) != (under > 0) {
				t.Errorf("money: %+v", sums)
			}
			room()
			s.prints("p05")
			if n := s.sheets(); n != under+1 {
				t.Errorf("%d sheets", n)
			}
			if all := s.quitAndBalance(); len(of(all, journal.Sending)) != under+1 {
				t.Errorf("sent %d times", len(of(all, journal.Sending)))
			}
		})
	}
}

// visitsOnAFullDisk makes visits as long as what is on the disk already is room enough for one more, as it is where those before
// used pages that were free; each is a whole one, and the first for which it is not enough does not begin.
func (s *stand) visitsOnAFullDisk() (made int) {
	s.t.Helper()
	for {
		s.everythingDelivered()
		s.visitsEnded()
		enough := roomForAVisit(s.t, s.place.file)
		switch v := s.visit(s.wish("p02", protocol.ResidentRecord)); {
		case enough != (v.Ending != nil):
			s.t.Fatalf("room for a visit: %t, and %+v", enough, v.Ending)
		case !enough:
			return made
		case v.Ending.Outcome != protocol.Printed:
			s.t.Fatalf("visit %d on a full disk: %+v", made, v.Ending)
		}
		made++
	}
}

// roomForAVisit reports whether the blocks of a journal's file are enough for another visit: 256 KiB above what bbolt uses, which
// the newer of its two meta pages says (a page's number: pgid in bbolt's meta).
func roomForAVisit(t *testing.T, path string) bool {
	t.Helper()
	page, header := int64(os.Getpagesize()), int64(16)
	var st unix.Stat_t
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		err = unix.Fstat(int(f.Fd()), &st)
	}
	var used, newest uint64
	for i := range int64(2) {
		meta := make([]byte, 64)
		if err == nil {
			_, err = f.ReadAt(meta, i*page+header)
		}
		if at := encoding.NativeEndian.Uint64(meta[48:]); at >= newest {
			used, newest = encoding.NativeEndian.Uint64(meta[40:])*uint64(page), at
		}
	}
	if err != nil || newest == 0 {
		t.Fatal("not a journal:", err)
	}
	return used+256<<10 <= uint64(st.Blocks)*512
}

// refuses runs honnind and wants exit status 1, quickly and with words.
func refuses(t *testing.T, words string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, built(t), append([]string{"practice", "--visits", "1", "--json"}, args...)...)
	var out, said strings.Builder
	c.Stdout, c.Stderr = &out, &said
	err := c.Run()
	if err == nil || c.ProcessState.ExitCode() != exitFailure || !strings.Contains(said.String(), words) || out.Len() != 0 {
		t.Errorf("exit %d, %q, %q", c.ProcessState.ExitCode(), said.String(), out.String())
	}
}

// TestDisksThatDoNotTake: honnind says which, and does not start.
func TestDisksThatDoNotTake(t *testing.T) {
	t.Run("read-only", func(t *testing.T) { refuses(t, "read-only file system", "--state", tiny(t, "64", unix.MS_RDONLY)) })
	t.Run("full", func(t *testing.T) {
		disk := withKeys(t, tiny(t, "1024", 0))
		fill(t, disk)
		refuses(t, "no space left on device", "--state", disk, "--printer", "dir:"+t.TempDir())
	})
	t.Run("in use", func(t *testing.T) {
		s := newStand(t, t.TempDir(), nil)
		refuses(t, "in use by another process", "--state", s.flags.state)
		s.prints("p04") // the first one is not disturbed
	})
}
