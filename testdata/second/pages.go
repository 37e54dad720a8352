package second

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"unicode/utf16"
)

// pdf is a file whose form is right.
type pdf struct {
	*scan
	catalog dict
	pages   []page
	tags    []*pageTag // one for each page; nil for one that is absent or malformed
}

// page is a page's own dictionary, and what it inherits.
type page struct {
	id             ref
	own, inherited dict
}

// pageTag is the tag of a page, with the bytes of its strings.
type pageTag struct {
	subject, transaction string
	number, pages        int
}

// readPDF judges the rows "frame" and "form". Its own reading comes first; then qpdf must see the same without a remark.
func readPDF(b []byte) (*pdf, string) {
	s := read(b)
	if !s.frame() {
		return nil, "pdf-updated"
	}
	p := &pdf{scan: s}
	if _, ok := s.trailer["Encrypt"]; ok && !s.bad {
		return nil, "pdf-active-content" // whatever its form: nobody can read on
	}
	if s.bad || !head.Match(b) || !s.tableTrue() || !p.wellFormed() || !s.decodes() || !p.acts() && !p.bounded() || !p.agreed() {
		return nil, "pdf-malformed"
	}
	for _, g := range p.pages {
		p.tags = append(p.tags, p.tag(g))
	}
	return p, ""
}

// wellFormed judges the catalog, streams, references and the page tree.
func (p *pdf) wellFormed() bool {
	p.catalog, _ = p.follow(p.trailer["Root"]).(dict)
	if v, ok := p.catalog["Version"]; ok && p.follow(v) != name("1.7") || p.catalog == nil {
		return false
	}
	for _, v := range p.objects {
		if !p.resolved(v) {
			return false
		}
		if st, ok := v.(stream); ok && (st.dict["Type"] == name("ObjStm") || st.dict["Type"] == name("XRef")) {
			return false
		}
	}
	root, ok := p.catalog["Pages"].(ref)
	if !ok || !p.resolved(p.trailer) {
		return false
	}
	_, ok = p.tree(root, ref{}, dict{}, map[ref]bool{}, 1)
	return ok
}

// each calls f for every value in v, v itself first, with the key that leads to it.
func each(v any, key name, f func(key name, v any)) {
	f(key, v)
	switch t := v.(type) {
	case stream:
		for k, e := range t.dict {
			each(e, k, f)
		}
	case dict:
		for k, e := range t {
			each(e, k, f)
		}
	case []any:
		for _, e := range t {
			each(e, key, f)
		}
	}
}

// resolved says whether every reference leads to an object (and no file specification has /AFRelationship).
func (p *pdf) resolved(v any) bool {
	ok := true
	each(v, "", func(_ name, e any) {
		if d, is := e.(dict); is && d["AFRelationship"] != nil {
			ok = false
		}
		if r, is := e.(ref); is {
			_, there := p.objects[r]
			ok = ok && there
		}
	})
	return ok
}

// bounded says whether no object contains itself, and whether a walk from the trailer that does not remember where it
// has been ends soon. (Actions, annotations and threads make cycles lawfully; a file with those is refused for them.)
func (p *pdf) bounded() bool {
	n, ok := p.expand(p.trailer, map[ref]int{}, 0)
	return ok && n <= 1<<20
}

// expand returns how many objects such a walk meets below v; a size of -1 marks an object that is being walked.
func (p *pdf) expand(v any, sizes map[ref]int, row int) (n int, ok bool) {
	ok = row <= 400
	each(v, "", func(k name, v any) {
		r, is := v.(ref)
		if !is || !ok || slices.Contains([]name{"Parent", "P", "Pg", "Prev", "Last"}, k) {
			return
		}
		size, met := sizes[r]
		if !met {
			sizes[r] = -1
			size, ok = p.expand(p.objects[r], sizes, row+1)
			size = min(size+1, 1<<21)
			sizes[r] = size
		}
		ok = ok && size >= 0
		n = min(n+size, 1<<21)
	})
	return n, ok
}

var inheritable = []name{"MediaBox", "CropBox", "Rotate", "Resources"}

// tree reads a node of the page tree and returns its pages' number.
func (p *pdf) tree(id, parent ref, from dict, seen map[ref]bool, depth int) (int, bool) {
	d, ok := p.objects[id].(dict)
	up, has := d["Parent"]
	if !ok || seen[id] || depth > 64 || has != (parent != ref{}) || has && up != any(parent) {
		return 0, false
	}
	seen[id] = true
	own := dict{}
	for _, k := range inheritable {
		if own[k] = from[k]; d[k] != nil {
			own[k] = d[k]
		}
	}
	if p.follow(d["Type"]) == name("Page") {
		p.pages = append(p.pages, page{id, d, own})
		return 1, d["Kids"] == nil
	}
	kids, ok := p.follow(d["Kids"]).([]any)
	count := 0
	for _, k := range kids {
		r, isRef := k.(ref)
		if !isRef {
			return 0, false
		}
		n, good := p.tree(r, id, own, seen, depth+1)
		count, ok = count+n, ok && good
	}
	return count, ok && p.follow(d["Type"]) == name("Pages") && p.follow(d["Count"]) == any(float64(count))
}

// agreed asks qpdf: no remark (exit status 0), and the same pages in the same order.
func (p *pdf) agreed() bool {
	f, err := os.CreateTemp("", "second-*.pdf")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(p.b); err != nil || f.Close() != nil {
		return false
	}
	out, err := exec.Command("qpdf", "--json", "--json-key=pages", f.Name()).Output()
	var seen struct {
		Pages []struct {
			Object string `json:"object"`
		} `json:"pages"`
	}
	if err != nil || json.Unmarshal(out, &seen) != nil || len(seen.Pages) != len(p.pages) {
		return false
	}
	for i, g := range p.pages {
		if seen.Pages[i].Object != fmt.Sprintf("%d %d R", g.id.number, g.id.generation) {
			return false
		}
	}
	return true
}

// Names that make a dictionary act, wherever it hangs (ISO 32000-1, sections 7.11, 8.8, 8.11, 12 and 13).
var (
	actions  = strings.Fields("GoTo GoToR GoToE Launch Thread URI Sound Movie Hide Named SubmitForm ResetForm ImportData JavaScript SetOCGState Rendition Trans GoTo3DView RichMediaExecute GoToDp")
	types    = strings.Fields("Action Annot OCG OCMD Sig SigRef DocTimeStamp Outlines Sound Rendition MediaClip MediaPlayParams MediaScreenParams MediaPermissions RichMedia 3D 3DStream Collection XObjectRef Thread Bead Movie SpiderContentSet")
	subtypes = strings.Fields("PS Movie Screen RichMedia 3D U3D PRC Text FreeText Line Square Circle Polygon PolyLine Highlight Underline Squiggly StrikeOut Stamp Caret Ink Popup FileAttachment Widget PrinterMark TrapNet Watermark Redact")
	keys     = strings.Fields("JS JavaScript AA OpenAction AcroForm XFA Annots OCProperties OC Outlines Encrypt Alternates PS Perms ByteRange Collection Threads B Requirements Legal URI PresSteps OPI SpiderInfo")
	catalogs = strings.Fields("EmbeddedFiles Dests")
)

// acts says whether anything in the file acts, hides, embeds or fetches.
func (p *pdf) acts() (found bool) {
	files, specs := 0, 0
	tree, keys := p.leaves(p.fileTree(), 0), map[any]bool{}
	for i := 0; i+1 < len(tree); i += 2 {
		keys[p.follow(tree[i])] = true
	}
	found = len(keys) > 1
	look := func(_ name, v any) {
		if st, ok := v.(stream); ok {
			if st.dict["F"] != nil || st.dict["FFilter"] != nil || st.dict["FDecodeParms"] != nil || st.dict["Ref"] != nil || st.dict["Subtype2"] == name("PS") {
				found = true
			}
			if st.dict["Type"] == name("EmbeddedFile") {
				files++
			}
			v = st.dict
		}
		d, ok := v.(dict)
		if !ok {
			return
		}
		if d["Type"] == name("Filespec") || d["EF"] != nil {
			specs++
		}
		if list, ok := d["AF"]; ok { // of the catalog, and the statement alone
			associated, _ := p.follow(list).([]any)
			found = found || d["Type"] != name("Catalog") || len(associated) != 1 || len(tree) > 1 && associated[0] != tree[1]
		}
		found = found || p.actsDict(d)
	}
	for _, v := range p.objects {
		each(v, "", look)
	}
	each(p.trailer, "", look)
	names, _ := p.follow(p.catalog["Names"]).(dict)
	for k := range names {
		found = found || !slices.Contains(catalogs, string(k))
	}
	return found || files > 1 || specs > 1
}

func (p *pdf) actsDict(d dict) bool {
	in := func(list []string, key name) bool {
		n, ok := p.follow(d[key]).(name)
		return ok && slices.Contains(list, string(n))
	}
	for _, k := range keys {
		if _, ok := d[name(k)]; ok {
			return true
		}
	}
	if a, ok := p.follow(d["A"]).(dict); ok && a["S"] != nil {
		return true
	}
	trans, ok := d["Trans"]
	empty, isDict := p.follow(trans).(dict)
	return in(actions, "S") || in(types, "Type") || in(subtypes, "Subtype") || ok && (!isDict || len(empty) > 0)
}

// goodPages judges size, turn and number.
func (p *pdf) goodPages() bool {
	ok := len(p.pages) >= 1 && len(p.pages) <= 30
	for _, g := range p.pages {
		media, good := p.box(g.inherited["MediaBox"])
		ok = ok && good && (near(media, 595.276, 841.89) || near(media, 841.89, 595.276))
		for _, k := range []name{"CropBox", "BleedBox", "TrimBox", "ArtBox"} {
			v := g.own[k]
			if k == "CropBox" {
				v = g.inherited[k]
			}
			if b, good := p.box(v); v != nil && (!good || b != media) {
				ok = false
			}
		}
		if r := p.follow(g.inherited["Rotate"]); r != nil && r != any(0.0) && r != any(real(0)) || g.own["UserUnit"] != nil {
			ok = false
		}
	}
	return ok
}

func (p *pdf) box(v any) (b [4]float64, ok bool) {
	list, _ := p.follow(v).([]any)
	if len(list) != 4 {
		return b, false
	}
	for i, e := range list {
		switch n := p.follow(e).(type) {
		case float64:
			b[i] = n
		case real:
			b[i] = float64(n)
		default:
			return b, false
		}
	}
	return b, true
}

func near(b [4]float64, w, h float64) bool {
	return math.Abs(b[2]-b[0]-w) <= 2 && math.Abs(b[3]-b[1]-h) <= 2
}

// fontsEmbedded judges every font of the file, reachable or not.
func (p *pdf) fontsEmbedded() bool {
	ok := true
	for _, v := range p.objects {
		each(v, "", func(_ name, v any) {
			if d, is := v.(dict); is {
				ok = ok && (p.follow(d["Type"]) != name("Font") || p.fontEmbedded(d))
				fonts, _ := p.follow(d["Font"]).(dict)
				for _, f := range fonts {
					font, _ := p.follow(f).(dict)
					ok = ok && p.fontEmbedded(font)
				}
			}
		})
	}
	return ok
}

// fontEmbedded judges one font: one program with something in it, or one descendant.
func (p *pdf) fontEmbedded(d dict) bool {
	switch p.follow(d["Subtype"]) {
	case name("Type0"):
		list, _ := p.follow(d["DescendantFonts"]).([]any)
		if len(list) != 1 {
			return false
		}
		below, _ := p.follow(list[0]).(dict)
		return p.follow(below["Subtype"]) != name("Type0") && p.fontEmbedded(below)
	case name("Type1"), name("MMType1"), name("TrueType"), name("CIDFontType0"), name("CIDFontType2"):
	default:
		return false
	}
	desc, _ := p.follow(d["FontDescriptor"]).(dict)
	programs := 0
	for _, k := range []name{"FontFile", "FontFile2", "FontFile3"} {
		if desc[k] == nil {
			continue
		}
		st, ok := p.follow(desc[k]).(stream)
		if b, err := inflate(st.raw, 128<<20); !ok || len(st.raw) == 0 || err == nil && len(b) == 0 {
			return false
		}
		programs++
	}
	return programs == 1
}

// embedded returns the statement, if it is the one embedded file.
func (p *pdf) embedded() ([]byte, bool) {
	list := p.leaves(p.fileTree(), 0)
	at := slices.IndexFunc(list, func(v any) bool { return p.follow(v) == any(text("issuance.json")) })
	if at < 0 || at%2 == 1 || len(list)%2 == 1 || slices.Contains(list[at+2:], list[at]) {
		return nil, false
	}
	list = list[at:]
	spec, _ := p.follow(list[1]).(dict)
	for k := range spec {
		if !slices.Contains([]name{"Type", "F", "UF", "EF", "Desc"}, k) {
			return nil, false
		}
	}
	ef, _ := p.follow(spec["EF"]).(dict)
	file, ok := p.follow(ef["F"]).(stream)
	for k, v := range ef {
		ok = ok && (k == "F" || k == "UF") && v == ef["F"]
	}
	unicode, _ := p.follow(spec["UF"]).(text)
	if !ok || p.follow(spec["F"]) != any(text("issuance.json")) || unicode.decoded() != "issuance.json" || file.dict["DecodeParms"] != nil {
		return nil, false
	}
	filter := p.follow(file.dict["Filter"])
	if l, is := filter.([]any); is && len(l) == 1 {
		filter = p.follow(l[0])
	}
	if filter != any(name("FlateDecode")) {
		return nil, false
	}
	b, err := inflate(file.raw, 1<<20)
	return b, err == nil || err == errLong // which breaks its format
}

// decoded is a text string (ISO 32000-1, section 7.9.2.2) as Go has it.
func (t text) decoded() string {
	if !strings.HasPrefix(string(t), "\xfe\xff") || len(t)%2 != 0 {
		return string(t)
	}
	var units []uint16
	for i := 2; i < len(t); i += 2 {
		units = append(units, uint16(t[i])<<8|uint16(t[i+1]))
	}
	return string(utf16.Decode(units))
}

func (p *pdf) fileTree() dict {
	names, _ := p.follow(p.catalog["Names"]).(dict)
	tree, _ := p.follow(names["EmbeddedFiles"]).(dict)
	return tree
}

// leaves are the pairs of a name tree, one behind the other.
func (p *pdf) leaves(node dict, depth int) []any {
	list, _ := p.follow(node["Names"]).([]any)
	kids, _ := p.follow(node["Kids"]).([]any)
	for _, k := range kids {
		if d, ok := p.follow(k).(dict); ok && depth < 64 {
			list = append(slices.Clone(list), p.leaves(d, depth+1)...)
		}
	}
	return list
}

// tagged says whether each page has a well-formed tag.
func (p *pdf) tagged() bool { return !slices.Contains(p.tags, nil) }

func exactKeys(v any, want string) (dict, bool) {
	d, ok := v.(dict)
	list := strings.Fields(want)
	for _, k := range list {
		ok = ok && d[name(k)] != nil
	}
	return d, ok && len(d) == len(list)
}

// tag reads a page's tag, all of it direct.
func (p *pdf) tag(g page) *pageTag {
	_, dated := g.own["LastModified"].(text)
	piece, one := exactKeys(g.own["PieceInfo"], "Honnin")
	honnin, two := exactKeys(piece["Honnin"], "LastModified Private")
	private, three := exactKeys(honnin["Private"], "SubjectHash Transaction Page Pages")
	date, isText := honnin["LastModified"].(text)
	subject, a := private["SubjectHash"].(text)
	transaction, b := private["Transaction"].(text)
	n, c := private["Page"].(float64)
	of, d := private["Pages"].(float64)
	whole := n >= 1 && of >= 1
	if !dated || !one || !two || !three || !isText || !strings.HasPrefix(string(date), "D:") || !a || !b || !c || !d || !whole || len(subject) != 32 || len(transaction) != 16 {
		return nil
	}
	return &pageTag{string(subject), string(transaction), int(n), int(of)}
}
