package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
	"honnin/daemon/durable"
)

// Result is what a terminal says to the office of what was brought to it, signed with its own key: it tells who is
// behind, and opens nothing.
type Result struct {
	Terminal protocol.Terminal `json:"terminal"`
	At       time.Time         `json:"at"`
	InForce  *Version          `json:"in_force,omitempty"` // before
	Waiting  *Version          `json:"waiting,omitempty"`  // was here before, and comes into force later
	Received *Version          `json:"received,omitempty"`
	Code     signed.Code       `json:"code,omitempty"`  // why nothing was received
	Fault    string            `json:"fault,omitempty"` // in words
}

// Version names a policy.
type Version struct {
	Version uint64 `json:"version"`
	SHA256  string `json:"sha256"`
}

func versionOf(p *signed.Policy) *Version {
	if p == nil {
		return nil
	}
	return &Version{p.Head.Version, p.Digest.String()}
}

// NewResult says what came of it.
func NewResult(a Answer, err error, at time.Time) Result {
	r := Result{Terminal: a.Terminal, At: at.UTC().Truncate(time.Second), InForce: versionOf(a.Before)}
	if a.Kept != a.Before {
		r.Waiting = versionOf(a.Kept)
	}
	if err == nil {
		r.Received = versionOf(a.Last())
		return r
	}
	r.Fault = err.Error()
	var refused *signed.Refusal
	if errors.As(err, &refused) {
		r.Code = refused.Code
	}
	return r
}

// Has is the highest policy that the terminal has; nil: none.
func (r Result) Has() *Version {
	switch {
	case r.Received != nil:
		return r.Received
	case r.Waiting != nil:
		return r.Waiting
	}
	return r.InForce
}

// MaxResult bounds the content of a result file, in bytes.
const MaxResult = 8 << 10

// ParseResult reads the content of a result file. Nothing may be in it that is not of a result.
func ParseResult(content []byte) (r Result, err error) {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if len(content) > MaxResult || d.Decode(&r) != nil || d.InputOffset() != int64(len(content)) {
		return Result{}, errors.New("not the content of a result file")
	}
	if _, err := protocol.ParseTerminal(string(r.Terminal)); err != nil || r.At.IsZero() || !r.InForce.whole() || !r.Waiting.whole() || !r.Received.whole() || (r.Received == nil) == (r.Fault == "") {
		return Result{}, errors.New("a result that no terminal writes")
	}
	return r, nil
}

// whole: a version that is there has both its parts.
func (v *Version) whole() bool {
	if v == nil {
		return true
	}
	_, err := protocol.ParseDigest(v.SHA256)
	return v.Version > 0 && err == nil
}

// ResultName is the name of a terminal's result file.
func ResultName(t protocol.Terminal) string { return fmt.Sprintf("honnin-%s.p7m", t) }

// Seal makes a result file's content: sign makes a message of it, which "openssl cms -verify -binary -inform DER -CAfile
// ANCHOR" shows.
func (r Result) Seal(sign func(content []byte) ([]byte, error)) ([]byte, error) {
	r.Fault = clip(r.Fault)
	b, err := json.Marshal(r)
	if err == nil {
		b, err = sign(b)
	}
	if err != nil {
		return nil, fmt.Errorf("the result file: %w", err)
	}
	return b, nil
}

// WriteResult writes a terminal's result file as [WriteOut] does.
func WriteResult(dir string, t protocol.Terminal, sealed []byte) error {
	if err := WriteOut(dir, ResultName(t), sealed); err != nil {
		return fmt.Errorf("the result file: %w", err)
	}
	return nil
}

// WriteOut writes a file into a directory that somebody else made, such as a stick's, over one that is there; it follows
// no link in it.
func WriteOut(dir, name string, b []byte) error {
	d, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := writeOver(d, name, b); err != nil {
		return err
	}
	return durable.Real{}.Sync(filepath.Clean(dir))
}

// clip cuts words to what a result file holds.
func clip(s string) string {
	const most = MaxResult / 8 // JSON writes six bytes for one that it escapes
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func writeOver(d *os.Root, name string, b []byte) error {
	if err := d.Remove(name + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := d.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return d.Rename(name+".new", name)
}
