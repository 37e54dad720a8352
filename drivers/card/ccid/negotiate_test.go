package ccid_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/ccid/ccidtest"
)

func sealed(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	x := byte(0)
	for _, v := range b[1:] {
		x ^= v
	}
	return append(b, x)
}

// TestNegotiate has cards that offer this and that, at readers that do more or less themselves. want is what the driver
// sends between the ATR and the first command, data and all.
func TestNegotiate(t *testing.T) {
	const (
		set = "61 "
		ifs = "6F 00C101FE3E"
	)
	for _, c := range []struct {
		name     string
		atr      []byte
		t        byte
		chip     ccidtest.Chip
		features uint32
		want     []string
		err      error
	}{
		{"the My Number card", nil, 1, ccidtest.Chip{}, 0, []string{set + "1110FF4500FE00", ifs}, nil},
		{"parameters by the reader", nil, 1, ccidtest.Chip{}, ccidtest.AutoParameters, []string{ifs}, nil},
		{"all by the reader", nil, 1, ccidtest.Chip{}, ccidtest.AutoParameters | ccidtest.AutoIFSD, nil, nil},
		{"T=0", t0ATR, 0, ccidtest.Chip{}, 0, []string{set + "1100000A00"}, nil},
		{"a faster T=1", sealed("3B 90 13 81 31 20 45"), 1, ccidtest.Chip{}, 0, []string{"6F FF1113FD", set + "131000450020 00", ifs}, nil},
		{"one too fast for the reader", sealed("3B 90 97 81 31 20 45"), 1, ccidtest.Chip{}, 0, []string{set + "11100045002000", ifs}, nil},
		{"PPS by the reader", sealed("3B 90 13 81 31 20 45"), 1, ccidtest.Chip{}, ccidtest.AutoPPS, []string{set + "13100045002000", ifs}, nil},
		{"specific mode", sealed("3B 90 13 91 81 31 20 45"), 1, ccidtest.Chip{}, 0, []string{set + "13100045002000", ifs}, nil},
		{"CRC", sealed("3B 80 81 71 20 45 01"), 1, ccidtest.Chip{CRC: true}, 0, nil, nil},
		{"inverse convention", sealed("3F 80 81 31 20 45"), 1, ccidtest.Chip{}, 0, []string{set + "11120045002000", ifs}, nil},
		{"a protocol nobody knows", sealed("3B 80 0E"), 1, ccidtest.Chip{}, 0, nil, card.ErrMute},
		{"an ATR with a wrong check", append(sealed("3B 80 01"), 0), 1, ccidtest.Chip{}, 0, nil, card.ErrMute},
	} {
		b := newBench(t, ccidtest.Model{Level: ccidtest.TPDU, Features: c.features})
		b.device.Insert(0, &ccidtest.Contact{Card: newCounted(t, c.atr...), T: c.t, Chip: c.chip})
		var sent []string
		powered := false
		b.device.Break(func(_ int, m []byte) *ccidtest.Fault {
			if powered && !bytes.Contains(m, []byte{0x00, 0xA4, 0x04}) {
				sent = append(sent, strings.ToUpper(hex.EncodeToString(m[:1])+" "+hex.EncodeToString(m[10:])))
			}
			powered = m[0] == 0x62 || powered && !bytes.Contains(m, []byte{0x00, 0xA4, 0x04})
			return nil
		})
		err := b.visit(t.Context(), t)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
		for i := range c.want {
			c.want[i] = c.want[i][:3] + strings.ReplaceAll(c.want[i][3:], " ", "")
		}
		if c.want != nil && (len(sent) < len(c.want) || !slices.Equal(sent[:len(c.want)], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, sent[:min(len(sent), 4)], c.want)
		}
		b.check(t)
	}
}

// TestPPSRefused: a card that does not agree is reset, and spoken to as it began.
func TestPPSRefused(t *testing.T) {
	b := newBench(t, ccidtest.Model{Level: ccidtest.TPDU})
	b.device.Insert(0, &ccidtest.Contact{Card: newCounted(t, sealed("3B 90 13 81 31 20 45")...), T: 1})
	b.device.Break(func(_ int, m []byte) *ccidtest.Fault {
		if m[0] == 0x6F && m[10] == 0xFF {
			return &ccidtest.Fault{Rewrite: func(a []byte) []byte { return append(a[:10], 0xFF, 0x00, 0xFF, 0x00) }}
		}
		return nil
	})
	if err := b.visit(t.Context(), t); err != nil {
		t.Errorf("a card that refuses another speed is spoken to as it began: %v", err)
	}
	if n := bytes.Count(b.device.Messages(), []byte{0x62}); n != 2 {
		t.Errorf("%d resets, want another one after the refusal", n)
	}
	b.check(t)
}

// TestVoltage: the lowest first, and the power taken between.
func TestVoltage(t *testing.T) {
	for _, c := range []struct {
		card, reader byte
		features     uint32
		want         int
		err          error
	}{
		{0, 7, 0, 1, nil}, {3, 7, 0, 1, nil}, {2, 7, 0, 2, nil}, {1, 7, 0, 3, nil}, {1, 1, 0, 1, nil},
		{0, 7, ccidtest.AutoVoltage, 1, nil}, {1, 4, 0, 1, card.ErrMute},
	} {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU, Voltages: c.reader, Features: c.features})
		b.device.Insert(0, &ccidtest.Contact{Card: newCounted(t), T: 1, Voltage: c.card})
		if err := b.visit(t.Context(), t); !errors.Is(err, c.err) {
			t.Errorf("%+v: %v", c, err)
		}
		if n := bytes.Count(b.device.Messages(), []byte{0x62}); n != c.want {
			t.Errorf("%+v: %d times", c, n)
		}
		b.check(t)
	}
	b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
	b.device.Insert(0, &ccidtest.Contact{Card: newCounted(t), T: 1, Mute: true})
	if err := b.visit(t.Context(), t); !errors.Is(err, card.ErrMute) {
		t.Errorf("upside down: %v", err)
	}
}

// scripted is a card that says what it is told to, and keeps what it was asked.
type scripted struct {
	atr   []byte
	says  [][]byte
	asked [][]byte
}

func (s *scripted) ATR() []byte { return s.atr }
func (s *scripted) Reset()      {}
func (s *scripted) Process(command []byte) []byte {
	s.asked = append(s.asked, bytes.Clone(command))
	if len(s.says) == 0 {
		return []byte{0x6F, 0x00}
	}
	next := s.says[0]
	s.says = s.says[1:]
	return next
}

func unhex(s ...string) (all [][]byte) {
	for _, x := range s {
		b, err := hex.DecodeString(strings.ReplaceAll(x, " ", ""))
		if err != nil {
			panic(err)
		}
		all = append(all, b)
	}
	return all
}

// TestT0 has commands as T=0 carries them (ISO/IEC 7816-3 §12.2).
func TestT0(t *testing.T) {
	for _, c := range []struct {
		name, command string
		says, asked   []string
		want          string
	}{
		{"case 1", "00A40000", []string{"9000"}, []string{"00A40000"}, "9000"},
		{"case 2", "00B0000004", []string{"01020304 9000"}, []string{"00B0000004"}, "01020304 9000"},
		{"case 2, another length", "00B0000000", []string{"6C02", "0102 9000"}, []string{"00B0000000", "00B0000002"}, "0102 9000"},
		{"case 2, another length twice", "00B0000000", []string{"6C02", "6C03"}, []string{"00B0000000", "00B0000002"}, "6C03"},
		{"case 3", "00200080 04 31323334", []string{"63C2"}, []string{"00200080 04 31323334"}, "63C2"},
		{"case 3 is never sent again", "00200080 04 31323334", []string{"6C04"}, []string{"00200080 04 31323334"}, "6C04"},
		{"case 3, more waits unasked", "00A4040C 02 3F00", []string{"6110"}, []string{"00A4040C 02 3F00"}, "6110"},
		{"case 4", "802A0080 01 AA 00", []string{"6103", "010203 9000"}, []string{"802A0080 01 AA", "00C0000003"}, "010203 9000"},
		{"case 4 in parts", "802A0080 01 AA 00", []string{"6102", "0102 6101", "03 9000"},
			[]string{"802A0080 01 AA", "00C0000002", "00C0000001"}, "010203 9000"},
		{"case 4, no more than asked for", "802A0080 01 AA 02", []string{"6105", "0102 6103"}, []string{"802A0080 01 AA", "00C0000002"}, "0102 6103"},
		{"case 4, GET RESPONSE of another length", "802A0080 01 AA 00", []string{"6105", "6C02", "0102 9000"},
			[]string{"802A0080 01 AA", "00C0000005", "00C0000002"}, "0102 9000"},
		{"extended", "00B08A00 000500", nil, nil, "6700"},
		{"Lc that does not fit", "00200080 05 31323334", nil, nil, "6700"},
	} {
		s := &scripted{atr: t0ATR, says: unhex(c.says...)}
		b := newBench(t, ccidtest.Model{Level: ccidtest.TPDU, Features: ccidtest.AutoParameters})
		b.device.Insert(0, &ccidtest.Contact{Card: s, T: 0})
		conn, err := b.reader.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := conn.Transmit(t.Context(), unhex(c.command)[0])
		if err != nil || !bytes.Equal(got, unhex(c.want)[0]) || !slices.EqualFunc(s.asked, unhex(c.asked...), bytes.Equal) {
			t.Errorf("%s: % X, %v; the card was asked % X", c.name, got, err, s.asked)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		b.check(t)
	}
}

// TestLongCommands carries commands and answers of all lengths through buffers of all sizes.
func TestLongCommands(t *testing.T) {
	for _, buffer := range []int{64, 271, 522, 65554} {
		for _, n := range []int{5, 54, 55, 261, 262, 512, 1500, 65000} {
			command := append([]byte{0x00, 0xB0, 0, 0, 0}, bytes.Repeat([]byte{7}, n-5)...)
			reply := append(bytes.Repeat([]byte{9}, n), 0x90, 0x00)
			s := &scripted{atr: t0ATR, says: [][]byte{reply}}
			b := newBench(t, ccidtest.Model{Level: ccidtest.ExtendedAPDU, MaxMessage: buffer})
			b.device.Insert(0, &ccidtest.Contact{Card: s})
			conn, err := b.reader.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := conn.Transmit(t.Context(), command)
			if err != nil || !bytes.Equal(got, reply) || len(s.asked) != 1 || !bytes.Equal(s.asked[0], command) {
				t.Errorf("buffer %d, %d bytes: %d bytes, %v", buffer, n, len(got), err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			b.check(t)
		}
	}
}

// TestLeaving: who leaves in the middle of a command finds the reader in order, and the command is aborted.
func TestLeaving(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Insert(0, contactWith(t))
		w := watch(t, b.reader)
		time.Sleep(time.Second)
		conn, err := b.reader.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.device.Break(func(_ int, m []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: m[0] == 0x6F} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := conn.Transmit(ctx, []byte{0, 0xB0, 0, 0, 1}); !errors.Is(err, card.ErrGone) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		b.device.Break(nil)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if !bytes.Contains(b.device.Messages(), []byte{0x6F, 0x72, 0x63}) {
			t.Errorf("no Abort between the command and the end of power: % X", b.device.Messages())
		}
		if err := b.visit(t.Context(), t); err != nil {
			t.Error(err)
		}
		w.end()
		b.check(t)
	})
}

// TestCloseUnder: Close while a command hangs ends it.
func TestCloseUnder(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Level: ccidtest.ShortAPDU})
		b.device.Insert(0, contactWith(t))
		conn, err := b.reader.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.device.Break(func(_ int, m []byte) *ccidtest.Fault { return &ccidtest.Fault{Silent: m[0] == 0x6F} })
		ended := make(chan error)
		go func() {
			_, err := conn.Transmit(t.Context(), []byte{0, 0xB0, 0, 0, 1})
			ended <- err
		}()
		time.Sleep(time.Second)
		begun := time.Now()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, card.ErrGone) {
			t.Error(err)
		}
		if d := time.Since(begun); d > time.Second {
			t.Errorf("it took %v", d)
		}
		b.check(t)
	})
}

// TestRate: what was agreed on is told; what the reader agrees on by itself is not guessed. The reader's clock is 4,000 kHz.
func TestRate(t *testing.T) {
	fast := sealed("3B 90 13 81 31 20 45")
	for _, c := range []struct {
		name     string
		atr      []byte
		level    ccidtest.Level
		features uint32
		want     int
	}{
		{"the My Number card", nil, ccidtest.TPDU, 0, 4_000_000 / 372},
		{"PPS", fast, ccidtest.TPDU, 0, 4_000_000 / 372 * 4},
		{"PPS by the reader", fast, ccidtest.TPDU, ccidtest.AutoPPS, 0},
		{"an APDU reader", nil, ccidtest.ExtendedAPDU, 0, 0},
	} {
		b := newBench(t, ccidtest.Model{Level: c.level, Features: c.features})
		b.device.Insert(0, &ccidtest.Contact{Card: newCounted(t, c.atr...), T: 1})
		conn, err := b.reader.Connect(t.Context())
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got := conn.(interface{ Rate() int }).Rate(); got != c.want {
			t.Errorf("%s: %d bit/s, want %d", c.name, got, c.want)
		}
		_ = conn.Close()
		b.check(t)
	}
}
