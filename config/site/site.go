// Package site reads site.toml: where a terminal stands and what hardware it has. Nothing in it can weaken a
// check or lead paper elsewhere (what can is in the signed policy, config/policy): a production terminal
// refuses practice readers, directory printers and a pcscd on another machine, whatever the file says.
//
// Parsing is strict ([Table]): errors name line, key and what is allowed. SITE.md beside this file lists every key.
package site

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/keys"
	"honnin/config/protocol"
)

// Site is one terminal's place and hardware. Paths are absolute or beside the file.
type Site struct {
	Terminal protocol.Terminal
	Channel  protocol.Channel
	Payment  Payment
	Reader   string // "pcsc" or "usb", with ":NAME" of which NAME is a part of the reader's name
	Printer  Printer
	Listen   string // the touch screen's address, on loopback
	Metrics  string // the address of the metrics: one of this machine's, never all; "": none
	State    string // directory of the journal
	Centre   Centre
	Policy   string // directory of signed policies
	Keys     string // directory of the terminal's own keys
	Line     Line   // zero: none
}

// Payment is who takes the fee.
type Payment string

// The ways of payment.
const (
	Free     Payment = "none"     // nobody: only documents without a fee can be had
	Attended Payment = "attended" // a member of staff at the counter, by the journal's word; not in a store
)

// Printer is the one printer of the terminal.
type Printer struct {
	Address string // ipp:// or ipps://; or "usb", with ":VENDOR:PRODUCT" or ":PORT" where several are plugged in
	CA      string // PEM file; ipps only: the printer's certificate, or the CA it chains to
}

// Line is the technician's serial line.
type Line struct {
	Device string // a path
	Baud   int
}

// bauds are the rates of a line; left out, it is the last.
func bauds() []int { return []int{9600, 19200, 38400, 57600, 115200} }

// Centre is where the issuing centre is, and how the terminal knows it.
type Centre struct {
	URL string
	CA  string // PEM
}

type wire struct {
	Version  int    `toml:"version"`
	Terminal string `toml:"terminal"`
	Channel  string `toml:"channel"`
	Payment  string `toml:"payment"`
	Reader   string `toml:"reader"`
	Listen   string `toml:"listen"`
	Metrics  string `toml:"metrics"`
	State    string `toml:"state"`
	Policy   string `toml:"policy"`
	Keys     string `toml:"keys"`
	Printer  struct {
		Address string `toml:"address"`
		CA      string `toml:"ca"`
	} `toml:"printer"`
	Line struct {
		Device string `toml:"device"`
		Baud   int    `toml:"baud"`
	} `toml:"line"`
	Centre struct {
		URL string `toml:"url"`
		CA  string `toml:"ca"`
	} `toml:"centre"`
}

// Load reads site.toml in dir.
func Load(dir string) (Site, error) {
	b, err := os.ReadFile(filepath.Join(dir, "site.toml"))
	if err != nil {
		return Site{}, fmt.Errorf("site: %w", err)
	}
	return Parse(b, dir)
}

// Parse reads site.toml; paths in it are beside dir. The error names file, line and key.
func Parse(b []byte, dir string) (Site, error) {
	root, err := Table().Read(b)
	if err != nil {
		return Site{}, here(err)
	}
	var w wire
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(&w); err != nil {
		return Site{}, fmt.Errorf("site.toml: %w", err)
	}
	s := w.site(dir)
	return s, errors.Join(w.problems(s, root)...)
}

// here says that it is this file.
func here(err error) error {
	var where *keys.Error
	if errors.As(err, &where) {
		where.File = "site.toml"
	}
	return err
}

func (w wire) site(dir string) Site {
	at := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	line := Line{at(w.Line.Device), w.Line.Baud}
	if line.Device != "" && line.Baud == 0 {
		line.Baud = slices.Max(bauds())
	}
	return Site{
		Terminal: protocol.Terminal(w.Terminal), Channel: protocol.Channel(w.Channel), Payment: Payment(w.Payment), Reader: w.Reader,
		Listen: w.Listen, Metrics: w.Metrics, State: at(w.State), Policy: at(w.Policy), Keys: at(w.Keys),
		Printer: Printer{w.Printer.Address, at(w.Printer.CA)},
		Centre:  Centre{w.Centre.URL, at(w.Centre.CA)},
		Line:    line,
	}
}

// problems are what needs more than a value of the right form.
func (w wire) problems(s Site, root *keys.Node) (errs []error) {
	bad := func(wrong bool, key, want string) {
		if wrong {
			errs = append(errs, here(root.Wrong(key, "%s", want)))
		}
	}
	bad(s.Payment == Attended && s.Channel != protocol.Counter, "payment", `"attended" is for the counter: in a store nobody stands there`)
	kind, _, _ := strings.Cut(w.Reader, ":")
	bad(kind != "pcsc" && kind != "usb", "reader", `must be "pcsc", "usb", "pcsc:NAME" or "usb:NAME"; a virtual reader is for practice only`)
	bad(!onUSB(w.Printer.Address) && !scheme(w.Printer.Address, "ipp", "ipps"), "printer.address",
		`must be ipp://…, ipps://…, "usb", "usb:VENDOR:PRODUCT" or "usb:PORT"; a directory is for practice only`)
	bad(onUSB(w.Printer.Address) && w.Printer.CA != "", "printer.ca", "a printer on USB has no certificate")
	bad(scheme(w.Printer.Address, "ipp") && !onThisMachine(w.Printer.Address), "printer.address", "ipp:// is for a printer on this machine (a loopback address); use ipps:// for one on a network")
	bad(scheme(w.Printer.Address, "ipps") && w.Printer.CA == "", "printer.ca", "ipps needs the printer's certificate or its CA")
	bad(s.Line.Baud != 0 && !slices.Contains(bauds(), s.Line.Baud), "line.baud", "must be 9600, 19200, 38400, 57600 or 115200")
	bad(!scheme(w.Centre.URL, "https"), "centre.url", "must be https://…")
	bad(!loopback(w.Listen), "listen", "must be a loopback address and port, such as 127.0.0.1:8080")
	bad(w.Metrics != "" && !single(w.Metrics), "metrics", "must be one IP address of this machine and a port, such as 127.0.0.1:9464; not a name, and not every address")
	return errs
}

// usbPrinter is the same as package printer takes: a port is as the kernel names it, "1-2.3".
var usbPrinter = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^usb(:[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}|:[1-9][0-9]{0,2}-[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,6})?$`)
})

func onUSB(address string) bool { return usbPrinter().MatchString(address) }

func scheme(address string, allowed ...string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	for _, s := range allowed {
		if u.Scheme == s {
			return true
		}
	}
	return false
}

// onThisMachine reports whether a URL's host is a loopback address.
func onThisMachine(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// single reports whether an address is one machine's one address, and a port.
func single(address string) bool {
	a, err := netip.ParseAddrPort(address)
	ip := a.Addr().Unmap()
	return err == nil && a.Port() > 0 && !ip.IsUnspecified() && !ip.IsMulticast() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
