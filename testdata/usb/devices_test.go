package usb_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/drivers/attached"
	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/testdata/usb/qemu"
	"honnin/testdata/usb/redir"
)

// devices: the command says what is plugged in, what is in the way, and each change.
func devices(t *testing.T) {
	m := machine(t)
	must(t, m.Start(limit(t), qemu.Command{Name: "devices", User: user, Args: []string{"/bin/honnind", "devices", "--watch", "--json"}}))
	t.Cleanup(func() {
		if code, err := m.Stop(limit(t), "devices"); code != 0 || err != nil {
			t.Error(code, err)
		}
	})
	listed(t)
	printer := lend(t, "xhci.0", "printer", redir.Printer(printertest.New(printertest.Model{Direct: 2, Over: 1}, nil)))
	said := listed(t, "printer")
	usblp := []attached.Obstacle{{Code: attached.KernelDriver, By: "usblp", What: "the kernel driver usblp", Do: "nothing: it is detached while a terminal runs"}}
	if want := []attached.Printer{{Protocols: []string{"bidirectional", "ipp-usb"}, Languages: []string{"PJL", "PDF", "PCL"}}}; !reflect.DeepEqual(said[0].Printers, want) || !reflect.DeepEqual(said[0].InTheWay, usblp) {
		t.Errorf("%+v", said)
	}
	lend(t, "xhci.0", "reader", redir.Reader(ccidtest.New(ccidtest.Model{Level: ccidtest.TPDU, Pad: true})))
	said = listed(t, "printer", "reader")
	for _, d := range said {
		if want := []attached.Reader{{Level: "TPDU", Buffer: 271, Slots: 1, PINPad: true}}; d.Readers != nil && (!reflect.DeepEqual(d.Readers, want) || d.InTheWay != nil) {
			t.Errorf("%+v", d)
		}
	}
	r, err := m.Run(limit(t), qemu.Command{User: 65534, Args: []string{"/bin/honnind", "devices", "--json"}})
	must(t, err)
	denied := parse(r.Out)
	for _, d := range denied {
		if d.InTheWay == nil || d.InTheWay[0].What != "no permission" {
			t.Errorf("%+v", d)
		}
	}
	if len(denied) != 2 {
		t.Errorf("%+v", denied)
	}
	t.Run("pcscd in the way", func(t *testing.T) {
		stop := startPCSCD(t)
		pcscdHas(t)
		stop()
		await(t, "a reader that nobody has", func() bool { return obstacles(t, 0) == nil })
	})
	must(t, printer.Unplug())
	listed(t, "reader")
	must(t, printer.Plug())
	listed(t, "printer", "reader")
}

// pcscdHas waits until pcscd has taken the reader: root is told who it is, and what to do; the terminal's user sees nobody else's
// open files, and is told that much.
func pcscdHas(t *testing.T) {
	t.Helper()
	want := attached.Obstacle{Code: attached.InUse, By: "pcscd", What: "pcscd has it", Do: "systemctl disable --now pcscd.socket pcscd.service, or use it: reader pcsc"}
	await(t, "pcscd at the reader", func() bool { return slices.Contains(obstacles(t, 0), want) })
	if o := obstacles(t, user); len(o) != 1 || o[0].What != "another program has it" {
		t.Errorf("%+v", o)
	}
}

// obstacles are what a user is told to be in the way of the reader, once it is there.
func obstacles(t *testing.T, user uint32) []attached.Obstacle {
	t.Helper()
	var reader attached.Device
	await(t, "a reader", func() bool {
		r, err := machine(t).Run(limit(t), qemu.Command{User: user, Args: []string{"/bin/honnind", "devices", "--json"}})
		must(t, err)
		for _, d := range parse(r.Out) {
			if d.Readers != nil {
				reader = d
			}
		}
		return reader.Readers != nil
	})
	return reader.InTheWay
}

// listed is the last list, once it has those kinds of devices and no others.
func listed(t *testing.T, kinds ...string) []attached.Device {
	t.Helper()
	ctx := limit(t)
	for {
		said, err := machine(t).Said(ctx, "devices")
		must(t, err)
		lines := strings.Split(strings.TrimSpace(said), "\n")
		if all := parse(lines[len(lines)-1]); all != nil && slices.Equal(kindsOf(all), kinds) {
			return all
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no list of %q; it says\n%s", kinds, said)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func kindsOf(all []attached.Device) (kinds []string) {
	for _, d := range all {
		if len(d.Printers) > 0 {
			kinds = append(kinds, "printer")
		}
		if len(d.Readers) > 0 {
			kinds = append(kinds, "reader")
		}
	}
	slices.Sort(kinds)
	return kinds
}

// parse reads a list; nil for a line that is not whole yet.
func parse(line string) (all []attached.Device) {
	if err := json.Unmarshal([]byte(line), &all); err != nil {
		return nil
	}
	return all
}
