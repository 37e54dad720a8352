package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/practice/people"
	"honnin/daemon/provision"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
)

// kaku is the town whose fee is 250 yen.
var kaku = people.Towns()[1]

// revise publishes the same policy with another fee in Kaku.
func (s *stand) revise(yen int) (version uint64) {
	s.t.Helper()
	version, err := s.publish(withFees(s.world.Policy(), kaku, protocol.ResidentRecord, yen))
	s.must(err)
	return version
}

// beats waits for a heartbeat.
func (s *stand) beats(what string, is func(protocol.Heartbeat) bool) (h protocol.Heartbeat) {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		h, _, heard := s.world.Heartbeat(s.place.name)
		if heard && is(h) {
			return h
		}
		select {
		case <-late.C:
			s.t.Fatalf("waited in vain for %s; the last heartbeat is %+v", what, h)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *stand) goesBy(version uint64) {
	s.t.Helper()
	s.beats("the policy", func(h protocol.Heartbeat) bool { return h.Policy.Version == version && h.InService })
}

// pays makes a visit, and returns what it cost.
func (s *stand) pays() int {
	s.t.Helper()
	before := s.money.Sums().Kept
	s.prints("p05")
	s.everythingDelivered()
	return s.money.Sums().Kept - before
}

func closedByPolicy(v session.View) bool { return v.State == session.Unready && v.Word == "policy" }

// counted is a self-test that counts.
type counted struct{ runs atomic.Int64 }

func (c *counted) Run(_ context.Context, p terminal.Parts) string { c.runs.Add(1); return "" }

// TestPolicyWhileItRuns: a policy from the centre changes what is offered without a restart, and never during a visit.
func TestPolicyWhileItRuns(t *testing.T) {
	tests := new(counted)
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { p.SelfTest = tests })
	first := s.place.signed.Head.Version
	s.goesBy(first)
	if yen := s.pays(); yen != 250 {
		t.Fatalf("%d yen", yen)
	}
	if _, named, _ := s.world.Heartbeat(s.place.name); named.Version != first || named.Digest != s.place.signed.Digest {
		t.Errorf("the outcome names %+v", named)
	}
	second := s.revise(200)
	s.goesBy(second)
	if yen := s.pays(); yen != 200 {
		t.Errorf("%d yen under the new policy", yen)
	}
	if _, named, _ := s.world.Heartbeat(s.place.name); named.Version != second {
		t.Errorf("the outcome names %+v", named)
	}
	if n := tests.runs.Load(); n != 2 {
		t.Errorf("%d self-tests", n)
	}

	var third uint64
	s.hand.instead[session.PressChoose] = func() bool { // it comes in mid-visit, and waits
		delete(s.hand.instead, session.PressChoose)
		third = s.revise(150)
		s.beats("a policy that waits", func(h protocol.Heartbeat) bool { return h.Waiting == third && h.Policy.Version == second })
		return false
	}
	if yen := s.pays(); yen != 200 {
		t.Errorf("%d yen in a visit that began before", yen)
	}
	s.goesBy(third)
	if yen := s.pays(); yen != 150 {
		t.Errorf("%d yen after it", yen)
	}
	h := s.beats("the journal", func(h protocol.Heartbeat) bool { return h.SelfTest != "" && h.Journal.Position > 0 })
	if h.Software == "" || h.PolicyExpires.IsZero() || h.Why != "" {
		t.Errorf("%+v", h)
	}
	all := s.quitAndBalance()
	var applied []uint64
	for _, e := range of(all, journal.PolicyApplied) {
		applied = append(applied, e.Policy.Version)
	}
	if !slices.Equal(applied, []uint64{first, second, third}) {
		t.Errorf("in force were %v", applied)
	}
	if told := of(all, journal.Incident); len(told) != 2 || told[0].Reason != protocol.IncidentFee || told[1].Reason != protocol.IncidentFee {
		t.Errorf("the centre's fee is another, and that is an incident for each policy: %+v", told)
	}
}

// TestAStoreThatLostItsNewest opens for nobody, reports it, and opens with the same policy brought again.
func TestAStoreThatLostItsNewest(t *testing.T) {
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		s.must(s.office.next(s.world.Policy(), time.Now()))
		newest := protocol.PolicyRef{Version: s.office.last.Head.Version, Digest: s.office.last.Digest}
		_, err := p.Journal.Record(journal.Entry{Kind: journal.PolicyApplied, Policy: newest})
		s.must(err)
	})
	s.await("out of service", closedByPolicy)
	s.beats("being out of service", func(h protocol.Heartbeat) bool { return h.Why == "policy" })
	s.world.Publish(s.office.last.Head.Version, s.office.bundle())
	s.goesBy(s.office.last.Head.Version)
	s.prints("p05")
	s.everythingDelivered()
	if told := of(s.quitAndBalance(), journal.Incident); len(told) != 1 || told[0].Reason != protocol.IncidentPolicyRewound {
		t.Errorf("%+v", told)
	}
}

// TestAPolicyThatDoesNotWork closes the terminal: its devices are forbidden, or its self-test fails. The one before does not come
// back; a higher one opens it.
func TestAPolicyThatDoesNotWork(t *testing.T) {
	bad := errors.New("a printer that this policy forbids")
	var unfit, failing atomic.Uint64
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) {
		p.Equip = func(p terminal.Parts) (terminal.Parts, error) {
			if p.Signed.Head.Version == unfit.Load() {
				return p, bad
			}
			return p, nil
		}
		p.SelfTest = fails(func(p terminal.Parts) bool { return p.Signed.Head.Version == failing.Load() })
	})
	s.goesBy(s.place.signed.Head.Version)
	next := s.place.signed.Head.Version + 1
	unfit.Store(next)
	failing.Store(next + 1)
	for i, word := range []string{"policy", "selftest-failed"} {
		if v := s.revise(200 + i); v != next+uint64(i) {
			t.Fatal(v)
		}
		s.await(word, func(v session.View) bool { return v.State == session.Unready && v.Word == word })
		s.beats(word, func(h protocol.Heartbeat) bool { return h.Why == word && h.Policy.Version == next+uint64(i) })
	}
	s.goesBy(s.revise(123))
	if yen := s.pays(); yen != 123 {
		t.Errorf("%d yen", yen)
	}
	s.quit()
}

// TestForbiddenCentre: where the policy in force names other centres, nothing more is sent to this one, nobody is served, and the
// next policy comes by another way; then what waited arrives.
func TestForbiddenCentre(t *testing.T) {
	other := errors.New("the site's centre is none of the policy's")
	var forbidden, refused atomic.Uint64
	var inForce atomic.Uint64
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		access, err := s.world.Access(s.place.name)
		s.must(err)
		p.Centre, err = centre.New(centre.Config{URL: access.URL, Roots: access.Roots, Certificate: access.Certificate, May: func() error {
			if inForce.Load() != forbidden.Load() {
				return nil
			}
			refused.Add(1)
			return other
		}})
		s.must(err)
		inForce.Store(p.Signed.Head.Version)
		p.Equip = func(p terminal.Parts) (terminal.Parts, error) {
			inForce.Store(p.Signed.Head.Version)
			if inForce.Load() == forbidden.Load() {
				return p, other
			}
			return p, nil
		}
	})
	first := s.place.signed.Head.Version
	s.goesBy(first)
	forbidden.Store(first + 1)
	s.revise(200)
	s.await("out of service", closedByPolicy)
	seen := refused.Load()
	s.until("three more tries", func() bool { return refused.Load() >= seen+3 })
	if h, _, _ := s.world.Heartbeat(s.place.name); h.Policy.Version != first {
		t.Errorf("the forbidden centre heard of %+v", h.Policy)
	}
	s.must(s.office.next(s.world.Policy(), time.Now()))
	_, err := s.storeAt(time.Now).Receive([]signed.Bundle{s.office.last.Bundle}, provision.ByStick)
	s.must(err)
	s.goesBy(first + 2)
	s.prints("p05")
	s.everythingDelivered()
	s.quitAndBalance()
}

// until waits for something.
func (s *stand) until(what string, is func() bool) {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !is() {
		select {
		case <-late.C:
			s.t.Fatalf("waited in vain for %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

type fails func(terminal.Parts) bool

func (f fails) Run(_ context.Context, p terminal.Parts) string {
	if f(p) {
		return "swapped"
	}
	return ""
}

// TestHostilePolicies: whatever becomes of the two calls, and whatever a hostile centre says in them, the terminal goes by its
// policy, serves, and takes the next true one.
func TestHostilePolicies(t *testing.T) {
	s, m := newMeddled(t, nil)
	first := s.place.signed.Head.Version
	s.goesBy(first)
	m.meddle("policies", says(http.StatusServiceUnavailable, "text/plain", "")) // or it would be taken in before anybody meddles
	s.revise(200)
	faults := maps.Clone(centreFaults)
	delete(faults, "another hour") // no visit: the answer's clock is nothing to it
	for name, change := range hostile(first) {
		faults[name] = rewriting(change)
	}
	for name, fault := range faults {
		for _, call := range []string{"heartbeats", "policies"} {
			if _, lies := hostile(first)[name]; lies && call != strings.Fields(name)[0] {
				continue
			}
			asked := make(chan struct{}, 1000)
			m.meddle(call, func(w http.ResponseWriter, r *http.Request, through http.Handler, kept *httptest.ResponseRecorder) {
				asked <- struct{}{}
				fault(w, r, through, kept)
			})
			if _, lies := hostile(first)[name]; lies {
				s.revise(200) // what was refused is asked for ever more seldom, until the centre has something else
			}
			for range len(asked) + 2 { // and what came of the first is over
				select {
				case <-asked:
				case <-time.After(patience):
					t.Fatalf("%s at %s: nobody asks any more", name, call)
				}
			}
			if p, err := s.place.policies.History(); err != nil || len(p) != 1 {
				t.Fatalf("%s at %s: %d policies, %v", name, call, len(p), err)
			}
			if shown, _ := s.screen.now(); shown.State != session.Idle {
				t.Errorf("%s at %s: the terminal is %s %q", name, call, shown.State, shown.Word)
			}
		}
	}
	s.prints("p05")
	m.meddle("", nil)
	s.goesBy(s.revise(200))
	s.wasNobodyButTheFee(t)
}

// wasNobodyButTheFee ends a stand in which the policy's fee was another than the centre's.
func (s *stand) wasNobodyButTheFee(t *testing.T) {
	t.Helper()
	s.prints("p05")
	s.everythingDelivered()
	for _, e := range of(s.quitAndBalance(), journal.Incident) {
		if e.Reason != protocol.IncidentFee {
			t.Errorf("%+v", e)
		}
	}
}

// rewriting changes a good answer's JSON.
func rewriting(change func(map[string]any)) meddling {
	return func(w http.ResponseWriter, r *http.Request, through http.Handler, _ *httptest.ResponseRecorder) {
		got := httptest.NewRecorder()
		through.ServeHTTP(got, r)
		var body map[string]any
		d := json.NewDecoder(got.Body)
		d.UseNumber()
		if err := d.Decode(&body); err != nil && !errors.Is(err, io.EOF) {
			panic(http.ErrAbortHandler)
		}
		change(body)
		b, _ := json.Marshal(body)
		got.Body = bytes.NewBuffer(b)
		got.Header().Del("Content-Length")
		pass(w, got)
	}
}

// TestRefusedIsNotFetchedAgain: what was signed and does not follow is fetched once, however often it is announced; and nothing of it
// keeps away what does.
func TestRefusedIsNotFetchedAgain(t *testing.T) {
	s, m := newMeddled(t, nil)
	first := s.place.signed.Head.Version
	s.goesBy(first)
	var fetched atomic.Int64
	m.meddle("policies", func(w http.ResponseWriter, r *http.Request, through http.Handler, _ *httptest.ResponseRecorder) {
		fetched.Add(1)
		through.ServeHTTP(w, r)
	})
	good := *s.office
	s.must(s.office.sign(s.world.Policy(), first+2, protocol.Digest{1}, time.Now()))
	s.world.Publish(first+2, s.office.bundle())
	s.awaitLog("policy-gap")
	now := s.beats("a heartbeat", func(protocol.Heartbeat) bool { return true }).At
	s.beats("twenty more", func(h protocol.Heartbeat) bool { return h.At.Sub(now.Time) >= 2*time.Second })
	if n := fetched.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	*s.office = good
	s.goesBy(s.revise(200))
	s.wasNobodyButTheFee(t)
}

// hostile are lies, each at the call that its first word names.
func hostile(first uint64) map[string]func(map[string]any) {
	policies := func(m map[string]any) []any { return m["policies"].([]any) }
	return map[string]func(map[string]any){
		"heartbeats want the world":   func(m map[string]any) { m["least_policy"] = json.Number("18446744073709551615") },
		"heartbeats name twice":       func(m map[string]any) { m["policies"] = append(policies(m), policies(m)...) },
		"heartbeats name many":        func(m map[string]any) { m["policies"] = slices.Repeat(policies(m), 100) },
		"heartbeats another digest":   func(m map[string]any) { policies(m)[0].(map[string]any)["digest"] = strings.Repeat("A", 43) },
		"heartbeats an older version": func(m map[string]any) { policies(m)[0].(map[string]any)["version"] = first },
		"policies stripped":           func(m map[string]any) { m["signatures"] = m["signatures"].([]any)[:1] },
		"policies the same key twice": func(m map[string]any) { s := m["signatures"].([]any); m["signatures"] = []any{s[0], s[0]} },
		"policies unsigned":           func(m map[string]any) { m["signatures"] = []any{} },
		"policies another text":       func(m map[string]any) { m["text"] = "eA" },
		"policies much noise":         func(m map[string]any) { m["signatures"] = slices.Repeat([]any{"eA"}, 32) },
	}
}

func (s *stand) awaitLog(words string) {
	s.t.Helper()
	s.until(fmt.Sprintf("%q in the log", words), func() bool { return strings.Contains(string(s.log.Bytes()), words) })
}
