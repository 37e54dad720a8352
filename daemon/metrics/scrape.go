package metrics

import (
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"honnin/config/protocol"
	"honnin/config/tokyo"
	"honnin/daemon/terminal"
)

// scrape makes all samples anew at each question.
type scrape struct {
	Sources
	books books
	descs map[string]*prometheus.Desc
}

var _ prometheus.Collector = (*scrape)(nil)

// series is every one there is: its name, its labels, and what it says.
func series() [][3]string {
	return [][3]string{
		{"honnin_build_info", "version goversion confinement", "This program, and what holds its inspection children."},
		{"honnin_in_service", "", "Whether the terminal serves."},
		{"honnin_out_of_service", "why", "1 for the reason why it does not."},
		{"honnin_part_ready", "part", "Whether a device was ready when it was last asked; absent where the last look did not come so far."},
		{"honnin_visits_total", "", "Visits that began."},
		{"honnin_transactions_total", "outcome", "Transactions by their outcome."},
		{"honnin_refusals_total", "reason class", "Documents that were refused."},
		{"honnin_suspended_total", "", "Documents that passed the check and were not printed, because the centre had suspended their municipality or software."},
		{"honnin_dropped_total", "what", "Events that were dropped since the policy came into force."},
		{"honnin_incidents_total", "word", "Incidents that were raised."},
		{"honnin_incidents_open", "word", "Incidents that no named person has closed."},
		{"honnin_incidents_undelivered", "word", "Incidents for which the centre has given no receipt."},
		{"honnin_incidents_unacknowledged", "word", "Those that nobody has acknowledged either."},
		{"honnin_incidents_unacknowledged_oldest_age_seconds", "", "How long the oldest of them stands; 0 without any."},
		{"honnin_escalations_total", "step", "Steps with incidents that nobody acknowledged: contact, another one was to be told; over, the last deadline passed."},
		{"honnin_outbox_entries", "", "Outcomes, incidents and escalations that the centre does not have."},
		{"honnin_outbox_oldest_age_seconds", "", "How long the oldest of them waits; 0 without any."},
		{"honnin_service_stopped", "municipality", "1 for a municipality whose service is stopped here, until a person has closed what holds it or the journal can be written; \"every\": for every service."},
		{"honnin_staff_needed", "", "Whether no visit begins before staff have looked."},
		{"honnin_policy_version", "", "The policy in force."},
		{"honnin_policy_remaining_seconds", "", "How long it has still."},
		{"honnin_keys_remaining_seconds", "", "How long the first of the terminal's certificates has still; absent where that is not known."},
		{"honnin_self_test_day_timestamp_seconds", "", "The beginning, in Japan, of the day for which the self-test has passed; 0 if it has not."},
		{"honnin_journal_entries", "", "The journal's last position."},
		{"honnin_journal_size_bytes", "", "The size of its file."},
		{"honnin_inspection_children_waiting", "", "Confined children that wait for a document."},
		{"honnin_collector_position", "collector", "The entry of the journal up to which a collector of incidents was told."},
		{"honnin_collector_failing", "collector", "Whether the last attempt to tell it failed."},
	}
}

func newScrape(s Sources) *scrape {
	c := &scrape{Sources: s, books: books{journal: s.Journal}, descs: map[string]*prometheus.Desc{}}
	for _, d := range series() {
		c.descs[d[0]] = prometheus.NewDesc(d[0], d[2], strings.Fields(d[1]), nil)
	}
	return c
}

// Describe sends every series.
func (c *scrape) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect makes the samples. What cannot be read makes the whole answer fail: a number that is missing looks like one that is 0.
func (c *scrape) Collect(out chan<- prometheus.Metric) {
	s := samples{c, out}
	s.status(c.Status())
	for _, part := range []func() error{s.journal, s.marks, s.books} {
		if err := part(); err != nil {
			out <- prometheus.NewInvalidMetric(c.descs["honnin_journal_entries"], err)
		}
	}
	for _, to := range c.Collectors() {
		s.is("honnin_collector_position", float64(to.Position), to.ID)
		s.is("honnin_collector_failing", one(to.Failing), to.ID)
	}
}

// samples are those of one question.
type samples struct {
	*scrape
	out chan<- prometheus.Metric
}

// is sends a sample: a counter where the name says so.
func (s samples) is(name string, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if strings.HasSuffix(name, "_total") {
		kind = prometheus.CounterValue
	}
	m, err := prometheus.NewConstMetric(s.descs[name], kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(s.descs[name], err)
	}
	s.out <- m
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (s samples) status(t terminal.Status) {
	_, version, _ := strings.Cut(s.Software, " ")
	s.is("honnin_build_info", 1, version, runtime.Version(), s.Held)
	s.is("honnin_in_service", one(t.InService))
	if !t.InService {
		s.is("honnin_out_of_service", 1, why(t.Why))
	}
	for _, municipality := range t.Stopped {
		s.is("honnin_service_stopped", 1, municipality)
	}
	for part, ready := range t.Ready {
		s.is("honnin_part_ready", one(ready), part)
	}
	for what, n := range map[string]uint64{"other-visit": t.Counts.OtherVisit, "late": t.Counts.Late, "invalid": t.Counts.Invalid,
		"impossible": t.Counts.Impossible, "panics": t.Counts.Panics} {
		s.is("honnin_dropped_total", float64(n), what)
	}
	s.is("honnin_policy_version", float64(t.Policy))
	s.until("honnin_policy_remaining_seconds", t.PolicyExpires)
	s.until("honnin_keys_remaining_seconds", t.KeysExpire)
	day, err := time.ParseInLocation(time.DateOnly, t.SelfTest, tokyo.Zone())
	s.is("honnin_self_test_day_timestamp_seconds", float64(day.Unix())*one(err == nil))
	s.is("honnin_inspection_children_waiting", float64(s.Children()))
}

func (s samples) until(name string, end time.Time) {
	if !end.IsZero() {
		s.is(name, end.Sub(s.Now()).Seconds())
	}
}

func (s samples) journal() error {
	head, err := s.Journal.Head()
	if err != nil {
		return err
	}
	size, err := s.Size()
	s.is("honnin_journal_entries", float64(head.Position))
	s.is("honnin_journal_size_bytes", float64(size))
	return err
}

func (s samples) marks() error {
	why, err := s.Journal.StaffNeeded()
	s.is("honnin_staff_needed", one(why != ""))
	return err
}

func (s samples) books() error {
	b := &s.scrape.books
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.look(); err != nil {
		return err
	}
	s.is("honnin_visits_total", float64(b.visits))
	for _, o := range outcomes() {
		s.is("honnin_transactions_total", float64(b.ended[o]), string(o))
	}
	for r, n := range b.refused {
		s.is("honnin_refusals_total", float64(n), r.code, r.class)
	}
	s.is("honnin_suspended_total", float64(b.halted))
	raised, open, late := map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
	for w, n := range b.raised {
		raised[s.word(w)] += n
	}
	for at, is := range b.open {
		open[s.word(is.word)]++
		if _, waits := b.outbox[at]; !waits && !is.receipt {
			late[s.word(is.word)]++
		}
	}
	now := s.Now()
	oldest := now
	for _, w := range b.outbox {
		if w.word != "" {
			late[s.word(w.word)]++
		}
		if w.at.Before(oldest) {
			oldest = w.at
		}
	}
	s.words("honnin_incidents_total", raised)
	s.words("honnin_incidents_open", open)
	s.unacknowledged(b, now)
	s.words("honnin_incidents_undelivered", late)
	s.is("honnin_outbox_entries", float64(len(b.outbox)))
	s.is("honnin_outbox_oldest_age_seconds", now.Sub(oldest).Seconds())
	return nil
}

// unacknowledged is what nobody has taken on, and how often that had to go further.
func (s samples) unacknowledged(b *books, now time.Time) {
	n, oldest := map[string]uint64{}, now
	for _, is := range b.open {
		if is.taken {
			continue
		}
		if n[s.word(is.word)]++; is.at.Before(oldest) {
			oldest = is.at
		}
	}
	s.words("honnin_incidents_unacknowledged", n)
	s.is("honnin_incidents_unacknowledged_oldest_age_seconds", now.Sub(oldest).Seconds())
	s.is("honnin_escalations_total", float64(b.told), "contact")
	s.is("honnin_escalations_total", float64(b.over), "over")
}

// words sends one sample for every word that there can be, so that a rise from nothing is seen as one.
func (s samples) words(name string, n map[string]uint64) {
	words := []string{other}
	for _, w := range s.Catalogue.Words() {
		words = append(words, w.Word)
	}
	for _, w := range words {
		s.is(name, float64(n[w]), w)
	}
}

func outcomes() []protocol.Outcome {
	return []protocol.Outcome{protocol.Printed, protocol.Failed, protocol.Unsure, protocol.Refused, protocol.Abandoned, protocol.Void}
}
