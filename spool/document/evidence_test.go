package document_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/document"
	"honnin/spool/spooltest"
	"honnin/testdata/vectors"
)

// TestEvidenceOfEveryVector: of whatever is refused, evidence holds what was signed by somebody of the policy and read, and no more.
func TestEvidenceOfEveryVector(t *testing.T) {
	all, err := vectors.All()
	if err != nil || len(all) < 250 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	pdf, none, signers, serials, strays := &here{}, 0, 0, 0, 0
	for _, v := range all {
		p, w, pkg, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := document.NewVerifier(p, pdf, func() time.Time { return w.At }).Examine(t.Context(), pkg,
			document.Expectation{Terminal: w.Terminal, Transaction: w.Transaction, Nonce: w.Nonce, Card: w.Card, Application: w.Application, Began: w.Began})
		if err != nil {
			t.Fatal(err)
		}
		r := verdict.Refusal
		if r == nil {
			continue
		}
		e := r.Evidence
		seen := append([]reason.Code{r.Code}, r.Also...)
		chained := slices.ContainsFunc(verdict.Steps, func(s document.Step) bool {
			return s.Rule == "the signer chains to an issuing anchor" && s.Result == document.Holds
		})
		strays += count(!chained && !slices.ContainsFunc(seen, strangers))
		switch untrusted := !chained || slices.ContainsFunc(seen, strangers); {
		case untrusted && e != protocol.Evidence{}:
			t.Errorf("%s (%v): evidence of somebody whom nobody trusts: %+v", v.Name, seen, e)
		case r.Class() == reason.MixedUp && (e.SignedBy == protocol.Digest{} || e.SignedAt.IsZero()):
			t.Errorf("%s (%v): nobody signed it", v.Name, seen)
		case e.Serial != "" && (e.SignedBy == protocol.Digest{} || e.IssuedAt.IsZero() || slices.ContainsFunc(seen, unread)):
			t.Errorf("%s (%v): a statement that was not read: %+v", v.Name, seen, e)
		case (e.Serial == "") != (e.IssuedAt.IsZero()):
			t.Errorf("%s: half a statement: %+v", v.Name, e)
		case e.Journal != protocol.JournalHead{} || e.Program != "" || e.Policy != protocol.PolicyRef{}:
			t.Errorf("%s: the check knows of the terminal: %+v", v.Name, e)
		}
		none, signers, serials = none+count(e == protocol.Evidence{}), signers+count(e.SignedBy != protocol.Digest{}), serials+count(e.Serial != "")
	}
	if none < 20 || signers < 100 || serials < 50 || signers == serials || strays < 3 {
		t.Errorf("evidence of nothing %d times, of signers %d, of statements %d; %d strangers whose signature holds", none, signers, serials, strays)
	}
}

func count(is bool) int { return map[bool]int{true: 1}[is] }

// strangers are the reasons that leave open whose bytes these are, and who signed them.
func strangers(c reason.Code) bool {
	return slices.Contains([]reason.Code{reason.PackageMalformed, reason.SignatureInvalid, reason.SignatureWeak}, c)
}

// unread are those that leave no statement to believe.
func unread(c reason.Code) bool {
	return strangers(c) || slices.Contains([]reason.Code{reason.SignerUntrusted, reason.SignerExpired, reason.SignerRevoked, reason.StatementMalformed,
		reason.StatementMissing, reason.PDFMalformed, reason.PDFUpdated}, c)
}

// TestEvidenceOfAForgery: a byte of the content altered, and there is no evidence; a program's free text is not taken; what passed
// has its own.
func TestEvidenceOfAForgery(t *testing.T) {
	w := spooltest.New(t)
	s := w.Statement(2, 1)
	s.SubjectHash, s.Software.Name = protocol.SubjectHash{1}, "架空 太郎 1234"
	pkg := w.Package(t, paper, spooltest.Facts(t, s))
	_, err := w.Verifier.Verify(t.Context(), pkg, w.Want)
	e := refusalOf(t, err).Evidence
	if e.Serial != protocol.Serial(s.Serial) || e.Software.Name != "" || string(e.Software.Version) != s.Software.Version || e.IssuedAt != s.IssuedAt || e.SignedBy != protocol.Fingerprint(w.Issuer.Certificate.Raw) {
		t.Errorf("%+v", e)
	}
	if strings.Contains(err.Error(), s.Serial) || strings.Contains(err.Error(), "1234") {
		t.Errorf("an error quotes the statement: %v", err)
	}
	pkg[bytes.Index(pkg, []byte("not looked"))] ^= 1
	_, err = w.Verifier.Verify(t.Context(), pkg, w.Want)
	if e := refusalOf(t, err).Evidence; e != (protocol.Evidence{}) {
		t.Errorf("of a forgery: %+v", e)
	}
	d := w.Verified(t, paper, 2, 1)
	if e := d.Evidence(); e.Serial == "" || e.SignedBy != protocol.Fingerprint(w.Issuer.Certificate.Raw) || e.SignedAt.IsZero() {
		t.Errorf("of what passed: %+v", e)
	}
	if e := (document.Verified{}).Evidence(); e != (protocol.Evidence{}) {
		t.Errorf("of nothing: %+v", e)
	}
}

func refusalOf(t *testing.T, err error) *document.Refusal {
	t.Helper()
	r, ok := err.(*document.Refusal)
	if !ok {
		t.Fatalf("not refused: %v", err)
	}
	return r
}
