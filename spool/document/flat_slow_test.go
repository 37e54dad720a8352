//go:build slow

package document_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/spool/document/inspect/mutant"
	"honnin/spool/spooltest"
	"honnin/testdata/vectors"
)

var hostile = flag.Int("hostile", 1500, "how many hostile documents TestMemoryIsFlat gives to the check")

// TestMemoryIsFlat gives the check hostile documents, signed by an issuer that is trusted, so that every one
// reaches a child: those of the refused vectors and mutants of the accepted ones, bombs among them. All are refused,
// and the process holds nothing more afterwards. "make mutants" runs 10,000.
func TestMemoryIsFlat(t *testing.T) {
	w := spooltest.New(t)
	pool := inspect.NewPool(inspect.Options{})
	defer pool.Close()
	g := newGrinder(t, w, pool)
	warmUp := max(*hostile/10, 100)
	g.feed(t, 0, warmUp)
	before := atRest(t, pool)
	g.feed(t, warmUp, *hostile)
	after := atRest(t, pool)
	for _, code := range slices.Sorted(maps.Keys(g.codes)) {
		t.Logf("%6d  %s", g.codes[code], code)
	}
	t.Logf("before %+v", before)
	t.Logf("after  %+v", after)
	if n := g.codes[reason.PDFMalformed] + g.codes[reason.PDFActiveContent] + g.codes[reason.PDFUpdated]; n < *hostile/3 {
		t.Errorf("only %d of %d were refused for what a child reports", n, *hostile)
	}
	// Over 10,000 documents the bound on the heap is 200 bytes for each; what is below it the mutator keeps, which
	// stores its bombs. Of the resident memory some is free, and not yet given back.
	if after.heap > before.heap+2<<20 || after.resident > before.resident+24<<20 || after.goroutines > before.goroutines+2 || after.files > before.files || after.children != 1 {
		t.Error("the process grew")
	}
}

// grinder makes hostile documents and has them checked.
type grinder struct {
	w        *spooltest.World
	verifier *document.Verifier
	maker    *mutant.Maker
	refused  [][]byte

	mu    sync.Mutex
	codes map[reason.Code]int
}

func newGrinder(t *testing.T, w *spooltest.World, pool *inspect.Pool) *grinder {
	t.Helper()
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	g := &grinder{w: w, verifier: document.NewVerifier(w.Policy, pool, w.Now), codes: map[reason.Code]int{}}
	good := [][]byte{mutant.Sheet}
	for _, v := range all {
		pkg, err := v.Package()
		if err != nil {
			t.Fatal(err)
		}
		m, err := trust.Parse(pkg)
		switch small := err == nil && len(m.Content()) < 128<<10; {
		case small && v.Verdict == "accepted":
			good = append(good, m.Content())
		case err == nil && strings.HasPrefix(string(v.Reason), "pdf-"):
			g.refused = append(g.refused, m.Content())
		}
	}
	if g.maker, err = mutant.New(good...); err != nil || len(g.refused) < 10 {
		t.Fatalf("%d refused PDFs, %v", len(g.refused), err)
	}
	return g
}

// document is the nth: mostly mutants, and each refused PDF in its turn.
func (g *grinder) document(n int) []byte {
	if n%10 == 0 {
		return g.refused[n/10%len(g.refused)]
	}
	pdf, _ := g.maker.Make(uint64(n))
	return pdf
}

// feed checks the documents from one number to another, two at a time.
func (g *grinder) feed(t *testing.T, from, to int) {
	t.Helper()
	var next atomic.Int64
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			for {
				n := from + int(next.Add(1)) - 1
				if n >= to {
					return
				}
				if err := g.one(t, n); err != nil {
					t.Errorf("document %d: %v", n, err)
				}
			}
		})
	}
	done.Wait()
}

func (g *grinder) one(t *testing.T, n int) error {
	pkg, err := sign.Sign(g.document(n), g.w.Issuer.Options(g.w.Now()))
	if err != nil {
		return err
	}
	var r *document.Refusal
	if _, err = g.verifier.Verify(t.Context(), pkg, g.w.Want); !errors.As(err, &r) {
		return fmt.Errorf("not refused: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.codes[r.Code]++
	return nil
}

// held is what this process holds: bytes and counts.
type held struct{ heap, resident, goroutines, files, children int }

// atRest waits until one child waits and nothing else is under way, collects the garbage and counts.
func atRest(t *testing.T, pool *inspect.Pool) held {
	t.Helper()
	limit := time.After(30 * time.Second)
	for pool.Waiting() != 1 || children(t) != 1 {
		select {
		case <-limit:
			t.Fatalf("%d children, %d waiting", children(t), pool.Waiting())
		case <-time.After(time.Millisecond):
		}
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return held{int(m.HeapAlloc), resident(t), runtime.NumGoroutine(), len(files), children(t)}
}

func resident(t *testing.T) (bytes int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var total int
	if _, err := fmt.Sscan(string(b), &total, &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes * os.Getpagesize()
}

// children counts this process's children, those that nobody has waited for included.
func children(t *testing.T) (n int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Fatal(lists, err)
	}
	for _, list := range lists {
		if b, err := os.ReadFile(list); err == nil { // a thread may have ended
			n += len(strings.Fields(string(b)))
		}
	}
	return n
}
