package technician

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"honnin/daemon/identity"
)

// TestNetWord: what really goes wrong on a way, in words.
func TestNetWord(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	picky := httptest.NewUnstartedServer(http.NotFoundHandler())
	picky.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	picky.StartTLS()
	defer picky.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	known := x509.NewCertPool()
	known.AddCert(s.Certificate())
	secure := func(to *httptest.Server, c *tls.Config) error {
		conn, err := tls.Dial("tcp", to.Listener.Addr().String(), c)
		if err == nil {
			defer conn.Close()
			_, err = conn.Read(make([]byte, 1)) // in TLS 1.3 the refusal comes after the handshake
		}
		return err
	}
	ended := func() time.Time { return s.Certificate().NotAfter.Add(time.Hour) }
	_, refused := net.Dial("tcp", closed.Addr().String())
	ctx, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	_, late := (&net.Dialer{}).DialContext(ctx, "tcp", closed.Addr().String())
	for want, err := range map[string]error{
		"certificate-untrusted":  secure(s, &tls.Config{RootCAs: x509.NewCertPool()}),
		"certificate-other-name": secure(s, &tls.Config{RootCAs: known, ServerName: "elsewhere.example.jp"}),
		"certificate-expired":    secure(s, &tls.Config{RootCAs: known, Time: ended}),
		"centre-refused":         secure(picky, &tls.Config{RootCAs: known}),
		"connection-refused":     refused,
		"too-slow":               late,
		"name-not-found":         &net.DNSError{Err: "no such host", IsNotFound: true},
		"not-allowed":            fault("not-allowed"),
		string(identity.Expired): &identity.Refusal{Code: identity.Expired, Err: errors.New("any")},
		"failed":                 errors.New("any 山田"),
	} {
		if got := netWord(err); err == nil || got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestDaysLeft(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]int{0: 0, time.Hour: 0, 24 * time.Hour: 1, 49 * time.Hour: 2, -time.Second: -1, -25 * time.Hour: -2} {
		if got := daysLeft(now.Add(left), now); got != want {
			t.Errorf("%v: %d, want %d", left, got, want)
		}
	}
}

// FuzzQuestion: whatever comes as a question, the answer is one, and only a note of a technician is ever recorded.
func FuzzQuestion(f *testing.F) {
	for _, s := range []string{`{"version":1,"ask":"status"}`, `{"version":1,"ask":"note","who":"tech-7","note":{"kind":"technician-in","word":"look"}}`,
		`{"version":1,"ask":"path-empty","who":"tech-7"}`, `{"version":1,"ask":"note","who":"tech-7","note":{"kind":"closed","word":"look"}}`,
		`{"version":1,"ask":"restart","who":"tech-7"}`, `{"version":1,"ask":"config"}`, `{"version":1,"ask":"retest"}`, "{", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r := &noted{}
		s := &server{Daemon: Daemon{Terminal: &daemon{}, Journal: r, Now: time.Now}}
		a := s.answer(t.Context(), line)
		for _, e := range r.entries {
			if !isTechnicians(e) || a.Why != "" {
				t.Errorf("%q recorded %+v", line, e)
			}
		}
	})
}
