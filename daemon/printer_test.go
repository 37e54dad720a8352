package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/drivers/attached"
	"honnin/drivers/printer"
	"honnin/drivers/printer/usbprint"
	"honnin/spool"
)

func TestOpenPrinter(t *testing.T) {
	for address, want := range map[string]string{
		"usb": "*main.plugged", "usb:03f0:0c17": "*main.plugged", "usb:1-2": "*main.plugged", "ipp://127.0.0.1:1/ipp/print": "*ipp.Printer",
	} {
		a, err := printer.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		p, err := openPrinter(attached.System(), a, printerOptions{}, logrus.New())
		if got := fmt.Sprintf("%T", p); err != nil || got != want {
			t.Errorf("%s: %s, %v", address, got, err)
		}
		if _, asked := p.(spool.Keeper); !asked {
			t.Errorf("%s: nobody would ask it about the job of a former run", address)
		}
		if err := closePrinter(p); err != nil {
			t.Error(err)
		}
	}
}

// TestWithoutIPP: only at a counter, and only if the policy says so.
func TestWithoutIPP(t *testing.T) {
	for _, c := range []struct {
		policy  bool
		channel protocol.Channel
		want    bool
	}{{true, protocol.Counter, true}, {true, protocol.Store, false}, {false, protocol.Counter, false}, {false, protocol.Store, false}} {
		o := allowedBy(policy.Devices{USB: []string{"03f0:0c17"}, WithoutIPP: c.policy}, c.channel)
		if o.direct != c.want || len(o.allowed) != 1 {
			t.Errorf("%+v: %+v", c, o)
		}
	}
}

// TestPrinterTrouble: the log has each trouble once, with what to do, and again when it comes back.
func TestPrinterTrouble(t *testing.T) {
	var said strings.Builder
	p := &plugged{log: newLog(&said, true)}
	for _, c := range []struct{ why, want string }{
		{usbprint.NoPermission, "honnind devices --rules"},
		{usbprint.NoPermission, ""},
		{"", ""},
		{printer.MediaNeeded, ""}, // the screen says that
		{usbprint.NoPermission, "70-honnin-usb.rules"},
		{usbprint.InUse, "which program has it"},
		{usbprint.Ambiguous, "printer.address"},
		{printer.Unreachable, "plugged in"},
		{printer.Unreachable, ""},
	} {
		said.Reset()
		p.note(c.why, errors.New("the cause"))
		if got := said.String(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) || c.want != "" && !strings.Contains(got, "the cause") {
			t.Errorf("%q: %q", c.why, got)
		}
	}
	is, err := (&plugged{Printer: closedPrinter(t), log: newLog(&said, true)}).Ready(t.Context())
	if is.Ready || err == nil || !strings.Contains(said.String(), "why=unreachable") {
		t.Errorf("%+v, %v: %s", is, err, said.String())
	}
}

func closedPrinter(t *testing.T) *usbprint.Printer {
	t.Helper()
	p, err := openPrinter(attached.System(), printer.Address{Kind: printer.USB}, printerOptions{}, logrus.New())
	if err != nil {
		t.Fatal(err)
	}
	_ = closePrinter(p)
	return p.(*plugged).Printer
}
