package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"honnin/config/policy"
	"honnin/config/site"
	"honnin/config/trace"
	"honnin/daemon/centre"
	"honnin/daemon/identity"
	"honnin/daemon/logbook"
	"honnin/daemon/selftest"
	"honnin/daemon/session"
	"honnin/daemon/technician"
	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/drivers/card/pcsc"
	"honnin/drivers/printer"
	"honnin/spool"
	"honnin/spool/document/inspect"
	"honnin/spool/journal"
	"honnin/ui/touch"
)

func runCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "run --config DIR",
		Short: "run a configured terminal",
		Long: "run starts the terminal that DIR/site.toml and its policy describe. It puts the policy in force that was received\n" +
			"last, if its time has come, and checks it from DIR/policy-root.toml on. It refuses a policy that is not signed,\n" +
			"virtual readers, directory printers and a pcscd elsewhere. A policy that has expired, that has practice anchors, or that\n" +
			"does not allow this site's devices or centre leaves it out of service until the next one is there.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if dir == "" {
				return usage("run needs --config DIR")
			}
			log := newLog(c.ErrOrStderr(), false)
			if err := harden(log); err != nil {
				return err
			}
			return restarted(c.Context(), production(c.Context(), dir, log), technician.SystemRestart(), log)
		},
	}
	c.Flags().StringVar(&dir, "config", "", "directory of site.toml")
	return c
}

// production runs the terminal of one configuration directory, until ctx ends.
func production(ctx context.Context, dir string, log *logrus.Logger) (err error) {
	book := newBook(log)
	store, s, err := policyStore(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	inForce, err := enforce(store, log)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	p := inForce.Policy
	if err := ownPcscd(); err != nil {
		return &exitError{exitUsage, err}
	}
	if err := os.MkdirAll(s.State, 0o700); err != nil {
		return err
	}
	j, err := journal.Open(filepath.Join(s.State, journalFile), time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	defer keepBook(book, s.State, log)() // the directory is ours with its journal
	defer func() { book.Ends("daemon", err) }()
	own, err := keysOf(s)
	if err != nil {
		return err
	}
	devices := &fitted{bus: attached.System(), site: s, log: log, book: book, keyed: trusted(own)}
	parts, err := configured(s, p, own, devices.centre, log, book)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePrinter(devices.printer)) }()
	if parts, err = devices.start(parts); err != nil {
		return err
	}
	go watchKeys(ctx, own, devices.policy.Load, log)
	parts.Journal, parts.Signed, parts.Policies, parts.Equip = j, inForce, store, devices.fit
	parts.KeysExpire, parts.Software = firstEnd(own), software()
	parts.Sealed, parts.Owing = sealedAt(s.State, j, s.Terminal), owingAt(s.State)
	pool := inspect.NewPool(inspect.Options{})
	defer pool.Close()
	if err := tryChild(ctx, pool, log); err != nil {
		return err
	}
	parts.Inspector, parts.SelfTest = pool, selftest.New(s.State)
	if err := settleTestVisit(ctx, s.State, j, parts.Printer, time.Now); err != nil {
		return err
	}
	return show(ctx, s, parts, outward{s, j, own, pool, log, book, &devices.shown})
}

// journalFile is the journal's name in the state directory.
const journalFile = "journal.db"

// tryChild gives the first child something that is no document, and says what holds it: on a kernel without Landlock
// or seccomp the operator must know that less stands between a PDF and this machine.
func tryChild(ctx context.Context, pool *inspect.Pool, log logrus.FieldLogger) error {
	if _, err := pool.Inspect(ctx, []byte("no PDF")); err != nil {
		return fmt.Errorf("the inspection child at the start: %w", err)
	}
	held, wanted := pool.Confinement(), inspect.LandlockFiles|inspect.Seccomp|inspect.Limits|inspect.NoNewRights
	if log = log.WithField("confinement", held.String()); held&wanted != wanted {
		log.Warn("the kernel lacks something that should hold the inspection child")
		return nil
	}
	log.Info("the inspection child is confined")
	return nil
}

// loadConfig reads what is configured, and the policy that is in force.
func loadConfig(dir string) (site.Site, *policy.Policy, error) {
	store, s, err := policyStore(dir)
	if err != nil {
		return s, nil, err
	}
	p, err := store.Load()
	if err != nil {
		return s, nil, err
	}
	return s, p.Policy, errors.Join(permitted(s, p.Policy), ownPcscd())
}

// permitted refuses what only practice may have, hardware that the policy does not allow, and a centre that it does not name.
func permitted(s site.Site, p *policy.Policy) error {
	var practice error
	if p.Practice() {
		practice = errors.New("the policy has practice anchors: this is a production run")
	}
	return errors.Join(practice, p.CheckCentre(s.Centre.URL), p.Devices().Check(s.Reader, s.Printer.Address))
}

// ownPcscd refuses an environment that leads to another one: it could lie about cards.
func ownPcscd() error {
	if where := pcsc.Redirected(os.LookupEnv); where != "" {
		return fmt.Errorf("the environment leads to another pcscd (%s): a production run uses the machine's own", where)
	}
	return nil
}

// trusted tells whether a policy's anchors issued the certificate in force. Whatever else is wrong with it, no policy mends.
func trusted(k *identity.Keys) func(*policy.Policy) error {
	return func(p *policy.Policy) error {
		err := k.Good(identity.TLS, p.TerminalAnchors())
		if r := (*identity.Refusal)(nil); !errors.As(err, &r) || r.Code != identity.Untrusted {
			return nil
		}
		return err
	}
}

func configured(s site.Site, p *policy.Policy, own *identity.Keys, may func() error, log logrus.FieldLogger, book *logbook.Book) (terminal.Parts, error) {
	client, err := centreOf(s, own, may, book.Trace("daemon/centre"))
	if err != nil {
		return terminal.Parts{}, err
	}
	var payment session.Payment = terminal.Free{}
	if s.Payment == site.Attended {
		payment = terminal.Attended{}
	}
	return terminal.Parts{Terminal: s.Terminal, Channel: s.Channel, Policy: p,
		Centre: client, Payment: payment, Now: time.Now, Log: log, Trace: book.Trace("drivers/card"), Observe: stepping(book.Trace("daemon/session"), nil)}, nil
}

func centreOf(s site.Site, k *identity.Keys, may func() error, t trace.Trace) (*centre.Client, error) {
	roots, err := poolOf(s.Centre.CA)
	if err != nil {
		return nil, err
	}
	newest := func() (tls.Certificate, error) { return k.TLS(nil) } // who issued it was judged when it was installed, and at the start
	own, err := newest()
	if err != nil {
		return nil, fmt.Errorf("the terminal's own key: %w", err)
	}
	return centre.New(centre.Config{URL: s.Centre.URL, Roots: roots, Certificate: own, Newest: newest, May: may, Trace: t})
}

// firstEnd tells when the first of a terminal's certificates ends; zero where that is not known.
func firstEnd(k *identity.Keys) func() time.Time {
	return func() (first time.Time) {
		states, err := k.Show()
		for _, s := range states {
			if err == nil && !s.Until.IsZero() && (first.IsZero() || s.Until.Before(first)) {
				first = s.Until
			}
		}
		return first
	}
}

// What make says that this program was built from, where no version was released.
var commit, committed string

// software names this program for the centre, as far as it was built with a version.
func software() string {
	version := commit
	if b, ok := debug.ReadBuildInfo(); ok && (version == "" || b.Main.Version != "(devel)" && b.Main.Version != "") {
		version = b.Main.Version
	}
	if version == "" || len(version) > 56 {
		return "honnind"
	}
	return "honnind " + version
}

// printerOf opens the site's printer.
func printerOf(bus attached.Bus, s site.Site, p *policy.Policy, log logrus.FieldLogger) (spool.Printer, error) {
	a, err := printer.Parse(s.Printer.Address)
	if err != nil {
		return nil, fmt.Errorf("site.toml: printer.address: %w", err)
	}
	o := allowedBy(p.Devices(), s.Channel)
	if a.Kind == printer.IPPS {
		if o.ipp.Roots, err = poolOf(s.Printer.CA); err != nil {
			return nil, err
		}
	}
	return openPrinter(bus, a, o, log)
}

func poolOf(path string) (*x509.CertPool, error) {
	b, err := readBounded(path, 1<<20)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s: no certificate in PEM", path)
	}
	return pool, nil
}

// speaking has the screen offer another policy's languages, too.
func speaking(server *touch.Server, fit func(terminal.Parts) (terminal.Parts, error)) func(terminal.Parts) (terminal.Parts, error) {
	return func(p terminal.Parts) (terminal.Parts, error) {
		server.Speak(p.Policy.Languages()...)
		return fit(p)
	}
}

// show puts the terminal behind its touch screen and tells systemd, where there is one, that it is ready.
func show(ctx context.Context, s site.Site, parts terminal.Parts, out outward) error {
	l, err := listenLoopback(s.Listen)
	if err != nil {
		return err
	}
	server, err := touch.New(touch.Options{Hosts: hosts(l), Logger: parts.Log})
	if err != nil {
		return err
	}
	server.Speak(parts.Policy.Languages()...)
	g := glass{server}
	parts.Screen, parts.Equip = g, speaking(server, parts.Equip)
	t, err := terminal.New(ctx, parts)
	if err != nil {
		return err
	}
	address := "http://" + l.Addr().String() + server.EntryPath()
	if err := os.WriteFile(filepath.Join(s.State, "address"), []byte(address+"\n"), 0o600); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := listenStaff(ctx, s.State, t); err != nil {
		return err
	}
	answered, err := technician.Listen(ctx, s.State, technician.Daemon{Terminal: t, Journal: out.journal, Printer: out.printer, Software: parts.Software, Log: out.book, Site: s, Restart: technician.SystemRestart(), Now: time.Now,
		Visits: &testVisits{ctx: ctx, dir: filepath.Join(s.State, testVisitDir), terminal: t, log: parts.Log, now: time.Now, world: throwaway, alone: technician.Abandoned}})
	if err != nil {
		return err
	}
	defer func() { stop(); answered() }()
	end, err := out.begin(ctx, t)
	if err != nil {
		return err
	}
	defer end()
	parts.Log.WithField("terminal", s.Terminal).Info("ready: the screen's address is in the state directory")
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // no systemd, no one to tell
	err = live(ctx, t, g, l)
	if t.Leaving() && ctx.Err() == nil {
		err = errors.Join(errRestart, err)
	}
	return err
}
