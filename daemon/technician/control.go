package technician

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/config/site"
	"honnin/daemon/session"
	"honnin/daemon/socket"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/spool/sheet"
	"honnin/ui/console"
)

// Socket is the name of the control socket in the state directory. Its mode lets in root and the daemon's own user.
const Socket = "control.sock"

// Bounds of the control socket.
const (
	maxQuestion = 4096
	maxAnswer   = 64 << 10
	askers      = 4 // at a time; others wait
	askTime     = 5 * time.Second
	doTime      = askTime - time.Second // what the daemon does takes no longer, so that its answer is heard
)

// ask is a question's word.
type ask string

const (
	askStatus ask = "status"
	askNote   ask = "note"
	askEmpty  ask = "path-empty" // tray and path are empty, says Who
	askOn     ask = "service-on" // Who ends a stop that a technician began
	askOff    ask = "service-off"

	askRestart ask = "restart" // the machine, after the visit in hand, says Who
	askRetest  ask = "retest"  // put the check to the test, once more
	askConfig  ask = "config"  // what of site.toml is gone by

	askLevel ask = "log-level" // of Log, for a while
)

// question is one line of JSON from the console to the daemon, on a connection of its own. The answer is one, too.
type question struct {
	Version int    `json:"version"` // 1
	Ask     ask    `json:"ask"`
	Who     string `json:"who,omitzero"` // a technician's id
	Note    note   `json:"note,omitzero"`

	Log logLevel `json:"log,omitzero"`

	From  int   `json:"from,omitzero"` // a step of a test visit
	Sheet notes `json:"sheet,omitzero"`
}

// note is what is journalled.
type note struct {
	Kind journal.Kind `json:"kind"`
	Word string       `json:"word"`
}

type answer struct {
	Why    string `json:"why,omitzero"` // a word; "" is well
	Status live   `json:"status,omitzero"`

	Printer printerSaid `json:"printer,omitzero"`

	Config []setting `json:"config,omitzero"`
	Course Course    `json:"course,omitzero"` // of the test visit

	Sheet terminal.SheetState `json:"sheet,omitzero"`
}

// live is what only the process that serves knows.
type live struct {
	Software  string          `json:"software"`
	Started   time.Time       `json:"started"`
	InService bool            `json:"in_service"`
	Why       string          `json:"why,omitzero"`
	Ready     map[string]bool `json:"ready,omitzero"` // "printer" and "reader", as the last look found them
	SelfTest  string          `json:"selftest,omitzero"`
	Reader    seen            `json:"reader,omitzero"`
	Since     time.Time       `json:"since"` // it is in service, or not for this reason; as seen every [watchTime]
	Visit     bool            `json:"visit"` // one is in hand
	Leaving   bool            `json:"leaving"`
	Failed    bool            `json:"failed"` // the last self-test
}

// Terminal is the terminal that answers; *terminal.Terminal is it.
type Terminal interface {
	Status() terminal.Status
	StaffReady(ctx context.Context, staff string) error
	SetService(on bool, technician string) error
	PrintSheet(f sheet.Facts, technician string) error
	Sheet() terminal.SheetState
	Leave()
	Leaving() bool
	Retest() bool
	Failed() bool
}

// Daemon is who answers on the control socket.
type Daemon struct {
	Terminal Terminal
	Journal  Book
	Printer  *Printer // nil: it describes nothing
	Software string
	Site     site.Site // that it goes by
	Restart  Restart
	Log      Levels // nil: it keeps none
	Now      func() time.Time
	Visits   Visits // nil: there are none
}

// Recorder takes notes; *journal.Journal is it.
type Recorder interface {
	Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error)
}

// Listen answers on the control socket of a state directory, until ctx ends. Then answered waits for the answers in hand, for [askTime] at
// most: who asked a daemon to leave hears of it, and what was to be noted is, before the journal is closed.
func Listen(ctx context.Context, state string, d Daemon) (answered func(), err error) {
	l, err := socket.Listen(ctx, state, Socket)
	if err != nil {
		return nil, err
	}
	s := &server{Daemon: d, started: d.Now(), watched: watched{since: d.Now()}, aside: shelfOf(state)}
	_ = s.aside.take(d.Journal) // what cannot be taken now stays, and is tried again
	var serving sync.WaitGroup
	serving.Go(func() { s.serve(ctx, l) })
	go s.watch(ctx)
	return serving.Wait, nil
}

type server struct {
	Daemon
	started time.Time
	watched watched
	aside   shelf
}

func (s *server) serve(ctx context.Context, l net.Listener) {
	free := make(chan struct{}, askers)
	var answering sync.WaitGroup
	defer answering.Wait()
	for {
		free <- struct{}{}
		conn, err := l.Accept()
		if err != nil {
			return
		}
		answering.Go(func() {
			defer func() { <-free }()
			s.one(ctx, conn)
		})
	}
}

func (s *server) one(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	ctx, stop := context.WithTimeout(ctx, doTime)
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(askTime)) // of the kernel's, so by its clock
	// who has asked nothing at the end is not waited for
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	line, err := bufio.NewReaderSize(conn, maxQuestion).ReadSlice('\n')
	if err != nil {
		return
	}
	b, err := json.Marshal(s.answer(ctx, line))
	if err == nil {
		_, _ = conn.Write(append(b, '\n')) // who does not wait for it asks again
	}
}

func (s *server) answer(ctx context.Context, line []byte) answer {
	var q question
	if err := json.Unmarshal(line, &q, json.RejectUnknownMembers(true)); err != nil || q.Version != 1 {
		return answer{Why: "malformed"}
	}
	switch q.Ask {
	case askStatus:
		return answer{Status: s.status()}
	case askPrinter:
		return answer{Printer: s.printer(ctx)}
	case askNote:
		return answer{Why: s.note(q)}
	case askEmpty:
		return answer{Why: s.empty(ctx, q)}
	case askOn, askOff:
		return answer{Why: s.service(q)}
	case askVisit, askCourse, askCancel:
		return s.visit(q)
	case askSheet, askSheetDone:
		return s.sheet(q)
	case askRestart:
		return answer{Why: s.restart(q)}
	case askLevel:
		return answer{Why: s.level(q)}
	case askRetest:
		return answer{Why: s.retest()}
	case askConfig:
		return answer{Config: settings(s.Site)}
	}
	return answer{Why: "malformed"}
}

func (s *server) note(q question) string {
	e, ok := q.entry()
	if !ok {
		return "malformed"
	}
	_ = s.aside.take(s.Journal)
	if _, err := s.Journal.Record(e); err != nil {
		return "no-journal"
	}
	return ""
}

// tooSlow is what took longer than an answer may: nobody knows whether it was done.
const tooSlow = "too-slow"

func (s *server) empty(ctx context.Context, q question) string {
	if !idForm().MatchString(q.Who) {
		return "malformed"
	}
	switch err := s.Terminal.StaffReady(ctx, q.Who); {
	case errors.Is(err, session.ErrNotStopped):
		return "in-service"
	case errors.Is(err, context.DeadlineExceeded):
		return tooSlow
	case err != nil:
		return "not-now"
	}
	return ""
}

func (s *server) service(q question) string {
	if !idForm().MatchString(q.Who) {
		return "malformed"
	}
	if err := s.Terminal.SetService(q.Ask == askOn, q.Who); err != nil {
		return "no-journal"
	}
	return ""
}

// What may stand in a note: a person's id as in a policy, and a word.
var (
	idForm   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9-]{1,64}$`) })
	wordForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9.-]{1,64}$`) })
	kinds    = []journal.Kind{journal.TechnicianIn, journal.TechnicianRefused, journal.TechnicianDid, journal.TechnicianOut}
)

// entry is what a note puts into the journal: one of the kinds of a technician, an id, and a word.
func (q question) entry() (journal.Entry, bool) {
	e := journal.Entry{Kind: q.Note.Kind, Staff: q.Who, Reason: q.Note.Word}
	named := idForm().MatchString(q.Who) == (e.Kind != journal.TechnicianRefused)
	return e, slices.Contains(kinds, e.Kind) && named && wordForm().MatchString(e.Reason)
}

// errSilent is a daemon that holds its socket and says nothing.
var errSilent = errors.New("technician: the daemon does not answer")

// hungTime is how long a daemon is waited for that did not answer before.
const hungTime = 500 * time.Millisecond

// ask puts a question to the daemon, and waits less for one that hangs: each command asks it twice.
func (m *Machine) ask(ctx context.Context, q question) (answer, error) {
	limit := askTime
	if m.hung.Load() {
		limit = hungTime
	}
	waits, stop := context.WithTimeout(ctx, limit)
	defer stop()
	a, err := q.ask(waits, m.o.Site.State)
	m.hung.Store(errors.Is(err, errSilent) && ctx.Err() == nil)
	return a, err
}

// order asks for something to be done. Of a daemon that says nothing nobody knows whether it did, or does yet.
func (m *Machine) order(ctx context.Context, q question) (answer, error) {
	a, err := m.ask(ctx, q)
	if errors.Is(err, errSilent) {
		err = &console.Failure{Code: console.Unknown, Why: wordOf(err)}
	}
	return a, err
}

// ask puts a question to the daemon on a state directory. Errors are console.DaemonDown, errSilent, or os.ErrPermission. A newer daemon's
// answer may say more than this program knows: a console goes on when only the daemon was started anew.
func (q question) ask(ctx context.Context, state string) (a answer, err error) {
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(state, Socket))
	if err != nil {
		return a, unheard(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	q.Version = 1
	b, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	if _, err := conn.Write(append(b, '\n')); err != nil {
		return a, errSilent
	}
	line, err := bufio.NewReaderSize(conn, maxAnswer).ReadSlice('\n')
	if err != nil || json.Unmarshal(line, &a) != nil {
		return answer{}, errSilent
	}
	return a, nil
}

// unheard is why the daemon's socket takes no question.
func unheard(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return console.Fail(console.DaemonDown)
	case errors.Is(err, os.ErrPermission):
		return err
	}
	return errSilent
}
