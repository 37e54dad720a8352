package file

import (
	"context"

	"honnin/drivers/printer"
)

// Describe says how the paper path is. A directory has no supplies and no queue.
func (p *Printer) Describe(ctx context.Context) (printer.Description, error) {
	why := p.trouble()
	accepting := why == ""
	d := printer.Description{Model: "Honnin directory printer", State: "idle", Accepting: &accepting}
	if why != "" {
		d.State, d.Reasons = "stopped", []printer.Reason{{Word: why, Severity: "error"}}
	}
	return d, ctx.Err()
}
