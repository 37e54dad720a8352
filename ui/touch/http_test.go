package touch

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

func TestHeadersOnEveryAnswer(t *testing.T) {
	h := newHarness(t, &fakePanel{}).enter(t)
	for _, path := range []string{"/", "/kiosk", "/static/kiosk.js", "/static/kiosk.css", "/nowhere", "/enter/wrong", "/panel/sheets/none.pdf"} {
		got := h.do(t, "GET", path, "")
		for k, v := range headers {
			if got.header.Get(k) != v {
				t.Errorf("%s: %s is %q", path, k, got.header.Get(k))
			}
		}
	}
	for _, never := range []string{"unsafe-inline", "unsafe-eval", "*", "http:", "data:"} {
		if strings.Contains(contentPolicy, never) {
			t.Errorf("the policy allows %q", never)
		}
	}
}

func TestPagesHoldNothingInlineAndNothingForeign(t *testing.T) {
	h := newHarness(t, &fakePanel{}).enter(t)
	pages := []string{h.do(t, "GET", "/", "").body, h.do(t, "GET", "/kiosk", "").body}
	for _, n := range Names() {
		h.srv.Show(sample(n))
		pages = append(pages, h.do(t, "GET", "/kiosk", "").body)
	}
	for i, p := range pages {
		for _, never := range []string{"<style", " style=", " onclick", " onload", "javascript:", "http://", "https://", "//cdn"} {
			if strings.Contains(p, never) {
				t.Errorf("page %d holds %q", i, never)
			}
		}
		if strings.Count(p, "<script") != 1 || !strings.Contains(p, `<script src="/static/`) {
			t.Errorf("page %d: not exactly one external script", i)
		}
	}
}

func TestForeignRequestsAreRefused(t *testing.T) {
	form := "visit=7&picture=2&action=cancel"
	for name, c := range map[string]struct {
		method, path string
		spoil        func(*http.Request)
		want         int
	}{
		"host":                    {"GET", "/kiosk", func(r *http.Request) { r.Host = "evil.example" }, 421},
		"host, other port":        {"GET", "/kiosk", func(r *http.Request) { r.Host = "127.0.0.1:1" }, 421},
		"no host":                 {"POST", "/kiosk/finger", func(r *http.Request) { r.Host = "localhost" }, 421},
		"origin":                  {"POST", "/kiosk/finger", header("Origin", "http://evil.example"), 403},
		"origin null":             {"POST", "/kiosk/finger", header("Origin", "null"), 403},
		"no origin":               {"POST", "/kiosk/finger", func(r *http.Request) { r.Header.Del("Origin") }, 403},
		"origin https":            {"POST", "/kiosk/finger", func(r *http.Request) { r.Header.Set("Origin", "https://"+r.URL.Host) }, 403},
		"site":                    {"POST", "/kiosk/finger", header("Sec-Fetch-Site", "cross-site"), 403},
		"sibling port":            {"POST", "/kiosk/local", header("Sec-Fetch-Site", "same-site"), 403},
		"origin on a read":        {"GET", "/kiosk/events", header("Origin", "http://evil.example"), 403},
		"frame of a page":         {"GET", "/kiosk", header("Sec-Fetch-Site", "cross-site"), 403},
		"no cookie":               {"POST", "/kiosk/finger", func(r *http.Request) { r.Header.Del("Cookie") }, 403},
		"no cookie, pin":          {"POST", "/kiosk/pin/7/2", func(r *http.Request) { r.Header.Del("Cookie") }, 403},
		"no cookie, stream":       {"GET", "/kiosk/events", func(r *http.Request) { r.Header.Del("Cookie") }, 403},
		"no cookie, page":         {"GET", "/kiosk", func(r *http.Request) { r.Header.Del("Cookie") }, 403},
		"forged cookie":           {"POST", "/kiosk/finger", func(r *http.Request) { r.Header.Set("Cookie", cookieName(r)+"=ABC.0000") }, 403},
		"empty cookie":            {"POST", "/kiosk/finger", func(r *http.Request) { r.Header.Set("Cookie", cookieName(r)+"=") }, 403},
		"wrong token":             {"GET", "/enter/" + strings.Repeat("x", 52), func(*http.Request) {}, 403},
		"wrong method":            {"GET", "/kiosk/finger", func(*http.Request) {}, 405},
		"wrong method, pin":       {"GET", "/kiosk/pin/7/2", func(*http.Request) {}, 405},
		"write to a page":         {"POST", "/kiosk", func(*http.Request) {}, 405},
		"panel outside practice":  {"GET", "/", func(*http.Request) {}, 404},
		"act outside practice":    {"POST", "/panel/act", func(*http.Request) {}, 404},
		"sheets outside practice": {"GET", "/panel/sheets/a.pdf", func(*http.Request) {}, 404},
		"no directory listing":    {"GET", "/static/", func(*http.Request) {}, 404},
		"no way out of static":    {"GET", "/static/..%2Ftouch.go", func(*http.Request) {}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil).enter(t)
			h.srv.Show(Screen{Visit: 7, Name: Working})
			if got := h.do(t, c.method, c.path, form, c.spoil); got.status != c.want {
				t.Errorf("answered %d, want %d", got.status, c.want)
			}
			h.noFinger(t)
			if d := h.srv.Dropped(); d != (Dropped{}) {
				t.Errorf("counted as a finger: %+v", d)
			}
		})
	}
}

func TestAPersonMayFollowALink(t *testing.T) {
	h := newHarness(t, &fakePanel{})
	nav := []func(*http.Request){header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"), header("Sec-Fetch-Dest", "document")}
	got := h.do(t, "GET", "/", "", nav...)
	if got.status != 200 || len(got.cookies) != 1 {
		t.Fatalf("answered %d with %d cookies", got.status, len(got.cookies))
	}
	c := got.cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("the cookie is too free: %v", c)
	}
	if got := h.do(t, "GET", "/", "", header("Sec-Fetch-Mode", "cors")); got.status != 403 {
		t.Errorf("a script was let in: %d", got.status)
	}
}

func TestOneBrowserAtATime(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	first := h.cookie
	stream := openStream(t, h)
	stream.next(t)
	h.enter(t) // another browser
	stream.ends(t)
	h.cookie = first
	if got := h.do(t, "POST", "/kiosk/finger", "visit=0&picture=1&action=cancel"); got.status != 403 {
		t.Errorf("the earlier browser is still heard: %d", got.status)
	}
}

func TestASessionOutlivesARestartWithTheSameToken(t *testing.T) {
	token := strings.Repeat("k", 40)
	start := func(entry string) *Server {
		s, err := New(Options{Entry: entry})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sealed := start(token).seal("ABC")
	req := func() *http.Request {
		r, _ := http.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: cookieName(r), Value: sealed})
		return r
	}
	again, other := start(token), start(strings.Repeat("l", 40))
	if !again.isBrowser(again.sessionOf(req())) {
		t.Error("its own browser is a stranger to the restarted server")
	}
	if again.isBrowser("DEF") {
		t.Error("a second browser is let in")
	}
	if other.isBrowser(other.sessionOf(req())) {
		t.Error("a cookie of another token is let in")
	}
	if _, err := New(Options{Entry: "short"}); err == nil {
		t.Error("a short token is taken")
	}
}

func TestLogsRepeatNothing(t *testing.T) {
	h := newHarness(t, nil)
	h.do(t, "GET", "/enter/SECRETSECRET", "")
	h.do(t, "POST", "/kiosk/pin/7/2", "9137")
	h.do(t, "POST", "/kiosk/pin/7/2", "9137", header("Origin", "http://9137.example"))
	h.enter(t).do(t, "POST", "/kiosk/pin/7/2", "91375")
	h.do(t, "POST", "/kiosk/code/7/2/same/SECRET", "913713")
	if len(h.log.AllEntries()) == 0 {
		t.Fatal("nothing was logged at all")
	}
	for _, e := range h.log.AllEntries() {
		line, err := (&logrus.JSONFormatter{DisableTimestamp: true}).Format(e)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(line), "9137") || strings.Contains(string(line), "SECRET") || strings.Contains(string(line), h.srv.entry) {
			t.Errorf("logged: %s", line)
		}
	}
}

// stream reads an event stream.
type stream struct {
	lines *bufio.Scanner
	stop  context.CancelFunc
}

func openStream(t *testing.T, h *harness) *stream {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", h.url+"/kiosk/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookieName(r), Value: h.cookie})
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); got.Body.Close() })
	if ct := got.Header.Get("Content-Type"); got.StatusCode != 200 || !strings.HasPrefix(ct, "text/event-stream") {
		t.Fatalf("stream: %d %s", got.StatusCode, ct)
	}
	return &stream{bufio.NewScanner(got.Body), stop}
}

// next returns the data of the next event.
func (s *stream) next(t *testing.T) string {
	t.Helper()
	var data strings.Builder
	for s.lines.Scan() {
		if d, ok := strings.CutPrefix(s.lines.Text(), "data: "); ok {
			data.WriteString(d + "\n")
		} else if s.lines.Text() == "" && data.Len() > 0 {
			return data.String()
		}
	}
	t.Fatal("the stream ended")
	return ""
}

func (s *stream) ends(t *testing.T) {
	t.Helper()
	for s.lines.Scan() {
		if strings.HasPrefix(s.lines.Text(), "data: ") {
			t.Fatal("the stream went on")
		}
	}
}

func TestTheStreamShowsEveryChangeAndEndsAtClose(t *testing.T) {
	h := newHarness(t, nil).enter(t)
	s := openStream(t, h)
	if first := s.next(t); !strings.Contains(first, `data-screen="out-of-service"`) || !strings.Contains(first, "準備をしています") {
		t.Errorf("before the first Show: %s", first)
	}
	for _, n := range Names() {
		h.srv.Show(sample(n))
		if got := s.next(t); !strings.Contains(got, `data-screen="`+string(n)+`"`) {
			t.Errorf("%s is not shown", n)
		}
	}
	h.srv.Close()
	s.ends(t)
}
