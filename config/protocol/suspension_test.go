package protocol_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"honnin/config/protocol"
)

const goodSuspensions = `{"format":"honnin-suspensions/1","nonce":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","at":"2026-11-22T03:00:00Z","suspended":[` +
	`{"municipality":"991015","since":"2026-11-22T02:59:58Z","incident":"jp-99-000001-17-5f0c2a91"},` +
	`{"software":{"name":"issuer-x","up_to":"2.4.1"},"since":"2026-11-22T02:59:58Z","incident":"jp-99-000007-3-0be1c2d4"},` +
	`{"municipality":"991023","software":{"name":"issuer-y"},"since":"2026-11-22T02:59:58Z","incident":"jp-99-000007-4-0be1c2d4"}]}`

func parsed(t *testing.T) protocol.Suspensions {
	t.Helper()
	s, err := protocol.ParseSuspensions([]byte(goodSuspensions))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSuspensionsStop: what is suspended is exactly what an entry names.
func TestSuspensionsStop(t *testing.T) {
	s := parsed(t)
	for _, c := range []struct {
		at            protocol.Municipality
		name, version string
		stops, whole  bool
	}{
		{"991015", "issuer-x", "3.0.0", true, true},
		{"991015", "another", "1.0.0", true, true},
		{"991031", "issuer-x", "2.4.1", true, false},
		{"991031", "issuer-x", "2.4.0", true, false},
		{"991031", "issuer-x", "2.4.1-rc.1", true, false},
		{"991031", "issuer-x", "2.4.1+site.2", true, false},
		{"991031", "issuer-x", "not a version", true, false},
		{"991031", "issuer-x", "2.4.2", false, false},
		{"991031", "issuer-x", "10.0.0", false, false},
		{"991031", "Issuer-x", "2.4.0", false, false},
		{"991023", "issuer-y", "99.0.0", true, false},
		{"991023", "issuer-z", "1.0.0", false, false},
		{"991031", "issuer-y", "1.0.0", false, false},
	} {
		if got := s.Stops(c.at, protocol.Software{Name: c.name, Version: c.version}); got != c.stops || s.Whole(c.at) != c.whole {
			t.Errorf("%+v: stops %t, whole %t", c, got, s.Whole(c.at))
		}
	}
	if none := (protocol.Suspensions{}); none.Stops("991015", protocol.Software{Name: "issuer-x", Version: "1.0.0"}) || none.Whole("991015") {
		t.Error("an empty list stops something")
	}
}

// TestSuspensionsAreStrict: each is one change of what is good.
func TestSuspensionsAreStrict(t *testing.T) {
	for name, c := range map[string][2]string{
		"another format":       {`honnin-suspensions/1`, `honnin-receipt/1`},
		"a short nonce":        {`"AQAAAAAA`, `"AQAAAA`},
		"null for the list":    {`"suspended":[`, `"suspended":null,"x":[`},
		"an unknown member":    {`"since"`, `"until":1,"since"`},
		"no since":             {`"since":"2026-11-22T02:59:58Z",`, ``},
		"no incident":          {`,"incident":"jp-99-000001-17-5f0c2a91"`, ``},
		"no municipality code": {`"991015"`, `"Mihon"`},
		"an empty code":        {`"991015"`, `""`},
		"nothing suspended":    {`"municipality":"991015",`, ``},
		"software null":        {`{"name":"issuer-y"}`, `null`},
		"software without":     {`{"name":"issuer-y"}`, `{}`},
		"software of no name":  {`{"name":"issuer-y"}`, `{"name":""}`},
		"a long name":          {`issuer-y`, strings.Repeat("y", 65)},
		"no version":           {`"2.4.1"`, `"2.4"`},
		"an empty version":     {`"2.4.1"`, `""`},
		"a long version":       {`"2.4.1"`, `"2.4.1-` + strings.Repeat("a", 64) + `"`},
		"something after it":   {`]}`, `]}{}`},
	} {
		bad := strings.Replace(goodSuspensions, c[0], c[1], 1)
		if s, err := protocol.ParseSuspensions([]byte(bad)); bad == goodSuspensions || !errors.Is(err, protocol.ErrFormat) || s.Suspended != nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// TestMostSuspensionsFit: the longest list whose entries are as long as can be is shorter than a body may be, and one more entry is
// too many.
func TestMostSuspensionsFit(t *testing.T) {
	s := parsed(t)
	longest := protocol.Suspension{Municipality: "991015", Since: s.At, Incident: protocol.IncidentID(strings.Repeat("i", 64)),
		Software: &protocol.SuspendedSoftware{Name: strings.Repeat("<", 64), UpTo: "1.0.0-" + strings.Repeat("a", 58)}}
	s.Suspended = nil
	for range protocol.MaxSuspensions {
		s.Suspended = append(s.Suspended, longest)
	}
	b, err := protocol.EncodeBody(s)
	if err != nil || len(b) > protocol.MaxJSON-8<<10 { // the rest is for the signature
		t.Fatal(len(b), err)
	}
	if _, err := protocol.ParseSuspensions(b); err != nil {
		t.Error(err)
	}
	s.Suspended = append(s.Suspended, longest)
	if b, err = protocol.EncodeBody(s); err != nil {
		t.Fatal(err)
	}
	if _, err := protocol.ParseSuspensions(b); !errors.Is(err, protocol.ErrFormat) {
		t.Errorf("%d entries: %v", len(s.Suspended), err)
	}
}

// TestUpToIsAnOrder: whoever is stopped is stopped, too, in every lower version, and by every higher bound.
func TestUpToIsAnOrder(t *testing.T) {
	version := rapid.StringMatching(`(0|[1-9][0-9]?)\.(0|[1-9])\.(0|[1-9])(-[a-c])?`)
	rapid.Check(t, func(t *rapid.T) {
		low, high, bound := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "bound")
		if protocol.CompareVersions(low, high) > 0 {
			low, high = high, low
		}
		stops := func(v, upTo string) bool {
			s := protocol.Suspensions{Suspended: []protocol.Suspension{{Software: &protocol.SuspendedSoftware{Name: "x", UpTo: upTo}}}}
			return s.Stops("991015", protocol.Software{Name: "x", Version: v})
		}
		if stops(high, bound) && !stops(low, bound) || stops(bound, low) && !stops(bound, high) || !stops(bound, bound) || !stops(bound, "") {
			t.Errorf("%s, %s, up to %s", low, high, bound)
		}
	})
}

// FuzzSuspensions: whatever is accepted names something in every entry, and is the same after being written and read again.
func FuzzSuspensions(f *testing.F) {
	f.Add([]byte(goodSuspensions))
	f.Add([]byte(strings.Replace(goodSuspensions, `"991015"`, `null`, 1)))
	f.Add([]byte(strings.Replace(goodSuspensions, `"name":"issuer-y"`, `"name":"issuer-y","up_to":""`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := protocol.ParseSuspensions(b)
		if err != nil {
			if !errors.Is(err, protocol.ErrFormat) {
				t.Error(err)
			}
			return
		}
		for _, one := range s.Suspended {
			if one.Municipality == "" && (one.Software == nil || one.Software.Name == "") {
				t.Errorf("%+v", one)
			}
		}
		first, err := protocol.EncodeBody(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := protocol.ParseSuspensions(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, err := protocol.EncodeBody(again); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s\n%s", first, second)
		}
	})
}
