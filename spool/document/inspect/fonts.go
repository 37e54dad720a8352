package inspect

import "honnin/config/reason"

var (
	fontFiles = []name{"FontFile", "FontFile2", "FontFile3"}
	simple    = set("Type1", "MMType1", "TrueType", "CIDFontType0", "CIDFontType2") // have a descriptor of their own
	fontTypes = set("Type0", "Type1", "MMType1", "TrueType", "Type3", "CIDFontType0", "CIDFontType2")
)

// fonts judges every font dictionary of the file, whether a page uses it or not, and everything that stands
// where a font should.
func (in *inspection) fonts() {
	for _, o := range in.f.ordered {
		in.fontsIn(o.val, o.num)
	}
}

func (in *inspection) fontsIn(v any, num int) {
	switch v := v.(type) {
	case array:
		for _, x := range v {
			in.fontsIn(x, num)
		}
	case *stream:
		in.fontsIn(v.dict, num)
	case *dict:
		if s, _ := in.f.resolve(v.get("Subtype")).(name); in.f.resolve(v.get("Type")) == name("Font") || fontTypes[s] {
			in.font(v, num)
		}
		in.fontResources(v.get("Font"), num)
		for _, e := range v.entries {
			in.fontsIn(e.val, num)
		}
	}
}

// fontResources judges /Font of a resource dictionary (names to fonts) and of a graphics state (font and size).
func (in *inspection) fontResources(v any, num int) {
	switch v := in.f.resolve(v).(type) {
	case *dict:
		for _, e := range v.entries {
			in.isFont(e.val, num)
		}
	case array:
		if len(v) > 0 {
			in.isFont(v[0], num)
		}
	}
}

func (in *inspection) isFont(v any, num int) {
	if d, ok := in.f.resolve(v).(*dict); !ok || in.f.resolve(d.get("Type")) != name("Font") {
		in.report(reason.PDFFont, "something that is no font among the fonts of object %d", num)
	}
}

// font judges one font dictionary.
func (in *inspection) font(d *dict, num int) {
	s, _ := in.f.resolve(d.get("Subtype")).(name)
	switch {
	case s == "Type0":
		kids, _ := in.f.resolve(d.get("DescendantFonts")).(array)
		if len(kids) != 1 {
			in.report(reason.PDFFont, "object %d: not one descendant font", num)
			return
		}
		kid, _ := in.f.resolve(kids[0]).(*dict)
		if kid == nil {
			in.report(reason.PDFFont, "object %d: no descendant font", num)
			return
		}
		if t, _ := in.f.resolve(kid.get("Subtype")).(name); t != "CIDFontType0" && t != "CIDFontType2" {
			in.report(reason.PDFFont, "object %d: the descendant is no CIDFont", num)
		}
	case simple[s]:
		if !in.f.embedded(d) {
			in.report(reason.PDFFont, "object %d: the font is not embedded", num)
		}
	default:
		in.report(reason.PDFFont, "object %d: a font of a type that is not read (Type 3 or unknown)", num)
	}
}

// embedded reports whether the font's descriptor has exactly one font program, a stream that is not empty.
func (f *file) embedded(d *dict) bool {
	desc := f.dictAt(d, "FontDescriptor")
	if desc == nil {
		return false
	}
	programs := 0
	for _, key := range fontFiles {
		if !desc.has(key) {
			continue
		}
		s, ok := f.resolve(desc.get(key)).(*stream)
		if !ok || len(s.raw) == 0 {
			return false
		}
		programs++
	}
	return programs == 1
}
