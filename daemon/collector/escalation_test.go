package collector

import (
	"maps"
	"testing"

	"honnin/config/protocol"
	"honnin/spool/incident/storm"
	"honnin/spool/journal"
)

// TestEscalation: what is said of each step, by the name of its incident; no two are alike, and none is an incident.
func TestEscalation(t *testing.T) {
	w := newWorld(t)
	of := must[journal.Entry](t)(w.journal.Record(journal.Entry{Kind: journal.Incident, Reason: "fee-differs", Municipality: "141003"}))
	told := must[journal.Entry](t)(w.journal.Record(journal.Entry{Kind: journal.Escalated, Of: int(of.Seq), Step: 1, Contact: "desk", Municipality: "141003"}))
	over := must[journal.Entry](t)(w.journal.Record(journal.Entry{Kind: journal.Escalated, Of: int(of.Seq), Step: 2, Contact: "desk", Municipality: "141003", Reason: journal.Unacknowledged}))
	f := &follower{Options: w.options(), size: most}
	all, end, err := f.gather(t.Context())
	if err != nil || len(all) != 3 || end.Position != over.Seq {
		t.Fatalf("%+v %v", all, err)
	}
	name := string(protocol.NameIncident(here, must[protocol.JournalHead](t)(of.Head())))
	since := of.At.Format("2006-01-02T15:04:05Z")
	for _, c := range []struct {
		e        journal.Entry
		severity Severity
		more     map[string]string
	}{
		{told, Error, map[string]string{"contact": "desk", "step": "1"}},
		{over, Alert, map[string]string{"contact": "desk", "step": "2", "over": "unacknowledged"}},
	} {
		m := must[message](t)(f.message(storm.Alike[journal.Entry]{First: c.e, Last: c.e, Count: 1}))
		p := must[parsed](t)(parse(string(m.append(nil))))
		want := map[string]string{"id": name, "word": "fee-differs", "class": "fault", "municipality": "141003", "since": since}
		maps.Copy(want, c.more)
		if !maps.Equal(p.data[sdID], want) || p.pri != facility*8+int(c.severity) || m.id != "escalation" || p.data["origin"]["software"] != "honnind" {
			t.Errorf("%+v, %+v", p, m)
		}
	}
	if f.kindOf(told) == f.kindOf(over) || f.kindOf(told) == f.kindOf(of) {
		t.Error("alike")
	}
}
