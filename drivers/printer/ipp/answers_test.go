package ipp

import (
	"net/http"
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

// wrong are answers that are not believed, each as an answer to every operation.
var wrong = map[string]func(*goipp.Message){
	"another request-id": func(m *goipp.Message) { m.RequestID++ },
	"version 1.1":        func(m *goipp.Message) { m.Version = 0x0101 },
	"version 3.0":        func(m *goipp.Message) { m.Version = 0x0300 },
	"an attribute twice": func(m *goipp.Message) {
		g := &m.Groups[len(m.Groups)-1]
		g.Attrs = append(slices.Clone(g.Attrs), g.Attrs[0])
	},
	"an error status": func(m *goipp.Message) { m.Code = goipp.Code(goipp.StatusErrorInternal) },
}

func raw(status int, contentType string, body string) instead {
	return changed(status, contentType, func([]byte) []byte { return []byte(body) })
}

// changed answers with what change makes of the right answer.
func changed(status int, contentType string, change func(valid []byte) []byte) instead {
	return func(w http.ResponseWriter, _ *http.Request, valid []byte) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write(change(valid))
	}
}

func asItIs(valid []byte) []byte { return valid }

// padded makes the answer too large, and keeps it right: attributes that nobody asked for.
func padded(valid []byte) []byte {
	out := slices.Clone(valid[:len(valid)-1])
	for n := range maxAnswer/32768 + 1 {
		out = append(out, "\x30\x00\x04x-"+string(rune('a'+n/26))+string(rune('a'+n%26))+"\x7f\xff"...)
		out = append(out, make([]byte, 32767)...)
	}
	return append(out, byte(goipp.TagEnd))
}

var wrongRaw = map[string]instead{
	"garbage":             raw(200, goipp.ContentType, "garbage"),
	"nothing":             raw(200, goipp.ContentType, ""),
	"a web page":          raw(200, "text/html", "<html>"),
	"another type":        changed(200, "application/octet-stream", asItIs),
	"a right answer, 202": changed(202, goipp.ContentType, asItIs),
	"a redirect":          changed(307, goipp.ContentType, asItIs),
	"a redirect to read":  changed(303, goipp.ContentType, asItIs),
	"a server error":      changed(500, goipp.ContentType, asItIs),
	"bytes behind it":     changed(200, goipp.ContentType, func(b []byte) []byte { return append(slices.Clone(b), 0) }),
	"half of it":          changed(200, goipp.ContentType, func(b []byte) []byte { return b[:len(b)-1] }),
	"too large":           changed(200, goipp.ContentType, padded),
	"deep collection":     raw(200, goipp.ContentType, "\x02\x00\x00\x00\x00\x00\x00\x01\x04"+strings.Repeat("\x34\x00\x01a\x00\x00\x4a\x00\x00\x00\x01m", maxAnswer/16)),
	"dropped":             func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) },
}

// TestPaddedAnswerIsRightButForItsSize keeps "too large" honest.
func TestPaddedAnswerIsRightButForItsSize(t *testing.T) {
	m := new(goipp.Message)
	b, err := goipp.NewResponse(goipp.DefaultVersion, goipp.StatusOk, 1).EncodeBytes()
	if err != nil {
		t.Fatal(err)
	}
	b = append(b[:len(b)-1], byte(goipp.TagOperationGroup), byte(goipp.TagEnd))
	if err := m.DecodeBytes(padded(b)); err != nil || len(padded(b)) <= maxAnswer {
		t.Errorf("%d bytes, %v", len(padded(b)), err)
	}
}

func TestWrongAnswersBeforeTheDocument(t *testing.T) {
	t.Parallel()
	for _, op := range []goipp.Op{goipp.OpGetPrinterAttributes, goipp.OpGetJobs, goipp.OpValidateJob, goipp.OpCreateJob, goipp.OpGetJobAttributes} {
		try := func(name string, harm func(*fake)) {
			f := startFake(t)
			harm(f)
			timing := quick
			timing.Cancel = 50 * time.Millisecond
			p := open(t, f.uri(), Options{Timing: timing})
			doc := document(1, 1, 100)
			got, err := p.print(t.Context(), doc, nil)
			if err == nil || printer.ReasonOf(err) == "" || doc.opened != 0 || got != (spool.Result{}) {
				t.Errorf("%s with %s: %+v, %v, opened %d times", op, name, got, err, doc.opened)
			}
			if n := len(f.seen(goipp.OpSendDocument)); n != 0 {
				t.Errorf("%s with %s: a document was sent", op, name)
			}
			if r, err := p.Ready(t.Context()); r.Ready && f.alive() > 0 {
				t.Errorf("%s with %s: ready with a job in the queue, %v", op, name, err)
			}
			if op == goipp.OpCreateJob && f.alive() > 0 {
				t.Errorf("%s with %s: an orphan is left", op, name)
			}
		}
		for name, twist := range wrong {
			try(name, func(f *fake) { f.twist[op] = twist })
		}
		for name, answer := range wrongRaw {
			try(name, func(f *fake) { f.raw[op] = answer })
		}
		if op != goipp.OpGetJobs && op != goipp.OpValidateJob {
			try("no description", func(f *fake) { f.twist[op] = func(m *goipp.Message) { m.Groups = m.Groups[:1] } })
		}
	}
}

func TestSubstitutedAttributesAreRefused(t *testing.T) {
	for _, op := range []goipp.Op{goipp.OpValidateJob, goipp.OpCreateJob} {
		for _, status := range []goipp.Status{goipp.StatusOkIgnoredOrSubstituted, goipp.StatusOkConflicting} {
			f := startFake(t)
			f.twist[op] = func(m *goipp.Message) { m.Code = goipp.Code(status) }
			p := open(t, f.uri(), Options{})
			doc := document(1, 1, 100)
			if _, err := p.print(t.Context(), doc, nil); printer.ReasonOf(err) != "refused-by-printer" || doc.opened != 0 || f.alive() != 0 {
				t.Errorf("%s %s: %v, opened %d times, %d jobs left", op, status, err, doc.opened, f.alive())
			}
		}
	}
}

func TestWrongAnswersToTheDocument(t *testing.T) {
	t.Parallel()
	try := func(name string, harm func(*fake)) {
		f := startFake(t)
		harm(f)
		p := open(t, f.uri(), Options{})
		got, err := p.print(t.Context(), document(1, 1, 100), nil)
		// The engine printed all and says so; only the answer to the upload was wrong.
		if err != nil || got.Outcome != protocol.Unsure || got.Reason == "" || got.Impressions != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if n := len(f.seen(goipp.OpSendDocument)); n != 1 {
			t.Errorf("%s: sent %d times", name, n)
		}
	}
	for name, twist := range wrong {
		try(name, func(f *fake) { f.twist[goipp.OpSendDocument] = twist })
	}
	for name, answer := range wrongRaw {
		try(name, func(f *fake) { f.raw[goipp.OpSendDocument] = answer })
	}
}

// TestWrongAnswersWhilePolling has the device talk nonsense once the document has arrived.
func TestWrongAnswersWhilePolling(t *testing.T) {
	t.Parallel()
	timing := quick
	timing.Lost, timing.Cancel = 30*time.Millisecond, 30*time.Millisecond
	try := func(name string, op goipp.Op, harm func(*fake)) {
		f := startFake(t)
		done := f.engine
		f.engine = func(j *fakeJob) { done(j); harm(f) }
		p := open(t, f.uri(), Options{Timing: timing})
		got, err := p.print(t.Context(), document(1, 1, 100), nil)
		if err != nil || got.Outcome != protocol.Unsure || got.Reason != printer.Unreachable {
			t.Errorf("%s with %s: %+v, %v", op, name, got, err)
		}
	}
	for _, op := range []goipp.Op{goipp.OpGetPrinterAttributes, goipp.OpGetJobAttributes} {
		for name, twist := range wrong {
			try(name, op, func(f *fake) { f.twist[op] = twist })
		}
		for name, answer := range wrongRaw {
			try(name, op, func(f *fake) { f.raw[op] = answer })
		}
		try("no description", op, func(f *fake) { f.twist[op] = func(m *goipp.Message) { m.Groups = m.Groups[:1] } })
	}
}

// TestHangsAtEachCall has the device fall silent at one call, for good. A document is opened only behind the last question;
// what follows is unsure; and a restart settles nothing with a device that stays silent.
func TestHangsAtEachCall(t *testing.T) {
	t.Parallel()
	silent := func(t *testing.T, f *fake, op goipp.Op, nth int) {
		end := make(chan struct{})
		t.Cleanup(func() { close(end) })
		f.raw[op] = func(w http.ResponseWriter, _ *http.Request, valid []byte) {
			if nth--; nth < 0 {
				f.mu.Unlock() // the others are answered
				<-end
				f.mu.Lock()
				return
			}
			w.Header().Set("Content-Type", goipp.ContentType)
			_, _ = w.Write(valid)
		}
	}
	for name, c := range map[string]struct {
		op     goipp.Op
		nth    int // answered so often before
		opened int
	}{
		"printer":   {goipp.OpGetPrinterAttributes, 0, 0},
		"jobs":      {goipp.OpGetJobs, 0, 0},
		"validate":  {goipp.OpValidateJob, 0, 0},
		"create":    {goipp.OpCreateJob, 0, 0},
		"identify":  {goipp.OpGetJobAttributes, 0, 0},
		"send":      {goipp.OpSendDocument, 0, 1},
		"watch":     {goipp.OpGetPrinterAttributes, 1, 1},
		"watch job": {goipp.OpGetJobAttributes, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t)
			f.engine = func(j *fakeJob) { j.state = int(jobProcessing) }
			synctest.Test(t, func(t *testing.T) { // only silence takes time
				o := piped(t, f.serve)
				silent(t, f, c.op, c.nth)
				p, doc := open(t, f.uri(), o), document(1, 1, 100)
				got, err := p.print(t.Context(), doc, nil)
				if doc.opened != c.opened || (err == nil) != (c.opened == 1) || c.opened == 1 && got.Outcome != protocol.Unsure {
					t.Errorf("%+v, %v, opened %d times", got, err, doc.opened)
				}
				if n := len(f.seen(goipp.OpSendDocument)); n != c.opened {
					t.Errorf("sent %d times", n)
				}
				past := spool.Past{Transaction: doc.job.Transaction, Impressions: 1, JobID: doc.handed, Age: time.Second}
				if got := open(t, f.uri(), o).Settle(t.Context(), past); got.Outcome != protocol.Unsure {
					t.Errorf("settled: %+v", got)
				}
			})
		})
	}
}
