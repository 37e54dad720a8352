package metrics

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/collector"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// world is what a scrape asks.
type world struct {
	t       testing.TB
	journal *journal.Journal
	at      time.Time
	status  terminal.Status
	sources Sources
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, at: now}
	w.journal = must[*journal.Journal](t)(journal.Open(filepath.Join(t.TempDir(), "j"), func() time.Time { return w.at }))
	t.Cleanup(func() { _ = w.journal.Close() })
	w.status = terminal.Status{InService: true, Ready: map[string]bool{"printer": true, "reader": true}, Policy: 7, PolicyExpires: now.Add(48 * time.Hour),
		KeysExpire: now.Add(time.Hour), SelfTest: "2026-11-22", Counts: session.Counts{Late: 3}}
	w.sources = Sources{Status: func() terminal.Status { return w.status }, Journal: w.journal, Size: func() (int64, error) { return 4096, nil },
		Children: func() int { return 1 }, Collectors: func() []collector.State { return []collector.State{{ID: "log", Position: 5, Failing: true}} },
		Catalogue: must[incident.Catalogue](t)(incident.Load()), Software: "honnind v1.2.3", Held: "seccomp", Now: func() time.Time { return w.at }}
	return w
}

func (w *world) record(e journal.Entry) journal.Entry {
	w.t.Helper()
	return must[journal.Entry](w.t)(w.journal.Record(e))
}

// refused journals one transaction that the check refused.
func (w *world) refused(n byte, code reason.Code) {
	w.t.Helper()
	w.record(journal.Entry{Kind: journal.Ended, Transaction: protocol.Transaction{n}, Outcome: protocol.Refused, Reason: string(code)})
	w.record(journal.Entry{Kind: journal.Incident, Transaction: protocol.Transaction{n}, Municipality: "141003", Reason: string(code)})
}

// ask makes one scrape.
func ask(t testing.TB, h http.Handler, method, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
	return rec.Code, rec.Body.String()
}

func scraped(t testing.TB, h http.Handler) string {
	t.Helper()
	code, text := ask(t, h, "GET", "/metrics")
	if code != 200 {
		t.Fatal(code, text)
	}
	return text
}

func holds(t testing.TB, text string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains(text, "\n"+l+"\n") {
			t.Errorf("no %q", l)
		}
	}
}

func TestScrape(t *testing.T) {
	w := newWorld(t)
	w.refused(1, reason.SubjectMismatch) // before the process began
	before := w.record(journal.Entry{Kind: journal.Incident, Reason: "money"})
	w.at = now.Add(time.Minute)
	h := must[http.Handler](t)(Handler(w.sources))
	holds(t, scraped(t, h), `honnin_build_info{confinement="seccomp",goversion="`+runtime.Version()+`",version="v1.2.3"} 1`, `honnin_in_service 1`,
		`honnin_part_ready{part="printer"} 1`, `honnin_part_ready{part="reader"} 1`, `honnin_visits_total 0`, `honnin_transactions_total{outcome="refused"} 0`,
		`honnin_dropped_total{what="late"} 3`, `honnin_incidents_total{word="subject-mismatch"} 0`, `honnin_incidents_open{word="subject-mismatch"} 1`,
		`honnin_incidents_open{word="money"} 1`, `honnin_incidents_undelivered{word="money"} 1`, `honnin_outbox_entries 3`,
		`honnin_outbox_oldest_age_seconds 60`, `honnin_staff_needed 0`, `honnin_policy_version 7`, `honnin_policy_remaining_seconds 172740`,
		`honnin_keys_remaining_seconds 3540`, `honnin_self_test_day_timestamp_seconds 1.7952732e+09`, `honnin_journal_entries 3`, `honnin_journal_size_bytes 4096`,
		`honnin_inspection_children_waiting 1`, `honnin_collector_position{collector="log"} 5`, `honnin_collector_failing{collector="log"} 1`)

	must[uint64](t)(w.journal.BeginVisit())
	w.refused(2, reason.TagMissing)
	w.refused(3, reason.TagMissing)
	for i, why := range []string{"suspended", "timeout"} {
		w.record(journal.Entry{Kind: journal.Ended, Transaction: protocol.Transaction{byte(4 + i)}, Outcome: protocol.Void, Reason: why})
	}
	w.record(journal.Entry{Kind: journal.Incident, Reason: "架空　太郎"})
	w.record(journal.Entry{Kind: journal.StaffNeeded, Reason: "unsure"})
	w.record(journal.Entry{Kind: journal.Delivered, Of: 1})
	w.record(journal.Entry{Kind: journal.Undelivered, Of: 2, Reason: "conflict"})
	w.record(journal.Entry{Kind: journal.Closed, Of: int(before.Seq), Staff: "closer-1", Proof: protocol.Digest{1}, Signed: protocol.At(now)})
	w.status = terminal.Status{Why: "media-needed", Stopped: []string{"141003", terminal.Every}, Ready: map[string]bool{"printer": false}}
	text := scraped(t, h)
	holds(t, text, `honnin_suspended_total 1`, `honnin_transactions_total{outcome="void"} 2`, `honnin_visits_total 1`, `honnin_transactions_total{outcome="refused"} 2`, `honnin_refusals_total{class="defective",reason="tag-missing"} 2`,
		`honnin_incidents_total{word="tag-missing"} 2`, `honnin_incidents_total{word="other"} 1`, `honnin_incidents_open{word="tag-missing"} 2`,
		`honnin_incidents_open{word="money"} 0`, `honnin_incidents_open{word="subject-mismatch"} 1`, `honnin_incidents_undelivered{word="subject-mismatch"} 1`,
		`honnin_incidents_undelivered{word="money"} 1`, `honnin_outbox_entries 8`, `honnin_service_stopped{municipality="141003"} 1`, `honnin_service_stopped{municipality="every"} 1`, `honnin_staff_needed 1`,
		`honnin_in_service 0`, `honnin_out_of_service{why="media-needed"} 1`, `honnin_part_ready{part="printer"} 0`, `honnin_self_test_day_timestamp_seconds 0`)
	for _, not := range []string{"架空", `part="reader"`, "honnin_keys_remaining_seconds ", "honnin_policy_remaining_seconds "} {
		if strings.Contains(text, not) {
			t.Errorf("%q is in it", not)
		}
	}
	restarted := scraped(t, must[http.Handler](t)(Handler(w.sources)))
	holds(t, restarted, `honnin_incidents_open{word="tag-missing"} 2`, `honnin_incidents_open{word="other"} 1`, `honnin_incidents_undelivered{word="subject-mismatch"} 1`,
		`honnin_incidents_undelivered{word="money"} 1`, `honnin_incidents_total{word="tag-missing"} 0`, `honnin_outbox_entries 8`)
	empty := newWorld(t)
	empty.sources.Now = time.Now // one that goes on while it is asked
	holds(t, scraped(t, must[http.Handler](t)(Handler(empty.sources))), `honnin_outbox_entries 0`, `honnin_outbox_oldest_age_seconds 0`)
	if again := scraped(t, h); again != text {
		t.Error("the same question has another answer")
	}
}

// long is a journal of a million entries, all incidents, of which few are open.
type long struct {
	Journal
	open []uint64
	read int
}

const (
	million = 1_000_000
	near    = 1024 // what is further apart is not read together
)

func (l *long) Head() (protocol.JournalHead, error) {
	return protocol.JournalHead{Position: million}, nil
}

func (l *long) Incidents(uint64, int) (out []journal.Standing, err error) {
	for _, at := range l.open {
		out = append(out, journal.Standing{JournalHead: protocol.JournalHead{Position: at}, Delivered: at + 1})
	}
	return out, nil
}

func (l *long) After(position uint64, f func(journal.Entry) (bool, error)) error {
	for position++; position <= million; position++ {
		l.read++
		e := journal.Entry{Seq: position, Kind: journal.Incident, Reason: "money"}
		if position > million/2 {
			e.Reason = "unsure"
		}
		if more, err := f(e); err != nil || !more {
			return err
		}
	}
	return nil
}

// TestFirstScrapeReadsLittle: what is open is read where it stands, and not all that has happened since.
func TestFirstScrapeReadsLittle(t *testing.T) {
	w := newWorld(t)
	l := &long{Journal: w.journal, open: []uint64{1, 2, 3 * near, million/2 + 1, million}}
	w.sources.Journal = l
	holds(t, scraped(t, must[http.Handler](t)(Handler(w.sources))), `honnin_incidents_open{word="money"} 3`, `honnin_incidents_open{word="unsure"} 2`,
		`honnin_incidents_undelivered{word="money"} 0`, `honnin_incidents_total{word="money"} 0`)
	if l.read < len(l.open) || l.read > near {
		t.Errorf("%d entries were read", l.read)
	}
	l.open = []uint64{5, million + 1} // which this journal does not have
	if code, _ := ask(t, must[http.Handler](t)(Handler(w.sources)), "GET", "/metrics"); code != 500 {
		t.Error(code)
	}
}

// TestLint: Prometheus's own linter finds nothing, and every series is there.
func TestLint(t *testing.T) {
	w := newWorld(t)
	w.refused(1, reason.SubjectMismatch)
	h := must[http.Handler](t)(Handler(w.sources))
	scraped(t, h)
	w.refused(2, reason.SubjectMismatch)
	w.status.InService, w.status.Stopped = false, []string{terminal.Every}
	text := scraped(t, h)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	for _, s := range series() {
		if !strings.Contains(text, "# TYPE "+s[0]+" ") {
			t.Errorf("no %s", s[0])
		}
	}
	if bad, err := promlint.New(strings.NewReader("# HELP x x\n# TYPE x counter\nx 1\n")).Lint(); err != nil || len(bad) == 0 {
		t.Error("the linter takes anything")
	}
}

// TestOnlyGet: nothing else is answered.
func TestOnlyGet(t *testing.T) {
	h := must[http.Handler](t)(Handler(newWorld(t).sources))
	for _, c := range []struct {
		method, path string
		want         int
	}{{"GET", "/metrics", 200}, {"HEAD", "/metrics", 405}, {"POST", "/metrics", 405}, {"DELETE", "/metrics", 405}, {"GET", "/", 404}, {"GET", "/metrics/x", 404}, {"GET", "/debug/pprof/", 404}} {
		if code, _ := ask(t, h, c.method, c.path); code != c.want {
			t.Errorf("%s %s: %d", c.method, c.path, code)
		}
	}
}

// TestUnreadable: what cannot be read is no 0.
func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	w.sources.Size = func() (int64, error) { return 0, errors.New("gone") }
	if code, _ := ask(t, must[http.Handler](t)(Handler(w.sources)), "GET", "/metrics"); code != 500 {
		t.Error(code)
	}
	w = newWorld(t)
	h := must[http.Handler](t)(Handler(w.sources))
	if err := w.journal.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(t, h, "GET", "/metrics"); code != 500 {
		t.Error(code)
	}
}

// TestWords: a label is one of ours, or "other".
func TestWords(t *testing.T) {
	for w, want := range map[string]string{"media-needed": "media-needed", "": other, "Paper out!": other, "架空": other, strings.Repeat("a", 41): other, "1234": other} {
		if got := why(w); got != want {
			t.Errorf("%q: %q", w, got)
		}
	}
	if refusalOf("tag-missing") != (refusal{"tag-missing", "defective"}) || refusalOf("sato") != (refusal{other, other}) {
		t.Error("refusals")
	}
}

// TestServed: over TCP, as Prometheus asks.
func TestServed(t *testing.T) {
	server := httptest.NewServer(must[http.Handler](t)(Handler(newWorld(t).sources)))
	defer server.Close()
	for range 3 {
		r := must[*http.Response](t)(http.Get(server.URL + "/metrics"))
		b := must[[]byte](t)(io.ReadAll(r.Body))
		if r.Body.Close(); !strings.Contains(string(b), "honnin_in_service 1") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			t.Error(r.Header, len(b))
		}
	}
}
