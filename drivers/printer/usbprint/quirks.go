package usbprint

import (
	"path"
	"strings"

	"honnin/drivers/internal/usb"
)

// quirks are what a make does wrong, as far as it matters here.
type quirks struct {
	noIPP      bool   // its 7/1/4 interfaces do not work
	connection string // the value that it wants in the Connection header; "" for no such header, which suits all others
	reset      bool   // wants a SOFT_RESET before its first IPP request
	deaf       bool   // its pipe in must not be read
}

// known are the makes with quirks, by vendor and product ("0519:*"), or where the source has no numbers by maker and name. Sources:
// CUPS 2.4, backend/org.cups.usb-quirks (unidir); ipp-usb 0.9, ipp-usb-quirks/*.conf.
var known = []struct {
	match  string
	quirks quirks
	source string
}{
	{"HP Laser MFP 135a", quirks{noIPP: true}, "ipp-usb blacklist.conf: answers 404 to every request"},
	{"HP LaserJet MFP M28-M31", quirks{connection: "keep-alive"}, "ipp-usb HP.conf"},
	{"HP OfficeJet Pro 8730", quirks{connection: "close"}, "ipp-usb HP.conf"},
	{"HP OfficeJet Pro 8710", quirks{reset: true}, "ipp-usb HP.conf, issue 75: does not start without"},
	{"0482:0010", quirks{deaf: true}, "CUPS: Kyocera Mita FS-820"},
	{"04f9:000d", quirks{deaf: true}, "CUPS: Brother HL-1440, Launchpad 1000253"},
	{"04f9:000e", quirks{deaf: true}, "CUPS: Brother HL-1450, Launchpad 1000253"},
	{"067b:2305", quirks{deaf: true}, "CUPS: Prolific PL2305, USB to parallel, Launchpad 987485"},
	{"0519:*", quirks{deaf: true}, "CUPS: all of Star Micronics, Apple 5251"},
	{"0a5f:*", quirks{deaf: true}, "CUPS: all of Zebra, Launchpad 1001028"},
}

// quirksOf is what is known of a make; the first entry that fits counts.
func quirksOf(i usb.Info) quirks {
	for _, k := range known {
		name := fullName(i)
		if strings.Contains(k.match, ":") {
			name = i.ID()
		}
		if fits, _ := path.Match(k.match, name); fits { // the patterns are ours and well formed
			return k.quirks
		}
	}
	return quirks{}
}

// fullName is maker and product, the maker once, and without the words that a maker adds to its name.
func fullName(i usb.Info) string {
	maker := strings.TrimSuffix(i.Manufacturer, " Inc.")
	if maker == "" || strings.HasPrefix(i.Name, maker+" ") {
		return i.Name
	}
	return maker + " " + i.Name
}
