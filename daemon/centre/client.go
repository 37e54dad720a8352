// Package centre is the terminal's side of the issuing centre: thirteen calls, and the delivery of what has to arrive.
//
// The parties: this terminal, known by its client certificate; the centre, known by a certificate that chains to
// the configured pool and to nothing else (TLS 1.3, HTTP/2, no proxy, no redirect). What can go wrong and what is
// done: no connection or no whole answer ([ErrUnreachable]; a call whose connection broke before an answer is
// asked once more, which is safe because every other POST carries an Idempotency-Key made from the request
// itself, and in-force, suspensions and heartbeats only ask); an answer that breaks the protocol ([ErrAnswer]); an RFC 9457 problem
// ([*Problem], the word and the status, never the text); a transaction that is dead at the other end
// ([ErrCancelled]); a clock that disagrees ([ErrClock], of [Client.Agreeing]). Every call has a deadline. No error of
// this package quotes a body. The table of faults, call by call, is in faults_test.go.
//
// The client judges form only. The package and the register's answer leave it as unverified bytes, for
// spool/document to check.
//
// [Deliverer] brings outcomes and incidents to the centre at least once and in order, from a store that it
// declares; openapi.yaml is the same protocol for implementers, kept in step by a test.
package centre

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trace"
)

// Limits of what is read from the centre, in bytes.
const (
	MaxPackage = 16 << 20         // a package; more is package-malformed
	MaxAnswer  = protocol.MaxJSON // JSON, and signed JSON
	pause      = 200 * time.Millisecond
	pollTries  = 3
)

// Errors of the calls. A [*Problem] is the fourth kind.
var (
	ErrUnreachable = errors.New("centre: no whole answer")
	ErrAnswer      = errors.New("centre: the answer breaks the protocol")
	ErrCancelled   = errors.New("centre: the transaction is cancelled")
)

// Problem is the centre's refusal of a call: a word of [protocol] and the HTTP status.
type Problem struct {
	Word   string
	Status int
}

func (p *Problem) Error() string { return fmt.Sprintf("centre: %s (%d)", p.Word, p.Status) }

// Config says where the centre is and how both sides are known.
type Config struct {
	URL         string                                                               // "https://host:port", nothing after it
	Roots       *x509.CertPool                                                       // the only anchors of the centre's certificate
	Certificate tls.Certificate                                                      // the terminal's
	Newest      func() (tls.Certificate, error)                                      // what it shows at each connection; nil: Certificate
	Timeout     time.Duration                                                        // of one call, 10 s when zero
	Poll        time.Duration                                                        // of one poll for the package, its bytes included, 40 s when zero
	Dial        func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP
	Now         func() time.Time                                                     // the clock that certificates are judged by; nil: the system's
	May         func() error                                                         // why nothing may be sent to this centre, asked before each request; nil: all may
	Trace       trace.Trace                                                          // of each call's kind, status and time
}

// Client talks to one centre. It is safe for concurrent use.
type Client struct {
	base          string
	http          *http.Client
	timeout, poll time.Duration
	agreement     *agreement // nil: the clocks do not matter
}

// New makes a client; it connects to nothing yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path+u.RawQuery+u.Fragment != "" || u.User != nil {
		return nil, errors.New("centre: the URL has to be https://host:port and nothing more")
	}
	if c.Roots == nil || len(c.Certificate.Certificate) == 0 {
		return nil, errors.New("centre: anchors and a client certificate are needed")
	}
	h := &http.Client{
		Transport:     asking{transport(c), c.May, c.Trace},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{base: c.URL, http: h, timeout: or(c.Timeout, 10*time.Second), poll: or(c.Poll, 40*time.Second)}, nil
}

// asking asks before each request.
type asking struct {
	*http.Transport
	may   func() error
	trace trace.Trace
}

func (a asking) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.may != nil {
		if err := a.may(); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // as an http.RoundTripper has to
			}
			return nil, err
		}
	}
	began := a.trace.Now()
	resp, err := a.Transport.RoundTrip(r)
	if a.trace.On() {
		status := 0
		if err == nil {
			status = resp.StatusCode
		}
		a.trace.Say("call", trace.Word("operation", operation(r)), trace.Number("status", status), trace.Span("took", a.trace.Now().Sub(began)), trace.Why(err))
	}
	return resp, err
}

// operation is which call of openapi.yaml it is, in one word.
func operation(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // v1, what, which, what of it
	switch {
	case len(parts) == 4:
		return parts[3]
	case len(parts) >= 2 && r.Method == http.MethodDelete:
		return parts[1] + "-cancel"
	case len(parts) >= 2:
		return parts[1]
	}
	return "ready"
}

func transport(c Config) *http.Transport {
	t := &http.Transport{
		TLSClientConfig: &tls.Config{
			MinVersion:   tls.VersionTLS13,
			RootCAs:      c.Roots,
			Certificates: []tls.Certificate{c.Certificate},
			Time:         c.Now,

			GetClientCertificate: shown(c.Newest),
		},
		DialContext:            c.Dial,
		DisableCompression:     true,
		TLSHandshakeTimeout:    5 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
		Protocols:              new(http.Protocols),
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 4 * time.Second, PingTimeout: 3 * time.Second}, // found out within one call, which then asks again
	}
	t.Protocols.SetHTTP2(true)
	return t
}

// shown asks anew at each handshake, so that a renewed key is used without a start. Without a function it is nil, and
// tls.Config.Certificates counts.
func shown(newest func() (tls.Certificate, error)) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if newest == nil {
		return nil
	}
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c, err := newest()
		return &c, err
	}
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Begin opens a transaction.
func (c *Client) Begin(ctx context.Context, b protocol.Begin) (protocol.Begun, error) {
	return post[protocol.Begun](ctx, c, "/v1/transactions", b)
}

// Applicant shows the card's certificate and its authentication signature; the answer is what may be applied for.
func (c *Client) Applicant(ctx context.Context, t protocol.Transaction, a protocol.Applicant) (protocol.Offers, error) {
	return post[protocol.Offers](ctx, c, at(t, "/applicant"), a)
}

// Apply orders one document.
func (c *Client) Apply(ctx context.Context, t protocol.Transaction, o protocol.Order) error {
	_, err := c.call(ctx, request{method: http.MethodPost, path: at(t, "/application"), body: o, keyed: true, want: http.StatusAccepted})
	return err
}

// InForce asks the register, at the commit, and returns its signed answer unverified (CMS, at most 64 KiB).
func (c *Client) InForce(ctx context.Context, t protocol.Transaction, q protocol.InForceQuestion) ([]byte, error) {
	return c.call(ctx, request{method: http.MethodPost, path: at(t, "/in-force"), body: q, want: http.StatusOK, media: mediaCMS})
}

// Outcome says how a transaction ended. Saying the same again changes nothing.
func (c *Client) Outcome(ctx context.Context, t protocol.Transaction, o protocol.OutcomeReport) error {
	_, err := c.call(ctx, request{method: http.MethodPost, path: at(t, "/outcome"), body: o, keyed: true, want: http.StatusNoContent})
	return err
}

// Cancel ends a transaction before the commit. One that is dead already is as good.
func (c *Client) Cancel(ctx context.Context, t protocol.Transaction) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: at(t, ""), want: http.StatusNoContent, anytime: true})
	if errors.Is(err, ErrCancelled) {
		return nil
	}
	return err
}

// Incident reports an incident and returns the centre's signed receipt unverified (CMS, at most 64 KiB).
func (c *Client) Incident(ctx context.Context, e protocol.Event) ([]byte, error) {
	return c.call(ctx, request{method: http.MethodPost, path: "/v1/incidents", body: e, keyed: true, want: http.StatusCreated,
		send: "application/cloudevents+json", media: mediaCMS})
}

// Escalation says whom else an incident is told, and returns the centre's signed receipt unverified (CMS, at most 64 KiB).
func (c *Client) Escalation(ctx context.Context, e protocol.Escalation) ([]byte, error) {
	return c.call(ctx, request{method: http.MethodPost, path: "/v1/escalations", body: e, keyed: true, want: http.StatusCreated,
		send: "application/cloudevents+json", media: mediaCMS})
}

// IncidentState returns what is signed about where an incident of this terminal stands, unverified (CMS, at most 64 KiB).
func (c *Client) IncidentState(ctx context.Context, id protocol.IncidentID) ([]byte, error) {
	return c.call(ctx, request{method: http.MethodGet, path: "/v1/incidents/" + url.PathEscape(string(id)), want: http.StatusOK, media: mediaCMS})
}

// Heartbeat says how the terminal is, and learns which policies there are. It asks only, and carries no key: an answer of
// yesterday would be none.
func (c *Client) Heartbeat(ctx context.Context, h protocol.Heartbeat) (a protocol.HeartbeatAnswer, err error) {
	b, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/heartbeats", body: h, want: http.StatusOK, media: mediaJSON})
	if err != nil {
		return a, err
	}
	if err = protocol.ParseBody(b, &a); err == nil {
		err = a.Check()
	}
	if err != nil {
		return protocol.HeartbeatAnswer{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return a, nil
}

// Policy fetches one version of the policy, unverified.
func (c *Client) Policy(ctx context.Context, version uint64) (p protocol.PolicyBundle, err error) {
	b, err := c.call(ctx, request{method: http.MethodGet, path: fmt.Sprintf("/v1/policies/%d", version), want: http.StatusOK, media: mediaJSON,
		limit: protocol.MaxPolicyBundle, timeout: c.poll})
	if err != nil {
		return p, err
	}
	if p, err = protocol.ParsePolicyBundle(b); err != nil {
		return p, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return p, nil
}

// Package waits for the package, until ctx ends, and returns it unverified (CMS, at most 16 MiB). The caller
// owns the bytes and overwrites them.
func (c *Client) Package(ctx context.Context, t protocol.Transaction) ([]byte, error) {
	r := request{method: http.MethodGet, path: at(t, "/package"), want: http.StatusOK, wait: http.StatusAccepted,
		media: mediaCMS, limit: MaxPackage, timeout: c.poll}
	for failures := 0; ; {
		pkg, err := c.call(ctx, r)
		switch {
		case pkg != nil:
			return pkg, nil
		case err == nil:
			failures = 0
		case !errors.Is(err, ErrUnreachable) || ctx.Err() != nil || failures == pollTries-1:
			return nil, err
		default:
			failures++
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func at(t protocol.Transaction, call string) string { return "/v1/transactions/" + t.String() + call }

func post[A any](ctx context.Context, c *Client, path string, body any) (answer A, err error) {
	b, err := c.call(ctx, request{method: http.MethodPost, path: path, body: body, keyed: true, want: http.StatusOK, media: mediaJSON})
	if err != nil {
		return answer, err
	}
	if err := protocol.ParseBody(b, &answer); err != nil {
		return *new(A), fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return answer, nil
}

// The media types of bodies.
const (
	mediaJSON    = "application/json"
	mediaCMS     = "application/pkcs7-mime"
	mediaProblem = "application/problem+json"
)

// request is one call.
type request struct {
	method, path string
	body         any           // JSON; nil: none
	send         string        // the body's media type; "": application/json
	keyed        bool          // with an Idempotency-Key
	anytime      bool          // whatever the clocks say
	want, wait   int           // the status of success, and the one of "ask again" (0: none)
	media        string        // of the answer; "": no body
	limit        int           // of the answer, in bytes; 0: MaxAnswer
	timeout      time.Duration // 0: the client's
}

// call asks, and once more if the connection broke before there was an answer. No bytes and no error mean "ask again".
func (c *Client) call(ctx context.Context, r request) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, or(r.timeout, c.timeout))
	defer stop()
	body, err := encode(r.body)
	if err != nil {
		return nil, err
	}
	sent := c.agreement.time()
	resp, err := c.send(ctx, r, body)
	if err != nil && ctx.Err() == nil {
		resp, err = c.send(ctx, r, body)
	}
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer resp.Body.Close()
	if err := c.agreement.check(sent, resp.Header); err != nil && !r.anytime {
		return nil, err
	}
	return r.read(ctx, resp)
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	b, err := protocol.EncodeBody(body)
	if err == nil && len(b) > protocol.MaxJSON {
		err = errors.New("centre: a body of more than 64 KiB")
	}
	return b, err
}

func (c *Client) send(ctx context.Context, r request, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "honnind")
	if r.body != nil {
		req.Header.Set("Content-Type", contentType(r.send))
	}
	if r.keyed {
		req.Header.Set("Idempotency-Key", key(r.path, body))
	}
	return c.http.Do(req)
}

func contentType(s string) string {
	if s == "" {
		return mediaJSON
	}
	return s
}

// key makes the same request the same key, and so needs no memory across a restart. Every body that matters
// holds a random value, a signature over one, or stands under a transaction's own path.
func key(path string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(path + "\x00"))
	h.Write(body)
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}

func (r request) read(ctx context.Context, resp *http.Response) ([]byte, error) {
	if resp.ProtoMajor != 2 {
		return nil, fmt.Errorf("%w: not HTTP/2", ErrAnswer)
	}
	switch resp.StatusCode {
	case r.want:
		return r.success(ctx, resp)
	case r.wait:
		return nil, nil
	}
	return nil, problem(ctx, resp)
}

func (r request) success(ctx context.Context, resp *http.Response) ([]byte, error) {
	if r.media == "" {
		return nil, nil
	}
	if m, p, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || m != r.media ||
		m == mediaCMS && p["smime-type"] != "" && p["smime-type"] != "signed-data" {
		return nil, fmt.Errorf("%w: Content-Type", ErrAnswer)
	}
	limit := r.limit
	if limit == 0 {
		limit = MaxAnswer
	}
	b, err := readOwned(resp.Body, resp.ContentLength, limit)
	switch {
	case errors.Is(err, errTooLong) && r.limit == MaxPackage:
		return nil, fmt.Errorf("%w: %w", ErrAnswer, reason.Errorf(reason.PackageMalformed, "more than 16 MiB"))
	case errors.Is(err, errTooLong):
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	case err != nil:
		return nil, unreachable(ctx, err)
	case len(b) == 0:
		return nil, fmt.Errorf("%w: no body", ErrAnswer)
	}
	return b, nil
}

func problem(ctx context.Context, resp *http.Response) error {
	unexpected := fmt.Errorf("%w: status %d", ErrAnswer, resp.StatusCode)
	if m, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || m != mediaProblem {
		return unexpected
	}
	b, err := readOwned(resp.Body, resp.ContentLength, protocol.MaxJSON)
	if err != nil && !errors.Is(err, errTooLong) {
		return unreachable(ctx, err)
	}
	word, status, perr := protocol.ParseProblem(b)
	if err != nil || perr != nil || status != resp.StatusCode {
		return unexpected
	}
	if word == protocol.ProblemCancelled && status == http.StatusGone {
		return ErrCancelled
	}
	return &Problem{word, status}
}

// unreachable names the failure. The caller's own end of patience is passed on as what it is, and so is the
// deadline; both are under [ErrUnreachable].
func unreachable(ctx context.Context, err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if end := ctx.Err(); end != nil {
		err = end
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// sleep waits, or returns the reason why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
	case <-t.C:
		return nil
	}
}
