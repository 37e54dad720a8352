package practice

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"honnin/config/protocol"
	"honnin/daemon/durable"
	"honnin/daemon/practice/server"
)

// suspensionsFile keeps what is suspended, beside the keys: everything else that the centre knows of incidents may be forgotten
// when it starts anew, but not that.
const suspensionsFile = "suspensions.json"

type suspensions struct {
	Suspended []server.Suspension `json:"suspended"`
}

func (w *World) suspensions() ([]server.Suspension, error) {
	if w.options.State == "" {
		return nil, nil
	}
	b, err := os.ReadFile(filepath.Join(w.options.State, suspensionsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all suspensions
	if err == nil {
		err = protocol.ParseBody(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("practice: %s: %w", suspensionsFile, err)
	}
	return all.Suspended, nil
}

func (w *World) keepSuspensions(all []server.Suspension) error {
	dir := w.options.State
	if dir == "" {
		return nil
	}
	b, err := protocol.EncodeBody(suspensions{all})
	if err != nil {
		return err
	}
	to, disk := filepath.Join(dir, suspensionsFile), durable.Real{}
	return durable.InOrder(
		func() error { return disk.Remove(to + ".new") },
		func() error { return disk.Write(to+".new", b) },
		func() error { return disk.Rename(to+".new", to) },
		func() error { return disk.Sync(dir) })
}

// SuspendAtOnce has the centre suspend a municipality, for all terminals, at the first incident of its paper in another's hands, until
// a person closes that; or no longer (false).
func (w *World) SuspendAtOnce(is bool) { w.centre.SuspendAtOnce(is) }

// Suspend has the centre suspend a municipality or a software for all terminals, because of an incident at one of them.
func (w *World) Suspend(at protocol.Terminal, what protocol.Suspension) error {
	return w.centre.Suspend(server.Suspension{Source: protocol.SourcePrefix + string(at), What: what})
}

// Suspended is what the centre has suspended, and because of whose incident.
func (w *World) Suspended() []server.Suspension { return w.centre.Suspended() }
