package usb_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
)

// pipes has one bulk pipe each way (0x01, 0x82) and an interrupt pipe (0x83).
func pipes() (*usbtest.Device, usbtest.Pipes) {
	p := usbtest.Pipes{
		Said: map[uint8]usbtest.Queue{0x82: usbtest.NewQueue(), 0x83: usbtest.NewQueue()},
		Told: map[uint8]usbtest.Queue{0x01: usbtest.NewQueue()},
	}
	return &usbtest.Device{Model: p, Info: usb.Info{Settings: []usb.Setting{{Class: 11, Endpoints: []usb.Endpoint{
		{Address: 0x01, Kind: usb.KindBulk, MaxPacket: 64}, {Address: 0x82, Kind: usb.KindBulk, MaxPacket: 64},
		{Address: 0x83, Kind: usb.KindInterrupt, MaxPacket: 8},
	}}}}}, p
}

func claim(t *testing.T, b *usbtest.Bus, d *usbtest.Device) usb.Interface {
	t.Helper()
	i, err := b.Claim(t.Context(), d.Info.Place, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// within runs f in a bubble, with a bus that is looked over at its end.
func within(t *testing.T, f func(t *testing.T, b *usbtest.Bus)) {
	synctest.Test(t, func(t *testing.T) {
		b := usbtest.New(t)
		f(t, b)
		synctest.Wait()
		b.Check()
	})
}

func TestReadIsMadeOfPackets(t *testing.T) {
	for name, c := range map[string]struct {
		noEmpty bool
		said    []int // bytes of each message
		buffer  int
		want    []int
		last    error
	}{
		"short":                             {said: []int{10}, buffer: 64, want: []int{10}},
		"longer than a packet":              {said: []int{70}, buffer: 128, want: []int{70}},
		"full, and an empty one after it":   {said: []int{64, 5}, buffer: 64, want: []int{64, 0, 5}},
		"full, ended by the empty one":      {said: []int{64, 5}, buffer: 128, want: []int{64, 5}},
		"full without: two messages in one": {noEmpty: true, said: []int{64, 5}, buffer: 128, want: []int{69}},
		"a buffer that is too small":        {said: []int{10}, buffer: 8, want: []int{8}, last: usb.ErrOverflow},
		"a buffer in the middle of packets": {said: []int{128}, buffer: 100, want: []int{100}, last: usb.ErrOverflow},
	} {
		t.Run(name, func(t *testing.T) {
			b := usbtest.New(t)
			d, p := pipes()
			d.NoEmpty = c.noEmpty
			b.Plug(d)
			i := claim(t, b, d)
			for _, n := range c.said {
				p.Said[0x82].Put(bytes.Repeat([]byte{7}, n))
			}
			for at, want := range c.want {
				n, err := i.Read(t.Context(), 0x82, make([]byte, c.buffer))
				if n != want || at < len(c.want)-1 && err != nil || at == len(c.want)-1 && !errors.Is(err, c.last) {
					t.Errorf("read %d: %d bytes, %v; want %d, %v", at, n, err, want, c.last)
				}
			}
			if err := i.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	within(t, func(t *testing.T, b *usbtest.Bus) {
		d, p := pipes()
		p.Answer = func(context.Context, usbtest.Request) ([]byte, error) { time.Sleep(3 * time.Second); return nil, nil }
		d.Model = p
		b.Plug(d)
		i := claim(t, b, d)
		begin := time.Now()
		for _, call := range []func(context.Context) (int, error){
			func(ctx context.Context) (int, error) { return i.Read(ctx, 0x82, make([]byte, 64)) },
			func(ctx context.Context) (int, error) { return i.Read(ctx, 0x83, make([]byte, 8)) },
			func(ctx context.Context) (int, error) { return i.Control(ctx, 0xa1, 1, 0, 0, make([]byte, 8)) }, // and goes on, to 5 s
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			n, err := call(ctx)
			cancel()
			if n != 0 || !errors.Is(err, usb.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(n, err)
			}
		}
		if took := time.Since(begin); took != 3*time.Second {
			t.Error("took", took)
		}
		if err := i.Close(); err != nil { // it waits for the control transfer; usbtest sees if it does not
			t.Error(err)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Error("closed under the control transfer, after", took)
		}
	})
}

func TestCloseEndsWhatRuns(t *testing.T) {
	within(t, func(t *testing.T, b *usbtest.Bus) {
		d, _ := pipes()
		b.Plug(d)
		i := claim(t, b, d)
		var all sync.WaitGroup
		for _, endpoint := range []uint8{0x82, 0x82, 0x83} { // the second on 0x82 waits for its turn
			all.Go(func() {
				if _, err := i.Read(t.Context(), endpoint, make([]byte, 64)); !errors.Is(err, usb.ErrClosed) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for range 2 {
			all.Go(func() {
				if err := i.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if _, err := i.Write(t.Context(), 0x01, []byte("late")); !errors.Is(err, usb.ErrClosed) {
			t.Error(err)
		}
		if err := claim(t, b, d).Close(); err != nil { // it can be had again
			t.Error(err)
		}
	})
}

func TestUnplug(t *testing.T) {
	within(t, func(t *testing.T, b *usbtest.Bus) {
		d, p := pipes()
		b.Plug(d)
		at := d.Info.Place
		i := claim(t, b, d)
		time.AfterFunc(time.Second, func() { b.Unplug(d) })
		if _, err := i.Read(t.Context(), 0x82, make([]byte, 64)); !errors.Is(err, usb.ErrGone) {
			t.Error(err)
		}
		if n, err := i.Write(t.Context(), 0x01, []byte("x")); !errors.Is(err, usb.ErrGone) {
			t.Error(n, err)
		}
		if _, err := b.Claim(t.Context(), at, 0, 0); !errors.Is(err, usb.ErrGone) {
			t.Error(err)
		}
		if err := i.Close(); err != nil {
			t.Error(err)
		}
		b.Plug(d)
		if d.Info.Port != at.Port || d.Info.Address == at.Address {
			t.Error("after a replug:", d.Info.Place, at)
		}
		_ = p
	})
}

// halfway takes so many bytes, then stalls.
type halfway struct {
	usbtest.Pipes
	left  int
	sizes []int
}

func (h *halfway) Out(_ context.Context, _ uint8, p []byte) (int, error) {
	h.sizes = append(h.sizes, len(p))
	n := min(len(p), h.left)
	h.left -= n
	if n < len(p) {
		return n, usb.ErrStall
	}
	return n, nil
}

func TestWriteSaysHowMuchWent(t *testing.T) {
	for _, c := range []struct{ size, left, want, transfers int }{
		{0, 10, 0, 1}, {10, 10, 10, 1}, {200_000, 1 << 20, 200_000, 4}, {200_000, 100_000, 100_000, 2}, {65_536, 1 << 20, 65_536, 1},
	} {
		b := usbtest.New(t)
		d, p := pipes()
		m := &halfway{Pipes: p, left: c.left}
		d.Model = m
		b.Plug(d)
		i := claim(t, b, d)
		n, err := i.Write(t.Context(), 0x01, make([]byte, c.size))
		if n != c.want || len(m.sizes) != c.transfers || (err == nil) != (c.want == c.size) || err != nil && !errors.Is(err, usb.ErrStall) {
			t.Errorf("%+v: %d in %v, %v", c, n, m.sizes, err)
		}
		if err := i.ClearHalt(t.Context(), 0x01); err != nil {
			t.Error(err)
		}
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestControl(t *testing.T) {
	b := usbtest.New(t)
	d, p := pipes()
	var asked usbtest.Request
	p.Answer = func(_ context.Context, r usbtest.Request) ([]byte, error) { asked = r; return []byte("answer"), nil }
	d.Model = p
	b.Plug(d)
	i := claim(t, b, d)
	defer i.Close()
	got := make([]byte, 20)
	if n, err := i.Control(t.Context(), 0xa1, 2, 3, 4, got); err != nil || string(got[:n]) != "answer" || asked.Type != 0xa1 || asked.Request != 2 || asked.Value != 3 || asked.Index != 4 || asked.Length != 20 {
		t.Error(n, err, asked)
	}
	if n, err := i.Control(t.Context(), 0x21, 2, 0, 0, []byte("told")); err != nil || n != 4 || string(asked.Data) != "told" {
		t.Error(n, err, asked)
	}
	if n, err := i.Control(t.Context(), 0xa1, 2, 0, 0, got[:3]); !errors.Is(err, usb.ErrOverflow) || n != 3 {
		t.Error(n, err)
	}
}

func TestWrongPipes(t *testing.T) {
	b := usbtest.New(t)
	d, _ := pipes()
	b.Plug(d)
	i := claim(t, b, d)
	defer i.Close()
	for _, endpoint := range []uint8{0, 0x01, 0x02, 0x80, 0x84} {
		if _, err := i.Read(t.Context(), endpoint, make([]byte, 8)); !errors.Is(err, usb.ErrDescriptor) {
			t.Errorf("read %#x: %v", endpoint, err)
		}
	}
	if _, err := i.Write(t.Context(), 0x82, nil); !errors.Is(err, usb.ErrDescriptor) {
		t.Error(err)
	}
	if _, err := b.Claim(t.Context(), d.Info.Place, 0, 1); !errors.Is(err, usb.ErrDescriptor) {
		t.Error(err)
	}
	if _, err := b.Claim(t.Context(), d.Info.Place, 0, 0); !errors.Is(err, usb.ErrBusy) {
		t.Error(err)
	}
}

// TestClearHaltIsForBothSides: the device is told first, then this side counts anew. usbtest sees an endpoint that was
// cleared on one side only.
func TestClearHaltIsForBothSides(t *testing.T) {
	within(t, func(t *testing.T, b *usbtest.Bus) {
		d, p := pipes()
		var told []usbtest.Request
		var answer error
		p.Answer = func(_ context.Context, r usbtest.Request) ([]byte, error) {
			told = append(told, r)
			return nil, answer
		}
		d.Model = p
		b.Plug(d)
		i := claim(t, b, d)
		read := func() error {
			p.Said[0x82].Put([]byte("x"))
			_, err := i.Read(t.Context(), 0x82, make([]byte, 64))
			return err
		}
		if err := errors.Join(i.ClearHalt(t.Context(), 0x82), read()); err != nil {
			t.Error(err)
		}
		if len(told) != 1 || told[0].Type != 0x02 || told[0].Request != 1 || told[0].Value != 0 || told[0].Index != 0x82 || told[0].Length != 0 {
			t.Errorf("%+v", told)
		}
		answer = usb.ErrStall
		if err := i.ClearHalt(t.Context(), 0x82); !errors.Is(err, usb.ErrStall) {
			t.Error(err)
		}
		for _, endpoint := range []uint8{0, 0x02, 0x81} {
			if err := i.ClearHalt(t.Context(), endpoint); !errors.Is(err, usb.ErrDescriptor) || len(told) != 2 {
				t.Errorf("%#x: %v, %d requests", endpoint, err, len(told))
			}
		}
		if err := errors.Join(read(), i.Close()); err != nil {
			t.Error(err)
		}
	})
}

// TestReplug: what belonged to a device before it was pulled moves nothing of it afterwards.
func TestReplug(t *testing.T) {
	within(t, func(t *testing.T, b *usbtest.Bus) {
		d, p := pipes()
		b.Plug(d)
		before := claim(t, b, d)
		b.Unplug(d)
		b.Plug(d)
		now := claim(t, b, d)
		if err := before.Close(); err != nil {
			t.Error(err)
		}
		if _, err := b.Claim(t.Context(), d.Info.Place, 0, 0); !errors.Is(err, usb.ErrBusy) {
			t.Error("claimed twice, since the claim before the replug was given back:", err)
		}
		p.Said[0x82].Put([]byte("x"))
		if n, err := now.Read(t.Context(), 0x82, make([]byte, 64)); n != 1 || err != nil {
			t.Error(n, err)
		}
		if err := now.Close(); err != nil {
			t.Error(err)
		}
	})
}

// stuck is a handle whose transfer ends when it is let go, whatever its context says.
type stuck struct{ let, closed chan struct{} }

func (s stuck) Control(time.Duration, uint8, uint8, uint16, uint16, []byte) (int, error) {
	return 0, nil
}
func (s stuck) Transfer(context.Context, usb.Endpoint, []byte) (int, error) {
	<-s.let
	return 0, usb.ErrTimeout
}
func (s stuck) ResetEndpoint(uint8) error { return nil }
func (s stuck) Close() error {
	select {
	case <-s.let:
		s.closed <- struct{}{}
		return nil
	default:
		panic("closed under a running transfer")
	}
}

func TestNothingIsClosedUnderATransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{make(chan struct{}), make(chan struct{}, 2)}
		i := usb.Over(s, usb.Setting{Endpoints: []usb.Endpoint{{Address: 0x81, Kind: usb.KindBulk, MaxPacket: 64}}})
		go func() { _, _ = i.Read(t.Context(), 0x81, make([]byte, 64)) }()
		synctest.Wait()
		if err := i.Close(); !errors.Is(err, usb.ErrStuck) {
			t.Error(err)
		}
		if len(s.closed) != 0 {
			t.Error("closed")
		}
		close(s.let)
		synctest.Wait()
		if len(s.closed) != 1 { // not left to the end of the process
			t.Error("closed", len(s.closed), "times after the transfer's end")
		}
	})
}
