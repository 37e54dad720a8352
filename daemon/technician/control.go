package technician

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// Socket is the name of the control socket in the state directory. Its mode lets in root and the daemon's own user.
const Socket = "control.sock"

// Bounds of the control socket.
const (
	maxSocketPath = 107 // unix(7): sun_path, with its end
	maxQuestion   = 4096
	maxAnswer     = 64 << 10
	askers        = 4 // at a time; others wait
	askTime       = 5 * time.Second
)

// ask is a question's word.
type ask string

const (
	askStatus ask = "status"
	askNote   ask = "note"
	askEmpty  ask = "path-empty" // tray and path are empty, says Who
	askOn     ask = "service-on" // Who ends a stop that a technician began
	askOff    ask = "service-off"
)

// question is one line of JSON from the console to the daemon, on a connection of its own. The answer is one, too.
type question struct {
	Version int    `json:"version"` // 1
	Ask     ask    `json:"ask"`
	Who     string `json:"who,omitzero"` // a technician's id
	Note    note   `json:"note,omitzero"`
}

// note is what is journalled.
type note struct {
	Kind journal.Kind `json:"kind"`
	Word string       `json:"word"`
}

type answer struct {
	Why    string `json:"why,omitzero"` // a word; "" is well
	Status live   `json:"status,omitzero"`
}

// live is what only the process that serves knows.
type live struct {
	Software  string          `json:"software"`
	Started   time.Time       `json:"started"`
	InService bool            `json:"in_service"`
	Why       string          `json:"why,omitzero"`
	Ready     map[string]bool `json:"ready,omitzero"` // "printer" and "reader", as the last look found them
	SelfTest  string          `json:"selftest,omitzero"`
}

// Terminal is the terminal that answers; *terminal.Terminal is it.
type Terminal interface {
	Status() terminal.Status
	StaffReady(ctx context.Context, staff string) error
	SetService(on bool, technician string) error
}

// Daemon is who answers on the control socket.
type Daemon struct {
	Terminal Terminal
	Journal  Recorder
	Software string
	Now      func() time.Time
}

// Recorder takes notes; *journal.Journal is it.
type Recorder interface {
	Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error)
}

// Listen answers on the control socket of a state directory, until ctx ends.
func Listen(ctx context.Context, state string, d Daemon) error {
	path := filepath.Join(state, Socket)
	if len(path) > maxSocketPath {
		return fmt.Errorf("%s: a socket's path has at most %d bytes; choose a shorter state directory", path, maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(err, l.Close())
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	s := &server{Daemon: d, started: d.Now()}
	go s.serve(ctx, l)
	return nil
}

type server struct {
	Daemon
	started time.Time
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
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(askTime)) // of the kernel's, so by its clock
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
		return answer{Status: s.live()}
	case askNote:
		return answer{Why: s.note(q)}
	case askEmpty:
		return answer{Why: s.empty(ctx, q)}
	case askOn, askOff:
		return answer{Why: s.service(q)}
	}
	return answer{Why: "malformed"}
}

func (s *server) live() live {
	t := s.Terminal.Status()
	return live{Software: s.Software, Started: s.started, InService: t.InService, Why: t.Why, Ready: t.Ready, SelfTest: t.SelfTest}
}

func (s *server) note(q question) string {
	e, ok := q.entry()
	if !ok {
		return "malformed"
	}
	if _, err := s.Journal.Record(e); err != nil {
		return "no-journal"
	}
	return ""
}

func (s *server) empty(ctx context.Context, q question) string {
	if !idForm().MatchString(q.Who) {
		return "malformed"
	}
	switch err := s.Terminal.StaffReady(ctx, q.Who); {
	case errors.Is(err, session.ErrNotStopped):
		return "in-service"
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

// ask puts a question to the daemon on a state directory. Errors are console.DaemonDown, or errSilent.
func (q question) ask(ctx context.Context, state string) (a answer, err error) {
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(state, Socket))
	switch {
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return a, console.Fail(console.DaemonDown)
	case err != nil:
		return a, errSilent
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
	if err != nil || json.Unmarshal(line, &a, json.RejectUnknownMembers(true)) != nil {
		return answer{}, errSilent
	}
	return a, nil
}
