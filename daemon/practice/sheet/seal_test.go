package sheet

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Nothing that is engraved on a round seal lies outside it, whatever is engraved.
func TestImprintStaysInside(t *testing.T) {
	runes := []rune("架空見本一花之印口凛鷹ー丨")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom(runes).Filter(Has), 1, 4, -1).Draw(t, "text")
		const r = 20.0
		var p pen
		points := 0
		p.engrave(text, r, func(q point) point {
			if math.Abs(q.x) > r || math.Abs(q.y) > r {
				t.Fatalf("%v is outside the square", q)
			}
			d := toDisc(q, r)
			if math.Hypot(d.x, d.y) > r+1e-9 {
				t.Fatalf("%v is outside the disc", d)
			}
			points++
			return d
		})
		if p.err != nil || points == 0 {
			t.Fatalf("%q: %d points, %v", text, points, p.err)
		}
	})
}

func TestDisc(t *testing.T) {
	for _, c := range []struct{ from, to point }{
		{point{0, 0}, point{0, 0}}, {point{5, 0}, point{5, 0}}, {point{0, -5}, point{0, -5}}, {point{5, 5}, point{5 / math.Sqrt2, 5 / math.Sqrt2}},
	} {
		if got := toDisc(c.from, 5); math.Hypot(got.x-c.to.x, got.y-c.to.y) > 1e-9 {
			t.Errorf("%v moves to %v, want %v", c.from, got, c.to)
		}
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0 ", 1: "1 ", 10.5: "10.5 ", -3.14159: "-3.14 ", 0.05: "0.05 ", -0.001: "0 ", 841.89: "841.89 ", 2.999: "3 ", -12.5: "-12.5 "} {
		var p pen
		p.num(v)
		if string(p.buf) != want {
			t.Errorf("%v is written %q, want %q", v, p.buf, want)
		}
	}
}

func TestYen(t *testing.T) {
	for n, want := range map[int]string{0: "0円", 999: "999円", 1000: "1,000円", 1234567: "1,234,567円", -123: "-123円", -1234: "-1,234円"} {
		if got := yen(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// The check digit by the ordinance's own words, term by term.
func TestCheckDigit(t *testing.T) {
	for eleven, want := range map[string]byte{"12345678901": '8', "00000000000": '0', "00000000001": '9', "00000000005": '1', "11111111111": '8', "00000100000": '4'} {
		if got := checkDigit(eleven); got != want {
			t.Errorf("%s has check digit %c, want %c", eleven, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{11}`).Draw(t, "eleven")
		sum := 0
		for n := 1; n <= 11; n++ {
			q := n + 1
			if n > 6 {
				q = n - 5
			}
			sum += int(s[11-n]-'0') * q
		}
		want := byte('0')
		if sum%11 > 1 {
			want = byte('0' + 11 - sum%11)
		}
		if got := checkDigit(s); got != want {
			t.Fatalf("%s has check digit %c, want %c", s, got, want)
		}
	})
}
