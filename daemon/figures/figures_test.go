package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/daemon/practice"
	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/spool/document/inspect"
)

// TestMain lets this test binary be its own inspection child.
func TestMain(m *testing.M) {
	if inspect.IsChild() {
		inspect.ChildMain()
		return
	}
	os.Exit(m.Run())
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		runs []time.Duration
		want spread
	}{
		{nil, spread{}},
		{[]time.Duration{7}, spread{7, 7, 7, 1}},
		{[]time.Duration{9, 1, 5}, spread{1, 5, 9, 3}},
		{[]time.Duration{4, 3, 2, 1}, spread{1, 3, 4, 4}},
	} {
		if got := spreadOf(c.runs); got != c.want {
			t.Errorf("%v: %+v", c.runs, got)
		}
	}
	if r := (spread{}).row("x", "≤ 1", ""); r.value != "-" || r.note != "not measured" {
		t.Errorf("nothing was measured, and the row says %+v", r)
	}
}

func TestTimesStopsAtTheFirstError(t *testing.T) {
	n, wrong := 0, errors.New("wrong")
	got, err := times(5, func() { n++ }, func() error {
		if n == 3 {
			return wrong
		}
		return nil
	})
	if !errors.Is(err, wrong) || n != 3 || got != (spread{}) {
		t.Error(got, n, err)
	}
}

func TestPrint(t *testing.T) {
	var b strings.Builder
	rows := []row{remark("over %d", 2), {"名", "1.00 ms", "≤ 5 ms", "a note"}, {"long", "2 APDUs", "", ""}}
	if err := print(&b, "Title", rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if lines[1] != "Title" || lines[2] != "    over 2" || !strings.HasSuffix(lines[3], "1.00 ms  ≤ 5 ms     a note") || !strings.HasSuffix(lines[4], "     2 APDUs") {
		t.Errorf("%q", lines)
	}
}

// The floor, the CMS part and the whole check are measured on a package that passes.
func TestTheSamplePasses(t *testing.T) {
	s, err := newSample(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	whole := s.verify(t.Context(), inspects(inspect.Document))
	rows := func() error { return s.signed(func(string) {}) }
	if err := errors.Join(whole(), rows(), s.floor()()); err != nil {
		t.Error(err)
	}
	heavy, err := s.heavier(10, 1<<20, time.Now())
	if err != nil || len(heavy.pkg) < 1<<20 || heavy.verify(t.Context(), inspects(inspect.Document))() != nil {
		t.Error(len(heavy.pkg), err)
	}
	s.pkg[len(s.pkg)/2] ^= 1
	if whole() == nil || rows() == nil {
		t.Error("what is measured does not look at the package")
	}
}

// Every step of the check is in the table, for every package.
func TestEveryStepIsMeasured(t *testing.T) {
	s, err := newSample(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var tab table
	tab.add(s, "record", 100)
	c := tab.columns[0]
	if err := c.measure(t.Context(), 2, 1); err != nil {
		t.Fatal(err)
	}
	for _, step := range slices.Concat(daemonSteps, inspect.Steps, []string{whole, lowest, handing, child}) {
		if s := spreadOf(c.ledger[step]); s.runs == 0 || s.median <= 0 && step != handing && step != others {
			t.Errorf("%s: %+v", step, s)
		}
	}
	text := fmt.Sprint(tab.rows())
	for _, step := range inspect.Steps {
		if !strings.Contains(text, step) {
			t.Errorf("no line of %s", step)
		}
	}
}

func TestRest(t *testing.T) {
	l := ledger{"all": {9, 10, 11}, "a": {1, 2, 3}, "b": {4, 4, 4}, "c": {100}}
	l.rest("left", "all", "a", "b")
	l.rest("less", "all", "c")
	if got := spreadOf(l["left"]); got.low != 4 || got.median != 4 {
		t.Errorf("%+v", got)
	}
	if got := spreadOf(l["less"]); got.low != 0 || got.median != 0 {
		t.Errorf("less than nothing: %+v", got)
	}
}

// The wire is heard as the drivers' own counter counts it, and cut where the first signature is.
func TestWire(t *testing.T) {
	for _, takes := range []bool{true, false} {
		t.Run(fmt.Sprintf("short ids and extended length %v", takes), func(t *testing.T) {
			first, later, err := twoVisits(t.Context(), takes, takes)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range []*wire{first, later} {
				part := w.toSignature()
				tries := slices.IndexFunc(part, exchange.asksTries)
				if len(part) == 0 || len(part) >= len(w.all) || part[len(part)-1].ins != insSign || tries < 0 {
					t.Errorf("%d of %d, tries at %d", len(part), len(w.all), tries)
				}
			}
			if refused := slices.ContainsFunc(first.all, exchange.refused); refused == takes || slices.ContainsFunc(later.all, exchange.refused) {
				t.Error("refused:", refused)
			}
		})
	}
}

func TestHeard(t *testing.T) {
	w := new(wire)
	w.heard([]byte{0x00, 0x20, 0x00, 0x98}, []byte{0x63, 0xC3})
	w.heard([]byte{0x80, 0x2A, 0x00, 0x80, 1, 9, 0}, []byte{0x6A, 0x86})
	w.heard([]byte{0x80, 0x2A, 0x00, 0x80, 1, 9, 0}, []byte{1, 0x61, 0x01})
	w.heard([]byte{0x00, 0xC0, 0, 0, 0}, []byte{1, 0x90, 0x00})
	w.heard([]byte{0x00, 0xA4, 0, 0}, nil) // lost
	if got := len(w.toSignature()); got != 4 {
		t.Error("up to the signature:", got)
	}
	want := "27 bytes to the card, 10 from it; asking for the tries left: 1 APDU; short forms tried and refused: 2"
	if got := described(w.all); got != want {
		t.Error(got)
	}
	if len(w.cut().all) != 5 || len(w.all) != 0 {
		t.Error("not cut")
	}
}

// Two visits of the sample's person, at a printer that takes the first byte at once.
func TestWaits(t *testing.T) {
	var first time.Time
	got, err := waits(t.Context(), 2, swift{&first}, func() time.Time { return first })
	if err != nil || got.runs != 2 || got.low <= 0 || first.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWiretap(t *testing.T) {
	device, err := startPrinter(t.Context())
	if err != nil {
		if _, missing := exec.LookPath("ippeveprinter"); missing != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	defer device.stop()
	line := new(wiretap)
	p, err := device.driver(line)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := waits(t.Context(), 1, p, line.first); err != nil || got.low <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNobodyComes(t *testing.T) {
	w := wiring{world: practice.Options{CardAnchors: []*x509.Certificate{}}, reader: plain, printer: swift{new(time.Time)}}
	s, err := newStand(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.world.Card("p08") // revoked
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.visit(t.Context(), c, pinOf(s.world, "p08")); err == nil {
		t.Error("a visit that came to nothing was measured")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestMemoryOfThisProcess(t *testing.T) {
	r, err := residentOf(os.Getpid())
	if err != nil || r.rss < 1<<20 || r.anonymous <= 0 || r.anonymous > r.rss {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := residentOf(1 << 30); err == nil {
		t.Error("a process that is not there has memory")
	}
	rows := memory{resident{30 << 20, 1, -1}, resident{1, 1, -1}}.rows()
	if rows[0].value != "30.0 MiB" || rows[2].value != "-" {
		t.Errorf("%+v", rows)
	}
}

func TestKibibytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status")
	if err := os.WriteFile(path, []byte("Name:\thonnind\nVmRSS:\t   30500 kB\nThreads:\t8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := kibibytes(path); err != nil || got["VmRSS"] != 30500<<10 || got["Name"] != 0 {
		t.Error(got, err)
	}
}

func TestEventually(t *testing.T) {
	n := 0
	if err := eventually(t.Context(), "three", func() bool { n++; return n == 3 }); err != nil || n != 3 {
		t.Error(n, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if eventually(ctx, "never", func() bool { return false }) == nil {
		t.Error("waited for ever")
	}
}

var _ card.Connection = tap{}

func TestCertificateHasItsSize(t *testing.T) {
	if o, err := cardtest.NewHolder(cardtest.RSA2048, certificateSize); err != nil || len(o.AuthCert) != 1266 {
		t.Error(len(o.AuthCert), err)
	}
}
