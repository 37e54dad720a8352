package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/spool/journal"
	"honnin/ui/touch/touchtest"
)

// signsAt has a person, at an incident's page, do what is chosen there with their own key; it returns what the page says of it.
func signsAt(b *touchtest.Browser, keys, who, choose string) string {
	b.Upload("#key", filepath.Join(keys, who+".key"))
	b.Upload("#certificate", filepath.Join(keys, who+".pem"))
	b.Click("input[value=" + choose + "]")
	if choose == protocol.IncidentClosed {
		b.Type("#cause", "a file name that two applicants shared")
	}
	b.Click("#look")
	b.Click("#send")
	b.Wait(`document.getElementById("done").textContent !== "" || document.getElementById("said").textContent !== ""`)
	return touchtest.Eval[string](b, `document.getElementById("done").textContent + document.getElementById("said").textContent`)
}

// TestOperators: three terminals are handed a stranger's paper. An operator sees all three incidents in a browser, takes one on, and
// another closes it; that terminal believes both and serves again, and the two others believe nothing of it.
func TestOperators(t *testing.T) {
	one := newStand(t, t.TempDir(), nil)
	all := []*stand{one, one.beside(1), one.beside(2)}
	one.stage.flags.listenGiven = true // a port that the system chooses
	d, err := one.stage.operators()
	one.must(err)
	t.Cleanup(func() { one.must(d.close()) })
	one.world.HandStrangers(true)
	for _, s := range all {
		s.visit(s.wish("p05", protocol.ResidentRecord))
	}
	one.world.HandStrangers(false)
	for _, s := range all {
		s.everythingDelivered()
	}
	said, err := os.ReadFile(filepath.Join(one.stage.flags.state, operatorsFile))
	one.must(err)
	b := touchtest.Start(t, 1280, 800)
	b.Open(strings.TrimSpace(string(said)))
	b.Wait(`document.querySelectorAll("[data-incident].highest .open").length === 3`)
	b.Shot("operators")
	second := all[1]
	b.Open(d.address + "?terminal=" + string(second.place.name))
	b.Click(`[data-incident] h2 a`)
	b.Wait(`document.getElementById("act")?.hidden === false`)
	keys := filepath.Join(one.stage.flags.state, "keys")
	if said := signsAt(b, keys, practice.TakerID, protocol.IncidentAcknowledged); !strings.Contains(said, "The centre has it") {
		t.Fatal(said)
	}
	incident := of(entries(t, second.place.journal), journal.Incident)[0]
	if e := second.learns(journal.Acknowledged, 1)[0]; e.Staff != practice.TakerID || uint64(e.Of) != incident.Seq {
		t.Errorf("%+v", e)
	}
	b.Wait(`document.querySelector("[data-state]").dataset.state === "acknowledged"`)
	b.Shot("operators-taken")
	if said := signsAt(b, keys, practice.CloserID, protocol.IncidentClosed); !strings.Contains(said, "The centre has it") {
		t.Fatal(said)
	}
	if e := second.learns(journal.Closed, 1)[0]; e.Staff != practice.CloserID || uint64(e.Of) != incident.Seq {
		t.Errorf("%+v", e)
	}
	second.prints("p05")
	for _, s := range all {
		if s != second && len(of(entries(t, s.place.journal), journal.Closed)) != 0 {
			t.Errorf("%s closed its own", s.place.name)
		}
	}
}

// TestOperatorsOfMany: while scripted applicants come to many terminals, their incidents are all on one page.
func TestOperatorsOfMany(t *testing.T) {
	state, ended := t.TempDir(), make(chan string, 1)
	go func() {
		said, code := honnindSays(t, "practice", "--state", state, "--visits", "16", "--terminals", "2", "--stranger", "--json")
		ended <- fmt.Sprint(code, " ", said)
	}()
	at := map[protocol.Terminal]bool{}
	for run := true; run; {
		select {
		case said := <-ended:
			if run = false; !strings.HasPrefix(said, "0 ") {
				t.Error(said)
			}
		case <-time.After(20 * time.Millisecond):
			address, _ := os.ReadFile(filepath.Join(state, operatorsFile)) // there is none yet
			said, _ := honnindSays(t, "incident", "list", "--all", "--json", "--centre", strings.TrimSpace(string(address)))
			for line := range strings.Lines(said) {
				var n noticed
				if json.Unmarshal([]byte(line), &n) == nil {
					at[n.Terminal] = true
				}
			}
		}
	}
	if !at["PRACTICE-01"] || !at["PRACTICE-02"] {
		t.Errorf("incidents of %v were seen", at)
	}
}
