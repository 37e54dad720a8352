package operator_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/practice"
	"honnin/ui/touch/touchtest"
)

const first, second, third protocol.Terminal = "TEST-01", "TEST-02", "TEST-03"

// TestPage is everything that happens in a browser; the browser is one, each test has a tab of its own.
func TestPage(t *testing.T) {
	chromium := touchtest.Start(t, 1280, 800)
	for name, test := range map[string]func(*testing.T, *touchtest.Browser){
		"taken on and closed": takenOnAndClosed, "pages fit": pagesFit, "news arrives": newsArrives, "all that is known": allThatIsKnown, "picture": picture,
		"not signed": notSigned, "refused by the centre": refusedByTheCentre, "clock ahead": clockAhead, "signed as shown": signedAsShown, "markup": markup,
	} {
		t.Run(name, func(t *testing.T) { test(t, chromium.Tab(t, 1280, 800)) })
	}
}

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

// takenOnAndClosed: one incident among those of three terminals is taken on and closed, each with another person's key; what
// is signed is what was shown, both judges hold it good, and no key was in anything that left the browser.
func takenOnAndClosed(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	for n, at := range []protocol.Terminal{first, second, third} {
		d.raise(at, protocol.IncidentID(fmt.Sprintf("i-%d", n)), mixedUp())
	}
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

	told := d.world.Incidents()[1]
	posted := d.posted()
	if len(posted) != 2 {
		t.Fatalf("%d requests were posted", len(posted))
	}
	for n, want := range []struct{ shown, who, state string }{{shown, practice.TakerID, protocol.IncidentAcknowledged}, {shownLast, practice.CloserID, protocol.IncidentClosed}} {
		content, by, at, err := trust.VerifyAttached(posted[n])
		d.must(err)
		s, err := protocol.ParseIncidentState(content)
		d.must(err)
		if string(content) != want.shown || s.State != want.state || s.Incident != "i-1" || s.Source != protocol.SourcePrefix+string(second) || s.Event != protocol.Fingerprint(told.Text) || !s.At.Equal(at) {
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

// sound is what must hold of every page.
func sound(t *testing.T, b *touchtest.Browser, name string) {
	t.Helper()
	b.Shot(name)
	bad := append(b.Axe(), touchtest.Eval[[]string](b, `[
	  document.documentElement.scrollWidth > innerWidth && "wider than the screen",
	  document.querySelectorAll("h1").length !== 1 && "not one heading",
	  ...[...document.querySelectorAll("input, select, textarea")].filter((e) => !e.labels.length).map((e) => "no label: " + e.name),
	  ...[...document.querySelectorAll("button, select, textarea, input[type=file]")].filter((e) => e.offsetParent && e.offsetHeight < 43).map((e) => "too small to press: " + e.outerHTML),
	  ...[...document.querySelectorAll("[id]")].filter((e, i, all) => all.some((o, j) => j < i && o.id === e.id)).map((e) => "twice: " + e.id),
	].filter(Boolean)`)...)
	if len(bad) > 0 {
		t.Errorf("%s: %s", name, strings.Join(bad, "; "))
	}
}

// pagesFit: each page, wide and on a phone; the list in pages, and what is filtered.
func pagesFit(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	name := func(n int) protocol.IncidentID {
		return protocol.IncidentID(fmt.Sprintf("test-%02d-%d-0a1b2c3d", n%3+1, n))
	}
	for n := range 60 {
		data := mixedUp()
		if n%2 == 0 {
			data = protocol.IncidentData{Code: "journal-rewound", Class: "fault"}
		}
		d.raise([]protocol.Terminal{first, second, third}[n%3], name(n), data)
	}
	d.must(d.world.MoveIncident(second, name(1), protocol.IncidentClosed, strings.Repeat("長い原因", 20)))
	for _, b := range []*touchtest.Browser{b, b.Another(390, 844)} {
		at := func(page string) string { return fmt.Sprintf("%s-%d", page, touchtest.Eval[int](b, "screen.width")) }
		b.Open(d.url + "/")
		b.Wait(`document.querySelectorAll("[data-incident]").length === 25`)
		sound(t, b, at("list"))
		b.Click("#earlier")
		b.Wait(`location.search === "?page=2" && document.querySelectorAll("[data-incident]").length === 25`)
		b.Click("#earlier")
		b.Wait(`document.querySelectorAll("[data-incident]").length === 10 && !document.getElementById("earlier")`)
		if last := touchtest.Eval[string](b, `[...document.querySelectorAll("[data-incident]")].at(-1).dataset.incident`); last != string(name(0)) {
			t.Errorf("the oldest is %s", last)
		}
		b.Click("#count-closed")
		b.Wait(`document.querySelectorAll("[data-incident]").length === 1 && document.querySelector("[data-incident] .closed")`)
		b.Open(d.url + "/?terminal=TEST-02&municipality=991015")
		b.Wait(`document.querySelectorAll("[data-incident]").length === 10`)
		d.open(b, second, name(1))
		sound(t, b, at("closed"))
		f := d.open(b, first, name(3)).with(practice.CloserID+".key", practice.CloserID+".pem").closes("a cause")
		f.review()
		sound(t, b, at("review"))
		b.Open(d.url + "/incidents/TEST-01/none")
		sound(t, b, at("none"))
		b.WaitComplaint("404") // of the page itself
	}
}

// newsArrives: what is raised while the list is looked at appears there, and the focus stays where it was.
func newsArrives(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	d.raise(first, "i-1", mixedUp())
	b.Open(d.url + "/")
	b.Wait(`document.querySelectorAll("[data-incident]").length === 1`)
	touchtest.Eval[bool](b, `document.getElementById("a-TEST-01-i-1").focus(), true`)
	d.raise(second, "i-2", mixedUp())
	b.Wait(`document.querySelectorAll("[data-incident]").length === 2`)
	d.must(d.world.MoveIncident(first, "i-1", protocol.IncidentAcknowledged, ""))
	b.Wait(`document.querySelector("#i-TEST-01-i-1 .acknowledged") && document.getElementById("count-acknowledged").textContent.startsWith("1")`)
	if at := touchtest.Eval[string](b, `document.activeElement.id`); at != "a-TEST-01-i-1" {
		t.Errorf("the focus is at %q", at)
	}
}

// allThatIsKnown: the evidence, whom it was told and what it stops are on the page; what it stops is lifted when it is closed,
// and what a forgotten incident stops is said, too.
func allThatIsKnown(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	data := mixedUp()
	data.Evidence = protocol.Evidence{Serial: "R-2026-000017", Software: protocol.IssuedWith{Name: "practice-issuer", Version: "1.4.0"}, SignedBy: protocol.Digest{7}}
	d.raise(first, "i-1", data)
	told := protocol.EscalationData{Incident: "i-1", Since: protocol.At(time.Now()), Step: 1, Contact: "practice-operations", Municipality: "991015"}
	last := told
	last.Step, last.Contact, last.Over = 2, "", true
	c := d.line(first)
	defer c.Close()
	for n, e := range []protocol.EscalationData{told, last} {
		_, err := c.Escalation(t.Context(), protocol.NewEscalation(protocol.IncidentID(fmt.Sprintf("e-%d", n)), first, protocol.At(time.Now()), e))
		d.must(err)
	}
	for _, of := range []protocol.IncidentID{"i-1", "forgotten"} {
		d.must(d.world.Suspend(first, protocol.Suspension{Municipality: "991015", Since: protocol.At(time.Now()), Incident: of}))
	}
	d.raise(second, "forgotten", mixedUp()) // another's of the same name led to nothing
	d.must(d.world.Suspend(second, protocol.Suspension{Software: &protocol.SuspendedSoftware{Name: "practice-issuer", UpTo: "1.4.0"}, Since: protocol.At(time.Now()), Incident: "another"}))
	many := protocol.IncidentData{Code: "pdf-font", Class: "defective", Municipality: "991023",
		Storm: protocol.Storm{Count: 99871, Through: 204117, Last: protocol.At(time.Now().Add(time.Hour)), Transactions: []protocol.Transaction{protocol.NewTransaction()}}}
	d.raise(second, "i-9", many)
	text := func(css string) string {
		return touchtest.Eval[string](b, `document.querySelector("`+css+`").innerText`)
	}
	b.Open(d.url + "/")
	b.Wait(`document.querySelectorAll("#suspended li").length === 3`)
	for _, words := range []string{"見本市", "practice-issuer ≤ 1.4.0", "forgotten"} {
		if !strings.Contains(text("#suspended"), words) {
			t.Errorf("%q is not said to be stopped: %s", words, text("#suspended"))
		}
	}
	if row := text("#i-TEST-01-i-1"); !strings.Contains(row, "the service stops") {
		t.Error(row)
	}
	if row := text("#i-TEST-02-i-9"); !strings.Contains(row, "×99871") {
		t.Error(row)
	}
	if n := touchtest.Eval[int](b, `document.querySelectorAll("#suspended a").length`); n != 1 {
		t.Errorf("%d of those that are suspended have an incident's page", n)
	}
	sound(t, b, "list-suspended")
	b.Click(`#suspended a`)
	b.Wait(`document.getElementById("act")?.hidden === false`)
	facts := text("#facts")
	for _, words := range []string{"R-2026-000017", "practice-issuer", "1.4.0", protocol.Digest{7}.String(), data.Transaction.String(), data.Document.String(), "tag-mismatch", "証明書の発行番号"} {
		if !strings.Contains(facts, words) {
			t.Errorf("%q is not among the facts: %s", words, facts)
		}
	}
	if told := text("#history"); !strings.Contains(told, "practice-operations") || !strings.Contains(text("#suspends"), "見本市") {
		t.Error(told)
	}
	sound(t, b, "one-suspended")
	f := form{d, b}.with(practice.CloserID+".key", practice.CloserID+".pem").closes("a cause")
	f.review()
	f.send()
	b.Wait(`!document.getElementById("suspends")`)
	b.Open(d.url + "/?state=closed")
	b.Wait(`document.querySelectorAll("#suspended li").length === 2`)
}

// picture: the list as the documents show it.
func picture(t *testing.T, b *touchtest.Browser) {
	d := newDesk(t, practice.Options{})
	d.raise(first, "test-01-18-0a1b2c3d", protocol.IncidentData{Code: "fee-differs", Class: "fault", Municipality: "991031"})
	d.raise(second, "test-02-7-4e5f6071", protocol.IncidentData{Code: "pdf-font", Class: "defective", Municipality: "991023",
		Storm: protocol.Storm{Count: 412, Through: 1024, Last: protocol.At(time.Now())}})
	d.raise(third, "test-03-44-8c9daebf", mixedUp())
	d.must(d.world.MoveIncident(first, "test-01-18-0a1b2c3d", protocol.IncidentClosed, "a price that was typed wrong"))
	d.must(d.world.MoveIncident(second, "test-02-7-4e5f6071", protocol.IncidentAcknowledged, ""))
	d.must(d.world.Suspend(third, protocol.Suspension{Municipality: "991015", Since: protocol.At(time.Now()), Incident: "test-03-44-8c9daebf"}))
	b.Before(`window.fetch = () => new Promise(() => {})`) // nothing new comes into the picture
	b.Open(d.url + "/")
	b.Wait(`document.querySelectorAll("[data-incident]").length === 3`)
	touchtest.Eval[bool](b, `document.querySelectorAll("time").forEach((e) => { e.textContent = "2026-11-22 09:30:00"; }), document.fonts.ready.then(() => true)`)
	b.Pictured("list.png")
}
