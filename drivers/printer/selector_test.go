package printer

import (
	"errors"
	"testing"
)

func TestParseSelector(t *testing.T) {
	for in, want := range map[string]string{"": "", "03F0:0c17": "03f0:0c17", "1-2": "1-2", "12-1.4.2": "12-1.4.2"} {
		if s, err := ParseSelector(in); err != nil || s.String() != want {
			t.Errorf("%q: %q, %v", in, s, err)
		}
	}
	for _, in := range []string{"03f0", "03f0:", "03f0:0c17:1", "03f0:00c17", "1", "1-", "0-1", "1-2.", "1-2:1.0", " ", "x\n", "1-1.1.1.1.1.1.1.1"} {
		if s, err := ParseSelector(in); !errors.Is(err, ErrSelector) || s != (Selector{}) {
			t.Errorf("%q: %q, %v", in, s, err)
		}
	}
}
