package usbprint

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"honnin/drivers/printer"
)

const (
	maxHead   = 32 << 10         // bytes of an answer's head, and of what was read with it
	maxAnswer = 1<<20 + 64<<10   // bytes of an answer's body with its framing; an IPP answer has 1 MiB at most
	maxPassed = 8                // answers that are not ours, or not final, before ours
	chunked   = 16 << 10         // bytes from which a request's body is chunked
	piece     = 64 << 10         // bytes of a request that are sent at once
	patience  = 10 * time.Second // for an answer that nobody waits for any more
	grace     = time.Second      // for a request to be taken whose answer says that it was
	idBytes   = 8                // of an IPP message, up to the end of its request-id (RFC 8010 §3.1.1)
)

var (
	errHTTP    = errors.New("usbprint: an answer that is not HTTP/1.1")
	errFraming = errors.New("usbprint: an answer without a length")
	errTooLong = errors.New("usbprint: an answer that is too long")
	errStale   = errors.New("usbprint: too many answers to other questions")
	errNotIPP  = &printer.Fault{Reason: printer.Unreachable, Err: errors.New("the printer that is there now does not speak IPP over USB")}
)

// transport is an [http.RoundTripper] over the interfaces of a printer, wherever its requests say that they go. Requests
// are IPP; their answers come whole.
type transport struct{ lines *lines }

// RoundTrip is as net/http says.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		return nil, errors.New("usbprint: a request without a body")
	}
	defer func() { _ = req.Body.Close() }()
	c, err := t.lines.take(req.Context())
	if err != nil {
		return nil, err
	}
	if c.kind != overIPP {
		t.lines.give(c)
		return nil, errNotIPP
	}
	out, id := outgoing(req, c.quirks)
	answer, err := t.lines.converse(c, out, id)
	if err != nil {
		return nil, err
	}
	answer.Request = req
	return answer, nil
}

// outgoing is the request as the printer gets it, and its request-id with what is before it.
func outgoing(req *http.Request, q quirks) (*http.Request, []byte) {
	out := req.Clone(req.Context())
	out.Host = "localhost" // IPP Protocol 1.0 §4.3
	out.Header.Del("Expect")
	if q.connection != "" {
		out.Header.Set("Connection", q.connection)
	}
	if out.ContentLength > chunked {
		out.ContentLength = -1
	}
	body := bufio.NewReader(req.Body)
	out.Body = io.NopCloser(body)
	id, _ := body.Peek(idBytes) // what is wrong with the body shows when it is sent
	return out, slices.Clone(id)
}

// heard is what came back.
type heard struct {
	answer  *http.Response
	refuses bool // in HTTP or in IPP (RFC 8011 §4.1.6)
	whole   bool // and nothing behind it
	err     error
}

// converse has one exchange. Answers are listened for while the request is still sent: a refusal ends it. Nothing but a refusal
// is an answer to a request that was cut, since nobody can have accepted what he did not take. When it returns nothing reads the request's body any more, and the line is given back, or will be when the answer has come
// for which nobody waits.
func (l *lines) converse(c *line, out *http.Request, id []byte) (*http.Response, error) {
	talk, hush := context.WithCancel(out.Context())
	defer hush()
	life, end := context.WithCancel(l.life)
	defer context.AfterFunc(life, hush)()
	hearing, saying := make(chan heard, 1), make(chan error, 1)
	go func() { hearing <- listen(life, c, id) }()
	go func() { saying <- send(talk, c, out) }()
	var got heard
	var cut error
	select {
	case got = <-hearing:
		t := time.AfterFunc(grace, hush) // what was taken may be told of later than what was said to it
		if got.err != nil || got.refuses {
			hush()
		}
		cut = <-saying
		t.Stop()
	case cut = <-saying:
		if cut != nil {
			end()
			got = <-hearing
			break
		}
		select {
		case got = <-hearing:
		case <-out.Context().Done():
			l.beside(func() { l.await(c, hearing, end) })
			return nil, context.Cause(out.Context())
		}
	}
	end()
	l.finish(c, got, cut)
	if cut != nil && (got.err != nil || !got.refuses) {
		return nil, explain(cut)
	}
	return got.answer, explain(got.err)
}

// await waits for an answer that nobody wants.
func (l *lines) await(c *line, hearing <-chan heard, end func()) {
	t := time.AfterFunc(patience, end)
	got := <-hearing
	t.Stop()
	end()
	l.finish(c, got, nil)
}

// finish gives the line back after an exchange without a flaw. Else it is dropped, or begun anew.
func (l *lines) finish(c *line, got heard, cut error) {
	switch {
	case cut != nil:
		l.beside(func() { l.renew(c) })
	case got.err == nil && got.whole && got.answer.StatusCode == http.StatusOK:
		l.give(c)
	default:
		l.drop(c)
	}
}

// sink is the way out of a line, as a writer.
type sink struct {
	ctx context.Context
	c   *line
}

func (s sink) Write(p []byte) (int, error) { return s.c.say(s.ctx, p) }

// whole hides from net/http what would make it send head and body apart.
type whole struct{ *bufio.Writer }

func send(ctx context.Context, c *line, out *http.Request) error {
	w := whole{bufio.NewWriterSize(sink{ctx, c}, piece)}
	if err := out.Write(w); err != nil {
		return err
	}
	return w.Flush()
}

// source is the way in, as a reader of so many bytes.
type source struct {
	ctx  context.Context
	c    *line
	left int
	rest []byte
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.rest) == 0 && s.err == nil {
		if s.left <= 0 {
			s.err = errTooLong
		} else {
			s.rest, s.err = s.c.hear(s.ctx)
			s.left -= len(s.rest)
		}
	}
	if s.err != nil {
		return 0, s.err
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// why is what kept an answer from being read. What net/http says of it repeats the printer's words.
func (s *source) why() error {
	if s.err != nil {
		return s.err
	}
	return errHTTP
}

// listen reads the answer to the request of that id.
func listen(ctx context.Context, c *line, id []byte) heard {
	s := &source{ctx: ctx, c: c}
	r := bufio.NewReader(s)
	for range maxPassed {
		answer, body, err := readAnswer(r, s)
		if err != nil {
			return heard{err: err}
		}
		if answer.StatusCode < 200 || answer.StatusCode == http.StatusOK && !answers(body, id) {
			continue
		}
		answer.Body, answer.ContentLength, answer.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		return heard{answer: answer, refuses: refuses(answer, body), whole: r.Buffered() == 0 && len(s.rest) == 0}
	}
	return heard{err: errStale}
}

// answers compares request-ids. What is too short for one is passed on: it will be refused.
func answers(body, id []byte) bool {
	return len(body) < idBytes || len(id) < idBytes || bytes.Equal(body[4:idBytes], id[4:])
}

func refuses(answer *http.Response, body []byte) bool {
	const clientError = 0x04 // the lowest class of status codes that is no success (RFC 8011 appendix B.1)
	return answer.StatusCode >= 300 || len(body) >= idBytes && body[2] >= clientError
}

// readAnswer reads one answer with its whole body.
func readAnswer(r *bufio.Reader, s *source) (*http.Response, []byte, error) {
	s.left = maxHead
	answer, err := http.ReadResponse(r, nil)
	switch {
	case err != nil:
		return nil, nil, s.why()
	case answer.StatusCode == http.StatusSwitchingProtocols:
		return nil, nil, errFraming
	case answer.StatusCode < 200:
		return answer, nil, nil
	}
	if answer.ContentLength < 0 && !slices.Equal(answer.TransferEncoding, []string{"chunked"}) {
		return nil, nil, errFraming // it would end with the connection, which USB does not
	}
	s.left = maxAnswer
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, nil, s.why()
	}
	return answer, body, nil
}
