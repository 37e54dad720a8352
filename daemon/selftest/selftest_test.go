package selftest

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/document"
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
	return terminal.Parts{Terminal: "TEST-1", Policy: w.policy, Inspector: pool, Now: time.Now, Log: quiet()}
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

// lying is an inspection that finds nothing wrong with anything it can read.
type lying struct{ document.Inspector }

func (l lying) Inspect(ctx context.Context, pdf []byte) (inspect.Facts, error) {
	f, err := l.Inspector.Inspect(ctx, pdf)
	f.Findings = slices.DeleteFunc(f.Findings, func(f inspect.Finding) bool { return f.Code == reason.PDFActiveContent })
	return f, err
}

// broken is an inspection that does what it is told instead.
type broken func(context.Context) (inspect.Facts, error)

func (b broken) Inspect(ctx context.Context, _ []byte) (inspect.Facts, error) { return b(ctx) }

func TestAnUnsoundTerminalFails(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, p *terminal.Parts)
		want  string
	}{
		"a check that overlooks something": {func(_ *testing.T, p *terminal.Parts) { p.Inspector = lying{p.Inspector} }, "pdf-active"},
		"children that die": {func(t *testing.T, p *terminal.Parts) {
			pool := inspect.NewPool(inspect.Options{Command: []string{"honnind-no-such-child"}})
			t.Cleanup(func() { _ = pool.Close() })
			p.Inspector = pool
		}, "child"},
		"a closed pool": {func(t *testing.T, p *terminal.Parts) {
			pool := inspect.NewPool(inspect.Options{})
			_ = pool.Close()
			p.Inspector = pool
		}, "child"},
		"an inspection that panics": {func(_ *testing.T, p *terminal.Parts) {
			p.Inspector = broken(func(context.Context) (inspect.Facts, error) { panic("x") })
		}, "child"},
		"an inspection that hangs": {func(_ *testing.T, p *terminal.Parts) {
			p.Inspector = broken(func(context.Context) (inspect.Facts, error) { select {} })
		}, "child"},
		"a clock of another year": {func(_ *testing.T, p *terminal.Parts) {
			p.Now = func() time.Time { return time.Now().AddDate(-9, 0, 0) }
		}, "clock"},
		"card anchors that have run out": {func(t *testing.T, p *terminal.Parts) {
			p.Policy, _ = Policy(time.Now().AddDate(-9, 0, 0))
		}, "clock"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sound(t)
			c.spoil(t, &p)
			limit := time.Minute
			if strings.Contains(name, "hangs") {
				limit = 3 * time.Second
			}
			ctx, stop := context.WithTimeout(t.Context(), limit)
			defer stop()
			log := logrus.New()
			var said bytes.Buffer
			log.SetOutput(&said)
			p.Log = log
			if got := New(t.TempDir()).Run(ctx, p); got != c.want {
				t.Errorf("the first case that failed is %q, not %q", got, c.want)
			}
			if !strings.Contains(said.String(), "case="+c.want+" ") {
				t.Errorf("the log does not say what was answered: %s", said.String())
			}
		})
	}
}

// TestTheReaderMaySpeakLater: a session that looked at its parts before its reader said a word looks again; nothing else that
// is missing is waited for.
func TestTheReaderMaySpeakLater(t *testing.T) {
	for _, c := range []struct {
		shown []session.View
		want  string
	}{
		{[]session.View{{}, {State: session.Idle}}, ""},
		{[]session.View{{}, {Word: "reader"}, {}, {State: session.Idle}}, ""},
		{[]session.View{{}, {Word: "journal"}, {State: session.Idle}}, "not ready: journal"},
		{[]session.View{{State: session.OutOfService, Word: "panic"}, {State: session.Idle}}, "not ready: panic"},
		{[]session.View{{}, {Word: "reader"}}, "none in time"},
	} {
		ctx, stop := context.WithCancel(t.Context())
		l := &rehearsal{views: newViews()}
		for _, v := range c.shown {
			l.views.Show(v)
		}
		if c.want == "none in time" {
			stop()
		}
		got := ""
		if err := l.welcome(ctx); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q, not %q", c.shown, got, c.want)
		}
		stop()
	}
}

func TestAFullDiskFails(t *testing.T) {
	if got := New(t.TempDir()+"/nowhere").Run(t.Context(), sound(t)); got != "journal" {
		t.Errorf("without a place to write: %q", got)
	}
}

func TestNoCaseIsAFailure(t *testing.T) {
	if Failed(nil) == "" || Failed([]Line{{ID: "a"}, {ID: "b", Got: "x"}}) != "b" {
		t.Error("nothing, or a wrong answer, passes")
	}
}

// TestCases: ids are words that an incident can carry, each once, and every case knows its answer.
func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases {
		if _, err := protocol.ParseIncidentID(c.id); err != nil || seen[c.id] || c.ja == "" || c.en == "" || c.expected == "" {
			t.Errorf("%q: %v", c.id, err)
		}
		seen[c.id] = true
	}
	if len(seen) < 85 {
		t.Errorf("%d cases", len(seen))
	}
}
