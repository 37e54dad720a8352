package technician

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/ui/console"
)

// way is the way to the centre, as far as it was gone.
type way struct {
	steps   []step
	chain   []*x509.Certificate // as the centre showed it
	own     time.Time           // when the certificate ends that this terminal showed
	ahead   time.Duration       // this machine's clock before the centre's, to half a second and half the trip
	trip    time.Duration
	allowed time.Duration
	heard   bool // the centre's clock was
}

// step is one stage of it.
type step struct {
	name, why string // why is "" where it went well
	took      time.Duration
}

// failed is the first step that did.
func (w way) failed() step {
	for _, s := range w.steps {
		if s.why != "" {
			return s
		}
	}
	return step{}
}

// reach goes the way to the centre step by step, and no further than one that fails. A centre that the policy, which may be
// out of its time, does not name is sent nothing; none is sent more than a HEAD for its root.
func (m *Machine) reach(ctx context.Context, p *signed.Policy, why error) (w way) {
	ctx, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	g := going{Machine: m, policy: p, why: why, way: &w}
	for _, s := range []struct {
		name string
		do   func(context.Context) error
	}{{"policy", g.named}, {"address", g.look}, {"tcp", g.dial}, {"tls", g.secure}, {"http", g.ask}, {"clock", g.compare}} {
		begun := m.o.Now()
		err := s.do(ctx)
		w.steps = append(w.steps, step{s.name, netWord(err), m.o.Now().Sub(begun)})
		if err != nil {
			break
		}
	}
	if g.conn != nil {
		_ = g.conn.Close()
	}
	return w
}

// going is what is known on the way.
type going struct {
	*Machine
	policy *signed.Policy // nil: none
	why    error          // why there is none
	way    *way
	url    *url.URL
	conn   net.Conn
	tls    *tls.Conn
	date   time.Time
}

// fault is an error that is a word.
type fault string

func (f fault) Error() string { return string(f) }

func (g *going) named(context.Context) (err error) {
	if g.policy == nil {
		return fault(wordOf(g.why))
	}
	if g.policy.CheckCentre(g.o.Site.Centre.URL) != nil {
		return fault("not-allowed")
	}
	g.way.allowed = g.policy.ClockSkew()
	g.url, err = url.Parse(g.o.Site.Centre.URL)
	return err
}

func (g *going) look(ctx context.Context) (err error) {
	_, err = net.DefaultResolver.LookupHost(ctx, g.url.Hostname())
	return err
}

// dial goes by the name, so that the time is shared among its addresses (net.Dialer): one that says nothing does not use up all of it.
func (g *going) dial(ctx context.Context) (err error) {
	port := g.url.Port()
	if port == "" {
		port = "443"
	}
	g.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(g.url.Hostname(), port))
	return err
}

// secure shows the terminal's certificate, and keeps what the centre showed even where that is not believed.
func (g *going) secure(ctx context.Context) error {
	roots, err := g.o.Roots()
	if err != nil {
		return fault("no-roots")
	}
	k, err := g.o.Keys()
	if err != nil {
		return err
	}
	own, err := k.TLS(nil)
	if err != nil {
		return err
	}
	if leaf, err := x509.ParseCertificate(own.Certificate[0]); err == nil {
		g.way.own = leaf.NotAfter
	}
	c := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13, ServerName: g.url.Hostname(),
		NextProtos: []string{"h2"}}
	g.tls = tls.Client(g.conn, c)
	err = g.tls.HandshakeContext(ctx)
	g.way.chain = g.tls.ConnectionState().PeerCertificates
	if bad := (*tls.CertificateVerificationError)(nil); errors.As(err, &bad) {
		g.way.chain = bad.UnverifiedCertificates
	}
	return err
}

// ask sends a HEAD over the connection that was made; any answer is one.
func (g *going) ask(ctx context.Context) error {
	t := &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return g.tls, nil }}
	defer t.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, g.url.String(), nil)
	if err != nil {
		return err
	}
	begun := g.o.Now()
	got, err := t.RoundTrip(r)
	if err != nil {
		return err
	}
	_ = got.Body.Close()
	g.way.trip = g.o.Now().Sub(begun)
	g.date, err = http.ParseTime(got.Header.Get("Date"))
	if err != nil {
		return fault("no-date")
	}
	return nil
}

// compare holds the clocks against each other: a Date (RFC 9110, section 6.6.1) is cut to the second.
func (g *going) compare(context.Context) error {
	g.way.ahead, g.way.heard = g.o.Now().Add(-g.way.trip/2).Sub(g.date.Add(500*time.Millisecond)), true
	if g.way.ahead.Abs() > g.way.allowed {
		return fault("clock-differs")
	}
	return nil
}

// netWord is what went wrong on the way, in one word.
func netWord(err error) string {
	var f fault
	var dns *net.DNSError
	var bad *tls.CertificateVerificationError
	var op *net.OpError
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f):
		return string(f)
	case errors.As(err, &dns):
		return "name-not-found"
	case errors.As(err, &bad):
		return certificateWord(bad.Err)
	case errors.As(err, &op) && op.Op == "remote error": // a TLS alert, as crypto/tls gives it
		return "centre-refused"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection-refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no-route"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "too-slow"
	}
	return wordOf(err)
}

// certificateWord is why the centre's certificate is not believed.
func certificateWord(err error) string {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate-expired"
	case errors.As(err, &host):
		return "certificate-other-name"
	}
	return "certificate-untrusted"
}

// centre shows every step of the way.
func (m *Machine) centre(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	p, err := m.policy()
	w := m.reach(ctx, p, err)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, s := range w.steps {
		if err := a.Row("centre.step", word(s.name), word(stateOf(s.why)), word(s.why), console.Span(s.took)); err != nil {
			return err
		}
	}
	for i, c := range w.chain {
		of := "centre"
		if i > 0 {
			of = "issuer"
		}
		if err := m.certificate(a, i, of, c.NotAfter, sha256.Sum256(c.Raw)); err != nil {
			return err
		}
	}
	if !w.own.IsZero() {
		if err := m.certificate(a, 0, "terminal", w.own, protocol.Digest{}); err != nil {
			return err
		}
	}
	if !w.heard {
		return nil
	}
	return a.Row("centre.clock", console.Span(w.ahead), console.Span(w.trip), console.Span(w.allowed))
}

func (m *Machine) certificate(a *console.Answer, depth int, of string, ends time.Time, d protocol.Digest) error {
	return a.Row("centre.certificate", console.Number(depth), word(of), console.At(ends), console.Number(daysLeft(ends, m.o.Now())), console.Digest(d))
}

// daysLeft are whole ones; negative after the end.
func daysLeft(end, now time.Time) int {
	d := end.Sub(now)
	if d < 0 {
		return -1 - int(-d/(24*time.Hour))
	}
	return int(d / (24 * time.Hour))
}

// stateOf is the state of a check or step that failed for a reason, or did not.
func stateOf(why string) string {
	if why == "" {
		return "ok"
	}
	return "failed"
}
