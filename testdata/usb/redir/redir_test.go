package redir

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// bubble runs a test with a device lent and configured.
func bubble(t *testing.T, do func(t *testing.T, f *fake, q *qemu)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, d := newFake()
		q := lend(t, d)
		q.want(connect)
		q.configure(5)
		do(t, f, q)
		if err := q.hangUp(); err != nil {
			t.Error(err)
		}
	})
}

func (q *qemu) configure(value byte) {
	q.t.Helper()
	q.say(setConfig, 1, value)
	q.want(endpointInfo)
	q.want(interfaceInfo)
	if p := q.want(configStatus); !bytes.Equal(p.body, []byte{0, value}) {
		q.t.Fatalf("configuration: % X", p.body)
	}
}

func TestEnumeration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newFake()
		q := lend(t, d)
		if p := q.want(connect); !bytes.Equal(p.body, []byte{1, 0, 0, 0, 0x09, 0x12, 0x03, 0, 0, 1}) {
			t.Errorf("connect % X", p.body)
		}
		q.say(reset, 0)
		for name, c := range map[string]struct {
			value uint16
			want  string
			is    status
		}{
			"device":         {0x0100, string(d.Descriptor), success},
			"configuration":  {0x0200, string(d.Configuration), success},
			"none":           {0x0201, "", stalled},
			"languages":      {0x0300, "\x04\x03\x09\x04", success},
			"maker":          {0x0301, "\x0c\x03M\x00a\x00k\x00e\x00r\x00", success},
			"product":        {0x0302, "\x0a\x03\xd7\x30\xea\x30\xf3\x30\xbf\x30", success},
			"no such string": {0x0303, "", stalled},
			"qualifier":      {0x0600, "", stalled},
		} {
			if s, got := q.control(0x80, 6, c.value, 0x0409, 255); s != c.is || string(got) != c.want {
				t.Errorf("%s: %d, % X", name, s, got)
			}
		}
		if _, got := q.control(0x80, 6, 0x0100, 0, 8); len(got) != 8 {
			t.Errorf("%d bytes of 8", len(got))
		}
		q.configure(5)
		q.say(getConfig, 7)
		if p := q.want(configStatus); p.id != 7 || p.body[1] != 5 {
			t.Errorf("%+v", p)
		}
		q.say(setConfig, 8, 9)
		if p := q.want(configStatus); p.body[0] != byte(stalled) || p.body[1] != 5 {
			t.Errorf("a configuration that is not: %+v", p)
		}
		if want := []string{"reset", "s00"}; !slices.Equal(f.calls, want) {
			t.Errorf("%q, want %q", f.calls, want)
		}
		if err := q.hangUp(); err != nil {
			t.Error(err)
		}
	})
}

func TestAlternates(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake, q *qemu) {
		f.say(0x82, "0123456789")
		if _, got := q.read(0x82, 8); got != "01234567" {
			t.Errorf("%q", got)
		}
		q.say(setAlternate, 1, 0, 1)
		p := q.want(endpointInfo)
		if p.body[4] != bulk || p.body[1] != 255 || p.body[16+2] != 255 {
			t.Errorf("endpoints % X", p.body[:32])
		}
		if p := q.want(interfaceInfo); !bytes.Equal(p.body[:5], []byte{1, 0, 0, 0, 0}) || p.body[100] != 4 {
			t.Errorf("interfaces % X", p.body)
		}
		if p := q.want(alternateStatus); !bytes.Equal(p.body, []byte{0, 0, 1}) {
			t.Errorf("% X", p.body)
		}
		if s, _ := q.write(0x01, "not here"); s != invalid {
			t.Errorf("an endpoint of another setting: %d", s)
		}
		q.say(setAlternate, 2, 0, 7)
		if p := q.want(alternateStatus); !bytes.Equal(p.body, []byte{byte(stalled), 0, 1}) {
			t.Errorf("% X", p.body)
		}
		q.say(getAlternate, 3, 0)
		if p := q.want(alternateStatus); !bytes.Equal(p.body, []byte{0, 0, 1}) {
			t.Errorf("% X", p.body)
		}
		q.configure(5)
		f.say(0x82, "new")
		if _, got := q.read(0x82, 8); got != "new" {
			t.Errorf("what was said before: %q", got)
		}
		if !slices.Equal(f.calls, []string{"s00", "s01", "s00"}) {
			t.Errorf("%q", f.calls)
		}
	})
}

func TestRequests(t *testing.T) {
	bubble(t, func(t *testing.T, _ *fake, q *qemu) {
		for name, c := range map[string]struct {
			kind, request        uint8
			value, index, length uint16
			data                 string
			is                   status
			want                 string
		}{
			"of the class":       {0xa1, 0, 0, 0, 4, "", success, "clas"},
			"of the class, out":  {0x21, 0, 0, 0, 3, "abc", success, ""},
			"that fails":         {0x21, 9, 0, 0, 0, "", ioError, ""},
			"status":             {0x80, 0, 0, 0, 2, "", success, "\x00\x00"},
			"status of the pipe": {0x82, 0, 0, 0x82, 2, "", success, "\x00\x00"},
			"halt of none":       {0x02, 1, 0, 0x09, 0, "", stalled, ""},
			"unknown":            {0x80, 0x33, 0, 0, 2, "", stalled, ""},
		} {
			s, got := q.control(c.kind, c.request, c.value, c.index, c.length, []byte(c.data)...)
			if s != c.is || string(got) != c.want {
				t.Errorf("%s: %d, %q", name, s, got)
			}
		}
	})
}

func TestIn(t *testing.T) {
	for name, c := range map[string]struct {
		noEmpty bool
		said    []string
		reads   []int
		want    []string
		last    status
	}{
		"short":                          {false, []string{"abc"}, []int{64}, []string{"abc"}, success},
		"two packets":                    {false, []string{"0123456789"}, []int{64}, []string{"0123456789"}, success},
		"in pieces":                      {false, []string{"0123456789"}, []int{8, 8}, []string{"01234567", "89"}, success},
		"full, then empty":               {false, []string{"01234567"}, []int{64}, []string{"01234567"}, success},
		"full, asked for exactly":        {false, []string{"01234567"}, []int{8, 8}, []string{"01234567", ""}, success},
		"full, without an empty one":     {true, []string{"01234567", "8"}, []int{64}, []string{"012345678"}, success},
		"nothing":                        {false, []string{""}, []int{64}, []string{""}, success},
		"two, read as two":               {false, []string{"a", "b"}, []int{64, 64}, []string{"a", "b"}, success},
		"too small a buffer":             {false, []string{"0123456789ab"}, []int{10}, []string{"0123456789"}, babble},
		"a stall":                        {false, []string{"!"}, []int{64}, []string{""}, stalled},
		"a stall after bytes":            {true, []string{"01234567", "!"}, []int{64}, []string{"01234567"}, stalled},
		"what was said before the stall": {false, []string{"a", "!"}, []int{64, 64}, []string{"a", ""}, stalled},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake, q *qemu) {
				q.port.device.NoEmpty = c.noEmpty
				f.say(0x82, c.said...)
				for i, n := range c.reads {
					s, got := q.read(0x82, n)
					if want := c.last; got != c.want[i] || i == len(c.reads)-1 && s != want || i < len(c.reads)-1 && s != success {
						t.Errorf("read %d: %d, %q", i, s, got)
					}
				}
			})
		})
	}
}

func TestOutAndStall(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake, q *qemu) {
		steps := []struct {
			data string
			is   status
			n    int
		}{{"a", success, 1}, {"", success, 0}, {"!", stalled, 0}, {"b", stalled, 0}}
		for _, s := range steps {
			if is, n := q.write(0x01, s.data); is != s.is || n != s.n {
				t.Errorf("%q: %d, %d", s.data, is, n)
			}
		}
		if _, got := q.control(0x82, 0, 0, 1, 2); got[0] != 1 {
			t.Error("GET_STATUS does not know of the halt")
		}
		if s, _ := q.control(0x02, 1, 0, 1, 0); s != success {
			t.Error("the halt is not cleared")
		}
		if _, got := q.control(0x82, 0, 0, 1, 2); got[0] != 0 {
			t.Error("GET_STATUS does not know that the halt is over")
		}
		if is, n := q.write(0x01, "c"); is != success || n != 1 {
			t.Errorf("after the halt: %d, %d", is, n)
		}
		if !slices.Equal(f.told, []string{"a", "", "c"}) {
			t.Errorf("told %q", f.told)
		}
	})
}

func TestInterrupts(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake, q *qemu) {
		f.say(0x83, "P\x03")
		q.quiet()
		q.say(startInterrupt, 0, 0x83)
		if p := q.want(interruptStatus); !bytes.Equal(p.body, []byte{0, 0x83}) {
			t.Errorf("% X", p.body)
		}
		for _, text := range []string{"P\x03", "12345678", "9"} {
			if p := q.want(interruptData); !bytes.Equal(p.body, append([]byte{0x83, 0, byte(len(text)), 0}, text...)) {
				t.Errorf("% X", p.body)
			}
			if text == "P\x03" {
				f.say(0x83, "123456789")
			}
		}
		q.say(stopInterrupt, 0, 0x83)
		q.want(interruptStatus)
		f.say(0x83, "later", "!")
		q.quiet()
		q.say(startInterrupt, 0, 0x83)
		q.want(interruptStatus)
		if p := q.want(interruptData); string(p.body[4:]) != "later" {
			t.Errorf("%q", p.body)
		}
		if p := q.want(interruptStatus); !bytes.Equal(p.body, []byte{byte(stalled), 0x83}) {
			t.Errorf("a stall: % X", p.body)
		}
		q.say(startInterrupt, 0, 0x82)
		if p := q.want(interruptStatus); p.body[0] != byte(invalid) {
			t.Errorf("a bulk pipe: % X", p.body)
		}
	})
}

func TestCancel(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake, q *qemu) {
		first, second := q.ask(0x82, 64), q.ask(0x82, 64)
		q.quiet()
		q.say(cancelData, first)
		if s, _, data := q.reply(first); s != cancelled || len(data) > 0 {
			t.Errorf("%d, %q", s, data)
		}
		f.say(0x82, "for the second")
		if _, _, data := q.reply(second); string(data) != "for the second" {
			t.Errorf("%q", data)
		}
		q.say(cancelData, second) // too late, and lost at the other end
		f.say(0x82, "third")
		for _, want := range []string{"for the second", "third"} {
			if _, got := q.read(0x82, 64); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		f.with(func() { f.hold = true })
		first, second = q.ask(0x01, 0, 'a'), q.ask(0x01, 0, 'b')
		q.say(cancelData, second)
		q.say(cancelData, first)
		for _, id := range []uint64{first, second} {
			if s, n, _ := q.reply(id); s != cancelled || n != 0 {
				t.Errorf("%d, %d", s, n)
			}
		}
		q.say(cancelData, 999)
		q.quiet()
		if len(f.told) > 0 {
			t.Errorf("told %q", f.told)
		}
	})
}

// TestNothingIsLost: whatever is cancelled when, all that the device says arrives, once and in its order.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		said := strings.Join(rapid.SliceOfN(rapid.StringMatching(`[a-z]{0,30}`), 1, 10).Draw(r, "said"), ".") + "."
		sizes := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 30).Draw(r, "packets asked for")
		fates := rapid.SliceOfN(rapid.SampledFrom([]string{"read", "cancelled", "answered, then cancelled"}), 1, 30).Draw(r, "fates")
		synctest.Test(t, func(t *testing.T) {
			f, d := newFake()
			q := lend(t, d)
			q.want(connect)
			q.configure(5)
			for m := range strings.SplitAfterSeq(said[:len(said)-1], ".") {
				f.say(0x82, m)
			}
			f.say(0x82, ".")
			heard := ""
			for n := 0; len(heard) < len(said); n++ {
				id, fate := q.ask(0x82, 8*sizes[n%len(sizes)]), "read"
				if n < len(fates) {
					fate = fates[n]
				}
				if fate == "cancelled" {
					q.say(cancelData, id)
				}
				_, _, data := q.reply(id)
				switch fate {
				case "read":
					heard += string(data)
				case "answered, then cancelled":
					q.say(cancelData, id) // and the answer was thrown away
				}
			}
			if heard != said {
				r.Errorf("%q, want %q", heard, said)
			}
			if err := q.hangUp(); err != nil {
				r.Error(err)
			}
		})
	})
}

func TestUnplug(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake, q *qemu) {
		q.ask(0x82, 64)
		q.say(startInterrupt, 0, 0x83)
		q.want(interruptStatus)
		if err := q.port.Unplug(); err != nil {
			t.Fatal(err)
		}
		q.want(disconnect)
		q.ask(0x82, 64) // it crossed on the way
		if err := q.port.Plug(); err != nil {
			t.Fatal(err)
		}
		q.quiet() // the unplug is not confirmed yet
		q.say(disconnectAck, 0)
		q.want(endpointInfo)
		q.want(interfaceInfo)
		q.want(connect)
		q.configure(5)
		f.say(0x82, "again")
		if _, got := q.read(0x82, 64); got != "again" {
			t.Errorf("%q", got)
		}
		f.with(func() { f.vanishes = ErrGone })
		q.ask(0x01, 0, 'x')
		q.want(disconnect)
		if q.port.Plugged() {
			t.Error("plugged after it unplugged itself")
		}
		q.say(disconnectAck, 0)
		q.quiet()
		if want := []string{"s00", "plug", "s00"}; !slices.Equal(f.calls, want) {
			t.Errorf("%q, want %q", f.calls, want)
		}
	})
}

func TestOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, d := newFake()
		q := lend(t, d)
		q.want(connect)
		ours, theirs := net.Pipe()
		two := &qemu{t: t, conn: ours}
		refused := make(chan error)
		go func() { refused <- q.port.Serve(t.Context(), theirs) }()
		two.greet(capabilities)
		if err := <-refused; err == nil {
			t.Error("two at once")
		}
		if err := q.port.Unplug(); err != nil {
			t.Fatal(err)
		}
		if err := q.hangUp(); err != nil {
			t.Error(err)
		}
		if err := q.port.Plug(); err != nil {
			t.Fatal(err)
		}
		q = meet(t, q.port)
		q.want(connect)
		q.end()
		<-q.done
		if !errors.Is(q.err, context.Canceled) {
			t.Error(q.err)
		}
	})
}
