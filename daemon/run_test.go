package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/practice"
	"honnin/daemon/practice/pki"
	"honnin/daemon/provision"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/printer/ippevetest"
	"honnin/spool/journal"
	"honnin/ui/touch/touchtest"
)

// office is a practice world whose anchors were issued anew without the practice marker, as a production policy has
// them: the same keys and names, so that everything below them stays true.
type office struct {
	world  *practice.World
	dir    string // of site.toml
	policy string
}

const runTerminal protocol.Terminal = "JP-99-000001"

func newOffice(t *testing.T, printer string) *office {
	t.Helper()
	keys := t.TempDir()
	w, err := practice.Start(practice.Options{State: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	o := &office{world: w, dir: t.TempDir(), policy: unmarked(t, w.Policy(), keys)}
	access, err := w.Access(runTerminal)
	if err != nil {
		t.Fatal(err)
	}
	provide(t, o.dir, o.policy)
	enrol(t, w, o.dir)
	write(t, filepath.Join(o.dir, "centre-ca.pem"), anchorOf(t, keys, "tls/ca"))
	write(t, filepath.Join(o.dir, "site.toml"), fmt.Appendf(nil, `version = 1
terminal = %q
channel = "counter"
payment = "attended"
reader = "pcsc"
listen = "127.0.0.1:0"
state = "state"
policy = "policy"
keys = "keys"
[printer]
address = %q
[centre]
url = %q
ca = "centre-ca.pem"
`, runTerminal, printer, access.URL))
	return o
}

// enrol has the world issue the certificates of a configured terminal.
func enrol(t *testing.T, w *practice.World, dir string) {
	t.Helper()
	if _, err := enrolled(w, filepath.Join(dir, "keys"), runTerminal); err != nil {
		t.Fatal(err)
	}
}

// provide signs a policy, and has the terminal of a configuration directory receive it.
func provide(t *testing.T, dir, text string) {
	t.Helper()
	o := signedtest.New(t, time.Now())
	o.Body = text
	write(t, filepath.Join(dir, provision.RootFile), o.RootText())
	s, err := provision.Open(provision.Options{Dir: filepath.Join(dir, "policy"), Root: o.Root(), Terminal: runTerminal, Now: time.Now, Practice: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(o.Chain(1), provision.ByFile); err != nil {
		t.Fatal(err)
	}
}

// pairs reads the practice world's keys and certificates from its state directory.
func pairs(t *testing.T, dir string) map[string]*sign.Pair {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, pki.FileName))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*sign.Pair{}
	for {
		key, rest := pem.Decode(b)
		if key == nil {
			return out
		}
		cert, rest := pem.Decode(rest)
		k, err := x509.ParsePKCS8PrivateKey(key.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(cert.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out[cert.Headers["Honnin-Practice"]] = &sign.Pair{Certificate: c, Key: k.(crypto.Signer)}
		b = rest
	}
}

func anchorOf(t *testing.T, dir, name string) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pairs(t, dir)[name].Certificate.Raw})
}

// unmarked replaces every marked anchor in a policy by one of the same key and name without the marker.
func unmarked(t *testing.T, policy, keys string) string {
	t.Helper()
	replaced := 0
	for _, p := range pairs(t, keys) {
		old := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw}))
		if !trust.IsPractice(p.Certificate) || !strings.Contains(policy, old) {
			continue
		}
		again, err := sign.NewCA(sign.Template{Subject: &p.Certificate.Subject, Key: p.Key, PathLen: -1,
			NotBefore: p.Certificate.NotBefore, NotAfter: p.Certificate.NotAfter})
		if err != nil {
			t.Fatal(err)
		}
		policy = strings.ReplaceAll(policy, old, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: again.Certificate.Raw})))
		replaced++
	}
	if replaced < 8 {
		t.Fatalf("only %d anchors", replaced)
	}
	return policy
}

// TestRun: a configured terminal, from site.toml to a sheet: pcscd, a card, a screen, an IPP printer, money at a
// counter.
func TestRun(t *testing.T) {
	world := cardtest.NewWorld(t)
	device := ippevetest.Start(t)
	o := newOffice(t, device.URI())
	// A production run takes no other pcscd than the machine's own: here its socket is put where that one has it.
	c := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", `mkdir -p /run/pcscd && mount --bind "$1" /run/pcscd && shift && exec "$@"`,
		"sh", filepath.Dir(world.Socket()), built(t), "run", "--config", o.dir)
	var said strings.Builder
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("ended with %v\n%s", err, said.String())
		}
	}
	screen := touchtest.Start(t, 1024, 768)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.String())
		}
	})
	screen.Open(awaitAddress(t, filepath.Join(o.dir, "state", "address")))
	screen.WaitScreen("welcome")
	visitAs(t, world, o, screen)
	staffSay(screen, "same")
	screen.WaitScreen("take-paper")
	screen.Press("done")
	screen.WaitScreen("done")
	staffOpenIt(t, world, device, o, screen)
	if complaints := screen.Complaints(); len(complaints) != 0 {
		t.Errorf("%v", complaints)
	}
	screen.Open("about:blank") // or the page would complain that the server is gone, and rightly
	stop()
	if n := len(device.Tray()); n != 1 {
		t.Errorf("%d documents came out", n)
	}
	runOutcome(t, filepath.Join(o.dir, "state", "journal.db"), o.world)
	if (needle{b: []byte("3456"), word: true}).in([]byte(said.String())) { // a digest may have these digits, too
		t.Error("the PIN is in the log")
	}
	if !strings.Contains(said.String(), "the inspection child is confined") {
		t.Errorf("not said what holds the inspection child:\n%s", said.String())
	}
}

// staffOpenIt: the paper jams, the terminal closes, and only a word of staff opens it.
func staffOpenIt(t *testing.T, world *cardtest.World, device *ippevetest.Device, o *office, screen *touchtest.Browser) {
	t.Helper()
	staff := func(word string) (string, int) {
		c := exec.CommandContext(t.Context(), built(t), "staff", "--config", o.dir, "--as", "s-007", word)
		out, _ := c.CombinedOutput()
		return string(out), c.ProcessState.ExitCode()
	}
	if out, code := staff("ready"); code == exitOK || !strings.Contains(out, "in service") {
		t.Errorf("exit %d: %s", code, out)
	}
	device.Behave(ippevetest.Behaviour{Mode: "stop", Reason: "media-jam-error"})
	screen.Press("done")
	screen.WaitScreen("welcome")
	visitAs(t, world, o, screen)
	screen.WaitScreen("failed-paper")
	device.Behave(ippevetest.Behaviour{Mode: "print"})
	if out, code := staff("reopen"); code != exitUsage || !strings.Contains(out, "honnind incident list") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := staff("ready"); code != exitOK {
		t.Errorf("exit %d: %s", code, out)
	}
	screen.WaitScreen("welcome")
	if out, code := staff("dance"); code != exitUsage {
		t.Errorf("exit %d: %s", code, out)
	}
}

// visitAs makes a visit as p03 up to the taking of the card.
func visitAs(t *testing.T, world *cardtest.World, o *office, screen *touchtest.Browser) {
	t.Helper()
	card, err := o.world.Card("p03")
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Place(card); err != nil {
		t.Fatal(err)
	}
	screen.WaitScreen("pin")
	screen.EnterPIN("3456")
	screen.WaitScreen("choose")
	screen.Click(`[data-offer]:not(:disabled)`)
	screen.WaitScreen("options")
	screen.Press("choose")
	screen.WaitScreen("confirm")
	screen.Press("yes")
	screen.WaitScreen("take-card")
	world.Pull()
}

func runOutcome(t *testing.T, path string, w *practice.World) {
	t.Helper()
	j, err := journal.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	var ended []protocol.Outcome
	staff := map[journal.Kind]string{}
	if err := j.Each(func(e journal.Entry) error {
		if e.Kind == journal.Ended {
			ended = append(ended, e.Outcome)
			if at, _ := w.Outcome(e.Transaction); e.Outcome != at {
				t.Errorf("%s in the journal, %s at the centre", e.Outcome, at)
			}
		}
		if e.Staff != "" {
			staff[e.Kind] = e.Staff
		}
		return nil
	}); err != nil || len(ended) != 2 || ended[0] != protocol.Printed || ended[1] == protocol.Printed {
		t.Errorf("outcomes %v, %v", ended, err)
	}
	if staff[journal.StaffReady] != "s-007" {
		t.Errorf("the word of staff is not in the journal: %v", staff)
	}
}

func awaitAddress(t *testing.T, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if b, err := os.ReadFile(path); err == nil && strings.HasSuffix(string(b), "\n") {
			return strings.TrimSpace(string(b))
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("the terminal did not start")
	return ""
}

// TestRunWithoutItsPrinter: a terminal whose printer is not on USB starts, says so and what to do, and ends when asked.
func TestRunWithoutItsPrinter(t *testing.T) {
	o := newOffice(t, "usb:ffff:ffff")
	write(t, filepath.Join(o.dir, "policy.toml"), []byte(o.policy+"\n[devices]\nprinters = [\"usb\"]\nusb = [\"ffff:ffff\"]\n"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	endsAfter(ctx, t, o.dir, "the printer on USB cannot be used", "honnind devices")
}

// endsAfter asks a terminal to end once it has said all of these in one line.
func endsAfter(ctx context.Context, t *testing.T, dir string, words ...string) {
	t.Helper()
	c := exec.CommandContext(ctx, built(t), "run", "--config", dir)
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	found := false
	for s := bufio.NewScanner(said); s.Scan(); {
		fmt.Fprintln(&all, s.Text())
		if !found && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(s.Text(), w) }) {
			found = true
			_ = c.Process.Signal(os.Interrupt)
		}
	}
	if err := c.Wait(); err != nil || !found {
		t.Errorf("%v, said so: %t\n%s", err, found, all.String())
	}
}

// TestRunForbiddenCentre: not one connection is made to a centre that the policy in force does not name.
func TestRunForbiddenCentre(t *testing.T) {
	o := newOffice(t, "ipp://127.0.0.1:1/ipp/print")
	if err := os.RemoveAll(filepath.Join(o.dir, "policy")); err != nil {
		t.Fatal(err)
	}
	provide(t, o.dir, elsewhere(o))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	access, err := o.world.Access(runTerminal)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.dir, "site.toml")
	site, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, bytes.Replace(site, []byte(access.URL), []byte("https://"+l.Addr().String()), 1))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	came := make(chan int, 1)
	go func() {
		n := 0
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			n++
			_ = c.Close()
			cancel()
		}
		came <- n
	}()
	endsAfter(ctx, t, o.dir, "policies: the centre", "the site's is none of them") // the first heartbeat was not sent
	_ = l.Close()
	if n := <-came; n > 0 {
		t.Errorf("%d connections", n)
	}
}

// TestRunUnfit: a terminal whose policy does not suit its site starts, out of service, and says why: it takes the next one.
func TestRunUnfit(t *testing.T) {
	for name, c := range map[string]struct {
		policy func(*office) string
		words  string
	}{
		"printer":          {adding("[devices]\nprinters = [\"ipps\"]"), "the policy allows no printer"},
		"reader":           {adding("[devices]\nreaders = [\"usb\"]"), "the policy allows no reader"},
		"another centre":   {elsewhere, "the site's is none of them"},
		"practice anchors": {func(o *office) string { return o.world.Policy() }, "practice anchors"},
		"keys of others": {func(o *office) string {
			return o.policy + "\n[terminal_keys]\nanchors = [\"\"\"\n" + signedtest.Armour(signedtest.New(t, time.Now()).Keys[0].Certificate) + "\"\"\"]\n"
		}, "key-untrusted"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, "ipp://127.0.0.1:1/ipp/print")
			if err := os.RemoveAll(filepath.Join(o.dir, "policy")); err != nil {
				t.Fatal(err)
			}
			provide(t, o.dir, c.policy(o))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			endsAfter(ctx, t, o.dir, "no visit begins before another policy", c.words)
		})
	}
}

// elsewhere names another centre than the office's.
func elsewhere(o *office) string {
	return strings.Replace(o.policy, "\n[centre]\n", "\n[centre]\nurls = [\"https://another.example\"]\n", 1)
}

func adding(text string) func(*office) string {
	return func(o *office) string { return o.policy + "\n" + text + "\n" }
}

// TestRunRefuses what only practice may have, with exit status 2 and the reason in words.
func TestRunRefuses(t *testing.T) {
	o := newOffice(t, "ipp://127.0.0.1:1/ipp/print")
	site, err := os.ReadFile(filepath.Join(o.dir, "site.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, env, want string }{
		"virtual reader":    {old: `"pcsc"`, new: `"virtual"`, want: "reader"},
		"directory printer": {old: "ipp://127.0.0.1:1/ipp/print", new: "dir:/tmp/sheets", want: "printer.address"},
		"which usb printer": {old: "ipp://127.0.0.1:1/ipp/print", new: "usb:Canon", want: "printer.address"},
		"pcscd elsewhere":   {env: "PCSCLITE_CSOCK_NAME=/tmp/elsewhere", want: "another pcscd"},
		"policy not signed": {old: `policy = "policy"`, new: `policy = "site.toml"`, want: "signed policies only"},
		"unknown key":       {old: "version = 1", new: "version = 1\nskip_check = true", want: "skip_check"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			enrol(t, o.world, dir)
			ca, err := os.ReadFile(filepath.Join(o.dir, "centre-ca.pem"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "centre-ca.pem"), ca)
			provide(t, dir, o.policy)
			write(t, filepath.Join(dir, "site.toml"), []byte(strings.Replace(string(site), c.old, c.new, 1)))
			cmd := exec.CommandContext(t.Context(), built(t), "run", "--config", dir)
			cmd.Env = append(os.Environ(), c.env)
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), c.want) {
				t.Errorf("exit %d: %s", cmd.ProcessState.ExitCode(), out)
			}
		})
	}
}
