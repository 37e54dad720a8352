package inspect

import (
	"math"

	"honnin/config/reason"
)

// A4 in points, and how far a page may be off.
const (
	a4Short, a4Long = 595.276, 841.890
	a4Off           = 2.0

	// treePages bounds how many pages are collected; far more than a document may have.
	treePages = 10_000
)

// page is a leaf of the page tree with what it inherits (ISO 32000-1, 7.7.3.4).
type page struct {
	*dict
	num                  int // of the object
	media, crop, rotated any
}

// pageTree collects the pages in order and checks that the tree is one: no node twice, /Parent and /Count true.
func (in *inspection) pageTree() error {
	if in.catalog == nil {
		return nil
	}
	root, ok := in.catalog.get("Pages").(ref)
	if !ok {
		return malformed("the catalog's /Pages is not a reference")
	}
	w := &treeWalk{f: in.f, seen: map[int]bool{}}
	if _, err := w.node(root, ref{}, page{}, 0); err != nil {
		return err
	}
	in.pages = w.pages
	in.facts.PageCount = len(w.pages)
	return nil
}

type treeWalk struct {
	f     *file
	seen  map[int]bool
	pages []page
}

// node walks one node and returns the number of pages below it.
func (w *treeWalk) node(r, parent ref, inherited page, depth int) (int, error) {
	d, ok := w.f.resolve(r).(*dict)
	switch {
	case !ok:
		return 0, malformed("page tree: object %d is not a dictionary", r.num)
	case w.seen[r.num]:
		return 0, malformed("page tree: object %d twice", r.num)
	case depth > maxDepth:
		return 0, malformed("page tree: deeper than %d", maxDepth)
	case depth > 0 && d.get("Parent") != any(parent) || depth == 0 && d.has("Parent"):
		return 0, malformed("page tree: /Parent of object %d is not its parent", r.num)
	}
	w.seen[r.num] = true
	p := inherit(inherited, d, r.num)
	switch w.f.resolve(d.get("Type")) {
	case name("Page"):
		if depth == 0 {
			return 0, malformed("page tree: the root is a page")
		}
		if w.pages = append(w.pages, p); len(w.pages) > treePages {
			return 0, malformed("page tree: more than %d pages", treePages)
		}
		return 1, nil
	case name("Pages"):
		return w.kids(r, d, p, depth)
	}
	return 0, malformed("page tree: /Type of object %d is neither /Page nor /Pages", r.num)
}

func (w *treeWalk) kids(r ref, d *dict, p page, depth int) (int, error) {
	kids, ok := w.f.resolve(d.get("Kids")).(array)
	if !ok {
		return 0, malformed("page tree: object %d has no /Kids", r.num)
	}
	total := 0
	for _, k := range kids {
		kid, ok := k.(ref)
		if !ok {
			return 0, malformed("page tree: a kid of object %d is not a reference", r.num)
		}
		n, err := w.node(kid, r, p, depth+1)
		if err != nil {
			return 0, err
		}
		total += n
	}
	if w.f.resolve(d.get("Count")) != any(int64(total)) {
		return 0, malformed("page tree: /Count of object %d is not the number of its pages", r.num)
	}
	return total, nil
}

func inherit(from page, d *dict, num int) page {
	p := page{dict: d, num: num, media: from.media, crop: from.crop, rotated: from.rotated}
	for key, v := range map[name]*any{"MediaBox": &p.media, "CropBox": &p.crop, "Rotate": &p.rotated} {
		if own := d.get(key); own != nil {
			*v = own
		}
	}
	return p
}

// geometry judges number, size, turn and boxes of the pages.
func (in *inspection) geometry() {
	if n := len(in.pages); n < 1 || n > MaxPages {
		in.report(reason.PDFPages, "%d pages", n)
	}
	for i, p := range in.pages {
		if what := in.f.badPage(p); what != "" {
			in.report(reason.PDFPages, "page %d: %s", i+1, what)
		}
	}
}

// badPage says what is wrong with a page, or "".
func (f *file) badPage(p page) string {
	media, ok := f.box(p.media)
	if !ok || !isA4(media) {
		return "/MediaBox is not A4"
	}
	if r := f.resolve(p.rotated); r != nil && r != any(int64(0)) {
		return "/Rotate"
	}
	if p.has("UserUnit") {
		return "/UserUnit"
	}
	if p.crop != nil {
		if b, ok := f.box(p.crop); !ok || b != media {
			return "/CropBox is not the /MediaBox"
		}
	}
	for _, key := range []name{"BleedBox", "TrimBox", "ArtBox"} {
		if p.has(key) {
			if b, ok := f.box(p.get(key)); !ok || b != media {
				return "/" + string(key) + " is not the /MediaBox"
			}
		}
	}
	return ""
}

// box reads a rectangle and puts its corners in order.
func (f *file) box(v any) (b [4]float64, ok bool) {
	a, _ := f.resolve(v).(array)
	if len(a) != 4 {
		return b, false
	}
	for i, x := range a {
		if b[i], ok = number(f.resolve(x)); !ok {
			return b, false
		}
	}
	return [4]float64{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}, true
}

func isA4(b [4]float64) bool {
	w, h := b[2]-b[0], b[3]-b[1]
	near := func(x, y float64) bool { return math.Abs(x-y) <= a4Off }
	return near(w, a4Short) && near(h, a4Long) || near(w, a4Long) && near(h, a4Short)
}
