package technician

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/site"
	"honnin/daemon/durable/durabletest"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// did is a note that tech-7 had a command done.
func did(command string) question {
	return question{Who: "tech-7", Note: note{journal.TechnicianDid, command}}
}

// opened is a journal in a directory.
func opened(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(filepath.Join(dir, journalFile), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// notedIn are the words of what was set aside and came into a journal, in order.
func notedIn(t *testing.T, j *journal.Journal) (out []string) {
	t.Helper()
	if err := j.Each(func(e journal.Entry) error {
		if e.Kind == journal.TechnicianNoted {
			out = append(out, e.Reason)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSetAsideThroughPowerCuts: the power is cut at every step of setting notes aside and of taking them in. What was set aside comes into
// the journal, once, and in order; what was being set aside comes once or not at all.
func TestSetAsideThroughPowerCuts(t *testing.T) {
	cuts := 0
	for steps := 0; ; steps++ {
		root, home := t.TempDir(), t.TempDir()
		disk := durabletest.New(root, steps)
		j := opened(t, home)
		if _, err := j.Record(journal.Entry{Kind: journal.Started}); err != nil {
			t.Fatal(err)
		}
		s := shelf{root, disk}
		var kept []string
		var err error
		for _, do := range []string{"one", "two", "", "three", "four", "", "five", ""} {
			if do == "" {
				err = s.take(j)
			} else if err = s.put(did(do), time.Now(), rand.Reader); err == nil {
				kept = append(kept, "did."+do)
			}
			if err != nil {
				break
			}
		}
		if closed := j.Close(); closed != nil || err != nil && !errors.Is(err, durabletest.ErrCut) {
			t.Fatal(err, closed)
		}
		for i, image := range disk.Images(t, t.TempDir()) {
			again := t.TempDir()
			b, readable := os.ReadFile(filepath.Join(home, journalFile))
			if written := os.WriteFile(filepath.Join(again, journalFile), b, 0o600); readable != nil || written != nil {
				t.Fatal(readable, written)
			}
			afterPowerCut(t, image, again, kept, fmt.Sprint(disk.Done[max(0, len(disk.Done)-2):], " image ", i))
		}
		if err == nil {
			break
		}
		cuts++
	}
	if cuts < 30 {
		t.Error(cuts, "cuts")
	}
}

// afterPowerCut starts a terminal on what is left, twice.
func afterPowerCut(t *testing.T, state, home string, kept []string, cut string) {
	t.Helper()
	j := opened(t, home)
	defer j.Close()
	s := shelf{state, durabletest.Fast{}}
	for range 2 {
		if err := s.take(j); err != nil {
			t.Fatalf("%s: %v", cut, err)
		}
	}
	got := notedIn(t, j)
	if len(got) < len(kept) || !slices.Equal(got[:len(kept)], kept) || len(got) > len(kept)+1 || slices.Contains(kept, strings.Join(got[len(kept):], "")) {
		t.Errorf("%s: %q, kept %q", cut, got, kept)
	}
	if err := errors.Join(s.put(did("last"), time.Now(), rand.Reader), s.take(j)); err != nil {
		t.Errorf("%s: %v", cut, err)
	}
	if again := notedIn(t, j); !slices.Equal(again, append(got, "did.last")) {
		t.Errorf("%s: %q and then %q", cut, got, again)
	}
	if names, err := s.names(); err != nil || len(names) != 0 {
		t.Error(cut, names, err)
	}
}

// TestSetAsideEnds: there is room for so many, and what was damaged is said to be.
func TestSetAsideEnds(t *testing.T) {
	s := shelf{t.TempDir(), durabletest.Fast{}}
	for i := range mostAside {
		if err := s.put(did(fmt.Sprint("n", i)), time.Now(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.put(did("more"), time.Now(), rand.Reader); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if err := s.put(question{Who: "山田", Note: note{journal.TechnicianDid, "x"}}, time.Now(), rand.Reader); err == nil {
		t.Error("no note, and set aside")
	}
	for name, b := range map[string]string{"000002": "no note", "000003": strings.Repeat("x", 2*longNote), "000004": "", "000005": `{"at":"2026-11-22T09:00:00Z","kind":"closed","who":"tech-7","word":"x","nonce":""}`,
		"000006": `{"at":"2026-11-22T09:00:00Z","kind":"technician-did","who":"tech-7","word":"x","nonce":""}` + strings.Repeat(" ", longNote) + "x"} {
		if err := os.WriteFile(filepath.Join(s.dir, asideDir, name), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j := opened(t, t.TempDir())
	defer j.Close()
	if err := s.take(j); err != nil {
		t.Fatal(err)
	}
	got := notedIn(t, j)
	if len(got) != mostAside || !slices.Equal(got[:7], []string{"did.n0", "damaged", "damaged", "damaged", "damaged", "damaged", "did.n6"}) {
		t.Errorf("%d %q", len(got), got[:7])
	}
}

// TestNotesOfAHungDaemon: they are set aside while it says nothing, and are in its journal before the first thing that it takes itself.
func TestNotesOfAHungDaemon(t *testing.T) {
	state := t.TempDir()
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	m := New(Options{Site: site.Site{State: state}, Now: func() time.Time { return at }, Rand: rand.Reader})
	l, err := net.Listen("unix", filepath.Join(state, Socket))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close() // it says nothing
		}
	}()
	events := []console.Event{{Kind: console.SignedInEvent, Who: "tech-7", Role: "service"}, {Kind: console.RefusedEvent, Code: console.UnknownKey},
		{Kind: console.CommandEvent, Who: "tech-7", Command: "journal tail"}}
	for _, e := range events {
		if err := m.Note(e); err != nil {
			t.Fatal(err)
		}
	}
	_ = l.Close()
	j := opened(t, state)
	defer j.Close()
	if _, err := Listen(t.Context(), state, Daemon{Terminal: &daemon{}, Journal: j, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	if err := m.Note(console.Event{Kind: console.SignedOutEvent, Who: "tech-7", Code: console.Idle}); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := j.Each(func(e journal.Entry) error {
		got = append(got, fmt.Sprintf("%s %s %s %t", e.Kind, e.Staff, e.Reason, e.Signed.Equal(at)))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"technician-noted tech-7 in.service true", "technician-noted  refused.unknown-key true", "technician-noted tech-7 did.journal.tail true",
		"technician-out tech-7 idle false"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if s, err := sinceLast(t.Context(), j, false); err != nil || s.visit.IsZero() {
		t.Errorf("%+v %v", s, err)
	}
}
