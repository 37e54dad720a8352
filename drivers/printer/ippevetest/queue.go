package ippevetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Queue is a cupsd with one raw queue that passes every document on to a [Device], as a print server in a town hall does.
// It is its own process with its own directories and port, and never the machine's. Debian: cups-daemon.
type Queue struct {
	t    testing.TB
	port int
	log  string
}

const cupsFiles = `ServerRoot DIR/root
DataDir /usr/share/cups
ServerBin /usr/lib/cups
RequestRoot DIR/requests
CacheDir DIR/cache
StateDir DIR/state
TempDir DIR/tmp
ErrorLog DIR/log
AccessLog DIR/access
PageLog DIR/page
User lp
Group lp
SystemGroup root
Sandboxing relaxed
`

const cupsConf = `Listen 127.0.0.1:PORT
Browsing Off
WebInterface No
DefaultAuthType None
PreserveJobHistory Yes
<Location />
Order allow,deny
Allow all
</Location>
<Policy default>
<Limit All>
Order deny,allow
</Limit>
</Policy>
`

const cupsQueue = `<Printer Queue>
UUID urn:uuid:00000000-0000-4000-8000-000000000001
DeviceURI DEVICE
State Idle
Accepting Yes
Shared Yes
</Printer>
`

// StartQueue starts a queue before a device. cupsd wants to be root.
func StartQueue(t testing.TB, d *Device) *Queue {
	t.Helper()
	Require(t, "cupsd")
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("cupsd needs root")
		}
		t.Skip("cupsd needs root")
	}
	dir := shortDir(t)
	q := &Queue{t: t, port: freePort(t), log: filepath.Join(dir, "log")}
	fill := strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(q.port), "DEVICE", d.URI())
	d.must(os.Chmod(dir, 0o755)) // cupsd's backends run as lp
	for _, sub := range []string{"root", "requests", "cache", "state", "tmp"} {
		d.must(os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	for name, text := range map[string]string{"files.conf": cupsFiles, "cupsd.conf": cupsConf, "root/printers.conf": cupsQueue} {
		d.must(os.WriteFile(filepath.Join(dir, name), []byte(fill.Replace(text)), 0o600))
	}
	cmd := exec.Command("cupsd", "-f", "-c", filepath.Join(dir, "cupsd.conf"), "-s", filepath.Join(dir, "files.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	done, err := startTied(cmd)
	d.must(err)
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); <-done })
	if !answers(fmt.Sprintf("127.0.0.1:%d", q.port), done) {
		t.Fatalf("cupsd does not start:\n%s", q.Log())
	}
	return q
}

// URI is the queue's address.
func (q *Queue) URI() string { return fmt.Sprintf("ipp://127.0.0.1:%d/printers/Queue", q.port) }

// Log returns what cupsd wrote.
func (q *Queue) Log() string {
	b, _ := os.ReadFile(q.log)
	return string(b)
}

// Jobs lists the jobs that the queue says have not ended.
func (q *Queue) Jobs() []string { q.t.Helper(); return jobsAt(q.t, q.URI()) }
