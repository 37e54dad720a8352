package practice

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"honnin/config/protocol"
	"honnin/daemon/durable"
	"honnin/daemon/practice/server"
)

// suspensionsFile keeps what is suspended, a line for each incident that holds something, beside the keys: a world without a book of
// incidents ([Options.Book]) forgets everything else that it knows of them when it starts anew, but not that.
const suspensionsFile = "suspensions.jsonl"

func (w *World) suspensions() (all []server.Suspension, err error) {
	if w.options.State == "" {
		return nil, nil
	}
	b, err := os.ReadFile(filepath.Join(w.options.State, suspensionsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, w.olderSuspensions()
	}
	for line := range bytes.Lines(b) {
		var one server.Suspension
		err = errors.Join(err, protocol.ParseBody(bytes.TrimSuffix(line, []byte("\n")), &one))
		all = append(all, one)
	}
	if err != nil {
		return nil, fmt.Errorf("practice: %s: %w", suspensionsFile, err)
	}
	return all, nil
}

// olderSuspensions refuses what an older program left: it would be opened again by nobody's word.
func (w *World) olderSuspensions() error {
	old := filepath.Join(w.options.State, "suspensions.json")
	if _, err := os.Lstat(old); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("practice: %s is of an older program; remove it, and nothing is suspended any more", old)
	}
	return nil
}

func (w *World) keepSuspensions(all []server.Suspension) error {
	dir := w.options.State
	if dir == "" {
		return nil
	}
	var b []byte
	for _, one := range all {
		line, err := protocol.EncodeBody(one)
		if err != nil {
			return err
		}
		b = append(append(b, line...), '\n')
	}
	return durable.Replace(durable.Real{}, filepath.Join(dir, suspensionsFile), b)
}

// SuspendAtOnce has the centre suspend a municipality or a software, for all terminals, at the first incident of paper in another's
// hands, until a person closes that.
func (w *World) SuspendAtOnce(what server.Stop) { w.centre.SuspendAtOnce(what) }

// Suspend has the centre suspend a municipality or a software for all terminals, because of an incident at one of them.
func (w *World) Suspend(at protocol.Terminal, what protocol.Suspension) error {
	return w.centre.Suspend(server.Suspension{Source: protocol.SourcePrefix + string(at), What: what})
}

// Suspended is what the centre has suspended, and because of whose incident.
func (w *World) Suspended() []server.Suspension { return w.centre.Suspended() }
