package main

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/site"
	"honnin/daemon/logbook"
	"honnin/daemon/technician"
	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/drivers/card"
	"honnin/spool"
)

// fitted are the devices of a terminal that runs.
type fitted struct {
	bus     attached.Bus
	site    site.Site
	log     logrus.FieldLogger
	book    *logbook.Book              // may be nil
	keyed   func(*policy.Policy) error // why a policy does not have the terminal's key
	devices policy.Devices             // as the policy has them
	printer spool.Printer              // nil: none is open

	policy atomic.Pointer[policy.Policy] // in force
	shown  technician.Printer            // the printer, for a technician's console
}

// centre says why this terminal may not speak to the site's centre: the policy in force names others. Then the next policy comes
// by the other ways.
func (f *fitted) centre() error {
	p := f.policy.Load()
	if p == nil {
		return errAbsent
	}
	return p.CheckCentre(f.site.Centre.URL)
}

// start opens the devices of the first policy. One that does not suit the site leaves the terminal without any, out of service:
// a terminal takes the next one by itself only while it runs.
func (f *fitted) start(p terminal.Parts) (terminal.Parts, error) {
	f.policy.Store(p.Policy)
	if p.Unfit = f.suits(p.Policy); p.Unfit != nil {
		p.Printer, p.Reader = absent{}, absent{}
		return p, nil
	}
	return f.open(p)
}

// fit fits them to another policy: where that forbids something, the terminal does not go on with it; where it says something
// else of devices, they are opened anew.
func (f *fitted) fit(p terminal.Parts) (terminal.Parts, error) {
	f.policy.Store(p.Policy)
	if err := f.suits(p.Policy); err != nil {
		return p, err
	}
	if f.printer != nil && reflect.DeepEqual(f.devices, p.Policy.Devices()) {
		return p, nil
	}
	old := f.printer
	f.printer, p.Printer = nil, absent{}
	f.shown.Use(nil)
	if err := closePrinter(old); err != nil { // first: one on USB is claimed
		return p, err
	}
	return f.open(p)
}

// suits refuses a policy that this terminal may not run under.
func (f *fitted) suits(p *policy.Policy) error {
	return errors.Join(permitted(f.site, p), f.keyed(p))
}

func (f *fitted) open(p terminal.Parts) (terminal.Parts, error) {
	device, err := printerOf(f.bus, f.site, p.Policy, f.log)
	if err != nil {
		return p, err
	}
	f.devices, f.printer = p.Policy.Devices(), traced(device, f.book, "drivers/printer/ipp")
	f.shown.Use(device)
	p.Printer, p.Reader = device, traced(openReader(f.bus, f.site.Reader, f.devices.USB...), f.book, readerPackage(f.site.Reader))
	return p, nil
}

// absent is a reader and a printer where there is none that may be used.
type absent struct{}

var errAbsent = errors.New("the policy in force leaves this terminal without it")

func (absent) Watch(ctx context.Context, _ func(bool))          { <-ctx.Done() }
func (absent) Present(context.Context) (bool, error)            { return false, errAbsent }
func (absent) Connect(context.Context) (card.Connection, error) { return nil, errAbsent }
func (absent) HasKeys() bool                                    { return false }
func (absent) Ready(context.Context) (spool.Readiness, error)   { return spool.Readiness{}, errAbsent }
func (absent) Print(context.Context, spool.Released, spool.Progress) (spool.Result, error) {
	return spool.Result{}, errAbsent
}
