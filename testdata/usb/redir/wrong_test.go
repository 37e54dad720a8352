package redir

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/printer/usbprint/printertest"
)

// TestWrong: whoever speaks wrongly is cut off.
func TestWrong(t *testing.T) {
	for name, c := range map[string]struct {
		kind kind
		body string
	}{
		"an unknown packet":       {99, ""},
		"an isochronous one":      {102, "\x83\x00\x00\x00"},
		"a device's":              {connect, "0123456789"},
		"one cut short":           {setConfig, ""},
		"one too long":            {setConfig, "\x01\x02"},
		"data with nobody's head": {bulkData, "\x01"},
		"less than announced":     {bulkData, "\x01\x00\x05\x00\x00\x00\x00\x00\x00\x00abc"},
		"data to read":            {bulkData, "\x82\x00\x01\x00\x00\x00\x00\x00\x00\x00a"},
		"too much to read":        {bulkData, "\x82\x00\x00\x00\x00\x00\x00\x00\xff\xffa"},
		"a request without data":  {controlData, "\x00\x00\x21\x00\x00\x00\x00\x00\x05\x00"},
		"a filter's no":           {filterReject, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, d := newFake()
				q := lend(t, d)
				q.want(connect)
				_ = q.try(c.kind, 1, []byte(c.body)...) // it may be cut off in the middle
				<-q.done
				if q.err == nil {
					t.Error("no error")
				}
			})
		})
	}
	t.Run("the same id twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, d := newFake()
			q := lend(t, d)
			q.want(connect)
			q.configure(5)
			q.ask(0x82, 8)
			q.id--
			q.ask(0x82, 8)
			if <-q.done; !errors.Is(q.err, errProtocol) {
				t.Error(q.err)
			}
		})
	})
	t.Run("more than anybody has in flight", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, d := newFake()
			q := lend(t, d)
			q.want(connect)
			q.configure(5)
			for range atOnce + 1 {
				q.ask(0x82, 8)
			}
			synctest.Wait()
			q.ask(0x82, 8)
			if <-q.done; !errors.Is(q.err, errProtocol) {
				t.Error(q.err)
			}
		})
	})
	t.Run("an old QEMU", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, d := newFake()
			ours, theirs := net.Pipe()
			q := &qemu{t: t, conn: ours}
			said := make(chan error)
			go func() { said <- Serve(t.Context(), theirs, d) }()
			q.greet(capabilities &^ (1 << 5))
			if err := <-said; !errors.Is(err, errProtocol) {
				t.Error(err)
			}
		})
	})
}

func TestBadDescriptors(t *testing.T) {
	for name, break_ := range map[string]func(d *Device){
		"no device":       func(d *Device) { d.Descriptor = nil },
		"none at all":     func(d *Device) { d.Configuration = nil },
		"no interface":    func(d *Device) { d.Configuration = d.Configuration[:9] },
		"cut":             func(d *Device) { d.Configuration = d.Configuration[:20] },
		"length 0":        func(d *Device) { d.Configuration[9] = 0 },
		"packets of none": func(d *Device) { d.Configuration[22] = 0 },
	} {
		_, d := newFake()
		d.Configuration = bytes.Clone(d.Configuration)
		break_(&d)
		if _, err := NewPort(d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestDevices: the software devices, as they are. What they do is their own tests' matter.
func TestDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := ccidtest.New(ccidtest.Model{Level: ccidtest.TPDU})
		q := lend(t, Reader(reader))
		q.want(connect)
		q.configure(1)
		reader.Insert(0, &ccidtest.Contact{T: 1})
		q.say(startInterrupt, 0, ccidtest.Interrupt)
		q.want(interruptStatus)
		if p := q.want(interruptData); string(p.body[4:]) != "\x50\x03" {
			t.Errorf("insertion: % X", p.body)
		}
		if s, n := q.write(ccidtest.Out, "\x65\x00\x00\x00\x00\x00\x07\x00\x00\x00"); s != success || n != 10 {
			t.Errorf("PC_to_RDR_GetSlotStatus: %d, %d", s, n)
		}
		if _, got := q.read(ccidtest.In, 271); got != "\x81\x00\x00\x00\x00\x00\x07\x01\x00\x00" {
			t.Errorf("RDR_to_PC_SlotStatus: % X", got)
		}
		reader.Unplug()
		q.ask(ccidtest.In, 271)
		q.want(disconnect)
		if err := q.hangUp(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		printer := printertest.New(printertest.Model{Direct: 2}, nil)
		q := lend(t, Printer(printer))
		if p := q.want(connect); p.body[0] != 2 {
			t.Errorf("speed %d", p.body[0])
		}
		q.configure(1)
		document := strings.Repeat("page ", 5000)
		if s, n := q.write(printertest.Out(0), document); s != success || n != len(document) {
			t.Errorf("%d, %d", s, n)
		}
		if sum, n := printer.Taken(); sum != sha256.Sum256([]byte(document)) || n != len(document) {
			t.Errorf("%d bytes arrived", n)
		}
		if _, id := q.control(0xa1, 0, 0, 0, 255); !strings.Contains(string(id), "CMD:PJL,PDF") {
			t.Errorf("device id %q", id)
		}
		printer.Strike(printertest.Fault{Do: printertest.Refuse})
		id := q.ask(printertest.Out(0), 0, 'x')
		q.quiet()
		q.say(cancelData, id)
		if s, _, _ := q.reply(id); s != cancelled {
			t.Errorf("a printer that takes nothing: %d", s)
		}
		if err := q.hangUp(); err != nil {
			t.Error(err)
		}
	})
}
