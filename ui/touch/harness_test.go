package touch

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// failing is a logger on which an error fails the test.
func failing(t *testing.T) logrus.FieldLogger {
	log, hook := logtest.NewNullLogger()
	t.Cleanup(func() {
		for _, e := range hook.AllEntries() {
			if e.Level <= logrus.ErrorLevel {
				t.Errorf("logged: %s %v", e.Message, e.Data)
			}
		}
	})
	return log
}

// harness is a server on loopback.
type harness struct {
	srv *Server
	url string
}

func newHarness(t *testing.T, p Panel) *harness {
	t.Helper()
	var srv *Server
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { srv.Handler().ServeHTTP(w, r) }))
	srv, err := New(Options{Hosts: []string{ts.Listener.Addr().String()}, Panel: p, Logger: failing(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close(); ts.CloseClientConnections(); ts.Close() })
	return &harness{srv, ts.URL}
}
