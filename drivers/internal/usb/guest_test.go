//go:build guest

// These tests run in the machine of testdata/usb, on a kernel's own devices: a printer is plugged in there, and usblp has it.
package usb_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"honnin/drivers/internal/usb"
)

// bounded is time enough for anything here.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// until waits for what a list shows, by events.
func until(t *testing.T, bus usb.Bus, f func([]usb.Info) bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	seen := false
	bus.Changes(ctx, func() {
		list, err := bus.List(ctx)
		if err == nil && f(list) {
			seen = true
			cancel()
		}
	})
	if !seen {
		t.Fatal("waited in vain")
	}
}

// plugged is the printer, when it is there and has its driver.
func plugged(t *testing.T) (bus usb.Bus, printer usb.Info) {
	t.Helper()
	bus = usb.System()
	until(t, bus, func(list []usb.Info) bool {
		for _, i := range list {
			if len(i.Settings) > 0 && i.Settings[0].Class == 7 && i.Drivers[i.Settings[0].Interface] == "usblp" {
				printer = i
				return true
			}
		}
		return false
	})
	return bus, printer
}

func hold(t *testing.T, bus usb.Bus, i usb.Info, s usb.Setting) usb.Interface {
	t.Helper()
	c, err := bus.Claim(bounded(t), i.Place, s.Interface, s.Alternate)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return c
}

// drivers are what is bound now.
func drivers(t *testing.T, bus usb.Bus, at usb.Place) map[int]string {
	t.Helper()
	list, err := bus.List(bounded(t))
	for _, i := range list {
		if i.Place == at {
			return i.Drivers
		}
	}
	t.Fatal("it is not there:", err)
	return nil
}

// open is how many files this process has open.
func open(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestGuestSettings: each setting can be had, is what the kernel says, and is selected; then all is as it was.
func TestGuestSettings(t *testing.T) {
	bus, printer := plugged(t)
	hold(t, bus, printer, printer.Settings[0]).Close() // libusb keeps a thread and its files from the first claim on
	files := open(t)
	for _, s := range printer.Settings {
		c := hold(t, bus, printer, s)
		if !reflect.DeepEqual(c.Setting(), s) {
			t.Errorf("%+v, want %+v", c.Setting(), s)
		}
		now := make([]byte, 1)
		if n, err := c.Control(bounded(t), 0x81, 10, 0, uint16(s.Interface), now); err != nil || n != 1 || int(now[0]) != s.Alternate { // GET_INTERFACE
			t.Errorf("%s: setting %d, %v", s, now[0], err)
		}
		if got := drivers(t, bus, printer.Place)[s.Interface]; got != usb.Program {
			t.Errorf("%s is %q's", s, got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if got := drivers(t, bus, printer.Place); !maps.Equal(got, printer.Drivers) {
			t.Errorf("after %s: %v, want %v", s, got, printer.Drivers)
		}
	}
	if now := open(t); now != files {
		t.Errorf("%d files are open, %d were", now, files)
	}
}

// TestGuestInTheWay: what another program would see of us.
func TestGuestInTheWay(t *testing.T) {
	bus, printer := plugged(t)
	c := hold(t, bus, printer, printer.Settings[0])
	defer c.Close()
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.TrimSpace(string(name))
	if who := bus.Holder(printer.Place); who != own {
		t.Errorf("held by %q, not %q", who, own)
	}
	_, err = bus.Claim(bounded(t), printer.Place, printer.Settings[0].Interface, 0)
	if !errors.Is(err, usb.ErrBusy) || !strings.Contains(err.Error(), own) {
		t.Error(err)
	}
	if _, err := bus.Claim(bounded(t), printer.Place, 9, 0); !errors.Is(err, usb.ErrDescriptor) {
		t.Error(err)
	}
}

// TestGuestTransfers: both directions, one that is given up, and a stall of the control pipe.
func TestGuestTransfers(t *testing.T) {
	bus, printer := plugged(t)
	c := hold(t, bus, printer, printer.Settings[0])
	in, _ := c.Setting().Endpoint(true, usb.KindBulk)
	out, _ := c.Setting().Endpoint(false, usb.KindBulk)
	if n, err := c.Write(bounded(t), out.Address, make([]byte, 200_000)); n != 200_000 || err != nil {
		t.Error(n, err)
	}
	for range 3 {
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if n, err := c.Read(short, in.Address, make([]byte, 512)); n != 0 || !errors.Is(err, usb.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(n, err)
		}
		cancel()
		if _, err := c.Control(bounded(t), 0xc1, 0x77, 0, 0, make([]byte, 4)); !errors.Is(err, usb.ErrStall) {
			t.Error(err)
		}
		id := make([]byte, 1024)
		if n, err := c.Control(bounded(t), 0xa1, 0, 0, 0, id); err != nil || !strings.Contains(string(id[:n]), "CMD:") {
			t.Error(n, err)
		}
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = c.Close() })
	if n, err := c.Read(t.Context(), in.Address, make([]byte, 512)); n != 0 || !errors.Is(err, usb.ErrClosed) {
		t.Error(n, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestGuestStall: the printer stalls one transfer, somewhere. Another file of the same device is open, which is not to be
// taken for libusb's.
func TestGuestStall(t *testing.T) {
	bus, printer := plugged(t)
	other, err := os.OpenFile(fmt.Sprintf("/dev/bus/usb/%03d/%03d", printer.Bus, printer.Address), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c := hold(t, bus, printer, printer.Settings[0])
	defer c.Close()
	out, _ := c.Setting().Endpoint(false, usb.KindBulk)
	for at := 0; err == nil; at++ {
		if _, err = c.Write(bounded(t), out.Address, make([]byte, 1000)); at == 100 {
			t.Fatal("no stall")
		}
	}
	if !errors.Is(err, usb.ErrStall) {
		t.Fatal(err)
	}
	if err := c.ClearHalt(bounded(t), out.Address); err != nil {
		t.Error(err)
	}
	for range 3 { // an odd number of packets, so both kinds come
		if n, err := c.Write(bounded(t), out.Address, make([]byte, 1000)); n != 1000 || err != nil {
			t.Error(n, err)
		}
	}
}

// TestGuestUnplug: the kernel takes the port's power away and gives it back.
func TestGuestUnplug(t *testing.T) {
	bus, printer := plugged(t)
	_, port, _ := strings.Cut(printer.Port, "-")
	power := func(off string) {
		t.Helper()
		at := filepath.Join("/sys/bus/usb/devices", fmt.Sprintf("%d-0:1.0", printer.Bus), fmt.Sprintf("usb%d-port%s", printer.Bus, port), "disable")
		if err := os.WriteFile(at, []byte(off), 0); err != nil {
			t.Fatal(err)
		}
	}
	c := hold(t, bus, printer, printer.Settings[0])
	in, _ := c.Setting().Endpoint(true, usb.KindBulk)
	over := make(chan error)
	go func() {
		_, err := c.Read(bounded(t), in.Address, make([]byte, 512))
		over <- err
	}()
	power("1")
	if err := <-over; !errors.Is(err, usb.ErrGone) && !errors.Is(err, usb.ErrTransfer) {
		t.Error(err)
	}
	until(t, bus, func(list []usb.Info) bool { return len(list) == 0 })
	if _, err := c.Control(bounded(t), 0x80, 0, 0, 0, make([]byte, 2)); !errors.Is(err, usb.ErrGone) {
		t.Error(err)
	}
	if _, err := bus.Claim(bounded(t), printer.Place, printer.Settings[0].Interface, 0); !errors.Is(err, usb.ErrGone) {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	power("0")
	_, again := plugged(t)
	if again.Port != printer.Port || again.Address == printer.Address {
		t.Error(again.Place, printer.Place)
	}
	if err := hold(t, bus, again, again.Settings[0]).Close(); err != nil {
		t.Error(err)
	}
}

// TestGuestUnconfigured: a device that the kernel does not authorise has no configuration.
func TestGuestUnconfigured(t *testing.T) {
	bus, printer := plugged(t)
	authorise := func(v string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join("/sys/bus/usb/devices", printer.Port, "authorized"), []byte(v), 0); err != nil {
			t.Fatal(err)
		}
	}
	authorise("0")
	if _, err := bus.Claim(bounded(t), printer.Place, 0, 0); !errors.Is(err, usb.ErrDescriptor) {
		t.Error(err)
	}
	authorise("1")
	plugged(t)
}

// TestGuestDenied runs as a user without rights.
func TestGuestDenied(t *testing.T) {
	bus, printer := plugged(t)
	if !printer.Denied {
		t.Error("not denied")
	}
	if _, err := bus.Claim(bounded(t), printer.Place, 0, 0); !errors.Is(err, usb.ErrPermission) || !strings.Contains(err.Error(), usb.Rules) {
		t.Error(err)
	}
	if got := drivers(t, bus, printer.Place); !maps.Equal(got, printer.Drivers) {
		t.Errorf("%v, want %v", got, printer.Drivers)
	}
}
