package collector

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
)

// server is a collector whose every step the test decides.
func (w *world) server(how *tls.Config, serve func(net.Conn, *tls.Conn)) (at string) {
	w.t.Helper()
	l := must[net.Listener](w.t)(net.Listen("tcp", "127.0.0.1:0"))
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c, tls.Server(c, how)) }()
		}
	}()
	return hostPort(l)
}

func (w *world) asCollector() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{w.office.issue(w.t, "collector", "localhost")}}
}

// read takes framed messages up to the close_notify.
func read(c *tls.Conn) (out []string, err error) {
	in := bufio.NewReader(c)
	for {
		size, err := in.ReadString(' ')
		if err != nil {
			return out, err
		}
		n, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil {
			return out, err
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return out, err
		}
		out = append(out, string(b))
	}
}

// TestSend: what counts as told, and what does not, in which words.
func TestSend(t *testing.T) {
	w := newWorld(t)
	strangers := newAuthority(t, "Sample Stranger")
	good := w.asCollector()
	asks := w.asCollector()
	asks.ClientAuth, asks.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	asks.ClientCAs.AddCert(w.office.certificate)
	asksOthers := w.asCollector()
	asksOthers.ClientAuth, asksOthers.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	asksOthers.ClientCAs.AddCert(strangers.certificate)
	orderly := func(_ net.Conn, c *tls.Conn) {
		if _, err := read(c); err == io.EOF {
			c.Close()
		}
	}
	old := w.asCollector()
	old.MaxVersion = tls.VersionTLS11
	for name, c := range map[string]struct {
		how   *tls.Config
		serve func(net.Conn, *tls.Conn)
		says  string // "": told
	}{
		"in order":                     {good, orderly, ""},
		"TLS 1.2":                      {&tls.Config{Certificates: good.Certificates, MaxVersion: tls.VersionTLS12}, orderly, ""},
		"it knows the terminal":        {asks, orderly, ""},
		"it knows other terminals":     {asksOthers, orderly, "it "}, // "refuses", if its alert arrives before its reset,
		"of another authority":         {&tls.Config{Certificates: []tls.Certificate{strangers.issue(t, "collector", "localhost")}}, orderly, "its certificate is not"},
		"in another name":              {&tls.Config{Certificates: []tls.Certificate{w.office.issue(t, "localhost", "elsewhere")}}, orderly, "its certificate is not"},
		"TLS 1.1":                      {old, orderly, "it refuses"},
		"reads all, ends without word": {good, func(_ net.Conn, c *tls.Conn) { _, _ = read(c) }, "without confirming"},
		"ends without word, unread":    {good, func(_ net.Conn, c *tls.Conn) { _ = c.Handshake() }, "it"},
		"gone at once":                 {good, func(net.Conn, *tls.Conn) {}, "it broke off"},
		"says farewell at once": {good, func(raw net.Conn, c *tls.Conn) { // as one that is shut down does, with everything unread
			_ = c.Handshake()
			_ = c.CloseWrite()
			raw.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			_, _ = raw.Read(nil)
		}, "it"},
		"says farewell after the first": {good, func(raw net.Conn, c *tls.Conn) {
			_, _ = c.Read(make([]byte, 10))
			c.Close()
		}, "it"},
		"answers": {good, func(_ net.Conn, c *tls.Conn) { _, _ = c.Write([]byte("250 ok\r\n")); _, _ = read(c); c.Close() }, "it answers"},
	} {
		at := w.server(c.how, c.serve)
		l := link{policy.Collector{Address: at, Anchors: []*x509.Certificate{w.office.certificate}}, w.options().Certificate, 10 * time.Second, 300 * time.Millisecond}
		err := l.send(t.Context(), [][]byte{[]byte("one"), []byte("two two"), make([]byte, 1<<20)})
		switch {
		case c.says == "" && err != nil, c.says != "" && err == nil:
			t.Errorf("%s: %v", name, err)
		case err != nil && (!strings.Contains(why(err), c.says) || strings.Contains(why(err), "Stranger") || strings.Contains(why(err), "1234567")):
			t.Errorf("%s: %s (%v)", name, why(err), err)
		}
	}
	without := link{policy.Collector{Address: "localhost:1"}, func() (tls.Certificate, error) { return tls.Certificate{}, io.ErrUnexpectedEOF }, time.Second, 0}
	if err := without.send(t.Context(), nil); err == nil || why(err) != errOwn.Error() {
		t.Error(err)
	}
	nobody := link{policy.Collector{Address: "localhost:1"}, w.options().Certificate, time.Second, 0}
	if err := nobody.send(t.Context(), nil); err == nil || why(err) != "it cannot be reached" {
		t.Error(err)
	}
}

// TestSilence: a collector that takes nothing, or never confirms, is given up after the patience.
func TestSilence(t *testing.T) {
	w := newWorld(t)
	for name, serve := range map[string]func(net.Conn, *tls.Conn){
		"no handshake":    func(raw net.Conn, _ *tls.Conn) { <-t.Context().Done() },
		"no reading":      func(_ net.Conn, c *tls.Conn) { _ = c.Handshake(); <-t.Context().Done() },
		"no confirmation": func(_ net.Conn, c *tls.Conn) { _, _ = read(c); <-t.Context().Done() },
	} {
		l := link{w.names(w.server(w.asCollector(), serve)), w.options().Certificate, 300 * time.Millisecond, 10 * time.Millisecond}
		err := l.send(t.Context(), [][]byte{make([]byte, 16<<20)})
		if err == nil || why(err) != "it does not answer in time" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFarewell: a collector that is shut down says the very word that confirms, before or after the messages have arrived, but
// without having read them: within the settle time that is never taken for a receipt.
func TestFarewell(t *testing.T) {
	w := newWorld(t)
	for name, serve := range map[string]func(net.Conn, *tls.Conn){
		"nothing read": func(_ net.Conn, c *tls.Conn) { _ = c.Handshake(); _ = c.CloseWrite() },
		"one read":     func(_ net.Conn, c *tls.Conn) { _, _ = c.Read(make([]byte, 100)); _ = c.CloseWrite() },
		"all that came": func(_ net.Conn, c *tls.Conn) {
			_ = c.Handshake()
			_ = c.CloseWrite()
			c.SetReadDeadline(time.Now())
			_, _ = c.Read(make([]byte, 100))
		},
	} {
		l := link{w.names(w.server(w.asCollector(), serve)), w.options().Certificate, 10 * time.Second, 5 * time.Second}
		for n := range 100 {
			if err := l.send(t.Context(), [][]byte{[]byte("one"), []byte("two"), []byte("three")}); err == nil {
				t.Fatalf("%s: told, at attempt %d", name, n)
			}
		}
	}
}

// TestLateFarewell: the settle time begins when the collector's kernel has everything, however long that takes. This one takes
// nothing for longer than that, says farewell, and throws away the rest before it ends in order.
func TestLateFarewell(t *testing.T) {
	w := newWorld(t)
	const settle = 300 * time.Millisecond
	l := link{w.names(w.server(w.asCollector(), func(raw net.Conn, c *tls.Conn) {
		_ = c.Handshake()
		<-time.After(3 * settle)
		_ = c.CloseWrite()
		raw.SetReadDeadline(time.Now().Add(2 * settle))
		_, _ = io.Copy(io.Discard, raw)
	})), w.options().Certificate, 20 * time.Second, settle}
	if err := l.send(t.Context(), [][]byte{make([]byte, 1<<20)}); err == nil {
		t.Error("told")
	}
}
