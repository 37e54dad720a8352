package metrics

import (
	"net/http"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/spool/journal"
)

// TestUnacknowledged: what nobody has taken on, for how long, and how often that went further; after a restart, too.
func TestUnacknowledged(t *testing.T) {
	w := newWorld(t)
	h := must[http.Handler](t)(Handler(w.sources))
	holds(t, scraped(t, h), `honnin_incidents_unacknowledged{word="money"} 0`, `honnin_incidents_unacknowledged_oldest_age_seconds 0`, `honnin_escalations_total{step="over"} 0`)
	first := w.record(journal.Entry{Kind: journal.Incident, Reason: "money"})
	w.at = now.Add(time.Hour)
	w.record(journal.Entry{Kind: journal.Incident, Reason: "unsure"})
	w.record(journal.Entry{Kind: journal.Escalated, Of: int(first.Seq), Step: 1, Contact: "desk"})
	w.record(journal.Entry{Kind: journal.Escalated, Of: int(first.Seq), Step: 2, Contact: "chief"})
	w.record(journal.Entry{Kind: journal.Escalated, Of: int(first.Seq), Step: 3, Contact: "chief", Reason: journal.Unacknowledged})
	w.at = now.Add(2 * time.Hour)
	stands := []string{`honnin_incidents_unacknowledged{word="money"} 1`, `honnin_incidents_unacknowledged{word="unsure"} 1`,
		`honnin_incidents_unacknowledged_oldest_age_seconds 7200`, `honnin_outbox_entries 5`}
	holds(t, scraped(t, h), append(stands, `honnin_escalations_total{step="contact"} 2`, `honnin_escalations_total{step="over"} 1`)...)
	holds(t, scraped(t, must[http.Handler](t)(Handler(w.sources))), append(stands, `honnin_escalations_total{step="contact"} 0`)...)
	w.record(journal.Entry{Kind: journal.Acknowledged, Of: int(first.Seq), Staff: "taker", Proof: protocol.Digest{1}, Signed: protocol.At(w.at)})
	taken := []string{`honnin_incidents_unacknowledged{word="money"} 0`, `honnin_incidents_open{word="money"} 1`, `honnin_incidents_unacknowledged_oldest_age_seconds 3600`}
	holds(t, scraped(t, h), taken...)
	holds(t, scraped(t, must[http.Handler](t)(Handler(w.sources))), taken...)
}

// counting is a journal that counts how often all that is open was read.
type counting struct {
	*journal.Journal
	read int
}

func (c *counting) Incidents(after uint64, n int) ([]journal.Standing, error) {
	c.read++
	return c.Journal.Incidents(after, n)
}

// TestOneIsNoStorm: what is open is not read anew for each incident that is told.
func TestOneIsNoStorm(t *testing.T) {
	w := newWorld(t)
	j := &counting{Journal: w.journal}
	w.sources.Journal = j
	h := must[http.Handler](t)(Handler(w.sources))
	scraped(t, h)
	first := w.record(journal.Entry{Kind: journal.Incident, Reason: "money"})
	if _, gathered, err := w.journal.Gather(first.Seq, nil); err != nil || !gathered {
		t.Fatal(gathered, err)
	}
	holds(t, scraped(t, h), `honnin_incidents_open{word="money"} 1`, `honnin_incidents_undelivered{word="money"} 1`, `honnin_outbox_entries 1`)
	if j.read != 1 {
		t.Errorf("read %d times", j.read)
	}
}

// TestManyBecomeOne: what the journal made one of is one here, too.
func TestManyBecomeOne(t *testing.T) {
	w := newWorld(t)
	h := must[http.Handler](t)(Handler(w.sources))
	scraped(t, h)
	first := w.record(journal.Entry{Kind: journal.Incident, Reason: "money"})
	for range 3 {
		w.record(journal.Entry{Kind: journal.Incident, Reason: "money"})
	}
	holds(t, scraped(t, h), `honnin_incidents_open{word="money"} 4`, `honnin_outbox_entries 4`)
	if _, gathered, err := w.journal.Gather(first.Seq, nil); err != nil || !gathered {
		t.Fatal(gathered, err)
	}
	holds(t, scraped(t, h), `honnin_incidents_open{word="money"} 1`, `honnin_incidents_undelivered{word="money"} 1`, `honnin_outbox_entries 1`, `honnin_incidents_total{word="money"} 4`)
	w.record(journal.Entry{Kind: journal.Delivered, Of: int(first.Seq), Proof: protocol.Digest{1}})
	holds(t, scraped(t, h), `honnin_incidents_undelivered{word="money"} 0`, `honnin_outbox_entries 0`)
}
