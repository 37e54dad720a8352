package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Options say what is in the machine.
type Options struct {
	Dir      string            // for sockets and the console's log: a short path, 60 bytes at most
	Init     string            // the first process: a static program
	Programs map[string]string // further programs, by their path in the machine: the path here
	Files    map[string][]byte // further files
	Modules  []string          // drivers of the kernel
	Devices  []string          // arguments of QEMU's -device: controllers, at least
	Line     string            // a unix socket that QEMU makes: the far end of a second UART, the machine's /dev/ttyS1; empty: there is none
}

// Machine is one that runs.
type Machine struct {
	dir     string
	cmd     *exec.Cmd
	ended   chan struct{}
	control *control
	client  *http.Client
	ports   map[int]string // of the machine: an address here
}

// Tools are what must be installed here, beside apt-get and dpkg.
func Tools() []string {
	return []string{"qemu-system-x86_64", "udevadm", "xz", "apt-get", "dpkg"}
}

const (
	memory     = "512"           // MiB
	bootWithin = 2 * time.Minute // 10 s, but for a busy host
)

// Boot starts a machine and waits until its first process answers. It ends with ctx, or by [Machine.Kill].
func Boot(ctx context.Context, o Options) (*Machine, error) {
	k, err := findKernel(ctx)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(o.Dir, "root.cpio")
	if err := o.root(k, root); err != nil {
		return nil, err
	}
	m := &Machine{dir: o.Dir, ended: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, bootWithin)
	defer cancel()
	if err := m.start(ctx, append(machine(k, root), o.attached()...)); err != nil {
		return nil, err
	}
	if err := m.greet(ctx); err != nil {
		m.Kill()
		return nil, errors.Join(fmt.Errorf("qemu: the machine does not answer; it says\n%s", m.Console()), err)
	}
	return m, nil
}

// root makes the machine's root.
func (o Options) root(k kernel, to string) error {
	udevadm, err := exec.LookPath("udevadm")
	if err != nil {
		return err
	}
	i := image{}
	err = errors.Join(i.add("init", o.Init), i.program("bin/udevadm", udevadm), i.program("lib/systemd/systemd-udevd", udevadm),
		i.modules(k, append([]string{"e1000"}, o.Modules...)...))
	for at, from := range o.Programs {
		err = errors.Join(err, i.program(at, from))
	}
	for at, data := range o.Files {
		i[strings.TrimPrefix(at, "/")] = file{0o644, data}
	}
	if err != nil {
		return err
	}
	return i.write(to)
}

func machine(k kernel, root string) []string {
	return []string{"-machine", "q35", "-accel", "tcg", "-icount", "shift=0", "-cpu", "qemu64", "-smp", "1", "-m", memory,
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", filepath.Join(k.dir, "vmlinux"), "-initrd", root, "-append", "console=ttyS0 panic=-1 quiet loglevel=4",
		"-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:80,hostfwd=tcp:127.0.0.1:0-:8080,hostfwd=tcp:127.0.0.1:0-:631",
		"-device", "e1000,netdev=net,romfile="}
}

func (o Options) attached() []string {
	args := []string{"-serial", "file:" + filepath.Join(o.Dir, "console.log"), "-qmp", "unix:" + filepath.Join(o.Dir, "qmp") + ",server=on,wait=off"}
	if o.Line != "" {
		args = append(args, "-chardev", "socket,id="+UART+",path="+o.Line+",server=on,wait=off", "-serial", "chardev:"+UART)
	}
	for _, d := range o.Devices {
		args = append(args, "-device", d)
	}
	return args
}

// start starts QEMU from a thread that lives as long as it: a death signal comes when the thread that started a child
// ends, and Go's threads come and go.
func (m *Machine) start(ctx context.Context, args []string) error {
	said, err := os.Create(filepath.Join(m.dir, "qemu.log"))
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }()
	m.cmd = exec.Command("qemu-system-x86_64", args...)
	m.cmd.Stdout, m.cmd.Stderr = said, said
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer close(m.ended)
		err := m.cmd.Start()
		started <- err
		if err == nil {
			_ = m.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	m.control, err = m.dial(ctx)
	if err != nil {
		m.Kill()
		b, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%w: %s", err, b)
	}
	return nil
}

// dial waits for QEMU's control.
func (m *Machine) dial(ctx context.Context) (*control, error) {
	for {
		conn, err := net.Dial("unix", filepath.Join(m.dir, "qmp"))
		if err == nil {
			return newControl(ctx, conn)
		}
		select {
		case <-m.ended:
			return nil, errors.New("qemu: QEMU has ended")
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// greet waits for the first process. Connections that come before the machine has its address are lost, so each try is short.
func (m *Machine) greet(ctx context.Context) error {
	if err := m.findPorts(ctx); err != nil {
		return err
	}
	m.client = &http.Client{Transport: &http.Transport{DialContext: m.dialPort}}
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := m.ask(try, http.MethodGet, "/up", nil, nil)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-m.ended:
			return errors.New("qemu: the machine has ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// forwarded is a line of "info usernet": state, descriptor, address here, port here, address there, port there.
var forwarded = regexp.MustCompile(`TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)\s`)

// findPorts asks which ports of this host lead to the machine's.
func (m *Machine) findPorts(ctx context.Context) error {
	out, err := m.control.do(ctx, "human-monitor-command", map[string]any{"command-line": "info usernet"})
	var text string
	if err == nil {
		err = json.Unmarshal(out, &text)
	}
	m.ports = map[int]string{}
	for _, f := range forwarded.FindAllStringSubmatch(text, -1) {
		var there int
		_, _ = fmt.Sscan(f[2], &there) // digits, by the expression
		m.ports[there] = "127.0.0.1:" + f[1]
	}
	if err == nil && len(m.ports) != 3 {
		err = fmt.Errorf("qemu: ports in %q", text)
	}
	return err
}

func (m *Machine) dialPort(ctx context.Context, network, address string) (net.Conn, error) {
	port := 80
	if _, p, err := net.SplitHostPort(address); err == nil && p == "8080" {
		port = 8080
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", m.ports[port])
}

// Console is what the machine has said on its serial line, the end of it.
func (m *Machine) Console() string {
	b, err := os.ReadFile(filepath.Join(m.dir, "console.log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8000):])
}

// Kill ends the machine as a power cut does.
func (m *Machine) Kill() {
	_ = m.cmd.Process.Kill()
	<-m.ended
}

// Restarted waits until the machine has restarted itself, which is its end here.
func (m *Machine) Restarted(ctx context.Context) error {
	select {
	case <-m.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if why := m.control.ended(); why != "guest-reset" {
		return fmt.Errorf("qemu: the machine has ended: %q", why)
	}
	return nil
}

// Address is where a port of the machine is on this host: 80, its first process, 8080, its touch screen, or 631, ipp-usb.
func (m *Machine) Address(port int) string { return m.ports[port] }

// Screen is a client for the touch screen, which answers to http://127.0.0.1:8080/ only.
func (m *Machine) Screen() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: m.dialPort}}
}

// Socket makes a character device that leads to a unix socket, at which somebody here must listen.
func (m *Machine) Socket(ctx context.Context, id, path string) error {
	_, err := m.control.do(ctx, "chardev-add", map[string]any{"id": id, "backend": map[string]any{"type": "socket", "data": map[string]any{
		"addr": map[string]any{"type": "unix", "data": map[string]any{"path": path}}, "server": false}}})
	return err
}

// RemoveSocket takes it away again.
func (m *Machine) RemoveSocket(ctx context.Context, id string) error {
	_, err := m.control.do(ctx, "chardev-remove", map[string]any{"id": id})
	return err
}

// Plug adds a device (device_add): its properties, with driver and id.
func (m *Machine) Plug(ctx context.Context, properties map[string]any) error {
	_, err := m.control.do(ctx, "device_add", properties)
	return err
}

// Unplug takes a device away, and returns when QEMU has let go of it.
func (m *Machine) Unplug(ctx context.Context, id string) error { return m.control.remove(ctx, id) }

// UART is the id of the second UART's line.
const UART = "uart"

// Break sends a break down a line, to the machine.
func (m *Machine) Break(ctx context.Context, line string) error {
	_, err := m.control.do(ctx, "chardev-send-break", map[string]any{"id": line})
	return err
}

// Trace has QEMU write each of an event into its log from now on, or no more.
func (m *Machine) Trace(ctx context.Context, event string, on bool) error {
	_, err := m.control.do(ctx, "trace-event-set-state", map[string]any{"name": event, "enable": on})
	return err
}

// Log is what QEMU itself has said.
func (m *Machine) Log() (string, error) {
	b, err := os.ReadFile(filepath.Join(m.dir, "qemu.log"))
	return string(b), err
}
