package ipp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"honnin/config/protocol"
	"honnin/config/trace"
	"honnin/drivers/printer"

	"github.com/OpenPrinting/goipp"
)

// maxAnswer bounds an answer, in bytes. An IPP Everywhere printer says all it knows in 10 to 100 kB.
const maxAnswer = 1 << 20

// Words for what is wrong with a connection or an answer.
const (
	badAnswer  = "protocol-error"
	badTLS     = "tls-untrusted"
	needsLogin = "authentication-required"
)

var errTrailing = errors.New("bytes behind the end of the attributes")

// refused is an IPP status that is not the one that was needed (RFC 8011 appendix B).
type refused struct {
	op     goipp.Op
	status goipp.Status
}

func (r *refused) Error() string { return fmt.Sprintf("%s: %s", r.op, r.status) }

func statusOf(err error) (goipp.Status, bool) {
	var r *refused
	if errors.As(err, &r) {
		return r.status, true
	}
	return 0, false
}

// client sends one request at a time's worth of IPP to one printer.
type client struct {
	url, uri string
	http     http.Client
	ids      atomic.Uint32
	call     time.Duration
	trace    trace.Trace
}

func newClient(a printer.Address, o Options) *client {
	way := o.Transport
	if way == nil {
		way = network(a, o)
	}
	return &client{url: a.URL(), uri: a.String(), call: o.Timing.Call, http: http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     way,
	}}
}

func network(a printer.Address, o Options) http.RoundTripper {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: o.Timing.Call}).DialContext
	}
	return &http.Transport{
		Proxy:                  nil, // not even from the environment
		DialContext:            dial,
		TLSClientConfig:        tlsConfig(a, o),
		TLSHandshakeTimeout:    o.Timing.Call,
		DisableCompression:     true,
		MaxIdleConns:           2,
		MaxConnsPerHost:        2,
		IdleConnTimeout:        10 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

// tlsConfig trusts the given roots, or exactly one certificate: then neither its chain nor its name counts, as
// printers make their own.
func tlsConfig(a printer.Address, o Options) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots, ServerName: a.Host}
	if o.Pin != nil {
		pin := *o.Pin
		c.InsecureSkipVerify = true // VerifyConnection is the check, on resumption too
		c.VerifyConnection = func(s tls.ConnectionState) error { return checkPin(s, pin) }
	}
	return c
}

var errPin = errors.New("the printer's certificate is not the pinned one")

func checkPin(s tls.ConnectionState, pin protocol.Digest) error {
	if len(s.PeerCertificates) == 0 {
		return errPin
	}
	got := sha256.Sum256(s.PeerCertificates[0].Raw)
	if subtle.ConstantTimeCompare(got[:], pin[:]) != 1 {
		return errPin
	}
	return nil
}

// request begins a message with the attributes that every operation carries, in their order (RFC 8011 section 4.1.4).
func (c *client) request(op goipp.Op) *goipp.Message {
	m := goipp.NewRequest(goipp.DefaultVersion, op, c.ids.Add(1)&0x7fffffff)
	m.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	m.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")))
	m.Operation.Add(goipp.MakeAttribute("printer-uri", goipp.TagURI, goipp.String(c.uri)))
	return m
}

func user(m *goipp.Message) {
	m.Operation.Add(goipp.MakeAttribute("requesting-user-name", goipp.TagName, goipp.String(printer.User)))
}

func wanted(m *goipp.Message, names ...string) {
	a := goipp.Attribute{Name: "requested-attributes"}
	for _, n := range names {
		a.Values.Add(goipp.TagKeyword, goipp.String(n))
	}
	m.Operation.Add(a)
}

// do sends a small request within the deadline of a call.
func (c *client) do(ctx context.Context, m *goipp.Message) (*goipp.Message, error) {
	ctx, stop := context.WithTimeout(ctx, c.call)
	defer stop()
	return c.send(ctx, m, nil, 0)
}

// send posts a message, and after it size bytes of body. The body cannot be sent twice: the transport repeats a
// request only while nothing of it was read.
func (c *client) send(ctx context.Context, m *goipp.Message, body io.Reader, size int64) (*goipp.Message, error) {
	began := c.trace.Now()
	answer, err := c.post(ctx, m, body, size)
	if c.trace.On() {
		operation, took := trace.Word("operation", goipp.Op(m.Code).String()), trace.Span("took", c.trace.Now().Sub(began))
		if answer != nil {
			c.trace.Say("request", operation, trace.Code("status", uint16(answer.Code)), took, trace.Why(err))
		} else {
			c.trace.Say("request without an answer", operation, took, trace.Why(err))
		}
	}
	return answer, err
}

func (c *client) post(ctx context.Context, m *goipp.Message, body io.Reader, size int64) (*goipp.Message, error) {
	head, err := m.EncodeBytes()
	if err != nil {
		return nil, &printer.Fault{Reason: badAnswer, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, nil)
	if err != nil {
		return nil, &printer.Fault{Reason: printer.Unreachable, Err: err}
	}
	content := io.Reader(bytes.NewReader(head))
	if body != nil {
		content = io.MultiReader(content, body)
	}
	req.Body, req.ContentLength = io.NopCloser(content), int64(len(head))+size
	req.Header.Set("Content-Type", goipp.ContentType)
	req.Header.Set("Accept", goipp.ContentType)
	req.Header.Set("User-Agent", printer.User)
	var w writing
	req = req.WithContext(w.traced(ctx))
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	answer, err := readAnswer(resp, m)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	return answer, w.wait(ctx)
}

// writing follows a request to its last byte. One that was cut has no answer that says yes, although all of it may have been
// read. When the answer has been read, net/http soon gives a connection up on which it still writes. What it holds back
// until after it told (4 kB at most) is nothing of a longer request; a shorter one any socket holds.
type writing struct {
	tries atomic.Int32
	ended chan error
}

func (w *writing) traced(ctx context.Context) context.Context {
	w.ended = make(chan error, 8)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { w.tries.Add(1) },
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			select {
			case w.ended <- i.Err:
			default: // after so many tries it is not believed
			}
		},
	})
}

// wait is nil once one try was written whole.
func (w *writing) wait(ctx context.Context) error {
	for cut := int32(1); ; cut++ {
		select {
		case err := <-w.ended:
			if err == nil {
				return nil
			}
			if cut >= w.tries.Load() {
				return unreachable(err)
			}
		case <-ctx.Done():
			return unreachable(context.Cause(ctx))
		}
	}
}

func unreachable(err error) error {
	var (
		cert *tls.CertificateVerificationError
		auth x509.UnknownAuthorityError
		way  *printer.Fault
	)
	if errors.As(err, &way) {
		return way
	}
	if errors.Is(err, errPin) || errors.As(err, &cert) || errors.As(err, &auth) {
		return &printer.Fault{Reason: badTLS, Err: err}
	}
	return &printer.Fault{Reason: printer.Unreachable, Err: unquoted(err)}
}

// errTalk stands for what net/http says of an answer that it cannot read: it quotes the device, which may have been given a
// document.
var errTalk = errors.New("the connection broke off, or the answer is not HTTP")

// unquoted is an error in which no word is the device's.
func unquoted(err error) error {
	var (
		op    *net.OpError
		alert tls.AlertError
	)
	if errors.As(err, &op) || errors.As(err, &alert) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errTalk
}

func readAnswer(resp *http.Response, asked *goipp.Message) (*goipp.Message, error) {
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return nil, &printer.Fault{Reason: needsLogin, Err: fmt.Errorf("HTTP status %d", resp.StatusCode)}
	case resp.StatusCode != http.StatusOK:
		return nil, bad(fmt.Errorf("HTTP status %d", resp.StatusCode))
	case !isIPP(resp.Header.Get("Content-Type")):
		return nil, bad(errors.New("the answer is not application/ipp"))
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, unreachable(err)
	}
	m, err := parseAnswer(b)
	if err != nil {
		return nil, bad(err)
	}
	return m, bad(fits(m, asked))
}

func isIPP(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == goipp.ContentType
}

func bad(err error) error {
	var r *refused
	if err == nil || errors.As(err, &r) {
		return err
	}
	return &printer.Fault{Reason: badAnswer, Err: err}
}

// parseAnswer reads one message that fills b.
func parseAnswer(b []byte) (*goipp.Message, error) {
	if len(b) > maxAnswer {
		return nil, fmt.Errorf("answer larger than %d bytes", maxAnswer)
	}
	m, r := new(goipp.Message), bytes.NewReader(b)
	if err := m.Decode(r); err != nil {
		return nil, err
	}
	if r.Len() != 0 {
		return nil, errTrailing
	}
	for _, g := range m.Groups {
		if err := unique(g.Attrs); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func unique(attrs goipp.Attributes) error {
	seen := make(map[string]bool, len(attrs))
	for _, a := range attrs {
		if seen[a.Name] {
			return errors.New("an attribute is there twice")
		}
		seen[a.Name] = true
	}
	return nil
}

// fits checks that m answers asked, and well. "Ignored or substituted" is well only for a question.
func fits(m, asked *goipp.Message) error {
	op, status := goipp.Op(asked.Code), goipp.Status(m.Code)
	switch {
	case m.RequestID != asked.RequestID:
		return errors.New("the answer has another request-id")
	case m.Version.Major() != asked.Version.Major():
		return fmt.Errorf("the answer has version %s", m.Version)
	case status == goipp.StatusOk:
		return nil
	case status == goipp.StatusOkIgnoredOrSubstituted && question(op):
		return nil
	case status == goipp.StatusErrorNotAuthenticated || status == goipp.StatusErrorForbidden || status == goipp.StatusErrorNotAuthorized:
		return &printer.Fault{Reason: needsLogin, Err: &refused{op, status}}
	}
	return &refused{op, status}
}

func question(op goipp.Op) bool {
	return op == goipp.OpGetPrinterAttributes || op == goipp.OpGetJobs || op == goipp.OpGetJobAttributes
}
