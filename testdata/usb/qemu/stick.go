package qemu

import (
	"context"
	"errors"
)

// Insert plugs a USB stick in, whose content is an image here; it gives at most so many bytes a second, without a bound if that
// is 0.
func (m *Machine) Insert(ctx context.Context, id, image string, pace int) error {
	file := map[string]any{"driver": "raw", "node-name": id + "-image", "file": map[string]any{"driver": "file", "filename": image}}
	if _, err := m.control.do(ctx, "blockdev-add", file); err != nil {
		return err
	}
	_, err := m.control.do(ctx, "object-add", map[string]any{"qom-type": "throttle-group", "id": id + "-pace", "limits": limits(pace)})
	if err == nil {
		_, err = m.control.do(ctx, "blockdev-add", map[string]any{"driver": "throttle", "node-name": id + "-slow", "throttle-group": id + "-pace", "file": id + "-image"})
	}
	if err == nil {
		err = m.Plug(ctx, map[string]any{"driver": "usb-storage", "id": id, "drive": id + "-slow", "bus": "xhci.0", "removable": true})
	}
	return err
}

// Pull takes a stick away, and lets go of its image.
func (m *Machine) Pull(ctx context.Context, id string) error {
	err := m.Unplug(ctx, id)
	for _, node := range []string{id + "-slow", id + "-image"} {
		_, failed := m.control.do(ctx, "blockdev-del", map[string]any{"node-name": node})
		err = errors.Join(err, failed)
	}
	_, failed := m.control.do(ctx, "object-del", map[string]any{"id": id + "-pace"})
	return errors.Join(err, failed)
}

// Slow has a stick give at most so many bytes a second from now on.
func (m *Machine) Slow(ctx context.Context, id string, pace int) error {
	_, err := m.control.do(ctx, "qom-set", map[string]any{"path": "/objects/" + id + "-pace", "property": "limits", "value": limits(pace)})
	return err
}

func limits(pace int) map[string]any { return map[string]any{"bps-total": pace} }
