package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.yaml.in/yaml/v3"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
	life "honnin/spool/incident"
)

const terminal protocol.Terminal = "JP-99-000001"

// desk is a centre without a network: one town, one card, and an issuer and a register of the test's own.
type desk struct {
	*Server
	card    *sign.Pair
	issue   func(issuer.Order) (issuer.Package, error)
	inForce func(register.Question) ([]byte, error)
	status  people.Status
	keys    int
}

func open(t *testing.T) *desk {
	t.Helper()
	now := time.Now()
	template := sign.Template{Name: "CA", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(100 * time.Hour)}
	ca, err := sign.NewCA(template)
	if err != nil {
		t.Fatal(err)
	}
	card, err := ca.NewCard(template)
	if err != nil {
		t.Fatal(err)
	}
	taker, err := ca.NewCard(template)
	if err != nil {
		t.Fatal(err)
	}
	primary := register.New(people.Mihon, time.Now)
	people.Guest(primary, "e01")
	primary.Link("e01", protocol.Fingerprint(card.Certificate.Raw))
	d := &desk{card: card}
	d.issue = func(issuer.Order) (issuer.Package, error) { return issuer.Package{Bytes: []byte("package")}, nil }
	d.inForce = func(register.Question) ([]byte, error) { return []byte("answer"), nil }
	d.Server = New(Config{CardAnchors: []*x509.Certificate{ca.Certificate}, Receipts: card, Taker: taker, Closer: card, Now: time.Now,
		CardStatus: func(protocol.Digest) people.Status { return d.status }, Open: func(time.Time) bool { return true },
		Lifetime: 15 * time.Minute, Poll: 20 * time.Second,
		Municipalities: []Municipality{{Town: people.Towns()[0], Primary: primary,
			Issue:   func(o issuer.Order) (issuer.Package, error) { return d.issue(o) },
			InForce: func(q register.Question) ([]byte, error) { return d.inForce(q) }}}})
	return d
}

// ask sends one request as terminal would, with a fresh Idempotency-Key where one is due, changed by change.
func (d *desk) ask(method, path string, body any, change ...func(*http.Request)) *httptest.ResponseRecorder {
	var b []byte
	if raw, ok := body.([]byte); ok {
		b = raw
	} else if body != nil {
		b, _ = protocol.EncodeBody(body)
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(b))
	r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: string(terminal)}}}}}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", mediaJSON)
		if path == "/v1/incidents" || path == "/v1/escalations" {
			r.Header.Set("Content-Type", mediaEvent)
		}
		if d.keys++; !strings.HasSuffix(path, "/in-force") && path != "/v1/suspensions" {
			r.Header.Set("Idempotency-Key", fmt.Sprint(d.keys))
		}
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

// word returns a problem's word, and "" for a success.
func word(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code < 400 {
		return ""
	}
	word, status, err := protocol.ParseProblem(w.Body.Bytes())
	if err != nil || status != w.Code || w.Header().Get("Content-Type") != mediaProblem {
		t.Errorf("%d is no problem document: %v", w.Code, err)
	}
	return word
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int, problem string) {
	t.Helper()
	if got := word(t, w); w.Code != status || got != problem {
		t.Errorf("%d %s, want %d %s", w.Code, got, status, problem)
	}
}

// begun opens a transaction and returns its path.
func (d *desk) begun(t *testing.T) (path string, id protocol.Begun, nonce protocol.Nonce) {
	t.Helper()
	nonce = protocol.NewNonce()
	w := d.ask("POST", "/v1/transactions", protocol.Begin{Terminal: terminal, Nonce: nonce, Channel: protocol.Store})
	if err := protocol.ParseBody(w.Body.Bytes(), &id); err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, err)
	}
	return "/v1/transactions/" + id.Transaction.String(), id, nonce
}

func (d *desk) applicant(t *testing.T, b protocol.Begun, nonce protocol.Nonce) protocol.Applicant {
	t.Helper()
	sum := sha256.Sum256(protocol.AuthenticationMessage(terminal, b.Transaction, nonce, b.Challenge))
	sig, err := ecdsa.SignASN1(nil, d.card.Key.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return protocol.Applicant{Certificate: d.card.Certificate.Raw, Signature: sig}
}

// ordered brings a transaction to where the issuer is at work.
func (d *desk) ordered(t *testing.T) (path string) {
	t.Helper()
	path, b, nonce := d.begun(t)
	want(t, d.ask("POST", path+"/applicant", d.applicant(t, b, nonce)), http.StatusOK, "")
	want(t, d.ask("POST", path+"/application", order), http.StatusAccepted, "")
	return path
}

var order = protocol.Order{Offer: "991015-seal-registration", Options: protocol.Options{}, Copies: 1}

func TestBodiesAreReadStrictly(t *testing.T) {
	d := open(t)
	good := protocol.Begin{Terminal: terminal, Nonce: protocol.NewNonce(), Channel: protocol.Store}
	header := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	path := d.ordered(t)
	for name, c := range map[string]struct {
		answer *httptest.ResponseRecorder
		status int
		word   string
	}{
		"garbage":           {d.ask("POST", "/v1/transactions", []byte("x")), 400, protocol.ProblemBadRequest},
		"no body":           {d.ask("POST", "/v1/transactions", nil), 400, protocol.ProblemBadRequest},
		"a member missing":  {d.ask("POST", "/v1/transactions", []byte(`{"terminal":"JP-99-000001"}`)), 400, protocol.ProblemBadRequest},
		"too long":          {d.ask("POST", "/v1/transactions", make([]byte, protocol.MaxJSON+1)), 413, protocol.ProblemTooLarge},
		"another type":      {d.ask("POST", "/v1/transactions", good, header("Content-Type", "text/plain")), 415, protocol.ProblemBadRequest},
		"no type":           {d.ask("POST", "/v1/transactions", good, header("Content-Type", "")), 415, protocol.ProblemBadRequest},
		"no key":            {d.ask("POST", "/v1/transactions", good, header("Idempotency-Key", "")), 400, protocol.ProblemBadRequest},
		"a long key":        {d.ask("POST", "/v1/transactions", good, header("Idempotency-Key", strings.Repeat("k", 257))), 400, protocol.ProblemBadRequest},
		"no such route":     {d.ask("GET", "/v2/transactions", nil), 404, protocol.ProblemUnknown},
		"another method":    {d.ask("PUT", "/v1/transactions", nil), 404, protocol.ProblemUnknown},
		"no TLS":            {d.ask("POST", "/v1/transactions", good, func(r *http.Request) { r.TLS = nil }), 403, protocol.ProblemTerminal},
		"a strange name":    {d.ask("POST", "/v1/transactions", good, func(r *http.Request) { r.TLS.VerifiedChains[0][0].Subject.CommonName = "x y" }), 403, protocol.ProblemTerminal},
		"no transaction":    {d.ask("GET", "/v1/transactions/xyz/package", nil), 400, protocol.ProblemBadRequest},
		"key on in-force":   {d.ask("POST", path+"/in-force", protocol.InForceQuestion{}, header("Idempotency-Key", "k")), 400, protocol.ProblemBadRequest},
		"impressions":       {d.ask("POST", path+"/outcome", protocol.OutcomeReport{Outcome: protocol.Void, Impressions: -1}), 400, protocol.ProblemBadRequest},
		"a long reason":     {d.ask("POST", path+"/outcome", protocol.OutcomeReport{Outcome: protocol.Void, Reason: strings.Repeat("x", 65)}), 400, protocol.ProblemBadRequest},
		"no event":          {d.ask("POST", "/v1/incidents", []byte("{}")), 400, protocol.ProblemBadRequest},
		"no incident's id":  {d.ask("GET", "/v1/incidents/X", nil), 400, protocol.ProblemBadRequest},
		"no certificate":    {d.ask("POST", path+"/applicant", protocol.Applicant{Certificate: []byte{1}, Signature: []byte{2}}), 403, protocol.ProblemUntrusted},
		"an answered order": {d.ask("POST", path+"/application", order), 409, protocol.ProblemOrder},
	} {
		t.Run(name, func(t *testing.T) { want(t, c.answer, c.status, c.word) })
	}
}

func TestIdempotency(t *testing.T) {
	d := open(t)
	key := func(r *http.Request) { r.Header.Set("Idempotency-Key", "same") }
	b := protocol.Begin{Terminal: terminal, Nonce: protocol.NewNonce(), Channel: protocol.Store}
	first, second := d.ask("POST", "/v1/transactions", b, key), d.ask("POST", "/v1/transactions", b, key)
	if first.Body.String() != second.Body.String() || d.Counts().Begun != 1 {
		t.Error("the same request was answered otherwise")
	}
	b.Channel = protocol.Counter
	want(t, d.ask("POST", "/v1/transactions", b, key), 409, protocol.ProblemConflict)
	elsewhere := func(r *http.Request) { r.TLS.VerifiedChains[0][0].Subject.CommonName = "JP-99-000002" }
	b.Terminal = "JP-99-000002"
	want(t, d.ask("POST", "/v1/transactions", b, key, elsewhere), 200, "")
	for range maxReplays + 10 {
		d.replays.add([32]byte(sha256.New().Sum([]byte(fmt.Sprint(len(d.replays.oldest))))[:32]), &replay{})
	}
	if len(d.replays.oldest) != maxReplays {
		t.Error("replays kept:", len(d.replays.oldest))
	}
}

func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.issue = func(issuer.Order) (issuer.Package, error) {
			time.Sleep(30 * time.Second)
			return issuer.Package{Bytes: []byte("package")}, nil
		}
		path, began := d.ordered(t), time.Now()
		want(t, d.ask("GET", path+"/package", nil), http.StatusAccepted, "")
		if time.Since(began) != 20*time.Second {
			t.Error("held for", time.Since(began))
		}
		w := d.ask("GET", path+"/package", nil)
		if want(t, w, 200, ""); w.Body.String() != "package" || time.Since(began) != 30*time.Second || w.Header().Get("Content-Type") != mediaCMS {
			t.Error(w.Body, time.Since(began))
		}
		want(t, d.ask("GET", path+"/package", nil), 200, "") // until the commit it can be had again
		d.Close()
	})
}

func TestALatePackageIsDestroyed(t *testing.T) {
	for name, end := range map[string]func(*desk, string){
		"cancelled": func(d *desk, path string) { d.ask("DELETE", path, nil) },
		"expired":   func(*desk, string) { time.Sleep(16 * time.Minute) },
		"abandoned": func(d *desk, path string) {
			d.ask("POST", path+"/outcome", protocol.OutcomeReport{Outcome: protocol.Abandoned})
		},
		"closed": func(d *desk, _ string) { go d.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t)
				pkg, release := []byte("package"), make(chan struct{})
				d.issue = func(issuer.Order) (issuer.Package, error) { <-release; return issuer.Package{Bytes: pkg}, nil }
				path := d.ordered(t)
				answer := make(chan *httptest.ResponseRecorder)
				go func() { answer <- d.ask("GET", path+"/package", nil) }()
				synctest.Wait()
				end(d, path)
				synctest.Wait()
				select {
				case w := <-answer:
					if name != "expired" { // the poll gives up long before a transaction does
						want(t, w, http.StatusGone, protocol.ProblemCancelled)
					}
				default:
					t.Error("who waits is not told")
				}
				close(release)
				synctest.Wait()
				if n := d.Counts().Late; n != 1 || !bytes.Equal(pkg, make([]byte, len(pkg))) {
					t.Errorf("late: %d, package: %q", n, pkg)
				}
			})
		})
	}
}

func TestNoTimeLimitFromTheCommitOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		path := d.ordered(t)
		want(t, d.ask("GET", path+"/package", nil), 200, "")
		d.inForce = func(register.Question) ([]byte, error) { return nil, register.ErrNotRegistered }
		want(t, d.ask("POST", path+"/in-force", protocol.InForceQuestion{}), 502, protocol.ProblemRegisterFailed)
		d.inForce = func(register.Question) ([]byte, error) { return []byte("answer"), nil }
		want(t, d.ask("POST", path+"/in-force", protocol.InForceQuestion{}), 200, "")
		time.Sleep(24 * time.Hour)
		want(t, d.ask("DELETE", path, nil), 409, protocol.ProblemOrder)
		want(t, d.ask("POST", path+"/in-force", protocol.InForceQuestion{}), 200, "")
		want(t, d.ask("POST", path+"/outcome", protocol.OutcomeReport{Outcome: protocol.Printed, Impressions: 1}), 204, "")
		want(t, d.ask("DELETE", path, nil), 410, protocol.ProblemCancelled)
		if n := d.Counts(); n.Expired != 0 || n.Outcomes[protocol.Printed] != 1 {
			t.Errorf("%+v", n)
		}
	})
}

func TestIssuerFailures(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		word   string
	}{
		{register.ErrNotLinked, 403, protocol.ProblemNotLinked},
		{register.ErrNotRegistered, 422, protocol.ProblemNotAvailable},
		{errors.New("架空 太郎"), 502, protocol.ProblemIssuer},
	} {
		d := open(t)
		d.issue = func(issuer.Order) (issuer.Package, error) { return issuer.Package{}, c.err }
		path := d.ordered(t)
		w := d.ask("GET", path+"/package", nil)
		if want(t, w, c.status, c.word); strings.Contains(w.Body.String(), "架空") {
			t.Error("the problem repeats the error")
		}
		want(t, d.ask("POST", path+"/in-force", protocol.InForceQuestion{}), 409, protocol.ProblemOrder)
		d.Close()
	}
}

func TestAPanicTellsNothing(t *testing.T) {
	d := open(t)
	d.inForce = func(register.Question) ([]byte, error) { panic("架空 太郎") }
	path := d.ordered(t)
	want(t, d.ask("GET", path+"/package", nil), 200, "")
	w := d.ask("POST", path+"/in-force", protocol.InForceQuestion{})
	if want(t, w, 500, protocol.ProblemIssuer); strings.Contains(w.Body.String(), "架空") || d.Counts().Faults != 1 {
		t.Error(w.Body, d.Counts())
	}
	d.inForce = func(register.Question) ([]byte, error) { return []byte("answer"), nil }
	want(t, d.ask("POST", path+"/in-force", protocol.InForceQuestion{}), 200, "")
}

func TestAnIssuerThatPanicsGivesNoPackage(t *testing.T) {
	d := open(t)
	d.issue = func(issuer.Order) (issuer.Package, error) { panic("架空 太郎") }
	w := d.ask("GET", d.ordered(t)+"/package", nil)
	if want(t, w, 502, protocol.ProblemIssuer); strings.Contains(w.Body.String(), "架空") || d.Counts().Faults != 1 || d.Counts().Issued != 0 {
		t.Error(w.Body, d.Counts())
	}
}

func TestCardStatus(t *testing.T) {
	d := open(t)
	path, b, nonce := d.begun(t)
	for status, problem := range map[people.Status]string{people.Revoked: protocol.ProblemRevoked, people.Suspended: protocol.ProblemSuspended} {
		d.status = status
		want(t, d.ask("POST", path+"/applicant", d.applicant(t, b, nonce)), 403, problem)
	}
}

func TestTheOldestIsPushedOut(t *testing.T) {
	d := open(t)
	path, _, _ := d.begun(t)
	for range maxTransactions {
		d.open(protocol.Begin{Terminal: terminal, Nonce: protocol.NewNonce(), Channel: protocol.Store})
	}
	want(t, d.ask("GET", path+"/package", nil), 404, protocol.ProblemUnknown)
	if len(d.transactions) != maxTransactions || len(d.oldest) != maxTransactions {
		t.Error(len(d.transactions), len(d.oldest))
	}
	d.Close()
}

// What is served is what openapi.yaml describes, no more and no less.
func TestOpenAPINamesWhatIsServed(t *testing.T) {
	b, err := os.ReadFile("../../centre/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Paths map[string]map[string]yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(b, &described); err != nil {
		t.Fatal(err)
	}
	served := map[string]string{}
	for _, r := range open(t).routes() {
		served[r.pattern] = r.media
	}
	n := 0
	for path, methods := range described.Paths {
		for method, node := range methods {
			if method == "parameters" {
				continue
			}
			var o struct {
				Body struct {
					Content map[string]any `yaml:"content"`
				} `yaml:"requestBody"`
			}
			if err := node.Decode(&o); err != nil {
				t.Fatal(err)
			}
			media, ok := served[strings.ToUpper(method)+" "+path]
			if _, same := o.Body.Content[media]; !ok || same != (media != "") {
				t.Error(method, path, "served:", ok, media)
			}
			n++
		}
	}
	if n != len(served) || n != 13 {
		t.Errorf("%d described, %d served", n, len(served))
	}
}

func TestHTTPServer(t *testing.T) {
	d := open(t)
	h := d.HTTP(tls.Certificate{}, x509.NewCertPool())
	if h.TLSConfig.MinVersion != tls.VersionTLS13 || h.TLSConfig.ClientAuth != tls.RequireAndVerifyClientCert || h.Protocols.HTTP1() || !h.Protocols.HTTP2() {
		t.Error("the centre would listen otherwise than the protocol says")
	}
	if h.ErrorLog.Writer() != io.Discard || h.WriteTimeout <= d.Poll {
		t.Error("log or time limits")
	}
}

// TestLaterClosing: a closing that the terminal will not believe is not the end; heads that came since the first are not forgotten.
func TestLaterClosing(t *testing.T) {
	d, k := open(t), incidentKey{protocol.SourcePrefix + string(terminal), "i-1"}
	now := d.Now()
	raised := protocol.NewEvent(k.id, terminal, protocol.At(now.Add(-72*time.Hour)), protocol.IncidentData{Code: protocol.IncidentJournalRewound, Class: "fault"})
	if _, err := d.enlist(raised, []byte{1}, d.Now()); err != nil {
		t.Fatal(err)
	}
	closing := func(at time.Time) []byte {
		t.Helper()
		b, err := d.sign(d.Closer, protocol.IncidentState{Format: protocol.StateFormat, Incident: k.id, Source: k.source, State: protocol.IncidentClosed, Cause: "a disk", At: protocol.At(at)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i, c := range []struct {
		at    time.Time
		doubt error
	}{{now.Add(time.Hour), life.StateEarly}, {now.Add(-48 * time.Hour), nil}, {now.Add(-49 * time.Hour), life.StateBackwards}, {now, nil},
		{now.Add(-time.Hour), life.StateBackwards}, {now.Add(-73 * time.Hour), life.StateReplayed}} {
		signed := closing(c.at)
		if err := d.Bring(signed); !errors.Is(err, c.doubt) || (err != nil) != errors.Is(err, ErrIncident) {
			t.Errorf("%d: %v", i, err)
		}
		if got := d.ask(http.MethodGet, "/v1/incidents/i-1", nil).Body.Bytes(); bytes.Equal(got, signed) != (c.doubt == nil) {
			t.Errorf("%d: the state is another", i)
		}
		if i == 1 && !d.heads.note(terminal, protocol.JournalHead{Position: 1, Head: protocol.Digest{1}}) {
			t.Error("no head")
		}
	}
	if len(d.Heads(terminal)) != 1 {
		t.Error("the second closing forgot the heads since the first")
	}
}

// TestIncidents: what was raised is listed with all that it says and what persons signed of it; who may not, and for what is not there, moves nothing.
func TestIncidents(t *testing.T) {
	d, stranger := open(t), open(t).Closer
	for _, id := range []protocol.IncidentID{"i-1", "i-2"} {
		e := protocol.NewEvent(id, terminal, protocol.At(d.Now()), protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up", Municipality: "991015"})
		want(t, d.ask(http.MethodPost, "/v1/incidents", e), http.StatusCreated, "")
	}
	state := func(id protocol.IncidentID, to, cause string) protocol.IncidentState {
		return protocol.IncidentState{Format: protocol.StateFormat, Incident: id, Source: protocol.SourcePrefix + string(terminal), State: to, Cause: cause, At: protocol.At(d.Now())}
	}
	for _, c := range []struct {
		by    *sign.Pair
		says  any
		doubt error
	}{
		{d.Taker, "no state", life.StateUnsigned},
		{d.Taker, state("i-1", protocol.IncidentClosed, "a cause"), life.StateRole},
		{stranger, state("i-1", protocol.IncidentClosed, "a cause"), life.StateStranger},
		{d.Closer, state("i-1", protocol.IncidentOpen, ""), life.StateBackwards},
		{d.Closer, state("i-3", protocol.IncidentClosed, "a cause"), life.StateOther},
		{d.Taker, state("i-1", protocol.IncidentAcknowledged, ""), nil},
		{d.Taker, state("i-1", protocol.IncidentAcknowledged, ""), life.StateBackwards},
		{d.Closer, state("i-1", protocol.IncidentClosed, "a cause"), nil},
	} {
		signed, err := d.sign(c.by, c.says)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Bring(signed); !errors.Is(err, c.doubt) || (err != nil) != errors.Is(err, ErrIncident) {
			t.Errorf("%+v: %v", c.says, err)
		}
	}
	if err := d.Bring([]byte("nothing signed")); !errors.Is(err, life.StateUnsigned) {
		t.Error(err)
	}
	all := d.Incidents()
	if len(all) != 2 || all[0].Event.ID == all[1].Event.ID {
		t.Fatalf("%+v", all)
	}
	for _, l := range all {
		if l.Terminal != terminal || l.Event.Data.Municipality != "991015" || l.Received.IsZero() {
			t.Errorf("%+v", l)
		}
		if l.Event.ID == "i-2" {
			if len(l.Steps) != 0 || l.State != protocol.IncidentOpen {
				t.Errorf("%+v", l)
			}
			continue
		}
		if len(l.Steps) != 2 || l.State != protocol.IncidentClosed || l.Steps[0].Signer != protocol.Fingerprint(d.Taker.Certificate.Raw) ||
			l.Steps[1].Cause != "a cause" || l.Steps[1].Signer != protocol.Fingerprint(d.Closer.Certificate.Raw) {
			t.Errorf("%+v", l.Steps)
		}
	}
}
