package usbprint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/drivers/internal/usb"
	"honnin/drivers/internal/usb/usbtest"
	"honnin/drivers/printer"
)

// scripted is a printer with IPP over USB that says what a test wants.
type scripted struct {
	usbtest.Pipes
	plug *usbtest.Device
	mu   sync.Mutex
	told []byte
	// answer is asked after each transfer out, with all that came since it last said something.
	answer func(told []byte) (say [][]byte)
}

func (s *scripted) Control(_ context.Context, r usbtest.Request) ([]byte, error) {
	if r.Type == 0x81 {
		return []byte{0, 0}, nil
	}
	return nil, usb.ErrStall
}

func (s *scripted) Out(_ context.Context, _ uint8, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, p...)
	if say := s.answer(s.told); say != nil {
		s.told = nil
		for _, b := range say {
			s.Said[0x82].Put(b)
		}
	}
	return len(p), nil
}

// newScripted plugs one in, with n interfaces of which a driver sees the first only when n is 1.
func newScripted(b *usbtest.Bus, answer func(told []byte) [][]byte) *scripted {
	s := &scripted{Pipes: usbtest.Pipes{Said: map[uint8]usbtest.Queue{0x82: usbtest.NewQueue()}}, answer: answer}
	pipes := []usb.Endpoint{{Address: 0x01, Kind: usb.KindBulk, MaxPacket: 64}, {Address: 0x82, Kind: usb.KindBulk, MaxPacket: 64}}
	s.plug = &usbtest.Device{Model: s, Info: usb.Info{Vendor: 0x1209, Product: 3, Settings: []usb.Setting{
		{Class: 0xff, Endpoints: pipes}, {Alternate: 1, Class: 7, SubClass: 1, Protocol: 4, Endpoints: pipes}}}}
	b.Plug(s.plug)
	return s
}

// question is an IPP request of that id, and so many bytes after it.
func question(ctx context.Context, id byte, more int) *http.Request {
	body := append([]byte{2, 0, 0, 0x0b, 0, 0, 0, id}, make([]byte, more)...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost:631/ipp/print", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	return req
}

func reply(id byte, rest string) []byte {
	return []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: %d\r\n\r\n\x02\x00\x00\x00\x00\x00\x00%c%s", 8+len(rest), id, rest))
}

const answered = "\x02\x00\x00\x00\x00\x00\x00\x07"

func TestAnswers(t *testing.T) {
	chunk := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n" + answered + "\r\n"
	one := func(s string) [][]byte { return [][]byte{[]byte(s)} }
	for name, c := range map[string]struct {
		say   [][]byte
		body  string
		err   error
		ok    bool
		claim int // how often it was claimed when the next question was answered
	}{
		"plain":                     {say: [][]byte{reply(7, "")}, body: answered, ok: true, claim: 1},
		"chunked":                   {say: one(chunk + "0\r\n\r\n"), body: answered, ok: true, claim: 1},
		"full packets":              {say: [][]byte{reply(7, strings.Repeat("x", 200_000))}, body: answered + strings.Repeat("x", 200_000), ok: true, claim: 1},
		"byte by byte":              {say: apart(reply(7, "")), body: answered, ok: true, claim: 1},
		"empty packets":             {say: [][]byte{{}, reply(7, "")[:30], {}, {}, reply(7, "")[30:]}, body: answered, ok: true, claim: 1},
		"continue":                  {say: one("HTTP/1.1 100 Continue\r\n\r\n" + string(reply(7, ""))), body: answered, ok: true, claim: 1},
		"closes":                    {say: one(strings.Replace(string(reply(7, "")), "\r\n", "\r\nConnection: close\r\n", 1)), body: answered, ok: true, claim: 1},
		"a former one's before":     {say: [][]byte{reply(6, "old"), reply(5, ""), reply(7, "")}, body: answered, ok: true, claim: 1},
		"one more behind":           {say: one(string(reply(7, "")) + string(reply(6, ""))), body: answered, ok: true, claim: 2},
		"short":                     {say: one("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x02\x00\x00"), body: "\x02\x00\x00", ok: true, claim: 1},
		"not found":                 {say: one("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"), body: "no", ok: true, claim: 2},
		"redirect":                  {say: one("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"), ok: true, claim: 2},
		"until the connection ends": {say: one("HTTP/1.1 200 OK\r\n\r\n" + answered), err: errFraming, claim: 2},
		"switching":                 {say: one("HTTP/1.1 101 Switching Protocols\r\n\r\n"), err: errFraming, claim: 2},
		"only former ones":          {say: slices.Repeat([][]byte{reply(6, "")}, maxPassed), err: errStale, claim: 2},
		"a head without end":        {say: one("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 20_000)), err: errTooLong, claim: 2},
		"a body without end":        {say: one("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("4000\r\n"+strings.Repeat("z", 0x4000)+"\r\n", 80)), err: errTooLong, claim: 2},
		"a length without end":      {say: one("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + strings.Repeat("z", 2<<20)), err: errTooLong, claim: 2},
		"two lengths":               {say: one("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n" + answered), err: errHTTP, claim: 2},
		"noise":                     {say: one(strings.Repeat("\x00\xff", 99) + "\r\n\r\n"), err: errHTTP, claim: 2},
		"words":                     {say: one("HTTP/1.1 Yamada Taro\r\n\r\n"), err: errHTTP, claim: 2},
		"words in a length":         {say: one("HTTP/1.1 200 OK\r\nContent-Length: Yamada\r\n\r\n"), err: errHTTP, claim: 2},
		"words in a chunk":          {say: one("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nYamada\r\n\r\n"), err: errHTTP, claim: 2},
		"silence":                   {say: one(""), err: context.DeadlineExceeded, claim: 2},
		"half":                      {say: one(string(reply(7, "")[:40])), err: context.DeadlineExceeded, claim: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := usbtest.New(t)
				said := 0
				s := newScripted(bus, func([]byte) [][]byte {
					if said++; said == 1 {
						return c.say
					}
					return [][]byte{reply(8, "")}
				})
				claims := 0
				s.plug.Claim = func(int, int) error { claims++; return nil }
				l := newLines(bus, printer.Selector{})
				ctx, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				answer, err := transport{l}.RoundTrip(question(ctx, 7, 0))
				check(t, answer, err, c.body, c.err, c.ok)
				time.Sleep(2 * patience)
				answer, err = transport{l}.RoundTrip(question(t.Context(), 8, 0))
				check(t, answer, err, string(reply(8, "")[len(reply(8, ""))-8:]), nil, true)
				if claims != c.claim {
					t.Errorf("%d claims, want %d", claims, c.claim)
				}
				l.close()
				bus.Check()
			})
		})
	}
}

func apart(b []byte) (all [][]byte) {
	for _, c := range b {
		all = append(all, []byte{c})
	}
	return all
}

func check(t *testing.T, answer *http.Response, err error, body string, want error, ok bool) {
	t.Helper()
	if !ok {
		wordless := printer.ReasonOf(err) != badAnswer && want != context.DeadlineExceeded
		if err == nil || !errors.Is(err, want) || wordless || strings.Contains(err.Error(), "Yamada") {
			t.Errorf("%v; want %v", err, want)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(answer.Body)
	if err != nil || string(got) != body {
		t.Errorf("%q, %v", got[:min(len(got), 100)], err)
	}
}

// TestRequests is what the printer sees.
func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		more   int
		maker  string
		has    []string
		hasNot []string
	}{
		"small": {100, "", []string{"POST /ipp/print HTTP/1.1\r\nHost: localhost\r\n", "\r\nContent-Length: 108\r\n"}, []string{"Connection", "chunked", "Expect"}},
		"large": {100_000, "", []string{"Host: localhost\r\n", "\r\nTransfer-Encoding: chunked\r\n"}, []string{"Connection", "Content-Length", "Expect"}},
		"quirk": {100, "HP LaserJet MFP M28-M31", []string{"\r\nConnection: keep-alive\r\n"}, []string{"close"}},
		"close": {100, "HP OfficeJet Pro 8730", []string{"\r\nConnection: close\r\n"}, []string{"keep-alive"}},
	} {
		t.Run(name, func(t *testing.T) {
			bus := usbtest.New(t)
			var seen bytes.Buffer
			s := newScripted(bus, func(told []byte) [][]byte {
				if c.more > chunked && !bytes.HasSuffix(told, []byte("\r\n0\r\n\r\n")) {
					return nil
				}
				seen.Write(told)
				return [][]byte{reply(7, "")}
			})
			bus.Unplug(s.plug)
			s.plug.Info.Name = c.maker
			bus.Plug(s.plug)
			l := newLines(bus, printer.Selector{})
			defer l.close()
			req := question(t.Context(), 7, c.more)
			req.Header.Set("Expect", "100-continue")
			answer, err := transport{l}.RoundTrip(req)
			check(t, answer, err, answered, nil, true)
			head, body, _ := strings.Cut(seen.String(), "\r\n\r\n")
			for _, h := range c.has {
				if !strings.Contains(head+"\r\n", h) {
					t.Errorf("no %q in %q", h, head)
				}
			}
			for _, h := range c.hasNot {
				if strings.Contains(head, h) {
					t.Errorf("%q in %q", h, head)
				}
			}
			if n := strings.Count(body, "\x00"); n < c.more {
				t.Errorf("%d bytes of %d", n, c.more)
			}
			if req.Header.Get("Connection") != "" || req.Host != "localhost:631" {
				t.Error("the caller's request is not as it was")
			}
		})
	}
}

// endless is a body that never ends, and notes a read after its request is over.
type endless struct {
	mu   sync.Mutex
	over bool
	late bool
	n    int
}

func (e *endless) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.late = e.late || e.over
	if e.n == 0 {
		e.n += copy(p, []byte{2, 0, 0, 6, 0, 0, 0, 7})
		return 8, nil
	}
	e.n += len(p)
	return len(p), nil
}

const refused = "\x02\x00\x05\x07\x00\x00\x00\x07"

var refusal = bytes.Replace(reply(7, ""), []byte(answered), []byte(refused), 1)

// TestEarlyAnswer: a printer that refuses before it has the whole request has answered; and the pipe begins anew, since
// what came next would be the rest of that request.
func TestEarlyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := usbtest.New(t)
		s := newScripted(bus, func(told []byte) [][]byte {
			if len(told) < 300_000 {
				return nil
			}
			return [][]byte{refusal}
		})
		claims := 0
		s.plug.Claim = func(int, int) error { claims++; return nil }
		l := newLines(bus, printer.Selector{})
		e := &endless{}
		req := question(t.Context(), 7, 0)
		req.Body, req.ContentLength = io.NopCloser(e), 1<<40
		answer, err := transport{l}.RoundTrip(req)
		e.mu.Lock()
		e.over = true
		e.mu.Unlock()
		check(t, answer, err, refused, nil, true)
		synctest.Wait()
		if time.Sleep(time.Second); e.late || claims != 2 {
			t.Errorf("read on: %t; %d claims, want 2", e.late, claims)
		}
		l.close()
		bus.Check()
	})
}

// hasty is a printer that answers the first transfer out before it takes anything of it.
type hasty struct {
	*scripted
	say  []byte
	then func(ctx context.Context) error // before it takes what there is
}

func (h *hasty) Out(ctx context.Context, endpoint uint8, p []byte) (int, error) {
	if say := h.say; say != nil {
		h.say = nil
		h.Said[0x82].Put(say)
		if err := h.then(ctx); err != nil {
			return 0, err
		}
	}
	return h.scripted.Out(ctx, endpoint, p)
}

// TestEarlyYes: a printer cannot have what it did not take, whatever it says; all of the body is read ahead here.
func TestEarlyYes(t *testing.T) {
	never := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	soon := func(context.Context) error { time.Sleep(grace / 2); return nil }
	stalls := func(context.Context) error { time.Sleep(time.Millisecond); return usb.ErrStall }
	stallsAtOnce := func(context.Context) error { return usb.ErrStall }
	for name, c := range map[string]struct {
		say  []byte
		then func(ctx context.Context) error
		body string // "": an error
	}{
		"yes, and takes nothing":         {reply(7, ""), never, ""},
		"yes, and stalls":                {reply(7, ""), stalls, ""},
		"yes, and stalls at once":        {reply(7, ""), stallsAtOnce, ""},
		"yes with a reservation":         {bytes.Replace(reply(7, ""), []byte(answered), []byte("\x02\x00\x00\x01\x00\x00\x00\x07"), 1), never, ""},
		"202":                            {bytes.Replace(reply(7, ""), []byte("200"), []byte("202"), 1), never, ""},
		"nothing that is IPP":            {[]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x02\x00\x05"), never, ""},
		"yes, and takes the rest":        {reply(7, ""), soon, answered},
		"refused, and takes nothing":     {refusal, never, refused},
		"refused, and stalls":            {refusal, stalls, refused},
		"refused by HTTP, takes nothing": {[]byte("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"), never, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := usbtest.New(t)
				s := newScripted(bus, func([]byte) [][]byte { return nil })
				s.plug.Model = &hasty{s, c.say, c.then}
				l := newLines(bus, printer.Selector{})
				req := question(t.Context(), 7, 50_000)
				answer, err := transport{l}.RoundTrip(req)
				if n, _ := req.Body.Read(make([]byte, 1)); n != 0 {
					t.Error("the body was not read ahead")
				}
				if c.body != "" {
					check(t, answer, err, c.body, nil, true)
				} else if answer != nil || printer.ReasonOf(err) != printer.Unreachable {
					t.Errorf("%v, %v", answer, err)
				}
				l.close()
				bus.Check()
			})
		})
	}
}

// TestClosedUnderway: Close ends an exchange that nobody would end, and what waits for answers that nobody wants.
func TestClosedUnderway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := usbtest.New(t)
		newScripted(bus, func([]byte) [][]byte { return nil })
		l := newLines(bus, printer.Selector{})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := (transport{l}).RoundTrip(question(ctx, 7, 0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		begin := time.Now()
		done := make(chan error)
		go func() { // has to wait for the only interface
			_, err := transport{l}.RoundTrip(question(t.Context(), 8, 0))
			done <- err
		}()
		synctest.Wait()
		l.close()
		if err := <-done; printer.ReasonOf(err) == "" {
			t.Error(err)
		}
		if time.Since(begin) >= patience {
			t.Error("waited for an answer that nobody wants")
		}
		synctest.Wait()
		bus.Check()
	})
}

// spoken is an interface that says given transfers, and takes everything.
type spoken struct {
	usb.Interface
	say [][]byte
}

func (s *spoken) Read(_ context.Context, _ uint8, p []byte) (int, error) {
	if len(s.say) == 0 {
		return 0, usb.ErrGone
	}
	n := copy(p, s.say[0])
	s.say = s.say[1:]
	return n, nil
}

// FuzzHTTPOverUSB: whatever a printer says, in whatever pieces, is an answer to the question or none, bounded, and never a
// reason to read on for ever.
func FuzzHTTPOverUSB(f *testing.F) {
	for _, s := range []string{"", string(reply(7, "")), string(reply(6, "")) + string(reply(7, "x")), "HTTP/1.1 100 Continue\r\n\r\n" + string(reply(7, "")),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8;x=y\r\n" + answered + "\r\n0\r\nA: b\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\n" + answered, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"} {
		f.Add([]byte(s), uint16(64))
		f.Add([]byte(s), uint16(3))
	}
	id := []byte(answered)
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		s := &spoken{}
		for p := range slices.Chunk(b, int(size)%4096+1) {
			s.say = append(s.say, p)
		}
		c := &line{Interface: s, in: usb.Endpoint{Address: 0x82, MaxPacket: 64}, buffer: make([]byte, 4096)}
		got := listen(t.Context(), c, id)
		if got.err != nil {
			if got.answer != nil {
				t.Error("an answer and an error")
			}
			return
		}
		body, err := io.ReadAll(got.answer.Body)
		if err != nil || len(body) > maxAnswer+transfer || int64(len(body)) != got.answer.ContentLength {
			t.Errorf("%d bytes, %v", len(body), err)
		}
		if got.answer.StatusCode < 200 || got.answer.StatusCode == 200 && len(body) >= idBytes && !bytes.Equal(body[4:8], id[4:]) {
			t.Errorf("status %d, %q", got.answer.StatusCode, body[:min(len(body), 8)])
		}
	})
}
