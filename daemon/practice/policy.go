package practice

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"honnin/daemon/practice/people"
)

// Policy returns the policy of this world, whole: the TOML that a terminal and "honnind verify" read, with every
// anchor inline.
func (w *World) Policy() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The practice world's policy. Its anchors bear the practice marker: no production terminal takes them.\n"+
		"version = 1\nclock_skew = \"5m\"\npackage_lifetime = \"15m\"\n\n[card]\nanchors = [%s]\n", inline(w.CardAnchors()...))
	for _, t := range people.Towns() {
		k, s := w.keys.Towns[t.Code], Software(t.Code)
		fmt.Fprintf(&b, "\n[[municipality]]\ncode = %q\nname = %q\nissuing_anchors = [%s]\nregister_anchors = [%s]\n",
			t.Code, t.Name.En, inline(k.IssuingCA.Certificate), inline(k.RegisterCA.Certificate))
		b.WriteString(w.sealedTo(t.Code))
		fmt.Fprintf(&b, "  [[municipality.software]]\n  name = %q\n  floor = \"1.4.0\"\n  fixes = [%q]\n", s.Name, s.Fixes[0])
	}
	b.WriteString(staff())
	b.WriteString(w.notices())
	return b.String()
}

// inline writes certificates as TOML strings of PEM.
func inline(certificates ...*x509.Certificate) string {
	var out []string
	for _, c := range certificates {
		out = append(out, `"""`+"\n"+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))+`"""`)
	}
	return strings.Join(out, ", ")
}
