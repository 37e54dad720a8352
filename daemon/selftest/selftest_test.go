package selftest

import (
	"os"
	"testing"
	"time"

	"honnin/daemon/terminal"
	"honnin/spool/document/inspect"
)

// TestMain lets this test binary be its own inspection child, as honnind is.
func TestMain(m *testing.M) {
	if inspect.IsChild() {
		inspect.ChildMain()
		return
	}
	os.Exit(m.Run())
}

// sound are the parts of a terminal that is in order, with a policy of its own.
func sound(t testing.TB) terminal.Parts {
	t.Helper()
	w, err := newWorld(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pool := inspect.NewPool(inspect.Options{})
	t.Cleanup(func() { _ = pool.Close() })
	return terminal.Parts{Terminal: "TEST-1", Policy: w.policy, Inspector: pool, Now: time.Now}
}

func TestASoundTerminalPasses(t *testing.T) {
	dir := t.TempDir()
	lines := Test(t.Context(), sound(t), dir)
	if len(lines) < 75 {
		t.Errorf("only %d cases", len(lines))
	}
	for _, l := range lines {
		if !l.Right() {
			t.Errorf("%s (%s): got %q, expected %q", l.ID, l.En, l.Got, l.Expected)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left on the disk: %v, %v", left, err)
	}
}
