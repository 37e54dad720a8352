package usb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/gousb"
	"golang.org/x/sys/unix"
)

// device is one claimed interface in gousb's hands, with a context of its own.
type device struct {
	ctx    *gousb.Context
	dev    *gousb.Device
	config *gousb.Config
	iface  *gousb.Interface
}

// open claims an interface. What the device says of itself now is what counts.
func open(at Place, iface, alternate int) (Handle, Setting, error) {
	d := &device{}
	s, err := d.claim(at, iface, alternate)
	if err != nil {
		return nil, Setting{}, errors.Join(explain(err), d.Close())
	}
	return d, s, nil
}

func (d *device) claim(at Place, iface, alternate int) (s Setting, err error) {
	if d.ctx, err = newContext(); err != nil {
		return s, err
	}
	if d.dev, err = d.find(at); err != nil {
		return s, err
	}
	active, err := d.dev.ActiveConfigNum()
	if err != nil {
		return s, err
	}
	if s, err = d.setting(active, iface, alternate); err != nil {
		return s, err
	}
	// Auto-detach comes after Config: before it, gousb would take the drivers of all interfaces and never give them back.
	if d.config, err = d.dev.Config(active); err != nil {
		return s, err
	}
	if err = d.dev.SetAutoDetach(true); err != nil {
		return s, err
	}
	// gousb finds the number of alternates by an index that it takes for the interface's number.
	if all := d.config.Desc.Interfaces; iface >= len(all) || all[iface].Number != iface {
		return s, fmt.Errorf("%w: the interfaces are not numbered from 0", ErrDescriptor)
	}
	d.iface, err = d.config.Interface(iface, alternate)
	return s, err
}

// newContext makes an error of gousb's panic.
func newContext() (c *gousb.Context, err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("%w: libusb does not start: %v", ErrNoBus, why)
		}
	}()
	return gousb.NewContext(), nil
}

// find opens the device at a place. An error of another device is not ours.
func (d *device) find(at Place) (*gousb.Device, error) {
	var asked bool
	devices, err := d.ctx.OpenDevices(func(desc *gousb.DeviceDesc) bool {
		ours := desc.Bus == at.Bus && desc.Address == at.Address && !asked
		asked = asked || ours
		return ours
	})
	switch {
	case len(devices) > 0:
		return devices[0], nil
	case !asked:
		return nil, ErrGone
	}
	return nil, err
}

// setting reads the active configuration from the device, which gousb shows without its class-specific parts.
func (d *device) setting(active, iface, alternate int) (Setting, error) {
	for index := range len(d.dev.Desc.Configs) {
		raw, err := d.configuration(index)
		if err != nil {
			return Setting{}, err
		}
		c, err := ParseConfiguration(raw)
		if err != nil {
			return Setting{}, err
		}
		if int(c.Value) == active {
			s, ok := Info{Settings: c.Settings}.Setting(iface, alternate)
			if !ok {
				err = fmt.Errorf("%w: no interface %d with setting %d", ErrDescriptor, iface, alternate)
			}
			return s, err
		}
	}
	return Setting{}, fmt.Errorf("%w: it is not configured", ErrDescriptor)
}

// configuration is GET_DESCRIPTOR (USB 2.0 §9.4.3), twice: wTotalLength, then all.
func (d *device) configuration(index int) ([]byte, error) {
	d.dev.ControlTimeout = maxControl
	head := make([]byte, 9)
	if n, err := d.dev.Control(0x80, 6, typeConfiguration<<8|uint16(index), 0, head); err != nil {
		return nil, err
	} else if n < len(head) {
		return nil, fmt.Errorf("%w: a short configuration", ErrDescriptor)
	}
	all := make([]byte, int(head[2])|int(head[3])<<8)
	n, err := d.dev.Control(0x80, 6, typeConfiguration<<8|uint16(index), 0, all)
	return all[:max(n, 0)], err
}

// Control is as [Handle] says. One at a time: the timeout is a field.
func (d *device) Control(timeout time.Duration, requestType, request uint8, value, index uint16, data []byte) (int, error) {
	d.dev.ControlTimeout = timeout
	n, err := d.dev.Control(requestType, request, value, index, data)
	return n, explain(err)
}

// Transfer is as [Handle] says.
func (d *device) Transfer(ctx context.Context, e Endpoint, p []byte) (n int, err error) {
	if number := int(e.Address & 0x0f); e.In() {
		var in *gousb.InEndpoint
		if in, err = d.iface.InEndpoint(number); err == nil {
			n, err = in.ReadContext(ctx, p)
		}
	} else {
		var out *gousb.OutEndpoint
		if out, err = d.iface.OutEndpoint(number); err == nil {
			n, err = out.WriteContext(ctx, p)
		}
	}
	return n, explain(err)
}

// ResetEndpoint is as [Handle] says. Neither gousb nor libusb has it alone, so the file that libusb has opened is looked
// for among those of this process. Of several for one device the right one is that which claimed the endpoint's
// interface: the kernel refuses the others.
func (d *device) ResetEndpoint(address uint8) error {
	node := fmt.Sprintf("/dev/bus/usb/%03d/%03d", d.dev.Desc.Bus, d.dev.Desc.Address)
	err := fmt.Errorf("%w: libusb's file is not found", ErrTransfer)
	for _, fd := range filesOf(node) {
		const resetEndpoint = 0x80045503 // USBDEVFS_RESETEP, linux/usbdevice_fs.h
		switch err = unix.IoctlSetPointerInt(fd, resetEndpoint, int(address)); {
		case err == nil:
			return nil
		case errors.Is(err, unix.ENODEV):
			return ErrGone
		}
		err = fmt.Errorf("%w: %w", ErrTransfer, err)
	}
	return err
}

// filesOf is this process's descriptors of a file.
func filesOf(path string) (fds []int) {
	const own = "/proc/self/fd"
	entries, _ := os.ReadDir(own) // none is none
	for _, e := range entries {
		to, err := os.Readlink(filepath.Join(own, e.Name()))
		if fd, no := strconv.Atoi(e.Name()); err == nil && no == nil && to == path {
			fds = append(fds, fd)
		}
	}
	return fds
}

// Close releases what was claimed, in turn; libusb then binds the kernel's driver again.
func (d *device) Close() error {
	var errs []error
	if d.iface != nil {
		d.iface.Close()
	}
	if d.config != nil {
		errs = append(errs, d.config.Close())
	}
	if d.dev != nil {
		errs = append(errs, d.dev.Close())
	}
	if d.ctx != nil {
		errs = append(errs, d.ctx.Close())
	}
	return errors.Join(errs...)
}

// meanings are libusb's words in ours.
var meanings = []struct{ theirs, ours error }{
	{gousb.TransferNoDevice, ErrGone}, {gousb.TransferStall, ErrStall}, {gousb.TransferOverflow, ErrOverflow},
	{gousb.TransferCancelled, ErrTimeout}, {gousb.TransferTimedOut, ErrTimeout}, {gousb.TransferError, ErrTransfer},
	{gousb.ErrorNoDevice, ErrGone}, {gousb.ErrorPipe, ErrStall}, {gousb.ErrorOverflow, ErrOverflow},
	{gousb.ErrorTimeout, ErrTimeout}, {gousb.ErrorBusy, ErrBusy}, {gousb.ErrorAccess, ErrPermission},
}

// explain finds our word for gousb's error, which wraps libusb's only as text.
func explain(err error) error {
	if err == nil {
		return nil
	}
	for _, own := range []error{ErrGone, ErrDescriptor, ErrNoBus} {
		if errors.Is(err, own) {
			return err
		}
	}
	for _, m := range meanings {
		if strings.HasSuffix(err.Error(), m.theirs.Error()) {
			return m.ours
		}
	}
	return fmt.Errorf("%w: %w", ErrTransfer, err)
}
