package centre_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
)

// calls is every call of the client, by name, against transaction tx.
var calls = map[string]func(context.Context, *centre.Client) error{
	"begin": func(ctx context.Context, c *centre.Client) error { _, err := c.Begin(ctx, begin); return err },
	"applicant": func(ctx context.Context, c *centre.Client) error {
		_, err := c.Applicant(ctx, tx, protocol.Applicant{Certificate: []byte{1}, Signature: []byte{2}})
		return err
	},
	"apply": func(ctx context.Context, c *centre.Client) error {
		return c.Apply(ctx, tx, protocol.Order{Offer: "a", Options: protocol.Options{}, Copies: 1})
	},
	"package": func(ctx context.Context, c *centre.Client) error { _, err := c.Package(ctx, tx); return err },
	"in-force": func(ctx context.Context, c *centre.Client) error {
		_, err := c.InForce(ctx, tx, protocol.InForceQuestion{})
		return err
	},
	"outcome": func(ctx context.Context, c *centre.Client) error {
		return c.Outcome(ctx, tx, protocol.OutcomeReport{Outcome: protocol.Void})
	},
	"cancel":   func(ctx context.Context, c *centre.Client) error { return c.Cancel(ctx, tx) },
	"incident": func(ctx context.Context, c *centre.Client) error { _, err := c.Incident(ctx, event); return err },
	"escalation": func(ctx context.Context, c *centre.Client) error {
		_, err := c.Escalation(ctx, protocol.NewEscalation("i-2", "JP-99-000001", protocol.At(farOff), protocol.EscalationData{Incident: "i-1", Step: 1, Contact: "a"}))
		return err
	},
	"heartbeat": func(ctx context.Context, c *centre.Client) error {
		_, err := c.Heartbeat(ctx, protocol.Heartbeat{Terminal: "JP-99-000001", At: protocol.At(farOff), Software: "1"})
		return err
	},
	"suspensions": func(ctx context.Context, c *centre.Client) error {
		_, err := c.Suspensions(ctx, protocol.Nonce{1})
		return err
	},
	"policy": func(ctx context.Context, c *centre.Client) error { _, err := c.Policy(ctx, 8); return err },
	"state":  func(ctx context.Context, c *centre.Client) error { _, err := c.IncidentState(ctx, "i-1"); return err },
}

var event = protocol.NewEvent("i-1", "JP-99-000001", protocol.At(farOff), protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up"})

// everyCall runs f once for each call.
func everyCall(t *testing.T, f func(t *testing.T, call func(context.Context, *centre.Client) error)) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { f(t, call) })
	}
}

// TestMayNot: where the centre may not be spoken to, no call connects, and each says why.
func TestMayNot(t *testing.T) {
	why := errors.New("another centre")
	o := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }).config
	o.May = func() error { return why }
	o.Dial = func(context.Context, string, string) (net.Conn, error) { t.Error("connects"); return nil, why }
	c := newClient(t, o)
	everyCall(t, func(t *testing.T, call func(context.Context, *centre.Client) error) {
		if err := call(t.Context(), c); !errors.Is(err, why) {
			t.Error(err)
		}
	})
	body := &closer{Reader: strings.NewReader("{}")}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://127.0.0.1:1", body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := centre.Forbidding(why).RoundTrip(r); !errors.Is(err, why) || !body.closed {
		t.Errorf("%v, closed: %t", err, body.closed)
	}
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestRequestsAreAsTheProtocolSays(t *testing.T) {
	want := map[string]struct{ line, media string }{
		"begin":      {"POST /v1/transactions", plainJSON},
		"applicant":  {"POST /v1/transactions/" + tx.String() + "/applicant", plainJSON},
		"apply":      {"POST /v1/transactions/" + tx.String() + "/application", plainJSON},
		"package":    {"GET /v1/transactions/" + tx.String() + "/package", ""},
		"in-force":   {"POST /v1/transactions/" + tx.String() + "/in-force", plainJSON},
		"outcome":    {"POST /v1/transactions/" + tx.String() + "/outcome", plainJSON},
		"cancel":     {"DELETE /v1/transactions/" + tx.String(), ""},
		"incident":   {"POST /v1/incidents", "application/cloudevents+json"},
		"escalation": {"POST /v1/escalations", "application/cloudevents+json"},
		"heartbeat":  {"POST /v1/heartbeats", plainJSON},
		"policy":     {"GET /v1/policies/8", ""},

		"suspensions": {"POST /v1/suspensions", plainJSON},
		"state":       {"GET /v1/incidents/i-1", ""},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Method + " " + r.URL.Path; got != want[name].line || r.Header.Get("Content-Type") != want[name].media || r.ProtoMajor != 2 {
					t.Errorf("%s, %q, HTTP/%d", got, r.Header.Get("Content-Type"), r.ProtoMajor)
				}
				give(w, successes[name])
			})
			if err := call(t.Context(), s.Client); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheSameRequestHasTheSameKey(t *testing.T) {
	var keys []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		w.WriteHeader(http.StatusNoContent)
	})
	for _, o := range []protocol.Outcome{protocol.Void, protocol.Void, protocol.Failed} {
		if err := s.Outcome(t.Context(), tx, protocol.OutcomeReport{Outcome: o}); err != nil {
			t.Fatal(err)
		}
	}
	if keys[0] != keys[1] || keys[1] == keys[2] || len(keys[0]) != 34 {
		t.Error(keys)
	}
}

func TestPackageWaits(t *testing.T) {
	var polls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if polls.Add(1) < 3 {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		answer(w, 200, cms, "package")
	})
	if b, err := s.Package(t.Context(), tx); string(b) != "package" || err != nil || polls.Load() != 3 {
		t.Error(string(b), err, polls.Load())
	}
}

func TestPackageSurvivesABrokenConnection(t *testing.T) {
	var polls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if polls.Add(1) == 1 {
			w.Header().Set("Content-Type", cms)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}
		answer(w, 200, cms, "package")
	})
	if b, err := s.Package(t.Context(), tx); string(b) != "package" || err != nil {
		t.Error(string(b), err)
	}
}

func TestProblemsAreTyped(t *testing.T) {
	everyCall(t, func(t *testing.T, call func(context.Context, *centre.Client) error) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			answer(w, 403, "application/problem+json", `{"type":"urn:honnin:problem:not-linked","title":"x","status":403,"detail":"架空 太郎"}`)
		})
		err := call(t.Context(), s.Client)
		var p *centre.Problem
		if !errors.As(err, &p) || p.Word != protocol.ProblemNotLinked || p.Status != 403 {
			t.Fatal(err)
		}
		if strings.Contains(err.Error(), "架空") {
			t.Error("the error repeats the problem's text")
		}
	})
}

func TestStrictJSON(t *testing.T) {
	for name, body := range map[string]string{
		"empty": ``, "null": `null`, "missing": `{}`, "unknown": `{"offers":[],"more":1}`, "twice": `{"offers":[],"offers":[]}`,
		"after": `{"offers":[]} {}`, "half": `{"offers":[`, "long": strings.Repeat(" ", centre.MaxAnswer) + `{"offers":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { answer(w, 200, plainJSON, body) })
			if _, err := s.Applicant(t.Context(), tx, protocol.Applicant{}); !errors.Is(err, centre.ErrAnswer) {
				t.Error(err)
			}
		})
	}
}

func TestPackageSize(t *testing.T) {
	block := make([]byte, 1<<20)
	for _, announce := range []bool{true, false} {
		for _, size := range []int{1, 100_000, centre.MaxPackage, centre.MaxPackage + 1} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", cms)
				if !announce {
					w.(http.Flusher).Flush()
				}
				for left := size; left > 0; left -= len(block) {
					if _, err := w.Write(block[:min(left, len(block))]); err != nil {
						return
					}
				}
			})
			b, err := s.Package(t.Context(), tx)
			if size <= centre.MaxPackage && (len(b) != size || err != nil) {
				t.Error(announce, size, len(b), err)
			}
			if size > centre.MaxPackage && (reason.Of(err) != reason.PackageMalformed || b != nil) {
				t.Error(announce, size, err)
			}
		}
	}
}

func TestProxyIsIgnored(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if err := s.Cancel(t.Context(), tx); err != nil {
		t.Error(err)
	}
}

func TestAsksOnceMoreAfterALostConnection(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := s.Outcome(t.Context(), tx, protocol.OutcomeReport{Outcome: protocol.Void}); err != nil || asked.Load() != 2 {
		t.Error(err, asked.Load())
	}
}

// A renewed key is used at the next connection, and one that may not be used makes none.
func TestNewestKey(t *testing.T) {
	var seen []*x509.Certificate
	var root ca
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.TLS.PeerCertificates[0])
		w.WriteHeader(http.StatusNoContent)
	}, func(_ *httptest.Server, of ca) { root = of })
	own, err := s.config.Certificate, error(nil)
	s.config.Newest = func() (tls.Certificate, error) { return own, err }
	first, second, third := newClient(t, s.config), newClient(t, s.config), newClient(t, s.config) // of one connection each
	report := func(c *centre.Client) error {
		return c.Outcome(t.Context(), tx, protocol.OutcomeReport{Outcome: protocol.Void})
	}
	if err := report(first); err != nil {
		t.Fatal(err)
	}
	own = leaf(t, &root, nil)
	if err := report(second); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 || !seen[0].Equal(s.config.Certificate.Leaf) || !seen[1].Equal(own.Leaf) {
		t.Errorf("%d certificates were shown, or another", len(seen))
	}
	err = errors.New("the key may not be used")
	if report(third) == nil || len(seen) != 2 {
		t.Error("a key that may not be used was")
	}
}

func TestConfigIsJudged(t *testing.T) {
	root := newCA(t)
	good := centre.Config{URL: "https://127.0.0.1:1", Roots: root.pool(), Certificate: leaf(t, &root, nil)}
	for name, change := range map[string]func(*centre.Config){
		"http":     func(c *centre.Config) { c.URL = "http://127.0.0.1:1" },
		"path":     func(c *centre.Config) { c.URL += "/v1" },
		"query":    func(c *centre.Config) { c.URL += "?a" },
		"password": func(c *centre.Config) { c.URL = "https://a:b@127.0.0.1:1" },
		"no host":  func(c *centre.Config) { c.URL = "https://" },
		"no roots": func(c *centre.Config) { c.Roots = nil },
		"no key":   func(c *centre.Config) { c.Certificate = tls.Certificate{} },
	} {
		bad := good
		change(&bad)
		if _, err := centre.New(bad); err == nil {
			t.Error(name, "accepted")
		}
	}
	if _, err := centre.New(good); err != nil {
		t.Error(err)
	}
}
