package operator_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/practice"
	"honnin/ui/touch/touchtest"
)

const first, second, third protocol.Terminal = "TEST-01", "TEST-02", "TEST-03"

// openssl verifies what the browser signed with another's program.
func openssl(t *testing.T, der, certificate string) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is missing (Debian package openssl)")
		}
		t.Skip("openssl is missing")
	}
	out, err := exec.Command(path, "cms", "-verify", "-binary", "-inform", "DER", "-in", der, "-noverify", "-certfile", certificate, "-nointern").Output()
	if err != nil {
		t.Fatalf("openssl: %v", err)
	}
	return string(out)
}

// TestTakenOnAndClosed: one incident among those of three terminals is taken on and closed, each with another person's key; what
// is signed is what was shown, both judges hold it good, and no key was in anything that left the browser.
func TestTakenOnAndClosed(t *testing.T) {
	d := newDesk(t, practice.Options{})
	for n, at := range []protocol.Terminal{first, second, third} {
		d.raise(at, protocol.IncidentID(fmt.Sprintf("i-%d", n)), mixedUp())
	}
	b := touchtest.Start(t, 1280, 800)
	b.Open(d.url + "/")
	b.Wait(`document.querySelectorAll("[data-incident]").length === 3`)
	b.Click(`[data-incident="i-1"] h2 a`)
	b.Wait(`document.getElementById("act")?.hidden === false`)
	f := form{d, b}.with(practice.TakerID+".key", practice.TakerID+".pem")
	shown := f.review()
	if signer := touchtest.Eval[string](b, `document.getElementById("signer").textContent`); !strings.Contains(signer, practice.TakerID) || !strings.Contains(signer, "practice centre/taker") {
		t.Errorf("the signer is said to be %q", signer)
	}
	if said := f.send(); !strings.Contains(said, "The centre has it") {
		t.Fatal(said)
	}
	d.is(second, "i-1", protocol.IncidentAcknowledged)
	b.Wait(`document.querySelector("#history [data-step=acknowledged]")?.textContent.includes("` + practice.TakerID + `")`)

	closing := f.with(practice.CloserID+".key", practice.CloserID+".pem").closes("一つの名前のファイル")
	shownLast := closing.review()
	if said := closing.send(); !strings.Contains(said, "The centre has it") {
		t.Fatal(said)
	}
	d.is(second, "i-1", protocol.IncidentClosed)
	d.is(first, "i-0", protocol.IncidentOpen)
	b.Wait(`document.querySelector("[data-state]").dataset.state === "closed" && document.querySelector("#history .cause").textContent === "一つの名前のファイル"`)

	posted := d.posted()
	if len(posted) != 2 {
		t.Fatalf("%d requests were posted", len(posted))
	}
	for n, want := range []struct{ shown, who, state string }{{shown, practice.TakerID, protocol.IncidentAcknowledged}, {shownLast, practice.CloserID, protocol.IncidentClosed}} {
		content, by, at, err := trust.VerifyAttached(posted[n])
		d.must(err)
		s, err := protocol.ParseIncidentState(content)
		d.must(err)
		if string(content) != want.shown || s.State != want.state || s.Incident != "i-1" || s.Source != protocol.SourcePrefix+string(second) || !s.At.Equal(at) {
			t.Errorf("signed is %q at %v, shown was %q", content, at, want.shown)
		}
		der := filepath.Join(t.TempDir(), "state.p7s")
		d.must(os.WriteFile(der, posted[n], 0o600))
		if out := openssl(t, der, d.file(want.who+".pem")); out != want.shown {
			t.Errorf("openssl reads %q", out)
		}
		if !bytes.Contains(posted[n], by.Raw) {
			t.Error("no certificate inside")
		}
	}
	d.keptSecret(practice.TakerID+".key", practice.CloserID+".key")
	if far := b.Stranger(d.url); len(far) != 0 {
		t.Errorf("the page asked elsewhere: %v", far)
	}
}
