package console

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"honnin/config/policy"
)

// line is a serial line in memory: what the far end sends, and what it got.
type line struct {
	in     chan []byte
	rest   []byte
	hung   chan struct{}
	mu     sync.Mutex
	out    []byte
	stuck  bool          // takes no output any more
	slow   time.Duration // that a piece of output takes
	sees   func([]byte)  // a terminal at the far end
	writes int
}

func newLine() *line { return &line{in: make(chan []byte), hung: make(chan struct{})} }

func (l *line) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		select {
		case l.rest = <-l.in:
		case <-l.hung:
			return 0, io.EOF
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	stuck, slow := l.stuck, l.slow
	l.mu.Unlock()
	time.Sleep(slow)
	l.mu.Lock()
	if !stuck {
		l.out = append(l.out, p...)
		l.writes++
		if l.sees != nil {
			l.sees(p)
		}
	}
	l.mu.Unlock()
	if stuck {
		<-l.hung
		return 0, io.EOF
	}
	return len(p), nil
}

// world is a machine of words, with what it was asked.
type world struct {
	mu     sync.Mutex
	did    []string // commands, with the role
	events []Event
	keys   []Key
	seated string
	full   bool // the journal takes nothing
	do     func(ctx context.Context, who Who, c Call, a *Answer) error
}

func (w *world) Do(ctx context.Context, who Who, c Call, a *Answer) error {
	w.mu.Lock()
	w.did = append(w.did, string(who.Role)+" "+c.Command.Name)
	do := w.do
	w.mu.Unlock()
	if do != nil {
		return do(ctx, who, c, a)
	}
	return nil
}

func (w *world) Keys() ([]Key, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Key(nil), w.keys...), nil
}

func (w *world) Sit(who Who) (func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seated != "" {
		return nil, Fail(SeatTaken)
	}
	w.seated = who.ID
	return func() { w.mu.Lock(); w.seated = ""; w.mu.Unlock() }, nil
}

func (w *world) Note(e Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full {
		return errors.New("no room")
	}
	w.events = append(w.events, e)
	return nil
}

func (w *world) has() (did []string, events []Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.did...), append([]Event(nil), w.events...)
}

// rig is a session under way, in a bubble of fake time.
type rig struct {
	*testing.T
	*world
	line   *line
	door   *Door
	key    ed25519.PrivateKey
	over   chan error
	offers func(string) bool
	ends   bool
	screen bool
	ctx    context.Context // nil: never over
	ahead  atomic.Int64    // of the clock, in nanoseconds
}

// clock is that of the wall, which somebody may set.
func (r *rig) clock() time.Time { return time.Now().Round(0).Add(time.Duration(r.ahead.Load())) }

// bubble runs a test with a session whose far end is dumb.
func bubble(t *testing.T, do func(r *rig)) { bubbleWith(t, &world{}, do) }

func bubbleWith(t *testing.T, w *world, do func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, world: w, line: newLine(), door: &Door{}}
		_, r.key, _ = ed25519.GenerateKey(rand.Reader)
		w.keys = append(w.keys, Key{ID: "tech-7", SSH: sshLine(t, r.key), Role: policy.Service})
		r.begin()
		do(r)
		r.hangUp()
	})
}

// begin serves a line that was plugged in.
func (r *rig) begin() { r.beginWith(r.world) }

func (r *rig) beginWith(k Keys) {
	over := make(chan error, 1)
	r.over = over
	l, ctx := r.line, r.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	go func() {
		over <- Serve(ctx, l, Options{Terminal: "YOKOHAMA-0012", Machine: r.world, Keys: k, Seats: r.world, Journal: r.world, Offers: r.offers,
			Door: r.door, Ends: r.ends, Screen: r.screen, Lang: "en", Now: r.clock, Rand: rand.Reader})
	}()
	synctest.Wait()
}

func (r *rig) hangUp() error {
	r.Helper()
	close(r.line.hung)
	err := <-r.over
	synctest.Wait()
	return err
}

// send types, and returns what was written until nothing happens any more.
func (r *rig) send(s string) string {
	r.line.in <- []byte(s)
	synctest.Wait()
	return r.got()
}

func (r *rig) got() string {
	r.line.mu.Lock()
	defer r.line.mu.Unlock()
	s := string(r.line.out)
	r.line.out = nil
	return s
}

// pass lets time go by.
func (r *rig) pass(d time.Duration) string {
	time.Sleep(d)
	synctest.Wait()
	return r.got()
}

// login signs in.
func (r *rig) login(role string) string {
	r.Helper()
	out := r.send("login " + role + "\r")
	r.send(armour(r, r.key, Namespace, signedLines(r, out)))
	out = r.pass(time.Second)
	if !strings.Contains(out, "tech-7") {
		r.Fatalf("not signed in: %q", out)
	}
	return out
}

// signedLines are the challenge in what was written.
func signedLines(t testing.TB, out string) string {
	t.Helper()
	lines := strings.Split(out, "\r\n")
	for i, l := range lines {
		if strings.HasPrefix(l, Namespace+":") && i+1 < len(lines) && len(lines[i+1]) == 43 {
			return l + "\n" + lines[i+1] + "\n"
		}
	}
	t.Fatalf("no challenge in %q", out)
	return ""
}

func sshLine(t testing.TB, k ed25519.PrivateKey) string {
	t.Helper()
	p, err := ssh.NewPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p)))
}
