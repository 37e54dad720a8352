package provision

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/protocol"
)

// Result is what a terminal says to the office of what was brought to it. It is not signed: it tells who is behind, and
// opens nothing.
type Result struct {
	Terminal protocol.Terminal `json:"terminal"`
	At       time.Time         `json:"at"`
	InForce  *Version          `json:"in_force,omitempty"` // before
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

// WriteResult writes honnin-TERMINAL.json into a directory, over one that is there, and follows no link.
func WriteResult(dir string, r Result) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	d, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("the result file: %w", err)
	}
	defer d.Close()
	name := fmt.Sprintf("honnin-%s.json", r.Terminal)
	if err := d.Remove(name + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the result file: %w", err)
	}
	f, err := d.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("the result file: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	return errors.Join(err, d.Rename(name+".new", name), realDisk{}.sync(filepath.Clean(dir)))
}
