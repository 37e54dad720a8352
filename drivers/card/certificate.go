package card

import (
	"bytes"
	"context"
	"crypto/x509"
	"time"
)

// Bounds on a certificate file. Certificates of today are 1.3 to 1.9 kB.
const (
	maxCertificate = 8192 // bytes
	maxReads       = 160  // commands: a reader that hands over 64 bytes at a time still gets there
	headerLength   = 4    // 30 82 hi lo
)

// extendedWithin is how long an extended read may take: 2 kB through the slowest contact reader take two seconds, and a
// visit that falls back has time left.
const extendedWithin = 4 * time.Second

// Certificate returns the user-authentication certificate (file 000A), DER, at most 8192 bytes. It is read anew
// each time, and must parse; whom to trust is the caller's matter. Another one than before is [ErrChanged].
func (c *Card) Certificate(ctx context.Context) ([]byte, error) {
	cert, err := c.readCertificate(ctx, fileCert)
	if err != nil {
		return nil, err
	}
	if c.certified != nil && !bytes.Equal(cert.Raw, c.certified.Raw) {
		return nil, c.changed()
	}
	c.certified = cert
	return append([]byte(nil), cert.Raw...), nil
}

// CACertificate returns the certificate of the authority that issued the user-authentication certificate, as
// the card holds it (file 000B), DER. It proves nothing by itself.
func (c *Card) CACertificate(ctx context.Context) ([]byte, error) {
	cert, err := c.readCertificate(ctx, fileCA)
	if err != nil {
		return nil, err
	}
	return cert.Raw, nil
}

func (c *Card) readCertificate(ctx context.Context, file uint16) (cert *x509.Certificate, err error) {
	read := func(start reader) (err error) {
		cert, err = c.parseFile(ctx, file, start)
		return err
	}
	err = c.eitherWay(ctx, &c.can.ReadByShortID,
		func() error { return read(c.readByShortID) },
		func() error { return read(c.readBySelect) })
	return cert, err
}

func (c *Card) parseFile(ctx context.Context, file uint16, start reader) (*x509.Certificate, error) {
	der, err := c.readDER(ctx, file, start)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil { // the parser's words may quote the certificate
		return nil, malformed("file %04X holds no X.509 certificate", file)
	}
	return cert, nil
}

// readDER reads one DER SEQUENCE from the beginning of a file, as long as its header says.
func (c *Card) readDER(ctx context.Context, file uint16, start reader) ([]byte, error) {
	b, err := start(ctx, file, maxShort)
	if err != nil {
		return nil, err
	}
	n, err := sequenceLength(b)
	if err != nil {
		return nil, err
	}
	for reads, empty := 1, 0; len(b) < n; reads++ {
		part, err := c.readAt(ctx, file, len(b), n-len(b))
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			empty++ // some readers give one empty answer after exactly 64 bytes; asking again is harmless
		}
		if reads >= maxReads || empty > 1 {
			return nil, malformed("file %04X ends before its certificate does", file)
		}
		b = append(b, part...)
	}
	return b[:n], nil
}

// sequenceLength returns how long the DER SEQUENCE is that b begins with, header included (X.690 §8.1.3, the
// two-byte form only: a certificate is never shorter than 256 bytes).
func sequenceLength(b []byte) (int, error) {
	if len(b) < headerLength || b[0] != 0x30 || b[1] != 0x82 {
		return 0, malformed("a file does not begin as a certificate does")
	}
	n := headerLength + int(b[2])<<8 + int(b[3])
	if b[2] == 0 || n > maxCertificate {
		return 0, malformed("a certificate of %d bytes", n)
	}
	return n, nil
}

// reader reads up to n bytes (at most 256) from the beginning of a file and leaves it the current one.
type reader func(ctx context.Context, file uint16, n int) ([]byte, error)

func (c *Card) readByShortID(ctx context.Context, file uint16, n int) ([]byte, error) {
	b, err := c.exchange(ctx, readCommand(0x80|byte(file), 0, n))
	if err == nil {
		c.file = file
	}
	return b, err
}

func (c *Card) readBySelect(ctx context.Context, file uint16, n int) ([]byte, error) {
	if err := c.choose(ctx, file); err != nil {
		return nil, err
	}
	return c.exchange(ctx, readCommand(0, 0, n))
}

// readAt reads up to n bytes of the current file from an offset: all of them by extended Le where that works, a
// short command's worth otherwise.
func (c *Card) readAt(ctx context.Context, file uint16, offset, n int) ([]byte, error) {
	p1, p2 := byte(offset>>8), byte(offset)
	if n > maxShort && c.mayExtend() {
		b, err := c.readExtended(ctx, readCommand(p1, p2, n))
		if err != nil || len(b) > 0 {
			return b, err
		}
		if err := c.choose(ctx, file); err != nil {
			return nil, err
		}
	}
	return c.exchange(ctx, readCommand(p1, p2, min(n, maxShort)))
}

// mayExtend keeps experiments away from a verified PIN: a failed one may cost the connection's state.
func (c *Card) mayExtend() bool {
	return c.extended && (c.can.Extended == Works || c.can.Extended == Untried && !c.verified)
}

// readExtended returns nothing where the extended form failed, which is remembered. Reading is harmless, so whatever went
// wrong, a lost line too, is laid to the form, and the caller begins with SELECT. A few bytes are taken, but no proof.
func (c *Card) readExtended(ctx context.Context, cmd command) ([]byte, error) {
	within, cancel := context.WithTimeout(ctx, extendedWithin)
	defer cancel()
	b, err := c.exchange(within, cmd)
	switch {
	case err == nil && len(b) > maxShort:
		c.can.Extended = Works
		return b, nil
	case ctx.Err() != nil, c.verified:
		return nil, err
	}
	c.can.Extended = Fails
	if err == nil && len(b) > 0 {
		return b, nil
	}
	c.gone, c.file = false, 0
	return nil, nil
}

func readCommand(p1, p2 byte, n int) command {
	return command{name: "READ BINARY", ins: 0xB0, p1: p1, p2: p2, le: n, repeat: true}
}
