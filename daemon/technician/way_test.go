package technician

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/config/trust/sign"
	"honnin/ui/console"
)

// TestWayToACentre: every step with what it took, both certificates of the chain and the terminal's own with the days that are left,
// how long the centre took to answer, and how far the clocks are apart.
func TestWayToACentre(t *testing.T) {
	r := newRuled(t)
	const day = 24 * time.Hour
	root, err := sign.NewCA(sign.Template{Name: "Centre", NotBefore: r.begun.Add(-day), NotAfter: r.begun.Add(900 * day)})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := root.NewCA(sign.Template{Name: "Issuer", NotBefore: r.begun.Add(-day), NotAfter: r.begun.Add(401 * day)})
	if err != nil {
		t.Fatal(err)
	}
	own, err := issuer.NewCard(sign.Template{Name: "centre", NotBefore: r.begun.Add(-day), NotAfter: r.begun.Add(11 * day), Adjust: func(c *x509.Certificate) {
		c.IPAddresses, c.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}})
	if err != nil {
		t.Fatal(err)
	}
	var ahead atomic.Int64 // the terminal's clock before the centre's
	centre := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Date", r.now().Add(time.Second-time.Duration(ahead.Load())).Format(http.TimeFormat))
		r.passed.Add(int64(2 * time.Second)) // there, a second; back, a second
		if q.Method != http.MethodHead {
			t.Errorf("%s", q.Method)
		}
	}))
	centre.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, Certificates: []tls.Certificate{{Certificate: [][]byte{own.Certificate.Raw, issuer.Certificate.Raw}, PrivateKey: own.Key}}}
	centre.EnableHTTP2 = true
	centre.StartTLS()
	defer centre.Close()
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	r.o.Site.Centre.URL, r.o.Roots = centre.URL, func() (*x509.CertPool, error) { return roots, nil }

	for wrong, why := range map[time.Duration]string{10 * time.Minute: "clock-differs", -10 * time.Minute: "clock-differs", 0: ""} {
		ahead.Store(int64(wrong))
		var steps []string
		for _, s := range rows(t, r.Machine, "centre", "centre.step") {
			steps = append(steps, fmt.Sprintf("%v %v %v", s["step"], cmp.Or(s["why"], s["state"]), s["took"]))
		}
		if want := []string{"policy ok 0", "address ok 0", "tcp ok 0", "tls ok 0", "http ok 2000", "clock " + cmp.Or(why, "ok") + " 0"}; !slices.Equal(steps, want) {
			t.Errorf("%v: %q, want %q", wrong, steps, want)
		}
		var chain []string
		for _, c := range rows(t, r.Machine, "centre", "centre.certificate") {
			chain = append(chain, fmt.Sprintf("%v %v %v %v", c["of"], c["depth"], c["left"], c["sha256"]))
		}
		if want := []string{fmt.Sprintf("centre 0 10 %x", sha256.Sum256(own.Certificate.Raw)), fmt.Sprintf("issuer 1 400 %x", sha256.Sum256(issuer.Certificate.Raw)), "terminal 0 29 <nil>"}; !slices.Equal(chain, want) {
			t.Errorf("%v: %q, want %q", wrong, chain, want)
		}
		if c := rows(t, r.Machine, "centre", "centre.clock"); len(c) != 1 || c[0]["ahead"] != float64(wrong.Milliseconds()-500) || c[0]["trip"] != 2000.0 || c[0]["allowed"] != 300000.0 {
			t.Errorf("%v: %v", wrong, c)
		}
		all := r.examine(t.Context(), console.Who{ID: "tech-7", Role: policy.Look})
		if f := found(t, all, "clock"); f.state != stateOf(why) || f.why != why {
			t.Errorf("%v: %+v", wrong, f)
		}
		if f := found(t, all, "centre"); f.state != "ok" {
			t.Errorf("%v: %+v", wrong, f)
		}
	}
}
