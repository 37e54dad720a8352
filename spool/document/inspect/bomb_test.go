//go:build !race

package inspect

import (
	"strings"
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/spool/document/inspect/pdftest"
)

// TestBombs: what a child's limits are for ends as a refusal.
func TestBombs(t *testing.T) {
	p := pool(t, Options{Wall: time.Minute})
	bomb := good(1)
	bomb.AddStream("x", "/Filter [/FlateDecode /FlateDecode]", pdftest.Deflate(pdftest.Deflate(make([]byte, 1<<28))))
	deep := good(1)
	deep.Add("x", strings.Repeat("[", 8<<20))
	for name, b := range map[string][]byte{"bomb": bomb.Bytes(), "deep": deep.Bytes()} {
		f, err := p.Inspect(t.Context(), b)
		if err == nil {
			err = f.Err()
		}
		if reason.Of(err) != reason.PDFMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
