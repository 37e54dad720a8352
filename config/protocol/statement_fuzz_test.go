package protocol_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"honnin/config/protocol"
	"honnin/testdata/vectors"
)

// statements returns the statement of every vector that has one where a generator puts it.
func statements(t testing.TB) (out [][]byte) {
	all, err := vectors.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		pkg, err := v.Package()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(pkg, []byte("/application#2Fjson"))
		_, data, _ := bytes.Cut(rest, []byte("stream\n"))
		if r, err := zlib.NewReader(bytes.NewReader(data)); err == nil {
			if text, err := io.ReadAll(r); err == nil && len(text) < 8<<10 {
				out = append(out, text)
			}
		}
	}
	return out
}

var pieces = regexp.MustCompile(`"[^"]*"|[0-9]+|[a-z]+|[^"0-9a-z]`)

// FuzzStatement mutates the vectors' statements and, piece by piece, a good one. Whatever is accepted says the same
// after being written and read again, and the same to the standard library's reader, each member once.
func FuzzStatement(f *testing.F) {
	all := statements(f)
	if len(all) < 100 {
		f.Fatalf("%d statements", len(all))
	}
	good := pieces.FindAll(all[0], -1)
	for _, s := range all {
		f.Add(s, uint16(0), false)
	}
	for i, with := range []string{`null`, `"\u0041"`, `1e0`, `"","copies":1`, `true`, `"2026-11-21T02:03:60Z"`, `{}`, ` `, `"\ud800"`} {
		f.Add([]byte(with), uint16(20*i+3), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16, piece bool) {
		if piece {
			parts := slices.Clone(good)
			parts[int(at)%len(parts)] = b
			b = bytes.Join(parts, nil)
		}
		s, err := protocol.ParseStatement(b)
		if err != nil {
			if !errors.Is(err, protocol.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if s2, err := protocol.ParseStatement(again); err != nil || !reflect.DeepEqual(s, s2) {
			t.Fatalf("%v", err)
		}
		if err := readsTheSame(b, s); err != nil {
			t.Fatalf("%v in %q", err, b)
		}
	})
}

// readsTheSame reads b with encoding/json and holds it against s.
func readsTheSame(b []byte, s protocol.Statement) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := unique(d)
	m, _ := v.(map[string]any)
	if err != nil || d.InputOffset() != int64(len(b)) || !utf8.Valid(b) || m == nil {
		return fmt.Errorf("no one object: %v", err)
	}
	record, _ := m["record"].(map[string]any)
	software, _ := m["software"].(map[string]any)
	options, _ := m["options"].(map[string]any)
	base := base64.RawURLEncoding.EncodeToString
	for name, pair := range map[string][2]any{
		"format": {m["format"], protocol.StatementFormat}, "transaction": {m["transaction"], hex.EncodeToString(s.Transaction[:])},
		"terminal": {m["terminal"], string(s.Terminal)}, "nonce": {m["nonce"], base(s.Nonce[:])}, "subject_hash": {m["subject_hash"], base(s.SubjectHash[:])},
		"municipality": {m["municipality"], string(s.Municipality)}, "certificate": {m["certificate"], string(s.Certificate)},
		"copies": {m["copies"], json.Number(fmt.Sprint(s.Copies))}, "pages": {m["pages"], json.Number(fmt.Sprint(s.Pages))}, "serial": {m["serial"], s.Serial},
		"issued_at": {m["issued_at"], s.IssuedAt.UTC().Format("2006-01-02T15:04:05Z")}, "expires_at": {m["expires_at"], s.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z")},
		"register": {record["register"], string(s.Record.Register)}, "token": {record["token"], base(s.Record.Token[:])}, "content": {record["content"], base(s.Record.Content[:])},
		"as_of": {record["as_of"], s.Record.AsOf.UTC().Format("2006-01-02T15:04:05Z")}, "name": {software["name"], s.Software.Name}, "version": {software["version"], s.Software.Version},
	} {
		if pair[0] != pair[1] {
			return fmt.Errorf("%s reads %v and %v", name, pair[0], pair[1])
		}
	}
	if len(m) != 15 || len(record) != 4 || len(software) != 3 || len(options) != len(s.Options) || len(software["fixes"].([]any)) != len(s.Software.Fixes) {
		return fmt.Errorf("members %v", slices.Sorted(maps.Keys(m)))
	}
	for k, v := range options {
		if o, there := s.Options[k]; !there || v != any(o.Text()) && v != any(o.Bool()) {
			return fmt.Errorf("an option reads %v", v)
		}
	}
	return nil
}

// unique reads one value whose objects name no member twice.
func unique(d *json.Decoder) (any, error) {
	t, err := d.Token()
	switch {
	case err != nil:
		return nil, err
	case t == json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := unique(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case t != json.Delim('{'):
		return t, nil
	}
	m, seen := map[string]any{}, map[string]bool{}
	for d.More() {
		k, err := d.Token()
		name, _ := k.(string)
		if err != nil || seen[name] {
			return nil, fmt.Errorf("a member twice: %v", err)
		}
		seen[name] = true
		if m[name], err = unique(d); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return m, err
}

// TestReadsTheSame: the fuzz's own eye sees what it must.
func TestReadsTheSame(t *testing.T) {
	text := string(statements(t)[0])
	s, err := protocol.ParseStatement([]byte(text))
	if err != nil || readsTheSame([]byte(text), s) != nil {
		t.Fatal(err, readsTheSame([]byte(text), s))
	}
	for _, c := range [][2]string{{`"copies":1`, `"copies":2`}, {`"copies":1`, `"copies":1,"copies":1`}, {`"copies":1`, `"copies":1,"note":1`}, {`JP-`, `JQ-`}, {`false`, `true`}, {`"fixes":[`, `"fixes":["x",`}} {
		if other := strings.Replace(text, c[0], c[1], 1); other == text || readsTheSame([]byte(other), s) == nil {
			t.Errorf("%s for %s is overlooked", c[1], c[0])
		}
	}
}
