package inspect

import (
	"errors"
	"math"

	"honnin/config/reason"
)

// structure checks what holds the objects together: the catalog, that every reference leads to an object, and
// that no object belongs to another kind of cross-reference.
func (in *inspection) structure() error {
	f := in.f
	r, ok := f.trailer.get("Root").(ref)
	if !ok {
		return malformed("the trailer has no /Root")
	}
	root, ok := f.resolve(r).(*dict)
	if !ok || f.resolve(root.get("Type")) != name("Catalog") {
		return malformed("/Root is not a catalog")
	}
	in.catalog = root
	if v := f.resolve(in.catalog.get("Version")); v != nil && v != name("1.7") {
		return malformed("the catalog's /Version is not 1.7")
	}
	if err := f.references(f.trailer); err != nil {
		return err
	}
	for _, o := range f.ordered {
		if err := f.references(o.val); err != nil {
			return err
		}
		if s, ok := o.val.(*stream); ok {
			switch t := f.resolve(s.get("Type")); t {
			case name("XRef"), name("ObjStm"):
				return malformed("object %d is a cross-reference stream or an object stream", o.num)
			}
		}
	}
	return nil
}

// references refuses one that leads nowhere: a reader would make null of it, or repair it.
func (f *file) references(v any) error {
	switch v := v.(type) {
	case ref:
		if o := f.objects[v.num]; o == nil || o.gen != v.gen {
			return malformed("a reference to object %d %d, which does not exist", v.num, v.gen)
		}
	case array:
		for _, x := range v {
			if err := f.references(x); err != nil {
				return err
			}
		}
	case *stream:
		return f.references(v.dict)
	case *dict:
		for _, e := range v.entries {
			if err := f.references(e.val); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	maxExpansion = 1 << 20
	maxChain     = 400 // references in a row
)

// upward are the keys that lead back up or sideways, and so make cycles in a sound document.
var upward = map[name]bool{"Parent": true, "P": true, "Pg": true, "Prev": true, "Last": true}

// bounded refuses a document on which a careless walk would not end soon. Actions, annotations and articles make cycles
// lawfully, so a document with those is not asked; it comes no further.
func (in *inspection) bounded() error {
	if in.found[reason.PDFMalformed] != "" || in.found[reason.PDFActiveContent] != "" {
		return nil
	}
	return (&expansion{f: in.f, size: map[int]float64{}}).walk()
}

// expansion counts how many objects a recursive walk meets that does not remember where it has been: shared
// nodes make that exponential, and pdfcpu validates in that way.
type expansion struct {
	f     *file
	size  map[int]float64 // NaN while an object is being counted
	depth int
}

func (x *expansion) walk() error {
	n, err := x.count(x.f.trailer)
	if err == nil && n > maxExpansion {
		return malformed("shared objects: a walk would meet more than %d", maxExpansion)
	}
	return err
}

func (x *expansion) count(v any) (n float64, err error) {
	add := func(v any) {
		if err == nil {
			var k float64
			k, err = x.count(v)
			n += k
		}
	}
	switch v := v.(type) {
	case ref:
		return x.object(v.num)
	case array:
		for _, e := range v {
			add(e)
		}
	case *stream:
		return x.count(v.dict)
	case *dict:
		for _, e := range v.entries {
			if !upward[e.key] {
				add(e.val)
			}
		}
	}
	return n, err
}

func (x *expansion) object(num int) (float64, error) {
	if n, ok := x.size[num]; ok {
		if math.IsNaN(n) {
			return 0, malformed("object %d contains itself", num)
		}
		return n, nil
	}
	if x.depth++; x.depth > maxChain {
		return 0, malformed("more than %d references in a row", maxChain)
	}
	x.size[num] = math.NaN()
	n, err := x.count(x.f.objects[num].val)
	x.depth--
	x.size[num] = n + 1
	return n + 1, err
}

// streams decodes every stream to its end.
func (in *inspection) streams() error {
	d := &decoder{f: in.f, budget: maxDecoded}
	for _, o := range in.f.ordered {
		s, ok := o.val.(*stream)
		if !ok || s.has("F") { // data elsewhere: active content
			continue
		}
		switch err := d.decode(s, nil); {
		case errors.Is(err, errBudget):
			return malformed("the streams decode to more than %d bytes", maxDecoded)
		case err != nil:
			return reason.Errorf(reason.PDFMalformed, "the stream of object %d: %v", o.num, err)
		}
	}
	return nil
}
