package identity

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/durable"
)

// Check judges a certificate for one use of one terminal at a time [key-other-terminal, key-other-use, key-expired,
// key-untrusted]. Without anchors nothing is said of who issued it.
func Check(c *x509.Certificate, u Use, t protocol.Terminal, anchors []*x509.Certificate, at time.Time) error {
	switch {
	case len(c.Subject.CommonName) == 0 || c.Subject.CommonName != string(t) || named(c) != 1:
		return refuse(OtherTerminal, "the certificate's common name is not %s", t)
	case c.IsCA || c.KeyUsage&x509.KeyUsageDigitalSignature == 0 || len(c.UnknownExtKeyUsage) > 0 || !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{extended[u]}):
		return refuse(OtherUse, "the certificate is not for %s alone", u)
	case at.Before(c.NotBefore) || at.After(c.NotAfter):
		return refuse(Expired, "the certificate is valid from %s to %s", c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
	case trust.CheckKey(c.PublicKey) != nil || len(c.UnhandledCriticalExtensions) > 0:
		return refuse(Malformed, "a key that is not allowed, or a critical extension that is not known")
	case len(anchors) > 0 && !slices.ContainsFunc(anchors, func(a *x509.Certificate) bool { return issued(a, c, at) }):
		return refuse(Untrusted, "none of the policy's terminal_keys.anchors issued the certificate")
	}
	return nil
}

// named counts common names.
func named(c *x509.Certificate) (n int) {
	for _, a := range c.Subject.Names {
		if a.Type.Equal([]int{2, 5, 4, 3}) {
			n++
		}
	}
	return n
}

// issued reports whether a, valid at the time, issued c.
func issued(a, c *x509.Certificate, at time.Time) bool {
	return string(a.RawSubject) == string(c.RawIssuer) && !at.Before(a.NotBefore) && !at.After(a.NotAfter) && c.CheckSignatureFrom(a) == nil
}

// Install takes the certificate of a key that waits, and puts that key in force. Whoever uses the one before goes on with
// it until they read again; it is removed.
func (k *Keys) Install(c *x509.Certificate, anchors []*x509.Certificate) (use Use, err error) {
	err = k.alone(func() error {
		if err := k.sweep(); err != nil {
			return err
		}
		g, err := k.awaited(c)
		if err != nil {
			return err
		}
		use = g.use
		if err := Check(c, g.use, k.o.Terminal, anchors, k.o.Now()); err != nil {
			return err
		}
		place := k.place(g.use, g.number)
		beside := filepath.Join(place, unfinished+certificateFile)
		if err := durable.InOrder(
			func() error { return k.disk.Remove(beside) },
			func() error {
				return k.disk.Write(beside, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
			},
			func() error { return k.disk.Rename(beside, filepath.Join(place, certificateFile)) },
			func() error { return k.disk.Sync(place) }); err != nil {
			return err
		}
		return k.prune(g.use)
	})
	return use, err
}

// awaited finds the key that waits for a certificate.
func (k *Keys) awaited(c *x509.Certificate) (*generation, error) {
	for _, u := range Uses() {
		now, next, err := k.read(u)
		switch {
		case err != nil:
			return nil, err
		case next != nil && next.digest() == digestOf(c.PublicKey):
			return next, nil
		case now != nil && now.certificate.Equal(c):
			return nil, refuse(Here, "%s: this certificate is in force already", u)
		}
	}
	return nil, refuse(Unfit, "no key waits for this certificate")
}

// use returns the key in force, if its certificate is good now.
func (k *Keys) use(u Use, anchors []*x509.Certificate) (*generation, error) {
	now, _, err := k.read(u)
	if err == nil && now == nil {
		err = refuse(Missing, "%s: there is no certificate: honnind keys enrol, and install what the office issues", u)
	}
	if err != nil {
		return nil, err
	}
	return now, Check(now.certificate, u, k.o.Terminal, anchors, k.o.Now())
}

// Good says whether a key can be used now.
func (k *Keys) Good(u Use, anchors []*x509.Certificate) error {
	_, err := k.use(u, anchors)
	return err
}

// TLS is what the terminal shows the centre.
func (k *Keys) TLS(anchors []*x509.Certificate) (tls.Certificate, error) {
	g, err := k.use(TLS, anchors)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{g.certificate.Raw}, PrivateKey: g.key, Leaf: g.certificate}, nil
}

// Sign makes a message of what the terminal says: CMS in the one profile of config/trust, with the content inside.
func (k *Keys) Sign(content []byte, anchors []*x509.Certificate) ([]byte, error) {
	g, err := k.use(Signing, anchors)
	if err != nil {
		return nil, err
	}
	return sign.Sign(content, sign.Options{Certificate: g.certificate, Key: g.key, Time: k.o.Now()})
}

// MaxMessage bounds a message, in bytes.
const MaxMessage = 64 << 10

// Verify reads a message of some terminal [key-malformed, key-forged, and those of Check at the time when it was signed,
// by the terminal's clock]. It needs an anchor. Whether that time may be believed is the caller's to judge.
func Verify(message []byte, anchors []*x509.Certificate) (content []byte, from protocol.Terminal, at time.Time, err error) {
	if len(message) > MaxMessage {
		return nil, "", at, refuse(Malformed, "larger than %d bytes", MaxMessage)
	}
	if len(anchors) == 0 {
		return nil, "", at, refuse(Untrusted, "the policy has no terminal_keys.anchors")
	}
	m, err := trust.Parse(message)
	if err != nil {
		return nil, "", at, refuse(Malformed, "%w", err)
	}
	c := m.Against(&trust.Store{}, at)
	if err := cmp.Or(c.CheckSigners(), c.CheckAlgorithms(), c.CheckAttributes(), c.CheckSignature()); err != nil {
		return nil, "", at, refuse(Forged, "%w", err)
	}
	signer := c.Signer()
	if signer.Certificate == nil {
		return nil, "", at, refuse(Forged, "nobody signed it")
	}
	if from, err = protocol.ParseTerminal(signer.Certificate.Subject.CommonName); err != nil {
		return nil, "", at, refuse(OtherTerminal, "the signer's name is not that of a terminal")
	}
	return m.Content(), from, signer.SigningTime, Check(signer.Certificate, Signing, from, anchors, signer.SigningTime)
}
