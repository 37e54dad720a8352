package collector

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

const here protocol.Terminal = "JP-14-000007"

// authority issues certificates for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	c := &x509.Certificate{SerialNumber: big.NewInt(987654321987), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, c, c, key.Public(), key))
	return &authority{must[*x509.Certificate](t)(x509.ParseCertificate(der)), key}
}

// issue makes a certificate for both ends of TLS, with a common name and, for servers, names of DNS.
func (a *authority) issue(t testing.TB, name string, dns ...string) tls.Certificate {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	c := &x509.Certificate{SerialNumber: big.NewInt(123456789123), Subject: pkix.Name{CommonName: name}, DNSNames: dns, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, c, a.certificate, key.Public(), a.key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// logged is what was said.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is a terminal with a journal, and whom it may tell.
type world struct {
	t       testing.TB
	dir     string
	journal *journal.Journal
	said    *logged
	office  *authority // of collectors and terminals
	own     tls.Certificate

	mu sync.Mutex
	to []policy.Collector
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), said: &logged{}, office: newAuthority(t, "Office")}
	w.own = w.office.issue(t, string(here))
	w.journal = must[*journal.Journal](t)(journal.Open(filepath.Join(w.dir, "journal.db"), time.Now))
	t.Cleanup(func() { _ = w.journal.Close() })
	return w
}

func (w *world) options() Options {
	log := logrus.New()
	log.SetOutput(w.said)
	return Options{Terminal: here, Software: "honnind v1.2.3", Journal: w.journal, Certificate: func() (tls.Certificate, error) { return w.own, nil },
		Collectors: func() []policy.Collector { w.mu.Lock(); defer w.mu.Unlock(); return w.to }, Dir: filepath.Join(w.dir, "collectors"), Log: log, Catalogue: must[incident.Catalogue](w.t)(incident.Load()),
		Look: 10 * time.Millisecond, Longest: 50 * time.Millisecond, Patience: 20 * time.Second, Settle: 100 * time.Millisecond}
}

// names has the policy name one collector.
func (w *world) names(address string) policy.Collector {
	c := policy.Collector{ID: "log", Address: address, Anchors: []*x509.Certificate{w.office.certificate}}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = []policy.Collector{c}
	return c
}

// happens records incidents that are all distinct, and something of every day between them.
func (w *world) happens(from, to int) {
	w.t.Helper()
	for n := from; n < to; n++ {
		must[journal.Entry](w.t)(w.journal.Record(journal.Entry{Kind: journal.Late, Reason: "package"}))
		must[journal.Entry](w.t)(w.journal.Record(incidentNumber(n)))
	}
}

// incidentNumber is like no other: where it happened is its number.
func incidentNumber(n int) journal.Entry {
	return journal.Entry{Kind: journal.Incident, Reason: string(reason.SubjectMismatch), Where: big.NewInt(int64(n)).String(), Municipality: "141003",
		Transaction: protocol.Transaction{1, 2}, Document: protocol.Digest{3}, Also: []reason.Code{reason.TagMismatch, reason.OtherApplication}}
}

// until waits, as long as the test may, for what must come.
func (w *world) until(what string, so func() bool) {
	w.t.Helper()
	for end := time.Now().Add(90 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s\n%s", what, w.said)
		}
	}
}

func hostPort(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "localhost:" + port
}
