package terminal

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"honnin/config/policy"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/centre"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// taken is a receipt that nobody looks at.
func taken(uint64, []byte) (protocol.Digest, error) { return protocol.Digest{}, nil }

// desk is a follower, and a centre whose answers the test writes.
type desk struct {
	*testing.T
	*memory
	f        *follower
	box      outbox
	keys     map[string]*sign.Pair
	answers  map[protocol.IncidentID][]byte
	asked    []protocol.IncidentID
	down     error
	lost     bool // what it has no answer for, it does not know
	told     []protocol.Event
	receives string // who signs receipts for what is told anew
	law      error  // why no visit begins
	now      time.Time
	hook     *logtest.Hook
}

func (d *desk) IncidentState(_ context.Context, id protocol.IncidentID) ([]byte, error) {
	d.asked = append(d.asked, id)
	if d.lost && d.answers[id] == nil {
		return nil, &centre.Problem{Word: protocol.ProblemUnknown, Status: 404}
	}
	return d.answers[id], d.down
}

// Incident takes an incident anew, with a receipt of whoever the test says.
func (d *desk) Incident(_ context.Context, e protocol.Event) ([]byte, error) {
	text, err := protocol.EncodeBody(e)
	d.must(err)
	d.told = append(d.told, e)
	d.answers[e.ID] = d.signed("centre", protocol.IncidentState{Format: protocol.StateFormat, Incident: e.ID, Source: e.Source, State: protocol.IncidentOpen, At: protocol.At(d.now)})
	return d.signed(d.receives, protocol.Receipt{Format: protocol.ReceiptFormat, Incident: e.ID, Source: e.Source, Event: protocol.Fingerprint(text), ReceivedAt: protocol.At(d.now)}), nil
}

func newDesk(t *testing.T) *desk {
	d := &desk{T: t, memory: newMemory(t), keys: map[string]*sign.Pair{}, answers: map[protocol.IncidentID][]byte{}, now: noon.Add(time.Hour)}
	text := "version = 1\n" + signedtest.New(t, noon).Body + "[centre]\nsigners = [" + d.key("centre") + "]\n"
	for id, roles := range map[string]string{"taker": `"acknowledge"`, "closer": `"close"`} {
		text += fmt.Sprintf("[[person]]\nid = %q\nroles = [%s]\nkey = %s\nexpires = \"2027-03-31\"\n", id, roles, d.key(id))
	}
	d.key("stranger")
	p, err := policy.Parse([]byte(text), nil)
	d.must(err)
	log, hook := logtest.NewNullLogger()
	d.hook = hook
	d.f = &follower{journal: d.j, ledger: d.l, terminal: "TEST-0001", log: log.WithFields(logrus.Fields{}),
		judge: func() (incident.Judge, error) {
			return incident.Judge{Policy: p, Terminal: "TEST-0001", Now: d.now}, d.law
		}}
	d.box = outbox{d.j, "TEST-0001", d.f.receipt, d.f.heard}
	return d
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) key(name string) string {
	k, err := sign.NewCA(sign.Template{Name: name, NotBefore: noon.Add(-24 * time.Hour), NotAfter: noon.Add(24 * time.Hour)})
	d.must(err)
	d.keys[name] = k
	return fmt.Sprintf("%q", signedtest.Armour(k.Certificate))
}

func (d *desk) signed(by string, v any) []byte {
	d.Helper()
	b, err := protocol.EncodeBody(v)
	d.must(err)
	der, err := sign.Sign(b, d.keys[by].Options(d.now))
	d.must(err)
	return der
}

// raise raises an incident and has the centre have it.
func (d *desk) raise() (protocol.IncidentID, uint64) {
	d.Helper()
	d.must(d.l.record(journal.Entry{Kind: journal.Incident, Reason: "subject-mismatch", Municipality: city}))
	item, ok, err := d.box.Next(d.Context(), 0)
	if !ok || err != nil {
		d.Fatal(ok, err)
	}
	d.must(d.box.Settle(d.Context(), item.Key, centre.Settlement{Receipt: d.receipt("centre", *item.Event)}))
	d.says(item.Event.ID, protocol.IncidentOpen, "centre")
	return item.Event.ID, item.Key
}

func (d *desk) receipt(by string, e protocol.Event) []byte {
	b, err := protocol.EncodeBody(e)
	d.must(err)
	return d.signed(by, protocol.Receipt{Format: protocol.ReceiptFormat, Incident: e.ID, Source: e.Source, Event: protocol.Fingerprint(b), ReceivedAt: protocol.At(d.now)})
}

// says has the centre answer with a state.
func (d *desk) says(id protocol.IncidentID, state, by string) {
	s := protocol.IncidentState{Format: protocol.StateFormat, Incident: id, Source: protocol.SourcePrefix + "TEST-0001", State: state, At: protocol.At(d.now)}
	if state == protocol.IncidentClosed {
		s.Cause = "two applicants shared one file"
	}
	d.answers[id] = d.signed(by, s)
}

func (d *desk) open() (out []journal.Standing) {
	d.Helper()
	out, err := d.j.Incidents(0, 0)
	d.must(err)
	return out
}

func (d *desk) entries(k journal.Kind) (out []journal.Entry) {
	d.Helper()
	d.must(d.j.Each(func(e journal.Entry) error {
		if e.Kind == k {
			out = append(out, e)
		}
		return nil
	}))
	return out
}

// TestFollowed: an incident is acknowledged and closed by those who may, and that is in the journal with who and when; the others
// stay as they are. Nothing new is nothing written.
func TestFollowed(t *testing.T) {
	d := newDesk(t)
	mine, at := d.raise()
	_, other := d.raise()
	d.must(d.f.follow(t.Context(), d))
	d.says(mine, protocol.IncidentAcknowledged, "taker")
	for range 3 {
		d.must(d.f.follow(t.Context(), d))
	}
	taken := d.entries(journal.Acknowledged)
	if len(taken) != 1 || taken[0].Staff != "taker" || uint64(taken[0].Of) != at || !taken[0].Signed.Equal(d.now) || len(d.open()) != 2 {
		t.Fatalf("%+v, %+v", taken, d.open())
	}
	d.now = d.now.Add(time.Minute)
	d.says(mine, protocol.IncidentClosed, "closer")
	for range 3 {
		d.must(d.f.follow(t.Context(), d))
	}
	closed := d.entries(journal.Closed)
	if left := d.open(); len(closed) != 1 || closed[0].Staff != "closer" || len(left) != 1 || left[0].Position != other {
		t.Errorf("%+v, %+v", closed, left)
	}
	if n := len(d.entries(journal.Disbelieved)); n != 0 {
		t.Errorf("%d were not believed", n)
	}
}

// TestACentreThatLostIt: what the centre had and does not know any more is brought to it again, in the same words, and can be closed
// there; a receipt of anybody else is not believed.
func TestACentreThatLostIt(t *testing.T) {
	d := newDesk(t)
	id, at := d.raise()
	d.answers[id], d.lost, d.receives = nil, true, "stranger"
	if err := d.f.follow(t.Context(), d); err == nil {
		t.Error("lost, and nobody says so")
	}
	if all := d.entries(journal.Disbelieved); len(all) != 1 || uint64(all[0].Of) != at || all[0].Reason != string(incident.ReceiptForeign) {
		t.Errorf("%+v", all)
	}
	d.answers[id], d.receives = nil, "centre"
	_ = d.f.follow(t.Context(), d) // which says that it was lost
	if len(d.told) != 2 || d.told[1].ID != id || !reflect.DeepEqual(d.told[0], d.told[1]) || d.answers[id] == nil {
		t.Fatalf("%+v", d.told)
	}
	d.says(id, protocol.IncidentClosed, "closer")
	d.must(d.f.follow(t.Context(), d))
	if left := d.open(); len(left) != 0 || len(d.told) != 2 {
		t.Errorf("%+v", left)
	}
}

// TestAskedInTurn: so many in one heartbeat and no more, each before any comes again; none that the centre has not got.
func TestAskedInTurn(t *testing.T) {
	d := newDesk(t)
	const n = 3*askedPerBeat - 3
	var all []protocol.IncidentID
	for range n {
		id, _ := d.raise()
		all = append(all, id)
	}
	d.must(d.l.record(journal.Entry{Kind: journal.Incident, Reason: "fault"})) // not delivered
	for range 3 {
		before := len(d.asked)
		d.must(d.f.follow(t.Context(), d))
		if got := len(d.asked) - before; got > askedPerBeat {
			t.Errorf("%d questions in one heartbeat", got)
		}
	}
	if !slices.Equal(d.asked, all) {
		t.Errorf("asked about %d: %v", len(d.asked), d.asked)
	}
	d.asked, d.down = nil, centre.ErrUnreachable
	if err := d.f.follow(t.Context(), d); !errors.Is(err, centre.ErrUnreachable) || len(d.asked) != 1 {
		t.Errorf("%d questions to a centre that is away: %v", len(d.asked), err)
	}
}

// TestHostileCentre: what is signed by nobody who may moves nothing, and is in the journal and in the log once for each kind,
// whatever the centre goes on saying.
func TestHostileCentre(t *testing.T) {
	d := newDesk(t)
	id, _ := d.raise()
	for range 5 {
		d.says(id, protocol.IncidentClosed, "stranger")
		d.must(d.f.follow(t.Context(), d))
		d.says(id, protocol.IncidentClosed, "taker")
		d.must(d.f.follow(t.Context(), d))
		d.answers[id] = []byte("closed, believe me")
		d.must(d.f.follow(t.Context(), d))
	}
	var words []string
	for _, e := range d.entries(journal.Disbelieved) {
		words = append(words, e.Reason)
	}
	want := []string{string(incident.StateStranger), string(incident.StateRole), string(incident.StateUnsigned)}
	if left := d.open(); !slices.Equal(words, want) || len(left) != 1 || !slices.Equal(left[0].Disbelieved, want) {
		t.Errorf("%q, %+v", words, left)
	}
	if n := len(d.hook.AllEntries()); n != len(want) {
		t.Errorf("%d lines in the log", n)
	}
	d.says(id, protocol.IncidentClosed, "closer")
	if err := d.f.follow(t.Context(), d); err != nil || len(d.open()) != 0 {
		t.Errorf("and then the right one: %v", err)
	}
}

// TestNobodyCountsUnderAPolicyThatIsRefused: neither those who close nor the centre that signs receipts, until a policy is in
// force under which visits begin.
func TestNobodyCountsUnderAPolicyThatIsRefused(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	id, _ := d.raise()
	d.says(id, protocol.IncidentClosed, "closer")
	d.must(d.l.record(journal.Entry{Kind: journal.Incident, Reason: "fault"}))
	item, _, err := d.box.Next(ctx, 0)
	d.must(err)
	good := centre.Settlement{Receipt: d.receipt("centre", *item.Event)}
	d.law = errors.New("the policy has expired")
	d.must(d.f.follow(ctx, d))
	if err := d.box.Settle(ctx, item.Key, good); !errors.Is(err, centre.ErrReceipt) || !errors.Is(err, d.law) {
		t.Errorf("a receipt: %v", err)
	}
	if left := d.open(); len(left) != 2 || left[1].Delivered != 0 || len(d.entries(journal.Disbelieved)) != 0 {
		t.Errorf("%+v", left)
	}
	d.law = nil
	d.must(errors.Join(d.f.follow(ctx, d), d.box.Settle(ctx, item.Key, good)))
	if left := d.open(); len(left) != 1 || left[0].Delivered == 0 {
		t.Errorf("and then under another policy: %+v", left)
	}
}

// TestDeliveredByReceipt: an incident is delivered when the centre has signed for its very event, and not before.
func TestDeliveredByReceipt(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.must(d.l.record(journal.Entry{Kind: journal.Incident, Reason: "fault"}))
	item, _, err := d.box.Next(ctx, 0)
	d.must(err)
	other := *item.Event
	other.ID += "1"
	for why, bad := range map[incident.Doubt][]byte{incident.ReceiptForeign: d.receipt("closer", *item.Event), incident.ReceiptOther: d.receipt("centre", other), incident.ReceiptUnsigned: nil} {
		for range 2 {
			if err := d.box.Settle(ctx, item.Key, centre.Settlement{Receipt: bad}); !errors.Is(err, why) || !errors.Is(err, centre.ErrReceipt) {
				t.Errorf("%s: %v", why, err)
			}
		}
	}
	if err := d.box.Settle(ctx, item.Key, centre.Settlement{Problem: "unknown"}); !errors.Is(err, errKept) {
		t.Errorf("given up for a word that nobody signed: %v", err)
	}
	if left := d.open(); len(left) != 1 || left[0].Delivered != 0 || len(left[0].Disbelieved) != 3 || len(d.entries(journal.Disbelieved)) != 3 {
		t.Fatalf("%+v", left)
	}
	if again, ok, err := d.box.Next(ctx, 0); !ok || err != nil || again.Key != item.Key {
		t.Error("it was taken out of the outbox", err)
	}
	d.must(d.box.Settle(ctx, item.Key, centre.Settlement{Receipt: d.receipt("centre", *item.Event)}))
	if _, ok, _ := d.box.Next(ctx, 0); ok || d.open()[0].Delivered == 0 || d.entries(journal.Delivered)[0].Proof == (protocol.Digest{}) {
		t.Error("not delivered, or without its proof")
	}
}
