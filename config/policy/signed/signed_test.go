package signed_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
)

var now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

const here protocol.Terminal = "JP-14-000001"

func code(err error) signed.Code {
	var r *signed.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

// taken is what a terminal does with what is brought: it extends, and the last must be for it and in force.
func taken(s signed.Start, at time.Time, brought ...signed.Bundle) ([]*signed.Policy, error) {
	added, _, err := s.Extend(brought...)
	if err != nil {
		return nil, err
	}
	last := added[len(added)-1]
	if err := last.For(here); err != nil {
		return nil, err
	}
	return added, last.At(at)
}

func opened(t testing.TB, s signed.Start, brought ...signed.Bundle) signed.Start {
	t.Helper()
	added, err := taken(s, now, brought...)
	if err != nil {
		t.Fatal(err)
	}
	s.Last = added[len(added)-1]
	return s
}

// The attacks by name. Each begins at a terminal that has version 2 of four.
func TestAttacks(t *testing.T) {
	o := signedtest.New(t, now)
	all := o.Chain(4)
	start := signed.Start{Root: o.Root()}
	two := opened(t, start, all[:2]...)
	other := o.Text(signedtest.Head{Version: 3, After: all[1].Text, Terminals: []string{"JP-13-*", "JP-14-000002"}})
	short := o.Text(signedtest.Head{Version: 3, After: all[1].Text, Expires: now.Add(-time.Second)})
	early := o.Text(signedtest.Head{Version: 3, After: all[1].Text, NotBefore: now.Add(time.Second)})
	twin := o.Text(signedtest.Head{Version: 2, After: all[0].Text, Expires: now.Add(time.Hour)})
	again := recertified(t, o.Keys[0])
	for name, c := range map[string]struct {
		from    signed.Start
		at      time.Time
		brought []signed.Bundle
		want    signed.Code
	}{
		"the next one":     {from: two, brought: all[2:3]},
		"the next two":     {from: two, brought: []signed.Bundle{all[3], all[2]}},
		"the whole stick":  {from: two, brought: all},
		"the first of all": {from: start, brought: all[3:]},

		"rollback":                      {from: two, brought: all[:1], want: signed.Rollback},
		"replay":                        {from: two, brought: all[1:2], want: signed.Here},
		"freeze":                        {from: two, brought: []signed.Bundle{o.Bundle(short)}, want: signed.Expired},
		"freeze, by a clock that is on": {from: two, at: now.Add(91 * 24 * time.Hour), brought: all[2:3], want: signed.Expired},
		"too early":                     {from: two, brought: []signed.Bundle{o.Bundle(early)}, want: signed.Early},
		"fork":                          {from: two, brought: []signed.Bundle{o.Bundle(twin)}, want: signed.Fork},
		"two for one place":             {from: two, brought: []signed.Bundle{all[2], o.Bundle(early)}, want: signed.Fork},
		"one between is missing":        {from: two, brought: all[3:], want: signed.Gap},
		"wrong target":                  {from: two, brought: []signed.Bundle{o.Bundle(other)}, want: signed.OtherTerminal},

		"mix and match: signatures of another": {from: two, brought: []signed.Bundle{{Text: all[2].Text, Signatures: all[3].Signatures}}, want: signed.Unsigned},
		"mix and match: one of each":           {from: two, brought: []signed.Bundle{mixed(all[2], all[3])}, want: signed.Unsigned},
		"mix and match: after another version 2": {from: two, want: signed.Gap,
			brought: []signed.Bundle{o.Bundle(o.Text(signedtest.Head{Version: 3, After: twin}))}},
		"stripped signature":              {from: two, brought: []signed.Bundle{o.Bundle(all[2].Text, 0)}, want: signed.Unsigned},
		"all signatures stripped":         {from: two, brought: []signed.Bundle{{Text: all[2].Text}}, want: signed.Unsigned},
		"same key twice":                  {from: two, brought: []signed.Bundle{o.Bundle(all[2].Text, 0, 0)}, want: signed.Unsigned},
		"same key in another certificate": {from: two, brought: []signed.Bundle{with(o.Bundle(all[2].Text, 0), again(all[2].Text))}, want: signed.Unsigned},
		"a key that is no policy key":     {from: two, brought: []signed.Bundle{o.Bundle(all[2].Text, 0, 3)}, want: signed.Unsigned},
		"changed after it was signed":     {from: two, brought: []signed.Bundle{edited(all[2])}, want: signed.Unsigned},
		"signed, and no policy":           {from: two, brought: []signed.Bundle{o.Bundle([]byte("version = 3\nskip_check = true\n"))}, want: signed.Malformed},
		"signed, and it names files":      {from: two, brought: []signed.Bundle{o.Bundle(bytes.Replace(all[2].Text, []byte("anchors = ["), []byte(`anchors = ["a.pem", `), 1))}, want: signed.Malformed},
		"signed, and without a head":      {from: two, brought: []signed.Bundle{o.Bundle([]byte("version = 3\n" + o.Body))}, want: signed.Malformed},
		"too many signatures":             {from: two, brought: []signed.Bundle{o.Bundle(all[2].Text, make([]int, signed.MaxSignatures+1)...)}, want: signed.Malformed},
		"nothing":                         {from: two, want: signed.Missing},
		"a machine without a root":        {brought: all[2:3], want: signed.Unsigned},
	} {
		at := c.at
		if at.IsZero() {
			at = now
		}
		if _, err := taken(c.from, at, c.brought...); code(err) != c.want || c.want == "" && err != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func recertified(t *testing.T, key *sign.Pair) func([]byte) signed.Signature {
	again, err := sign.NewCA(sign.Template{Name: "Another Name", Key: key.Key, NotBefore: now, NotAfter: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) signed.Signature {
		opt := again.Options(now)
		opt.Detached = true
		der, err := sign.Sign(text, opt)
		if err != nil {
			t.Fatal(err)
		}
		return signed.Signature{Name: "policy.toml.again.p7s", DER: der}
	}
}

func mixed(a, b signed.Bundle) signed.Bundle {
	return signed.Bundle{Text: a.Text, Signatures: []signed.Signature{a.Signatures[0], b.Signatures[1]}}
}

func with(b signed.Bundle, s signed.Signature) signed.Bundle {
	b.Signatures = append(b.Signatures, s)
	return b
}

func edited(b signed.Bundle) signed.Bundle {
	b.Text = bytes.Replace(b.Text, []byte(`"5m"`), []byte(`"6m"`), 1)
	return b
}

// The old threshold alone rotates the keys; what the retired ones sign afterwards counts for nothing.
func TestRotation(t *testing.T) {
	o := signedtest.New(t, now)
	first := o.Text(signedtest.Head{})
	second := o.Text(signedtest.Head{Version: 2, After: first, Keys: []int{1, 2, 3}, Threshold: 3})
	third := o.Text(signedtest.Head{Version: 3, After: second})
	start := opened(t, signed.Start{Root: o.Root()}, o.Bundle(first))
	for name, c := range map[string]struct {
		brought []signed.Bundle
		want    signed.Code
	}{
		"by the old ones":                   {[]signed.Bundle{o.Bundle(second, 0, 1)}, ""},
		"by the new ones":                   {[]signed.Bundle{o.Bundle(second, 3, 2)}, signed.Unsigned},
		"and on, by the new ones":           {[]signed.Bundle{o.Bundle(third, 1, 2, 3), o.Bundle(second)}, ""},
		"and on, by too few of the new":     {[]signed.Bundle{o.Bundle(third, 1, 2), o.Bundle(second)}, ""},
		"and on, without the rotation":      {[]signed.Bundle{o.Bundle(third, 1, 2, 3)}, signed.Gap},
		"and on, by the old without it":     {[]signed.Bundle{o.Bundle(third, 0, 1)}, signed.Gap},
		"the rotation, edited by a new one": {[]signed.Bundle{edited(o.Bundle(second))}, signed.Unsigned},
	} {
		added, err := taken(start, now, c.brought...)
		if code(err) != c.want || c.want == "" && err != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err == nil && (!added[0].Rotates || added[0].Head.Version != 2) {
			t.Errorf("%s: the keys do not rotate", name)
		}
		if name == "and on, by too few of the new" && len(added) != 1 {
			t.Errorf("%s: %d taken", name, len(added))
		}
	}
	on := opened(t, start, o.Bundle(second))
	if _, err := taken(on, now, o.Bundle(third, 0, 1)); code(err) != signed.Unsigned {
		t.Errorf("retired keys still sign: %v", err)
	}
	if on = opened(t, on, o.Bundle(third, 1, 2, 3)); !on.Last.Rotates {
		t.Error("the keys do not rotate back")
	}
}

// What is left out is named, so that a stick with a broken newer policy is not taken for a whole one.
func TestLeftOutIsNamed(t *testing.T) {
	o := signedtest.New(t, now)
	all := o.Chain(3)
	added, left, err := signed.Start{Root: o.Root(), Last: opened(t, signed.Start{Root: o.Root()}, all[0]).Last}.Extend(all[0], all[1], signed.Bundle{Text: all[2].Text})
	if err != nil || len(added) != 1 || len(left) != 2 || code(left[0]) != signed.Rollback || code(left[1]) != signed.Unsigned {
		t.Errorf("%d added, left %v, %v", len(added), left, err)
	}
}

// What is old is told from what nobody can judge, however often the keys changed since: the one is no fault beside the
// policy that is here, the other may be the policy that was to be brought.
func TestOldIsToldFromUnsigned(t *testing.T) {
	o := signedtest.New(t, now)
	first := o.Text(signedtest.Head{})
	second := o.Text(signedtest.Head{Version: 2, After: first, Keys: []int{1, 2, 3}})
	third := o.Text(signedtest.Head{Version: 3, After: second, Keys: []int{2, 3}})
	old := []signed.Bundle{o.Bundle(first), o.Bundle(second, 0, 1), o.Bundle(third, 1, 2)}
	next := o.Bundle(o.Text(signedtest.Head{Version: 4, After: third}), 2)
	one := opened(t, signed.Start{Root: o.Root()}, old[0])
	three := opened(t, one, old...)
	for name, c := range map[string]struct {
		from    signed.Start
		brought []signed.Bundle
		want    signed.Code
		unsure  int
	}{
		"the whole stick again":         {three, append(old, old...), signed.Here, 0},
		"old ones alone":                {three, old[:2], signed.Rollback, 0},
		"and a new one with too few":    {three, append(old[:3:3], next), signed.Unsigned, 1},
		"taken, with the old ones":      {one, append(old, old...), "", 0},
		"taken, but for one":            {one, append(old[:3:3], next), "", 1},
		"the first of all, and the old": {signed.Start{Root: o.Root()}, old, "", 0},
		"an old one that is unknown":    {three, []signed.Bundle{old[2], edited(old[0])}, signed.Unsigned, 1},
	} {
		added, left, err := c.from.Extend(c.brought...)
		if unsure := slices.DeleteFunc(left, signed.Old); code(err) != c.want || (err == nil) != (len(added) > 0) || len(unsure) != c.unsure {
			t.Errorf("%s: %v, and %v", name, err, unsure)
		}
	}
}

// Whatever is brought in whatever order and however often, versions only rise, by one unbroken chain.
func TestVersionsOnlyRise(t *testing.T) {
	o := signedtest.New(t, now)
	all := o.Chain(6)
	stripped := make([]signed.Bundle, len(all))
	for i, b := range all {
		stripped[i] = signed.Bundle{Text: b.Text, Signatures: b.Signatures[:1]}
	}
	rapid.Check(t, func(r *rapid.T) {
		s := signed.Start{Root: o.Root()}
		for range rapid.IntRange(1, 6).Draw(r, "visits") {
			brought := rapid.SliceOfN(rapid.SampledFrom(slices.Concat(all, stripped)), 0, 6).Draw(r, "stick")
			added, _, err := s.Extend(brought...)
			if (err == nil) != (len(added) > 0) {
				r.Fatal("neither added nor refused", err)
			}
			for _, p := range added {
				if s.Last != nil && (p.Head.Version != s.Last.Head.Version+1 || p.Head.Previous != s.Last.Digest) {
					r.Fatalf("version %d after %d", p.Head.Version, s.Last.Head.Version)
				}
				s.Last = p
			}
		}
	})
}

func TestEnds(t *testing.T) {
	o := signedtest.New(t, now)
	p := opened(t, signed.Start{Root: o.Root()}, o.Chain(1)[0]).Last
	for days, want := range map[int]bool{0: false, 75: false, 77: true, 90: true} {
		if left, soon := p.Ends(now.AddDate(0, 0, days)); soon != want || left != time.Duration(90-days)*24*time.Hour {
			t.Errorf("after %d days: %s left, soon %t", days, left, soon)
		}
	}
	if got := fmt.Sprint(p.Signers, p.Digest.String() != "", p.Head.Version); got != "[office-a office-b] true 1" {
		t.Error(got)
	}
}

// A refusal quotes nothing that was brought, for a stick may say anything.
func TestRefusalsQuoteNothing(t *testing.T) {
	o := signedtest.New(t, now)
	const said = "Taro Yamada"
	for _, b := range []signed.Bundle{
		{Text: []byte(said)},
		{Text: []byte(said), Signatures: []signed.Signature{{Name: "policy.toml.x.p7s", DER: []byte(said)}}},
	} {
		if _, err := o.Root().Open(b); code(err) != signed.Unsigned || strings.Contains(err.Error(), said) {
			t.Error(err)
		}
	}
}

func TestRoot(t *testing.T) {
	o := signedtest.New(t, now)
	good := string(o.RootText())
	for name, c := range map[string]struct{ text, says string }{
		"good":          {good, ""},
		"empty":         {"", "threshold"},
		"threshold 1":   {strings.Replace(good, "threshold = 2", "threshold = 1", 1), "threshold"},
		"threshold 4":   {strings.Replace(good, "threshold = 2", "threshold = 4", 1), "threshold"},
		"unknown key":   {"trust_all = true\n" + good, "trust_all"},
		"same name":     {strings.Replace(good, "office-b", "office-a", 1), "key 2"},
		"same key":      {good + strings.Replace(good[strings.Index(good, "[[key]]"):strings.LastIndex(good, "[[key]]")], "office", "post", -1), "key 4"},
		"a name":        {strings.Replace(good, "office-b", "Office B", 1), "key 2: name"},
		"short digest":  {strings.Replace(good, `sha256 = "`, `sha256 = "0`, 1), "key 1: sha256"},
		"not even TOML": {"threshold", "policy root"},
	} {
		_, err := signed.ParseRoot([]byte(c.text))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := signed.FormatRoot(2, []string{"a", "b"}, []*x509.Certificate{o.Keys[0].Certificate, o.Keys[0].Certificate}); err == nil {
		t.Error("a root of one key twice")
	}
}

func TestCodes(t *testing.T) {
	if all := signed.Codes(); len(all) != 11 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 11 {
		t.Error(all)
	}
}

// BenchmarkBogusSignatures is the worst stick: as many policies as are read, each with as many signatures as are read, of which
// two count; and brought in the order that takes the most tries.
func BenchmarkBogusSignatures(b *testing.B) {
	o := signedtest.New(b, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	o.Body += "\n# " + strings.Repeat("x", 900<<10) // 64 of these are what a stick may hold
	all := o.Chain(64)
	for i := range all {
		for n := len(all[i].Signatures); n < signed.MaxSignatures; n++ {
			s := o.Sign(all[(i+1)%len(all)].Text, n%4) // right, over another text
			all[i].Signatures = append([]signed.Signature{s}, all[i].Signatures...)
		}
	}
	slices.Reverse(all)
	first, err := o.Root().Open(all[len(all)-1])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if added, _, err := (signed.Start{Root: o.Root(), Last: first}).Extend(all...); err != nil || len(added) != 63 {
			b.Fatal(len(added), err)
		}
	}
}
