// Package ippevetest runs ippeveprinter, the IPP Everywhere printer of CUPS that others wrote, as a device for tests.
//
// Each device is its own process with its own D-Bus (ippeveprinter will not start without one; no Avahi), its
// own free port, keys and directories, so that tests run beside each other. The engine behind it (device.sh)
// counts the pages of the document as it arrived, reports impressions, and puts sheets into a tray; what goes
// wrong is set with [Device.Behave] or done to the process. Debian: cups-ipp-utils, dbus-daemon.
package ippevetest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	_ "embed" // device.sh
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

//go:embed device.sh
var engine string

// patience bounds every wait for the device, on a busy machine too.
const patience = 20 * time.Second

// Behaviour is what the engine does with the next documents.
type Behaviour struct {
	Mode   string // print, silent, short, over, leave, tell, abort, slow, stop
	After  int    // impressions that are counted before abort, slow and stop
	Reason string // of stop: a printer-state-reasons keyword; of leave: one with + or - before it; of tell: name=value
}

// Device is one running printer.
type Device struct {
	t    testing.TB
	dir  string
	port int
	bus  *exec.Cmd
	addr string // of the bus

	mu   sync.Mutex
	proc *exec.Cmd
	born time.Time
	done chan struct{} // closed when proc has ended
	log  strings.Builder
}

// Require skips the test where the programs are missing, and fails it when CI=true.
func Require(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing", p)
			}
			t.Skipf("%s is missing", p)
		}
	}
}

// Start starts a printer that takes application/pdf on A4 and could print on both sides.
func Start(t testing.TB) *Device {
	t.Helper()
	Require(t, "ippeveprinter", "dbus-daemon")
	d := &Device{t: t, dir: shortDir(t)}
	for _, sub := range []string{"spool", "keys", "tray"} {
		d.must(os.Mkdir(filepath.Join(d.dir, sub), 0o700))
	}
	d.must(os.WriteFile(d.path("device.sh"), []byte(strings.ReplaceAll(engine, "@DIR@", d.dir)), 0o700))
	d.Behave(Behaviour{Mode: "print"})
	d.startBus()
	d.Restart()
	return d
}

// shortDir exists because a socket's path may have 107 bytes and a test's directory is named after it.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ippeve")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (d *Device) path(name string) string { return filepath.Join(d.dir, name) }

func (d *Device) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*" eavesdrop="true"/><allow receive_sender="*" eavesdrop="true"/></policy></busconfig>`

func (d *Device) startBus() {
	d.must(os.WriteFile(d.path("bus.conf"), fmt.Appendf(nil, busConfig, d.path("bus")), 0o600))
	d.bus = exec.Command("dbus-daemon", "--config-file="+d.path("bus.conf"), "--nofork", "--nopidfile", "--print-address=1")
	d.bus.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := d.bus.StdoutPipe()
	d.must(err)
	done, err := startTied(d.bus)
	d.must(err)
	d.t.Cleanup(func() { _ = d.bus.Process.Kill(); <-done })
	line, err := bufio.NewReader(out).ReadString('\n')
	d.must(err)
	d.addr = strings.TrimSpace(line)
}

// Restart starts the printer again after [Device.Kill], on the same port. Job ids begin at 1.
func (d *Device) Restart() {
	d.t.Helper()
	for range 5 {
		if d.launch() {
			return
		}
		d.port = 0 // somebody else took it
	}
	d.t.Fatalf("ippeveprinter does not start:\n%s", d.Log())
}

func (d *Device) launch() bool {
	if d.port == 0 {
		d.port = freePort(d.t)
	}
	cmd := exec.Command("ippeveprinter", "-k", "-K", d.path("keys"), "-d", d.path("spool"), "-c", d.path("device.sh"),
		"-f", "application/pdf", "-p", strconv.Itoa(d.port), "-n", "localhost", "-r", "off", "-2", "Practice")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "TMPDIR=" + d.dir, "DBUS_SYSTEM_BUS_ADDRESS=" + d.addr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	r, w, err := os.Pipe()
	d.must(err)
	cmd.Stderr = w
	done, err := startTied(cmd)
	d.must(err)
	_ = w.Close()
	d.mu.Lock()
	d.proc, d.done, d.born = cmd, done, time.Now()
	d.mu.Unlock()
	go d.read(r)
	d.t.Cleanup(func() { d.signalGroup(cmd, syscall.SIGKILL); <-done })
	return answers(d.HostPort(), done)
}

// startTied starts cmd from a thread that lives as long as cmd: a death signal comes when the *thread* that started a
// child ends, and Go's threads come and go. The channel is closed when cmd has ended.
func startTied(cmd *exec.Cmd) (chan struct{}, error) {
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	return done, <-started
}

// signalGroup reaches the printer and the engine that it runs.
func (d *Device) signalGroup(cmd *exec.Cmd, s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }

// read keeps the printer's log, and lets a stopped engine know of a Cancel-Job.
func (d *Device) read(r *os.File) {
	defer func() { _ = r.Close() }()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		d.mu.Lock()
		d.log.WriteString(lines.Text() + "\n")
		d.mu.Unlock()
		if strings.Contains(lines.Text(), "Cancel-Job successful-ok") {
			_ = os.WriteFile(d.path("canceled"), nil, 0o600)
		}
	}
}

func answers(address string, done <-chan struct{}) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); pause() {
		select {
		case <-done:
			return false
		default:
		}
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return true
		}
	}
	return false
}

func pause() { time.Sleep(5 * time.Millisecond) }

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// HostPort is where the printer listens.
func (d *Device) HostPort() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.port)) }

// URI is the printer's address over plain HTTP.
func (d *Device) URI() string { return "ipp://" + d.HostPort() + "/ipp/print" }

// SecureURI is the printer's address over HTTPS.
func (d *Device) SecureURI() string { return "ipps://" + d.HostPort() + "/ipp/print" }

// Certificate returns the SHA-256 of the certificate that the printer made for itself, as a technician would
// read it off the device.
func (d *Device) Certificate() (pin [32]byte) {
	d.t.Helper()
	c, err := tls.Dial("tcp", d.HostPort(), &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
	d.must(err)
	defer func() { _ = c.Close() }()
	return sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)
}

// Log returns what the printer wrote.
func (d *Device) Log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// Behave sets what the engine does with the documents that follow.
func (d *Device) Behave(b Behaviour) {
	d.t.Helper()
	text := fmt.Sprintf("MODE='%s' AFTER=%d REASON='%s'\n", b.Mode, b.After, b.Reason)
	d.must(os.WriteFile(d.path("behaviour.new"), []byte(text), 0o600))
	d.must(os.Rename(d.path("behaviour.new"), d.path("behaviour")))
	for _, flag := range []string{"go", "canceled", "engine"} {
		if err := os.Remove(d.path(flag)); err != nil && !errors.Is(err, os.ErrNotExist) {
			d.t.Fatal(err)
		}
	}
}

// AwaitEngine waits until the engine has begun a document in mode slow or stop.
func (d *Device) AwaitEngine() {
	d.t.Helper()
	d.await("the engine", func() bool { _, err := os.Stat(d.path("engine")); return err == nil })
}

// AwaitLog waits until the printer has written s.
func (d *Device) AwaitLog(s string) {
	d.t.Helper()
	d.await(s, func() bool { return strings.Contains(d.Log(), s) })
}

func (d *Device) await(what string, so func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patience); !so(); pause() {
		if time.Now().After(end) {
			d.t.Fatalf("waited in vain for %s:\n%s", what, d.Log())
		}
	}
}

// AwaitTray waits until n documents lie in the output tray.
func (d *Device) AwaitTray(n int) {
	d.t.Helper()
	d.await("paper", func() bool { return len(d.Tray()) >= n })
}

// Go lets an engine in mode slow finish.
func (d *Device) Go() { d.t.Helper(); d.must(os.WriteFile(d.path("go"), nil, 0o600)) }

// Load puts sheets of A4 into the main tray; 0 empties it: then jobs wait for paper, really.
func (d *Device) Load(sheets int) {
	d.t.Helper()
	form := url.Values{}
	for tray, n := range map[int]int{1: sheets, 3: min(sheets, 25)} {
		form.Set(fmt.Sprintf("size%d", tray), "iso_a4_210x297mm")
		form.Set(fmt.Sprintf("type%d", tray), "stationery")
		form.Set(fmt.Sprintf("level%d", tray), strconv.Itoa(n))
	}
	resp, err := http.Get("http://" + d.HostPort() + "/media?" + form.Encode())
	d.must(err)
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	d.must(err)
	if !strings.Contains(string(page), "Media updated.") {
		d.t.Fatalf("the tray was not loaded: %s", page)
	}
}

// Say has an engine in mode slow change a state reason of the printer: "+media-jam-error", "-media-jam-error".
func (d *Device) Say(reason string) {
	d.t.Helper()
	d.must(os.WriteFile(d.path("state.new"), []byte(reason), 0o600))
	d.must(os.Rename(d.path("state.new"), d.path("state")))
	d.await("the engine's word", func() bool { _, err := os.Stat(d.path("state")); return errors.Is(err, os.ErrNotExist) })
}

// Jobs lists the jobs that have not ended, as ipptool sees them: their names.
func (d *Device) Jobs() []string { d.t.Helper(); return jobsAt(d.t, d.URI()) }

func jobsAt(t testing.TB, uri string) (names []string) {
	t.Helper()
	Require(t, "ipptool")
	out, err := exec.Command("ipptool", "-tv", uri, "get-jobs.test").CombinedOutput()
	if err != nil {
		t.Fatalf("Get-Jobs: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if _, name, ok := strings.Cut(line, "job-name (nameWithoutLanguage) = "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// AwaitNoJobs waits until every job has ended.
func (d *Device) AwaitNoJobs() {
	d.t.Helper()
	d.await("an empty queue", func() bool { return len(d.Jobs()) == 0 })
}

// Documents counts the documents of that name that were ever sent to this printer, whole or in part.
func (d *Device) Documents(name string) (n int) {
	d.t.Helper()
	found, err := filepath.Glob(d.path("spool/*" + name + "*"))
	d.must(err)
	for _, f := range found {
		if s, err := os.Stat(f); err == nil && s.Size() > 0 {
			n++
		}
	}
	return n
}

// AwaitClock waits until the printer's clock, which counts whole seconds from 0 at its start, is past 0: what a printer
// says of the time 0 is by RFC 8011 of a time before its start.
func (d *Device) AwaitClock() {
	d.mu.Lock()
	born := d.born
	d.mu.Unlock()
	time.Sleep(time.Until(born.Add(1100 * time.Millisecond)))
}

// Stranger runs one of ipptool's tests at an address, as somebody else's client does: the device works with it too.
func Stranger(t testing.TB, uri, test string) {
	t.Helper()
	Require(t, "ipptool")
	file := filepath.Join(t.TempDir(), "stranger.pdf")
	if err := os.WriteFile(file, []byte("%PDF-1.7\n1 0 obj << /Type /Page /Fictional true >> endobj\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	out, err := exec.CommandContext(ctx, "ipptool", "-t", "-f", file, "-d", "filetype=application/pdf", uri, test).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", test, err, out)
	}
}

// Leave has the engine of a stranger's job change a state reason of the printer, and leave it so: "+media-jam-error".
func (d *Device) Leave(reason string) {
	d.t.Helper()
	d.Behave(Behaviour{Mode: "leave", Reason: reason})
	Stranger(d.t, d.URI(), "print-job.test")
	d.AwaitNoJobs()
	d.Behave(Behaviour{Mode: "print"})
}

// Supplies has the engine of a stranger's job set what the printer says of its supplies, in values of printer-supply.
func (d *Device) Supplies(values ...string) {
	d.t.Helper()
	d.Behave(Behaviour{Mode: "tell", Reason: `printer-supply="` + strings.Join(values, ",") + `"`})
	Stranger(d.t, d.URI(), "print-job.test")
	d.AwaitNoJobs()
	d.Behave(Behaviour{Mode: "print"})
}

// Kill ends printer and engine at once, as pulling the plug does.
func (d *Device) Kill() { d.t.Helper(); d.signal(syscall.SIGKILL); <-d.current() }

// Hang stops the printer: it accepts connections and answers nothing. It returns when every thread has stopped.
func (d *Device) Hang() {
	d.t.Helper()
	d.signal(syscall.SIGSTOP)
	d.mu.Lock()
	pid := d.proc.Process.Pid
	d.mu.Unlock()
	d.await("the printer's stop", func() bool { return stopped(pid) })
}

// stopped reports whether the kernel has every thread of a process stopped (proc(5), /proc/PID/task/TID/stat).
func stopped(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, stat := range threads {
		b, _ := os.ReadFile(stat) // a thread that has ended is not running
		if _, rest, ok := strings.Cut(string(b), ") "); ok && !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return err == nil && len(threads) > 0
}

// Resume ends [Device.Hang].
func (d *Device) Resume() { d.t.Helper(); d.signal(syscall.SIGCONT) }

func (d *Device) signal(s syscall.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signalGroup(d.proc, s)
}

func (d *Device) current() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

// Sheet is a document in the output tray.
type Sheet struct {
	Name   string            // the job's
	SHA256 [32]byte          // of the bytes that the engine printed
	Env    map[string]string // IPP_* as the engine was given them
}

// Tray returns what came out, in the order of the jobs' names.
func (d *Device) Tray() (sheets []Sheet) {
	d.t.Helper()
	found, err := filepath.Glob(d.path("tray/*.pdf"))
	d.must(err)
	for _, f := range found {
		b, err := os.ReadFile(f)
		d.must(err)
		env, err := os.ReadFile(strings.TrimSuffix(f, ".pdf") + ".env")
		d.must(err)
		sheets = append(sheets, Sheet{strings.TrimSuffix(filepath.Base(f), ".pdf"), sha256.Sum256(b), jobAttributes(string(env))})
	}
	return sheets
}

func jobAttributes(env string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(env) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(k, "IPP_") {
			out[k] = v
		}
	}
	return out
}
