package contact

import (
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sealed puts TCK at the end of what follows TS.
func sealed(b []byte) []byte { return append(b, xor(b[1:])) }

// myNumberCard is a contact ATR that a My Number card is known to have given.
const myNumberCard = "3B E0 00 FF 81 31 FE 45 14"

func TestParseATR(t *testing.T) {
	with := func(change func(*ATR)) ATR {
		a := ATR{Speed: 0x11, WI: 10, IFSC: 32, BWI: 4, CWI: 13, Protocols: []byte{0}}
		change(&a)
		return a
	}
	for _, c := range []struct {
		name, raw string
		seal      bool
		want      ATR
	}{
		{"My Number card", myNumberCard, false, with(func(a *ATR) { a.Guard, a.Protocols, a.IFSC, a.BWI, a.CWI = 255, []byte{1}, 254, 4, 5 })},
		{"the least", "3B 00", false, with(func(*ATR) {})},
		{"inverse, historical bytes", "3F 03 41 42 43", false, with(func(a *ATR) { a.Inverse = true })},
		{"speed, T=0 said aloud", "3B 90 95 00", false, with(func(a *ATR) { a.Speed = 0x95 })},
		{"made up by contactless readers", "3B 80 80 01 01", false, with(func(a *ATR) { a.Protocols = []byte{0, 1} })},
		{"specific mode", "3B 90 96 91 81 31 20 55", true, with(func(a *ATR) {
			a.Speed, a.Specific, a.Mode, a.Protocols, a.BWI, a.CWI = 0x96, true, 1, []byte{1}, 5, 5
		})},
		{"T=15 after T=0", "3B 80 80 1F 03", true, with(func(*ATR) {})},
		{"WI", "3B 80 40 14", false, with(func(a *ATR) { a.WI = 0x14 })},
		{"CRC", "3B 80 81 41 01", true, with(func(a *ATR) { a.Protocols, a.CRC = []byte{1}, true })},
		{"the first bytes of T=1 count", "3B 80 81 91 40 11 80", true, with(func(a *ATR) { a.Protocols, a.IFSC = []byte{1}, 0x40 })},
	} {
		raw := unhex(t, c.raw)
		if c.seal {
			raw = sealed(raw)
		}
		got, err := ParseATR(raw)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s (% X): %+v, %v; want %+v", c.name, raw, got, err, c.want)
		}
	}
}

func TestParseATRRefuses(t *testing.T) {
	for name, raw := range map[string][]byte{
		"nothing":            {},
		"TS alone":           {0x3B},
		"another TS":         {0x3C, 0x00},
		"historical missing": {0x3B, 0x02, 0x41},
		"TD1 missing":        {0x3B, 0x80},
		"TCK missing":        {0x3B, 0x80, 0x01},
		"TCK wrong":          {0x3B, 0x80, 0x01, 0x80},
		"a byte more":        append(unhex(t, myNumberCard), 0),
		"34 bytes":           make([]byte, 34),
		"T=15 first":         sealed([]byte{0x3B, 0x80, 0x0F}),
		"IFSC 0":             sealed([]byte{0x3B, 0x80, 0x81, 0x11, 0x00}),
		"IFSC 255":           sealed([]byte{0x3B, 0x80, 0x81, 0x11, 0xFF}),
		"BWI 10":             sealed([]byte{0x3B, 0x80, 0x81, 0x21, 0xA5}),
		"WI 0":               {0x3B, 0x80, 0x40, 0x00},
	} {
		if a, err := ParseATR(raw); !errors.Is(err, ErrATR) || !reflect.DeepEqual(a, ATR{}) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func TestTimes(t *testing.T) {
	a, err := ParseATR(unhex(t, myNumberCard))
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Rate(4000); got != 10752 {
		t.Errorf("%d bit/s", got)
	}
	if got, want := a.BlockWait(4000), 1428480*time.Microsecond; got != want {
		t.Errorf("block waiting time %v, want %v", got, want)
	}
	a.Speed = 0x71
	if got := a.Rate(4000); got != 0 {
		t.Errorf("a reserved index: %d bit/s", got)
	}
}

func TestPPS(t *testing.T) {
	a := ATR{Speed: 0x95}
	for _, c := range []struct {
		name    string
		request []byte
		answer  string
		fast    bool
		err     error
	}{
		{"all of it", a.PPS(1, true), "FF 11 95 7B", true, nil},
		{"the protocol alone", a.PPS(1, true), "FF 01 FE", false, nil},
		{"only that was asked", a.PPS(1, false), "FF 01 FE", false, nil},
		{"another protocol", a.PPS(1, true), "FF 00 FF", false, ErrPPS},
		{"another speed", a.PPS(1, true), "FF 11 94 7A", false, ErrPPS},
		{"wrong check", a.PPS(1, true), "FF 01 FF", false, ErrPPS},
		{"nothing", a.PPS(0, false), "", false, ErrPPS},
	} {
		if fast, err := Agreed(c.request, unhex(t, c.answer)); fast != c.fast || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v", c.name, fast, err)
		}
	}
}

func FuzzATR(f *testing.F) {
	for _, s := range []string{myNumberCard, "3B 00", "3B 80 80 01 01", "3F 03 41 42 43", "3B 80 80 1F 03 1C", "3B FF"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := slices.Clone(raw)
		a, err := ParseATR(raw)
		if !slices.Equal(before, raw) {
			t.Error("the ATR was changed")
		}
		if err != nil {
			return
		}
		if len(a.Protocols) == 0 || a.IFSC == 0 || a.IFSC == 255 || a.WI == 0 || a.BlockWait(4000) <= 0 || a.BlockWait(4000) > time.Minute {
			t.Errorf("%+v", a)
		}
		if _, err := ParseATR(append(raw, 0)); err == nil {
			t.Error("a byte after the end was not noticed")
		}
	})
}
