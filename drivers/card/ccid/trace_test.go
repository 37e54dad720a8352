package ccid_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/trace/tracetest"
	"honnin/drivers/card/ccid/ccidtest"
)

// TestTraced: what becomes of a reader is said, and nothing that it calls itself.
func TestTraced(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := newBench(t, ccidtest.Model{Manufacturer: "SN4711", Product: "SN4711", Level: ccidtest.ShortAPDU})
		var l tracetest.Listener
		b.reader.Trace(l.Trace())
		w := watch(t, b.reader)
		said := func(want ...string) {
			t.Helper()
			time.Sleep(15 * time.Second)
			synctest.Wait()
			got := l.Said()
			for _, line := range want {
				if !slices.Contains(got, line) {
					t.Errorf("no %q in %q", line, got)
				}
			}
			if strings.Contains(strings.Join(got, " "), "SN4711") {
				t.Errorf("%q", got)
			}
		}
		said("the reader is claimed")
		b.device.Insert(0, contactWith(t))
		said("the slot is not as it was slot=0 present=true")
		b.device.Break(silent)
		if c, err := b.reader.Connect(t.Context()); err == nil {
			t.Error("connected", c.Close())
		}
		said("no answer to a message operation=65 slot=0 why=!", "a command is aborted slot=0", "the reader is lost why=!")
		w.stop()
		<-w.done
	})
}
