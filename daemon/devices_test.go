package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"

	"honnin/drivers/attached"
)

var sampleDevices = []attached.Device{
	{Port: "1-2", ID: "054c:0dc9", Maker: "SONY", Name: "FeliCa Port", Readers: []attached.Reader{{Level: "extended APDU", Buffer: 522, Slots: 2, PINPad: true}},
		InTheWay: []attached.Obstacle{{What: "pcscd has it", Do: "end it"}}},
	{Port: "1-3.1", ID: "0000:0000", Readers: []attached.Reader{{Unusable: "no pipes"}},
		Printers: []attached.Printer{{Protocols: []string{"bidirectional", "ipp-usb"}, Languages: []string{"PDF", "PCL"}}}},
}

func someBus(lists ...[]attached.Device) bus {
	var at int
	return bus{
		list: func(context.Context) ([]attached.Device, error) {
			if at == len(lists) {
				return nil, errors.New("no more")
			}
			at++
			return lists[at-1], nil
		},
		watch: func(ctx context.Context, changed func()) {
			for range 100 {
				if ctx.Err() == nil {
					changed()
				}
			}
		},
	}
}

func TestDevicesForPeople(t *testing.T) {
	var out bytes.Buffer
	if err := devices(t.Context(), &out, someBus(sampleDevices), devicesFlags{}); err != nil {
		t.Fatal(err)
	}
	want := `1-2      054c:0dc9  SONY FeliCa Port
         reader      extended APDU, PIN pad, messages of 522 bytes, 2 slots
         in the way  pcscd has it: end it
1-3.1    0000:0000
         reader      cannot be used: no pipes
         printer     bidirectional, ipp-usb; PDF, PCL
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := devices(t.Context(), &out, someBus(nil), devicesFlags{}); err != nil || out.String() != "no reader and no printer on USB\n" {
		t.Error(out.String(), err)
	}
}

// TestDevicesWatched: what is the same as before is not said again; the end is an error that the bus gives.
func TestDevicesWatched(t *testing.T) {
	var out bytes.Buffer
	err := devices(t.Context(), &out, someBus(nil, nil, sampleDevices, sampleDevices, sampleDevices[:1], nil), devicesFlags{watch: true, json: true})
	if err == nil || err.Error() != "no more" {
		t.Error(err)
	}
	var lengths []int
	for line := range strings.Lines(out.String()) {
		var got []attached.Device
		if err := json.Unmarshal([]byte(line), &got); err != nil || got == nil {
			t.Error(line, err)
		}
		lengths = append(lengths, len(got))
	}
	if len(lengths) != 4 || lengths[0] != 0 || lengths[1] != 2 || lengths[2] != 1 || lengths[3] != 0 {
		t.Error(lengths, out.String())
	}
}

// TestUSBRules reads the rules as udev does, as far as they go: what may be opened is readers and printers.
func TestUSBRules(t *testing.T) {
	rule := regexp.MustCompile(`^([A-Z]+(\{\w+\})?(==|!=|:=|=)"[^"]*"(, )?)+$`)
	granted := regexp.MustCompile(`^ENV\{ID_USB_INTERFACES\}=="([^"]+)", GROUP:="honnin-usb", MODE:="0660"$`)
	var patterns []string
	for line := range strings.Lines(usbRules) {
		line = strings.TrimSuffix(line, "\n")
		if m := granted.FindStringSubmatch(line); m != nil {
			patterns = append(patterns, m[1])
		} else if !strings.HasPrefix(line, "#") && (!rule.MatchString(line) || strings.Contains(line, "MODE") || strings.Contains(line, "GROUP")) {
			t.Errorf("what is this: %s", line)
		}
	}
	for interfaces, want := range map[string]bool{
		":0b0000:": true, ":ff0000:0b0000:": true, ":070102:": true, ":070102:070104:ff0301:": true, ":070101:": true,
		":080650:": false, ":030101:": false, ":ff0b00:": false, ":e00701:": false, ":090000:": false, "": false,
	} {
		got := false
		for _, p := range patterns {
			ok, err := path.Match(p, interfaces)
			if err != nil {
				t.Fatal(err)
			}
			got = got || ok
		}
		if got != want {
			t.Errorf("%s: %v, want %v", interfaces, got, want)
		}
	}
	if !strings.Contains(usbRules, "/etc/udev/rules.d/"+attached.Rules+"\n") {
		t.Error("the rules do not name their file")
	}
}
