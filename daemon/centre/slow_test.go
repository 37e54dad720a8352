package centre_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/centre"
)

// bubble runs f in a bubble of its own with a client whose centre is h, on pipes: the clock is the bubble's. What
// silence makes silent stays so; connections made later are as ever.
func bubble(t *testing.T, h http.HandlerFunc, f func(t *testing.T, c *centre.Client, silence func())) {
	root := newCA(t)
	server, client := leaf(t, &root, nil), leaf(t, &root, nil)
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := &http.Server{Handler: h, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{server}}}
		s.Protocols.SetHTTP2(true)
		go func() { _ = s.ServeTLS(p, "", "") }()
		c := newClient(t, centre.Config{URL: "https://127.0.0.1:1", Roots: root.pool(), Certificate: client, Dial: p.Dial,
			Timeout: 10 * time.Second, Poll: 40 * time.Second})
		defer s.Close()
		defer c.Close()
		f(t, c, p.silence)
	})
}

func TestSlowCentreMeetsTheDeadline(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(t *testing.T, c *centre.Client, _ func()) {
				began := time.Now()
				err := call(t.Context(), c)
				if !errors.Is(err, centre.ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				want := 10 * time.Second
				if name == "package" {
					want = 3*40*time.Second + 2*200*time.Millisecond
				}
				if name == "policy" {
					want = 40 * time.Second
				}
				if took := time.Since(began); took != want {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}

// drip gives one byte of a body every so often, and the whole of it if it is given the time.
func drip(every time.Duration, bytes int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", cms)
		for range bytes {
			_, _ = w.Write([]byte{1})
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(every):
			}
		}
	}
}

// TestSlowBodyMeetsTheDeadline: a body that comes slowly is taken until the deadline, and not after it. The package's own
// is longer, and it is asked for again.
func TestSlowBodyMeetsTheDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		bytes int
		whole bool
		took  map[string]time.Duration
	}{
		"in time": {9, true, map[string]time.Duration{"state": 9 * time.Second, "in-force": 9 * time.Second, "suspensions": 9 * time.Second, "package": 9 * time.Second}},
		"late": {1000, false, map[string]time.Duration{"state": 10 * time.Second, "in-force": 10 * time.Second, "suspensions": 10 * time.Second,
			"package": 3*40*time.Second + 2*200*time.Millisecond}},
	} {
		for call, want := range c.took {
			t.Run(name+"/"+call, func(t *testing.T) {
				bubble(t, drip(time.Second, c.bytes), func(t *testing.T, client *centre.Client, _ func()) {
					began := time.Now()
					if err := calls[call](t.Context(), client); (err == nil) != c.whole || err != nil && !errors.Is(err, centre.ErrUnreachable) || time.Since(began) != want {
						t.Error(err, time.Since(began))
					}
				})
			})
		}
	}
}

// TestNobodySpeaks: whoever takes the connection and says nothing is left after two handshakes' time.
func TestNobodySpeaks(t *testing.T) {
	root := newCA(t)
	own := leaf(t, &root, nil)
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		defer p.Close()
		go func() {
			for _, err := p.Accept(); err == nil; _, err = p.Accept() { // held, and never read
			}
		}()
		c := newClient(t, centre.Config{URL: "https://127.0.0.1:1", Roots: root.pool(), Certificate: own, Dial: p.Dial})
		defer c.Close()
		began := time.Now()
		if err := c.Outcome(t.Context(), tx, protocol.OutcomeReport{Outcome: protocol.Void}); !errors.Is(err, centre.ErrUnreachable) || time.Since(began) != 10*time.Second {
			t.Error(err, time.Since(began))
		}
	})
}

// TestALineThatFallsSilentIsLeft: a connection that died without a word (a router forgot it) is found out by pings, and
// the call that met it asks again on another.
func TestALineThatFallsSilentIsLeft(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }, func(t *testing.T, c *centre.Client, silence func()) {
		if err := c.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		silence()
		began := time.Now()
		if err := c.Outcome(t.Context(), tx, protocol.OutcomeReport{Outcome: protocol.Void}); err != nil || time.Since(began) != 7*time.Second {
			t.Error(err, time.Since(began))
		}
	})
}

func TestLongPollEndsWithItsContext(t *testing.T) {
	var polls atomic.Int32
	hold := func(w http.ResponseWriter, r *http.Request) {
		polls.Add(1)
		select {
		case <-r.Context().Done():
		case <-time.After(20 * time.Second):
			w.WriteHeader(http.StatusAccepted)
		}
	}
	bubble(t, hold, func(t *testing.T, c *centre.Client, _ func()) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		began := time.Now()
		if b, err := c.Package(ctx, tx); b != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Error(b, err, time.Since(began))
		}
		if polls.Load() != 3 {
			t.Error("polls:", polls.Load())
		}
	})
}

func TestAHastyCentreIsNotAskedInALoop(t *testing.T) {
	var polls atomic.Int32
	bubble(t, func(w http.ResponseWriter, r *http.Request) { polls.Add(1); w.WriteHeader(http.StatusAccepted) }, func(t *testing.T, c *centre.Client, _ func()) {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := c.Package(ctx, tx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n := polls.Load(); n < 4 || n > 6 {
			t.Error("polls in a second:", n)
		}
	})
}
