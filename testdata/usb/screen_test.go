package usb_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const screenAddress = "http://127.0.0.1:8080"

// within bounds one wait for a screen: an emulated machine on a busy host is slow. It only ever ends a test that fails.
const within = 90 * time.Second

// screen is the touch screen of the machine, and the finger on it.
type screen struct {
	t        testing.TB
	client   *http.Client
	patience time.Duration // of one wait

	mu      sync.Mutex
	now     picture
	began   time.Time
	seen    []string // the names of all pictures so far, and when they came, in seconds
	changed chan struct{}
	over    error
}

// picture is what stands in the browser, as HTML.
type picture struct {
	name, visit, number, tick, html string
}

var attributes = regexp.MustCompile(`data-screen="([^"]*)" data-visit="([^"]*)" data-picture="([^"]*)" data-tick="([^"]*)"`)

// watch opens the panel's page, which lets a browser in, and then follows the pictures.
func watch(t testing.TB, client *http.Client) *screen {
	t.Helper()
	client.Jar, _ = cookiejar.New(nil) // it never fails
	s := &screen{t: t, client: client, began: time.Now(), patience: within, changed: make(chan struct{})}
	if status, err := s.send(http.MethodGet, "/", nil, ""); err != nil || status != http.StatusOK {
		t.Fatalf("the screen: %d, %v", status, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.follow(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if t.Failed() || testing.Verbose() {
			t.Logf("pictures: %v", s.seen)
		}
	})
	return s
}

func (s *screen) request(ctx context.Context, method, path string, body []byte, kind string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, screenAddress+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Origin", screenAddress)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return s.client.Do(r)
}

func (s *screen) send(method, path string, body []byte, kind string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	w, err := s.request(ctx, method, path, body, kind)
	if err != nil {
		return 0, err
	}
	return w.StatusCode, w.Body.Close()
}

func (s *screen) follow(ctx context.Context) {
	w, err := s.request(ctx, http.MethodGet, "/kiosk/events", nil, "")
	if err == nil {
		defer func() { _ = w.Body.Close() }()
		lines := bufio.NewScanner(w.Body)
		lines.Buffer(nil, 1<<20)
		var html strings.Builder
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				html.WriteString(data + "\n")
			} else if lines.Text() == "" && html.Len() > 0 {
				s.show(html.String())
				html.Reset()
			}
		}
		err = lines.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = fmt.Errorf("the stream of pictures is over: %v", err)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *screen) show(html string) {
	a := attributes.FindStringSubmatch(html)
	if a == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = picture{a[1], a[2], a[3], a[4], html}
	if n := len(s.seen); n == 0 || !strings.HasPrefix(s.seen[n-1], a[1]+"@") {
		s.seen = append(s.seen, fmt.Sprintf("%s@%.1f", a[1], time.Since(s.began).Seconds()))
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// until waits for a picture.
func (s *screen) until(what string, is func(picture) bool) picture {
	s.t.Helper()
	deadline := time.After(s.patience)
	for {
		s.mu.Lock()
		now, changed, over, seen := s.now, s.changed, s.over, slices.Clone(s.seen)
		s.mu.Unlock()
		switch {
		case is(now):
			return now
		case over != nil:
			s.t.Fatalf("waiting for %s after %v: %v", what, seen, over)
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("no %s after %v:\n%s", what, seen, words(now.html))
		}
	}
}

// wait waits for one of some screens.
func (s *screen) wait(names ...string) picture {
	s.t.Helper()
	return s.until(strings.Join(names, " or "), func(p picture) bool { return slices.Contains(names, p.name) })
}

var tags = regexp.MustCompile(`(?s)<[^>]*>|\s+`)

// words is what a picture says.
func words(html string) string { return strings.TrimSpace(tags.ReplaceAllString(html, " ")) }

// touch does something to the screen with this name. A picture that changed in the meantime is touched again.
func (s *screen) touch(name string, path func(picture) string, body func(picture) []byte, kind string) {
	s.t.Helper()
	for {
		p := s.wait(name)
		status, err := s.send(http.MethodPost, path(p), body(p), kind)
		switch {
		case err != nil || status/100 != 2 && status != http.StatusConflict:
			s.t.Fatalf("touching %s: %d, %v", name, status, err)
		case status/100 == 2:
			return
		}
		s.until("a new picture", func(n picture) bool { return n.tick != p.tick })
	}
}

const form = "application/x-www-form-urlencoded"

// press presses a button on the screen with this name, once it is there.
func (s *screen) press(name, action string) {
	s.t.Helper()
	s.until(name+" with "+action, func(p picture) bool {
		return p.name == name && strings.Contains(p.html, fmt.Sprintf("data-action=%q", action))
	})
	s.fill(name, action, nil)
}

func (s *screen) fill(name, action string, more func(picture) url.Values) {
	s.t.Helper()
	s.touch(name, func(picture) string { return "/kiosk/finger" }, func(p picture) []byte {
		v := url.Values{}
		if more != nil {
			v = more(p)
		}
		v.Set("visit", p.visit)
		v.Set("picture", p.number)
		v.Set("action", action)
		return []byte(v.Encode())
	}, form)
}

// typePIN types the PIN on the screen.
func (s *screen) typePIN(pin string) {
	s.t.Helper()
	s.touch("pin", func(p picture) string { return "/kiosk/pin/" + p.visit + "/" + p.number },
		func(picture) []byte { return []byte(pin) }, "application/octet-stream")
}

var (
	offered = regexp.MustCompile(`data-offer="([^"]*)"`)
	options = regexp.MustCompile(`name="(opt\.[^"]*)"`)
)

// choose takes the first certificate that is offered, one copy, with the first of every option.
func (s *screen) choose() {
	s.t.Helper()
	var offer string
	s.touch("choose", func(picture) string { return "/kiosk/local" }, func(p picture) []byte {
		if m := offered.FindStringSubmatch(p.html); m != nil {
			offer = m[1]
		}
		return []byte(url.Values{"look": {offer}, "visit": {p.visit}, "picture": {p.number}}.Encode())
	}, form)
	s.fill("options", "choose", func(p picture) url.Values {
		v := url.Values{"offer": {offer}, "copies": {"1"}}
		for _, m := range options.FindAllStringSubmatch(p.html, -1) {
			v.Set(m[1], "0")
		}
		return v
	})
}
