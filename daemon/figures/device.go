package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*" eavesdrop="true"/><allow receive_sender="*" eavesdrop="true"/></policy></busconfig>`

// engine takes every document and says that both pages of it came out.
const engine = "#!/bin/sh\necho 'ATTR: job-impressions=2' >&2\necho 'ATTR: job-impressions-completed=2' >&2\n"

// startPrinter starts CUPS' IPP Everywhere printer (Debian: cups-ipp-utils, dbus).
func startPrinter(ctx context.Context) (d *device, err error) {
	d = new(device)
	if d.dir, err = os.MkdirTemp("", "honnin-"); err != nil { // short: a socket's path has 107 bytes
		return nil, err
	}
	if err := errors.Join(d.write(), d.bus(ctx)); err != nil {
		d.stop()
		return nil, err
	}
	if err := d.printer(ctx); err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

func (d *device) path(name string) string { return filepath.Join(d.dir, name) }

func (d *device) write() error {
	return errors.Join(os.Mkdir(d.path("spool"), 0o700), os.Mkdir(d.path("keys"), 0o700),
		os.WriteFile(d.path("engine"), []byte(engine), 0o700),
		os.WriteFile(d.path("bus.conf"), fmt.Appendf(nil, busConfig, d.path("bus")), 0o600))
}

func (d *device) start(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := c.Start()
	if err == nil {
		d.procs = append(d.procs, c)
	}
	return err
}

func (d *device) bus(ctx context.Context) error {
	c := exec.CommandContext(ctx, "dbus-daemon", "--config-file="+d.path("bus.conf"), "--nofork", "--nopidfile", "--print-address=1")
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.start(c); err != nil {
		return err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	return err
}

func (d *device) printer(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, d.port, _ = net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "ippeveprinter", "-K", d.path("keys"), "-d", d.path("spool"), "-c", d.path("engine"),
		"-f", "application/pdf", "-p", d.port, "-n", "localhost", "-r", "off", "-2", "Figures")
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "TMPDIR=" + d.dir, "DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + d.path("bus")}
	if err := d.start(c); err != nil {
		return err
	}
	return eventually(ctx, "ippeveprinter answers", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+d.port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// stop ends what was started, last first.
func (d *device) stop() {
	for i := len(d.procs) - 1; i >= 0; i-- {
		_ = d.procs[i].Process.Kill()
		_ = d.procs[i].Wait()
	}
	_ = os.RemoveAll(d.dir)
}

const patience = 20 * time.Second

// eventually waits until so, but not for ever.
func eventually(ctx context.Context, what string, so func() bool) error {
	for end := time.Now().Add(patience); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) || ctx.Err() != nil {
			return errors.New("waited in vain: " + strings.TrimSpace(what))
		}
	}
	return nil
}
