package cardtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/drivers/card/virtual/vpcd"
)

// SocketVariable leads PC/SC clients to a World's pcscd.
const SocketVariable = "PCSCLITE_CSOCK_NAME"

// Reader is the name of the reader that a World lays cards into; vpcd has a second one, always empty.
const Reader = "Virtual PCD 00 00"

const (
	readyWithin = 20 * time.Second
	lookEvery   = 10 * time.Millisecond
	vpcdDriver  = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
)

// World is a pcscd with vpcd in a network and a mount namespace of its own.
type World struct {
	dir string

	mu     sync.Mutex
	daemon *exec.Cmd
	done   chan struct{} // closed when daemon has ended
	card   net.Conn      // of the card in the reader
	cards  sync.WaitGroup
}

// Need skips the test where a program or file is missing, or privileges are; with CI=true it fails instead.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, p)
		}
	}
	unavailable(t, missing)
}

func unavailable(t testing.TB, missing []string) {
	t.Helper()
	switch {
	case len(missing) == 0:
	case os.Getenv("CI") == "true":
		t.Fatalf("missing: %s", strings.Join(missing, ", "))
	default:
		t.Skipf("missing: %s", strings.Join(missing, ", "))
	}
}

// NewWorld starts a World that ends with the test. It needs pcscd, vsmartcard-vpcd, iproute2 and to be root.
func NewWorld(t testing.TB) *World {
	t.Helper()
	dir, err := os.MkdirTemp("", "pcscd") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return NewWorldIn(t, dir)
}

// NewWorldIn starts a World with its socket below dir. A process whose own libpcsclite is a client needs it: the library
// reads the socket's name once, so each World of that process must have the same one, one after the other.
func NewWorldIn(t testing.TB, dir string) *World {
	t.Helper()
	Need(t, "pcscd", "ip", "mount", "sh")
	var missing []string
	if _, err := os.Stat(vpcdDriver); err != nil {
		missing = append(missing, vpcdDriver)
	}
	if os.Geteuid() != 0 {
		missing = append(missing, "root, for namespaces")
	}
	unavailable(t, missing)
	w := &World{dir: dir}
	t.Cleanup(w.Stop)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// inside is run in the new namespaces: the loopback up, a private /run, and in it the directory that the outside sees
// too; real readers out of sight. pcscd gets no debug flags: they would write PINs.
const inside = `set -e
ip link set lo up
mount --make-rprivate /
mkdir -p "$1/run" "$1/conf"
if [ -d /dev/bus/usb ]; then mount -t tmpfs private /dev/bus/usb; fi
if [ -d /run/pcscd ]; then mount --bind "$1/run" /run/pcscd
else
	mount -t tmpfs -o mode=755 private /run
	mkdir /run/pcscd
	mount --bind "$1/run" /run/pcscd
fi
exec pcscd --foreground --critical -c "$1/conf"
`

const readerConf = `FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x8C7B
LIBPATH      ` + vpcdDriver + `
CHANNELID    0x8C7B
`

// Start starts pcscd, after [World.Stop] or [World.Kill] too, and waits until it listens.
func (w *World) Start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.daemon != nil {
		return errors.New("cardtest: pcscd is running")
	}
	if err := os.MkdirAll(filepath.Join(w.dir, "conf"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "conf", "vpcd"), []byte(readerConf), 0o644); err != nil {
		return err
	}
	for _, stale := range []string{"pcscd.comm", "pcscd.pid"} {
		_ = os.Remove(filepath.Join(w.dir, "run", stale))
	}
	cmd := exec.Command("sh", "-c", inside, "sh", w.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	done, err := startTied(cmd)
	if err != nil {
		return err
	}
	w.daemon, w.done = cmd, done
	return w.ready(&out)
}

// startTied starts cmd from a thread that lives as long as cmd: a death signal comes when the *thread* that started a
// child ends, and Go's threads come and go.
func startTied(cmd *exec.Cmd) (chan struct{}, error) {
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	return done, <-started
}

// ready waits until both the clients' socket and vpcd's port answer.
func (w *World) ready(out *strings.Builder) error {
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); time.Sleep(lookEvery) {
		select {
		case <-w.done:
			w.daemon = nil
			return fmt.Errorf("cardtest: pcscd ended: %s", out)
		default:
		}
		if c, err := net.Dial("unix", w.Socket()); err == nil {
			_ = c.Close()
			return nil
		}
	}
	return errors.New("cardtest: pcscd did not begin to listen")
}

// Socket is the path of pcscd's socket.
func (w *World) Socket() string { return filepath.Join(w.dir, "run", "pcscd.comm") }

// Env is the variable that leads a client here, as an entry for [exec.Cmd.Env].
func (w *World) Env() string { return SocketVariable + "=" + w.Socket() }

// Command prepares a program whose PC/SC is this World's. It runs outside, with the caller's network.
func (w *World) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), w.Env())
	return cmd
}

// Stop takes the card out and ends pcscd in good order.
func (w *World) Stop() { w.Pull(); w.end(syscall.SIGTERM) }

// Kill ends pcscd at once, which does not learn that the card is taken out.
func (w *World) Kill() { w.end(syscall.SIGKILL) }

// Freeze stops pcscd from answering, and returns when every thread of it has stopped; the returned function lets it
// go on.
func (w *World) Freeze() (thaw func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.daemon.Process
	_ = p.Signal(syscall.SIGSTOP)
	for end := time.Now().Add(readyWithin); !stopped(p.Pid) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	return func() { _ = p.Signal(syscall.SIGCONT) }
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

func (w *World) end(s syscall.Signal) {
	defer w.cards.Wait()
	defer w.Pull()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.daemon == nil {
		return
	}
	_ = w.daemon.Process.Signal(s)
	select {
	case <-w.done:
	case <-time.After(readyWithin):
		_ = w.daemon.Process.Kill()
		<-w.done
	}
	w.daemon = nil
}

// Place lays a card into the reader, taking out one that is there. pcscd sees it some hundred milliseconds later.
func (w *World) Place(c vpcd.Card) error {
	w.Pull()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.daemon == nil {
		return errors.New("cardtest: pcscd is not running")
	}
	conn, err := w.dial()
	if err != nil {
		return err
	}
	w.card = conn
	w.cards.Go(func() {
		_ = vpcd.Serve(context.Background(), conn, c) // it ends when the card is pulled or pcscd dies; the clients tell which
	})
	return nil
}

// Pull takes the card out, in the middle of a command too: the card itself may call it. Without a card it does
// nothing.
func (w *World) Pull() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.card != nil {
		_ = w.card.Close()
		w.card = nil
	}
}

// dial connects to vpcd from a thread inside the World's network; w.mu is held. The socket stays inside, the thread
// ends with its goroutine: it could not come back.
func (w *World) dial() (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = enterNetwork(w.daemon.Process.Pid); err != nil {
			return
		}
		for deadline := time.Now().Add(readyWithin); ; time.Sleep(lookEvery) {
			conn, err = net.Dial("tcp", vpcd.Address)
			if err == nil || time.Now().After(deadline) {
				return
			}
		}
	}()
	<-done
	return conn, err
}

func enterNetwork(pid int) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}
