package console

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"honnin/config/policy"
)

// armour signs as ssh-keygen does, in Go.
func armour(t testing.TB, k crypto.Signer, namespace, message string) string {
	t.Helper()
	s, err := ssh.NewSignerFromSigner(k)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := sshsig.Sign(strings.NewReader(message), s, sshsig.HashSHA512, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return string(sshsig.Armor(sig))
}

// keygen is a directory with keys of the real ssh-keygen.
type keygen struct {
	testing.TB
	dir string
}

func newKeygen(t testing.TB) keygen {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ssh-keygen is missing (Debian package openssh-client)")
		}
		t.Skip("needs openssh-client")
	}
	return keygen{t, t.TempDir()}
}

func (k keygen) run(in string, args ...string) string {
	k.Helper()
	c := exec.Command("ssh-keygen", args...)
	c.Dir, c.Stdin = k.dir, strings.NewReader(in)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		k.Fatalf("ssh-keygen %v: %v %s", args, err, stderr.String())
	}
	return string(out)
}

// key makes one and returns its public line.
func (k keygen) key(name string, args ...string) string {
	k.Helper()
	k.run("", append([]string{"-q", "-N", "", "-C", "x", "-f", name}, args...)...)
	b, err := os.ReadFile(filepath.Join(k.dir, name+".pub"))
	if err != nil {
		k.Fatal(err)
	}
	return strings.Join(strings.Fields(string(b))[:2], " ")
}

func (k keygen) sign(name, namespace, message string, more ...string) string {
	k.Helper()
	return k.run(message, append([]string{"-Y", "sign", "-n", namespace, "-f", name}, more...)...)
}

var signedAt = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

func ask(t testing.TB, terminal string, r policy.Role) challenge {
	t.Helper()
	c, err := newChallenge("YOKOHAMA-0012", r, signedAt, rand.Reader)
	if terminal != "" {
		c.lines[0] = strings.ReplaceAll(c.lines[0], "YOKOHAMA-0012", terminal)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c challenge) text() string { return c.messages()[1] }

// TestSignatures: what the real ssh-keygen signs, with every key and line ending that we take.
func TestSignatures(t *testing.T) {
	k := newKeygen(t)
	keys := []Key{{ID: "ed", SSH: k.key("ed", "-t", "ed25519"), Role: policy.Service}, {ID: "p256", SSH: k.key("p256", "-t", "ecdsa", "-b", "256"), Role: policy.Look}}
	c := ask(t, "", policy.Look)
	for _, key := range keys {
		for i, m := range c.messages() {
			for _, hash := range []string{"sha512", "sha256"} {
				s := k.sign(key.ID, Namespace, m, "-O", "hashalg="+hash)
				for _, form := range []string{s, strings.ReplaceAll(s, "\n", "\r\n"), strings.ReplaceAll(s, "\n", "\r"), "\n\n" + s + "\n  \n", strings.TrimSpace(s)} {
					if got, code := c.judge([]byte(form), keys, signedAt.Add(ChallengeLife)); code != "" || got.ID != key.ID {
						t.Errorf("%s, message %d, %s: %q %q", key.ID, i, hash, got.ID, code)
					}
				}
			}
		}
	}
	if !strings.HasPrefix(c.text(), "honnin-console:YOKOHAMA-0012:look:20261122T140000Z\n") || len(c.lines[1]) != 43 {
		t.Errorf("%q", c.text())
	}
}

// TestAttacks: each by name, with real keys, and the one word that it gets.
func TestAttacks(t *testing.T) {
	k := newKeygen(t)
	keys := []Key{{ID: "ed", SSH: k.key("ed", "-t", "ed25519"), Role: policy.Service},
		{ID: "gone", SSH: k.key("gone", "-t", "ed25519"), Role: policy.Service, Expired: true},
		{ID: "looker", SSH: k.key("looker", "-t", "ed25519"), Role: policy.Look},
		{ID: "rsa", SSH: k.key("rsa", "-t", "rsa", "-b", "2048"), Role: policy.Service},
		{ID: "p384", SSH: k.key("p384", "-t", "ecdsa", "-b", "384"), Role: policy.Service},
		{ID: "broken", SSH: "ssh-ed25519 AAAA", Role: policy.Service}}
	k.key("stranger", "-t", "ed25519")
	k.key("ca", "-t", "ed25519")
	k.run("", "-q", "-s", "ca", "-I", "x", "ed.pub")
	certificate, err := os.ReadFile(filepath.Join(k.dir, "ed-cert.pub"))
	if err != nil {
		t.Fatal(err)
	}
	certified := append([]Key{{ID: "certified", SSH: strings.TrimSpace(string(certificate)), Role: policy.Service}}, keys...)
	c := ask(t, "", policy.Service)
	good := k.sign("ed", Namespace, c.text())
	if _, code := c.judge([]byte(good), keys, signedAt); code != "" {
		t.Fatal("the good one: ", code)
	}
	lines := strings.SplitAfter(good, "\n")
	old := ask(t, "", policy.Service)
	ahead := signedAt.Add(-time.Second)
	for name, a := range map[string]struct {
		pasted string
		want   Code
		keys   []Key
		at     time.Time
	}{
		"nothing":                        {pasted: "", want: BadArmour},
		"another namespace":              {pasted: k.sign("ed", "file", c.text()), want: OtherPurpose},
		"the namespace with a suffix":    {pasted: k.sign("ed", Namespace+"x", c.text()), want: OtherPurpose},
		"another terminal's challenge":   {pasted: k.sign("ed", Namespace, ask(t, "YOKOHAMA-0013", policy.Service).text()), want: OtherChallenge},
		"a challenge for another role":   {pasted: k.sign("ed", Namespace, ask(t, "", policy.Look).text()), want: OtherChallenge},
		"the challenge before":           {pasted: k.sign("ed", Namespace, old.text()), want: OtherChallenge},
		"the first line only":            {pasted: k.sign("ed", Namespace, c.lines[0]+"\n"), want: OtherChallenge},
		"the lines in the other order":   {pasted: k.sign("ed", Namespace, c.lines[1]+"\n"+c.lines[0]+"\n"), want: OtherChallenge},
		"more behind the challenge":      {pasted: k.sign("ed", Namespace, c.text()+"x\n"), want: OtherChallenge},
		"an expired challenge":           {pasted: good, want: TooLate, at: signedAt.Add(ChallengeLife + 1)},
		"a challenge of the future":      {pasted: good, want: TooLate, at: ahead},
		"an expired key":                 {pasted: k.sign("gone", Namespace, c.text()), want: ExpiredKey},
		"a key that nobody lists":        {pasted: k.sign("stranger", Namespace, c.text()), want: UnknownKey},
		"a key for another role":         {pasted: k.sign("looker", Namespace, c.text()), want: UnknownKey},
		"no keys":                        {pasted: good, want: UnknownKey, keys: []Key{}},
		"RSA":                            {pasted: k.sign("rsa", Namespace, c.text()), want: KeyKind},
		"P-384":                          {pasted: k.sign("p384", Namespace, c.text()), want: KeyKind},
		"a certificate":                  {pasted: k.sign("ed-cert.pub", Namespace, c.text()), want: KeyKind, keys: certified},
		"SHA-1":                          {pasted: edit(t, good, "sha512", "sha1"), want: BadArmour},
		"another hash than was signed":   {pasted: edit(t, good, "sha512", "sha256"), want: OtherChallenge},
		"another namespace written in":   {pasted: edit(t, k.sign("ed", "file", c.text()), "file", Namespace), want: OtherChallenge},
		"another's key in the signature": {pasted: swapKey(t, k.sign("stranger", Namespace, c.text()), keys[0].SSH), want: OtherChallenge},
		"a bit of the signature":         {pasted: flip(t, good), want: OtherChallenge},
		"a reserved field":               {pasted: reserve(t, good), want: BadArmour},
		"a byte behind the signature":    {pasted: appendTo(t, good), want: BadArmour},
		"two signatures":                 {pasted: good + good, want: BadArmour},
		"truncated: no end":              {pasted: strings.Join(lines[:len(lines)-2], ""), want: BadArmour},
		"truncated: a line less":         {pasted: strings.Join(append(append([]string{}, lines[:2]...), lines[3:]...), ""), want: BadArmour},
		"no beginning":                   {pasted: strings.Join(lines[1:], ""), want: BadArmour},
		"text before":                    {pasted: "Signature follows\n" + good, want: BadArmour},
		"text behind":                    {pasted: good + "service off\n", want: BadArmour},
		"text behind on the last line":   {pasted: strings.TrimSpace(good) + " x", want: BadArmour},
		"a header":                       {pasted: strings.Replace(good, "\n", "\nA: b\n\n", 1), want: BadArmour},
		"another label":                  {pasted: strings.ReplaceAll(good, "SSH SIGNATURE", "SIGNATURE"), want: BadArmour},
		"a private key":                  {pasted: privateKey(k), want: BadArmour},
		"a public key":                   {pasted: keys[0].SSH, want: BadArmour},
		"a certificate in PEM":           {pasted: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), want: BadArmour},
		"the challenge itself":           {pasted: c.text(), want: BadArmour},
		"a signature of nothing":         {pasted: string(pem.EncodeToMemory(&pem.Block{Type: sshsig.PEMType})), want: BadArmour},
	} {
		at, with := a.at, a.keys
		if at.IsZero() {
			at = signedAt
		}
		if with == nil {
			with = keys
		}
		if got, code := c.judge([]byte(a.pasted), with, at); code != a.want || got != (Key{}) {
			t.Errorf("%s: %q %q, want %q", name, got.ID, code, a.want)
		}
	}
}

// blob opens an armour, changes what is in it, and closes it again.
func blob(t testing.TB, armoured string, change func([]byte) []byte) string {
	t.Helper()
	b, _ := pem.Decode([]byte(armoured))
	if b == nil {
		t.Fatal("no armour")
	}
	changed := change(bytes.Clone(b.Bytes))
	if bytes.Equal(changed, b.Bytes) {
		t.Fatal("nothing changed")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: b.Type, Bytes: changed}))
}

// edit puts another string of SSH in the place of one.
func edit(t testing.TB, armoured, old, now string) string {
	field := func(s string) []byte { return ssh.Marshal(struct{ S string }{s}) }
	return blob(t, armoured, func(b []byte) []byte { return bytes.Replace(b, field(old), field(now), 1) })
}

func swapKey(t testing.TB, armoured, line string) string {
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := sshsig.Unarmor([]byte(armoured))
	if err != nil {
		t.Fatal(err)
	}
	return edit(t, armoured, string(sig.PublicKey.Marshal()), string(pub.Marshal()))
}

func flip(t testing.TB, armoured string) string {
	return blob(t, armoured, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
}

func appendTo(t testing.TB, armoured string) string {
	return blob(t, armoured, func(b []byte) []byte { return append(b, 0) })
}

// reserve fills the field that nobody has a use for: the library does not look at it.
func reserve(t testing.TB, armoured string) string {
	empty := "\x00\x00\x00\x00" + string(ssh.Marshal(struct{ S string }{"sha512"}))
	full := "\x00\x00\x00\x01x" + string(ssh.Marshal(struct{ S string }{"sha512"}))
	s := blob(t, armoured, func(b []byte) []byte { return bytes.Replace(b, []byte(empty), []byte(full), 1) })
	if _, err := sshsig.Unarmor([]byte(s)); err != nil {
		t.Fatal("the library refuses it itself:", err)
	}
	return s
}

func privateKey(k keygen) string {
	b, err := os.ReadFile(filepath.Join(k.dir, "ed"))
	if err != nil {
		k.Fatal(err)
	}
	return string(b)
}

// TestDoor: 1, 2, 4 … 60 seconds; a sign-in ends it, and a clock that is set back does not make it longer.
func TestDoor(t *testing.T) {
	d, now := &Door{}, signedAt
	for i, want := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		if got := d.failed(now); got != time.Duration(want)*time.Second || d.wait(now) != got || d.wait(now.Add(got)) != 0 {
			t.Errorf("after %d: %v", i+1, got)
		}
	}
	before := now.Add(-24 * time.Hour)
	if w, then := d.wait(before), d.wait(before.Add(longestWait)); w != longestWait || then != 0 {
		t.Error(w, then)
	}
	if d.opened(); d.wait(now) != 0 || d.failed(now) != time.Second {
		t.Error("a sign-in does not end it")
	}
}

// FuzzUnarmour: nothing but what ssh-keygen writes gets through, and what does is written in one way only.
func FuzzUnarmour(f *testing.F) {
	k := ed25519.NewKeyFromSeed(make([]byte, 32))
	good := armour(f, k, Namespace, "x")
	for _, s := range []string{good, good + good, good[:40], strings.ReplaceAll(good, "\n", "\r\n"), "", armourBegin + "\n" + armourEnd, edit(f, good, "sha512", "sha1"), reserve(f, good)} {
		f.Add([]byte(s))
	}
	c := challenge{role: policy.Look, at: signedAt, lines: [2]string{"a", "b"}}
	keys := []Key{{ID: "x", SSH: sshLine(f, k), Role: policy.Look}}
	f.Fuzz(func(t *testing.T, pasted []byte) {
		sig, code := unarmour(pasted)
		if (sig == nil) == (code == "") {
			t.Fatal(sig, code)
		}
		if sig != nil {
			again, code := unarmour(sshsig.Armor(sig))
			if code != "" || !bytes.Equal(again.Marshal(), sig.Marshal()) {
				t.Fatal("written in another way it is not the same", code)
			}
		}
		if _, code := c.judge(pasted, keys, signedAt); code == "" {
			t.Fatal("signed in")
		}
	})
}
