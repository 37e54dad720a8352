package terminal

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
	"honnin/daemon/sealed"
	"honnin/daemon/session"
	"honnin/spool/journal"
	"honnin/spool/spooltest"
)

// refuses is a refusal that is an incident, without a package.
func refuses(ls *latches, i session.Incident, e *session.Ending) error {
	_, err := ls.refused(session.Refusal{Incident: i, Raise: true, Ending: e})
	return err
}

// TestRefusedAtOnce: incident, latch and outcome stand behind one another, or none of them does; the incident has what was read of
// the package, the program and the policy, and its event says all of it and where it stands.
func TestRefusedAtOnce(t *testing.T) {
	m := newMemory(t)
	inForce := protocol.PolicyRef{Version: 7, Digest: protocol.Digest{7}}
	if _, err := m.j.Record(journal.Entry{Kind: journal.PolicyApplied, Policy: inForce}); err != nil {
		t.Fatal(err)
	}
	full := &refusing{Journal: m.j, times: 1}
	m.l = &ledger{journal: witnessed{full, "honnind v1.2.3"}, wake: func() {}}
	ls, tx := m.latches(t), protocol.NewTransaction()
	r := session.Refusal{Raise: true,
		Incident: session.Incident{Evidence: protocol.Evidence{Serial: "S-1", Software: protocol.IssuedWith{Name: "x", Version: "1.0.0"}, SignedBy: protocol.Digest{3}},
			Kind: session.IncidentRefused, Transaction: tx, Municipality: city, Code: reason.SubjectMismatch, Document: protocol.Digest{5}},
		Ending: &session.Ending{Transaction: tx, Municipality: city, Outcome: protocol.Refused, Code: reason.SubjectMismatch, Document: protocol.Digest{5}}}
	if e, err := ls.refused(r); err == nil || e.Seq != 0 || !ls.Closed(city) {
		t.Fatalf("a full disk: %+v %v", e, err)
	}
	if all := m.kinds(t); !slices.Equal(all, []journal.Kind{journal.PolicyApplied}) {
		t.Fatalf("half of it is written: %v", all)
	}
	if err := m.l.settle(); err != nil {
		t.Fatal(err)
	}
	e, err := m.j.At(2)
	if err != nil || e.Kind != journal.Incident {
		t.Fatal(e, err)
	}
	if all := m.kinds(t); !slices.Equal(all, []journal.Kind{journal.PolicyApplied, journal.Incident, journal.Latched, journal.Ended}) {
		t.Fatalf("%v", all)
	}
	head, err := e.Head()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := m.j.At(e.Seq)
	if err != nil {
		t.Fatal(err)
	}
	want := r.Incident.Evidence
	want.Program = "honnind v1.2.3"
	if stored.Facts != want || stored.Policy != inForce {
		t.Errorf("%+v under %+v", stored.Facts, stored.Policy)
	}
	want.Policy, want.Journal = inForce, head
	if got := eventOf("JP-13-000042", stored, head); got.Data.Evidence != want || got.ID != protocol.NameIncident("JP-13-000042", head) {
		t.Errorf("%+v", got.Data.Evidence)
	}
	if o, err := m.j.Outcome(tx); o != protocol.Refused || err != nil {
		t.Error(o, err)
	}
}

func (m *memory) kinds(t *testing.T) (out []journal.Kind) {
	t.Helper()
	if err := m.j.Each(func(e journal.Entry) error { out = append(out, e.Kind); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// drawer is a place for sealed packages that may fail.
type drawer struct {
	kept   map[sealed.Name][]byte
	to     *ecdh.PublicKey
	broken error
	swept  int
}

func (c *drawer) Keep(n sealed.Name, to *ecdh.PublicKey, pkg []byte) error {
	defer clear(pkg)
	if c.broken != nil {
		return c.broken
	}
	c.kept[n], c.to = bytes.Clone(pkg), to
	return nil
}

func (c *drawer) Sweep() error { c.swept++; return nil }

// TestSweep: once a day, and only while the centre's clock is heard and agrees; whose clock is 90 days ahead may be nobody's but this
// machine's.
func TestSweep(t *testing.T) {
	box, now := &drawer{}, time.Now()
	var clock error
	at := &Terminal{now: func() time.Time { return now }, open: &opened{parts: Parts{Sealed: box}}, clock: func(context.Context, time.Duration) error { return clock }}
	for _, c := range []struct {
		clock error
		later time.Duration
		swept int
	}{{centre.ErrUnreachable, 0, 0}, {centre.ErrClock, 0, 0}, {centre.ErrAnswer, 0, 0}, {nil, 0, 1}, {nil, sweepEvery - 1, 1}, {centre.ErrUnreachable, 100 * sweepEvery, 1}, {nil, 0, 2}} {
		clock, now = c.clock, now.Add(c.later)
		if err := at.sweep(t.Context()); box.swept != c.swept || !errors.Is(err, c.clock) {
			t.Errorf("%+v: %v, swept %d times", c, err, box.swept)
		}
	}
}

// TestWhatIsKept: of an incident the package, for the municipality that was applied to, under the incident's name; of what is no
// incident, without a key, without a place or after a failure nothing. It is overwritten always, and a failure changes nothing else.
func TestWhatIsKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*refusals, *drawer, *session.Refusal)
		kept   bool
		raised bool
	}{
		{"an incident", func(*refusals, *drawer, *session.Refusal) {}, true, true},
		{"merely late", func(_ *refusals, _ *drawer, r *session.Refusal) {
			r.Raise, r.Incident.Code = false, reason.PackageStale
		}, false, false},
		{"no key", func(_ *refusals, _ *drawer, r *session.Refusal) { r.Incident.Municipality = "991023" }, false, true},
		{"no place", func(f *refusals, _ *drawer, _ *session.Refusal) { f.sealed = nil }, false, true},
		{"a full disk", func(_ *refusals, b *drawer, _ *session.Refusal) { b.broken = errors.New("full") }, false, true},
		{"no package", func(_ *refusals, _ *drawer, r *session.Refusal) { r.Package = nil }, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, box := newMemory(t), &drawer{kept: map[sealed.Name][]byte{}}
			p, key := withIncidentKey(t)
			log := logrus.New()
			log.SetOutput(io.Discard)
			f := refusals{fresh{m.latches(t), Parts{Policy: p, Terminal: "JP-13-000042", Now: time.Now}}, newKeeper(Parts{Policy: p, Terminal: "JP-13-000042", Sealed: box, Log: log})}
			pkg, tx := []byte("somebody's certificate"), protocol.NewTransaction()
			r := session.Refusal{Raise: true, Package: pkg, Incident: session.Incident{Transaction: tx, Municipality: spooltest.City, Code: reason.SubjectMismatch},
				Ending: &session.Ending{Transaction: tx, Municipality: spooltest.City, Outcome: protocol.Refused, Code: reason.SubjectMismatch}}
			c.spoil(&f, box, &r)
			whole := bytes.Clone(r.Package)
			if err := f.Refused(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			f.wait()
			if len(bytes.Trim(r.Package, "\x00")) > 0 {
				t.Error("the package is not overwritten")
			}
			all := m.kinds(t)
			if slices.Contains(all, journal.Incident) != c.raised || all[len(all)-1] != journal.Ended {
				t.Errorf("%v", all)
			}
			if len(box.kept) != map[bool]int{true: 1}[c.kept] {
				t.Fatalf("%d kept", len(box.kept))
			}
			for n, b := range box.kept {
				open, err := m.j.Incidents(0, 0)
				if err != nil || n.Municipality != spooltest.City || n.Incident != protocol.NameIncident("JP-13-000042", open[0].JournalHead) || !bytes.Equal(b, whole) || !box.to.Equal(key) {
					t.Errorf("%+v %v", n, err)
				}
			}
		})
	}
	m := newMemory(t)
	m.l = &ledger{journal: &refusing{Journal: m.j, times: 1}, wake: func() {}}
	p, _ := withIncidentKey(t)
	box := &drawer{kept: map[sealed.Name][]byte{}}
	f := refusals{fresh{m.latches(t), Parts{Policy: p, Now: time.Now}}, newKeeper(Parts{Policy: p, Terminal: "JP-13-000042", Sealed: box, Log: logrus.New()})}
	pkg := []byte("somebody's certificate")
	if err := f.Refused(t.Context(), session.Refusal{Raise: true, Package: pkg, Incident: session.Incident{Municipality: spooltest.City, Code: reason.SubjectMismatch}}); err == nil || len(box.kept) > 0 || len(bytes.Trim(pkg, "\x00")) > 0 {
		t.Errorf("kept under no incident: %v, %v", box.kept, err)
	}
}

// held is a place for sealed packages whose disk hangs until gone is closed, and then may break.
type held struct {
	*drawer
	came, gone chan struct{}
	breaks     bool
}

func (h held) Keep(n sealed.Name, to *ecdh.PublicKey, pkg []byte) error {
	h.came <- struct{}{}
	<-h.gone
	if h.breaks {
		panic(string(pkg))
	}
	return h.drawer.Keep(n, to, pkg)
}

// TestNothingWaitsForADisk: while one package is being kept, its refusal has returned, and so has the next, whose package is
// destroyed. At the end it is waited for. What breaks there breaks nothing else, and is overwritten too.
func TestNothingWaitsForADisk(t *testing.T) {
	for _, breaks := range []bool{false, true} {
		m := newMemory(t)
		p, _ := withIncidentKey(t)
		log, hook := logtest.NewNullLogger()
		box := held{&drawer{kept: map[sealed.Name][]byte{}}, make(chan struct{}, 2), make(chan struct{}), breaks}
		f := refusals{fresh{m.latches(t), Parts{Policy: p, Now: time.Now}}, newKeeper(Parts{Policy: p, Terminal: "JP-13-000042", Sealed: box, Log: log})}
		first, second := []byte("somebody's certificate"), []byte("somebody else's")
		for _, pkg := range [][]byte{first, second} {
			if err := f.Refused(t.Context(), session.Refusal{Raise: true, Package: pkg, Incident: session.Incident{Municipality: spooltest.City, Code: reason.SubjectMismatch}}); err != nil {
				t.Fatal(err)
			}
		}
		<-box.came
		if len(bytes.Trim(first, "\x00")) == 0 || len(bytes.Trim(second, "\x00")) > 0 || len(box.came) > 0 {
			t.Error("both are kept, or none")
		}
		close(box.gone)
		f.wait()
		if kept := len(box.kept); kept != map[bool]int{false: 1}[breaks] || len(bytes.Trim(first, "\x00")) > 0 {
			t.Errorf("%d are kept", kept)
		}
		for _, e := range hook.AllEntries() {
			if line, _ := e.String(); strings.Contains(line, "certificate") {
				t.Errorf("the log has the package: %s", line)
			}
		}
	}
}

// withIncidentKey is a policy in which one municipality has a key.
func withIncidentKey(t *testing.T) (*policy.Policy, *ecdh.PublicKey) {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	text := spooltest.New(t).PolicyText
	code := fmt.Sprintf("code = %q\n", spooltest.City)
	if !strings.Contains(text, code) {
		t.Fatal("no such municipality")
	}
	text = strings.Replace(text, code, code+`incident_key = """`+"\n"+string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))+`"""`+"\n", 1)
	p, err := policy.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, key.PublicKey()
}

// TestOpenIncidents: an incident is open until a person closes it; one of another journal, or that never was, is not.
func TestOpenIncidents(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	if err := refuses(ls, session.Incident{Municipality: city, Code: reason.SubjectMismatch}, nil); err != nil {
		t.Fatal(err)
	}
	all, err := m.j.Incidents(0, 0)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	is, id := OpenIncidents(m.j, "JP-13-000042"), protocol.NameIncident("JP-13-000042", all[0].JournalHead)
	other := all[0].JournalHead
	other.Head[0] ^= 1
	for name, open := range map[protocol.IncidentID]bool{id: true, protocol.NameIncident("JP-13-000042", other): false,
		protocol.IncidentID(fmt.Sprintf("jp-13-000042-%d-00000000", all[0].Position+1)): false, "x": false, "jp-13-000042-0-00000000": false} {
		if is(name) != open {
			t.Errorf("%s: open %v", name, !open)
		}
	}
	if _, err := m.j.Record(journal.Entry{Kind: journal.Closed, Of: int(all[0].Position), Staff: "p", Proof: protocol.Digest{1}, Signed: protocol.At(m.now)}); err != nil {
		t.Fatal(err)
	}
	if is(id) {
		t.Error("open after it was closed")
	}
}

// TestADiskThatHangsKeepsNoTerminal: what is being kept for too long is left to itself, and that is said.
func TestADiskThatHangsKeepsNoTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, hook := logtest.NewNullLogger()
		k := newKeeper(Parts{Log: log})
		k.busy <- struct{}{}
		begun := time.Now()
		k.wait()
		if time.Since(begun) != keepTime || len(hook.Entries) != 1 || hook.LastEntry().Level != logrus.ErrorLevel {
			t.Errorf("after %v: %v", time.Since(begun), hook.Entries)
		}
		<-k.busy
		if k.wait(); time.Since(begun) != keepTime || len(hook.Entries) != 1 {
			t.Error("waited for nothing")
		}
	})
}
