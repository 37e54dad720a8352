package usb_test

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/identity"
	"honnin/daemon/provision"
	"honnin/drivers/card/cardtest"
	"honnin/testdata/usb/qemu"
)

const (
	terminal = protocol.Terminal("JP-99-000001")
	config   = "/etc/honnin"
	whole    = "/dev/sda"
	part     = whole + "1"
	before   = 1 << 20 // bytes of a stick before its partition
)

// siteText is a terminal's, whose policies only matter here.
const siteText = `version = 1
terminal = "JP-99-000001"
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
url = "https://127.0.0.1:1"
ca = "centre-ca.pem"
`

// fieldwork is a terminal to which sticks are brought, and the office that they come from.
type fieldwork struct {
	*testing.T
	machine  *qemu.Machine
	policies []signed.Bundle // from version 1 on
	ca       *sign.Pair      // of the terminal's keys
	has      int             // the version that the terminal has
}

// newFieldwork sets the terminal up.
func newFieldwork(t *testing.T) *fieldwork {
	f := &fieldwork{T: t, machine: machine(t)}
	at := time.Now()
	office := signedtest.New(t, at)
	f.policies = office.Chain(6)
	f.put(config+"/site.toml", []byte(siteText))
	f.put(config+"/"+provision.RootFile, office.RootText())
	must(t, f.machine.Write(limit(t), "/sys/module/usb_storage/parameters/delay_use", []byte("0")))
	f.lay("/tmp/first", 1)
	f.honnind(0, "policy", "receive", "--config", config, "/tmp/first")
	f.honnind(0, "policy", "apply", "--config", config)
	f.has = 1
	f.enrol(at)
	for _, dir := range []string{"policy", "keys"} { // they are the daemon's, and whoever reads sticks is root
		must(t, f.machine.Own(limit(t), config+"/"+dir, user))
	}
	return f
}

// sticks: what field staff bring, on the file systems that sticks come with, made by the formatters of others and written by the
// kernel.
func (f *fieldwork) sticks(t *testing.T) {
	f.T = t
	cardtest.Need(t, "mkfs.exfat")
	f.run("FAT12", f.good("mkfs.vfat", 8<<20, "-F", "12", "-s", "8"))
	f.run("FAT16", f.good("mkfs.vfat", 16<<20, "-F", "16"))
	f.run("FAT32", f.good("mkfs.vfat", 40<<20, "-F", "32", "-s", "1"))
	f.run("exFAT", f.good("mkfs.exfat", 8<<20))
	f.damaged()
	f.run("pulled while it is read", f.pulled)
	f.run("good after all of them", f.good("mkfs.vfat", 16<<20, "-F", "16"))
	if n := strings.Count(inside(t, "/bin/honnind", "policy", "history", "--config", config), "\n"); n != f.has {
		t.Errorf("the terminal keeps %d policies, and took %d", n, f.has)
	}
}

// run is a part of the test.
func (f *fieldwork) run(name string, part func()) {
	outer := f.T
	defer func() { f.T = outer }()
	outer.Run(name, func(t *testing.T) {
		f.T = t
		part()
	})
}

func (f *fieldwork) put(path string, b []byte) {
	f.Helper()
	must(f.T, f.machine.Write(limit(f.T), path, b))
}

// honnind runs it as root, wants an exit status, and returns what it said.
func (f *fieldwork) honnind(status int, args ...string) string {
	f.Helper()
	r, err := f.machine.Run(limit(f.T), qemu.Command{Args: append([]string{"/bin/honnind"}, args...)})
	if err != nil || r.Code != status {
		f.Fatalf("%v: %d, want %d, %v\n%s%s", args, r.Code, status, err, r.Out, r.Err)
	}
	return r.Out + r.Err
}

func (f *fieldwork) wants(said string, words ...string) {
	f.Helper()
	for _, w := range words {
		if !strings.Contains(said, w) {
			f.Errorf("want %q in:\n%s", w, said)
		}
	}
}

// enrol gives the terminal its keys: it signs what came of a stick with one.
func (f *fieldwork) enrol(at time.Time) {
	f.Helper()
	var err error
	f.ca, err = sign.NewCA(sign.Template{Name: "Terminals (test)", NotBefore: at.Add(-time.Hour), NotAfter: at.Add(24 * time.Hour)})
	must(f.T, err)
	f.put("/tmp/asked/.keep", nil)
	f.honnind(0, "keys", "enrol", "--config", config, "--out", "/tmp/asked")
	install := []string{"keys", "install", "--config", config}
	for _, u := range identity.Uses() {
		name := fmt.Sprintf("/tmp/asked/%s-%s", terminal, u)
		b, err := f.machine.Read(limit(f.T), name+".csr.pem")
		must(f.T, err)
		asked, err := identity.ParseRequest(b)
		must(f.T, err)
		c, err := identity.Issue(f.ca, asked, at.Add(-time.Hour), at.Add(23*time.Hour))
		must(f.T, err)
		f.put(name+".pem", []byte(signedtest.Armour(c)))
		install = append(install, name+".pem")
	}
	f.honnind(0, install...)
}

// format makes a stick with one partition: an image on this host.
func (f *fieldwork) format(mkfs string, size int64, args ...string) (image string) {
	f.Helper()
	image = filepath.Join(f.TempDir(), "stick")
	w, err := os.Create(image)
	must(f.T, err)
	defer func() { must(f.T, w.Close()) }()
	must(f.T, w.Truncate(size))
	out, err := exec.Command(mkfs, append(args, image)...).CombinedOutput()
	if err != nil {
		f.Fatalf("%s: %v\n%s", mkfs, err, out)
	}
	inside, err := os.ReadFile(image)
	must(f.T, err)
	table := make([]byte, before) // a partition table: one entry at 446, its kind, first sector and length in sectors
	table[446+4] = map[string]byte{"mkfs.vfat": 0x0C, "mkfs.exfat": 0x07}[mkfs]
	binary.LittleEndian.PutUint32(table[446+8:], before/512)
	binary.LittleEndian.PutUint32(table[446+12:], uint32(size/512))
	copy(table[510:], "\x55\xAA")
	must(f.T, w.Truncate(0))
	_, err = io.Copy(w, io.MultiReader(bytes.NewReader(table), bytes.NewReader(inside)))
	must(f.T, err)
	return image
}

// insert plugs a stick in, waits for its device, does something and pulls it, whatever became of that.
func (f *fieldwork) insert(image, device string, pace int, do func()) {
	f.Helper()
	must(f.T, f.machine.Insert(limit(f.T), "stick", image, pace))
	defer func() {
		must(f.T, f.machine.Pull(limit(f.T), "stick"))
		awaitNoFile(f.T, whole)
	}()
	awaitFile(f.T, device)
	do()
}

// mounted does something with a stick that the machine's own mount mounted.
func (f *fieldwork) mounted(do func(dir string)) {
	f.Helper()
	const dir = "/tmp/stick"
	f.put(dir+"/.keep", nil)
	f.tool("mount", part, dir)
	do(dir)
	f.tool("umount", dir)
}

func (f *fieldwork) tool(name string, args ...string) {
	f.Helper()
	r, err := f.machine.Run(limit(f.T), qemu.Command{Args: append([]string{"/bin/" + name}, args...)})
	if err != nil || r.Code != 0 {
		f.Fatalf("%s %v: %d, %v\n%s%s", name, args, r.Code, err, r.Out, r.Err)
	}
}

// lay writes a policy with its signatures.
func (f *fieldwork) lay(dir string, version int) {
	f.Helper()
	b := f.policies[version-1]
	f.put(dir+"/policy.toml", b.Text)
	for n, s := range b.Signatures {
		f.put(fmt.Sprintf("%s/policy.toml.%c.p7s", dir, 'a'+n), s.DER)
	}
}

// long has so much in a policy's place that it is read for a while.
func (f *fieldwork) long(dir string) {
	f.Helper()
	f.put(dir+"/policy.toml", bytes.Repeat([]byte("# 見本\n"), 600_000))
}

// good is a stick with all policies so far in numbered directories, and what else is on people's sticks: it is read and not changed,
// taken in, and takes the result, which the office believes.
func (f *fieldwork) good(mkfs string, size int64, args ...string) func() {
	return func() {
		f.Helper()
		image := f.format(mkfs, size, args...)
		long := strings.Repeat("方針の控え（見本市）", 25) // of 255 characters at most
		f.insert(image, part, 0, func() {
			f.mounted(func(dir string) {
				for v := f.has; v <= f.has+1; v++ {
					f.lay(fmt.Sprintf("%s/%d", dir, v), v)
				}
				f.put(dir+"/"+long+".txt", []byte("控え"))
				f.put(dir+"/2026/"+long+".toml", []byte("控え"))
			})
		})
		clean, err := os.ReadFile(image)
		must(f.T, err)
		f.insert(image, part, 0, func() {
			f.wants(f.honnind(0, "policy", "check", "--config", config, "--device", part), "一致", fmt.Sprintf("→ %d, signed by", f.has+1), "passed over: directory 2026")
		})
		if after, err := os.ReadFile(image); err != nil || !bytes.Equal(clean, after) {
			f.Error("a look changed the stick", err)
		}
		f.insert(image, part, 0, func() {
			f.wants(f.honnind(0, "policy", "receive", "--config", config, "--device", part, "--result-back"), "一致")
			f.has++
			f.wants(f.honnind(0, "policy", "receive", "--config", config, "--device", part, "--result-back"), "済み") // written over
		})
		f.insert(image, part, 0, func() { f.mounted(f.believed) })
	}
}

// believed reads the result as the office does.
func (f *fieldwork) believed(dir string) {
	f.Helper()
	b, err := f.machine.Read(limit(f.T), dir+"/"+provision.ResultName(terminal))
	must(f.T, err)
	content, from, _, err := identity.Verify(b, []*x509.Certificate{f.ca.Certificate})
	must(f.T, err)
	r, err := provision.ParseResult(content)
	if err != nil || from != terminal || r.Has().Version != uint64(f.has) {
		f.Errorf("%+v from %s, %v", r, from, err)
	}
}
