package main

import (
	"bytes"
	"fmt"

	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

// pdfCases are about the file inside. The signature over it is right every time.
func pdfCases() []vectorCase {
	doc := func(name, about string, code reason.Code, f func(*pdftest.Doc)) vectorCase {
		return vectorCase{name: name, about: about, reason: code, change: func(d *draft) { d.doc = f }}
	}
	raw := func(name, about string, code reason.Code, f func([]byte) []byte) vectorCase {
		return vectorCase{name: name, about: about, reason: code, change: func(d *draft) { d.rawPDF = f }}
	}
	put := func(object, entries string) func(*pdftest.Doc) {
		return func(d *pdftest.Doc) { d.Obj(object).Put(entries) }
	}
	swap := func(object, old, new string) func(*pdftest.Doc) {
		return func(d *pdftest.Doc) { d.Obj(object).Replace(old, new) }
	}
	updated, malformed, active := reason.PDFUpdated, reason.PDFMalformed, reason.PDFActiveContent
	pages, font, missing, tag := reason.PDFPages, reason.PDFFont, reason.StatementMissing, reason.TagMissing
	return []vectorCase{
		raw("pdf-updated-incremental", "an incremental update that changes nothing", updated, incremental),
		raw("pdf-updated-bytes-after", "bytes behind %%EOF", updated, func(b []byte) []byte { return append(b, "% more\n"...) }),
		raw("pdf-updated-bytes-before", "a line end before the header", updated, func(b []byte) []byte { return append([]byte("\n"), b...) }),
		doc("pdf-updated-linearized", "a linearization dictionary", updated, func(d *pdftest.Doc) { d.Add("linear", "<< /Linearized 1 >>") }),
		doc("pdf-updated-hybrid", "a hybrid cross-reference", updated, func(d *pdftest.Doc) { d.Trailer += " /XRefStm 17" }),
		raw("pdf-malformed-not-a-pdf", "a web page", malformed, func([]byte) []byte { return []byte("<!DOCTYPE html><title>certificate</title>") }),
		raw("pdf-malformed-2.0", "PDF 2.0", malformed, func(b []byte) []byte { return bytes.Replace(b, []byte("%PDF-1.7"), []byte("%PDF-2.0"), 1) }),
		doc("pdf-malformed-version", "the catalog says 2.0", malformed, put("catalog", "/Version /2.0")),
		doc("pdf-malformed-offset", "one cross-reference entry is off by one", malformed, func(d *pdftest.Doc) {
			d.Offset = func(n, at int) int { return at + n/3%2 }
		}),
		doc("pdf-malformed-length", "a stream's /Length is short", malformed, func(d *pdftest.Doc) { d.Obj("contents1").Length = "3" }),
		doc("pdf-malformed-stream", "a stream does not inflate", malformed, func(d *pdftest.Doc) { d.Obj("contents1").Data[4] ^= 0xff }),
		doc("pdf-malformed-key-twice", "a dictionary with a key twice", malformed, put("info", "/Producer (other)")),
		doc("pdf-malformed-object-stream", "an object stream", malformed, func(d *pdftest.Doc) { d.AddStream("x", "/Type /ObjStm /N 0 /First 0", nil) }),
		doc("pdf-active-javascript", "JavaScript on opening", active, put("catalog", "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>")),
		doc("pdf-active-destination", "an OpenAction that is only a destination", active, put("catalog", "/OpenAction [{page1} /Fit]")),
		doc("pdf-active-additional", "an additional action of a page", active, put("page1", "/AA << /O << /S /URI /URI (http://example.invalid/) >> >>")),
		doc("pdf-active-form", "an AcroForm", active, put("catalog", "/AcroForm << /Fields [] >>")),
		doc("pdf-active-annotations", "an empty /Annots", active, put("page1", "/Annots []")),
		doc("pdf-active-optional-content", "optional content", active, put("catalog", "/OCProperties << /OCGs [] /D << >> >>")),
		doc("pdf-active-outline", "an outline", active, func(d *pdftest.Doc) {
			d.Add("outline", "<< /Type /Outlines /Count 0 >>")
			d.Obj("catalog").Put("/Outlines {outline}")
		}),
		doc("pdf-active-unreachable", "an action that nothing points to", active, func(d *pdftest.Doc) { d.Add("hidden", "<< /Type /Action /S /Launch /F (x) >>") }),
		doc("pdf-active-second-file", "a second embedded file", active, func(d *pdftest.Doc) {
			d.AddStream("other", "/Type /EmbeddedFile", []byte("{}"))
			d.Add("otherspec", "<< /Type /Filespec /F (other.json) /UF (other.json) /EF << /F {other} >> >>")
			d.Obj("catalog").Replace("{filespec}]", "{filespec} (other.json) {otherspec}]")
		}),
		doc("pdf-pages-letter", "US letter", pages, swap("page1", "595.276 841.89", "612 792")),
		doc("pdf-pages-rotated", "a page on its side by /Rotate", pages, put("page1", "/Rotate 90")),
		doc("pdf-pages-cropped", "a CropBox that hides the edge", pages, put("page1", "/CropBox [20 20 575 821]")),
		doc("pdf-pages-userunit", "a UserUnit", pages, put("page1", "/UserUnit 2")),
		{name: "pdf-pages-31", about: "31 pages, and the statement says so", reason: pages, change: func(d *draft) { d.pages(31) }},
		{name: "pdf-pages-miscounted", about: "two pages, the statement says one", reason: pages, change: func(d *draft) {
			d.pages(2)
			d.rawStatement = replace(`"pages":2`, `"pages":1`)
		}},
		doc("pdf-font-missing", "a font that is not embedded", font, func(d *pdftest.Doc) {
			d.Add("helvetica", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
			d.Obj("page1").Replace("/F1 {font}", "/F1 {font} /F2 {helvetica}")
		}),
		doc("pdf-font-type3", "a Type 3 font", font, func(d *pdftest.Doc) {
			d.AddStream("glyph", "", []byte("1000 0 0 0 750 750 d1 0 0 750 750 re f"))
			d.Add("drawn", "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [0.001 0 0 0.001 0 0] /CharProcs << /box {glyph} >> "+
				"/Encoding << /Type /Encoding /Differences [97 /box] >> /FirstChar 97 /LastChar 97 /Widths [1000] /Resources << >> >>")
			d.Obj("page1").Replace("/F1 {font}", "/F1 {font} /F2 {drawn}")
		}),
		doc("statement-missing-none", "no embedded file at all", missing, func(d *pdftest.Doc) {
			d.Obj("catalog").Replace("/Names << /EmbeddedFiles << /Names [(issuance.json) {filespec}] >> >>", "")
		}),
		doc("statement-missing-other-name", "the one embedded file has another name", missing, func(d *pdftest.Doc) {
			d.Obj("catalog").Replace("(issuance.json)", "(statement.json)")
			d.Obj("filespec").Replace("(issuance.json)", "(statement.json)")
		}),
		{name: "tag-missing-last-page", about: "the last page of two has no tag", reason: tag, change: func(d *draft) {
			d.pages(2)
			d.doc = func(p *pdftest.Doc) {
				o := p.Obj("page2")
				o.Body = o.Body[:bytes.Index([]byte(o.Body), []byte("/PieceInfo"))] + ">>"
			}
		}},
		doc("tag-missing-inherited", "the tag stands in the page tree's root, not on the page", tag, func(d *pdftest.Doc) {
			o := d.Obj("page1")
			i := bytes.Index([]byte(o.Body), []byte("/PieceInfo"))
			d.Obj("pages").Put(o.Body[i : len(o.Body)-2])
			o.Body = o.Body[:i] + ">>"
		}),
		doc("tag-missing-further-key", "a tag with a key too many", tag, swap("page1", "/Page 1 ", "/Page 1 /Name (x) ")),
	}
}

// incremental appends an update that repeats the info dictionary.
func incremental(b []byte) []byte {
	at := len(b)
	table := bytes.LastIndex(b, []byte("\nxref\n")) + 1
	out := append(bytes.Clone(b), "3 0 obj\n<< /Producer (later) >>\nendobj\n"...)
	xref := len(out)
	return fmt.Appendf(out, "xref\n3 1\n%010d 00000 n \ntrailer\n<< /Size 15 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n", at, table, xref)
}

// replace changes a text that must be there once.
func replace(old, new string) func([]byte) []byte {
	return func(b []byte) []byte {
		if bytes.Count(b, []byte(old)) != 1 {
			panic("not once: " + old)
		}
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}
}
