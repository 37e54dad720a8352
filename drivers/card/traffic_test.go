package card_test

import (
	"fmt"
	"testing"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// visits are the ways to speak to one card, with what each costs for a certificate of 1266 bytes. All cost the same
// five reads; what differs is how files are named and what is asked besides.
var visits = []struct {
	name            string
	short, extended bool // of the card
	learned         bool // measured on a second visit
	identify, tries bool
	options         []card.Option
	want            card.Traffic
}{
	{"short APDUs, file ids; no token, no tries", false, false, true, false, false, nil, card.Traffic{11, 127, 1544}},
	{"short APDUs, file ids; tries", false, false, true, false, true, nil, card.Traffic{12, 131, 1546}},
	{"short APDUs, file ids; token, tries", false, false, true, true, true, nil, card.Traffic{14, 143, 1582}},
	{"short APDUs, file ids, first visit; token, tries", false, false, false, true, true, nil, card.Traffic{17, 209, 1588}},
	{"short APDUs, short ids; no token, no tries", true, false, true, false, false, nil, card.Traffic{8, 106, 1538}},
	{"short APDUs, short ids; tries", true, false, true, false, true, nil, card.Traffic{9, 110, 1540}},
	{"short APDUs, short ids; token, no tries", true, false, true, true, false, nil, card.Traffic{9, 111, 1572}},
	{"short APDUs, short ids; token, tries", true, false, true, true, true, nil, card.Traffic{10, 115, 1574}},
	{"extended reads, short ids; tries", true, true, true, false, true, []card.Option{card.TryExtended()}, card.Traffic{6, 97, 1534}},
	{"extended reads, short ids; token, tries", true, true, true, true, true, []card.Option{card.TryExtended()}, card.Traffic{7, 102, 1568}},
}

func TestTraffic(t *testing.T) {
	o := holders.rsa()
	if len(o.AuthCert) != sizeMeasured {
		t.Fatalf("a certificate of %d bytes", len(o.AuthCert))
	}
	table := fmt.Sprintf("%-52s %5s %9s %11s\n", "up to the authentication signature", "APDUs", "to, bytes", "from, bytes")
	for _, v := range visits {
		o.ShortFileIDs, o.Extended = v.short, v.extended
		opts := v.options
		if v.learned {
			c := card.New(straight(newVirtual(t, o)), v.options...)
			if _, err := walk(c, pin(t, cardtest.PIN)); err != nil {
				t.Fatal(err)
			}
			opts = append(opts, card.WithAbilities(c.Abilities()))
		}
		got := traffic(t, o, v.identify, v.tries, opts)
		if got != v.want {
			t.Errorf("%s: %+v, want %+v", v.name, got, v.want)
		}
		table += fmt.Sprintf("%-52s %5d %9d %11d\n", v.name, got.Commands, got.ToCard, got.FromCard)
	}
	t.Log("\n" + table)
}

func traffic(t testing.TB, o virtual.Options, identify, tries bool, options []card.Option) card.Traffic {
	t.Helper()
	count := &card.Counting{Transport: straight(newVirtual(t, o))}
	c := card.New(count, options...)
	var errs [5]error
	if identify {
		_, errs[0] = c.Identify(t.Context())
	}
	_, errs[1] = c.Certificate(t.Context())
	if tries {
		_, errs[2] = c.PINTries(t.Context())
	}
	errs[3] = c.VerifyPIN(t.Context(), pin(t, cardtest.PIN))
	_, errs[4] = c.Sign(t.Context(), message)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return count.Traffic()
}

func TestCountingTwoSpans(t *testing.T) {
	count := &card.Counting{Transport: straight(newVirtual(t, holders.p256()))}
	c := card.New(count)
	if _, err := c.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := count.Traffic()
	if _, err := c.PINTries(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := count.Traffic().Sub(before), (card.Traffic{Commands: 3, ToCard: 15, FromCard: 6}); got != want {
		t.Errorf("asking for the tries without short ids: %+v, want %+v", got, want)
	}
}

func BenchmarkVisit(b *testing.B) {
	for _, v := range visits {
		b.Run(v.name, func(b *testing.B) {
			o := holders.rsa()
			o.ShortFileIDs, o.Extended = v.short, v.extended
			var n card.Traffic
			for b.Loop() {
				n = traffic(b, o, v.identify, v.tries, v.options)
			}
			b.ReportMetric(float64(n.Commands), "first-visit-APDUs")
		})
	}
}

func BenchmarkCertificate(b *testing.B) {
	o := holders.rsa()
	o.ShortFileIDs = true
	v := newVirtual(b, o)
	for b.Loop() {
		if _, err := card.New(straight(v)).Certificate(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
