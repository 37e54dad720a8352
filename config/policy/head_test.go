package policy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
)

// signable is good with a head: of its three keys office-a is a certificate and the others are bare.
var signable = `version = 7
not_before = "2026-12-01T00:00:00+09:00"
expires = "2027-03-31T23:59:59+09:00"
terminals = ["YOKOHAMA-*", "T-1"]
previous = "` + strings.Repeat("ab", 32) + `"
` + strings.Replace(strings.TrimPrefix(good, "version = 1\n"), "[card]", `[policy_keys]
threshold = 2
[[policy_keys.key]]
name = "office-a"
pem = "office-a.pem"
[[policy_keys.key]]
name = "office-b"
pem = "office-b.pem"
[[policy_keys.key]]
name = "office-c"
pem = "office-c.pem"
[card]`, 1)

func withKeys(t testing.TB, w *world) *sign.Pair {
	t.Helper()
	a := must[*sign.Pair](t)(sign.NewCA(template("Office A")))
	w.files["office-a.pem"] = toPEM(a.Certificate)
	for _, n := range []string{"office-b.pem", "office-c.pem"} {
		w.files[n] = publicPEM(t, must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public())
	}
	w.files["a-again.pem"] = publicPEM(t, a.Certificate.PublicKey)
	w.files["weak.pem"] = publicPEM(t, must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).Public())
	w.files["two.pem"] = append(bytes.Clone(w.files["office-b.pem"]), w.files["office-c.pem"]...)
	return a
}

func publicPEM(t testing.TB, key any) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must[[]byte](t)(x509.MarshalPKIXPublicKey(key))})
}

func TestHead(t *testing.T) {
	w := newWorld(t)
	a := withKeys(t, w)
	p := must[*policy.Policy](t)(policy.Parse([]byte(signable), w.load))
	h, ok := p.Head()
	if !ok || h.Version != 7 || h.Previous.String() != strings.Repeat("ab", 32) || h.Keys.Threshold != 2 || len(h.Keys.Keys) != 3 ||
		!h.NotBefore.Equal(time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)) || !h.Expires.Equal(time.Date(2027, 3, 31, 14, 59, 59, 0, time.UTC)) {
		t.Errorf("%+v", h)
	}
	if k := h.Keys.Keys[0]; k.Name != "office-a" || !k.Certificate.Equal(a.Certificate) || !bytes.Equal(k.SPKI, a.Certificate.RawSubjectPublicKeyInfo) {
		t.Error("the certificate's key")
	}
	block, _ := pem.Decode(w.files["office-b.pem"])
	if k := h.Keys.Keys[1]; k.Certificate != nil || !bytes.Equal(k.SPKI, block.Bytes) {
		t.Error("the bare key")
	}
	h.Keys.Keys[0].SPKI[0]++
	h.Terminals[0] = "*"
	if again, _ := p.Head(); again.Terminals[0] == "*" || again.Keys.Keys[0].SPKI[0] == h.Keys.Keys[0].SPKI[0] {
		t.Error("a caller changed the policy")
	}
	if h, ok := must[*policy.Policy](t)(policy.Parse([]byte(good), w.load)).Head(); ok || h.Version != 1 {
		t.Error("a policy without head has one")
	}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		target policy.Target
		at     protocol.Terminal
		want   bool
	}{
		{"*", "T-1", true}, {"T-*", "T-1", true}, {"T-*", "T-", true}, {"T-1", "T-1", true},
		{"T-1", "T-12", false}, {"T-12", "T-1", false}, {"T-*", "U-1", false}, {"T-*", "T", false}, {"*", "", false}, {"", "", false},
	} {
		if c.target.Matches(c.at) != c.want || (policy.Head{Terminals: []policy.Target{"X", c.target}}).Targets(c.at) != c.want {
			t.Errorf("%q at %q: want %v", c.target, c.at, c.want)
		}
	}
	if (policy.Head{}).Targets("T-1") {
		t.Error("no target means nobody")
	}
}

func TestHeadRefused(t *testing.T) {
	w := newWorld(t)
	withKeys(t, w)
	replace := func(old, new string) string {
		if !strings.Contains(signable, old) {
			t.Fatalf("%q is not in the example", old)
		}
		return strings.Replace(signable, old, new, 1)
	}
	previous := fmt.Sprintf("previous = %q\n", strings.Repeat("ab", 32))
	for name, c := range map[string]struct{ text, says string }{
		"version zero":       {replace("version = 7", "version = 0"), "line 1: version: must be a number from 1 to 9007199254740991"},
		"version negative":   {replace("version = 7", "version = -7"), "line 1: version: must be a number from 1"},
		"version too high":   {replace("version = 7", "version = 9007199254740992"), "line 1: version: must be a number from 1"},
		"only a version 2":   {replace(previous, ""), "previous: is missing"},
		"previous zero":      {replace(strings.Repeat("ab", 32), strings.Repeat("0", 64)), "previous: is missing"},
		"previous form":      {replace(previous, "previous = \"AB\"\n"), "line 5: previous: must be a SHA-256"},
		"previous of first":  {replace("version = 7", "version = 1"), "previous: version 1 has none"},
		"no not_before":      {replace("not_before = \"2026-12-01T00:00:00+09:00\"\n", ""), "not_before: is missing"},
		"no offset":          {replace("00:00:00+09:00", "00:00:00"), "line 2: not_before: must be an instant"},
		"fractions":          {replace("00:00:00+09:00", "00:00:00.5+09:00"), "must be an instant"},
		"expires at once":    {replace("2027-03-31T23:59:59", "2026-12-01T00:00:00"), "expires: must be after not_before"},
		"no expiry":          {replace("expires = \"2027-03-31T23:59:59+09:00\"\n", ""), "expires: is missing"},
		"no targets":         {replace(`["YOKOHAMA-*", "T-1"]`, "[]"), "line 4: terminals: must be a list"},
		"targets missing":    {replace("terminals = [\"YOKOHAMA-*\", \"T-1\"]\n", ""), `terminals: is missing; ["*"] means all`},
		"target form":        {replace("YOKOHAMA-*", "yokohama-*"), "line 4: terminals[1]: must be a terminal's name"},
		"star in the middle": {replace("YOKOHAMA-*", "YOKO*-1"), "must be a terminal's name"},
		"empty target":       {replace(`"T-1"`, `""`), "must be a terminal's name"},
		"no keys":            {signable[:strings.Index(signable, "[policy_keys]")] + signable[strings.Index(signable, "[card]"):], "policy_keys: is missing"},
		"threshold one":      {replace("threshold = 2", "threshold = 1"), "line 10: policy_keys.threshold: must be a number from 2 to 16"},
		"threshold four":     {replace("threshold = 2", "threshold = 4"), "policy_keys.threshold: must be from 2 to 3"},
		"unknown key":        {replace("threshold = 2", "treshold = 2"), "line 10: policy_keys.treshold: unknown key; allowed are threshold, key"},
		"unknown key's key":  {replace("name = \"office-a\"", "nam = \"office-a\""), "allowed are name, pem"},
		"name twice":         {replace("office-b\"", "office-a\""), "line 15: policy_keys.key[office-a].name: stands twice"},
		"key twice":          {replace("office-b.pem", "a-again.pem"), "line 16: policy_keys.key[office-b].pem: the same key stands twice"},
		"a person's name":    {replace("\"office-a\"", "\"Office A\""), "name: must be 1 to 64"},
		"weak":               {replace("office-b.pem", "weak.pem"), "curve"},
		"two in a file":      {replace("office-b.pem", "two.pem"), "one PEM block"},
		"a CRL":              {replace("office-b.pem", "issuing.crl"), "one PEM block"},
		"DER":                {replace("office-b.pem", "register-ca.der"), "one PEM block"},
		"garbage":            {replace("office-b.pem", "garbage.pem"), "does not decode"},
		"no file":            {replace("office-b.pem", "office.pem"), "file does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Parse([]byte(c.text), w.load)
			if err == nil || p != nil || !strings.HasPrefix(err.Error(), "policy: ") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("says %v, want %q", err, c.says)
			}
		})
	}
}
