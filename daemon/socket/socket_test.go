package socket

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListen(t *testing.T) {
	ctx, quit := context.WithCancel(t.Context())
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	if err := os.WriteFile(path, nil, 0o644); err != nil { // left there
		t.Fatal(err)
	}
	l, err := Listen(ctx, dir, "s")
	if err != nil {
		t.Fatal(err)
	}
	if i, err := os.Lstat(path); err != nil || i.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v %v", i.Mode(), err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	quit()
	for err == nil { // until it is closed
		_, err = l.Accept()
	}
}

func TestListenRefuses(t *testing.T) {
	for name, dir := range map[string]string{
		"shorter state directory": filepath.Join(t.TempDir(), strings.Repeat("x", maxPath)),
		"no such file":            filepath.Join(t.TempDir(), "none"),
	} {
		if _, err := Listen(t.Context(), dir, "s"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
