package technician

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed/signedtest"
	"honnin/drivers/attached"
	"honnin/ui/console"
)

// TestPolicyDiff: what the waiting policy changes, each thing once; where none waits, that is said.
func TestPolicyDiff(t *testing.T) {
	r := newRuled(t)
	if b, err := console.Record(t.Context(), r, console.Who{ID: "tech-7", Role: policy.Look}, "policy diff"); reasonOf(err) != "nothing-waits" {
		t.Errorf("%s %v", b, err)
	}
	r.office.Body = strings.Replace(r.office.Body, `clock_skew = "5m"`, `clock_skew = "7m"`, 1)
	r.takes(t, r.office.Text(signedtest.Head{Version: 2, Expires: r.begun.Add(45 * 24 * time.Hour), After: r.first}))
	var changed []string
	for _, c := range rows(t, r.Machine, "policy diff", "policy.change") {
		changed = append(changed, fmt.Sprint(c["change"]))
	}
	if len(changed) != 3 || !slices.Contains(changed, "version: 1 → 2") || !slices.Contains(changed, "clock_skew: 5m → 7m") {
		t.Errorf("%q", changed)
	}
}

// TestWhichDevicesThePolicyAllows: those that it names, or all where it names none; without a policy nobody knows.
func TestWhichDevicesThePolicyAllows(t *testing.T) {
	usb := slices.IndexFunc(console.Commands(), func(c console.Command) bool { return c.Name == "usb" })
	column := slices.IndexFunc(console.Commands()[usb].Lines[0].Fields, func(f console.Field) bool { return f.Key == "allowed" })
	o := signedtest.New(t, time.Now())
	body := o.Body
	for devices, want := range map[string][2]console.Value{
		"none": {console.None(), console.None()}, "": {console.Yes(true), console.Yes(true)}, "[devices]\nusb = [\"054c:0dc9\"]\n": {console.Yes(true), console.Yes(false)},
	} {
		l := &look{Machine: bare(t.TempDir(), time.Now)}
		if o.Body = body + devices; devices != "none" {
			p, err := o.Root().Open(o.Bundle(o.Text(signedtest.Head{})))
			if err != nil {
				t.Fatal(err)
			}
			l.policy = p
		}
		for i, id := range []string{"054c:0dc9", "04e6:581d"} {
			if got := l.plugged(attached.Device{ID: id})[column]; got != want[i] {
				t.Errorf("%q: %s: %v, want %v", devices, id, got, want[i])
			}
		}
	}
}
