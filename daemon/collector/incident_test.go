package collector

import (
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/incident/storm"
	"honnin/spool/journal"
)

// TestIncident: what is said of one, and of many that are alike.
func TestIncident(t *testing.T) {
	w := newWorld(t)
	one := incidentNumber(7)
	one.Seq, one.At = 12, protocol.At(time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC))
	one.Facts = protocol.Evidence{Serial: "S-1", Software: protocol.IssuedWith{Name: "x", Version: "1.0.0"}, SignedBy: protocol.Digest{3}, Program: "honnind v1.2.3"}
	last := one
	last.Seq, last.At, last.Transaction = 99, protocol.At(time.Date(2026, 11, 22, 1, 9, 3, 0, time.UTC)), protocol.Transaction{9}
	head, end := must[protocol.JournalHead](t)(one.Head()), must[protocol.JournalHead](t)(last.Head())
	m := must[message](t)(w.options().message(storm.Alike[journal.Entry]{First: one, Last: last, Count: 88}))
	p := must[parsed](t)(parse(string(m.append(nil))))
	want := map[string]string{"id": string(protocol.NameIncident(here, head)), "word": "subject-mismatch", "class": "mixed-up", "municipality": "141003",
		"transaction": one.Transaction.String(), "document": one.Document.String(), "where": "7", "also": "tag-mismatch other-application", "count": "88",
		"last": string(protocol.NameIncident(here, end)), "until": "2026-11-22T01:09:03Z",
		"serial": "S-1", "issuer": "x", "issuerVersion": "1.0.0", "signer": protocol.Digest{3}.String()}
	got := p.data[sdID]
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
	if len(got) != len(want) || p.at != "2026-11-22T01:02:03Z" || p.pri != facility*8+1 || p.data["origin"]["software"] != "honnind" || p.data["origin"]["swVersion"] != "v1.2.3" {
		t.Errorf("%+v", p)
	}
	m = must[message](t)(w.options().message(storm.Alike[journal.Entry]{First: journal.Entry{Reason: "money"}, Last: journal.Entry{Reason: "money"}, Count: 1}))
	if p := must[parsed](t)(parse(string(m.append(nil)))); len(p.data[sdID]) != 4 || p.data[sdID]["class"] != "fault" {
		t.Errorf("%+v", p.data)
	}
}

// TestSeverities: every word of the catalogue has one, and a word that is not there is as severe as any.
func TestSeverities(t *testing.T) {
	w := newWorld(t)
	o, seen := w.options(), map[Severity]int{}
	for _, word := range o.Catalogue.Words() {
		class, s := o.judged(word.Word)
		if s == 0 || class != word.Class {
			t.Errorf("%s: %d, %s", word.Word, s, class)
		}
		seen[s]++
	}
	if len(seen) != 3 || len(o.Catalogue.Words()) < 20 {
		t.Error(seen)
	}
	if class, s := o.judged("nobody-thought-of-it"); s != Alert || class != "fault" {
		t.Error(class, s)
	}
}

// TestAlike: what is distinct in anything but time and visit is never one; of what is less grave, each document does not count.
func TestAlike(t *testing.T) {
	o := newWorld(t).options()
	one := incidentNumber(1)
	later := one
	later.Facts.IssuedAt = protocol.At(time.Unix(9, 0))
	later.Seq, later.At, later.Visit, later.Transaction = 5, protocol.At(time.Unix(9, 0)), 3, protocol.Transaction{7}
	if o.kindOf(one) != o.kindOf(later) {
		t.Error("the same again is not alike")
	}
	for name, change := range map[string]func(*journal.Entry){
		"word":         func(e *journal.Entry) { e.Reason = string(reason.TagMismatch) },
		"municipality": func(e *journal.Entry) { e.Municipality = "131016" },
		"place":        func(e *journal.Entry) { e.Where = "2" },
		"program":      func(e *journal.Entry) { e.Facts.Software.Version = "1.0.1" },
		"signer":       func(e *journal.Entry) { e.Facts.SignedBy = protocol.Digest{9} },
		"what else":    func(e *journal.Entry) { e.Also = e.Also[:1] },
		"document":     func(e *journal.Entry) { e.Document = protocol.Digest{7} },
		"serial":       func(e *journal.Entry) { e.Facts.Serial = "S-2" },
	} {
		for word, grave := range map[reason.Code]bool{reason.SubjectMismatch: true, reason.PDFPages: false} {
			one, other := incidentNumber(1), incidentNumber(1)
			one.Reason, other.Reason = string(word), string(word)
			change(&other)
			alike := !grave && (name == "document" || name == "serial")
			if (o.kindOf(one) == o.kindOf(other)) != alike {
				t.Errorf("%s: of another %s is alike: %t", word, name, !alike)
			}
		}
	}
}
