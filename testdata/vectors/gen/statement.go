package main

import (
	"crypto/sha256"
	"strings"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

// statementCases are about issuance.json and the page tags: the mix-ups this terminal exists to stop.
func statementCases() []vectorCase {
	form := func(name, about string, f func([]byte) []byte) vectorCase {
		return vectorCase{name: name, about: about, reason: reason.StatementMalformed, change: func(d *draft) { d.rawStatement = f }}
	}
	says := func(name, about string, code reason.Code, f func(*draft)) vectorCase {
		return vectorCase{name: name, about: about, reason: code, change: f}
	}
	with := func(c vectorCase, codes ...reason.Code) vectorCase { c.also = codes; return c }
	another := func(label string) (t protocol.Transaction) {
		id := sha256.Sum256([]byte("another " + label))
		copy(t[:], id[:])
		return t
	}
	return []vectorCase{
		form("statement-bom", "a byte order mark", func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }),
		form("statement-trailing", "a second object after the first", func(b []byte) []byte { return append(b, "{}"...) }),
		form("statement-line-end", "a line end after the object", func(b []byte) []byte { return append(b, '\n') }),
		form("statement-doubled", "copies stands twice", replace(`"copies":1`, `"copies":1,"copies":1`)),
		form("statement-unknown", "a member that the format does not know", replace(`"copies":1`, `"copies":1,"colour":true`)),
		form("statement-missing-member", "no serial", replace(`"serial":"991015-20261121-0000001",`, "")),
		form("statement-null", "a member that is null", replace(`"copies":1`, `"copies":null`)),
		form("statement-fraction", "copies is 1.0", replace(`"copies":1`, `"copies":1.0`)),
		form("statement-format", "another format", replace(`"honnin-issuance/1"`, `"honnin-issuance/2"`)),
		form("statement-array", "an array", func(b []byte) []byte { return append(append([]byte("["), b...), ']') }),
		form("statement-deep", "options nested deeply", replace(`"household":"self"`, `"household":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000))),
		form("statement-too-long", "longer than 64 KiB", replace(`"household":"self"`, `"household":"`+strings.Repeat("x", 64<<10)+`"`)),
		form("statement-register", "a register that does not fit the certificate", replace(`"register":"resident"`, `"register":"tax"`)),

		with(says("neighbour-whole-package", "a neighbour's whole package: another transaction, nonce and person", reason.OtherTransaction, func(d *draft) {
			d.statement.Transaction, d.statement.Nonce = another("whole"), protocol.Nonce(sha256.Sum256([]byte("another nonce")))
			d.statement.SubjectHash = protocol.HashSubject(d.statement.Nonce, d.w.cards["card-p03.pem"].Certificate.Raw)
		}), reason.SubjectMismatch),
		says("other-transaction", "made for another transaction of the same person", reason.OtherTransaction, func(d *draft) { d.statement.Transaction = another("id") }),
		says("other-nonce", "an old package of the same person: the nonce differs, and with it the hash", reason.OtherTransaction, func(d *draft) {
			d.statement.Nonce = sha256.Sum256([]byte("old nonce"))
			d.statement.SubjectHash = protocol.HashSubject(d.statement.Nonce, d.w.cards[d.card].Certificate.Raw)
		}),
		says("other-terminal", "made for another terminal", reason.OtherTransaction, func(d *draft) { d.statement.Terminal = "JP-99-000002" }),
		says("neighbour-record", "this transaction, a neighbour's record: the kawasaki and tokushima fault", reason.SubjectMismatch, func(d *draft) { d.statement.SubjectHash = d.neighbour() }),
		with(says("neighbour-record-and-copies", "a neighbour's record, and another number of copies", reason.SubjectMismatch, func(d *draft) {
			d.statement.SubjectHash, d.statement.Copies = d.neighbour(), 2
		}), reason.OtherApplication),
		says("neighbour-pages", "one's own statement over a neighbour's pages", reason.TagMismatch, func(d *draft) {
			n := d.neighbour()
			d.tags = func(p []pdftest.Page) { p[0].SubjectHash = n }
		}),
		says("neighbour-last-page", "only the last of three pages is a neighbour's: the yokohama fault", reason.TagMismatch, func(d *draft) {
			d.pages(3)
			n := d.neighbour()
			d.tags = func(p []pdftest.Page) { p[2].SubjectHash = n }
		}),
		says("tag-other-transaction", "a page of another transaction of the same person", reason.TagMismatch, func(d *draft) {
			d.tags = func(p []pdftest.Page) { p[0].Transaction = another("page") }
		}),
		says("tag-page-order", "the two pages are in the wrong order", reason.TagMismatch, func(d *draft) {
			d.pages(2)
			d.tags = func(p []pdftest.Page) { p[0], p[1] = p[1], p[0] }
		}),
		says("tag-page-total", "the pages say three, there are two", reason.TagMismatch, func(d *draft) {
			d.pages(2)
			d.tags = func(p []pdftest.Page) { p[0].Pages, p[1].Pages = 3, 3 }
		}),
		says("application-certificate", "another certificate than was applied for", reason.OtherApplication, func(d *draft) { d.application.Certificate = protocol.ResidentRecordItems }),
		says("application-options", "with My Number, which was not asked for", reason.OtherApplication, func(d *draft) {
			d.statement.Options = protocol.Options{"household": protocol.Text("self"), "my_number": protocol.Bool(true)}
		}),
		says("application-option-missing", "an option of the application is missing", reason.OtherApplication, func(d *draft) {
			d.statement.Options = protocol.Options{"household": protocol.Text("self")}
		}),
		says("application-copies", "more copies than were applied for", reason.OtherApplication, func(d *draft) { d.statement.Copies = 2 }),
		says("software-below-floor", "a version below the floor", reason.IssuerUnpatched, func(d *draft) { d.statement.Software.Version = "1.3.9" }),
		says("software-pre-release", "a pre-release of the floor is below it", reason.IssuerUnpatched, func(d *draft) { d.statement.Software.Version = "1.4.0-rc.1" }),
		says("software-other", "software that the policy does not name", reason.IssuerUnpatched, func(d *draft) { d.statement.Software.Name = "other-issuer" }),
		says("software-fix-missing", "the fix had not reached this site: the takamatsu fault", reason.IssuerUnpatched, func(d *draft) { d.statement.Software.Fixes = []string{} }),
	}
}
