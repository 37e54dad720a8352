package openssl

import (
	"bytes"
	"slices"

	"honnin/config/trust/forge"
)

// node is one ASN.1 value that can be written wrongly. Only low tag numbers are known.
type node struct {
	tag  byte
	kids []*node // of a constructed value
	body []byte  // of a primitive one
	raw  []byte  // stands for the whole value and is never looked into
	form form
}

// form is how a node's length, or a set's order, is written.
type form byte

const (
	proper     form = iota // DER; sets are sorted
	unsorted               // as the elements stand
	longLength             // a length byte too many
	indefinite
	forms
)

// parse reads the one DER value that b is; nil when it is none.
func parse(b []byte) *node {
	list := parseAll(b)
	if len(list) != 1 {
		return nil
	}
	return list[0]
}

func parseAll(b []byte) (out []*node) {
	for len(b) > 0 {
		head, n := header(b)
		if head == 0 || n > len(b)-head {
			return nil
		}
		x := &node{tag: b[0], body: b[head : head+n]}
		if x.tag&0x20 != 0 {
			if x.kids = parseAll(x.body); x.kids == nil && n > 0 {
				return nil
			}
			x.body = nil
		}
		out = append(out, x)
		b = b[head+n:]
	}
	return out
}

// header returns the number of bytes of tag and length, and the length; 0 when they cannot be read.
func header(b []byte) (head, n int) {
	if len(b) < 2 || b[0]&0x1f == 0x1f || b[1] == 0x80 || b[1] > 0x83 {
		return 0, 0
	}
	if b[1] < 0x80 {
		return 2, int(b[1])
	}
	head = 2 + int(b[1]&0x7f)
	if len(b) < head {
		return 0, 0
	}
	for _, c := range b[2:head] {
		n = n<<8 | int(c)
	}
	return head, n
}

// der writes the value, as properly as its form says.
func (n *node) der() []byte {
	if n.raw != nil {
		return n.raw
	}
	parts := [][]byte{n.body}
	for _, k := range n.kids {
		parts = append(parts, k.der())
	}
	if n.tag == 0x31 && n.form != unsorted {
		slices.SortFunc(parts, bytes.Compare)
	}
	out := forge.TLV(n.tag, parts...)
	switch head, length := header(out); {
	case n.form == longLength && head == 2:
		return slices.Concat(out[:1], []byte{0x81, byte(length)}, out[2:])
	case n.form == indefinite && n.tag&0x20 != 0:
		return slices.Concat(out[:1], []byte{0x80}, out[head:], []byte{0, 0})
	}
	return out
}

// place is a node and where it hangs.
type place struct {
	*node
	parent *node // nil for the root
	at     int
}

// places lists n and all below it that may be looked into.
func (n *node) places() (out []place) {
	out = append(out, place{n, nil, 0})
	for i := 0; i < len(out); i++ {
		for j, k := range out[i].kids {
			out = append(out, place{k, out[i].node, j})
		}
	}
	return out
}

// edit is one change to a tree.
type edit struct{ kind, where, a, b byte }

// apply changes the tree below root. What does not fit the place changes nothing.
func (e edit) apply(root *node) {
	all := root.places()
	p := all[int(e.where)%len(all)]
	kinds[int(e.kind)%len(kinds)](p, e, all)
}

var kinds = []func(p place, e edit, all []place){
	func(p place, e edit, _ []place) { // other bits
		if len(p.body) > 0 {
			p.body = bytes.Clone(p.body)
			p.body[int(e.a)%len(p.body)] ^= e.b
			p.node.body = p.body
		}
	},
	func(p place, e edit, _ []place) { // a byte more
		if p.kids == nil && p.raw == nil {
			p.node.body = slices.Insert(bytes.Clone(p.body), int(e.a)%(len(p.body)+1), e.b)
		}
	},
	func(p place, e edit, _ []place) { // a byte less
		if len(p.body) > 0 {
			at := int(e.a) % len(p.body)
			p.node.body = slices.Delete(bytes.Clone(p.body), at, at+1)
		}
	},
	func(p place, _ edit, _ []place) { // gone
		if p.parent != nil {
			p.parent.kids = slices.Delete(p.parent.kids, p.at, p.at+1)
		}
	},
	func(p place, _ edit, _ []place) { // twice
		if p.parent != nil {
			p.parent.kids = slices.Insert(p.parent.kids, p.at, p.node)
		}
	},
	func(p place, e edit, _ []place) { // swapped with a neighbour
		if k := p.kids; len(k) > 1 {
			i, j := int(e.a)%len(k), int(e.b)%len(k)
			k[i], k[j] = k[j], k[i]
		}
	},
	func(p place, e edit, _ []place) { // another value
		if x := dictionary(e.a); p.parent != nil {
			p.parent.kids[p.at] = x
		}
	},
	func(p place, e edit, _ []place) { // a value more
		if p.kids != nil {
			p.node.kids = slices.Insert(p.kids, int(e.b)%(len(p.kids)+1), dictionary(e.a))
		}
	},
	func(p place, e edit, _ []place) { p.node.tag = e.a }, // another type
	func(p place, e edit, _ []place) { p.node.form = form(e.a) % forms },
	func(p place, e edit, all []place) { // a copy of another
		if p.parent != nil {
			p.parent.kids[p.at] = &node{raw: all[int(e.a)%len(all)].der()}
		}
	},
}
