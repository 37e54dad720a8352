package main

import (
	"fmt"
	"strings"

	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

const uri = "<< /S /URI /URI (http://example.invalid/) >>"

// activeCases are about what acts, hides, embeds or fetches: by every road to an action, and every action by some road.
func activeCases() []vectorCase {
	roads := group("pdf-active", reason.PDFActiveContent,
		row{"open-javascript", "OpenAction: JavaScript", put("catalog", "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"), nil},
		row{"open-destination", "OpenAction: only a destination", put("catalog", "/OpenAction [{page1} /Fit]"), nil},
		row{"open-indirect", "OpenAction: an indirect object whose type is indirect too", put("catalog", "/OpenAction {act}", "act", "<< /S {type} /F (x) >>", "type", "/Launch"), nil},
		row{"aa-catalog", "additional actions of the catalog", put("catalog", "/AA << /WP << /S /JavaScript /JS (0) >> >>"), nil},
		row{"aa-page", "additional actions of a page", put("page1", "/AA << /O "+uri+" >>"), nil},
		row{"annots-empty", "an empty /Annots", put("page1", "/Annots []"), nil},
		row{"annot-link", "an annotation whose /A is an action", annotated("/Subtype /Link /A " + uri), nil},
		row{"annot-destination", "a link to its own page", annotated("/Subtype /Link /Dest [{page1} /Fit]"), nil},
		row{"annot-next", "an action in the /Next of an action", annotated("/Subtype /Link /A << /S /GoTo /D [{page1} /Fit] /Next [" + uri + "] >>"), nil},
		row{"annot-aa", "an annotation with additional actions", annotated("/Subtype /Text /AA << /E " + uri + " >>"), nil},
		row{"annot-unlinked", "an annotation that no page shows", lone("<< /Subtype /FreeText /Rect [0 0 9 9] /DA (x) /Contents (x) >>"), nil},
		row{"outline", "an outline without items", put("catalog", "/Outlines {outline}", "outline", "<< /Type /Outlines /Count 0 >>"), nil},
		row{"outline-action", "an outline item whose /A is an action", put("catalog", "/Outlines {outline}",
			"outline", "<< /Type /Outlines /First {item} /Last {item} /Count 1 >>", "item", "<< /Title (x) /Parent {outline} /A "+uri+" >>"), nil},
		row{"names-javascript", "JavaScript in the name tree", swap("catalog", "/Names <<", "/Names << /JavaScript << /Names [(a) {act}] >>", "act", "<< /S /JavaScript /JS (0) >>"), nil},
		row{"names-renditions", "renditions by name", swap("catalog", "/Names <<", "/Names << /Renditions << /Names [] >>"), nil},
		row{"names-templates", "page templates by name", swap("catalog", "/Names <<", "/Names << /Templates << /Names [] >>"), nil},
		row{"unreachable", "an action that nothing points to", lone("<< /Type /Action /S /Launch /F (x) >>"), nil},
		row{"unreachable-untyped", "an action that nothing points to and that is not called one", lone("[[<< /X << /S /SubmitForm /F (x) >> >>]]"), nil},
		row{"unreachable-unknown", "an action of a type that no standard knows", lone("<< /A << /S /Teleport >> >>"), nil},
		row{"trailer", "an action in the trailer", doc(func(d *pdftest.Doc) { d.Trailer += " /X << /S /Named /N /Print >>" }), nil},
		row{"escaped-name", "an action whose type is spelt with an escape", lone("<< /S /Java#53cript >>"), nil},
	)
	return append(append(roads, actionTypes()...), otherContent()...)
}

// actionTypes has one vector for each type of action, deep inside the catalog where a reader might not look for it.
func actionTypes() (out []vectorCase) {
	for _, a := range strings.Fields("GoTo GoToR GoToE GoToDp GoTo3DView Launch Thread URI Sound Movie Hide Named SubmitForm ResetForm ImportData JavaScript SetOCGState Rendition Trans RichMediaExecute") {
		out = append(out, vectorCase{name: "pdf-active-action-" + strings.ToLower(a), about: "an action of type " + a, reason: reason.PDFActiveContent,
			change: put("catalog", fmt.Sprintf("/PieceInfo << /X << /LastModified (D:2026) /Private << /S /%s >> >> >>", a))})
	}
	return out
}

func otherContent() []vectorCase {
	form := func(entries string) func(*draft) {
		return stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9] "+entries, "")
	}
	return group("pdf-active", reason.PDFActiveContent,
		row{"acroform", "an AcroForm without fields", put("catalog", "/AcroForm << /Fields [] >>"), nil},
		row{"acroform-field", "a form field on the page", annotated("/Subtype /Widget /FT /Tx /T (x) /V (Taro)"), nil},
		row{"xfa", "an XFA form", put("catalog", "/AcroForm << /Fields [] /XFA {xfa} >>", "xfa", "[]"), nil},
		row{"xfa-unlinked", "an XFA form that nothing points to", lone("<< /XFA (x) >>"), nil},
		row{"transition", "a page transition", put("page1", "/Trans << /S /Dissolve >>"), nil},
		row{"thread", "an article thread", put("catalog", "/Threads [{thread}]", "thread", "<< /Type /Thread /F {bead} >>",
			"bead", "<< /Type /Bead /T {thread} /N {bead} /V {bead} /P {page1} /R [0 0 9 9] >>"), nil},
		row{"optional-content", "optional content", put("catalog", "/OCProperties << /OCGs [] /D << >> >>"), nil},
		row{"optional-content-group", "an optional content group in the page's properties", swap("page1", "/Resources <<", "/Resources << /Properties << /P1 {layer} >>",
			"layer", "<< /Type /OCG /Name (print only) >>"), nil},
		row{"optional-content-form", "a form that is shown by /OC", form("/OC << /Type /OCMD >>"), nil},
		row{"second-file", "a second file in the name tree", secondFile(true), nil},
		row{"second-file-annotation", "a second file at an annotation", func(d *draft) {
			annotated("/Subtype /FileAttachment /FS {otherspec}")(d)
			inner := d.doc
			d.doc = func(p *pdftest.Doc) { inner(p); addFile(p) }
		}, nil},
		row{"second-file-unlinked", "a second file that nothing names", secondFile(false), nil},
		row{"second-file-associated", "a second associated file", put("catalog", "/AF [{filespec} {filespec}]"), nil},
		row{"second-file-same-stream", "the statement under two keys", swap("catalog", "[(issuance.json)", "[(a.json) {filespec} (issuance.json)"), nil},
		row{"file-elsewhere", "the specification of a file elsewhere", lone("<< /Type /Filespec /FS /URL /F (http://example.invalid/) >>"), nil},
		row{"external-stream", "a page's contents in a file elsewhere", put("contents1", "/F (contents.txt)"), nil},
		row{"alternate-images", "an image with alternates", stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Alternates []", "\x00"), nil},
		row{"reference-xobject", "a form that stands for another file's page", form("/Ref << /F (neighbour.pdf) /Page 0 >>"), nil},
		row{"postscript-xobject", "a PostScript XObject", stream("/Type /XObject /Subtype /PS", "showpage"), nil},
		row{"postscript-form", "a form that is PostScript too", form("/Subtype2 /PS"), nil},
		row{"richmedia", "rich media", annotated("/Subtype /RichMedia /RichMediaContent << /Type /RichMediaContent >>"), nil},
		row{"portfolio", "a portfolio", put("catalog", "/Collection << /Type /Collection >>"), nil},
		row{"base-uri", "a base for links", put("catalog", "/URI << /Base (http://example.invalid) >>"), nil},
		row{"signature", "a digital signature inside", lone("<< /Type /Sig /Filter /Adobe.PPKLite /ByteRange [0 1 2 3] >>"), nil},
		row{"permissions", "a permissions dictionary", put("catalog", "/Perms << /DocMDP << /Type /Sig >> >>"), nil},
		row{"encrypted", "an encryption dictionary in the trailer", doc(func(d *pdftest.Doc) { d.Trailer += " /Encrypt << /Filter /Standard /V 1 >>" }), nil},
	)
}

func addFile(d *pdftest.Doc) {
	d.AddStream("other", "/Type /EmbeddedFile", []byte("{}"))
	d.Add("otherspec", "<< /Type /Filespec /F (other.json) /UF (other.json) /EF << /F {other} >> >>")
}

func secondFile(named bool) func(*draft) {
	return doc(func(d *pdftest.Doc) {
		addFile(d)
		if named {
			d.Obj("catalog").Replace("{filespec}]", "{filespec} (other.json) {otherspec}]")
		}
	})
}
