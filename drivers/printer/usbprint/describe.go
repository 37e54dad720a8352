package usbprint

import (
	"context"
	"strings"

	"honnin/drivers/printer"
)

// Describe asks the printer what it says of itself: over IPP as package ipp does; one without is asked for its device id, of which
// maker and model are kept, and for its port status. A document that this program prints is not disturbed: then it is "busy".
func (p *Printer) Describe(ctx context.Context) (d printer.Description, err error) {
	if p.printing.Load() {
		return d, &printer.Fault{Reason: printer.Busy}
	}
	err = p.with(ctx, func(ctx context.Context, k kind) (err error) {
		if k == overIPP {
			d, err = p.ipp.Describe(ctx)
		} else {
			d, err = p.direct.describe(ctx)
		}
		return err
	})
	return d, err
}

func (d *direct) describe(ctx context.Context) (is printer.Description, err error) {
	ctx, stop := context.WithTimeout(ctx, d.timing.Call)
	defer stop()
	err = d.with(ctx, func(c *line) error {
		id, err := AskDeviceID(ctx, c)
		if err != nil {
			return explain(err)
		}
		words, err := c.troubles(ctx)
		if err != nil {
			return explain(err)
		}
		is.Model = printer.Shown(named(id.Maker, id.Model))
		for _, w := range words {
			is.Reasons = append(is.Reasons, printer.Reason{Word: w, Severity: "error"})
		}
		return nil
	})
	return is, err
}

// named is maker and model; many a model has its maker in front.
func named(maker, model string) string {
	if strings.HasPrefix(strings.ToLower(model), strings.ToLower(maker)) {
		return model
	}
	return maker + " " + model
}
