package ipp

import (
	"strings"

	"github.com/OpenPrinting/goipp"
)

// attributes reads one group. A missing attribute and one of another syntax read the same: as absent.
type attributes goipp.Attributes

func (a attributes) values(name string) goipp.Values {
	for _, x := range a {
		if x.Name == name {
			return x.Values
		}
	}
	return nil
}

// words returns keywords, names and other text in the order given.
func (a attributes) words(name string) (out []string) {
	for _, v := range a.values(name) {
		switch s := v.V.(type) {
		case goipp.String:
			out = append(out, string(s))
		case goipp.TextWithLang:
			out = append(out, s.Text)
		}
	}
	return out
}

func (a attributes) word(name string) string {
	if w := a.words(name); len(w) == 1 {
		return w[0]
	}
	return ""
}

// number returns a single integer or enum.
func (a attributes) number(name string) count {
	v := a.values(name)
	if len(v) != 1 {
		return count{}
	}
	n, ok := v[0].V.(goipp.Integer)
	return count{int(n), ok}
}

func (a attributes) yes(name string) bool {
	v := a.values(name)
	if len(v) != 1 {
		return false
	}
	b, ok := v[0].V.(goipp.Boolean)
	return ok && bool(b)
}

// outOfBand reports whether the attribute is there with the given out-of-band value (RFC 8010 section 3.5.2).
func (a attributes) outOfBand(name string, tag goipp.Tag) bool {
	v := a.values(name)
	return len(v) == 1 && v[0].T == tag
}

// allows reports whether want is among the values, or within a range of them.
func (a attributes) allows(name string, want goipp.Value) bool {
	for _, v := range a.values(name) {
		if allows(v.V, want) {
			return true
		}
	}
	return false
}

func allows(have, want goipp.Value) bool {
	switch w := want.(type) {
	case goipp.Integer:
		r, ok := have.(goipp.IntegerOrRange)
		return ok && r.Within(int(w))
	case goipp.String:
		s, ok := have.(goipp.String)
		return ok && strings.EqualFold(string(s), string(w))
	}
	return false
}

// groups returns the groups of a tag, in order.
func groups(m *goipp.Message, tag goipp.Tag) (out []attributes) {
	for _, g := range m.Groups {
		if g.Tag == tag {
			out = append(out, attributes(g.Attrs))
		}
	}
	return out
}

// count is a number that a device may or may not have given.
type count struct {
	n     int
	known bool
}
