package pcsc_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/pcsc"
	"honnin/drivers/card/virtual"
)

// patience only ends what hangs.
const patience = 30 * time.Second

// helperVariable makes the test binary a terminal that dies; see TestMain.
const helperVariable = "HONNIN_TEST_DYING_TERMINAL"

// TestMain lets a test start this binary as another process that verifies a PIN and then waits to be killed.
func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) == "" {
		os.Exit(runTests(m))
	}
	if err := verifyAndWait(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// worldDir is where this process's worlds are, one after the other.
var worldDir string

func runTests(m *testing.M) int {
	var err error
	if worldDir, err = os.MkdirTemp("", "pcscd"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(worldDir)
	return m.Run()
}

// Both readers have the shape that the session works with.
type reader interface {
	Watch(ctx context.Context, notify func(present bool))
	Connect(ctx context.Context) (card.Connection, error)
	Present(ctx context.Context) (bool, error)
	PowerDown(ctx context.Context) error
}

var _ = []reader{(*pcsc.Reader)(nil), (*virtual.Reader)(nil)}

func verifyAndWait() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pcsc.New(cardtest.Reader).Connect(ctx)
	if err != nil {
		return err
	}
	p, err := card.ParsePIN([]byte(cardtest.PIN))
	if err != nil {
		return err
	}
	k := card.New(c)
	if err := k.VerifyPIN(ctx, p); err != nil {
		return err
	}
	fmt.Println("verified")
	if strings.HasSuffix(os.Getenv(helperVariable), "signs") {
		if _, err := k.Sign(ctx, []byte("x")); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// scene is one pcscd for all tests: libpcsclite reads the socket's name once in a process.
type scene struct {
	world  *cardtest.World
	reader *pcsc.Reader
	events *events
}

func newScene(t testing.TB) *scene {
	w := cardtest.NewWorldIn(t, worldDir)
	t.Setenv(cardtest.SocketVariable, w.Socket())
	return &scene{w, pcsc.New(cardtest.Reader), nil}
}

// TestPCSCD runs against a real pcscd.
func TestPCSCD(t *testing.T) {
	s := newScene(t)
	w := s.world
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"names", s.names},
		{"whole visits", s.visits},
		{"our state does not outlive us", s.noLeak},
		{"nor a terminal that dies", s.noLeakAfterDeath},
		{"exclusive", s.exclusive},
		{"power down", s.powerDown},
		{"pulled between commands", s.pulledBetween},
		{"pulled in the middle of a command", s.pulledWithin},
		{"exchanged", s.exchanged},
		{"faults", s.faults},
		{"pcscd does not answer", s.frozen},
		{"pcscd dies and comes back", s.restarted},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.events = watch(t, s.reader)
			defer func() { w.Pull(); s.removed(t) }()
			test.run(t)
		})
	}
}

var holders = map[cardtest.Algorithm]func() (virtual.Options, error){
	cardtest.RSA2048:   once(cardtest.RSA2048),
	cardtest.ECDSAP384: once(cardtest.ECDSAP384),
}

func once(a cardtest.Algorithm) func() (virtual.Options, error) {
	return sync.OnceValues(func() (virtual.Options, error) { return cardtest.NewHolder(a, 0) })
}

func holder(t testing.TB, a cardtest.Algorithm) virtual.Options {
	t.Helper()
	o, err := holders[a]()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// place lays a new card and waits until pcscd has seen it.
func (s *scene) place(t testing.TB, o virtual.Options) {
	t.Helper()
	v, err := virtual.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.world.Place(v); err != nil {
		t.Fatal(err)
	}
	s.events.await(t, true)
}

// removed waits until the card is gone for us and for pcscd, which may say so earlier than it knows.
func (s *scene) removed(t testing.TB) {
	t.Helper()
	s.events.await(t, false)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := pcsc.New(cardtest.Reader).AwaitRemoval(ctx); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) connect(t testing.TB) card.Connection {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := s.reader.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closeCard(t testing.TB, c card.Connection) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func pin(t testing.TB) card.PIN {
	t.Helper()
	p, err := card.ParsePIN([]byte(cardtest.PIN))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *scene) names(t *testing.T) {
	names, err := pcsc.List(t.Context())
	if err != nil || len(names) != 2 || names[0] != cardtest.Reader {
		t.Errorf("readers %q, %v", names, err)
	}
	s.place(t, holder(t, cardtest.ECDSAP384))
	for name, want := range map[string]error{"": nil, "Virtual": nil, "PCD 00 00": nil, cardtest.Reader: nil,
		"Virtual PCD 00 01": card.ErrNoCard, "nonesuch": card.ErrNoReader} {
		r := pcsc.New(name)
		c, err := r.Connect(t.Context())
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("reader %q: %v, want %v", name, err, want)
		}
		if c != nil {
			closeCard(t, c)
		}
		if present, err := r.Present(t.Context()); present != (want == nil) || errors.Is(err, card.ErrNoReader) != (want == card.ErrNoReader) {
			t.Errorf("reader %q: present %v, %v", name, present, err)
		}
	}
}

func (s *scene) visits(t *testing.T) {
	for algorithm := range holders {
		for _, modern := range []bool{false, true} {
			o := holder(t, algorithm)
			o.ShortFileIDs, o.Extended = modern, modern
			s.place(t, o)
			s.visit(t, o)
			s.world.Pull()
			s.removed(t)
		}
	}
}

func (s *scene) visit(t testing.TB, o virtual.Options) {
	conn := s.connect(t)
	defer closeCard(t, conn)
	ctx := t.Context()
	c := card.New(conn, card.TryExtended())
	kind, err := c.Identify(ctx)
	if err != nil || kind != card.ICCard {
		t.Fatalf("%v, %v", kind, err)
	}
	cert, err := c.Certificate(ctx)
	if err != nil || !bytes.Equal(cert, o.AuthCert) {
		t.Fatalf("another certificate (%v)", err)
	}
	if left, err := c.PINTries(ctx); left != 3 || err != nil {
		t.Fatalf("%d tries, %v", left, err)
	}
	if err := c.VerifyPIN(ctx, pin(t)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Sign(ctx, []byte("message")); err != nil { // verified by Sign itself
			t.Fatal(err)
		}
	}
}

func (s *scene) verified(t *testing.T) card.Connection {
	t.Helper()
	conn := s.connect(t)
	if err := card.New(conn).VerifyPIN(t.Context(), pin(t)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// selectKey and signDigest ask for a signature without a PIN. They do not select the application first: a card takes
// that for a fresh start, and what an earlier client left open would go unseen.
const (
	selectKey  = "00A4020C020017"
	signDigest = "802A00802000000000000000000000000000000000000000000000000000000000000000" + "00" + "00"
)

// othersCanSign reports whether another program gets a signature right away, without a PIN. While the connection before
// it is held it asks again: nothing lies between that one's end and its own beginning.
func (s *scene) othersCanSign(t *testing.T) bool {
	t.Helper()
	cardtest.Need(t, "opensc-tool")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		out, err := s.world.Command(ctx, "opensc-tool", "-c", "jpki", "-r", cardtest.Reader, "-s", selectKey, "-s", signDigest).CombinedOutput()
		words := strings.Split(string(out), "Received (SW1=0x")
		if err == nil && len(words) == 3 {
			return strings.HasPrefix(words[2], "90")
		}
		if ctx.Err() != nil || !strings.Contains(string(out), "in use") {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

func (s *scene) noLeak(t *testing.T) {
	s.place(t, holder(t, cardtest.RSA2048))
	for range 3 {
		closeCard(t, s.verified(t))
		if s.othersCanSign(t) {
			t.Fatal("signed without a PIN after us")
		}
	}
	s.leaves(t)
	if !s.othersCanSign(t) {
		t.Error("a client that does not reset leaks no state either: this test would see nothing")
	}
}

// leaves is a client that verifies the PIN and leaves the card as it is, which is OpenSC's way.
func (s *scene) leaves(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	verify := fmt.Sprintf("0020008004%X", cardtest.PIN)
	out, err := s.world.Command(ctx, "opensc-tool", "-c", "jpki", "-r", cardtest.Reader,
		"-s", "00A4040C0AD392F000260100000001", "-s", "00A4020C020018", "-s", verify).CombinedOutput()
	if err != nil || strings.Count(string(out), "SW1=0x90") != 3 {
		t.Fatalf("%v: %s", err, out)
	}
}

// noLeakAfterDeath: pcscd resets the card of an exclusive connection when its client is gone, and lets nobody in before.
func (s *scene) noLeakAfterDeath(t *testing.T) {
	o := holder(t, cardtest.RSA2048)
	dies := make(chan struct{})
	mid := o
	mid.AuthKey = pulling{o.AuthKey, sync.OnceFunc(func() { dies <- struct{}{}; <-dies })}
	for name, c := range map[string]struct {
		holder virtual.Options
		signs  string
	}{"between two commands": {o, ""}, "in the middle of a command": {mid, "signs"}} {
		s.place(t, c.holder)
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := s.world.Command(t.Context(), self)
		cmd.Env = append(cmd.Env, helperVariable+"=1"+c.signs)
		if said := start(t, cmd); said != "verified\n" {
			t.Fatalf("the terminal said %q", said)
		}
		if c.signs != "" {
			<-dies
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if c.signs != "" {
			dies <- struct{}{}
		}
		if s.othersCanSign(t) { // the very next client, as soon as pcscd lets it in
			t.Errorf("%s: signed without a PIN after a terminal that died", name)
		}
		if out, err := s.pkcs11Signs(t); err == nil {
			t.Errorf("%s: pkcs11-tool signed without a PIN:\n%s", name, out)
		}
		if out, err := s.pkcs11Signs(t, "--login", "--pin", cardtest.PIN); err != nil {
			t.Errorf("pkcs11-tool does not sign with the PIN either: %v\n%s", err, out)
		}
		s.world.Pull()
		s.removed(t)
	}
}

// pkcs11Signs asks OpenSC's PKCS #11 module for a signature, without a PIN where none is among the arguments.
func (s *scene) pkcs11Signs(t *testing.T, more ...string) (string, error) {
	t.Helper()
	cardtest.Need(t, "pkcs11-tool")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := s.world.Command(ctx, "pkcs11-tool", append([]string{"--sign", "--id", "01", "-m", "SHA256-RSA-PKCS"}, more...)...)
	cmd.Stdin = strings.NewReader("message")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// start starts cmd with an open standard input and returns the first line it says.
func start(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	return string(line[:n])
}

func refusesToSign(t *testing.T, conn card.Connection) {
	t.Helper()
	var last []byte
	for _, command := range []string{selectKey, signDigest} {
		b, err := hex.DecodeString(command)
		if err != nil {
			t.Fatal(err)
		}
		if last, err = conn.Transmit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if len(last) != 2 {
		t.Errorf("signed without a PIN: %d bytes", len(last))
	}
}

func (s *scene) exclusive(t *testing.T) {
	cardtest.Need(t, "opensc-tool")
	s.place(t, holder(t, cardtest.RSA2048))
	c := s.connect(t)
	if _, err := s.reader.Connect(t.Context()); !errors.Is(err, card.ErrBusy) {
		t.Errorf("connected twice: %v", err)
	}
	if _, err := pcsc.New("").Connect(t.Context()); !errors.Is(err, card.ErrBusy) {
		t.Errorf("connected beside another Reader: %v", err)
	}
	if err := s.reader.PowerDown(t.Context()); !errors.Is(err, card.ErrBusy) {
		t.Errorf("powered down under a connection: %v", err)
	}
	if present, err := s.reader.Present(t.Context()); !present || err != nil {
		t.Errorf("present %v, %v while connected", present, err)
	}
	if out, err := s.world.Command(t.Context(), "opensc-tool", "-r", cardtest.Reader, "-s", "00A4040C0AD392F000260100000001").CombinedOutput(); err == nil {
		t.Errorf("another program got through:\n%s", out)
	}
	closeCard(t, c)
	closeCard(t, c)
	closeCard(t, s.connect(t))
}

func (s *scene) powerDown(t *testing.T) {
	if err := s.reader.PowerDown(t.Context()); err != nil {
		t.Errorf("nothing to power down: %v", err)
	}
	s.place(t, holder(t, cardtest.RSA2048))
	closeCard(t, s.verified(t))
	if err := s.reader.PowerDown(t.Context()); err != nil {
		t.Error(err)
	}
	if present, err := s.reader.Present(t.Context()); !present || err != nil {
		t.Errorf("a card without power is still there: %v, %v", present, err)
	}
	c := s.connect(t)
	defer closeCard(t, c)
	refusesToSign(t, c)
}

// BenchmarkPCSCD is a whole visit up to a second signature, from connecting to the reset, over pcscd and a card that
// takes no time but to sign.
func BenchmarkPCSCD(b *testing.B) {
	s := newScene(b)
	s.events = watch(b, s.reader)
	o := holder(b, cardtest.RSA2048)
	o.ShortFileIDs, o.Extended = true, true
	s.place(b, o)
	for b.Loop() {
		s.visit(b, o)
	}
}
