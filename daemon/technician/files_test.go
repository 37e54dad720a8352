package technician

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"honnin/drivers/serial/zmodem"
	"honnin/ui/console"
)

// timed is a line that is cut at once, and keeps when what uses it has to end.
type timed struct{ end time.Time }

func (w *timed) ReadContext(ctx context.Context, _ []byte) (int, error) {
	w.end, _ = ctx.Deadline()
	return 0, io.EOF
}

func (*timed) WriteContext(_ context.Context, p []byte) (int, error) { return len(p), nil }

// TestFilesAreBounded: what a technician was promised of the size of a file, and of how long nobody can use the line for anything else.
func TestFilesAreBounded(t *testing.T) {
	if want := (zmodem.Limits{Bytes: 4 << 20, Start: 5 * time.Minute, Stall: time.Minute}); pack() != want {
		t.Errorf("%+v", pack())
	}
	m := New(Options{Apart: func() error { return errors.New("not root") }})
	for size, why := range map[int]string{32 << 20: "wants-root", 32<<20 + 1: "too-large"} {
		var f *console.Failure
		if err := m.send(t.Context(), nil, "support.sent", "x", make([]byte, size)); !errors.As(err, &f) || f.Why != why {
			t.Error(size, err)
		}
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "sz"), []byte("#!/bin/sh\nread word\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	line, before := &timed{}, time.Now()
	if err := give(zmodem.File{Name: "x", Content: []byte("x")})(t.Context(), line); !errors.Is(err, zmodem.ErrCut) {
		t.Fatal(err)
	}
	if line.end.Before(before.Add(2*time.Hour)) || line.end.After(time.Now().Add(2*time.Hour)) {
		t.Error("a file may take", line.end.Sub(before))
	}
}
