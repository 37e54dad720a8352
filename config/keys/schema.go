package keys

import "encoding/json"

// Schema returns the JSON Schema (draft 2020-12) of the file, for editors that know TOML. What it refuses, [File.Read] refuses
// too; bounds of durations, and what needs two keys or a calendar, are told in its descriptions only.
func (f File) Schema() ([]byte, error) {
	s := f.object("")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"], s["description"] = f.Name, f.En
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

type schema = map[string]any

func (f File) object(table string) schema {
	properties, need := schema{}, []string{}
	for _, k := range f.In(table) {
		properties[k.last()] = f.property(k)
		if k.Need {
			need = append(need, k.last())
		}
	}
	return schema{"type": "object", "properties": properties, "required": need, "additionalProperties": false}
}

func (f File) property(k Key) schema {
	s := f.value(k)
	if k.List || k.Form == Tables {
		s = schema{"type": "array", "items": s}
		if k.Max > 0 {
			s["minItems"], s["maxItems"] = k.Min, k.Max
		}
	}
	s["description"] = k.En + " (" + k.Allowed() + ")"
	return s
}

func (f File) value(k Key) schema {
	if k.Form == Table || k.Form == Tables {
		return f.object(k.Path)
	}
	s := schema{"type": k.Form.Type}
	switch {
	case len(k.Words) > 0:
		s["enum"] = k.Words
	case k.Form.Pattern != "":
		s["pattern"] = k.Form.Pattern
	}
	if k.Form == Number && k.Max > 0 {
		s["minimum"], s["maximum"] = k.Min, k.Max
	}
	return s
}
