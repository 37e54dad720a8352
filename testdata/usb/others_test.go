package usb_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/drivers/printer/ippevetest"
	"honnin/drivers/printer/usbprint/printertest"
	"honnin/testdata/usb/qemu"
	"honnin/testdata/usb/redir"
)

// Each of the software devices works with a driver that somebody else wrote too, or nobody knew whether it is ours that is wrong:
// the kernel's usblp, OpenPrinting's ipp-usb, and pcscd with libccid (figures_test.go). The whole visits with ours go on in the
// other machine meanwhile.

const (
	bundle  = "/usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/"
	libccid = bundle + "Linux/libccid.so"
)

// others puts the programs of others into the machine.
func others(ctx context.Context, o *qemu.Options) error {
	ippusb, err := qemu.Unpacked(ctx, "ipp-usb")
	if err != nil {
		return err
	}
	ccid, err := qemu.Unpacked(ctx, "libccid")
	if err != nil {
		return err
	}
	pcscd, err := exec.LookPath("pcscd")
	if err != nil {
		return err
	}
	o.Programs["/bin/visit"], o.Programs["/bin/pcscd"] = built("visit"), pcscd
	o.Programs["/bin/ipp-usb"] = filepath.Join(ippusb, "sbin/ipp-usb")
	o.Programs[libccid] = filepath.Join(ccid, libccid)
	o.Programs["/lib/x86_64-linux-gnu/libgcc_s.so.1"] = "/lib/x86_64-linux-gnu/libgcc_s.so.1" // pcscd's threads end by it
	list, err := os.ReadFile(filepath.Join(ccid, bundle, "Info.plist"))
	if err != nil {
		return err
	}
	o.Files[bundle+"Info.plist"], err = supported(list)
	o.Files["/etc/ipp-usb/ipp-usb.conf"] = []byte("[network]\nhttp-min-port = 60000\nhttp-max-port = 60001\ndns-sd = disable\ninterface = loopback\nipv6 = disable\n" +
		"[logging]\ndevice-log = all\nmain-log = debug\n")
	for _, dir := range []string{"/var/ipp-usb/dev", "/var/log/ipp-usb", "/var/lock", "/run/pcscd"} {
		o.Files[dir+"/.keep"] = nil
	}
	return err
}

// supported adds our readers to libccid's list of those that it knows.
func supported(list []byte) ([]byte, error) {
	for key, value := range map[string]string{"ifdVendorID": "0x1209", "ifdProductID": "0x0002", "ifdFriendlyName": "Practice Reader"} {
		head := []byte("<key>" + key + "</key>\n\t<array>\n")
		if !bytes.Contains(list, head) {
			return nil, errors.New("libccid's list has no " + key)
		}
		list = bytes.Replace(list, head, append(head, "\t\t<string>"+value+"</string>\n"...), 1)
	}
	return list, nil
}

// kernelsPrinterDriver: usblp reads the device id, and what is written to it is what the printer takes.
func kernelsPrinterDriver(t *testing.T) {
	for name, model := range map[string]printertest.Model{
		"7/1/1":                          {Direct: 1},
		"7/1/2":                          {Direct: 2},
		"7/1/2, with 7/1/4 beside it":    {Direct: 2, Over: 2},
		"7/1/2, on the other controller": {Direct: 2, Vendor: 0x1209, ID: 0x0004},
	} {
		t.Run(name, func(t *testing.T) {
			bus := "xhci.0"
			if strings.Contains(name, "other") {
				bus = "ehci.0"
			}
			d := printertest.New(model, nil)
			port := lend(t, bus, "printer", redir.Printer(d))
			awaitFile(t, "/dev/usb/lp0")
			id, err := machine(t).Read(limit(t), "/sys/class/usbmisc/lp0/device/ieee1284_id")
			must(t, err)
			if strings.TrimSpace(string(id)) != d.DeviceID {
				t.Errorf("device id %q, want %q", id, d.DeviceID)
			}
			document := bytes.Repeat([]byte("fictional "), 30_001)
			must(t, machine(t).Write(limit(t), "/dev/usb/lp0", document))
			taken(t, d, document)
			must(t, port.Unplug())
			awaitNoFile(t, "/dev/usb/lp0")
			must(t, port.Plug())
			awaitFile(t, "/dev/usb/lp0")
			d.Strike(printertest.Fault{After: 100_000, Do: printertest.Unplug})
			if err := machine(t).Write(limit(t), "/dev/usb/lp0", document); err == nil {
				t.Error("a document was written to a printer that was unplugged in the middle")
			}
			awaitNoFile(t, "/dev/usb/lp0")
		})
	}
}

func taken(t *testing.T, d *printertest.Device, document []byte) {
	t.Helper()
	for ctx := limit(t); ; time.Sleep(10 * time.Millisecond) {
		sum, n := d.Taken()
		if sum == sha256.Sum256(document) && n == len(document) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the printer took %d bytes, want %d", n, len(document))
		}
	}
}

func awaitFile(t *testing.T, pattern string) { t.Helper(); awaitNames(t, pattern, true) }

func awaitNoFile(t *testing.T, pattern string) { t.Helper(); awaitNames(t, pattern, false) }

func awaitNames(t *testing.T, pattern string, some bool) {
	t.Helper()
	for ctx := limit(t); ; time.Sleep(20 * time.Millisecond) {
		names, err := machine(t).Names(ctx, pattern)
		if err != nil {
			t.Fatalf("waiting for %s, to be there: %v: %v", pattern, some, err)
		}
		if len(names) > 0 == some {
			return
		}
	}
}

// ippUSB: ipp-usb makes a network printer of the one on USB, and ipptool prints on it.
func ippUSB(t *testing.T) {
	for name, model := range map[string]printertest.Model{
		"two interfaces":    {Over: 2},
		"beside 7/1/2":      {Direct: 2, Over: 2},
		"no other settings": {Over: 3, Lone: true},
		"full speed":        {Over: 2, Packet: 64},
	} {
		t.Run(name, func(t *testing.T) {
			behind := ippevetest.Start(t)
			front := patient(t, behind)
			d := printertest.New(model, func() (net.Conn, error) { return net.Dial("tcp", front) })
			lend(t, "xhci.0", "printer", redir.Printer(d))
			m := machine(t)
			must(t, m.Start(limit(t), qemu.Command{Name: "ipp-usb", Args: []string{"/bin/ipp-usb", "standalone"}}))
			t.Cleanup(func() {
				if _, err := m.Stop(limit(t), "ipp-usb"); err != nil {
					t.Error(err)
				}
				if t.Failed() {
					t.Log(logs(t, "/var/log/ipp-usb/*.log"))
				}
			})
			serves(t, m)
			ippevetest.Stranger(t, "ipp://"+m.Address(631)+"/ipp/print", "print-job.test")
			behind.AwaitTray(1)
			if sum := behind.Tray()[0].SHA256; sum != sha256.Sum256([]byte("%PDF-1.7\n1 0 obj << /Type /Page /Fictional true >> endobj\n")) {
				t.Errorf("another document came out: %x", sum)
			}
		})
	}
}

// patient is in front of ippeveprinter, which swallows what follows an answer 404 on the same connection (seen with CUPS
// 2.4.2). ipp-usb asks for a scanner first and is answered so; on USB there is no other connection.
func patient(t *testing.T, behind *ippevetest.Device) (address string) {
	t.Helper()
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: behind.HostPort()})
		r.Out.Host = r.In.Host
	}, Transport: &http.Transport{DisableKeepAlives: true}})
	t.Cleanup(front.Close)
	return front.Listener.Addr().String()
}

// serves waits until ipp-usb has learned to know the printer: before that it answers 503, or lets one wait.
func serves(t *testing.T, m *qemu.Machine) {
	t.Helper()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx := limit(t); ; time.Sleep(100 * time.Millisecond) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.Address(631)+"/", nil)
		must(t, err)
		r.Host = "localhost:60000" // or it leads there
		answer, err := client.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
			err = errors.New(answer.Status)
		}
		if said, _ := m.Said(limit(t), "ipp-usb"); ctx.Err() != nil || strings.Contains(said, "has ended") {
			t.Fatalf("ipp-usb does not serve: %v\n%s", err, said)
		}
	}
}

func logs(t *testing.T, pattern string) (all string) {
	names, err := machine(t).Names(limit(t), pattern)
	for _, n := range names {
		b, _ := machine(t).Read(limit(t), n)
		all += n + "\n" + string(b)
	}
	if err != nil {
		all += err.Error()
	}
	return all
}

// startPCSCD starts pcscd, the daemon that most machines reach their readers through. It ends with the test, or before.
func startPCSCD(t *testing.T) (stop func()) {
	t.Helper()
	m := machine(t)
	must(t, m.Start(limit(t), qemu.Command{Name: "pcscd", Args: []string{"/bin/pcscd", "--foreground", "--error"}}))
	stop = sync.OnceFunc(func() {
		if _, err := m.Stop(limit(t), "pcscd"); err != nil {
			t.Error(err)
		}
		if said, _ := m.Said(limit(t), "pcscd"); t.Failed() {
			t.Logf("pcscd said\n%s", said)
		}
	})
	t.Cleanup(stop)
	awaitFile(t, "/run/pcscd/pcscd.comm")
	return stop
}
