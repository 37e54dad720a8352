package provision

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"honnin/config/policy/signed"
	"honnin/config/trust"
)

// MaxPack bounds a pack, in bytes: a line of 9600 baud needs 70 minutes for it.
const MaxPack = 4 << 20

// endOfPack is the shortest end of a tar archive (POSIX.1-2017, pax, "ustar Interchange Format": two blocks of zeros).
const endOfPack = 1024

// Pack makes one file of what a stick brings, for ways on which one file is sent: a tar archive of regular files, named as on
// a stick.
func Pack(brought []signed.Bundle) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(name string, b []byte) error {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(b)), Mode: 0o644, Format: tar.FormatUSTAR})
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	}
	for i, b := range brought {
		dir := ""
		if len(brought) > 1 {
			dir = fmt.Sprintf("%02d/", i+1) // they are read in the order of their names
		}
		err := add(dir+textFile, b.Text)
		for _, s := range b.Signatures {
			err = errors.Join(err, add(dir+s.Name, s.DER))
		}
		if err != nil {
			return nil, fmt.Errorf("the pack: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("the pack: %w", err)
	}
	if _, err := ReadPack(out.Bytes()); err != nil { // too much for one
		return nil, err
	}
	return out.Bytes(), nil
}

// ReadPack takes what [Pack] packed, or plain tar did. It unpacks into memory, takes regular files only, with the names and bounds of a
// stick's, each once, and wants nothing else in the archive. Errors are *[signed.Refusal].
func ReadPack(pack []byte) ([]signed.Bundle, error) {
	out, err := readPack(pack)
	if err != nil {
		return nil, &signed.Refusal{Code: signed.Malformed, Err: fmt.Errorf("the pack: %w", err)}
	}
	return out, nil
}

func readPack(pack []byte) ([]signed.Bundle, error) {
	if len(pack) > MaxPack {
		return nil, fmt.Errorf("larger than %d bytes", MaxPack)
	}
	if !bytes.HasSuffix(pack, make([]byte, endOfPack)) {
		return nil, errors.New("no tar archive, or one that was cut")
	}
	in := bytes.NewReader(pack)
	files, err := packed(tar.NewReader(in))
	if err != nil {
		return nil, err
	}
	if rest := pack[len(pack)-in.Len():]; len(bytes.Trim(rest, "\x00")) > 0 {
		return nil, errors.New("something stands behind its end")
	}
	return bundles(files)
}

// packed reads the files of an archive, by their directory, "" or a number, and name.
func packed(r *tar.Reader) (map[string]map[string][]byte, error) {
	out := map[string]map[string][]byte{}
	for n := 0; ; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, errors.New("no tar archive, or a damaged one")
		}
		dir, name, most, err := place(h)
		if err != nil {
			return nil, fmt.Errorf("file %d in it: %w", n+1, err)
		}
		if out[dir] == nil {
			out[dir] = map[string][]byte{}
		}
		if _, twice := out[dir][name]; twice {
			return nil, fmt.Errorf("file %d in it: stands there twice", n+1)
		}
		b, err := io.ReadAll(io.LimitReader(r, most))
		if err != nil || int64(len(b)) != h.Size {
			return nil, fmt.Errorf("file %d in it: cut, or larger than %d bytes", n+1, most)
		}
		out[dir][name] = b
	}
}

// place is where a file of an archive belongs, and its bound. Nothing is ever written to that place: the name only groups.
func place(h *tar.Header) (string, string, int64, error) {
	dir, name, inside := strings.Cut(h.Name, "/")
	if !inside {
		dir, name = "", dir
	}
	switch {
	case h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0:
		return "", "", 0, errors.New("not a plain regular file (tar --format=ustar, no directories)")
	case inside && !numbered.MatchString(dir):
	case name == textFile:
		return dir, name, signed.MaxText, nil
	case signatureForm.MatchString(name):
		return dir, name, trust.MaxDetached, nil
	}
	return "", "", 0, errors.New("neither policy.toml nor a signature, alone or in a numbered directory")
}

// bundles puts policies and signatures together.
func bundles(files map[string]map[string][]byte) (out []signed.Bundle, err error) {
	if len(files) == 0 || len(files) > maxBundles {
		return nil, fmt.Errorf("%d policies; 1 to %d are wanted", len(files), maxBundles)
	}
	for _, dir := range sorted(files) {
		b := signed.Bundle{Text: files[dir][textFile]}
		if b.Text == nil {
			return nil, errors.New("signatures without their policy.toml")
		}
		for _, name := range sorted(files[dir]) {
			if name != textFile {
				b.Signatures = append(b.Signatures, signed.Signature{Name: name, DER: files[dir][name]})
			}
		}
		if len(b.Signatures) > signed.MaxSignatures {
			return nil, fmt.Errorf("more than %d signatures", signed.MaxSignatures)
		}
		out = append(out, b)
	}
	return out, nil
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
