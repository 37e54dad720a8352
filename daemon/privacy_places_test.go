package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"

	"honnin/config/protocol"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/pki"
	"honnin/daemon/practice/script"
	"honnin/daemon/terminal"
	"honnin/drivers/card"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool/document"
)

// TestNoTracing: the one way in which a Go program can be made to write what it sends, from outside, is refused.
func TestNoTracing(t *testing.T) {
	for _, value := range []string{"http2debug=1", "netdns=go,http2debug=2"} {
		cmd := exec.CommandContext(t.Context(), built(t), "practice", "--state", t.TempDir(), "--visits", "1")
		cmd.Env = append(os.Environ(), "GODEBUG="+value)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "GODEBUG") {
			t.Errorf("%s: exit %d: %s", value, cmd.ProcessState.ExitCode(), out)
		}
	}
}

// wiretap is a centre in front of the centre: it passes everything on and keeps a copy.
type wiretap struct {
	mu    sync.Mutex
	calls []wireCall
}

type wireCall struct {
	path         string
	sent, answer []byte
}

// newWiretap listens with the centre's own certificate, and calls the centre as the terminal.
func newWiretap(t *testing.T, s *stand) *wiretap {
	t.Helper()
	keys := pairs(t, filepath.Join(s.flags.state, "keys"))
	access, err := s.world.Access(s.place.name)
	s.must(err)
	target, err := url.Parse(access.URL)
	s.must(err)
	w := new(wiretap)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: access.Roots,
		Certificates: []tls.Certificate{access.Certificate}, MinVersion: tls.VersionTLS13}}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { w.pass(proxy, out, r) }))
	pool := x509.NewCertPool()
	pool.AddCert(keys["tls/ca"].Certificate)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pki.TLS(keys["tls/centre"])},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.line.lead(t, server.URL)
	return w
}

func (w *wiretap) pass(to http.Handler, out http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(sent))
	copied := httptest.NewRecorder()
	to.ServeHTTP(copied, r)
	for k, v := range copied.Header() {
		out.Header()[k] = v
	}
	w.mu.Lock()
	w.calls = append(w.calls, wireCall{r.URL.Path, sent, bytes.Clone(copied.Body.Bytes())})
	w.mu.Unlock()
	out.WriteHeader(copied.Code)
	_, _ = out.Write(copied.Body.Bytes())
}

// of returns the calls whose path ends so.
func (w *wiretap) of(suffix string) []wireCall {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.calls), func(c wireCall) bool { return !strings.HasSuffix(c.path, suffix) })
}

// heard is everything that the terminal sent to the centre, without the members in which the protocol wants a
// certificate or a signature (the applicant's, and the outcome's release signature).
func (w *wiretap) heard(t *testing.T) (out []left) {
	t.Helper()
	for _, c := range w.of("") {
		if len(c.sent) == 0 {
			continue
		}
		var body map[string]json.RawMessage
		if err := json.Unmarshal(c.sent, &body); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(c.path, "/applicant") {
			delete(body, "certificate")
			delete(body, "signature")
		}
		delete(body, "release_signature")
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, left{c.path, b})
	}
	return out
}

// raw is what was sent in one kind of call.
func (w *wiretap) raw(suffix string) (out []left) {
	for _, c := range w.of(suffix) {
		out = append(out, left{c.path, c.sent})
	}
	return out
}

// secrets are the signatures that cards made, taken at the card.
type secrets struct {
	mu   sync.Mutex
	made []needle
}

func (s *secrets) tap(r terminal.Reader) *tapped {
	return &tapped{Reader: r, after: func(command, answer []byte) {
		if signs(command) && len(answer) > 34 {
			s.mu.Lock()
			s.made = append(s.made, traces("a card's signature", answer[:len(answer)-2])...)
			s.mu.Unlock()
		}
	}}
}

// TestPrivacyInside: the same for a terminal in this process, with the log at its most talkative: every certificate of
// every person; wrong and blocked PINs; cards that are not linked, revoked, suspended; strangers' packages. Beside
// what it left, what it showed and observed, and what the centre was told, errors of the check are searched.
func TestPrivacyInside(t *testing.T) {
	var made secrets
	var tap *wiretap
	var end func()
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		tap = newWiretap(t, s)
		p.Reader = made.tap(p.Reader)
		end = s.logged(p, filepath.Dir(s.place.file), "drivers/card", "daemon/session", "daemon/centre")
	})
	everybody(t, s)
	refused(t, s)
	wrong := s.wish("p10", protocol.ResidentRecord)
	wrong.PIN = wrongPIN
	for range 4 {
		s.visit(wrong)
	}
	s.everythingDelivered()
	if n := len(tap.of("/v1/incidents")); n != 2 {
		t.Errorf("%d incidents reached the centre", n)
	}
	for _, c := range []struct{ call, what string }{{"/outcome", "a card's signature"}, {"/applicant", "a card's signature"}, {"/applicant", "certificate of"}} {
		lawful := search(tap.raw(c.call), slices.Concat(cards(t, filepath.Join(s.flags.state, "keys")), made.made))
		if !strings.Contains(strings.Join(lawful, "\n"), c.what) {
			t.Errorf("%s has %s in it, as it must, and the search does not see it", c.call, c.what)
		}
	}
	all := append(tap.heard(t), left{"log", append(s.log.Bytes(), "(its end)"...)})
	for _, v := range s.screen.seen() {
		all = append(all, left{"picture", fmt.Appendf(nil, "%+v %+v", v, terminal.Picture(v))})
	}
	for _, step := range s.screen.steps {
		all = append(all, left{"step", fmt.Appendf(nil, "%+v %+v", step, step.End)})
	}
	keys := filepath.Join(s.flags.state, "keys")
	needles := slices.Concat(everything(t, keys), made.made)
	errs := errorsOf(t, s, tap, &needles)
	s.quitAndBalance()
	end()
	all = slices.Concat(all, errs, filesIn(t, s.flags.state, "keys", "sheets"))
	none(t, unique(all), needles)
	if len(made.made) < 20*20 {
		t.Errorf("only %d forms of signatures", len(made.made))
	}
}

// everybody makes a visit of every person, and of every kind of certificate at least twice.
func everybody(t *testing.T, s *stand) {
	t.Helper()
	printed, declined := map[protocol.Certificate]int{}, 0
	come := func(id string, c protocol.Certificate) {
		v := s.visit(s.wish(id, c))
		if v.Ending != nil && v.Ending.Outcome == protocol.Printed {
			printed[c]++
		} else {
			declined++
		}
	}
	for _, person := range s.world.People() {
		if !person.Ordinary {
			come(person.ID, protocol.ResidentRecord)
			continue
		}
		for i, a := range person.Asks {
			if i == 0 || printed[a.Certificate] < 2 {
				come(person.ID, a.Certificate)
			}
		}
	}
	for _, c := range protocol.Certificates() {
		if printed[c] < 2 {
			t.Errorf("%d times %s", printed[c], c)
		}
	}
	if declined != 3 {
		t.Errorf("%d were declined", declined)
	}
}

// unique leaves out what was said before.
func unique(all []left) (out []left) {
	seen := map[string]bool{}
	for _, l := range all {
		if !seen[string(l.b)] {
			seen[string(l.b)] = true
			out = append(out, l)
		}
	}
	return out
}

func refused(t *testing.T, s *stand) {
	t.Helper()
	for _, id := range []string{"p01", "p04"} {
		s.world.HandStranger(true)
		v := s.visit(s.wish(id, protocol.ResidentRecord))
		if v.Ending == nil || v.Ending.Outcome != protocol.Refused {
			t.Fatalf("%+v", v.Ending)
		}
		s.settles()
	}
}

// errorsOf are texts of errors: of the check, over the packages that came in this run, spoilt in many ways, and of the
// card. The packages' own bytes are added to what is looked for.
func errorsOf(t *testing.T, s *stand, tap *wiretap, needles *[]needle) (out []left) {
	t.Helper()
	say := func(what string, err error) {
		if err != nil {
			out = append(out, left{"error of " + what, fmt.Appendf(nil, "%v | %+v | %#v | %q", err, err, err, err)})
		}
	}
	keys := pairs(t, filepath.Join(s.flags.state, "keys"))
	check := document.NewVerifier(s.policy, s.pool, time.Now)
	for i, c := range tap.of("/package") {
		if len(c.answer) < 1000 || i > 12 {
			continue
		}
		*needles = append(*needles, traces("a package", c.answer)...)
		tx, err := protocol.ParseTransaction(strings.Split(c.path, "/")[3])
		s.must(err)
		want := document.Expectation{Terminal: s.place.name, Transaction: tx, Nonce: protocol.NewNonce(), Card: keys["card/p12"].Certificate,
			Application: &protocol.Application{Municipality: people.Kaku, Certificate: protocol.TaxPaid, Copies: 1}, Began: time.Now()}
		for at := range 8 {
			spoilt := bytes.Clone(c.answer)
			spoilt[len(spoilt)*at/8+9] ^= 0x40
			_, err := check.Verify(t.Context(), spoilt, want)
			say("the check, spoilt", err)
		}
		_, err = check.Verify(t.Context(), c.answer[:len(c.answer)/2], want)
		say("the check, half", err)
		doc, err := check.Verify(t.Context(), c.answer, want)
		say("the check, a stranger's", err)
		out = append(out, left{"no document", fmt.Appendf(nil, "%v %+v %#v", doc, doc, doc)})
	}
	if len(out) < 40 {
		t.Fatalf("only %d errors", len(out))
	}
	return append(out, cardErrors(t, s)...)
}

func cardErrors(t *testing.T, s *stand) (out []left) {
	t.Helper()
	w := s.wish("p03", protocol.ResidentRecord)
	conn := &cardLine{w.Hands.(*holding)}
	c := card.New(conn)
	say := func(err error) {
		if err == nil {
			t.Error("no error")
		}
		out = append(out, left{"error of the card", fmt.Appendf(nil, "%v | %+v | %#v", err, err, err)})
	}
	for range 4 {
		pin, err := card.ParsePIN([]byte(wrongPIN))
		s.must(err)
		say(c.VerifyPIN(t.Context(), pin))
		out = append(out, left{"a PIN", fmt.Appendf(nil, "%v %+v %#v %s %d %x", pin, pin, pin, pin, pin, pin)})
	}
	_, err := c.Sign(t.Context(), []byte("message"))
	say(err)
	_, err = card.ParsePIN([]byte(wrongPIN + "1"))
	say(err)
	return out
}

// cardLine is a card without a reader.
type cardLine struct{ h *holding }

func (l *cardLine) Transmit(_ context.Context, command []byte) ([]byte, error) {
	return l.h.card.Process(command), nil
}

// TestPrivacyAtThePrinter: besides the document the printer learns of the job what it needs, and nothing of the person:
// neither where it prints nor where it fails.
func TestPrivacyAtThePrinter(t *testing.T) {
	device := ippevetest.Start(t)
	target, err := url.Parse("http://" + device.HostPort())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var told []left
	documents := 0
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		rest := bytes.NewReader(b)
		var m goipp.Message
		if err := m.Decode(rest); err != nil {
			t.Errorf("not IPP: %v", err)
		}
		mu.Lock()
		told = append(told, left{goipp.Op(m.Code).String(), fmt.Appendf(b[:len(b)-rest.Len()], " %v %v", r.URL, r.Header)})
		if rest.Len() > 0 {
			documents++
		}
		mu.Unlock()
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	_, port, _ := net.SplitHostPort(front.Listener.Addr().String())
	address, err := printer.Parse("ipp://127.0.0.1:" + port + "/ipp/print")
	if err != nil {
		t.Fatal(err)
	}
	var made secrets
	var tap *wiretap
	var end func()
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		driver, err := ipp.New(address, ipp.Options{Timing: quick})
		s.must(err)
		tap = newWiretap(t, s)
		p.Printer, p.Tray, p.Reader = driver, nil, made.tap(p.Reader)
		end = s.logged(p, filepath.Dir(s.place.file), "drivers/printer/ipp")
	})
	s.prints("p01")
	s.prints("p05")
	device.Behave(ippevetest.Behaviour{Mode: "abort", After: 1})
	if v := s.visit(s.wish("p04", protocol.ResidentRecord)); v.Ending == nil || v.Ending.Outcome != protocol.Unsure {
		t.Fatalf("%+v", v.Ending)
	}
	s.must(s.StaffReady(t.Context(), script.Staff))
	s.everythingDelivered()
	if len(tap.of("/v1/incidents")) != 1 || documents != 3 {
		t.Errorf("%d incidents, %d documents", len(tap.of("/v1/incidents")), documents)
	}
	needles := slices.Concat(everything(t, filepath.Join(s.flags.state, "keys")), made.made)
	s.quitAndBalance()
	end()
	for _, sheet := range device.Tray() {
		told = append(told, left{"the engine's environment", fmt.Appendf(nil, "%v %v", sheet.Name, sheet.Env)})
	}
	none(t, slices.Concat(told, tap.heard(t), []left{{"log", s.log.Bytes()}}, filesIn(t, s.flags.state, "keys", "sheets")), needles)
}
