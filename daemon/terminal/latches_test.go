package terminal

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"pgregory.net/rapid"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/spool/journal"
)

const (
	town    protocol.Municipality = "991023"
	village protocol.Municipality = "991031"
)

// latchesAt are those of a ledger, by the policy's numbers: three defective in an hour, three municipalities.
func latchesAt(l *ledger, now func() time.Time) *latches {
	log := logrus.New()
	log.SetOutput(new(nowhere))
	return newLatches(l, policy.Latch{Defective: 3, Within: time.Hour, All: 3}, now, log)
}

type nowhere struct{}

func (*nowhere) Write(b []byte) (int, error) { return len(b), nil }

func (m *memory) latches(t testing.TB) *latches {
	t.Helper()
	return latchesAt(m.l, func() time.Time { return m.now })
}

// refuse has a package refused, and returns its incident's position.
func (m *memory) refuse(t testing.TB, ls *latches, of protocol.Municipality, code reason.Code) uint64 {
	t.Helper()
	if err := refuses(ls, session.Incident{Municipality: of, Code: code, Transaction: protocol.NewTransaction()}, nil); err != nil {
		t.Fatal(err)
	}
	all, err := m.j.Incidents(0, 0)
	if err != nil || len(all) == 0 {
		t.Fatal("no incident", err)
	}
	return all[len(all)-1].Position
}

// close is what the follower journals of a closing that is believed.
func (m *memory) close(t testing.TB, of uint64) {
	t.Helper()
	if err := m.l.record(journal.Entry{Kind: journal.Closed, Of: int(of), Staff: "office-a", Proof: protocol.Digest{9}, Signed: protocol.At(m.now)}); err != nil {
		t.Fatal(err)
	}
}

// stands holds what is closed against what must be, now and after a restart.
func (m *memory) stands(t *testing.T, ls *latches, what string, all bool, closed ...protocol.Municipality) *latches {
	t.Helper()
	for _, when := range []string{"", " after a restart"} {
		for _, of := range []protocol.Municipality{city, town, village, "991040"} {
			if want := all || slices.Contains(closed, of); ls.Closed(of) != want {
				t.Errorf("%s%s: %s is closed: %v", what, when, of, !want)
			}
		}
		if err := ls.stopped(); (err != nil) != all || err != nil && !errors.Is(err, session.ErrStopped) {
			t.Errorf("%s%s: the terminal: %v", what, when, err)
		}
		if ls.any() != (len(closed) > 0 || all) {
			t.Errorf("%s%s: anything is closed: %v", what, when, ls.any())
		}
		if when == "" {
			m.restart(t)
			ls = m.latches(t)
		}
	}
	return ls
}

func TestWhatClosesAService(t *testing.T) {
	for code, closes := range map[reason.Code]bool{
		reason.SubjectMismatch: true, reason.OtherTransaction: true, reason.RegisterMismatch: true, reason.SignerRevoked: true,
		reason.SignatureInvalid: true, reason.PDFFont: false, reason.IssuerUnpatched: false, reason.PackageStale: false, "never-heard-of": true,
	} {
		t.Run(string(code), func(t *testing.T) {
			m := newMemory(t)
			ls := m.latches(t)
			of := m.refuse(t, ls, city, code)
			if !closes {
				m.stands(t, ls, "refused", false)
				return
			}
			ls = m.stands(t, ls, "refused", false, city)
			if err := m.l.StaffReady(t.Context(), "s1"); err != nil {
				t.Fatal(err)
			}
			ls = m.stands(t, ls, "staff said their word", false, city)
			m.close(t, of)
			m.stands(t, ls, "closed by a person", false)
		})
	}
}

// TestEachIncidentHoldsForItself: a service that two incidents stop opens when both are closed, whichever comes first.
func TestEachIncidentHoldsForItself(t *testing.T) {
	for _, first := range []int{0, 1} {
		m := newMemory(t)
		ls := m.latches(t)
		of := []uint64{m.refuse(t, ls, city, reason.TagMismatch), m.refuse(t, ls, city, reason.SubjectMismatch)}
		m.close(t, of[first])
		ls = m.stands(t, ls, "one of two is closed", false, city)
		m.close(t, of[1-first])
		m.stands(t, ls, "both are closed", false)
	}
}

// TestSeveralStopAll: the third stopped municipality stops the terminal; one closing opens the rest again.
func TestSeveralStopAll(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	first := m.refuse(t, ls, city, reason.TagMismatch)
	m.refuse(t, ls, town, reason.SubjectMismatch)
	m.refuse(t, ls, town, reason.SubjectMismatch)
	ls = m.stands(t, ls, "two of three", false, city, town)
	m.refuse(t, ls, village, reason.SignatureInvalid)
	ls = m.stands(t, ls, "three", true, city, town, village)
	m.close(t, first)
	m.stands(t, ls, "one of three is closed", false, town, village)
}

// TestOneIncidentStopsAll: an incident that is no municipality's may hold the whole terminal.
func TestOneIncidentStopsAll(t *testing.T) {
	m := newMemory(t)
	of, err := m.j.Record(journal.Entry{Kind: journal.Incident, Reason: "self-test"}, journal.Entry{Kind: journal.Latched, Reason: "unacknowledged"})
	if err != nil {
		t.Fatal(err)
	}
	ls := m.stands(t, m.latches(t), "held", true)
	m.close(t, of.Seq)
	m.stands(t, ls, "closed", false)
}

// TestDefectsAddUp: so many within so long whose incidents are open; by a restart between any two nothing changes.
func TestDefectsAddUp(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	refuse := func() uint64 {
		t.Helper()
		of := m.refuse(t, ls, city, reason.PDFFont)
		m.restart(t)
		ls = m.latches(t)
		return of
	}
	refuse()
	m.now = m.now.Add(2 * time.Hour)
	refuse()
	second := refuse()
	m.refuse(t, ls, town, reason.PDFFont)
	ls = m.stands(t, ls, "defects that lie too far apart, and another's", false)
	third := refuse()
	ls = m.stands(t, ls, "three in an hour", false, city)
	m.close(t, third)
	ls = m.stands(t, ls, "the one that stopped it is closed", false)
	m.close(t, second)
	m.refuse(t, ls, city, reason.PDFFont)
	ls = m.stands(t, ls, "what is closed counts no more", false)
	m.refuse(t, ls, city, reason.PDFFont)
	m.stands(t, ls, "three that are open", false, city)
}

// TestAStormCounts: defects that are alike and become one event count each, until a person has closed that.
func TestAStormCounts(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	first := m.refuse(t, ls, city, reason.PackageMalformed)
	m.refuse(t, ls, city, reason.PackageMalformed)
	m.gather(t, first)
	if all, err := m.j.Incidents(0, 0); err != nil || len(all) != 1 {
		t.Fatal("not one event", all, err)
	}
	m.restart(t)
	ls = m.latches(t)
	third := m.refuse(t, ls, city, reason.PackageMalformed)
	ls = m.stands(t, ls, "three, two of them one event", false, city)
	m.close(t, third)
	ls = m.stands(t, ls, "what held is closed", false)
	m.refuse(t, ls, city, reason.PackageMalformed)
	ls = m.stands(t, ls, "three again", false, city)
	m.close(t, first)
	left, err := m.j.Incidents(0, 0)
	if err != nil || len(left) != 1 {
		t.Fatal(left, err)
	}
	m.close(t, left[0].Position)
	m.refuse(t, ls, city, reason.PackageMalformed)
	m.stands(t, ls, "all of them are closed", false)
}

// TestWhatAVisitKeeps: an offer that was shown as stopped stays so for the visit; the next sees that it is open. What is stopped
// meanwhile counts at once.
func TestWhatAVisitKeeps(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	of := m.refuse(t, ls, city, reason.TagMismatch)
	centre := marked{shown{nil, []protocol.Offer{{Municipality: city, Available: true}, {Municipality: town, Available: true},
		{Municipality: city, Why: "not-registered"}}}, ls}
	offers := func(city, town bool) {
		t.Helper()
		got, err := centre.Applicant(t.Context(), protocol.Transaction{}, protocol.Applicant{})
		if err != nil || got.Offers[0].Available != city || got.Offers[1].Available != town || (got.Offers[0].Why == faulty) == city ||
			got.Offers[2].Why != "not-registered" {
			t.Fatalf("%+v %v", got.Offers, err)
		}
	}
	offers(false, true)
	m.close(t, of)
	offers(true, true)
	m.refuse(t, ls, town, reason.TagMismatch)
	offers(true, false)
	if !ls.Closed(town) || ls.Closed(city) {
		t.Error("what is stopped meanwhile does not count at once")
	}
}

// shown is a centre that offers.
type shown struct {
	session.Centre
	offers []protocol.Offer
}

func (s shown) Applicant(context.Context, protocol.Transaction, protocol.Applicant) (protocol.Offers, error) {
	return protocol.Offers{Offers: s.offers}, nil
}

// TestShutAtOnce: an incident, and what it closes, are in the journal together or not at all; and what the journal does not take is
// closed all the same.
func TestShutAtOnce(t *testing.T) {
	m, ctx := newMemory(t), t.Context()
	tx := protocol.NewTransaction()
	ls := m.latches(t)
	if err := errors.Join(
		refuses(ls, session.Incident{Kind: session.IncidentRefused, Transaction: tx, Municipality: city, Code: reason.TagMismatch},
			&session.Ending{Transaction: tx, Municipality: city, Outcome: protocol.Refused, Code: reason.TagMismatch}),
		m.l.Shut(ctx, session.Incident{Kind: session.IncidentUnsure, Transaction: tx}, "printing/print-unsure")); err != nil {
		t.Fatal(err)
	}
	var kinds []journal.Kind
	if err := m.j.Each(func(e journal.Entry) error { kinds = append(kinds, e.Kind); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(kinds, []journal.Kind{journal.Incident, journal.Latched, journal.Ended, journal.Incident, journal.StaffNeeded}) {
		t.Errorf("%v", kinds)
	}
	full := &ledger{journal: &refusing{Journal: m.j, times: 2}, wake: func() {}}
	broken := latchesAt(full, time.Now)
	if err := refuses(broken, session.Incident{Municipality: town, Code: reason.TagMismatch}, nil); err == nil || !broken.Closed(town) || !broken.any() {
		t.Errorf("a full disk: %v, and the service is open", err)
	}
	if err := full.Shut(ctx, session.Incident{Kind: session.IncidentFault}, "x"); err == nil {
		t.Error("a full disk said nothing")
	}
	if n, _, err := m.j.Verify(); n != len(kinds) || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
	if err := broken.stopped(); !errors.Is(err, session.ErrStopped) {
		t.Errorf("a visit would begin: %v", err)
	}
	if err := full.settle(); err != nil || broken.stopped() != nil || !m.latches(t).Closed(town) {
		t.Errorf("closed in memory, and not in the journal: %v", err)
	}
	all, err := m.j.Incidents(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.close(t, all[len(all)-1].Position)
	if broken.Closed(town) || !broken.Closed(city) {
		t.Error("closed by a person, and the memory holds on; or another's is open")
	}
}

// TestNobodyCanSay: a journal that cannot be read stops everything.
func TestNobodyCanSay(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	if err := m.j.Close(); err != nil {
		t.Fatal(err)
	}
	if !ls.Closed(city) || !errors.Is(ls.stopped(), session.ErrStopped) || !ls.any() {
		t.Error("open, and nobody knows")
	}
}

// TestLatchesFollowTheIncidents: whatever is refused, closed and restarted in whatever order, what is stopped is what open
// incidents stop.
func TestLatchesFollowTheIncidents(t *testing.T) {
	m := newMemory(t)
	stopped := 0
	for round := 0; round < 20 && stopped < 5; round++ {
		rapid.Check(t, func(r *rapid.T) { stopped += latchesFollow(t, r, m) })
	}
	if stopped < 5 {
		t.Errorf("only %d times was everything stopped", stopped)
	}
}

func latchesFollow(t *testing.T, r *rapid.T, m *memory) (stopped int) {
	all, err := m.j.Incidents(0, 0)
	if err != nil {
		r.Fatal(err)
	}
	for _, s := range all { // of the last round
		m.close(t, s.Position)
	}
	ls := m.latches(t)
	holds := map[uint64]protocol.Municipality{}
	for range rapid.IntRange(1, 15).Draw(r, "n") {
		switch rapid.IntRange(0, 5).Draw(r, "what") {
		case 0:
			m.restart(t)
			ls = m.latches(t)
		case 1, 2:
			if len(holds) > 0 {
				of := rapid.SampledFrom(slices.Sorted(maps.Keys(holds))).Draw(r, "close")
				m.close(t, of)
				delete(holds, of)
			}
		default:
			of := rapid.SampledFrom([]protocol.Municipality{city, town, village}).Draw(r, "of")
			holds[m.refuse(t, ls, of, rapid.SampledFrom([]reason.Code{reason.TagMismatch, reason.SignatureInvalid}).Draw(r, "why"))] = of
		}
		closed := map[protocol.Municipality]bool{}
		for _, of := range holds {
			closed[of] = true
		}
		for _, of := range []protocol.Municipality{city, town, village, "991040"} {
			if want := closed[of] || len(closed) == 3; ls.Closed(of) != want {
				r.Fatalf("%s is closed: %v, and %v hold", of, !want, holds)
			}
		}
		if (ls.stopped() != nil) != (len(closed) == 3) {
			r.Fatalf("%v, and %v hold", ls.stopped(), holds)
		}
		stopped += len(closed) / 3
	}
	return stopped
}
