package site

import (
	"fmt"
	"strings"
	"testing"
)

const good = `version = 1
terminal = "JP-13-000042"
channel = "store"
payment = "none"
reader = "pcsc:Sony"
listen = "127.0.0.1:8080"
state = "/var/lib/honnin"
policy = "policy.toml"
keys = "keys"
[printer]
address = "ipps://printer.internal/ipp/print"
ca = "printer.pem"
[centre]
url = "https://centre.internal"
ca = "centre-ca.pem"
`

func TestGoodSite(t *testing.T) {
	s, err := Parse([]byte(good), "/etc/honnin")
	if err != nil {
		t.Fatal(err)
	}
	if s.Policy != "/etc/honnin/policy.toml" || s.Keys != "/etc/honnin/keys" || s.State != "/var/lib/honnin" || s.Reader != "pcsc:Sony" || s.Printer.CA != "/etc/honnin/printer.pem" {
		t.Errorf("%+v", s)
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]Line{
		"":                                  {},
		"[line]\ndevice = \"/dev/ttyS0\"\n": {"/dev/ttyS0", 115200},
		"[line]\ndevice = \"/dev/ttyS0\"\nbaud = 9600\n": {"/dev/ttyS0", 9600},
	} {
		if s, err := Parse([]byte(strings.Replace(good, "[centre]", text+"[centre]", 1)), "/etc/honnin"); err != nil || s.Line != want {
			t.Errorf("%q: %+v %v", text, s.Line, err)
		}
	}
}

func TestMetrics(t *testing.T) {
	for address, right := range map[string]bool{
		"127.0.0.1:9464": true, "[::1]:9464": true, "192.168.3.7:9464": true, "[fe80::1%eth0]:9464": true,
		"0.0.0.0:9464": false, "[::]:9464": false, "[::ffff:0.0.0.0]:9464": false, ":9464": false, "localhost:9464": false, "127.0.0.1": false, "127.0.0.1:0": false, "224.0.0.1:9464": false,
		"255.255.255.255:1": false, "127.0.0.1:65536": false, "": false,
	} {
		s, err := Parse([]byte(strings.Replace(good, "state =", fmt.Sprintf("metrics = %q\nstate =", address), 1)), "/etc/honnin")
		if (err == nil) != right || right && s.Metrics != address {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestReaders(t *testing.T) {
	for reader, right := range map[string]bool{
		"pcsc": true, "usb": true, "usb:054c:0dc9": true, "pcsc:Sony": true, "": false, "virtual": false, "usbip": false, "USB": false,
	} {
		_, err := Parse([]byte(strings.Replace(good, "pcsc:Sony", reader, 1)), "/etc/honnin")
		if (err == nil) != right {
			t.Errorf("%q: %v", reader, err)
		}
	}
}

func TestPrinters(t *testing.T) {
	const over, ca = "ipps://printer.internal/ipp/print", "ca = \"printer.pem\"\n"
	for address, right := range map[string]bool{
		"usb": true, "usb:03f0:0c17": true, "usb:03F0:0C17": true, "usb:1-2.3": true, "ipp://127.0.0.1/ipp/print": true,
		"usb:": false, "usb:1-2 ": false, "usbip": false, "usb://03f0:0c17": false, "USB": false, "": false,
	} {
		_, err := Parse([]byte(strings.Replace(strings.Replace(good, over, address, 1), ca, "", 1)), "/etc/honnin")
		if (err == nil) != right {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestBadSitesNameTheKey(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"virtual reader":    {`"pcsc:Sony"`, `"virtual"`, "reader: must be"},
		"directory printer": {`ipps://printer.internal/ipp/print`, `dir:/tmp/x`, "printer.address"},
		"ipp to a network":  {`ipps://printer.internal`, `ipp://printer.internal`, "ipp:// is for a printer on this machine"},
		"password in url":   {`ipps://printer.internal`, `ipps://a:b@printer.internal`, "printer.address"},
		"ipps without ca":   {`ca = "printer.pem"`, ``, "line 10: printer.ca"},
		"usb printer":       {`address = "ipps://printer.internal/ipp/print"`, `address = "usb:Canon"`, `"usb:PORT"`},
		"ca of usb":         {`ipps://printer.internal/ipp/print`, `usb`, "printer.ca: a printer on USB has no certificate"},
		"plain http":        {`https://`, `http://`, "line 14: centre.url"},
		"open to the world": {`127.0.0.1:8080`, `0.0.0.0:8080`, "listen"},
		"odd rate":          {"[centre]", "[line]\ndevice = \"/dev/ttyS0\"\nbaud = 14400\n[centre]", "line 15: line.baud: must be 9600, 19200"},
		"too fast":          {"[centre]", "[line]\ndevice = \"/dev/ttyS0\"\nbaud = 230400\n[centre]", "line.baud"},
		"a line to nowhere": {"[centre]", "[line]\nbaud = 9600\n[centre]", "line.device: is missing"},
		"by name":           {`127.0.0.1:8080`, `localhost:8080`, "listen"},
		"unknown key":       {`channel = "store"`, "channel = \"store\"\nchanel = 1", "site.toml: line 4: chanel: unknown key; allowed are version, terminal"},
		"channel":           {`"store"`, `"shop"`, `site.toml: line 3: channel: must be one of "store", "counter"`},
		"terminal":          {`JP-13-000042`, `jp 13`, "terminal"},
		"version":           {`version = 1`, `version = 2`, "version"},
		"no state":          {`state = "/var/lib/honnin"`, ``, "state: is missing"},
		"no keys":           {`keys = "keys"`, ``, "keys: is missing"},
		"not toml":          {`[centre]`, `[centre`, "line"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			_, err := Parse([]byte(text), "/etc/honnin")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
