package selftest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust/sign"
	"honnin/spool/document"
	"honnin/spool/document/inspect/pdftest"
)

// lane says beside what a case runs.
type lane int

const (
	prepared lane = iota // before all others
	visits               // whole visits, one after the other
	direct               // the check and the queue themselves
)

// testCase is one row: what is wrong, and the answer that must come.
type testCase struct {
	id, ja, en string
	expected   string
	lane       lane
	try        func(context.Context, *run) string
}

// visit is a case of a whole visit with the holder's card.
func visit(id, ja, en, expected string, p poison) testCase {
	return cardVisit(id, ja, en, expected, p, func(w *world) (*sign.Pair, *sign.Pair) { return w.holder, nil })
}

func cardVisit(id, ja, en, expected string, p poison, which func(*world) (*sign.Pair, *sign.Pair)) testCase {
	return testCase{id, ja, en, expected, visits, func(ctx context.Context, r *run) string {
		holder, then := which(r.world)
		c, err := onReader(r.world, holder, then)
		if err != nil {
			return "no card"
		}
		return r.visit(ctx, p, c)
	}}
}

// paper is a case of the check alone.
func paper(id, ja, en, expected string, p poison) testCase {
	return testCase{id, ja, en, expected, direct, func(ctx context.Context, r *run) string {
		_, err := r.verified(ctx, p)
		return verdict(err)
	}}
}

// answer is a case of the register's answer about a good document.
func answer(id, ja, en, expected string, p poison) testCase {
	return testCase{id, ja, en, expected, direct, func(ctx context.Context, r *run) string {
		a, err := r.paper(ctx, 0)
		if err != nil {
			return verdict(err)
		}
		_, err = r.inForce(a, p)
		return verdict(err)
	}}
}

// queued is a case of the release signature or the queue, about two good documents.
func queued(id, ja, en, expected string, try func(ctx context.Context, r *run, a, b *accepted) error) testCase {
	return testCase{id, ja, en, expected, direct, func(ctx context.Context, r *run) string {
		a, err := r.paper(ctx, 0)
		if err != nil {
			return verdict(err)
		}
		b, err := r.paper(ctx, 1)
		if err != nil {
			return verdict(err)
		}
		return verdict(try(ctx, r, a, b))
	}}
}

// verdict is the answer of the check or the queue in words. A row that was only left unjudged is not the one that is
// asked about.
func verdict(err error) string {
	var no *document.Refusal
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &no) && strings.HasPrefix(no.Detail, "not judged"):
		return "not judged: " + string(no.Code)
	case errors.As(err, &no):
		return codes(append([]reason.Code{no.Code}, no.Also...))
	case reason.Of(err) != "":
		return string(reason.Of(err))
	}
	for word, known := range faults {
		if errors.Is(err, known) {
			return word
		}
	}
	return "fault"
}

// cases is the table, in the order in which lines are given.
var cases = slices.Concat(preparations, theVisits, theCard, theCardAlone, theBytes, thePDF, theStatement, theRegister, theQueue)

var preparations = []testCase{
	{"clock", "時計", "the clock, against the policy's card anchors", "right", prepared, clockRight},
	{"journal", "記録", "a scratch journal on this terminal's disk, and the terminal's parts around it", "open", prepared, journalOpens},
	{"child", "検査用の子プロセス", "the inspection child, with what is no document", string(reason.PDFMalformed), prepared, childAnswers},
	{"own-policy", "この端末の方針", "a package of throw-away keys, against this terminal's own policy", "card-untrusted signer-untrusted", direct, ownPolicyRefuses},
}

var theVisits = []testCase{
	visit("good", "正しい証明書", "a good package", "not-printed printer", poison{}),
	visit("swapped", "他人の証明書", "the neighbour's package", "other-transaction subject-mismatch tag-mismatch", poison{said: neighbours}),
	visit("late", "期限を過ぎた証明書", "expired", "package-stale", poison{said: expired}),
	visit("stale", "手続きより前に署名された証明書", "signed before the visit", "package-stale", poison{signed: -5 * skew}),
	visit("re-signed", "別の鍵で署名し直された証明書", "signed again by somebody else", "signer-untrusted", poison{signer: stranger}),
	visit("another-municipality", "別の市区町村の証明書", "another municipality's", "signer-wrong-municipality other-application", poison{signer: fromThere, said: isThere}),
	visit("foreign-page", "一枚だけ他人のページ", "one page of somebody else's", "tag-mismatch", poison{tags: foreignPage}),
	visit("wrong-content", "記録と異なる内容", "the record reads otherwise", "register-mismatch", poison{said: otherContent}),
	visit("superseded", "改められた記録", "the record was replaced", "record-superseded", poison{answer: superseded}),
	visit("forged-answer", "偽の照会回答", "the register's answer is forged", "register-untrusted", poison{seal: notTheRegister}),
	cardVisit("strange-card", "知らない発行者のカード", "a card of a strange issuer", "card-untrusted", poison{}, func(w *world) (*sign.Pair, *sign.Pair) { return w.unknown, nil }),
	cardVisit("no-key", "鍵を持たないカード", "a card without the key of its certificate", "card-untrusted", poison{}, func(w *world) (*sign.Pair, *sign.Pair) { return w.fake, nil }),
	cardVisit("changed-card", "途中で替わったカード", "another card's release signature", "card-untrusted", poison{bytes: turn}, func(w *world) (*sign.Pair, *sign.Pair) { return w.holder, w.neighbour }),
}

var theCard = []testCase{
	paper("card-untrusted", "知らない発行者のカード", "the card is of a strange issuer", "card-untrusted", poison{want: func(w *world, e *document.Expectation) { e.Card = w.unknown.Certificate }}),
	paper("card-expired", "期限切れのカード", "the card has expired", "card-expired", poison{want: func(w *world, e *document.Expectation) { e.Card = w.dead.Certificate }}),
}

// theCardAlone is judged before there is a package, by the check itself: whatever else would find it out later.
var theCardAlone = []testCase{
	{"card-alone", "知らない発行者のカードの証明書", "a strange issuer's card, before anything is asked for", "card-untrusted", direct, func(_ context.Context, r *run) string {
		return verdict(r.verifier.CheckCard(r.unknown.Certificate))
	}},
	{"card-proof", "別の鍵による本人確認", "a proof by another key than the card's", "card-untrusted", direct, func(_ context.Context, r *run) string {
		sig, err := signed(r.neighbour.Key, []byte("self-test"))
		if err != nil {
			return "no signature"
		}
		return verdict(r.verifier.CheckProof(r.holder.Certificate, []byte("self-test"), sig))
	}},
}

var theBytes = []testCase{
	paper("cut", "切れたパッケージ", "a byte short", "package-malformed", poison{bytes: func(_ *world, b []byte) []byte { return b[:len(b)-1] }}),
	paper("signer", "署名者が特定できない", "names no certificate that is there", "signature-invalid", poison{bytes: func(w *world, b []byte) []byte { return flip(b, serialAgain(b, w.signer.Certificate)) }}),
	paper("weak", "弱い鍵", "a key that is too short", "signature-weak", poison{signer: func(w *world) *sign.Pair { return w.weak }}),
	paper("edited", "署名後に書き換えられた", "edited after signing", "signature-invalid", poison{bytes: editDate}),
	paper("signature", "壊れた署名", "a broken signature", "signature-invalid", poison{bytes: func(_ *world, b []byte) []byte { return flip(b, len(b)-1) }}),
	paper("stranger", "知らない署名者", "a strange signer", "signer-untrusted", poison{signer: stranger}),
	paper("signer-expired", "署名者の期限切れ", "the signer has expired", "signer-expired", poison{signer: func(w *world) *sign.Pair { return w.expired }}),
	paper("signer-use", "文書用でない署名者", "the signer is not for documents", "signer-untrusted", poison{signer: func(w *world) *sign.Pair { return w.useless }}),
	paper("signer-revoked", "失効した署名者", "the signer is revoked", "signer-revoked", poison{signer: func(w *world) *sign.Pair { return w.revoked }}),
	paper("signer-astray", "別の市区町村を名乗る署名者", "speaks for a municipality that is not its own", "signer-wrong-municipality",
		poison{signer: func(w *world) *sign.Pair { return w.astray }, want: func(_ *world, e *document.Expectation) { e.Application.Municipality = there }}),
	paper("signer-there", "別の市区町村の署名者", "signed by another municipality", "signer-wrong-municipality other-application", poison{signer: fromThere, said: isThere}),
	paper("signed-early", "手続きより前の署名", "signed before the transaction", "package-stale", poison{signed: -5 * skew}),
}

var thePDF = []testCase{
	paper("pdf-updated", "書き足されたPDF", "something after its end", "pdf-updated", poison{drawn: func(d *pdftest.Doc) { d.After = "%\n" }}),
	paper("pdf-malformed", "壊れたPDF", "an offset off by one", "pdf-malformed", poison{drawn: func(d *pdftest.Doc) { d.Offset = func(_, at int) int { return at + 1 } }}),
	paper("pdf-active", "動作するPDF", "it acts", "pdf-active-content", poison{drawn: func(d *pdftest.Doc) { d.Obj("catalog").Put("/OpenAction << /S /JavaScript /JS (0) >>") }}),
	paper("pdf-paper", "A4でないPDF", "not A4", "pdf-pages", poison{drawn: func(d *pdftest.Doc) { d.Obj("page1").Replace("595.276 841.89", "612 792") }}),
	paper("pdf-count", "枚数が違う", "fewer pages than stated", "pdf-pages", poison{said: func(_ *world, s *protocol.Statement) { s.Pages = pages + 1 }}),
	paper("pdf-font", "埋め込まれていない書体", "a font that is not embedded", "pdf-font", poison{drawn: func(d *pdftest.Doc) {
		d.Obj("descriptor").Replace("/FontFile2 {fontfile}", "")
	}}),
	paper("statement-missing", "発行情報がない", "no statement", "statement-missing", poison{drawn: func(d *pdftest.Doc) {
		d.Obj("catalog").Replace("/Names << /EmbeddedFiles << /Names [(issuance.json) {filespec}] >> >>", "")
	}}),
	paper("tag-missing", "札のないページ", "a page without a tag", "tag-missing", poison{drawn: func(d *pdftest.Doc) { d.Obj("page2").Replace("/PieceInfo", "/PieceInfX") }}),
}

var theStatement = []testCase{
	paper("statement-form", "書式の違う発行情報", "the statement is not well formed", "statement-malformed", poison{text: func(b []byte) []byte { return append(b, '\n') }}),
	paper("statement-there", "発行者と異なる市区町村名", "states another municipality than signed it", "signer-wrong-municipality other-application", poison{said: isThere}),
	paper("other-transaction", "別の手続きのもの", "another transaction", "other-transaction tag-mismatch", poison{said: func(_ *world, s *protocol.Statement) { s.Transaction = protocol.NewTransaction() }}),
	paper("other-nonce", "別の乱数", "another nonce", "other-transaction", poison{said: func(_ *world, s *protocol.Statement) { s.Nonce = protocol.NewNonce() }}),
	paper("other-terminal", "別の端末のもの", "another terminal", "other-transaction", poison{said: func(_ *world, s *protocol.Statement) { s.Terminal = "SELF-TEST-2" }}),
	paper("other-person", "別人のもの", "another person", "subject-mismatch", poison{said: otherPerson, mine: true}),
	paper("tag-person", "別人の札", "a tag of another person", "tag-mismatch", poison{tags: foreignPage}),
	paper("tag-order", "入れ替わったページ", "pages in another order", "tag-mismatch", poison{tags: func(p []pdftest.Page) { p[0].Page, p[1].Page = p[1].Page, p[0].Page }}),
	paper("tag-transaction", "別の手続きの札", "a tag of another transaction", "tag-mismatch", poison{tags: func(p []pdftest.Page) { p[1].Transaction = protocol.NewTransaction() }}),
	paper("other-certificate", "別の種類の証明書", "another certificate", "other-application", poison{said: func(_ *world, s *protocol.Statement) { s.Certificate = protocol.ResidentRecordItems }}),
	paper("other-options", "別の記載事項", "other options", "other-application", poison{said: func(_ *world, s *protocol.Statement) { s.Options = protocol.Options{"my_number": protocol.Bool(true)} }}),
	paper("other-copies", "別の通数", "another number of copies", "other-application", poison{said: func(_ *world, s *protocol.Statement) { s.Copies = 2 }}),
	paper("issued-later", "未来の発行", "issued in the future", "package-stale", poison{said: func(_ *world, s *protocol.Statement) { move(s, 2*skew, lifetime) }}),
	paper("expired", "期限を過ぎた", "expired", "package-stale", poison{said: expired}),
	paper("long-lived", "期限が長すぎる", "lives too long", "package-stale", poison{said: func(_ *world, s *protocol.Statement) { s.ExpiresAt = protocol.At(s.IssuedAt.Add(lifetime + skew)) }}),
	paper("unpatched", "古いプログラム", "issued by software below its floor", "issuer-unpatched", poison{said: func(_ *world, s *protocol.Statement) { s.Software.Version = "0.9.0" }}),
}

var theRegister = []testCase{
	answer("answer-good", "正しい照会回答", "a good answer", "accepted", poison{}),
	answer("answer-issuer", "証明書の署名者の回答", "signed by the issuer", "register-untrusted", poison{seal: notTheRegister}),
	answer("answer-there", "別の市区町村の台帳の回答", "signed by another municipality's register", "register-untrusted", poison{seal: func(w *world) *sign.Pair { return w.elsewhereRegister }}),
	answer("answer-form", "書式の違う回答", "not well formed", "register-untrusted", poison{text: func(b []byte) []byte { return append(b, '\n') }}),
	answer("answer-municipality", "別の市区町村についての回答", "says that it is another municipality's", "register-untrusted", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.Municipality = there }}),
	answer("answer-sealed-early", "問い合わせより前の署名", "signed long before", "register-untrusted", poison{sealed: -time.Hour / 2}),
	answer("answer-old", "古い回答", "of long ago", "register-untrusted", poison{answer: func(_ *world, a *protocol.InForceAnswer) {
		a.ThisUpdate = protocol.At(a.ThisUpdate.Add(-time.Hour / 2))
	}}),
	answer("answer-early", "未来の回答", "of the future", "register-untrusted", poison{answer: func(_ *world, a *protocol.InForceAnswer) {
		a.ThisUpdate, a.NextUpdate = protocol.At(a.ThisUpdate.Add(time.Hour)), protocol.At(a.NextUpdate.Add(time.Hour))
	}}),
	answer("answer-over", "期限を過ぎた回答", "no longer valid", "register-untrusted", poison{answer: func(_ *world, a *protocol.InForceAnswer) {
		a.ThisUpdate, a.NextUpdate = protocol.At(a.ThisUpdate.Add(-4*time.Second)), protocol.At(a.ThisUpdate.Add(-2*time.Second))
	}}),
	answer("answer-transaction", "別の手続きへの回答", "about another transaction", "register-other-transaction", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.Transaction = protocol.NewTransaction() }}),
	answer("answer-nonce", "別の問いへの回答", "to another question", "register-other-transaction", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.Nonce = protocol.NewNonce() }}),
	answer("answer-document", "別の文書への回答", "about another document", "register-other-transaction", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.Document[0] ^= 1 }}),
	answer("answer-register", "別の台帳の回答", "of another register", "register-other-transaction", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.Register = protocol.SealRegistration.Register() }}),
	answer("answer-token", "別の記録への回答", "about another record", "register-other-transaction", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.Token = protocol.NewToken() }}),
	answer("answer-person", "別人の記録", "the record is another person's", "register-mismatch", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.SubjectHash[0] ^= 1 }}),
	answer("answer-content", "内容の異なる記録", "the record reads otherwise", "register-mismatch", poison{answer: func(_ *world, a *protocol.InForceAnswer) { a.Content[0] ^= 1 }}),
	answer("answer-superseded", "改められた記録", "the record was replaced", "record-superseded", poison{answer: superseded}),
}

func neighbours(w *world, s *protocol.Statement) {
	s.Transaction, s.Nonce = protocol.NewTransaction(), protocol.NewNonce()
	s.SubjectHash = protocol.HashSubject(s.Nonce, w.neighbour.Certificate.Raw)
}

func otherPerson(w *world, s *protocol.Statement) {
	s.SubjectHash = protocol.HashSubject(s.Nonce, w.neighbour.Certificate.Raw)
}

// move lets a document be issued and expire so long after it was.
func move(s *protocol.Statement, issued, expires time.Duration) {
	at := s.IssuedAt.Time
	s.IssuedAt, s.ExpiresAt = protocol.At(at.Add(issued)), protocol.At(at.Add(expires))
	s.Record.AsOf = s.IssuedAt
}

func expired(_ *world, s *protocol.Statement) { move(s, -2*time.Minute, -time.Minute) }

func otherContent(_ *world, s *protocol.Statement) { s.Record.Content[0] ^= 1 }

func isThere(_ *world, s *protocol.Statement) { s.Municipality = there }

func fromThere(w *world) *sign.Pair { return w.elsewhere }

func stranger(w *world) *sign.Pair { return w.stranger }

func notTheRegister(w *world) *sign.Pair { return w.signer }

func foreignPage(p []pdftest.Page) { p[1].SubjectHash[0] ^= 1 }

func superseded(_ *world, a *protocol.InForceAnswer) {
	a.InForce, a.SupersededAt = false, protocol.At(a.ThisUpdate.Add(-time.Minute))
}

// turn lets the card become another one while the package is on its way.
func turn(w *world, pkg []byte) []byte {
	w.turned.Store(true)
	return pkg
}

// editDate changes a digit of the PDF's date, which is a date still.
func editDate(_ *world, pkg []byte) []byte {
	const date = "(D:20261121110305"
	return flip(pkg, strings.Index(string(pkg), date)+len(date)-1)
}

// clockRight: at least one anchor of the cards must be valid at this hour; a machine whose battery is empty wakes up in
// another year. And there is one clock, not two.
func clockRight(_ context.Context, r *run) string {
	now := r.own.Now()
	if d := time.Since(now); d > skew || d < -skew {
		return "two clocks"
	}
	for _, a := range r.own.Policy.CardAnchors() {
		if !now.Before(a.NotBefore) && !now.After(a.NotAfter) {
			return "right"
		}
	}
	return "no card anchor is valid now"
}

func journalOpens(ctx context.Context, r *run) string {
	if err := r.open(ctx); err != nil {
		return "cannot be written"
	}
	if err := r.live.welcome(ctx); err != nil {
		return err.Error()
	}
	return "open"
}

func childAnswers(ctx context.Context, r *run) string {
	f, err := r.own.Inspector.Inspect(ctx, []byte("no PDF"))
	switch {
	case err != nil && reason.Of(err) == "":
		return "none"
	case err != nil:
		return "died"
	case len(f.Findings) == 0:
		return "nothing found"
	}
	return string(f.Findings[0].Code)
}

// ownPolicyRefuses: what is signed with keys that were made a moment ago is nobody's.
func ownPolicyRefuses(ctx context.Context, r *run) string {
	now := r.own.Now()
	e := r.expectation(r.name(), now)
	pkg, _, err := r.issue(e, now, poison{})
	if err != nil {
		return "no package"
	}
	_, err = document.NewVerifier(r.own.Policy, r.own.Inspector, r.own.Now).Verify(ctx, pkg, e)
	return verdict(err)
}
