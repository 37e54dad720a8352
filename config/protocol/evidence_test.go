package protocol

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

func statementWith(serial, name, version string) Statement {
	at, _ := ParseTime("2026-11-22T01:02:03Z")
	return Statement{Serial: serial, IssuedAt: at, Software: Software{Name: name, Version: version}}
}

// TestEvidenceTakesWordsOnly: whatever an issuer calls its program, evidence holds a bounded word of it or nothing.
func TestEvidenceTakesWordsOnly(t *testing.T) {
	for name, taken := range map[string]bool{"practice-issuer": true, "Vendor_X.2+b": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false,
		"": false, "架空 太郎": false, "taro mihon": false, "a\nb": false, `"`: false, "<script>": false} {
		e := Evidence{}.Read(statementWith("S-1", name, "1.4.0"))
		if (e.Software.Name != "") != taken || taken && string(e.Software.Name) != name {
			t.Errorf("%q: %q", name, e.Software.Name)
		}
		if e.Serial != "S-1" || e.Software.Version != "1.4.0" || e.IssuedAt.IsZero() {
			t.Errorf("%q: %+v", name, e)
		}
	}
	if e := (Evidence{}.Read(statementWith("S-1", "x", "1.0.0-"+strings.Repeat("a", 64)))); e.Software.Version != "" {
		t.Errorf("a version of %d bytes", len(e.Software.Version))
	}
	for text, taken := range map[string]bool{"honnind": true, "honnind (devel)": true, "": false, "a\x00": false, "ほん": false, strings.Repeat("x", 65): false} {
		if (ProgramOf(text) != "") != taken {
			t.Errorf("program %q: %q", text, ProgramOf(text))
		}
	}
}

// TestEvidenceOnTheWire: what was read is written and read again as it is, and nothing of another form is read.
func TestEvidenceOnTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Evidence{Program: ProgramOf(rapid.String().Draw(t, "program"))}
		if rapid.Bool().Draw(t, "read") {
			e = e.Read(statementWith(rapid.StringMatching(`[A-Za-z0-9-]{1,64}`).Draw(t, "serial"), rapid.String().Draw(t, "name"), "1.4.0-x.1+b"))
			e.SignedBy, e.SignedAt = Digest{1}, e.IssuedAt
		}
		b, err := json.Marshal(e)
		var back Evidence
		if err != nil || ParseBody(b, &back) != nil || !reflect.DeepEqual(e, back) {
			t.Fatalf("%s: %+v, %v", b, back, err)
		}
	})
	for _, bad := range []string{`{"serial":""}`, `{"serial":"架"}`, `{"serial":null}`, `{"name":"x"}`, `{"software":{"name":"a b"}}`, `{"software":{"version":"1"}}`,
		`{"software":{"vendor":"x"}}`, `{"program":""}`, `{"signed_by":"x"}`, `{"subject_hash":"x"}`, `{"serial":"` + strings.Repeat("1", 65) + `"}`} {
		var e Evidence
		if err := ParseBody([]byte(bad), &e); err == nil {
			t.Errorf("%s is read as %+v", bad, e)
		}
	}
}
