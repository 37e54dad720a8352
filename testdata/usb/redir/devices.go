package redir

import (
	"context"
	"errors"

	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/printer/usbprint/printertest"
)

// Reader lends a reader.
func Reader(d *ccidtest.Device) Device {
	return Device{Model: reader{d}, Descriptor: d.Descriptor(), Configuration: d.Configuration(), Strings: []string{d.Manufacturer, d.Product}}
}

type reader struct{ d *ccidtest.Device }

func (r reader) Control(_ context.Context, s Setup, data []byte) (int, error) {
	n, err := r.d.Control(s.Type, s.Request, s.Value, data)
	return n, ours(err)
}

func (r reader) Out(_ context.Context, endpoint uint8, p []byte) (int, error) {
	if endpoint != ccidtest.Out {
		return 0, ErrStall
	}
	if err := r.d.Write(p); err != nil {
		return 0, ours(err)
	}
	return len(p), nil
}

func (r reader) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	p, err := r.d.In(ctx, endpoint)
	return p, ours(err)
}

func (r reader) ClearHalt(endpoint uint8) error { return ours(r.d.ClearHalt(endpoint)) }
func (reader) Select(int, int)                  {}
func (r reader) Reset()                         { r.d.Plug() }
func (r reader) Plug()                          { r.d.Plug() }

// Printer lends a printer.
func Printer(d *printertest.Device) Device {
	return Device{Model: printer{d}, Descriptor: d.Descriptor(), Configuration: d.Configuration(), Strings: []string{d.Manufacturer, d.Product}}
}

type printer struct{ d *printertest.Device }

func (p printer) Control(_ context.Context, s Setup, data []byte) (int, error) {
	n, err := p.d.Control(s.Type, s.Request, s.Value, s.Index, data)
	return n, ours(err)
}

func (p printer) Out(ctx context.Context, endpoint uint8, b []byte) (int, error) {
	n, err := p.d.Out(ctx, endpoint, b)
	return n, ours(err)
}

func (p printer) In(ctx context.Context, endpoint uint8) ([]byte, error) {
	b, err := p.d.In(ctx, endpoint)
	return b, ours(err)
}

func (p printer) ClearHalt(endpoint uint8) error { return ours(p.d.ClearHalt(endpoint)) }
func (p printer) Select(iface, alternate int)    { p.d.Select(iface, alternate) }
func (printer) Reset()                           {} // a configuration follows, which selects
func (p printer) Plug()                          { p.d.Plug() }

func ours(err error) error {
	switch {
	case errors.Is(err, ccidtest.ErrStall), errors.Is(err, printertest.ErrStall):
		return ErrStall
	case errors.Is(err, ccidtest.ErrUnplugged), errors.Is(err, printertest.ErrUnplugged):
		return ErrGone
	}
	return err
}
