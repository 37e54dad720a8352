package mutant

import (
	"bytes"
	"slices"
)

// gentle changes keep to what hangs below the frame.
var gentle = []change{
	{"deep: a value", 10, func(r *run) { r.set(r.deep(), r.hostile(0)) }},
	{"deep: a number", 6, func(r *run) { r.set(r.deepLike(isToken), pick(r, tokens)) }},
	{"deep: a text", 2, func(r *run) { r.set(r.deepLike(isText), r.noisy(pick(r, texts))) }},
	{"deep: the value of another place", 6, func(r *run) { r.copyInto(r.deep(), r.anywhere()) }},
	{"deep: the value of the same key", 4, func(r *run) { r.sameKey(r.deep()) }},
	{"deep: a reference", 6, func(r *run) { r.set(r.deepLike(isRef), r.anyRef()) }},
	{"deep: a cycle", 4, func(r *run) { p := r.deep(); r.set(p, r.backTo(p)) }},
	{"deep: an entry gone", 5, func(r *run) { r.remove(r.deep()) }},
	{"deep: another key", 4, func(r *run) { r.rename(r.deep(), pick(r, passive)) }},
	{"deep: an entry more", 6, func(r *run) { r.insert(r.deep(), pick(r, passive), r.hostile(0)) }},
	{"deep: longer", 3, func(r *run) { r.grow(r.deepLike(isList)) }},
	{"deep: shorter", 2, func(r *run) { r.shrink(r.deepLike(isList)) }},
	{"deep: nested", 2, func(r *run) { p := r.deep(); r.set(p, r.nested(clone(r.get(p)))) }},
	{"deep: wrapped", 2, func(r *run) { p := r.deep(); r.set(p, list{clone(r.get(p))}) }},
	{"the info", 2, func(r *run) { r.put(r.doc.at(r.doc.trailer.get("Info")), pick(r, passive), pick(r, texts)) }},
}

// rude changes may hit anything.
var rude = []change{
	{"any value", 8, func(r *run) { r.set(r.anywhere(), r.hostile(0)) }},
	{"any reference", 6, func(r *run) { r.set(r.like(isRef), r.anyRef()) }},
	{"any number", 5, func(r *run) { r.set(r.like(isToken), pick(r, tokens)) }},
	{"two values swapped", 4, swapValues},
	{"the value of another place", 4, func(r *run) { r.copyInto(r.anywhere(), r.anywhere()) }},
	{"an entry gone", 5, func(r *run) { r.remove(r.anywhere()) }},
	{"another key", 3, func(r *run) { r.rename(r.anywhere(), r.key()) }},
	{"an entry more", 4, func(r *run) { r.insert(r.anywhere(), r.key(), r.hostile(0)) }},
	{"a key twice", 1, func(r *run) { r.twice(r.anywhere()) }},
	{"a text", 2, func(r *run) { r.set(r.like(isText), r.noisy(pick(r, texts))) }},
	{"bytes of a text", 3, func(r *run) { p := r.like(isText); t, _ := r.get(p).(text); r.set(p, r.noisy(t)) }},
	{"a cycle", 3, cycle},
	{"an object gone", 2, func(r *run) { i := r.IntN(len(r.doc.objects)); r.doc.objects = slices.Delete(r.doc.objects, i, i+1) }},
	{"an object twice", 2, func(r *run) { o := pick(r, r.doc.objects); r.doc.add(clone(o.val), o.data) }},
	{"two objects swapped", 2, swapObjects},
	{"a kid twice", 1, func(r *run) { r.grow(r.keyed("Kids")) }},
	{"a list longer", 2, func(r *run) { r.grow(r.like(isList)) }},
	{"a list shorter", 2, func(r *run) { r.shrink(r.like(isList)) }},
	{"nested", 2, func(r *run) { p := r.anywhere(); r.set(p, r.nested(clone(r.get(p)))) }},
	{"the trailer", 2, func(r *run) { r.put(r.doc.trailer, r.key(), r.hostile(0)) }},
	{"a neighbour's object", 3, crossing},
	{"a shared graph", 1, sharedGraph},
}

func isRef(v any) bool   { _, ok := v.(ref); return ok }
func isToken(v any) bool { _, ok := v.(token); return ok }
func isText(v any) bool  { _, ok := v.(text); return ok }
func isList(v any) bool  { _, ok := v.(list); return ok }

// nowhere is a place that nothing is done to.
var nowhere = place{}

func (r *run) choose(all []place) place {
	if len(all) == 0 {
		return nowhere
	}
	return pick(r, all)
}

func (r *run) anywhere() place { return r.choose(r.doc.places(func(place) bool { return true })) }
func (r *run) like(kind func(any) bool) place {
	return r.choose(r.doc.places(func(p place) bool { return kind(p.get()) }))
}

func (r *run) keyed(k name) place {
	return r.choose(r.doc.places(func(p place) bool { return p.key() == k }))
}

// deep chooses a place away from the frame.
func (r *run) deep() place { return r.deepLike(func(any) bool { return true }) }

// deepLike chooses by object first, so that a large one does not draw all the changes.
func (r *run) deepLike(kind func(any) bool) place {
	of := map[*object][]place{}
	var order []*object
	for _, p := range r.doc.places(func(p place) bool { return p.object != nil && p.holder != nil && !r.framed(p) && kind(p.get()) }) {
		if of[p.object] == nil {
			order = append(order, p.object)
		}
		of[p.object] = append(of[p.object], p)
	}
	if len(order) == 0 {
		return nowhere
	}
	return pick(r, of[pick(r, order)])
}

// framed reports whether p stands in what holds the document together: under such a key, or in a tag.
func (r *run) framed(p place) bool {
	switch h := p.holder.(type) {
	case *dict:
		return frameKeys[p.key()] || h.get("SubjectHash") != nil || h.get("Private") != nil || h.get("Honnin") != nil || h.get("EF") != nil || h.get("EmbeddedFiles") != nil
	case list:
		return slices.ContainsFunc(h, func(v any) bool { t, ok := v.(text); return ok && bytes.Equal(t, []byte("issuance.json")) })
	}
	return false
}

func (r *run) get(p place) any {
	if p == nowhere {
		return nil
	}
	return p.get()
}

func (r *run) set(p place, v any) {
	if p != nowhere {
		p.set(v)
	}
}

func (r *run) copyInto(to, from place) { r.set(to, clone(r.get(from))) }

// sameKey gives p the value of the same key elsewhere, or of any other place where there is no second one.
func (r *run) sameKey(p place) {
	from := r.choose(r.doc.places(func(q place) bool { return q.object != p.object && q.key() != "" && q.key() == p.key() }))
	if from == nowhere {
		from = r.anywhere()
	}
	r.copyInto(p, from)
}

func swapValues(r *run) {
	a, b := r.anywhere(), r.anywhere()
	v, w := clone(r.get(a)), clone(r.get(b))
	r.set(a, w)
	r.set(b, v)
}

func swapObjects(r *run) {
	a, b := pick(r, r.doc.objects), pick(r, r.doc.objects)
	a.val, b.val, a.data, b.data = b.val, a.val, b.data, a.data
}

// remove takes an entry out of a dictionary, or a value out of a list.
func (r *run) remove(p place) {
	switch h := p.holder.(type) {
	case *dict:
		h.entries = slices.Delete(h.entries, p.index, p.index+1)
	case list:
		copy(h[p.index:], h[p.index+1:])
		h[len(h)-1] = nil
	}
}

func (r *run) rename(p place, k name) {
	if d, ok := p.holder.(*dict); ok {
		d.entries[p.index].key = k
	}
}

// insert adds an entry to the dictionary that p is in, or that stands at p.
func (r *run) insert(p place, k name, v any) {
	d, ok := p.holder.(*dict)
	if inner, is := r.get(p).(*dict); is && (!ok || r.one(2)) {
		d, ok = inner, true
	}
	if ok {
		r.put(d, k, v)
	}
}

func (r *run) put(d *dict, k name, v any) {
	if d != nil {
		d.set(k, v)
	}
}

func (r *run) twice(p place) {
	if d, ok := p.holder.(*dict); ok {
		d.entries = append(d.entries, d.entries[p.index])
	}
}

func (r *run) grow(p place) {
	l, ok := r.get(p).(list)
	if !ok || len(l) == 0 {
		return
	}
	v := pick(r, l)
	for range 1 << r.small(11) {
		l = append(l, clone(v))
	}
	r.set(p, l)
}

func (r *run) shrink(p place) {
	if l, ok := r.get(p).(list); ok && len(l) > 0 {
		r.set(p, l[:r.IntN(len(l))])
	}
}

// nested puts v into lists or dictionaries, at times deeper than any reader follows.
func (r *run) nested(v any) any {
	k := r.key()
	for range 1 << r.small(10) {
		if r.one(2) {
			v = list{v}
		} else {
			v = &dict{[]entry{{k, v}}}
		}
	}
	return v
}

// backTo is a reference to the object that p stands in, or to one that leads to it.
func (r *run) backTo(p place) any {
	if p.object == nil {
		return nil
	}
	to := ref(p.object.num)
	for range r.small(3) {
		if up := r.choose(r.doc.places(func(q place) bool { return q.object != nil && q.get() == any(to) })); up != nowhere {
			to = ref(up.object.num)
		}
	}
	return to
}

var loops = []name{"Kids", "Parent", "Next", "Prev", "Names", "Resources", "Functions", "Function", "ColorSpace", "SMask", "Contents", "K", "Length", "DescendantFonts", "Alternate", "Font", "XObject"}

// cycle leads one of the keys that make trees and chains back up.
func cycle(r *run) {
	p := r.keyed(pick(r, loops))
	if p == nowhere {
		p = r.anywhere()
		r.insert(p, pick(r, loops), r.backTo(p))
		return
	}
	if l, ok := p.get().(list); ok && len(l) > 0 {
		l[r.IntN(len(l))] = r.backTo(p)
		return
	}
	p.set(r.backTo(p))
}

// sharedGraph adds a ladder whose every rung leads twice to the next: a walk that does not remember takes 2ⁿ steps.
func sharedGraph(r *run) {
	v := any(token("0"))
	for range 8 + r.IntN(30) {
		next := r.doc.add(v, nil)
		v = list{next, next}
	}
	r.insert(r.anywhere(), pick(r, passive), r.doc.add(v, nil))
}

func (r *run) key() name {
	if r.one(6) {
		return pick(r, forbidden)
	}
	return pick(r, passive)
}

func (r *run) anyRef() ref {
	if r.one(30) {
		return ref(r.doc.free() + r.small(1000))
	}
	return ref(pick(r, r.doc.objects).num)
}

// hostile is a value that does not belong where it is put.
func (r *run) hostile(depth int) any {
	switch r.IntN(12) {
	case 0, 1, 2:
		return pick(r, tokens[:27]) // the others end the parse
	case 3:
		return pick(r, tokens)
	case 4, 5:
		return pick(r, names)
	case 6:
		return pick(r, texts)
	case 7, 8:
		return r.anyRef()
	case 9:
		return nil
	case 10:
		l := list{}
		for range r.small(6) {
			l = append(l, r.below(depth))
		}
		return l
	}
	d := &dict{}
	for range r.small(4) {
		d.set(pick(r, passive), r.below(depth))
	}
	return d
}

func (r *run) below(depth int) any {
	if depth > 3 {
		return token("0")
	}
	return r.hostile(depth + 1)
}

// noisy returns b with some bytes changed, taken out or put in.
func (r *run) noisy(b []byte) text {
	out := slices.Clone(b)
	for range 1 + r.small(8) {
		at := r.IntN(len(out) + 1)
		switch {
		case r.one(4):
			out = slices.Insert(out, at, byte(r.Uint32()))
		case at == len(out):
		case r.one(4):
			out = slices.Delete(out, at, at+1)
		default:
			out[at] ^= 1 << r.IntN(8)
		}
	}
	return out
}
