package file

import (
	"fmt"
	"testing"
)

// TestDescribe: the reason is the sensors', and goes with the jam.
func TestDescribe(t *testing.T) {
	p, err := New(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		do             func()
		state, reasons string
		accepting      bool
	}{{func() {}, "idle", "[]", true}, {p.Jam, "stopped", "[{media-jam error}]", false}, {p.Clear, "idle", "[]", true}, {p.PaperOut, "stopped", "[{media-needed error}]", false}} {
		c.do()
		d, err := p.Describe(t.Context())
		if err != nil || d.State != c.state || fmt.Sprint(d.Reasons) != c.reasons || *d.Accepting != c.accepting {
			t.Errorf("%+v %v, want %+v", d, err, c)
		}
	}
}
