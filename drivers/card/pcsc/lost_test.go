package pcsc_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/pcsc"
	"honnin/drivers/card/virtual"
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

// lying is a card that answers one command of the visit in its own way; counting begins with the SELECT.
type lying struct {
	*virtual.Card
	mu    sync.Mutex
	at, n int
	lie   func(answer []byte) []byte
	lied  func() // called when it has, if not nil
}

func (l *lying) Process(command []byte) []byte {
	answer := l.Card.Process(command)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n++; l.n-1 != l.at {
		return answer
	}
	if l.lied != nil {
		l.lied()
	}
	return l.lie(answer)
}

// faults is a sample of package card's table, through a real pcscd. A card is pulled before its connection is closed: that
// ends what hangs.
func (s *scene) faults(t *testing.T) {
	const tries, verify, sign = 6, 7, 8 // with short file identifiers and a certificate of 1266 bytes
	o, err := cardtest.NewHolder(cardtest.RSA2048, 1266)
	if err != nil {
		t.Fatal(err)
	}
	o.ShortFileIDs = true
	says := func(b ...byte) func([]byte) []byte { return func([]byte) []byte { return b } }
	for name, c := range map[string]struct {
		at    int
		lie   func([]byte) []byte
		hangs bool
		want  error // nil for a visit like any other
	}{
		"no bytes to the PIN":        {verify, says(), true, card.ErrGone}, // pcscd waits for some, for ever
		"one byte of signature":      {sign, says(0x90), false, card.ErrGone},
		"60000 bytes of certificate": {2, func([]byte) []byte { return make([]byte, 60000) }, false, card.ErrGone},
		"300 bytes too many":         {sign, func(a []byte) []byte { return append(make([]byte, 300), a...) }, false, card.ErrGone},
		"a wrong PIN":                {verify, says(0x63, 0xC2), false, &card.WrongPIN{Left: 2}},
		"a blocked PIN":              {tries, says(0x69, 0x84), false, card.ErrBlocked},
		"slow":                       {3, func(a []byte) []byte { time.Sleep(300 * time.Millisecond); return a }, false, nil},
	} {
		v, err := virtual.New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithTimeout(t.Context(), patience)
		lying := &lying{Card: v, at: c.at, lie: c.lie}
		if c.hangs { // the caller's time begins there: before it a busy machine may need more
			lying.lied = func() { time.AfterFunc(200*time.Millisecond, leave) }
		}
		if err := s.world.Place(lying); err != nil {
			t.Fatal(err)
		}
		s.events.await(t, true)
		conn := s.connect(t)
		if err := shortVisit(ctx, t, card.New(conn)); !errors.Is(err, c.want) && fmt.Sprint(err) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		leave()
		s.world.Pull()
		closeCard(t, conn)
		s.removed(t)
	}
}

// shortVisit is a visit up to the authentication signature.
func shortVisit(ctx context.Context, t *testing.T, c *card.Card) error {
	if _, err := c.Certificate(ctx); err != nil {
		return err
	}
	left, err := c.PINTries(ctx)
	if err == nil && left == 0 {
		err = card.ErrBlocked
	}
	if err == nil {
		err = c.VerifyPIN(ctx, pin(t))
	}
	if err == nil {
		_, err = c.Sign(ctx, []byte("x"))
	}
	return err
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

// emptyAndKilled: "no card" is said of a pcscd that dies beside empty readers, and of one that comes back.
func (s *scene) emptyAndKilled(t *testing.T) {
	t.Helper()
	says := func(what string, happens func()) {
		t.Helper()
		before := s.events.count()
		happens()
		s.events.awaitHistory(t, func(h []bool) bool { return len(h) > before })
		if h := s.events.all(); len(h) != before+1 || h[before] {
			t.Errorf("%s: said %v", what, h[before:])
		}
	}
	says("it dies", s.world.Kill)
	if _, err := s.reader.Present(t.Context()); !errors.Is(err, card.ErrNoReader) || !errors.Is(err, pcsc.ErrService) {
		t.Errorf("without pcscd: %v", err)
	}
	says("it is back", func() {
		if err := s.world.Start(); err != nil {
			t.Fatal(err)
		}
	})
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
	if _, err := s.reader.Connect(t.Context()); !errors.Is(err, card.ErrNoReader) || !errors.Is(err, pcsc.ErrService) {
		t.Errorf("connecting without pcscd: %v", err)
	}
	if _, err := pcsc.List(t.Context()); !errors.Is(err, pcsc.ErrService) {
		t.Errorf("listing without pcscd: %v", err)
	}
	dead := s.events.count()
	if err := s.world.Start(); err != nil {
		t.Fatal(err)
	}
	s.events.awaitHistory(t, func(h []bool) bool { return len(h) > dead })
	s.emptyAndKilled(t)
	o := holder(t, cardtest.RSA2048)
	s.place(t, o)
	s.visit(t, o)
}
