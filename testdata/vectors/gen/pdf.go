package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

// pdfCases are about the file inside. The signature over it is right every time.
func pdfCases() []vectorCase {
	return slices.Concat(frameCases(), syntaxCases(), costCases(), pageCases(), fontCases(), attachmentCases(), tagCases(), qpdfCases())
}

func frameCases() []vectorCase {
	appended := func(s string) func(*draft) { return rawPDF(func(b []byte) []byte { return append(b, s...) }) }
	return group("pdf-updated", reason.PDFUpdated,
		row{"incremental", "an incremental update that changes nothing", rawPDF(func(b []byte) []byte { return incremental(b, "<< /Producer (later) >>") }), nil},
		row{"incremental-javascript", "an incremental update that adds an action", rawPDF(func(b []byte) []byte { return incremental(b, "<< /S /JavaScript /JS (0) >>") }), nil},
		row{"incremental-twice", "two incremental updates", rawPDF(func(b []byte) []byte { return incremental(incremental(b, "<< >>"), "<< >>") }), nil},
		row{"incremental-without-prev", "an update that does not say what it updates", rawPDF(func(b []byte) []byte {
			return bytes.Replace(incremental(b, "<< >>"), []byte("/Prev"), []byte("/Xrev"), 1)
		}), also(reason.PDFMalformed)},
		row{"incremental-stream", "an update by a cross-reference stream", rawPDF(func(b []byte) []byte {
			return fmt.Appendf(b, "99 0 obj\n<< /Type /XRef /Length 0 >>\nstream\n\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n", len(b))
		}), also(reason.PDFMalformed)},
		row{"bytes-after", "a comment behind %%EOF", appended("% more\n"), nil},
		row{"zeros-after", "zero bytes behind %%EOF", appended(strings.Repeat("\x00", 512)), nil},
		row{"bytes-before", "a line end before the header", rawPDF(func(b []byte) []byte { return append([]byte("\n"), b...) }), nil},
		row{"cut-short", "the second half is missing", rawPDF(func(b []byte) []byte { return b[:len(b)/2] }), nil},
		row{"second-end", "%%EOF in a comment", doc(func(d *pdftest.Doc) { d.Header += "%%EOF\n" }), nil},
		row{"second-trailer", "a trailer between the objects", doc(func(d *pdftest.Doc) { d.Header += "trailer\n<< >>\n" }), nil},
		row{"linearized", "a linearization dictionary", lone("<< /Linearized 1 >>"), nil},
		row{"hybrid", "a hybrid cross-reference", doc(func(d *pdftest.Doc) { d.Trailer += " /XRefStm 17" }), nil},
	)
}

func syntaxCases() []vectorCase {
	header := func(new string) func(*draft) { return rawPDF(replace("%PDF-1.7", new)) }
	contents := func(f func(*pdftest.Object)) func(*draft) {
		return doc(func(d *pdftest.Doc) { f(d.Obj("contents1")) })
	}
	length := func(s string) func(*draft) { return contents(func(o *pdftest.Object) { o.Length = s }) }
	return group("pdf-malformed", reason.PDFMalformed,
		row{"empty", "content of no byte", rawPDF(func([]byte) []byte { return []byte{} }), nil},
		row{"not-a-pdf", "a web page", rawPDF(func([]byte) []byte { return []byte("<!DOCTYPE html><title>certificate</title>") }), nil},
		row{"2.0", "PDF 2.0", header("%PDF-2.0"), nil},
		row{"version", "the catalog says 2.0", put("catalog", "/Version /2.0"), nil},
		row{"offset", "some cross-reference entries are off by one", doc(func(d *pdftest.Doc) { d.Offset = func(n, at int) int { return at + n/3%2 } }), nil},
		row{"size", "the trailer's /Size is too large", table("/Size 13", "/Size 14"), nil},
		row{"not-in-table", "an object that the table does not name", doc(func(d *pdftest.Doc) { d.Header += "77 0 obj\nnull\nendobj\n" }), nil},
		row{"reference", "a reference to nothing", put("info", "/X 99 0 R"), nil},
		row{"root", "the trailer's /Root is no catalog", doc(func(d *pdftest.Doc) { d.Trailer = "/Root {info}" }), nil},
		row{"key-twice", "a dictionary with a key twice", put("info", "/Producer (other)"), nil},
		row{"key-twice-deep", "a key twice deep inside", put("info", "/X [<< /A << /B 1 /B 1 >> >>]"), nil},
		row{"length", "a stream's /Length is short", length("3"), nil},
		row{"length-long", "a stream's /Length leads out of the file", length("4000000000"), nil},
		row{"length-of-itself", "a stream's /Length is the stream", length("{contents1}"), nil},
		row{"stream", "a stream does not inflate", contents(func(o *pdftest.Object) { o.Data[4] ^= 0xff }), nil},
		row{"stream-tail", "data behind the end of a stream's data", contents(func(o *pdftest.Object) { o.Data = append(o.Data, "hidden"...) }), nil},
		row{"filter", "a filter that nobody knows", swap("contents1", "FlateDecode", "FlatDecode"), nil},
		row{"filter-jbig2", "JBIG2", stream("/Filter /JBIG2Decode", ""), nil},
		row{"filters", "four filters in a row", stream("/Filter [/ASCIIHexDecode /ASCIIHexDecode /ASCIIHexDecode /ASCIIHexDecode]", ">"), nil},
		row{"object-stream", "an object stream", stream("/Type /ObjStm /N 0 /First 0", ""), nil},
		row{"xref-stream", "a cross-reference stream", stream("/Type /XRef", ""), nil},
		row{"second-reader", "a font descriptor that only the second reader finds fault with", swap("descriptor", "/Flags 4", "/Flags (4)"), nil},
		row{"afrelationship", "/AFRelationship, which PDF 1.7 does not know", put("filespec", "/AFRelationship /Data"), nil},
		row{"tree-count", "the page tree's /Count is wrong", swap("pages", "/Count 1", "/Count 2"), nil},
		row{"tree-parent", "a page with another /Parent", swap("page1", "/Parent {pages}", "/Parent {info}"), nil},
	)
}

// costCases cost a careless reader its memory, its stack or its time.
func costCases() []vectorCase {
	zeros := func(n int) []byte { return pdftest.Deflate(make([]byte, n)) }
	bomb := func(entries string) func(*draft) {
		return doc(func(d *pdftest.Doc) {
			d.AddStream("bomb", entries+" /Filter [/FlateDecode /FlateDecode]", pdftest.Deflate(zeros(130<<20)))
		})
	}
	linked := func(form string, n int, from string) func(*draft) {
		return doc(func(d *pdftest.Doc) {
			for i := range n {
				d.Add(fmt.Sprintf("n%d", i), "<< "+strings.ReplaceAll(form, "NEXT", fmt.Sprintf("{n%d}", i+1))+" >>")
			}
			d.Add(fmt.Sprintf("n%d", n), "null")
			d.Obj("catalog").Put(from)
		})
	}
	nested := func(open, close string, n int) func(*draft) {
		return lone(strings.Repeat(open, n) + strings.Repeat(close, n))
	}
	return group("pdf-malformed", reason.PDFMalformed,
		row{"bomb-contents", "130 MiB of zeros in 1 kB, as a page's contents", func(d *draft) {
			bomb("")(d)
			inner := d.doc
			d.doc = func(p *pdftest.Doc) { inner(p); p.Obj("page1").Replace("{contents1}", "[{contents1} {bomb}]") }
		}, nil},
		row{"bomb-run-length", "the same of run lengths", doc(func(d *pdftest.Doc) {
			d.AddStream("bomb", "/Filter [/FlateDecode /RunLengthDecode]", pdftest.Deflate(bytes.Repeat([]byte{129, 0}, 1100<<10)))
		}), nil},
		row{"bomb-intermediate", "33 MiB between two filters", doc(func(d *pdftest.Doc) {
			d.AddStream("bomb", "/Filter [/FlateDecode /ASCIIHexDecode]", zeros(33<<20))
		}), nil},
		row{"bomb-predictor", "a predictor with rows of a billion columns", doc(func(d *pdftest.Doc) {
			d.Obj("contents1").Put("/DecodeParms << /Predictor 15 /Columns 1000000000 >>")
		}), nil},
		row{"loop-kids", "a page tree that contains itself", swap("pages", "/Count 1 /Kids [{page1}]", "/Count 2 /Kids [{page1} {pages}]"), nil},
		row{"loop-parent", "the page tree's root has a parent", put("pages", "/Parent {page1}"), nil},
		row{"loop-object", "an object that contains itself", put("info", "/X << /Y {info} >>"), nil},
		row{"loop-name-tree", "a name tree that contains itself", swap("catalog", "<< /Names [(issuance.json) {filespec}] >>", "{tree}", "tree", "<< /Kids [{tree}] >>"),
			also(reason.StatementMissing)},
		row{"shared-kids", "30 nodes, each the next one's two parents: 2^30 paths", linked("/Kids [NEXT NEXT]", 30, "/X {n0}"), nil},
		row{"shared-functions", "the same with functions", linked("/FunctionType 3 /Domain [0 1] /Bounds [0.5] /Encode [0 1 0 1] /Functions [NEXT NEXT]", 30, "/X {n0}"), nil},
		row{"shared-structure", "the same with structure elements", linked("/Type /StructElem /S /P /K [NEXT NEXT]", 30, "/StructTreeRoot << /Type /StructTreeRoot /K {n0} >>"), nil},
		row{"shared-next", "the same with /Next", linked("/Next [NEXT NEXT]", 30, "/X {n0}"), nil},
		row{"deep-references", "500 references in a row", linked("/Down NEXT", 500, "/X {n0}"), nil},
		row{"deep-arrays", "arrays nested 65 deep", nested("[", "]", 65), nil},
		row{"deep-dictionaries", "dictionaries nested 65 deep", nested("<< /A ", " >>", 65), nil},
		row{"deep-page-tree", "a page tree of 70 levels", doc(func(d *pdftest.Doc) {
			parent := "pages"
			for i := range 70 {
				name := fmt.Sprintf("n%d", i)
				d.Add(name, fmt.Sprintf("<< /Type /Pages /Count 1 /Parent {%s} /Kids [{n%d}] >>", parent, i+1))
				parent = name
			}
			d.Obj("n69").Replace("{n70}", "{page1}")
			d.Obj("page1").Replace("/Parent {pages}", "/Parent {n69}")
			d.Obj("pages").Replace("{page1}", "{n0}")
		}), nil},
		row{"deep-forms", "forms within forms, 500 of them", doc(func(d *pdftest.Doc) {
			for i := range 500 {
				d.AddStream(fmt.Sprintf("n%d", i), fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F {n%d} >> >>", i+1), []byte("/F Do"))
			}
			d.AddStream("n500", "/Type /XObject /Subtype /Form /BBox [0 0 9 9]", nil)
			d.Obj("page1").Replace("/Resources <<", "/Resources << /XObject << /F {n0} >>")
		}), nil},
		row{"flood-entries", "a cross-reference table of ten million entries that are not there", table("0 13\n", "0 9999999\n"), nil},
		row{"flood-numbers", "an object with a number beyond all bounds", table("trailer", "4294967295 1\n0000000015 00000 n \ntrailer"), nil},
		row{"flood-twice", "one object in the table twice", table("trailer", "1 1\n0000000015 00000 n \ntrailer"), nil},
		row{"flood-values", "more than a million values", lone("[" + strings.Repeat("/", 1<<20+1) + "]"), nil},
	)
}

// table replaces a part of the cross-reference table or the trailer.
func table(old, new string) func(*draft) {
	return doc(func(d *pdftest.Doc) { d.Table = func(s string) string { return string(replace(old, new)([]byte(s))) } })
}

func pageCases() []vectorCase {
	const a4 = "[0 0 595.276 841.89]"
	size := func(box string) func(*draft) { return swap("page1", a4, box) }
	inherited := func(box string) func(*draft) {
		return doc(func(d *pdftest.Doc) {
			d.Obj("page1").Replace("/MediaBox "+a4, "")
			d.Obj("pages").Put("/MediaBox " + box)
		})
	}
	return group("pdf-pages", reason.PDFPages,
		row{"a5", "A5", size("[0 0 419.528 595.276]"), nil},
		row{"letter", "US letter", size("[0 0 612 792]"), nil},
		row{"letter-last-page", "only the last page is US letter", func(d *draft) {
			d.pages(2)
			d.doc = func(p *pdftest.Doc) { p.Obj("page2").Replace(a4, "[0 0 612 792]") }
		}, nil},
		row{"wider", "3 points too wide", size("[0 0 598.276 841.89]"), nil},
		row{"shorter", "3 points too short", size("[0 0 595.276 838.89]"), nil},
		row{"tiny", "a MediaBox of one point", size("[0 0 1 1]"), nil},
		row{"no-mediabox", "no MediaBox", swap("page1", "/MediaBox "+a4, ""), nil},
		row{"mediabox-inherited", "US letter by inheritance", inherited("[0 0 612 792]"), nil},
		row{"rotated", "a page on its side by /Rotate", put("page1", "/Rotate 90"), nil},
		row{"rotated-inherited", "a page on its head by inheritance", put("pages", "/Rotate 180"), nil},
		row{"cropped", "a CropBox that hides the edge", put("page1", "/CropBox [20 20 575 821]"), nil},
		row{"cropped-moved", "a CropBox beside the page", put("page1", "/CropBox [10 0 605.276 841.89]"), nil},
		row{"cropped-inherited", "a CropBox by inheritance", put("pages", "/CropBox [0 0 100 100]"), nil},
		row{"trimbox", "a TrimBox within the page", put("page1", "/TrimBox [1 1 595 841]"), nil},
		row{"userunit", "a UserUnit", put("page1", "/UserUnit 2"), nil},
		row{"none", "no page, and the statement says so", func(d *draft) { d.pages(0) }, nil},
		row{"31", "31 pages, and the statement says so", func(d *draft) { d.pages(31) }, nil},
		row{"miscounted", "two pages, the statement says one", func(d *draft) {
			d.pages(2)
			d.rawStatement = replace(`"pages":2`, `"pages":1`)
		}, nil},
		row{"miscounted-fewer", "one page, the statement says two", func(d *draft) { d.rawStatement = replace(`"pages":1`, `"pages":2`) }, nil},
	)
}

func fontCases() []vectorCase {
	const helvetica = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
	const type3 = "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [0.001 0 0 0.001 0 0] /CharProcs << >> " +
		"/Encoding << /Type /Encoding /Differences [] >> /FirstChar 97 /LastChar 97 /Widths [1000] /Resources << >> >>"
	const res = "/Resources << /Font << /F2 {plain} >> >>"
	within := func(entries string) func(*draft) {
		return doc(func(d *pdftest.Doc) {
			d.Add("plain", helvetica)
			d.AddStream("lone", entries+" "+res, []byte("q Q"))
		})
	}
	return group("pdf-font", reason.PDFFont,
		row{"missing", "a font that is not embedded", swap("page1", "/F1 {font}", "/F1 {font} /F2 {plain}", "plain", helvetica), nil},
		row{"missing-inline", "the same, inside the page's resources", swap("page1", "/F1 {font}", "/F1 {font} /F2 "+helvetica), nil},
		row{"missing-inherited", "in resources that the page inherits", put("pages", res, "plain", helvetica), nil},
		row{"missing-in-form", "in a form's resources", within("/Type /XObject /Subtype /Form /BBox [0 0 9 9]"), nil},
		row{"missing-in-pattern", "in a pattern's resources", within("/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 9 /YStep 9"), nil},
		row{"missing-in-state", "in a graphics state", lone("<< /Type /ExtGState /Font [" + helvetica + " 12] >>"), nil},
		row{"missing-unlinked", "a font that nothing uses", lone(helvetica), nil},
		row{"missing-descendant", "the descendant of a composite font is not embedded", swap("descriptor", "/FontFile2 {fontfile}", ""), nil},
		row{"missing-truetype", "a TrueType font that is not embedded", lone("<< /Type /Font /Subtype /TrueType /BaseFont /Arial >>"), nil},
		row{"two-programs", "two font programs", put("descriptor", "/FontFile3 {fontfile}"), nil},
		row{"no-font", "something else where a font should be", swap("page1", "/F1 {font}", "/F1 {info}"), nil},
		row{"type3", "a Type 3 font", swap("page1", "/F1 {font}", "/F1 {font} /F2 {drawn}", "drawn", type3), nil},
	)
}

func attachmentCases() []vectorCase {
	plain := func(filter string, f func([]byte) []byte) func(*draft) {
		return func(d *draft) {
			text := must(d.statement.Encode())
			d.doc = func(p *pdftest.Doc) {
				o := p.Obj("statement")
				o.Replace("/Filter /FlateDecode", filter)
				o.Data = f(text)
			}
		}
	}
	same := func(b []byte) []byte { return b }
	const tree = "/Names << /EmbeddedFiles << /Names [(issuance.json) {filespec}] >> >>"
	return group("statement-missing", reason.StatementMissing,
		row{"none", "no embedded file at all", doc(func(d *pdftest.Doc) {
			d.Obj("catalog").Replace(tree, "")
			d.Obj("filespec").Body, d.Obj("statement").Body = "null", "<< /Filter /FlateDecode >>"
		}), nil},
		row{"unlinked", "a file that the name tree does not name", swap("catalog", tree, ""), nil},
		row{"associated", "a file that is only associated", swap("catalog", tree, "/AF [{filespec}]"), nil},
		row{"empty-tree", "a name tree without entries", swap("catalog", "[(issuance.json) {filespec}]", "[]"), nil},
		row{"shared-leaf", "a name tree with one leaf twice", swap("catalog", "<< /Names [(issuance.json) {filespec}] >>", "{tree}",
			"tree", "<< /Kids [{leaf} {leaf}] >>", "leaf", "<< /Names [(issuance.json) {filespec}] >>"), nil},
		row{"other-name", "the one embedded file has another name", doc(func(d *pdftest.Doc) {
			d.Obj("catalog").Replace("(issuance.json)", "(statement.json)")
			d.Obj("filespec").Replace("(issuance.json)", "(statement.json)")
		}), nil},
		row{"other-f", "another name in /F", swap("filespec", "/F (issuance.json)", "/F (issuance.json )"), nil},
		row{"other-uf", "a Cyrillic letter in /UF", swap("filespec", "/UF (issuance.json)", "/UF <FEFF 0069 0073 0073 0075 0430 006E 0063 0065 002E 006A 0073 006F 006E>"), nil},
		row{"no-ef", "a specification that embeds nothing", swap("filespec", "/EF << /F {statement} >>", ""), nil},
		row{"another-stream", "/EF names a second stream", swap("filespec", "/F {statement}", "/F {statement} /UF {contents1}"), nil},
		row{"further-key", "a specification with a key too many", put("filespec", "/Unix (issuance.json)"), nil},
		row{"uncompressed", "the statement without a filter", plain("", same), nil},
		row{"other-filter", "the statement in hexadecimal", plain("/Filter /ASCIIHexDecode", func(b []byte) []byte { return fmt.Appendf(nil, "%x>", b) }), nil},
		row{"two-filters", "the statement deflated twice", plain("/Filter [/FlateDecode /FlateDecode]", func(b []byte) []byte {
			return pdftest.Deflate(pdftest.Deflate(b))
		}), nil},
	)
}

func tagCases() []vectorCase {
	onPage := func(n, of int, f func(*pdftest.Doc, *pdftest.Object)) func(*draft) {
		return func(d *draft) {
			d.pages(of)
			d.doc = func(p *pdftest.Doc) { f(p, p.Obj(fmt.Sprintf("page%d", n))) }
		}
	}
	cut := func(o *pdftest.Object) (piece string) {
		i := strings.Index(o.Body, "/PieceInfo")
		piece, o.Body = o.Body[i:len(o.Body)-2], o.Body[:i]+">>"
		return piece
	}
	absent := func(_ *pdftest.Doc, o *pdftest.Object) { cut(o) }
	const stamp = "/LastModified (D:20261121110305+09'00')"
	return group("tag-missing", reason.TagMissing,
		row{"first-page", "the first page of two has no tag", onPage(1, 2, absent), nil},
		row{"last-page", "the last page of two has no tag", onPage(2, 2, absent), nil},
		row{"inherited", "the tag stands in the page tree's root, not on the page", onPage(1, 1, func(d *pdftest.Doc, o *pdftest.Object) { d.Obj("pages").Put(cut(o)) }), nil},
		row{"indirect", "the tag is an indirect object", onPage(1, 1, func(d *pdftest.Doc, o *pdftest.Object) {
			d.Add("piece", strings.TrimPrefix(cut(o), "/PieceInfo "))
			o.Put("/PieceInfo {piece}")
		}), nil},
		row{"indirect-number", "the page number is an indirect object", swap("page1", "/Page 1 ", "/Page {one} ", "one", "1"), nil},
		row{"further-key", "a tag with a key too many", swap("page1", "/Page 1 ", "/Page 1 /Name (x) "), nil},
		row{"other-name", "a tag under another name", swap("page1", "/Honnin", "/Seal"), nil},
		row{"no-date", "a tag without /LastModified", swap("page1", "/Honnin << "+stamp, "/Honnin <<"), nil},
		row{"no-date-of-page", "a page without /LastModified", swap("page1", "{contents1} "+stamp, "{contents1}"), nil},
		row{"short-hash", "a hash of 31 bytes", func(d *draft) {
			hash := fmt.Sprintf("<%x", d.statement.SubjectHash)
			swap("page1", hash, hash[:len(hash)-2])(d)
		}, nil},
		row{"long-hash", "a hash of 33 bytes", swap("page1", "/SubjectHash <", "/SubjectHash <00"), nil},
		row{"hash-name", "a hash that is a name", swap("page1", "/SubjectHash <", "/SubjectHash /A /X <"), nil},
		row{"short-transaction", "a transaction of no byte", swap("page1", "/Transaction <", "/Transaction <> /X <"), nil},
		row{"page-zero", "pages counted from 0", swap("page1", "/Page 1 ", "/Page 0 "), nil},
		row{"page-real", "a page number that is no integer", swap("page1", "/Page 1 ", "/Page 1.0 "), nil},
	)
}

// qpdfCases are documents as qpdf writes them otherwise than asked for.
func qpdfCases() []vectorCase {
	by := func(name, about string, code reason.Code, a []reason.Code, args ...string) vectorCase {
		return vectorCase{name: name, about: about, reason: code, also: a, tool: func(d *draft) []byte { return d.sign(d.throughQPDF(args...)) }}
	}
	plain := "--object-streams=disable"
	crypt := []string{plain, "--static-aes-iv", "--static-id", "--allow-weak-crypto", "--encrypt", "", "owner"}
	end := []string{"--"}
	with := func(more ...string) []string { return slices.Concat(crypt, more, end) }
	return []vectorCase{
		by("pdf-updated-linearized-qpdf", "linearized by qpdf", reason.PDFUpdated, nil, plain, "--linearize", "--deterministic-id"),
		by("pdf-malformed-object-streams-qpdf", "object streams and a cross-reference stream by qpdf", reason.PDFMalformed, nil, "--object-streams=generate", "--deterministic-id"),
		by("pdf-active-encrypted-40", "encrypted by qpdf, RC4 with 40 bits, no password to open", reason.PDFActiveContent, nil, with("40")...),
		by("pdf-active-encrypted-128", "encrypted by qpdf, AES with 128 bits", reason.PDFActiveContent, nil, with("128", "--use-aes=y")...),
		by("pdf-active-encrypted-256", "encrypted by qpdf, AES with 256 bits", reason.PDFActiveContent, nil, with("256")...),
	}
}

// incremental appends an update that replaces the info dictionary.
func incremental(b []byte, info string) []byte {
	at := len(b)
	table := bytes.LastIndex(b, []byte("\nxref\n")) + 1
	out := append(bytes.Clone(b), "3 0 obj\n"+info+"\nendobj\n"...)
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
