package card_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"testing"

	"pgregory.net/rapid"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// bend passes commands to a faithful card and lets a test change the nth answer.
func bend(v *virtual.Card, nth int, change func([]byte) []byte) (w wire, bent *bool) {
	n := 0
	bent = new(bool)
	return func(command []byte) ([]byte, error) {
		answer := v.Process(command)
		if n++; n-1 == nth {
			*bent = true
			return change(answer), nil
		}
		return answer, nil
	}, bent
}

// lie draws one way to spoil an answer. What it yields is never the answer itself.
func lie(t *rapid.T, answer []byte) []byte {
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0: // cut short
		return answer[:rapid.IntRange(0, len(answer)-1).Draw(t, "keep")]
	case 1: // garbage of any length, not by chance the truth
		g := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "garbage")
		if bytes.Equal(g, answer) {
			return nil
		}
		return g
	case 2: // another status word
		return append(bytes.Clone(answer[:len(answer)-2]), rapid.SliceOfN(rapid.Byte(), 2, 2).Draw(t, "status")...)
	default: // bytes added in front
		return append(rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "front"), answer...)
	}
}

// A spoilt answer never makes a panic, and never a success that is not the truth: where the walk gets through, it got
// the card's own certificate and a signature that verifies under it.
func TestSpoiltAnswersNeverSucceed(t *testing.T) {
	all := []virtual.Options{holders.rsa(), holders.p256(), holders.p384()}
	reached := 0
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(all).Draw(t, "card")
		o.ShortFileIDs, o.Extended = rapid.Bool().Draw(t, "short"), rapid.Bool().Draw(t, "extended")
		var options []card.Option
		if rapid.Bool().Draw(t, "try extended") {
			options = append(options, card.TryExtended())
		}
		v, err := virtual.New(o)
		if err != nil {
			t.Fatal(err)
		}
		w, bent := bend(v, rapid.IntRange(0, 16).Draw(t, "nth"), func(a []byte) []byte { return lie(t, a) })
		p, err := card.ParsePIN([]byte(cardtest.PIN))
		if err != nil {
			t.Fatal(err)
		}
		got, err := walk(card.New(w, options...), p)
		if *bent {
			reached++
		}
		if err == nil && !truthful(got, o) {
			t.Fatalf("a spoilt answer was believed: kind %v, %d bytes of certificate, %d tries", got.kind, len(got.cert), got.left)
		}
	})
	if reached == 0 {
		t.Error("no answer was ever spoilt")
	}
}

// truthful leaves the tries out: the card's word for them is all there is.
func truthful(v visit, o virtual.Options) bool {
	cert, err := x509.ParseCertificate(o.AuthCert)
	if err != nil || !bytes.Equal(v.cert, o.AuthCert) || v.kind != card.ICCard {
		return false
	}
	algorithm := x509.SHA256WithRSA
	if _, ec := cert.PublicKey.(*ecdsa.PublicKey); ec {
		algorithm = x509.ECDSAWithSHA256
	}
	return cert.CheckSignature(algorithm, message, v.signature) == nil
}

// A card that says anything at all: no panic, no signature without a verified PIN, and never more than
// one PIN per VerifyPIN.
func FuzzAnswers(f *testing.F) {
	for _, o := range []virtual.Options{holders.rsa(), holders.p256()} {
		for form := range 4 {
			o.ShortFileIDs, o.Extended = form&1 != 0, form&2 != 0
			f.Add(recorded(f, o), form&2 != 0)
		}
	}
	f.Add([]byte{}, false)
	f.Add(bytes.Repeat([]byte{2, 0, 0x90, 0x00}, 20), true)
	f.Add(bytes.Repeat([]byte{2, 0, 0x61, 0x00}, 20), true)
	f.Fuzz(func(t *testing.T, script []byte, extended bool) {
		pins := 0
		w := wire(func(command []byte) ([]byte, error) {
			if command[1] == 0x20 && len(command) > 4 {
				pins++
			}
			return next(&script), nil
		})
		var options []card.Option
		if extended {
			options = append(options, card.TryExtended())
		}
		c := card.New(w, options...)
		verified := false
		for _, call := range everyCall(t, c) {
			before := pins
			err := call.do()
			if pins-before > 1 || pins != before && call.name != "VerifyPIN" {
				t.Fatalf("%s sent %d PINs", call.name, pins-before)
			}
			verified = verified || call.name == "VerifyPIN" && err == nil
			if call.name == "Sign" && err == nil && !verified { // with it, a whole recording may well verify
				t.Fatal("signed without a verified PIN")
			}
		}
	})
}

// next takes one answer from a script: a length of two bytes, little-endian, and so many bytes.
func next(script *[]byte) []byte {
	s := *script
	if len(s) < 2 {
		*script = nil
		return nil
	}
	n := min(int(s[0])|int(s[1])<<8, len(s)-2)
	*script = s[2+n:]
	return s[2 : 2+n]
}

// recorded is a script of a faithful card's answers.
func recorded(f *testing.F, o virtual.Options) (script []byte) {
	v := newVirtual(f, o)
	c := card.New(wire(func(command []byte) ([]byte, error) {
		a := v.Process(command)
		script = append(append(script, byte(len(a)), byte(len(a)>>8)), a...)
		return a, nil
	}))
	if _, err := walk(c, pin(f, cardtest.PIN)); err != nil {
		f.Fatal(err)
	}
	return script
}
