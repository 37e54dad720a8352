package fleet

import (
	"crypto"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/identity"
	"honnin/daemon/provision"
)

var start = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// world is an office with versions 1, 2 and 3 of a policy, and a CA for terminals.
type world struct {
	testing.TB
	ca       *sign.Pair
	policies []*signed.Policy
	keys     map[protocol.Terminal]crypto.Signer
}

func newWorld(t testing.TB, targets ...string) *world {
	t.Helper()
	w := &world{t, authority(t), nil, map[protocol.Terminal]crypto.Signer{}}
	o := signedtest.New(t, start)
	o.Body += "\n[terminal_keys]\nanchors = [" + strings.Replace(strconvQuote(signedtest.Armour(w.ca.Certificate)), "\n", "\\n", -1) + "]\n"
	keys := o.Root()
	for _, b := range o.Chain(3, signedtest.Head{Terminals: targets}, signedtest.Head{Terminals: targets}, signedtest.Head{Terminals: targets}) {
		p, err := keys.Open(b)
		if err != nil {
			t.Fatal(err)
		}
		w.policies, keys = append(w.policies, p), signed.KeysOf(p.Head.Keys)
	}
	return w
}

func strconvQuote(s string) string { b, _ := json.Marshal(s); return string(b) }

func authority(t testing.TB) *sign.Pair {
	t.Helper()
	ca, err := sign.NewCA(sign.Template{Name: "Terminals", NotBefore: start.Add(-300 * day), NotAfter: start.Add(300 * day)})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func (w *world) version(v int) *provision.Version {
	if v == 0 {
		return nil
	}
	return &provision.Version{Version: uint64(v), SHA256: w.policies[v-1].Digest.String()}
}

// result is what a terminal signs that has version `has` in force and received `got`; 0 is none.
func (w *world) result(t protocol.Terminal, has, got int, at time.Time) provision.Result {
	r := provision.Result{Terminal: t, At: at, InForce: w.version(has), Received: w.version(got)}
	if got == 0 {
		r.Fault = "policy-unsigned: some words"
	}
	return r
}

func (w *world) signs(ca *sign.Pair, by protocol.Terminal, r provision.Result) []byte {
	w.Helper()
	content, err := json.Marshal(r)
	if err != nil {
		w.Fatal(err)
	}
	return w.message(ca, by, content, r.At)
}

func (w *world) message(ca *sign.Pair, by protocol.Terminal, content []byte, at time.Time) []byte {
	w.Helper()
	key := w.keys[by]
	if key == nil {
		var err error
		if key, err = sign.NewKey(); err != nil {
			w.Fatal(err)
		}
		w.keys[by] = key
	}
	c, err := identity.Issue(ca, identity.Asked{Terminal: by, Use: identity.Signing, Public: key.Public()}, start.Add(-200*day), start.Add(200*day))
	if err != nil {
		w.Fatal(err)
	}
	der, err := sign.Sign(content, sign.Options{Certificate: c, Key: key, Time: at})
	if err != nil {
		w.Fatal(err)
	}
	return der
}

func (w *world) asks(known ...protocol.Terminal) Question {
	last := w.policies[len(w.policies)-1]
	return Question{Latest: last.Policy, Digest: last.Digest, Known: known, Now: start, OldFrom: 31 * day}
}

const a, b, c, d, e protocol.Terminal = "YOKOHAMA-1", "YOKOHAMA-2", "YOKOHAMA-3", "YOKOHAMA-4", "YOKOHAMA-5"

// Who is behind, by how much, who is silent; and the newest word of each counts, whatever order it is brought in.
func TestLag(t *testing.T) {
	w := newWorld(t, string(a), string(b), string(c), string(d), string(e))
	files := []File{
		{"a", w.signs(w.ca, a, w.result(a, 2, 3, start.Add(-day)))},
		{"b old", w.signs(w.ca, b, w.result(b, 0, 1, start.Add(-9*day)))},
		{"b", w.signs(w.ca, b, w.result(b, 1, 0, start.Add(-2*day)))},
		{"c", w.signs(w.ca, c, w.result(c, 0, 0, start.Add(-day)))},
		{"e", w.signs(w.ca, e, w.result(e, 3, 0, start.Add(-day)))},
	}
	for range 2 {
		slices.Reverse(files)
		r := w.asks().Lag(files)
		if len(r.Odd) != 0 || r.Open || r.Good() || len(r.Rows) != 5 {
			t.Fatalf("%+v", r)
		}
		for i, want := range []Row{
			{Terminal: a, State: Current, Has: w.version(3)}, {Terminal: b, State: Behind, Has: w.version(1), By: 2}, {Terminal: c, State: Behind, By: 3},
			{Terminal: d, State: Silent}, {Terminal: e, State: Current, Has: w.version(3)},
		} {
			got := r.Rows[i]
			if got.Terminal != want.Terminal || got.State != want.State || got.By != want.By || (got.Has == nil) != (want.Has == nil) || got.Has != nil && *got.Has != *want.Has {
				t.Errorf("%+v, want %+v", got, want)
			}
			if (got.State == Current) != got.Since.IsZero() || (got.State == Silent) != got.Heard.IsZero() || (got.State == Behind) != (got.Fault != "") {
				t.Errorf("%+v", got)
			}
		}
	}
	if r := w.asks(a).Lag([]File{{"a", w.signs(w.ca, a, w.result(a, 2, 3, start))}}); !r.Good() {
		t.Errorf("%+v", r)
	}
}

// Policies that the office does not know of are no good sign.
func TestAheadAndFork(t *testing.T) {
	w := newWorld(t, "*")
	other := func(v uint64) *provision.Version {
		return &provision.Version{Version: v, SHA256: strings.Repeat("ab", 32)}
	}
	for _, c := range []struct {
		has  *provision.Version
		want State
	}{{other(4), Ahead}, {other(3), Fork}, {other(2), Fork}, {other(1), Behind}} {
		r := w.asks().Lag([]File{{"a", w.signs(w.ca, a, provision.Result{Terminal: a, At: start, InForce: c.has, Fault: "x"})}})
		if len(r.Rows) != 1 || r.Rows[0].State != c.want || r.Good() || !r.Open {
			t.Errorf("%d: %+v", c.has.Version, r)
		}
	}
}

// What is not believed counts for nobody: a terminal that is behind is not hidden by it.
func TestNotBelieved(t *testing.T) {
	w := newWorld(t, string(a), string(b))
	good := w.result(a, 2, 3, start)
	another := good
	another.Terminal = b
	for name, x := range map[string]struct {
		der  []byte
		want Code
	}{
		"by another's CA":           {w.signs(authority(t), a, good), Code(identity.Untrusted)},
		"of another terminal":       {w.signs(w.ca, b, good), NoResult},
		"by a terminal not known":   {w.signs(w.ca, "OSAKA-1", w.result("OSAKA-1", 2, 3, start)), Stranger},
		"too old":                   {w.signs(w.ca, a, w.result(a, 2, 3, start.Add(-32*day))), TooOld},
		"of tomorrow":               {w.signs(w.ca, a, w.result(a, 2, 3, start.Add(day))), Future},
		"another time than its own": {w.message(w.ca, a, must(json.Marshal(good)), start.Add(-time.Hour)), NoResult},
		"no result":                 {w.message(w.ca, a, []byte("{}"), start), NoResult},
		"cut":                       {w.signs(w.ca, a, good)[:200], Code(identity.Malformed)},
		"not signed":                {must(json.Marshal(good)), Code(identity.Malformed)},
		"changed":                   {[]byte(strings.Replace(string(w.signs(w.ca, a, good)), `"version":3`, `"version":2`, 1)), Code(identity.Forged)},
		"empty":                     {nil, Code(identity.Malformed)},
	} {
		r := w.asks(a, b).Lag([]File{{name, x.der}})
		if len(r.Odd) != 1 || r.Odd[0].Code != x.want || r.Odd[0].File != name || r.Odd[0].Why == "" || r.Good() {
			t.Errorf("%s: %+v", name, r.Odd)
		}
		if len(r.Rows) != 2 || r.Rows[0].State != Silent || r.Rows[1].State != Silent {
			t.Errorf("%s: %+v", name, r.Rows)
		}
	}
	if r := w.asks(b).Lag([]File{{"a", w.signs(w.ca, a, good)}}); len(r.Odd) != 1 || r.Odd[0].Code != Stranger {
		t.Errorf("the office's own list counts: %+v", r)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// BenchmarkLag is a thousand terminals.
func BenchmarkLag(b *testing.B) {
	w := newWorld(b, "*")
	var files []File
	for i := range 1000 {
		t := protocol.Terminal("TERMINAL-" + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676)))
		files = append(files, File{string(t), w.signs(w.ca, t, w.result(t, 1+i%3, 0, start))})
	}
	for b.Loop() {
		if r := w.asks().Lag(files); len(r.Rows) != 1000 {
			b.Fatal(len(r.Rows), r.Odd)
		}
	}
}
