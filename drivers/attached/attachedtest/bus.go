// Package attachedtest is a bus for tests of programs that open devices and may not see the seam to USB itself.
package attachedtest

import (
	"encoding/binary"
	"sync"
	"testing"

	"honnin/drivers/attached"
	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
)

// Make is a device by its descriptors (USB 2.0, 9.6.1 and 9.6.3).
type Make interface {
	Descriptor() []byte
	Configuration() []byte
}

// Bus has devices that are all in use. It notes which of them somebody tried to claim.
type Bus struct {
	attached.Bus
	mu    sync.Mutex
	tried map[string]bool
}

// New is a bus with these devices.
func New(t testing.TB, devices ...Make) *Bus {
	t.Helper()
	inside := usbtest.New(t)
	b := &Bus{Bus: inside, tried: map[string]bool{}}
	for _, d := range devices {
		raw := d.Descriptor()
		c, err := usb.ParseConfiguration(d.Configuration())
		if err != nil {
			t.Fatal(err)
		}
		i := usb.Info{Vendor: binary.LittleEndian.Uint16(raw[8:]), Product: binary.LittleEndian.Uint16(raw[10:]), Settings: c.Settings}
		inside.Plug(&usbtest.Device{Info: i, Claim: func(int, int) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.tried[i.ID()] = true
			return usb.ErrBusy
		}})
	}
	return b
}

// Tried tells whether anybody tried to claim a device ("054c:0dc9").
func (b *Bus) Tried(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tried[id]
}
