package operator_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/practice"
	"honnin/ui/touch/touchtest"
)

// stranger writes the key and the certificate of somebody whom no policy knows, with a key of a curve.
func (d *desk) stranger(name string, curve elliptic.Curve) {
	d.t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	d.must(err)
	template := sign.Template{Name: "somebody else", NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	template.PathLen = -1
	ca, err := sign.NewCA(template)
	d.must(err)
	template.Key = key
	own, err := ca.NewCard(template)
	d.must(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	d.must(err)
	d.write(name+".key", "PRIVATE KEY", pkcs8)
	d.write(name+".pem", "CERTIFICATE", own.Certificate.Raw)
	if curve != elliptic.P256() {
		return
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	d.must(err)
	d.write(name+".sec1", "EC PRIVATE KEY", sec1)
}

func (d *desk) write(name, kind string, b []byte) {
	d.t.Helper()
	d.must(os.WriteFile(d.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600))
}

// notSigned: what the page does not sign, with which words; nothing is posted.
func notSigned(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	d.raise(first, "i-1", mixedUp())
	d.stranger("other", elliptic.P256())
	d.stranger("p384", elliptic.P384())
	for _, c := range []struct{ key, certificate, cause, want string }{
		{practice.TakerID + ".key", practice.CloserID + ".pem", "x", "not that of this certificate"},
		{"other.sec1", "other.pem", "x", "The key cannot be read"},
		{"p384.key", "p384.pem", "x", "The certificate cannot be read"},
		{practice.CloserID + ".pem", practice.CloserID + ".pem", "x", "The key cannot be read"},
		{practice.CloserID + ".key", practice.CloserID + ".key", "x", "The certificate cannot be read"},
		{practice.CloserID + ".key", practice.CloserID + ".pem", " ", "at most 256 bytes"},
		{practice.CloserID + ".key", practice.CloserID + ".pem", strings.Repeat("因", 86), "at most 256 bytes"},
	} {
		f := d.open(b, first, "i-1").with(c.key, c.certificate).closes(c.cause)
		if said := f.refused(); !strings.Contains(said, c.want) {
			t.Errorf("%+v: %s", c, said)
		}
	}
	f := d.open(b, first, "i-1")
	f.Upload("#key", f.file(practice.CloserID+".key"))
	if said := f.refused(); !strings.Contains(said, "Choose the files") {
		t.Error(said)
	}
	if n := len(d.posted()); n != 0 {
		t.Errorf("%d requests were posted", n)
	}
	d.is(first, "i-1", protocol.IncidentOpen)
}

// refusedByTheCentre: what the page signs and the centre does not take is said on the page, and moves nothing.
func refusedByTheCentre(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	d.raise(first, "i-1", mixedUp())
	d.stranger("other", elliptic.P256())
	refused := func(f form, want string) {
		t.Helper()
		f.review()
		if said := f.send(); !strings.Contains(said, want) {
			t.Error(said)
		}
		f.WaitComplaint("409") // which the browser says of every refusal
	}
	refused(d.open(b, first, "i-1").with(practice.TakerID+".key", practice.TakerID+".pem").closes("x"), "does not have the role")
	f := d.open(b, first, "i-1").with("other.key", "other.pem")
	refused(f, "does not list the person")
	d.is(first, "i-1", protocol.IncidentOpen)
	f = d.open(b, first, "i-1").with(practice.TakerID+".key", practice.TakerID+".pem")
	f.review()
	d.must(d.world.MoveIncident(first, "i-1", protocol.IncidentAcknowledged, "")) // by somebody else, at the same time
	if said := f.send(); !strings.Contains(said, "acknowledged already") {
		t.Error(said)
	}
	f.WaitComplaint("409")
	d.is(first, "i-1", protocol.IncidentAcknowledged)
	b.Wait(`document.querySelector("[value=acknowledged]").disabled && document.querySelector("[value=closed]").checked`)
}

// clockAhead: a state of a time that has not come, by the centre's clock.
func clockAhead(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{Now: func() time.Time { return time.Now().Add(-time.Hour) }})
	d.raise(first, "i-1", mixedUp())
	f := d.open(b, first, "i-1").with(practice.CloserID+".key", practice.CloserID+".pem")
	f.review()
	if said := f.send(); !strings.Contains(said, "a time that has not come") {
		t.Error(said)
	}
	f.WaitComplaint("409")
	d.is(first, "i-1", protocol.IncidentOpen)
}

// signedAsShown: what is signed is the event that was shown, and no server can show another without that being seen. One that
// shows an incident under another's name, or what happened as something lesser, gets no signature, or one that counts for nothing.
func signedAsShown(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	d.raise(first, "i-1", mixedUp())
	d.raise(second, "i-2", mixedUp())
	instead := func(pairs ...string) {
		d.lies(func(path string, page []byte) []byte {
			if strings.HasPrefix(path, "/incidents/") {
				page = []byte(strings.NewReplacer(pairs...).Replace(string(page)))
			}
			return page
		})
	}
	open := func() form {
		return d.open(b, first, "i-1").with(practice.CloserID+".key", practice.CloserID+".pem").closes("x")
	}
	for _, lie := range [][]string{{`id="shown-id">i-1<`, `id="shown-id">i-2<`}, {`id="shown-terminal">TEST-01<`, `id="shown-terminal">TEST-02<`},
		{`id="shown-code">subject-mismatch<`, `id="shown-code">pdf-font<`}, {`id="event">{`, `id="event">{x`}} {
		instead(lie...)
		if said := open().refused(); !strings.Contains(said, "nothing is signed") && !strings.Contains(said, "Try again") {
			t.Errorf("%q: %s", lie, said)
		}
	}
	if n := len(d.posted()); n != 0 {
		t.Errorf("%d requests were posted", n)
	}
	for _, lie := range [][]string{{"subject-mismatch", "pdf-font"}, {"i-1<", "i-2<", "TEST-01", "TEST-02", "&#34;i-1&#34;", "&#34;i-2&#34;"}} {
		instead(lie...)
		f := open()
		if shown := f.review(); shown == "" {
			t.Error("nothing is shown")
		}
		if said := f.send(); !strings.Contains(said, "another event") {
			t.Errorf("%q: %s", lie, said)
		}
		f.WaitComplaint("409")
	}
	d.is(first, "i-1", protocol.IncidentOpen)
	d.is(second, "i-2", protocol.IncidentOpen)
}

// markup: what a person wrote is shown as they wrote it.
func markup(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	d.raise(first, "i-1", mixedUp())
	const cause = "<img src=x onerror=alert(1)> & \"” </pre><script>alert(2)</script>"
	f := d.open(b, first, "i-1").with(practice.CloserID+".key", practice.CloserID+".pem").closes(cause)
	f.review()
	f.send()
	b.Wait(`document.querySelector(".cause") !== null`)
	for range 2 { // as it arrives in a page that is open, and in one that is opened
		if said := touchtest.Eval[string](b, `document.querySelector(".cause").textContent`); said != cause || touchtest.Eval[int](b, `document.images.length + document.querySelectorAll("body script").length`) != 0 {
			t.Errorf("the cause is shown as %q", said)
		}
		d.open(b, first, "i-1")
	}
}

// TestRequests: who may ask, what may be posted, and what never is given.
func TestRequests(t *testing.T) {
	d := newDesk(t, practice.Options{})
	d.raise(first, "i-1", mixedUp())
	state, err := protocol.EncodeBody(protocol.IncidentState{Format: protocol.StateFormat, Incident: "i-1", Source: protocol.SourcePrefix + string(first),
		State: protocol.IncidentClosed, Cause: "x", At: protocol.At(time.Now())})
	d.must(err)
	pair := func(certificate, key string) sign.Options {
		read := func(name string) []byte {
			text, err := os.ReadFile(d.file(name))
			d.must(err)
			block, _ := pem.Decode(text)
			return block.Bytes
		}
		cert, err := x509.ParseCertificate(read(certificate + ".pem"))
		d.must(err)
		private, err := x509.ParsePKCS8PrivateKey(read(key + ".key"))
		d.must(err)
		return sign.Options{Certificate: cert, Key: private.(*ecdsa.PrivateKey), Time: time.Now()}
	}
	signed := func(o sign.Options) []byte {
		der, err := sign.Sign(state, o)
		d.must(err)
		return der
	}
	ours := http.Header{"Origin": {d.url}, "Content-Type": {"application/pkcs7-mime"}}
	for _, c := range []struct {
		name, method, path, host string
		body                     []byte
		header                   http.Header
		status                   int
		says                     string
	}{
		{"the list", "GET", "/", "", nil, nil, 200, "i-1"},
		{"for programs", "GET", "/incidents.json", "", nil, nil, 200, `"code":"subject-mismatch"`},
		{"another's incident", "GET", "/incidents/TEST-02/i-1", "", nil, nil, 404, "knows no such incident"},
		{"no such file", "GET", "/static/..%2foperator.go", "", nil, nil, 404, ""},
		{"a foreign name", "GET", "/", "example.org", nil, nil, 421, ""},
		{"another's page asks", "GET", "/", "", nil, http.Header{"Origin": {"http://example.org"}}, 403, ""},
		{"another's page posts", "POST", "/states", "", signed(pair(practice.CloserID, practice.CloserID)), http.Header{"Origin": {"http://example.org"}, "Content-Type": ours["Content-Type"]}, 403, ""},
		{"nobody's page posts", "POST", "/states", "", signed(pair(practice.CloserID, practice.CloserID)), http.Header{"Content-Type": ours["Content-Type"]}, 403, ""},
		{"a form", "POST", "/states", "", []byte("state=closed"), http.Header{"Origin": {d.url}, "Content-Type": {"application/x-www-form-urlencoded"}}, 415, ""},
		{"too large", "POST", "/states", "", make([]byte, trust.MaxDetached+1), ours, 413, ""},
		{"not signed", "POST", "/states", "", state, ours, 409, "The signature does not hold"},
		{"another's certificate", "POST", "/states", "", signed(pair(practice.CloserID, practice.TakerID)), ours, 409, "The signature does not hold"},
		{"the wrong role", "POST", "/states", "", signed(pair(practice.TakerID, practice.TakerID)), ours, 409, "does not have the role"},
		{"signed", "POST", "/states", "", signed(pair(practice.CloserID, practice.CloserID)), ours, 200, "The centre has it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := protocol.IncidentOpen
			if c.status == 200 && c.method == "POST" {
				want = protocol.IncidentClosed
			}
			r, err := http.NewRequestWithContext(t.Context(), c.method, d.url+c.path, bytes.NewReader(c.body))
			d.must(err)
			r.Header, r.Host = c.header.Clone(), c.host
			if r.Header == nil {
				r.Header = http.Header{}
			}
			a, err := http.DefaultClient.Do(r)
			d.must(err)
			defer a.Body.Close()
			b, err := io.ReadAll(a.Body)
			d.must(err)
			if a.StatusCode != c.status || !strings.Contains(string(b), c.says) {
				t.Errorf("%d %s", a.StatusCode, b)
			}
			if h := a.Header; len(a.Cookies()) != 0 || h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") {
				t.Errorf("%v", a.Header)
			}
			d.is(first, "i-1", want)
		})
	}
}
