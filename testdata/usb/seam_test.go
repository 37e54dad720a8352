package usb_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honnin/drivers/printer/usbprint/printertest"
	"honnin/testdata/usb/qemu"
	"honnin/testdata/usb/redir"
)

// seamTests runs the tests of the seam to gousb that need a kernel: inside, on both kinds of controllers.
func seamTests(t *testing.T) {
	m := machine(t)
	b, err := os.ReadFile(built("seam"))
	must(t, err)
	must(t, m.Write(limit(t), "/tmp/seam", b))
	for _, bus := range []string{"xhci.0", "ehci.0"} {
		t.Run(bus, func(t *testing.T) {
			d := printertest.New(printertest.Model{Direct: 2, Over: 2}, nil)
			lend(t, bus, "printer", redir.Printer(d))
			seam(t, 0, "Settings", "InTheWay", "Transfers", "Unplug", "Unconfigured")
			d.Strike(printertest.Fault{After: 2500, Do: printertest.Stall})
			seam(t, 0, "Stall")
			seam(t, 65534, "Denied")
		})
	}
}

// seam runs some of the tests. The loader reads what it runs: a file that was only written is no program.
func seam(t *testing.T, user uint32, which ...string) {
	t.Helper()
	pattern := "^TestGuest(" + strings.Join(which, "|") + ")$"
	r, err := machine(t).Run(limit(t), qemu.Command{User: user, Args: []string{"/lib64/ld-linux-x86-64.so.2", "/tmp/seam", "-test.v", "-test.run", pattern}})
	if passed := strings.Count(r.Out, "--- PASS: TestGuest"); err != nil || r.Code != 0 || passed != len(which) {
		t.Errorf("%q: %d of them passed; %d, %v\n%s%s", which, passed, r.Code, err, r.Out, r.Err)
	}
}

// lend plugs a software device into a controller until the test ends.
func lend(t *testing.T, bus, id string, d redir.Device) *redir.Port {
	t.Helper()
	m := machine(t)
	port, err := redir.NewPort(d)
	must(t, err)
	_, dir := here(t)
	path := filepath.Join(dir, id)
	l, err := net.Listen("unix", path)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- port.Listen(ctx, l) }()
	must(t, m.Socket(limit(t), id+"-line", path))
	must(t, m.Plug(limit(t), map[string]any{"driver": "usb-redir", "id": id, "chardev": id + "-line", "bus": bus}))
	t.Cleanup(func() {
		if err := m.Unplug(limit(t), id); err != nil { // its socket goes with it
			t.Error(err)
		}
		stop()
		if err := <-served; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return port
}
