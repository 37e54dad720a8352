package trust_test

import (
	"crypto/x509"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/config/trust/forge"
)

// node is a DER value taken apart; what is written from it again has right lengths everywhere.
type node struct {
	tag   byte
	value []byte // primitive
	parts []*node
}

func takeApart(t *testing.T, s cryptobyte.String) (out []*node) {
	t.Helper()
	for !s.Empty() {
		var v cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&v, &tag) {
			t.Fatal("not DER")
		}
		n := &node{tag: byte(tag), value: v}
		if tag&0x20 != 0 {
			n.parts = takeApart(t, v)
		}
		out = append(out, n)
	}
	return out
}

func (n *node) der() []byte {
	if n.tag&0x20 == 0 {
		return forge.TLV(n.tag, n.value)
	}
	var parts [][]byte
	for _, p := range n.parts {
		parts = append(parts, p.der())
	}
	return forge.TLV(n.tag, parts...)
}

// eachChange calls try with the whole, once for every part below n being gone, doubled, moved behind its neighbour, or
// replaced.
func (n *node) eachChange(whole *node, try func(what string, tag byte, der []byte)) {
	for i, p := range n.parts {
		kept := n.parts
		for what, parts := range map[string][]*node{
			"gone": {}, "doubled": {p, p}, "null": {{tag: 5}}, "empty": {{tag: p.tag}}, "wrapped": {{tag: 0x30, parts: []*node{p}}},
			"an integer": {{tag: 2, value: []byte{7}}}, "followed by null": {p, {tag: 5}},
		} {
			n.parts = append(append(append([]*node{}, kept[:i]...), parts...), kept[i+1:]...)
			try(what, p.tag, whole.der())
		}
		if i+1 < len(kept) {
			n.parts = append([]*node{}, kept...)
			n.parts[i], n.parts[i+1] = kept[i+1], kept[i]
			try("moved", p.tag, whole.der())
		}
		n.parts = kept
		p.eachChange(whole, try)
	}
}

// Every part of a package matters: none can be left out, doubled, moved or replaced. The one freedom is RFC 5754's: the
// parameters of the two digest algorithms, absent or NULL, which mean the same and are not signed.
func TestEveryPartCounts(t *testing.T) {
	w := newWorld(t)
	root := w.ca(nil, "P-256 Root")
	s := w.storeOf(trust.Authority{Municipality: city, Anchors: []*x509.Certificate{root.Certificate}})
	good := w.sign(w.issue(w.ca(root, "P-256 CA")))
	tree := takeApart(t, good)[0]
	if string(tree.der()) != string(good) {
		t.Fatal("taken apart and put together it is another package; the test is void")
	}
	tried := map[reason.Code]int{}
	tree.eachChange(tree, func(what string, tag byte, der []byte) {
		if string(der) == string(good) {
			return // doubling nothing, emptying what is empty, exchanging twins
		}
		_, _, err := trust.Verify(der, s, began, now, skew)
		tried[reason.Of(err)]++
		if reason.Of(err) == "" && what != "followed by null" {
			t.Errorf("a part (tag %#x) %s: %v", tag, what, err)
		}
	})
	if tried[""] != 2 || tried[reason.PackageMalformed] < 100 || tried[reason.SignatureInvalid] < 100 || tried[reason.SignerUntrusted] < 20 {
		t.Errorf("accepted must be the two digest algorithms with NULL, and there must be many others: %v", tried)
	}
}
