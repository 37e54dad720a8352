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
	"honnin/daemon/provision"
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
	config, practice, line, lang string
	speed                        int
}

func consoleCommand() *cobra.Command {
	var f consoleFlags
	c := &cobra.Command{
		Use:   "console --config DIR [--line DEVICE|site [--speed BAUD]]",
		Short: "the technician's console, here or on a serial line",
		Long: "console answers a technician: help lists what can be asked, doctor says what is wrong and what to do. Without --line it\n" +
			"is here, until Ctrl-D; with it, on that line for ever, which may be unplugged and come back. It answers whether the daemon\n" +
			"runs or not. Run it as the daemon's user; files go over such a line only, and where that is root (rz and sz then run as nobody). Its commands: ui/console/CONSOLE.md.\n" +
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
	c.Flags().StringVar(&f.practice, "practice", "", "in place of --config: the state directory of honnind practice with a screen, such as .practice")
	c.Flags().StringVar(&f.line, "line", "", "a serial line such as /dev/ttyS0; site: that of site.toml; without it, here")
	c.Flags().IntVar(&f.speed, "speed", 0, "with --line: its rate in baud (default 115200, or site.toml's)")
	c.Flags().StringVar(&f.lang, "lang", "ja", "the language to begin with: ja or en")
	return c
}

func (f *consoleFlags) run(ctx context.Context, log logrus.FieldLogger) error {
	if (f.config == "") == (f.practice == "") || f.lang != "ja" && f.lang != "en" {
		return usage("console needs --config DIR (or --practice DIR), and --lang ja or en")
	}
	s, m, err := f.machine(log)
	if err != nil {
		return err
	}
	o := optionsOf(s, m, f.lang)
	if f.practice != "" {
		o.Offers = practiceOffers
	}
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

// machine is the one that is asked for.
func (f *consoleFlags) machine(log logrus.FieldLogger) (s site.Site, m *technician.Machine, err error) {
	if f.practice != "" {
		return practiceMachine(f.practice, log)
	}
	if s, err = site.Load(f.config); err != nil {
		return s, nil, &exitError{exitUsage, err}
	}
	m, err = machineOf(f.config, s, log)
	return s, m, err
}

// optionsOf are those of the sessions of one terminal's console.
func optionsOf(s site.Site, m *technician.Machine, lang string) console.Options {
	return console.Options{Terminal: s.Terminal, Machine: m, Offers: technician.Does, Keys: m, Seats: m, Journal: m, Door: &console.Door{}, Lang: lang, Now: time.Now, Rand: rand.Reader}
}

// machineOf is a configured terminal for its console.
func machineOf(dir string, s site.Site, log logrus.FieldLogger) (*technician.Machine, error) {
	o, err := partsOf(dir, s, log)
	return technician.New(o), err
}

// once opens a store; it is opened anew until that succeeds once.
func once(open func() (*provision.Store, error)) func() (technician.Policies, error) {
	var store technician.Policies
	return func() (technician.Policies, error) {
		if store != nil {
			return store, nil
		}
		opened, err := open()
		if err == nil {
			store = opened
		}
		return opened, err
	}
}

// partsOf are what a configured terminal's console is made of.
func partsOf(dir string, s site.Site, log logrus.FieldLogger) (technician.Options, error) {
	catalogue, err := incident.Load()
	if err != nil {
		return technician.Options{}, err
	}
	policies := once(func() (*provision.Store, error) {
		store, _, err := policyStore(dir)
		return store, err
	})
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	bus := attached.System()
	return technician.Options{Site: s, Policies: policies, Bus: bus, Catalogue: catalogue, Software: software(), Built: builtAt(), Now: time.Now,
		Read: func() (site.Site, error) { return site.Load(dir) }, Restart: technician.SystemRestart(), Rand: rand.Reader,
		SelfTest: func(ctx context.Context, p *policy.Policy) (lines []selftest.Line, err error) {
			pool := inspect.NewPool(inspect.Options{})
			defer func() { err = errors.Join(err, pool.Close()) }()
			ctx, stop := context.WithTimeout(ctx, selfTestLimit)
			defer stop()
			return selftest.Test(ctx, terminal.Parts{Policy: p, Inspector: pool, Now: time.Now}, s.State), nil
		},
		Apart:   func() error { return apart(s) },
		Present: presence(bus, s.Reader),
		Keys:    func() (*identity.Keys, error) { return keysOf(s) },
		Roots:   func() (*x509.CertPool, error) { return poolOf(s.Centre.CA) },
		May:     func(p *policy.Policy) error { return permitted(s, p) },
		Printer: func(p *policy.Policy) (spool.Printer, error) { return printerOf(bus, s, p, quiet) }}, nil
}

// builtAt is when what this program was built from was committed; zero: not known.
func builtAt() (at time.Time) {
	at, _ = time.Parse(time.RFC3339, committed) // zero if it is none
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.time" {
				at, _ = time.Parse(time.RFC3339, s.Value)
			}
		}
	}
	return at
}

// here serves the terminal that this process was started on, until Ctrl-D or the end of its input.
func here(ctx context.Context, o console.Options) error {
	o.Ends = true
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // then it is journalled that nobody is signed in any more
	defer stop()
	if restore, err := raw(int(os.Stdin.Fd())); err == nil { // else it is a pipe
		o.Screen = true
		defer restore()
	}
	err := console.Serve(ctx, struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, o)
	if ctx.Err() != nil || errors.Is(err, syscall.EIO) { // the terminal hung up
		return nil
	}
	return err
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
	for served, held := false, false; ; served = true {
		line, err := serial.Wait(ctx, at)
		switch {
		case ctx.Err() != nil:
			return nil
		case served && errors.Is(err, serial.ErrHeld): // who tries an adapter that came back gives it back, too
			if !held {
				log.Info("console: another program has the line; waiting")
			}
			held = true
			if pause(ctx, 5*time.Second) != nil {
				return nil
			}
			continue
		case errors.Is(err, serial.ErrBaud) || errors.Is(err, serial.ErrNoLine):
			return &exitError{exitUsage, err}
		case err != nil:
			return err
		}
		held = false
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
