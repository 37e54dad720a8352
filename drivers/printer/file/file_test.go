package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/spool"
	"honnin/spool/spooltest"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var _ interface {
	Paper(context.Context) (bool, error)
} = (*Printer)(nil)

// paper is a document that counts how often it was opened.
type paper struct {
	job    spool.Job
	body   io.ReadSeeker
	err    error
	opened int
}

func (p *paper) Job() spool.Job { return p.job }
func (p *paper) Open() (io.ReadSeeker, error) {
	p.opened++
	return p.body, p.err
}

func document(content string, pages, copies int) *paper {
	return &paper{body: bytes.NewReader([]byte(content)),
		job: spool.Job{Transaction: protocol.NewTransaction(), Pages: pages, Copies: copies}}
}

func device(t testing.TB, o Options) (*Printer, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sheets")
	p, err := New(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return p, dir
}

func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPrinted(t *testing.T) {
	p, dir := device(t, Options{})
	doc := document("%PDF-1.7 fictional", 2, 3)
	var told []int
	got, err := p.print(t.Context(), doc, func(n int) { told = append(told, n) })
	id := doc.job.Transaction.String()
	if want := (spool.Result{Outcome: protocol.Printed, Impressions: 6, JobID: id, Evidence: spool.FileSynced}); err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	if b, err := os.ReadFile(filepath.Join(dir, id+".pdf")); err != nil || string(b) != "%PDF-1.7 fictional" {
		t.Errorf("sheet %q, %v", b, err)
	}
	if n := files(t, dir); len(n) != 1 {
		t.Errorf("files %q", n)
	}
	if len(told) != 6 || told[0] != 1 || told[5] != 6 || doc.opened != 1 {
		t.Errorf("told %v, opened %d times", told, doc.opened)
	}
}

// TestByTheWholeRoad prints what passed the real check and was released by the real queue.
func TestByTheWholeRoad(t *testing.T) {
	p, dir := device(t, Options{})
	doc := spooltest.Released(t, []byte("%PDF-1.7 fictional"), 2, 2)
	got, err := p.Print(t.Context(), doc, nil)
	if err != nil || got.Outcome != protocol.Printed || got.Impressions != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, doc.Job().Transaction.String()+".pdf")); err != nil || string(b) != "%PDF-1.7 fictional" {
		t.Errorf("sheet %q, %v", b, err)
	}
	if got, err := p.Print(t.Context(), doc, nil); printer.ReasonOf(err) != printer.AlreadyThere || got.Outcome != "" {
		t.Errorf("printed twice: %+v, %v", got, err)
	}
}

func TestNothingIsOpenedBeforeTheDeviceIsReady(t *testing.T) {
	for want, harm := range map[string]func(*testing.T, *Printer, string, *paper){
		printer.MediaJam:     func(_ *testing.T, p *Printer, _ string, _ *paper) { p.Jam() },
		printer.MediaNeeded:  func(_ *testing.T, p *Printer, _ string, _ *paper) { p.PaperOut() },
		printer.Busy:         func(_ *testing.T, p *Printer, _ string, _ *paper) { p.printing.Store(true) },
		printer.Unreleased:   func(_ *testing.T, _ *Printer, _ string, d *paper) { d.job = spool.Job{} },
		printer.Unwritable:   func(t *testing.T, _ *Printer, dir string, _ *paper) { remove(t, dir) },
		printer.AlreadyThere: func(t *testing.T, _ *Printer, dir string, d *paper) { occupy(t, dir, d) },
	} {
		p, dir := device(t, Options{})
		doc := document("x", 1, 1)
		harm(t, p, dir, doc)
		got, err := p.print(t.Context(), doc, nil)
		if printer.ReasonOf(err) != want || got != (spool.Result{}) || doc.opened != 0 {
			t.Errorf("%s: %+v, %v, opened %d times", want, got, err, doc.opened)
		}
	}
}

func remove(t *testing.T, dir string) {
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
}

func occupy(t *testing.T, dir string, d *paper) {
	if err := os.WriteFile(filepath.Join(dir, d.job.Transaction.String()+".pdf"), []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestZeroReleasedIsRefused(t *testing.T) {
	p, dir := device(t, Options{})
	if got, err := p.Print(t.Context(), spool.Released{}, nil); !errors.Is(err, spool.ErrUnreleased) || got != (spool.Result{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if n := files(t, dir); len(n) != 0 {
		t.Errorf("left %q", n)
	}
}

func TestDocumentThatDoesNotOpen(t *testing.T) {
	p, dir := device(t, Options{})
	doc := document("x", 1, 1)
	doc.err = errors.New("too late")
	if got, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != printer.NotOpened || got != (spool.Result{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if n := files(t, dir); len(n) != 0 {
		t.Errorf("left %q", n)
	}
}

// broken fails after some bytes, as a disk does.
type broken struct{ io.ReadSeeker }

func (broken) Read(b []byte) (int, error) { return copy(b, "half"), errors.New("no") }

func TestWriteThatFailsLeavesNothing(t *testing.T) {
	p, dir := device(t, Options{})
	doc := document("x", 1, 1)
	doc.body = broken{}
	got, err := p.print(t.Context(), doc, nil)
	if err != nil || got.Outcome != protocol.Failed || got.Reason != printer.WriteFailed || got.Impressions != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if n := files(t, dir); len(n) != 0 {
		t.Errorf("left %q", n)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs to mount a small disk:", err)
		}
		t.Skip("needs to mount a small disk:", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	p, err := New(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc := document(strings.Repeat("x", 256<<10), 1, 1)
	got, err := p.print(t.Context(), doc, nil)
	if err != nil || got.Outcome != protocol.Failed || got.Reason != printer.WriteFailed {
		t.Errorf("%+v, %v", got, err)
	}
	if n := files(t, dir); len(n) != 0 {
		t.Errorf("left %q", n)
	}
	if got, err := p.print(t.Context(), document("small", 1, 1), nil); err != nil || got.Outcome != protocol.Printed {
		t.Errorf("after the full disk: %+v, %v", got, err)
	}
}

func TestJamInPrint(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		p, err := New(dir, Options{})
		if err != nil {
			r.Fatal(err)
		}
		pages, copies := rapid.IntRange(1, 5).Draw(r, "pages"), rapid.IntRange(1, 3).Draw(r, "copies")
		after := rapid.IntRange(0, pages*copies-1).Draw(r, "after")
		p.JamAfter(after)
		got, err := p.print(t.Context(), document("x", pages, copies), nil)
		want := spool.Result{Outcome: protocol.Unsure, Impressions: after, Reason: printer.MediaJam, JobID: got.JobID, Evidence: spool.NoEvidence}
		if after == 0 {
			want.Outcome, want.Evidence = protocol.Failed, spool.NotSent
		}
		if err != nil || got != want {
			r.Fatalf("%+v, %v; want %+v", got, err, want)
		}
		if n := files(t, dir); len(n) != 0 {
			r.Fatalf("a jammed sheet landed: %q", n)
		}
		if present, err := p.Paper(t.Context()); err != nil || present != (after > 0) {
			r.Fatalf("tray %v, %v after %d sheets", present, err, after)
		}
		ready(r, p, printer.MediaJam)
		p.Clear()
		ready(r, p, "")
	})
}

func ready(t rapid.TB, p *Printer, reason string) {
	t.Helper()
	got, err := p.Ready(context.Background())
	if err != nil || got.Reason != reason || got.Ready != (reason == "") {
		t.Fatalf("ready %+v, %v; want %q", got, err, reason)
	}
}

func TestReady(t *testing.T) {
	p, dir := device(t, Options{})
	ready(t, p, "")
	p.PaperOut()
	ready(t, p, printer.MediaNeeded)
	p.Jam()
	ready(t, p, printer.MediaJam)
	p.Clear()
	p.printing.Store(true)
	ready(t, p, printer.Busy)
	p.printing.Store(false)
	ready(t, p, "")
	remove(t, dir)
	ready(t, p, printer.Unwritable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := p.Ready(ctx); err == nil || got.Ready {
		t.Errorf("an ended context is %+v, %v", got, err)
	}
}

func TestTray(t *testing.T) {
	p, _ := device(t, Options{})
	tray := func(want bool) {
		t.Helper()
		if got, err := p.Paper(t.Context()); err != nil || got != want {
			t.Errorf("paper %v, %v; want %v", got, err, want)
		}
	}
	tray(false)
	if _, err := p.print(t.Context(), document("x", 1, 1), nil); err != nil {
		t.Fatal(err)
	}
	tray(true)
	p.Clear()
	tray(true)
	p.TakePaper()
	tray(false)
}

func TestFaultsWhileSheetsMove(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(*Printer, context.CancelFunc)
		at   time.Duration
		want spool.Result
	}{
		"jam before the first": {func(p *Printer, _ context.CancelFunc) { p.Jam() }, 500 * time.Millisecond, spool.Result{Outcome: protocol.Failed, Reason: printer.MediaJam, Evidence: spool.NotSent}},
		"jam after two":        {func(p *Printer, _ context.CancelFunc) { p.Jam() }, 2500 * time.Millisecond, spool.Result{Outcome: protocol.Unsure, Impressions: 2, Reason: printer.MediaJam, Evidence: spool.NoEvidence}},
		"paper out after one":  {func(p *Printer, _ context.CancelFunc) { p.PaperOut() }, 1500 * time.Millisecond, spool.Result{Outcome: protocol.Unsure, Impressions: 1, Reason: printer.MediaNeeded, Evidence: spool.NoEvidence}},
		"ended before any":     {func(_ *Printer, stop context.CancelFunc) { stop() }, 500 * time.Millisecond, spool.Result{Outcome: protocol.Failed, Reason: printer.Canceled, Evidence: spool.NotSent}},
		"ended after three":    {func(_ *Printer, stop context.CancelFunc) { stop() }, 3500 * time.Millisecond, spool.Result{Outcome: protocol.Unsure, Impressions: 3, Reason: printer.Canceled, Evidence: spool.NoEvidence}},
		"jam after the last":   {func(p *Printer, _ context.CancelFunc) { p.Jam() }, 4500 * time.Millisecond, spool.Result{Outcome: protocol.Printed, Impressions: 4, Evidence: spool.FileSynced}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				p, err := New(dir, Options{PerImpression: time.Second})
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				go func() { time.Sleep(c.at); c.harm(p, stop) }()
				got, err := p.print(ctx, document("x", 2, 2), nil)
				got.JobID = ""
				if err != nil || got != c.want {
					t.Errorf("%+v, %v; want %+v", got, err, c.want)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestNameTakenWhileSheetsMove(t *testing.T) {
	p, dir := device(t, Options{})
	doc := document("ours", 1, 1)
	got, err := p.print(t.Context(), doc, func(int) { occupy(t, dir, doc) })
	if err != nil || got.Outcome != protocol.Unsure {
		t.Errorf("%+v, %v", got, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, doc.job.Transaction.String()+".pdf")); err != nil || string(b) != "first" {
		t.Errorf("the first file was replaced by %q, %v", b, err)
	}
}

// TestServiceSheet: it is a file of its own kind of name.
func TestServiceSheet(t *testing.T) {
	p, dir := device(t, Options{})
	s := spooltest.Sheet(t, "dir")
	got, err := spool.PrintService(t.Context(), &spooltest.Memory{}, p, s, "tech-7")
	if err != nil || got.Outcome != protocol.Printed {
		t.Errorf("%+v %v", got, err)
	}
	name := "service-sheet-" + s.Digest().String()[:32] + ".pdf"
	if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || protocol.Fingerprint(b) != s.Digest() {
		t.Error(err, files(t, dir))
	}
	p.JamAfter(0)
	again := spooltest.Sheet(t, "usb") // another one
	if got, err := spool.PrintService(t.Context(), &spooltest.Memory{}, p, again, "tech-7"); err != nil || got.Outcome != protocol.Failed || got.Reason != printer.MediaJam || len(files(t, dir)) != 1 {
		t.Errorf("%+v %v %q", got, err, files(t, dir))
	}
}
