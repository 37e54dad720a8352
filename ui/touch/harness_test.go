package touch

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// harness is a server on loopback, and a client that can be the kiosk's browser.
type harness struct {
	srv    *Server
	url    string
	cookie string // "" until enter
	log    *logtest.Hook
}

// newHarness starts a server. An error that it logs fails the test.
func newHarness(t *testing.T, p Panel) *harness {
	t.Helper()
	log, hook := logtest.NewNullLogger()
	t.Cleanup(func() {
		for _, e := range hook.AllEntries() {
			if e.Level <= logrus.ErrorLevel {
				t.Errorf("logged: %s %v", e.Message, e.Data)
			}
		}
	})
	var srv *Server
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { srv.Handler().ServeHTTP(w, r) }))
	srv, err := New(Options{Hosts: []string{ts.Listener.Addr().String()}, Panel: p, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close(); ts.CloseClientConnections(); ts.Close() })
	return &harness{srv: srv, url: ts.URL, log: hook}
}

// enter makes the harness's client the kiosk's browser.
func (h *harness) enter(t *testing.T) *harness {
	t.Helper()
	r := h.do(t, "GET", h.srv.EntryPath(), "")
	if r.status != http.StatusSeeOther || len(r.cookies) != 1 {
		t.Fatalf("entering: %d, %d cookies", r.status, len(r.cookies))
	}
	h.cookie = r.cookies[0].Value
	return h
}

type answer struct {
	status  int
	body    string
	header  http.Header
	cookies []*http.Cookie
}

// do sends one request as the kiosk's own page would; each change may spoil it.
func (h *harness) do(t *testing.T, method, path, body string, changes ...func(*http.Request)) answer {
	t.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Origin", h.url)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if h.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName(r), Value: h.cookie})
	}
	for _, c := range changes {
		c(r)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(io.LimitReader(got.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	return answer{got.StatusCode, string(b), got.Header, got.Cookies()}
}

func header(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }

// finger takes the one finger that must be waiting.
func (h *harness) finger(t *testing.T) Finger {
	t.Helper()
	select {
	case f := <-h.srv.Fingers():
		return f
	default:
		t.Fatal("no finger was passed on")
		return Finger{}
	}
}

func (h *harness) noFinger(t *testing.T) {
	t.Helper()
	select {
	case f := <-h.srv.Fingers():
		t.Fatalf("a finger was passed on: %q", f.Action)
	default:
	}
}

// fakePanel notes what it was told.
type fakePanel struct {
	mu    sync.Mutex
	done  []string
	state PanelState
}

var errFake = errors.New("the reader is not empty")

func (p *fakePanel) note(s string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, s)
	return nil
}

func (p *fakePanel) People() []Person {
	return []Person{
		{ID: "p01", Label: "架空 花子", Note: "RSA", PIN: "1234"}, {ID: "p02", Label: "見本 太郎", Note: "P-384", PIN: "2345"},
		{ID: "p03", Label: "仮名 <b>一</b>", Note: "two municipalities", PIN: "3456"}, {ID: "p04", Label: "例示 さくら", PIN: "4567"},
	}
}

func (p *fakePanel) State() PanelState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func (p *fakePanel) Place(id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.Card != "" {
		return errFake
	}
	p.state.Card, p.state.TriesLeft = id, 3
	return nil
}

func (p *fakePanel) Pull() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Card = ""
	return nil
}

func (p *fakePanel) Refuse() error { return p.note("red") }
func (p *fakePanel) Type(wrong bool) error {
	return p.note(map[bool]string{false: "type", true: "wrong"}[wrong])
}
func (p *fakePanel) Jam() error       { return p.note("jam") }
func (p *fakePanel) ClearJam() error  { return p.note("clear-jam") }
func (p *fakePanel) PaperOut() error  { return p.note("paper-out") }
func (p *fakePanel) TakePaper() error { return p.note("take-paper") }
func (p *fakePanel) HandStranger() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.state.Stranger = append(p.done, "stranger"), true
	return nil
}

func (p *fakePanel) Staff() error { return p.note("staff") }
func (p *fakePanel) Close() error { return p.note("close") }

func (p *fakePanel) Play(id string) error {
	if !strings.HasPrefix(id, "y") {
		return errFake
	}
	p.mu.Lock()
	p.state.Scenarios = slices.Clone(p.state.Scenarios)
	for i := range p.state.Scenarios {
		p.state.Scenarios[i].On = p.state.Scenarios[i].ID == id
	}
	p.mu.Unlock()
	return p.note("play " + id)
}

func (p *fakePanel) Sheet(name string) ([]byte, error) {
	if name != "visit-3.pdf" {
		return nil, errFake
	}
	return []byte("%PDF-1.7\n"), nil
}
