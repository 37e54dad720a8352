package inspect

import (
	"fmt"
	"strings"

	"honnin/spool/document/inspect/pdftest"
)

// activeFaults all have pdf-active-content first; those that hang where a reader finds them and those to which
// nothing leads are judged alike.
var activeFaults = append([]broken{
	{"JavaScript in the catalog", is(act), put("catalog", "/OpenAction << /S /JavaScript /JS (app.alert(1)) >>")},
	{"JavaScript by name", is(act), change("catalog", "/Names <<", "/Names << /JavaScript << /Names [(a) {info}] >>")},
	{"an open action that is a destination", is(act), put("catalog", "/OpenAction [{page1} /Fit]")},
	{"an open action of null", is(act), put("catalog", "/OpenAction null")},
	{"additional actions", is(act), put("page1", "/AA << >>")},
	{"an action under a key that is none", is(act), put("info", "/Whatever [<< /X << /S /URI /URI (http://example.invalid) >> >>]")},
	{"an action with an escaped name", is(act), with("<< /S /Java#53cript >>")},
	{"an action whose type is indirect", is(act), doc(func(d *pdftest.Doc) { d.Add("type", "/Launch"); d.Add("x", "<< /S {type} >>") })},
	{"an action dressed as a structure element", is(act), with("<< /Type /StructElem /S /SubmitForm >>")},
	{"an action of an unknown type", is(act), with("<< /A << /S /Unknown >> >>")},
	{"an action of an unknown type among others", is(act), with("<< /A [<< /O /Layout >> << /S /Unknown >>] >>")},
	{"an action in the trailer", is(act), doc(func(d *pdftest.Doc) { d.Trailer += " /X << /S /Named /N /Print >>" })},
	{"an action in a stream's dictionary", is(act), put("contents1", "/X << /Type /Action >>")},
	{"a transition", is(act), put("page1", "/Trans << /S /Dissolve >>")},
	{"a form", is(act), put("catalog", "/AcroForm << /Fields [] >>")},
	{"XFA", is(act), with("<< /XFA [] >>")},
	{"no annotations", is(act), put("page1", "/Annots []")},
	{"annotations of null", is(act), put("page1", "/Annots null")},
	{"an annotation nobody shows", is(act), with("<< /Type /Annot /Subtype /Text /Rect [0 0 1 1] >>")},
	{"an annotation without a type", is(act), with("<< /Subtype /Link /Rect [0 0 1 1] >>")},
	{"a widget", is(act), with("<< /Subtype /Widget >>")},
	{"a link to its own page", is(act), doc(func(d *pdftest.Doc) {
		d.Add("link", "<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /GoTo /D [{page1} /Fit] >> >>")
		d.Obj("page1").Put("/Annots [{link}]")
	})},
	{"an article that ends where it begins", is(act), doc(func(d *pdftest.Doc) {
		d.Add("bead", "<< /Type /Bead /N {bead} /V {bead} /T {thread} >>")
		d.Add("thread", "<< /Type /Thread /F {bead} >>")
		d.Obj("catalog").Put("/Threads [{thread}]")
	})},
	{"a film that plays itself", is(act), doc(func(d *pdftest.Doc) {
		d.Add("screen", "<< /Type /Annot /Subtype /Screen /Rect [0 0 9 9] /A << /S /Rendition /OP 0 /AN {screen} >> >>")
		d.Obj("page1").Put("/Annots [{screen}]")
	})},
	{"optional content", is(act), put("catalog", "/OCProperties << /OCGs [] /D << >> >>")},
	{"optional content of an image", is(act), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Type /XObject /Subtype /Form /BBox [0 0 1 1] /OC << /Type /OCG /Name (a) >>", nil)
	})},
	{"an optional content group", is(act), with("<< /Type /OCG /Name (a) >>")},
	{"encryption", is(act), doc(func(d *pdftest.Doc) { d.Trailer += " /Encrypt {info}" })},
	{"an external stream", is(act), put("contents1", "/F (contents.txt)")},
	{"an external stream's filter", is(act), put("contents1", "/FFilter /FlateDecode")},
	{"a reference XObject", is(act), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Ref << /F (a.pdf) /Page 0 >>", nil)
	})},
	{"a PostScript XObject", is(act), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Type /XObject /Subtype /PS", []byte("showpage")) })},
	{"a PostScript form", is(act), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Type /XObject /Subtype /Form /Subtype2 /PS /BBox [0 0 1 1]", nil)
	})},
	{"alternate images", is(act), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Alternates []", []byte{0})
	})},
	{"an OPI picture", is(act), doc(func(d *pdftest.Doc) {
		d.AddStream("x", "/Type /XObject /Subtype /Form /BBox [0 0 1 1] /OPI << /2.0 << >> >>", nil)
	})},
	{"outlines", is(act), put("catalog", "/Outlines << /Type /Outlines /Count 0 >>")},
	{"outlines nobody shows", is(act), with("<< /Type /Outlines >>")},
	{"a portfolio", is(act), put("catalog", "/Collection << >>")},
	{"permissions", is(act), put("catalog", "/Perms << >>")},
	{"threads", is(act), put("catalog", "/Threads []")},
	{"a presentation", is(act), put("page1", "/PresSteps << >>")},
	{"a base for links", is(act), put("catalog", "/URI << /Base (http://example.invalid) >>")},
	{"renditions by name", is(act), change("catalog", "/Names <<", "/Names << /Renditions << /Names [] >>")},
	{"templates by name", is(act), change("catalog", "/Names <<", "/Names << /Templates << /Names [] >>")},
	{"a movie", is(act), with("<< /Type /Movie /F (a.avi) >>")},
	{"a sound", is(act), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Type /Sound /R 8000", []byte{0}) })},
	{"a rendition", is(act), with("<< /Type /Rendition >>")},
	{"3D", is(act), doc(func(d *pdftest.Doc) { d.AddStream("x", "/Type /3D /Subtype /U3D", nil) })},
	{"rich media", is(act), with("<< /Type /RichMediaContent >>")},
	{"a signature", is(act), with("<< /Type /Sig /Filter /Adobe.PPKLite >>")},
	{"a signature without a type", is(act), with("<< /ByteRange [0 1 2 3] >>")},
	{"a second embedded file", is(act), doc(func(d *pdftest.Doc) {
		d.AddStream("two", "/Type /EmbeddedFile /Filter /FlateDecode", pdftest.Deflate([]byte("x")))
		d.Add("spec", "<< /Type /Filespec /F (b) /UF (b) /EF << /F {two} >> >>")
		d.Obj("catalog").Replace("{filespec}]", "{filespec} (zzz) {spec}]")
	})},
	{"the statement under two keys", is(act), change("catalog", "[(issuance.json)", "[(a) {filespec} (issuance.json)")},
	{"a second embedded file nobody names", is(act), doc(func(d *pdftest.Doc) { d.AddStream("two", "/Type /EmbeddedFile", []byte("x")) })},
	{"a second file specification nobody names", is(act), with("<< /F (b) /EF << /F {statement} >> >>")},
	{"a specification of a file elsewhere", is(act), with("<< /Type /Filespec /F (http://example.invalid) >>")},
	{"a related file", is(act, stm), put("filespec", "/RF << >>")},
	{"a file system", is(act, stm), put("filespec", "/FS /URL")},
	{"an associated file of a page", is(act), put("page1", "/AF [{filespec}]")},
	{"another associated file", is(act), put("catalog", "/AF [{info}]")},
	{"two associated files", is(act), put("catalog", "/AF [{filespec} {filespec}]")},
}, actionTypes()...)

// actionTypes has one case for every type of action.
func actionTypes() (out []broken) {
	for _, s := range strings.Fields("GoTo GoToR GoToE Launch Thread URI Sound Movie Hide Named SubmitForm ResetForm ImportData JavaScript SetOCGState Rendition Trans GoTo3DView RichMediaExecute GoToDp") {
		out = append(out, broken{"an action of type " + s, is(act), with(fmt.Sprintf("<< /X << /S /%s >> >>", s))})
	}
	return out
}
