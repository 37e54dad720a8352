package inspect

// The values of a PDF, as this package parses them: nil (null), bool, int64, float64, text, name, ref, array,
// *dict, *stream. A value holds what stands in the file; [file.resolve] follows a reference.
type (
	name  string
	text  []byte // a string, decoded; may share memory with the file
	array []any
	ref   struct{ num, gen int }
)

// dict keeps its entries in the order of the file. Keys are unique: the parser refuses a second one.
type dict struct {
	entries []entry
	index   map[name]int // only for dictionaries of more than smallDict entries
}

type entry struct {
	key name
	val any
}

// stream is a dictionary with the raw bytes that follow it.
type stream struct {
	*dict
	raw []byte
}

const smallDict = 12

// get returns the value of key, nil when it is absent or null.
func (d *dict) get(key name) any {
	if i := d.find(key); i >= 0 {
		return d.entries[i].val
	}
	return nil
}

// has reports whether the key stands in the dictionary, even with the value null.
func (d *dict) has(key name) bool { return d.find(key) >= 0 }

func (d *dict) find(key name) int {
	if d.index != nil {
		if i, ok := d.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if d.entries[i].key == key {
			return i
		}
	}
	return -1
}

// add appends an entry and reports false when the key is there already.
func (d *dict) add(key name, val any) bool {
	if d.has(key) {
		return false
	}
	d.entries = append(d.entries, entry{key, val})
	if d.index != nil {
		d.index[key] = len(d.entries) - 1
	} else if len(d.entries) > smallDict {
		d.index = make(map[name]int, 2*smallDict)
		for i, e := range d.entries {
			d.index[e.key] = i
		}
	}
	return true
}

// exactly reports whether the dictionary has these keys and no others.
func (d *dict) exactly(keys ...name) bool {
	if len(d.entries) != len(keys) {
		return false
	}
	for _, k := range keys {
		if !d.has(k) {
			return false
		}
	}
	return true
}

// asDict returns v's dictionary when v is a dictionary or a stream.
func asDict(v any) (*dict, bool) {
	switch v := v.(type) {
	case *dict:
		return v, true
	case *stream:
		return v.dict, true
	}
	return nil, false
}

// number returns an integer or a real.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
