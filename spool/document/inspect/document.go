// Package inspect reports what a PDF is: the rules of the protocol page's PDF table that it breaks, its page
// tags and its statement. It decides nothing, and it is the only package of the project that imports a PDF
// library.
//
// Foreign bytes meet a large parser here, so the work is done in a child process ([Pool]): the same binary
// started again, confined before it reads its first byte (memory, processor time, no new file or socket, Landlock
// and a seccomp filter where the kernel grants them; without the filter, namespaces of its own), one document in each,
// killed on wall time.
// A child that dies, hangs, floods or talks nonsense is a refusal, and what it held goes back to the kernel.
// The signature over the document was checked before, in the parent.
//
// Two readers must agree on a document. The first is ours ([Document]): a small strict parser which accepts one
// classic table, every object exactly where that table says, nothing between them, every stream of its stated
// length and decodable, and which judges each rule on every object of the file, reachable or not. Only what
// passed all of it is shown to pdfcpu, which must read and validate it in strict mode without one message about
// a repair, and must see the same pages and the same statement. pdfcpu alone would repair in silence; ours alone
// would not know every corner of the standard.
//
// Findings carry positions, object numbers and keys of the standard, never text of the document.
package inspect

import (
	"errors"
	"fmt"

	"honnin/config/reason"
)

// order is the protocol page's table.
var order = []reason.Code{
	reason.PDFUpdated, reason.PDFMalformed, reason.PDFActiveContent, reason.PDFPages,
	reason.PDFFont, reason.StatementMissing, reason.TagMissing,
}

// Document inspects pdf in this process. It is what a child runs; elsewhere only tests call it.
func Document(pdf []byte) Facts { return Timed(pdf, nil) }

// Timed is [Document]; after each of [Steps] that the document came through it says which, to somebody with a watch.
func Timed(pdf []byte, after func(step string)) (facts Facts) {
	in := &inspection{found: map[reason.Code]string{}, after: after}
	defer func() {
		if p := recover(); p != nil { // its text may hold the document's
			in.report(reason.PDFMalformed, "the inspection panicked")
			facts = Facts{}
		}
		facts.Findings = in.findings()
	}()
	in.run(pdf)
	return in.facts
}

// inspection is the work on one document.
type inspection struct {
	f       *file
	catalog *dict
	pages   []page
	spec    *dict   // the statement's file specification
	attach  *stream // and its stream
	found   map[reason.Code]string
	facts   Facts
	after   func(step string)
}

// Steps are the parts of an inspection, in their order, each with some weight of its own.
var Steps = []string{stepRead, stepDecode, stepWalk, stepPages, stepSecond}

const (
	stepRead   = "frame and objects"
	stepDecode = "references, streams, page tree"
	stepWalk   = "walk over everything"
	stepPages  = "geometry, fonts, tags, statement"
	stepSecond = "second opinion (pdfcpu)"
)

func (in *inspection) done(step string) {
	if in.after != nil {
		in.after(step)
	}
}

// report notes a broken rule; the first of each code stays.
func (in *inspection) report(code reason.Code, format string, args ...any) {
	if _, ok := in.found[code]; ok {
		return
	}
	in.found[code] = printable(fmt.Sprintf(format, args...))
}

// fail notes an error of the parser.
func (in *inspection) fail(err error) {
	var e *reason.Error
	if errors.As(err, &e) {
		in.report(e.Code, "%s", e.Detail)
		return
	}
	in.report(reason.PDFMalformed, "%s", err)
}

func (in *inspection) findings() (out []Finding) {
	for _, code := range order {
		if d, ok := in.found[code]; ok {
			out = append(out, Finding{code, d})
		}
	}
	return out
}

// printable bounds a detail and keeps it in ASCII.
func printable(s string) string {
	b := []byte(s[:min(len(s), maxDetail)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// run applies the table row by row; a file that cannot be read is not judged further.
func (in *inspection) run(pdf []byte) {
	var err error
	if in.f, err = parse(pdf); err != nil {
		in.fail(err)
		if reason.Of(err) == reason.PDFMalformed {
			in.alsoUpdated(pdf)
		}
		return
	}
	in.done(stepRead)
	if in.f.trailer.has("Encrypt") {
		in.report(reason.PDFActiveContent, "encrypted")
		return // neither strings nor streams can be judged
	}
	for _, step := range []func() error{in.structure, in.streams, in.pageTree} {
		if err := step(); err != nil {
			in.fail(err)
		}
	}
	in.done(stepDecode)
	in.findStatement()
	in.activeContent()
	if err := in.bounded(); err != nil {
		in.fail(err)
	}
	in.done(stepWalk)
	if in.found[reason.PDFMalformed] == "" {
		in.geometry()
		in.fonts()
		in.tags()
		in.readStatement()
	}
	in.done(stepPages)
	if len(in.found) == 0 {
		in.secondOpinion(pdf)
		in.done(stepSecond)
	}
}

// alsoUpdated tells whether a malformed file was also changed after it was written, as far as a search can say.
func (in *inspection) alsoUpdated(pdf []byte) {
	if in.f == nil {
		return // no header, nothing to search
	}
	if err := countFrames(pdf, guessStreams(pdf)); err != nil {
		in.fail(err)
	}
}
