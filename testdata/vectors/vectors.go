// Package vectors is the project's collection of packages with the verdict that each must get: accepted ones, and
// for every reason that the offline check can give at least one that is refused for it.
//
// vectors.json is the manifest, for any language; the packages (.p7m), cards and policies lie beside it, and everything
// has a fixed instant, so no vector ever expires. A verdict is exact: the reason, and all that is listed with it. They are made by "go run ./testdata/vectors/gen" from the forger
// of config/trust/forge and the writer of spool/document/inspect/pdftest; two are somebody else's work (openssl and
// qpdf). All keys and people are made up, and the keys that matter lie in gen/keys for everyone to read.
//
// Every entry point of the check runs every vector, and no vector at all is a failure.
package vectors

import (
	"bytes"
	"crypto/x509"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
)

//go:embed vectors.json *.p7m *.pem *.toml *.crl
var files embed.FS

// Vector is one entry of the manifest. File names are relative to this folder.
type Vector struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	File        string          `json:"file"`
	PolicyFile  string          `json:"policy"`
	CardFile    string          `json:"card"`
	Transaction string          `json:"transaction"` // hex
	Terminal    string          `json:"terminal"`
	Nonce       string          `json:"nonce"`                       // hex
	Application json.RawMessage `json:"application,omitempty"`       // absent: that echo stays unchecked
	Began       string          `json:"transaction_began,omitempty"` // absent: issued_at
	At          string          `json:"at"`
	Repeat      *Repeat         `json:"repeat,omitempty"` // absent: the file is the whole package
	Verdict     string          `json:"verdict"`          // accepted or refused
	Reason      reason.Code     `json:"reason,omitempty"`
	Also        []reason.Code   `json:"also,omitempty"` // the further reasons that the verdict must list, all of them in order
}

// Repeat makes a package of a file that is too large to be kept: a run of one byte is inserted.
type Repeat struct {
	At    int   `json:"at"` // offset in the file
	Byte  uint8 `json:"byte"`
	Count int   `json:"count"`
}

// Manifest is vectors.json.
type Manifest struct {
	Format  string   `json:"format"`
	Vectors []Vector `json:"vectors"`
}

// Format names the form of the manifest.
const Format = "honnin-vectors/1"

// All returns every vector of the manifest; none is an error.
func All() ([]Vector, error) {
	b, err := files.ReadFile("vectors.json")
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	if m.Format != Format || len(m.Vectors) == 0 {
		return nil, errors.New("vectors: no manifest, or an empty one")
	}
	return m.Vectors, nil
}

// Package returns the package's bytes.
func (v Vector) Package() ([]byte, error) {
	b, err := files.ReadFile(v.File)
	r := v.Repeat
	switch {
	case err != nil || r == nil:
		return b, err
	case r.At < 0 || r.At > len(b) || r.Count < 0 || r.Count > 32<<20:
		return nil, fmt.Errorf("vectors: %s: repeat", v.Name)
	}
	return slices.Concat(b[:r.At], bytes.Repeat([]byte{r.Byte}, r.Count), b[r.At:]), nil
}

// Policy parses the vector's policy.
func (v Vector) Policy() (*policy.Policy, error) {
	b, err := files.ReadFile(v.PolicyFile)
	if err != nil {
		return nil, err
	}
	return policy.Parse(b, files.ReadFile)
}

// Want is what the terminal knows of a vector's transaction, and the instant of the check.
type Want struct {
	Terminal    protocol.Terminal
	Transaction protocol.Transaction
	Nonce       protocol.Nonce
	Card        *x509.Certificate
	Application *protocol.Application // nil: unchecked
	Began       time.Time             // zero: issued_at
	At          time.Time
}

// Open reads everything of a vector: its policy, what the terminal knows, the package.
func (v Vector) Open() (p *policy.Policy, w Want, pkg []byte, err error) {
	if p, err = v.Policy(); err != nil {
		return nil, w, nil, err
	}
	if w, err = v.Want(); err != nil {
		return nil, w, nil, err
	}
	pkg, err = v.Package()
	return p, w, pkg, err
}

// Want parses what the vector says about its transaction.
func (v Vector) Want() (w Want, err error) {
	nonce, badNonce := hex.DecodeString(v.Nonce)
	if badNonce != nil || copy(w.Nonce[:], nonce) != len(w.Nonce) {
		return w, fmt.Errorf("vectors: %s: nonce", v.Name)
	}
	var e [5]error
	w.Terminal, e[0] = protocol.ParseTerminal(v.Terminal)
	w.Transaction, e[1] = protocol.ParseTransaction(v.Transaction)
	w.At, e[2] = time.Parse(time.RFC3339, v.At)
	if v.Began != "" {
		w.Began, e[3] = time.Parse(time.RFC3339, v.Began)
	}
	if v.Application != nil {
		var a protocol.Application
		a, e[4] = protocol.ParseApplication(v.Application)
		w.Application = &a
	}
	if err := errors.Join(e[:]...); err != nil {
		return w, fmt.Errorf("vectors: %s: %w", v.Name, err)
	}
	w.Card, err = v.card()
	return w, err
}

// Compare says how a verdict differs from the one that the vector must get, or "". got is nothing when the package was
// accepted, else the reason and then all the others that were listed with it.
func (v Vector) Compare(got ...reason.Code) string {
	switch {
	case v.Reason == "" && len(got) == 0:
		return ""
	case v.Reason == "":
		return fmt.Sprintf("%s: refused as %v, want accepted", v.Name, got)
	case len(got) == 0:
		return fmt.Sprintf("%s: accepted, want %s", v.Name, v.Reason)
	case got[0] != v.Reason:
		return fmt.Sprintf("%s: refused as %v, want %s first", v.Name, got, v.Reason)
	}
	if !slices.Equal(got[1:], v.Also) {
		return fmt.Sprintf("%s: refused as %v, want also %v", v.Name, got, v.Also)
	}
	return ""
}

func (v Vector) card() (*x509.Certificate, error) {
	b, err := files.ReadFile(v.CardFile)
	if err != nil {
		return nil, err
	}
	certs, err := trust.ParseCertificates(b)
	if err != nil {
		return nil, err
	}
	return certs[0], nil
}
