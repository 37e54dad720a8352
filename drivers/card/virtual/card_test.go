package virtual_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

var (
	rsaHolder = sync.OnceValue(func() virtual.Options { return mustHolder(cardtest.RSA2048) })
	ecHolder  = sync.OnceValue(func() virtual.Options { return mustHolder(cardtest.ECDSAP384) })
)

func mustHolder(a cardtest.Algorithm) virtual.Options {
	o, err := cardtest.NewHolder(a, 0)
	if err != nil {
		panic(err)
	}
	return o
}

func newCard(t testing.TB, o virtual.Options) *virtual.Card {
	t.Helper()
	c, err := virtual.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// send sends hexadecimal, blanks ignored, and returns data and status word.
func send(t testing.TB, c *virtual.Card, command string) ([]byte, string) {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(command, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	a := c.Process(b)
	if len(a) < 2 {
		t.Fatalf("an answer of %d bytes", len(a))
	}
	return a[:len(a)-2], strings.ToUpper(hex.EncodeToString(a[len(a)-2:]))
}

const (
	selectJPKI  = "00A4040C 0A D392F000260100000001"
	selectOther = "00A4040C 0A D3921000310001010408"
	authPIN     = "00200080 04 31323334"
	signPIN     = "00200080 06 414243313233"
)

func file(id string) string { return "00A4020C 02 " + id }

// Each line is a conversation: commands and the status words they must get, short file identifiers off unless said.
func TestConversations(t *testing.T) {
	for name, c := range map[string]struct {
		short, extended bool
		talk            []string // command, status, command, status …
	}{
		"nothing selected":       {talk: []string{"00B00000 00", "6986", file("000A"), "6A82", "00200080", "6986", "802A0080 01 00 00", "6986"}},
		"unknown application":    {talk: []string{"00A4040C 07 A0000002471001", "6A82", selectJPKI, "9000"}},
		"an application's start": {talk: []string{"00A4040C 05 D392F00026", "6A82"}},
		"no application at all":  {talk: []string{"00A4040C", "6A82"}},
		"unknown file":           {talk: []string{selectJPKI, "9000", file("00FF"), "6A82", file("0006"), "9000"}},
		"wrong selection":        {talk: []string{"00A4010C 02 000A", "6A86", "00A4040D 02 000A", "6A86", "00A4020C 01 0A", "6700"}},
		"other application":      {talk: []string{selectOther, "9000", file("000A"), "6A82"}},
		"tries of both PINs":     {talk: []string{selectJPKI, "9000", file("0018"), "9000", "00200080", "63C3", file("001B"), "9000", "00200080", "63C5"}},
		"not a PIN":              {talk: []string{selectJPKI, "9000", file("000A"), "9000", "00200080", "6986", authPIN, "6986"}},
		"wrong reference":        {talk: []string{selectJPKI, "9000", file("0018"), "9000", "00200000", "6A86", "00200180", "6A86"}},
		"blocked": {talk: []string{selectJPKI, "9000", file("0018"), "9000", "00200080 04 30303030", "63C2", "00200080 01 30", "63C1",
			"00200080 04 30303030", "63C0", authPIN, "6984", "00200080", "63C0"}},
		"signature PIN takes five": {talk: []string{selectJPKI, "9000", file("001B"), "9000", authPIN, "63C4", authPIN, "63C3", authPIN, "63C2",
			authPIN, "63C1", signPIN, "9000", "00200080", "63C5", authPIN, "63C4"}},
		"signature certificate is locked": {talk: []string{selectJPKI, "9000", file("0001"), "9000", "00B00000 04", "6982",
			file("001B"), "9000", signPIN, "9000", file("0001"), "9000", "00B00000 04", "9000"}},
		"one PIN does not open the other": {talk: []string{selectJPKI, "9000", file("0018"), "9000", authPIN, "9000",
			file("0001"), "9000", "00B00000 04", "6982", file("001A"), "9000", "802A0080 01 00 00", "6982"}},
		"keys are not read": {talk: []string{selectJPKI, "9000", file("0017"), "9000", "00B00000 00", "6986", file("0018"), "9000", "00B00000 00", "6986"}},
		"a wrong PIN locks again": {talk: []string{selectJPKI, "9000", file("001B"), "9000", signPIN, "9000", authPIN, "63C4",
			file("0001"), "9000", "00B00000 04", "6982"}},
		"selecting again locks": {talk: []string{selectJPKI, "9000", file("001B"), "9000", signPIN, "9000", selectJPKI, "9000",
			file("0001"), "9000", "00B00000 04", "6982"}},
		"selecting another locks": {talk: []string{selectJPKI, "9000", file("001B"), "9000", signPIN, "9000", selectOther, "9000",
			selectJPKI, "9000", file("0001"), "9000", "00B00000 04", "6982"}},
		"classes and instructions":       {talk: []string{"10A40000", "6E00", "FFCA0000 00", "6E00", "00CA0000 00", "6D00", "80CA0000 00", "6D00", "80B00000 00", "6D00"}},
		"lengths":                        {talk: []string{"", "6700", "00", "6700", "00B0", "6700", "00A4040C 0A D392", "6700", "00A4040C 01 D392 00", "6700", "00B00000 0000", "6700"}},
		"extended where it is not known": {talk: []string{selectJPKI, "9000", file("000A"), "9000", "00B00000 000400", "6700"}},
		"extended":                       {extended: true, talk: []string{selectJPKI, "9000", "00A4020C 000002 000A", "9000", "00B00000 000000", "9000", "00B00000 000200", "9000", "00A4020C 000003 000A", "6700"}},
		"offsets":                        {talk: []string{selectJPKI, "9000", file("0006"), "9000", "00B0001F 01", "9000", "00B0001F 02", "6282", "00B00020 01", "6B00", "00B07FFF 00", "6B00", "00B00000", "6700"}},
		"no short ids":                   {talk: []string{selectJPKI, "9000", "00B08A00 04", "6B00", "00200098", "6A86"}},
		"short ids": {short: true, talk: []string{selectJPKI, "9000", "00B08A00 04", "9000", "00B00004 04", "9000", "00200098", "63C3",
			"00200098 04 31323334", "9000", "802A0097 01 00 00", "9000", "00B09F00 04", "6A82", "00B08000 04", "6A86", "00B0AA00 04", "6B00"}},
		"nothing waits":      {talk: []string{"00C00000 00", "6985"}},
		"nothing to sign":    {talk: []string{selectJPKI, "9000", file("0018"), "9000", authPIN, "9000", file("0017"), "9000", "802A0080 00", "6A80", "802A0180 01 00 00", "6A86", "802A0000 01 00 00", "6A86"}},
		"a file is no key":   {talk: []string{selectJPKI, "9000", file("000A"), "9000", "802A0080 01 00 00", "6986"}},
		"too much to sign":   {talk: []string{selectJPKI, "9000", file("0018"), "9000", authPIN, "9000", file("0017"), "9000", "802A0080 F6 " + strings.Repeat("00", 246) + "00", "6A80"}},
		"as much as can be":  {talk: []string{selectJPKI, "9000", file("0018"), "9000", authPIN, "9000", file("0017"), "9000", "802A0080 F5 " + strings.Repeat("00", 245) + "00", "9000"}},
		"signed, not asked":  {talk: []string{selectJPKI, "9000", file("0018"), "9000", authPIN, "9000", file("0017"), "9000", "802A0080 01 00", "6100", "00C00000 00", "9000", "00C00000 00", "6985"}},
		"fetched in parts":   {talk: []string{selectJPKI, "9000", file("0018"), "9000", authPIN, "9000", file("0017"), "9000", "802A0080 01 00 10", "61F0", "00C00000 F0", "9000"}},
		"a rest is not kept": {talk: []string{selectJPKI, "9000", file("0018"), "9000", authPIN, "9000", file("0017"), "9000", "802A0080 01 00 10", "61F0", file("0017"), "9000", "00C00000 F0", "6985"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := rsaHolder()
			o.ShortFileIDs, o.Extended = c.short, c.extended
			v := newCard(t, o)
			for i := 0; i < len(c.talk); i += 2 {
				if _, got := send(t, v, c.talk[i]); got != c.talk[i+1] {
					t.Fatalf("%d: %.20s… answered %s, want %s", i/2, c.talk[i], got, c.talk[i+1])
				}
			}
		})
	}
}

func TestResetClearsAllButTries(t *testing.T) {
	v := newCard(t, rsaHolder())
	for _, c := range []string{selectJPKI, file("0018"), "00200080 04 30303030", authPIN, "00200080 04 30303030"} {
		send(t, v, c)
	}
	v.Reset()
	if _, got := send(t, v, "00200080"); got != "6986" {
		t.Errorf("a file is still selected: %s", got)
	}
	send(t, v, selectJPKI)
	send(t, v, file("0018"))
	if _, got := send(t, v, "00200080"); got != "63C2" {
		t.Errorf("tries after a reset: %s", got)
	}
	send(t, v, authPIN)
	v.Reset()
	send(t, v, selectJPKI)
	send(t, v, file("0017"))
	if data, got := send(t, v, "802A0080 01 00 00"); got != "6982" || len(data) > 0 {
		t.Errorf("signed after a reset: %s", got)
	}
}

func TestFilesAreWhatWasPutIn(t *testing.T) {
	for _, size := range []int{0, 4096} {
		o := rsaHolder()
		o.FileSize, o.Extended = size, true
		v := newCard(t, o)
		send(t, v, selectJPKI)
		send(t, v, file("001B"))
		send(t, v, signPIN)
		for id, want := range map[string][]byte{"000A": o.AuthCert, "000B": o.AuthCA, "0001": o.SignCert, "0002": o.SignCA,
			"0006": []byte("JPKIAPICCTOKEN2                 ")} {
			send(t, v, file(id))
			got, status := send(t, v, "00B00000 000000")
			if status != "9000" || !bytes.HasPrefix(got, want) {
				t.Errorf("%s: %d bytes, %s", id, len(got), status)
			}
			if rest := bytes.Trim(got[len(want):], "\x00"); len(rest) > 0 || id != "0006" && len(got) != max(size, len(want)) {
				t.Errorf("%s: a file of %d bytes with something behind the certificate", id, len(got))
			}
		}
	}
}

func TestBothPairsSign(t *testing.T) {
	digest := sha256.Sum256([]byte("x"))
	for _, o := range []virtual.Options{rsaHolder(), ecHolder()} {
		for _, p := range []struct{ pinFile, pin, key, cert string }{
			{"0018", authPIN, "0017", string(o.AuthCert)}, {"001B", signPIN, "001A", string(o.SignCert)}} {
			v := newCard(t, o)
			cert, err := x509.ParseCertificate([]byte(p.cert))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []string{selectJPKI, file(p.pinFile), p.pin, file(p.key)} {
				if _, status := send(t, v, c); status != "9000" {
					t.Fatal(status)
				}
			}
			if err := signAndCheck(t, v, cert.PublicKey, digest[:]); err != "" {
				t.Errorf("key %s: %s", p.key, err)
			}
		}
	}
}

func signAndCheck(t *testing.T, v *virtual.Card, public any, digest []byte) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		s, _ := send(t, v, "802A0080 33 3031300D060960864801650304020105000420"+hex.EncodeToString(digest)+"00")
		if err := rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, s); err != nil {
			return err.Error()
		}
	case *ecdsa.PublicKey:
		s, _ := send(t, v, "802A0080 20"+hex.EncodeToString(digest)+"00")
		if !ecdsa.VerifyASN1(k, digest, s) {
			return "the ECDSA signature does not verify"
		}
	default:
		return "no such key"
	}
	return ""
}

func TestImpossibleCards(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*virtual.Options){
		"no key":             func(o *virtual.Options) { o.AuthKey = nil },
		"an Ed25519 key":     func(o *virtual.Options) { o.AuthKey = ed },
		"no certificate":     func(o *virtual.Options) { o.AuthCert = nil },
		"a PIN of 3":         func(o *virtual.Options) { o.PIN = "123" },
		"a signature PIN, 5": func(o *virtual.Options) { o.SignPIN = "ABCDE" },
		"a signature PIN 17": func(o *virtual.Options) { o.SignPIN = strings.Repeat("A", 17) },
		"too long a file":    func(o *virtual.Options) { o.FileSize = 0x8000 },
	} {
		o := ecHolder()
		spoil(&o)
		if _, err := virtual.New(o); err == nil {
			t.Errorf("%s: a card was made", name)
		}
	}
	if v := newCard(t, cardtest.AuthenticationOnly(ecHolder())); v != nil {
		send(t, v, selectJPKI)
		if _, status := send(t, v, file("0001")); status != "6A82" {
			t.Errorf("a signature certificate on a card without one: %s", status)
		}
	}
}

// Whatever is sent: an answer with a status word, and nothing signed or unlocked without its PIN.
func FuzzCommands(f *testing.F) {
	o := cardtest.AuthenticationOnly(ecHolder())
	o.ShortFileIDs, o.Extended = true, true
	for _, c := range []string{selectJPKI, file("0017"), "802A0080 20" + strings.Repeat("00", 32) + "00", "00B00000 000000", "00C00000 00", "00B08A00 00"} {
		b, err := hex.DecodeString(strings.ReplaceAll(c, " ", ""))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		v := newCard(t, o)
		for _, command := range [][]byte{mustHex(selectJPKI), one, two} {
			a := v.Process(command)
			if len(a) < 2 {
				t.Fatalf("an answer of %d bytes", len(a))
			}
			signed := len(command) > 1 && command[1] == 0x2A && len(a) > 2
			if signed && !bytes.Contains(one, []byte(cardtest.PIN)) {
				t.Fatal("signed without a PIN")
			}
		}
	})
}

func mustHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}
