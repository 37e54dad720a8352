package provision

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
)

// The result file says what the office asks, and follows no link on the stick.
func TestResult(t *testing.T) {
	o := signedtest.New(t, start)
	all := o.Chain(2)
	m := newMachine(t, o)
	m.takes(all[0])
	dir := t.TempDir()
	precious := filepath.Join(t.TempDir(), "precious")
	put(t, precious, []byte("precious"))
	name := filepath.Join(dir, ResultName(here))
	for _, at := range []string{name, name + ".new"} {
		if err := os.Symlink(precious, at); err != nil {
			t.Fatal(err)
		}
	}
	written := func(brought []signed.Bundle) (r Result) {
		t.Helper()
		a, err := m.Receive(brought, ByStick)
		if err := WriteResult(dir, here, plainly(t, NewResult(a, err, start))); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = ParseResult(b); err != nil {
			t.Fatal(err, string(b))
		}
		return r
	}
	if r := written([]signed.Bundle{{Text: all[1].Text}}); r.Code != signed.Unsigned || r.Fault == "" || r.Terminal != here || r.InForce.Version != 1 || r.Received != nil {
		t.Errorf("%+v", r)
	}
	if r := written(all); r.Code != "" || r.Received.Version != 2 || len(r.Received.SHA256) != 64 || !r.At.Equal(start) {
		t.Errorf("%+v", r)
	}
	if r := written(all); r.Code != signed.Here || r.Has().Version != 2 || r.InForce.Version != 1 {
		t.Errorf("what waits is not said: %+v", r)
	}
	if _, err := (Result{Terminal: here}).Seal(func([]byte) ([]byte, error) { return nil, os.ErrPermission }); !errors.Is(err, os.ErrPermission) {
		t.Error("not signed, and sealed:", err)
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
		t.Error("a link was followed", err)
	}
	if err := WriteResult(filepath.Join(dir, "nowhere"), here, nil); err == nil {
		t.Error("written nowhere")
	}
}

// plainly seals a result without a signature.
func plainly(t *testing.T, r Result) []byte {
	t.Helper()
	b, err := r.Seal(func(content []byte) ([]byte, error) { return content, nil })
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A result is read only as a terminal writes it.
func TestParseResult(t *testing.T) {
	const digest = "1865604a81f652cc8e00809872097fa15b4a20d336e7426aeaf4e978ad726e34"
	good := `{"terminal":"JP-14-000001","at":"2026-12-01T00:00:00Z","in_force":{"version":1,"sha256":"` + digest + `"},"received":{"version":2,"sha256":"` + digest + `"}}`
	if r, err := ParseResult([]byte(good)); err != nil || r.Has().Version != 2 {
		t.Fatal(r, err)
	}
	for name, c := range map[string][2]string{
		"more behind it":     {"}}", "}} "},
		"an unknown member":  {`"at"`, `"note":"","at"`},
		"no terminal":        {"JP-14-000001", "jp 14"},
		"no time":            {`"at":"2026-12-01T00:00:00Z",`, ""},
		"version 0":          {`"version":2`, `"version":0`},
		"no digest":          {digest, "x"},
		"neither":            {`,"received":{"version":2,"sha256":"` + digest + `"}`, ""},
		"both":               {`,"received"`, `,"fault":"x","received"`},
		"not an object":      {good, "[]"},
		"larger than it may": {"JP-14", strings.Repeat(" ", MaxResult) + "JP-14"},
	} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if _, err := ParseResult([]byte(bad)); err == nil || bad == good {
			t.Errorf("%s: %s", name, bad)
		}
	}
	long := Result{Terminal: here, At: start, Fault: strings.Repeat("\x01\n語", MaxResult)}
	b := plainly(t, long)
	if r, err := ParseResult(b); err != nil || len(r.Fault) < 100 {
		t.Error("long words:", err)
	}
}

func FuzzParseResult(f *testing.F) {
	f.Add([]byte(`{"terminal":"JP-14-000001","at":"2026-12-01T00:00:00Z","fault":"x"}`))
	f.Add([]byte(`{"terminal":"JP-14-000001","at":"2026-12-01T00:00:00Z","waiting":{"version":1,"sha256":""}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseResult(b)
		if err == nil && (r.Terminal == "" || r.At.IsZero() || (r.Fault == "") == (r.Received == nil)) {
			t.Errorf("%+v", r)
		}
	})
}
