package protocol

import (
	"encoding"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ParseBody reads the body of one of the centre's calls into the wire type that v points to: everything that
// [ParseStrict] asks, and besides that no member is null or missing, except those whose tag says "omitzero".
func ParseBody(b []byte, v any) error { return parse(b, MaxJSON, v) }

func parse(b []byte, most int, v any) error {
	if err := parseStrict(b, most, v); err != nil {
		return err
	}
	return complete(b, reflect.TypeOf(v).Elem(), "body")
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// complete walks value beside the type it was read into. The path it names is made of our own member names only.
func complete(value jsontext.Value, t reflect.Type, path string) error {
	if value.Kind() == 'n' {
		return malformed(path + " is null")
	}
	if p := reflect.PointerTo(t); p.Implements(textUnmarshaler) || p.Implements(jsonUnmarshaler) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return completeStruct(value, t, path)
	case reflect.Slice:
		var elements []jsontext.Value
		return each(json.Unmarshal(value, &elements), func(yield func(jsontext.Value) bool) {
			for _, e := range elements {
				if !yield(e) {
					return
				}
			}
		}, t.Elem(), path+"[]")
	case reflect.Map:
		var members map[string]jsontext.Value
		return each(json.Unmarshal(value, &members), func(yield func(jsontext.Value) bool) {
			for _, e := range members {
				if !yield(e) {
					return
				}
			}
		}, t.Elem(), path+"{}")
	}
	return nil
}

func each(err error, values func(func(jsontext.Value) bool), t reflect.Type, path string) error {
	if err != nil {
		return malformed(path)
	}
	for v := range values {
		if err := complete(v, t, path); err != nil {
			return err
		}
	}
	return nil
}

func completeStruct(value jsontext.Value, t reflect.Type, path string) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(value, &members); err != nil {
		return malformed(path)
	}
	for f := range t.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		member, ok := members[name]
		switch {
		case !ok && rest == "omitzero":
		case !ok:
			return malformed(path + "." + name + " is missing")
		default:
			if err := complete(member, f.Type, path+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}
