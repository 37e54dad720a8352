package ipp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"sync/atomic"

	"honnin/drivers/printer"

	"github.com/OpenPrinting/goipp"
)

// job is one job at the printer. Its number alone does not identify it: see [job.is].
type job struct {
	number int
	name   string
	uuid   string // as the device gave it; "" where it gives none
	device string // the printer's own uuid; where it gives none, our address of it
}

// facts is what one answer says of a job.
type facts struct {
	number           int
	name, uuid       string
	state            jobState
	reasons          []string
	completed, total count
	created, up      count // time-at-creation and the printer's clock, both in seconds of that clock
	unbegun          bool
}

// jobAttributes are the attributes asked of a job (RFC 8011 section 5.3, PWG 5100.7 for job-uuid).
var jobAttributes = []string{"job-id", "job-name", "job-uuid", "job-state", "job-state-reasons",
	"job-impressions", "job-impressions-completed", "time-at-processing", "time-at-creation", "job-printer-up-time"}

var errLost = &printer.Fault{Reason: "job-lost", Err: errors.New("the job of that number is not ours")}

// uuidForm is compiled on first use, and not in each child that inspects a document.
var uuidForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^urn:uuid:[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
})

func readFacts(a attributes) (facts, error) {
	id, state := a.number("job-id"), a.number("job-state")
	if !id.known || id.n < 1 || !state.known || state.n < int(jobPending) || state.n > int(jobCompleted) {
		return facts{}, bad(errors.New("a job without a number or a state"))
	}
	f := facts{
		number: id.n, name: a.word("job-name"), uuid: a.word("job-uuid"), state: jobState(state.n),
		reasons: a.words("job-state-reasons"), completed: a.number("job-impressions-completed"), total: a.number("job-impressions"),
		unbegun: a.outOfBand("time-at-processing", goipp.TagNoValue), created: a.number("time-at-creation"), up: a.number("job-printer-up-time"),
	}
	if f.completed.n < 0 { // CUPS says -1 where it does not know
		f.completed = count{}
	}
	return f, nil
}

// is reports whether f speaks of this very job: numbers begin again after a restart, names do not.
func (j *job) is(f facts) bool {
	return f.number == j.number && f.name == j.name && (j.uuid == "" || f.uuid == j.uuid)
}

// id is the name of the job for the journal: its number, its uuid and the printer's, as the device gives them. Its
// name there is the transaction.
func (j *job) id() string {
	return fmt.Sprintf("%d %s %s", j.number, uuidOr(j.uuid, "-"), j.device)
}

// uuidOr lets no free text of a device into the journal.
func uuidOr(s, otherwise string) string {
	if uuidForm().MatchString(s) {
		return s
	}
	return otherwise
}

// device names the printer that gave these attributes.
func (p *Printer) device(a attributes) string { return uuidOr(a.word("printer-uuid"), p.ipp.uri) }

func (p *Printer) validate(ctx context.Context, name string, settings goipp.Attributes) error {
	m := p.ipp.request(goipp.OpValidateJob)
	describe(m, name, settings)
	_, err := p.ipp.do(ctx, m)
	return err
}

// create makes the job and makes sure that it is ours. Where the answer is lost the job may be there all the
// same: it is looked for by its name and cancelled.
func (p *Printer) create(ctx context.Context, device, name string, settings goipp.Attributes) (*job, error) {
	m := p.ipp.request(goipp.OpCreateJob)
	describe(m, name, settings)
	a, err := p.one(ctx, m, goipp.TagJobGroup)
	if err != nil {
		p.orphans(ctx, name)
		return nil, err
	}
	j := &job{number: a.number("job-id").n, name: name, device: device}
	f, err := p.look(ctx, j)
	if err != nil {
		p.orphans(ctx, name)
		return nil, err
	}
	j.uuid = f.uuid
	return j, nil
}

// look asks for the job's facts, and believes only those of this very job.
func (p *Printer) look(ctx context.Context, j *job) (facts, error) {
	m := p.ipp.request(goipp.OpGetJobAttributes)
	m.Operation.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(j.number)))
	user(m)
	wanted(m, jobAttributes...)
	a, err := p.one(ctx, m, goipp.TagJobGroup)
	if status, ok := statusOf(err); ok && (status == goipp.StatusErrorNotFound || status == goipp.StatusErrorGone) {
		return facts{}, errLost
	}
	if err != nil {
		return facts{}, err
	}
	f, err := readFacts(a)
	if err == nil && !j.is(f) {
		err = errLost
	}
	return f, err
}

// cancel sends one Cancel-Job, to a job that was just seen to be ours.
func (p *Printer) cancel(ctx context.Context, j *job) error {
	m := p.ipp.request(goipp.OpCancelJob)
	m.Operation.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(j.number)))
	user(m)
	_, err := p.ipp.do(ctx, m)
	return err
}

// orphans cancels what Create-Job may have left, by name.
func (p *Printer) orphans(ctx context.Context, name string) {
	ctx, stop := p.afterwards(ctx)
	defer stop()
	jobs, err := p.jobs(ctx, notCompleted)
	if err != nil {
		p.leave(name, false)
		return
	}
	for _, a := range jobs {
		if f, err := readFacts(a); err == nil && f.name == name {
			p.end(ctx, &job{number: f.number, name: f.name, uuid: f.uuid}, new(story))
		}
	}
}

// tap counts what the connection took of the document.
type tap struct {
	r io.Reader
	n atomic.Int64
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.n.Add(int64(n))
	return n, err
}

// upload sends the document, and tells of it in s.
func (p *Printer) upload(ctx context.Context, j *job, doc io.ReadSeeker, s *story) {
	size, err := length(doc)
	if err != nil {
		s.blame(printer.NotOpened)
		return
	}
	ctx, stop := context.WithTimeout(ctx, p.timing.Upload)
	defer stop()
	body := &tap{r: doc}
	_, err = p.ipp.send(ctx, sendDocument(p.ipp, j), body, size)
	taken := body.n.Load()
	s.sent = taken > 0
	if word := uploaded(err, taken == size); word != "" {
		s.blame(word)
	}
}

func sendDocument(c *client, j *job) *goipp.Message {
	m := c.request(goipp.OpSendDocument)
	m.Operation.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(j.number)))
	user(m)
	m.Operation.Add(goipp.MakeAttribute("document-format", goipp.TagMimeType, goipp.String(pdf)))
	m.Operation.Add(goipp.MakeAttribute("last-document", goipp.TagBoolean, goipp.Boolean(true)))
	return m
}

func length(s io.Seeker) (int64, error) {
	size, err := s.Seek(0, io.SeekEnd)
	if err == nil && size == 0 {
		err = errors.New("an empty document")
	}
	if err != nil {
		return 0, err
	}
	_, err = s.Seek(0, io.SeekStart)
	return size, err
}

// uploaded names what is wrong with an upload: cut short, refused, or not acknowledged.
func uploaded(err error, whole bool) string {
	if _, ok := statusOf(err); ok {
		return "refused-by-printer"
	}
	switch {
	case !whole:
		return "upload-cut"
	case err != nil:
		return "answer-lost"
	}
	return ""
}
