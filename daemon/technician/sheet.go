package technician

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/terminal"
	"honnin/drivers/printer"
	"honnin/spool"
	"honnin/spool/journal"
	"honnin/spool/sheet"
	"honnin/ui/console"
)

// What is asked of the daemon about service sheets: it holds the printer. The first begins one, the second says how it stands.
const (
	askSheet     ask = "sheet"
	askSheetDone ask = "sheet-state"
)

// sheetLook is between two questions about a sheet, and sheetLimit when no answer is waited for any more: longer than the daemon
// takes in any case.
const (
	sheetLook  = 250 * time.Millisecond
	sheetLimit = 6 * time.Minute
)

// notes are what the console knows of the facts on a service sheet; the words are the sheet's, which takes no others.
type notes struct {
	Printer  string                   `json:"printer"`
	Model    string                   `json:"model,omitzero"`
	Checks   map[string]sheet.State   `json:"checks,omitzero"`
	Counters map[sheet.Counter]uint64 `json:"counters,omitzero"`
}

func (n notes) facts() sheet.Facts {
	return sheet.Facts{Printer: n.Printer, Model: n.Model, Checks: n.Checks, Counters: n.Counters}
}

// sheet answers what is asked of service sheets.
func (s *server) sheet(q question) answer {
	if q.Ask == askSheetDone {
		return answer{Sheet: s.Terminal.Sheet()}
	}
	if !idForm().MatchString(q.Who) {
		return answer{Why: "malformed"}
	}
	return answer{Why: terminal.SheetWord(s.Terminal.PrintSheet(q.Sheet.facts(), q.Who))}
}

// sheet has the daemon print a service sheet, and waits for its end; where no daemon runs, this process prints it, and holds the journal
// meanwhile.
func (m *Machine) sheet(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	begun := m.o.Now()
	n, err := m.notes(ctx, who)
	if err != nil {
		return err
	}
	got, err := m.ask(ctx, question{Ask: askSheet, Who: who.ID, Sheet: n})
	state := terminal.SheetState{State: "done", Why: got.Why}
	switch failed := (*console.Failure)(nil); {
	case errors.As(err, &failed) && failed.Code == console.DaemonDown:
		state = m.sheetHere(ctx, n, who)
	case errors.Is(err, errSilent) && ctx.Err() == nil: // nobody knows whether it prints
		state = terminal.SheetState{Outcome: protocol.Unsure, Why: wordOf(err)}
	case err != nil:
		return err
	case got.Why == "":
		if state, err = m.sheetDone(ctx); err != nil {
			return err
		}
	}
	outcome := string(state.Outcome)
	if outcome == "" {
		outcome = "not-begun"
	}
	return a.Row("printer.sheet", word(outcome), word(state.Why), console.Span(m.o.Now().Sub(begun)), console.Says(afterSheet(outcome, state.Why)))
}

// sheetDone waits for the end. A daemon that goes meanwhile settles it when it comes, and then knows of none that was asked for: unsure. One that is
// silent is asked again: it may have gone in the middle of the question, or be slow.
func (m *Machine) sheetDone(ctx context.Context) (terminal.SheetState, error) {
	ctx, stop := context.WithTimeout(ctx, sheetLimit)
	defer stop()
	tick := time.NewTicker(sheetLook)
	defer tick.Stop()
	for silent := 0; ; {
		got, err := question{Ask: askSheetDone}.ask(ctx, m.o.Site.State)
		if silent++; err == nil {
			silent = 0
		}
		switch {
		case ctx.Err() != nil:
			return got.Sheet, ctx.Err()
		case errors.Is(err, errSilent) && silent <= mostSilent:
		case err != nil:
			return terminal.SheetState{Outcome: protocol.Unsure, Why: wordOf(err)}, nil
		case got.Sheet == (terminal.SheetState{}):
			return terminal.SheetState{Outcome: protocol.Unsure, Why: string(console.DaemonDown)}, nil
		case got.Sheet.State == "done":
			return got.Sheet, nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// notes looks, as the doctor does, and counts.
func (m *Machine) notes(ctx context.Context, who console.Who) (n notes, err error) {
	at, err := printer.Parse(m.o.Site.Printer.Address)
	if err != nil {
		return n, &console.Failure{Code: console.Failed, Why: "bad-address"}
	}
	n = notes{Printer: string(at.Kind), Checks: map[string]sheet.State{}}
	for _, f := range m.examine(ctx, who) {
		if worse(f.state, string(n.Checks[f.check])) {
			n.Checks[f.check] = sheet.State(f.state)
		}
	}
	if ctx.Err() != nil {
		return n, ctx.Err()
	}
	n.Model = m.printerModel()
	j, err := m.book()
	if err != nil {
		return n, err
	}
	defer j.Close()
	all, err := tally(ctx, j)
	n.Counters = onSheet(all)
	return n, err
}

// printerModel is what the printer called itself when the doctor looked last.
func (m *Machine) printerModel() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.model
}

// onSheet are the counters that stand on a service sheet.
func onSheet(all map[counter]uint64) map[sheet.Counter]uint64 {
	kind := func(k journal.Kind) uint64 { return all[counter{"entries", string(k)}] }
	outcome := func(o protocol.Outcome) uint64 { return all[counter{"outcomes", string(o)}] }
	return map[sheet.Counter]uint64{
		sheet.Starts: kind(journal.Started), sheet.Visits: kind(journal.VisitBegun), sheet.StaffCalls: kind(journal.StaffNeeded), sheet.Incidents: kind(journal.Incident),
		sheet.Services: kind(journal.SheetDone), sheet.Impressions: all[counter{"sheets", "all"}],
		sheet.Printed: outcome(protocol.Printed), sheet.Refused: outcome(protocol.Refused), sheet.Void: outcome(protocol.Void), sheet.Failed: outcome(protocol.Failed), sheet.Unsure: outcome(protocol.Unsure),
	}
}

// sheetHere prints it from this process, where no daemon has the printer and the journal. It settles nothing that the last run left open: then
// the sheet waits for the daemon.
func (m *Machine) sheetHere(ctx context.Context, n notes, who console.Who) terminal.SheetState {
	refused := func(why string) terminal.SheetState { return terminal.SheetState{Why: why} }
	p, err := m.policy()
	if err != nil {
		return refused(wordOf(err))
	}
	if p.At(m.o.Now()) != nil || m.o.May == nil || m.o.May(p.Policy) != nil {
		return refused("policy")
	}
	if _, err := os.Lstat(filepath.Join(m.o.Site.State, terminal.OwedFile)); !errors.Is(err, os.ErrNotExist) {
		return refused("not-empty") // the journal does not say yet whether staff are called
	}
	path := filepath.Join(m.o.Site.State, journalFile)
	if _, err := os.Lstat(path); err != nil {
		return refused("no-journal")
	}
	j, err := journal.Open(path, m.o.Now)
	if err != nil {
		return refused(wordOf(err))
	}
	defer func() { _ = j.Close() }()
	head, err := j.Head()
	if err != nil {
		return refused("no-journal")
	}
	f := n.facts()
	f.Terminal, f.At, f.Software, f.Policy, f.Journal = m.o.Site.Terminal, m.o.Now(), protocol.ProgramOf(m.o.Software), p.Head.Version, head.Position
	s, err := sheet.New(f)
	if err != nil {
		return refused(terminal.SheetWord(err))
	}
	return m.printHere(ctx, j, p.Policy, s, who)
}

// printHere prints a sheet. What is in motion is not abandoned when the line hangs up.
func (m *Machine) printHere(ctx context.Context, j *journal.Journal, p *policy.Policy, s sheet.Service, who console.Who) terminal.SheetState {
	device, err := m.o.Printer(p)
	if err != nil {
		return terminal.SheetState{Why: describeWord(err)}
	}
	if c, ok := device.(io.Closer); ok {
		defer c.Close()
	}
	got, err := spool.PrintService(context.WithoutCancel(ctx), j, device, s, who.ID)
	if err != nil {
		return terminal.SheetState{Outcome: got.Outcome, Why: terminal.SheetWord(err)}
	}
	return terminal.SheetState{Outcome: got.Outcome, Why: got.Reason}
}

// afterSheet is what to do next.
func afterSheet(outcome, why string) console.Text {
	switch {
	case outcome == string(protocol.Printed):
		return console.T("紙を取って調べ、トレイが空なら printer path-empty。", "Take the sheet and judge it; when the tray is empty, printer path-empty.")
	case outcome != "not-begun":
		return console.T("プリンターと通り道を見て空にし、printer path-empty。", "Look at the printer, empty tray and path, then printer path-empty.")
	case why == "visit" || why == terminal.TestVisit || why == "busy":
		return console.T("終わるまで待ち、もう一度。", "Wait for its end, and try again.")
	case why == "staff-needed":
		return console.T("先にトレイと通り道を見て、printer path-empty。", "First look into tray and path, then printer path-empty.")
	case why == "not-empty":
		return console.T("先に honnind を起動し、前の印刷を片付けさせる。", "First start honnind: it settles what was being printed.")
	case why == "malformed":
		return console.T("点検紙にできない値がこの端末にある。report と status を控え、運用センターに連絡する。", "Something that is known here fits no service sheet: note what report and status say, and call the operator.")
	case strings.HasPrefix(why, "policy") || slices.Contains([]string{noRoot, noJournal, "in-use", "damaged", "other-version", "missing"}, why):
		return console.T("先に doctor と入力し、その順にする。", "First type doctor, and do what it says.")
	}
	return advice(why)
}
