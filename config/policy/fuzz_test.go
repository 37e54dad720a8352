package policy

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/keys"
)

// FuzzDecode: what the table lets through can be decoded; every error has a place; nothing panics.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"full_test.go", "policy_test.go"} { // their examples, and whatever stands around them
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range bytes.Split(b, []byte("`")) {
			if bytes.HasPrefix(part, []byte("version = ")) {
				f.Add(part)
			}
		}
	}
	f.Add([]byte("version = 1\nclock_skew = \"0\"\npackage_lifetime = \"1s\"\nmunicipality = []\n[card]\nanchors = [\"-----BEGIN\"]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text, func(string) ([]byte, error) { return nil, fs.ErrNotExist })
		var where *keys.Error
		if (p == nil) != (err != nil) || err != nil && !errors.As(err, &where) {
			t.Fatalf("%v", err)
		}
		if _, err := Table().Read(text); err != nil {
			return
		}
		if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(new(wire)); err != nil {
			t.Fatalf("the table lets through what cannot be read: %v", err)
		}
	})
}
