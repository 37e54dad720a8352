package logbook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/individual"
	"honnin/config/trace"
)

// TestRotation: two files, neither longer than it may be, and the newest lines are there, each once.
func TestRotation(t *testing.T) {
	p := &pair{dir: t.TempDir(), most: 2000, broken: quiet(t)}
	for i := range 300 {
		if err := p.put(Entry{At: noon, Level: Info, Package: "daemon", Says: fmt.Sprint("line ", i)}); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{File, Older} {
			if info, err := os.Stat(filepath.Join(p.dir, f)); err == nil && info.Size() > 2000 {
				t.Fatal(f, info.Size())
			}
		}
	}
	p.close()
	all := kept(t, p.dir)
	if len(all) < 25 || all[len(all)-1].Says != "line 299" {
		t.Fatal(len(all))
	}
	for i, e := range all {
		if e.Says != fmt.Sprint("line ", 300-len(all)+i) {
			t.Fatal(i, e)
		}
	}
	if files, _ := os.ReadDir(p.dir); len(files) != 2 {
		t.Error(files)
	}
}

// TestTornLine: a power cut may leave half a line, or none that could be read; the lines before and after it are there.
func TestTornLine(t *testing.T) {
	whole, _ := Entry{At: noon, Level: Info, Package: "daemon", Says: "before"}.Line()
	for _, left := range []string{"", string(whole[:20]), strings.Repeat("\x00", 3000), strings.Repeat("x", 9000) + "\n", "\n\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, File), append(slices.Clone(whole), left...), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &pair{dir: dir, most: maxFile}
		if err := p.put(Entry{At: noon, Level: Info, Package: "daemon", Says: "after"}); err != nil {
			t.Fatal(err)
		}
		p.close()
		if all := kept(t, dir); len(all) != 2 || all[0].Says != "before" || all[1].Says != "after" {
			t.Errorf("%.30q: %+v", left, all)
		}
	}
}

// TestNoPlainFile: a link, a pipe or a directory in the log's place is neither written nor read, and holds nobody up.
func TestNoPlainFile(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(string) error{
		"link": func(p string) error { return os.Symlink(other, p) }, "pipe": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		dir := t.TempDir()
		if err := make(filepath.Join(dir, File)); err != nil {
			t.Fatal(err)
		}
		if err := (&pair{dir: dir, most: maxFile}).put(Entry{At: noon, Package: "daemon", Says: "x"}); err == nil {
			t.Error(name, "is written")
		}
		if _, err := Open(dir); err == nil {
			t.Error(name, "is read")
		}
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "x" {
		t.Errorf("%q %v", b, err)
	}
}

// TestTogether: many write, levels change, and one reads meanwhile, over many changes of the file; each line that is read is whole, in its order, and none comes twice.
func TestTogether(t *testing.T) {
	dir, b := t.TempDir(), New(time.Now)
	quit, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		b.write(&pair{dir: dir, most: 4000, broken: quiet(t)}, quit)
	}()
	const writers, each = 4, 400
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			to := b.Trace([]string{"drivers/card", "daemon/session", "daemon/centre", "drivers/printer/ipp"}[w])
			for i := range each {
				_ = b.SetLevel("drivers", "debug", time.Hour)
				_ = b.SetLevel("daemon", "debug", time.Hour)
				to.Say("line", trace.Number("visit", i))
			}
		})
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	last, seen := map[string]int{}, 0
	next := func() {
		if err := r.Next(func(e Entry) error {
			var i int
			if _, err := fmt.Sscan(e.With["visit"], &i); err == nil {
				if at, ok := last[e.Package]; ok && i <= at {
					t.Errorf("%s: %d after %d", e.Package, i, at)
				}
				last[e.Package], seen = i, seen+1
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	go func() { all.Wait(); close(quit) }()
	for done := false; !done; next() {
		select {
		case <-over:
			done = true
		default:
		}
	}
	if seen == 0 || r.Unreadable != 0 {
		t.Error(seen, r.Unreadable)
	}
}

// TestFilters against the plainest reading of them.
func TestFilters(t *testing.T) {
	dir := t.TempDir()
	p := &pair{dir: dir, most: 6000, broken: quiet(t)}
	var all []Entry
	for i := range 120 {
		e := Entry{At: noon.Add(time.Duration(i) * time.Minute), Level: Level(i % 4), Package: Packages()[i%len(Packages())], Says: fmt.Sprint("line ", i)}
		if err := p.put(e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	p.close()
	all = all[len(all)-len(kept(t, dir)):]
	if len(all) < 40 {
		t.Fatal(len(all))
	}
	rapid.Check(t, func(t *rapid.T) {
		f := Filter{Level: rapid.SampledFrom([]Level{Debug, Info, Warning, Error}).Draw(t, "level"),
			Package: rapid.SampledFrom(append(Packages(), "", "drivers", "driver")).Draw(t, "package"),
			Since:   noon.Add(time.Duration(rapid.IntRange(-5, 125).Draw(t, "since")) * time.Minute)}
		n := rapid.IntRange(1, 130).Draw(t, "lines")
		var want []string
		for _, e := range all {
			if e.Level >= f.Level && (f.Package == "" || e.Package == f.Package || strings.HasPrefix(e.Package, f.Package+"/")) && !e.At.Before(f.Since) {
				want = append(want, e.Says)
			}
		}
		want = want[max(0, len(want)-n):]
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := r.Last(context.Background(), n, f)
		if err != nil || !slices.EqualFunc(got, want, func(e Entry, says string) bool { return e.Says == says }) {
			t.Fatalf("%+v %v, want %q", got, err, want)
		}
	})
}

// TestFollow: a reader that is at the end reads what comes, a line only when it is whole, and goes on into the next file; also where there was none.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	next := func(want ...string) {
		t.Helper()
		var got []string
		if err := r.Next(func(e Entry) error { got = append(got, e.Says); return nil }); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	next()
	p := &pair{dir: dir, most: 300, broken: quiet(t)}
	put := func(says string) {
		t.Helper()
		if err := p.put(Entry{At: noon, Level: Info, Package: "daemon", Says: says}); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	next("a")
	next()
	half, _ := Entry{At: noon, Level: Info, Package: "daemon", Says: "b"}.Line()
	if _, err := p.f.Write(half[:30]); err != nil {
		t.Fatal(err)
	}
	next()
	if _, err := p.f.Write(half[30:]); err != nil {
		t.Fatal(err)
	}
	next("b")
	for _, s := range []string{"c", "d", "e"} { // into another file
		put(s)
	}
	if _, err := os.Stat(filepath.Join(dir, Older)); err != nil {
		t.Fatal(err)
	}
	next("c", "d", "e")
	enough := errors.New("enough")
	put("f")
	if err := r.Next(func(Entry) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"at":"2026-11-22T03:00:00Z","level":"info","package":"daemon","says":"x","with":{"why":"y"}}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := parse(line)
		if !ok {
			return
		}
		if s := e.Text(); len(s) > maxText || individual.Within(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", s)
		}
	})
}
