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

// presence tells whether a card lies on a reader that somebody else may have in use: pcscd knows it. Of a reader on USB that
// cannot be seen without claiming it, and it is nil.
func presence(bus attached.Bus, word string) func(context.Context) (bool, error) {
	if kind, _, _ := strings.Cut(word, ":"); kind != "pcsc" {
		return nil
	}
	return openReader(bus, word).Present
}

// readerPackage is which driver such a word means, as the log calls it.
func readerPackage(word string) string {
	if kind, _, _ := strings.Cut(word, ":"); kind == "usb" {
		return "drivers/card/ccid"
	}
	return "drivers/card/pcsc"
}

// powerDown takes the power from a card that nobody will pull. A reader without such a call takes it when a
// connection closes.
func powerDown(ctx context.Context, r terminal.Reader) error {
	if p, ok := r.(interface{ PowerDown(context.Context) error }); ok {
		return p.PowerDown(ctx)
	}
	return nil
}
