package centre_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
)

// success is the answer that a call wants.
type success struct {
	status      int
	media, body string
	limit       int // of the body
}

var successes = map[string]success{
	"begin": {200, plainJSON, `{"transaction":"01020300000000000000000000000000","challenge":"` + strings.Repeat("A", 43) +
		`","expires_at":"2026-11-21T02:03:04Z"}`, centre.MaxAnswer},
	"applicant": {200, plainJSON, `{"offers":[]}`, centre.MaxAnswer},
	"apply":     {status: 202}, "outcome": {status: 204}, "cancel": {status: 204},
	"package":   {200, cms, "bytes", centre.MaxPackage},
	"heartbeat": {200, plainJSON, `{"least_policy":0,"policies":[]}`, centre.MaxAnswer},
	"policy":    {200, plainJSON, `{"text":"eA","signatures":["eA"]}`, protocol.MaxPolicyBundle},
	"in-force":  {200, cms, "bytes", centre.MaxAnswer}, "incident": {201, cms, "bytes", centre.MaxAnswer}, "escalation": {201, cms, "bytes", centre.MaxAnswer}, "state": {200, cms, "bytes", centre.MaxAnswer},
	"suspensions": {200, cms, "bytes", centre.MaxAnswer},
}

func (s success) bodied() bool { return s.media != "" }
func (s success) json() bool   { return s.media == plainJSON }

// secret stands in every body that is not a success, and in no error.
const secret = "架空 太郎"

// What a fault may end in. The first three are kinds of error; refused is a Problem.
var refused = errors.New("a problem")

// row is one fault: what is done, and what every call makes of it.
type row struct {
	change func(*testing.T, *httptest.Server, ca)                   // of the server, before it starts
	answer func(w http.ResponseWriter, r *http.Request, ok success) // nil: there is none
	only   func(success) bool                                       // the calls that it can befall; nil: all
	kind   error                                                    // nil: none
	asked  int                                                      // how often one call is asked
	polls  int                                                      // how often the package is
	final  string                                                   // the word with which delivery gives up; "": it tries again
	cancel bool                                                     // a cancellation has succeeded all the same
}

func redirect(status int) row {
	return row{kind: centre.ErrAnswer, asked: 1, polls: 1, answer: func(w http.ResponseWriter, r *http.Request, _ success) {
		http.Redirect(w, r, "/elsewhere", status)
	}}
}

// page is an answer that something on the way might give.
func page(status int) row {
	return row{kind: centre.ErrAnswer, asked: 1, polls: 1, answer: func(w http.ResponseWriter, _ *http.Request, _ success) {
		answer(w, status, "text/html", "<html>"+secret)
	}}
}

func problemRow(status int, word, final string) row {
	return row{kind: refused, asked: 1, polls: 1, final: final, answer: func(w http.ResponseWriter, _ *http.Request, _ success) {
		w.Header().Set("Retry-After", "3600")
		answer(w, status, "application/problem+json", fmt.Sprintf(`{"type":%q,"title":%q,"status":%d}`, protocol.ProblemPrefix+word, secret, status))
	}}
}

func nonsense(status int, media, body string) row {
	return row{kind: centre.ErrAnswer, asked: 1, polls: 1, answer: func(w http.ResponseWriter, _ *http.Request, _ success) { answer(w, status, media, body) }}
}

// wrong is a success with something wrong with its body.
func wrong(only func(success) bool, spoil func(success) (media, body string)) row {
	return row{only: only, kind: centre.ErrAnswer, asked: 1, polls: 1, answer: func(w http.ResponseWriter, _ *http.Request, ok success) {
		media, body := spoil(ok)
		answer(w, ok.status, media, body)
	}}
}

// dated is a good answer with another Date; "" is none.
func dated(kind error, date func() string) row {
	return row{kind: kind, asked: 1, polls: 1, cancel: true, answer: func(w http.ResponseWriter, _ *http.Request, ok success) {
		w.Header()["Date"] = nil
		if d := date(); d != "" {
			w.Header().Set("Date", d)
		}
		give(w, ok)
	}}
}

func give(w http.ResponseWriter, ok success) {
	if ok.bodied() {
		w.Header().Set("Content-Type", ok.media)
	}
	w.WriteHeader(ok.status)
	_, _ = io.WriteString(w, ok.body)
}

// known changes what is known of the server: no request ever reaches such a one.
func known(change func(*testing.T, *httptest.Server, ca)) row {
	return row{change: change, kind: centre.ErrUnreachable}
}

// certified gives the server another certificate.
func certified(change func(*x509.Certificate)) row {
	return known(func(t *testing.T, s *httptest.Server, root ca) { s.TLS.Certificates[0] = leaf(t, &root, change) })
}

func after(d time.Duration) func() string {
	return func() string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
}

// faults is the table.
var faults = map[string]row{
	"none": {answer: func(w http.ResponseWriter, _ *http.Request, ok success) { give(w, ok) }, asked: 1, polls: 1},

	// The line.
	"nobody listens": {kind: centre.ErrUnreachable},
	"reset": {kind: centre.ErrUnreachable, asked: 2, polls: 6, answer: func(http.ResponseWriter, *http.Request, success) {
		panic(http.ErrAbortHandler)
	}},
	"half a problem, then reset": {kind: centre.ErrUnreachable, asked: 1, polls: 3, answer: func(w http.ResponseWriter, _ *http.Request, _ success) {
		half(w, 500, "application/problem+json", `{"type":`)
	}},
	"half a success, then reset": {only: success.bodied, kind: centre.ErrUnreachable, asked: 1, polls: 3,
		answer: func(w http.ResponseWriter, _ *http.Request, ok success) { half(w, ok.status, ok.media, ok.body[:3]) }},

	// Who is there.
	"another CA":     known(func(t *testing.T, s *httptest.Server, _ ca) { o := newCA(t); s.TLS.Certificates[0] = leaf(t, &o, nil) }),
	"self-signed":    known(func(t *testing.T, s *httptest.Server, _ ca) { s.TLS.Certificates[0] = leaf(t, nil, nil) }),
	"expired":        certified(func(c *x509.Certificate) { c.NotAfter = longAgo.Add(time.Hour) }),
	"not yet valid":  certified(func(c *x509.Certificate) { c.NotBefore = farOff.Add(-time.Hour) }),
	"another name":   certified(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"elsewhere.example"} }),
	"we are unknown": known(func(t *testing.T, s *httptest.Server, _ ca) { s.TLS.ClientCAs = newCA(t).pool() }),
	"TLS 1.2": known(func(_ *testing.T, s *httptest.Server, _ ca) {
		s.TLS.MinVersion, s.TLS.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}),
	"HTTP/1.1 and ALPN": known(func(_ *testing.T, s *httptest.Server, _ ca) {
		s.EnableHTTP2, s.TLS.NextProtos = false, []string{"http/1.1"}
	}),

	// What is said.
	"another type":        wrong(success.bodied, func(success) (string, string) { return "text/html", "<html>" + secret }),
	"no type":             wrong(success.bodied, func(ok success) (string, string) { return "", ok.body }),
	"no body":             wrong(success.bodied, func(ok success) (string, string) { return ok.media, "" }),
	"too long":            wrong(success.bodied, func(ok success) (string, string) { return ok.media, ok.body + strings.Repeat(" ", ok.limit) }),
	"not JSON":            wrong(success.json, func(ok success) (string, string) { return ok.media, secret }),
	"null":                wrong(success.json, func(ok success) (string, string) { return ok.media, "null" }),
	"members missing":     wrong(success.json, func(ok success) (string, string) { return ok.media, "{}" }),
	"one member more":     wrong(success.json, func(ok success) (string, string) { return ok.media, `{"more":"` + secret + `",` + ok.body[1:] }),
	"something follows":   wrong(success.json, func(ok success) (string, string) { return ok.media, ok.body + "\n" }),
	"without end":         {only: success.bodied, kind: centre.ErrAnswer, asked: 1, polls: 1, answer: endless},
	"another success":     nonsense(203, cms, secret),
	"301":                 redirect(301),
	"302":                 redirect(302),
	"303":                 redirect(303),
	"307":                 redirect(307),
	"308":                 redirect(308),
	"a page, 404":         page(404),
	"a page, 410":         page(410),
	"a page, 429":         page(429),
	"a page, 503":         page(503),
	"problem of no type":  nonsense(404, "application/problem+json", `{"type":"about:blank","title":"`+secret+`","status":404}`),
	"problem's garbage":   nonsense(400, "application/problem+json", `{`+secret),
	"problem's status":    nonsense(500, "application/problem+json", `{"type":"urn:honnin:problem:unknown","title":"","status":404}`),
	"problem too long":    nonsense(500, "application/problem+json", strings.Repeat(" ", centre.MaxAnswer+1)),
	"unknown, 404":        problemRow(404, "unknown", "unknown"),
	"conflict, 409":       problemRow(409, "idempotency-conflict", "idempotency-conflict"),
	"bad request, 400":    problemRow(400, "bad-request", "bad-request"),
	"other terminal, 403": problemRow(403, "other-terminal", ""),
	"busy, 429":           problemRow(429, "busy", ""),
	"busy, 503":           problemRow(503, "busy", ""),
	"bad request, 503":    problemRow(503, "bad-request", ""),
	"of tomorrow, 404":    problemRow(404, "a-word-of-tomorrow", ""),
	"of tomorrow, 410":    problemRow(410, "a-word-of-tomorrow", ""),
	"cancelled, 410": {kind: centre.ErrCancelled, asked: 1, polls: 1, final: "cancelled", cancel: true,
		answer: problemRow(410, "cancelled", "").answer},

	// What time it is there.
	"four minutes ahead":  dated(nil, after(4*time.Minute)),
	"four minutes behind": dated(nil, after(-4*time.Minute)),
	"six minutes ahead":   dated(centre.ErrClock, after(6*time.Minute)),
	"six minutes behind":  dated(centre.ErrClock, after(-6*time.Minute)),
	"no date":             dated(centre.ErrAnswer, func() string { return "" }),
	"no such date":        dated(centre.ErrAnswer, func() string { return secret }),
}

func half(w http.ResponseWriter, status int, media, body string) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func endless(w http.ResponseWriter, _ *http.Request, ok success) {
	w.Header().Set("Content-Type", ok.media)
	w.WriteHeader(ok.status)
	for block := make([]byte, 1<<16); ; {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// listener counts what reaches the centre, and under which keys.
type listener struct {
	mu        sync.Mutex
	keys      []string
	elsewhere bool
	good      success // what the call under way wants
}

// hear notes a request and returns what would be right.
func (l *listener) hear(r *http.Request) success {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = append(l.keys, r.Header.Get("Idempotency-Key"))
	l.elsewhere = l.elsewhere || r.URL.Path == "/elsewhere"
	return l.good
}

// next returns the keys heard, and gets ready for another call.
func (l *listener) next(good success) (keys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys, l.keys, l.good = l.keys, nil, good
	return keys
}

// TestEveryCallMeetsEveryFault goes through the table: the kind of the error, how often was asked (always under the same
// key), whether delivery would try again, and that nothing the other side said is repeated.
func TestEveryCallMeetsEveryFault(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard listener
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { f.answer(w, r, heard.hear(r)) }, func(s *httptest.Server, root ca) {
				if f.change != nil {
					f.change(t, s, root)
				}
			})
			if f.answer == nil && f.change == nil {
				s.server.Close()
			}
			c, cells := s.Agreeing(5*time.Minute, time.Now), 0
			for call, do := range calls {
				good := successes[call]
				if f.only != nil && !f.only(good) {
					continue
				}
				cells++
				heard.next(good)
				f.judge(t, call, do(t.Context(), c))
				want := f.asked
				if call == "package" {
					want = f.polls
				}
				keys := heard.next(good)
				if keyed := slices.Contains([]string{"begin", "applicant", "apply", "outcome", "incident", "escalation"}, call); len(keys) != want ||
					want > 0 && (keys[0] != "") != keyed || len(slices.Compact(keys)) > 1 {
					t.Errorf("%s: asked %d times, not %d: %q", call, len(keys), want, keys)
				}
			}
			if cells == 0 || heard.elsewhere {
				t.Errorf("%d calls; followed elsewhere: %v", cells, heard.elsewhere)
			}
		})
	}
}

func (f row) judge(t *testing.T, call string, err error) {
	t.Helper()
	want := f.kind
	if call == "cancel" && f.cancel {
		want = nil
	}
	var p *centre.Problem
	switch {
	case want == nil && err != nil, want != nil && want != refused && !errors.Is(err, want), want == refused && !errors.As(err, &p):
		t.Errorf("%s: %v, want %v", call, err, want)
	case err != nil && strings.Contains(err.Error(), secret):
		t.Errorf("%s: the error repeats what was said", call)
	case err != nil && centre.Final(err) != f.final:
		t.Errorf("%s: delivery gives up with %q, want %q", call, centre.Final(err), f.final)
	case reason.Of(err) != "" && reason.Of(err) != reason.PackageMalformed:
		t.Errorf("%s: blames somebody: %v", call, err)
	}
}
