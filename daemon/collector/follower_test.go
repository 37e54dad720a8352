package collector

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/durable"
	"honnin/daemon/durable/durabletest"
	"honnin/spool/journal"
)

// stormy is a journal of so many incidents, one a second, all alike but one.
type stormy struct{ entries, otherwise uint64 }

func (s stormy) After(position uint64, f func(journal.Entry) (bool, error)) error {
	for seq := position + 1; seq <= s.entries; seq++ {
		e := journal.Entry{Seq: seq, At: protocol.At(time.Date(2026, 11, 22, 0, 0, int(seq), 0, time.UTC)), Kind: journal.Incident, Reason: string(reason.TagMissing), Municipality: "141003"}
		if seq == s.otherwise {
			e.Reason = string(reason.NameMismatch)
		}
		if more, err := f(e); err != nil || !more {
			return err
		}
	}
	return nil
}

func (s stormy) At(uint64) (journal.Entry, error)         { return journal.Entry{}, journal.ErrNoEntry }
func (s stormy) Holds(protocol.JournalHead) (bool, error) { return true, nil }

// TestStopWhileReading: a terminal that stops does not first read a long journal to its end.
func TestStopWhileReading(t *testing.T) {
	o := newWorld(t).options()
	o.Journal = stormy{math.MaxUint64 - 1, 0} // all alike: one message, and no end
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f := follower{Options: o, size: most}
	if _, _, err := f.gather(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// heard is a collector in this process that keeps what it was told in connections that it has confirmed.
type heard struct {
	mu     sync.Mutex
	all    []string
	drops  int // so many connections it ends after the first message
	served int
}

func (h *heard) serve(_ net.Conn, c *tls.Conn) {
	h.mu.Lock()
	h.served++
	drop := h.served <= h.drops
	h.mu.Unlock()
	if drop {
		_, _ = c.Read(make([]byte, 20))
		return
	}
	all, err := read(c)
	if err != io.EOF {
		return
	}
	h.mu.Lock()
	h.all = append(h.all, all...)
	h.mu.Unlock()
	c.Close()
}

func (h *heard) numbers(t testing.TB) (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.all {
		out = append(out, must[parsed](t)(parse(m)).data[sdID]["where"])
	}
	return out
}

// TestSmaller: a collector that breaks off gets half as much each time, so that one that can take little gets little, and at
// last all of it, in order.
func TestSmaller(t *testing.T) {
	w, h := newWorld(t), &heard{drops: 12}
	w.names(w.server(w.asCollector(), h.serve))
	w.happens(1, 301)
	defer w.run()()
	w.until("all", func() bool { return len(h.numbers(t)) >= 300 })
	for i, n := range h.numbers(t) {
		if n != incidentNumber(i+1).Where {
			t.Fatalf("%d is %s", i+1, n)
		}
	}
}

// TestPolicyChanges: another policy's collectors are told from then on, each from its own place; whoever is none any more is not.
func TestPolicyChanges(t *testing.T) {
	w, one, two := newWorld(t), &heard{}, &heard{}
	first := w.names(w.server(w.asCollector(), one.serve))
	w.happens(1, 4)
	c := New(w.options())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	defer func() { stop(); <-ended }() // it writes where the test clears up
	only := func(is State) bool { s := c.States(); return len(s) == 1 && s[0] == is }
	w.until("the first three, and that this is kept", func() bool { return only(State{ID: "log", Position: 6}) })
	second := policy.Collector{ID: "second", Address: w.server(w.asCollector(), two.serve), Anchors: first.Anchors}
	w.set(second)
	w.until("all of it for the new one", func() bool { return len(two.numbers(t)) == 3 })
	w.until("only one", func() bool { return only(State{ID: "second", Position: 6}) })
	w.happens(4, 6)
	w.until("what is new", func() bool { return len(two.numbers(t)) == 5 })
	w.set(first, second)
	w.until("what came meanwhile", func() bool { return len(one.numbers(t)) == 5 })
	if got := strings.Join(one.numbers(t), " "); got != "1 2 3 4 5" {
		t.Error(got)
	}
}

func (w *world) set(to ...policy.Collector) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
}

// TestAnotherJournal: a place that this journal does not hold is none, and that is said.
func TestAnotherJournal(t *testing.T) {
	w, h := newWorld(t), &heard{}
	w.names(w.server(w.asCollector(), h.serve))
	p := place{durable.Real{}, filepath.Join(w.dir, "collectors"), "log"}
	for _, kept := range []protocol.JournalHead{{Position: 4, Head: protocol.Digest{9}}, {Position: 400}} {
		if err := p.save(kept); err != nil {
			t.Fatal(err)
		}
	}
	w.happens(1, 4)
	stop := w.run()
	w.until("all three", func() bool { return len(h.numbers(t)) == 3 })
	stop()
	if !strings.Contains(w.said.String(), "does not hold") {
		t.Error(w.said)
	}
	if err := os.WriteFile(p.path(), []byte(`{"position":`), 0o600); err != nil {
		t.Fatal(err)
	}
	stop = w.run()
	w.until("all three again", func() bool { return len(h.numbers(t)) == 6 })
	stop()
}

// TestPlaceCut: whenever the power fails, the place that is found afterwards is one of those that were kept, and never below
// the last that was said to be kept.
func TestPlaceCut(t *testing.T) {
	cuts := 0
	for steps := 0; ; steps++ {
		root := t.TempDir()
		d := durabletest.New(root, steps)
		p := place{d, filepath.Join(root, "collectors"), "log"}
		kept := uint64(0)
		for n := uint64(1); n <= 3; n++ {
			if p.save(protocol.JournalHead{Position: n, Head: protocol.Digest{byte(n)}}) != nil {
				break
			}
			kept = n
		}
		for _, image := range d.Images(t, t.TempDir()) {
			got := place{durable.Real{}, filepath.Join(image, "collectors"), "log"}.load()
			if got.Position < kept || got.Position > kept+1 || got.Position > 0 && got.Head != (protocol.Digest{byte(got.Position)}) {
				t.Errorf("cut at %v: %d was kept, %+v is found", d.Done, kept, got)
			}
		}
		if kept == 3 {
			break
		}
		cuts++
	}
	if cuts < 10 {
		t.Errorf("only %d cuts", cuts)
	}
}

// TestFullDisk: a place that cannot be kept has nothing told twice before a restart.
func TestFullDisk(t *testing.T) {
	w, h := newWorld(t), &heard{}
	w.names(w.server(w.asCollector(), h.serve))
	if err := os.WriteFile(filepath.Join(w.dir, "collectors"), nil, 0o600); err != nil { // no directory can be made
		t.Fatal(err)
	}
	w.happens(1, 4)
	defer w.run()()
	w.until("that it cannot be kept", func() bool { return strings.Contains(w.said.String(), errPlace.Error()) })
	if err := os.Remove(filepath.Join(w.dir, "collectors")); err != nil {
		t.Fatal(err)
	}
	w.until("that it can", func() bool { return exists(filepath.Join(w.dir, "collectors", "log")) })
	if got := h.numbers(t); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Error(got)
	}
}

// TestBackOff: longer and longer, never longer than the longest, and never together with another terminal's.
func TestBackOff(t *testing.T) {
	o := Options{Longest: time.Minute, Log: logrus.New()}
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 100: time.Minute} {
		if d := o.backOff(n); d < want/2 || d > want {
			t.Errorf("after %d failures %s", n, d)
		}
	}
}
