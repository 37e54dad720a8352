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

	"honnin/daemon/centre"
)

// bubble runs f in a bubble of its own with a client whose centre is h, on pipes: the clock is the bubble's.
func bubble(t *testing.T, h http.HandlerFunc, f func(t *testing.T, c *centre.Client)) {
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
		f(t, c)
	})
}

func TestSlowCentreMeetsTheDeadline(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(t *testing.T, c *centre.Client) {
				began := time.Now()
				err := call(t.Context(), c)
				if !errors.Is(err, centre.ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				want := 10 * time.Second
				if name == "package" {
					want = 3*40*time.Second + 2*200*time.Millisecond
				}
				if took := time.Since(began); took != want {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}

func TestSlowBodyMeetsTheDeadline(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", cms)
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte{1})
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		}
	}
	bubble(t, drip, func(t *testing.T, c *centre.Client) {
		began := time.Now()
		if _, err := c.IncidentState(t.Context(), "i"); !errors.Is(err, centre.ErrUnreachable) || time.Since(began) != 10*time.Second {
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
	bubble(t, hold, func(t *testing.T, c *centre.Client) {
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
	bubble(t, func(w http.ResponseWriter, r *http.Request) { polls.Add(1); w.WriteHeader(http.StatusAccepted) }, func(t *testing.T, c *centre.Client) {
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
