package provision

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
)

// TestPack: what is packed is what a stick brings, and a terminal takes it; so is what plain tar packs.
func TestPack(t *testing.T) {
	o := signedtest.New(t, start)
	for _, n := range []int{1, 2, 3, 12} {
		all := o.Chain(n)
		dir := stick(t, all...)
		brought := read(t, dir)
		pack, err := Pack(brought)
		if err != nil {
			t.Fatal(n, err)
		}
		path := filepath.Join(t.TempDir(), "pack.tar")
		put(t, path, pack)
		if got := read(t, path); !reflect.DeepEqual(got, brought) {
			t.Errorf("%d policies: others come out", n)
		}
		newMachine(t, o).takes(read(t, path)...)
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"--format=ustar", "-C", dir, "-cf", path}
		for _, name := range names {
			inside, _ := filepath.Glob(filepath.Join(name, "*"))
			for _, f := range append(inside, name) {
				if st, err := os.Stat(f); err == nil && st.Mode().IsRegular() {
					rel, _ := filepath.Rel(dir, f)
					args = append(args, rel)
				}
			}
		}
		if out, err := exec.Command("tar", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := read(t, path); !reflect.DeepEqual(got, brought) {
			t.Errorf("%d policies, by tar: others come out", n)
		}
	}
}

// archive is a tar archive of headers; each file has as many bytes as it says.
func archive(t testing.TB, all ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range all {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(make([]byte, h.Size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name string, size int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600}
}

// hostilePacks are archives that must not be taken, and why.
func hostilePacks(t testing.TB) map[string]struct {
	pack []byte
	says string
} {
	text, signature := file(textFile, 9), file("policy.toml.a.p7s", 9)
	good := archive(t, text, signature)
	many := []tar.Header{text}
	for i := range signed.MaxSignatures + 1 {
		many = append(many, file("policy.toml.n"+slotName(uint64(i))+".p7s", 1))
	}
	var dirs []tar.Header
	for i := range maxBundles + 1 {
		dirs = append(dirs, file(slotName(uint64(i))+"/policy.toml", 1))
	}
	type c = struct {
		pack []byte
		says string
	}
	return map[string]c{
		"nothing":             {nil, "no tar archive"},
		"empty":               {archive(t), "0 policies"},
		"zeros":               {make([]byte, 10<<10), "0 policies"},
		"text":                {bytes.Repeat([]byte("policy "), 999), "no tar archive"},
		"cut":                 {good[:len(good)-600], "damaged"},
		"cut in a file":       {append(good[:1024:1024], make([]byte, 100)...), "cut"},
		"too large":           {append(good, make([]byte, MaxPack)...), "larger than"},
		"behind its end":      {append(append(bytes.Clone(good), "x"...), make([]byte, 1024)...), "behind its end"},
		"another behind":      {append(bytes.Clone(good), good...), "behind its end"},
		"twice":               {archive(t, text, text), "twice"},
		"no policy":           {archive(t, signature), "without their policy.toml"},
		"a large signature":   {archive(t, text, file("policy.toml.a.p7s", 1<<17)), "larger than"},
		"too many signatures": {archive(t, many...), "more than 32 signatures"},
		"too many policies":   {archive(t, dirs...), "1 to 64"},
		"a link":              {archive(t, tar.Header{Typeflag: tar.TypeSymlink, Name: textFile, Linkname: "/etc/passwd"}), "not a plain regular file"},
		"a hard link":         {archive(t, text, tar.Header{Typeflag: tar.TypeLink, Name: "policy.toml.a.p7s", Linkname: textFile}), "not a plain regular file"},
		"a device":            {archive(t, tar.Header{Typeflag: tar.TypeChar, Name: textFile, Devmajor: 1, Devminor: 5}), "not a plain regular file"},
		"a pipe":              {archive(t, tar.Header{Typeflag: tar.TypeFifo, Name: textFile}), "not a plain regular file"},
		"a directory":         {archive(t, tar.Header{Typeflag: tar.TypeDir, Name: "8/"}), "not a plain regular file"},
		"more than ustar":     {archive(t, tar.Header{Typeflag: tar.TypeReg, Name: textFile, Size: 1, PAXRecords: map[string]string{"A.b": "c"}}), "not a plain regular file"},
		"upwards":             {archive(t, file("../policy.toml", 1)), "neither policy.toml"},
		"absolute":            {archive(t, file("/policy.toml", 1)), "neither policy.toml"},
		"with a dot":          {archive(t, file("./policy.toml", 1)), "neither policy.toml"},
		"deep":                {archive(t, file("8/8/policy.toml", 1)), "neither policy.toml"},
		"a name":              {archive(t, text, file("readme", 1)), "neither policy.toml"},
		"compressed":          {append([]byte("\x1f\x8b\x08\x00"), make([]byte, 2048)...), "no tar archive"},
	}
}

func TestHostilePacks(t *testing.T) {
	for name, c := range hostilePacks(t) {
		b, err := ReadPack(c.pack)
		var r *signed.Refusal
		if b != nil || !errors.As(err, &r) || r.Code != signed.Malformed || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d taken, %v", name, len(b), err)
		}
	}
	large := []signed.Bundle{{Text: make([]byte, MaxPack)}}
	if _, err := Pack(large); err == nil {
		t.Error("more was packed than is taken")
	}
}

// FuzzPack: what is taken is packed into what is taken again, the same.
func FuzzPack(f *testing.F) {
	for _, c := range hostilePacks(f) {
		if len(c.pack) < 1<<16 {
			f.Add(c.pack)
		}
	}
	f.Add(archive(f, file(textFile, 9), file("policy.toml.a.p7s", 9)))
	f.Add(archive(f, file("8/"+textFile, 9), file("8/policy.toml.a.p7s", 9), file("9/"+textFile, 0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := ReadPack(b)
		if err != nil {
			return
		}
		pack, err := Pack(all)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadPack(pack)
		if err != nil || len(again) != len(all) {
			t.Fatalf("%d and %d policies, %v", len(all), len(again), err)
		}
		for i := range all {
			if !bytes.Equal(again[i].Text, all[i].Text) || len(again[i].Signatures) != len(all[i].Signatures) {
				t.Error("another policy")
			}
		}
	})
}
