package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
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

// The log warns every day while a certificate is about to end, and not before.
func TestKeysWarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := signedtest.New(t, time.Now())
		o.Body += "\n[terminal_keys]\nwarning = \"72h\"\n"
		p, err := o.Root().Open(o.Bundle(o.Text(signedtest.Head{Expires: time.Now().AddDate(1, 0, 0)})))
		if err != nil {
			t.Fatal(err)
		}
		ca, err := sign.NewCA(sign.Template{Name: "Terminals", NotBefore: time.Now(), NotAfter: time.Now().AddDate(1, 0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		k, err := identity.Open(identity.Options{Dir: filepath.Join(t.TempDir(), "keys"), Terminal: runTerminal, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := keysEnd(k, p.Policy); err == nil {
			t.Error("no certificate, and no error")
		}
		request, err := k.Request(identity.Signing, identity.First)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := identity.ParseRequest(request)
		if err != nil {
			t.Fatal(err)
		}
		c, err := identity.Issue(ca, asked, time.Now(), time.Now().AddDate(0, 0, 10).Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Install(c, nil); err != nil {
			t.Fatal(err)
		}
		log, said := logtest.NewNullLogger()
		go watchKeys(t.Context(), k, p.Policy, log)
		time.Sleep(7*24*time.Hour + time.Minute) // 3 days and an hour are left
		if n := len(said.AllEntries()); n != 0 {
			t.Errorf("%d warnings", n)
		}
		time.Sleep(3 * 24 * time.Hour)
		if n := len(said.AllEntries()); n != 3 || !strings.Contains(said.LastEntry().Message, "ends in 0 days") {
			t.Errorf("%d warnings: %v", n, said.LastEntry())
		}
	})
}
