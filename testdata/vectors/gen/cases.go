package main

import (
	"slices"

	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

// vectorCase is one vector: what it changes in a draft that is right, and the verdict that this must get.
type vectorCase struct {
	name, about string
	change      func(*draft)
	reason      reason.Code         // "": accepted
	also        []reason.Code       // what else must be listed, complete and in order
	policy      string              // "": policy.toml
	random      bool                // cannot be made again byte by byte
	tool        func(*draft) []byte // another tool makes it
	clock       bool                // and signs it, at its own clock
}

func cases() []vectorCase {
	return slices.Concat(acceptedCases(), cardCases(), packageCases(), signatureCases(), weakCases(), signerCases(), timeCases(),
		pdfCases(), activeCases(), statementCases(), mixUpCases(), severalCases())
}

// row is a vectorCase inside a group, whose prefix and reason it shares.
type row struct {
	name, about string
	change      func(*draft)
	also        []reason.Code
}

func group(prefix string, code reason.Code, rows ...row) (out []vectorCase) {
	for _, r := range rows {
		out = append(out, vectorCase{name: prefix + "-" + r.name, about: r.about, change: r.change, reason: code, also: r.also})
	}
	return out
}

func also(c ...reason.Code) []reason.Code { return c }

// Changes of the PDF's objects. The document's names are those of [pdftest.Good].

func doc(f func(*pdftest.Doc)) func(*draft) { return func(d *draft) { d.doc = f } }

func rawPDF(f func([]byte) []byte) func(*draft) { return func(d *draft) { d.rawPDF = f } }

// put adds entries to an object's dictionary, and then further objects: name, body, name, body.
func put(object, entries string, more ...string) func(*draft) {
	return doc(func(d *pdftest.Doc) {
		d.Obj(object).Put(entries)
		addAll(d, more)
	})
}

// swap replaces a part of an object, and then adds further objects.
func swap(object, old, new string, more ...string) func(*draft) {
	return doc(func(d *pdftest.Doc) {
		d.Obj(object).Replace(old, new)
		addAll(d, more)
	})
}

// lone adds an object that nothing leads to.
func lone(body string) func(*draft) { return doc(func(d *pdftest.Doc) { d.Add("lone", body) }) }

// stream adds a stream that nothing leads to.
func stream(entries, data string) func(*draft) {
	return doc(func(d *pdftest.Doc) { d.AddStream("lone", entries, []byte(data)) })
}

func addAll(d *pdftest.Doc, more []string) {
	for i := 0; i < len(more); i += 2 {
		d.Add(more[i], more[i+1])
	}
}

// annotated puts an annotation on the first page.
func annotated(entries string, more ...string) func(*draft) {
	return put("page1", "/Annots [{note}]", append([]string{"note", "<< /Type /Annot /Rect [10 10 99 99] /P {page1} " + entries + " >>"}, more...)...)
}
