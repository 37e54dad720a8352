package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
)

const here protocol.Terminal = "JP-14-000001"

var start = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

const year = 365 * 24 * time.Hour

// desk is the office that issues certificates, and one terminal's keys.
type desk struct {
	*testing.T
	ca   *sign.Pair
	keys *Keys
	now  time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, ca: authority(t, "Terminals"), now: start}
	d.keys = d.open(filepath.Join(t.TempDir(), "keys"))
	return d
}

func authority(t testing.TB, name string) *sign.Pair {
	t.Helper()
	ca, err := sign.NewCA(sign.Template{Name: name, NotBefore: start.Add(-time.Hour), NotAfter: start.Add(10 * year)})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func (d *desk) open(dir string) *Keys {
	d.Helper()
	k, err := Open(Options{Dir: dir, Terminal: here, Now: func() time.Time { return d.now }})
	if err != nil {
		d.Fatal(err)
	}
	return k
}

// issue makes a certificate of what is asked for, and then not quite.
func (d *desk) issue(request []byte, adjust ...func(*x509.Certificate)) *x509.Certificate {
	d.Helper()
	asked, err := ParseRequest(request)
	if err != nil {
		d.Fatal(err)
	}
	c, err := Issue(d.ca, asked, start, start.Add(year), adjust...)
	if err != nil {
		d.Fatal(err)
	}
	return c
}

func (d *desk) anchors() []*x509.Certificate { return []*x509.Certificate{d.ca.Certificate} }

func (d *desk) request(u Use, how How) []byte {
	d.Helper()
	r, err := d.keys.Request(u, how)
	if err != nil {
		d.Fatal(err)
	}
	return r
}

func (d *desk) install(c *x509.Certificate) {
	d.Helper()
	if _, err := d.keys.Install(c, d.anchors()); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) refuses(err error, want Code) {
	d.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Code != want {
		d.Errorf("want %s, got %v", want, err)
	}
}

// Enrolment, use, renewal beside the old key, and the switch.
func TestLife(t *testing.T) {
	d := newDesk(t)
	for _, u := range Uses() {
		_, err := d.keys.Request(u, Renew)
		d.refuses(err, Missing)
		first := d.request(u, First)
		if again, err := d.keys.Awaiting(u); err != nil || !bytes.Equal(again, first) {
			t.Error(err)
		}
		_, err = d.keys.use(u, nil)
		d.refuses(err, Missing)
		_, err = d.keys.Request(u, First)
		d.refuses(err, Waiting)
		old := d.issue(first)
		d.install(old)
		_, err = d.keys.Install(old, d.anchors())
		d.refuses(err, Here)
		_, err = d.keys.Request(u, First)
		d.refuses(err, Here)

		next := d.issue(d.request(u, Renew), func(c *x509.Certificate) { c.NotAfter = start.Add(2 * year) })
		if g, err := d.keys.use(u, d.anchors()); err != nil || !g.certificate.Equal(old) {
			t.Error("the old key is in force until the certificate comes", err)
		}
		d.install(next)
		if g, err := d.keys.use(u, d.anchors()); err != nil || !g.certificate.Equal(next) {
			t.Error("the new one is in force", err)
		}
		_, err = d.keys.Install(old, d.anchors())
		d.refuses(err, Unfit)
		if _, err := os.Stat(d.keys.place(u, 1)); !os.IsNotExist(err) {
			t.Error("the old key is still here", err)
		}
	}
	d.now = start.Add(2*year - 36*time.Hour)
	states, err := d.keys.Show()
	if err != nil || len(states) != 2 || states[0].Days != 1 || states[1].Key == (protocol.Digest{}) || states[1].Awaited != (protocol.Digest{}) {
		t.Errorf("%+v, %v", states, err)
	}
	d.now = start.Add(2*year + time.Hour)
	_, err = d.keys.TLS(nil)
	d.refuses(err, Expired)
	if states, _ := d.keys.Show(); states[0].Days != -1 {
		t.Error(states[0].Days, "days left after the end")
	}
}

// A request that is lost is made anew, with another key, and the first one's certificate fits nothing.
func TestAnew(t *testing.T) {
	d := newDesk(t)
	lost := d.issue(d.request(TLS, First))
	found := d.issue(d.request(TLS, Anew))
	_, err := d.keys.Install(lost, d.anchors())
	d.refuses(err, Unfit)
	d.install(found)
	if g, err := d.keys.use(TLS, d.anchors()); err != nil || g.number != 2 {
		t.Error(err)
	}
}

// A key that waits and is damaged keeps nothing from the one in force, and the next request takes its place.
func TestDamagedWhileItWaits(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"cut short": func(dir string) error { return os.Truncate(filepath.Join(dir, keyFile), 10) },
		"gone":      func(dir string) error { return os.Remove(filepath.Join(dir, keyFile)) },
		"no request": func(dir string) error {
			return os.Remove(filepath.Join(dir, requestFile))
		},
		"readable": func(dir string) error { return os.Chmod(filepath.Join(dir, keyFile), 0o644) },
	} {
		d := newDesk(t)
		d.install(d.issue(d.request(TLS, First)))
		lost := d.issue(d.request(TLS, Renew))
		if err := harm(d.keys.place(TLS, 2)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.keys.TLS(d.anchors()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if states, err := d.keys.Show(); err != nil || !states[0].Damaged || states[0].Awaited != (protocol.Digest{}) || states[1].Damaged {
			t.Errorf("%s: %+v, %v", name, states, err)
		}
		_, err := d.keys.Install(lost, d.anchors())
		d.refuses(err, Unfit)
		for _, how := range []How{Renew, Anew} {
			next := d.issue(d.request(TLS, how))
			if how == Anew {
				d.install(next)
			}
		}
		if states, err := d.keys.Show(); err != nil || states[0].Damaged {
			t.Errorf("%s: %+v, %v", name, states, err)
		}
	}
}

func TestCertificatesThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		adjust func(*x509.Certificate)
		want   Code
	}{
		"another terminal": {func(c *x509.Certificate) { c.Subject.CommonName = "JP-14-000002" }, OtherTerminal},
		"no name":          {func(c *x509.Certificate) { c.Subject.CommonName = "" }, OtherTerminal},
		"server":           {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, OtherUse},
		"the other use":    {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }, OtherUse},
		"both uses": {func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection}
		}, OtherUse},
		"any use":         {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, OtherUse},
		"no use":          {func(c *x509.Certificate) { c.ExtKeyUsage = nil }, OtherUse},
		"cannot sign":     {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, OtherUse},
		"a CA":            {func(c *x509.Certificate) { c.IsCA = true }, OtherUse},
		"over":            {func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Second) }, Expired},
		"not begun":       {func(c *x509.Certificate) { c.NotBefore = start.Add(time.Second) }, Expired},
		"as it should be": {func(*x509.Certificate) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			_, err := d.keys.Install(d.issue(d.request(TLS, First), c.adjust), d.anchors())
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			d.refuses(err, c.want)
			_, err = d.keys.TLS(d.anchors())
			d.refuses(err, Missing)
		})
	}
}

func TestAnotherAuthority(t *testing.T) {
	d := newDesk(t)
	ours := d.anchors()
	request := d.request(TLS, First)
	d.ca = authority(t, "Terminals") // the same name, another key
	_, err := d.keys.Install(d.issue(request), ours)
	d.refuses(err, Untrusted)
	if _, err := d.keys.Install(d.issue(request), nil); err != nil {
		t.Error("without anchors nothing is said of who issued it:", err)
	}
	_, err = d.keys.TLS(ours)
	d.refuses(err, Untrusted)
}

// What others can read or change is refused, whatever is in it.
func TestExposed(t *testing.T) {
	chmod := func(path string, mode os.FileMode) func(string) error {
		return func(dir string) error { return os.Chmod(filepath.Join(dir, path), mode) }
	}
	instead := func(path string, make func(string) error) func(string) error {
		return func(dir string) error {
			p := filepath.Join(dir, path)
			return errors.Join(os.Rename(p, p+".aside"), make(p))
		}
	}
	for name, c := range map[string]struct {
		do   func(dir string) error
		want Code
	}{
		"the directory":         {chmod("", 0o750), Exposed},
		"a generation":          {chmod("tls-0001", 0o711), Exposed},
		"the key, to the group": {chmod("tls-0001/key.pem", 0o640), Exposed},
		"the key, to all":       {chmod("tls-0001/key.pem", 0o604), Exposed},
		"the certificate":       {chmod("tls-0001/certificate.pem", 0o602), Exposed},
		"a link":                {instead("tls-0001/key.pem", func(p string) error { return os.Symlink(p+".aside", p) }), ""},
		"a linked directory":    {instead("tls-0001", func(p string) error { return os.Symlink(p+".aside", p) }), ""},
		"a pipe":                {instead("tls-0001/key.pem", func(p string) error { return unix.Mkfifo(p, 0o600) }), Exposed},
		"huge":                  {instead("tls-0001/key.pem", func(p string) error { return os.WriteFile(p, make([]byte, maxFile+1), 0o600) }), Malformed},
		"no key":                {instead("tls-0001/key.pem", func(p string) error { return os.WriteFile(p, []byte("no key"), 0o600) }), Malformed},
		"another's key":         {instead("tls-0001/key.pem", func(p string) error { return os.WriteFile(p, otherKey(t), 0o600) }), Unfit},
		"missing":               {instead("tls-0001/key.pem", func(string) error { return nil }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.install(d.issue(d.request(TLS, First)))
			if _, err := d.keys.TLS(d.anchors()); err != nil {
				t.Fatal(err)
			}
			if err := c.do(d.keys.o.Dir); err != nil {
				t.Fatal(err)
			}
			_, err := d.keys.TLS(d.anchors())
			if err == nil {
				t.Error("it was used")
			}
			if c.want != "" {
				d.refuses(err, c.want)
			}
		})
	}
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	k, err := sign.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Plain openssl issues the certificates, shows the key's fingerprint, and reads a message.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is missing")
		}
		t.Skip("openssl is missing")
	}
	d := newDesk(t)
	d.now = time.Now().Add(time.Hour) // openssl goes by the clock
	dir := t.TempDir()
	run := func(args ...string) string {
		c := exec.CommandContext(t.Context(), "openssl", args...)
		c.Dir = dir
		out, err := c.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v", args, err)
		}
		return string(out)
	}
	run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Terminals", "-days", "2")
	read := func(name string) *x509.Certificate {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCertificate(b)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	anchors := []*x509.Certificate{read("ca.pem")}
	for _, u := range Uses() {
		if err := os.WriteFile(filepath.Join(dir, "request.pem"), d.request(u, First), 0o600); err != nil {
			t.Fatal(err)
		}
		if said := run("req", "-in", "request.pem", "-noout", "-verify", "-subject"); !strings.Contains(said, string(here)) {
			t.Error(said)
		}
		run("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "1", "-copy_extensions", "copyall", "-out", "terminal.pem")
		if _, err := d.keys.Install(read("terminal.pem"), anchors); err != nil {
			t.Error(err)
		}
	}
	message, err := d.keys.Sign([]byte(`{"it":"says"}`), anchors)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "message.p7m"), message, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := run("cms", "-verify", "-binary", "-inform", "DER", "-in", "message.p7m", "-CAfile", "ca.pem"); said != `{"it":"says"}` {
		t.Error(said)
	}
}
