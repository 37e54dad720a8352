package terminal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/config/trust/sign"
	"honnin/daemon/centre"
	"honnin/daemon/practice/pki"
	"honnin/daemon/practice/server"
	"honnin/spool/journal"
)

// far is the practice centre at the end of a line that can be down, and that loses answers on their way back.
type far struct {
	*server.Server
	ca    *sign.Pair
	conns chan net.Conn

	mu    sync.Mutex
	down  bool
	loses bool
	heard []arrival // of outcomes and incidents
}

// arrival is an outcome or an incident as the centre got it.
type arrival struct {
	path, key string
	body      [32]byte
	position  uint64
}

const farTerminal protocol.Terminal = "JP-13-000042"

func newFar(t *testing.T) *far {
	t.Helper()
	f := &far{conns: make(chan net.Conn), ca: made(t, nil, 5*365*24*time.Hour)}
	own := made(t, f.ca, 5*365*24*time.Hour)
	f.Server = server.New(server.Config{Receipts: own, Taker: own, Closer: own, Lifetime: 15 * time.Minute, Poll: time.Second, Now: time.Now})
	h := f.HTTP(pki.TLS(own), pki.Pool(f.ca))
	h.Handler = http.HandlerFunc(f.serve)
	go func() { _ = h.ServeTLS(f, "", "") }()
	t.Cleanup(func() { _ = h.Close(); f.Server.Close() })
	return f
}

// made makes a certificate that lasts so long: a CA, or for either end of a connection under ca.
func made(t *testing.T, ca *sign.Pair, lasts time.Duration) *sign.Pair {
	t.Helper()
	template := sign.Template{Name: string(farTerminal), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts),
		Adjust: func(c *x509.Certificate) {
			c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		}}
	makes := sign.NewCA
	if ca != nil {
		makes = ca.NewCard
	}
	p, err := makes(template)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *far) Accept() (net.Conn, error) {
	if c, ok := <-f.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (f *far) Addr() net.Addr { return &net.TCPAddr{} }
func (f *far) Close() error   { close(f.conns); return nil }

func (f *far) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return nil, net.ErrClosed
	}
	near, there := net.Pipe()
	f.conns <- there
	return near, nil
}

func (f *far) set(down, loses bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down, f.loses = down, loses
}

// serve does what is asked, and loses the answer now and then: of both attempts of one call.
func (f *far) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	done := httptest.NewRecorder()
	f.Handler().ServeHTTP(done, r)
	if f.lost(r, body) {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), done.Header())
	w.WriteHeader(done.Code)
	_, _ = w.Write(done.Body.Bytes())
}

func (f *far) lost(r *http.Request, body []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var o protocol.OutcomeReport
	a := arrival{path: r.URL.Path, key: r.Header.Get("Idempotency-Key"), body: sha256.Sum256(body)}
	if e, err := protocol.ParseEvent(body); err == nil {
		a.path += "/" + string(e.ID)
	} else if strings.HasSuffix(a.path, "/outcome") && protocol.ParseBody(body, &o) == nil {
		a.position = o.Journal.Position
	} else {
		return false
	}
	f.heard = append(f.heard, a)
	return f.loses && len(f.heard)%7 < 2
}

// run is one run of the terminal's posting part, between two restarts.
type run struct {
	journal *journal.Journal
	client  *centre.Client
	stop    func()
}

func (f *far) start(t *testing.T, path string, certificate *sign.Pair, pause time.Duration) run {
	t.Helper()
	j, err := journal.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := centre.New(centre.Config{URL: "https://127.0.0.1:1", Roots: pki.Pool(f.ca), Certificate: pki.TLS(certificate), Dial: f.dial})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- centre.NewDeliverer(outbox{journal: j, terminal: farTerminal, receipt: taken}, c, firstDelay, pause).Run(ctx)
	}()
	return run{j, c, func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		c.Close()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}}
}

// waiting returns how much is in the outbox.
func (r run) waiting(t *testing.T) int {
	t.Helper()
	all, err := r.journal.Outbox()
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestSixWeeksOffline(t *testing.T) { sixWeeks(t, 40, time.Hour) }

// sixWeeks: so many transactions end while the centre cannot be reached, asked after pauses of at most pause, with an incident after every fourth; the terminal
// restarts in the middle, and its certificate runs out before the line is back. When all is well again everything
// arrives: in the journal's order, some of it more than once since answers are lost, and the centre takes each once.
func sixWeeks(t *testing.T, n int, pause time.Duration) {
	path := filepath.Join(inMemory(t), "journal.db")
	synctest.Test(t, func(t *testing.T) {
		const week = 7 * 24 * time.Hour
		f := newFar(t)
		short := made(t, f.ca, 4*week)
		r := f.start(t, path, short, pause)
		all := begun(t, r.client, n)
		f.set(true, false)
		for i, tx := range all {
			time.Sleep(6 * week / time.Duration(n))
			if i == n/2 {
				r.stop()
				r = f.start(t, path, short, pause)
			}
			ends(t, r.journal, tx, i%4 == 0)
		}
		raised := (n + 3) / 4
		items := n + raised + 1 // the storm comes as one
		size := fileSize(t, path)
		f.set(false, false)
		time.Sleep(3 * time.Hour)
		if got := r.waiting(t); got != n+2*raised || len(f.heard) != 0 || fileSize(t, path) != size {
			t.Fatalf("with a certificate that ran out: %d of %d wait, %d were heard; the file went from %d to %d bytes", got, items, len(f.heard), size, fileSize(t, path))
		}
		r.stop()
		f.set(false, true)
		r = f.start(t, path, made(t, f.ca, 52*week), pause)
		for began := time.Now(); r.waiting(t) > 0 && time.Since(began) < week; {
			time.Sleep(time.Minute)
		}
		f.arrived(t, n, items)
		delivered(t, r.journal, items)
		if most := int64(256<<10 + (n+2*raised)*3<<9); fileSize(t, path) > most { // 1.5 KiB for each that waits: bbolt doubles its file
			t.Errorf("the journal's file has %d bytes, more than %d", fileSize(t, path), most)
		}
		t.Logf("%d items, %d deliveries; the journal's file: %d bytes offline, %d after", items, len(f.heard), size, fileSize(t, path))
		r.stop()
	})
}

// inMemory is a directory that need not survive anything, where there is one: thousands of synced entries take long on a disk.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "honnin-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func begun(t *testing.T, c *centre.Client, n int) (all []protocol.Transaction) {
	t.Helper()
	for range n {
		b, err := c.Begin(t.Context(), protocol.Begin{Terminal: farTerminal, Nonce: protocol.NewNonce(), Channel: protocol.Store})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Transaction)
	}
	return all
}

func ends(t *testing.T, j *journal.Journal, tx protocol.Transaction, incident bool) {
	t.Helper()
	_, err := j.Record(journal.Entry{Kind: journal.Ended, Transaction: tx, Outcome: protocol.Abandoned, Reason: "trouble"})
	if incident && err == nil { // one that no other is like, and one as all the others
		_, err = j.Record(journal.Entry{Kind: journal.Incident, Transaction: tx, Document: protocol.Digest(sha256.Sum256(tx[:])), Reason: "fault"}, journal.Entry{Kind: journal.Incident, Reason: "reader"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// arrived looks at the centre's end.
func (f *far) arrived(t *testing.T, outcomes, items int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var order []uint64
	first := map[string]arrival{}
	for i, a := range f.heard {
		if was, again := first[a.path]; again && (was != a || f.heard[i-1] != a) {
			t.Errorf("%s came again with another key or body, or after something else", a.path)
		}
		first[a.path] = a
		if a.position > 0 {
			order = append(order, a.position)
		}
	}
	if len(first) != items || len(f.heard) == items || !slices.IsSorted(order) {
		t.Errorf("%d of %d items came, %d times in all; in order: %v", len(first), items, len(f.heard), slices.IsSorted(order))
	}
	if c := f.Counts(); c.Outcomes[protocol.Abandoned] != uint64(outcomes) || len(c.Outcomes) != 1 || c.Rewound != 0 || c.Faults != 0 {
		t.Errorf("the centre counts %+v", c)
	}
}

// delivered looks at the terminal's end.
func delivered(t *testing.T, j *journal.Journal, items int) {
	t.Helper()
	kinds := map[journal.Kind]int{}
	var last int
	if err := j.Each(func(e journal.Entry) error {
		if kinds[e.Kind]++; e.Kind == journal.Delivered {
			if e.Of <= last {
				t.Errorf("entry %d was settled after %d", e.Of, last)
			}
			last = e.Of
		}
		return nil
	}); err != nil || kinds[journal.Delivered] != items || kinds[journal.Undelivered] != 0 {
		t.Errorf("%v %v", kinds, err)
	}
}
