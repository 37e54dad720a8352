package main

import (
	"strings"
	"testing"
	"time"

	"honnin/drivers/printer/ippevetest"
)

// TestConsolePrinter: what a printer that others wrote says of itself reaches the technician, with a daemon that has it and without
// one: model, supplies, reasons, queue; doctor says what to do about them, and the report how worn they are.
func TestConsolePrinter(t *testing.T) {
	d := ippevetest.Start(t)
	o := newTechnicians(t, d.URI())
	o.ran(t)
	d.Supplies("type=wasteToner;maxcapacity=100;level=0;", "type=toner;maxcapacity=100;level=4;colorantname=black;", "type=toner;maxcapacity=200;level=150;colorantname=cyan;")
	d.Leave("+media-low")
	s, _ := o.console(t)
	s.login(o, "service")
	o.describes(t, s)
	d.Leave("+cover-open")
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	d.AwaitClock() // or it has no time at which the job was made
	ippevetest.Stranger(t, d.URI(), "print-job.test")
	d.AwaitEngine()

	running := o.runs(t)
	var rows []map[string]any
	for late := time.After(time.Minute); len(rows) == 0 || rows[0]["seen"] == nil; { // it looks at its printer by and by
		select {
		case <-late:
			t.Fatal("the daemon does not describe its printer", rows, string(running.said.Bytes()))
		default:
			rows = s.says("printer", "> ")
		}
	}
	o.describes(t, s)
	rows = s.says("printer", "> ")
	if r := row(t, rows, "printer.state", "model", "Example Printer"); r["state"] != "not-ready" {
		t.Error(r)
	}
	if r := row(t, rows, "printer.reason", "reason", "cover-open"); r["severity"] != "error" || !strings.Contains(r["do"].(string), "Close covers") {
		t.Error(r)
	}
	if r := row(t, rows, "printer.job", "ours", false); r["state"] != "processing" || r["age"] == nil {
		t.Error(r)
	}
	if r := s.says("reader", "> ")[0]; r["faults"] == nil || r["kind"] != "pcsc" {
		t.Error(r)
	}
	found := s.says("doctor", "> ")
	row(t, found, "doctor.check", "why", "cover-open")
	d.Go()
	running.ends(t)
}

// describes has the console say what is true of the printer in either case.
func (o technicians) describes(t *testing.T, s *seen) {
	t.Helper()
	rows := s.says("printer", "> ")
	row(t, rows, "printer.state", "model", "Example Printer")
	row(t, rows, "printer.state", "accepting", true)
	row(t, rows, "printer.reason", "reason", "media-low")
	for supply, want := range map[string][2]any{"waste-toner": {0.0, "full"}, "toner-black": {4.0, "low"}, "toner-cyan": {75.0, "ok"}} {
		if r := row(t, rows, "printer.supply", "supply", supply); r["level"] != want[0] || r["state"] != want[1] {
			t.Error(r)
		}
	}
	found := s.says("doctor", "> ")
	row(t, found, "doctor.check", "why", "waste-toner-full")
	if r := row(t, found, "doctor.check", "why", "toner-black-low"); r["state"] != "soon" {
		t.Error(r)
	}
	steps := map[any]string{}
	for _, r := range found {
		if r["code"] == "doctor.do" {
			steps[r["check"]] += r["do"].(string)
		}
	}
	if !strings.Contains(steps["supplies"], "waste") || !strings.Contains(steps["supplies"], "Replace the supply") {
		t.Error(steps)
	}
	report := s.says("report", "> ")
	for part, worn := range map[string]float64{"supplies.toner-cyan": 25, "supplies.toner-black": 96, "supplies.waste-toner": 100} {
		if r := row(t, report, "report.part", "part", part); r["wear"] != worn {
			t.Error(r)
		}
	}
	for _, part := range []string{"disk", "journal"} {
		if r := row(t, report, "report.part", "part", part); r["wear"] == nil {
			t.Error(r)
		}
	}
	if r := row(t, report, "report.part", "part", "centre"); r["wear"] != nil {
		t.Error("a measure that is none:", r)
	}
	row(t, report, "report.sheets", "impressions", 0.0)
}
