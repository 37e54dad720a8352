package technician

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/logbook"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// TestWhatIsAskedForIsShown: a command that was told which of its rows are wanted shows these, and no others.
func TestWhatIsAskedForIsShown(t *testing.T) {
	r := newRuled(t)
	incident := journal.Entry{Kind: journal.Incident, Reason: "tag-missing", Municipality: "991015"}
	r.keeps(t, incident, incident, journal.Entry{Kind: journal.Closed, Of: 1, Staff: "closer", Proof: protocol.Digest{1}, Signed: protocol.At(r.begun)})
	r.keeps(t, slices.Repeat([]journal.Entry{{Kind: journal.Started}}, 22)...) // 25 entries, the last of a second ago
	var log []byte
	for _, age := range []time.Duration{3 * time.Hour, 2 * time.Hour, time.Minute} {
		line, err := logbook.Entry{At: r.now().Add(-age), Level: logbook.Warning, Package: "daemon", Says: "ready"}.Line()
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, line...)
	}
	if err := os.WriteFile(filepath.Join(r.o.Site.State, logbook.File), log, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]struct{ code, key, shown string }{
		"journal tail":                       {"journal.entry", "number", "[6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25]"},
		"journal tail --lines 3":             {"journal.entry", "number", "[23 24 25]"},
		"journal tail --incidents":           {"journal.entry", "number", "[1 2]"},
		"journal tail --incidents --lines 1": {"journal.entry", "number", "[2]"},
		"incidents":                          {"incidents.incident", "number", "[2]"},
		"incidents --all":                    {"incidents.incident", "state", "[closed open]"},
		"incidents 1":                        {"incidents.incident", "number", "[1]"},
		"counters":                           {"counters.counter", "value", "[25 1 2 22 2]"},
		"counters entries":                   {"counters.counter", "value", "[25 1 2 22]"},
		"counters incidents":                 {"counters.counter", "of", "[tag-missing]"},
		"log":                                {"log.line", "level", "[warning warning warning]"},
		"log --since 150m":                   {"log.line", "level", "[warning warning]"},
		"log --lines 1":                      {"log.line", "level", "[warning]"},
		"log --level error":                  {"log.line", "level", "[]"},
	} {
		shown := []any{}
		for _, row := range rows(t, r.Machine, line, want.code) {
			shown = append(shown, row[want.key])
		}
		if fmt.Sprint(shown) != want.shown {
			t.Errorf("%s: %v, want %s", line, shown, want.shown)
		}
	}
	for line, want := range map[string]int{"journal export": 25, "journal export --since 10s": 10} {
		c, err := console.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := r.exported(t.Context(), c); err != nil || bytes.Count(b, []byte("\n")) != want {
			t.Errorf("%s: %v: %s", line, err, b)
		}
	}
}
