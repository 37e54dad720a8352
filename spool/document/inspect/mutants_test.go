//go:build slow

package inspect

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/spool/document/inspect/mutant"
	"honnin/testdata/vectors"
)

var (
	mutants = flag.Int("mutants", 2000, "how many mutants TestMutants gives to children")
	first   = flag.Uint64("first", 1, "the seed of the first mutant")
)

// answerIn is how long the daemon may wait for an answer to any document.
const answerIn = 2 * time.Second

// TestMutants gives mutants of good documents to real children, one each. Whatever they do to a child, the parent
// has an answer in time, and holds nothing more afterwards than before. "make mutants" runs more of them.
func TestMutants(t *testing.T) {
	m := mutantMaker(t)
	p := pool(t, Options{Warm: 2})
	tally := newTally(t.TempDir())
	warmUp := min(*mutants/10, 2000)
	tally.feed(m, p, *first, warmUp)
	before := settle(t, p)
	start := time.Now()
	tally.feed(m, p, *first+uint64(warmUp), *mutants-warmUp)
	took := time.Since(start)
	after := settle(t, p)
	t.Logf("%d mutants from seed %d, %.0f a second\n%s\nparent before %+v\nparent after  %+v", *mutants, *first, float64(*mutants-warmUp)/took.Seconds(), tally, before, after)
	for _, v := range tally.violations {
		t.Error(v)
	}
	if what := after.grownFrom(before); what != "" {
		t.Errorf("the parent grew: %s", what)
	}
	if tally.outcomes["accepted"] == 0 || tally.deep < *mutants/4 {
		t.Errorf("%d accepted, %d got as far as pdfcpu: the mutants are not worth much", tally.outcomes["accepted"], tally.deep)
	}
}

// largest sample in bytes: how mutants fare is a matter of structure, and larger ones only take longer.
const largest = 128 << 10

// mutantMaker takes its samples from the practice issuer, from the accepted vectors, and from this package's tests.
func mutantMaker(t *testing.T) *mutant.Maker {
	t.Helper()
	samples := [][]byte{mutant.Sheet, good(1).Bytes(), good(3).Bytes(), rehearsal}
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Verdict != "accepted" {
			continue
		}
		if pdf := vectorPDF(t, v); len(pdf) <= largest {
			samples = append(samples, pdf)
		}
	}
	m, err := mutant.New(samples...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func vectorPDF(t *testing.T, v vectors.Vector) []byte {
	t.Helper()
	pkg, err := v.Package()
	if err != nil {
		t.Fatal(err)
	}
	msg, err := trust.Parse(pkg)
	if err != nil {
		t.Fatal(err)
	}
	return msg.Content()
}

// tally is what the mutants did.
type tally struct {
	dir string // for qpdf

	mu         sync.Mutex
	done       int
	outcomes   map[string]int
	slowest    []slow
	violations []string
	deep, died int // asked pdfcpu; ended without a report
	qpdf       map[string]int
}

type slow struct {
	took time.Duration
	seed uint64
	what string
}

func newTally(dir string) *tally {
	return &tally{dir: dir, outcomes: map[string]int{}, qpdf: map[string]int{}}
}

// feed gives n mutants to the pool, two at a time at most.
func (y *tally) feed(m *mutant.Maker, p *Pool, seed uint64, n int) {
	var next atomic.Uint64
	var done sync.WaitGroup
	for range min(2, runtime.NumCPU()) {
		done.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= uint64(n) {
					return
				}
				y.one(m, p, seed+i)
			}
		})
	}
	done.Wait()
}

func (y *tally) one(m *mutant.Maker, p *Pool, seed uint64) {
	pdf, changes := m.Make(seed)
	f, took, err := timed(p, pdf)
	if took > answerIn { // it may have been this machine's other work: once more
		_, again, _ := timed(p, pdf)
		took = min(took, again)
	}
	what := outcome(f, err)
	died := strings.HasPrefix(what, "child")
	if died {
		what += ", " + autopsy(pdf)
	}
	bad := faults(pdf, f, err, took)
	y.mu.Lock()
	defer y.mu.Unlock()
	y.died += b2i(died)
	if y.done++; y.done%10_000 == 0 {
		fmt.Fprintf(os.Stderr, "%d mutants, %d accepted, %d children died, %d violations\n", y.done, y.outcomes["accepted"], y.died, len(y.violations))
	}
	y.outcomes[what]++
	y.slowest = append(y.slowest, slow{took, seed, what})
	slices.SortFunc(y.slowest, func(a, b slow) int { return int(b.took - a.took) })
	y.slowest = y.slowest[:min(len(y.slowest), 8)]
	if err == nil && (len(f.Findings) == 0 || strings.HasPrefix(f.Findings[0].Detail, "pdfcpu")) {
		y.deep++
	}
	if what == "accepted" && (y.outcomes[what] < 100 || y.outcomes[what]%100 == 0) {
		bad = append(bad, y.askQpdf(pdf)...)
	}
	for _, b := range bad {
		y.violations = append(y.violations, fmt.Sprintf("mutant %d %q: %s", seed, changes, b))
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func timed(p *Pool, pdf []byte) (Facts, time.Duration, error) {
	start := time.Now()
	f, err := p.Inspect(context.Background(), pdf)
	return f, time.Since(start), err
}

// outcome names what became of a mutant: accepted, a reason and the finding without its numbers, or a dead child.
func outcome(f Facts, err error) string {
	switch {
	case err != nil:
		return "child: " + err.Error()
	case len(f.Findings) == 0:
		return "accepted"
	}
	digits := func(c rune) rune {
		if c >= '0' && c <= '9' {
			return -1
		}
		return c
	}
	return string(f.Findings[0].Code) + ": " + strings.Map(digits, f.Findings[0].Detail)
}

// faults says what must not have happened.
func faults(pdf []byte, f Facts, err error, took time.Duration) (out []string) {
	if err != nil && reason.Of(err) != reason.PDFMalformed {
		out = append(out, "no refusal: "+err.Error())
	}
	if took > answerIn {
		out = append(out, fmt.Sprintf("answered after %v", took))
	}
	if err == nil {
		if what := sound(f); what != nil {
			out = append(out, what.Error())
		}
	}
	if err == nil && len(f.Findings) == 0 && (f.PageCount < 1 || f.PageCount > MaxPages || len(f.Tags) != f.PageCount || f.Statement == nil) {
		out = append(out, "accepted, and not whole")
	}
	return out
}

// autopsy gives the document to one more child and says how that one ends.
func autopsy(pdf []byte) string {
	p := NewPool(Options{Warm: -1})
	defer p.Close()
	c, err := p.greeted(context.Background())
	if err != nil {
		return "and no other to be had"
	}
	defer c.discard()
	_, err = c.exchange(pdf, p.opts.Wall)
	if err == nil {
		return "but not a second time"
	}
	c.kill()
	<-c.dead
	s := c.cmd.ProcessState
	used := s.SysUsage().(*syscall.Rusage)
	switch cpu := s.UserTime() + s.SystemTime(); {
	case cpu >= p.opts.CPU-p.opts.CPU/10:
		return "by its limit on processor time"
	case s.ExitCode() == 2 && used.Maxrss > int64(p.opts.Memory>>10)/2:
		return "by its limit on memory"
	default:
		return s.String()
	}
}

// askQpdf holds an accepted mutant against another implementation.
func (y *tally) askQpdf(pdf []byte) []string {
	qpdf, err := exec.LookPath("qpdf")
	if err != nil {
		y.qpdf["is missing"]++
		if os.Getenv("CI") == "true" {
			return []string{"qpdf is missing"}
		}
		return nil
	}
	path := filepath.Join(y.dir, "accepted.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		return []string{err.Error()}
	}
	out, err := exec.Command(qpdf, "--check", path).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		y.qpdf["finds nothing"]++
	case asExit(err, &exit) && exit.ExitCode() == 3:
		y.qpdf["warns"]++
	default:
		return []string{fmt.Sprintf("accepted, and qpdf says %v: %.300s", err, out)}
	}
	return nil
}

func asExit(err error, to **exec.ExitError) (ok bool) {
	*to, ok = err.(*exec.ExitError)
	return ok
}

// String lists the outcomes by the reason and then by how often.
func (y *tally) String() string {
	var b strings.Builder
	sum := map[string]int{}
	for what, n := range y.outcomes {
		code, _, _ := strings.Cut(what, ":")
		sum[code] += n
	}
	for _, code := range slices.Sorted(maps.Keys(sum)) {
		fmt.Fprintf(&b, "%8d  %s\n", sum[code], code)
	}
	fmt.Fprintf(&b, "%8d  got as far as pdfcpu; qpdf on accepted ones: %v\n%8d  children ended without a report\nof these:\n", y.deep, y.qpdf, y.died)
	for _, what := range slices.SortedFunc(maps.Keys(y.outcomes), func(a, b string) int { return y.outcomes[b] - y.outcomes[a] }) {
		fmt.Fprintf(&b, "%8d  %s\n", y.outcomes[what], what)
	}
	b.WriteString("slowest:\n")
	for _, s := range y.slowest {
		fmt.Fprintf(&b, "%10v  mutant %d, %s\n", s.took.Round(time.Millisecond), s.seed, s.what)
	}
	return b.String()
}

// size is what this process holds.
type size struct {
	RSS, Heap         int // MiB, KiB
	Goroutines, Files int
	Children          int
}

// settle waits until nothing is under way, collects the garbage and measures.
func settle(t *testing.T, p *Pool) size {
	t.Helper()
	await(t, "pool at rest", func() bool { return p.Waiting() == p.opts.Warm && len(p.children()) == p.opts.Warm })
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return size{RSS: residentMiB(t), Heap: int(m.HeapAlloc >> 10), Goroutines: runtime.NumGoroutine(), Files: descriptors(t), Children: len(p.children())}
}

func residentMiB(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var total, resident int
	if _, err := fmt.Sscan(string(b), &total, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize() >> 20
}

// grownFrom says what became more. Goroutines, descriptors and children are counted exactly but for a reaper that
// has not returned yet; a leak of 10 bytes a document would show in the heap after 200,000 (the mutator keeps
// half a MiB of bombs); and the process may keep some pages that the collector has not given back.
func (s size) grownFrom(b size) string {
	switch {
	case s.Files > b.Files || s.Children > b.Children || s.Goroutines > b.Goroutines+2:
		return "descriptors, children or goroutines"
	case s.Heap > b.Heap+2<<10:
		return "heap"
	case s.RSS > b.RSS+24:
		return "resident memory"
	}
	return ""
}
