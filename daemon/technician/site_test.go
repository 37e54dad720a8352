package technician

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"honnin/config/site"
)

const siteText = `version = 1
terminal = "JP-99-000001"
channel = "store"
payment = "none"
reader = "pcsc"
listen = "127.0.0.1:0"
state = "state"
policy = "policy"
keys = "keys"
[printer]
address = "usb"
[centre]
url = "https://centre.example.jp"
ca = "ca.pem"
`

// TestSettings: no field of a site is left out, so that no difference is.
func TestSettings(t *testing.T) {
	s, err := site.Parse([]byte(siteText), "/etc/honnin")
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	var change func(v reflect.Value)
	change = func(v reflect.Value) {
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Kind() == reflect.Struct {
				change(f)
				continue
			}
			fields++
			before := settings(s)
			was := reflect.ValueOf(f.Interface())
			if f.Kind() == reflect.String {
				f.SetString(was.String() + "x")
			} else {
				f.SetInt(was.Int() + 9600)
			}
			n := 0
			for i, k := range settings(s) {
				if k != before[i] {
					n++
				}
			}
			if n != 1 {
				t.Errorf("field %d, %v: %d differences", fields, was, n)
			}
			f.Set(was)
		}
	}
	change(reflect.ValueOf(&s).Elem())
	if fields < 15 || len(settings(s)) != fields {
		t.Error(fields, "fields,", len(settings(s)), "settings")
	}
}

// TestSiteFaults: each key that is wrong is named, with its line, and nothing of what stands behind it.
func TestSiteFaults(t *testing.T) {
	for text, want := range map[string][]string{
		strings.Replace(siteText, "pcsc", "virtual", 1):                                                   {"reader:5"},
		strings.NewReplacer("pcsc", "virtual", `"127.0.0.1:0"`, `"0.0.0.0:80"`).Replace(siteText):         {"reader:5", "listen:6"},
		strings.Replace(siteText, `"store"`, `"roof"`, 1):                                                 {"channel:3"},
		strings.Replace(siteText, "keys =", "kees =", 1):                                                  {"kees:9"},
		strings.Replace(siteText, "keys = \"keys\"\n", "", 1):                                             {"keys:1"},
		strings.Replace(siteText, `address = "usb"`, `address = "ipp://printer.example.jp/ipp/print"`, 1): {"printer.address:11"},
		"no toml": {":1"},
	} {
		_, err := site.Parse([]byte(text), "/etc/honnin")
		var got []string
		for _, f := range all(fmt.Errorf("site: %w", err)) {
			got = append(got, fmt.Sprint(f.Key, ":", f.Line))
		}
		if err == nil || !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
