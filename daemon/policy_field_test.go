package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/daemon/provision"
)

// field is an office with three keys made by openssl, and a terminal's configuration directory.
type field struct {
	*testing.T
	office, config string
	image          string   // of a stick
	as             []string // before the arguments: honnind, as root
}

func newField(t *testing.T) *field {
	t.Helper()
	needPrograms(t, map[string]string{"openssl": "openssl"})
	f := &field{T: t, office: t.TempDir(), config: t.TempDir(), as: asRoot(t)}
	for _, name := range []string{"a", "b", "c", "stranger"} {
		f.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name+".key", "-out", name+".pem", "-subj", "/CN=Policy Key", "-days", "2")
	}
	write(t, filepath.Join(f.config, "site.toml"), fmt.Appendf(nil, `version = 1
terminal = %q
channel = "store"
payment = "none"
reader = "pcsc"
listen = "127.0.0.1:0"
state = "state"
policy = "policy"
keys = "keys"
[printer]
address = "ipp://127.0.0.1:1/ipp/print"
[centre]
url = "https://127.0.0.1:1"
ca = "centre-ca.pem"
`, runTerminal))
	return f
}

func (f *field) openssl(args ...string) {
	f.Helper()
	c := exec.CommandContext(f.Context(), "openssl", args...)
	c.Dir = f.office
	if out, err := c.CombinedOutput(); err != nil {
		f.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
}

// says runs "honnind policy", wants an exit status, and returns what it said.
func (f *field) says(status int, args ...string) string {
	f.Helper()
	return f.honnind(status, append([]string{"policy"}, args...)...)
}

func (f *field) honnind(status int, args ...string) string {
	f.Helper()
	c := exec.CommandContext(f.Context(), f.as[0], append(f.as[1:], args...)...)
	c.Dir = f.office
	out, _ := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != status {
		f.Fatalf("%v: exit %d, want %d\n%s", args, got, status, out)
	}
	return string(out)
}

// asRoot is a command line that runs honnind as root, or as what is root in a user namespace, since the root file must
// belong to root.
func asRoot(t *testing.T) []string {
	t.Helper()
	if os.Getuid() == rootOwner {
		return []string{built(t)}
	}
	if err := exec.Command("unshare", "--map-root-user", "true").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("neither root nor user namespaces:", err)
		}
		t.Skip("neither root nor user namespaces:", err)
	}
	return []string{"unshare", "--map-root-user", built(t)}
}

func (f *field) wants(said string, words ...string) {
	f.Helper()
	for _, w := range words {
		if !strings.Contains(said, w) {
			f.Errorf("want %q in:\n%s", w, said)
		}
	}
}

// TestFieldStaff walks the whole way, as the office and then field staff do: keys, root, draft, signatures by honnind and by
// plain openssl, a stick, a look, in, in force; then the next version, and what must not get in.
func TestFieldStaff(t *testing.T) {
	f := newField(t)
	o := signedtest.New(t, time.Now()) // only for a draft's text
	draft := string(o.Text(signedtest.Head{}))
	draft = draft[:strings.Index(draft, "[[policy_keys.key]]")]
	for _, k := range []string{"a", "b", "c"} {
		draft += fmt.Sprintf("[[policy_keys.key]]\nname = %q\npem = \"%s.pem\"\n", k, k)
	}
	write(t, filepath.Join(f.office, "draft.toml"), []byte(draft))
	write(t, filepath.Join(f.config, provision.RootFile), []byte(f.says(exitOK, "root", "a=a.pem", "b=b.pem", "c=c.pem")))

	nobody := []string{"warning: the terminal itself: nobody may close", "warning: the terminal itself: no contact", "warning: no signer of the centre"}
	f.wants(f.says(exitOK, "new", "--out", "1", "draft.toml"), nobody...)
	f.wants(f.says(exitOK, "sign", "--as", "a", "--key", "a.key", "--certificate", "a.pem", "1/policy.toml"), nobody...)
	f.openssl("cms", "-sign", "-binary", "-cades", "-outform", "DER", "-signer", "b.pem", "-inkey", "b.key", "-in", "1/policy.toml", "-out", "1/policy.toml.b.p7s")
	at := []string{"--config", f.config}
	f.wants(f.says(exitOK, append(at, "check", "1")...), append(nobody, "一致", "Fits terminal JP-99-000001: version none → 1, signed by a and b")...)
	f.wants(f.says(exitRefused, append(at, "apply")...), string(signed.Missing)) // a check takes nothing in
	f.says(exitOK, append(at, "receive", "1")...)
	f.wants(f.says(exitOK, append(at, "apply")...), "version 1", "now in force")

	write(t, filepath.Join(f.office, "draft.toml"), []byte(strings.Replace(draft, `clock_skew = "5m"`, `clock_skew = "4m"`, 1)))
	f.says(exitOK, "new", "--out", "2", "--after", "1", "draft.toml")
	f.wants(f.says(exitOK, "diff", "1", "2"), "5m", "4m")
	f.nextVersion(at)
	f.wants(f.says(exitOK, append(at, "history")...), "by stick", "applied", "signed by b, c")
	f.refused(at)
}

// nextVersion signs version 2, the first by one key and the second by cosign, and brings it beside version 1.
func (f *field) nextVersion(at []string) {
	f.Helper()
	c := []string{"--as", "c", "--key", "c.key", "--certificate", "c.pem", "--after", "1", "2/policy.toml"}
	b := []string{"--as", "b", "--key", "b.key", "--certificate", "b.pem", "--after", "1", "2/policy.toml"}
	f.wants(f.says(exitRefused, append([]string{"cosign"}, b...)...), "nobody signed it yet")
	f.wants(f.says(exitOK, append([]string{"sign"}, c...)...), "4m")
	f.wants(f.says(exitRefused, append([]string{"cosign"}, c...)...), "by the same key")
	f.wants(f.says(exitRefused, append(at, "check", "2")...), "不一致", string(signed.Unsigned))
	f.says(exitOK, append([]string{"cosign"}, b...)...)

	stick := filepath.Join(f.office, "stick")
	for _, v := range []string{"1", "2"} {
		if err := os.CopyFS(filepath.Join(stick, v), os.DirFS(filepath.Join(f.office, v))); err != nil {
			f.Fatal(err)
		}
	}
	f.wants(f.says(exitOK, append(at, "receive", stick)...), "version 1 → 2, signed by b and c", "4m")
	f.wants(f.says(exitOK, append(at, "receive", stick)...), "済み", "Already here")
	f.wants(f.says(exitOK, append(at, "apply")...), "version 2", "now in force")
	f.wants(f.says(exitOK, append(at, "apply")...), "nothing newer is due")
}

// refused is what must not get in, nor out of the office.
func (f *field) refused(at []string) {
	f.Helper()
	f.wants(f.says(exitRefused, append(at, "receive", "1")...), string(signed.Rollback))
	f.wants(f.says(exitUsage, "sign", "--as", "stranger", "--key", "stranger.key", "--certificate", "stranger.pem", "2/policy.toml"), "no policy key")
	f.wants(f.says(exitUsage, "sign", "--as", "a", "--key", "b.key", "--certificate", "a.pem", "2/policy.toml"), "not that of the certificate")
	f.wants(f.says(exitUsage, "new", "--out", "3", "--after", "nowhere", "draft.toml"), "no such file")
	f.wants(f.says(exitUsage, "new", "--out", "3", "--after", "2", "--version", "2", "draft.toml"), "3 is the next")
	f.wants(f.says(exitOK, "new", "--out", "9", "--after", "2", "--version", "9", "draft.toml"), "version 9")
	a := []string{"sign", "--as", "a", "--key", "a.key", "--certificate", "a.pem"}
	f.wants(f.says(exitRefused, append(a, "--after", "1", "9/policy.toml")...), "no terminal would take it", string(signed.Gap))
	f.wants(f.says(exitRefused, append(a, "--after", "9", "2/policy.toml")...), "no terminal would take it", string(signed.Rollback))
	f.wants(f.says(exitOK, append(a, "--after", "2", "9/policy.toml")...), "signed version 9")
	f.wants(f.says(exitFailure, "new", "--out", "2", "--after", "1", "draft.toml"), "exists") // what was signed is not written over
	if err := os.Chmod(filepath.Join(f.config, provision.RootFile), 0o666); err != nil {
		f.Fatal(err)
	}
	f.wants(f.says(exitUsage, append(at, "history")...), "writable by nobody else")
}

// TestSaysWhatWasNotTaken: a policy that nobody could judge is said, and ends in another status than 0, whatever is beside it;
// and where no result can be signed nothing is taken in.
func TestSaysWhatWasNotTaken(t *testing.T) {
	f := newField(t)
	f.begin()
	f.says(exitOK, "new", "--out", "2", "--after", "1", "draft.toml")
	sign := func(key string) {
		f.Helper()
		f.says(exitOK, "sign", "--as", key, "--key", key+".key", "--certificate", key+".pem", "--after", "1", "2/policy.toml")
	}
	sign("a")
	stick := func(name string, versions ...string) string {
		for _, v := range versions {
			if err := os.CopyFS(filepath.Join(f.office, name, v), os.DirFS(filepath.Join(f.office, v))); err != nil {
				t.Fatal(err)
			}
		}
		return name
	}
	at := []string{"--config", f.config}
	if err := os.MkdirAll(filepath.Join(f.office, "few", "2026"), 0o700); err != nil {
		t.Fatal(err)
	}
	said := f.says(exitRefused, append(at, "check", stick("few", "1", "2"))...)
	f.wants(said, "不一致", string(signed.Unsigned), "left out: policy-here", "passed over: directory 2026")
	if n := strings.Count(said, string(signed.Unsigned)); n != 1 {
		t.Errorf("the same refusal %d times:\n%s", n, said)
	}
	sign("b")
	f.wants(f.says(exitRefused, append(at, "receive", "--result", f.office, "2")...), "nothing was taken in", "key-missing")
	f.wants(f.says(exitOK, append(at, "apply")...), "version 1", "nothing newer is due")

	f.says(exitOK, "new", "--out", "3", "--after", "2", "draft.toml")
	f.wants(f.says(exitRefused, append(at, "receive", stick("more", "1", "2", "3"))...), "一致", "version 1 → 2", "left out: policy-unsigned")
	f.wants(f.says(exitOK, append(at, "apply")...), "version 2", "now in force")
	f.wants(f.says(exitOK, append(at, "check", stick("good", "1", "2"))...), "済み", "left out: policy-rollback: version 1")
}
