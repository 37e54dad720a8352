package technician

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/daemon/identity"
	"honnin/daemon/terminal"
	"honnin/ui/console"
)

// TestAdviceGoesByWhy: who has no keys, no root or no CA file is not told to renew, to sign in, or to look at the line.
func TestAdviceGoesByWhy(t *testing.T) {
	for name, c := range map[string]struct {
		got console.Text
		has string
		not string
	}{
		"no keys":      {keysAdvice(string(identity.Missing)), "enrol", "renew"},
		"old keys":     {keysAdvice(string(identity.Expired)), "renew", "enrol"},
		"no root":      {policyAdvice(noRoot), "policy-root.toml", "after login"},
		"no policy":    {policyAdvice(string(signed.Missing)), "own keyboard", "after login"},
		"no CA file":   {centreAdvice("no-roots"), "centre.ca", "line"},
		"no CA at all": {centreAdvice(noRoot), "policy", "line"},
		"no cable":     {centreAdvice("no-route"), "line", "centre.ca"},
		"dead":         {daemonAdvice(string(console.DaemonDown)), "reboot", "hang"},
		"hung":         {daemonAdvice("not-answering"), "reboot", "log --lines"},
		"full":         {diskAdvice("full"), fmt.Sprint(leastRoom>>20, " MiB"), "reboot"},
		"soon full":    {diskAdvice("almost-full"), fmt.Sprint(soonRoom>>20, " MiB"), "reboot"},
		"its user's":   {daemonAdvice("not-permitted"), "as the user", "reboot"},
		"our policy":   {policyAdvice("not-permitted"), "as the user", "next policy"},
		"ends soon":    {policyAdvice("policy-ends"), "after login service", "90 days"},
		"read-only":    {diskAdvice("read-only"), "reboot", "MiB"},
	} {
		if s := c.got.In("en"); !strings.Contains(s, c.has) || strings.Contains(s, c.not) {
			t.Errorf("%s: %s", name, s)
		}
	}
}

// TestAdviceForALine: what takes a shell is said to be for the terminal's own keyboard.
func TestAdviceForALine(t *testing.T) {
	all := []console.Text{daemonAdvice(""), daemonAdvice("not-answering"), readerAdvice("no-card-service"), keysAdvice(""), keysAdvice(string(identity.Missing))}
	for _, c := range signed.Codes() {
		advice := policyAdvice(string(c))
		if all = append(all, advice); c != signed.Expired && strings.Contains(advice.In("en"), "login service") {
			t.Errorf("%s: nobody can sign in: %s", c, advice.In("en"))
		}
	}
	for _, c := range checks() {
		all = append(all, c.says(""))
	}
	shells := 0
	for _, a := range all {
		s := a.In("en")
		if !strings.Contains(s, "systemctl") && !strings.Contains(s, "honnind ") && !strings.Contains(s, "timedatectl") {
			continue
		}
		if shells++; !strings.Contains(s, "keyboard") && !strings.Contains(s, "honnind will not start") && !strings.Contains(s, "First start honnind") {
			t.Error(s)
		}
	}
	if shells < 10 {
		t.Error(shells)
	}
}

// TestNoRoot: a terminal that was never told whose policies it takes says so, in doctor too.
func TestNoRoot(t *testing.T) {
	m := bare(t.TempDir(), time.Now)
	m.o.Policies = func() (Policies, error) { return nil, os.ErrNotExist }
	all := m.examine(t.Context(), console.Who{})
	for _, check := range []string{"policy", "centre"} {
		if f := found(t, all, check); f.why != noRoot || f.do == policyAdvice("") {
			t.Errorf("%+v", f)
		}
	}
}

// TestOwedUnreadable: what keeps the daemon from every start is not mended by starting it again, and doctor says so.
func TestOwedUnreadable(t *testing.T) {
	state := t.TempDir()
	for _, c := range []struct{ owed, has string }{{"[", "Copy owed"}, {"[]", "reboot"}} {
		if err := os.WriteFile(filepath.Join(state, terminal.OwedFile), []byte(c.owed), 0o600); err != nil {
			t.Fatal(err)
		}
		if s := found(t, bare(state, time.Now).examine(t.Context(), console.Who{}), "daemon").do.In("en"); !strings.Contains(s, c.has) {
			t.Errorf("%s: %s", c.owed, s)
		}
	}
}

// TestSheetAdvice: where no sheet was begun for want of a policy, a journal, an address or the like, the printer's panel does not help.
func TestSheetAdvice(t *testing.T) {
	for why, has := range map[string]string{"policy": "doctor", "policy-expired": "doctor", noRoot: "doctor", noJournal: "doctor", "visit": "Wait", "media-empty": "paper",
		"no-printer": "visit --test-card", "malformed": "operator", "bad-address": "site.toml"} {
		if s := afterSheet("not-begun", why).In("en"); !strings.Contains(s, has) {
			t.Errorf("%s: %s", why, s)
		}
	}
}

// TestPracticeIsOver: what a practice terminal shares with its daemon is not there without it, and is neither well nor mended.
func TestPracticeIsOver(t *testing.T) {
	m := bare(t.TempDir(), time.Now)
	m.o.Practice = true
	all := m.examine(t.Context(), console.Who{})
	for _, check := range []string{"printer", "supplies", "reader", "centre"} {
		if f := found(t, all, check); f.state != "unknown" || f.why != string(console.DaemonDown) || !f.good() {
			t.Errorf("%+v", f)
		}
	}
	if f := found(t, all, "daemon"); f.good() || !strings.Contains(f.do.In("en"), "make run") {
		t.Errorf("%+v", f)
	}
	for _, line := range []string{"printer", "printer sheet", "reader", "centre"} {
		if said := typed(t, m, line); !strings.Contains(said, `"result":"daemon-down"`) {
			t.Errorf("%s: %q", line, said)
		}
	}
}
