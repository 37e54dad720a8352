package inspect

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/spool/document/inspect/pdftest"
)

// accepted are forms that well-behaved writers give to one and the same document.
var accepted = map[string]func(d *pdftest.Doc){
	"plain":                    func(*pdftest.Doc) {},
	"no binary comment":        func(d *pdftest.Doc) { d.Header = "%PDF-1.7\n" },
	"header with CR LF":        func(d *pdftest.Doc) { d.Header = "%PDF-1.7\r\n%\xFF\xFF\xFF\xFF\r\n" },
	"header with CR":           func(d *pdftest.Doc) { d.Header = "%PDF-1.7\r" },
	"CR LF everywhere":         func(d *pdftest.Doc) { d.EOL, d.XrefEOL = "\r\n", "\r\n" },
	"CR everywhere":            func(d *pdftest.Doc) { d.EOL, d.XrefEOL = "\r", " \r" },
	"table entries with CR LF": func(d *pdftest.Doc) { d.XrefEOL = "\r\n" },
	"table entries with CR":    func(d *pdftest.Doc) { d.XrefEOL = " \r" },
	"comments between objects": func(d *pdftest.Doc) { d.Between = "% object\n\n" },
	"line ends after EOF":      func(d *pdftest.Doc) { d.After = "\n\r\n\r" },
	"no line end after EOF": func(d *pdftest.Doc) {
		d.Table = func(s string) string { return strings.TrimSuffix(s, "\n") }
	},
	"no ID, no Info": func(d *pdftest.Doc) { d.Trailer = "/Root {catalog}" },
	"a free object":  func(d *pdftest.Doc) { d.Add("gone", "null").Absent = true },
	"a table in subsections": func(d *pdftest.Doc) {
		d.Table = func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			return lines[0] + "0 1\n" + lines[2] + "1 " + fmt.Sprint(len(d.Objects)) + "\n" + strings.Join(lines[3:], "")
		}
	},
	"a subsection line that ends with a space": func(d *pdftest.Doc) {
		d.Table = func(s string) string { return strings.Replace(s, "\n0000000000 ", " \n0000000000 ", 1) }
	},
	"a null object nobody uses": func(d *pdftest.Doc) { d.Add("spare", "null") },
	"a generation other than 0": func(d *pdftest.Doc) { d.Obj("contents1").Gen = 3 },
	"catalog version":           func(d *pdftest.Doc) { d.Obj("catalog").Put("/Version /1.7") },
	"language and preferences": func(d *pdftest.Doc) {
		d.Obj("catalog").Put("/Lang (ja-JP) /ViewerPreferences << /DisplayDocTitle true >>")
	},
	"associated file": func(d *pdftest.Doc) { d.Obj("catalog").Put("/AF [{filespec}]") },
	"file specification inlined": func(d *pdftest.Doc) {
		d.Obj("catalog").Replace("{filespec}", d.Obj("filespec").Body)
		d.Obj("filespec").Body = "null"
	},
	"EF with UF": func(d *pdftest.Doc) { d.Obj("filespec").Replace("/F {statement}", "/F {statement} /UF {statement}") },
	"names as hex strings": func(d *pdftest.Doc) {
		d.Obj("filespec").Replace("(issuance.json)", "<69737375616E63652E6A736F6E>")
	},
	"UF in UTF-16": func(d *pdftest.Doc) {
		d.Obj("filespec").Replace("/UF (issuance.json)", "/UF <FEFF0069007300730075 0061006E00630065002E006A0073006F006E>")
	},
	"a name tree with kids": func(d *pdftest.Doc) {
		d.Add("leaf", "<< /Limits [(issuance.json) (issuance.json)] /Names [(issuance.json) {filespec}] >>")
		d.Obj("catalog").Replace("/Names [(issuance.json) {filespec}]", "/Kids [{leaf}]")
	},
	"name tree indirect": func(d *pdftest.Doc) {
		d.Add("names", "<< /EmbeddedFiles {tree} >>")
		d.Add("tree", "<< /Names [(issuance.json) {filespec}] >>")
		d.Obj("catalog").Replace("<< /EmbeddedFiles << /Names [(issuance.json) {filespec}] >> >>", "{names}")
	},
	"filter in an array": func(d *pdftest.Doc) { d.Obj("statement").Replace("/FlateDecode", "[/FlateDecode]") },
	"parameters of the file": func(d *pdftest.Doc) {
		d.Obj("statement").Put(fmt.Sprintf("/Params << /Size %d /ModDate (D:20261121020305Z) >>", len(statement)))
	},
	"indirect length behind the stream": func(d *pdftest.Doc) {
		o := d.Obj("contents1")
		d.Add("length", fmt.Sprint(len(o.Data)))
		o.Length = "{length}"
	},
	"length counts the line end": func(d *pdftest.Doc) {
		o := d.Obj("contents1")
		o.Data = append(o.Data, '\n')
	},
	"uncompressed contents": func(d *pdftest.Doc) {
		o := d.Obj("contents1")
		o.Body, o.Data = "<< >>", []byte("BT /F1 24 Tf 72 720 Td <0001> Tj ET\n")
	},
	"contents in pieces": func(d *pdftest.Doc) {
		d.AddStream("more", "", []byte("0 0 10 10 re f\n"))
		d.Obj("page1").Replace("{contents1}", "[{contents1} {more}]")
	},
	"two filters": func(d *pdftest.Doc) {
		o := d.Obj("contents1")
		o.Replace("/FlateDecode", "[/ASCIIHexDecode /FlateDecode]")
		o.Data = fmt.Appendf(nil, "%x>", o.Data)
	},
	"media box inherited": func(d *pdftest.Doc) {
		d.Obj("page1").Replace("/MediaBox [0 0 595.276 841.89]", "")
		d.Obj("pages").Put("/MediaBox [0 0 595 842]")
	},
	"landscape":        func(d *pdftest.Doc) { d.Obj("page1").Replace("595.276 841.89", "842 595") },
	"corners reversed": func(d *pdftest.Doc) { d.Obj("page1").Replace("0 0 595.276 841.89", "595.276 841.89 0 0") },
	"equal boxes, no turn": func(d *pdftest.Doc) {
		d.Obj("page1").Put("/CropBox [0 0 595.276 841.89] /TrimBox [0 0 595.276 841.890] /Rotate 0")
	},
	"indirect boxes": func(d *pdftest.Doc) {
		d.Add("box", "[0 0 595.276 841.89]")
		d.Obj("page1").Replace("[0 0 595.276 841.89]", "{box}")
	},
	"a page tree of two levels": func(d *pdftest.Doc) {
		d.Add("node", "<< /Type /Pages /Parent {pages} /Count 1 /Kids [{page2}] >>")
		d.Obj("pages").Replace("{page2}", "{node}")
		d.Obj("page2").Replace("/Parent {pages}", "/Parent {node}")
	},
	"a transparency group": func(d *pdftest.Doc) { d.Obj("page1").Put("/Group << /S /Transparency /CS /DeviceRGB >>") },
	"an empty transition":  func(d *pdftest.Doc) { d.Obj("page1").Put("/Trans << >>") },
	"resources shared and indirect": func(d *pdftest.Doc) {
		d.Add("resources", "<< /Font {fonts} /ProcSet [/PDF /Text] >>")
		d.Add("fonts", "<< /F1 {font} >>")
		for _, p := range []string{"page1", "page2"} {
			d.Obj(p).Replace("<< /Font << /F1 {font} >> >>", "{resources}")
		}
	},
	"a simple TrueType font": func(d *pdftest.Doc) {
		d.Add("latin", "<< /Type /Font /Subtype /TrueType /BaseFont /AAAAAA+Box /FirstChar 65 /LastChar 65 /Widths [1000] /Encoding /WinAnsiEncoding /FontDescriptor {descriptor} >>")
		d.Obj("page1").Replace("/F1 {font}", "/F1 {font} /F2 {latin}")
	},
	"images with a predictor, a mask and JPEG": func(d *pdftest.Doc) {
		d.AddStream("picture", "/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8 /SMask {mask} /Filter /FlateDecode /DecodeParms << /Predictor 15 /Columns 2 >>", pdftest.Deflate([]byte{0, 1, 2, 2, 3, 4}))
		d.AddStream("mask", "/Type /XObject /Subtype /Image /Width 2 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8", []byte{1, 2})
		d.AddStream("photo", "/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode", photo())
		d.Obj("page1").Replace("/Resources <<", "/Resources << /XObject << /Im1 {picture} /Im2 {photo} >>")
	},
	"a form and a shading": func(d *pdftest.Doc) {
		d.AddStream("form", "/Type /XObject /Subtype /Form /BBox [0 0 10 10] /Resources << /Shading << /S1 << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 1 1] /Function {blend} >> >> >>", []byte("/S1 sh\n"))
		d.Add("blend", "<< /FunctionType 3 /Domain [0 1] /Functions [{step} {step}] /Bounds [0.5] /Encode [0 1 0 1] >>")
		d.Add("step", "<< /FunctionType 2 /Domain [0 1] /C0 [0 0 0] /C1 [1 0 0] /N 1 >>")
		d.Obj("page1").Replace("/Resources <<", "/Resources << /XObject << /Fm1 {form} >>")
	},
	"tagged, with attributes": func(d *pdftest.Doc) {
		d.Add("tree", "<< /Type /StructTreeRoot /K {element} /ParentTree << /Nums [0 [{element}]] >> >>")
		d.Add("element", "<< /Type /StructElem /S /P /P {tree} /Pg {page1} /A << /O /Layout /TextAlign /Center >> /K 0 >>")
		d.Obj("page1").Put("/StructParents 0")
		d.Obj("catalog").Put("/MarkInfo << /Marked true >> /StructTreeRoot {tree}")
	},
	"tag strings in literal form": func(d *pdftest.Doc) {
		d.Obj("page1").Replace(fmt.Sprintf("<%x>", transaction), `(\011\b\007\0\0\0\0\0\0\0\0\0\0\0\0\000)`)
	},
	"dates in UTC": func(d *pdftest.Doc) {
		for _, o := range []string{"page1", "page2", "info"} {
			d.Obj(o).Replace("(D:20261121110305+09'00')", "(D:20261121020305Z)")
		}
	},
	"dates as hex strings and without a zone": func(d *pdftest.Doc) {
		d.Obj("page1").Replace("(D:20261121110305+09'00')", "<443A32303236313132313032303330355A>")
		d.Obj("page2").Replace("(D:20261121110305+09'00')", "(D:20261121110305)")
	},
}

func TestAccepted(t *testing.T) {
	for name, change := range accepted {
		t.Run(name, func(t *testing.T) {
			d := good(2)
			change(d)
			wantGood(t, Document(d.Bytes()), 2)
		})
	}
}

// wantGood fails unless f is of a good document of n pages.
func wantGood(t *testing.T, f Facts, n int) {
	t.Helper()
	if len(f.Findings) != 0 {
		t.Fatalf("findings %v", f.Findings)
	}
	if f.PageCount != n || len(f.Tags) != n || !bytes.Equal(f.Statement, statement) || f.StatementTruncated {
		t.Fatalf("%d pages, %d tags, statement %q", f.PageCount, len(f.Tags), f.Statement)
	}
	for i, tag := range f.Tags {
		want := Tag{protocol.SubjectHash(subject), protocol.Transaction(transaction), i + 1, n}
		if tag != want {
			t.Errorf("page %d: tag %+v", i+1, tag)
		}
	}
	if err := sound(f); err != nil {
		t.Error(err)
	}
}

func TestThirtyPages(t *testing.T) { wantGood(t, Document(good(30).Bytes()), 30) }

// TestStatementLength: what is longer than a statement may be is cut and said to be cut.
func TestStatementLength(t *testing.T) {
	for _, n := range []int{0, 1, MaxStatement - 1, MaxStatement, MaxStatement + 1, 10 * MaxStatement} {
		body := bytes.Repeat([]byte("x"), n)
		f := Document(pdftest.Good(body, pdftest.Tags(subject, transaction, 1)).Bytes())
		if len(f.Findings) != 0 || f.Statement == nil || !bytes.Equal(f.Statement, body[:min(n, MaxStatement)]) || f.StatementTruncated != (n > MaxStatement) {
			t.Errorf("%d bytes: findings %v, statement of %d, truncated %t", n, f.Findings, len(f.Statement), f.StatementTruncated)
		}
		if err := sound(f); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestQPDF: what the most used rewriter makes of a good document is good where the protocol page says so.
func TestQPDF(t *testing.T) {
	qpdf, err := exec.LookPath("qpdf")
	if err != nil {
		missing(t, "qpdf")
	}
	rewritten := func(args ...string) Facts {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.pdf"), filepath.Join(dir, "out.pdf")
		if err := os.WriteFile(in, good(2).Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if msg, err := exec.Command(qpdf, append(args, in, out)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, msg)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return Document(b)
	}
	wantGood(t, rewritten("--object-streams=disable", "--normalize-content=n"), 2)
	wantGood(t, rewritten("--object-streams=disable", "--recompress-flate", "--compression-level=1"), 2)
	for want, args := range map[string][]string{
		"[pdf-malformed]":      {"--object-streams=generate"},
		"[pdf-updated]":        {"--object-streams=disable", "--linearize"},
		"[pdf-active-content]": {"--object-streams=disable", "--encrypt", "", "owner", "256", "--"},
	} {
		if f := rewritten(args...); fmt.Sprint(codes(f)) != want {
			t.Errorf("%v: %v", args, f.Findings)
		}
	}
}
