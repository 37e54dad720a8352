package technician

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestTurned: what a doctor found is held against the last time that one was asked in a visit before, however often it is asked in
// this one; and nothing is said where nothing is known.
func TestTurned(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	state := t.TempDir()
	check := func(name, state, why string) finding { return finding{check: name, state: state, why: why} }
	well, jammed := check("printer", "ok", ""), check("printer", "failed", "media-jam")
	low := []finding{check("supplies", "ok", ""), {check: "supplies", of: "toner-black", state: "soon", why: "marker-supply-low"}}
	for _, c := range []struct {
		visit  string
		found  []finding
		turned []turn
		looked time.Duration // after the beginning; of the visit before
	}{
		{"7", []finding{well}, nil, -1},
		{"7", slices.Concat([]finding{well, check("clock", "unknown", "not-synchronised")}, low), nil, -1},
		{"20", []finding{jammed, check("clock", "ok", "")}, []turn{{"printer", "ok", "media-jam"}, {"clock", "not-synchronised", "ok"}}, time.Hour},
		{"20", slices.Concat([]finding{well}, low), nil, time.Hour},
		{"20", []finding{jammed, check("reader", "failed", "none")}, []turn{{"printer", "ok", "media-jam"}}, time.Hour},
		{"31", []finding{check("printer", "failed", "cover-open"), check("usb", "failed", "one"), check("usb", "failed", "two")}, []turn{{"printer", "media-jam", "cover-open"}}, 4 * time.Hour},
		{"40", []finding{check("usb", "failed", "two"), check("usb", "failed", "one"), check("printer", "soon", "cover-open")}, []turn{{"printer", "failed", "soon"}}, 5 * time.Hour},
		{"41", slices.Concat(low[1:], low[:1], []finding{check("usb", "failed", "one")}), []turn{{"usb", "two", ""}}, 6 * time.Hour},
		{"42", []finding{low[1], {check: "supplies", of: "drum", state: "failed", why: "worn"}, low[0], check("usb", "failed", "two"), check("usb", "failed", "three")},
			[]turn{{"usb", "one", "three"}, {"usb", "", "two"}}, 7 * time.Hour},
	} {
		m := bare(state, time.Now) // each time another process
		m.looked = now
		now = now.Add(time.Hour)
		got, looked := as(m, c.visit).turned(c.found)
		if !slices.Equal(got, c.turned) || !looked.Equal(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Add(c.looked)) && c.looked >= 0 || looked.IsZero() != (c.looked < 0) {
			t.Errorf("visit %s: %v, found before at %v", c.visit, got, looked)
		}
	}
	for name, spoil := range map[string]func(path string) error{
		"damaged": func(path string) error {
			return os.WriteFile(path, []byte(`{"now":{"visit":"1","found":{"printer":[{"state":"ok"}]}},"before":`), 0o600)
		},
		"gone":     func(string) error { return nil },
		"too long": func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"nobody's": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		path := filepath.Join(state, foundFile)
		if err := errors.Join(os.Remove(path), spoil(path)); err != nil {
			t.Fatal(err)
		}
		m := bare(state, time.Now)
		if got, looked := as(m, "50").turned([]finding{jammed}); got != nil || !looked.IsZero() {
			t.Errorf("%s: %v", name, got)
		}
		if got, _ := as(m, "51").turned([]finding{well}); !slices.Equal(got, []turn{{"printer", "media-jam", "ok"}}) {
			t.Errorf("%s, later: %v", name, got)
		}
	}
	gone := bare(filepath.Join(state, "none"), time.Now)
	if got, _ := gone.turned([]finding{well}); got != nil {
		t.Error(got)
	}
}

// as has somebody else sit there.
func as(m *Machine, visit string) *Machine {
	m.sitting = visit
	return m
}
