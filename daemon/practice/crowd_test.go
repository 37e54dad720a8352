package practice

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/scenario"
)

// staged makes a world in which a scenario plays, without calling its centre.
func staged(t testing.TB, id scenario.ID) *World {
	t.Helper()
	w, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	if err := w.Play(id); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *World) order(s scenario.Scenario, who string, channel protocol.Channel) issuer.Order {
	return issuer.Order{Transaction: protocol.NewTransaction(), Terminal: "JP-99-000001", Channel: channel, Nonce: protocol.NewNonce(), Person: who,
		Applicant: protocol.Fingerprint(w.keys.Cards[who][0].Certificate.Raw), Certificate: s.Certificate,
		Options: protocol.Options{register.OptionHousehold: protocol.Text("all")}, Copies: 1}
}

// Neighbours share no record with the applicant, stand at no terminal, and come by the other service where there are two;
// the more real orders, the fewer. After wrong paper three orders are left alone.
func TestWhoIsAbout(t *testing.T) {
	w := staged(t, scenario.Tokushima)
	s, p := w.play.Scenario, w.play
	mine := w.order(s, "p13", protocol.Store)
	neighbours, busy := p.enter(mine)
	if len(neighbours) != 2 || !busy {
		t.Fatal(len(neighbours), busy)
	}
	for _, n := range neighbours {
		if n.Person == "p13" || n.Channel != protocol.Counter || n.Terminal != otherTerminal || n.Certificate != s.Certificate {
			t.Errorf("%+v", n)
		}
	}
	var entered []issuer.Order
	for i, want := range []int{2, 2, 1, 1, 0} { // beside 0 to 4 orders of the other service
		o := w.order(s, fmt.Sprintf("p%d", 15+i), protocol.Store)
		if got, _ := p.enter(o); len(got) != want || slices.ContainsFunc(got, func(n issuer.Order) bool { return n.Person == "p13" || n.Person == o.Person }) {
			t.Errorf("beside %d: %d neighbours", i, len(got))
		}
		p.leave(o)
		other := w.order(s, "p01", protocol.Counter)
		p.enter(other)
		entered = append(entered, other)
	}
	for _, o := range append(entered, mine) {
		p.leave(o)
	}
	p.struck()
	for i := range quiet + 1 {
		n, busy := p.enter(mine)
		if busy != (i == quiet) || (len(n) > 0) != busy {
			t.Error("order", i, "after wrong paper:", len(n), busy)
		}
		p.leave(mine)
	}
}

// BenchmarkPlay measures packages of each program, with neighbours and city hall's business, from eight orders at a time.
func BenchmarkPlay(b *testing.B) {
	ids := []scenario.ID{""}
	for _, s := range scenario.All() {
		ids = append(ids, s.ID)
	}
	for _, id := range ids {
		b.Run(string(id), func(b *testing.B) {
			w := staged(b, id)
			s, ok := scenario.Find(string(id))
			if !ok {
				s = scenario.All()[0]
			}
			town, people := w.towns[s.Municipality], w.Applicants(s)
			var next, wrong atomic.Int64
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				who := people[int(next.Add(1))%len(people)].ID
				for pb.Next() {
					p, err := w.issue(town, w.order(s, who, s.Channels[0]))
					if err != nil {
						continue
					}
					if paper, _ := w.Truth(p.Document); paper.Wrong(who) {
						wrong.Add(1)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packages/s")
			b.ReportMetric(float64(wrong.Load())/float64(b.N), "wrong/package")
		})
	}
}
