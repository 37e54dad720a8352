package pki

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/people"
)

var now = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// made is a directory of keys that the tests share: RSA keys are slow to make.
var made string

func TestMain(m *testing.M) {
	var err error
	if made, err = os.MkdirTemp("", "honnin-pki-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(made)
	os.Exit(code)
}

func load(t testing.TB, dir string, at time.Time) *Keys {
	t.Helper()
	k, err := Load(dir, at)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeysAreMadeOnce(t *testing.T) {
	dir := filepath.Join(made, "new")
	first, second := load(t, dir, now), load(t, dir, now.Add(time.Hour))
	for _, p := range people.All() {
		if !first.Cards[p.ID][0].Certificate.Equal(second.Cards[p.ID][0].Certificate) {
			t.Error(p.ID, "has another card after a second start")
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != FileName {
		t.Fatal(files, err)
	}
	if i, err := files[0].Info(); err != nil || i.Mode().Perm() != 0o600 {
		t.Error(i.Mode(), err)
	}
}

func TestKeysThatExpireAreNotUsed(t *testing.T) {
	load(t, made, now)
	for name, at := range map[string]time.Time{"expired": now.Add(6 * 365 * 24 * time.Hour), "soon": now.Add(validFor - renew + time.Hour), "before": now.Add(-48 * time.Hour)} {
		if _, err := read(made, plan(), at); err == nil {
			t.Error(name, "were used")
		}
	}
	if _, err := read(made, plan(), now); err != nil {
		t.Error(err)
	}
}

func TestAUselessFileIsReplaced(t *testing.T) {
	first := load(t, made, now)
	good, err := os.ReadFile(filepath.Join(made, FileName))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	blocks := bytes.SplitAfter(good, []byte("-----END CERTIFICATE-----\n"))
	swapped := bytes.Join([][]byte{blocks[1], blocks[0], bytes.Join(blocks[2:], nil)}, nil)
	for name, bad := range map[string][]byte{
		"empty": {}, "half": good[:len(good)/2], "more": append(bytes.Clone(good), "x"...), "swapped": swapped,
		"renamed": []byte(strings.Replace(string(good), "card/p01", "card/p99", 2)), "huge": append(bytes.Clone(good), make([]byte, 2<<20)...),
	} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(dir, plan(), now); err == nil {
			t.Error(name, "was used")
		}
	}
	if load(t, dir, now).TLSCA.Certificate.Equal(first.TLSCA.Certificate) {
		t.Error("a useless file was used")
	}
	if _, err := read(dir, plan(), now); err != nil {
		t.Error("and not replaced:", err)
	}
}

func TestEveryCAIsMarked(t *testing.T) {
	k := load(t, made, now)
	cas := append([]*sign.Pair{k.TLSCA, k.CentreCA}, k.CardCAs...)
	algorithms := map[string]bool{}
	for _, town := range k.Towns {
		cas = append(cas, town.IssuingCA, town.RegisterCA)
		algorithms[town.Issuer.Certificate.PublicKeyAlgorithm.String()+town.IssuingCA.Certificate.SignatureAlgorithm.String()] = true
	}
	for _, ca := range cas {
		if !ca.Certificate.IsCA || !trust.IsPractice(ca.Certificate) {
			t.Error(ca.Certificate.Subject, "is not marked as practice")
		}
	}
	if len(k.Towns) != 3 || len(algorithms) < 2 {
		t.Error(algorithms)
	}
	a, b := k.CardCAs[0].Certificate, k.CardCAs[1].Certificate
	if !bytes.Equal(a.RawSubject, b.RawSubject) || bytes.Equal(a.SubjectKeyId, b.SubjectKeyId) || a.PublicKeyAlgorithm == b.PublicKeyAlgorithm {
		t.Error("the two generations of cards have to share a name, and nothing else")
	}
}

func TestCardsPassTheCheck(t *testing.T) {
	k := load(t, made, now)
	for _, p := range people.All() {
		cards := k.Cards[p.ID]
		if (len(cards) == 2) != p.Renewed {
			t.Error(p.ID, "cards:", len(cards))
		}
		for _, c := range cards {
			if err := trust.CheckCard(c.Certificate, []*x509.Certificate{k.CardCAs[0].Certificate, k.CardCAs[1].Certificate}, now); err != nil {
				t.Error(p.ID, err)
			}
		}
	}
	c, err := k.Terminal("JP-99-000001", now)
	if err != nil || c.Leaf.Subject.CommonName != "JP-99-000001" {
		t.Error(err)
	}
	if _, err := Load(filepath.Join("/dev/null", "x"), now); err == nil {
		t.Error("a directory that cannot be made")
	}
}

// BenchmarkSecondStart is what a start costs once there are keys.
func BenchmarkSecondStart(b *testing.B) {
	dir := b.TempDir()
	load(b, dir, now)
	for b.Loop() {
		load(b, dir, now)
	}
}

// BenchmarkFirstStart makes every key.
func BenchmarkFirstStart(b *testing.B) {
	for b.Loop() {
		load(b, "", now)
	}
}
