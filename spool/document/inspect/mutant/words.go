package mutant

// frameKeys hold the document together; the gentle changes leave them alone, and everything below them.
var frameKeys = set(
	"Root", "Pages", "Kids", "Count", "Parent", "Type", "Subtype", "MediaBox", "CropBox", "Rotate", "Filter", "DecodeParms",
	"PieceInfo", "LastModified", "EmbeddedFiles", "EF", "UF", "F", "DescendantFonts", "FontDescriptor", "FontFile2", "Font", "Info",
)

// passive are keys that no rule of ours is about.
var passive = []name{
	"Resources", "Contents", "ColorSpace", "Function", "Functions", "Pattern", "Shading", "XObject", "ExtGState", "Properties", "ProcSet", "Group",
	"SMask", "Mask", "Decode", "Matte", "Intent", "Interpolate", "ImageMask", "BitsPerComponent", "Width", "Height", "BBox", "Matrix",
	"Domain", "Range", "Encode", "Bounds", "C0", "C1", "N", "FunctionType", "ShadingType", "PatternType", "PaintType", "TilingType", "XStep", "YStep",
	"Coords", "Extend", "Background", "AntiAlias", "Size", "BitsPerSample", "Order", "Alternate", "Metadata", "WhitePoint", "BlackPoint", "Gamma",
	"CIDSystemInfo", "CIDToGIDMap", "W", "W2", "DW", "DW2", "Widths", "FirstChar", "LastChar", "Encoding", "Differences", "BaseEncoding", "ToUnicode",
	"BaseFont", "FontName", "FontFamily", "FontBBox", "Flags", "Ascent", "Descent", "CapHeight", "StemV", "ItalicAngle", "CharSet", "CIDSet", "Style",
	"Names", "Nums", "Limits", "Dests", "PageLabels", "S", "P", "K", "Pg", "MCID", "ParentTree", "ParentTreeNextKey", "IDTree", "RoleMap", "ClassMap",
	"StructTreeRoot", "StructParents", "StructParent", "MarkInfo", "Lang", "ViewerPreferences", "PageLayout", "PageMode", "OutputIntents",
	"OutputConditionIdentifier", "DestOutputProfile", "Legal", "Extensions", "Version", "BaseVersion", "ExtensionLevel", "Title", "Producer",
	"CreationDate", "ModDate", "Trapped", "ID", "Tabs", "Thumb", "BoxColorInfo", "SeparationInfo", "VP", "Dur", "PZ", "B", "Next", "Prev", "First", "Last",
	"BM", "CA", "ca", "AIS", "TK", "LW", "LC", "LJ", "ML", "D", "RI", "OP", "op", "OPM", "BG", "UCR", "TR", "HT", "FL", "SM", "SA", "HalftoneType", "G", "BC",
	"Length1", "Length2", "Length3", "Params", "CheckSum", "Desc", "Predictor", "Columns", "Colors", "BlackIs1", "EndOfLine", "EarlyChange", "ColorTransform",
	"Limits", "Kind", "A", "C", "T", "E", "ActualText", "Alt", "O", "Nm",
}

// forbidden are keys that a rule of ours is about, or a reader's.
var forbidden = []name{
	"JS", "JavaScript", "OpenAction", "AA", "AcroForm", "XFA", "Annots", "Encrypt", "OCProperties", "OC", "Outlines", "Collection", "Perms", "Threads",
	"Trans", "Alternates", "OPI", "URI", "RF", "FS", "Ref", "PS", "FFilter", "FDecodeParms", "UserUnit", "TrimBox", "BleedBox", "ArtBox", "AF", "XRefStm", "Linearized",
}

// names are values that are names somewhere.
var names = []name{
	"Catalog", "Pages", "Page", "Font", "Type0", "Type1", "Type3", "TrueType", "MMType1", "CIDFontType0", "CIDFontType2", "FontDescriptor", "XObject", "Image", "Form", "Pattern",
	"DeviceGray", "DeviceRGB", "DeviceCMYK", "CalGray", "CalRGB", "Lab", "ICCBased", "Indexed", "Separation", "DeviceN", "Identity", "Identity-H", "WinAnsiEncoding",
	"Normal", "Multiply", "Compatible", "Luminosity", "Alpha", "Transparency", "None", "All", "Filespec", "EmbeddedFile", "Metadata", "XML", "OutputIntent", "StructTreeRoot",
	"StructElem", "MCR", "OBJR", "Action", "GoTo", "URI", "Launch", "Annot", "Link", "ObjStm", "XRef", "OCG", "Sig", "A", "", "FlateDecode", "XYZ", "Fit",
}

var filterNames = []name{
	"FlateDecode", "LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode", "DCTDecode", "CCITTFaxDecode", "JBIG2Decode", "JPXDecode", "Crypt", "Fl", "Identity",
}

// tokens are numbers and words at the edges.
var tokens = []token{
	"0", "1", "-1", "2", "3", "7", "15", "255", "256", "65535", "65536", "-32769", "2147483647", "2147483648", "-2147483648", "4294967295", "4294967296", "99999999999999999999",
	"0.5", "-0.0", "1.", ".1", "+5", "595.276", "340282346638528859811704183484516925440.0", "0.00000000000000000000000001", "1e5", "true", "false", "NaN", "--1", "R", "endobj", "stream",
}

var texts = []text{
	text(""), text("x"), text("D:20261121110305+09'00'"), text("D:99999999999999Z"), text("D:2026"), text("issuance.json"), text("\xfe\xff\x00i"),
	text("\xfe\xff\xd8\x00\xd8"), text("\xef\xbb\xbf"), text("%%EOF"), text("\x00\x00\x00\x00"), text("Adobe"), text("\\\\\\("),
}

func set(keys ...name) map[name]bool {
	m := map[name]bool{}
	for _, k := range keys {
		m[k] = true
	}
	return m
}
