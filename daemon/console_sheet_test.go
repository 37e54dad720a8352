package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool"
	"honnin/spool/journal"
	"honnin/spool/sheet"
)

// sheetDesk is a terminal with an IPP printer of others' making, its daemon and a technician at its console.
type sheetDesk struct {
	technicians
	*testing.T
	device *ippevetest.Device
	daemon *process
	*seen
}

func newSheetDesk(t *testing.T) *sheetDesk {
	t.Helper()
	device := ippevetest.Start(t)
	d := &sheetDesk{technicians: newTechnicians(t, device.URI()), T: t, device: device}
	d.daemon = d.technicians.runs(d.T)
	s, _ := d.technicians.console(t)
	s.login(d.technicians, "service")
	d.seen = s
	return d
}

// end ends the daemon as systemd does, and returns all of its journal.
func (d *sheetDesk) end() []journal.Entry {
	d.Helper()
	d.daemon.ends(d.T)
	return d.entries()
}

func (d *sheetDesk) entries() (all []journal.Entry) {
	d.Helper()
	j, err := journal.Copy(d.technicians.journal())
	if err != nil {
		d.Fatal(err)
	}
	defer j.Close()
	if _, _, err := j.Verify(); err != nil {
		d.Error(err)
	}
	if err := j.Each(func(e journal.Entry) error { all = append(all, e); return nil }); err != nil {
		d.Fatal(err)
	}
	return all
}

// prints has a sheet printed, and holds the answer against what is expected.
func (d *sheetDesk) prints(outcome string, whys ...any) {
	d.Helper()
	r := row(d.T, d.says("printer sheet", "> "), "printer.sheet", "outcome", outcome)
	if !slices.Contains(whys, r["why"]) || r["took"] == nil || r["do"] == nil {
		d.Errorf("want %v: %v", whys, r)
	}
}

func (d *sheetDesk) pathEmpty() {
	d.Helper()
	row(d.T, d.says("printer path-empty --yes", "> "), "printer.path", "state", "noted")
}

// TestConsoleSheet: a technician has the service sheet printed by the daemon, on a printer of others' making: its very bytes come out, on A4,
// under a name that is no certificate's, journalled before and after; nothing else is printed before somebody has looked. It is counted,
// and in no outcome of a transaction. A jam, a job of somebody else's and a printer that is off are told by their words.
func TestConsoleSheet(t *testing.T) {
	d := newSheetDesk(t)
	d.prints("printed", nil)
	d.prints("not-begun", "staff-needed")
	tray := d.device.Tray()
	if len(tray) != 1 || !strings.HasPrefix(tray[0].Name, "service-sheet-") || tray[0].Env["IPP_MEDIA"] != "iso_a4_210x297mm" {
		t.Fatalf("%+v", tray)
	}
	d.pathEmpty()

	d.device.Behave(ippevetest.Behaviour{Mode: "stop", Reason: "media-jam-error"})
	d.prints("failed", "media-jam")
	if r := row(t, d.says("printer", "> "), "printer.state", "kind", "ipp"); r["path-empty"] != false {
		t.Error(r)
	}
	d.device.Behave(ippevetest.Behaviour{Mode: "print"})
	d.device.AwaitNoJobs()
	d.pathEmpty()

	d.device.Behave(ippevetest.Behaviour{Mode: "slow"})
	ippevetest.Stranger(t, d.device.URI(), "print-job.test")
	d.prints("not-begun", "jobs-waiting", "busy")
	d.device.Kill()
	d.prints("not-begun", "unreachable")
	for counter, value := range map[string]float64{"printed": 1, "failed": 1} {
		if r := row(t, d.says("counters service-sheets", "> "), "counters.counter", "of", counter); r["value"] != value {
			t.Error(r)
		}
	}

	all := d.end()
	begun, done := of(all, journal.SheetBegun), of(all, journal.SheetDone)
	if len(begun) != 2 || len(done) != 2 || len(of(all, journal.Ended)) != 0 || len(of(all, journal.StaffReady)) != 2 {
		t.Fatalf("%v %v", begun, done)
	}
	if done[0].Document != tray[0].SHA256 || begun[0].Document != done[0].Document || done[0].Staff != "tech-7" || done[0].Outcome != protocol.Printed || done[0].Evidence != "job-counters" {
		t.Errorf("%+v, in the tray %x", done[0], tray[0].SHA256)
	}
	if name := "service-sheet-" + done[0].Document.String()[:32]; tray[0].Name != name {
		t.Errorf("%s, want %s", tray[0].Name, name)
	}
}

// TestConsoleSheetWithoutDaemon: where no daemon runs, the console's own process prints it, by the same way and into the same journal; what the
// last run left open keeps it from that.
func TestConsoleSheetWithoutDaemon(t *testing.T) {
	d := newSheetDesk(t)
	d.end()
	d.prints("printed", nil)
	d.prints("not-begun", "staff-needed")
	if tray := d.device.Tray(); len(tray) != 1 || len(of(d.entries(), journal.SheetDone)) != 1 || of(d.entries(), journal.SheetDone)[0].Document != tray[0].SHA256 {
		t.Errorf("%+v", tray)
	}
	j, err := journal.Open(d.technicians.journal(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []journal.Entry{{Kind: journal.StaffReady, Staff: "s-007"}, {Kind: journal.Accepted, Transaction: protocol.NewTransaction()}} {
		if _, err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	d.prints("not-begun", "not-empty")
	if n := len(d.device.Tray()); n != 1 {
		t.Errorf("%d sheets", n)
	}
}

// TestConsoleSheetPowerCut: the daemon dies while the sheet is in the printer. It is unsure, whatever the printer says of it
// afterwards, and staff are needed before anything else; the one who asked is told.
func TestConsoleSheetPowerCut(t *testing.T) {
	d := newSheetDesk(t)
	d.device.Behave(ippevetest.Behaviour{Mode: "slow"})
	d.send("printer sheet --json\r")
	d.device.AwaitEngine()
	if err := d.daemon.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = d.daemon.Wait()
	if said := d.until(`"code":"done"`, "> "); !strings.Contains(said, `"outcome":"unsure","why":"daemon-down"`) {
		t.Errorf("%q", said)
	}
	d.prints("not-begun", "not-empty")
	d.device.Go()
	d.device.AwaitNoJobs() // it is out, and the printer knows: unsure all the same
	d.daemon = d.technicians.runs(d.T)
	d.prints("not-begun", "staff-needed")
	d.device.Behave(ippevetest.Behaviour{Mode: "print"})
	d.pathEmpty()
	d.prints("printed", nil)
	all := d.end()
	if done := of(all, journal.SheetDone); len(done) != 2 || done[0].Outcome != protocol.Unsure || done[0].Reason != "restart-while-printing" || done[1].Outcome != protocol.Printed {
		t.Errorf("%+v", done)
	}
	if names := fmt.Sprint(d.device.Documents("service-sheet-" + of(all, journal.SheetBegun)[0].Document.String()[:32])); names != "1" {
		t.Error(names, "times sent")
	}
}

// TestConsoleSheetDuringAVisit: whoever is being served gets their paper, and no technician's sheet between its pages; afterwards it is printed,
// no visit begins before somebody has looked, and the accounts of certificates know nothing of it.
func TestConsoleSheetDuringAVisit(t *testing.T) {
	st, s := served(t)
	asked := 0
	st.hand.instead[session.PressChoose] = func() bool {
		asked++
		if r := row(t, s.says("printer sheet", "service> "), "printer.sheet", "outcome", "not-begun"); r["why"] != "visit" {
			t.Error(r)
		}
		return false
	}
	st.prints("p01")
	delete(st.hand.instead, session.PressChoose)
	st.await("the welcome", func(v session.View) bool { return v.State == session.Idle })
	if r := row(t, s.says("printer sheet", "service> "), "printer.sheet", "outcome", "printed"); r["why"] != nil {
		t.Error(r)
	}
	st.await("staff to be needed", func(v session.View) bool { return v.State == session.OutOfService })
	st.place.takePaper()
	row(t, s.says("printer path-empty --yes", "service> "), "printer.path", "state", "noted")
	st.prints("p04")
	all := st.quitAndBalance()
	if done := of(all, journal.SheetDone); asked == 0 || len(done) != 1 || done[0].Evidence != spool.FileSynced || len(of(all, journal.Ended)) != 2 {
		t.Errorf("asked %d times, %+v", asked, done)
	}
}

// TestSheetsAskedForAtOnce: of many who ask, one gets a sheet, and the others a word.
func TestSheetsAskedForAtOnce(t *testing.T) {
	st := newStand(t, t.TempDir(), nil)
	st.await("the welcome", func(v session.View) bool { return v.State == session.Idle })
	words := make(chan string, 8)
	for range cap(words) {
		go func() {
			words <- terminal.SheetWord(st.PrintSheet(sheet.Facts{Printer: "dir"}, "tech-7"))
		}()
	}
	said := map[string]int{}
	for range cap(words) {
		said[<-words]++
	}
	if said[""] != 1 || said["busy"]+said["staff-needed"] != cap(words)-1 {
		t.Errorf("%v", said)
	}
	awaitTrue(t, "the sheet", func() bool { return st.Sheet().State == "done" })
	if got := st.Sheet(); got.Outcome != protocol.Printed || got.Why != "" {
		t.Errorf("%+v", got)
	}
	st.await("staff to be needed", func(v session.View) bool { return v.State == session.OutOfService })
	if n := len(of(st.quitAndBalance(), journal.SheetBegun)); n != 1 {
		t.Errorf("%d sheets", n)
	}
}
