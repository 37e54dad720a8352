package usb_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
	"honnin/spool/journal"
	"honnin/testdata/usb/qemu"
)

// world is what the machines have in common, made once.
var world struct {
	once    sync.Once
	dir     string
	options qemu.Options
	missing string
	err     error
}

// place is a machine, and who lives there. A boot takes longer than nearly any test, so many share one, one after the other; two
// machines run side by side, since a machine waits more than it works.
type place struct {
	once    sync.Once
	machine *qemu.Machine
	err     error
	stop    context.CancelFunc
	people  []*virtual.Card
	bring   func(*qemu.Options) // what else is in this machine; nil: nothing
}

// places are by the test that has the machine.
var places = map[string]*place{"TestFirstMachine": {}, "TestSecondMachine": {}, "TestThirdMachine": {}}

// here is where a test takes place.
func here(t testing.TB) (*place, string) {
	name, _, _ := strings.Cut(t.Name(), "/")
	if places[name] == nil {
		t.Fatal("no machine is set aside for ", name)
	}
	return places[name], filepath.Join(world.dir, name[len("Test"):])
}

// person is somebody's card.
func person(t testing.TB, n int) *virtual.Card {
	p, _ := here(t)
	return p.people[n]
}

// holders is how many cards there are at each place; their PIN is cardtest.PIN.
const holders = 2

// user is the number of the machines' user honnin, and of the group honnin-usb, which the udev rules are for.
const user = 990

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	for _, p := range places {
		if p.machine != nil {
			p.stop()
			p.machine.Kill()
		}
	}
	if code == 0 && world.dir != "" {
		_ = os.RemoveAll(world.dir)
	}
	os.Exit(code)
}

// machine boots the machine of a test, or gives the one that runs. It skips the test where tools are missing, and fails it where
// CI=true.
func machine(t testing.TB) *qemu.Machine {
	t.Helper()
	cardtest.Need(t, append(qemu.Tools(), tools...)...)
	world.once.Do(func() {
		began := time.Now()
		if err := qemu.Known("linux-image-amd64", "ipp-usb", "libccid"); err != nil && os.Getenv("CI") != "true" {
			world.missing = err.Error()
			return
		}
		world.err = prepare()
		t.Logf("built in %.1f s", time.Since(began).Seconds())
	})
	switch {
	case world.missing != "":
		t.Skip(world.missing)
	case world.err != nil:
		t.Fatal(world.err)
	}
	p, dir := here(t)
	p.once.Do(func() {
		began := time.Now()
		p.err = p.boot(dir)
		t.Logf("booted in %.1f s", time.Since(began).Seconds())
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.machine
}

func (p *place) boot(dir string) (err error) {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	fmt.Println("what the machine says is in", dir, "until all has passed")
	o := world.options
	o.Dir, o.Files, o.Programs = dir, maps.Clone(o.Files), maps.Clone(o.Programs)
	if p.bring != nil {
		p.bring(&o)
	}
	if p.people, err = people(o.Files); err == nil {
		p.machine, err = qemu.Boot(ctx, o)
	}
	return err
}

// tools are what is needed here beside those of the machines: libccid and ipp-usb are fetched.
var tools = []string{"pcscd", "mkfs.vfat", "mount", "umount"}

// prepare makes what is in every machine.
func prepare() (err error) {
	if world.dir, err = os.MkdirTemp("", "honnin-usb-"); err != nil {
		return err
	}
	world.options = qemu.Options{Init: built("guest"),
		Modules: []string{"xhci-pci", "ehci-pci", "usblp", "usb-storage", "sd_mod", "vfat", "exfat", "nls_cp437", "nls_ascii", "nls_utf8"},
		Devices: []string{"qemu-xhci,id=xhci", "usb-ehci,id=ehci"}, Programs: map[string]string{"/bin/honnind": built("honnind")}}
	for _, tool := range []string{"mount", "umount"} {
		if world.options.Programs["/bin/"+tool], err = exec.LookPath(tool); err != nil {
			return err
		}
	}
	if err := build(); err != nil {
		return err
	}
	if world.options.Files, err = files(); err != nil {
		return err
	}
	return others(context.Background(), &world.options)
}

// built is where a program is that was made here.
func built(name string) string { return filepath.Join(world.dir, name) }

// build makes honnind as it is shipped, the first process, the tests' own programs, and a practice world's keys, which an emulated
// machine would make for a minute.
func build() error {
	done := make(chan error)
	for _, steps := range [][][]string{
		{{"go", "build", "-o", built("honnind"), "honnin/daemon"}, {built("honnind"), "practice", "--visits", "1", "--state", built("practice")}},
		{{"env", "CGO_ENABLED=0", "go", "build", "-ldflags", "-s -w", "-o", built("guest"), "honnin/testdata/usb/guest"},
			{"go", "build", "-ldflags", "-s -w", "-o", built("visit"), "honnin/testdata/usb/visit"},
			{"go", "test", "-c", "-tags", "guest", "-ldflags", "-s -w", "-o", built("seam"), "honnin/drivers/internal/usb"}},
	} {
		go func() { done <- inOrder(steps) }()
	}
	return errors.Join(<-done, <-done)
}

func inOrder(steps [][]string) error {
	for _, args := range steps {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", args, err, out)
		}
	}
	return nil
}

const keys = "practice/keys/practice-keys.pem"

// files are a user and a group, the udev rules as honnind prints them, and keys.
func files() (map[string][]byte, error) {
	rules, err := exec.Command(built("honnind"), "devices", "--rules").Output()
	if err != nil {
		return nil, err
	}
	made, err := os.ReadFile(built(keys))
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{
		"/lib/udev/rules.d/70-honnin-usb.rules": rules,
		"/etc/passwd":                           []byte(fmt.Sprintf("root:x:0:0::/:/bin/sh\nhonnin:x:%d:%d::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n", user, user)),
		"/etc/group":                            []byte(fmt.Sprintf("root:x:0:\nhonnin-usb:x:%d:\nnogroup:x:65534:\n", user)),
		"/" + keys:                              made,
	}
	return all, nil
}

// people makes cards, and puts the authorities that issued them into a machine.
func people(files map[string][]byte) (all []*virtual.Card, err error) {
	for n := range holders {
		h, err := cardtest.NewHolder(cardtest.RSA2048, 1266)
		if err != nil {
			return nil, err
		}
		c, err := virtual.New(h)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
		files[fmt.Sprintf("/etc/anchors/%d.pem", n)] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.AuthCA})
	}
	return all, nil
}

// kiosk is a terminal in the machine with its touch screen.
type kiosk struct {
	*screen
	t       *testing.T
	machine *qemu.Machine
	state   string
	stopped bool
}

// patience bounds what is asked of the machine at once.
const patience = 2 * time.Minute

func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// inside runs a program in the machine as the terminal's user, which must end well.
func inside(t *testing.T, args ...string) string {
	t.Helper()
	r, err := machine(t).Run(limit(t), qemu.Command{Args: args, User: user})
	if err != nil || r.Code != 0 {
		t.Fatalf("%v: %d, %v\n%s%s", args, r.Code, err, r.Out, r.Err)
	}
	return r.Out
}

// open starts a terminal with this machine's readers, and a printer. It ends with the test.
func open(t *testing.T, printer string, more ...string) *kiosk {
	t.Helper()
	m := machine(t)
	k := &kiosk{t: t, machine: m, state: "/tmp/" + strings.ReplaceAll(t.Name(), "/", "-")}
	b, err := m.Read(limit(t), "/"+keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(limit(t), k.state+"/keys/practice-keys.pem", b); err != nil {
		t.Fatal(err)
	}
	if err := m.Own(limit(t), k.state, user); err != nil {
		t.Fatal(err)
	}
	err = m.Start(limit(t), qemu.Command{Name: "kiosk", User: user, Args: append([]string{"/bin/honnind", "practice", "--reader", "usb", "--printer", printer,
		"--state", k.state, "--listen", "127.0.0.1:8080", "--card-anchors", "/etc/anchors", "--enrol"}, more...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	k.ready(t)
	k.screen = watch(t, m.Screen())
	return k
}

// run is a part of a test, with this terminal.
func (k *kiosk) run(name string, part func(*testing.T)) {
	whole := k.t
	defer func() { k.t, k.screen.t = whole, whole }()
	whole.Run(name, func(t *testing.T) {
		k.t, k.screen.t = t, t
		part(t)
	})
}

// ready waits until the terminal says that its screen is there.
func (k *kiosk) ready(t *testing.T) {
	t.Helper()
	ctx := limit(t)
	for {
		said, err := k.machine.Said(ctx, "kiosk")
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.Contains(said, "ready  http"):
			return
		case strings.Contains(said, "kiosk has ended"):
			t.Fatal(said)
		}
		select {
		case <-ctx.Done():
			t.Fatal(said)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// close ends the terminal in good order, and looks into what it said.
func (k *kiosk) close() {
	if k.stopped {
		return
	}
	k.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if code, err := k.machine.Stop(ctx, "kiosk"); err != nil || code != 0 {
		k.t.Errorf("the terminal ended with %d, %v", code, err)
	}
	said, err := k.machine.Said(ctx, "kiosk")
	if err != nil {
		k.t.Errorf("its log: %v", err)
	}
	said = strings.ReplaceAll(said, "its PIN is "+cardtest.PIN, "its PIN is …") // the guide's
	if regexp.MustCompile(`\b` + cardtest.PIN + `\b`).MatchString(said) {
		k.t.Error("the PIN is in its log")
	}
	if k.t.Failed() {
		k.t.Logf("the terminal said\n%s", said)
	}
}

// entries is the terminal's journal.
func (k *kiosk) entries() (all []journal.Entry) {
	k.t.Helper()
	files, err := k.machine.Names(limit(k.t), k.state+"/terminals/*/journal.db")
	if err != nil || len(files) != 1 {
		k.t.Fatalf("journals: %v, %v", files, err)
	}
	out, err := k.machine.Run(limit(k.t), qemu.Command{User: user, Args: []string{"/bin/honnind", "journal", "show", "--last", "0", "--json", "--journal", files[0]}})
	if err != nil || out.Code != 0 {
		k.t.Fatalf("journal: %v\n%s", err, out.Err)
	}
	for d := json.NewDecoder(strings.NewReader(out.Out)); d.More(); {
		var e journal.Entry
		if err := d.Decode(&e); err != nil {
			k.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
