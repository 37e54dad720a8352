package main

import (
	"context"
	"io"
	"sync"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/drivers/attached"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/drivers/printer/usbprint"
	"honnin/spool"
)

// printerOptions are what an address does not say.
type printerOptions struct {
	ipp     ipp.Options
	allowed []string // vendor and product of what may be used over USB; without any, all may be
	direct  bool     // over USB, a printer without IPP may be used: each of its documents ends unsure
}

// allowedBy is what the policy lets a terminal have. A printer without IPP is for a counter, where staff stand beside it.
func allowedBy(d policy.Devices, c protocol.Channel) printerOptions {
	return printerOptions{allowed: d.USB, direct: d.WithoutIPP && c == protocol.Counter}
}

// openPrinter opens a real printer. It is to be closed with [closePrinter].
func openPrinter(bus attached.Bus, a printer.Address, o printerOptions, log logrus.FieldLogger) (spool.Printer, error) {
	if a.Kind != printer.USB {
		return ipp.New(a, o.ipp)
	}
	p, err := usbprint.Open(attached.Only(bus, o.allowed), a.USB, usbprint.Options{Direct: o.direct})
	if err != nil {
		return nil, err
	}
	return &plugged{Printer: p, log: log}, nil
}

// closePrinter gives back what a printer's driver holds, if it holds anything.
func closePrinter(p spool.Printer) error {
	if c, ok := p.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// plugged is a printer on USB, of which the log is told what keeps it from being used, and what to do about it.
type plugged struct {
	*usbprint.Printer
	log logrus.FieldLogger

	mu   sync.Mutex
	last string
}

// remedies is what to do about a printer on USB that cannot be used.
var remedies = map[string]string{
	printer.Unreachable:   "look whether it is switched on and plugged in: honnind devices",
	usbprint.NoPermission: "as root: honnind devices --rules >/etc/udev/rules.d/" + attached.Rules + "; then see its first lines",
	usbprint.InUse:        "honnind devices says which program has it, and what to do",
	usbprint.Ambiguous:    "several are plugged in: name one in printer.address, as usb:VENDOR:PRODUCT or usb:PORT; honnind devices lists them",
	usbprint.BadDevice:    "it describes itself wrongly: plug it in anew; if that does not help, replace it",
	usbprint.NoIPP:        "it cannot say what became of a document: use one with IPP over USB; at a counter the policy may allow it (devices.printers_without_ipp)",
	usbprint.NoPDF:        "it does not say that it prints PDF: use another",
}

// Ready says whether a document could be printed now.
func (p *plugged) Ready(ctx context.Context) (spool.Readiness, error) {
	is, err := p.Printer.Ready(ctx)
	if is.Reason != printer.Busy { // else nobody was asked
		p.note(is.Reason, err)
	}
	return is, err
}

// note tells the log of each trouble once, until there is another or none.
func (p *plugged) note(why string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why == p.last {
		return
	}
	p.last = why
	if do, ours := remedies[why]; ours {
		p.log.WithFields(logrus.Fields{"why": why, "do": do, logrus.ErrorKey: err}).Warn("the printer on USB cannot be used")
	}
}
