package ipp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/spool"

	"github.com/OpenPrinting/goipp"
)

func TestFakeIsAnHonestPrinter(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	wantReady(t, p, "")
	got, err := p.print(t.Context(), document(2, 3, 1000), nil)
	wantResult(t, got, err, protocol.Printed, 6, "")
	if want := "1 - " + f.uri(); got.JobID != want {
		t.Errorf("job id %q, want %q where the device gives no uuid", got.JobID, want)
	}
}

// TestOrder pins the order of operations, and that the document is opened between Create-Job and Send-Document.
func TestOrder(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	doc := document(1, 1, 100)
	var before []goipp.Op
	ops := func() (out []goipp.Op) {
		for _, r := range f.requests {
			out = append(out, goipp.Op(r.msg.Code))
		}
		return out
	}
	doc.before = func() { f.mu.Lock(); defer f.mu.Unlock(); before = ops() }
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Printed, 1, "")
	want := []goipp.Op{goipp.OpGetPrinterAttributes, goipp.OpGetJobs, goipp.OpValidateJob, goipp.OpCreateJob, goipp.OpGetJobAttributes}
	if !slices.Equal(before, want) {
		t.Errorf("before the document: %v, want %v", before, want)
	}
	want = append(want, goipp.OpSendDocument, goipp.OpGetPrinterAttributes, goipp.OpGetJobAttributes)
	if all := ops(); !slices.Equal(all, want) {
		t.Errorf("in all: %v, want %v", all, want)
	}
}

// TestNothingOfThePersonOnTheWire looks at every byte that was sent.
func TestNothingOfThePersonOnTheWire(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	wantReady(t, p, "")
	doc := document(2, 2, 1000)
	got, err := p.print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Printed, 4, "")
	constant := []string{"utf-8", "en", f.uri(), printer.User, pdf, "one-sided", a4, "none", "no-hold", "not-completed",
		"separate-documents-collated-copies", doc.job.Transaction.String()}
	headers := []string{"Content-Type", "Accept", "User-Agent", "Content-Length"}
	for _, r := range f.requests {
		for _, g := range r.msg.Groups {
			for _, a := range g.Attrs {
				for _, v := range a.Values {
					if s, ok := v.V.(goipp.String); ok && a.Name != "requested-attributes" && !slices.Contains(constant, string(s)) {
						t.Errorf("%s sends %s=%q", goipp.Op(r.msg.Code), a.Name, s)
					}
				}
			}
		}
		for h := range r.header {
			if !slices.Contains(headers, h) {
				t.Errorf("header %s", h)
			}
		}
		if goipp.Op(r.msg.Code) != goipp.OpSendDocument && len(r.body) > 0 {
			t.Errorf("%s carries %d bytes", goipp.Op(r.msg.Code), len(r.body))
		}
	}
	send := f.seen(goipp.OpSendDocument)
	if len(send) != 1 || !bytes.Equal(send[0].body, doc.body) {
		t.Errorf("%d documents sent, or other bytes", len(send))
	}
	for _, name := range []string{"document-name", "job-impressions", "job-account-id", "job-message-from-operator"} {
		if bytes.Contains(send[0].head, []byte(name)) {
			t.Errorf("%s is sent", name)
		}
	}
}

func TestCreateJobSaysHow(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	got, err := p.print(t.Context(), document(1, 2, 100), nil)
	wantResult(t, got, err, protocol.Printed, 2, "")
	create := f.seen(goipp.OpCreateJob)[0].msg
	if !attributes(create.Operation).yes("ipp-attribute-fidelity") {
		t.Error("no fidelity")
	}
	job := attributes(create.Job)
	for name, want := range map[string]goipp.Value{"copies": goipp.Integer(2), "sides": goipp.String("one-sided"), "media": goipp.String(a4),
		"print-scaling": goipp.String("none"), "job-sheets": goipp.String("none"), "orientation-requested": goipp.Integer(7),
		"job-hold-until": goipp.String("no-hold"), "job-retain-until": goipp.String("none"), "number-up": goipp.Integer(1), "finishings": goipp.Integer(3)} {
		if v := job.values(name); len(v) != 1 || v[0].V != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	validate := f.seen(goipp.OpValidateJob)[0].msg
	if !validate.Job.Equal(create.Job) {
		t.Error("another job was validated than was created")
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	boolean := func(name string, v bool) goipp.Attribute {
		return goipp.MakeAttribute(name, goipp.TagBoolean, goipp.Boolean(v))
	}
	for want, changes := range map[string][]goipp.Attribute{
		"version-unsupported":        {keyword("ipp-versions-supported", "1.0", "1.1"), {Name: "ipp-versions-supported"}},
		"operation-unsupported":      {enum("operations-supported", 2, 4, 8, 9, 10, 11), {Name: "operations-supported"}},
		"queue-between":              {goipp.MakeAttribute("cups-version", goipp.TagText, goipp.String("2.4.2"))},
		"pdf-unsupported":            {goipp.MakeAttribute("document-format-supported", goipp.TagMimeType, goipp.String("image/urf"))},
		"sides-unsupported":          {keyword("sides-supported", "two-sided-long-edge"), {Name: "sides-supported"}},
		"media-unsupported":          {keyword("media-supported", "na_letter_8.5x11in"), {Name: "media-supported"}},
		"job-sheets-unsupported":     {keyword("job-sheets-supported", "standard")},
		"job-hold-until-unsupported": {keyword("job-hold-until-supported", "indefinite")},
		"media-jam":                  {keyword("printer-state-reasons", "media-low", "media-jam-report")},
		"paused":                     {keyword("printer-state-reasons", "paused")},
		"marker-supply-empty":        {keyword("printer-state-reasons", "marker-supply-empty")},
		alert:                        {keyword("printer-state-reasons", "x-unheard-of"), {Name: "printer-state-reasons"}},
		"not-accepting-jobs":         {boolean("printer-is-accepting-jobs", false), {Name: "printer-is-accepting-jobs"}},
		"stopped":                    {enum("printer-state", printerStopped)},
		printer.Busy:                 {enum("printer-state", printerProcessing), {Name: "printer-state"}, enum("printer-state", 3, 4)},
		printer.JobsWaiting:          {goipp.MakeAttribute("queued-job-count", goipp.TagInteger, goipp.Integer(1))},
	} {
		for n, change := range changes {
			f := startFake(t)
			f.set(change)
			p := open(t, f.uri(), Options{})
			got, err := p.Ready(t.Context())
			if err != nil || got.Ready || got.Reason != want {
				t.Errorf("%s %d: %+v, %v", want, n, got, err)
			}
			doc := document(1, 1, 100)
			if _, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != want || doc.opened != 0 || len(f.jobs) != 0 {
				t.Errorf("%s %d: printing says %v, opened %d times, %d jobs", want, n, err, doc.opened, len(f.jobs))
			}
		}
	}
}

// TestAnothersJobIsSeenInTheList has a device that counts no queue, and lists a stranger's held job.
func TestAnothersJobIsSeenInTheList(t *testing.T) {
	f := startFake(t)
	f.set(goipp.Attribute{Name: "queued-job-count"})
	f.jobs = []*fakeJob{{id: 1, name: "somebody else's", state: int(jobHeld), processing: -1}}
	f.next = 2
	p := open(t, f.uri(), Options{})
	wantReady(t, p, printer.JobsWaiting)
	doc := document(1, 1, 100)
	if _, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != printer.JobsWaiting || doc.opened != 0 || f.alive() != 1 {
		t.Errorf("%v, opened %d times, %d jobs", err, doc.opened, f.alive())
	}
}

func TestCopiesThatAreNotSupported(t *testing.T) {
	for _, supported := range []goipp.Attribute{{Name: "copies-supported"}, goipp.MakeAttribute("copies-supported", goipp.TagRange, goipp.Range{Lower: 1, Upper: 2})} {
		f := startFake(t)
		f.set(supported)
		p := open(t, f.uri(), Options{})
		wantReady(t, p, "")
		doc := document(1, 3, 100)
		if _, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != "copies-unsupported" || doc.opened != 0 || len(f.jobs) != 0 {
			t.Errorf("%v, opened %d times", err, doc.opened)
		}
		got, err := p.print(t.Context(), document(1, 1, 100), nil)
		wantResult(t, got, err, protocol.Printed, 1, "")
	}
}

func TestWhatAJobSaysAtItsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		engine      func(*fakeJob)
		outcome     protocol.Outcome
		impressions int
		reason      string
	}{
		"impressions missing": {func(j *fakeJob) { j.completed = -1 }, protocol.Unsure, 0, "impressions-unknown"},
		"impressions garbled": {func(j *fakeJob) {
			j.completed, j.extra = -1, goipp.Attributes{keyword("job-impressions-completed", "2")}
		}, protocol.Unsure, 0, "impressions-unknown"},
		"one short":           {func(j *fakeJob) { j.completed = 1 }, protocol.Unsure, 1, "impressions-short"},
		"never begun":         {func(j *fakeJob) { j.state, j.completed, j.total, j.processing = int(jobAborted), 0, -1, -1 }, protocol.Failed, 0, "aborted"},
		"begun, 0 by no word": {func(j *fakeJob) { j.state, j.completed, j.total, j.processing = int(jobAborted), 0, 0, 9 }, protocol.Unsure, 0, "aborted"},
		"begun, 0 of 2":       {func(j *fakeJob) { j.state, j.completed, j.total, j.processing = int(jobCanceled), 0, 2, 9 }, protocol.Failed, 0, printer.Canceled},
		"another's name":      {func(j *fakeJob) { j.name = "somebody else's" }, protocol.Unsure, 0, "job-lost"},
		"gone":                {func(j *fakeJob) { j.id = 77 }, protocol.Unsure, 0, "job-lost"},
		"a uuid that changes": {func(j *fakeJob) { j.extra = nil }, protocol.Unsure, 0, "job-lost"},
	} {
		f := startFake(t)
		if strings.Contains(name, "uuid") {
			f.twist[goipp.OpCreateJob] = func(*goipp.Message) {
				f.jobs[0].extra = goipp.Attributes{goipp.MakeAttribute("job-uuid", goipp.TagURI, goipp.String("urn:uuid:00000000-0000-4000-8000-000000000001"))}
			}
		}
		done := f.engine
		f.engine = func(j *fakeJob) { done(j); c.engine(j) }
		p := open(t, f.uri(), Options{})
		got, err := p.print(t.Context(), document(2, 1, 100), nil)
		if err != nil || got.Outcome != c.outcome || got.Impressions != c.impressions || got.Reason != c.reason {
			t.Errorf("%s: %+v, %v; want %s, %d, %q", name, got, err, c.outcome, c.impressions, c.reason)
		}
		if c.reason == "job-lost" && len(f.seen(goipp.OpCancelJob)) > 0 {
			t.Errorf("%s: a job that is not ours was cancelled", name)
		}
	}
}

// TestJobThatRisesAgain has a device call a job canceled, and print it a moment later.
func TestJobThatRisesAgain(t *testing.T) {
	f := startFake(t)
	f.engine = func(j *fakeJob) {
		j.state = int(jobCanceled)
		f.twist[goipp.OpGetJobAttributes] = func(*goipp.Message) { // after the answer was made
			j.state, j.completed, j.total, j.processing = int(jobCompleted), 1, 1, 9
		}
	}
	p := open(t, f.uri(), Options{})
	got, err := p.print(t.Context(), document(1, 1, 100), nil)
	wantResult(t, got, err, protocol.Unsure, 1, "rose-again")
}

// TestZeroIsBelievedOfADeviceThatCounts prints once, and after that 0 impressions of an aborted job are known.
func TestZeroIsBelievedOfADeviceThatCounts(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	printed(t, p)
	f.engine = func(j *fakeJob) { j.state, j.completed, j.total, j.processing = int(jobAborted), 0, 0, 9 }
	got, err := p.print(t.Context(), document(1, 1, 100), nil)
	wantResult(t, got, err, protocol.Failed, 0, "aborted")
}

func TestDocumentThatDoesNotOpen(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	doc := document(1, 1, 100)
	doc.err = errors.New("too late")
	got, err := p.print(t.Context(), doc, nil)
	if printer.ReasonOf(err) != printer.NotOpened || got.Outcome != "" || f.alive() != 0 || len(f.seen(goipp.OpCancelJob)) != 1 {
		t.Errorf("%+v, %v, %d jobs left", got, err, f.alive())
	}
	wantReady(t, p, "")
}

func TestZeroReleasedIsRefused(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	if got, err := p.Print(t.Context(), spool.Released{}, nil); !errors.Is(err, spool.ErrUnreleased) || got != (spool.Result{}) || len(f.requests) != 0 {
		t.Errorf("%+v, %v, %d requests", got, err, len(f.requests))
	}
}

// unreadable is a document that cannot be read, or only in part.
type unreadable struct {
	*bytes.Reader
	left int
}

func (u *unreadable) Read(b []byte) (int, error) {
	if u.left == 0 {
		return 0, errors.New("no")
	}
	n, err := u.Reader.Read(b[:min(len(b), u.left)])
	u.left -= n
	return n, err
}

func TestDocumentThatCannotBeRead(t *testing.T) {
	for left, want := range map[int]protocol.Outcome{0: protocol.Failed, 50: protocol.Failed} {
		f := startFake(t)
		p := open(t, f.uri(), Options{})
		doc := document(1, 1, 1000)
		doc.reader = &unreadable{bytes.NewReader(doc.body), left}
		got, err := p.print(t.Context(), doc, nil)
		// The fake never saw a whole request, so its job was never begun: no paper moved, and that is known.
		wantResult(t, got, err, want, 0, "upload-cut")
		if f.alive() != 0 {
			t.Error("the job is left")
		}
	}
	f := startFake(t)
	doc := document(1, 1, 1000)
	doc.reader = &unreadable{bytes.NewReader(doc.body), 0}
	doc.before = func() { f.raw[goipp.OpGetJobAttributes] = raw(500, "text/plain", "") }
	timing := quick
	timing.Cancel = 50 * time.Millisecond
	got, err := open(t, f.uri(), Options{Timing: timing}).print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Failed, 0, "upload-cut") // nothing left, whatever became of the job
	f, doc = startFake(t), document(1, 1, 1000)
	doc.reader = bytes.NewReader(nil)
	got, err = open(t, f.uri(), Options{}).print(t.Context(), doc, nil)
	wantResult(t, got, err, protocol.Failed, 0, printer.NotOpened)
}

func TestRedirectLeadsNowhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := startFake(t)
		f.raw[goipp.OpGetPrinterAttributes] = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			http.Redirect(w, r, elsewhere.URL, status)
		}
		wantReady(t, open(t, f.uri(), Options{}), badAnswer)
	}
}

func TestProxiesAreNotUsed(t *testing.T) {
	f := startFake(t)
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://192.0.2.1:1")
	}
	p := open(t, f.uri(), Options{})
	if p.ipp.http.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy is asked for")
	}
	wantReady(t, p, "")
}

func TestLoginIsSaidSo(t *testing.T) {
	f := startFake(t)
	f.raw[goipp.OpGetPrinterAttributes] = raw(401, "text/plain", "")
	wantReady(t, open(t, f.uri(), Options{}), needsLogin)
	f = startFake(t)
	f.twist[goipp.OpGetJobs] = func(m *goipp.Message) { m.Code = goipp.Code(goipp.StatusErrorNotAuthenticated) }
	wantReady(t, open(t, f.uri(), Options{}), needsLogin)
}

func TestTLS(t *testing.T) {
	f := startFake(t)
	secure := httptest.NewUnstartedServer(f.srv.Config.Handler)
	secure.Config.ErrorLog = f.srv.Config.ErrorLog
	secure.StartTLS()
	defer secure.Close()
	old := httptest.NewUnstartedServer(f.srv.Config.Handler)
	old.Config.ErrorLog = f.srv.Config.ErrorLog
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	pin := protocol.Fingerprint(secure.Certificate().Raw)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for name, c := range map[string]struct {
		srv  *httptest.Server
		o    Options
		want string
	}{
		"pinned":          {secure, Options{Pin: &pin}, ""},
		"roots":           {secure, Options{Roots: roots}, ""},
		"system's roots":  {secure, Options{}, badTLS},
		"other roots":     {secure, Options{Roots: x509.NewCertPool()}, badTLS},
		"another's pin":   {secure, Options{Pin: &protocol.Digest{1}}, badTLS},
		"an old protocol": {old, Options{Pin: &pin}, printer.Unreachable},
	} {
		p := open(t, strings.Replace(c.srv.URL, "https:", "ipps:", 1), c.o)
		if got, err := p.Ready(t.Context()); got.Reason != c.want {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	pin, roots := &protocol.Digest{}, x509.NewCertPool()
	for name, c := range map[string]struct {
		address string
		o       Options
	}{
		"a directory": {"dir:x", Options{}}, "plain with a pin": {"ipp://h", Options{Pin: pin}},
		"plain with roots": {"ipp://h", Options{Roots: roots}}, "both": {"ipps://h", Options{Pin: pin, Roots: roots}},
		"a transport with TLS": {"ipps://h", Options{Transport: broken{}}}, "a transport and a dialler": {"ipp://h", Options{Transport: broken{}, Dial: new(net.Dialer).DialContext}},
	} {
		a, err := printer.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := New(a, c.o); !errors.Is(err, ErrOptions) || p != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(printer.Address{}, Options{}); !errors.Is(err, ErrOptions) {
		t.Error("a zero address is taken")
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := Timing{PollMin: 100 * time.Millisecond, PollMax: 300 * time.Millisecond, Lost: time.Second}
		b := (&Printer{timing: timing}).newBackoff()
		for _, want := range []time.Duration{100, 150, 225, 300, 300} {
			began := time.Now()
			if !b.pause(t.Context()) || time.Since(began) != want*time.Millisecond {
				t.Errorf("waited %s, want %dms", time.Since(began), want)
			}
		}
		b.reset()
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer stop()
		if b.pause(ctx) {
			t.Error("waited past the end of its context")
		}
		silence := errors.New("no answer")
		b.heard(silence)
		time.Sleep(999 * time.Millisecond)
		if b.heard(silence); b.lost() {
			t.Error("given up too early")
		}
		time.Sleep(time.Millisecond)
		if !b.lost() {
			t.Error("not given up")
		}
		if b.heard(nil); b.lost() {
			t.Error("an answer does not count")
		}
	})
}

// broken is a way that has a word for why it leads nowhere.
type broken struct{}

func (broken) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, errors.Join(req.Body.Close(), &printer.Fault{Reason: "no-permission", Err: errors.New("a rule is missing")})
}

func TestTransportKeepsItsWord(t *testing.T) {
	p := open(t, "ipp://localhost/ipp/print", Options{Transport: broken{}})
	wantReady(t, p, "no-permission")
	if _, err := p.print(t.Context(), document(1, 1, 100), nil); printer.ReasonOf(err) != "no-permission" || !strings.Contains(err.Error(), "a rule is missing") {
		t.Error(err)
	}
}

func TestUnreachable(t *testing.T) {
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	f.srv.Close()
	wantReady(t, p, printer.Unreachable)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if r, err := p.Ready(ctx); err == nil || r.Ready {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFaultsSayNothingOfTheDevice(t *testing.T) {
	f := startFake(t)
	f.twist[goipp.OpValidateJob] = func(m *goipp.Message) {
		m.Code = goipp.Code(goipp.StatusErrorAttributesOrValues)
		m.Groups[0].Attrs = append(m.Groups[0].Attrs, goipp.MakeAttribute("status-message", goipp.TagText, goipp.String("Yamada Taro")))
	}
	_, err := open(t, f.uri(), Options{}).print(t.Context(), document(1, 1, 100), nil)
	if printer.ReasonOf(err) != "refused-by-printer" || strings.Contains(fmt.Sprint(err), "Yamada") {
		t.Error(err)
	}
}
