package second

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
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
	Also                                                   []string `json:"also_contains"`
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

func TestVectors(t *testing.T) {
	for _, v := range manifest(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			codes := Check(v.input(t))
			switch {
			case v.Verdict == "accepted":
				if len(codes) > 0 {
					t.Errorf("refused: %v", codes)
				}
			case len(codes) == 0 || codes[0] != v.Reason:
				t.Errorf("%v, not %s", codes, v.Reason)
			}
			for _, a := range v.Also {
				if !slices.Contains(codes[min(1, len(codes)):], a) {
					t.Errorf("%v, without %s", codes, a)
				}
			}
		})
	}
}
