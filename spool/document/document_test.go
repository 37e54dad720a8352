package document_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/spool/spooltest"
)

var paper = []byte("%PDF-1.7\nnot looked at here: the inspection is the test's\n")

func TestTheRightDocumentPasses(t *testing.T) {
	w := spooltest.New(t)
	d := w.Verified(t, paper, 2, 3)
	if d.Transaction() != w.Want.Transaction || d.Pages() != 2 || d.Copies() != 3 || d.Document() != protocol.Fingerprint(paper) || d.Municipality() != spooltest.City {
		t.Errorf("%+v", d)
	}
}

// TestStatementRows breaks one thing at a time in what the issuer says. The codes are the first and the others.
func TestStatementRows(t *testing.T) {
	neighbour := protocol.SubjectHash{1, 2, 3}
	for name, c := range map[string]struct {
		spoil func(*protocol.Statement) // before the pages are tagged: the whole document is of this mind
		facts func(*inspect.Facts)      // after
		want  []reason.Code
	}{
		"another transaction": {spoil: func(s *protocol.Statement) { s.Transaction = protocol.NewTransaction() }, want: []reason.Code{reason.OtherTransaction, reason.TagMismatch}},
		"another nonce":       {spoil: func(s *protocol.Statement) { s.Nonce = protocol.NewNonce() }, want: []reason.Code{reason.OtherTransaction}},
		"another terminal":    {spoil: func(s *protocol.Statement) { s.Terminal = "TEST-2" }, want: []reason.Code{reason.OtherTransaction}},
		"a neighbour":         {spoil: func(s *protocol.Statement) { s.SubjectHash = neighbour }, want: []reason.Code{reason.SubjectMismatch, reason.TagMismatch}},
		"a neighbour's whole package": {spoil: func(s *protocol.Statement) {
			s.Transaction, s.Nonce, s.SubjectHash = protocol.NewTransaction(), protocol.NewNonce(), neighbour
		}, want: []reason.Code{reason.OtherTransaction, reason.SubjectMismatch, reason.TagMismatch}},
		"a neighbour's page":   {facts: func(f *inspect.Facts) { f.Tags[1].SubjectHash = neighbour }, want: []reason.Code{reason.TagMismatch}},
		"an old page":          {facts: func(f *inspect.Facts) { f.Tags[1].Transaction = protocol.NewTransaction() }, want: []reason.Code{reason.TagMismatch}},
		"pages swapped":        {facts: func(f *inspect.Facts) { slices.Reverse(f.Tags) }, want: []reason.Code{reason.TagMismatch}},
		"wrong number of all":  {facts: func(f *inspect.Facts) { f.Tags[0].Pages = 3 }, want: []reason.Code{reason.TagMismatch}},
		"a tag short":          {facts: func(f *inspect.Facts) { f.Tags = f.Tags[:1] }, want: []reason.Code{reason.TagMismatch}},
		"another certificate":  {spoil: func(s *protocol.Statement) { s.Certificate = protocol.ResidentRecordItems }, want: []reason.Code{reason.OtherApplication}},
		"other options":        {spoil: func(s *protocol.Statement) { s.Options = protocol.Options{"my_number": protocol.Bool(true)} }, want: []reason.Code{reason.OtherApplication}},
		"more copies":          {spoil: func(s *protocol.Statement) { s.Copies = 2 }, want: []reason.Code{reason.OtherApplication}},
		"another municipality": {spoil: func(s *protocol.Statement) { s.Municipality = "992020" }, want: []reason.Code{reason.SignerWrongMunicipality, reason.OtherApplication, reason.IssuerUnpatched}},
		"issued in the future": {spoil: func(s *protocol.Statement) {
			s.IssuedAt, s.ExpiresAt = protocol.At(s.IssuedAt.Add(6*time.Minute)), protocol.At(s.IssuedAt.Add(9*time.Minute))
		}, want: []reason.Code{reason.PackageStale}},
		"expired": {spoil: func(s *protocol.Statement) {
			s.Record.AsOf, s.IssuedAt, s.ExpiresAt = protocol.At(s.IssuedAt.Add(-time.Minute)), protocol.At(s.IssuedAt.Add(-time.Minute)), s.IssuedAt
		}, want: []reason.Code{reason.PackageStale}},
		"lives too long":       {spoil: func(s *protocol.Statement) { s.ExpiresAt = protocol.At(s.IssuedAt.Add(16 * time.Minute)) }, want: []reason.Code{reason.PackageStale}},
		"pages miscounted":     {spoil: func(s *protocol.Statement) { s.Pages = 3 }, facts: func(f *inspect.Facts) { f.PageCount, f.Tags = 2, f.Tags[:2] }, want: []reason.Code{reason.PDFPages, reason.TagMismatch}},
		"statement malformed":  {facts: func(f *inspect.Facts) { f.Statement = append(f.Statement, '\n') }, want: []reason.Code{reason.StatementMalformed}},
		"statement cut":        {facts: func(f *inspect.Facts) { f.StatementTruncated = true }, want: []reason.Code{reason.StatementMalformed}},
		"a finding of the PDF": {facts: func(f *inspect.Facts) { f.Findings = []inspect.Finding{{Code: reason.PDFFont}} }, want: []reason.Code{reason.PDFFont}},
		"findings and a neighbour": {spoil: func(s *protocol.Statement) { s.SubjectHash = neighbour },
			facts: func(f *inspect.Facts) {
				f.Findings = []inspect.Finding{{Code: reason.PDFActiveContent}, {Code: reason.PDFFont}}
			}, want: []reason.Code{reason.PDFActiveContent, reason.PDFFont, reason.SubjectMismatch, reason.TagMismatch}},
		"nothing readable": {facts: func(f *inspect.Facts) { *f = inspect.Facts{Findings: []inspect.Finding{{Code: reason.PDFMalformed}}} }, want: []reason.Code{reason.PDFMalformed}},
		"nothing reported": {facts: func(f *inspect.Facts) { *f = inspect.Facts{} }, want: []reason.Code{reason.StatementMalformed}},
	} {
		t.Run(name, func(t *testing.T) {
			w := spooltest.New(t)
			s := w.Statement(2, 1)
			if c.spoil != nil {
				c.spoil(&s)
			}
			f := spooltest.Facts(t, s)
			if c.facts != nil {
				c.facts(&f)
			}
			_, err := w.Verifier.Verify(t.Context(), w.Package(t, paper, f), w.Want)
			refused(t, err, c.want)
		})
	}
}

func refused(t *testing.T, err error, want []reason.Code) {
	t.Helper()
	var r *document.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("not refused: %v", err)
	}
	if got := append([]reason.Code{r.Code}, r.Also...); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v (%s)", got, want, r.Detail)
	}
}

func TestNoByteIsParsedBeforeTheSignature(t *testing.T) {
	w := spooltest.New(t)
	pkg := w.Package(t, paper, inspect.Facts{Findings: []inspect.Finding{{Code: reason.PDFFont}}})
	pkg[bytes.Index(pkg, []byte("not looked"))] ^= 1
	_, err := w.Verifier.Verify(t.Context(), pkg, w.Want)
	refused(t, err, []reason.Code{reason.SignatureInvalid})
}

func TestTimeOfSigning(t *testing.T) {
	for name, c := range map[string]struct {
		pass time.Duration // between signing and checking
		want []reason.Code
	}{
		"within skew":        {-4 * time.Minute, nil},
		"in the future":      {-6 * time.Minute, []reason.Code{reason.PackageStale}},
		"after its lifetime": {5 * time.Minute, []reason.Code{reason.PackageStale}},
	} {
		t.Run(name, func(t *testing.T) {
			w := spooltest.New(t)
			w.Want.Began = w.Now().Add(-10 * time.Minute)
			pkg := w.Package(t, paper, spooltest.Facts(t, w.Statement(1, 1)))
			w.Pass(c.pass)
			if _, err := w.Verifier.Verify(t.Context(), pkg, w.Want); c.want != nil {
				refused(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("before the transaction", func(t *testing.T) {
		w := spooltest.New(t)
		pkg := w.Package(t, paper, spooltest.Facts(t, w.Statement(1, 1)))
		w.Want.Began = w.Now().Add(6 * time.Minute)
		_, err := w.Verifier.Verify(t.Context(), pkg, w.Want)
		refused(t, err, []reason.Code{reason.PackageStale})
	})
}

func TestNothingIsVerifiedAgainstNothing(t *testing.T) {
	for name, forget := range map[string]func(*document.Expectation){
		"card":        func(e *document.Expectation) { e.Card = nil },
		"transaction": func(e *document.Expectation) { e.Transaction = protocol.Transaction{} },
		"application": func(e *document.Expectation) { e.Application = nil },
		"beginning":   func(e *document.Expectation) { e.Began = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			w := spooltest.New(t)
			pkg := w.Package(t, paper, spooltest.Facts(t, w.Statement(1, 1)))
			forget(&w.Want)
			if d, err := w.Verifier.Verify(t.Context(), pkg, w.Want); err == nil || d != (document.Verified{}) {
				t.Error("verified")
			}
		})
	}
}

func TestOfflineSaysWhatItDidNotCheck(t *testing.T) {
	w := spooltest.New(t)
	pkg := w.Package(t, paper, spooltest.Facts(t, w.Statement(1, 1)))
	w.Want.Application, w.Want.Began = nil, time.Time{}
	v, err := w.Verifier.Examine(t.Context(), pkg, w.Want)
	if err != nil || v.Refusal != nil || !slices.Equal(v.Unchecked, []string{"application", "in-force"}) {
		t.Errorf("%+v %v", v, err)
	}
}

func TestRegistersAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*protocol.InForceAnswer)
		want   reason.Code
	}{
		"another transaction":  {func(a *protocol.InForceAnswer) { a.Transaction = protocol.NewTransaction() }, reason.RegisterOtherTransaction},
		"an old nonce":         {func(a *protocol.InForceAnswer) { a.Nonce = protocol.NewNonce() }, reason.RegisterOtherTransaction},
		"another document":     {func(a *protocol.InForceAnswer) { a.Document = protocol.Digest{9} }, reason.RegisterOtherTransaction},
		"another version":      {func(a *protocol.InForceAnswer) { a.Token = protocol.NewToken() }, reason.RegisterOtherTransaction},
		"another register":     {func(a *protocol.InForceAnswer) { a.Register = protocol.TaxRegister }, reason.RegisterOtherTransaction},
		"another person":       {func(a *protocol.InForceAnswer) { a.SubjectHash[0] ^= 1 }, reason.RegisterMismatch},
		"another content":      {func(a *protocol.InForceAnswer) { a.Content[0] ^= 1 }, reason.RegisterMismatch},
		"superseded":           {func(a *protocol.InForceAnswer) { a.InForce, a.SupersededAt = false, a.ThisUpdate }, reason.RecordSuperseded},
		"another municipality": {func(a *protocol.InForceAnswer) { a.Municipality = "992020" }, reason.RegisterUntrusted},
		"an old answer": {func(a *protocol.InForceAnswer) {
			a.ThisUpdate = protocol.At(a.ThisUpdate.Add(-7 * time.Minute))
		}, reason.RegisterUntrusted},
		"an answer of tomorrow": {func(a *protocol.InForceAnswer) {
			a.ThisUpdate, a.NextUpdate = protocol.At(a.ThisUpdate.Add(24*time.Hour)), protocol.At(a.ThisUpdate.Add(25*time.Hour))
		}, reason.RegisterUntrusted},
		"no longer valid": {func(a *protocol.InForceAnswer) {
			a.ThisUpdate, a.NextUpdate = protocol.At(a.ThisUpdate.Add(-time.Minute)), protocol.At(a.ThisUpdate.Add(-time.Second))
		}, reason.RegisterUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			w := spooltest.New(t)
			d, fresh := w.Verified(t, paper, 1, 1), protocol.NewNonce()
			a := w.Answer(d, fresh)
			c.change(&a)
			_, err := w.Verifier.InForce(d, fresh, w.SignAnswer(t, a))
			if reason.Of(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestRegistersAnswerFromTheIssuer(t *testing.T) {
	w := spooltest.New(t)
	d, fresh := w.Verified(t, paper, 1, 1), protocol.NewNonce()
	w.Register = w.Issuer
	if _, err := w.Verifier.InForce(d, fresh, w.SignAnswer(t, w.Answer(d, fresh))); reason.Of(err) != reason.RegisterUntrusted {
		t.Errorf("an issuer's key answered for the register: %v", err)
	}
	if _, err := w.Verifier.InForce(d, fresh, []byte("yes")); reason.Of(err) != reason.RegisterUntrusted {
		t.Errorf("garbage: %v", err)
	}
}

func TestSupersededLongAgoIsAnIncident(t *testing.T) {
	for name, c := range map[string]struct {
		ago  time.Duration
		want bool
	}{"just now": {time.Second, false}, "years ago": {1000 * 24 * time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			w := spooltest.New(t)
			d, fresh := w.Verified(t, paper, 1, 1), protocol.NewNonce()
			a := w.Answer(d, fresh)
			a.InForce, a.SupersededAt = false, protocol.At(a.ThisUpdate.Add(-c.ago))
			_, err := w.Verifier.InForce(d, fresh, w.SignAnswer(t, a))
			var r *document.Refusal
			if !errors.As(err, &r) || r.Code != reason.RecordSuperseded || r.Incident() != c.want {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestReleaseSignature(t *testing.T) {
	w := spooltest.New(t)
	d := w.Verified(t, paper, 1, 1)
	good := w.Sign(t, d)
	if s, err := w.Verifier.ReleaseSignature(d, good); err != nil || !bytes.Equal(s.Bytes(), good) {
		t.Fatal(err)
	}
	w.Card = w.Issuer
	if _, err := w.Verifier.ReleaseSignature(d, w.Sign(t, d)); reason.Of(err) != reason.CardUntrusted {
		t.Error("another key's signature was taken")
	}
}

func TestSpendTogetherOnceAndInTime(t *testing.T) {
	w := spooltest.New(t)
	d := w.Verified(t, paper, 1, 1)
	f, s := w.InForce(t, d), w.Signature(t, d)
	w.Renew()
	other := w.Verified(t, paper, 1, 1)
	otherF, otherS := w.InForce(t, other), w.Signature(t, other)
	now := w.Now()
	for name, c := range map[string]struct {
		v    document.Verified
		f    document.InForce
		s    document.ReleaseSignature
		at   time.Time
		want error
	}{
		"nothing":             {document.Verified{}, document.InForce{}, document.ReleaseSignature{}, now, document.ErrUnverified},
		"without document":    {document.Verified{}, f, s, now, document.ErrUnverified},
		"without register":    {d, document.InForce{}, s, now, document.ErrUnverified},
		"without signature":   {d, f, document.ReleaseSignature{}, now, document.ErrUnverified},
		"another's register":  {d, otherF, s, now, document.ErrForeign},
		"another's signature": {d, f, otherS, now, document.ErrForeign},
		"another's document":  {other, f, s, now, document.ErrForeign},
		"too late":            {d, f, s, now.Add(document.MaxInForceAge + 1), document.ErrTooLate},
		"too early":           {d, f, s, now.Add(-1), document.ErrTooLate},
	} {
		if p, err := c.v.Spend(c.f, c.s, c.at); !errors.Is(err, c.want) || p != (document.Paper{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := d.Spend(f, s, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Spend(f, s, now); !errors.Is(err, document.ErrSpent) {
		t.Error("spent twice")
	}
	r, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(r); !bytes.Equal(got, paper) {
		t.Error("other bytes than were checked")
	}
	if _, err := p.Open(); !errors.Is(err, document.ErrSpent) {
		t.Error("opened twice")
	}
	if _, err := (document.Paper{}).Open(); !errors.Is(err, document.ErrUnverified) {
		t.Error("a zero Paper opened")
	}
}

func TestDestroyedIsGone(t *testing.T) {
	w := spooltest.New(t)
	d := w.Verified(t, paper, 1, 1)
	f, s := w.InForce(t, d), w.Signature(t, d)
	p, err := d.Spend(f, s, w.Now())
	if err != nil {
		t.Fatal(err)
	}
	d.Destroy()
	if _, err := p.Open(); !errors.Is(err, document.ErrSpent) {
		t.Error("a destroyed document opened")
	}
	document.Verified{}.Destroy()
}
