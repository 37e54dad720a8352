package logbook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	"pgregory.net/rapid"

	"honnin/config/individual"
	"honnin/config/reason"
	"honnin/config/trace"
	"honnin/drivers/card"
	"honnin/drivers/printer"
	"honnin/ui/console"
)

var noon = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func quiet(t *testing.T) func(error) {
	return func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
}

// kept is what a book wrote.
func kept(t *testing.T, dir string) []Entry {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := r.Last(t.Context(), 1_000_000, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func logger(b *Book) *logrus.Logger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetReportCaller(true)
	l.AddHook(b.Hook())
	return l
}

// TestHook: what a logger is told stands in the book as constants, words and numbers; what else it is told does not.
func TestHook(t *testing.T) {
	dir, b := t.TempDir(), New(clock)
	l := logger(b)
	l.Info("before there is a directory")
	end := b.Keep(dir, quiet(t))
	gone := fmt.Errorf("山田太郎: %w", fmt.Errorf("%w (serial 55041234567890): %w", card.ErrNoReader, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}))
	l.WithFields(logrus.Fields{"why": gone, "version": 7, "until": noon, "took": 1500 * time.Microsecond, "suspended": []string{"a/1", "b"}}).Warn("the card reader is in trouble")
	l.WithError(&printer.Fault{Reason: printer.Unreachable, Err: errors.New("山田太郎")}).Error("e")
	l.WithFields(logrus.Fields{"why": "has spaces", "state": "見本", "version": "123456789012", "secret": "1234", "do": "what to do", "terminal": "T"}).Info("架空 太郎")
	l.Info("number 1234-5678-9012")
	l.Debug("not wanted")
	end()
	if info, err := os.Stat(filepath.Join(dir, File)); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	var got []string
	for _, e := range kept(t, dir) {
		if !e.At.Equal(noon) || e.Package != "daemon/logbook" {
			t.Errorf("%+v", e)
		}
		got = append(got, e.Level.String()+" "+e.Text())
	}
	want := []string{"info before there is a directory",
		"warning the card reader is in trouble suspended=a/1,b took=2ms until=2026-11-22T03:00:00Z version=7 why=card-no-reader,ECONNREFUSED",
		"error e why=unreachable", "info (withheld) state=(withheld) version=(withheld) why=(withheld)", "info (withheld)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

func TestPackageOf(t *testing.T) {
	for function, want := range map[string]string{
		"main.production": "daemon", "main.(*fitted).open": "daemon", "honnin/daemon/terminal.(*gate).say": "daemon/terminal", "honnin/ui/touch.New.func1": "ui/touch",
		"honnin/daemon.TestX": "daemon", "github.com/some/where.do": "github.com/some/where",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("%s is of %s, not %s", function, got, want)
		}
	}
}

// TestWhy: of an error only what is constant in it is said.
func TestWhy(t *testing.T) {
	quoted := errors.New("見本 1234")
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""}, {quoted, "failed"}, {fmt.Errorf("named: %w", quoted), "failed"}, {fmt.Errorf("secret"), "failed"},
		{card.ErrGone, "card-gone"}, {fmt.Errorf("%w: %w", card.ErrGone, context.Canceled), "card-gone,context-canceled"},
		{context.DeadlineExceeded, "timeout"}, {syscall.ENOSPC, "ENOSPC"}, {&os.PathError{Op: "open", Path: "/home/yamada", Err: syscall.ENOENT}, "ENOENT"},
		{&card.StatusError{Command: "VERIFY", SW: 0x6983}, "sw-6983"}, {&card.WrongPIN{Left: 1}, "card.wrongpin"},
		{x509.UnknownAuthorityError{}, "x509.unknownauthorityerror"}, {&net.DNSError{Name: "yamada.example"}, "net.dnserror"},
		{reason.Errorf(reason.SubjectMismatch, "quoted"), "subject-mismatch"}, {errors.Join(card.ErrNoReader, quoted, card.ErrBusy), "card-no-reader,card-the-reader-is-in-use"},
		{&printer.Fault{Reason: "山田", Err: syscall.EIO}, "EIO"},
	} {
		if got := Why(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		err := errors.New(rapid.String().Draw(t, "text"))
		for range rapid.IntRange(0, 9).Draw(t, "deep") {
			err = errors.Join(fmt.Errorf("%s: %w", rapid.String().Draw(t, "more"), err), rapid.SampledFrom([]error{card.ErrGone, syscall.EIO, io.EOF}).Draw(t, "beside"))
		}
		for w := range strings.SplitSeq(Why(err), ",") {
			if !slices.Contains([]string{"failed", "card-gone", "EIO"}, w) {
				t.Fatalf("%q", w)
			}
		}
	})
}

// TestAnyFieldIsSafe: whatever a field holds, a line fits the console and has neither long numbers nor other characters.
func TestAnyFieldIsSafe(t *testing.T) {
	keys := append([]string{"secret"}, slices.Sorted(func(yield func(string) bool) {
		for k := range fields() {
			if !yield(k) {
				return
			}
		}
	})...)
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{At: noon, Says: said(rapid.String().Draw(t, "says")), Package: "daemon", With: map[string]string{}}
		for range rapid.IntRange(0, 14).Draw(t, "fields") {
			e.add(rapid.SampledFrom(keys).Draw(t, "key"), rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9/ -]{0,80}`)).Draw(t, "value"))
		}
		if e.With["secret"] != "" {
			t.Fatal("kept")
		}
		for k, v := range e.With {
			if individual.Within(v) || len(v) > maxValue || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%s=%q", k, v)
			}
		}
		if len(e.Text()) > maxText || individual.Within(e.Text()) {
			t.Fatalf("%q", e.Text())
		}
		line, err := e.Line()
		if err != nil || len(line) > maxLine {
			t.Fatal(len(line), err)
		}
		if back, ok := parse(line); !ok || back.Text() != e.Text() {
			t.Fatalf("%s is read as %+v", line, back)
		}
	})
}

// TestForeignLines: what no book wrote is not read as a line.
func TestForeignLines(t *testing.T) {
	good := `{"at":"2026-11-22T03:00:00Z","level":"info","package":"daemon","says":"x","with":{"why":"y"}}`
	if _, ok := parse([]byte(good)); !ok {
		t.Fatal(good)
	}
	for _, change := range [][2]string{{`info`, `loud`}, {`daemon`, `山`}, {`"x"`, `"架空 太郎"`}, {`"x"`, `""`}, {`"y"`, `"two words"`}, {`"why"`, `"name"`}, {`"y"`, `"1234-5678-9012"`}, {`"says"`, `"said"`},
		{`2026-11-22T03:00:00Z`, `yesterday`}, {good, ``}, {good, "\x00\x00"}, {`"x"`, `"` + strings.Repeat("x", 161) + `"`}, {`{"at"`, `{"more":1,"at"`}} {
		if line := strings.Replace(good, change[0], change[1], 1); line == good {
			t.Fatal(change)
		} else if e, ok := parse([]byte(line)); ok {
			t.Errorf("%s: %+v", line, e)
		}
	}
}

// TestLost: lines that find the queue full are counted, nobody waits for them, and the book says how many they were. What it
// could not write is told once, and so is that it goes again.
func TestLost(t *testing.T) {
	dir, b := filepath.Join(t.TempDir(), "later"), New(clock)
	l := logger(b)
	for range waiting + 5 {
		l.Info("x")
	}
	if b.Lost() != 5 {
		t.Fatal(b.Lost())
	}
	var told []error
	to := &pair{dir: dir, most: maxFile, broken: func(err error) { told = append(told, err) }}
	for len(b.lines) > 0 {
		b.enter(to, <-b.lines)
	}
	if len(told) != 1 || !errors.Is(told[0], os.ErrNotExist) || b.Lost() != waiting+5 {
		t.Error(told, b.Lost())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l.Info("y")
	b.enter(to, <-b.lines)
	to.close()
	if len(told) != 2 || told[1] != nil {
		t.Error(told)
	}
	all := kept(t, dir)
	if len(all) != 2 || all[0].Text() != fmt.Sprint("lines of the log were lost lost=", waiting+5) || all[1].Says != "y" || b.Lost() != 0 {
		t.Errorf("%+v %d", all, b.Lost())
	}
}

// TestLevels: what a name means logs more, or less, for so long, and then as before.
func TestLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(time.Now)
		wants := func(want string) {
			t.Helper()
			var got []string
			for _, p := range []string{"drivers/card", "drivers/card/ccid", "drivers/printer/ipp"} {
				for l := Debug; l <= Error; l++ {
					if b.wants(p, l) {
						got = append(got, l.String())
						break
					}
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		set := func(name, level string, span time.Duration) {
			t.Helper()
			if err := b.SetLevel(name, level, span); err != nil {
				t.Fatal(err)
			}
		}
		wants("info info info")
		set("drivers/card", "debug", time.Minute)
		set("drivers/printer/ipp", "error", time.Hour)
		wants("debug debug error")
		time.Sleep(59 * time.Second)
		set("drivers/card/ccid", "debug", time.Minute) // begins anew
		time.Sleep(time.Second)
		synctest.Wait()
		wants("info debug error")
		set("drivers", "warning", Longest)
		time.Sleep(Longest - 1)
		synctest.Wait()
		wants("warning warning warning")
		time.Sleep(1)
		synctest.Wait()
		wants("info info info")
	})
}

func TestSetLevelRefuses(t *testing.T) {
	b := New(clock)
	for _, c := range []struct {
		name, level string
		span        time.Duration
		want        Refusal
	}{
		{"drivers/car", "debug", time.Hour, UnknownPackage}, {"", "debug", time.Hour, UnknownPackage}, {"drivers/card/", "debug", time.Hour, UnknownPackage},
		{"daemon", "loud", time.Hour, UnknownLevel}, {"daemon", "debug", 0, BadTime}, {"daemon", "debug", Longest + 1, BadTime},
	} {
		if err := b.SetLevel(c.name, c.level, c.span); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if b.wants("daemon", Debug) {
		t.Error("set all the same")
	}
}

// TestConsoleHasTheLevels: the console offers these words.
func TestConsoleHasTheLevels(t *testing.T) {
	seen := 0
	for _, c := range console.Commands() {
		for _, in := range c.Inputs {
			if strings.HasPrefix(c.Name, "log") && in.Name == "level" {
				if seen++; !slices.Equal(in.Words, Levels()) {
					t.Error(c.Name, in.Words)
				}
			}
		}
	}
	if seen != 2 {
		t.Error(seen)
	}
}

// TestConsoleHasThePackages: the console offers each package that logs, each that has several below it, and no other.
func TestConsoleHasThePackages(t *testing.T) {
	want := map[string]bool{}
	for _, p := range Packages() {
		for ; p != "."; p = filepath.Dir(p) {
			want[p] = true
		}
	}
	seen := 0
	for _, c := range console.Commands() {
		for _, in := range c.Inputs {
			if strings.HasPrefix(c.Name, "log") && in.Name == "package" {
				if seen++; !slices.Equal(in.Words, slices.Sorted(maps.Keys(want))) {
					t.Errorf("%s: %q", c.Name, in.Words)
				}
			}
		}
	}
	if seen != 2 {
		t.Error(seen)
	}
}

// TestTrace: lines of one package at level debug, while somebody wants them.
func TestTrace(t *testing.T) {
	dir, b := t.TempDir(), New(clock)
	to := b.Trace("drivers/card")
	to.Say("not wanted")
	if err := b.SetLevel("drivers/card", "debug", time.Hour); err != nil {
		t.Fatal(err)
	}
	to.Say("command", trace.Byte("ins", 0xA4), trace.Code("sw", 0x9000), trace.Word("state", "見本"), trace.Why(card.ErrGone))
	(*Book)(nil).Trace("drivers/card").Say("nobody")
	b.Trace("drivers/none").Say("nobody")
	b.Keep(dir, quiet(t))()
	if all := kept(t, dir); len(all) != 1 || all[0].Level != Debug || all[0].Package != "drivers/card" || all[0].Text() != "command ins=A4 state=(withheld) sw=9000 why=card-gone" {
		t.Errorf("%+v", all)
	}
}

// TestOffCostsNothing: a line that nobody wants takes no memory.
func TestOffCostsNothing(t *testing.T) {
	to := New(clock).Trace("drivers/card")
	if n := testing.AllocsPerRun(100, func() { command(to) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

//go:noinline
func command(to trace.Trace) {
	to.Say("command", trace.Byte("ins", 0xA4), trace.Code("sw", 0x9000), trace.Span("took", to.Now().Sub(time.Time{})))
}

func BenchmarkTrace(b *testing.B) {
	for _, level := range []string{"info", "debug"} {
		b.Run(level, func(b *testing.B) {
			book := New(time.Now)
			if err := book.SetLevel("drivers/card", level, time.Hour); err != nil {
				b.Fatal(err)
			}
			defer book.Keep(b.TempDir(), func(error) {})()
			to := book.Trace("drivers/card")
			b.ReportAllocs()
			for b.Loop() {
				command(to)
			}
		})
	}
}

// TestEnds: why a program ended stands in the book.
func TestEnds(t *testing.T) {
	dir, b := t.TempDir(), New(clock)
	b.Ends("daemon", nil)
	b.Ends("daemon", fmt.Errorf("山田: %w", syscall.EADDRINUSE))
	b.Keep(dir, quiet(t))()
	if all := kept(t, dir); len(all) != 1 || all[0].Level != Error || all[0].Text() != "the program ends why=EADDRINUSE" {
		t.Errorf("%+v", all)
	}
}
