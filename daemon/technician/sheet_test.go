package technician

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/site"
	"honnin/daemon/provision"
	"honnin/daemon/terminal"
	"honnin/drivers/printer"
	"honnin/drivers/printer/file"
	"honnin/spool"
	"honnin/spool/journal"
	"honnin/spool/sheet"
	"honnin/ui/console"
)

// TestSheetHasEveryCheck: what the doctor looks at stands on the sheet, in the same order, and each way to a printer has a word there.
func TestSheetHasEveryCheck(t *testing.T) {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	if !slices.Equal(names, sheet.Checks()) {
		t.Errorf("the doctor looks at\n%q, on the sheet are\n%q", names, sheet.Checks())
	}
	for _, k := range []printer.Kind{printer.Directory, printer.USB, printer.IPP, printer.IPPS} {
		if !slices.Contains(sheet.Ways(), string(k)) {
			t.Errorf("%s has no word on the sheet", k)
		}
	}
}

// TestWorse: of several findings of one check the worst is on the sheet.
func TestWorse(t *testing.T) {
	order := []sheet.State{"", sheet.Unknown, sheet.OK, sheet.Soon, sheet.Bad}
	for i, a := range order {
		for k, b := range order {
			if worse(a, b) != (i > k) {
				t.Errorf("%q and %q", a, b)
			}
		}
	}
}

// TestSheetAskedForOverTheSocket: the daemon hears of nothing but notes and an id; what is not to be printed is refused by a word.
func TestSheetAskedForOverTheSocket(t *testing.T) {
	d := &daemon{sheet: "printing"}
	state, _ := listening(t, d)
	for _, line := range []string{`{"version":1,"ask":"sheet"}`, `{"version":1,"ask":"sheet","who":"山田"}`, `{"version":1,"ask":"sheet","who":"tech-7","sheet":{"text":"x"}}`,
		`{"version":1,"ask":"sheet","who":"tech-7","sheet":{"pdf":"JVBERi0="}}`, `{"version":1,"ask":"sheet","who":"tech-7","sheet":{"counters":{"printed":-1}}}`} {
		if got := raw(t, state, line+"\n"); got != "malformed" {
			t.Errorf("%s: %q", line, got)
		}
	}
	for err, why := range map[error]string{nil: "", terminal.ErrVisit: "visit", terminal.ErrSheet: "busy", spool.ErrStaff: "staff-needed", sheet.ErrFacts: "malformed", errors.New("disk"): "no-journal",
		&spool.NotReady{Reason: "media-needed"}: "media-needed"} {
		d.err = err
		a, err := question{Ask: askSheet, Who: "tech-7", Sheet: notes{Printer: "usb"}}.ask(t.Context(), state)
		if err != nil || a.Why != why {
			t.Errorf("%+v %v, want %q", a, err, why)
		}
	}
	if len(d.ready) != 7 || d.ready[0] != "tech-7 usb" {
		t.Errorf("%q", d.ready)
	}
	if a, err := (question{Ask: askSheetDone}).ask(t.Context(), state); err != nil || a.Sheet.State != "printing" {
		t.Errorf("%+v %v", a, err)
	}
}

// TestSheetOfADaemonThatGoes: whether it goes between two questions or in the middle of one, and though it has come again by the next; one that
// is only slow is waited for.
func TestSheetOfADaemonThatGoes(t *testing.T) {
	down, silent := string(console.DaemonDown), "not-answering"
	for name, c := range map[string]struct {
		says []string // to each question; "": it hangs up. Then it is gone
		want terminal.SheetState
	}{
		"between two questions": {[]string{`{"sheet":{"state":"printing"}}`}, terminal.SheetState{Outcome: protocol.Unsure, Why: down}},
		"in a question":         {[]string{`{"sheet":{"state":"printing"}}`, ""}, terminal.SheetState{Outcome: protocol.Unsure, Why: down}},
		"and comes":             {[]string{`{"sheet":{"state":"printing"}}`, `{}`, `{"sheet":{"state":"done","outcome":"printed"}}`}, terminal.SheetState{Outcome: protocol.Unsure, Why: down}},
		"slow":                  {append(make([]string, mostSilent), `{"sheet":{"state":"done","outcome":"printed"}}`), terminal.SheetState{State: "done", Outcome: protocol.Printed}},
		"silent":                {make([]string, mostSilent+1), terminal.SheetState{Outcome: protocol.Unsure, Why: silent}},
	} {
		state := t.TempDir()
		l, err := net.Listen("unix", filepath.Join(state, Socket))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for i, says := range c.says {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if i == len(c.says)-1 {
					_ = l.Close()
				}
				if _, err := bufio.NewReader(conn).ReadBytes('\n'); err == nil && says != "" {
					_, _ = fmt.Fprintln(conn, says)
				}
				_ = conn.Close()
			}
		}()
		if got, err := New(Options{Site: site.Site{State: state}, Now: time.Now}).sheetDone(t.Context()); err != nil || got != c.want {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// TestSheetWithoutDaemon: this process prints only under a policy in its time that this terminal may print under, into the journal of a terminal that
// ran and left nothing open; a printer that does not open is told by its word.
func TestSheetWithoutDaemon(t *testing.T) {
	begins := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	office := signedtest.New(t, begins)
	now := begins.Add(time.Hour)
	state := t.TempDir()
	p, err := provision.Open(provision.Options{Dir: filepath.Join(state, "policy"), Root: office.Root(), Terminal: "JP-99-000001", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	sheets := filepath.Join(state, "sheets")
	o := Options{Site: site.Site{Terminal: "JP-99-000001", State: state}, Software: "honnind", Now: func() time.Time { return now },
		Policies: func() (Policies, error) { return p, nil }, May: func(*policy.Policy) error { return nil },
		Printer: func(*policy.Policy) (spool.Printer, error) { return file.New(sheets, file.Options{}) }}
	want := func(outcome protocol.Outcome, why string) {
		t.Helper()
		if got := New(o).sheetHere(t.Context(), notes{Printer: "dir"}, console.Who{ID: "tech-7"}); got.Outcome != outcome || got.Why != why {
			t.Errorf("%+v, want %s %s", got, outcome, why)
		}
	}
	want("", "policy-missing")
	if _, err := p.Receive(office.Chain(1), provision.ByFile); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Apply(); err != nil {
		t.Fatal(err)
	}
	want("", "no-journal")
	j, err := journal.Open(filepath.Join(state, journalFile), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	want("", "in-use")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	ok := o
	owed := filepath.Join(state, terminal.OwedFile)
	if err := os.WriteFile(owed, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("", "not-empty")
	if err := os.Remove(owed); err != nil {
		t.Fatal(err)
	}
	o.May = func(*policy.Policy) error { return errors.New("practice anchors") }
	want("", "policy")
	o.May = nil
	want("", "policy")
	o = ok
	o.Printer = func(*policy.Policy) (spool.Printer, error) { return nil, &printer.Fault{Reason: "no-permission"} }
	want("", "no-permission")
	o.Printer = func(*policy.Policy) (spool.Printer, error) { return certificatesOnly{}, nil }
	want("", "no-printer")
	said := &talker{says: worn()}
	m := bare(state, o.Now)
	m.o.Policies, m.o.Site.Printer.Address, m.o.Printer = o.Policies, "usb", func(*policy.Policy) (spool.Printer, error) { return said, nil }
	if n, err := m.notes(t.Context(), console.Who{ID: "tech-7", Role: policy.Service}); err != nil || n.Model != "Example 1" || n.Checks["printer"] != sheet.Bad || said.asked != 1 {
		t.Errorf("%+v %v, the printer was asked %d times", n, err, said.asked)
	}
	o = ok
	want(protocol.Printed, "")
	want("", "staff-needed")
	if found, err := os.ReadDir(sheets); err != nil || len(found) != 1 {
		t.Error(found, err)
	}
	now = now.AddDate(20, 0, 0)
	want("", "policy-expired")
}

// certificatesOnly is a printer without a way for service sheets.
type certificatesOnly struct{}

func (certificatesOnly) Ready(context.Context) (spool.Readiness, error) {
	return spool.Readiness{Ready: true}, nil
}

func (certificatesOnly) Print(context.Context, spool.Released, spool.Progress) (spool.Result, error) {
	panic("asked to print a certificate")
}
