package ipp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"honnin/config/protocol"

	"github.com/OpenPrinting/goipp"
)

// unbuffered is a listener whose connections hold nothing: what the printer did not read was not written.
type unbuffered chan net.Conn

func (u unbuffered) Accept() (net.Conn, error) {
	c, open := <-u
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (u unbuffered) Close() error   { close(u); return nil }
func (u unbuffered) Addr() net.Addr { return &net.UnixAddr{} }

func (u unbuffered) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case u <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serveUnbuffered has somebody else answer documents for a fake, and says how to reach it.
func (f *fake) serveUnbuffered(t *testing.T, answer func(w http.ResponseWriter, m *goipp.Message, rest io.Reader)) Options {
	return piped(t, func(w http.ResponseWriter, r *http.Request) {
		head := make([]byte, 8)
		if _, err := io.ReadFull(r.Body, head); err != nil {
			t.Error(err)
		}
		if op := goipp.Op(binary.BigEndian.Uint16(head[2:])); op == goipp.OpSendDocument {
			answer(w, goipp.NewResponse(goipp.DefaultVersion, goipp.StatusOk, binary.BigEndian.Uint32(head[4:])), r.Body)
			return
		}
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(head), r.Body))
		f.serve(w, r)
	})
}

// piped serves without sockets, and says how to reach it.
func piped(t *testing.T, serve http.HandlerFunc) Options {
	u := make(unbuffered)
	srv := &http.Server{Handler: serve}
	go func() { _ = srv.Serve(u) }()
	t.Cleanup(func() { _ = srv.Close() })
	return Options{Dial: u.dial}
}

// TestEarlyYes: a printer that acknowledges the document while it is still being sent did not get it, although all of it
// was read by then, and although its counters say so.
func TestEarlyYes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  goipp.Status
		closes  string
		takes   bool
		outcome protocol.Outcome
		reason  string
	}{
		"yes":                {goipp.StatusOk, "keep-alive", false, protocol.Unsure, "answer-lost"},
		"yes, and closes":    {goipp.StatusOk, "close", false, protocol.Unsure, "answer-lost"},
		"refused":            {goipp.StatusErrorBusy, "keep-alive", false, protocol.Unsure, "refused-by-printer"},
		"taken":              {goipp.StatusOk, "keep-alive", true, protocol.Printed, ""},
		"taken, then closes": {goipp.StatusOk, "close", true, protocol.Printed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t)
			read := make(chan struct{})
			o := f.serveUnbuffered(t, func(w http.ResponseWriter, m *goipp.Message, rest io.Reader) {
				if c.takes {
					_, _ = io.Copy(io.Discard, rest)
				}
				<-read
				m.Code = goipp.Code(c.status)
				m.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
				b, err := m.EncodeBytes()
				if err != nil {
					t.Error(err)
				}
				f.mu.Lock()
				j := f.jobs[len(f.jobs)-1]
				j.state, j.completed, j.total, j.processing = int(jobCompleted), 2, 2, 7
				f.mu.Unlock()
				if c.takes {
					w.Header().Set("Content-Type", goipp.ContentType)
					w.Header().Set("Connection", c.closes)
					_, _ = w.Write(b)
					return
				}
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = conn.Close() })
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n%s", goipp.ContentType, c.closes, len(b), b)
			})
			doc := document(2, 1, 20_000)
			doc.reader = &halfway{ReadSeeker: bytes.NewReader(doc.body), left: len(doc.body), then: func() { close(read) }}
			got, err := open(t, f.uri(), o).print(t.Context(), doc, nil)
			wantResult(t, got, err, c.outcome, 2, c.reason)
			if handed := doc.handed != ""; handed != (c.outcome == protocol.Printed) {
				t.Errorf("handed over: %t", handed)
			}
		})
	}
}

// TestNoWordOfTheDevice: whatever a device answers, and it may have been given a document, no error repeats it.
func TestNoWordOfTheDevice(t *testing.T) {
	t.Parallel()
	const word = "KASUMI-HANAKO"
	for name, answer := range map[string]string{
		"no HTTP": word + "\r\n\r\n", "a status": "HTTP/1.1 " + word + "\r\n\r\n", "a header": "HTTP/1.1 200 OK\r\n" + word + "\r\n\r\n",
		"a length":    "HTTP/1.1 200 OK\r\nContent-Length: " + word + "\r\n\r\n",
		"an encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + word + "\r\n\r\n",
		"a chunk":     "HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nTransfer-Encoding: chunked\r\n\r\n" + word + "\r\n",
		"elsewhere":   "HTTP/1.1 307 Away\r\nLocation: http://" + word + "/\r\nContent-Length: 0\r\n\r\n",
		"a type":      "HTTP/1.1 200 OK\r\nContent-Type: text/" + word + "\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := make(unbuffered)
			go func() {
				for c, err := u.Accept(); err == nil; c, err = u.Accept() {
					go func() {
						defer c.Close()
						if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
							_, _ = io.Copy(io.Discard, r.Body)
							_, _ = io.WriteString(c, answer)
						}
					}()
				}
			}()
			t.Cleanup(func() { _ = u.Close() })
			is, err := open(t, "ipp://localhost:631/ipp/print", Options{Dial: u.dial}).Ready(t.Context())
			if err == nil || strings.Contains(err.Error()+is.Reason, word) {
				t.Errorf("%v %v", is, err)
			}
		})
	}
}
