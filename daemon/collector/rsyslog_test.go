package collector

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"honnin/config/protocol"
)

// rsyslogd is a real one, in the foreground, with a directory of its own. It takes syslog over TLS from the terminal whose
// certificate has this name, and writes every message as it came into one file before it reads the next.
type rsyslogd struct {
	t    testing.TB
	dir  string
	port string // of the first start; "0" before
	cmd  *exec.Cmd
}

func newRsyslogd(t testing.TB, w *world, certificate tls.Certificate, knows string) *rsyslogd {
	t.Helper()
	if _, err := exec.LookPath("rsyslogd"); err != nil || !exists("/usr/lib/*/rsyslog/lmnsd_ossl.so") {
		if os.Getenv("CI") == "true" {
			t.Fatal("rsyslog or rsyslog-openssl is missing")
		}
		t.Skip("no rsyslog with rsyslog-openssl")
	}
	r := &rsyslogd{t: t, dir: t.TempDir(), port: "0"}
	key := must[[]byte](t)(x509.MarshalECPrivateKey(certificate.PrivateKey.(*ecdsa.PrivateKey)))
	for name, b := range map[string][]byte{"ca.pem": w.office.pem(), "cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}),
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})} {
		if err := os.WriteFile(filepath.Join(r.dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.configure(knows)
	t.Cleanup(func() { r.stop(syscall.SIGKILL) })
	return r
}

func exists(pattern string) bool {
	found, _ := filepath.Glob(pattern)
	return len(found) > 0
}

func (r *rsyslogd) configure(knows string) {
	r.t.Helper()
	text := strings.NewReplacer("DIR", r.dir, "PORT", r.port, "KNOWS", knows).Replace(`
global(workDirectory="DIR" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="DIR/ca.pem"
       defaultNetstreamDriverCertFile="DIR/cert.pem" defaultNetstreamDriverKeyFile="DIR/key.pem")
main_queue(queue.type="Direct")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["KNOWS"])
template(name="asitis" type="string" string="%rawmsg%\n")
if $inputname == "imtcp" then action(type="omfile" file="DIR/log" template="asitis")
input(type="imtcp" address="127.0.0.1" port="PORT" listenPortFileName="DIR/port")
`)
	if err := os.WriteFile(filepath.Join(r.dir, "conf"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// start returns when it listens.
func (r *rsyslogd) start() {
	r.t.Helper()
	_ = os.Remove(filepath.Join(r.dir, "port"))
	r.cmd = exec.Command("rsyslogd", "-n", "-f", filepath.Join(r.dir, "conf"), "-i", "NONE")
	out := &logged{}
	r.cmd.Stdout, r.cmd.Stderr = out, out
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if b, _ := os.ReadFile(filepath.Join(r.dir, "port")); len(bytes.TrimSpace(b)) > 0 { // written only where it chose one
			r.port = string(bytes.TrimSpace(b))
		}
		if c, err := net.Dial("tcp", r.address()); err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("rsyslogd does not listen: %s", out)
		}
	}
}

func (r *rsyslogd) stop(how syscall.Signal) {
	if r.cmd != nil {
		_ = r.cmd.Process.Signal(how)
		_ = r.cmd.Wait() // it ended by that signal
		r.cmd = nil
	}
}

func (r *rsyslogd) address() string { return "localhost:" + r.port }

// numbers are the numbers of the incidents that it has, in the order in which they came. Every line must be a whole message; what is
// behind the last is being written: whoever reads a file sees a write that goes over the end of a page in two parts.
func (r *rsyslogd) numbers() (out []int) {
	r.t.Helper()
	b, _ := os.ReadFile(filepath.Join(r.dir, "log"))
	for line := range strings.Lines(string(b[:bytes.LastIndexByte(b, '\n')+1])) {
		p, err := parse(strings.TrimSuffix(line, "\n"))
		if err != nil {
			r.t.Fatalf("%q: %v", line, err)
		}
		n, err := strconv.Atoi(p.data[sdID]["where"])
		if err != nil || p.data[sdID]["word"] != "subject-mismatch" || p.data[sdID]["count"] != "1" || p.host != string(here) || p.pri != 16*8+1 {
			r.t.Fatalf("%q", line)
		}
		out = append(out, n)
	}
	return out
}

// whole waits until the last number is there, and holds everything before against what was told: none is missing, and but for
// repetitions from some earlier one on, they are in order.
func (r *rsyslogd) whole(w *world, last int) (repeated int) {
	w.t.Helper()
	w.until(fmt.Sprint("incident ", last), func() bool { return slices.Contains(r.numbers(), last) })
	next := 1
	for _, n := range r.numbers() {
		switch {
		case n > next:
			w.t.Fatalf("%d came after %d", n, next-1)
		case n == next:
			next++
		default:
			repeated, next = repeated+1, n+1
		}
	}
	if next != last+1 {
		w.t.Fatalf("it ends with %d", next-1)
	}
	return repeated
}

func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); New(w.options()).Run(ctx) }()
	return func() { cancel(); <-ended }
}

// TestRsyslogd: a real collector has every incident, whole and in order: though it was down at the start, killed in the middle,
// shut down in order in the middle, stopped for a while, and though the terminal was restarted. What was confirmed is never told
// again.
func TestRsyslogd(t *testing.T) {
	w := newWorld(t)
	r := newRsyslogd(t, w, w.office.issue(t, "collector", "localhost"), string(here))
	r.start() // to have a port
	r.stop(syscall.SIGKILL)
	r.configure(string(here))
	w.names(r.address())
	w.happens(1, 41)
	stop := w.run()
	w.until("that it cannot be reached", func() bool { return strings.Contains(w.said.String(), "it cannot be reached") })
	r.start()
	if n := r.whole(w, 40); n > 0 {
		t.Errorf("%d were told twice for nothing", n)
	}
	last := 40
	for i, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM} {
		done := make(chan struct{})
		first := last + 1
		go func() { defer close(done); w.happens(first, first+150) }()
		last += 150
		w.until("something new", func() bool { return len(r.numbers()) > last-120+i*20 })
		r.stop(how)
		<-done
		r.start()
		t.Logf("after %v: %d repeated", how, r.whole(w, last))
	}
	must[struct{}](t)(struct{}{}, r.cmd.Process.Signal(syscall.SIGSTOP))
	w.happens(last+1, last+50)
	must[struct{}](t)(struct{}{}, r.cmd.Process.Signal(syscall.SIGCONT))
	last += 49
	before := r.whole(w, last)
	w.until("that it is confirmed", func() bool {
		return place{dir: w.options().Dir, id: "log"}.load() == must[protocol.JournalHead](t)(w.journal.Head())
	})
	stop()
	w.happens(last+1, last+10)
	last += 9
	stop = w.run()
	if after := r.whole(w, last); after != before {
		t.Errorf("a restart repeated %d", after-before)
	}
	stop()
	if n := strings.Count(w.said.String(), "it cannot be reached"); n < 1 || n > 5 {
		t.Errorf("%d times unreachable in the log:\n%s", n, w.said)
	}
}

// TestRsyslogdOfAnother: a collector that the policy does not know is told nothing, and that is said once, in words of ours.
func TestRsyslogdOfAnother(t *testing.T) {
	for name, certificate := range map[string]func(*world) tls.Certificate{
		"in another name": func(w *world) tls.Certificate { return w.office.issue(t, "localhost", "elsewhere") },
		"of another authority": func(*world) tls.Certificate {
			return newAuthority(t, "Sample Stranger").issue(t, "collector", "localhost")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := newRsyslogd(t, w, certificate(w), string(here))
			r.start()
			w.names(r.address())
			w.happens(1, 3)
			stop := w.run()
			w.until("that it is wrong", func() bool { return strings.Contains(w.said.String(), "its certificate is not in its name") })
			w.happens(3, 5)
			r.stop(syscall.SIGTERM)
			w.until("that it is gone", func() bool { return strings.Contains(w.said.String(), "it cannot be reached") })
			stop()
			if said := strings.Count(w.said.String(), "is not told"); len(r.numbers()) > 0 || said < 2 || said > 3 || strings.Contains(w.said.String(), "Stranger") {
				t.Errorf("it was told of %v; %d times in the log:\n%s", r.numbers(), said, w.said)
			}
		})
	}
}

// TestStormAtRsyslogd: 100,000 alike are one message with a count, and the one that is otherwise is not lost among them.
func TestStormAtRsyslogd(t *testing.T) {
	w := newWorld(t)
	r := newRsyslogd(t, w, w.office.issue(t, "collector", "localhost"), string(here))
	r.start()
	o := w.options()
	o.Journal = stormy{100_000, 77_777}
	w.names(r.address())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); New(o).Run(ctx) }()
	var lines []string
	w.until("two messages", func() bool {
		confirmed := exists(filepath.Join(w.dir, "collectors", "log"))
		b, _ := os.ReadFile(filepath.Join(r.dir, "log"))
		lines = slices.Collect(strings.Lines(string(b)))
		return len(lines) >= 2 && confirmed
	})
	cancel()
	<-ended
	if len(lines) != 2 {
		t.Fatal(lines)
	}
	first, second := must[parsed](t)(parse(strings.TrimSuffix(lines[0], "\n"))).data[sdID], must[parsed](t)(parse(strings.TrimSuffix(lines[1], "\n"))).data[sdID]
	if first["count"] != "99999" || first["until"] != "2026-11-23T03:46:40Z" || !strings.HasPrefix(first["last"], "jp-14-000007-100000-") || !strings.HasPrefix(first["id"], "jp-14-000007-1-") {
		t.Error(first)
	}
	if second["count"] != "1" || second["word"] != "name-mismatch" || !strings.HasPrefix(second["id"], "jp-14-000007-77777-") {
		t.Error(second)
	}
	if h := (place{dir: filepath.Join(w.dir, "collectors"), id: "log"}).load(); h.Position != 100_000 || h.Head == (protocol.Digest{}) {
		t.Error(h)
	}
}
