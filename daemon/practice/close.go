package practice

import (
	"context"
	"time"

	"honnin/config/protocol"
)

// Hears is a terminal that hears of the closing of its incidents.
type Hears interface {
	Name() protocol.Terminal
	Open() ([]protocol.IncidentID, error) // what nobody has closed, for all that the terminal knows
	Ask()                                 // the centre, at once
}

// Cause is what the world's person writes who closes an incident.
const Cause = "practice: the municipality found the cause and mended it"

// Times of CloseAll.
const (
	closeLook = 5 * time.Millisecond
	closeAsk  = 20 // looks between two questions
)

// CloseAll has the world's person close, signed, every incident that a terminal has raised, and waits until the centre had them and
// the terminal has heard of the closing. What they stop is open then.
func (w *World) CloseAll(ctx context.Context, t Hears) error {
	signed := map[protocol.IncidentID]bool{}
	for n := 0; ; n++ {
		ids, err := t.Open()
		if err != nil || len(ids) == 0 {
			return err
		}
		fresh, err := w.closes(t.Name(), ids, signed)
		if err != nil {
			return err
		}
		if fresh || n%closeAsk == 0 {
			t.Ask()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(closeLook):
		}
	}
}

// closes signs for what the centre has.
func (w *World) closes(t protocol.Terminal, ids []protocol.IncidentID, signed map[protocol.IncidentID]bool) (fresh bool, err error) {
	for _, id := range ids {
		if _, there := w.Incident(t, id); !there || signed[id] {
			continue
		}
		if err := w.MoveIncident(t, id, protocol.IncidentClosed, Cause); err != nil {
			return fresh, err
		}
		signed[id], fresh = true, true
	}
	return fresh, nil
}
