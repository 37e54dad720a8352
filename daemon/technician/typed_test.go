package technician

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"honnin/config/policy"
	"honnin/ui/console"
)

// one is the key of one technician, and a journal that takes everything.
type one struct{ signer ssh.Signer }

func (o one) Keys() ([]console.Key, error) {
	return []console.Key{{ID: "tech-7", SSH: string(ssh.MarshalAuthorizedKey(o.signer.PublicKey())), Role: policy.Service}}, nil
}

func (one) Note(console.Event) error { return nil }

// typed is what a machine answers to a line of somebody who has signed in for service.
func typed(t *testing.T, m *Machine, line string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	over := make(chan error, 1)
	who := one{signer}
	go func() {
		over <- console.Serve(t.Context(), near, console.Options{Terminal: "YOKOHAMA-0012", Machine: m, Keys: who, Seats: m, Journal: who, Lang: "en", Now: time.Now, Rand: rand.Reader})
	}()
	defer func() { _, _, _ = far.Close(), <-over, near.Close() }()
	if err := far.SetDeadline(time.Now().Add(time.Minute)); err != nil { // the kernel's own clock
		t.Fatal(err)
	}
	until := func(send, end string) (got string) {
		if _, err := far.Write([]byte(send)); err != nil {
			t.Fatal(err)
		}
		for b := make([]byte, 4096); !strings.Contains(got, end); {
			n, err := far.Read(b)
			if got += string(b[:n]); err != nil {
				t.Fatalf("%v: no %q in %q", err, end, got)
			}
		}
		return got
	}
	until("", "honnin> ")
	challenge := regexp.MustCompile(`(honnin-console:\S+)\r\n(\S{43})\r\n`).FindStringSubmatch(until("login service\r", "Paste"))
	signature, err := sshsig.Sign(strings.NewReader(challenge[1]+"\n"+challenge[2]+"\n"), signer, sshsig.HashSHA512, console.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	until(strings.ReplaceAll(string(sshsig.Armor(signature)), "\n", "\r"), "service> ")
	return until(line+" --json\r", `"code":"done"`)
}
