package pcsc_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/pcsc"
)

// Cards that are pulled, readers that hang, a pcscd that dies: the rest of [TestPCSCD].

func (s *scene) pulledBetween(t *testing.T) {
	s.place(t, holder(t, cardtest.RSA2048))
	conn := s.connect(t)
	c := card.New(conn)
	if _, err := c.Certificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.world.Pull()
	s.events.await(t, false)
	if _, err := c.Certificate(t.Context()); !errors.Is(err, card.ErrGone) {
		t.Errorf("reading a pulled card: %v", err)
	}
	closeCard(t, conn)
	if _, err := s.reader.Connect(t.Context()); !errors.Is(err, card.ErrNoCard) {
		t.Errorf("connecting to no card: %v", err)
	}
}

// pulling is a key whose card is pulled while it signs.
type pulling struct {
	crypto.Signer
	pull func()
}

func (k pulling) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	k.pull()
	return k.Signer.Sign(r, digest, o)
}

func (s *scene) pulledWithin(t *testing.T) {
	o := holder(t, cardtest.RSA2048)
	o.AuthKey = pulling{o.AuthKey, s.world.Pull}
	s.place(t, o)
	conn := s.connect(t)
	c := card.New(conn)
	if err := c.VerifyPIN(t.Context(), pin(t)); err != nil {
		t.Fatal(err)
	}
	if signature, err := c.Sign(t.Context(), []byte("x")); !errors.Is(err, card.ErrGone) || signature != nil {
		t.Errorf("%d bytes of signature from a card pulled meanwhile: %v", len(signature), err)
	}
	closeCard(t, conn)
}

func (s *scene) exchanged(t *testing.T) {
	s.place(t, holder(t, cardtest.RSA2048))
	conn := s.connect(t)
	c := card.New(conn)
	first, err := c.Certificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.place(t, holder(t, cardtest.ECDSAP384)) // pulls the first one
	s.events.awaitHistory(t, func(h []bool) bool {
		return strings.HasSuffix(fmt.Sprint(h), "true false true]")
	})
	if err := c.SameAs(t.Context(), first); !errors.Is(err, card.ErrGone) {
		t.Errorf("the old connection reaches the new card: %v", err)
	}
	closeCard(t, conn)
	conn = s.connect(t)
	defer closeCard(t, conn)
	if err := card.New(conn).SameAs(t.Context(), first); !errors.Is(err, card.ErrChanged) {
		t.Errorf("another card: %v", err)
	}
}

// soon is a deadline for what never comes.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func (s *scene) frozen(t *testing.T) {
	s.place(t, holder(t, cardtest.RSA2048))
	conn := s.verified(t)
	thaw := s.world.Freeze()
	defer thaw()
	if _, err := conn.Transmit(soon(t), []byte{0, 0xB0, 0, 0, 4}); !errors.Is(err, card.ErrGone) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that hangs: %v", err)
	}
	if _, err := s.reader.Connect(soon(t)); !errors.Is(err, pcsc.ErrHung) {
		t.Errorf("connecting while a command hangs: %v", err)
	}
	if _, err := s.reader.Present(soon(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("asking while pcscd hangs: %v", err)
	}
	if _, err := s.reader.Present(soon(t)); !errors.Is(err, pcsc.ErrHung) {
		t.Errorf("asking behind a question that hangs: %v", err)
	}
	thaw()
	again := s.connect(t) // waits for the old connection's reset
	defer closeCard(t, again)
	refusesToSign(t, again)
	closeCard(t, conn)
}

func (s *scene) restarted(t *testing.T) {
	s.place(t, holder(t, cardtest.RSA2048))
	conn := s.connect(t)
	s.world.Kill()
	s.events.await(t, false)
	if _, err := conn.Transmit(t.Context(), []byte{0, 0xB0, 0, 0, 4}); !errors.Is(err, card.ErrGone) || !errors.Is(err, pcsc.ErrService) {
		t.Errorf("a command without pcscd: %v", err)
	}
	closeCard(t, conn)
	if _, err := s.reader.Connect(t.Context()); !errors.Is(err, pcsc.ErrService) {
		t.Errorf("connecting without pcscd: %v", err)
	}
	if _, err := pcsc.List(t.Context()); !errors.Is(err, pcsc.ErrService) {
		t.Errorf("listing without pcscd: %v", err)
	}
	if err := s.world.Start(); err != nil {
		t.Fatal(err)
	}
	o := holder(t, cardtest.RSA2048)
	s.place(t, o)
	s.visit(t, o)
}
