// Package printer holds what the printer drivers below it share: how a printer is addressed, what a job is
// called at the printer, and the words by which a driver says why it will not, did not, or does not know.
//
// The drivers implement spool.Printer: file (a directory, practice only), ipp (a device that speaks
// IPP/2.0) and usbprint (a device on USB). An [Address] says where a printer is and nothing about whether it may be used: a production run
// refuses directories, and the policy says which devices it wants.
package printer

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"honnin/config/protocol"
	"honnin/spool"
)

// User is the requesting-user-name of every job: a printer is told nothing of the person.
const User = "honnin"

// JobName names a job at the printer: the transaction in hex and nothing else. The zero transaction has none. A service sheet's name
// has another form, and says what it is.
func JobName(j spool.Job) (string, error) {
	if j.Transaction.IsZero() != j.Service || j.Service && j.Document == (protocol.Digest{}) || j.Pages < 1 || j.Copies < 1 {
		return "", &Fault{Unreleased, spool.ErrUnreleased}
	}
	if j.Service {
		return serviceName(j.Document), nil
	}
	return j.Transaction.String(), nil
}

// PastName is what JobName gave for the job of a former run.
func PastName(p spool.Past) string {
	if p.Transaction.IsZero() {
		return serviceName(p.Service)
	}
	return p.Transaction.String()
}

func serviceName(d protocol.Digest) string { return "service-sheet-" + d.String()[:32] }

// IsJobName reports whether a job at the printer has a name of this program's form.
func IsJobName(s string) bool { return jobName().MatchString(s) }

var jobName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(service-sheet-)?[0-9a-f]{32}$`) })

// The reasons shared by the drivers, in [spool.Readiness], [spool.Result] and [Fault]. Words of a device (the
// keywords of RFC 8011 section 5.4.12) are passed on only where the driver knows them.
const (
	MediaJam     = "media-jam"
	MediaNeeded  = "media-needed"
	JobsWaiting  = "jobs-waiting"  // a job of anybody's is queued, held, stopped or printing
	Busy         = "busy"          // this driver is printing, or the device is
	Unreachable  = "unreachable"   // no answer
	Unreleased   = "unreleased"    // a zero document
	NotOpened    = "not-opened"    // the document would not open: too late, or opened before
	Unwritable   = "unwritable"    // the directory takes no file
	WriteFailed  = "write-failed"  // the file could not be completed; nothing of it is left
	NotDurable   = "not-durable"   // the file is there, but the disk did not confirm it
	AlreadyThere = "already-there" // a file of this transaction exists
	Canceled     = "canceled"      // the caller, or somebody at the device, ended the job
)

// Fault is an error of a driver: a word of this package's vocabulary, and what lies behind it.
type Fault struct {
	Reason string
	Err    error
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return "printer: " + f.Reason
	}
	return "printer: " + f.Reason + ": " + f.Err.Error()
}

// Unwrap returns what lies behind the fault.
func (f *Fault) Unwrap() error { return f.Err }

// ReasonOf returns the word that err carries, or "" when it carries none.
func ReasonOf(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Reason
	}
	return ""
}

// Kind says how a printer is reached.
type Kind string

// The kinds of printers.
const (
	Directory Kind = "dir"  // sheets are files in a directory: practice only
	USB       Kind = "usb"  // on USB, without CUPS
	IPP       Kind = "ipp"  // IPP over plain HTTP
	IPPS      Kind = "ipps" // IPP over HTTPS
)

// DefaultPort is where IPP printers listen (RFC 8010 section 3.4; ipps uses it too, RFC 7472 section 4.2).
const DefaultPort = 631

// DefaultPath is where an IPP Everywhere printer answers (PWG 5100.14 section 4.2).
const DefaultPath = "/ipp/print"

// Address is where a printer is, with the fields of its kind. Only [Parse] makes one that is not zero.
type Address struct {
	Kind Kind
	Dir  string // of a directory: clean and not empty
	Host string // of IPP and IPPS: a name or an IP address, without brackets
	Port int    // of IPP and IPPS: 1 to 65535
	Path string // of IPP and IPPS: absolute
	USB  Selector
}

// ErrAddress is wrapped by every error of [Parse].
var ErrAddress = errors.New("not a printer address (want ipp://HOST[:PORT]/PATH, ipps://HOST[:PORT]/PATH, usb, usb:VENDOR:PRODUCT, usb:PORT or dir:PATH)")

func badAddress(why string) (Address, error) { return Address{}, fmt.Errorf("%w: %s", ErrAddress, why) }

// Parse reads an address: dir:PATH, "usb" or usb: with what [ParseSelector] reads, ipp://HOST[:PORT][/PATH] or
// ipps://HOST[:PORT][/PATH]. User names, passwords, queries and fragments are refused: they have no meaning here and would
// end up in logs.
func Parse(s string) (Address, error) {
	if dir, ok := strings.CutPrefix(s, "dir:"); ok {
		if dir == "" || strings.ContainsRune(dir, 0) {
			return badAddress("the directory is missing")
		}
		return Address{Kind: Directory, Dir: path.Clean(dir)}, nil
	}
	if s == string(USB) {
		return Address{Kind: USB}, nil
	}
	if which, ok := strings.CutPrefix(s, "usb:"); ok {
		return parseUSB(which)
	}
	u, err := url.Parse(s)
	if err != nil {
		return badAddress("unreadable") // not err: it repeats the text, and a password may be in it
	}
	if u.Scheme != string(IPP) && u.Scheme != string(IPPS) {
		return badAddress("unknown kind of printer")
	}
	return parseDevice(u)
}

// parseUSB reads what stands behind "usb:".
func parseUSB(which string) (Address, error) {
	s, err := ParseSelector(which)
	if err != nil || which == "" {
		return badAddress(ErrSelector.Error()) // not err: it repeats the text
	}
	return Address{Kind: USB, USB: s}, nil
}

func parseDevice(u *url.URL) (Address, error) {
	a := Address{Kind: Kind(u.Scheme), Host: u.Hostname(), Port: DefaultPort, Path: u.EscapedPath()}
	switch {
	case u.User != nil:
		return badAddress("user names and passwords are not taken")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawFragment != "":
		return badAddress("queries and fragments are not taken")
	case u.Opaque != "" || a.Host == "":
		return badAddress("the host is missing")
	case strings.ContainsAny(a.Host, " %\t\r\n"):
		return badAddress("the host is malformed")
	case strings.Contains(a.Host, ":") && (net.ParseIP(a.Host) == nil || !strings.HasPrefix(u.Host, "[")):
		return badAddress("an IPv6 address belongs in brackets")
	case strings.HasSuffix(u.Host, ":"):
		return badAddress("the port is missing")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return badAddress("the port is not 1 to 65535")
		}
		a.Port = n
	}
	if a.Path == "" || a.Path == "/" {
		a.Path = DefaultPath
	}
	return a, nil
}

// String returns the canonical form; for IPP and IPPS it is the printer-uri (RFC 8011 section 5.4.1).
func (a Address) String() string {
	switch {
	case a.Kind == Directory:
		return "dir:" + a.Dir
	case a.Kind == USB && a.USB == Selector{}:
		return "usb"
	case a.Kind == USB:
		return "usb:" + a.USB.String()
	}
	return string(a.Kind) + "://" + a.hostPort() + a.Path
}

// URL returns the HTTP address of a device (RFC 8010 section 3.4.1, RFC 7472 section 4.3); "" for others.
func (a Address) URL() string {
	switch a.Kind {
	case IPP:
		return "http://" + a.hostPort() + a.Path
	case IPPS:
		return "https://" + a.hostPort() + a.Path
	}
	return ""
}

func (a Address) hostPort() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }
