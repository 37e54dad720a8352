package practice_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
)

func TestStrangersPaper(t *testing.T) {
	w := start(t, practice.Options{})
	c, hands := connect(t, w, terminal), cards(t)
	n := 0
	for _, p := range w.People() {
		if !p.Ordinary {
			continue
		}
		for _, ask := range p.Asks {
			w.HandStranger(true)
			o := obtain(t, c, terminal, hands[p.ID], ask.Certificate) // rightly signed, by the right municipality
			s := statement(t, o.pdf)
			paper, ok := w.PaperOf(protocol.Fingerprint(o.pdf))
			if !ok || paper == p.ID || s.SubjectHash == protocol.HashSubject(o.nonce, o.card.cert.Raw) || s.Transaction == o.begun.Transaction || s.Nonce == o.nonce || s.Terminal == terminal {
				t.Error(p.ID, ask, "was not handed a stranger's paper but", paper)
			}
			if s.Certificate != ask.Certificate || s.Municipality != ask.Municipality {
				t.Error("another certificate", s.Certificate)
			}
			n++
		}
	}
	if n < 40 {
		t.Error("papers:", n)
	}
	o := obtain(t, c, terminal, hands["p01"], protocol.ResidentRecord)
	if paper, _ := w.PaperOf(protocol.Fingerprint(o.pdf)); paper != "p01" {
		t.Error("the stranger stayed")
	}
	w.HandStrangers(true)
	for range 2 {
		o := obtain(t, c, terminal, hands["p01"], protocol.ResidentRecord)
		if paper, _ := w.PaperOf(protocol.Fingerprint(o.pdf)); paper == "p01" {
			t.Error("not a stranger's")
		}
	}
	w.HandStrangers(false)
	w.HandStranger(true)
	w.HandStranger(false)
	if o := obtain(t, c, terminal, hands["p01"], protocol.ResidentRecord); statement(t, o.pdf).Transaction != o.begun.Transaction {
		t.Error("the stranger was not taken back")
	}
}

// In the healthy world no terminal ever gets anybody else's paper, however many ask for whatever at once.
func TestTerminalsNeverCross(t *testing.T) {
	w := start(t, practice.Options{})
	hands := cards(t)
	var ordinary []practice.Person
	for _, p := range w.People() {
		if p.Ordinary {
			ordinary = append(ordinary, p)
		}
	}
	const terminals = 3
	type planned struct {
		person string
		kind   protocol.Certificate
	}
	var clients [terminals]*centre.Client
	name := func(i int) protocol.Terminal { return protocol.Terminal(fmt.Sprintf("JP-99-0001%02d", i)) }
	for i := range clients {
		clients[i] = connect(t, w, name(i))
	}
	rapid.Check(t, func(rt *rapid.T) {
		var plans [terminals]planned
		for i := range plans {
			p := rapid.SampledFrom(ordinary).Draw(rt, "person")
			plans[i] = planned{p.ID, rapid.SampledFrom(p.Asks).Draw(rt, "ask").Certificate}
		}
		var wg sync.WaitGroup
		for i, v := range plans {
			wg.Go(func() {
				o := obtain(t, clients[i], name(i), hands[v.person], v.kind)
				judge(t, o, statement(t, o.pdf))
				if paper, ok := w.PaperOf(protocol.Fingerprint(o.pdf)); paper != v.person || !ok {
					t.Errorf("%s got paper of %q", v.person, paper)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// What the centre says of itself holds routes and statuses, and nothing of anybody.
func TestNothingPersonalIsTraced(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	w := start(t, practice.Options{Trace: func(route string, status int) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(&log, route, status)
	}})
	c := connect(t, w, terminal)
	o := obtain(t, c, terminal, cards(t)["p01"], protocol.ResidentRecord)
	_ = c.Cancel(t.Context(), o.begun.Transaction)
	_, _ = begin(t, c, terminal, cards(t)["p08"]).applicant(t)
	mu.Lock()
	defer mu.Unlock()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 7 {
		t.Error("calls traced:", lines)
	}
	for _, s := range []string{"架空", "p01", o.begun.Transaction.String(), o.card.cert.SerialNumber.String(), "1234"} {
		if strings.Contains(log.String(), s) {
			t.Error("traced:", s)
		}
	}
}

func BenchmarkPackage(b *testing.B) {
	w := start(b, practice.Options{})
	c, hands := connect(b, w, terminal), cards(b)
	for id, town := range map[string]string{"p01": "p-256", "p05": "p-384", "p12": "rsa-2048-pss"} {
		b.Run(town, func(b *testing.B) {
			for b.Loop() {
				v := begin(b, c, terminal, hands[id])
				offers, err := v.applicant(b)
				if err != nil {
					b.Fatal(err)
				}
				v.order(b, choose(b, offers, protocol.ResidentRecord))
				if _, err := c.Package(b.Context(), v.begun.Transaction); err != nil {
					b.Fatal(err)
				}
				if err := c.Cancel(b.Context(), v.begun.Transaction); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packages/s")
		})
	}
}

// BenchmarkStart is from nothing but the keys on disk to a centre that answers.
func BenchmarkStart(b *testing.B) {
	start(b, practice.Options{})
	for b.Loop() {
		w, err := practice.Start(practice.Options{State: state})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
