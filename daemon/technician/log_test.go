package technician

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/config/site"
	"honnin/daemon/logbook"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// TestLogLevel: the daemon takes a level for a while, and refuses with a word what it cannot do; a question of another form changes nothing.
func TestLogLevel(t *testing.T) {
	state := t.TempDir()
	j, err := journal.Open(filepath.Join(state, journalFile), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	book := logbook.New(time.Now)
	if _, err := Listen(t.Context(), state, Daemon{Terminal: &daemon{}, Journal: j, Log: book, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	on := book.Trace("drivers/card/ccid")
	for _, c := range []struct {
		who  string
		log  logLevel
		want string
	}{
		{"tech-7", logLevel{"drivers/car", "debug", 60}, "unknown-package"}, {"tech-7", logLevel{"drivers", "loud", 60}, "unknown-level"}, {"tech-7", logLevel{"drivers", "debug", 0}, "bad-time"},
		{"tech-7", logLevel{"drivers", "debug", 24*3600 + 1}, "bad-time"}, {"tech-7", logLevel{"drivers", "debug", 1 << 62}, "bad-time"}, {"tech-7", logLevel{"drivers", "debug", -1 << 62}, "bad-time"},
		{"", logLevel{"drivers", "debug", 60}, "malformed"}, {"two words", logLevel{"drivers", "debug", 60}, "malformed"},
	} {
		if a, err := (question{Ask: askLevel, Who: c.who, Log: c.log}).ask(t.Context(), state); err != nil || a.Why != c.want || on.On() {
			t.Errorf("%+v: %+v %v %v", c, a, err, on.On())
		}
	}
	if a, err := (question{Ask: askLevel, Who: "tech-7", Log: logLevel{"drivers/card", "debug", 24 * 3600}}).ask(t.Context(), state); err != nil || a.Why != "" || !on.On() {
		t.Errorf("%+v %v %v", a, err, on.On())
	}
	without, _ := listening(t, &daemon{})
	if a, err := (question{Ask: askLevel, Who: "tech-7", Log: logLevel{"drivers", "debug", 60}}).ask(t.Context(), without); err != nil || a.Why != "not-here" {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := (question{Ask: askLevel, Who: "tech-7"}).ask(t.Context(), t.TempDir()); !isDown(err) {
		t.Error(err)
	}
	if b, err := json.Marshal(question{Version: 1, Ask: askStatus}); err != nil || strings.Contains(string(b), "log") {
		t.Errorf("%s %v", b, err) // an older daemon would not know it
	}
}

func isDown(err error) bool {
	f := (*console.Failure)(nil)
	return errors.As(err, &f) && f.Code == console.DaemonDown
}

// TestBundledLog: a bundle has the log's lines, and nothing else of what stands in its files.
func TestBundledLog(t *testing.T) {
	m := New(Options{Now: time.Now})
	m.o.Site.State = t.TempDir()
	if b, err := m.lastLog(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q %v", b, err)
	}
	line := `{"at":"2026-11-22T03:00:00Z","level":"info","package":"daemon","says":"ready"}` + "\n"
	if err := os.WriteFile(filepath.Join(m.o.Site.State, logbook.File), []byte("架空 太郎\n"+line+`{"says":"架空 太郎"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := m.lastLog(t.Context()); err != nil || string(b) != line {
		t.Errorf("%q %v", b, err)
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if _, err := m.lastLog(gone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestLevelUnknown: of a daemon that hears and does not answer nobody knows whether it logs more now.
func TestLevelUnknown(t *testing.T) {
	state := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(state, Socket))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Read(make([]byte, maxQuestion))
			_ = c.Close()
		}
	}()
	m := New(Options{Site: site.Site{State: state}, Now: time.Now})
	if err := m.setLevel(t.Context(), console.Who{ID: "tech-7"}, console.Call{}, nil); wordOf(err) != string(console.Unknown) {
		t.Error(err)
	}
}
