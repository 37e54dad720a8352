package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"honnin/config/policy"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/fleet"
	"honnin/daemon/identity"
	"honnin/daemon/provision"
)

// begin puts a first policy in force that names an authority for terminals' certificates, which openssl made.
func (f *field) begin() {
	f.Helper()
	f.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "terminals.key", "-out", "terminals.pem", "-subj", "/CN=Terminals", "-days", "2")
	draft := string(signedtest.New(f.T, time.Now()).Text(signedtest.Head{}))
	draft = draft[:strings.Index(draft, "[[policy_keys.key]]")]
	for _, k := range []string{"a", "b", "c"} {
		draft += "[[policy_keys.key]]\nname = \"" + k + "\"\npem = \"" + k + ".pem\"\n"
	}
	draft += "[terminal_keys]\nanchors = [\"terminals.pem\"]\n"
	write(f.T, filepath.Join(f.office, "draft.toml"), []byte(draft))
	write(f.T, filepath.Join(f.config, provision.RootFile), []byte(f.says(exitOK, "root", "a=a.pem", "b=b.pem", "c=c.pem")))
	f.says(exitOK, "new", "--out", "1", "draft.toml")
	for _, k := range []string{"a", "b"} {
		f.says(exitOK, "sign", "--as", k, "--key", k+".key", "--certificate", k+".pem", "1/policy.toml")
	}
	f.says(exitOK, "receive", "--config", f.config, "1")
	f.says(exitOK, "apply", "--config", f.config)
}

// issue has openssl issue the certificates that were asked for, as the page for field staff shows it.
func (f *field) issue(days string) (paths []string) {
	f.Helper()
	for _, u := range identity.Uses() {
		name := string(runTerminal) + "-" + string(u)
		f.openssl("x509", "-req", "-in", name+".csr.pem", "-CA", "terminals.pem", "-CAkey", "terminals.key", "-days", days, "-copy_extensions", "copyall", "-out", name+".pem")
		paths = append(paths, name+".pem")
	}
	return paths
}

// TestKeysAtATerminal enrols, installs and renews as field staff do.
func TestKeysAtATerminal(t *testing.T) {
	f := newField(t)
	at := []string{"--config", f.config}
	keys := func(status int, args ...string) string {
		f.Helper()
		return f.honnind(status, append([]string{"keys", args[0]}, append(at, args[1:]...)...)...)
	}
	f.wants(keys(exitOK, "show"), "tls      証明書なし", "signing  証明書なし")
	f.wants(keys(exitRefused, "renew", "--out", "."), string(identity.Missing))
	f.wants(keys(exitOK, "enrol", "--out", "."), "-tls.csr.pem", "-signing.csr.pem", "証明書待ち")
	f.openssl("req", "-in", string(runTerminal)+"-tls.csr.pem", "-noout", "-verify")
	write(t, filepath.Join(f.office, "some.pem"), []byte("no certificate"))
	f.wants(keys(exitRefused, "install", "some.pem"), "policy") // there is none yet
	f.begin()
	f.wants(keys(exitRefused, "install", "some.pem"), string(identity.Malformed))
	f.wants(keys(exitRefused, "install", "a.pem"), string(identity.Unfit))
	f.wants(keys(exitOK, append([]string{"install"}, f.issue("1")...)...), "In force: the tls key", "In force: the signing key")
	f.wants(keys(exitRefused, "enrol", "--out", "."), string(identity.Here))

	before := keys(exitOK, "show")
	f.wants(before, "あと0日")
	f.wants(keys(exitOK, "renew", "--out", "."), "証明書待ち")
	f.wants(keys(exitOK, "show"), strings.Fields(before)[0])
	f.wants(keys(exitOK, append([]string{"install"}, f.issue("30")...)...), "In force")
	var shown struct {
		Terminal protocol.Terminal
		Keys     []identity.State
	}
	if err := json.Unmarshal([]byte(keys(exitOK, "show", "--json")), &shown); err != nil || shown.Terminal != runTerminal || len(shown.Keys) != 2 || shown.Keys[1].Days != 29 {
		t.Errorf("%+v, %v", shown, err)
	}
	if err := os.Chmod(filepath.Join(f.config, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.wants(keys(exitUsage, "show"), string(identity.Exposed))
}

// A stick with a link in the place of a request has nothing written through it.
func TestRequestsFollowNoLink(t *testing.T) {
	f := newField(t)
	mine := filepath.Join(f.office, "mine")
	write(t, mine, []byte("as it was"))
	stick := t.TempDir()
	for _, name := range []string{"-tls.csr.pem", "-signing.csr.pem", "-tls.csr.pem.new"} {
		if err := os.Symlink(mine, filepath.Join(stick, string(runTerminal)+name)); err != nil {
			t.Fatal(err)
		}
	}
	f.honnind(exitOK, "keys", "enrol", "--config", f.config, "--out", stick)
	if b, err := os.ReadFile(mine); err != nil || string(b) != "as it was" {
		t.Errorf("%s, %v", b, err)
	}
	for _, u := range identity.Uses() {
		if st, err := os.Lstat(filepath.Join(stick, string(runTerminal)+"-"+string(u)+".csr.pem")); err != nil || !st.Mode().IsRegular() {
			t.Error(u, "is not written in its place:", err)
		}
	}
}

// The log warns every day while a certificate is about to end by the policy in force, and not before.
func TestKeysWarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := signedtest.New(t, time.Now())
		body := o.Body
		warning := func(before string) *policy.Policy {
			o.Body = body + "\n[terminal_keys]\nwarning = \"" + before + "\"\n"
			p, err := o.Root().Open(o.Bundle(o.Text(signedtest.Head{Expires: time.Now().AddDate(1, 0, 0)})))
			if err != nil {
				t.Fatal(err)
			}
			return p.Policy
		}
		var inForce atomic.Pointer[policy.Policy]
		inForce.Store(warning("24h"))
		ca, err := sign.NewCA(sign.Template{Name: "Terminals", NotBefore: time.Now(), NotAfter: time.Now().AddDate(1, 0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		k := newKeys(t)
		if _, _, err := keysEnd(k, inForce.Load()); err == nil {
			t.Error("no certificate, and no error")
		}
		certify(t, k, identity.Signing, ca, time.Now().AddDate(0, 0, 10).Add(time.Hour))
		log, said := logtest.NewNullLogger()
		go watchKeys(t.Context(), k, inForce.Load, log)
		time.Sleep(7*24*time.Hour + time.Minute) // 3 days and an hour are left
		if n := len(said.AllEntries()); n != 0 {
			t.Errorf("%d warnings", n)
		}
		inForce.Store(warning("72h"))
		time.Sleep(3 * 24 * time.Hour)
		if n := len(said.AllEntries()); n != 3 || !strings.Contains(said.LastEntry().Message, "ends in 0 days") {
			t.Errorf("%d warnings: %v", n, said.LastEntry())
		}
	})
}

func newKeys(t *testing.T) *identity.Keys {
	t.Helper()
	k, err := identity.Open(identity.Options{Dir: filepath.Join(t.TempDir(), "keys"), Terminal: runTerminal, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// certify has an authority issue a first certificate until then.
func certify(t *testing.T, k *identity.Keys, u identity.Use, ca *sign.Pair, until time.Time) {
	t.Helper()
	request, err := k.Request(u, identity.First)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := identity.ParseRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity.Issue(ca, asked, time.Now(), until)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Install(c, nil); err != nil {
		t.Fatal(err)
	}
}

// TestFirstEnd: the heartbeat's keys_expire is the end of the certificate that ends first, and unknown without any.
func TestFirstEnd(t *testing.T) {
	o, k := signedtest.New(t, time.Now()), newKeys(t)
	end := firstEnd(k)
	if at := end(); !at.IsZero() {
		t.Errorf("no certificate ends at %s", at)
	}
	day := func(n int) time.Time { return time.Now().UTC().Truncate(time.Second).AddDate(0, 0, n) }
	late, soon := day(2), day(1)
	certify(t, k, identity.TLS, o.Keys[0], late)
	if at := end(); !at.Equal(late) {
		t.Errorf("one ends at %s, and not at %s", late, at)
	}
	certify(t, k, identity.Signing, o.Keys[0], soon)
	if at := end(); !at.Equal(soon) {
		t.Errorf("the first ends at %s, and not at %s", soon, at)
	}
}

// TestResultsComeBack brings a policy on a stick that nobody mounted, has the terminal sign what came of it, and asks at the
// office who is behind.
func TestResultsComeBack(t *testing.T) {
	f := newField(t)
	f.begin()
	at := []string{"--config", f.config}
	keys := func(args ...string) string {
		return f.honnind(exitOK, append([]string{"keys", args[0]}, append(at, args[1:]...)...)...)
	}
	stick := filepath.Join(f.office, "stick")
	if err := os.Mkdir(stick, 0o700); err != nil {
		t.Fatal(err)
	}
	f.wants(f.says(exitRefused, append(append([]string{"receive"}, at...), "--result", stick, "1")...), "nothing was taken in", string(identity.Missing)) // nothing to sign with
	keys("enrol", "--out", ".")
	keys(append([]string{"install"}, f.issue("1")...)...)
	f.wants(f.says(exitOK, append(append([]string{"receive"}, at...), "--result", stick, "1")...), "済み")
	result := filepath.Join(stick, provision.ResultName(runTerminal))
	lag := func(status int, args ...string) string {
		f.Helper()
		return f.honnind(status, append([]string{"fleet", "lag"}, args...)...)
	}
	write(t, filepath.Join(f.office, "all"), []byte(string(runTerminal)+"\nJP-99-000002\n"))
	f.wants(lag(exitOK, "--policy", "1", result), "JP-99-000001  最新 current  version 1", "give --terminals", "1 current, 0 behind")
	f.wants(lag(exitRefused, "--policy", "1", "--terminals", "all", result), "JP-99-000002  返答なし silent", "1 current, 0 behind, 0 ahead, 0 fork, 1 silent")

	draft, err := os.ReadFile(filepath.Join(f.office, "draft.toml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(f.office, "draft.toml"), []byte(strings.Replace(string(draft), `clock_skew = "5m"`, `clock_skew = "4m"`, 1)))
	f.says(exitOK, "new", "--out", "2", "--after", "1", "draft.toml")
	f.wants(lag(exitRefused, "--policy", "2", result), "遅れ behind  version 1, 1 behind, since")
	for _, k := range []string{"a", "b"} {
		f.says(exitOK, "sign", "--as", k, "--key", k+".key", "--certificate", k+".pem", "--after", "1", "2/policy.toml")
	}
	f.says(exitOK, append(append([]string{"receive"}, at...), "--result", stick, "2")...)
	var report fleet.Report
	if err := json.Unmarshal([]byte(lag(exitOK, "--policy", "2", "--json", result)), &report); err != nil || !report.Good() || report.Rows[0].Has.Version != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	b, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1]++
	write(t, filepath.Join(f.office, "forged.p7m"), b)
	f.wants(lag(exitRefused, "--policy", "2", "forged.p7m"), string(identity.Forged), "1 files not believed")
	f.wants(lag(exitUsage, "--policy", "draft.toml", result), "--policy")
	f.wants(lag(exitUsage, "--policy", "2", "--terminals", "1/policy.toml", result), "--terminals: line 1")
	f.wants(lag(exitUsage, "--policy", "2", "nowhere"), "no such file")
}

// TestDeviceAtATerminal reads a stick that nobody mounted as root, keeps what is on it as the daemon's user, and writes the
// signed result back.
func TestDeviceAtATerminal(t *testing.T) {
	f := newField(t)
	device := f.stick()
	at := []string{"--config", f.config, "--device", device}
	f.wants(f.says(exitOK, append([]string{"check"}, at...)...), "一致", "version 1 → 2")
	f.chown(4242)
	f.wants(f.says(exitOK, append([]string{"receive", "--result-back"}, at...)...), "一致", "version 1 → 2")
	f.wants(f.says(exitOK, append([]string{"check"}, at...)...), "済み")
	out, err := exec.Command("debugfs", "-R", "cat "+provision.ResultName(runTerminal), f.image).Output()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(f.office, "result.p7m"), out)
	f.wants(f.honnind(exitOK, "fleet", "lag", "--policy", "2", "result.p7m"), "current  version 2")
	for _, dir := range []string{"policy", "policy/0000000000000002", "keys"} {
		st, err := os.Stat(filepath.Join(f.config, dir))
		if err != nil || st.Sys().(*syscall.Stat_t).Uid != 4242 {
			t.Error(dir, "is not the daemon's user's", err)
		}
	}
	f.wants(f.says(exitUsage, append([]string{"receive"}, append(at, "1")...)...), "either a stick")
	f.wants(f.says(exitUsage, "check", "--config", f.config), "either a stick")
	f.wants(f.says(exitUsage, "receive", "--config", f.config, "--result-back", "1"), "either a stick")
	f.wants(f.says(exitRefused, "check", "--config", f.config, "--device", "/dev/null"), "不一致", "not a block device")
}

// second makes version 2, at a terminal with keys that has version 1.
func (f *field) second() {
	f.Helper()
	f.begin()
	f.honnind(exitOK, "keys", "enrol", "--config", f.config, "--out", ".")
	f.honnind(exitOK, append([]string{"keys", "install", "--config", f.config}, f.issue("1")...)...)
	f.says(exitOK, "new", "--out", "2", "--after", "1", "draft.toml")
	for _, k := range []string{"a", "b"} {
		f.says(exitOK, "sign", "--as", k, "--key", k+".key", "--certificate", k+".pem", "--after", "1", "2/policy.toml")
	}
}

// stick makes a block device with version 2, at a terminal with keys that has version 1.
func (f *field) stick() (device string) {
	f.Helper()
	f.second()
	f.image = filepath.Join(f.office, "image")
	write(f.T, f.image, nil)
	if err := os.Truncate(f.image, 8<<20); err != nil {
		f.Fatal(err)
	}
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", filepath.Join(f.office, "2"), f.image).CombinedOutput(); err != nil {
		f.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("losetup", "--find", "--show", f.image).Output()
	if err != nil {
		if os.Getenv("CI") == "true" {
			f.Fatal("no loop device can be had:", err)
		}
		f.Skip("no loop device can be had:", err)
	}
	device = strings.TrimSpace(string(out))
	f.Cleanup(func() {
		if err := exec.Command("losetup", "--detach", device).Run(); err != nil {
			f.Error(err)
		}
	})
	return device
}

// chown gives what is the daemon's to a user.
func (f *field) chown(user int) {
	f.Helper()
	for _, dir := range []string{"policy", "keys"} {
		err := filepath.Walk(filepath.Join(f.config, dir), func(path string, _ os.FileInfo, err error) error {
			return errors.Join(err, os.Chown(path, user, user))
		})
		if err != nil {
			f.Fatal(err)
		}
	}
	for _, name := range []string{"site.toml", provision.RootFile} {
		if err := os.Chmod(filepath.Join(f.config, name), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	for p := f.config; p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			f.Fatal(err)
		}
	}
}
