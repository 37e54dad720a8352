package usbprint

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"honnin/drivers/internal/usb"
)

// maxID bounds a device id, in bytes: those of the field have less than 600.
const maxID = 1024

// ErrDeviceID is returned by [ParseDeviceID].
var ErrDeviceID = errors.New("usbprint: bad IEEE 1284 device id")

// DeviceID is what of an IEEE 1284 device id is of use here; the serial number, which many have, is not kept.
type DeviceID struct {
	Maker, Model string   // printable ASCII, at most 64 characters; may be empty
	Languages    []string // of the command set, in capitals: "PDF", "PCL"
}

// languages are the words of a command set that are repeated in errors.
var languages = []string{"PDF", "PCL", "PCLXL", "PCL5E", "PCL6", "PJL", "POSTSCRIPT", "PS", "XPS", "URF", "PWGRASTER", "MLC", "ESCPL2", "ESCPR1", "BJRASTER3", "SPL", "GDI", "ZJS", "ZPL"}

// ParseDeviceID reads the answer to GET_DEVICE_ID (§4.2.1): two bytes of length, which count themselves, and
// "KEY:VALUE;" in a row (IEEE 1284-2000 §7.6). The length is big endian; some devices have it the other way round, as
// CUPS (backend/usb-libusb.c) found out. What comes after it does not count. Of a key that is there twice the first counts.
func ParseDeviceID(b []byte) (DeviceID, error) {
	text, err := idText(b)
	if err != nil {
		return DeviceID{}, err
	}
	var id DeviceID
	seen := map[string]bool{}
	for field := range strings.SplitSeq(text, ";") {
		key, value, ok := strings.Cut(field, ":")
		key = longKeys[strings.ToUpper(strings.TrimSpace(key))]
		if !ok || key == "" || seen[key] {
			continue
		}
		seen[key] = true
		id.set(key, strings.TrimSpace(value))
	}
	if len(seen) == 0 {
		return DeviceID{}, ErrDeviceID
	}
	return id, nil
}

// AskDeviceID is GET_DEVICE_ID (§4.2.1): [ErrDeviceID], or an error of the transfer. What is longer than 1024 bytes is cut.
func AskDeviceID(ctx context.Context, i usb.Interface) (DeviceID, error) {
	b, s := make([]byte, maxID), i.Setting()
	n, err := i.Control(ctx, 0xa1, 0, 0, uint16(s.Interface)<<8|uint16(s.Alternate), b)
	if err != nil && !errors.Is(err, usb.ErrOverflow) {
		return DeviceID{}, err
	}
	return ParseDeviceID(b[:n])
}

// longKeys are the keys that count, each in two spellings.
var longKeys = map[string]string{"MFG": "MFG", "MANUFACTURER": "MFG", "MDL": "MDL", "MODEL": "MDL", "CMD": "CMD", "COMMAND SET": "CMD"}

func (id *DeviceID) set(key, value string) {
	const longest, most = 64, 32
	switch {
	case key == "MFG":
		id.Maker = plain(value, longest)
	case key == "MDL":
		id.Model = plain(value, longest)
	default:
		for word := range strings.SplitSeq(value, ",") {
			word = strings.ToUpper(plain(strings.TrimSpace(word), longest))
			if word != "" && len(id.Languages) < most {
				id.Languages = append(id.Languages, word)
			}
		}
	}
}

// idText finds the text by its length.
func idText(b []byte) (string, error) {
	if len(b) < 2 {
		return "", ErrDeviceID
	}
	for _, n := range []int{int(binary.BigEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b))} {
		if n > 2 && n <= len(b) {
			return string(b[2:n]), nil
		}
	}
	return "", ErrDeviceID
}

// plain is s if it is printable ASCII and not too long; else nothing.
func plain(s string, longest int) string {
	if len(s) > longest || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return s
}

// Speaks says whether a language is in the command set.
func (id DeviceID) Speaks(language string) bool { return slices.Contains(id.Languages, language) }

// spoken is the command set for an error: no free text of a device.
func (id DeviceID) spoken() string {
	var words []string
	for _, l := range id.Languages {
		if !slices.Contains(languages, l) {
			l = "another"
		}
		if !slices.Contains(words, l) {
			words = append(words, l)
		}
	}
	if len(words) == 0 {
		return "nothing that it would name"
	}
	return strings.Join(words, ", ")
}
