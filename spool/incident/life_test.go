package incident

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
)

const (
	here protocol.Terminal     = "TEST-0001"
	city protocol.Municipality = "991015"
)

var noon = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// world has a policy, the keys that it names, and one incident.
type world struct {
	testing.TB
	keys  map[string]*sign.Pair
	judge Judge
	known Known
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, keys: map[string]*sign.Pair{}}
	text := "version = 1\n" + signedtest.New(t, noon).Body + "[[municipality]]\ncode = \"991023\"\nname = \"Other City\"\nissuing_anchors = [" +
		w.key("issuing") + "]\n[centre]\nsigners = [" + w.key("centre") + "]\n"
	for _, p := range []struct{ id, roles, more string }{
		{"taker", `"acknowledge"`, `expires = "2027-03-31"`},
		{"closer", `"acknowledge", "close"`, `expires = "2027-03-31"`},
		{"other-city", `"acknowledge", "close"`, "expires = \"2027-03-31\"\nmunicipality = \"991023\""},
		{"this-city", `"close"`, "expires = \"2027-03-31\"\nmunicipality = \"991015\""},
		{"other-terminal", `"acknowledge", "close"`, "expires = \"2027-03-31\"\nterminals = [\"ELSE-*\"]"},
		{"former", `"acknowledge", "close"`, `expires = "2026-11-20"`},
	} {
		text += fmt.Sprintf("[[person]]\nid = %q\nroles = [%s]\nkey = %s\n%s\n", p.id, p.roles, w.key(p.id), p.more)
	}
	p, err := policy.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.judge = Judge{Policy: p, Terminal: here, Now: noon.Add(time.Hour)}
	w.known = Known{ID: "test-0001-7-00ff00ff", Event: protocol.Digest{7}, Municipality: city, Raised: noon}
	w.key("stranger")
	return w
}

// key makes a key, and its certificate as a policy's text has it.
func (w *world) key(name string) string {
	w.Helper()
	k, err := sign.NewCA(sign.Template{Name: name, NotBefore: noon.Add(-24 * time.Hour), NotAfter: noon.Add(24 * time.Hour)})
	if err != nil {
		w.Fatal(err)
	}
	w.keys[name] = k
	return fmt.Sprintf("%q", signedtest.Armour(k.Certificate))
}

func (w *world) signed(by string, v any) []byte {
	w.Helper()
	b, err := protocol.EncodeBody(v)
	if err != nil {
		w.Fatal(err)
	}
	der, err := sign.Sign(b, w.keys[by].Options(w.judge.Now))
	if err != nil {
		w.Fatal(err)
	}
	return der
}

func (w *world) receipt() protocol.Receipt {
	return protocol.Receipt{Format: protocol.ReceiptFormat, Incident: w.known.ID, Source: protocol.SourcePrefix + string(here), Event: w.known.Event, ReceivedAt: protocol.At(noon)}
}

func (w *world) state(to string) protocol.IncidentState {
	s := protocol.IncidentState{Format: protocol.StateFormat, Incident: w.known.ID, Source: protocol.SourcePrefix + string(here), State: to, At: protocol.At(noon.Add(time.Minute))}
	if to == protocol.IncidentClosed {
		s.Cause = "two applicants shared one file name"
	}
	return s
}

// acknowledged makes the incident one that the taker has acknowledged, ten minutes after it was raised.
func (w *world) acknowledged() []byte {
	s := w.state(protocol.IncidentAcknowledged)
	s.At = protocol.At(noon.Add(10 * time.Minute))
	der := w.signed("taker", s)
	w.known.Acknowledged, w.known.Proof = s.At.Time, sha256.Sum256(der)
	return der
}

// TestLife: what those may say whom the policy names.
func TestLife(t *testing.T) {
	w := newWorld(t)
	der := w.signed("centre", w.receipt())
	if proof, err := w.judge.Receipt(w.known, der); err != nil || proof != sha256.Sum256(der) || !w.judge.Checks() {
		t.Errorf("receipt: %v", err)
	}
	if m, err := w.judge.State(w.known, w.signed("centre", w.state(protocol.IncidentOpen))); err != nil || m != (Move{}) {
		t.Errorf("open: %+v %v", m, err)
	}
	der = w.signed("taker", w.state(protocol.IncidentAcknowledged))
	m, err := w.judge.State(w.known, der)
	if err != nil || m != (Move{protocol.IncidentAcknowledged, "taker", protocol.At(noon.Add(time.Minute)), sha256.Sum256(der), ""}) {
		t.Errorf("acknowledged: %+v %v", m, err)
	}
	for _, by := range []string{"closer", "this-city"} {
		if m, err := w.judge.State(w.known, w.signed(by, w.state(protocol.IncidentClosed))); err != nil || m.To != protocol.IncidentClosed || m.By != by || m.Cause == "" {
			t.Errorf("closed without being acknowledged: %+v %v", m, err)
		}
	}
	if m, err := w.judge.State(w.known, w.acknowledged()); err != nil || m != (Move{}) {
		t.Errorf("what is known already: %+v %v", m, err)
	}
	late := w.state(protocol.IncidentClosed)
	late.At = protocol.At(w.known.Acknowledged.Add(-w.judge.Policy.ClockSkew() - time.Second))
	if _, err := w.judge.State(w.known, w.signed("closer", late)); !errors.Is(err, StateReplayed) {
		t.Errorf("closed before it was acknowledged: %v", err)
	}
	late.At = protocol.At(w.known.Acknowledged.Add(-w.judge.Policy.ClockSkew())) // by another person's clock
	if m, err := w.judge.State(w.known, w.signed("closer", late)); err != nil || m.To != protocol.IncidentClosed {
		t.Errorf("closed: %+v %v", m, err)
	}
	w.known.Municipality = ""
	if _, err := w.judge.State(w.known, w.signed("this-city", late)); !errors.Is(err, StateRole) {
		t.Errorf("what concerns no municipality, closed by one's own: %v", err)
	}
}

// TestAttacks: each is refused by its word, and moves nothing.
func TestAttacks(t *testing.T) {
	closed, taken := protocol.IncidentClosed, protocol.IncidentAcknowledged
	state := func(by, to string, change func(*protocol.IncidentState)) func(w *world) []byte {
		return func(w *world) []byte {
			s := w.state(to)
			if change != nil {
				change(&s)
			}
			return w.signed(by, s)
		}
	}
	for name, c := range map[string]struct {
		attack func(w *world) []byte
		want   Doubt
	}{
		"nothing at all":               {func(*world) []byte { return nil }, StateUnsigned},
		"a state without a signature":  {func(w *world) []byte { b, _ := protocol.EncodeBody(w.state(closed)); return b }, StateUnsigned},
		"a signature that is broken":   {func(w *world) []byte { b := w.signed("closer", w.state(closed)); b[len(b)-1] ^= 1; return b }, StateUnsigned},
		"a receipt as a state":         {func(w *world) []byte { return w.signed("centre", w.receipt()) }, StateUnsigned},
		"closed without a cause":       {state("closer", closed, func(s *protocol.IncidentState) { s.Cause = "" }), StateUnsigned},
		"more than a message may have": {func(*world) []byte { return make([]byte, 1<<20) }, StateUnsigned},
		"another incident":             {state("closer", closed, func(s *protocol.IncidentState) { s.Incident = "test-0001-8-00ff00ff" }), StateOther},
		"another terminal":             {state("closer", closed, func(s *protocol.IncidentState) { s.Source = protocol.SourcePrefix + "TEST-0002" }), StateOther},
		"a stranger's key":             {state("stranger", closed, nil), StateStranger},
		"the centre closes":            {state("centre", closed, nil), StateStranger},
		"a person says open":           {state("closer", protocol.IncidentOpen, nil), StateStranger},
		"who acknowledges closes":      {state("taker", closed, nil), StateRole},
		"who closes acknowledges":      {state("this-city", taken, nil), StateRole},
		"of another municipality":      {state("other-city", closed, nil), StateRole},
		"of another terminal":          {state("other-terminal", closed, nil), StateRole},
		"an expired role":              {state("former", closed, nil), StateExpired},
		"of a time to come":            {state("closer", closed, func(s *protocol.IncidentState) { s.At = protocol.At(noon.Add(48 * time.Hour)) }), StateEarly},
		"signed before it was raised":  {state("closer", closed, func(s *protocol.IncidentState) { s.At = protocol.At(noon.Add(-time.Hour)) }), StateReplayed},
		"older than what is known":     {func(w *world) []byte { w.acknowledged(); return w.signed("closer", w.state(closed)) }, StateReplayed},
		"open again":                   {func(w *world) []byte { w.acknowledged(); return w.signed("centre", w.state(protocol.IncidentOpen)) }, StateBackwards},
		"acknowledged twice":           {func(w *world) []byte { w.acknowledged(); return w.signed("closer", w.state(taken)) }, StateBackwards},
		"acknowledged once closed":     {func(w *world) []byte { w.known.Closed = true; return w.signed("closer", w.state(taken)) }, StateBackwards},
		"known once, then closed":      {func(w *world) []byte { der := w.acknowledged(); w.known.Closed = true; return der }, StateBackwards},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m, err := w.judge.State(w.known, c.attack(w))
			if m != (Move{}) || !errors.Is(err, c.want) {
				t.Errorf("%+v, %v, and not %s", m, err, c.want)
			}
		})
	}
}

// TestReceiptAttacks: delivered is what the centre signed for this very event.
func TestReceiptAttacks(t *testing.T) {
	receipt := func(by string, change func(*protocol.Receipt)) func(w *world) []byte {
		return func(w *world) []byte {
			r := w.receipt()
			change(&r)
			return w.signed(by, r)
		}
	}
	for name, c := range map[string]struct {
		attack func(w *world) []byte
		want   Doubt
	}{
		"nothing at all":          {func(*world) []byte { return nil }, ReceiptUnsigned},
		"a state as a receipt":    {func(w *world) []byte { return w.signed("centre", w.state(protocol.IncidentOpen)) }, ReceiptUnsigned},
		"a person's key":          {receipt("closer", func(*protocol.Receipt) {}), ReceiptForeign},
		"a stranger's key":        {receipt("stranger", func(*protocol.Receipt) {}), ReceiptForeign},
		"for another incident":    {receipt("centre", func(r *protocol.Receipt) { r.Incident = "test-0001-8-00ff00ff" }), ReceiptOther},
		"for another terminal":    {receipt("centre", func(r *protocol.Receipt) { r.Source = protocol.SourcePrefix + "TEST-0002" }), ReceiptOther},
		"for other bytes":         {receipt("centre", func(r *protocol.Receipt) { r.Event[0]++ }), ReceiptOther},
		"of a time to come":       {receipt("centre", func(r *protocol.Receipt) { r.ReceivedAt = protocol.At(noon.Add(48 * time.Hour)) }), ReceiptEarly},
		"with a broken signature": {func(w *world) []byte { b := w.signed("centre", w.receipt()); b[len(b)-1] ^= 1; return b }, ReceiptUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if proof, err := w.judge.Receipt(w.known, c.attack(w)); proof != (protocol.Digest{}) || !errors.Is(err, c.want) {
				t.Errorf("%v, and not %s", err, c.want)
			}
		})
	}
}

// FuzzState: nothing but what a person signed moves anything.
func FuzzState(f *testing.F) {
	w := newWorld(f)
	good := w.signed("closer", w.state(protocol.IncidentClosed))
	f.Add(good)
	f.Add(w.signed("centre", w.state(protocol.IncidentOpen)))
	f.Add(w.signed("centre", w.receipt()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, der []byte) {
		if m, err := w.judge.State(w.known, der); m != (Move{}) && (err != nil || m.By != "closer" || m.Cause != w.state(protocol.IncidentClosed).Cause) {
			t.Errorf("%+v %v", m, err)
		}
	})
}
