package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
	"honnin/spool/journal"
)

// What is looked for, and in which forms:
//
//   - every text of every record in the practice registers (names, kana, addresses, registered domiciles, parents, seal
//     numbers, remarks) as it stands, without its spaces, with ASCII spaces and escaped as \uXXXX; each part of a name
//     or its kana that is two characters or longer, unless a municipality bears it; days of birth in four forms. Not
//     looked for: words of the form, which say nothing of a person (性別, 続柄, titles, names of items and taxes);
//   - My Numbers: plain, in groups of four, full-width;
//   - PINs as words of their own, as a list of byte values, in hex and in base64;
//   - serial numbers of card certificates in decimal, hex (both cases) and as DER; the certificates' bytes and their
//     SHA-256; signatures that the cards made; packages' and documents' bytes: windows of them raw, in hex (both
//     cases), as byte values and in base64 (both alphabets, every alignment); and the first bytes of any PDF.
type needle struct {
	what string
	b    []byte
	word bool // only where it is not a part of a longer word or number
}

func (n needle) in(text []byte) bool {
	for at := 0; ; {
		i := bytes.Index(text[at:], n.b)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(n.b)
		if !n.word || !goesOn(text, i-1, i-2) && !goesOn(text, end, end+1) && !isDay(text, i, end) {
			return true
		}
		at = i + 1
	}
}

// goesOn reports whether what stands beside a word belongs to it: a letter, a digit, or a point with a digit behind it.
func goesOn(text []byte, beside, behind int) bool {
	at := func(i int) byte {
		if i < 0 || i >= len(text) {
			return ' '
		}
		return text[i]
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	c := at(beside)
	return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' && digit(at(behind))
}

// inNumber is the day in a visit's number, E-01-1212-7, with what stands beside it.
var inNumber = regexp.MustCompile(`^[0-9]-[0-9]{4}-[0-9]$`)

// isDay reports whether a word is that: some PINs are days.
func isDay(text []byte, from, to int) bool {
	return from >= 2 && to+2 <= len(text) && inNumber.Match(text[from-2:to+2])
}

// left is something that a terminal left behind or said.
type left struct {
	where string
	b     []byte
}

// search returns what is where it must not be.
func search(all []left, needles []needle) (found []string) {
	for _, l := range all {
		for _, n := range needles {
			if n.in(l.b) {
				found = append(found, n.what+" in "+l.where)
			}
		}
	}
	return found
}

// none fails the test for everything that is found.
func none(t *testing.T, all []left, needles []needle) {
	t.Helper()
	total := 0
	for _, l := range all {
		total += len(l.b)
	}
	if len(all) == 0 || total == 0 || len(needles) < 500 {
		t.Fatalf("%d bytes in %d places searched for %d things", total, len(all), len(needles))
	}
	for _, f := range search(all, needles) {
		t.Error(f)
	}
}

// filesIn reads every file below dir; skip names directories that are not the terminal's.
func filesIn(t *testing.T, dir string, skip ...string) (out []left) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skip, d.Name()):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		out = append(out, left{path, append([]byte(path+"\n"), b...)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// texts collects every text of a record, and its days of birth.
func texts(v reflect.Value, name string, add func(string), born func(sheet.Date)) {
	form := []string{"ID", "Sex", "Relation", "Spouse", "Title", "Tax", "Text", "Item.Name", "Amount.Name"}
	switch v.Kind() {
	case reflect.String:
		if !slices.Contains(form, name) {
			add(v.String())
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), name, add, born)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			texts(v.MapIndex(k), name, add, born)
		}
	case reflect.Struct:
		if d, ok := v.Interface().(sheet.Date); ok {
			if name == "Birth" {
				born(d)
			}
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if slices.Contains([]string{"Item", "Amount"}, v.Type().Name()) && field == "Name" {
				field = v.Type().Name() + ".Name"
			}
			texts(v.Field(i), field, add, born)
		}
	}
}

// records returns everything that the practice registers say of everybody.
func records(t *testing.T) (out []register.Facts) {
	t.Helper()
	all := people.Registers{}
	for _, town := range people.Towns() {
		all[town.Code] = register.New(town.Code, time.Now)
	}
	people.Settle(all)
	for _, p := range people.All() {
		for _, r := range all {
			f := protocol.Fingerprint([]byte(p.ID))
			r.Link(p.ID, f)
			for _, kind := range []protocol.Register{protocol.ResidentRegister, protocol.SealRegister, protocol.FamilyRegisters, protocol.TaxRegister} {
				if got, err := r.Read(kind, p.ID, f); err == nil {
					out = append(out, got.Facts)
				}
			}
		}
	}
	if len(out) < 30 {
		t.Fatalf("only %d records", len(out))
	}
	return out
}

// personal is what the registers say.
func personal(t *testing.T) (out []needle) {
	t.Helper()
	seen := map[string]bool{}
	add := func(what, s string) {
		if s != "" && !seen[s] {
			seen[s] = true
			out = append(out, needle{what: what + " " + s, b: []byte(s)})
		}
	}
	for _, f := range records(t) {
		texts(reflect.ValueOf(f), "", func(s string) {
			for _, form := range writings(s) {
				add("text of a record", form)
			}
		}, func(d sheet.Date) {
			add("day of birth", d.Wareki())
			for _, form := range []string{"%04d-%02d-%02d", "%04d%02d%02d", "%04d/%02d/%02d"} {
				add("day of birth", fmt.Sprintf(form, d.Year, d.Month, d.Day))
			}
		})
	}
	return out
}

// writings are the forms in which a text is looked for.
func writings(s string) (out []string) {
	if len([]rune(s)) < 2 || isTown(s) {
		return nil
	}
	if len(s) == 12 && strings.Trim(s, "0123456789") == "" {
		wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, s)
		return []string{s, s[:4] + " " + s[4:8] + " " + s[8:], s[:4] + "-" + s[4:8] + "-" + s[8:], wide}
	}
	out = append(out, s, strings.ReplaceAll(s, "　", ""), strings.ReplaceAll(s, "　", " "), escaped(s))
	for part := range strings.SplitSeq(s, "　") {
		if len([]rune(part)) >= 2 && !isTown(part) {
			out = append(out, part, escaped(part))
		}
	}
	return out
}

func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

// isTown reports whether a municipality's public name holds s.
func isTown(s string) bool {
	return slices.ContainsFunc(people.Towns(), func(t people.Town) bool { return strings.Contains("見本県例示郡"+t.Name.Ja, s) })
}

// pins are everybody's, and the one that is typed wrongly.
func pins() (out []needle) {
	all := []string{wrongPIN}
	for _, p := range people.All() {
		all = append(all, p.PIN)
	}
	for _, p := range all {
		list := strings.Trim(fmt.Sprint([]byte(p)), "[]")
		for _, s := range []string{p, hex.EncodeToString([]byte(p)), list} {
			out = append(out, needle{"the PIN " + p, []byte(s), true})
		}
		out = append(out, needle{"the PIN " + p + " in base64", []byte(base64.RawStdEncoding.EncodeToString([]byte(p))), true})
	}
	return out
}

const wrongPIN = "9753"

// traces are forms of bytes that must not be anywhere, of windows in their middle and near their end.
func traces(what string, b []byte) (out []needle) {
	const size = 24
	for _, at := range []int{len(b) / 2, len(b) - size - 8} {
		if at = min(at, len(b)-size); at < 0 {
			panic("too short to look for: " + what)
		}
		w := b[at : at+size]
		list := strings.Trim(fmt.Sprint(w), "[]")
		for _, s := range []string{string(w), hex.EncodeToString(w), strings.ToUpper(hex.EncodeToString(w)), list} {
			out = append(out, needle{what: what, b: []byte(s)})
		}
		for shift := range 3 {
			part := w[shift : shift+21]
			out = append(out, needle{what: what, b: []byte(base64.StdEncoding.EncodeToString(part))},
				needle{what: what, b: []byte(base64.URLEncoding.EncodeToString(part))})
		}
	}
	return out
}

// cards are the serial numbers and bytes of the card certificates in a world's keys.
func cards(t *testing.T, keys string) (out []needle) {
	t.Helper()
	n := 0
	for name, p := range pairs(t, keys) {
		if !strings.HasPrefix(name, "card/p") {
			continue
		}
		n++
		serial := p.Certificate.SerialNumber
		if len(serial.Bytes()) < 6 {
			t.Fatalf("the serial number of %s is too short to look for", name)
		}
		for _, s := range []string{serial.String(), serial.Text(16), strings.ToUpper(serial.Text(16)), string(serial.Bytes())} {
			out = append(out, needle{what: "serial number of " + name, b: []byte(s)})
		}
		out = append(out, traces("certificate of "+name, p.Certificate.Raw)...)
		print := sha256.Sum256(p.Certificate.Raw)
		out = append(out, traces("fingerprint of "+name, print[:])...)
	}
	if n < 12 {
		t.Fatalf("only %d card certificates", n)
	}
	return out
}

// anyPDF are the first bytes of any document.
func anyPDF() []needle {
	return []needle{{what: "a PDF", b: []byte("%PDF")}, {what: "a PDF in base64", b: []byte("JVBERi0x")}, {what: "a PDF in hex", b: []byte("255044462d")},
		{what: "a PDF as byte values", b: []byte("37 80 68 70 45")}}
}

func everything(t *testing.T, keys string) []needle {
	t.Helper()
	return slices.Concat(personal(t), pins(), cards(t, keys), anyPDF())
}

// releaseSignatures computes what RSA cards signed in a run, from what its journal holds: PKCS #1 v1.5 has one signature
// for one message.
func releaseSignatures(t *testing.T, state string) (out []needle) {
	t.Helper()
	keys := pairs(t, filepath.Join(state, "keys"))
	names, _ := filepath.Glob(filepath.Join(state, "terminals", "*"))
	for _, dir := range names {
		j, err := journal.Open(filepath.Join(dir, "journal.db"), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range of(entries(t, j), journal.Sending) {
			message := protocol.ReleaseMessage(protocol.Terminal(filepath.Base(dir)), e.Transaction, e.Document)
			for _, who := range []string{"card/p01", "card/p02", "card/p03"} {
				signature := rsaSignature(t, keys[who], message)
				if sha256.Sum256(signature) == e.Signature {
					out = append(out, traces("release signature of "+who, signature)...)
				}
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func rsaSignature(t *testing.T, p *sign.Pair, message []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	signature, err := p.Key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// TestPrivacySearch: the search finds every single thing that it looks for, wherever it is, and mistakes no digits of
// other numbers for a PIN.
func TestPrivacySearch(t *testing.T) {
	state := withKeys(t, t.TempDir())
	needles := everything(t, filepath.Join(state, "keys"))
	for _, n := range needles {
		if got := search([]left{{"a line", slices.Concat([]byte(`{"reason":"`), n.b, []byte(`","x":1}`))}}, []needle{n}); len(got) != 1 {
			t.Errorf("%s: not found", n.what)
		}
	}
	for _, name := range []string{"架空　太郎", "カクウ　タロウ", "太郎", "見本県見本市手本町一丁目２番３号", "000000000014"} {
		if len(search([]left{{"", []byte(name)}}, needles)) == 0 {
			t.Errorf("%s is not looked for", name)
		}
	}
	innocent := []string{"E-01-1212-7", `"port":51234`, "0.1234 s", "1234.5 ms", "a1234", "見本市", "architecture"}
	if got := search([]left{{"innocence", []byte(strings.Join(innocent, " | "))}}, needles); len(got) != 0 {
		t.Errorf("found in nothing: %v", got)
	}
	dir := filepath.Join(state, "terminals", "PRACTICE-01")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(dir, "journal.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Record(journal.Entry{Kind: journal.Late, Reason: "見本　次郎"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(state, "some", "core.1234"), []byte("nothing"))
	found := strings.Join(search(filesIn(t, state, "keys"), needles), "\n")
	for _, where := range []string{"見本　次郎 in " + dir, "PIN 1234 in " + state} {
		if !strings.Contains(found, where) {
			t.Errorf("planted, and not found: %s\n%s", where, found)
		}
	}
}

// TestPrivacyOfTheProgram: what honnind says and leaves behind after scripted visits of everybody who can ask for each
// certificate, and of people who were handed a stranger's paper. It has no switch that would make it say more.
func TestPrivacyOfTheProgram(t *testing.T) {
	for _, c := range append(protocol.Certificates(), "stranger", "wordy") {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			state, home := withKeys(t, t.TempDir()), t.TempDir()
			args := []string{"practice", "--state", state, "--visits", "9", "--certificate", string(c), "--json"}
			switch c {
			case "stranger":
				args = []string{"practice", "--state", state, "--visits", "4", "--stranger", "--json"}
			case "wordy":
				args = []string{"practice", "--state", state, "--visits", "3", "--guide"}
			}
			cmd := exec.CommandContext(t.Context(), built(t), args...)
			cmd.Dir, cmd.Env = home, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "GOTRACEBACK=crash"}
			var out, said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &said
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s%s", err, out.Bytes(), said.Bytes())
			}
			everyone := slices.Concat(everything(t, filepath.Join(state, "keys")), releaseSignatures(t, state))
			// keys/ is the practice world's and sheets/ its printer's: neither is a terminal's.
			none(t, slices.Concat([]left{{"stdout", out.Bytes()}, {"stderr", said.Bytes()}},
				filesIn(t, state, "keys", "sheets"), filesIn(t, home)), everyone)
		})
	}
}
