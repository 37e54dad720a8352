package main

import (
	"fmt"
	"testing"

	"honnin/drivers/attached"
)

func TestOpenReader(t *testing.T) {
	for word, want := range map[string]string{
		"pcsc": "*pcsc.Reader", "pcsc:Sony": "*pcsc.Reader", "usb": "*ccid.Reader", "usb:054c:0dc9": "*ccid.Reader", "usb:1-2": "*ccid.Reader",
		"": "<nil>", "virtual": "<nil>", "usbip": "<nil>", "USB": "<nil>",
	} {
		if got := fmt.Sprintf("%T", openReader(attached.System(), word)); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
