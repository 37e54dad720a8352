package mutant

import "fmt"

// orderly changes leave a good document good, or nearly so, and make it larger and stranger: what the other
// changes then damage is more of the standard than our own sheets use.
var orderly = []change{
	{"more: a garnish", 8, func(r *run) { r.garnish(pick(r, garnishes)) }},
	{"more: a deeper page tree", 2, deepen},
	{"more: a value behind a reference", 3, outOfLine},
	{"more: an object inlined", 2, inline},
	{"more: another coding", 2, func(r *run) { r.eachStream(func(o *object) { r.recodeUnlessFile(o) }) }},
	{"more: a neighbour's object", 1, func(r *run) { r.graft(r.doc.catalog(), "PieceInfo") }},
	{"more: other numbers", 1, renumber},
	{"more: pages in a name tree", 1, func(r *run) { r.garnish(garnishes[0]) }},
}

func (r *run) recodeUnlessFile(o *object) {
	if o.dict().get("Type") != any(name("EmbeddedFile")) {
		r.recode(o)
	}
}

// deepen puts nodes between a node of the page tree and one of its kids.
func deepen(r *run) {
	nodes := r.doc.typed("Pages")
	if len(nodes) == 0 {
		return
	}
	o := pick(r, nodes)
	kids, _ := o.val.(*dict).get("Kids").(list)
	if len(kids) == 0 {
		return
	}
	i := r.IntN(len(kids))
	for range 1 << r.small(7) {
		kid := r.doc.at(kids[i])
		if kid == nil {
			return
		}
		count := kid.get("Count")
		if count == nil {
			count = token("1")
		}
		mid := r.doc.add(&dict{[]entry{{"Type", name("Pages")}, {"Count", count}, {"Kids", list{kids[i]}}, {"Parent", ref(o.num)}}}, nil)
		kid.set("Parent", mid)
		kids[i] = mid
	}
}

// outOfLine makes an object of its own of a value.
func outOfLine(r *run) {
	if p := r.deep(); p != nowhere && !isRef(p.get()) {
		p.set(r.doc.add(clone(p.get()), nil))
	}
}

// inline writes an object's value where it is referred to.
func inline(r *run) {
	p := r.deepLike(isRef)
	to, _ := r.get(p).(ref)
	if o := r.doc.object(to); o != nil && o.data == nil {
		p.set(clone(o.val))
	}
}

// renumber gives every object another number, with gaps between them.
func renumber(r *run) {
	to := map[ref]ref{}
	next := 1
	for _, i := range r.Perm(len(r.doc.objects)) {
		o := r.doc.objects[i]
		next += r.small(3)
		to[ref(o.num)] = ref(next)
		next++
	}
	for _, p := range r.doc.places(func(p place) bool { return isRef(p.get()) }) {
		if n, ok := to[p.get().(ref)]; ok {
			p.set(n)
		}
	}
	for _, o := range r.doc.objects {
		o.num = int(to[ref(o.num)])
	}
}

// crossing puts an object of another sample, and all that it leads to, somewhere.
func crossing(r *run) {
	if d, ok := pick(r, r.doc.objects).val.(*dict); ok {
		r.graft(d, r.key())
	}
}

// graft hangs an object of another sample under a key of d.
func (r *run) graft(d *dict, k name) {
	from := r.sample()
	if d == nil {
		return
	}
	g := &grafting{to: r.doc, from: from, done: map[ref]ref{}}
	v := clone(pick(r, from.objects).val)
	g.values(v)
	d.set(k, r.doc.add(v, nil))
}

type grafting struct {
	to, from *doc
	done     map[ref]ref
}

// value brings what v refers to along and returns v, as it is called here.
func (g *grafting) value(v any) any {
	r, ok := v.(ref)
	if !ok {
		g.values(v)
		return v
	}
	if n, there := g.done[r]; there {
		return n
	}
	o := g.from.object(r)
	if o == nil {
		return nil
	}
	c := clone(o.val)
	n := g.to.add(c, o.data)
	g.done[r] = n
	g.values(c)
	return n
}

func (g *grafting) values(v any) {
	switch v := v.(type) {
	case list:
		for i := range v {
			v[i] = g.value(v[i])
		}
	case *dict:
		for i := range v.entries {
			v.entries[i].val = g.value(v.entries[i].val)
		}
	}
}

// garnish adds the objects of g and hangs the first one up.
func (r *run) garnish(g garnish) {
	pages := r.doc.typed("Page")
	if r.doc.catalog() == nil || len(pages) == 0 {
		return
	}
	page := pick(r, pages)
	g2 := &grafting{to: r.doc, done: map[ref]ref{}, from: &doc{}}
	for i, s := range g.objects {
		g2.from.objects = append(g2.from.objects, s.object(i+1))
	}
	g2.done[0] = ref(page.num) // "0 0 R" in a garnish is the page
	top := g2.value(ref(1))
	holder := r.doc.catalog()
	switch {
	case g.on == "page":
		holder = page.val.(*dict)
	case g.on != "catalog":
		holder = r.resources(page, name(g.on))
	}
	if holder != nil {
		holder.set(name(g.key), top)
	}
}

// resources returns a category of the page's resources; nil when they are not of the usual form.
func (r *run) resources(page *object, category name) *dict {
	all := r.doc.at(page.val.(*dict).get("Resources"))
	if all == nil {
		return nil
	}
	if all.get(category) == nil {
		all.set(category, &dict{})
	}
	return r.doc.at(all.get(category))
}

func (s source) object(num int) *object {
	v := (&reader{b: []byte(s.body + " ")}).value()
	o := &object{num: num, val: v}
	if s.data != "" || s.zeros > 0 {
		o.data = append([]byte(s.data), make([]byte, s.zeros)...)
	}
	return o
}

// garnish is something that a sound document may have: objects, the first of which hangs under a key of the
// catalog, of a page, or of a category of its resources.
type garnish struct {
	on, key string
	objects []source
}

// source is an object as text; "1 0 R" is the first one of its garnish. A stream's data are data and then zeros.
type source struct {
	body, data string
	zeros      int
}

func image(width, height, components int, more string) source {
	return source{body: fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8%s>>", width, height, more), zeros: width * height * components}
}

const (
	exponential = "<</FunctionType 2/Domain[0 1]/C0[0 0 0]/C1[1 0.5 0]/N 1>>"
	sampled     = "<</FunctionType 0/Domain[0 1]/Range[0 1 0 1 0 1]/Size[4]/BitsPerSample 8>>"
	xml         = "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
)

var garnishes = []garnish{
	{"catalog", "Dests", []source{{body: "<</here[0 0 R/Fit]/there<</D[0 0 R/XYZ 0 0 null]>>>>"}}},
	{"catalog", "PageLabels", []source{{body: "<</Kids[2 0 R]>>"}, {body: "<</Limits[0 0]/Nums[0<</S/D/P(p)/St 1>>]>>"}}},
	{"catalog", "Metadata", []source{{body: "<</Type/Metadata/Subtype/XML>>", data: xml}}},
	{"catalog", "ViewerPreferences", []source{{body: "<</HideToolbar true/Direction/L2R/PrintScaling/None/Duplex/Simplex/NumCopies 2/NonFullScreenPageMode/UseNone>>"}}},
	{"catalog", "OutputIntents", []source{{body: "[2 0 R]"}, {body: "<</Type/OutputIntent/S/GTS_PDFX/OutputConditionIdentifier(JC200103)/RegistryName(http://www.color.org)/Info(Japan Color)/DestOutputProfile 3 0 R>>"}, {body: "<</N 4/Alternate/DeviceCMYK>>", zeros: 128}}},
	{"catalog", "StructTreeRoot", []source{{body: "<</Type/StructTreeRoot/K[2 0 R]/ParentTree 4 0 R/ParentTreeNextKey 1/RoleMap<</Line/P>>/ClassMap<</c<</O/Layout/WritingMode/LrTb>>>>/IDTree 5 0 R>>"},
		{body: "<</Type/StructElem/S/Document/P 1 0 R/K[3 0 R]/ID(a)/Lang(ja)>>"}, {body: "<</Type/StructElem/S/P/P 2 0 R/Pg 0 0 R/K[0<</Type/MCR/Pg 0 0 R/MCID 1>>]/A<</O/Layout/Placement/Block>>/C/c/T(x)/Alt(y)/ActualText(z)>>"},
		{body: "<</Nums[0[3 0 R]]>>"}, {body: "<</Names[(a)2 0 R]>>"}}},
	{"catalog", "MarkInfo", []source{{body: "<</Marked true/UserProperties false/Suspects false>>"}}},
	{"catalog", "Extensions", []source{{body: "<</ADBE<</BaseVersion/1.7/ExtensionLevel 3>>>>"}}},
	{"catalog", "PageMode", []source{{body: "/UseNone"}}},
	{"page", "Group", []source{{body: "<</Type/Group/S/Transparency/CS/DeviceRGB/I true/K false>>"}}},
	{"page", "BoxColorInfo", []source{{body: "<</CropBox<</C[1 0 0]/W 1/S/D/D[3]>>/TrimBox<</C[0 1 0]>>>>"}}},
	{"page", "Thumb", []source{image(8, 8, 3, "/ColorSpace/DeviceRGB")}},
	{"page", "Metadata", []source{{body: "<</Type/Metadata/Subtype/XML>>", data: xml}}},
	{"page", "StructParents", []source{{body: "0"}}},
	{"page", "Tabs", []source{{body: "/S"}}},
	{"page", "VP", []source{{body: "[<</Type/Viewport/BBox[0 0 100 100]/Name(v)/Measure<</Type/Measure/Subtype/RL/R(1:1)/X[2 0 R]/D[2 0 R]/A[2 0 R]>>>>]"}, {body: "<</Type/NumberFormat/U(mm)/C 1/F/D/D 100>>"}}},
	{"XObject", "Gx", []source{image(16, 16, 1, "/ColorSpace/DeviceGray/Interpolate true/Intent/Perceptual/Decode[0 1]")}},
	{"XObject", "Gy", []source{image(8, 8, 1, "/ColorSpace[/Indexed/DeviceRGB 3<000000FF000000FF000000FF>]/SMask 2 0 R"), image(8, 8, 1, "/ColorSpace/DeviceGray/Matte[0]")}},
	{"XObject", "Gz", []source{image(8, 8, 3, "/ColorSpace[/ICCBased 2 0 R]/Mask[0 1 0 1 0 1]"), {body: "<</N 3/Alternate/DeviceRGB/Range[0 1 0 1 0 1]>>", zeros: 128}}},
	{"XObject", "Gm", []source{{body: "<</Type/XObject/Subtype/Image/Width 8/Height 8/ImageMask true/BitsPerComponent 1>>", zeros: 8}}},
	{"XObject", "Gf", []source{{body: "<</Type/XObject/Subtype/Form/FormType 1/BBox[0 0 10 10]/Matrix[1 0 0 1 0 0]/Resources<</XObject<</In 2 0 R>>/ProcSet[/PDF]>>/Group<</S/Transparency/CS/DeviceGray>>/StructParent 1/LastModified(D:20261121)>>", data: "/In Do"},
		{body: "<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Resources<<>>>>", data: "0 0 1 1 re f"}}},
	{"ColorSpace", "Cs", []source{{body: "[/Separation/Spot/DeviceRGB 2 0 R]"}, {body: exponential}}},
	{"ColorSpace", "Cn", []source{{body: "[/DeviceN[/Cyan/Spot]/DeviceRGB 2 0 R<</Subtype/NChannel/Colorants<</Spot[/Separation/Spot/DeviceRGB 3 0 R]>>/Process<</ColorSpace/DeviceCMYK/Components[/Cyan/Magenta/Yellow/Black]>>>>]"}, {body: "<</FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]>>", data: "{pop dup dup}"}, {body: exponential}}},
	{"ColorSpace", "Cl", []source{{body: "[/Lab<</WhitePoint[0.95 1 1.09]/Range[-100 100 -100 100]>>]"}}},
	{"ColorSpace", "Cr", []source{{body: "[/CalRGB<</WhitePoint[0.95 1 1.09]/BlackPoint[0 0 0]/Gamma[2.2 2.2 2.2]/Matrix[1 0 0 0 1 0 0 0 1]>>]"}}},
	{"ColorSpace", "Ci", []source{{body: "[/Indexed[/ICCBased 2 0 R]255 3 0 R]"}, {body: "<</N 1>>", zeros: 128}, {body: "<<>>", zeros: 256}}},
	{"ColorSpace", "Cp", []source{{body: "[/Pattern/DeviceRGB]"}}},
	{"ExtGState", "Gs", []source{{body: "<</Type/ExtGState/LW 1/LC 0/LJ 1/ML 10/D[[3 1]0]/RI/Perceptual/OP true/op false/OPM 1/FL 1/SM 0.1/SA true/BM/Multiply/CA 0.5/ca 0.5/AIS false/TK true/SMask 2 0 R/TR/Identity/BG2/Default/UCR2/Default>>"},
		{body: "<</Type/Mask/S/Luminosity/G 3 0 R/BC[0]/TR/Identity>>"}, {body: "<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Group<</S/Transparency/CS/DeviceGray>>>>", data: "n"}}},
	{"ExtGState", "Gh", []source{{body: "<</HT 2 0 R/TR2/Default/BG 5 0 R>>"}, {body: "<</Type/Halftone/HalftoneType 5/Default 3 0 R/Cyan 4 0 R>>"}, {body: "<</Type/Halftone/HalftoneType 1/Frequency 60/Angle 45/SpotFunction/Round/AccurateScreens true>>"}, {body: "<</Type/Halftone/HalftoneType 6/Width 4/Height 4>>", zeros: 16}, {body: "<</FunctionType 2/Domain[0 1]/N 1>>"}}},
	{"Shading", "S2", []source{{body: "<</ShadingType 2/ColorSpace/DeviceRGB/Coords[0 0 1 1]/Domain[0 1]/Function 2 0 R/Extend[true false]/BBox[0 0 1 1]/Background[0 0 0]/AntiAlias true>>"}, {body: "<</FunctionType 3/Domain[0 1]/Functions[3 0 R 4 0 R]/Bounds[0.5]/Encode[0 1 0 1]>>"}, {body: exponential}, {body: sampled, zeros: 12}}},
	{"Shading", "S1", []source{{body: "<</ShadingType 1/ColorSpace/DeviceGray/Domain[0 1 0 1]/Matrix[1 0 0 1 0 0]/Function 2 0 R>>"}, {body: "<</FunctionType 4/Domain[0 1 0 1]/Range[0 1]>>", data: "{add 2 div}"}}},
	{"Shading", "S3", []source{{body: "<</ShadingType 3/ColorSpace/DeviceCMYK/Coords[0 0 0 1 1 1]/Function[2 0 R 2 0 R 2 0 R 2 0 R]>>"}, {body: "<</FunctionType 2/Domain[0 1]/N 2>>"}}},
	{"Shading", "S4", []source{{body: "<</ShadingType 4/ColorSpace/DeviceRGB/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8/Decode[0 1 0 1 0 1 0 1 0 1]>>", zeros: 24}}},
	{"Shading", "S5", []source{{body: "<</ShadingType 5/ColorSpace/DeviceGray/BitsPerCoordinate 8/BitsPerComponent 8/VerticesPerRow 2/Decode[0 1 0 1 0 1]>>", zeros: 24}}},
	{"Shading", "S7", []source{{body: "<</ShadingType 7/ColorSpace/DeviceGray/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8/Decode[0 1 0 1 0 1]>>", zeros: 64}}},
	{"Pattern", "P1", []source{{body: "<</Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 4 4]/XStep 4/YStep 4/Resources<<>>/Matrix[1 0 0 1 0 0]>>", data: "0 0 1 1 re f"}}},
	{"Pattern", "P2", []source{{body: "<</Type/Pattern/PatternType 2/Shading 2 0 R/Matrix[1 0 0 1 0 0]/ExtGState<</CA 1>>>>"}, {body: "<</ShadingType 2/ColorSpace/DeviceGray/Coords[0 0 1 1]/Function 3 0 R>>"}, {body: "<</FunctionType 2/Domain[0 1]/N 1>>"}}},
	{"Properties", "M1", []source{{body: "<</Metadata 2 0 R>>"}, {body: "<</Type/Metadata/Subtype/XML>>", data: xml}}},
	{"Font", "T1", []source{{body: "<</Type/Font/Subtype/TrueType/BaseFont/BBBBBB+Box/FirstChar 65/LastChar 66/Widths[500 500]/FontDescriptor 2 0 R/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[65/A/B]>>>>"},
		{body: "<</Type/FontDescriptor/FontName/BBBBBB+Box/FontFamily(Box)/FontStretch/Normal/FontWeight 400/Flags 32/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 800/Descent -200/Leading 0/CapHeight 700/XHeight 500/StemV 80/StemH 80/AvgWidth 500/MaxWidth 1000/MissingWidth 500/FontFile2 3 0 R>>"}, {body: "<</Length1 64>>", zeros: 64}}},
	{"Font", "T0", []source{{body: "<</Type/Font/Subtype/Type0/BaseFont/CCCCCC+Box-Own/Encoding 2 0 R/DescendantFonts[3 0 R]/ToUnicode 6 0 R>>"}, {body: "<</Type/CMap/CMapName/Own/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/WMode 1/UseCMap/H>>", data: "begincmap endcmap"},
		{body: "<</Type/Font/Subtype/CIDFontType0/BaseFont/CCCCCC+Box/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/DW 1000/W[1[500 600]10 20 500]/DW2[880 -1000]/W2[1[-1000 500 880]5 9 -1000 500 880]/FontDescriptor 4 0 R>>"},
		{body: "<</Type/FontDescriptor/FontName/CCCCCC+Box/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80/Style<</Panose<000000000000000000000000>>>/CIDSet 5 0 R/FontFile3 7 0 R>>"},
		{body: "<<>>", data: "\xff\xff"}, {body: "<</Type/CMap/CMapName/U>>", data: "begincmap endcmap"}, {body: "<</Subtype/CIDFontType0C>>", zeros: 32}}},
	{"Font", "T2", []source{{body: "<</Type/Font/Subtype/Type1/BaseFont/DDDDDD+Box/FirstChar 0/LastChar 0/Widths 4 0 R/Encoding/MacRomanEncoding/FontDescriptor 2 0 R>>"}, {body: "<</Type/FontDescriptor/FontName/DDDDDD+Box/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80/CharSet(/A/B)/FontFile 3 0 R>>"},
		{body: "<</Length1 16/Length2 16/Length3 0>>", zeros: 32}, {body: "[500]"}}},
}
