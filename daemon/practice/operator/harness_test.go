package operator_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/practice"
	"honnin/daemon/practice/pki"
	"honnin/daemon/practice/pki/pkitest"
	"honnin/ui/touch/touchtest"
)

// desk is a practice world with the operators' page before it, and what was asked of that page.
type desk struct {
	t     *testing.T
	world *practice.World
	keys  string // directory
	url   string
	lie   func(path string, page []byte) []byte // what a server that lies sends in place of a page; nil: the truth

	mu     sync.Mutex
	asked  []string // "METHOD path"
	bodies [][]byte
}

func newDesk(t *testing.T, o practice.Options) *desk {
	t.Helper()
	d := &desk{t: t, keys: t.TempDir()}
	o.State = d.keys
	made, err := pkitest.Keys()
	d.must(err)
	d.must(os.WriteFile(d.file(pki.FileName), made, 0o600))
	d.world, err = practice.Start(o)
	d.must(err)
	t.Cleanup(func() { d.must(d.world.Close()) })
	var page http.Handler
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.serve(page, w, r) }))
	t.Cleanup(func() { ts.CloseClientConnections(); ts.Close() })
	d.url = ts.URL
	s, err := d.world.Operators([]string{ts.Listener.Addr().String()})
	d.must(err)
	page = s.Handler()
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// serve keeps what was asked, and lies if it is told to.
func (d *desk) serve(page http.Handler, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	d.mu.Lock()
	d.asked = append(d.asked, r.Method+" "+r.URL.Path)
	d.bodies = append(d.bodies, body)
	lie := d.lie
	d.mu.Unlock()
	if lie == nil {
		page.ServeHTTP(w, r)
		return
	}
	told := httptest.NewRecorder()
	page.ServeHTTP(told, r)
	for k, v := range told.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(told.Code)
	_, _ = w.Write(lie(r.URL.Path, told.Body.Bytes()))
}

func (d *desk) lies(lie func(path string, page []byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lie = lie
}

// posted returns the bodies of all that was posted.
func (d *desk) posted() (out [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, a := range d.asked {
		if strings.HasPrefix(a, "POST ") {
			out = append(out, d.bodies[i])
		}
	}
	return out
}

// raise has a terminal report an incident, as real ones do.
func (d *desk) raise(name protocol.Terminal, id protocol.IncidentID, data protocol.IncidentData) {
	d.t.Helper()
	c := d.line(name)
	defer c.Close()
	_, err := c.Incident(d.t.Context(), protocol.NewEvent(id, name, protocol.At(time.Now()), data))
	d.must(err)
}

// line is a terminal's line to the centre.
func (d *desk) line(name protocol.Terminal) *centre.Client {
	d.t.Helper()
	a, err := d.world.Access(name)
	d.must(err)
	c, err := centre.New(centre.Config{URL: a.URL, Roots: a.Roots, Certificate: a.Certificate})
	d.must(err)
	return c
}

// mixedUp is what an incident of the gravest kind says.
func mixedUp() protocol.IncidentData {
	return protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up", Municipality: "991015", Transaction: protocol.NewTransaction(),
		Document: protocol.Digest{1, 2, 3}, Also: []string{"tag-mismatch"}}
}

// file is one of the files that the practice world hands out.
func (d *desk) file(name string) string { return filepath.Join(d.keys, name) }

// is asks the centre where an incident stands.
func (d *desk) is(name protocol.Terminal, id protocol.IncidentID, want string) {
	d.t.Helper()
	if got, ok := d.world.Incident(name, id); !ok || got != want {
		d.t.Errorf("%s is %q at the centre, want %q", id, got, want)
	}
}

// secret is the private part of a key's file, in the forms in which it could leave a browser.
func (d *desk) secret(name string) [][]byte {
	d.t.Helper()
	text, err := os.ReadFile(d.file(name))
	d.must(err)
	block, _ := pem.Decode(text)
	if block == nil {
		d.t.Fatal("no key in ", name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	d.must(err)
	raw, err := parsed.(*ecdsa.PrivateKey).Bytes()
	d.must(err)
	half := raw[:15] // whole groups of base64, wherever a line of the file ends
	return [][]byte{half, []byte(base64.StdEncoding.EncodeToString(half)), []byte(base64.RawURLEncoding.EncodeToString(half)), []byte(hex.EncodeToString(half)),
		text[80:92]}
}

// keptSecret fails the test if a key was in anything that was asked of the page.
func (d *desk) keptSecret(names ...string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	posts := 0
	for _, name := range names {
		for _, s := range d.secret(name) {
			for i, b := range d.bodies {
				if bytes.Contains(b, s) || strings.Contains(d.asked[i], string(s)) {
					d.t.Errorf("%s is in a request %q", name, d.asked[i])
				}
				if len(b) > 0 {
					posts++
				}
			}
		}
	}
	if posts == 0 {
		d.t.Error("nothing was posted at all")
	}
}

// form is an incident's page in a browser.
type form struct {
	*desk
	*touchtest.Browser
}

func (d *desk) open(b *touchtest.Browser, name protocol.Terminal, id protocol.IncidentID) form {
	d.t.Helper()
	b.Open(d.url + "/incidents/" + string(name) + "/" + string(id))
	b.Wait(`document.getElementById("act")?.hidden === false`)
	return form{d, b}
}

// with names the files of a key and of a certificate.
func (f form) with(key, certificate string) form {
	f.t.Helper()
	f.Upload("#key", f.file(key))
	f.Upload("#certificate", f.file(certificate))
	return f
}

// closes chooses to close with a cause.
func (f form) closes(cause string) form {
	f.t.Helper()
	f.Click(`input[value=closed]`)
	f.Type("#cause", cause)
	return f
}

// review looks what would be signed.
func (f form) review() string {
	f.t.Helper()
	f.Click("#look")
	f.Wait(`!document.getElementById("review").hidden`)
	return touchtest.Eval[string](f.Browser, `document.getElementById("signing").textContent`)
}

// send signs, and waits for what is said of it.
func (f form) send() string {
	f.t.Helper()
	f.Click("#send")
	f.Wait(`document.getElementById("done").textContent !== "" || document.getElementById("said").textContent !== ""`)
	return touchtest.Eval[string](f.Browser, `document.getElementById("done").textContent + document.getElementById("said").textContent`)
}

// refused presses the button and returns the complaint.
func (f form) refused() string {
	f.t.Helper()
	f.Click("#look")
	f.Wait(`document.getElementById("said").textContent !== ""`)
	if !touchtest.Eval[bool](f.Browser, `document.getElementById("review").hidden`) {
		f.t.Error("it could be signed all the same")
	}
	return touchtest.Eval[string](f.Browser, `document.getElementById("said").textContent`)
}
