package main

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/forge"
	"honnin/config/trust/sign"
	"honnin/spool/document/inspect/pdftest"
	"honnin/testdata/vectors"
)

// draft is one package before it is signed, and what the terminal expects. A new draft is right in every way; a case
// changes one thing.
type draft struct {
	w           *world
	at, began   time.Time // began zero: not said
	want        vectors.Want
	card        string
	application *protocol.Application // nil: not said

	statement    protocol.Statement
	rawStatement func([]byte) []byte
	tags         func([]pdftest.Page)
	doc          func(*pdftest.Doc)
	rawPDF       func([]byte) []byte

	signer  *sign.Pair
	options func(*sign.Options)
	cms     func(*forge.CMS) // set: the forger makes the message
	hash    crypto.Hash      // of the forger's message
	raw     func([]byte) []byte
	total   int // bytes: white space in the PDF brings the package to this size
	padding int
}

// newDraft is a one-page resident record for the card P01, in a transaction named after the vector.
func newDraft(w *world, name string) *draft {
	d := &draft{w: w, signer: w.signerA, hash: crypto.SHA256}
	id := sha256.Sum256([]byte("transaction " + name))
	copy(d.want.Transaction[:], id[:])
	d.want.Nonce = sha256.Sum256([]byte("nonce " + name))
	d.want.Terminal = "JP-99-000001"
	d.application = &protocol.Application{Municipality: cityA, Certificate: protocol.ResidentRecord, Copies: 1,
		Options: protocol.Options{"household": protocol.Text("self"), "my_number": protocol.Bool(false)}}
	content := sha256.Sum256([]byte("content " + name))
	d.statement = protocol.Statement{
		Transaction: d.want.Transaction, Terminal: d.want.Terminal, Nonce: d.want.Nonce, Municipality: cityA,
		Certificate: protocol.ResidentRecord, Options: d.application.Options, Copies: 1, Pages: 1, Serial: "991015-20261121-0000001",
		Record:   protocol.Record{Register: protocol.ResidentRegister, Token: protocol.Token(id[16:]), Content: content},
		Software: protocol.Software{Name: "practice-issuer", Version: "1.4.0", Fixes: []string{"one-transaction-one-file"}},
	}
	d.useCard("card-p01.pem")
	d.shift(at)
	return d
}

// useCard puts a card on the reader and names its holder in the statement.
func (d *draft) useCard(name string) {
	d.card = name
	d.statement.SubjectHash = protocol.HashSubject(d.want.Nonce, d.w.cards[name].Certificate.Raw)
}

// neighbour names the holder of another card.
func (d *draft) neighbour() protocol.SubjectHash {
	return protocol.HashSubject(d.want.Nonce, d.w.cards["card-p03.pem"].Certificate.Raw)
}

// shift moves the whole transaction to an instant of checking.
func (d *draft) shift(t time.Time) {
	d.at = t
	s := &d.statement
	s.IssuedAt, s.Record.AsOf = protocol.At(t.Add(-25*time.Second)), protocol.At(t.Add(-26*time.Second))
	s.ExpiresAt = protocol.At(s.IssuedAt.Add(5 * time.Minute))
}

// pages makes it a document of n pages.
func (d *draft) pages(n int) { d.statement.Pages = n }

// city lets another municipality issue, as applied for.
func (d *draft) city(m protocol.Municipality, signer *sign.Pair) {
	d.statement.Municipality, d.application.Municipality, d.signer = m, m, signer
}

// certificate is what is applied for and issued.
func (d *draft) certificate(c protocol.Certificate, o protocol.Options) {
	d.statement.Certificate, d.statement.Options, d.statement.Record.Register = c, o, c.Register()
	d.application.Certificate, d.application.Options = c, o
}

func (d *draft) pdf() []byte {
	text := must(d.statement.Encode())
	if d.rawStatement != nil {
		text = d.rawStatement(text)
	}
	tags := pdftest.Tags(d.statement.SubjectHash, d.statement.Transaction, d.statement.Pages)
	if d.tags != nil {
		d.tags(tags)
	}
	doc := pdftest.Good(text, tags)
	if d.doc != nil {
		d.doc(doc)
	}
	doc.Header += strings.Repeat(" ", d.padding)
	b := doc.Bytes()
	if d.rawPDF != nil {
		b = d.rawPDF(b)
	}
	return b
}

// sign makes the package as the case wants it: by the forger when it spoils the message, else by the signing side.
func (d *draft) sign(pdf []byte) []byte {
	if d.total > 0 {
		d.padding = 15 << 20
		d.padding += d.total - len(d.message(d.pdf()))
		pdf = d.pdf()
	}
	der := d.message(pdf)
	if d.raw != nil {
		der = d.raw(der)
	}
	return der
}

func (d *draft) message(pdf []byte) []byte {
	when := d.statement.IssuedAt.Time
	if d.cms == nil {
		o := d.signer.Options(when)
		if d.options != nil {
			d.options(&o)
		}
		return must(sign.Sign(pdf, o))
	}
	c := forge.New(pdf, d.signer.Certificate, d.signer.Key, d.hash, when)
	for _, ca := range d.signer.Chain {
		c.Certificates = append(c.Certificates, ca.Raw)
	}
	d.cms(c)
	return c.DER()
}

// byOpenSSL signs with "openssl cms", at openssl's own clock.
func byOpenSSL(d *draft) []byte { return runOpenSSL(d, d.pdf()) }

// byQPDF has qpdf write the PDF anew and openssl sign it: nothing in the package is this project's encoding.
func byQPDF(d *draft) []byte {
	return runOpenSSL(d, d.throughQPDF("--object-streams=disable", "--deterministic-id"))
}

// throughQPDF returns the PDF as qpdf writes it anew.
func (d *draft) throughQPDF(args ...string) []byte {
	dir := must(os.MkdirTemp("", "vectors"))
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "in.pdf"), filepath.Join(dir, "out.pdf")
	check(os.WriteFile(in, d.pdf(), 0o600))
	run(dir, slices.Concat([]string{"qpdf"}, args, []string{in, out})...)
	return must(os.ReadFile(out))
}

func runOpenSSL(d *draft, pdf []byte) []byte {
	dir := must(os.MkdirTemp("", "vectors"))
	defer os.RemoveAll(dir)
	key := must(x509.MarshalPKCS8PrivateKey(d.signer.Key))
	for name, b := range map[string][]byte{
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), "signer.pem": certPEM(d.signer),
		"chain.pem": certPEM(d.w.midA), "content": pdf,
	} {
		check(os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	run(dir, "openssl", "cms", "-sign", "-binary", "-cades", "-nodetach", "-outform", "DER", "-md", "sha384", "-signer", "signer.pem",
		"-inkey", "key.pem", "-certfile", "chain.pem", "-in", "content", "-out", "package")
	return must(os.ReadFile(filepath.Join(dir, "package")))
}

func run(dir string, args ...string) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %v\n%s", args, err, out))
	}
}
