package card_test

import (
	"bytes"
	"errors"
	"testing"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
)

func TestGarbageForACertificate(t *testing.T) {
	good := holders.p256().AuthCert
	long := func(hi, lo byte) []byte { return append([]byte{0x30, 0x82, hi, lo}, make([]byte, 3000)...) }
	for name, content := range map[string][]byte{
		"zeros":                make([]byte, 2560),
		"ones":                 bytes.Repeat([]byte{0xFF}, 2560),
		"one byte":             {0x30},
		"a header only":        {0x30, 0x82, 0x05, 0x00},
		"another tag":          append([]byte{0x31}, good[1:]...),
		"short form":           append([]byte{0x30, 0x7F}, make([]byte, 300)...),
		"one length byte":      append([]byte{0x30, 0x81, 0xC8}, make([]byte, 300)...),
		"three length bytes":   append([]byte{0x30, 0x83, 0x00, 0x05, 0x00}, make([]byte, 3000)...),
		"indefinite":           append([]byte{0x30, 0x80}, make([]byte, 3000)...),
		"a length not minimal": long(0x00, 0xC8),
		"8193 bytes":           long(0x1F, 0xFD),
		"65535 bytes":          long(0xFF, 0xFF),
		"longer than the file": append([]byte{0x30, 0x82, 0x1F, 0x00}, good[4:]...),
		"not X.509 inside":     long(0x05, 0x00),
		"cut short":            good[:len(good)-1],
	} {
		for _, short := range []bool{false, true} {
			o := holders.p256()
			o.AuthCert, o.ShortFileIDs = content, short
			count := &card.Counting{Transport: straight(newVirtual(t, o))}
			_, err := card.New(count, card.TryExtended()).Certificate(t.Context())
			if err == nil || errors.Is(err, card.ErrGone) {
				t.Errorf("%s: %v", name, err)
			}
			if n := count.Traffic().Commands; n > 40 {
				t.Errorf("%s: %d commands for a file of garbage", name, n)
			}
		}
	}
}

func TestAbsurdAnswersEnd(t *testing.T) {
	header := []byte{0x30, 0x82, 0x1F, 0xF0}
	for name, read := range map[string]func(n int) []byte{
		"always 61xx":           func(int) []byte { return []byte{0x61, 0x10} },
		"always 6Cxx":           func(int) []byte { return []byte{0x6C, 0x10} },
		"one byte at a time":    func(int) []byte { return []byte{0x30, 0x90, 0x00} },
		"a byte, then more":     func(int) []byte { return []byte{0x30, 0x61, 0x00} },
		"more than was asked":   func(int) []byte { return append(bytes.Repeat(header, 100), 0x90, 0x00) },
		"empty for ever":        func(int) []byte { return []byte{0x90, 0x00} },
		"a header for ever":     func(int) []byte { return append(bytes.Clone(header), 0x90, 0x00) },
		"a header, then empty":  func(n int) []byte { return append(bytes.Clone(header[:4*max(0, 2-n)]), 0x90, 0x00) },
		"end of file, no bytes": func(int) []byte { return []byte{0x62, 0x82} },
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			c := card.New(wire(func(command []byte) ([]byte, error) {
				if command[1] != 0xB0 && command[1] != 0xC0 {
					return []byte{0x90, 0x00}, nil
				}
				n++
				return read(n), nil
			}))
			if _, err := c.Certificate(t.Context()); err == nil {
				t.Error("garbage is a certificate")
			}
			if n > 700 {
				t.Errorf("%d reads", n)
			}
		})
	}
}

// A reader that hands over little at a time, or gives an empty answer now and then, is slow and not wrong.
func TestSmallPortions(t *testing.T) {
	o := holders.rsa()
	for _, portion := range []int{16, 64, 100, 255} {
		v := straight(newVirtual(t, o))
		empties := 1
		c := card.New(wire(func(command []byte) ([]byte, error) {
			if command[1] != 0xB0 || len(command) != 5 {
				return v(command)
			}
			if command[2] == 1 && empties > 0 {
				empties--
				return []byte{0x90, 0x00}, nil
			}
			n := int(command[4])
			if n == 0 {
				n = 256
			}
			return v([]byte{command[0], 0xB0, command[2], command[3], byte(min(n, portion))})
		}))
		got, err := c.Certificate(t.Context())
		if err != nil || !bytes.Equal(got, o.AuthCert) {
			t.Errorf("%d bytes at a time: %v", portion, err)
		}
	}
}

// T=0 cards say 61xx and 6Cxx where others answer at once.
func TestOldManners(t *testing.T) {
	o := holders.rsa()
	v := straight(newVirtual(t, o))
	asked := 0
	c := card.New(wire(func(command []byte) ([]byte, error) {
		switch {
		case command[1] == 0x2A:
			return v(command[:len(command)-1]) // without Le: 6100
		case command[1] == 0xB0 && len(command) == 5 && command[4] == 0 && command[3] == 0 && command[2] < 4:
			asked++
			return []byte{0x6C, 0x80}, nil
		}
		return v(command)
	}))
	got, err := walk(c, pin(t, cardtest.PIN))
	if err != nil {
		t.Fatal(err)
	}
	checkVisit(t, got, o)
	if asked == 0 {
		t.Error("6Cxx never came up")
	}
}

func TestCACertificate(t *testing.T) {
	o := holders.rsa()
	got, err := card.New(straight(newVirtual(t, o))).CACertificate(t.Context())
	if err != nil || !bytes.Equal(got, o.AuthCA) {
		t.Error(err)
	}
	o.AuthCA = nil
	if _, err := card.New(straight(newVirtual(t, o))).CACertificate(t.Context()); err == nil {
		t.Error("an empty file is a certificate")
	}
}

// Extended length breaks the line of some readers; the experiment must not cost the visit, and is made once.
func TestExtendedLengthThatBreaksTheLine(t *testing.T) {
	for name, answer := range map[string]func() ([]byte, error){
		"an error":  func() ([]byte, error) { return nil, errors.New("parity") },
		"no answer": func() ([]byte, error) { return nil, nil },
		"6700":      func() ([]byte, error) { return []byte{0x67, 0x00}, nil },
		"no bytes":  func() ([]byte, error) { return []byte{0x90, 0x00}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := holders.rsa()
			v, tried := straight(newVirtual(t, o)), 0
			w := wire(func(command []byte) ([]byte, error) {
				if command[1] == 0xB0 && len(command) > 5 {
					tried++
					return answer()
				}
				return v(command)
			})
			c := card.New(w, card.TryExtended())
			got, err := walk(c, pin(t, cardtest.PIN))
			if err != nil {
				t.Fatal(err)
			}
			checkVisit(t, got, o)
			if _, err := walk(card.New(w, card.WithAbilities(c.Abilities()), card.TryExtended()), pin(t, cardtest.PIN)); err != nil || tried != 1 {
				t.Errorf("the second visit: tried %d times, %v", tried, err)
			}
		})
	}
}

func TestAShortIdentifierTakenForAnOffset(t *testing.T) {
	o := holders.rsa()
	v := straight(newVirtual(t, o))
	c := card.New(wire(func(command []byte) ([]byte, error) {
		if command[1] == 0xB0 && command[2]&0x80 != 0 {
			return append(bytes.Repeat([]byte{0xA5}, 32), 0x90, 0x00), nil
		}
		return v(command)
	}))
	got, err := walk(c, pin(t, cardtest.PIN))
	if err != nil {
		t.Fatal(err)
	}
	checkVisit(t, got, o)
}

func TestSignatureByAnotherKey(t *testing.T) {
	o := holders.rsa()
	o.AuthKey = holders.rsa().SignKey
	_, err := walk(card.New(straight(newVirtual(t, o))), pin(t, cardtest.PIN))
	if !errors.Is(err, card.ErrSignature) {
		t.Errorf("a signature that does not fit the certificate: %v", err)
	}
	o = holders.p256()
	o.AuthCert = holders.rsa().AuthCert
	if _, err := walk(card.New(straight(newVirtual(t, o))), pin(t, cardtest.PIN)); err == nil {
		t.Error("an RSA certificate over an EC key signed")
	}
}
