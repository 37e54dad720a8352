// Command guest is the first process of the machine that the USB tests run in: there is nothing else but the kernel, udevd
// and what is tested. It sets the machine up, then does what it is told over HTTP, on the one network card, whose other
// end is a user-mode network of QEMU's that reaches nobody else. A second port leads to the touch screen on loopback.
//
// Whatever programs say goes to the serial console too: that is the log which is left when the machine does not answer.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 { // as /sbin/reboot, which tells init, as busybox's does
		if err := unix.Kill(1, unix.SIGTERM); err != nil {
			fmt.Println("guest:", err)
			os.Exit(1)
		}
		return
	}
	go restart()
	if err := setUp(); err != nil {
		fmt.Println("guest:", err)
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	go forward("10.0.2.15:8080", "127.0.0.1:8080")
	go forward("10.0.2.15:631", "127.0.0.1:60000") // ipp-usb's first printer
	fmt.Println("guest: ready")
	fmt.Println("guest:", http.ListenAndServe(":80", newPrograms().handler()))
}

// restart is what init does when it is told to: programs get a second for their last words.
func restart() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGTERM)
	<-told
	time.Sleep(time.Second)
	unix.Sync()
	fmt.Println("guest:", unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART))
}

func setUp() error {
	_ = os.Setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin")
	for _, m := range []struct{ kind, at, options string }{
		{"devtmpfs", "/dev", ""}, {"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"tmpfs", "/run", "mode=755"}, {"tmpfs", "/tmp", ""}, {"tmpfs", "/dev/shm", ""},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, m.options); err != nil {
			return fmt.Errorf("%s: %w", m.at, err)
		}
	}
	everything := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &everything); err != nil { // as the daemon's unit file would
		return err
	}
	if err := startUdev(); err != nil {
		return err
	}
	if err := loadModules(); err != nil {
		return err
	}
	return connect()
}

// startUdev returns when udevd listens: it leaves its caller only then.
func startUdev() error {
	if err := os.MkdirAll("/run/udev", 0o755); err != nil {
		return err
	}
	code, said, err := run("/lib/systemd/systemd-udevd", "--daemon", "--resolve-names=early")
	if err != nil || code != 0 {
		return fmt.Errorf("udevd: %d, %w: %s", code, err, said)
	}
	return nil
}

// loadModules loads what /lib/modules/order names, a file a line.
func loadModules() error {
	order, err := os.ReadFile("/lib/modules/order")
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(order)) {
		f, err := os.Open(filepath.Join("/lib/modules", name))
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), "", 0)
		_ = f.Close()
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
	}
	return nil
}

// connect gives the two network interfaces their addresses; 10.0.2.15 is where QEMU sends what it forwards.
func connect() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(s) }()
	for name, address := range map[string][4]byte{"lo": {127, 0, 0, 1}, "eth0": {10, 0, 2, 15}} {
		r, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		_ = r.SetInet4Addr(address[:]) // of four bytes, as it has to be
		if err := unix.IoctlIfreq(s, unix.SIOCSIFADDR, r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// forward carries connections as they are.
func forward(from, to string) {
	l, err := net.Listen("tcp", from)
	if err != nil {
		fmt.Println("guest:", err)
		return
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go carry(c, to)
	}
}

func carry(c net.Conn, to string) {
	defer func() { _ = c.Close() }()
	d, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(d, c)
		_ = d.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(c, d)
	_ = d.Close()
}
