package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"honnin/config/protocol"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/practice/server"
	"honnin/drivers/attached"
	"honnin/drivers/printer"
)

// practiceFlags are the words of "honnind practice".
type practiceFlags struct {
	reader, printer, state, listen    string
	cardAnchors, pinFile, certificate string
	scenario, suspend                 string
	channel                           protocol.Channel
	visits, terminals                 int
	span                              time.Duration
	enrol, stranger, json, guide      bool
	hours, listenGiven, temporary     bool
	channelGiven, certificateGiven    bool

	played []scenario.Scenario // those that --scenario names
}

// virtualKeys names the virtual reader that has keys of its own.
const virtualKeys = "virtual:keys"

// scripted reports whether applicants come by themselves, and there is no screen.
func (f *practiceFlags) scripted() bool { return f.visits > 0 || f.span > 0 }

func practiceCommand() *cobra.Command {
	var f practiceFlags
	c := &cobra.Command{
		Use:   "practice",
		Short: "run a whole terminal with practice parts",
		Long: "practice runs a terminal against a practice world: a centre, registers, issuers and people that do not exist.\n" +
			"Without --visits it serves the touch screen; with it, scripted applicants make that many visits. The file operator of\n" +
			"--state says where operators see the incidents of all terminals meanwhile.\n\n" +
			"--scenario NAME puts one of the mix-ups of 2023 into a municipality of that world, built small from its published\n" +
			"cause; \"all\" plays each in turn with so many visits, \"list\" tells what they are.\n\n" +
			"Exit status with --visits: 0 when every visit is accounted for, no wrong paper was printed, and each scenario\n" +
			"had wrong paper offered; 3 otherwise.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			f.listenGiven, f.channelGiven, f.certificateGiven = c.Flags().Changed("listen"), c.Flags().Changed("channel"), c.Flags().Changed("certificate")
			if f.scenario == "list" {
				return listScenarios(c.OutOrStdout(), f.json)
			}
			if err := f.check(); err != nil {
				return err
			}
			log := newLog(c.ErrOrStderr(), f.scripted())
			if err := harden(log); err != nil {
				return err
			}
			if f.scripted() {
				return scripted(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), f, log)
			}
			return kiosk(c.Context(), c.OutOrStdout(), f, log)
		},
	}
	c.Flags().StringVar(&f.reader, "reader", "virtual", "virtual, virtual:keys (the PIN is typed at the reader), pcsc, usb (without pcscd), or pcsc:NAME, usb:NAME (a part of its name; usb: whole words of it, VENDOR:PRODUCT or port)")
	c.Flags().StringVar(&f.printer, "printer", "", "dir:PATH, ipp://…, ipps://…, or usb (without CUPS), usb:VENDOR:PRODUCT, usb:PORT; default: sheets in the state directory")
	c.Flags().StringVar(&f.state, "state", "", "directory of keys, journals and sheets; default: a temporary one")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of the touch screen, on loopback")
	c.Flags().StringVar(&f.cardAnchors, "card-anchors", "", "directory of further card CA certificates, for real or strange cards")
	c.Flags().BoolVar(&f.enrol, "enrol", false, "a strange card becomes a fictional resident")
	c.Flags().StringVar(&f.pinFile, "pin-file", "", "file with the PIN of the card on a real reader, for --visits")
	c.Flags().StringVar(&f.scenario, "scenario", "", "play a mix-up of 2023: "+scenarioNames()+", all or list")
	c.Flags().StringVar((*string)(&f.channel), "channel", string(protocol.Store), "store, or counter of a town hall; scenarios have their own")
	c.Flags().IntVar(&f.visits, "visits", 0, "make so many scripted visits, without a screen; with --scenario all: so many of each")
	c.Flags().DurationVar(&f.span, "for", 0, "make scripted visits for so long, such as 30m, the scenarios again and again; only sums are printed")
	c.Flags().IntVar(&f.terminals, "terminals", 1, "on so many terminals at once, with --visits")
	c.Flags().StringVar(&f.certificate, "certificate", string(protocol.ResidentRecord), "what scripted applicants ask for")
	c.Flags().BoolVar(&f.json, "json", false, "one JSON object a visit, and a summary")
	c.Flags().BoolVar(&f.stranger, "stranger", false, "the issuer hands over a neighbour's package, always")
	c.Flags().StringVar(&f.suspend, "suspend", "", "what the centre stops for all terminals at the first certificate of another's, until that incident is closed: municipality, or software (the program that the certificate names, up to its version)")
	c.Flags().BoolVar(&f.hours, "hours", false, "keep the real opening hours, 06:30 to 23:00 in Tokyo; practice is open always otherwise")
	c.Flags().BoolVar(&f.guide, "guide", false, "say what to try")
	return c
}

// check refuses what cannot be done, and fills in what was left out.
func (f *practiceFlags) check() error {
	real := openReader(attached.System(), f.reader) != nil
	switch {
	case f.reader != "virtual" && f.reader != virtualKeys && !real:
		return usage("--reader must be virtual, virtual:keys, pcsc, usb, pcsc:NAME or usb:NAME, not %q", f.reader)
	case f.visits < 0 || f.terminals < 1 || f.terminals > 64:
		return usage("--visits must not be negative, --terminals is 1 to 64")
	case f.span < 0 || f.span > 0 && f.visits > 0:
		return usage("--for is a time such as 30m, and stands in place of --visits")
	case !protocol.Certificate(f.certificate).Valid():
		return usage("--certificate must be one of %v", protocol.Certificates())
	case f.terminals > 1 && (real || !f.scripted()):
		return usage("--terminals needs --visits or --for, and the virtual reader")
	case real && f.scripted() && f.pinFile == "":
		return usage("--visits with a real reader needs --pin-file")
	case !slices.Contains([]server.Stop{server.StopNothing, server.StopMunicipality, server.StopSoftware}, server.Stop(f.suspend)):
		return usage("--suspend is municipality or software")
	case f.enrol && f.cardAnchors == "":
		return usage("--enrol needs --card-anchors: a card is believed only under an anchor")
	}
	if err := f.cast(); err != nil {
		return err
	}
	return f.fill()
}

func (f *practiceFlags) fill() error {
	if f.state == "" {
		dir, err := os.MkdirTemp("", "honnin-practice-")
		if err != nil {
			return err
		}
		f.state, f.temporary = dir, true
	}
	var err error
	if f.state, err = filepath.Abs(f.state); err != nil {
		return err
	}
	if f.printer == "" {
		f.printer = "dir:" + filepath.Join(f.state, "sheets")
	}
	a, err := printer.Parse(f.printer)
	if err != nil {
		return usage("--printer: %w", err)
	}
	if a.Kind != printer.Directory && f.terminals > 1 {
		return usage("--terminals needs directory printers: one real printer serves one terminal")
	}
	return os.MkdirAll(f.state, 0o700)
}

// newLog writes to w; scripted runs only say what is wrong.
func newLog(w io.Writer, quiet bool) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(w)
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	if quiet {
		log.SetLevel(logrus.WarnLevel)
	}
	return log
}

// readPIN reads a PIN file: digits, and perhaps a line end. It is overwritten in memory by whoever uses it.
func readPIN(path string) (string, error) {
	b, err := readBounded(path, 64)
	if err != nil {
		return "", usage("--pin-file: %w", err)
	}
	pin := strings.TrimRight(string(b), "\r\n")
	if len(pin) != 4 || strings.Trim(pin, "0123456789") != "" {
		return "", usage("--pin-file must hold four digits")
	}
	return pin, nil
}

// say writes one line for a person.
func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
