package technician

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"honnin/config/protocol"
	"honnin/config/site"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/spool/sheet"
	"honnin/ui/console"
)

// daemon is a terminal of words, with a real journal.
type daemon struct {
	mu    sync.Mutex
	ready []string
	err   error
	left  int
	tests []terminal.Status // what comes of them, in turn
	is    *terminal.Status  // nil: no printer
	sheet string            // its state

	untested func() // called whenever it is asked how it is with no test left, if not nil
}

func (d *daemon) Leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left++
}

func (d *daemon) Leaving() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left > 0
}

func (d *daemon) Failed() bool { return d.Status().Why == "selftest-failed" }

func (d *daemon) Retest() bool {
	if d.Failed() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tests) > 0 {
		d.is, d.tests = &d.tests[0], d.tests[1:]
	}
	return true
}

func (d *daemon) Status() terminal.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.untested != nil && len(d.tests) == 0 {
		d.untested()
	}
	if d.is != nil {
		return *d.is
	}
	return terminal.Status{Why: "printer", Ready: map[string]bool{"printer": false}, Policy: 7, SelfTest: "2026-11-22"}
}

func (d *daemon) StaffReady(_ context.Context, staff string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready = append(d.ready, staff)
	return d.err
}

func (d *daemon) SetService(on bool, technician string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready = append(d.ready, fmt.Sprint(technician, on))
	return nil
}

func (d *daemon) PrintSheet(f sheet.Facts, technician string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready = append(d.ready, technician+" "+f.Printer)
	return d.err
}

func (d *daemon) Sheet() terminal.SheetState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return terminal.SheetState{State: d.sheet}
}

func listening(t *testing.T, d *daemon) (state string, j *journal.Journal) {
	t.Helper()
	state = t.TempDir()
	j, err := journal.Open(filepath.Join(state, journalFile), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	if _, err := Listen(t.Context(), state, Daemon{Terminal: d, Journal: j, Software: "honnind test", Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	return state, j
}

func TestControl(t *testing.T) {
	d := &daemon{}
	state, j := listening(t, d)
	if info, err := os.Stat(filepath.Join(state, Socket)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	m := New(Options{Site: site.Site{State: state}, Now: time.Now})
	l, err := m.live(t.Context())
	if err != nil || l.InService || l.Why != "printer" || l.Ready["printer"] || l.Software != "honnind test" || l.Started.IsZero() {
		t.Errorf("%+v %v", l, err)
	}
	for e, want := range map[console.Event]string{
		{Kind: console.SignedInEvent, Who: "tech-7", Role: "look"}:          "technician-in tech-7 look",
		{Kind: console.RefusedEvent, Code: console.UnknownKey}:              "technician-refused  unknown-key",
		{Kind: console.CommandEvent, Who: "tech-7", Command: "policy show"}: "technician-did tech-7 policy.show",
		{Kind: console.SignedOutEvent, Who: "tech-7", Code: console.Idle}:   "technician-out tech-7 idle",
	} {
		if err := m.Note(e); err != nil {
			t.Fatal(err)
		}
		if got := last(t, j); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for err, why := range map[error]string{nil: "", session.ErrNotStopped: "in-service", errors.New("any"): "not-now"} {
		d.err = err
		if a, err := (question{Ask: askEmpty, Who: "tech-7"}).ask(t.Context(), state); err != nil || a.Why != why {
			t.Errorf("%+v %v, want %q", a, err, why)
		}
	}
	if len(d.ready) != 3 || d.ready[0] != "tech-7" {
		t.Errorf("%q", d.ready)
	}
}

func last(t *testing.T, j *journal.Journal) (said string) {
	t.Helper()
	if err := j.Back(func(e journal.Entry) (bool, error) {
		said = fmt.Sprintf("%s %s %s", e.Kind, e.Staff, e.Reason)
		return false, nil
	}); err != nil {
		t.Fatal(err)
	}
	return said
}

// TestControlRefuses: what is no question of this version changes nothing, and gets one word; what is no line gets none.
func TestControlRefuses(t *testing.T) {
	d := &daemon{}
	state, j := listening(t, d)
	long := strings.Repeat("x", 65)
	for _, line := range []string{"", "ready s-007", "{}", `{"version":2,"ask":"status"}`, `{"version":1,"ask":"dance"}`, `{"version":1,"ask":"status","more":1}`,
		`{"version":1,"ask":"path-empty"}`, `{"version":1,"ask":"path-empty","who":"山田"}`, `{"version":1,"ask":"path-empty","who":"` + long + `"}`,
		`{"version":1,"ask":"note"}`, `{"version":1,"ask":"note","who":"tech-7","note":{"kind":"closed","word":"x"}}`,
		`{"version":1,"ask":"note","who":"tech-7","note":{"kind":"technician-did","word":"two words"}}`,
		`{"version":1,"ask":"note","who":"tech-7","note":{"kind":"technician-refused","word":"wait"}}`,
		`{"version":1,"ask":"note","note":{"kind":"technician-in","word":"look"}}`} {
		if got := raw(t, state, line+"\n"); got != "malformed" {
			t.Errorf("%s: %q", line, got)
		}
	}
	if got := raw(t, state, strings.Repeat(" ", 2*maxQuestion)+"\n"); got != "" {
		t.Errorf("%q", got)
	}
	if h, err := j.Head(); err != nil || h != (protocol.JournalHead{}) || len(d.ready) != 0 {
		t.Error(h, err, d.ready)
	}
}

// raw sends bytes, and returns the word of the answer.
func raw(t *testing.T, state, text string) string {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(state, Socket))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte(text)) // who says too much is hung up on
	b, _ := bufio.NewReader(c).ReadBytes('\n')
	var a answer
	if len(b) > 0 {
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatal(err)
		}
	}
	return a.Why
}

// TestNobodyListens: a daemon that is down, one that left its socket behind, and one that says nothing.
func TestNobodyListens(t *testing.T) {
	state := t.TempDir()
	m := New(Options{Site: site.Site{State: state}, Now: time.Now})
	if _, err := m.live(t.Context()); wordOf(err) != string(console.DaemonDown) {
		t.Error(err)
	}
	if err := m.Note(console.Event{Kind: console.SignedInEvent, Who: "tech-7", Role: "look"}); err == nil {
		t.Error("a journal was begun")
	}
	l, err := net.Listen("unix", filepath.Join(state, Socket))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		c, err := l.Accept()
		if err == nil {
			defer c.Close()
			stop() // the one who asks has enough
			<-t.Context().Done()
		}
	}()
	if _, err := m.live(ctx); !errors.Is(err, errSilent) {
		t.Error(err)
	}
	_ = l.Close()
	if _, err := m.live(t.Context()); wordOf(err) != string(console.DaemonDown) {
		t.Error(err)
	}
}

// leaver is a daemon that ends at once when it is asked to leave, while whoever answers that has no turn.
type leaver struct {
	daemon
	leave func()
}

func (l *leaver) Leave() { l.leave() }

// TestAnswersBeforeTheEnd: a daemon that ends answers first what it was asked, as that it restarts the machine. Who has asked nothing does not
// hold it up.
func TestAnswersBeforeTheEnd(t *testing.T) {
	state, begun := t.TempDir(), time.Now()
	ctx, end := context.WithCancel(t.Context())
	turn := make(chan struct{})
	can := Restart{Root: true, Ways: []Way{{"", []string{program(t, "init", "exit 0", 0o700)}}}}
	answered, err := Listen(ctx, state, Daemon{Terminal: &leaver{leave: func() { end(); <-turn }}, Journal: &noted{}, Restart: can, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	dial := func() *net.UnixConn {
		c, err := net.Dial("unix", filepath.Join(state, Socket))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c.(*net.UnixConn)
	}
	dial()
	c := dial()
	if _, err := c.Write([]byte(`{"version":1,"ask":"restart","who":"tech-7"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	time.AfterFunc(10*time.Millisecond, func() { close(turn) })
	answered()
	if took := time.Since(begun); took >= askTime {
		t.Error("it ended after", took)
	}
	b, n := make([]byte, 16), 0
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if failed := raw.Control(func(fd uintptr) { n, _, err = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT) }); failed != nil || err != nil || n == 0 {
		t.Error("it ended before it answered:", n, failed, err)
	}
}

// TestUnheard: who may not ask the daemon is not told that it hangs, and does not restart the machine.
func TestUnheard(t *testing.T) {
	for cause, want := range map[error]string{syscall.ENOENT: "daemon-down", syscall.ECONNREFUSED: "daemon-down", syscall.EACCES: "not-permitted", syscall.EAGAIN: "not-answering"} {
		if got := wordOf(unheard(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", cause)})); got != want {
			t.Errorf("%s: %s, want %s", cause, got, want)
		}
	}
}

// TestNewerDaemon: one that answers more than this console knows does not hang.
func TestNewerDaemon(t *testing.T) {
	state := t.TempDir()
	speaker(t, state)(`{"status":{"software":"honnind test","newer":1},"newer":{}}`)
	if l, err := New(Options{Site: site.Site{State: state}, Now: time.Now}).live(t.Context()); err != nil || l.Software != "honnind test" {
		t.Errorf("%+v %v", l, err)
	}
}

// TestSeat: one technician at a time, whatever process they are in.
func TestSeat(t *testing.T) {
	o := Options{Site: site.Site{State: t.TempDir()}, Now: time.Now}
	leave, err := New(o).Sit(console.Who{ID: "tech-7"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(o).Sit(console.Who{ID: "tech-8"}); wordOf(err) != string(console.SeatTaken) {
		t.Error(err)
	}
	leave()
	again, err := New(o).Sit(console.Who{ID: "tech-8"})
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestSinceLast: what happened between two visits of technicians, and under which policy.
func TestSinceLast(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	j, err := journal.Open(filepath.Join(t.TempDir(), journalFile), func() time.Time { at = at.Add(time.Minute); return at })
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	applied := func(v uint64) journal.Entry {
		return journal.Entry{Kind: journal.PolicyApplied, Policy: protocol.PolicyRef{Version: v, Digest: protocol.Digest{byte(v)}}}
	}
	for _, e := range []journal.Entry{applied(1), {Kind: journal.TechnicianIn, Staff: "tech-7"}, {Kind: journal.Started}, {Kind: journal.TechnicianOut, Staff: "tech-7"},
		{Kind: journal.Started}, applied(2), applied(3), {Kind: journal.StaffNeeded, Reason: "media-jam"}, {Kind: journal.Started},
		{Kind: journal.TechnicianIn, Staff: "tech-8"}, {Kind: journal.TechnicianDid, Staff: "tech-8", Reason: "doctor"}, applied(4),
		{Kind: journal.Started}} { // the last two are of whoever is signed in
		if _, err := j.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sinceLast(t.Context(), j, true)
	if err != nil || s.policy != 1 || s.now != 3 || s.times[journal.Started] != 2 || s.times[journal.StaffNeeded] != 1 || !s.visit.Equal(time.Date(2026, 11, 22, 9, 4, 0, 0, time.UTC)) {
		t.Errorf("%+v %v", s, err)
	}
}

// TestSinceLastBySlowDaemons: a sign-in that is in the journal twice, as itself and as a note, is one; who was here by notes alone was here
// until the last of them.
func TestSinceLastBySlowDaemons(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	out := at.Add(-time.Hour)
	note := func(who, word string, at time.Time) journal.Entry {
		return journal.Entry{Kind: journal.TechnicianNoted, Staff: who, Reason: word, Signed: protocol.Time{Time: at}, Proof: protocol.Digest{1}}
	}
	in := journal.Entry{Kind: journal.TechnicianIn, Staff: "tech-7", Reason: "service"}
	before := []journal.Entry{note("tech-7", "in.service", out.Add(-time.Hour)), note("tech-7", "out.logout", out), {Kind: journal.Started}}
	for name, own := range map[string][]journal.Entry{"once": {in}, "noted after it": {in, note("tech-7", "in.service", at)}, "noted before it": {note("tech-7", "in.service", at), in}} {
		j, err := journal.Open(filepath.Join(t.TempDir(), journalFile), func() time.Time { return at })
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		for _, e := range slices.Concat(before, own) {
			if _, err := j.Record(e); err != nil {
				t.Fatal(name, err)
			}
		}
		if s, err := sinceLast(t.Context(), j, true); err != nil || !s.visit.Equal(out) || s.times[journal.Started] != 1 {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
}

// TestTableIsDone: every command of the console's table is done by this machine or by the console itself, and no other.
func TestTableIsDone(t *testing.T) {
	names, others := map[string]bool{}, []string{}
	for _, c := range console.Commands() {
		if names[c.Name] = true; !Does(c.Name) {
			others = append(others, c.Name)
		}
	}
	if slices.Sort(others); !slices.Equal(others, []string{"help", "history", "lang", "login", "logout", "terminal"}) {
		t.Errorf("the console itself does %q", others)
	}
	for name := range does() {
		if !names[name] {
			t.Errorf("%s is no command", name)
		}
	}
}

// noted keeps what is recorded.
type noted struct{ entries []journal.Entry }

func (n *noted) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	n.entries = append(append(n.entries, e), with...)
	return e, nil
}

func (n *noted) Back(func(journal.Entry) (bool, error)) error { return nil }

// isTechnicians reports whether an entry has what a technician's has, and nothing else.
func isTechnicians(e journal.Entry) bool {
	b, err := json.Marshal(e)
	if err != nil {
		return false
	}
	var members map[string]any
	if err := json.Unmarshal(b, &members); err != nil {
		return false
	}
	for k := range members {
		if !strings.Contains(" seq at kind reason staff prev ", " "+k+" ") {
			return false
		}
	}
	return strings.HasPrefix(string(e.Kind), "technician-")
}

// TestApart: where lrzsz could read the terminal's keys, no file is moved, and the technician is told.
func TestApart(t *testing.T) {
	m := New(Options{Apart: func() error { return errors.New("not root") }})
	var f *console.Failure
	if err := m.send(t.Context(), nil, "support.sent", "x", []byte("x")); !errors.As(err, &f) || f.Code != console.NoTransfer || f.Why != "wants-root" {
		t.Error(err)
	}
}

// TestNobodyKnows: of a daemon that was told something and says nothing, it is not said that it did nothing.
func TestNobodyKnows(t *testing.T) {
	if doTime >= askTime {
		t.Error("who asks has left before the answer comes")
	}
	state := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(state, Socket))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_ = c.Close()
		}
	}()
	for _, line := range []string{"service off --yes", "service on", "printer path-empty --yes"} {
		if said := typed(t, bare(state, time.Now), line); !strings.Contains(said, `"result":"unknown"`) || !strings.Contains(said, `"why":"not-answering"`) {
			t.Errorf("%s: %q", line, said)
		}
	}
}
