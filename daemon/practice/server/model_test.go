package server

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"honnin/config/protocol"
)

// Whatever is called in whatever order, a transaction goes through its states as the protocol says: what the
// answers must be follows from four facts.
func TestAnyOrderOfCalls(t *testing.T) {
	d := open(t)
	rapid.Check(t, func(rt *rapid.T) {
		path, b, nonce := d.begun(t)
		var identified, ordered, committed, over bool
		var recorded protocol.Outcome
		check := func(what string, w *httptest.ResponseRecorder, allowed bool, success int) bool {
			expect := success
			switch {
			case over:
				expect = http.StatusGone
			case !allowed:
				expect = http.StatusConflict
			}
			if word(t, w); w.Code != expect {
				rt.Fatalf("%s: %d, want %d (identified %v, ordered %v, committed %v, over %v)", what, w.Code, expect, identified, ordered, committed, over)
			}
			return w.Code == success
		}
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			switch rapid.SampledFrom([]string{"applicant", "application", "package", "in-force", "outcome", "cancel"}).Draw(rt, "call") {
			case "applicant":
				identified = check("applicant", d.ask("POST", path+"/applicant", d.applicant(t, b, nonce)), !committed, 200) || identified
			case "application":
				ordered = check("application", d.ask("POST", path+"/application", order), identified && !ordered, 202) || ordered
			case "package":
				check("package", d.ask("GET", path+"/package", nil), ordered && !committed, 200)
			case "in-force":
				if ordered && !committed && !over { // the issuer may still be at work
					check("package", d.ask("GET", path+"/package", nil), true, 200)
				}
				committed = check("in-force", d.ask("POST", path+"/in-force", protocol.InForceQuestion{}), ordered, 200) || committed
			case "outcome":
				o := rapid.SampledFrom([]protocol.Outcome{protocol.Void, protocol.Printed, protocol.Unsure}).Draw(rt, "outcome")
				w := d.ask("POST", path+"/outcome", protocol.OutcomeReport{Outcome: o})
				if same := recorded == "" || recorded == o; (w.Code == http.StatusNoContent) != same || !same && w.Code != http.StatusConflict {
					rt.Fatalf("outcome %s after %q: %d", o, recorded, w.Code)
				}
				if recorded == "" {
					recorded, over = o, true
				}
			case "cancel":
				if w := d.ask("DELETE", path, nil); over {
					check("cancel", w, true, 204)
				} else {
					over = check("cancel", w, !committed, 204)
				}
			}
		}
		if got, ok := d.Outcome(b.Transaction); ok != (recorded != "") || got != recorded {
			rt.Fatal("recorded:", got, recorded)
		}
	})
	if n := d.Counts(); n.Faults != 0 {
		t.Errorf("%+v", n)
	}
}

// Nobody who has a terminal's certificate can bring the centre down, or out of the protocol, with any request.
func FuzzRequests(f *testing.F) {
	f.Add("POST", "/v1/transactions", []byte(`{"terminal":"JP-99-000001","nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","channel":"store"}`))
	f.Add("POST", "/v1/incidents", []byte(`{"specversion":"1.0"}`))
	f.Add("GET", "/v1/incidents/i-1", []byte{})
	f.Add("DELETE", "/v1/transactions/00000000000000000000000000000000", []byte{})
	f.Add("POST", "/v1/transactions/00000000000000000000000000000000/outcome", []byte(`{"outcome":"void","impressions":0}`))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		if !slices.Contains([]string{"GET", "POST", "DELETE", "PUT"}, method) || len(path) == 0 || path[0] != '/' {
			return
		}
		if _, err := http.NewRequest(method, "https://centre.example"+path, nil); err != nil {
			return
		}
		d := open(t)
		defer d.Close()
		w := d.ask(method, "/v1/transactions", body, func(r *http.Request) { r.URL.Path = path })
		if w.Code >= 400 {
			word(t, w)
		}
		if n := d.Counts(); n.Faults != 0 || w.Code >= 500 {
			t.Errorf("%s %q: %d, %+v", method, path, w.Code, n)
		}
	})
}
