package centre_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/centre"
)

// ca is a certificate authority of a test.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var (
	longAgo = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) // before the clock of a synctest bubble
	farOff  = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
)

func newCA(t testing.TB) ca {
	t.Helper()
	c := leaf(t, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	return ca{c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)}
}

func (c ca) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.cert)
	return p
}

// leaf makes a certificate for 127.0.0.1 under parent, or a self-signed one.
func leaf(t testing.TB, parent *ca, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "centre test"},
		NotBefore: longAgo, NotAfter: farOff, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	if change != nil {
		change(tmpl)
	}
	by, signer := tmpl, key
	if parent != nil {
		by, signer = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, by, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}
}

// served is a centre on a socket and a client that trusts it.
type served struct {
	*centre.Client
	config centre.Config
	server *httptest.Server
}

// serve starts h behind TLS as the protocol asks, changed by change.
func serve(t *testing.T, h http.HandlerFunc, change ...func(*httptest.Server, ca)) served {
	t.Helper()
	root := newCA(t)
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{leaf(t, &root, nil)},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: root.pool()}
	for _, c := range change {
		c(s, root)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	cfg := centre.Config{URL: s.URL, Roots: root.pool(), Certificate: leaf(t, &root, nil)}
	return served{newClient(t, cfg), cfg, s}
}

func newClient(t *testing.T, c centre.Config) *centre.Client {
	t.Helper()
	client, err := centre.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// answer writes a body of a type.
func answer(w http.ResponseWriter, status int, media, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

const (
	plainJSON = "application/json"
	cms       = "application/pkcs7-mime; smime-type=signed-data"
)

var (
	tx    = protocol.Transaction{1, 2, 3}
	begin = protocol.Begin{Terminal: "JP-99-000001", Nonce: protocol.Nonce{7}, Channel: protocol.Store}
)

// pipes is a listener without sockets, for bubbles of synctest.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu     sync.Mutex
	dialed []*strand
}

// strand is the client's end. Silent, it takes everything and gives nothing.
type strand struct {
	net.Conn
	silent, closed chan struct{}
	hush, once     sync.Once
}

func (w *strand) Write(b []byte) (int, error) {
	select {
	case <-w.silent:
		return len(b), nil
	default:
		return w.Conn.Write(b)
	}
}

func (w *strand) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	select {
	case <-w.silent:
		<-w.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (w *strand) Close() error { w.once.Do(func() { close(w.closed) }); return w.Conn.Close() }

// silence makes every connection up to now silent.
func (p *pipes) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.dialed {
		w.hush.Do(func() { close(w.silent) })
	}
}

func (p *pipes) strand(c net.Conn) net.Conn {
	w := &strand{Conn: c, silent: make(chan struct{}), closed: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialed = append(p.dialed, w)
	return w
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return p.strand(near), nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
