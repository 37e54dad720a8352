package usb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tree is a kernel's tree of devices, as files.
type tree struct {
	t *testing.T
	*system
}

func newTree(t *testing.T) tree {
	dir := t.TempDir()
	s := &system{devices: filepath.Join(dir, "devices"), nodes: filepath.Join(dir, "nodes"), processes: filepath.Join(dir, "proc")}
	if err := os.MkdirAll(s.devices, 0o700); err != nil {
		t.Fatal(err)
	}
	return tree{t, s}
}

func (tr tree) file(path string, content []byte) {
	tr.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr tree) link(to, from string) {
	tr.t.Helper()
	if err := os.MkdirAll(filepath.Dir(from), 0o700); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.Symlink(to, from); err != nil {
		tr.t.Fatal(err)
	}
}

// plug puts a device there; of its interface 0 the driver has charge, if one is named.
func (tr tree) plug(port string, address int, configuration []byte, driver string) Place {
	tr.t.Helper()
	dir := filepath.Join(tr.devices, port)
	device := []byte{18, 1, 0, 2, 0, 0, 0, 64, 0x4c, 0x05, 0xc9, 0x0d, 0x00, 0x01, 1, 2, 3, 1}
	for name, content := range map[string]string{
		"descriptors": string(append(device, configuration...)), "busnum": "1\n", "devnum": fmt.Sprintln(address),
		"bConfigurationValue": "1\n", "manufacturer": "SAMPLE\x1b[2J\n", "product": "見本 \xff" + strings.Repeat("x", 200) + "\n", "serial": "S3CRET\n", "speed": "480\n",
	} {
		tr.file(filepath.Join(dir, name), []byte(content))
	}
	if driver != "" {
		tr.link("../../drivers/"+driver, filepath.Join(tr.devices, port+":1.0", "driver"))
	}
	at := Place{1, address, port}
	tr.file(tr.node(at), nil)
	return at
}

func (tr tree) unplug(port string) {
	if err := os.RemoveAll(filepath.Join(tr.devices, port)); err != nil {
		tr.t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	tr := newTree(t)
	hub := encode(1, []Setting{{Class: 9}})
	tr.plug("usb1", 1, hub, "hub")
	tr.plug("1-1", 2, hub, "hub")
	tr.plug("1-1.4", 7, plainPrinter, "usblp")
	held := tr.plug("1-2", 4, qemuReader, "usbfs")
	tr.plug("1-3", 5, qemuReader[:40], "")
	tr.link(tr.node(held), filepath.Join(tr.processes, "99999999/fd/9"))
	tr.file(filepath.Join(tr.processes, "99999999/comm"), []byte("pcscd\n"))
	tr.file(filepath.Join(tr.devices, "1-1.4:1.0", "ieee1284_id"), []byte("MFG:SAMPLE;SN:S3CRET;command set: PDF,PCL;SERN:S3CRET;MDL:見本;DES:S3CRET\n"))
	list, err := tr.List(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	printer, reader, broken := list[0], list[1], list[2]
	if printer.Port != "1-1.4" || printer.Address != 7 || printer.Drivers[0] != "usblp" || printer.Settings[0].Class != 7 {
		t.Errorf("printer: %+v", printer)
	}
	if id := printer.DeviceIDs[0]; id != "MFG:SAMPLE;command set: PDF,PCL;MDL:見本;" {
		t.Error(id)
	}
	if reader.Place != held || reader.Vendor != 0x054c || reader.Product != 0x0dc9 || reader.Version != 0x100 || reader.Drivers[0] != Program || reader.Broken != nil {
		t.Errorf("reader: %+v", reader)
	}
	if who := tr.Holder(held); who != "pcscd" {
		t.Error(who)
	}
	if who := tr.Holder(printer.Place); who != "" {
		t.Error(who)
	}
	own := filepath.Join(tr.processes, strconv.Itoa(os.Getpid()))
	tr.file(filepath.Join(own, "comm"), []byte("honnind\n"))
	tr.link(tr.node(held), filepath.Join(own, "fd/9"))
	tr.link(tr.node(printer.Place), filepath.Join(own, "fd/10"))
	if who := [2]string{tr.Holder(held), tr.Holder(printer.Place)}; who != [2]string{"pcscd", "honnind"} {
		t.Error(who)
	}
	tr.file(filepath.Join(tr.devices, "1-2", "speed"), []byte("unknown\n"))
	if again, err := tr.List(t.Context()); err != nil || printer.Speed != "high" || reader.Speed != "high" || again[1].Speed != "" {
		t.Errorf("%q %q %+v %v", printer.Speed, reader.Speed, again, err)
	}
	if reader.Manufacturer != "SAMPLE[2J" || !strings.HasPrefix(reader.Name, "見本 xxx") || len([]rune(reader.Name)) != 64 {
		t.Errorf("%q %q", reader.Manufacturer, reader.Name)
	}
	if !errors.Is(broken.Broken, ErrDescriptor) || len(broken.Settings) != 0 {
		t.Errorf("broken: %+v", broken)
	}
	if strings.Contains(fmt.Sprintf("%+v", list), "S3CRET") {
		t.Error("a serial number")
	}
}

func TestNoUSB(t *testing.T) {
	tr := newTree(t)
	tr.devices = filepath.Join(tr.devices, "missing")
	if list, err := tr.List(t.Context()); !errors.Is(err, ErrNoBus) || list != nil {
		t.Error(list, err)
	}
	if _, err := tr.Claim(t.Context(), Place{1, 1, "1-1"}, 0, 0); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

func TestUnconfiguredIsBroken(t *testing.T) {
	tr := newTree(t)
	tr.plug("1-2", 4, qemuReader, "")
	tr.file(filepath.Join(tr.devices, "1-2", "bConfigurationValue"), []byte("\n"))
	list, err := tr.List(t.Context())
	if err != nil || len(list) != 1 || !errors.Is(list[0].Broken, ErrDescriptor) {
		t.Error(list, err)
	}
}

type closing struct {
	Handle
	closed chan struct{}
}

func (c closing) Close() error { close(c.closed); return nil }

func TestClaimSaysWhoIsInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		driver string
		err    error
		want   error
		words  string
	}{
		"kernel driver":   {"usblp", ErrBusy, ErrBusy, "kernel driver usblp"},
		"pcscd":           {"usbfs", ErrBusy, ErrBusy, "by pcscd"},
		"somebody hidden": {"", ErrBusy, ErrBusy, "another program"},
		"permission":      {"", ErrPermission, ErrPermission, Rules},
		"gone":            {"", ErrGone, ErrGone, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			at := tr.plug("1-2", 4, qemuReader, c.driver)
			if c.driver == Program {
				tr.link(tr.node(at), filepath.Join(tr.processes, "77/fd/9"))
				tr.file(filepath.Join(tr.processes, "77/comm"), []byte("pcscd\n"))
			}
			tr.open = func(Place, int, int) (Handle, Setting, error) { return nil, Setting{}, c.err }
			if _, err := tr.Claim(t.Context(), at, 0, 0); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
				t.Error(err)
			}
		})
	}
}

func TestClaimOfAnotherDeviceAtTheSamePort(t *testing.T) {
	tr := newTree(t)
	before := tr.plug("1-2", 4, qemuReader, "")
	tr.plug("1-2", 5, qemuReader, "")
	tr.open = func(Place, int, int) (Handle, Setting, error) { t.Error("opened"); return nil, Setting{}, ErrGone }
	if _, err := tr.Claim(t.Context(), before, 0, 0); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

func TestClaimThatHangsIsGivenUpAndClosedLater(t *testing.T) {
	tr := newTree(t)
	at := tr.plug("1-2", 4, qemuReader, "")
	release, h := make(chan struct{}), closing{closed: make(chan struct{})}
	tr.open = func(Place, int, int) (Handle, Setting, error) { <-release; return h, Setting{}, nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.Claim(ctx, at, 0, 0); !errors.Is(err, ErrTimeout) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	<-h.closed
}

func TestChangesWithoutEventsLookEverLessOften(t *testing.T) {
	tr := newTree(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan struct{}, 100)
		go tr.follow(ctx, nil, false, func() { told <- struct{}{} })
		<-told // the first
		time.Sleep(time.Minute)
		if len(told) != 0 {
			t.Error("told of nothing")
		}
		for _, step := range []func(){
			func() { tr.plug("1-2", 4, qemuReader, "") },
			func() { tr.unplug("1-2"); tr.plug("1-2", 5, qemuReader, "") },
			func() { tr.unplug("1-2") },
		} {
			step()
			begin := time.Now()
			<-told
			if waited := time.Since(begin); waited > slowest {
				t.Error("seen after", waited)
			}
		}
		cancel()
	})
}

func TestChangesByEvent(t *testing.T) {
	tr := newTree(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		events, told := make(chan struct{}, 1), make(chan struct{}, 100)
		go tr.follow(ctx, events, true, func() { told <- struct{}{} })
		<-told
		begin := time.Now()
		tr.plug("1-1", 3, qemuReader, "")
		events <- struct{}{}
		<-told
		if time.Since(begin) != 0 {
			t.Error("told after", time.Since(begin))
		}
		synctest.Wait()
		if len(told) != 0 {
			t.Error("told twice of one event")
		}
		tr.plug("1-2", 4, qemuReader, "") // its event is lost
		<-told
		if waited := time.Since(begin); waited > safety {
			t.Error("seen after", waited)
		}
		cancel()
	})
}

func TestHearPassesOnWhatIsOfUSB(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	events, over := make(chan struct{}, 1), make(chan struct{})
	go func() { hear(r, events); close(over) }()
	for _, m := range []string{"add@/devices/x\x00ACTION=add\x00SUBSYSTEM=usbmisc\x00", "libudev\x00\xfe\xed\xca\xfeSUBSYSTEM=usb\x00"} {
		if len(events) > 0 {
			t.Error("told of another subsystem")
		}
		if _, err := w.WriteString(m); err != nil {
			t.Fatal(err)
		}
	}
	<-events
	if err := errors.Join(r.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	<-over
}

// TestWhoTells: an event of the kernel's comes before udevd has set permissions.
func TestWhoTells(t *testing.T) {
	tr := newTree(t)
	tr.udev = filepath.Join(tr.devices, "control")
	if g := tr.group(); g != kernelGroup {
		t.Error("without udevd:", g)
	}
	tr.file(tr.udev, nil)
	if g := tr.group(); g != udevGroup {
		t.Error("with udevd:", g)
	}
}

// TestFilesOf: this process's descriptors of one file, as often as it is open, and of no other.
func TestFilesOf(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) int {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return int(f.Fd())
	}
	open("001")
	want := []int{open("00"), open("00")}
	got := filesOf(filepath.Join(dir, "00"))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Error(got, want)
	}
}

// TestChangesEnd: the real socket, or none, on this machine.
func TestChangesEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { System().Changes(ctx, cancel); close(over) }()
	<-over
}

// TestOpenWithoutTheDevice: libusb is there, the device is not.
func TestOpenWithoutTheDevice(t *testing.T) {
	h, _, err := open(Place{Bus: 250, Address: 250, Port: "250-1"}, 0, 0)
	if h != nil || !errors.Is(err, ErrGone) && !errors.Is(err, ErrNoBus) && !errors.Is(err, ErrTransfer) {
		t.Error(h, err)
	}
}

func TestWordsOfLibusb(t *testing.T) {
	for _, m := range meanings {
		for _, err := range []error{m.theirs, fmt.Errorf("failed to claim interface 0 on vid=1,pid=2: %v", m.theirs)} {
			if got := explain(err); !errors.Is(got, m.ours) {
				t.Errorf("%v: %v, want %v", err, got, m.ours)
			}
		}
	}
	if err := explain(errors.New("new")); !errors.Is(err, ErrTransfer) {
		t.Error(err)
	}
	if explain(nil) != nil || explain(fmt.Errorf("%w: x", ErrDescriptor)) == ErrTransfer {
		t.Error("nothing, or our own, was changed")
	}
}
