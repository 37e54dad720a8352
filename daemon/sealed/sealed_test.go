package sealed

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"honnin/config/protocol"
	"honnin/config/trust"
)

func keyOf(t testing.TB, c ecdh.Curve) *ecdh.PrivateKey {
	t.Helper()
	k, err := c.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func name(position uint64, m protocol.Municipality) Name {
	t := protocol.Terminal("JP-99-000001")
	return Name{t, protocol.NameIncident(t, protocol.JournalHead{Position: position, Head: protocol.Digest{1, 2}}), m}
}

// TestSealAndOpen: with the municipality's key a file opens to the package and its name, with any other to nothing.
func TestSealAndOpen(t *testing.T) {
	curves := []ecdh.Curve{ecdh.X25519(), ecdh.P256()}
	keys, others := [2]*ecdh.PrivateKey{}, [2]*ecdh.PrivateKey{}
	for i, c := range curves {
		keys[i], others[i] = keyOf(t, c), keyOf(t, c)
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, 1).Draw(t, "curve")
		pkg := rapid.SliceOfN(rapid.Byte(), 0, 4000).Draw(t, "package")
		terminal := protocol.Terminal(rapid.StringMatching(`[A-Z0-9-]{1,32}`).Draw(t, "terminal"))
		n := Name{terminal, protocol.NameIncident(terminal, protocol.JournalHead{Position: rapid.Uint64Range(1, 1<<62).Draw(t, "position")}), "991015"}
		file, err := Seal(n, keys[i].PublicKey(), pkg)
		if err != nil {
			if len(n.Incident) <= 64 {
				t.Fatal(err)
			}
			return // a name too long for an incident's: nothing is kept under it
		}
		if len(file) > len(pkg)+overhead {
			t.Errorf("%d bytes became %d", len(pkg), len(file))
		}
		if got, back, err := Open(keys[i], file); err != nil || got != n || !bytes.Equal(back, pkg) {
			t.Fatalf("%+v %v", got, err)
		}
		for _, k := range []*ecdh.PrivateKey{others[i], keys[1-i]} {
			if _, back, err := Open(k, file); !errors.Is(err, ErrKey) || back != nil {
				t.Fatalf("another's key: %v", err)
			}
		}
		at := rapid.IntRange(0, len(file)-1).Draw(t, "at")
		hurt := bytes.Clone(file)
		hurt[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "with"))
		if _, back, err := Open(keys[i], hurt); err == nil || back != nil {
			t.Fatalf("byte %d was altered, and it opens", at)
		}
		if _, back, err := Open(keys[i], file[:at]); err == nil || back != nil {
			t.Fatalf("cut at %d, and it opens", at)
		}
	})
}

// TestSealedTwiceDiffers: nothing tells that two files hold the same package.
func TestSealedTwiceDiffers(t *testing.T) {
	k, pkg := keyOf(t, ecdh.X25519()), bytes.Repeat([]byte("package "), 100)
	a, err1 := Seal(name(1, "991015"), k.PublicKey(), pkg)
	b, err2 := Seal(name(1, "991015"), k.PublicKey(), pkg)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	at := bytes.IndexByte(a, '\n') + 1
	if !bytes.Equal(a[:at], b[:at]) || len(a) != len(b) || bytes.Equal(a[at:at+32], b[at:at+32]) || bytes.Equal(a[at+32:], b[at+32:]) || bytes.Contains(a, pkg[:16]) {
		t.Error("two files of one package are alike, or one shows it")
	}
}

// TestHostileFiles: what is no file of this format is refused before any key is used.
func TestHostileFiles(t *testing.T) {
	k := keyOf(t, ecdh.X25519())
	good, err := Seal(name(17, "991015"), k.PublicKey(), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(good, []byte("\n"))
	id := string(name(17, "991015").Incident)
	for what, line := range map[string]string{
		"nothing": "", "another version": "honnin-sealed/2 JP-99-000001 " + id + " 991015 x25519\n", "no end": strings.Repeat("a", 300),
		"four words": "honnin-sealed/1 JP-99-000001 " + id + " 991015\n", "six": "honnin-sealed/1 JP-99-000001 " + id + " 991015 x25519 x\n",
		"two spaces": "honnin-sealed/1  JP-99-000001 " + id + " 991015 x25519\n", "another KEM": "honnin-sealed/1 JP-99-000001 " + id + " 991015 p384\n",
		"a path": "honnin-sealed/1 JP-99-000001 ../../etc/passwd 991015 x25519\n", "another terminal's incident": "honnin-sealed/1 JP-99-000002 " + id + " 991015 x25519\n",
		"no incident": "honnin-sealed/1 JP-99-000001 jp-99-000001 991015 x25519\n", "no municipality": "honnin-sealed/1 JP-99-000001 " + id + " 99101 x25519\n",
		"a carriage return": "honnin-sealed/1 JP-99-000001 " + id + " 991015 x25519\r\n",
	} {
		if n, pkg, err := Open(k, append([]byte(line), body...)); !errors.Is(err, ErrFile) || pkg != nil || n != (Name{}) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := Open(k, append(bytes.Clone(good), make([]byte, MaxFile)...)); !errors.Is(err, ErrFile) {
		t.Error("too long:", err)
	}
	if _, err := Seal(Name{"JP-99-000001", "of-nobody", "991015"}, k.PublicKey(), nil); err == nil {
		t.Error("sealed under a name that nobody can read")
	}
	if _, err := Seal(name(1, "991015"), keyOf(t, ecdh.P384()).PublicKey(), nil); err == nil {
		t.Error("sealed to a curve without a word")
	}
	big := make([]byte, trust.MaxPackage)
	if file, err := Seal(name(1, "991015"), k.PublicKey(), big); err != nil || len(file) > MaxFile {
		t.Error("the largest package:", err)
	}
}

// FuzzOpen: whatever a file holds, opening it is an error, or it is what was sealed.
func FuzzOpen(f *testing.F) {
	x, err1 := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{7}, 32)) // the same in every process
	p, err2 := ecdh.P256().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err := errors.Join(err1, err2); err != nil {
		f.Fatal(err)
	}
	var sealed [][]byte
	for _, k := range []*ecdh.PrivateKey{x, p} {
		file, err := Seal(name(17, "991015"), k.PublicKey(), []byte("package"))
		if err != nil {
			f.Fatal(err)
		}
		sealed = append(sealed, file)
		f.Add(file)
		f.Add(file[:len(file)-1])
		f.Add(file[:bytes.IndexByte(file, '\n')+1])
		f.Add(bytes.Replace(file, []byte("991015"), []byte("991023"), 1))
	}
	f.Add(bytes.Replace(sealed[0], []byte("x25519"), []byte("p256"), 1))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		for i, k := range []*ecdh.PrivateKey{x, p} {
			n, pkg, err := Open(k, file)
			switch {
			case err != nil && (pkg != nil || n != Name{} || !errors.Is(err, ErrFile) && !errors.Is(err, ErrKey)):
				t.Fatalf("%v, and %+v", err, n)
			case err == nil && !bytes.Equal(file, sealed[i]): // of what begins like it, since all else was made here
				if m, err := NameOf(file); err != nil || m != n {
					t.Fatal(err)
				}
				if _, _, err := Open(k, append(bytes.Clone(file), 0)); err == nil {
					t.Fatal("a byte more, and it opens")
				}
			}
		}
	})
}
