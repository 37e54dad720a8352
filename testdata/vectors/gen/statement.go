package main

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust/forge"
	"honnin/spool/document/inspect/pdftest"
)

// statementCases are about the form of issuance.json.
func statementCases() []vectorCase {
	text := func(f func([]byte) []byte) func(*draft) { return func(d *draft) { d.rawStatement = f } }
	swap := func(old, new string) func(*draft) { return text(replace(old, new)) }
	copies := func(new string) func(*draft) { return swap(`"copies":1`, new) }
	nonce := func(f func(string) string) func(*draft) {
		return func(d *draft) {
			n := base64.RawURLEncoding.EncodeToString(d.want.Nonce[:])
			d.rawStatement = replace(n, f(n))
		}
	}
	issued := func(s string) func(*draft) { return swap(`"2026-11-21T02:04:05Z"`, `"`+s+`"`) }
	out := group("statement", reason.StatementMalformed,
		row{"empty", "no byte", text(func([]byte) []byte { return nil }), nil},
		row{"bom", "a byte order mark", text(func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }), nil},
		row{"invalid-utf8", "a string that is not UTF-8", swap(`"household":"self"`, "\"household\":\"\xff\""), nil},
		row{"trailing", "a second object after the first", text(func(b []byte) []byte { return append(b, "{}"...) }), nil},
		row{"line-end", "a line end after the object", text(func(b []byte) []byte { return append(b, '\n') }), nil},
		row{"array", "an array", text(func(b []byte) []byte { return append(append([]byte("["), b...), ']') }), nil},
		row{"doubled", "copies stands twice", copies(`"copies":1,"copies":1`), nil},
		row{"doubled-subject", "subject_hash stands twice, the neighbour's first", func(d *draft) {
			d.rawStatement = replace(`"subject_hash":`, `"subject_hash":"`+string(must(d.neighbour().MarshalText()))+`","subject_hash":`)
		}, nil},
		row{"doubled-escaped", "copies stands twice, once with an escape", copies(`"copies":1,"c\u006fpies":1`), nil},
		row{"doubled-deep", "a member of the record stands twice", swap(`"register":"resident"`, `"register":"resident","register":"resident"`), nil},
		row{"unknown", "a member that the format does not know", copies(`"copies":1,"colour":true`), nil},
		row{"other-case", "a member with a capital letter", copies(`"Copies":1`), nil},
		row{"quoted-number", "copies is a string", copies(`"copies":"1"`), nil},
		row{"fraction", "copies is 1.0", copies(`"copies":1.0`), nil},
		row{"exponent", "copies is 1e0", copies(`"copies":1e0`), nil},
		row{"copies-zero", "no copy", copies(`"copies":0`), nil},
		row{"copies-eleven", "eleven copies", copies(`"copies":11`), nil},
		row{"format", "another format", swap(`"honnin-issuance/1"`, `"honnin-issuance/2"`), nil},
		row{"deep", "options nested deeply", swap(`"household":"self"`, `"household":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), nil},
		row{"too-long", "longer than 64 KiB", swap(`"household":"self"`, `"household":"`+strings.Repeat("x", 64<<10)+`"`), nil},
		row{"bomb", "8 MiB of white space in 8 kB", text(func(b []byte) []byte { return append([]byte("{"+strings.Repeat(" ", 8<<20)), b[1:]...) }), nil},
		row{"option-number", "an option that is a number", swap(`"household":"self"`, `"household":1`), nil},
		row{"base64-padded", "a nonce with padding", nonce(func(n string) string { return n + "=" }), nil},
		row{"base64-bits", "a nonce whose unused bits are not zero", nonce(func(n string) string {
			return n[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("AEIMQUYcgkosw048", n[42])*4+1])
		}), nil},
		row{"base64-line-end", "a nonce with a line end inside", nonce(func(n string) string { return n[:20] + `\n` + n[20:] }), nil},
		row{"hex-upper", "a transaction in capital letters", func(d *draft) {
			t := d.want.Transaction.String()
			d.rawStatement = replace(t, strings.ToUpper(t))
		}, nil},
		row{"municipality-wide", "a municipality in full-width digits", swap(`"municipality":"991015"`, `"municipality":"９９１０１５"`), nil},
		row{"certificate", "a kind of certificate that nobody knows", swap(`"resident-record"`, `"residents-record"`), nil},
		row{"register-unknown", "a register that nobody knows", swap(`"register":"resident"`, `"register":"residents"`), nil},
		row{"register", "a register that does not fit the certificate", swap(`"register":"resident"`, `"register":"tax"`), nil},
		row{"version", "a version of two numbers", swap(`"1.4.0"`, `"1.4"`), nil},
		row{"fixes-null", "a fix that is null", swap(`["one-transaction-one-file"]`, `["one-transaction-one-file",null]`), nil},
		row{"time-offset", "a time with an offset", issued("2026-11-21T11:04:05+09:00"), nil},
		row{"time-lower-case", "a time with small letters", issued("2026-11-21t02:04:05z"), nil},
		row{"time-fraction", "a time with a fraction", issued("2026-11-21T02:04:05.0Z"), nil},
		row{"time-leap", "a leap second", issued("2026-11-21T02:03:60Z"), nil},
		row{"time-order", "drawn after it was issued", func(d *draft) { d.statement.Record.AsOf = protocol.At(d.statement.IssuedAt.Add(time.Second)) }, nil},
	)
	return slices.Concat(out, memberCases())
}

// memberCases leave members out, at the top and inside, and make some null.
func memberCases() []vectorCase {
	var rows []row
	for _, m := range strings.Fields("format nonce subject_hash pages record token content software version") {
		rows = append(rows, row{"no-" + strings.ReplaceAll(m, "_", "-"), "no " + m, func(d *draft) { d.rawStatement = without(m, "") }, nil})
	}
	for _, m := range strings.Fields("options copies record as_of fixes") {
		rows = append(rows, row{"null-" + strings.ReplaceAll(m, "_", "-"), m + " is null", func(d *draft) { d.rawStatement = without(m, fmt.Sprintf("%q:null,", m)) }, nil})
	}
	return group("statement", reason.StatementMalformed, rows...)
}

// without puts something in the place of a member and its value.
func without(member, instead string) func([]byte) []byte {
	return func(b []byte) []byte {
		s := string(b)
		i := strings.Index(s, fmt.Sprintf("%q:", member))
		depth, quoted := 0, false
		for j := i + len(member) + 3; ; j++ {
			switch c := s[j]; {
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '{' || c == '[':
				depth++
			case (c == '}' || c == ',') && depth == 0:
				s = s[:i] + instead + strings.TrimPrefix(s[j:], ",")
				return []byte(strings.ReplaceAll(s, ",}", "}"))
			case c == '}' || c == ']':
				depth--
			}
		}
	}
}

// mixUpCases are the mix-ups this terminal exists to stop, and what was applied for.
func mixUpCases() []vectorCase {
	another := func(label string) (t protocol.Transaction) {
		id := sha256.Sum256([]byte("another " + label))
		copy(t[:], id[:])
		return t
	}
	tag := func(pages int, f func(*draft, []pdftest.Page)) func(*draft) {
		return func(d *draft) {
			d.pages(pages)
			d.tags = func(p []pdftest.Page) { f(d, p) }
		}
	}
	set := func(f func(*protocol.Statement)) func(*draft) { return func(d *draft) { f(&d.statement) } }
	options := func(o protocol.Options) func(*draft) { return set(func(s *protocol.Statement) { s.Options = o }) }
	yes, no, self := protocol.Bool(true), protocol.Bool(false), protocol.Text("self")
	whole := func(d *draft) {
		d.statement.Transaction, d.statement.Nonce = another("whole"), protocol.Nonce(sha256.Sum256([]byte("another nonce")))
		d.statement.SubjectHash = protocol.HashSubject(d.statement.Nonce, d.w.cards["card-p03.pem"].Certificate.Raw)
	}
	return slices.Concat(group("neighbour", reason.OtherTransaction,
		row{"whole-package", "a neighbour's whole package: another transaction, nonce and person", whole, also(reason.SubjectMismatch, reason.TagMismatch)},
		row{"document", "a neighbour's whole package, of another kind of certificate", func(d *draft) {
			whole(d)
			d.statement.Certificate = protocol.ResidentRecordItems
		}, also(reason.SubjectMismatch, reason.TagMismatch, reason.OtherApplication)},
	), group("neighbour", reason.SubjectMismatch,
		row{"record", "this transaction, a neighbour's record: the kawasaki and tokushima fault", func(d *draft) { d.statement.SubjectHash = d.neighbour() }, also(reason.TagMismatch)},
		row{"record-and-copies", "a neighbour's record, and another number of copies", func(d *draft) {
			d.statement.SubjectHash, d.statement.Copies = d.neighbour(), 2
		}, also(reason.TagMismatch, reason.OtherApplication)},
		row{"statement", "a neighbour's statement over one's own pages", func(d *draft) {
			own := d.statement.SubjectHash
			d.statement.SubjectHash = d.neighbour()
			d.tags = func(p []pdftest.Page) { p[0].SubjectHash = own }
		}, nil},
		row{"zero", "a subject hash of zeros, in statement and tags", set(func(s *protocol.Statement) { s.SubjectHash = protocol.SubjectHash{} }), also(reason.TagMismatch)},
		row{"unkeyed", "the card's fingerprint in place of the subject hash", func(d *draft) {
			d.statement.SubjectHash = protocol.SubjectHash(protocol.Fingerprint(d.w.cards[d.card].Certificate.Raw))
		}, also(reason.TagMismatch)},
	), group("neighbour", reason.TagMismatch,
		row{"pages", "one's own statement over a neighbour's pages", tag(1, func(d *draft, p []pdftest.Page) { p[0].SubjectHash = d.neighbour() }), nil},
		row{"first-page", "only the first of three pages is a neighbour's", tag(3, func(d *draft, p []pdftest.Page) { p[0].SubjectHash = d.neighbour() }), nil},
		row{"middle-page", "only the second of three pages is a neighbour's", tag(3, func(d *draft, p []pdftest.Page) { p[1].SubjectHash = d.neighbour() }), nil},
		row{"last-page", "only the last of three pages is a neighbour's: the yokohama fault", tag(3, func(d *draft, p []pdftest.Page) { p[2].SubjectHash = d.neighbour() }), nil},
		row{"last-bit", "a hash that differs in its last bit", tag(1, func(_ *draft, p []pdftest.Page) { p[0].SubjectHash[31] ^= 1 }), nil},
	), group("other", reason.OtherTransaction,
		row{"transaction", "made for another transaction of the same person", set(func(s *protocol.Statement) { s.Transaction = another("id") }), also(reason.TagMismatch)},
		row{"transaction-in-statement", "the statement's transaction is another, the pages' is right", func(d *draft) {
			right := d.statement.Transaction
			d.statement.Transaction = another("id")
			d.tags = func(p []pdftest.Page) { p[0].Transaction = right }
		}, nil},
		row{"nonce", "an old package of the same person: the nonce differs, and with it the hash", func(d *draft) {
			d.statement.Nonce = sha256.Sum256([]byte("old nonce"))
			d.statement.SubjectHash = protocol.HashSubject(d.statement.Nonce, d.w.cards[d.card].Certificate.Raw)
		}, also(reason.SubjectMismatch, reason.TagMismatch)},
		row{"nonce-echo", "the nonce's echo alone is wrong", set(func(s *protocol.Statement) { s.Nonce[0] ^= 1 }), nil},
		row{"terminal", "made for another terminal", set(func(s *protocol.Statement) { s.Terminal = "JP-99-000002" }), nil},
	), group("tag", reason.TagMismatch,
		row{"other-transaction", "a page of another transaction of the same person", tag(1, func(_ *draft, p []pdftest.Page) { p[0].Transaction = another("page") }), nil},
		row{"page-order", "the two pages are in the wrong order", tag(2, func(_ *draft, p []pdftest.Page) { p[0], p[1] = p[1], p[0] }), nil},
		row{"page-twice", "two pages say that they are the first", tag(2, func(_ *draft, p []pdftest.Page) { p[1].Page = 1 }), nil},
		row{"page-number", "the only page says that it is the second", tag(1, func(_ *draft, p []pdftest.Page) { p[0].Page = 2 }), nil},
		row{"page-total", "the pages say three, there are two", tag(2, func(_ *draft, p []pdftest.Page) { p[0].Pages, p[1].Pages = 3, 3 }), nil},
		row{"page-total-last", "the last page alone says three, there are two", tag(2, func(_ *draft, p []pdftest.Page) { p[1].Pages = 3 }), nil},
	), group("application", reason.OtherApplication,
		row{"certificate", "another certificate than was applied for", func(d *draft) { d.application.Certificate = protocol.ResidentRecordItems }, nil},
		row{"certificate-register", "a certificate of another register than was applied for", func(d *draft) { d.application.Certificate = protocol.SealRegistration }, nil},
		row{"options", "with My Number, which was not asked for", options(protocol.Options{"household": self, "my_number": yes}), nil},
		row{"option-more", "an option more than was applied for", options(protocol.Options{"household": self, "my_number": no, "history": yes}), nil},
		row{"option-type", "false as a string", options(protocol.Options{"household": self, "my_number": protocol.Text("false")}), nil},
		row{"copies", "more copies than were applied for", set(func(s *protocol.Statement) { s.Copies = 2 }), nil},
		row{"copies-fewer", "fewer copies than were applied for", func(d *draft) { d.application.Copies = 2 }, nil},
	), group("software", reason.IssuerUnpatched,
		row{"below-floor", "a version below the floor", set(func(s *protocol.Statement) { s.Software.Version = "1.3.9" }), nil},
		row{"below-floor-as-text", "a version that is below the floor, and above it as text", set(func(s *protocol.Statement) { s.Software.Version = "0.99.0" }), nil},
		row{"pre-release", "a pre-release of the floor is below it", set(func(s *protocol.Statement) { s.Software.Version = "1.4.0-rc.1" }), nil},
		row{"other", "software that the policy does not name", set(func(s *protocol.Statement) { s.Software.Name = "other-issuer" }), nil},
		row{"other-case", "the policy's name in capital letters", set(func(s *protocol.Statement) { s.Software.Name = "Practice-Issuer" }), nil},
		row{"fix-missing", "the fix had not reached this site: the takamatsu fault", set(func(s *protocol.Statement) { s.Software.Fixes = []string{} }), nil},
		row{"fix-other", "another fix than the one that is asked for", set(func(s *protocol.Statement) { s.Software.Fixes = []string{"one-transaction"} }), nil},
	))
}

// severalCases break many rows at once: all that can still be judged is listed.
func severalCases() []vectorCase {
	neighbour := func(d *draft) {
		d.statement.Transaction[0] ^= 1
		d.statement.SubjectHash = d.neighbour()
		d.statement.Copies = 2
		d.statement.ExpiresAt = protocol.At(d.at.Add(-time.Second))
		d.statement.Software.Version = "1.0.0"
	}
	statement := also(reason.SubjectMismatch, reason.TagMismatch, reason.OtherApplication, reason.PackageStale, reason.IssuerUnpatched)
	badPDF := func(p *pdftest.Doc) {
		p.Obj("catalog").Put("/OpenAction [{page1} /Fit]")
		p.Obj("page1").Put("/Rotate 90")
		p.Add("plain", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	}
	pdf := []reason.Code{reason.PDFActiveContent, reason.PDFPages, reason.PDFFont}
	return []vectorCase{
		{name: "several-statement", about: "every row that reads the statement", reason: reason.OtherTransaction, also: statement, change: neighbour},
		{name: "several-pdf", about: "an action, a turned page, a font, another file name, no tag", reason: reason.PDFActiveContent,
			also: also(reason.PDFPages, reason.PDFFont, reason.StatementMissing, reason.TagMissing), change: doc(func(p *pdftest.Doc) {
				badPDF(p)
				p.Obj("filespec").Replace("/UF (issuance.json)", "")
				p.Obj("page1").Replace("/Honnin", "/Seal")
			})},
		{name: "several-pdf-and-statement", about: "an action, a turned page and a font; and a neighbour's statement", reason: reason.PDFActiveContent,
			also: slices.Concat(pdf[1:], also(reason.OtherTransaction), statement), change: func(d *draft) { neighbour(d); d.doc = badPDF }},
		{name: "several-form-and-tags", about: "the statement has no form; the pages are still a neighbour's", reason: reason.StatementMalformed,
			also: also(reason.TagMismatch), change: func(d *draft) {
				n := d.neighbour()
				d.tags = func(p []pdftest.Page) { p[0].SubjectHash = n }
				d.rawStatement = replace(`"copies":1`, `"copies":0`)
			}},
		{name: "several-missing-and-tags", about: "no statement is there; the pages are still a neighbour's", reason: reason.StatementMissing,
			also: also(reason.TagMismatch), change: func(d *draft) {
				n := d.neighbour()
				d.tags = func(p []pdftest.Page) { p[0].SubjectHash = n }
				d.doc = func(p *pdftest.Doc) { p.Obj("filespec").Replace("/UF (issuance.json)", "") }
			}},
		{name: "several-malformed", about: "a PDF that needs a repair, and an action in it; nothing is said about its pages or its statement", reason: reason.PDFMalformed,
			also: also(reason.PDFActiveContent), change: func(d *draft) {
				neighbour(d)
				d.doc = func(p *pdftest.Doc) { badPDF(p); p.Obj("contents1").Data[4] ^= 0xff }
			}},
		{name: "several-updated", about: "a PDF that was updated; nothing more is said about it", reason: reason.PDFUpdated, change: func(d *draft) {
			neighbour(d)
			d.doc = func(p *pdftest.Doc) { badPDF(p); p.Trailer += " /Prev 17" }
		}},
		{name: "several-municipality", about: "another city's signer, signed yesterday, a bad PDF, a neighbour's statement", reason: reason.SignerWrongMunicipality,
			also: slices.Concat(also(reason.PackageStale), pdf, also(reason.OtherTransaction, reason.SubjectMismatch, reason.TagMismatch, reason.OtherApplication, reason.IssuerUnpatched)),
			change: func(d *draft) {
				neighbour(d)
				d.signer, d.doc = d.w.signerB, badPDF
				d.statement.ExpiresAt = protocol.At(d.at.Add(time.Minute))
				d.began = d.at.Add(time.Hour)
			}},
		{name: "several-card", about: "a card of no CA that is known, and a neighbour's statement: it is read all the same", reason: reason.CardUntrusted,
			also: slices.Concat(also(reason.OtherTransaction), statement), change: func(d *draft) {
				d.useCard("card-stranger.pem")
				neighbour(d)
			}},
		{name: "several-card-and-package", about: "an expired card, and a package that is none", reason: reason.CardExpired, also: also(reason.PackageMalformed), change: func(d *draft) {
			d.useCard("card-expired.pem")
			d.raw = func(b []byte) []byte { return b[1:] }
		}},
		{name: "several-signature", about: "MD5, no signing-time, a revoked signer; nothing inside is read", reason: reason.SignatureWeak,
			also: also(reason.SignatureInvalid, reason.SignerRevoked), change: func(d *draft) {
				neighbour(d)
				d.signer, d.doc = d.w.revokedA, badPDF
				cms(func(_ *forge.CMS, s *forge.Signer) {
					s.Drop(forge.SigningTime)
					s.Digest = forge.Algorithm(forge.HashOf[crypto.MD5])
				})(d)
			}},
		{name: "several-signer", about: "expired, and not made for documents", reason: reason.SignerExpired,
			also: also(reason.SignerUntrusted), change: func(d *draft) {
				neighbour(d)
				d.doc = badPDF
				under(midOf, func(c *x509.Certificate) {
					life(from, at.Add(-time.Second))(c)
					c.UnknownExtKeyUsage = nil
				})(d)
			}},
	}
}
