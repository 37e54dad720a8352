package usb_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed/signedtest"
	"honnin/config/site"
	"honnin/daemon/provision"
	"honnin/drivers/card/cardtest"
	"honnin/spool/journal"
	"honnin/testdata/usb/qemu"
)

// repair is a configured terminal in a machine, whose policy lists tech-7, and the technician's things.
type repair struct {
	key  string // file of tech-7's key
	pack string // file of the next policy, to be sent
	line string // socket of the machine's second UART
}

// The terminal in the machine.
const (
	etc       = "/etc/honnin"
	state     = etc + "/state"
	journalAt = state + "/journal.db"
	named     = "JP-14-000001"
	siteOf    = `version = 1
terminal = "JP-14-000001"
channel = "store"
payment = "none"
reader = "usb"
listen = "127.0.0.1:0"
state = "state"
policy = "policy"
keys = "keys"
[printer]
address = "usb"
[centre]
url = "https://127.0.0.1:9/"
ca = "centre-ca.pem"
[line]
device = %q
`
)

// lineTools run here, at the technician's end, and in the machine.
var lineTools = map[string]string{"rz": "/usr/bin/rz", "sz": "/usr/bin/sz", "setpriv": "/usr/bin/setpriv", "prlimit": "/usr/bin/prlimit",
	"kill": "/bin/kill", "chmod": "/bin/chmod", "flock": "/bin/flock", "sleep": "/bin/sleep"}

// newRepair sets a terminal up, and has it put into this test's machine.
func newRepair(t *testing.T) repair {
	t.Helper()
	cardtest.Need(t, "ssh-keygen")
	dir := t.TempDir()
	short, err := os.MkdirTemp("", "honnin-uart-") // a socket's path has at most 107 bytes
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	r := repair{key: filepath.Join(dir, "key"), pack: filepath.Join(dir, "pack.tar"), line: filepath.Join(short, "line")}
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", r.key).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	r.configure(t, dir)
	programs := map[string]string{}
	for name, at := range lineTools {
		cardtest.Need(t, name)
		programs[at], err = exec.LookPath(name)
		must(t, err)
	}
	p, _ := here(t)
	p.bring = func(o *qemu.Options) {
		o.Modules, o.Line, o.Programs["/sbin/reboot"] = append(slices.Clone(o.Modules), "ftdi_sio"), r.line, o.Init
		for at, from := range programs {
			o.Programs[at] = from
		}
		must(t, filepath.WalkDir(filepath.Join(dir, "etc"), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			o.Files[etc+strings.TrimPrefix(path, filepath.Join(dir, "etc"))], err = os.ReadFile(path)
			return err
		}))
		// udev's own rules make the names that stay
		o.Files["/lib/udev/rules.d/60-serial.rules"], err = os.ReadFile("/lib/udev/rules.d/60-serial.rules")
		must(t, err)
		o.Files["/lib/udev/rules.d/61-lines.rules"] = fmt.Appendf(nil, "KERNEL==\"ttyUSB*\", GROUP=\"honnin-usb\", MODE=\"0660\"\n"+
			"ACTION==\"add\", SUBSYSTEM==\"tty\", KERNEL==\"ttyUSB*\", TEST==%q, PROGRAM==\"/bin/sleep 3\"\n", slowly)
	}
	return r
}

// configure makes what lies in /etc/honnin: a policy in force, and a journal that was begun; and the policy that follows.
func (r repair) configure(t *testing.T, dir string) {
	t.Helper()
	office := signedtest.New(t, time.Now())
	public, err := os.ReadFile(r.key + ".pub")
	must(t, err)
	office.Body += fmt.Sprintf("\n[[person]]\nid = \"tech-7\"\nroles = [\"look\", \"service\"]\nkey = %q\nexpires = \"2999-12-31\"\n", strings.TrimSpace(string(public)))
	at := filepath.Join(dir, "etc")
	store, err := provision.Open(provision.Options{Dir: filepath.Join(at, "policy"), Root: office.Root(), Terminal: named, Now: time.Now})
	must(t, err)
	_, err = store.Receive(office.Chain(1), provision.ByFile)
	must(t, err)
	_, _, err = store.Apply()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(at, provision.RootFile), office.RootText(), 0o600))
	must(t, os.WriteFile(filepath.Join(at, "site.toml"), fmt.Appendf(nil, siteOf, "/dev/ttyS1"), 0o600))
	_, err = site.Load(at)
	must(t, err)
	must(t, os.Mkdir(filepath.Join(at, "state"), 0o700))
	j, err := journal.Open(filepath.Join(at, "state", "journal.db"), time.Now)
	must(t, err)
	_, err = j.Record(journal.Entry{Kind: journal.Started})
	must(t, err)
	must(t, j.Close())
	pack, err := provision.Pack(office.Chain(2))
	must(t, err)
	must(t, os.WriteFile(r.pack, pack, 0o600))
}

// serve has honnind console serve a line in the machine until stop, and says which process it is.
func (r repair) serve(t *testing.T, args ...string) (pid int, stop func()) {
	t.Helper()
	m := machine(t)
	pid, err := m.Process(limit(t), qemu.Command{Name: "console", Args: append([]string{"/bin/honnind", "console", "--config", etc, "--lang", "en", "--line"}, args...)})
	must(t, err)
	return pid, func() {
		t.Helper()
		if code, err := m.Stop(limit(t), "console"); err != nil || code != 0 {
			said, _ := m.Said(limit(t), "console")
			t.Errorf("the console ended with %d, %v\n%s", code, err, said)
		}
	}
}

// journalled is what technicians did, by the journal, the last of it.
func journalled(t *testing.T, last int) (out []string) {
	t.Helper()
	r, err := machine(t).Run(limit(t), qemu.Command{Args: []string{"/bin/honnind", "journal", "show", "--last", "0", "--json", "--journal", journalAt}})
	if err != nil || r.Code != 0 {
		t.Fatalf("%v\n%s", err, r.Err)
	}
	for d := json.NewDecoder(strings.NewReader(r.Out)); d.More(); {
		var e journal.Entry
		must(t, d.Decode(&e))
		if kind, is := strings.CutPrefix(string(e.Kind), "technician-"); is {
			out = append(out, strings.Join([]string{kind, e.Staff, e.Reason}, " "))
		}
	}
	return out[max(0, len(out)-last):]
}

// leftWith waits until the journal ends with somebody who is signed out, and why.
func leftWith(t *testing.T, why string) {
	t.Helper()
	var got []string
	for ctx := limit(t); ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if got = journalled(t, 1); slices.Equal(got, []string{"out tech-7 " + why}) {
			return
		}
	}
	t.Fatalf("not signed out by %s: %q", why, got)
}

// process is what the kernel says of one.
type process struct {
	resident, switches int     // KiB; times it was woken
	busy               float64 // seconds
}

func look(t *testing.T, pid int) (p process) {
	t.Helper()
	m := machine(t)
	status, err := m.Read(limit(t), fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	p.resident = number(t, status, "VmRSS:")
	tasks, err := m.Names(limit(t), fmt.Sprintf("/proc/%d/task/*", pid))
	must(t, err)
	for _, at := range tasks {
		b, err := m.Read(limit(t), at+"/status")
		must(t, err)
		p.switches += number(t, b, "\nvoluntary_ctxt_switches:")
		b, err = m.Read(limit(t), at+"/schedstat")
		must(t, err)
		ns, err := strconv.ParseFloat(string(bytes.Fields(b)[0]), 64)
		must(t, err)
		p.busy += ns / 1e9
	}
	return p
}

func number(t *testing.T, text []byte, after string) (n int) {
	t.Helper()
	_, rest, is := bytes.Cut(text, []byte(after))
	if _, err := fmt.Sscan(string(rest), &n); err != nil || !is {
		t.Fatalf("no %q in %s", after, text)
	}
	return n
}

// idles logs what a process costs that has nothing to do.
func idles(t *testing.T, what string, pid int) {
	t.Helper()
	const looked = 3
	before := look(t, pid)
	time.Sleep(looked * time.Second)
	after := look(t, pid)
	t.Logf("%s: %.3f %% of the emulated processor, %.1f wake-ups a second, %d KiB resident", what, 100*(after.busy-before.busy)/looked,
		float64(after.switches-before.switches)/looked, after.resident)
}

// TestThirdMachine: the technician's console where no pseudoterminal is in the way.
func TestThirdMachine(t *testing.T) {
	t.Parallel()
	r := newRepair(t)
	m := machine(t)
	for _, args := range [][]string{{"700", etc + "/policy", state}, {"1777", "/var/lock"}} {
		if got, err := m.Run(limit(t), qemu.Command{Args: append([]string{"/bin/chmod"}, args...)}); err != nil || got.Code != 0 {
			t.Fatal(err, got)
		}
	}
	t.Run("uart", r.uart)
	t.Run("adapter", r.adapter)
	t.Run("reboot", r.reboot)
}

// reboot: a technician restarts the machine. Nothing comes after it.
func (r repair) reboot(t *testing.T) {
	c := r.dial(t)
	r.serve(t, "/dev/ttyS1")
	c.until("honnin console", "honnin> ")
	c.login()
	if d := c.says("reboot --yes", "reboot.state"); d["state"] != "begun" || d["why"] != "daemon-down" {
		t.Error(d)
	}
	must(t, machine(t).Restarted(limit(t)))
}
