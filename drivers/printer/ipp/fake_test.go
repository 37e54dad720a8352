package ipp

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/OpenPrinting/goipp"
)

// fake is a printer in this process for answers that no honest device gives. What an honest one says is tested
// against ippeveprinter.
type fake struct {
	t   testing.TB
	srv *httptest.Server

	mu       sync.Mutex
	printer  goipp.Attributes
	jobs     []*fakeJob
	next     int
	requests []request
	engine   func(*fakeJob)                      // runs when a document arrived
	twist    map[goipp.Op]func(m *goipp.Message) // changes an answer
	raw      map[goipp.Op]instead                // replaces an answer
}

// instead replaces an answer; valid is what it would have been.
type instead func(w http.ResponseWriter, r *http.Request, valid []byte)

type request struct {
	msg    *goipp.Message
	header http.Header
	head   []byte
	body   []byte
}

type fakeJob struct {
	id, state        int
	name             string
	completed, total int // -1: not there
	processing       int // time-at-processing; -1: no-value
	created, up      int // time-at-creation, and the printer's clock; 0 both: not there; up -1: not there
	extra            goipp.Attributes
	document         []byte
	copies           int
}

func startFake(t testing.TB) *fake {
	f := &fake{t: t, next: 1, printer: honest(), twist: map[goipp.Op]func(*goipp.Message){},
		raw: map[goipp.Op]instead{}}
	f.engine = func(j *fakeJob) {
		j.total = bytes.Count(j.document, []byte("/Type /Page")) * j.copies
		j.completed, j.state, j.processing = j.total, int(jobCompleted), 7
	}
	f.srv = httptest.NewServer(http.HandlerFunc(f.serve))
	f.srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(f.srv.Close)
	return f
}

func (f *fake) uri() string { return strings.Replace(f.srv.URL, "http:", "ipp:", 1) + "/ipp/print" }

func keyword(name string, values ...string) goipp.Attribute {
	a := goipp.Attribute{Name: name}
	for _, v := range values {
		a.Values.Add(goipp.TagKeyword, goipp.String(v))
	}
	return a
}

func enum(name string, values ...int) goipp.Attribute {
	a := goipp.Attribute{Name: name}
	for _, v := range values {
		a.Values.Add(goipp.TagEnum, goipp.Integer(v))
	}
	return a
}

func honest() goipp.Attributes {
	return goipp.Attributes{
		enum("printer-state", printerIdle), keyword("printer-state-reasons", "none"),
		goipp.MakeAttribute("printer-is-accepting-jobs", goipp.TagBoolean, goipp.Boolean(true)),
		goipp.MakeAttribute("queued-job-count", goipp.TagInteger, goipp.Integer(0)),
		enum("operations-supported", 2, 4, 5, 6, 8, 9, 10, 11), keyword("ipp-versions-supported", "1.1", "2.0"),
		goipp.MakeAttribute("document-format-supported", goipp.TagMimeType, goipp.String(pdf)),
		goipp.MakeAttribute("copies-supported", goipp.TagRange, goipp.Range{Lower: 1, Upper: 99}),
		keyword("sides-supported", "one-sided"), keyword("media-supported", "na_letter_8.5x11in", a4),
		keyword("print-scaling-supported", "auto", "none"), keyword("job-sheets-supported", "none", "standard"),
		keyword("job-hold-until-supported", "no-hold", "indefinite"), enum("orientation-requested-supported", 3, 4, 5, 6, 7),
		keyword("job-retain-until-supported", "none", "indefinite"),
		goipp.MakeAttribute("number-up-supported", goipp.TagInteger, goipp.Integer(1)), enum("finishings-supported", 3, 4),
	}
}

// set replaces, or with no values removes, a printer attribute.
func (f *fake) set(a goipp.Attribute) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out goipp.Attributes
	for _, x := range f.printer {
		if x.Name != a.Name {
			out.Add(x)
		}
	}
	if len(a.Values) > 0 {
		out.Add(a)
	}
	f.printer = out
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	all, err := io.ReadAll(r.Body)
	m, rest := new(goipp.Message), bytes.NewReader(all)
	if err != nil || r.Method != http.MethodPost || m.Decode(rest) != nil {
		http.Error(w, "not IPP", http.StatusBadRequest)
		return
	}
	body := all[len(all)-rest.Len():]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, request{m, r.Header.Clone(), all[:len(all)-len(body)], body})
	answer := f.answer(m, body)
	if twist := f.twist[goipp.Op(m.Code)]; twist != nil {
		twist(answer)
	}
	b, err := answer.EncodeBytes()
	if err != nil {
		f.t.Error(err)
	}
	if raw := f.raw[goipp.Op(m.Code)]; raw != nil {
		raw(w, r, b)
		return
	}
	w.Header().Set("Content-Type", goipp.ContentType)
	_, _ = w.Write(b)
}

func (f *fake) answer(m *goipp.Message, body []byte) *goipp.Message {
	a := goipp.NewResponse(goipp.DefaultVersion, goipp.StatusOk, m.RequestID)
	op := goipp.Group{Tag: goipp.TagOperationGroup, Attrs: goipp.Attributes{
		goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")),
		goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en"))}}
	a.Groups = goipp.Groups{op}
	switch goipp.Op(m.Code) {
	case goipp.OpGetPrinterAttributes:
		a.Groups.Add(goipp.Group{Tag: goipp.TagPrinterGroup, Attrs: f.printer})
	case goipp.OpCreateJob:
		f.create(m)
		a.Groups.Add(f.jobs[len(f.jobs)-1].group())
	case goipp.OpGetJobs:
		ended := attributes(m.Operation).word("which-jobs") == completed
		for _, j := range f.jobs {
			if jobState(j.state).ended() == ended {
				a.Groups.Add(j.group())
			}
		}
	case goipp.OpSendDocument, goipp.OpGetJobAttributes, goipp.OpCancelJob:
		f.onJob(a, m, body)
	}
	return a
}

func (f *fake) create(m *goipp.Message) {
	copies := attributes(m.Job).number("copies").n
	f.jobs = append(f.jobs, &fakeJob{id: f.next, state: int(jobHeld), name: attributes(m.Operation).word("job-name"), processing: -1,
		total: -1, copies: max(copies, 1)})
	f.next++
}

func (f *fake) onJob(a, m *goipp.Message, body []byte) {
	for _, j := range f.jobs {
		if j.id != attributes(m.Operation).number("job-id").n {
			continue
		}
		switch goipp.Op(m.Code) {
		case goipp.OpSendDocument:
			j.document = body
			f.engine(j)
		case goipp.OpCancelJob:
			if j.state < int(jobCanceled) {
				j.state = int(jobCanceled)
			}
		}
		a.Groups.Add(j.group())
		return
	}
	a.Code = goipp.Code(goipp.StatusErrorNotFound)
}

func (j *fakeJob) group() goipp.Group {
	g := goipp.Group{Tag: goipp.TagJobGroup}
	g.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(j.id)))
	g.Add(goipp.MakeAttribute("job-name", goipp.TagName, goipp.String(j.name)))
	g.Add(enum("job-state", j.state))
	g.Add(keyword("job-state-reasons", "none"))
	if j.completed >= 0 {
		g.Add(goipp.MakeAttribute("job-impressions-completed", goipp.TagInteger, goipp.Integer(j.completed)))
	}
	if j.total >= 0 {
		g.Add(goipp.MakeAttribute("job-impressions", goipp.TagInteger, goipp.Integer(j.total)))
	}
	if j.processing >= 0 {
		g.Add(goipp.MakeAttribute("time-at-processing", goipp.TagInteger, goipp.Integer(j.processing)))
	} else {
		g.Add(goipp.MakeAttribute("time-at-processing", goipp.TagNoValue, goipp.Void{}))
	}
	if j.up != 0 {
		g.Add(goipp.MakeAttribute("time-at-creation", goipp.TagInteger, goipp.Integer(j.created)))
	}
	if j.up > 0 {
		g.Add(goipp.MakeAttribute("job-printer-up-time", goipp.TagInteger, goipp.Integer(j.up)))
	}
	g.Attrs = append(g.Attrs, j.extra...)
	return g
}

// seen returns what the fake was asked, by operation.
func (f *fake) seen(op goipp.Op) (out []request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if goipp.Op(r.msg.Code) == op {
			out = append(out, r)
		}
	}
	return out
}

// alive counts the jobs that have not ended.
func (f *fake) alive() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j.state < int(jobCanceled) {
			n++
		}
	}
	return n
}
