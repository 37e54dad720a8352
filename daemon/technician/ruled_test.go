package technician

import (
	"bytes"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/trust/sign"
	"honnin/daemon/identity"
	"honnin/daemon/provision"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// ruled is a terminal with a policy in force and both its keys. Its clock goes on when it is told to.
type ruled struct {
	*Machine
	office *signedtest.Office
	store  *provision.Store
	first  []byte // the policy in force
	begun  time.Time
	passed atomic.Int64 // nanoseconds
}

func (r *ruled) now() time.Time { return r.begun.Add(time.Duration(r.passed.Load())) }

// newRuled makes one whose policy ends in 45 days, its TLS key in 30, and its signing key in 20.
func newRuled(t *testing.T) *ruled {
	t.Helper()
	begun := time.Now().UTC().Truncate(time.Second)
	r := &ruled{begun: begun, office: signedtest.New(t, begun)}
	r.Machine = bare(t.TempDir(), r.now)
	r.o.Site.Terminal, r.o.Site.Policy = "JP-99-000001", filepath.Join(t.TempDir(), "policy")
	var err error
	if r.store, err = provision.Open(provision.Options{Dir: r.o.Site.Policy, Root: r.office.Root(), Terminal: r.o.Site.Terminal, Now: r.now}); err != nil {
		t.Fatal(err)
	}
	r.first = r.office.Text(signedtest.Head{Expires: begun.Add(45 * 24 * time.Hour)})
	r.takes(t, r.first)
	if _, _, err := r.store.Apply(); err != nil {
		t.Fatal(err)
	}
	keys, err := identity.Open(identity.Options{Dir: filepath.Join(t.TempDir(), "keys"), Terminal: r.o.Site.Terminal, Now: r.now})
	if err != nil {
		t.Fatal(err)
	}
	certify(t, keys, identity.TLS, begun.Add(30*24*time.Hour))
	certify(t, keys, identity.Signing, begun.Add(20*24*time.Hour))
	r.o.Policies, r.o.Keys = func() (Policies, error) { return r.store, nil }, func() (*identity.Keys, error) { return keys, nil }
	return r
}

// takes receives a policy, which then waits.
func (r *ruled) takes(t *testing.T, text []byte) {
	t.Helper()
	if _, err := r.store.Receive([]signed.Bundle{r.office.Bundle(text)}, provision.ByLine); err != nil {
		t.Fatal(err)
	}
}

func certify(t *testing.T, keys *identity.Keys, use identity.Use, until time.Time) {
	t.Helper()
	from := until.AddDate(-1, 0, 0)
	ca, err := sign.NewCA(sign.Template{Name: "Terminals", NotBefore: from, NotAfter: until})
	if err != nil {
		t.Fatal(err)
	}
	request, err := keys.Request(use, identity.First)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := identity.ParseRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity.Issue(ca, asked, from, until)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Install(c, nil); err != nil {
		t.Fatal(err)
	}
}

// keeps has its journal keep entries, a second after each other.
func (r *ruled) keeps(t *testing.T, all ...journal.Entry) {
	t.Helper()
	j, err := journal.Open(filepath.Join(r.o.Site.State, journalFile), r.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if _, err := j.Record(e); err != nil {
			t.Fatalf("%s: %v", e.Kind, err)
		}
		r.passed.Add(int64(time.Second))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// rows are what a command answers to who has signed in for service, of one code.
func rows(t *testing.T, m *Machine, line, code string) (out []map[string]any) {
	t.Helper()
	b, err := console.Record(t.Context(), m, console.Who{ID: "tech-7", Role: policy.Service}, line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for d := jsontext.NewDecoder(bytes.NewReader(b)); ; {
		var row map[string]any
		if json.UnmarshalDecode(d, &row) != nil {
			return out
		}
		if row["code"] == code {
			out = append(out, row)
		}
	}
}
