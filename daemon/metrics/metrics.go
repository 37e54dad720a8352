// Package metrics says in numbers how a terminal is, for Prometheus: GET /metrics on the address that site.toml names.
//
// Everything is read when it is asked for: the terminal says what it found last, and the journal what is new since the last
// question. Nothing is measured beside the visit, and a scrape asks no device. Counters begin with the process, as counters
// do; what is open or waits is of the whole journal.
//
// Labels are words of ours: outcomes, reason codes and their classes, the catalogue's words, codes of municipalities, ids of
// collectors. Nothing is labelled by a visit, a transaction or a document, and a word that is none of ours is "other": so there
// is nothing personal in it, and the number of series is bounded.
//
// It is plain HTTP without a password, for a machine that collects on loopback or on a network of the operator's. Whoever can
// read it learns how busy the terminal is, and nothing else.
package metrics

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"honnin/config/reason"
	"honnin/daemon/collector"
	"honnin/daemon/terminal"
	"honnin/spool/incident"
)

// Sources are what is asked at a scrape. All of it is safe for concurrent use, and answers soon.
type Sources struct {
	Status     func() terminal.Status
	Journal    Journal
	Size       func() (bytes int64, err error) // of the journal's file
	Children   func() int                      // inspection children that wait for a document
	Collectors func() []collector.State
	Catalogue  incident.Catalogue
	Software   string // of this program, "NAME VERSION"
	Held       string // what holds an inspection child
	Now        func() time.Time
}

// Handler answers GET /metrics and nothing else, at most two questions at a time.
func Handler(s Sources) (http.Handler, error) {
	r := prometheus.NewRegistry()
	if err := r.Register(newScrape(s)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", getOnly(promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 30 * time.Second})))
	return mux, nil
}

// getOnly: the pattern of a mux takes HEAD for GET.
func getOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const other = "other"

// word is w if it is an incident's of ours.
func (s Sources) word(w string) string {
	if _, ok := s.Catalogue.Word(w); ok {
		return w
	}
	return other
}

func refusalOf(why string) refusal {
	if c := reason.Code(why); c.Known() {
		return refusal{why, string(c.Class())}
	}
	return refusal{other, other}
}

// why is w if it has the form of one of our words: what a printer says is short, and written by its driver.
func why(w string) string {
	if w == "" || len(w) > 40 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return other
	}
	return w
}
