package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/daemon/durable"
)

// How a request is made.
type How int

// First is for a use that has no certificate, Renew for one that has. Where a request waits already, both refuse; Anew
// throws it and its key away and makes another.
const (
	First How = iota
	Renew
	Anew
)

// Request makes a key and returns the request for its certificate, in PEM. The key in force stays in force.
func (k *Keys) Request(u Use, how How) (request []byte, err error) {
	err = k.alone(func() error {
		if err := k.sweep(); err != nil {
			return err
		}
		now, next, err := k.read(u)
		switch {
		case err != nil:
			return err
		case how == First && now != nil:
			return refuse(Here, "%s: there is a certificate already: renew it", u)
		case how == Renew && now == nil:
			return refuse(Missing, "%s: there is no certificate to be renewed: enrol first", u)
		case how != Anew && next != nil:
			return refuse(Waiting, "%s: a request waits for its certificate; show it again, or make another anew", u)
		}
		number := 1
		for _, g := range []*generation{now, next} {
			if g != nil {
				number = max(number, g.number+1)
			}
		}
		if number > maxGenerations {
			return errors.New("no more generations")
		}
		request, err = k.make(u, number)
		if err == nil && next != nil {
			err = k.drop(u, next.number)
		}
		return err
	})
	return request, err
}

// Awaiting returns the request that waits for its certificate, in PEM.
func (k *Keys) Awaiting(u Use) ([]byte, error) {
	_, next, err := k.read(u)
	if err == nil && next == nil {
		err = refuse(Missing, "%s: no request waits", u)
	}
	if err != nil {
		return nil, err
	}
	return next.request, nil
}

// make puts a new key in its place, with its request.
func (k *Keys) make(u Use, number int) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	request, err := requestFor(k.o.Terminal, u, key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(secret)
	beside := filepath.Join(k.o.Dir, unfinished+name(u, number))
	return request, durable.InOrder(
		func() error { return k.disk.Mkdir(beside) },
		func() error { return k.disk.Write(filepath.Join(beside, keyFile), secret) },
		func() error { return k.disk.Write(filepath.Join(beside, requestFile), request) },
		func() error { return k.disk.Sync(beside) },
		func() error { return k.disk.Rename(beside, k.place(u, number)) },
		func() error { return k.disk.Sync(k.o.Dir) })
}

// drop removes a generation: half of one in its place would be damage, so it is put aside first.
func (k *Keys) drop(u Use, number int) error {
	aside := filepath.Join(k.o.Dir, unfinished+name(u, number))
	return durable.InOrder(
		func() error { return k.disk.Rename(k.place(u, number), aside) },
		func() error { return k.disk.Sync(k.o.Dir) },
		func() error { return k.disk.Remove(aside) },
		func() error { return k.disk.Sync(k.o.Dir) })
}

// sweep removes what a power cut left: what is beside its place, and what is older than what is in force or waits.
func (k *Keys) sweep() error {
	dir, err := openOwn(unix.AT_FDCWD, k.o.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxNames)
	for _, n := range names {
		if strings.HasPrefix(n, unfinished) {
			if err := k.disk.Remove(filepath.Join(k.o.Dir, n)); err != nil {
				return err
			}
		}
	}
	for _, u := range Uses() {
		if err := k.prune(u); err != nil {
			return err
		}
	}
	return nil
}

// prune removes the generations that are neither in force nor the one that waits.
func (k *Keys) prune(u Use) error {
	now, next, err := k.read(u)
	if err != nil {
		return err
	}
	dir, err := openOwn(unix.AT_FDCWD, k.o.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	numbers, err := generations(dir, u)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if now != nil && n == now.number || next != nil && n == next.number {
			continue
		}
		if err := k.drop(u, n); err != nil {
			return err
		}
	}
	return nil
}

var (
	oidKeyUsage    = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
	purposes       = map[Use]asn1.ObjectIdentifier{TLS: {1, 3, 6, 1, 5, 5, 7, 3, 2}, Signing: {1, 3, 6, 1, 5, 5, 7, 3, 4}} // RFC 5280, 4.2.1.12
	extended       = map[Use]x509.ExtKeyUsage{TLS: x509.ExtKeyUsageClientAuth, Signing: x509.ExtKeyUsageEmailProtection}
)

// requestFor asks for a certificate with the terminal's name, for one use only; an office may copy its extensions as
// they are.
func requestFor(t protocol.Terminal, u Use, key crypto.Signer) ([]byte, error) {
	usage, err := asn1.Marshal(asn1.BitString{Bytes: []byte{0x80}, BitLength: 1}) // digitalSignature
	if err != nil {
		return nil, err
	}
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{purposes[u]})
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: string(t)},
		ExtraExtensions: []pkix.Extension{{Id: oidKeyUsage, Critical: true, Value: usage}, {Id: oidExtKeyUsage, Value: purpose}}}, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// Asked is what a request asks for, for whoever issues certificates.
type Asked struct {
	Terminal protocol.Terminal
	Use      Use
	Public   crypto.PublicKey
}

// ParseRequest reads a request in PEM, whose key signed it. Whether the terminal is the one that it says is to be found
// out otherwise: by the fingerprint of the key, read over the telephone.
func ParseRequest(b []byte) (Asked, error) {
	block, _ := pem.Decode(b)
	if len(b) > maxFile || block == nil || block.Type != "CERTIFICATE REQUEST" {
		return Asked{}, refuse(Malformed, "not a CERTIFICATE REQUEST in PEM")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || r.CheckSignature() != nil || trust.CheckKey(r.PublicKey) != nil || len(r.Subject.Names) != 1 {
		return Asked{}, refuse(Malformed, "not a request that its key signed, with a name and nothing else")
	}
	terminal, err := protocol.ParseTerminal(r.Subject.CommonName)
	if err != nil {
		return Asked{}, refuse(Malformed, "the request names no terminal")
	}
	for _, u := range Uses() {
		want, err := asn1.Marshal([]asn1.ObjectIdentifier{purposes[u]})
		for _, e := range r.Extensions {
			if err == nil && e.Id.Equal(oidExtKeyUsage) && string(e.Value) == string(want) {
				return Asked{terminal, u, r.PublicKey}, nil
			}
		}
	}
	return Asked{}, refuse(OtherUse, "the request asks for neither use")
}
