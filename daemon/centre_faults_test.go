package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/practice/pki"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/ui/touch"
)

// meddler stands between a terminal and the practice centre, known to both as the other, and does something to one of
// the calls.
type meddler struct {
	*httptest.Server
	through http.Handler

	mu   sync.Mutex
	call string
	do   meddling
	kept map[string]*httptest.ResponseRecorder // the answers to each call of the last visit that none was meddled with
}

// meddling answers a request; through is what the centre would say.
type meddling func(w http.ResponseWriter, r *http.Request, through http.Handler, kept *httptest.ResponseRecorder)

// newMeddled is a stand with a meddler on the line.
func newMeddled(t *testing.T, change func(*stand, *terminal.Parts)) (*stand, *meddler) {
	t.Helper()
	m := &meddler{kept: map[string]*httptest.ResponseRecorder{}}
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		m.begin(s)
		if change != nil {
			change(s, p)
		}
	})
	return s, m
}

func (m *meddler) begin(s *stand) {
	s.t.Helper()
	access, err := s.world.Access(s.place.name)
	s.must(err)
	keys, err := pki.Load(filepath.Join(s.flags.state, "keys"), time.Now())
	s.must(err)
	to, err := url.Parse(access.URL)
	s.must(err)
	quiet := log.New(io.Discard, "", 0)
	m.through = &httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: access.Roots, Certificates: []tls.Certificate{access.Certificate}}, ForceAttemptHTTP2: true}}
	m.Server = httptest.NewUnstartedServer(m)
	m.EnableHTTP2, m.Config.ErrorLog = true, quiet
	m.TLS = &tls.Config{Certificates: []tls.Certificate{pki.TLS(keys.Centre)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pki.Pool(keys.TLSCA)}
	m.StartTLS()
	s.t.Cleanup(m.Close)
	s.line.lead(s.t, m.URL)
}

// callOf names a call as this file does.
func callOf(r *http.Request) string {
	last := path.Base(r.URL.Path)
	switch {
	case r.Method == http.MethodDelete:
		return "cancel"
	case last == "transactions":
		return "begin"
	case strings.HasPrefix(r.URL.Path, "/v1/policies/"):
		return "policies"
	}
	return last // applicant, application, package, suspensions, in-force, outcome, incidents, heartbeats, v1
}

func (m *meddler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := callOf(r)
	m.mu.Lock()
	do, kept := m.do, m.kept[call]
	if m.call != call {
		do = nil
	}
	free := m.call == ""
	m.mu.Unlock()
	if do != nil {
		do(w, r, m.through, kept)
		return
	}
	got := httptest.NewRecorder()
	m.through.ServeHTTP(got, r)
	if free {
		m.mu.Lock()
		m.kept[call] = got
		m.mu.Unlock()
	}
	pass(w, got)
}

func pass(w http.ResponseWriter, got *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), got.Header())
	w.WriteHeader(got.Code)
	_, _ = w.Write(got.Body.Bytes())
}

// meddle does this to one call from now on; "" leaves all alone.
func (m *meddler) meddle(call string, do meddling) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.call, m.do = call, do
}

func says(status int, media, body string) meddling {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler, _ *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", media)
		w.Header().Set("Retry-After", "3600")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const aProblem = "application/problem+json"

// centreFaults are what may become of one call. Each ends the visit in the same way: the applicant hears that it does not
// work now, whose fault it is nobody says, and what has to be told waits.
var centreFaults = map[string]meddling{
	"reset": func(http.ResponseWriter, *http.Request, http.Handler, *httptest.ResponseRecorder) {
		panic(http.ErrAbortHandler)
	},
	"half": func(w http.ResponseWriter, r *http.Request, through http.Handler, _ *httptest.ResponseRecorder) {
		got := httptest.NewRecorder()
		through.ServeHTTP(got, r)
		w.Header().Set("Content-Type", aProblem)
		w.WriteHeader(500)
		_, _ = w.Write(append([]byte(`{"type"`), got.Body.Bytes()[:got.Body.Len()/2]...))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"a page":         says(200, "text/html", "<html>架空 太郎"),
	"gone, a page":   says(410, "text/html", "<html>"),
	"moved":          says(308, "text/html", ""),
	"busy":           says(503, aProblem, `{"type":"urn:honnin:problem:busy","title":"","status":503}`),
	"too many":       says(429, aProblem, `{"type":"urn:honnin:problem:busy","title":"","status":429}`),
	"new word":       says(403, aProblem, `{"type":"urn:honnin:problem:of-tomorrow","title":"架空 太郎","status":403}`),
	"other terminal": says(403, aProblem, `{"type":"urn:honnin:problem:other-terminal","title":"","status":403}`),
	"another hour": func(w http.ResponseWriter, r *http.Request, through http.Handler, _ *httptest.ResponseRecorder) {
		got := httptest.NewRecorder()
		through.ServeHTTP(got, r)
		got.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		pass(w, got)
	},
}

// visitCalls are the calls of a visit up to the commit, with the outcome that a fault there leaves.
var visitCalls = []struct {
	name    string
	outcome protocol.Outcome // "": none, nothing was begun
}{{"begin", ""}, {"applicant", protocol.Abandoned}, {"suspensions", protocol.Abandoned}, {"application", protocol.Abandoned}, {"package", protocol.Abandoned}, {"in-force", protocol.Void}}

// TestCentreFaults goes through the faults, each at one call; the slow test puts each at every call.
func TestCentreFaults(t *testing.T) {
	s, m := newMeddled(t, nil)
	for i, name := range slices.Sorted(maps.Keys(centreFaults)) {
		c := visitCalls[i%len(visitCalls)]
		s.endsAt(t, m, name, c.name, c.outcome)
	}
	s.wasNobody(t)
}

// endsAt makes a visit in which one call meets a fault.
func (s *stand) endsAt(t *testing.T, m *meddler, fault, call string, want protocol.Outcome) {
	t.Run(fault+"/"+call, func(t *testing.T) {
		s.t = t
		before := len(s.screen.seen())
		m.meddle(call, centreFaults[fault])
		v := s.visit(s.wish("p05", protocol.ResidentRecord))
		m.meddle("", nil)
		if got := v.Ending; (got == nil) != (want == "") || got != nil && got.Outcome != want {
			t.Fatalf("the visit ended with %+v", got)
		}
		views := s.screen.seen()[before:]
		if !slices.ContainsFunc(views, func(v session.View) bool {
			return v.State == session.Ended && v.Notice == session.NotWorking && terminal.Picture(v).Message == touch.MsgCentreSilent
		}) {
			t.Error("the applicant was not told that the centre is silent")
		}
		if sums := s.money.Sums(); sums.Held != 0 || sums.Kept != 0 || s.sheets() != 0 {
			t.Errorf("%d sheets; money: %+v", s.sheets(), sums)
		}
		s.everythingDelivered()
		if want == "" {
			return
		}
		if o, _ := s.world.Outcome(v.Ending.Transaction); o != want {
			t.Errorf("%q at the centre", o)
		}
	})
	s.t = t
}

// wasNobody ends a stand in which faults of the line and of clocks were all that happened: no incident, no service closed,
// no staff, and the next visit is like any other.
func (s *stand) wasNobody(t *testing.T) {
	t.Helper()
	s.t = t
	if why, err := s.StaffNeeded(); why != "" || err != nil || s.Stopped() {
		t.Errorf("staff are needed for %q, a service is closed: %v; %v", why, s.Stopped(), err)
	}
	s.prints("p05")
	s.everythingDelivered()
	all := s.quitAndBalance()
	for _, k := range []journal.Kind{journal.Incident, journal.Latched, journal.StaffNeeded, journal.Undelivered} {
		if found := of(all, k); len(found) != 0 {
			t.Errorf("%s: %+v", k, found)
		}
	}
}

// TestAnswersThatAreLost: each call's answer is lost once after the centre did what was asked. It is asked again under
// the same key, the centre does nothing twice, and the visit is like any other.
func TestAnswersThatAreLost(t *testing.T) {
	s, m := newMeddled(t, nil)
	before := s.world.Counts()
	calls := []string{"begin", "applicant", "application", "package", "in-force", "outcome"}
	for _, call := range calls {
		lost := false
		m.meddle(call, func(w http.ResponseWriter, r *http.Request, through http.Handler, _ *httptest.ResponseRecorder) {
			got := httptest.NewRecorder()
			through.ServeHTTP(got, r)
			if !lost {
				lost = true
				panic(http.ErrAbortHandler)
			}
			pass(w, got)
		})
		s.prints("p06")
		s.everythingDelivered()
		if !lost {
			t.Error(call, "was not asked")
		}
	}
	m.meddle("", nil)
	after, n := s.world.Counts(), uint64(len(calls))
	if after.Begun-before.Begun != n || after.Issued-before.Issued != n || after.Outcomes[protocol.Printed] != n || after.Rewound != 0 {
		t.Errorf("%d visits: %+v", n, after)
	}
	s.wasNobody(t)
}

// TestOutcomesOutliveTheirCentre: whatever the centre says to an outcome that is not the protocol's own last word, it is
// kept, and arrives once it is taken.
func TestOutcomesOutliveTheirCentre(t *testing.T) {
	s, m := newMeddled(t, nil)
	refusals := []string{"gone, a page", "new word", "other terminal", "a page"}
	for _, name := range refusals {
		asked := make(chan struct{}, 100)
		m.meddle("outcome", func(w http.ResponseWriter, r *http.Request, through http.Handler, kept *httptest.ResponseRecorder) {
			asked <- struct{}{}
			centreFaults[name](w, r, through, kept)
		})
		s.prints("p06")
		<-asked
		if done, err := s.Delivered(); done || err != nil {
			t.Errorf("%s: settled, %v", name, err)
		}
		m.meddle("", nil)
		s.everythingDelivered()
	}
	if n := s.world.Counts().Outcomes[protocol.Printed]; n != uint64(len(refusals)) {
		t.Errorf("%d outcomes at the centre", n)
	}
	s.wasNobody(t)
}

// TestAnotherTransactionsAnswer: an answer to the visit before, given again, prints nothing. A package and a register's
// answer that belong elsewhere are what Honnin exists for: an incident, and the service is closed.
func TestAnotherTransactionsAnswer(t *testing.T) {
	again := func(w http.ResponseWriter, _ *http.Request, _ http.Handler, kept *httptest.ResponseRecorder) {
		got := *kept
		got.Body = bytes.NewBuffer(kept.Body.Bytes())
		got.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
		pass(w, &got)
	}
	s, m := newMeddled(t, nil)
	s.prints("p06")
	for _, c := range []struct {
		call    string
		outcome protocol.Outcome
		blames  bool
	}{{"begin", "", false}, {"package", protocol.Refused, true}, {"in-force", protocol.Refused, true}} {
		m.meddle(c.call, again)
		v := s.visit(s.wish("p05", protocol.ResidentRecord))
		m.meddle("", nil)
		if v.Ending == nil != (c.outcome == "") || v.Ending != nil && v.Ending.Outcome != c.outcome || s.Stopped() != c.blames || s.sheets() != 1 {
			t.Fatalf("%s: %+v, closed: %v, %d sheets", c.call, v.Ending, s.Stopped(), s.sheets())
		}
		s.settles()
	}
	s.everythingDelivered()
	if all := s.quitAndBalance(); len(of(all, journal.Incident)) != 2 || len(of(all, journal.Sending)) != 1 {
		t.Errorf("%d incidents, %d sent", len(of(all, journal.Incident)), len(of(all, journal.Sending)))
	}
}

// TestPackageAfterCancel: the applicant cancels while the package is on its way. What comes then meets a dead transaction on
// both sides, nothing of it is printed or journalled, and it cannot be asked for again.
func TestPackageAfterCancel(t *testing.T) {
	s, m := newMeddled(t, nil)
	answered := make(chan int, 1)
	m.meddle("package", func(w http.ResponseWriter, r *http.Request, through http.Handler, _ *httptest.ResponseRecorder) {
		got := httptest.NewRecorder()
		through.ServeHTTP(got, r)
		shown, _ := s.screen.now()
		s.Press(shown.Visit, session.Input{Kind: session.PressCancel})
		<-r.Context().Done() // the terminal has let go of the call
		answered <- got.Code
		pass(w, got)
	})
	v := s.visit(s.wish("p05", protocol.ResidentRecord))
	m.meddle("", nil)
	if code := <-answered; code != http.StatusOK || v.Ending == nil || v.Ending.Outcome != protocol.Abandoned || s.sheets() != 0 {
		t.Fatalf("%d, %+v, %d sheets", code, v.Ending, s.sheets())
	}
	access, err := s.world.Access(s.place.name)
	s.must(err)
	c, err := centre.New(centre.Config{URL: access.URL, Roots: access.Roots, Certificate: access.Certificate})
	s.must(err)
	defer c.Close()
	if b, err := c.Package(t.Context(), v.Ending.Transaction); !errors.Is(err, centre.ErrCancelled) || b != nil {
		t.Errorf("the package of a dead transaction: %d bytes, %v", len(b), err)
	}
	s.wasNobody(t)
}

// TestClocksDisagree: while the terminal's clock and the centre's are apart no visit begins, and one under way ends. With
// such a clock a good package is stale and the register's answer forged: nobody is blamed for that. It comes back by itself.
func TestClocksDisagree(t *testing.T) {
	var apart atomic.Int64
	apart.Store(int64(time.Hour))
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) {
		p.Now = func() time.Time { return time.Now().Add(time.Duration(apart.Load())) }
	})
	closed := func(v session.View) bool { return v.State == session.Unready && v.Word == "clock" }
	for _, d := range []time.Duration{time.Hour, -time.Hour} {
		apart.Store(int64(d))
		w := s.wish("p05", protocol.ResidentRecord)
		s.must(w.Hands.Place())
		if v := s.await("out of service for the clock", closed); terminal.Picture(v).Message != touch.MsgService {
			t.Errorf("the screen says %q", terminal.Picture(v).Message)
		}
		s.must(w.Hands.Pull())
		apart.Store(0)
		s.awaitState(session.Idle)

		s.hand.instead[session.PressChoose] = func() bool { apart.Store(int64(d)); return false }
		v := s.visit(s.wish("p05", protocol.ResidentRecord))
		delete(s.hand.instead, session.PressChoose)
		if v.Ending == nil || v.Ending.Outcome != protocol.Abandoned {
			t.Errorf("%v while choosing: %+v", d, v.Ending)
		}
		apart.Store(0)
		s.awaitState(session.Idle)

		w = s.wish("p05", protocol.ResidentRecord)
		w.Hands.(*holding).forget = func(v session.View) bool {
			if v.State == session.TakeCard {
				apart.Store(int64(d))
			}
			return false
		}
		if v := s.visit(w); v.Ending == nil || v.Ending.Outcome != protocol.Void {
			t.Errorf("%v at the commit: %+v", d, v.Ending)
		}
		apart.Store(0)
		s.awaitState(session.Idle)
	}
	if sums := s.money.Sums(); sums.Taken == 0 || sums.Returned != sums.Taken || s.sheets() != 0 {
		t.Errorf("%d sheets; money: %+v", s.sheets(), sums)
	}
	s.everythingDelivered()
	s.wasNobody(t)
}
