package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/trust/sign"
)

// practicePolicy has a practice world's policy signed by two keys of this start, and opens it as a production terminal
// opens one. The keys are made here, marked as practice, and gone when this returns.
func practicePolicy(text string, now time.Time) (*policy.Policy, error) {
	head := fmt.Sprintf("version = 1\nnot_before = %q\nexpires = %q\nterminals = [\"*\"]\n",
		now.Add(-time.Hour).UTC().Format(time.RFC3339), now.AddDate(1, 0, 0).UTC().Format(time.RFC3339))
	text = strings.Replace(text, "version = 1\n", head, 1) + "\n[policy_keys]\nthreshold = 2\n"
	names := []string{"practice-a", "practice-b"}
	var certs []*x509.Certificate
	var keys []*sign.Pair
	for _, name := range names {
		k, err := sign.NewCA(sign.Template{Name: name, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), Practice: true})
		if err != nil {
			return nil, err
		}
		keys, certs = append(keys, k), append(certs, k.Certificate)
		text += fmt.Sprintf("[[policy_keys.key]]\nname = %q\npem = %q\n", name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw}))
	}
	b := signed.Bundle{Text: []byte(text)}
	for i, k := range keys {
		o := k.Options(now)
		o.Detached = true
		der, err := sign.Sign(b.Text, o)
		if err != nil {
			return nil, err
		}
		b.Signatures = append(b.Signatures, signed.Signature{Name: names[i], DER: der})
	}
	rootText, err := signed.FormatRoot(len(names), names, certs)
	if err != nil {
		return nil, err
	}
	root, err := signed.ParseRoot(rootText)
	if err != nil {
		return nil, err
	}
	p, err := root.Open(b)
	if err != nil {
		return nil, err
	}
	return p.Policy, p.At(now)
}
