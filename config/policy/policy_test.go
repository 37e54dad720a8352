package policy_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/sign"
)

var now = time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func template(name string) sign.Template {
	return sign.Template{Name: name, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
}

func toPEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// world is a small set of authorities and the files of a policy about them.
type world struct {
	card, issuing, register, signer *sign.Pair
	files                           map[string][]byte
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	w.card = must[*sign.Pair](t)(sign.NewCA(template("Card CA")))
	w.issuing = must[*sign.Pair](t)(sign.NewCA(template("Issuing CA")))
	w.register = must[*sign.Pair](t)(sign.NewCA(template("Register CA")))
	w.signer = must[*sign.Pair](t)(w.issuing.NewSigner("141003", template("Signer")))
	crl := must[*x509.RevocationList](t)(w.issuing.CRL(1, now.Add(-time.Hour), now.Add(time.Hour), w.signer.Certificate))
	w.files = map[string][]byte{
		"card-ca.pem": toPEM(w.card.Certificate), "issuing-ca.pem": toPEM(w.issuing.Certificate),
		"register-ca.der": w.register.Certificate.Raw, "signer.pem": toPEM(w.signer.Certificate),
		"issuing.crl": pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl.Raw}),
		"garbage.pem": []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
	}
	return w
}

func (w *world) load(name string) ([]byte, error) {
	b, ok := w.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

const good = `version = 1
clock_skew = "5m"
package_lifetime = "15m"

[card]
anchors = ["card-ca.pem"]

[[municipality]]
code = "141003"
name = "Practice City"
issuing_anchors  = ["issuing-ca.pem"]
register_anchors = ["register-ca.der"]
pinned_signers = []
revoked = []
crls = []
  [[municipality.software]]
  name = "practice-issuer"
  floor = "1.4.0"
  fixes = ["F-1", "F-2"]
  [[municipality.software]]
  name = "other-issuer"
  floor = "2.0.0-rc.1"

[[municipality]]
code = "131016"
name = "Practice Town"
pinned_signers = ["signer.pem"]
`

func TestParse(t *testing.T) {
	w := newWorld(t)
	p := must[*policy.Policy](t)(policy.Parse([]byte(good), w.load))
	if p.ClockSkew() != 5*time.Minute || p.PackageLifetime() != 15*time.Minute || p.PropagationLimit() != 24*time.Hour ||
		p.Latch() != (policy.Latch{Defective: 3, Within: time.Hour, All: 3}) {
		t.Error("numbers or defaults")
	}
	if c := p.CardAnchors(); len(c) != 1 || !c[0].Equal(w.card.Certificate) {
		t.Error("card anchors")
	}
	if n, ok := p.Municipality("141003"); n != "Practice City" || !ok {
		t.Error("name")
	}
	if n, ok := p.Municipality("999999"); n != "" || ok {
		t.Error("an unknown municipality has a name")
	}
	if m := p.Municipalities(); fmt.Sprint(m) != "[131016 141003]" {
		t.Error(m)
	}
	if p.Practice() {
		t.Error("no anchor here is a practice one")
	}
}

func TestGettersDoNotShare(t *testing.T) {
	w := newWorld(t)
	p := must[*policy.Policy](t)(policy.Parse([]byte(good), w.load))
	p.CardAnchors()[0] = nil
	p.Municipalities()[0] = ""
	if p.CardAnchors()[0] == nil || p.Municipalities()[0] == "" {
		t.Error("a caller changed the policy")
	}
}

func TestOptionalNumbers(t *testing.T) {
	w := newWorld(t)
	text := strings.Replace(good, "[card]", "crl_max_age = \"2h\"\npropagation_limit = \"0s\"\n[latch]\ndefective = 5\nwithin = \"30m\"\nall = 1\n[card]", 1)
	p := must[*policy.Policy](t)(policy.Parse([]byte(text), w.load))
	if p.PropagationLimit() != 0 || p.Latch() != (policy.Latch{Defective: 5, Within: 30 * time.Minute, All: 1}) {
		t.Error("not as written")
	}
}

func TestRefused(t *testing.T) {
	w := newWorld(t)
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the example", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct{ text, says string }{
		"not TOML":            {"version = ", "line 1"},
		"empty":               {"", "version"},
		"version":             {replace("version = 1", "version = 0"), "line 1: version: must be a number from 1 to"},
		"version type":        {replace("version = 1", `version = "1"`), "line 1"},
		"unknown key":         {replace("package_lifetime", "packet_lifetime"), "line 3: packet_lifetime: unknown key; allowed are version, not_before"},
		"unknown card key":    {replace("anchors = [\"card", "anchor = [\"card"), "line 6: card.anchor: unknown key; allowed are anchors"},
		"unknown city key":    {replace("revoked", "revocked"), "line 14: municipality[141003].revocked: unknown key; allowed are code, name"},
		"unknown sw key":      {replace("floor = \"1", "flor = \"1"), "line 18: municipality[141003].software[practice-issuer].flor: unknown key; allowed are name, floor, fixes"},
		"unknown latch key":   {replace("[card]", "[latch]\nwithn = \"1h\"\n[card]"), "allowed are defective, within, all"},
		"double key":          {replace("version = 1", "version = 1\nversion = 1"), "line 2"},
		"no skew":             {replace(`clock_skew = "5m"`, ""), "clock_skew: is missing"},
		"skew form":           {replace(`"5m"`, `"5 minutes"`), "line 2: clock_skew: must be a duration"},
		"negative skew":       {replace(`"5m"`, `"-5m"`), "line 2"},
		"skew too long":       {replace(`"5m"`, `"61m"`), "line 2: clock_skew: must be a duration such as \"90s\", \"5m\", \"24h\", from 0s to 1h"},
		"no lifetime":         {replace(`package_lifetime = "15m"`, ""), "package_lifetime: is missing"},
		"lifetime zero":       {replace(`"15m"`, `"0s"`), "package_lifetime: must be"},
		"latch zero":          {replace("[card]", "[latch]\ndefective = 0\n[card]"), "latch.defective: must be a number from 1 to 1000"},
		"latch never all":     {replace("[card]", "[latch]\nall = 0\n[card]"), "latch.all: must be a number from 1 to 1000"},
		"latch no time":       {replace("[card]", "[latch]\nwithin = \"0s\"\n[card]"), "latch.within"},
		"no card anchors":     {replace(`["card-ca.pem"]`, `[]`), "card.anchors: must be a list"},
		"card file missing":   {replace("card-ca.pem", "card.pem"), "line 6: card.anchors[1]: file does not exist"},
		"no municipality":     {good[:strings.Index(good, "[[municipality]]")], "municipality: is missing; a list of tables"},
		"code form":           {replace("141003", "14100"), "line 9: municipality[1].code: must be a code of six digits"},
		"no code":             {replace(`code = "141003"`, ""), "code: is missing"},
		"code twice":          {replace("131016", "141003"), "line 25: municipality[141003].code: stands twice"},
		"no name":             {replace(`name = "Practice City"`, ""), "name: is missing"},
		"no issuer":           {replace(`["signer.pem"]`, `[]`), "line 24: municipality[131016].issuing_anchors: at least one"},
		"garbage certificate": {replace("issuing-ca.pem", "garbage.pem"), "line 11: municipality[141003].issuing_anchors[1]: "},
		"CRL as anchor":       {replace("issuing-ca.pem", "issuing.crl"), "line 11: municipality[141003].issuing_anchors[1]: "},
		"anchor as CRL":       {replace("crls = []", `crls = ["issuing-ca.pem"]`), "line 15: municipality[141003].crls[1]: "},
		"revoked form":        {replace("revoked = []", `revoked = ["AB"]`), "line 14: municipality[141003].revoked[1]: must be a SHA-256"},
		"floor form":          {replace(`"1.4.0"`, `"1.4"`), "line 18: municipality[141003].software[practice-issuer].floor: must be a semantic version"},
		"floor missing":       {replace(`floor = "1.4.0"`, ""), "floor: is missing"},
		"software twice":      {replace("other-issuer", "practice-issuer"), "software[practice-issuer].name: stands twice"},
		"software no name":    {replace(`name = "other-issuer"`, ""), "software[2].name: is missing"},
		"pin of two":          {replace("pinned_signers = []", `pinned_signers = ["signer.pem"]`), "also"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Parse([]byte(c.text), w.load)
			if err == nil || p != nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "policy: ") && !strings.HasPrefix(err.Error(), "trust: ") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("says %q, want %q", err, c.says)
			}
		})
	}
}

func TestInlinePEMWithoutFiles(t *testing.T) {
	w := newWorld(t)
	inline := func(b []byte) string { return fmt.Sprintf("'''\n%s'''", b) }
	text := fmt.Sprintf("version=1\nclock_skew=\"1m\"\npackage_lifetime=\"1m\"\n[card]\nanchors=[%s]\n[[municipality]]\ncode=\"141003\"\nname=\"x\"\nissuing_anchors=[%s]\ncrls=[%s]\n",
		inline(w.files["card-ca.pem"]), inline(toPEM(w.issuing.Certificate, w.register.Certificate)), inline(w.files["issuing.crl"]))
	must[*policy.Policy](t)(policy.Parse([]byte(text), nil))
	if _, err := policy.Parse([]byte(good), nil); err == nil {
		t.Error("a file was found without a loader")
	}
}

func TestLoad(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	for name, b := range w.files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write := func(text string) string {
		path := filepath.Join(dir, "policy.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	must[*policy.Policy](t)(policy.Load(write(good)))
	for _, name := range []string{"../card-ca.pem", "/etc/passwd", "sub/card-ca.pem", ".", ".."} {
		if _, err := policy.Load(write(strings.Replace(good, "card-ca.pem", name, 1))); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := policy.Load(filepath.Join(dir, "none.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestStoresAreSeparate(t *testing.T) {
	w := newWorld(t)
	p := must[*policy.Policy](t)(policy.Parse([]byte(good), w.load))
	registrar := must[*sign.Pair](t)(w.register.NewSigner("141003", template("Register")))
	issuer := must[*sign.Pair](t)(w.issuing.NewSigner("141003", template("Issuer")))
	for _, c := range []struct {
		name  string
		by    *sign.Pair
		store *trust.Store
		want  reason.Code
	}{
		{"issuer as issuer", issuer, p.IssuingStore(), ""},
		{"register as register", registrar, p.RegisterStore("141003"), ""},
		{"register as issuer", registrar, p.IssuingStore(), reason.SignerUntrusted},
		{"issuer as register", issuer, p.RegisterStore("141003"), reason.SignerUntrusted},
		{"register of another city", registrar, p.RegisterStore("131016"), reason.SignerUntrusted},
		{"register of nowhere", registrar, p.RegisterStore("999999"), reason.SignerUntrusted},
		{"pinned signer", w.signer, p.IssuingStore(), ""},
	} {
		der := must[[]byte](t)(sign.Sign([]byte("x"), c.by.Options(now)))
		_, who, err := trust.Verify(der, c.store, now, now, 0)
		if reason.Of(err) != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.by == w.signer && (!who.Pinned || who.Municipality != "131016") {
			t.Errorf("%s: %+v", c.name, who.Municipality)
		}
	}
}

func TestRevokedAndCRL(t *testing.T) {
	w := newWorld(t)
	der := must[[]byte](t)(sign.Sign([]byte("x"), w.signer.Options(now)))
	registrar := must[*sign.Pair](t)(w.register.NewSigner("141003", template("Register")))
	answer := must[[]byte](t)(sign.Sign([]byte("x"), registrar.Options(now)))
	base := good[:strings.LastIndex(good, "[[municipality]]")]
	for name, text := range map[string]string{
		"list": strings.Replace(base, "revoked = []", fmt.Sprintf("revoked = [%q, %q]",
			protocol.Fingerprint(w.signer.Certificate.Raw), protocol.Fingerprint(registrar.Certificate.Raw)), 1),
		"crl": strings.Replace(base, "crls = []", `crls = ["issuing.crl"]`, 1),
	} {
		p := must[*policy.Policy](t)(policy.Parse([]byte(text), w.load))
		if _, _, err := trust.Verify(der, p.IssuingStore(), now, now, 0); reason.Of(err) != reason.SignerRevoked {
			t.Errorf("%s: %v", name, err)
		}
		_, _, err := trust.Verify(answer, p.RegisterStore("141003"), now, now, 0)
		if want := map[string]reason.Code{"list": reason.SignerRevoked}[name]; reason.Of(err) != want {
			t.Errorf("%s, register: %v", name, err)
		}
	}
}

func TestCheckFresh(t *testing.T) {
	w := newWorld(t)
	text := strings.Replace(good, "crls = []", `crls = ["issuing.crl"]`, 1)
	p := must[*policy.Policy](t)(policy.Parse([]byte("crl_max_age = \"2h\"\n"+text), w.load))
	issued := now.Add(-time.Hour)
	for at, fresh := range map[time.Time]bool{
		issued: true, issued.Add(2 * time.Hour): true, issued.Add(2*time.Hour + time.Second): false,
		issued.Add(-5 * time.Minute): true, issued.Add(-5*time.Minute - time.Second): false,
	} {
		if err := p.CheckFresh("141003", at); (err == nil) != fresh {
			t.Errorf("%s: %v", at, err)
		}
	}
	if p.CheckFresh("131016", now.Add(1000*time.Hour)) != nil {
		t.Error("a municipality without CRLs is stale")
	}
	if p.CheckFresh("999999", now) == nil {
		t.Error("an unknown municipality is fresh")
	}
}

func TestCheckSoftware(t *testing.T) {
	w := newWorld(t)
	p := must[*policy.Policy](t)(policy.Parse([]byte(good), w.load))
	both := []string{"F-0", "F-2", "F-1"}
	for _, c := range []struct {
		code protocol.Municipality
		s    protocol.Software
		ok   bool
	}{
		{"141003", protocol.Software{Name: "practice-issuer", Version: "1.4.0", Fixes: both}, true},
		{"141003", protocol.Software{Name: "practice-issuer", Version: "1.10.0", Fixes: both}, true},
		{"141003", protocol.Software{Name: "practice-issuer", Version: "1.3.9", Fixes: both}, false},
		{"141003", protocol.Software{Name: "practice-issuer", Version: "1.4.0-rc.1", Fixes: both}, false},
		{"141003", protocol.Software{Name: "practice-issuer", Version: "1.4.0+b.7", Fixes: both}, true},
		{"141003", protocol.Software{Name: "practice-issuer", Version: "1.4.0", Fixes: both[:2]}, false},
		{"141003", protocol.Software{Name: "practice-issuer", Version: "new", Fixes: both}, false},
		{"141003", protocol.Software{Name: "Practice-Issuer", Version: "1.4.0", Fixes: both}, false},
		{"141003", protocol.Software{Name: "", Version: "1.4.0", Fixes: both}, false},
		{"141003", protocol.Software{Name: "other-issuer", Version: "2.0.0"}, true},
		{"141003", protocol.Software{Name: "other-issuer", Version: "2.0.0-rc.0"}, false},
		{"131016", protocol.Software{Name: "any", Version: "0.0.1"}, true},
		{"999999", protocol.Software{Name: "any", Version: "0.0.1"}, false},
	} {
		err := p.CheckSoftware(c.code, c.s)
		if (err == nil) != c.ok || !c.ok && reason.Of(err) != reason.IssuerUnpatched {
			t.Errorf("%s %+v: %v", c.code, c.s, err)
		}
	}
}

func TestPracticeAnchorIsSeenWhereverItStands(t *testing.T) {
	w := newWorld(t)
	mark := template("Practice CA")
	mark.Practice = true
	ca := must[*sign.Pair](t)(sign.NewCA(mark))
	for name := range map[string]bool{"card-ca.pem": true, "issuing-ca.pem": true, "register-ca.der": true, "signer.pem": true} {
		kept := w.files[name]
		w.files[name] = ca.Certificate.Raw
		p := must[*policy.Policy](t)(policy.Parse([]byte(good), w.load))
		if !p.Practice() {
			t.Errorf("%s: a practice anchor went unseen", name)
		}
		w.files[name] = kept
	}
}

func FuzzParse(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte(good))
	f.Add([]byte("version = 1"))
	f.Add([]byte("[[municipality]]\n[[municipality.software]]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := policy.Parse(b, w.load)
		if (p == nil) == (err == nil) {
			t.Fatal("neither a policy nor an error, or both")
		}
		if p != nil && (len(p.CardAnchors()) == 0 || len(p.Municipalities()) == 0 || p.ClockSkew() < 0 || p.PackageLifetime() <= 0) {
			t.Fatal("half a policy")
		}
	})
}
