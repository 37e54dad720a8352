package centre_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	"state":    func(ctx context.Context, c *centre.Client) error { _, err := c.IncidentState(ctx, "i-1"); return err },
}

var event = protocol.NewEvent("i-1", "JP-99-000001", protocol.At(farOff), protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up"})

// everyCall runs f once for each call.
func everyCall(t *testing.T, f func(t *testing.T, call func(context.Context, *centre.Client) error)) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { f(t, call) })
	}
}

func TestRequestsAreAsTheProtocolSays(t *testing.T) {
	want := map[string]struct{ line, media, answer string }{
		"begin":     {"POST /v1/transactions", plainJSON, `{"transaction":"01020300000000000000000000000000","challenge":"` + strings.Repeat("A", 43) + `","expires_at":"2026-11-21T02:03:04Z"}`},
		"applicant": {"POST /v1/transactions/" + tx.String() + "/applicant", plainJSON, `{"offers":[]}`},
		"apply":     {"POST /v1/transactions/" + tx.String() + "/application", plainJSON, ""},
		"package":   {"GET /v1/transactions/" + tx.String() + "/package", "", "bytes"},
		"in-force":  {"POST /v1/transactions/" + tx.String() + "/in-force", plainJSON, "bytes"},
		"outcome":   {"POST /v1/transactions/" + tx.String() + "/outcome", plainJSON, ""},
		"cancel":    {"DELETE /v1/transactions/" + tx.String(), "", ""},
		"incident":  {"POST /v1/incidents", "application/cloudevents+json", "bytes"},
		"state":     {"GET /v1/incidents/i-1", "", "bytes"},
	}
	status := map[string]int{"apply": 202, "outcome": 204, "cancel": 204, "incident": 201}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Method + " " + r.URL.Path; got != want[name].line || r.Header.Get("Content-Type") != want[name].media || r.ProtoMajor != 2 {
					t.Errorf("%s, %q, HTTP/%d", got, r.Header.Get("Content-Type"), r.ProtoMajor)
				}
				if key := r.Header.Get("Idempotency-Key"); (key != "") != (r.Method == "POST" && name != "in-force") {
					t.Errorf("Idempotency-Key %q", key)
				}
				media := cms
				if want[name].answer != "bytes" {
					media = plainJSON
				}
				answer(w, max(status[name], 200), media, want[name].answer)
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

func TestCancelledEverywhere(t *testing.T) {
	everyCall(t, func(t *testing.T, call func(context.Context, *centre.Client) error) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			answer(w, 410, "application/problem+json", `{"type":"urn:honnin:problem:cancelled","title":"","status":410}`)
		})
		if err := call(t.Context(), s.Client); !errors.Is(err, centre.ErrCancelled) && !(err == nil && strings.HasSuffix(t.Name(), "/cancel")) {
			t.Error(err)
		}
	})
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

func TestBadAnswersAreRefused(t *testing.T) {
	long := strings.Repeat(" ", centre.MaxAnswer+1)
	for name, h := range map[string]http.HandlerFunc{
		"garbage": func(w http.ResponseWriter, r *http.Request) { answer(w, 200, "text/html", "<html>架空 太郎") },
		"no type": func(w http.ResponseWriter, r *http.Request) { answer(w, 200, "", "x") },
		"other smime type": func(w http.ResponseWriter, r *http.Request) {
			answer(w, 200, "application/pkcs7-mime; smime-type=enveloped-data", "x")
		},
		"other status": func(w http.ResponseWriter, r *http.Request) { answer(w, 203, cms, "x") },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"plain error": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "架空 太郎", 500) },
		"problem's status": func(w http.ResponseWriter, r *http.Request) {
			answer(w, 500, "application/problem+json", `{"type":"urn:honnin:problem:not-linked","title":"","status":403}`)
		},
		"problem's garbage": func(w http.ResponseWriter, r *http.Request) { answer(w, 500, "application/problem+json", `{`) },
		"problem too long":  func(w http.ResponseWriter, r *http.Request) { answer(w, 500, "application/problem+json", long) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var elsewhere atomic.Bool
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				elsewhere.Store(elsewhere.Load() || r.URL.Path == "/elsewhere")
				h(w, r)
			})
			everyCall(t, func(t *testing.T, call func(context.Context, *centre.Client) error) {
				if err := call(t.Context(), s.Client); !errors.Is(err, centre.ErrAnswer) || strings.Contains(err.Error(), "架空") {
					t.Error(err)
				}
			})
			if elsewhere.Load() {
				t.Error("followed a redirect")
			}
		})
	}
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

func TestHalfAnAnswerIsNone(t *testing.T) {
	everyCall(t, func(t *testing.T, call func(context.Context, *centre.Client) error) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `{"type":`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		if err := call(t.Context(), s.Client); !errors.Is(err, centre.ErrUnreachable) {
			t.Error(err)
		}
	})
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

func TestWhoIsTrusted(t *testing.T) {
	fine := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }
	with := func(change func(*x509.Certificate)) func(*httptest.Server, ca) {
		return func(s *httptest.Server, root ca) { s.TLS.Certificates = []tls.Certificate{leaf(t, &root, change)} }
	}
	for name, change := range map[string]func(*httptest.Server, ca){
		"another CA":    func(s *httptest.Server, _ ca) { other := newCA(t); s.TLS.Certificates[0] = leaf(t, &other, nil) },
		"self-signed":   func(s *httptest.Server, _ ca) { s.TLS.Certificates[0] = leaf(t, nil, nil) },
		"expired":       with(func(c *x509.Certificate) { c.NotAfter = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"not yet valid": with(func(c *x509.Certificate) { c.NotBefore = farOff.Add(-time.Hour) }),
		"another host":  with(func(c *x509.Certificate) { c.IPAddresses = nil; c.DNSNames = []string{"elsewhere.example"} }),
		"TLS 1.2": func(s *httptest.Server, _ ca) {
			s.TLS.MinVersion, s.TLS.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		},
		"HTTP/1.1 only":        func(s *httptest.Server, _ ca) { s.EnableHTTP2 = false; s.TLS.NextProtos = []string{"http/1.1"} },
		"no ALPN":              func(s *httptest.Server, _ ca) { s.EnableHTTP2 = false },
		"wants another client": func(s *httptest.Server, _ ca) { s.TLS.ClientCAs = newCA(t).pool() },
	} {
		t.Run(name, func(t *testing.T) {
			if err := serve(t, fine, change).Cancel(t.Context(), tx); !errors.Is(err, centre.ErrUnreachable) && !errors.Is(err, centre.ErrAnswer) {
				t.Error(err)
			}
		})
	}
	if err := serve(t, fine).Cancel(t.Context(), tx); err != nil {
		t.Error("the right certificate:", err)
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

func TestDown(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	s.server.Close()
	everyCall(t, func(t *testing.T, call func(context.Context, *centre.Client) error) {
		if err := call(t.Context(), s.Client); !errors.Is(err, centre.ErrUnreachable) {
			t.Error(err)
		}
	})
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
