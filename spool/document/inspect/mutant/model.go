package mutant

import "slices"

// The values of a PDF: nil, bool, number and other text that is written as it is (token), name, text, ref,
// list, *dict.
type (
	token string
	name  string
	text  []byte
	list  []any
	ref   int
)

type dict struct{ entries []entry }

type entry struct {
	key name
	val any
}

// object is one indirect object; data is nil where it is no stream.
type object struct {
	num, gen int
	val      any
	data     []byte
	length   any // replaces the true /Length
}

type doc struct {
	objects []*object
	trailer *dict
}

func (d *dict) get(key name) any {
	for _, e := range d.entries {
		if e.key == key {
			return e.val
		}
	}
	return nil
}

// set replaces the value of key, or adds it.
func (d *dict) set(key name, v any) {
	for i := range d.entries {
		if d.entries[i].key == key {
			d.entries[i].val = v
			return
		}
	}
	d.entries = append(d.entries, entry{key, v})
}

func (d *dict) drop(key name) {
	d.entries = slices.DeleteFunc(d.entries, func(e entry) bool { return e.key == key })
}

func clone(v any) any {
	switch v := v.(type) {
	case list:
		out := make(list, len(v))
		for i := range v {
			out[i] = clone(v[i])
		}
		return out
	case *dict:
		out := &dict{slices.Clone(v.entries)}
		for i := range out.entries {
			out.entries[i].val = clone(out.entries[i].val)
		}
		return out
	}
	return v // texts and data are replaced, never written into
}

func (o *object) clone() *object {
	c := *o
	c.val = clone(o.val)
	return &c
}

func (d *doc) clone() *doc {
	out := &doc{trailer: clone(d.trailer).(*dict)}
	for _, o := range d.objects {
		out.objects = append(out.objects, o.clone())
	}
	return out
}

// object returns the object that r names, or nil.
func (d *doc) object(r ref) *object {
	for _, o := range d.objects {
		if o.num == int(r) {
			return o
		}
	}
	return nil
}

// at resolves a reference to a dictionary; nil when it is none.
func (d *doc) at(v any) *dict {
	if r, ok := v.(ref); ok {
		o := d.object(r)
		if o == nil {
			return nil
		}
		v = o.val
	}
	x, _ := v.(*dict)
	return x
}

func (d *doc) free() int {
	n := 0
	for _, o := range d.objects {
		n = max(n, o.num)
	}
	return n + 1
}

// add appends an object with the next number and returns the reference to it.
func (d *doc) add(v any, data []byte) ref {
	o := &object{num: d.free(), val: v, data: data}
	d.objects = append(d.objects, o)
	return ref(o.num)
}

func (d *doc) catalog() *dict { return d.at(d.trailer.get("Root")) }

// typed returns the objects whose /Type is t.
func (d *doc) typed(t name) (out []*object) {
	for _, o := range d.objects {
		if x, ok := o.val.(*dict); ok && x.get("Type") == any(t) {
			out = append(out, o)
		}
	}
	return out
}

// place is somewhere that a value stands: in an entry of a dictionary, in a list, or as an object.
type place struct {
	object *object // nil in the trailer
	holder any     // *dict or list; nil where the object itself is the place
	index  int
}

func (p place) get() any {
	switch h := p.holder.(type) {
	case *dict:
		return h.entries[p.index].val
	case list:
		return h[p.index]
	}
	return p.object.val
}

func (p place) set(v any) {
	switch h := p.holder.(type) {
	case *dict:
		h.entries[p.index].val = v
	case list:
		h[p.index] = v
	default:
		p.object.val = v
	}
}

// key is the key that the value stands under, or "".
func (p place) key() name {
	if d, ok := p.holder.(*dict); ok {
		return d.entries[p.index].key
	}
	return ""
}

// places lists every place of the document that want accepts.
func (d *doc) places(want func(place) bool) (out []place) {
	add := func(p place) {
		if want(p) {
			out = append(out, p)
		}
	}
	var inside func(o *object, v any)
	inside = func(o *object, v any) {
		switch v := v.(type) {
		case list:
			for i := range v {
				add(place{o, v, i})
				inside(o, v[i])
			}
		case *dict:
			for i := range v.entries {
				add(place{o, v, i})
				inside(o, v.entries[i].val)
			}
		}
	}
	for _, o := range d.objects {
		add(place{object: o})
		inside(o, o.val)
	}
	inside(nil, d.trailer)
	return out
}
