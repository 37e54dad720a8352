package main

import (
	"context"
	"strings"

	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/pcsc"
)

// openReader opens what --reader and site.toml name: "pcsc" or "usb", with ":" and a part of the reader's name if there
// are several. It returns nil for any other word. Nothing is asked of the reader yet.
//
// Over USB no device is used but those of the given vendors and products; without any, all may be.
func openReader(bus attached.Bus, word string, allowed ...string) terminal.Reader {
	kind, name, _ := strings.Cut(word, ":")
	switch kind {
	case "pcsc":
		return pcsc.New(name)
	case "usb":
		return ccid.New(attached.Only(bus, allowed), name)
	}
	return nil
}

// powerDown takes the power from a card that nobody will pull. A reader without such a call takes it when a
// connection closes.
func powerDown(ctx context.Context, r terminal.Reader) error {
	if p, ok := r.(interface{ PowerDown(context.Context) error }); ok {
		return p.PowerDown(ctx)
	}
	return nil
}
