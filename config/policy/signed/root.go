package signed

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"honnin/config/protocol"
)

// Bounds of a root. A threshold of one would let whoever holds one key decide alone.
const (
	minThreshold = 2
	maxKeys      = 16
)

type wireRoot struct {
	Threshold int `toml:"threshold"`
	Key       []struct {
		Name   string `toml:"name"`
		SHA256 string `toml:"sha256"`
	} `toml:"key"`
}

// ParseRoot reads the keys that may sign the first policy of a machine:
//
//	threshold = 2
//	[[key]]
//	name = "office-a"
//	sha256 = "…"      # of the DER SubjectPublicKeyInfo, 64 hex digits
func ParseRoot(text []byte) (Keys, error) {
	var w wireRoot
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&w); err != nil {
		return Keys{}, explain(err)
	}
	k := Keys{w.Threshold, map[protocol.Digest]string{}}
	for i, key := range w.Key {
		if err := k.add(key.Name, key.SHA256); err != nil {
			return Keys{}, fmt.Errorf("policy root: key %d: %w", i+1, err)
		}
	}
	if n := len(k.names); n > maxKeys || k.threshold < minThreshold || k.threshold > n {
		return Keys{}, fmt.Errorf("policy root: threshold: must be from %d to the number of keys, and these are at most %d", minThreshold, maxKeys)
	}
	return k, nil
}

func explain(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		line, _ := unknown.Errors[0].Position()
		return fmt.Errorf("policy root: line %d: unknown key %s; allowed are threshold, key.name, key.sha256", line, strings.Join(unknown.Errors[0].Key(), "."))
	}
	return fmt.Errorf("policy root: %w", err)
}

func (k Keys) add(name, digest string) error {
	if n := len(name); n < 1 || n > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return errors.New("name: must be 1 to 64 of a-z, 0-9 and hyphen")
	}
	d, err := protocol.ParseDigest(digest)
	if err != nil {
		return errors.New("sha256: not 64 lower-case hex digits")
	}
	for other, as := range k.names {
		if other == d || as == name {
			return errors.New("its name or its key stands twice")
		}
	}
	k.names[d] = name
	return nil
}

// FormatRoot writes the root of the keys in these certificates, by name. [ParseRoot] takes what it writes, or says what
// is wrong.
func FormatRoot(threshold int, names []string, certificates []*x509.Certificate) ([]byte, error) {
	b := fmt.Appendf(nil, "threshold = %d\n", threshold)
	for i, c := range certificates {
		spki, err := x509.MarshalPKIXPublicKey(c.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("policy root: %s: %w", names[i], err)
		}
		b = fmt.Appendf(b, "[[key]]\nname = %q\nsha256 = \"%x\"\n", names[i], sha256.Sum256(spki))
	}
	_, err := ParseRoot(b)
	return b, err
}
