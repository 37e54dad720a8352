package collector

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy"
)

// link is the way to one collector.
type link struct {
	to          policy.Collector
	certificate func() (tls.Certificate, error) // this terminal's own
	patience    time.Duration                   // for the connection, for each message, and for the confirmation
	settle      time.Duration                   // between the arrival of the last message and the question for the confirmation
}

// errOwn: this terminal has nothing to show.
var errOwn = errors.New("this terminal's own certificate cannot be used")

// errUnconfirmed: the connection ended without the collector's close_notify.
var errUnconfirmed = errors.New("it ended the connection without confirming (RFC 5425, section 4.4)")

// errSpeaks: syslog goes one way.
var errSpeaks = errors.New("it answers, and is no collector of syslog")

// send brings messages in one connection. It returns nil only when the collector has confirmed that it read them all.
func (l link) send(ctx context.Context, messages [][]byte) error {
	conn, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer conn.NetConn().Close() // no second close_notify
	stop := context.AfterFunc(ctx, func() { conn.NetConn().Close() })
	defer stop()
	for _, m := range messages {
		l.extend(conn)
		if _, err := conn.Write(frame(nil, m)); err != nil {
			return refusal(conn, err)
		}
	}
	if err := l.quiet(conn); err != nil {
		return err
	}
	l.extend(conn)
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	return l.confirmed(conn)
}

// quiet gives a collector that refuses us, or is being shut down, the time to say so before it is asked: its farewell is the very
// word that confirms. The time begins when its kernel has all of ours: what was said before that is here by then.
func (l link) quiet(conn *tls.Conn) error {
	if err := l.taken(conn.NetConn().(*wire)); err != nil {
		return refusal(conn, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(l.settle))
	switch n, err := conn.Read(make([]byte, 1)); {
	case n > 0:
		return errSpeaks
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err == io.EOF:
		return errUnconfirmed
	default:
		return err
	}
}

func (l link) extend(conn net.Conn) { _ = conn.SetDeadline(time.Now().Add(l.patience)) } // a closed one fails at its next use

func (l link) open(ctx context.Context) (*tls.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, l.patience)
	defer stop()
	own, err := l.certificate()
	if err != nil {
		return nil, errOwn // the error may name what no log should have
	}
	roots := x509.NewCertPool()
	for _, a := range l.to.Anchors {
		roots.AddCert(a)
	}
	host, _, err := net.SplitHostPort(l.to.Address)
	if err != nil {
		return nil, err
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.to.Address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(&wire{TCPConn: raw.(*net.TCPConn)}, &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }}) // whoever its issuers are
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}

// wire knows whether the connection below TLS has ended: crypto/tls takes that for a close_notify.
type wire struct {
	*net.TCPConn
	ended bool // of the goroutine that reads
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.TCPConn.Read(b)
	w.ended = w.ended || err == io.EOF
	return n, err
}

// confirmed waits for the collector's close_notify, and makes sure that it is the answer to ours: a collector that is being
// shut down says the same of its own accord, with our messages unread. Then, however, the kernel there resets the connection.
func (l link) confirmed(conn *tls.Conn) error {
	w := conn.NetConn().(*wire)
	n, err := conn.Read(make([]byte, 1))
	switch {
	case n > 0:
		return errSpeaks
	case w.ended:
		return errUnconfirmed
	case err != io.EOF:
		return err
	}
	if _, err := w.Read(make([]byte, 1)); err != io.EOF {
		return errUnconfirmed
	}
	return l.taken(w)
}

// taken waits until the other side's kernel has taken over every byte of ours. One that has no reader any more does not.
func (l link) taken(w *wire) error {
	c, err := w.SyscallConn()
	if err != nil {
		return err
	}
	for begin := time.Now(); time.Since(begin) < l.patience; time.Sleep(10 * time.Millisecond) {
		waiting, failed := 0, error(nil)
		err := c.Control(func(fd uintptr) {
			var code int
			if waiting, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); failed == nil {
				if code, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); code != 0 {
					failed = errUnconfirmed
				}
			}
		})
		if err := errors.Join(err, failed); err != nil {
			return err
		}
		if waiting == 0 {
			return nil
		}
	}
	return os.ErrDeadlineExceeded
}

// refusal returns why a write failed: a refusal that came meanwhile says more than that the connection is gone.
func refusal(conn *tls.Conn, err error) error {
	var refused tls.AlertError
	if _, read := conn.Read(make([]byte, 1)); errors.As(read, &refused) || isAlert(read) {
		return read
	}
	return err
}

// isAlert: an alert that came over the wire is a *net.OpError of "remote error".
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// why says what is wrong in words of ours: the library's quote names and serial numbers of certificates.
func why(err error) string {
	var untrusted *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.Is(err, errUnconfirmed), errors.Is(err, errSpeaks), errors.Is(err, errPlace), errors.Is(err, errOwn):
		return err.Error()
	case errors.As(err, &untrusted):
		return "its certificate is not in its name, not in date, or not from the policy's anchors"
	case isAlert(err):
		return "it refuses this terminal's certificate, or the connection"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "it does not answer in time"
	case errors.As(err, &op) && op.Op == "dial":
		return "it cannot be reached"
	case op != nil, errors.Is(err, io.EOF):
		return "it broke off the connection"
	}
	return fmt.Sprintf("it cannot be told (%T)", err)
}
