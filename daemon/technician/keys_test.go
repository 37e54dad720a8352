package technician

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/site"
	"honnin/daemon/provision"
	"honnin/ui/console"
)

// TestWhoMaySignIn: by the clock, around the time of the policy and beyond what it lists.
func TestWhoMaySignIn(t *testing.T) {
	begins := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	ends := begins.Add(30 * 24 * time.Hour)
	o := signedtest.New(t, begins)
	for i, p := range []struct{ id, last string }{{"tech-7", "2999-12-31"}, {"tech-8", "2026-11-30"}, {"tech-9", "2027-01-10"}} {
		_, key, _ := ed25519.GenerateKey(strings.NewReader(strings.Repeat(fmt.Sprint(i), 32)))
		pub, err := ssh.NewPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		o.Body += fmt.Sprintf("[[person]]\nid = %q\nroles = [\"look\"]\nkey = %q\nexpires = %q\n", p.id, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub))), p.last)
	}
	now := begins
	s, err := provision.Open(provision.Options{Dir: t.TempDir() + "/policy", Root: o.Root(), Terminal: "JP-99-000001", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m := New(Options{Site: site.Site{Terminal: "JP-99-000001"}, Policies: func() (Policies, error) { return s, nil }, Now: func() time.Time { return now }})
	told := func(want console.Code) {
		t.Helper()
		keys, err := m.Keys()
		if f := (*console.Failure)(nil); !errors.As(err, &f) || f.Code != want || len(keys) != 0 {
			t.Errorf("at %s: %v %+v, want %s", now, err, keys, want)
		}
	}
	told(console.NoPolicy)
	first := o.Text(signedtest.Head{NotBefore: begins, Expires: ends})
	if _, err := s.Receive([]signed.Bundle{o.Bundle(first, 0, 1)}, provision.ByLine); err != nil {
		t.Fatal(err)
	}
	told(console.NoPolicy) // it waits
	if _, _, err := s.Apply(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now    time.Time
		lapsed console.Code
		may    string
	}{
		{begins, "", "tech-7 tech-9"}, {ends.Add(-1), "", "tech-7 tech-9"}, {ends, console.PolicyExpired, "tech-7 tech-9"}, {ends.Add(30 * 24 * time.Hour), console.PolicyExpired, "tech-7"}, {ends.Add(lapse - 1), console.PolicyExpired, "tech-7"},
		{begins.Add(-1), console.PolicyEarly, "tech-7 tech-9"}, {time.Unix(0, 0), console.PolicyEarly, "tech-7 tech-9"}, // a clock without a battery: tech-8 expired before this policy began
	} {
		now = c.now
		keys, err := m.Keys()
		var may []string
		for _, k := range keys {
			if k.Lapsed != c.lapsed || k.Role != policy.Look {
				t.Errorf("at %s: %+v", now, k)
			}
			if !k.Expired {
				may = append(may, k.ID)
			}
		}
		if got := strings.Join(may, " "); err != nil || got != c.may || len(keys) != 3 {
			t.Errorf("at %s: %q %v, want %q", now, got, err, c.may)
		}
	}
	for _, now = range []time.Time{ends.Add(lapse), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)} {
		told(console.PolicyExpired)
	}
	m.o.Policies = func() (Policies, error) { return nil, errors.New("any 山田") }
	told(console.Failed)
	m.o.Policies = func() (Policies, error) { return nil, fmt.Errorf("policy-root.toml: %w", os.ErrNotExist) }
	told(console.NoPolicy)
	if _, err := m.Keys(); reasonOf(err) != noRoot {
		t.Error(err)
	}
}
