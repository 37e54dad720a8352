package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/pki"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/script"
	"honnin/daemon/practice/sheet"
	"honnin/daemon/terminal"
	"honnin/drivers/card"
	"honnin/drivers/printer"
	"honnin/drivers/printer/ipp"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool/document"
	"honnin/spool/journal"
)

// What is looked for, and in which forms:
//
//   - every text of every record in the practice registers (names, kana, addresses, registered domiciles, parents, seal
//     numbers, remarks) as it stands, without its spaces, with ASCII spaces and escaped as \uXXXX; each part of a name
//     or its kana that is two characters or longer, unless a municipality bears it; days of birth in four forms. Not
//     looked for: words of the form, which say nothing of a person (性別, 続柄, titles, names of items and taxes);
//   - My Numbers: plain, in groups of four, full-width;
//   - PINs as words of their own, as a list of byte values, in hex and in base64;
//   - serial numbers of card certificates in decimal, hex (both cases) and as DER; the certificates' bytes and their
//     SHA-256; signatures that the cards made; packages' and documents' bytes: windows of them raw, in hex (both
//     cases), as byte values and in base64 (both alphabets, every alignment); and the first bytes of any PDF.
type needle struct {
	what string
	b    []byte
	word bool // only where it is not a part of a longer word or number
}

func (n needle) in(text []byte) bool {
	for at := 0; ; {
		i := bytes.Index(text[at:], n.b)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(n.b)
		if !n.word || !goesOn(text, i-1, i-2) && !goesOn(text, end, end+1) {
			return true
		}
		at = i + 1
	}
}

// goesOn reports whether what stands beside a word belongs to it: a letter, a digit, or a point with a digit behind it.
func goesOn(text []byte, beside, behind int) bool {
	at := func(i int) byte {
		if i < 0 || i >= len(text) {
			return ' '
		}
		return text[i]
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	c := at(beside)
	return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' && digit(at(behind))
}

// left is something that a terminal left behind or said.
type left struct {
	where string
	b     []byte
}

// search returns what is where it must not be.
func search(all []left, needles []needle) (found []string) {
	for _, l := range all {
		for _, n := range needles {
			if n.in(l.b) {
				found = append(found, n.what+" in "+l.where)
			}
		}
	}
	return found
}

// none fails the test for everything that is found.
func none(t *testing.T, all []left, needles []needle) {
	t.Helper()
	total := 0
	for _, l := range all {
		total += len(l.b)
	}
	if len(all) == 0 || total == 0 || len(needles) < 500 {
		t.Fatalf("%d bytes in %d places searched for %d things", total, len(all), len(needles))
	}
	for _, f := range search(all, needles) {
		t.Error(f)
	}
}

// filesIn reads every file below dir; skip names directories that are not the terminal's.
func filesIn(t *testing.T, dir string, skip ...string) (out []left) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skip, d.Name()):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		out = append(out, left{path, append([]byte(path+"\n"), b...)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// texts collects every text of a record, and its days of birth.
func texts(v reflect.Value, name string, add func(string), born func(sheet.Date)) {
	form := []string{"ID", "Sex", "Relation", "Spouse", "Title", "Tax", "Text", "Item.Name", "Amount.Name"}
	switch v.Kind() {
	case reflect.String:
		if !slices.Contains(form, name) {
			add(v.String())
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), name, add, born)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			texts(v.MapIndex(k), name, add, born)
		}
	case reflect.Struct:
		if d, ok := v.Interface().(sheet.Date); ok {
			if name == "Birth" {
				born(d)
			}
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if slices.Contains([]string{"Item", "Amount"}, v.Type().Name()) && field == "Name" {
				field = v.Type().Name() + ".Name"
			}
			texts(v.Field(i), field, add, born)
		}
	}
}

// records returns everything that the practice registers say of everybody.
func records(t *testing.T) (out []register.Facts) {
	t.Helper()
	all := people.Registers{}
	for _, town := range people.Towns() {
		all[town.Code] = register.New(town.Code, time.Now)
	}
	people.Settle(all)
	for _, p := range people.All() {
		for _, r := range all {
			f := protocol.Fingerprint([]byte(p.ID))
			r.Link(p.ID, f)
			for _, kind := range []protocol.Register{protocol.ResidentRegister, protocol.SealRegister, protocol.FamilyRegisters, protocol.TaxRegister} {
				if got, err := r.Read(kind, p.ID, f); err == nil {
					out = append(out, got.Facts)
				}
			}
		}
	}
	if len(out) < 30 {
		t.Fatalf("only %d records", len(out))
	}
	return out
}

// personal is what the registers say.
func personal(t *testing.T) (out []needle) {
	t.Helper()
	seen := map[string]bool{}
	add := func(what, s string) {
		if s != "" && !seen[s] {
			seen[s] = true
			out = append(out, needle{what: what + " " + s, b: []byte(s)})
		}
	}
	for _, f := range records(t) {
		texts(reflect.ValueOf(f), "", func(s string) {
			for _, form := range writings(s) {
				add("text of a record", form)
			}
		}, func(d sheet.Date) {
			add("day of birth", d.Wareki())
			for _, form := range []string{"%04d-%02d-%02d", "%04d%02d%02d", "%04d/%02d/%02d"} {
				add("day of birth", fmt.Sprintf(form, d.Year, d.Month, d.Day))
			}
		})
	}
	return out
}

// writings are the forms in which a text is looked for.
func writings(s string) (out []string) {
	if len([]rune(s)) < 2 || isTown(s) {
		return nil
	}
	if len(s) == 12 && strings.Trim(s, "0123456789") == "" {
		wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, s)
		return []string{s, s[:4] + " " + s[4:8] + " " + s[8:], s[:4] + "-" + s[4:8] + "-" + s[8:], wide}
	}
	out = append(out, s, strings.ReplaceAll(s, "　", ""), strings.ReplaceAll(s, "　", " "), escaped(s))
	for part := range strings.SplitSeq(s, "　") {
		if len([]rune(part)) >= 2 && !isTown(part) {
			out = append(out, part, escaped(part))
		}
	}
	return out
}

func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

// isTown reports whether a municipality's public name holds s.
func isTown(s string) bool {
	return slices.ContainsFunc(people.Towns(), func(t people.Town) bool { return strings.Contains("見本県例示郡"+t.Name.Ja, s) })
}

// pins are everybody's, and the one that is typed wrongly.
func pins() (out []needle) {
	all := []string{wrongPIN}
	for _, p := range people.All() {
		all = append(all, p.PIN)
	}
	for _, p := range all {
		list := strings.Trim(fmt.Sprint([]byte(p)), "[]")
		for _, s := range []string{p, hex.EncodeToString([]byte(p)), list} {
			out = append(out, needle{"the PIN " + p, []byte(s), true})
		}
		out = append(out, needle{"the PIN " + p + " in base64", []byte(base64.RawStdEncoding.EncodeToString([]byte(p))), true})
	}
	return out
}

const wrongPIN = "9753"

// traces are forms of bytes that must not be anywhere, of windows in their middle and near their end.
func traces(what string, b []byte) (out []needle) {
	const size = 24
	for _, at := range []int{len(b) / 2, len(b) - size - 8} {
		if at = min(at, len(b)-size); at < 0 {
			panic("too short to look for: " + what)
		}
		w := b[at : at+size]
		list := strings.Trim(fmt.Sprint(w), "[]")
		for _, s := range []string{string(w), hex.EncodeToString(w), strings.ToUpper(hex.EncodeToString(w)), list} {
			out = append(out, needle{what: what, b: []byte(s)})
		}
		for shift := range 3 {
			part := w[shift : shift+21]
			out = append(out, needle{what: what, b: []byte(base64.StdEncoding.EncodeToString(part))},
				needle{what: what, b: []byte(base64.URLEncoding.EncodeToString(part))})
		}
	}
	return out
}

// cards are the serial numbers and bytes of the card certificates in a world's keys.
func cards(t *testing.T, keys string) (out []needle) {
	t.Helper()
	n := 0
	for name, p := range pairs(t, keys) {
		if !strings.HasPrefix(name, "card/p") {
			continue
		}
		n++
		serial := p.Certificate.SerialNumber
		if len(serial.Bytes()) < 6 {
			t.Fatalf("the serial number of %s is too short to look for", name)
		}
		for _, s := range []string{serial.String(), serial.Text(16), strings.ToUpper(serial.Text(16)), string(serial.Bytes())} {
			out = append(out, needle{what: "serial number of " + name, b: []byte(s)})
		}
		out = append(out, traces("certificate of "+name, p.Certificate.Raw)...)
		print := sha256.Sum256(p.Certificate.Raw)
		out = append(out, traces("fingerprint of "+name, print[:])...)
	}
	if n < 12 {
		t.Fatalf("only %d card certificates", n)
	}
	return out
}

// anyPDF are the first bytes of any document.
func anyPDF() []needle {
	return []needle{{what: "a PDF", b: []byte("%PDF")}, {what: "a PDF in base64", b: []byte("JVBERi0x")}, {what: "a PDF in hex", b: []byte("255044462d")},
		{what: "a PDF as byte values", b: []byte("37 80 68 70 45")}}
}

func everything(t *testing.T, keys string) []needle {
	t.Helper()
	return slices.Concat(personal(t), pins(), cards(t, keys), anyPDF())
}

// releaseSignatures computes what RSA cards signed in a run, from what its journal holds: PKCS #1 v1.5 has one signature
// for one message.
func releaseSignatures(t *testing.T, state string) (out []needle) {
	t.Helper()
	keys := pairs(t, filepath.Join(state, "keys"))
	names, _ := filepath.Glob(filepath.Join(state, "terminals", "*"))
	for _, dir := range names {
		j, err := journal.Open(filepath.Join(dir, "journal.db"), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range of(entries(t, j), journal.Sending) {
			message := protocol.ReleaseMessage(protocol.Terminal(filepath.Base(dir)), e.Transaction, e.Document)
			for _, who := range []string{"card/p01", "card/p02", "card/p03"} {
				signature := rsaSignature(t, keys[who], message)
				if sha256.Sum256(signature) == e.Signature {
					out = append(out, traces("release signature of "+who, signature)...)
				}
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func rsaSignature(t *testing.T, p *sign.Pair, message []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	signature, err := p.Key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// TestPrivacySearch: the search finds every single thing that it looks for, wherever it is, and mistakes no digits of
// other numbers for a PIN.
func TestPrivacySearch(t *testing.T) {
	state := withKeys(t, t.TempDir())
	needles := everything(t, filepath.Join(state, "keys"))
	for _, n := range needles {
		if got := search([]left{{"a line", slices.Concat([]byte(`{"reason":"`), n.b, []byte(`","x":1}`))}}, []needle{n}); len(got) != 1 {
			t.Errorf("%s: not found", n.what)
		}
	}
	for _, name := range []string{"架空　太郎", "カクウ　タロウ", "太郎", "見本県見本市手本町一丁目２番３号", "000000000014"} {
		if len(search([]left{{"", []byte(name)}}, needles)) == 0 {
			t.Errorf("%s is not looked for", name)
		}
	}
	innocent := []string{`"port":51234`, "0.1234 s", "1234.5 ms", "a1234", "見本市", "architecture"}
	if got := search([]left{{"innocence", []byte(strings.Join(innocent, " | "))}}, needles); len(got) != 0 {
		t.Errorf("found in nothing: %v", got)
	}
	dir := filepath.Join(state, "terminals", "PRACTICE-01")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(dir, "journal.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Record(journal.Entry{Kind: journal.Late, Reason: "見本　次郎"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(state, "some", "core.1234"), []byte("nothing"))
	found := strings.Join(search(filesIn(t, state, "keys"), needles), "\n")
	for _, where := range []string{"見本　次郎 in " + dir, "PIN 1234 in " + state} {
		if !strings.Contains(found, where) {
			t.Errorf("planted, and not found: %s\n%s", where, found)
		}
	}
}

// TestPrivacyOfTheProgram: what honnind says and leaves behind after scripted visits of everybody who can ask for each
// certificate, and of people who were handed a stranger's paper. It has no switch that would make it say more.
func TestPrivacyOfTheProgram(t *testing.T) {
	for _, c := range append(protocol.Certificates(), "stranger", "wordy") {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			state, home := withKeys(t, t.TempDir()), t.TempDir()
			args := []string{"practice", "--state", state, "--visits", "9", "--certificate", string(c), "--json"}
			switch c {
			case "stranger":
				args = []string{"practice", "--state", state, "--visits", "4", "--stranger", "--json"}
			case "wordy":
				args = []string{"practice", "--state", state, "--visits", "3", "--guide"}
			}
			cmd := exec.CommandContext(t.Context(), built(t), args...)
			cmd.Dir, cmd.Env = home, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "GOTRACEBACK=crash"}
			var out, said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &said
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s%s", err, out.Bytes(), said.Bytes())
			}
			everyone := slices.Concat(everything(t, filepath.Join(state, "keys")), releaseSignatures(t, state))
			// keys/ is the practice world's and sheets/ its printer's: neither is a terminal's.
			none(t, slices.Concat([]left{{"stdout", out.Bytes()}, {"stderr", said.Bytes()}},
				filesIn(t, state, "keys", "sheets"), filesIn(t, home)), everyone)
		})
	}
}

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
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		tap = newWiretap(t, s)
		p.Reader = made.tap(p.Reader)
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
		s.must(s.Reopen(script.Staff))
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
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		driver, err := ipp.New(address, ipp.Options{Timing: quick})
		s.must(err)
		tap = newWiretap(t, s)
		p.Printer, p.Tray, p.Reader = driver, nil, made.tap(p.Reader)
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
	for _, sheet := range device.Tray() {
		told = append(told, left{"the engine's environment", fmt.Appendf(nil, "%v %v", sheet.Name, sheet.Env)})
	}
	none(t, slices.Concat(told, tap.heard(t), []left{{"log", s.log.Bytes()}}, filesIn(t, s.flags.state, "keys", "sheets")), needles)
}
