package inspect

import "honnin/config/reason"

func set(names ...name) map[name]bool {
	m := make(map[name]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

var (
	// activeKeys may stand in no dictionary of the file, whatever their value.
	activeKeys = set(
		"JS", "JavaScript", "OpenAction", "AA", "AcroForm", "XFA", "Annots", "Encrypt", "OCProperties", "OC",
		"Outlines", "Collection", "Perms", "Threads", "PresSteps", "Alternates", "Trans", "AlternatePresentations",
		"Renditions", "RichMediaContent", "RichMediaSettings", "OPI", "SpiderInfo", "Requirements", "URI", "URLS",
		"DestOutputProfileRef", "RF", "FS", "ByteRange",
	)
	// actions are the values of /S that make a dictionary an action (ISO 32000-1, table 198, and its extensions).
	actions = set(
		"GoTo", "GoToR", "GoToE", "GoToDp", "GoTo3DView", "Launch", "Thread", "URI", "Sound", "Movie", "Hide", "Named",
		"SubmitForm", "ResetForm", "ImportData", "JavaScript", "SetOCGState", "Rendition", "Trans", "RichMediaExecute",
	)
	// activeTypes are values of /Type.
	activeTypes = set(
		"Action", "Annot", "OCG", "OCMD", "Trans", "Rendition", "MediaClip", "MediaPlayParams", "MediaScreenParams",
		"MediaCriteria", "MediaDuration", "MediaOffset", "MediaPermissions", "MediaPlayerInfo", "MediaPlayers",
		"Sound", "Movie", "3D", "3DNode", "3DRef", "3DView", "3DRenderMode", "3DMeasure", "RichMediaActivation",
		"RichMediaAnimation", "RichMediaCommand", "RichMediaConfiguration", "RichMediaContent", "RichMediaDeactivation",
		"RichMediaInstance", "RichMediaParams", "RichMediaPosition", "RichMediaPresentation", "RichMediaSettings",
		"RichMediaWindow", "Outlines", "Thread", "Bead", "Sig", "DocTimeStamp", "SigRef", "SigFieldLock", "SV",
		"Collection", "CollectionField", "CollectionItem", "CollectionSchema", "CollectionSort", "NavNode", "SlideShow",
		"SpiderContentSet", "Encrypt", "OPI", "ReqHandler", "Requirement", "F",
	)
	// activeSubtypes are values of /Subtype wherever they stand; annotationSubtypes only beside a /Rect.
	activeSubtypes     = set("PS", "U3D", "PRC", "Widget", "FileAttachment", "RichMedia", "Screen", "Movie", "Sound")
	annotationSubtypes = set(
		"Text", "Link", "FreeText", "Line", "Square", "Circle", "Polygon", "PolyLine", "Highlight", "Underline",
		"Squiggly", "StrikeOut", "Stamp", "Caret", "Ink", "Popup", "PrinterMark", "TrapNet", "Watermark", "3D",
		"Redact", "Projection",
	)
	// streamKeys may stand in no stream's dictionary: the data would lie elsewhere, or be another's page.
	streamKeys = set("F", "FFilter", "FDecodeParms", "Ref", "PS")
	// nameTrees are the ones a catalog may have.
	nameTrees = set("EmbeddedFiles", "Dests")
)

// activeContent looks at every dictionary of the file, whether anything leads to it or not.
func (in *inspection) activeContent() {
	in.search(in.f.trailer, 0)
	for _, o := range in.f.ordered {
		if s, ok := o.val.(*stream); ok {
			in.streamRules(s, o.num)
		}
		in.search(o.val, o.num)
	}
	if in.catalog == nil {
		return
	}
	if names := in.f.dictAt(in.catalog, "Names"); names != nil {
		for _, e := range names.entries {
			if !nameTrees[e.key] {
				in.active("a name tree that may act", in.f.ordered[0].num)
			}
		}
	}
	in.embeddedFiles()
}

func (in *inspection) active(what string, num int) {
	in.report(reason.PDFActiveContent, "%s, in object %d", what, num)
}

// search visits every dictionary inside v; the parser bounded how deep they nest.
func (in *inspection) search(v any, num int) {
	switch v := v.(type) {
	case array:
		for _, x := range v {
			in.search(x, num)
		}
	case *stream:
		in.search(v.dict, num)
	case *dict:
		in.dictionary(v, num)
		for _, e := range v.entries {
			in.search(e.val, num)
		}
	}
}

func (in *inspection) dictionary(d *dict, num int) {
	for _, e := range d.entries {
		if activeKeys[e.key] && !in.noTransition(e) {
			in.active("/"+string(e.key), num)
		}
	}
	word := func(key name) name {
		n, _ := in.f.resolve(d.get(key)).(name)
		return n
	}
	switch {
	case actions[word("S")]:
		in.active("an action of type /"+string(word("S")), num)
	case activeTypes[word("Type")]:
		in.active("/Type /"+string(word("Type")), num)
	case activeSubtypes[word("Subtype")], d.has("Rect") && annotationSubtypes[word("Subtype")]:
		in.active("/Subtype /"+string(word("Subtype")), num)
	case word("Subtype2") == "PS":
		in.active("/Subtype2 /PS", num)
	case word("Subtype") == "Form" && d.has("Ref"):
		in.active("a reference XObject", num)
	case d.has("A") && in.anyAction(d.get("A")):
		in.active("/A with an action", num)
	}
}

// noTransition reports whether e is an empty /Trans: ReportLab writes one into every page, and it asks for nothing.
func (in *inspection) noTransition(e entry) bool {
	d, ok := e.val.(*dict)
	return ok && e.key == "Trans" && len(d.entries) == 0
}

// anyAction reports whether v is an action of whatever type, or an array with one. /A of a structure element
// holds attributes, which have /O and no /S.
func (in *inspection) anyAction(v any) bool {
	switch v := in.f.resolve(v).(type) {
	case *dict:
		return v.has("S")
	case array:
		for _, x := range v {
			if d, ok := in.f.resolve(x).(*dict); ok && d.has("S") {
				return true
			}
		}
	}
	return false
}

func (in *inspection) streamRules(s *stream, num int) {
	for _, e := range s.entries {
		if streamKeys[e.key] {
			in.active("a stream with /"+string(e.key), num)
		}
	}
}

// embeddedFiles looks for file specifications and embedded files other than the statement's.
func (in *inspection) embeddedFiles() {
	for _, o := range in.f.ordered {
		if s, ok := o.val.(*stream); ok && s != in.attach && in.f.resolve(s.get("Type")) == name("EmbeddedFile") {
			in.active("an embedded file that is not the statement", o.num)
		}
		in.specifications(o.val, o.num)
	}
}

func (in *inspection) specifications(v any, num int) {
	switch v := v.(type) {
	case array:
		for _, x := range v {
			in.specifications(x, num)
		}
	case *stream:
		in.specifications(v.dict, num)
	case *dict:
		if t := in.f.resolve(v.get("Type")); v != in.spec && (v.has("EF") || t == name("Filespec") || t == name("FileSpec")) {
			in.active("a file specification that is not the statement's", num)
		}
		if v.has("AF") && (v != in.catalog || !in.associated()) {
			in.active("/AF with more than the statement", num)
		}
		for _, e := range v.entries {
			in.specifications(e.val, num)
		}
	}
}

// associated reports whether the catalog's /AF is an array of one reference, to the statement's specification.
func (in *inspection) associated() bool {
	a, ok := in.f.resolve(in.catalog.get("AF")).(array)
	if !ok || len(a) != 1 || in.spec == nil {
		return false
	}
	_, indirect := a[0].(ref)
	d, _ := in.f.resolve(a[0]).(*dict)
	return indirect && d == in.spec
}
