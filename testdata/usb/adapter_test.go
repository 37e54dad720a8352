package usb_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/testdata/usb/qemu"
)

// plug plugs an adapter into the machine's USB, always at the same port, with a new cable at it. out takes it away.
func (r repair) plug(t *testing.T, n int) (c *cable, out func()) {
	t.Helper()
	m := machine(t)
	path := fmt.Sprintf("%s-%d", r.line, n)
	l, err := net.Listen("unix", path)
	must(t, err)
	defer func() { _ = l.Close() }()
	must(t, m.Socket(limit(t), "adapter", path))
	conn, err := l.Accept()
	must(t, err)
	must(t, m.Plug(limit(t), map[string]any{"driver": "usb-serial", "id": "ftdi", "chardev": "adapter", "bus": "xhci.0", "port": "2", "always-plugged": true}))
	return newCable(t, conn, r.key), func() {
		t.Helper()
		drained(t, conn) // QEMU 7.2 dies where an adapter that goes is sent something (usb_wakeup has no bus any more)
		must(t, m.Unplug(limit(t), "ftdi"))
		must(t, m.RemoveSocket(limit(t), "adapter"))
	}
}

// drained waits until the other end has read everything.
func drained(t *testing.T, conn net.Conn) {
	t.Helper()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	must(t, err)
	for ctx, left := limit(t), 1; left > 0; time.Sleep(time.Millisecond) {
		must(t, ctx.Err())
		var failed error
		must(t, raw.Control(func(fd uintptr) { left, failed = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) }))
		must(t, failed)
	}
}

// adapter: an FTDI on USB, which goes and comes back.
func (r repair) adapter(t *testing.T) {
	m := machine(t)
	_, out := r.plug(t, 0)
	awaitFile(t, "/dev/serial/by-path/*")
	names, err := m.Names(limit(t), "/dev/serial/by-path/*")
	must(t, err)
	t.Logf("the adapter is %q", names)
	out()
	awaitNoFile(t, "/dev/ttyUSB*")
	must(t, m.Write(limit(t), etc+"/site.toml", fmt.Appendf(nil, siteOf, names[0])))
	pid, stop := r.serve(t, "site") // it waits for the adapter

	c, out := r.plug(t, 1)
	c.until("honnin console", "honnin> ")
	c.login()
	idles(t, "signed in over the adapter", pid)
	c.send("doctor --json\r")
	c.until("doctor --json", "")
	out()
	leftWith(t, "hang-up")

	awaitNoFile(t, "/dev/ttyUSB0")
	t.Run("elsewhere", r.elsewhere)
	t.Run("files", r.files)
	stop()
	t.Run("not root", r.notRoot)
}

// elsewhere: while somebody holds what is left of the adapter, it comes back under another name; the one that stays leads there.
func (r repair) elsewhere(t *testing.T) {
	m := machine(t)
	c, out := r.plug(t, 2)
	c.until("honnin console", "honnin> ")
	c.nobody()
	c.login()
	pid, err := m.Process(limit(t), qemu.Command{Name: "holder", Args: []string{"/bin/flock", "--unlock", "/dev/ttyUSB0", "/bin/sleep", "1000"}})
	must(t, err)
	awaitText(t, fmt.Sprintf("/proc/%d/task/%d/children", pid, pid), " ") // then flock has opened it
	out()
	leftWith(t, "hang-up")
	c, out = r.plug(t, 3)
	awaitFile(t, "/dev/ttyUSB1")
	c.until("honnin console", "honnin> ")
	c.nobody()
	out()
	awaitNoFile(t, "/dev/ttyUSB1")
}

// slowly is the file that has udev take its time.
const slowly = "/run/slowly"

// notRoot: an adapter that comes is root's, until udev gives it to its group, for which the console waits.
func (r repair) notRoot(t *testing.T) {
	const config = "/tmp/config"
	m := machine(t)
	must(t, m.Write(limit(t), slowly, nil))
	must(t, m.Write(limit(t), config+"/site.toml", fmt.Appendf(nil, siteOf, "/dev/ttyUSB1")))
	must(t, m.Own(limit(t), config, user))
	must(t, m.Start(limit(t), qemu.Command{Name: "theirs", User: user, Args: []string{"/bin/honnind", "console", "--config", config, "--lang", "en", "--line", "site"}}))
	for n := range 2 {
		c, out := r.plug(t, 10+n)
		c.until("honnin console", "honnin> ")
		c.nobody()
		out()
		awaitNoFile(t, "/dev/ttyUSB1")
	}
	if code, err := m.Stop(limit(t), "theirs"); err != nil || code != 0 {
		t.Error(code, err)
	}
}

func awaitText(t *testing.T, path, text string) {
	t.Helper()
	for ctx := limit(t); ; time.Sleep(20 * time.Millisecond) {
		b, err := machine(t).Read(ctx, path)
		must(t, err)
		if bytes.Contains(b, []byte(text)) {
			return
		}
	}
}

// files: a policy whose transfer is cut is not taken in, and leaves nothing; the next one is.
func (r repair) files(t *testing.T) {
	c, out := r.plug(t, 4)
	c.until("honnin console", "honnin> ")
	c.login()
	c.transfer("policy receive --json", 3000, out, "sz", "-q", r.pack)
	leftWith(t, "hang-up")
	awaitNoFile(t, "/tmp/honnin-line-*")
	awaitNoFile(t, "/dev/ttyUSB1")
	c, out = r.plug(t, 5)
	c.until("honnin console", "honnin> ")
	c.login()
	if p := c.says("policy show", "policy.inforce"); p["version"] != 1.0 {
		t.Error(p)
	}
	c.transfer("policy receive --json", 0, nil, "sz", "-q", r.pack)
	if said := c.until(`"code":"done"`, "> "); !strings.Contains(said, `"verdict":"received","why":null,"version":2`) {
		t.Errorf("%q", said)
	}
	if p := c.says("policy apply --yes", "policy.verdict"); p["verdict"] != "applied" {
		t.Error(p)
	}
	c.send("logout\r")
	c.until("Signed out", "honnin> ")
	out()
}
