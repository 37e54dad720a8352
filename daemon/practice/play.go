package practice

import (
	"errors"

	"honnin/daemon/practice/scenario"
)

// ErrScenario is returned for a scenario that does not exist.
var ErrScenario = errors.New("practice: no such scenario")

// Play deploys the faulty program of a scenario in its municipality, in place of the sound one; "" takes it back.
func (w *World) Play(id scenario.ID) error {
	if _, ok := scenario.Find(string(id)); !ok && id != "" {
		return ErrScenario
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.playing = id
	return nil
}

// Playing returns the scenario that plays, or "".
func (w *World) Playing() scenario.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.playing
}
