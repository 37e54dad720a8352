package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"honnin/config/policy"
	"honnin/config/site"
	"honnin/daemon/identity"
	"honnin/daemon/selftest"
	"honnin/daemon/technician"
	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/drivers/serial"
	"honnin/spool"
	"honnin/spool/document/inspect"
	"honnin/spool/incident"
	"honnin/ui/console"
)

// consoleFlags are the words of "honnind console".
type consoleFlags struct {
	config, line, lang string
	speed              int
}

func consoleCommand() *cobra.Command {
	var f consoleFlags
	c := &cobra.Command{
		Use:   "console --config DIR [--line DEVICE|site [--speed BAUD]]",
		Short: "the technician's console, here or on a serial line",
		Long: "console answers a technician: help lists what can be asked, doctor says what is wrong and what to do. Without --line it\n" +
			"is here, until Ctrl-D; with it, on that line for ever, which may be unplugged and come back. It answers whether the daemon\n" +
			"runs or not. Run it as the daemon's user; files go over the line only where that is root (rz and sz then run as nobody). Its commands: ui/console/CONSOLE.md.\n" +
			"保守員のコンソール。honnind が止まっていても答えます。",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			log := newLog(c.ErrOrStderr(), false)
			if err := harden(log); err != nil {
				return err
			}
			return f.run(c.Context(), log)
		},
	}
	c.Flags().StringVar(&f.config, "config", "", "directory of site.toml")
	c.Flags().StringVar(&f.line, "line", "", "a serial line such as /dev/ttyS0; site: that of site.toml; without it, here")
	c.Flags().IntVar(&f.speed, "speed", 0, "with --line: its rate in baud (default 115200, or site.toml's)")
	c.Flags().StringVar(&f.lang, "lang", "ja", "the language to begin with: ja or en")
	return c
}

func (f *consoleFlags) run(ctx context.Context, log logrus.FieldLogger) error {
	if f.config == "" || f.lang != "ja" && f.lang != "en" {
		return usage("console needs --config DIR, and --lang ja or en")
	}
	s, err := site.Load(f.config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	m, err := machineOf(f.config, s, log)
	if err != nil {
		return err
	}
	o := console.Options{Terminal: s.Terminal, Machine: m, Offers: technician.Does, Keys: m, Seats: m, Journal: m, Door: &console.Door{}, Lang: f.lang, Now: time.Now, Rand: rand.Reader}
	if f.line == "" {
		return here(ctx, o)
	}
	field := fieldFlags{line: f.line, baud: f.speed}
	at, err := field.lineOptions(s)
	if err != nil {
		return err
	}
	return onLine(ctx, at, o, log)
}

// machineOf is a configured terminal for its console. Its policies are read anew until that succeeds once.
func machineOf(dir string, s site.Site, log logrus.FieldLogger) (*technician.Machine, error) {
	catalogue, err := incident.Load()
	if err != nil {
		return nil, err
	}
	var store technician.Policies
	policies := func() (technician.Policies, error) {
		if store != nil {
			return store, nil
		}
		opened, _, err := policyStore(dir)
		if err == nil {
			store = opened
		}
		return opened, err
	}
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	bus := attached.System()
	return technician.New(technician.Options{Site: s, Policies: policies, Bus: bus, Catalogue: catalogue, Software: software(), Built: builtAt(), Now: time.Now,
		SelfTest: func(ctx context.Context, p *policy.Policy) (lines []selftest.Line, err error) {
			pool := inspect.NewPool(inspect.Options{})
			defer func() { err = errors.Join(err, pool.Close()) }()
			ctx, stop := context.WithTimeout(ctx, selfTestLimit)
			defer stop()
			return selftest.Test(ctx, terminal.Parts{Policy: p, Inspector: pool, Now: time.Now}, s.State), nil
		},
		Apart:   func() error { return apart(s) },
		Keys:    func() (*identity.Keys, error) { return keysOf(s) },
		Roots:   func() (*x509.CertPool, error) { return poolOf(s.Centre.CA) },
		Printer: func(p *policy.Policy) (spool.Printer, error) { return printerOf(bus, s, p, quiet) }}), nil
}

// builtAt is when what this program was built from was committed; zero: not known.
func builtAt() (at time.Time) {
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.time" {
				at, _ = time.Parse(time.RFC3339, s.Value) // zero if it is none
			}
		}
	}
	return at
}

// here serves the terminal that this process was started on, until Ctrl-D or the end of its input.
func here(ctx context.Context, o console.Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // then it is journalled that nobody is signed in any more
	defer stop()
	if restore, err := raw(int(os.Stdin.Fd())); err == nil { // else it is a pipe
		defer restore()
	}
	err := console.Serve(ctx, struct {
		io.Reader
		io.Writer
	}{untilEnd{os.Stdin}, os.Stdout}, o)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// untilEnd takes a Ctrl-D that comes alone, as from a keyboard, for the end.
type untilEnd struct{ io.Reader }

func (u untilEnd) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if n == 1 && p[0] == 0x04 || errors.Is(err, syscall.EIO) { // EIO: the terminal hung up
		return 0, io.EOF
	}
	return n, err
}

// raw has a terminal pass every key as it comes, and write what it is given (termios(3), cfmakeraw).
func raw(fd int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	t := *before
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, unix.IoctlSetTermios(fd, unix.TCSETS, &t)
}

// onLine serves whoever plugs in, one after another, until ctx ends. A line that goes is waited for.
func onLine(ctx context.Context, at serial.Options, o console.Options, log logrus.FieldLogger) error {
	for {
		line, err := serial.Wait(ctx, at)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, serial.ErrBaud) || errors.Is(err, serial.ErrNoLine):
			return &exitError{exitUsage, err}
		case err != nil:
			return err
		}
		log.WithField("baud", at.Baud).Info("console: the line is there")
		err = console.Serve(ctx, line, o)
		_ = line.Close()
		if ctx.Err() != nil {
			return nil
		}
		log.WithField("why", lineWord(err)).Info("console: the line is gone, or took nothing")
		if err := pause(ctx, time.Second); err != nil {
			return nil
		}
	}
}

// lineWord is why a session ended.
func lineWord(err error) string {
	switch {
	case err == nil:
		return "hang-up"
	case errors.Is(err, console.ErrStalled):
		return "stalled"
	}
	return strings.TrimSpace(err.Error())
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
