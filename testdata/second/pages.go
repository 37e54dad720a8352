package second

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
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
	if s.bad || !head.Match(b) || s.starts != 1 || s.ends != 1 || !s.tableTrue() || !p.wellFormed() || !s.decodes() || !p.agreed() {
		return nil, "pdf-malformed"
	}
	for _, g := range p.pages {
		p.tags = append(p.tags, p.tag(g))
	}
	return p, ""
}

// wellFormed judges the catalog, streams, references, cycles and the page tree.
func (p *pdf) wellFormed() bool {
	p.catalog, _ = p.follow(p.trailer["Root"]).(dict)
	if v, ok := p.catalog["Version"]; ok && p.follow(v) != name("1.7") || p.catalog == nil {
		return false
	}
	done := map[ref]int{}
	for id, v := range p.objects {
		if !p.resolved(v) || p.deep(id, map[ref]bool{}, done, 0) < 0 {
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
	n, ok := p.tree(root, ref{}, dict{}, map[ref]bool{})
	return ok && n > 0
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

// resolved says whether every reference leads to an object.
func (p *pdf) resolved(v any) bool {
	ok := true
	each(v, "", func(_ name, e any) {
		if r, is := e.(ref); is {
			_, there := p.objects[r]
			ok = ok && there
		}
	})
	return ok
}

// deep returns how many references follow one another from an object, or -1 where it contains itself or there are too many.
func (p *pdf) deep(id ref, open map[ref]bool, done map[ref]int, depth int) int {
	if n, ok := done[id]; ok {
		return n
	}
	if open[id] || depth > 400 {
		return -1
	}
	open[id] = true
	longest := 0
	each(p.objects[id], "", func(k name, v any) {
		r, ok := v.(ref)
		if !ok || longest < 0 || slices.Contains([]name{"Parent", "P", "Pg", "Prev", "Last"}, k) {
			return
		}
		if n := p.deep(r, open, done, depth+1); n < 0 {
			longest = -1
		} else {
			longest = max(longest, n+1)
		}
	})
	delete(open, id)
	if longest > 400 {
		longest = -1
	}
	done[id] = longest
	return longest
}

var inheritable = []name{"MediaBox", "CropBox", "Rotate", "Resources"}

// tree reads a node of the page tree and returns its pages' number.
func (p *pdf) tree(id, parent ref, from dict, seen map[ref]bool) (int, bool) {
	d, ok := p.objects[id].(dict)
	up, has := d["Parent"]
	if !ok || seen[id] || has != (parent != ref{}) || has && up != any(parent) {
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
		n, good := p.tree(r, id, own, seen)
		count, ok = count+n, ok && good
	}
	return count, ok && p.follow(d["Type"]) == name("Pages") && p.follow(d["Count"]) == any(float64(count))
}

// agreed asks qpdf: no remark, the same pages in the same order, the same file names.
func (p *pdf) agreed() bool {
	f, err := os.CreateTemp("", "second-*.pdf")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(p.b); err != nil || f.Close() != nil {
		return false
	}
	if exec.Command("qpdf", "--check", f.Name()).Run() != nil {
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
	actions  = strings.Fields("GoTo GoToR GoToE Launch Thread URI Sound Movie Hide Named SubmitForm ResetForm ImportData JavaScript SetOCGState Rendition Trans GoTo3DView RichMediaExecute")
	types    = strings.Fields("Action Annot OCG OCMD Sig SigRef DocTimeStamp Outlines Sound Rendition MediaClip MediaPlayParams MediaScreenParams MediaPermissions RichMedia 3D 3DStream Collection XObjectRef Thread Bead")
	subtypes = strings.Fields("PS Movie Screen RichMedia 3D U3D PRC")
	keys     = strings.Fields("JS JavaScript AA OpenAction AcroForm XFA Annots OCProperties OC Outlines Encrypt Alternates PS Perms ByteRange Collection Threads B Requirements Legal URI")
	catalogs = strings.Fields("EmbeddedFiles Dests")
)

// acts says whether anything in the file acts, hides, embeds or fetches.
func (p *pdf) acts() (found bool) {
	files, specs := 0, 0
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
	ok := len(p.pages) <= 30
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
		if r := p.follow(g.inherited["Rotate"]); r != nil && r != any(0.0) || g.own["UserUnit"] != nil {
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
		if b[i], ok = p.follow(e).(float64); !ok {
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
	font := func(v any) {
		d, is := p.follow(v).(dict)
		if !is {
			return
		}
		desc, _ := p.follow(d["FontDescriptor"]).(dict)
		_, one := p.follow(desc["FontFile"]).(stream)
		_, two := p.follow(desc["FontFile2"]).(stream)
		_, three := p.follow(desc["FontFile3"]).(stream)
		ok = ok && (d["Subtype"] == name("Type0") || d["Subtype"] != name("Type3") && (one || two || three))
	}
	for _, v := range p.objects {
		each(v, "", func(_ name, v any) {
			if d, is := v.(dict); is {
				if p.follow(d["Type"]) == name("Font") {
					font(d)
				}
				fonts, _ := p.follow(d["Font"]).(dict)
				for _, f := range fonts {
					font(f)
				}
			}
		})
	}
	return ok
}

// embedded returns the statement, if it is the one embedded file.
func (p *pdf) embedded() ([]byte, bool) {
	names, _ := p.follow(p.catalog["Names"]).(dict)
	tree, _ := p.follow(names["EmbeddedFiles"]).(dict)
	list := p.leaves(tree, 0)
	if len(list) != 2 || p.follow(list[0]) != any(text("issuance.json")) {
		return nil, false
	}
	spec, _ := p.follow(list[1]).(dict)
	for k := range spec {
		if !slices.Contains([]name{"Type", "F", "UF", "EF", "Desc"}, k) {
			return nil, false
		}
	}
	ef, _ := p.follow(spec["EF"]).(dict)
	file, ok := p.follow(ef["F"]).(stream)
	if !ok || p.follow(spec["F"]) != any(text("issuance.json")) || p.follow(spec["UF"]) != any(text("issuance.json")) {
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
	return b, err == nil
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
	whole := n == math.Trunc(n) && of == math.Trunc(of) && n >= 1 && of >= 1
	if !dated || !one || !two || !three || !isText || !strings.HasPrefix(string(date), "D:") || !a || !b || !c || !d || !whole || len(subject) != 32 || len(transaction) != 16 {
		return nil
	}
	return &pageTag{string(subject), string(transaction), int(n), int(of)}
}
