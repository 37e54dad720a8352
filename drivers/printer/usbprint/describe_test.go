package usbprint

import (
	"fmt"
	"testing"

	"honnin/drivers/printer"
	"honnin/drivers/printer/usbprint/printertest"
)

// TestDescribe: over IPP a printer says all it knows, without it its name and what is wrong.
func TestDescribe(t *testing.T) {
	t.Parallel()
	over := newBench(t, printertest.Model{Over: 2}, Options{})
	d, err := over.Describe(t.Context())
	if err != nil || d.Model != "Example Printer" || d.State != "idle" || len(d.Supplies) != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	over.wantReady(t, "")
	plain := newBench(t, printertest.Model{Direct: 2}, Options{Direct: true})
	d, err = plain.Describe(t.Context())
	if err != nil || d.Model == "" || len(d.Reasons) != 0 || d.Accepting != nil || d.Supplies != nil {
		t.Errorf("%+v, %v", d, err)
	}
	plain.device.Status(printertest.PaperEmpty)
	d, err = plain.Describe(t.Context())
	if err != nil || fmt.Sprint(d.Reasons) != "[{media-needed error} {printer-error error} {offline error}]" {
		t.Errorf("%+v, %v", d, err)
	}
	plain.bus.Unplug(plain.plug)
	if d, err = plain.Describe(t.Context()); printer.ReasonOf(err) != printer.Unreachable || d.Model != "" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestNamed(t *testing.T) {
	for want, is := range map[string][2]string{"Example Printer": {"Example", "Printer"}, "EXAMPLE Printer": {"Example", "EXAMPLE Printer"}, "Printer": {"", "Printer"}} {
		if got := named(is[0], is[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
