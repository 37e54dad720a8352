package identity

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/config/trust"
)

// Names of files.
const (
	keyFile         = "key.pem"
	requestFile     = "request.pem"
	certificateFile = "certificate.pem"
	unfinished      = "new-" // before the name of what is not yet in its place
)

// Bounds: bytes of one file, names in the directory, and generations of one key.
const (
	maxFile        = 64 << 10
	maxNames       = 256
	maxGenerations = 9999
)

var generationForm = regexp.MustCompile(`^(tls|signing)-([0-9]{4})$`)

// generation is one key.
type generation struct {
	use         Use
	number      int
	key         crypto.Signer
	request     []byte            // PEM
	certificate *x509.Certificate // nil: awaited
}

func (g *generation) digest() protocol.Digest { return digestOf(g.key.Public()) }

// digestOf is zero for what is no public key.
func digestOf(public crypto.PublicKey) protocol.Digest {
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return protocol.Digest{}
	}
	return sha256.Sum256(spki)
}

func name(u Use, number int) string { return fmt.Sprintf("%s-%04d", u, number) }

func (k *Keys) place(u Use, number int) string { return filepath.Join(k.o.Dir, name(u, number)) }

// read returns the key in force, and one that waits for its certificate; either may be nil. One that waits and is damaged
// is passed over: nothing hangs on it, and the next request takes its place.
func (k *Keys) read(u Use) (now, next *generation, err error) {
	dir, err := openOwn(unix.AT_FDCWD, k.o.Dir)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	numbers, err := generations(dir, u)
	for _, n := range slices.Backward(numbers) {
		g, err := readGeneration(dir, u, n)
		switch {
		case err != nil && awaits(dir, name(u, n)):
		case err != nil:
			return nil, nil, fmt.Errorf("%s: %w", name(u, n), err)
		case g.certificate != nil:
			return g, next, nil
		case next == nil:
			next = g
		}
	}
	return nil, next, err
}

// damaged reports that there is a generation after those that were read.
func (k *Keys) damaged(u Use, read ...*generation) (bool, error) {
	dir, err := openOwn(unix.AT_FDCWD, k.o.Dir)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	numbers, err := generations(dir, u)
	last := 0
	for _, g := range read {
		if g != nil {
			last = max(last, g.number)
		}
	}
	return len(numbers) > 0 && numbers[len(numbers)-1] > last, err
}

// awaits reports that no certificate is in a generation's directory.
func awaits(in *os.File, generation string) bool {
	dir, err := openOwn(int(in.Fd()), generation)
	if err != nil {
		return false
	}
	defer dir.Close()
	var st unix.Stat_t
	return errors.Is(unix.Fstatat(int(dir.Fd()), certificateFile, &st, unix.AT_SYMLINK_NOFOLLOW), fs.ErrNotExist)
}

// generations are the numbers of one use, rising.
func generations(dir *os.File, u Use) (out []int, err error) {
	names, err := dir.Readdirnames(maxNames + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > maxNames {
		return nil, refuse(Malformed, "more than %d files in the directory of keys", maxNames)
	}
	for _, n := range names {
		if m := generationForm.FindStringSubmatch(n); m != nil && Use(m[1]) == u {
			number := 0
			for _, digit := range m[2] {
				number = number*10 + int(digit-'0')
			}
			out = append(out, number)
		}
	}
	slices.Sort(out)
	return out, nil
}

func readGeneration(in *os.File, u Use, number int) (*generation, error) {
	dir, err := openOwn(int(in.Fd()), name(u, number))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	g := &generation{use: u, number: number}
	secret, err := readOwn(dir, keyFile)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	if g.key, err = parseKey(secret); err != nil {
		return nil, err
	}
	if g.request, err = readOwn(dir, requestFile); err != nil {
		return nil, err
	}
	b, err := readOwn(dir, certificateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err == nil {
		g.certificate, err = ParseCertificate(b)
	}
	if err == nil && digestOf(g.certificate.PublicKey) != g.digest() {
		err = refuse(Unfit, "the certificate is for another key")
	}
	return g, err
}

// parseKey reads one key in PEM, of a kind that trust allows.
func parseKey(b []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(b)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, refuse(Malformed, "%s is not one PRIVATE KEY in PEM", keyFile)
	}
	defer clear(block.Bytes)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, is := key.(crypto.Signer)
	if err != nil || !is || trust.CheckKey(signer.Public()) != nil {
		return nil, refuse(Malformed, "%s is not a key of an allowed kind", keyFile)
	}
	return signer, nil
}

// ParseCertificate reads exactly one certificate, in PEM or DER.
func ParseCertificate(b []byte) (*x509.Certificate, error) {
	if len(b) > maxFile {
		return nil, refuse(Malformed, "a certificate larger than %d bytes", maxFile)
	}
	certs, err := trust.ParseCertificates(b)
	if err != nil || len(certs) != 1 {
		return nil, refuse(Malformed, "not one certificate, in PEM or DER")
	}
	return certs[0], nil
}

// openOwn opens a directory that is no link, and this user's alone.
func openOwn(at int, path string) (*os.File, error) {
	fd, err := unix.Openat(at, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("not a directory that can be read, or a link: %w", err)
	}
	d := os.NewFile(uintptr(fd), path)
	if err := own(d, unix.S_IFDIR); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// readOwn reads a file that is no link, and this user's alone.
func readOwn(dir *os.File, name string) ([]byte, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if err := own(f, unix.S_IFREG); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = refuse(Malformed, "%s: larger than %d bytes", name, maxFile)
	}
	return b, err
}

func own(f *os.File, kind uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if me := os.Geteuid(); st.Mode&unix.S_IFMT != kind || int(st.Uid) != me || st.Mode&0o077 != 0 {
		return refuse(Exposed, "%s: must be of user %d, who runs this, and of nobody else (mode 0700, files 0600)", filepath.Base(f.Name()), me)
	}
	return nil
}
