package inspect

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/reason"
)

func pool(t *testing.T, o Options) *Pool {
	t.Helper()
	p := NewPool(o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func bad(how string) Options { return Options{Command: []string{badChild, how}, Warm: -1} }

// TestInspect: the child says what the same code says here.
func TestInspect(t *testing.T) {
	p := pool(t, Options{})
	if p.Confinement() != 0 {
		t.Error("confined before the first hello")
	}
	for range 3 {
		f, err := p.Inspect(t.Context(), good(2).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		wantGood(t, f, 2)
	}
	if got := p.Confinement(); got&(Limits|NoNewRights) != Limits|NoNewRights {
		t.Errorf("confinement %q", got)
	}
	d := good(2)
	d.Obj("page1").Put("/Annots []")
	f, err := p.Inspect(t.Context(), d.Bytes())
	if err != nil || reason.Of(f.Err()) != reason.PDFActiveContent {
		t.Errorf("%v, %v", f.Findings, err)
	}
}

// TestLargest: the largest document gets across, and a larger one is not begun.
func TestLargest(t *testing.T) {
	p := pool(t, Options{Wall: time.Minute, CPU: time.Minute})
	d := good(1)
	o := d.Obj("contents1")
	o.Body, o.Data = "<< >>", []byte("% ")
	o.Data = bytes.Repeat([]byte("q Q\n"), (maxDocument-len(d.Bytes()))/4-64)
	f, err := p.Inspect(t.Context(), d.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	wantGood(t, f, 1)
	if _, err := p.Inspect(t.Context(), make([]byte, maxDocument+1)); reason.Of(err) != reason.PDFMalformed {
		t.Error(err)
	}
}

// TestMisbehaviour: a child that does anything else than report is a malformed document, and says nothing of it.
func TestMisbehaviour(t *testing.T) {
	small, large := good(1).Bytes(), make([]byte, maxDocument)
	run := func(how string, pdf []byte, o Options) {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := pool(t, o)
			f, err := p.Inspect(t.Context(), pdf)
			if reason.Of(err) != reason.PDFMalformed || len(f.Tags) != 0 || f.Statement != nil {
				t.Errorf("%v, %+v", err, f)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
			await(t, "end of the bad child", func() bool { return len(p.children()) == 0 })
			p.opts.Command, p.opts.Wall = []string{childName}, time.Minute
			if f, err := p.Inspect(t.Context(), small); err != nil || len(f.Findings) != 0 {
				t.Errorf("the next document: %v, %v", f.Findings, err)
			}
		})
	}
	for how := range afterDocument {
		run(how, small, bad(how))
	}
	for how := range hanging {
		o := bad(how)
		o.Wall = 300 * time.Millisecond
		run(how, small, o)
	}
	for how := range unreading {
		o := bad(how)
		o.Wall = 300 * time.Millisecond
		run(how, large, o)
	}
}

// TestLimits: memory and processor time end a child.
func TestLimits(t *testing.T) {
	limits := []string{"spins"}
	if !raceDetector { // which has no limit on data
		limits = append(limits, "eats memory")
	}
	for _, how := range limits {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			o := bad(how)
			o.CPU, o.Wall = time.Second, time.Minute
			if _, err := pool(t, o).Inspect(t.Context(), good(1).Bytes()); reason.Of(err) != reason.PDFMalformed || !strings.Contains(err.Error(), "ended without") {
				t.Error(err)
			}
		})
	}
}

// TestNoChild: a child that cannot be had is no fault of the document.
func TestNoChild(t *testing.T) {
	for how := range silent {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			if _, err := pool(t, bad(how)).Inspect(t.Context(), good(1).Bytes()); err == nil || reason.Of(err) != "" {
				t.Error(err)
			}
		})
	}
}

func TestContext(t *testing.T) {
	p := pool(t, bad("hangs"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Inspect(ended, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Inspect(ctx, good(1).Bytes()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestClose: a closed pool takes nothing, what was under way fails without blaming the document, and Close may be
// called again.
func TestClose(t *testing.T) {
	p := NewPool(bad("hangs"))
	failed := make(chan error)
	go func() {
		_, err := p.Inspect(context.Background(), good(1).Bytes())
		failed <- err
	}()
	await(t, "a child at work", func() bool { return len(p.children()) == 1 })
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-failed; err == nil || reason.Of(err) != "" {
		t.Error(err)
	}
	if _, err := p.Inspect(t.Context(), nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// children returns the process ids of all children.
func (p *Pool) children() (pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.all {
		pids = append(pids, c.cmd.Process.Pid)
	}
	return pids
}

// waiting returns the process id of the one idle child, or 0.
func (p *Pool) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) != 1 {
		return 0
	}
	return p.idle[0].cmd.Process.Pid
}

// await asks until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !so() {
		select {
		case <-limit:
			t.Fatalf("no %s", what)
		case <-tick.C:
		}
	}
}

// TestIdleDeath: a child that dies before its turn is replaced, and nobody notices.
func TestIdleDeath(t *testing.T) {
	p := pool(t, Options{})
	for range 2 {
		await(t, "warm child", func() bool { return p.waiting() != 0 })
		old := p.waiting()
		if err := unix.Kill(old, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, "new child", func() bool { n := p.waiting(); return n != 0 && n != old })
	}
	p.mu.Lock()
	last := p.idle[0]
	p.mu.Unlock()
	last.kill()
	<-last.dead // before, it may be handed the document: it has said hello, if this machine was slow
	if f, err := p.Inspect(t.Context(), good(1).Bytes()); err != nil || len(f.Findings) != 0 {
		t.Errorf("%v, %v", f.Findings, err)
	}
}

// TestAhead: while one document is inspected the next child is already there.
func TestAhead(t *testing.T) {
	p := pool(t, Options{Command: []string{badChild, "hangs"}, Warm: 1})
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if _, err := p.Inspect(ctx, good(1).Bytes()); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	await(t, "second child", func() bool { return len(p.children()) == 2 && p.waiting() != 0 })
	cancel()
	done.Wait()
}

func TestManyAtOnce(t *testing.T) {
	p := pool(t, Options{Warm: 2, Wall: time.Minute})
	var done sync.WaitGroup
	for i := range 16 {
		done.Go(func() {
			n := 1 + i%3
			if f, err := p.Inspect(t.Context(), good(n).Bytes()); err != nil || f.PageCount != n {
				t.Errorf("%d pages: %v, %v", n, f.Findings, err)
			}
		})
	}
	done.Wait()
}

// TestNothingLeft: after use and misuse there is no goroutine, descriptor or process more than before.
func TestNothingLeft(t *testing.T) {
	warmUp := NewPool(Options{}) // the runtime's own descriptors
	if _, err := warmUp.Inspect(t.Context(), good(1).Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := warmUp.Close(); err != nil {
		t.Fatal(err)
	}
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	for _, o := range []Options{{}, {Warm: 3}, bad("dies"), bad("floods"), bad("dies at once"), {Command: []string{badChild, "dies at once"}, Warm: 2}} {
		p := NewPool(o)
		for range 2 {
			_, _ = p.Inspect(t.Context(), good(1).Bytes()) // what it says is other tests' business
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if left := p.children(); len(left) != 0 {
			t.Errorf("children left: %v", left)
		}
	}
	await(t, "end of the goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := descriptors(t); n > files {
		t.Errorf("%d descriptors, %d before", n, files)
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
