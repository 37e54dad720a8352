package protocol

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const goodStatement = `{"format":"honnin-issuance/1","transaction":"0197c2f4a0b87d1f9a3b5c6d7e8f9012","terminal":"JP-13-000042",` +
	`"nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","subject_hash":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",` +
	`"municipality":"141003","certificate":"resident-record","options":{"household":"all","my_number":false},"copies":1,"pages":2,` +
	`"serial":"141003-20261121-0000042","record":{"register":"resident","token":"AAAAAAAAAAAAAAAAAAAAAA",` +
	`"content":"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","as_of":"2026-11-21T02:03:04Z"},"issued_at":"2026-11-21T02:03:05Z",` +
	`"expires_at":"2026-11-21T02:08:05Z","software":{"name":"x","version":"1.4.0","fixes":["a"]}}`

func TestGoodStatement(t *testing.T) {
	s, err := ParseStatement([]byte(goodStatement))
	if err != nil {
		t.Fatal(err)
	}
	if s.Terminal != "JP-13-000042" || s.Pages != 2 || !s.Options["household"].isText("all") || s.Options["my_number"].Bool() || s.Record.Content[0] != 2 {
		t.Errorf("%+v", s)
	}
}

func (o Option) isText(s string) bool { return !o.isBool && o.text == s }

// TestMalformedStatements changes one thing each.
func TestMalformedStatements(t *testing.T) {
	for name, c := range map[string]struct{ old, new string }{
		"another format":         {"honnin-issuance/1", "honnin-issuance/2"},
		"upper-case hex":         {"0197c2f4", "0197C2F4"},
		"short transaction":      {"8f9012", "8f90"},
		"terminal in lower case": {"JP-13", "jp-13"},
		"terminal too long":      {"JP-13-000042", strings.Repeat("A", 33)},
		"padded base64":          {`AAAAAAAAAAAAA","subject`, `AAAAAAAAAAAAA=","subject`},
		"base64 not canonical":   {`AAAAAAAAAAAAA","subject`, `AAAAAAAAAAAAB","subject`},
		"five digits":            {`"141003",`, `"14100",`},
		"no such certificate":    {"resident-record", "marriage"},
		"register does not fit":  {`"resident","token`, `"tax","token`},
		"option is a number":     {`"my_number":false`, `"my_number":0`},
		"option is null":         {`"my_number":false`, `"my_number":null`},
		"option is nested":       {`"my_number":false`, `"my_number":{}`},
		"no copies":              {`"copies":1`, `"copies":0`},
		"eleven copies":          {`"copies":1`, `"copies":11`},
		"copies with fraction":   {`"copies":1`, `"copies":1.0`},
		"copies with exponent":   {`"copies":1`, `"copies":1e0`},
		"copies as text":         {`"copies":1`, `"copies":"1"`},
		"serial with a space":    {"141003-2026", "141003 2026"},
		"empty serial":           {`"141003-20261121-0000042"`, `""`},
		"fraction of a second":   {"02:03:05Z", "02:03:05.0Z"},
		"offset for Z":           {"02:03:05Z", "02:03:05+00:00"},
		"leap second":            {"02:03:05Z", "02:03:60Z"},
		"issued before as_of":    {`"issued_at":"2026-11-21T02:03:05Z"`, `"issued_at":"2026-11-21T02:03:03Z"`},
		"expires at once":        {`"expires_at":"2026-11-21T02:08:05Z"`, `"expires_at":"2026-11-21T02:03:05Z"`},
		"short version":          {`"1.4.0"`, `"1.4"`},
		"version with v":         {`"1.4.0"`, `"v1.4.0"`},
		"version, leading zero":  {`"1.4.0"`, `"1.04.0"`},
		"fix is null":            {`["a"]`, `[null]`},
		"fixes is null":          {`["a"]`, `null`},
		"member missing":         {`"copies":1,`, ``},
		"inner member missing":   {`"name":"x",`, ``},
		"member repeated":        {`"copies":1,`, `"copies":1,"copies":1,`},
		"inner member repeated":  {`"name":"x",`, `"name":"x","name":"x",`},
		"unknown member":         {`"copies":1,`, `"copies":1,"note":"",`},
		"other case":             {`"copies"`, `"Copies"`},
		"null":                   {`"serial":"141003-20261121-0000042"`, `"serial":null`},
		"byte order mark":        {`{"format"`, "\ufeff" + `{"format"`},
		"not UTF-8":              {`"name":"x"`, "\"name\":\"\xff\""},
		"half a surrogate":       {`"name":"x"`, `"name":"\ud800"`},
		"line end after it":      {`["a"]}}`, `["a"]}}` + "\n"},
		"another object":         {`["a"]}}`, `["a"]}}{}`},
		"cut":                    {`["a"]}}`, `["a"]}`},
		"an array":               {`{"format"`, `[{"format"`},
		"deep":                   {`"my_number":false`, `"my_number":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)},
		"too long":               {`"name":"x"`, `"name":"` + strings.Repeat("x", MaxJSON) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(goodStatement, c.old, c.new, 1)
			if text == goodStatement {
				t.Fatal("the case changes nothing")
			}
			if _, err := ParseStatement([]byte(text)); !errors.Is(err, ErrFormat) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEveryMemberIsNeeded(t *testing.T) {
	for _, name := range []string{"format", "transaction", "terminal", "nonce", "subject_hash", "municipality", "certificate", "options", "copies",
		"pages", "serial", "record", "issued_at", "expires_at", "software", "register", "token", "content", "as_of", "name", "version", "fixes"} {
		text := strings.Replace(goodStatement, `"`+name+`":`, `"x_`+name+`":`, 1)
		if text == goodStatement {
			t.Fatalf("no member %q", name)
		}
		if _, err := ParseStatement([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErrorsQuoteNothing: what a statement holds is about a person.
func TestErrorsQuoteNothing(t *testing.T) {
	for _, text := range []string{strings.Replace(goodStatement, `"serial":"`, `"serial":"KEEPSECRET `, 1), strings.Replace(goodStatement, `"copies":1`, `"KEEPSECRET":1`, 1)} {
		if _, err := ParseStatement([]byte(text)); err == nil || strings.Contains(err.Error(), "KEEPSECRET") {
			t.Errorf("%v", err)
		}
	}
}

func TestPropertyWhatIsEncodedIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		issued := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "issued"), 0).UTC()
		c := rapid.SampledFrom(Certificates()).Draw(t, "certificate")
		s := Statement{Transaction: NewTransaction(), Terminal: Terminal(rapid.StringMatching(`[A-Z0-9-]{1,32}`).Draw(t, "terminal")),
			Nonce: NewNonce(), SubjectHash: SubjectHash(NewNonce()), Municipality: Municipality(rapid.StringMatching(`[0-9]{6}`).Draw(t, "code")),
			Certificate: c, Options: Options{rapid.String().Draw(t, "k"): Text(rapid.String().Draw(t, "v")), "b": Bool(rapid.Bool().Draw(t, "b"))},
			Copies: rapid.IntRange(1, MaxCopies).Draw(t, "copies"), Pages: rapid.Int().Draw(t, "pages"), Serial: rapid.StringMatching(`[A-Za-z0-9-]{1,64}`).Draw(t, "serial"),
			Record:   Record{c.Register(), NewToken(), Digest(NewNonce()), At(issued)},
			IssuedAt: At(issued), ExpiresAt: At(issued.Add(time.Minute)),
			Software: Software{rapid.String().Draw(t, "name"), "1.2.3-rc.1+build", rapid.SliceOf(rapid.String()).Draw(t, "fixes")}}
		if s.Software.Fixes == nil {
			s.Software.Fixes = []string{}
		}
		b, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseStatement(b)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%v\n%+v\n%+v", err, got, s)
		}
	})
}

func TestSubjectHash(t *testing.T) {
	// Known answer, computed with openssl: HMAC-SHA-256, key 32 zero bytes, over "honnin subject v1" 0x00 and SHA-256("certificate").
	const want = "7b584956d4da4588f9a155271fe99f9bb395a6431f3256c92cc1506b65ff4321"
	h := HashSubject(Nonce{}, []byte("certificate"))
	if got := Digest(h).String(); got != want {
		t.Errorf("%s", got)
	}
	if HashSubject(Nonce{1}, []byte("certificate")) == h || HashSubject(Nonce{}, []byte("another")) == h {
		t.Error("nonce or certificate does not matter")
	}
}

func TestCardMessages(t *testing.T) {
	a := AuthenticationMessage("T-1", Transaction{1}, Nonce{2}, Challenge{3})
	r := ReleaseMessage("T-1", Transaction{1}, Digest{4})
	if len(a) != len("honnin authentication v1")+1+32+16+32+32 || len(r) != len("honnin release v1")+1+32+16+32 {
		t.Errorf("%d and %d bytes", len(a), len(r))
	}
	if !bytes.HasPrefix(a, []byte("honnin authentication v1\x00T-1\x00")) || !bytes.HasPrefix(r, []byte("honnin release v1\x00T-1\x00")) {
		t.Error("the purpose does not come first")
	}
}
