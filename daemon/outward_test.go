package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/collector"
	"honnin/daemon/metrics"
	"honnin/daemon/terminal"
	"honnin/spool/document/inspect"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// logHost is a collector of syslog that takes everything, from whoever shows a certificate.
type logHost struct {
	address string
	anchor  *x509.Certificate

	mu  sync.Mutex
	all []byte
	who []string // common names
}

func newLogHost(t *testing.T) *logHost {
	t.Helper()
	ca, err := sign.NewCA(sign.Template{Name: "Log Office", NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), PathLen: -1})
	if err != nil {
		t.Fatal(err)
	}
	own, err := ca.NewCard(sign.Template{Name: "log", NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Adjust: func(c *x509.Certificate) {
			c.DNSNames, c.ExtKeyUsage, c.UnknownExtKeyUsage = []string{"localhost"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{ClientAuth: tls.RequireAnyClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{own.Certificate.Raw}, PrivateKey: own.Key}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	h := &logHost{address: "localhost:" + port, anchor: ca.Certificate}
	go h.serve(l)
	return h
}

func (h *logHost) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b, _ := io.ReadAll(c)
			h.mu.Lock()
			defer h.mu.Unlock()
			h.all = append(h.all, b...)
			if all := c.(*tls.Conn).ConnectionState().PeerCertificates; len(all) > 0 {
				h.who = append(h.who, all[0].Subject.CommonName)
			}
		}()
	}
}

func (h *logHost) heard() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(bytes.Clone(h.all))
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestPrivacyOutward: after visits of everybody, refusals, wrong PINs and stranger's papers there is nothing of anybody in the
// metrics, nor in what a collector is told; and both tell of what happened.
func TestPrivacyOutward(t *testing.T) {
	var made secrets
	s := newStand(t, t.TempDir(), func(_ *stand, p *terminal.Parts) { p.Reader = made.tap(p.Reader) })
	host := newLogHost(t)
	catalogue, err := incident.Load()
	s.must(err)
	own, err := s.world.Access(s.place.name)
	s.must(err)
	c := collector.New(collector.Options{Terminal: s.place.name, Software: software(), Journal: s.place.journal, Catalogue: catalogue, Log: s.stage.log,
		Collectors: func() []policy.Collector {
			return []policy.Collector{{ID: "log", Address: host.address, Anchors: []*x509.Certificate{host.anchor}}}
		},
		Certificate: func() (tls.Certificate, error) { return own.Certificate, nil }, Dir: filepath.Join(t.TempDir(), "collectors"), Look: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan struct{})
	go func() { defer close(told); c.Run(ctx) }()
	h, err := metrics.Handler(metrics.Sources{Status: s.Status, Journal: s.place.journal, Size: func() (int64, error) { return 1, nil }, Children: s.pool.Waiting,
		Collectors: c.States, Catalogue: catalogue, Software: software(), Held: inspect.Confinement(0).String(), Now: time.Now})
	s.must(err)
	scrape := func() string {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return rec.Body.String()
	}
	first := scrape()
	everybody(t, s)
	refused(t, s)
	wrong := s.wish("p10", protocol.ResidentRecord)
	wrong.PIN = wrongPIN
	for range 4 {
		s.visit(wrong)
	}
	s.everythingDelivered()
	eventually(t, "two incidents at the collector", func() bool { // each at least once, or one message of both, where they are alike
		return len(ids(host.heard())) >= 2 || strings.Contains(host.heard(), ` count="2"`)
	})
	text := scrape()
	cancel()
	<-told
	for _, want := range []string{`honnin_transactions_total{outcome="refused"} 2`, `honnin_refusals_total{class="mixed-up",reason="other-transaction"} 2`,
		`honnin_incidents_total{word="other-transaction"} 2`, `honnin_incidents_open{word="other-transaction"} 0`, `honnin_outbox_entries 0`, `honnin_in_service 1`, `honnin_part_ready{part="reader"} 1`, `honnin_collector_failing{collector="log"} 0`} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	needles := slices.Concat(everything(t, filepath.Join(s.flags.state, "keys")), made.made)
	none(t, []left{{"metrics", []byte(first + text)}, {"syslog", []byte(host.heard())}, {"log", append(s.log.Bytes(), "(its end)"...)}}, needles)
}

// ids are the distinct incidents that messages tell of.
func ids(messages string) map[string]bool {
	out := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(messages, -1) {
		out[m[1]] = true
	}
	return out
}

// ours is an address that nobody else has: any in 127.0.0.0/8 is this machine's.
func ours(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(1 + rand.N(250)), byte(rand.N(250)), byte(1 + rand.N(250))}), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestRunOutward: a configured terminal tells the policy's collector what its journal held before, with its own certificate, and
// answers Prometheus on the address of site.toml, as soon as it can listen there: it does not wait for that.
func TestRunOutward(t *testing.T) {
	o, host := newOffice(t, "usb:ffff:ffff"), newLogHost(t)
	taken := ours(t)
	defer taken.Close()
	o.tells(t, host, taken.Addr().String())
	id := o.troubled(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, built(t), "run", "--config", o.dir)
	said := new(noise)
	c.Stderr = said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", said.Bytes())
		}
	})
	eventually(t, "the incident at the collector", func() bool { return strings.Contains(host.heard(), id) })
	eventually(t, "that the address is taken", func() bool {
		return strings.Contains(string(said.Bytes()), "metrics: this machine cannot listen there")
	})
	taken.Close()
	eventually(t, "an answer", func() bool { return strings.Contains(string(said.Bytes()), "metrics: this machine answers") })
	r, err := http.Get("http://" + taken.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(b), `honnin_incidents_open{word="money"} 1`) || !strings.Contains(string(b), "honnin_policy_version 1\n") {
		t.Errorf("%v\n%s", err, b)
	}
	_ = c.Process.Signal(os.Interrupt)
	if err := c.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	host.mu.Lock()
	defer host.mu.Unlock()
	if len(host.who) == 0 || host.who[0] != string(runTerminal) {
		t.Errorf("it came as %v", host.who)
	}
}

// tells has the policy name a collector, and the site an address for the metrics.
func (o *office) tells(t *testing.T, host *logHost, address string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(o.dir, "policy")); err != nil {
		t.Fatal(err)
	}
	anchor := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.anchor.Raw})
	provide(t, o.dir, fmt.Sprintf("%s\n[[collector]]\nid = \"log\"\naddress = %q\nanchors = [\"\"\"\n%s\"\"\"]\n", o.policy, host.address, anchor))
	site, err := os.ReadFile(filepath.Join(o.dir, "site.toml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(o.dir, "site.toml"), fmt.Appendf(nil, "metrics = %q\n%s", address, site))
}

// troubled leaves an incident in the journal of a terminal that does not run, and returns its name.
func (o *office) troubled(t *testing.T) (id string) {
	t.Helper()
	state := filepath.Join(o.dir, "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(state, journalFile), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	e, err := j.Record(journal.Entry{Kind: journal.Incident, Reason: "money"})
	if err != nil {
		t.Fatal(err)
	}
	head, err := e.Head()
	if err != nil {
		t.Fatal(err)
	}
	return string(protocol.NameIncident(runTerminal, head))
}

// piped is a listener in this process.
type piped struct{ calls chan net.Conn }

func (p piped) Accept() (net.Conn, error) {
	if c, ok := <-p.calls; ok {
		return c, nil
	}
	return nil, errors.New("the network is gone")
}
func (p piped) Close() error   { return nil }
func (p piped) Addr() net.Addr { return &net.TCPAddr{} }

// TestAnswerGoesOn: an address that cannot be had, or is lost, is tried again, ever more seldom; each change is said once.
func TestAnswerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		log, said := logtest.NewNullLogger()
		begin, current, tried := time.Now(), piped{}, []time.Duration(nil)
		listen := func() (net.Listener, error) {
			tried = append(tried, time.Since(begin))
			if len(tried) < 3 || len(tried) == 4 {
				return nil, errors.New("taken")
			}
			current = piped{make(chan net.Conn)}
			return current, nil
		}
		done := make(chan struct{})
		go func() { defer close(done); answerScrapes(ctx, listen, http.NotFoundHandler(), log) }()
		asked := func() {
			t.Helper()
			synctest.Wait()
			here, there := net.Pipe()
			defer here.Close()
			current.calls <- there
			if _, err := io.WriteString(here, "GET / HTTP/1.0\r\n\r\n"); err != nil {
				t.Error(err)
			}
			if b, err := io.ReadAll(here); err != nil || !strings.Contains(string(b), "404") {
				t.Errorf("%q %v", b, err)
			}
		}
		time.Sleep(3 * time.Second)
		asked()
		close(current.calls)
		time.Sleep(4*time.Second + 8*time.Second)
		asked()
		stop()
		close(current.calls)
		<-done
		if want := []time.Duration{0, 1e9, 3e9, 7e9, 15e9}; !slices.Equal(tried, want) {
			t.Errorf("tried after %v", tried)
		}
		var levels []string
		for _, e := range said.AllEntries() {
			levels = append(levels, e.Level.String())
		}
		if got := strings.Join(levels, " "); got != "warning info warning info" {
			t.Error(got)
		}
	})
}
