package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/protocol"
	"honnin/daemon/centre"
	"honnin/daemon/logbook"
	"honnin/daemon/terminal"
)

// TestConsoleLog: a technician reads the log of a terminal that runs, has the centre's calls and the printer's told for a while, watches them come, and reads it
// still when the daemon is down; then no level is set.
func TestConsoleLog(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	d := o.runs(t)
	s, c := o.console(t)
	s.login(o, "service")
	for late := time.After(time.Minute); !slices.ContainsFunc(s.says("log --lines 1000", "> "), func(r map[string]any) bool {
		return r["package"] == "daemon" && r["level"] == "info" && strings.HasPrefix(r["text"].(string), "ready")
	}); {
		select {
		case <-late:
			t.Fatal("it never says that it is ready")
		default:
		}
	}
	var warnings []map[string]any
	awaitTrue(t, "a warning of the terminal", func() bool { // it comes after the daemon's word that it is ready
		warnings = s.says("log --level warning --package daemon/terminal --since 1h", "> ")
		return len(warnings) > 0
	})
	for _, r := range warnings {
		if r["level"] != "warning" && r["level"] != "error" || r["package"] != "daemon/terminal" {
			t.Error(r)
		}
	}
	if rows := s.says("log --level error --package drivers", "> "); len(rows) != 0 {
		t.Error(rows)
	}
	s.send("log level driver/printer debug\r")
	s.until("drivers/printer", "service> ")
	began := time.Now()
	r := row(t, s.says("log level drivers/printer debug --for 10m", "> "), "log.level", "package", "drivers/printer")
	if until, err := time.Parse(time.RFC3339, r["until"].(string)); err != nil || until.Before(began.Add(9*time.Minute)) || until.After(time.Now().Add(11*time.Minute)) || r["level"] != "debug" {
		t.Error(r, err)
	}
	s.send("log --package drivers/printer --follow --lines 1 --json\r")
	line := s.until("request without an answer", "\r\n")
	if !strings.Contains(line, `"package":"drivers/printer/ipp","text":"request without an answer operation=Get-Printer-Attributes took=`) || !strings.Contains(line, "why=unreachable,ECONNREFUSED") {
		t.Errorf("%q", line)
	}
	s.send("\x03")
	s.until(`"result":"cancelled"`, "> ")

	d.ends(t)
	if strings.Contains(string(d.said.Bytes()), "request without an answer") || strings.Contains(string(d.said.Bytes()), "func=") {
		t.Errorf("stderr has more than before:\n%s", string(d.said.Bytes()))
	}
	row(t, s.says("log --lines 10000 --level debug", "> "), "log.line", "level", "debug")
	s.send("log level drivers/printer debug\r")
	s.until("daemon-down", "service> ")
	s.send("logout\r")
	s.until("Signed out", "honnin> ")
	s.send("\x04")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if got := o.journalled(t); !slices.Contains(got, "did tech-7 log.level") || !slices.Contains(got, "did tech-7 log") {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(filepath.Join(o.dir, "state", logbook.File)); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	again := o.runs(t) // as always, and goes on in the same file
	defer again.ends(t)
	ready := 0
	for late := time.After(time.Minute); ready < 2; {
		ready = 0
		b, err := os.ReadFile(filepath.Join(o.dir, "state", logbook.File))
		if err != nil {
			t.Fatal(err)
		}
		for l := range bytes.Lines(b) {
			var e struct{ Level, Says string }
			if err := json.Unmarshal(l, &e); err == nil && strings.HasPrefix(e.Says, "ready") {
				ready++
			}
			if ready == 2 && e.Level == "debug" {
				t.Errorf("still at debug: %s", l)
			}
		}
		select {
		case <-late:
			t.Fatal("no second start in the log")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// logged has a stand's terminal keep its log, with everything that any package says. Of some packages there must be lines at level debug in the end.
func (s *stand) logged(p *terminal.Parts, dir string, from ...string) (end func()) {
	s.t.Helper()
	log := logrus.New()
	log.SetOutput(s.log)
	book := newBook(log)
	for _, pkg := range logbook.Packages() {
		s.must(book.SetLevel(pkg, "debug", time.Hour))
	}
	access, err := s.world.Access(s.place.name)
	s.must(err)
	p.Centre, err = centre.New(centre.Config{URL: access.URL, Roots: access.Roots, Certificate: access.Certificate, Dial: s.line.dial, Trace: book.Trace("daemon/centre")})
	s.must(err)
	p.Log, p.Trace, p.Observe = log, book.Trace("drivers/card"), stepping(book.Trace("daemon/session"), p.Observe)
	p.Printer = traced(p.Printer, book, "drivers/printer/ipp")
	stop := keepBook(book, dir, log)
	return func() {
		s.t.Helper()
		stop()
		for _, pkg := range from {
			r, err := logbook.Open(dir)
			s.must(err)
			n := 0
			s.must(r.Next(func(e logbook.Entry) error {
				if e.Package == pkg && e.Level == logbook.Debug {
					n++
				}
				return nil
			}))
			s.must(r.Close())
			if n == 0 {
				s.t.Errorf("%s says nothing", pkg)
			}
		}
	}
}

// TestLogShowsNobody: people were served, refused, and given a stranger's paper, while the log was at its most talkative. The log, and all that the console says and sends
// of it to a technician, is searched for them.
func TestLogShowsNobody(t *testing.T) {
	needLrzsz(t)
	var end func()
	var made secrets
	var tap *wiretap
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		tap = newWiretap(t, s)
		end = s.logged(p, filepath.Dir(s.place.file), "drivers/card", "daemon/session", "daemon/centre")
		p.Reader = made.tap(p.Reader)
	})
	for _, id := range []string{"p01", "p02", "p03", "p05"} {
		s.prints(id)
	}
	refused(t, s)
	wrong := s.wish("p10", protocol.ResidentRecord)
	wrong.PIN = wrongPIN
	for range 4 {
		s.visit(wrong)
	}
	s.everythingDelivered()
	keys, state := filepath.Join(s.flags.state, "keys"), filepath.Dir(s.place.file)
	needles := slices.Concat(everything(t, keys), made.made)
	packages := 0
	for _, c := range tap.of("/package") {
		if len(c.answer) > 1000 {
			packages++
			needles = append(needles, traces("a package", c.answer)...)
		}
	}
	if packages < 4 {
		t.Errorf("%d packages to search for", packages)
	}
	s.quitAndBalance()
	end()
	files := filesIn(t, state)
	none(t, files, needles)

	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.applied(t)
	site := filepath.Join(o.dir, "site.toml")
	b, err := os.ReadFile(site)
	s.must(err)
	write(t, site, bytes.Replace(b, []byte(`state = "state"`), fmt.Appendf(nil, "state = %q", state), 1))
	c, line, far := o.overALine(t)
	line.send("terminal dumb --no-pages\r")
	line.until("\r\nhonnin> ", "")
	line.login(o, "look")
	var all []left
	line.send("log --lines 10000 --level debug --json\r")
	all = append(all, left{"log", []byte(line.until(`"code":"done"`, "look> "))})
	line.send("log --lines 10000\r")
	all = append(all, left{"log", []byte(line.until("\r\nlook> ", ""))})
	line.transfer(far, "support --json", "rz", "-q", "-y")
	line.until(`"code":"done"`, "> ")
	all = append(all, unpacked(t, filepath.Join(line.dir, string(runTerminal)+"-support.tar.gz"))...)
	none(t, all, needles)
	for _, where := range []string{"log", "log.jsonl"} {
		at := slices.IndexFunc(all, func(l left) bool { return l.where == where })
		for _, said := range []string{"drivers/card", "daemon/session", "daemon/centre", "daemon/terminal", "sw", "63C2", "other-transaction", "in-force"} {
			if at < 0 || !bytes.Contains(all[at].b, []byte(said)) {
				t.Errorf("nothing of %s in %s", said, where)
			}
		}
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// TestLogOnAFullDisk: where there is no room for the log the terminal prints as before; the log says later how much of it is missing.
func TestLogOnAFullDisk(t *testing.T) {
	disk := tiny(t, "256", 0)
	room := fill(t, disk)
	var end func()
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) { end = s.logged(p, disk) })
	s.prints("p01")
	for late := time.After(time.Minute); !bytes.Contains(s.log.Bytes(), []byte("the log cannot be kept")); {
		select {
		case <-late:
			t.Fatal("nobody is told")
		case <-time.After(10 * time.Millisecond):
		}
	}
	room()
	s.prints("p02")
	s.quitAndBalance()
	end()
	r, err := logbook.Open(disk)
	s.must(err)
	defer r.Close()
	all, err := r.Last(t.Context(), 100_000, logbook.Filter{Package: "daemon/logbook", Level: logbook.Warning})
	s.must(err)
	if len(all) == 0 || all[0].With["lost"] == "" {
		t.Errorf("%+v", all)
	}
	if bytes.Count(s.log.Bytes(), []byte("the log cannot be kept")) > 3 {
		t.Errorf("told too often:\n%s", s.log.Bytes())
	}
}
