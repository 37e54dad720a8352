package trust_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

func TestSignerCertificates(t *testing.T) {
	w := newWorld(t)
	stranger := w.ca(nil, "Root", key(p384())) // the same name and key: the next test is about another key
	short := w.ca(w.root, "Short", func(t *sign.Template) { t.PathLen = -1 })
	hour := time.Hour
	for name, c := range map[string]struct {
		by   *sign.Pair
		want []reason.Code
	}{
		"good":               {w.issue(w.mid), nil},
		"directly":           {w.issue(w.root), nil},
		"re-issued root":     {w.issue(stranger), nil},
		"three deep":         {w.issue(w.ca(w.ca(w.mid, "C"), "D")), nil},
		"path length obeyed": {w.issue(short), nil},
		"expired":            {w.issue(w.mid, valid(-2*hour, -time.Second)), []reason.Code{reason.SignerExpired}},
		"not yet valid":      {w.issue(w.mid, valid(time.Second, hour)), []reason.Code{reason.SignerExpired}},
		"valid from now":     {w.issue(w.mid, valid(0, hour)), nil},
		"valid until now":    {w.issue(w.mid, valid(-hour, 0)), nil},
		"unchained":          {w.issue(w.ca(nil, "Stranger")), []reason.Code{reason.SignerUntrusted}},
		"self-signed":        {must[*sign.Pair](t)(w.selfSigned()), []reason.Code{reason.SignerUntrusted}},
		"a CA":               {w.issue(w.mid, with(func(c *x509.Certificate) { c.IsCA = true })), []reason.Code{reason.SignerUntrusted}},
		"the CA itself":      {w.mid, []reason.Code{reason.SignerUntrusted, reason.SignerWrongMunicipality}},
		"the anchor itself":  {w.root, []reason.Code{reason.SignerUntrusted, reason.SignerWrongMunicipality}},
		"issued by a signer": {w.issue(w.asIssuer(w.signer)), []reason.Code{reason.SignerUntrusted}},
		"path length":        {w.issue(w.ca(short, "Below")), []reason.Code{reason.SignerUntrusted}},
		"expired CA":         {w.issue(w.ca(w.root, "Old", valid(-2*hour, -time.Second))), []reason.Code{reason.SignerUntrusted}},
		"CA not yet valid":   {w.issue(w.ca(w.root, "New", valid(time.Second, hour))), []reason.Code{reason.SignerUntrusted}},
		"CA may not sign": {w.issue(w.ca(w.root, "Mute", with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }))),
			[]reason.Code{reason.SignerUntrusted}},
		"CA for servers": {w.issue(w.ca(w.root, "Web", with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }))),
			[]reason.Code{reason.SignerUntrusted}},
		"CA for anything": {w.issue(w.ca(w.root, "Any", with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }))), nil},
		"CA with a secret": {w.issue(w.ca(w.root, "Odd", with(func(c *x509.Certificate) { c.ExtraExtensions = critical }))),
			[]reason.Code{reason.SignerUntrusted}},
		"CA asks a policy": {w.issue(w.ca(w.root, "Strict", with(func(c *x509.Certificate) { c.ExtraExtensions = policyRequired }))),
			[]reason.Code{reason.SignerUntrusted}},
		"CA for other names": {w.issue(w.ca(w.root, "Narrow", with(narrow)), with(func(c *x509.Certificate) { c.DNSNames = []string{"issuer.example.org"} })),
			[]reason.Code{reason.SignerUntrusted}},
		"CA for these names":   {w.issue(w.ca(w.root, "Narrow", with(narrow)), with(func(c *x509.Certificate) { c.DNSNames = []string{"a.lg.example"} })), nil},
		"signer with a secret": {w.issue(w.mid, with(func(c *x509.Certificate) { c.ExtraExtensions = critical })), []reason.Code{reason.SignerUntrusted}},
		"no usage":             {w.issue(w.mid, with(func(c *x509.Certificate) { c.KeyUsage = 0 })), nil},
		"digitalSignature":     {w.issue(w.mid, with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })), nil},
		"contentCommitment":    {w.issue(w.mid, with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment })), nil},
		"keyEncipherment":      {w.issue(w.mid, with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })), []reason.Code{reason.SignerUntrusted}},
		"no extended usage":    {w.issue(w.mid, with(func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil })), []reason.Code{reason.SignerUntrusted}},
		"any extended usage": {w.issue(w.mid, with(func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		})), []reason.Code{reason.SignerUntrusted}},
		"two extended usages": {w.issue(w.mid, with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} })), nil},
		"other city's CA":     {w.issue(w.otherRoot), []reason.Code{reason.SignerWrongMunicipality}},
		"other city's signer": {w.otherSigner, nil},
		"no organization":     {w.organization(), []reason.Code{reason.SignerWrongMunicipality}},
		"two organizations":   {w.organization("GOVJP-141003", "GOVJP-141003"), []reason.Code{reason.SignerWrongMunicipality}},
		"not a GOVJP code":    {w.organization("VATJP-141003"), []reason.Code{reason.SignerWrongMunicipality}},
		"short code":          {w.organization("GOVJP-14100"), []reason.Code{reason.SignerWrongMunicipality}},
		"unknown city":        {w.organization("GOVJP-999999"), []reason.Code{reason.SignerWrongMunicipality}},
		"no key identifiers":  {w.issue(w.ca(w.root, "Bare", with(noIdentifiers)), with(noIdentifiers)), nil},
	} {
		t.Run(name, func(t *testing.T) { w.expect(t, w.forge(c.by).DER(), w.store, c.want...) })
	}
}

var (
	critical       = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
	policyRequired = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 3, 0x80, 1, 0}}}
)

func narrow(c *x509.Certificate) {
	c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"lg.example"}
}

func noIdentifiers(c *x509.Certificate) { c.SubjectKeyId, c.AuthorityKeyId = nil, nil }

func (w *world) organization(values ...string) *sign.Pair {
	return w.issue(w.mid, with(func(c *x509.Certificate) {
		c.Subject.ExtraNames = nil
		for _, v := range values {
			c.Subject.ExtraNames = append(c.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: v})
		}
	}))
}

// asIssuer lets a pair sign certificates that is not a CA, with the chain that leads to it.
func (w *world) asIssuer(p *sign.Pair) *sign.Pair {
	return &sign.Pair{Certificate: p.Certificate, Key: p.Key, Chain: p.Chain}
}

// selfSigned is a signer that vouches for itself.
func (w *world) selfSigned() (*sign.Pair, error) {
	ca := &sign.Pair{Certificate: &x509.Certificate{}, Key: p256()}
	first, err := ca.NewSigner(city, template("Self", key(p256())))
	if err != nil {
		return nil, err
	}
	ca.Certificate = first.Certificate
	self, err := ca.NewSigner(city, template("Self", key(p256())))
	if err == nil {
		self.Chain = nil
	}
	return self, err
}

// Weak signers and chains: the row of algorithms comes before the chain's.
func TestWeak(t *testing.T) {
	w := newWorld(t)
	sha1Signed := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	rsaRoot := w.ca(nil, "RSA Root", key(rsa2048()))
	for name, c := range map[string]struct {
		by   *sign.Pair
		hash crypto.Hash
		want []reason.Code
	}{
		"RSA-1024":       {w.issue(w.mid, key(rsa1024())), crypto.SHA256, []reason.Code{reason.SignatureWeak}},
		"P-224":          {w.issue(w.mid, key(p224())), crypto.SHA256, []reason.Code{reason.SignatureWeak}},
		"P-521":          {w.issue(w.mid, key(p521())), crypto.SHA256, []reason.Code{reason.SignatureWeak}},
		"Ed25519":        {w.issue(w.mid, key(ed())), crypto.SHA512, []reason.Code{reason.SignatureWeak}},
		"MD5":            {w.issue(w.mid, key(rsa2048())), crypto.MD5, []reason.Code{reason.SignatureWeak}},
		"SHA-1":          {w.issue(w.mid, key(rsa2048())), crypto.SHA1, []reason.Code{reason.SignatureWeak}},
		"SHA-1, ECDSA":   {w.signer, crypto.SHA1, []reason.Code{reason.SignatureWeak}},
		"SHA-224":        {w.signer, crypto.SHA224, []reason.Code{reason.SignatureWeak}},
		"P-521 CA":       {w.issue(w.ca(w.root, "P-521", key(p521()))), crypto.SHA256, []reason.Code{reason.SignatureWeak, reason.SignerUntrusted}},
		"RSA-1024 CA":    {w.issue(w.ca(w.root, "1024", key(rsa1024()))), crypto.SHA256, []reason.Code{reason.SignatureWeak, reason.SignerUntrusted}},
		"Ed25519 CA":     {w.issue(w.ca(w.root, "Ed", key(ed()))), crypto.SHA256, []reason.Code{reason.SignatureWeak, reason.SignerUntrusted}},
		"SHA-1 chain":    {w.issue(rsaRoot, with(sha1Signed)), crypto.SHA256, []reason.Code{reason.SignatureWeak, reason.SignerUntrusted}},
		"SHA-1 CA":       {w.issue(w.ca(rsaRoot, "SHA-1", with(sha1Signed))), crypto.SHA256, []reason.Code{reason.SignatureWeak, reason.SignerUntrusted}},
		"weak stranger":  {w.issue(w.ca(nil, "Weak", key(rsa1024()))), crypto.SHA256, []reason.Code{reason.SignerUntrusted}},
		"RSA under RSA":  {w.issue(rsaRoot, key(rsa2048())), crypto.SHA512, nil},
		"hash of a link": {w.issue(rsaRoot, func(t *sign.Template) { t.Hash, t.PSS = crypto.SHA512, true }), crypto.SHA256, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{w.root.Certificate, rsaRoot.Certificate}})
			m := forge.New(content, c.by.Certificate, c.by.Key, c.hash, now)
			for _, ca := range c.by.Chain {
				m.Certificates = append(m.Certificates, ca.Raw)
			}
			w.expect(t, m.DER(), s, c.want...)
		})
	}
}

func TestWeakAnchors(t *testing.T) {
	w := newWorld(t)
	for name, root := range map[string]*sign.Pair{
		"RSA-1024": w.ca(nil, "Weak", key(rsa1024())), "P-521": w.ca(nil, "Large", key(p521())), "Ed25519": w.ca(nil, "Ed", key(ed())),
		"SHA-1": w.ca(nil, "Old", key(rsa2048()), with(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA })),
	} {
		s := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{root.Certificate}})
		t.Run(name, func(t *testing.T) {
			by := w.issue(root, func(t *sign.Template) { t.Hash = crypto.SHA512 })
			_, _, err := trust.Verify(w.forge(by).DER(), s, began, now, skew)
			if reason.Of(err) != reason.SignatureWeak {
				t.Error(err)
			}
		})
	}
}

// A certificate whose key x509 cannot even parse is weak when the signer uses it and ignored when not.
func TestUnreadableKey(t *testing.T) {
	w := newWorld(t)
	p224Cert := w.issue(w.mid, key(p224())).Certificate.Raw
	secp224, secp256k1 := []byte{6, 5, 0x2b, 0x81, 4, 0, 0x21}, []byte{6, 5, 0x2b, 0x81, 4, 0, 0x0a}
	if !bytes.Contains(p224Cert, secp224) {
		t.Fatal("no curve to replace")
	}
	strange := bytes.Replace(p224Cert, secp224, secp256k1, 1)
	if _, err := x509.ParseCertificate(strange); err == nil {
		t.Fatal("x509 reads the curve; the test is void")
	}
	ignored := w.forge(w.signer)
	ignored.Certificates = append(ignored.Certificates, strange)
	w.expect(t, ignored.DER(), w.store)

	used := forge.New(content, w.issue(w.mid, key(p224())).Certificate, p256(), crypto.SHA256, now)
	used.Certificates = [][]byte{strange, w.mid.Certificate.Raw}
	used.Signers[0].Set(forge.SigningCertificate, forge.SigningCertificateV2(forge.ESSCertID(crypto.SHA256, strange)))
	w.expect(t, used.DER(), w.store, reason.SignatureWeak)
}

// Whatever else lies in the package is ignored: weak, expired, foreign, a CA's look-alike.
func TestOtherCertificatesAreIgnored(t *testing.T) {
	w := newWorld(t)
	m := w.forge(w.signer)
	for _, p := range []*sign.Pair{
		w.issue(w.mid, key(rsa1024())), w.issue(w.mid, valid(-2*time.Hour, -time.Hour)), w.otherRoot, w.root,
		w.ca(nil, "Intermediate"), w.ca(w.otherRoot, "Intermediate"), w.ca(nil, "Intermediate", key(rsa1024()), with(func(c *x509.Certificate) {
			c.SubjectKeyId = w.mid.Certificate.SubjectKeyId
		})),
	} {
		m.Certificates = append(m.Certificates, p.Certificate.Raw)
	}
	w.expect(t, m.DER(), w.store)
}

// Two generations of one CA share a name; a third CA with that name and another key is nobody.
func TestGenerations(t *testing.T) {
	w := newWorld(t)
	first, second, third := w.ca(nil, "Same"), w.ca(nil, "Same"), w.ca(nil, "Same")
	s := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{first.Certificate, second.Certificate}})
	w.expect(t, w.sign(w.issue(first)), s)
	w.expect(t, w.sign(w.issue(second)), s)
	w.expect(t, w.sign(w.issue(third)), s, reason.SignerUntrusted)
	lying := w.issue(third, with(func(c *x509.Certificate) { c.AuthorityKeyId = first.Certificate.SubjectKeyId }))
	w.expect(t, w.sign(lying), s, reason.SignerUntrusted)
}

// One CA may vouch for several cities, and a cross certificate gives several ways up: one good way is enough.
func TestSeveralPaths(t *testing.T) {
	w := newWorld(t)
	shared := w.storeOf(
		trust.Authority{Municipality: city, Anchors: []*x509.Certificate{w.root.Certificate}},
		trust.Authority{Municipality: otherCity, Anchors: []*x509.Certificate{w.root.Certificate}})
	w.expect(t, w.sign(w.signer), shared)
	elsewhere := must[*sign.Pair](t)(w.mid.NewSigner(otherCity, template("Elsewhere")))
	w.expect(t, w.sign(elsewhere), shared)
	w.expect(t, w.sign(elsewhere), w.store, reason.SignerWrongMunicipality)

	for _, cross := range []*sign.Pair{
		w.ca(w.otherRoot, "Intermediate", key(w.mid.Key)),                             // of another city
		w.ca(w.root, "Intermediate", key(w.mid.Key), valid(-2*time.Hour, -time.Hour)), // expired
	} {
		m := w.forge(w.signer)
		m.Certificates = append(m.Certificates, cross.Certificate.Raw)
		w.expect(t, m.DER(), w.store)
	}
}

// A loop of CAs that certify each other ends.
func TestLoop(t *testing.T) {
	w := newWorld(t)
	a := w.ca(nil, "A")
	b := w.ca(a, "B")
	a2 := w.ca(b, "A", key(a.Key))
	m := w.forge(w.issue(b))
	m.Certificates = append(m.Certificates, a.Certificate.Raw, a2.Certificate.Raw)
	w.expect(t, m.DER(), w.store, reason.SignerUntrusted)
}

// Many look-alike CAs cost a bounded number of verifications and are then nobody's.
func TestManyLookAlikes(t *testing.T) {
	w := newWorld(t)
	same := w.ca(nil, "Same", with(noIdentifiers))
	m := w.forge(w.issue(same, with(noIdentifiers)))
	for i := range 60 {
		like := w.ca(nil, "Same", key(same.Key), with(noIdentifiers), valid(-time.Duration(i+1)*time.Minute, time.Hour))
		m.Certificates = append(m.Certificates, like.Certificate.Raw)
	}
	w.expect(t, m.DER(), w.store, reason.SignerUntrusted)
}

func TestPins(t *testing.T) {
	w := newWorld(t)
	pinned := func(p *sign.Pair, revoked ...protocol.Digest) *trust.Store {
		return w.storeOf(trust.Authority{Municipality: city, Pins: []*x509.Certificate{p.Certificate}, Revoked: revoked})
	}
	bare := func(c *x509.Certificate) { c.UnknownExtKeyUsage, c.Subject.ExtraNames = nil, nil }
	stranger := w.ca(nil, "Stranger")
	for name, c := range map[string]struct {
		by   *sign.Pair
		want []reason.Code
	}{
		"waived":        {w.issue(stranger, with(bare)), nil},
		"self-signed":   {must[*sign.Pair](t)(w.selfSigned()), nil},
		"expired":       {w.issue(stranger, with(bare), valid(-2*time.Hour, -time.Hour)), []reason.Code{reason.SignerExpired}},
		"weak key":      {w.issue(stranger, with(bare), key(rsa1024())), []reason.Code{reason.SignatureWeak}},
		"a CA":          {stranger, []reason.Code{reason.SignerUntrusted}},
		"key usage":     {w.issue(stranger, with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })), []reason.Code{reason.SignerUntrusted}},
		"secret":        {w.issue(stranger, with(func(c *x509.Certificate) { c.ExtraExtensions = critical })), []reason.Code{reason.SignerUntrusted}},
		"another's oid": {must[*sign.Pair](t)(stranger.NewSigner(otherCity, template("Elsewhere"))), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := pinned(c.by)
			w.expect(t, w.forge(c.by).DER(), s, c.want...)
			if _, who, err := trust.Verify(w.forge(c.by).DER(), s, began, now, skew); err == nil && (!who.Pinned || who.Municipality != city) {
				t.Errorf("pinned %t for %q", who.Pinned, who.Municipality)
			}
		})
	}
	p := w.issue(stranger, with(bare))
	w.expect(t, w.sign(p), pinned(p, protocol.Fingerprint(p.Certificate.Raw)), reason.SignerRevoked)
	twin := w.issue(stranger, with(bare), key(p.Key), valid(-time.Hour, time.Hour))
	w.expect(t, w.sign(twin), pinned(p), reason.SignerUntrusted, reason.SignerWrongMunicipality)
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	second := w.ca(nil, "Root") // the same name as the root, another key
	crl := func(by *sign.Pair, revoked ...*x509.Certificate) *x509.RevocationList {
		return must[*x509.RevocationList](t)(by.CRL(7, now.Add(-time.Hour), now.Add(time.Hour), revoked...))
	}
	for name, c := range map[string]struct {
		digests []protocol.Digest
		crls    []*x509.RevocationList
		want    []reason.Code
	}{
		"nothing":                {nil, nil, nil},
		"signer listed":          {[]protocol.Digest{protocol.Fingerprint(w.signer.Certificate.Raw)}, nil, []reason.Code{reason.SignerRevoked}},
		"intermediate listed":    {[]protocol.Digest{protocol.Fingerprint(w.mid.Certificate.Raw)}, nil, []reason.Code{reason.SignerUntrusted}},
		"anchor listed":          {[]protocol.Digest{protocol.Fingerprint(w.root.Certificate.Raw)}, nil, []reason.Code{reason.SignerUntrusted}},
		"empty CRLs":             {nil, []*x509.RevocationList{crl(w.root), crl(w.mid)}, nil},
		"signer on CRL":          {nil, []*x509.RevocationList{crl(w.mid, w.signer.Certificate)}, []reason.Code{reason.SignerRevoked}},
		"intermediate on CRL":    {nil, []*x509.RevocationList{crl(w.root, w.mid.Certificate)}, []reason.Code{reason.SignerUntrusted}},
		"other generation's CRL": {nil, []*x509.RevocationList{crl(second, w.mid.Certificate)}, nil},
		"CRL by an impostor": {nil, []*x509.RevocationList{crl(&sign.Pair{Certificate: w.mid.Certificate, Key: w.mid.Key}), forgedCRL(t, w)},
			[]reason.Code{reason.SignerUntrusted}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.authority
			a.Revoked, a.CRLs = c.digests, c.crls
			w.expect(t, w.sign(w.signer), w.storeOf(a), c.want...)
		})
	}
}

// forgedCRL bears the intermediate's name and key identifier and is signed with another key.
func forgedCRL(t testing.TB, w *world) *x509.RevocationList {
	fake := w.ca(nil, "Intermediate", with(func(c *x509.Certificate) { c.SubjectKeyId = w.mid.Certificate.SubjectKeyId }))
	return must[*x509.RevocationList](t)(fake.CRL(8, now, now.Add(time.Hour)))
}

func TestStoreRefuses(t *testing.T) {
	w := newWorld(t)
	fake := w.ca(nil, "Root", key(p256()), with(func(c *x509.Certificate) { c.SubjectKeyId = w.root.Certificate.SubjectKeyId }))
	impostor := must[*x509.RevocationList](t)(fake.CRL(1, now, now.Add(time.Hour)))
	partial := *must[*x509.RevocationList](t)(w.root.CRL(1, now, now.Add(time.Hour)))
	partial.Extensions = append(slices.Clone(partial.Extensions), critical...)
	indirect := *must[*x509.RevocationList](t)(w.root.CRL(1, now, now.Add(time.Hour), w.mid.Certificate))
	indirect.RevokedCertificateEntries = slices.Clone(indirect.RevokedCertificateEntries)
	indirect.RevokedCertificateEntries[0].Extensions = critical
	for name, a := range map[string][]trust.Authority{
		"code":         {{Municipality: "14100"}},
		"pin of two":   {{Municipality: city, Pins: []*x509.Certificate{w.signer.Certificate}}, {Municipality: otherCity, Pins: []*x509.Certificate{w.signer.Certificate}}},
		"forged CRL":   {{Municipality: city, Anchors: []*x509.Certificate{w.root.Certificate}, CRLs: []*x509.RevocationList{impostor}}},
		"partial CRL":  {{Municipality: city, CRLs: []*x509.RevocationList{&partial}}},
		"indirect CRL": {{Municipality: city, CRLs: []*x509.RevocationList{&indirect}}},
	} {
		if s, err := trust.NewStore(a...); err == nil || s != nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := trust.Verify(w.sign(w.signer), &trust.Store{}, began, now, skew); reason.Of(err) != reason.SignerUntrusted {
		t.Errorf("the zero store: %v", err)
	}
}

// The cache changes no answer: not when time passes, not when the CAs that came along last time stay away.
func TestCacheChangesNothing(t *testing.T) {
	w := newWorld(t)
	short := w.issue(w.ca(w.root, "Soon over", valid(-time.Hour, time.Hour)))
	der := w.sign(short)
	w.expect(t, der, w.store)
	w.expect(t, der, w.store)
	alone := w.forge(short)
	alone.Certificates = alone.Certificates[:1]
	w.expect(t, alone.DER(), w.store, reason.SignerUntrusted)
	for _, c := range []struct {
		at   time.Duration
		want []reason.Code
	}{
		{0, nil}, {time.Hour + time.Second, []reason.Code{reason.SignerUntrusted, reason.PackageStale}}, {0, nil},
		{25 * time.Hour, []reason.Code{reason.SignerExpired, reason.SignerUntrusted}}, {0, nil},
	} {
		at := now.Add(c.at)
		m, err := trust.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		got := m.Against(w.store, at)
		use, expired := reason.Of(got.CheckUse()), reason.Of(got.CheckValidity())
		if (use == "") != !slices.Contains(c.want, reason.SignerUntrusted) || (expired == "") != !slices.Contains(c.want, reason.SignerExpired) {
			t.Errorf("after %s: use %q, validity %q", c.at, use, expired)
		}
	}
}

// What is revoked is asked anew each time, cached path or not: of a store that is new, and of a signer seen before.
func TestCacheForgivesNoRevocation(t *testing.T) {
	w := newWorld(t)
	der := w.sign(w.signer)
	w.expect(t, der, w.store)
	for revoked, want := range map[*sign.Pair]reason.Code{w.signer: reason.SignerRevoked, w.mid: reason.SignerUntrusted} {
		a := w.authority
		a.Revoked = []protocol.Digest{protocol.Fingerprint(revoked.Certificate.Raw)}
		s := w.storeOf(a)
		for range 3 {
			w.expect(t, der, s, want)
		}
	}
	w.expect(t, der, w.store)
}

func TestConcurrentUse(t *testing.T) {
	w := newWorld(t)
	der, bad := w.sign(w.signer), w.sign(w.issue(w.ca(nil, "Stranger")))
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 20 {
				w.expect(t, der, w.store)
				w.expect(t, bad, w.store, reason.SignerUntrusted)
			}
		})
	}
}
