package trust_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

// The message that every forgery starts from must itself be good; otherwise the table proves nothing.
func TestForgeAgreesWithSign(t *testing.T) {
	w := newWorld(t)
	w.expect(t, w.forge(w.signer).DER(), w.store)
	w.expect(t, w.sign(w.signer), w.store)
}

func TestMalformed(t *testing.T) {
	w := newWorld(t)
	good := w.forge(w.signer).DER()
	changed := func(change func(*forge.CMS)) []byte {
		c := w.forge(w.signer)
		change(c)
		return c.DER()
	}
	weird := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	for name, der := range map[string][]byte{
		"empty":               {},
		"one byte":            {0x30},
		"trailing byte":       append(slices.Clone(good), 0),
		"trailing message":    append(slices.Clone(good), good...),
		"cut short":           good[:len(good)-1],
		"indefinite length":   forge.Indefinite(good),
		"long length":         append([]byte{0x30, 0x84, 0, 0, 0}, good[2:]...),
		"nested indefinite":   bytes.Repeat([]byte{0x30, 0x80}, 4<<20),
		"nested definite":     nested(5000),
		"high tag number":     {0x30, 0x04, 0x3f, 0x81, 0x00, 0x00},
		"PEM":                 []byte("-----BEGIN CMS-----\n"),
		"not SignedData":      forge.Sequence(forge.OID(forge.Data), forge.TLV(0xa0, forge.OctetString(content))),
		"no content info":     forge.Sequence(forge.OID(forge.SignedData)),
		"version 0":           changed(func(c *forge.CMS) { c.Version = 0 }),
		"version 3":           changed(func(c *forge.CMS) { c.Version = 3 }),
		"content type":        changed(func(c *forge.CMS) { c.ContentType = weird }),
		"detached":            changed(func(c *forge.CMS) { c.Content = nil }),
		"certs only":          changed(func(c *forge.CMS) { c.Content, c.Digests, c.Signers = nil, nil, nil }),
		"CRLs inside":         changed(func(c *forge.CMS) { c.CRLs = [][]byte{} }),
		"CRL inside":          changed(func(c *forge.CMS) { c.CRLs = [][]byte{w.crl(t)} }),
		"certificate twice":   changed(func(c *forge.CMS) { c.Certificates = append(c.Certificates, c.Certificates[0]) }),
		"certificate garbage": changed(func(c *forge.CMS) { c.Certificates = append(c.Certificates, forge.Sequence(forge.Null())) }),
		"certificate not one": changed(func(c *forge.CMS) { c.Certificates = append(c.Certificates, forge.TLV(0xa1, forge.Null())) }),
		"certificates BER order": changed(func(c *forge.CMS) {
			slices.SortFunc(c.Certificates, func(a, b []byte) int { return bytes.Compare(b, a) })
			c.Unsorted = true
		}),
		"65 certificates":  changed(func(c *forge.CMS) { c.Certificates = w.manyCertificates(65) }),
		"signer version 3": changed(func(c *forge.CMS) { c.Signers[0].Version = 3 }),
		"signer by key id": changed(func(c *forge.CMS) { c.Signers[0].Name = forge.TLV(0x80, w.signer.Certificate.SubjectKeyId) }),
		"attributes BER order": changed(func(c *forge.CMS) {
			s := c.Signers[0]
			s.Unsorted = true
			slices.Reverse(s.Attributes)
			s.Add(forge.ContentType)
		}),
		"digest not one":       changed(func(c *forge.CMS) { c.Signers[0].Digest = forge.Null() }),
		"65 digest algorithms": changed(func(c *forge.CMS) { c.Digests = slices.Repeat(c.Digests, 65) }),
		"65 signers":           changed(func(c *forge.CMS) { c.Signers = slices.Repeat(c.Signers, 65) }),
		"65 attributes": changed(func(c *forge.CMS) {
			for range 61 {
				c.Signers[0].Add(forge.SMIMECapabilities, forge.Sequence())
			}
		}),
		"behind the signers": changed(func(c *forge.CMS) { c.After = forge.Null() }),
		"too large":          w.forgeContent(make([]byte, trust.MaxPackage)).DER(),
	} {
		t.Run(name, func(t *testing.T) { w.expect(t, der, w.store, reason.PackageMalformed) })
	}
}

func nested(depth int) []byte {
	der := forge.Null()
	for range depth {
		der = forge.Sequence(der)
	}
	return der
}

func (w *world) crl(t testing.TB) []byte {
	return must[*x509.RevocationList](t)(w.mid.CRL(1, now, now.Add(time.Hour))).Raw
}

func (w *world) manyCertificates(n int) (out [][]byte) {
	for i := range n {
		out = append(out, w.issue(w.mid, key(w.signer.Key), valid(-time.Duration(i+1)*time.Second, time.Hour)).Certificate.Raw)
	}
	return out
}

func (w *world) forgeContent(content []byte) *forge.CMS {
	return forge.New(content, w.signer.Certificate, w.signer.Key, crypto.SHA256, now)
}

// The limit is of the package, and what just fits is read.
func TestLargest(t *testing.T) {
	w := newWorld(t)
	w.signer = w.issue(w.mid, key(rsa2048())) // its signatures are all of one length
	overhead := len(w.forgeContent(make([]byte, 15<<20)).DER()) - 15<<20
	body := make([]byte, trust.MaxPackage-overhead)
	der := w.forgeContent(body).DER()
	if len(der) != trust.MaxPackage {
		t.Fatalf("%d bytes, want %d", len(der), trust.MaxPackage)
	}
	m := must[*trust.Message](t)(trust.Parse(der))
	if len(m.Content()) != len(body) {
		t.Error("content cut")
	}
}

// Each case spoils one thing of a good message; findings are all that the rows may say.
func TestForgeries(t *testing.T) {
	w := newWorld(t)
	inv, wk := reason.SignatureInvalid, reason.SignatureWeak
	type s = *forge.Signer
	for name, c := range map[string]struct {
		spoil func(*forge.CMS, s)
		want  []reason.Code
	}{
		"no signer":      {func(c *forge.CMS, _ s) { c.Signers = nil }, []reason.Code{inv}},
		"two signers":    {func(c *forge.CMS, _ s) { c.Signers = append(c.Signers, w.forge(w.otherSigner).Signers[0]) }, []reason.Code{inv}},
		"the same twice": {func(c *forge.CMS, a s) { c.Signers = append(c.Signers, a) }, []reason.Code{inv}},
		"unsigned attribute": {func(_ *forge.CMS, a s) {
			a.Unsigned = []forge.Attribute{{Name: forge.TimeStampToken, Values: [][]byte{forge.Null()}}}
		}, []reason.Code{inv}},
		"empty unsigned":       {func(_ *forge.CMS, a s) { a.Unsigned = []forge.Attribute{} }, []reason.Code{inv}},
		"no certificate":       {func(c *forge.CMS, _ s) { c.Certificates = nil }, []reason.Code{inv}},
		"only the CA":          {func(c *forge.CMS, _ s) { c.Certificates = c.Certificates[1:] }, []reason.Code{inv}},
		"names another":        {func(_ *forge.CMS, a s) { a.Name = w.forge(w.otherSigner).Signers[0].Name }, []reason.Code{inv}},
		"no attributes":        {func(_ *forge.CMS, a s) { a.Bare = true; a.Attributes = nil }, []reason.Code{inv}},
		"empty attributes":     {func(_ *forge.CMS, a s) { a.Attributes = nil }, []reason.Code{inv}},
		"no content-type":      {func(_ *forge.CMS, a s) { a.Drop(forge.ContentType) }, []reason.Code{inv}},
		"no message-digest":    {func(_ *forge.CMS, a s) { a.Drop(forge.MessageDigest) }, []reason.Code{inv}},
		"no signing-time":      {func(_ *forge.CMS, a s) { a.Drop(forge.SigningTime) }, []reason.Code{inv}},
		"no signing-cert":      {func(_ *forge.CMS, a s) { a.Drop(forge.SigningCertificate) }, []reason.Code{inv}},
		"content-type wrong":   {func(_ *forge.CMS, a s) { a.Set(forge.ContentType, forge.OID(forge.SignedData)) }, []reason.Code{inv}},
		"content-type garbled": {func(_ *forge.CMS, a s) { a.Set(forge.ContentType, forge.Null()) }, []reason.Code{inv}},
		"content-type twice":   {func(_ *forge.CMS, a s) { a.Add(forge.ContentType, forge.OID(forge.Data)) }, []reason.Code{inv}},
		"two content-types":    {func(_ *forge.CMS, a s) { a.Set(forge.ContentType, forge.OID(forge.Data), forge.OID(forge.Data)) }, []reason.Code{inv}},
		"digest twice":         {func(_ *forge.CMS, a s) { a.Add(forge.MessageDigest, forge.OctetString(make([]byte, 32))) }, []reason.Code{inv}},
		"digest wrong":         {func(_ *forge.CMS, a s) { a.Set(forge.MessageDigest, forge.OctetString(make([]byte, 32))) }, []reason.Code{inv}},
		"digest short":         {func(_ *forge.CMS, a s) { a.Set(forge.MessageDigest, forge.OctetString(nil)) }, []reason.Code{inv}},
		"digest garbled":       {func(_ *forge.CMS, a s) { a.Set(forge.MessageDigest, forge.Null()) }, []reason.Code{inv}},
		"no value":             {func(_ *forge.CMS, a s) { a.Set(forge.MessageDigest) }, []reason.Code{inv}},
		"time twice":           {func(_ *forge.CMS, a s) { a.Add(forge.SigningTime, forge.UTCTime(now)) }, []reason.Code{inv}},
		"two times":            {func(_ *forge.CMS, a s) { a.Set(forge.SigningTime, forge.UTCTime(now), forge.UTCTime(now.Add(1))) }, []reason.Code{inv}},
		"time generalized":     {func(_ *forge.CMS, a s) { a.Set(forge.SigningTime, forge.TLV(0x18, []byte("20261121020305Z"))) }, []reason.Code{inv}},
		"time without seconds": {func(_ *forge.CMS, a s) { a.Set(forge.SigningTime, forge.TLV(0x17, []byte("2611210203Z"))) }, []reason.Code{inv}},
		"time with offset":     {func(_ *forge.CMS, a s) { a.Set(forge.SigningTime, forge.TLV(0x17, []byte("261121110305+0900"))) }, []reason.Code{inv}},
		"time garbled":         {func(_ *forge.CMS, a s) { a.Set(forge.SigningTime, forge.TLV(0x17, []byte("2611210203 5Z"))) }, []reason.Code{inv}},
		"unknown attribute":    {func(_ *forge.CMS, a s) { a.Add(asn1.ObjectIdentifier{2, 25, 1}, forge.Null()) }, []reason.Code{inv}},
		"SMIME capabilities":   {func(_ *forge.CMS, a s) { a.Add(forge.SMIMECapabilities, forge.Sequence()) }, nil},
		"signing-cert twice": {func(_ *forge.CMS, a s) {
			a.Add(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, w.mid.Certificate.Raw)))
		}, []reason.Code{inv}},
		"signing-cert of another": {func(_ *forge.CMS, a s) {
			a.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, w.mid.Certificate.Raw)))
		}, []reason.Code{inv}},
		"signing-cert empty": {func(_ *forge.CMS, a s) { a.Set(forge.SigningCertificate, forge.SigningCertificateV2()) }, []reason.Code{inv}},
		"signing-cert of two": {func(_ *forge.CMS, a s) {
			a.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, w.signer.Certificate.Raw), forge.ESSCertID(crypto.SHA256, w.mid.Certificate.Raw)))
		}, []reason.Code{inv}},
		"signing-cert other hash": {func(_ *forge.CMS, a s) {
			a.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA512, w.signer.Certificate.Raw)))
		}, []reason.Code{wk}},
		"signing-cert with SHA-1": {func(_ *forge.CMS, a s) {
			a.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA1, w.signer.Certificate.Raw)))
		}, []reason.Code{wk}},
		"signing-cert explicit default": {func(_ *forge.CMS, a s) {
			digest := crypto.SHA256.New()
			digest.Write(w.signer.Certificate.Raw)
			a.Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.Sequence(forge.Algorithm(forge.HashOf[crypto.SHA256], forge.Null()), forge.OctetString(digest.Sum(nil)))))
		}, nil},
		"signing-cert issuer": {func(_ *forge.CMS, a s) {
			a.Set(forge.SigningCertificate, w.essWithIssuer(w.signer.Certificate.RawIssuer, 0))
		}, nil},
		"signing-cert wrong issuer": {func(_ *forge.CMS, a s) {
			a.Set(forge.SigningCertificate, w.essWithIssuer(w.otherRoot.Certificate.RawSubject, 0))
		}, []reason.Code{inv}},
		"signing-cert wrong serial": {func(_ *forge.CMS, a s) {
			a.Set(forge.SigningCertificate, w.essWithIssuer(w.signer.Certificate.RawIssuer, 1))
		}, []reason.Code{inv}},
		"signature of another key": {func(_ *forge.CMS, a s) { a.Key = w.otherSigner.Key }, []reason.Code{inv}},
		"signature garbage":        {func(_ *forge.CMS, a s) { a.Signature = []byte{1} }, []reason.Code{inv}},
		"signature empty":          {func(_ *forge.CMS, a s) { a.Signature = []byte{} }, []reason.Code{inv}},
		"content changed":          {func(c *forge.CMS, _ s) { c.Content = []byte("another") }, []reason.Code{inv}},
		"two hashes listed":        {func(c *forge.CMS, _ s) { c.Digests = append(c.Digests, forge.Algorithm(forge.HashOf[crypto.SHA512])) }, []reason.Code{wk}},
		"no hash listed":           {func(c *forge.CMS, _ s) { c.Digests = nil }, []reason.Code{wk}},
		"other hash listed":        {func(c *forge.CMS, _ s) { c.Digests[0] = forge.Algorithm(forge.HashOf[crypto.SHA512]) }, []reason.Code{wk}},
		"hash parameters":          {func(_ *forge.CMS, a s) { a.Digest = forge.Algorithm(forge.HashOf[crypto.SHA256], forge.Integer(1)) }, []reason.Code{wk}},
		"hash with NULL":           {func(_ *forge.CMS, a s) { a.Digest = forge.Algorithm(forge.HashOf[crypto.SHA256], forge.Null()) }, nil},
		"signature parameters": {func(_ *forge.CMS, a s) {
			a.Algorithm = append(a.Algorithm[:1:1], append([]byte{a.Algorithm[1] + 2}, append(a.Algorithm[2:], 5, 0)...)...)
		}, []reason.Code{wk}},
		"signature hash differs": {func(_ *forge.CMS, a s) {
			a.Algorithm = forge.Algorithm(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4})
			a.Hash = crypto.SHA512
		}, []reason.Code{wk}},
	} {
		t.Run(name, func(t *testing.T) {
			m := w.forge(w.signer)
			c.spoil(m, m.Signers[0])
			w.expect(t, m.DER(), w.store, c.want...)
		})
	}
}

func (w *world) essWithIssuer(issuer []byte, plus int64) []byte {
	serial := w.signer.Certificate.SerialNumber
	if plus != 0 {
		serial = w.otherSigner.Certificate.SerialNumber
	}
	encoded := must[[]byte](w.t)(asn1.Marshal(serial))
	names := forge.Sequence(forge.Sequence(forge.TLV(0xa4, issuer)), encoded)
	return forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, w.signer.Certificate.Raw, names))
}

// Attribute confusion: what was once signed as attributes is handed out as a content, and the other way round.
func TestConfusion(t *testing.T) {
	w := newWorld(t)
	good := w.forge(w.signer)
	var signed []byte // the very bytes under the good signature
	for _, a := range good.Signers[0].Attributes {
		signed = append(signed, forge.Sequence(forge.OID(a.Name), forge.TLV(0x31, a.Values...))...)
	}
	confused := forge.New(forge.TLV(0x31, signed), w.signer.Certificate, w.signer.Key, crypto.SHA256, now)
	confused.Certificates = good.Certificates
	confused.Signers[0].Bare = true
	w.expect(t, confused.DER(), w.store, reason.SignatureInvalid)

	// A signature over a bare content that reads as attributes does verify as attributes, but they speak of no content.
	other := w.forge(w.signer)
	other.Content = []byte("something else")
	w.expect(t, other.DER(), w.store, reason.SignatureInvalid)
}

// Two certificates with the signer's name and number: whose the signature is must not be a matter of choice.
func TestAmbiguousSigner(t *testing.T) {
	w := newWorld(t)
	twin := w.issue(w.mid, func(t *sign.Template) {
		t.Adjust = func(c *x509.Certificate) { c.SerialNumber = w.signer.Certificate.SerialNumber }
	})
	c := w.forge(w.signer)
	c.Certificates = append(c.Certificates, twin.Certificate.Raw)
	w.expect(t, c.DER(), w.store, reason.SignatureInvalid)
}

// Every byte of a package matters: no single changed byte is accepted.
func TestEveryByteCounts(t *testing.T) {
	w := newWorld(t)
	root := w.ca(nil, "P-256 Root") // P-384 would make this ten times as slow
	s := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{root.Certificate}})
	good := w.sign(w.issue(w.ca(root, "P-256 CA")))
	for i := range good {
		for _, mask := range []byte{0x01, 0x80} {
			der := slices.Clone(good)
			der[i] ^= mask
			if _, _, err := trust.Verify(der, s, began, now, skew); reason.Of(err) == "" {
				t.Fatalf("byte %d changed by %#x: %v", i, mask, err)
			}
		}
	}
}

func TestSigningTimes(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		signed time.Time
		want   []reason.Code
	}{
		{began, nil}, {began.Add(-skew), nil}, {began.Add(-skew - time.Second), []reason.Code{reason.PackageStale}},
		{now.Add(skew), nil}, {now.Add(skew + time.Second), []reason.Code{reason.PackageStale}},
		{w.signer.Certificate.NotBefore, []reason.Code{reason.PackageStale}},
		{w.signer.Certificate.NotBefore.Add(-time.Second), []reason.Code{reason.SignerExpired, reason.PackageStale}},
		{w.signer.Certificate.NotAfter, []reason.Code{reason.PackageStale}},
		{w.signer.Certificate.NotAfter.Add(time.Second), []reason.Code{reason.SignerExpired, reason.PackageStale}},
	} {
		der := forge.New(content, w.signer.Certificate, w.signer.Key, crypto.SHA256, c.signed)
		der.Certificates = append(der.Certificates, w.mid.Certificate.Raw)
		if got := findings(rows(t, der.DER(), w.store, now)); !slices.Equal(got, c.want) {
			t.Errorf("signed %s: %v, want %v", c.signed, got, c.want)
		}
	}
}

// The century of a two-digit year is RFC 5652's, and other years want GeneralizedTime.
func TestCenturies(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		value []byte
		want  string
	}{
		{forge.TLV(0x17, []byte("491231235959Z")), "2049-12-31T23:59:59Z"},
		{forge.TLV(0x17, []byte("500101000000Z")), "1950-01-01T00:00:00Z"},
		{forge.TLV(0x18, []byte("20500101000000Z")), "2050-01-01T00:00:00Z"},
		{forge.TLV(0x18, []byte("19491231235959Z")), "1949-12-31T23:59:59Z"},
		{forge.TLV(0x18, []byte("20491231235959Z")), ""},
		{forge.TLV(0x18, []byte("20500101000000.5Z")), ""},
		{forge.TLV(0x17, []byte("260230000000Z")), ""},
		{forge.TLV(0x17, nil), ""},
		{forge.TLV(0x16, []byte("261121020305Z")), ""},
	} {
		m := w.forge(w.signer)
		m.Signers[0].Set(forge.SigningTime, c.value)
		at, err := must[*trust.Message](t)(trust.Parse(m.DER())).SigningTime()
		if c.want == "" && err == nil || c.want != "" && at.Format(time.RFC3339) != c.want {
			t.Errorf("%s: %s, %v", c.value, at, err)
		}
	}
}
