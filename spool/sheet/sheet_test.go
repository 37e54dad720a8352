package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"honnin/config/protocol"
	"honnin/spool/document/inspect"
)

func whole() Facts {
	f := Facts{Terminal: "JP-13-000042", At: time.Date(2026, 11, 22, 17, 4, 5, 0, time.UTC), Software: "honnind v1.2.3", Policy: 12, Journal: 123456, Printer: "ipps",
		Model: "Example MFP 3000", Checks: map[string]State{}, Counters: map[Counter]uint64{}}
	for i, c := range checks {
		f.Checks[c.word] = State(states[i%len(states)].word)
	}
	for i, c := range counters {
		f.Counters[Counter(c.word)] = uint64(1000 + i)
	}
	return f
}

func pdfOf(t testing.TB, f Facts) []byte {
	t.Helper()
	s, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Spend()
	if err != nil || protocol.Fingerprint(b) != s.Digest() {
		t.Fatal(err, s.Digest())
	}
	return b
}

// TestOnlyFacts: what is of no vocabulary makes no sheet, and is not repeated.
func TestOnlyFacts(t *testing.T) {
	for name, harm := range map[string]func(*Facts){
		"nothing":           func(f *Facts) { *f = Facts{} },
		"terminal":          func(f *Facts) { f.Terminal = "山田 太郎" },
		"time":              func(f *Facts) { f.At = time.Time{} },
		"software":          func(f *Facts) { f.Software = "山田" },
		"printer":           func(f *Facts) { f.Printer = "taro" },
		"model":             func(f *Facts) { f.Model = "東京都" },
		"a number in it":    func(f *Facts) { f.Model = "1234 5678 9012" },
		"a long model":      func(f *Facts) { f.Model = strings.Repeat("x", maxModel+1) },
		"a control in it":   func(f *Facts) { f.Model = "a\nb" },
		"counter":           func(f *Facts) { f.Counters["taro"] = 1 },
		"check":             func(f *Facts) { f.Checks["taro"] = OK },
		"state":             func(f *Facts) { f.Checks["disk"] = "taro" },
		"a state of nobody": func(f *Facts) { f.Checks["disk"] = "" },
	} {
		f := whole()
		harm(&f)
		s, err := New(f)
		if !errors.Is(err, ErrFacts) || s != (Service{}) || strings.Contains(err.Error(), "taro") || strings.ContainsFunc(err.Error(), func(r rune) bool { return r > '~' }) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSpentOnce: a zero sheet is none, and a sheet is spent once.
func TestSpentOnce(t *testing.T) {
	if b, err := (Service{}).Spend(); !errors.Is(err, ErrNone) || b != nil || (Service{}).Digest() != (protocol.Digest{}) {
		t.Error(err)
	}
	s, err := New(whole())
	if err != nil {
		t.Fatal(err)
	}
	again := s
	if b, err := s.Spend(); err != nil || len(b) == 0 {
		t.Error(err)
	}
	if b, err := again.Spend(); !errors.Is(err, ErrNone) || b != nil {
		t.Error(err)
	}
}

// TestSoundAndNoCertificate: whatever the facts, our own strict reader finds nothing in the file but that it is no certificate: it has
// neither statement nor tags. So it is refused, should it ever come in a package.
func TestSoundAndNoCertificate(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := whole()
		f.Terminal = protocol.Terminal(rapid.StringMatching(`[A-Z0-9-]{1,32}`).Draw(r, "terminal"))
		f.Software = protocol.ProgramOf(rapid.StringMatching(`[ -~]{1,64}`).Draw(r, "software"))
		f.Model = rapid.StringMatching(`[ -/:-~]{0,64}`).Draw(r, "model")
		f.Policy, f.Journal = rapid.Uint64().Draw(r, "policy"), rapid.Uint64().Draw(r, "journal")
		for _, c := range counters {
			f.Counters[Counter(c.word)] = rapid.Uint64().Draw(r, c.word)
		}
		s, err := New(f)
		if err != nil {
			r.Fatal(err)
		}
		b, _ := s.Spend()
		found := inspect.Document(b)
		if found.PageCount != Pages || len(found.Tags) != 0 || len(found.Statement) != 0 || len(found.Findings) != 2 ||
			found.Findings[0].Code != "statement-missing" || found.Findings[1].Code != "tag-missing" {
			r.Fatalf("%+v", found)
		}
	})
}

// tool runs a program of Debian's on the sheet, and returns what it says.
func tool(t *testing.T, pdf []byte, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(name, "is missing (qpdf, poppler-utils)")
		}
		t.Skip("needs ", name)
	}
	file := filepath.Join(t.TempDir(), "sheet.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "FILE", file)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v %s", name, err, out)
	}
	return string(out)
}

// TestOthersReadIt: qpdf finds nothing wrong, poppler all words: that it is no certificate, twice, and every fact.
func TestOthersReadIt(t *testing.T) {
	pdf := pdfOf(t, whole())
	if len(pdf) > 64<<10 {
		t.Errorf("%d bytes", len(pdf))
	}
	if said := tool(t, pdf, "qpdf", "--check", "FILE"); !strings.Contains(said, "No syntax or stream encoding errors found") || strings.Contains(said, "WARNING") {
		t.Error(said)
	}
	said := tool(t, pdf, "pdftotext", "-layout", "FILE", "-")
	if n := strings.Count(said, "これは証明書ではありません / This is not a certificate"); n != 2 || !utf8.ValidString(said) {
		t.Errorf("%d times that it is no certificate", n)
	}
	want := []string{"点検", "SERVICE SHEET", "JP-13-000042", "2026-11-23 02:04:05 (Asia/Tokyo)", "honnind v1.2.3", "123456", "IPP, TLS", "Example MFP 3000", "× FAILED", "△ SOON", "100%"}
	for _, c := range append(checks, counters...) {
		want = append(want, c.both())
	}
	for i := range counters {
		want = append(want, string(rune('1'))+"0"+string(rune('0'+i/10))+string(rune('0'+i%10)))
	}
	for _, w := range want {
		if !strings.Contains(said, w) {
			t.Errorf("no %q", w)
		}
	}
	if said := tool(t, pdf, "pdffonts", "FILE"); !strings.Contains(said, "CID TrueType      Identity-H       yes yes yes") {
		t.Error(said)
	}
}

// TestMarks renders the page, ten dots to a millimetre, and finds the marks where a technician measures.
func TestMarks(t *testing.T) {
	img := []byte(tool(t, pdfOf(t, whole()), "pdftoppm", "-gray", "-r", "254", "FILE"))
	var wide, high int
	if _, err := fmt.Fscanf(bytes.NewReader(img), "P5\n%d %d\n255\n", &wide, &high); err != nil || wide/10 != 210 || high/10 != 297 {
		t.Fatalf("%v %q", err, img[:20])
	}
	img = img[len(img)-wide*high:]
	grey := func(x, y float64) byte { return img[int(y*10)*wide+int(x*10)] }
	for name, c := range map[string]struct {
		x, y        float64
		least, most byte
	}{
		"frame, top left": {15.2, 100, 0, 40}, "frame, right": {194.8, 100, 0, 40}, "frame, top": {100, 15.2, 0, 40}, "frame, bottom": {100, 281.8, 0, 40},
		"outside it": {14, 250, 250, 255}, "white": {left + 6, 171, 250, 255}, "half": {left + 5.5*13.6, 171, 120, 136}, "black": {left + 10.5*13.6, 171, 0, 5},
		"step 0": {71, 0.1, 0, 40}, "step 13": {70 + 13*3 + 1, 13.1, 0, 40}, "block": {60, 249, 0, 5}, "block, half": {60, 256, 120, 136},
		"ruler along, 0": {187, 61, 0, 120}, "ruler along, 180": {187, 241, 0, 120}, "ruler across, 160": {left + 160, 230, 0, 120},
	} {
		if got := min(grey(c.x, c.y), grey(c.x, c.y-0.1), grey(c.x-0.1, c.y)); got < c.least || got > c.most {
			t.Errorf("%s: %d, want %d to %d", name, got, c.least, c.most)
		}
	}
}

// TestDrawsTheSame: the same facts make the same file, others another.
func TestDrawsTheSame(t *testing.T) {
	f := whole()
	a := pdfOf(t, f)
	if !bytes.Equal(a, pdfOf(t, f)) {
		t.Error("two sheets of the same facts differ")
	}
	f.Journal++
	if bytes.Equal(a, pdfOf(t, f)) {
		t.Error("another entry of the journal is not another sheet")
	}
}
