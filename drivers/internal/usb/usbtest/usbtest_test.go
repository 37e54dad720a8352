package usbtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/internal/usb"
)

// notes is a test that keeps what it is told.
type notes struct {
	testing.TB
	said []string
}

func (n *notes) Errorf(format string, args ...any) {
	n.said = append(n.said, fmt.Sprintf(format, args...))
}
func (n *notes) Cleanup(func()) {}

func TestItSees(t *testing.T) {
	in := usb.Endpoint{Address: 0x82, Kind: usb.KindBulk, MaxPacket: 64}
	for name, c := range map[string]struct {
		do   func(ctx context.Context, b *Bus, h *handle)
		want string
	}{
		"an interface left open": {func(context.Context, *Bus, *handle) {}, "still claimed"},
		"a transfer left running": {func(ctx context.Context, _ *Bus, h *handle) {
			go func() { _, _ = h.Transfer(ctx, in, make([]byte, 64)) }()
			synctest.Wait()
		}, "still running"},
		"a close under a transfer": {func(ctx context.Context, _ *Bus, h *handle) {
			go func() { _, _ = h.Transfer(ctx, in, make([]byte, 64)) }()
			synctest.Wait()
			_ = h.Close()
		}, "closed under 1 running"},
		"a halt cleared on one side": {func(ctx context.Context, _ *Bus, h *handle) {
			_, _ = h.Control(time.Second, 0x02, 1, 0, 0x82, nil)
			go func() { _, _ = h.Transfer(ctx, in, make([]byte, 64)) }()
			synctest.Wait()
		}, "cleared on the other side only"},
		"a reset under a transfer": {func(ctx context.Context, _ *Bus, h *handle) {
			go func() { _, _ = h.Transfer(ctx, in, make([]byte, 64)) }()
			synctest.Wait()
			_ = h.ResetEndpoint(0x82)
		}, "reset under a running transfer"},
		"two on one pipe": {func(ctx context.Context, _ *Bus, h *handle) {
			for range 2 {
				go func() { _, _ = h.Transfer(ctx, in, make([]byte, 64)) }()
			}
			synctest.Wait()
		}, "two transfers at once"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &notes{TB: t}
				b := New(n)
				d := &Device{Model: Pipes{Said: map[uint8]Queue{0x82: NewQueue()}}, Info: usb.Info{Settings: []usb.Setting{{Endpoints: []usb.Endpoint{in}}}}}
				b.Plug(d)
				if _, err := b.Claim(t.Context(), d.Info.Place, 0, 0); err != nil {
					t.Fatal(err)
				}
				var h *handle
				for h = range b.open {
				}
				ctx, cancel := context.WithCancel(t.Context())
				c.do(ctx, b, h)
				b.Check()
				if !strings.Contains(strings.Join(n.said, "\n"), c.want) {
					t.Errorf("%q, want %q", n.said, c.want)
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}
