package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"honnin/daemon/provision"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool/journal"
	"honnin/ui/touch/touchtest"
)

// service is a production terminal at a counter, a technician with a test card and fingers.
type service struct {
	technicians
	t      *testing.T
	world  *cardtest.World
	screen *touchtest.Browser
	card   *virtual.Card
	holder virtual.Options // of the card
	daemon *exec.Cmd
	said   noise
}

// starts runs the terminal with this test's pcscd where the machine's own is, and opens its screen.
func (s *service) starts() {
	s.t.Helper()
	address := filepath.Join(s.dir, "state", "address")
	_ = os.Remove(address)
	s.daemon = exec.CommandContext(s.t.Context(), "unshare", "--mount", "sh", "-c", `mkdir -p /run/pcscd && mount --bind "$1" /run/pcscd && shift && exec "$@"`,
		"sh", filepath.Dir(s.world.Socket()), built(s.t), "run", "--config", s.dir)
	s.daemon.Stderr = &s.said
	if err := s.daemon.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.screen.Open(awaitAddress(s.t, address))
}

// dies kills the terminal where it stands.
func (s *service) dies() {
	s.t.Helper()
	s.screen.Open("about:blank") // or the page would complain that the server is gone, and rightly
	if err := s.daemon.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = s.daemon.Wait()
}

// sample waits for a screen of the test.
func (s *service) sample(name string) {
	s.t.Helper()
	s.screen.WaitScreen(name)
	s.screen.Wait(`!!document.querySelector(".sample")`)
}

// applies makes a visit with the test card as far as the PIN, or to where the card is out.
func (s *service) applies(whole bool) {
	s.t.Helper()
	s.sample("welcome")
	if err := s.world.Place(s.card); err != nil {
		s.t.Fatal(err)
	}
	s.sample("pin")
	if !whole {
		return
	}
	s.screen.EnterPIN(cardtest.PIN)
	s.sample("choose")
	s.screen.Click(`[data-offer]:not(:disabled)`)
	s.screen.WaitScreen("options")
	s.screen.Press("choose")
	s.screen.WaitScreen("confirm")
	s.screen.Press("yes")
	s.sample("take-card")
	s.world.Pull()
}

func (s *service) own(name string) {
	s.t.Helper()
	s.screen.Wait(`document.getElementById("picture")?.dataset.screen === "` + name + `" && !document.querySelector(".sample")`)
}

// newService is such a terminal with its welcome on the screen, and the technician signed in.
func newService(t *testing.T) (s *service, c *seen, device *ippevetest.Device) {
	t.Helper()
	holder, err := cardtest.NewHolder(cardtest.RSA2048, 1266)
	if err != nil {
		t.Fatal(err)
	}
	device = ippevetest.Start(t)
	s = &service{t: t, world: cardtest.NewWorld(t), technicians: newTechnicians(t, device.URI()), holder: holder}
	s.screen = touchtest.Start(t, 1024, 768)
	if s.card, err = virtual.New(holder); err != nil {
		t.Fatal(err)
	}
	s.signer.Body += testAnchors(holder)
	if err := os.RemoveAll(filepath.Join(s.dir, "policy")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store(t).Receive(s.signer.Chain(1), provision.ByFile); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(string(s.said.Bytes()))
		}
	})
	s.starts()
	s.own("welcome")
	c, _ = s.console(t)
	c.login(s.technicians, "service")
	return s, c, device
}

// TestConsoleVisitOnRealDevices: a technician at the console, a stranger's RSA card behind pcscd, fingers in Chromium, an IPP printer,
// and the daemon as it is in the field.
func TestConsoleVisitOnRealDevices(t *testing.T) {
	s, c, device := newService(t)
	c.send("visit --test-card --json\r")
	s.applies(true)
	staffSay(s.screen, "same")
	s.sample("take-paper")
	s.screen.Press("done")
	s.own("welcome")
	said := c.until(`"code":"done"`, "> ")
	for _, row := range []string{`"step":"pin","state":"ok"`, `"step":"check","state":"ok"`, `"step":"printing","state":"ok"`, `"step":"name","state":"ok"`, `"outcome":"printed","why":null`} {
		if !strings.Contains(said, row) {
			t.Errorf("no %s in %s", row, said)
		}
	}
	if n := len(device.Tray()); n != 1 {
		t.Errorf("%d documents came out", n)
	}
	if begun := s.office.world.Counts().Begun; begun != 0 {
		t.Errorf("the terminal's own centre heard of %d transactions", begun)
	}
	heard := said
	c.send("visit --test-card\r")
	s.sample("welcome")
	c.send("\x03")
	said = c.until("Cancelled", "> ")
	s.own("welcome")
	if !strings.Contains(said, "waiting") {
		t.Errorf("nothing was said of it: %q", said)
	}
	s.dies()
	all := append(filesIn(t, filepath.Join(s.dir, "state")), left{"stderr", s.said.Bytes()}, left{"what the console said", []byte(heard + said)})
	none(t, all, slices.Concat(personal(t), anyPDF(), traces("the test card's certificate", s.holder.AuthCert),
		[]needle{{what: "its PIN", b: []byte(cardtest.PIN), word: true}}))
	s.remembers(2, "")
}

// remembers wants so many test visits, each with its end, in the terminal's own journal, nothing of any visit, and this word for why
// staff are needed.
func (s *service) remembers(times int, staff string) {
	s.t.Helper()
	j, err := journal.Copy(s.journal())
	if err != nil {
		s.t.Fatal(err)
	}
	defer j.Close()
	var got []string
	for _, e := range entries(s.t, j) {
		switch e.Kind {
		case journal.TestVisitBegun, journal.TestVisitDone:
			got = append(got, string(e.Kind))
		case journal.VisitBegun, journal.Accepted, journal.Held, journal.Ended, journal.Incident:
			s.t.Errorf("in the terminal's own journal: %s", e.Kind)
		}
	}
	want := slices.Repeat([]string{"test-visit-begun", "test-visit-done"}, times)
	if why, err := j.StaffNeeded(); err != nil || why != staff || !slices.Equal(got, want) {
		s.t.Errorf("staff are needed for %q, %v; %q", why, err, got)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "state", testVisitDir)); !os.IsNotExist(err) {
		s.t.Error("its directory is there still:", err)
	}
}
