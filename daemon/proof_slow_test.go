//go:build slow

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"honnin/config/reason"
	"honnin/daemon/practice/script"
)

// TestProofCommandsAreTrue runs every command of the page as it stands there: each ends well, and each that plays a scenario
// on a terminal that is alone in the world had wrong paper offered, refused for the reasons in its row, and none printed.
func TestProofCommandsAreTrue(t *testing.T) {
	en, _ := proofPages(t)
	reasons := map[string]string{}
	for _, row := range proofRow.FindAllStringSubmatch(en, -1) {
		reasons[row[3]] = row[2]
	}
	played, dir := 0, t.TempDir()
	for _, line := range found(proofCommand, en) {
		t.Run(line, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), built(t), strings.Fields(line)...)
			c.Dir = dir
			c.Env = append(os.Environ(), "TMPDIR="+dir)
			out, err := c.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if strings.Contains(line, "journal show") && (!strings.Contains(string(out), "ended: refused") || !strings.Contains(string(out), "at the centre …")) {
				t.Errorf("%s", out)
			}
			if !strings.Contains(line, "--scenario") {
				return
			}
			played++
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			var last struct{ Summary script.Summary }
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
				t.Fatal(err)
			}
			s := last.Summary
			if s.WrongOffered == 0 || s.WrongPrinted != 0 || s.WrongRefused != s.WrongOffered || len(s.Difference) != 0 || len(s.Scenarios) == 0 {
				t.Errorf("%+v", s)
			}
			for code := range s.Refused {
				if row, ok := reasons[line]; ok && !strings.Contains(row, "`"+code+"`") && s.RightRefusedFor[code] < s.Refused[code] {
					t.Errorf("wrong paper was refused for %s", code)
				}
			}
			for what, holds := range map[string]bool{
				"tokushima": refusedAt(lines, "PRACTICE-", reason.SubjectMismatch) && refusedAt(lines, "COUNTER-", reason.SubjectMismatch),
				"unheard":   s.AgainPrinted > 0 && s.Incidents >= s.WrongRefused && len(s.Heard) > 0,
				"takamatsu": s.RightRefusedFor[string(reason.IssuerUnpatched)] > 0,
				"repeat":    s.RightRefusedFor[string(reason.IssuerUnpatched)] > 0 && s.RightPrinted == 0,
			} {
				if strings.Contains(line, "--scenario "+what) && !holds {
					t.Errorf("what the page says of %s is not so: %+v", what, s)
				}
			}
			if row, ok := reasons[line]; ok {
				first, _, _ := strings.Cut(row[strings.Index(row, "`")+1:], "`")
				if !reason.Code(first).Known() || s.Refused[first] == 0 {
					t.Errorf("nothing was refused for %s: %v", first, s.Refused)
				}
			}
		})
	}
	if played < 11 {
		t.Errorf("%d scenarios were played", played)
	}
}

// refusedAt reports whether paper was refused for that at a terminal of a channel.
func refusedAt(lines []string, terminals string, c reason.Code) bool {
	return slices.ContainsFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, terminals) && strings.Contains(l, "refused "+string(c))
	})
}
