package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice"
	"honnin/daemon/practice/scenario"
	"honnin/daemon/practice/script"
)

// play runs "honnind practice" with these flags, and returns its lines, its summary and its exit status.
func play(t *testing.T, f practiceFlags) (lines []script.Line, sum script.Summary, said string, code int) {
	t.Helper()
	f.reader, f.json, f.state = "virtual", true, withKeys(t, t.TempDir())
	if f.certificate = "resident-record"; f.terminals == 0 {
		f.terminals = 1
	}
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	var out, table, log bytes.Buffer
	defer func() {
		if t.Failed() {
			t.Logf("the log:\n%s", log.String())
		}
	}()
	err := scripted(t.Context(), &out, &table, f, newLog(&log, true))
	if e := (*exitError)(nil); errors.As(err, &e) {
		code = e.code
	} else if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(&out)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var last struct{ Summary *script.Summary }
		if err := json.Unmarshal(in.Bytes(), &last); err != nil {
			t.Fatal(err)
		}
		if last.Summary != nil {
			sum = *last.Summary
			continue
		}
		var l script.Line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines, sum, table.String(), code
}

// struck holds a run of one scenario against what the scenario says of itself, line by line.
func struck(t *testing.T, s scenario.Scenario, sum script.Summary, lines []script.Line) {
	t.Helper()
	if !sum.Sound() || sum.WrongOffered == 0 || sum.WrongRefused != sum.WrongOffered || sum.WrongPrinted != 0 || len(sum.Difference) != 0 || sum.Unread != 0 {
		t.Errorf("%s: %+v", s.ID, sum)
	}
	if len(sum.RightRefusedFor) > 0 && s.Unpatched != (sum.RightRefusedFor[string(reason.IssuerUnpatched)] > 0) {
		t.Errorf("%s: right paper was refused for %v", s.ID, sum.RightRefusedFor)
	}
	if want := sum.Refused; len(want) == 0 || sum.RightPrinted == 0 && s.ID != scenario.Repeat {
		t.Errorf("%s: refused %v, printed %d", s.ID, want, sum.RightPrinted)
	}
	seen := 0
	for _, l := range lines {
		if l.Scenario != s.ID {
			continue
		}
		seen++
		wrong := l.PaperOf != "" && (l.PaperOf != l.Applicant || l.Superseded)
		if wrong && (l.Outcome != protocol.Refused || !s.MayRefuse(reason.Code(l.Reason))) || !slices.Contains(s.Channels, l.Channel) {
			t.Errorf("%s: %+v", s.ID, l)
		}
	}
	if lines != nil && seen != sum.Visits {
		t.Errorf("%s: %d lines of %d visits", s.ID, seen, sum.Visits)
	}
}

// TestEveryScenario plays every scenario small on some terminals at once: each has wrong paper offered, and none printed.
func TestEveryScenario(t *testing.T) {
	const visits = 20
	lines, sum, _, code := play(t, practiceFlags{scenario: "all", visits: visits, terminals: 3})
	for _, s := range scenario.All() {
		of := sum.Scenarios[s.ID]
		if of.Visits != visits {
			t.Errorf("%s: %d visits", s.ID, of.Visits)
		}
		struck(t, s, of, lines)
	}
	if n := len(scenario.All()); code != exitOK || sum.Visits != n*visits || len(sum.Scenarios) != n || n < 10 || len(sum.Difference) != 0 || sum.WrongPrinted != 0 {
		t.Errorf("exit %d: %+v", code, sum)
	}
	on := map[protocol.Channel]bool{}
	for _, l := range lines {
		if l.Scenario == scenario.Tokushima {
			on[l.Channel] = true
		}
	}
	if len(on) != 2 {
		t.Errorf("tokushima was on %v", on)
	}
	t.Logf("%d visits, %d wrong offered, %.1f/s; refused %v", sum.Visits, sum.WrongOffered, sum.RatePerS, sum.Refused)
	if of := sum.Scenarios[scenario.Unheard]; of.AgainPrinted == 0 || of.Incidents == 0 {
		t.Errorf("unheard: nobody tried again and got their paper, or there was no incident: %+v", of)
	} else {
		neverHeard(t, of)
	}
}

// neverHeard: each incident was open in the end, every contact had been told in its turn, and the service was stopped.
func neverHeard(t *testing.T, of script.Summary) {
	t.Helper()
	want := []script.Told{}
	for i, id := range practice.Contacts() {
		want = append(want, script.Told{Contact: id, Minutes: 30 * i})
	}
	want = append(want, script.Told{Contact: want[len(want)-1].Contact, Minutes: 240, Over: true})
	if len(of.Heard) == 0 || len(of.Heard) != of.Incidents {
		t.Errorf("%d incidents, %d of which it is known who heard", of.Incidents, len(of.Heard))
	}
	for _, h := range of.Heard {
		in := slices.EqualFunc(h.Told, want, func(a, b script.Told) bool {
			return a.Contact == b.Contact && a.Over == b.Over && a.Minutes >= b.Minutes && a.Minutes <= b.Minutes+10 // the visits take real time
		})
		if !in || !h.Stopped || h.State != protocol.IncidentOpen || h.Municipality == "" || reason.Code(h.Word).Class() != reason.MixedUp {
			t.Errorf("%+v", h)
		}
	}
}

// TestSoakIsShort: a soak plays every scenario at least once, empties the trays and says what it measured.
func TestSoakIsShort(t *testing.T) {
	lines, sum, table, code := play(t, practiceFlags{scenario: "kawasaki", span: time.Nanosecond})
	if code != exitOK || len(lines) != 0 || sum.Visits != soakPart || sum.Soak == nil || sum.Soak.Terminals != 1 || sum.Soak.RSSEnd == 0 || sum.Soak.HeapEnd == 0 {
		t.Errorf("exit %d: %+v %+v", code, sum, sum.Soak)
	}
	for _, word := range []string{"kawasaki ", "all ", "RSS", "subject-mismatch"} {
		if !strings.Contains(table, word) {
			t.Errorf("no %q in\n%s", word, table)
		}
	}
}

func TestScenarioUsage(t *testing.T) {
	for name, f := range map[string]practiceFlags{
		"unknown":             {scenario: "atlantis", visits: 1},
		"all needs visits":    {scenario: "all"},
		"with a stranger":     {scenario: "kawasaki", visits: 1, stranger: true},
		"with a certificate":  {scenario: "kawasaki", visits: 1, certificateGiven: true},
		"unknown channel":     {channel: "post", visits: 1},
		"one printer for two": {scenario: "all", printer: "usb:1-2", visits: 1},
		"one reader for two":  {scenario: "all", reader: "usb", pinFile: "pin", visits: 1},
		"not on this channel": {scenario: "kawasaki", channel: protocol.Counter, channelGiven: true, visits: 1},
		"time and number":     {span: time.Second, visits: 1},
	} {
		f.reader, f.terminals, f.certificate, f.state = cmp.Or(f.reader, "virtual"), 1, "resident-record", t.TempDir()
		err := f.check()
		if e := (*exitError)(nil); !errors.As(err, &e) || e.code != exitUsage {
			t.Errorf("%s: %v", name, err)
		}
		if name == "unknown" && (err == nil || !strings.Contains(err.Error(), scenarioNames())) {
			t.Errorf("%v does not say what there is", err)
		}
	}
}

func TestScenarioListTellsAll(t *testing.T) {
	text, code := honnindSays(t, "practice", "--scenario", "list")
	asJSON, code2 := honnindSays(t, "practice", "--scenario", "list", "--json")
	told := map[scenario.ID]listed{}
	for line := range strings.Lines(asJSON) {
		var l listed
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		told[l.ID] = l
	}
	if code != exitOK || code2 != exitOK || len(told) != len(scenario.All()) {
		t.Fatal(code, code2, slices.Collect(maps.Keys(told)))
	}
	for _, s := range scenario.All() {
		for _, words := range []string{string(s.ID), s.Where.Ja, s.When.En, s.Cause.Ja, s.Cause.En, string(s.Refused[0])} {
			if !strings.Contains(text, words) {
				t.Errorf("%s: no %q", s.ID, words)
			}
		}
		if l := told[s.ID]; l.Cause.Ja != s.Cause.Ja || l.Where.En != s.Where.En || len(l.Channels) == 0 || len(l.Refused) == 0 {
			t.Errorf("%+v", l)
		}
	}
}
