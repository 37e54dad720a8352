package openssl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
)

const city = protocol.Municipality("141003")

var (
	now     = time.Date(2026, 11, 21, 2, 3, 5, 0, time.UTC)
	began   = now.Add(-2 * time.Minute)
	content = []byte("%PDF-1.7\nnot much of a document\n")
)

const skew = 5 * time.Minute

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// world is an anchor, a CA below it and signers of every allowed kind. It is the same in every process, for a fuzz works
// in several.
type world struct {
	t       testing.TB
	mid     *sign.Pair
	signers []*sign.Pair
	anchors []*x509.Certificate
	store   *trust.Store
	strange [][]byte // certificates that are no part of the path
}

func newWorld(t testing.TB) *world {
	w := &world{t: t}
	root := must[*sign.Pair](t)(sign.NewCA(w.template("Root", w.key(elliptic.P256(), "root"))))
	w.mid = must[*sign.Pair](t)(root.NewCA(w.template("Intermediate", w.key(elliptic.P256(), "mid"))))
	for _, k := range []crypto.Signer{w.key(elliptic.P256(), "a"), w.key(elliptic.P384(), "b"), w.rsaKey()} {
		w.signers = append(w.signers, must[*sign.Pair](t)(w.mid.NewSigner(city, w.template("Signer", k))))
	}
	stranger := must[*sign.Pair](t)(sign.NewCA(w.template("Root", w.key(elliptic.P256(), "stranger"))))
	w.strange = [][]byte{stranger.Certificate.Raw, root.Certificate.Raw, w.signers[1].Certificate.Raw}
	w.anchors = []*x509.Certificate{root.Certificate}
	w.store = must[*trust.Store](t)(trust.NewStore(trust.Authority{Municipality: city, Anchors: w.anchors}))
	return w
}

func (w *world) template(name string, k crypto.Signer) sign.Template {
	return sign.Template{Name: name, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour), Key: k}
}

func (w *world) key(c elliptic.Curve, label string) crypto.Signer {
	d := sha512.Sum512([]byte("honnin against openssl " + label))
	scalar := d[:(c.Params().BitSize+7)/8]
	scalar[0] &= 1 // below the order
	return must[*ecdsa.PrivateKey](w.t)(ecdsa.ParseRawPrivateKey(c, scalar))
}

func (w *world) rsaKey() crypto.Signer {
	block, _ := pem.Decode(must[[]byte](w.t)(os.ReadFile("../vectors/gen/keys/rsa2048.pem")))
	return must[any](w.t)(x509.ParsePKCS8PrivateKey(block.Bytes)).(crypto.Signer)
}

// The trees that a script may edit. All but the message are signed after that.
const (
	leafLayer = iota
	midLayer
	attributeLayer
	messageLayer
	layers
)

// script is a forgery in bytes: who signs and how; which strange certificates travel along; then edits of five bytes each.
type script []byte

const maxEdits = 8

func (s script) at(i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func (s script) edits(layer int) (out []edit) {
	for i := 2; i+5 <= len(s) && i < 2+5*maxEdits; i += 5 {
		if int(s[i])%layers == layer {
			out = append(out, edit{s[i+1], s[i+2], s[i+3], s[i+4]})
		}
	}
	return out
}

func (s script) change(layer int, n *node) *node {
	for _, e := range s.edits(layer) {
		e.apply(n)
	}
	return n
}

var hashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA1, crypto.SHA224}

// forge carries a script out: certificates and attributes are edited and then signed by those who should sign them.
func (w *world) forge(s script) []byte {
	how := int(s.at(0))
	pair, hash, pss := w.signers[how%3], hashes[how/3%5], how >= 128
	mid, _ := w.certificate(s, midLayer, w.mid.Certificate, nil)
	leaf, name := w.certificate(s, leafLayer, pair.Certificate, w.mid.Key)
	certs := [][]byte{leaf, mid}
	for i, c := range w.strange {
		if s.at(1)>>i&1 == 1 {
			certs = append(certs, c)
		}
	}
	slices.SortFunc(certs, slices.Compare)
	m := forge.New(content, &x509.Certificate{Raw: leaf, SerialNumber: new(big.Int)}, pair.Key, hash, now)
	signer := m.Signers[0]
	if _, isRSA := pair.Key.(*rsa.PrivateKey); isRSA && pss {
		signer.SetPSS(hash, hash, hash.Size())
	}
	return s.change(messageLayer, message(signer, name, w.attributes(s, signer), certs)).der()
}

// certificate edits what is inside c and has it signed again; without an edit it stays. name is IssuerAndSerial.
func (w *world) certificate(s script, layer int, c *x509.Certificate, ca crypto.Signer) (der, name []byte) {
	name = forge.IssuerAndSerial(c.RawIssuer, c.SerialNumber)
	if len(s.edits(layer)) == 0 {
		return c.Raw, name
	}
	if ca == nil {
		ca = w.key(elliptic.P256(), "root")
	}
	tbs := s.change(layer, parse(c.RawTBSCertificate))
	if k := tbs.kids; len(k) > 3 {
		name = forge.Sequence(k[3].der(), k[1].der())
	}
	algorithm := parse(c.Raw).kids[1].der()
	b := tbs.der()
	return forge.Sequence(b, algorithm, forge.TLV(3, []byte{0}, w.sign(ca, b, crypto.SHA256, nil))), name
}

// attributes returns the signed attributes as they are signed, and the signature.
func (w *world) attributes(s script, signer *forge.Signer) [2][]byte {
	set := &node{tag: 0x31}
	for _, a := range signer.Attributes {
		set.kids = append(set.kids, parse(forge.Sequence(forge.OID(a.Name), forge.TLV(0x31, a.Values...))))
	}
	b := s.change(attributeLayer, set).der()
	return [2][]byte{b, w.sign(signer.Key, b, signer.Hash, signer.PSS)}
}

func (w *world) sign(k crypto.Signer, b []byte, h crypto.Hash, pss *rsa.PSSOptions) []byte {
	d := h.New()
	d.Write(b)
	if pss != nil {
		return must[[]byte](w.t)(k.Sign(rand.Reader, d.Sum(nil), pss))
	}
	return must[[]byte](w.t)(k.Sign(nil, d.Sum(nil), h)) // the same every time
}

// message puts the parts together. Certificates are left whole: to edit them is another layer's work.
func message(signer *forge.Signer, name []byte, attributes [2][]byte, certs [][]byte) *node {
	signed := slices.Concat([]byte{0xa0}, attributes[0][1:])
	info := parse(forge.Sequence(forge.Integer(1), name, signer.Digest, signer.Algorithm, forge.OctetString(attributes[1])))
	if info == nil {
		info = &node{tag: 0x30, kids: []*node{parse(forge.Integer(1)), {raw: name}, parse(signer.Digest), parse(signer.Algorithm), parse(forge.OctetString(attributes[1]))}}
	}
	info.kids = slices.Insert(info.kids, 3, &node{raw: signed})
	set := &node{tag: 0xa0}
	for _, c := range certs {
		set.kids = append(set.kids, &node{raw: c})
	}
	data := parse(forge.Sequence(forge.Integer(1), forge.TLV(0x31, signer.Digest), forge.Sequence(forge.OID(forge.Data), forge.TLV(0xa0, forge.OctetString(content)))))
	data.kids = append(data.kids, set, &node{tag: 0x31, kids: []*node{info}})
	return &node{tag: 0x30, kids: []*node{parse(forge.OID(forge.SignedData)), {tag: 0xa0, kids: []*node{data}}}}
}

// dictionary is what an edit may put somewhere: values that mean something in a certificate or a message.
func dictionary(i byte) *node {
	n := parse(words[int(i)%len(words)])
	if n == nil {
		panic("a word that is no DER")
	}
	return n
}

var words = func() [][]byte {
	oid := func(arcs ...int) []byte { return forge.OID(asn1.ObjectIdentifier(arcs)) }
	yes, no := []byte{1, 1, 0xff}, []byte{1, 1, 0}
	extension := func(name, value []byte) []byte { return forge.Sequence(name, forge.OctetString(value)) }
	critical := func(name, value []byte) []byte { return forge.Sequence(name, yes, forge.OctetString(value)) }
	usage := func(bits ...byte) []byte { return forge.TLV(3, bits) }
	signing, email, anyUse := oid(1, 3, 6, 1, 5, 5, 7, 3, 36), oid(1, 3, 6, 1, 5, 5, 7, 3, 4), oid(2, 5, 29, 37, 0)
	constraint := forge.Sequence(forge.TLV(0xa0, forge.Sequence(forge.TLV(0x82, []byte("example.invalid")))))
	out := [][]byte{
		yes, no, {1, 1, 1}, forge.Null(), {5, 1, 0}, forge.Integer(0), forge.Integer(1), forge.Integer(3), forge.Integer(-1), {2, 2, 0, 1}, {2, 0},
		forge.Sequence(), forge.TLV(0x31), forge.OctetString(nil), forge.TLV(0xa0), forge.TLV(0xa1), forge.TLV(0xa2, forge.Integer(32)), forge.TLV(0xa3, forge.Integer(1)),
		forge.UTCTime(now), forge.UTCTime(now.Add(-time.Hour)), forge.UTCTime(now.Add(48 * time.Hour)), forge.TLV(0x18, []byte("20261121020305Z")), forge.TLV(0x18, []byte("20261121020305.0Z")),
		forge.TLV(0x17, []byte("2611210203Z")), forge.TLV(0x17, []byte("261121110305+0900")), forge.TLV(0x18, []byte("20600101000000Z")),
		oid(1, 2, 840, 113549, 1, 9, 16, 2, 12), oid(1, 2, 840, 113549, 1, 9, 52), oid(1, 2, 840, 10045, 4, 3, 2), oid(1, 2, 840, 10045, 4, 3, 3), oid(1, 2, 840, 113549, 1, 1, 11), signing, email, anyUse,
		forge.OID(forge.Data), forge.OID(forge.RSA), forge.OID(forge.PSS), forge.OID(forge.Countersignature), forge.OID(forge.SigningCertificate), forge.OID(forge.MessageDigest),
		extension(oid(2, 5, 29, 37), forge.Sequence(signing)), critical(oid(2, 5, 29, 37), forge.Sequence(signing, email)), extension(oid(2, 5, 29, 37), forge.Sequence(anyUse)), critical(oid(2, 5, 29, 37), forge.Sequence()),
		critical(oid(2, 5, 29, 15), usage(7, 0x80)), critical(oid(2, 5, 29, 15), usage(6, 0x40)), critical(oid(2, 5, 29, 15), usage(3, 0x08)), extension(oid(2, 5, 29, 15), usage(1, 0x06)), extension(oid(2, 5, 29, 15), usage(0)), extension(oid(2, 5, 29, 15), usage(0, 0)),
		critical(oid(2, 5, 29, 19), forge.Sequence()), critical(oid(2, 5, 29, 19), forge.Sequence(yes)), critical(oid(2, 5, 29, 19), forge.Sequence(yes, forge.Integer(0))), critical(oid(2, 5, 29, 19), forge.Sequence(no)), critical(oid(2, 5, 29, 19), forge.Sequence(yes, forge.Integer(-1))), critical(oid(2, 5, 29, 19), forge.Sequence(forge.Integer(0))),
		critical(oid(2, 5, 29, 30), constraint), extension(oid(2, 5, 29, 30), constraint), critical(oid(2, 5, 29, 36), forge.Sequence(forge.TLV(0x80, []byte{0}))), critical(oid(2, 5, 29, 54), forge.Integer(0)),
		extension(oid(2, 5, 29, 32), forge.Sequence(forge.Sequence(oid(2, 5, 29, 32, 0)))), extension(oid(2, 5, 29, 33), forge.Sequence(forge.Sequence(signing, email))),
		extension(oid(2, 5, 29, 14), forge.OctetString([]byte{1})), extension(oid(2, 5, 29, 35), forge.Sequence(forge.TLV(0x80, []byte{1}))), extension(oid(2, 5, 29, 35), forge.Sequence()),
		extension(oid(2, 5, 29, 17), forge.Sequence(forge.TLV(0x82, []byte("a.example.invalid")))), extension(oid(2, 5, 29, 17), forge.Sequence()),
		critical(oid(1, 2, 3), forge.Null()), extension(oid(1, 2, 3), nil), critical(oid(2, 5, 29, 46), forge.Null()), extension(oid(1, 3, 6, 1, 5, 5, 7, 1, 14), forge.Null()),
		critical(oid(1, 3, 6, 1, 5, 5, 7, 1, 14), forge.Sequence(oid(2, 1), forge.OctetString(nil))), critical(oid(1, 3, 6, 1, 5, 5, 7, 1, 7), forge.Sequence()), extension(oid(2, 16, 840, 1, 113730, 1, 1), usage(7, 0x80)),
		forge.Sequence(forge.Sequence()), forge.TLV(0x0c, []byte("GOVJP-141003")), forge.TLV(0x13, []byte("GOVJP-131016")), forge.TLV(0x1e, []byte{0, 'x'}), forge.TLV(0x14, []byte("x")),
	}
	for _, h := range hashes {
		out = append(out, forge.Algorithm(forge.HashOf[h]), forge.Algorithm(forge.HashOf[h], forge.Null()))
	}
	return out
}()
