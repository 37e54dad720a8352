package terminal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/centre"
	"honnin/daemon/session"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// inquiry is a desk at which a terminal asks what is suspended.
type inquiry struct {
	*desk
	*suspensions
	all   []protocol.Suspension
	by    string                                   // who signs the answers
	spoil func(*protocol.Suspensions)              // what is signed
	err   error                                    // instead of an answer
	last  []byte                                   // the answer before
	twist func(fresh, last []byte) (answer []byte) // what comes of it on the way
	n     int
}

func newInquiry(t *testing.T) *inquiry {
	a := &inquiry{desk: newDesk(t), by: "centre", spoil: func(*protocol.Suspensions) {}, twist: func(fresh, _ []byte) []byte { return fresh }}
	judge := func() incident.Judge { j, _ := a.f.judge(); return j }
	a.suspensions = &suspensions{judge: judge, ledger: a.l, log: a.f.log,
		ask: func(_ context.Context, fresh protocol.Nonce) ([]byte, error) {
			a.n++
			s := protocol.Suspensions{Format: protocol.SuspensionsFormat, Nonce: fresh, At: protocol.At(a.desk.now), Suspended: a.all}
			a.spoil(&s)
			der := a.signed(a.by, s)
			answer := a.twist(der, a.last)
			a.last = der
			return answer, a.err
		}}
	return a
}

func (a *inquiry) incidents() (out []journal.Entry) {
	a.Helper()
	a.must(a.j.Each(func(e journal.Entry) error {
		if e.Kind == journal.Incident {
			out = append(out, e)
		}
		return nil
	}))
	return out
}

var two = []protocol.Offer{{ID: "a", Municipality: city, Available: true}, {ID: "b", Municipality: "991023", Available: true}}

// TestSuspendedOffers: those of a municipality that is suspended as a whole are shown and cannot be had; the others are as they were.
func TestSuspendedOffers(t *testing.T) {
	a := newInquiry(t)
	a.all = []protocol.Suspension{{Municipality: city, Since: protocol.At(noon), Incident: "i-1"},
		{Municipality: "991023", Software: &protocol.SuspendedSoftware{Name: "x", UpTo: "1.0.0"}, Since: protocol.At(noon), Incident: "i-2"},
		{Software: &protocol.SuspendedSoftware{Name: "架空 太郎"}, Since: protocol.At(noon), Incident: "i-3"}}
	for range 2 {
		got, err := a.mark(t.Context(), two)
		if err != nil || len(got) != 2 || got[0].Available || got[0].Why != "suspended" || !got[1].Available || got[1].Why != "" || !two[0].Available {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	warned := 0
	for _, e := range a.hook.AllEntries() {
		if all, is := e.Data["suspended"].([]string); is && slices.Equal(all, []string{"municipality " + string(city) + " (i-1)", "software of another name (i-3)", "software x up to 1.0.0 of municipality 991023 (i-2)"}) {
			warned++
		}
	}
	a.all = nil
	if got, err := a.mark(t.Context(), two); err != nil || !got[0].Available || warned != 1 || !strings.Contains(a.hook.LastEntry().Message, "any more") {
		t.Errorf("lifted: %+v, %v; %d warnings, then %q", got, err, warned, a.hook.LastEntry().Message)
	}
	if found := a.incidents(); len(found) != 0 || a.n != 3 {
		t.Errorf("%+v, asked %d times", found, a.n)
	}
}

// TestSuspendedIsDeclined: what stops a document is nobody's fault; what is not made yet is stopped by its municipality only.
func TestSuspendedIsDeclined(t *testing.T) {
	a := newInquiry(t)
	a.all = []protocol.Suspension{{Municipality: city, Since: protocol.At(noon), Incident: "i-1"},
		{Software: &protocol.SuspendedSoftware{Name: "x"}, Since: protocol.At(noon), Incident: "i-2"}}
	for _, c := range []struct {
		at    protocol.Municipality
		by    string
		stops bool
	}{{city, "", true}, {city, "y", true}, {"991023", "x", true}, {"991023", "y", false}, {"991023", "", false}} {
		err := a.check(t.Context(), c.at, protocol.Software{Name: c.by})
		if no := (*session.Declined)(nil); errors.As(err, &no) != c.stops || (err != nil) != c.stops || c.stops && no.Word != "suspended" {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestSuspensionsFailClosed: each answer that is not the centre's to this very question gives no offers and no commit; one that came and
// is not believed is an incident, once.
func TestSuspensionsFailClosed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*inquiry)
		want   error // nil: any
		doubt  incident.Doubt
	}{
		"missing":          {func(a *inquiry) { a.err = centre.ErrUnreachable }, centre.ErrUnreachable, ""},
		"a problem":        {func(a *inquiry) { a.err = &centre.Problem{Word: protocol.ProblemUnknown, Status: 404} }, nil, ""},
		"too long to read": {func(a *inquiry) { a.err = centre.ErrAnswer }, centre.ErrAnswer, ""},
		"empty":            {func(a *inquiry) { a.twist = func(_, _ []byte) []byte { return nil } }, incident.SuspensionsUnsigned, incident.SuspensionsUnsigned},
		"unsigned":         {func(a *inquiry) { a.twist = func(der, _ []byte) []byte { der[len(der)-1] ^= 1; return der } }, incident.SuspensionsUnsigned, incident.SuspensionsUnsigned},
		"malformed":        {func(a *inquiry) { a.all = []protocol.Suspension{{Since: protocol.At(noon), Incident: "i"}} }, incident.SuspensionsUnsigned, incident.SuspensionsUnsigned},
		"too many":         {func(a *inquiry) { a.all = make([]protocol.Suspension, protocol.MaxSuspensions+1) }, incident.SuspensionsUnsigned, incident.SuspensionsUnsigned},
		"by a person":      {func(a *inquiry) { a.by = "closer" }, incident.SuspensionsForeign, incident.SuspensionsForeign},
		"by a stranger":    {func(a *inquiry) { a.by = "stranger" }, incident.SuspensionsForeign, incident.SuspensionsForeign},
		"another nonce":    {func(a *inquiry) { a.spoil = func(s *protocol.Suspensions) { s.Nonce[31]++ } }, incident.SuspensionsOther, incident.SuspensionsOther},
		"the one before":   {func(a *inquiry) { a.twist = func(_, last []byte) []byte { return last } }, incident.SuspensionsOther, incident.SuspensionsOther},
	} {
		t.Run(name, func(t *testing.T) {
			a := newInquiry(t)
			if _, err := a.mark(t.Context(), two); err != nil {
				t.Fatal(err)
			}
			c.change(a)
			for range 2 {
				offers, err := a.mark(t.Context(), two)
				commit := a.check(t.Context(), "991023", protocol.Software{})
				if err == nil || offers != nil || commit == nil || c.want != nil && !(errors.Is(err, c.want) && errors.Is(commit, c.want)) {
					t.Errorf("offers %+v, %v; commit %v", offers, err, commit)
				}
				if no := (*session.Declined)(nil); errors.As(commit, &no) || reason.Of(commit) != "" {
					t.Errorf("somebody is blamed: %v", commit)
				}
			}
			found := a.incidents()
			if (len(found) == 1) != (c.doubt != "") || len(found) > 1 {
				t.Fatalf("%+v", found)
			}
			if len(found) == 1 && (found[0].Reason != protocol.IncidentSuspensions || !slices.Equal(found[0].Also, []reason.Code{reason.Code(c.doubt)}) || found[0].Municipality != "") {
				t.Errorf("%+v", found[0])
			}
		})
	}
}

// TestDistrustIsToldAgain: while such an incident is open it is not told once more, whatever policy comes and however often the program
// starts; after it was closed it is, and what is of another kind always.
func TestDistrustIsToldAgain(t *testing.T) {
	a := newInquiry(t)
	a.by = "closer"
	fails := func(raised int) {
		t.Helper()
		for range 2 {
			a.suspensions = &suspensions{judge: a.suspensions.judge, ledger: a.l, log: a.f.log, ask: a.suspensions.ask} // as after a start
			if _, err := a.mark(t.Context(), two); err == nil {
				t.Error("believed")
			}
		}
		if all := a.incidents(); len(all) != raised {
			t.Errorf("%d raised, not %d", len(all), raised)
		}
	}
	fails(1)
	a.must(a.l.record(journal.Entry{Kind: journal.Closed, Of: int(a.incidents()[0].Seq), Staff: "p", Proof: protocol.Digest{1}, Signed: protocol.At(noon)}))
	fails(2)
	a.by, a.spoil = "centre", func(s *protocol.Suspensions) { s.Nonce[31]++ }
	fails(3)
	a.by, a.spoil = "closer", func(*protocol.Suspensions) {}
	fails(3)
}

// TestNobodySigns: under a policy that names nobody who signs for the centre, it is not asked.
func TestNobodySigns(t *testing.T) {
	a := newInquiry(t)
	a.suspensions.judge = func() incident.Judge { return incident.Judge{Policy: ruled(t, "", "")} }
	a.all = []protocol.Suspension{{Municipality: city, Since: protocol.At(noon), Incident: "i-1"}}
	got, err := a.mark(t.Context(), two)
	if err != nil || !got[0].Available || a.check(t.Context(), city, protocol.Software{}) != nil || a.n != 0 {
		t.Errorf("%+v, %v, asked %d times", got, err, a.n)
	}
}
