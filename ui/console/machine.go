package console

import (
	"context"
	"io"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
)

// Machine is the terminal as the console needs it. Whoever plugs it in may do so in parts: a console whose daemon is down
// answers DaemonDown to what needs the daemon.
type Machine interface {
	// Do carries out one command of the table that the console does not do itself, and writes its lines to a. The role was
	// looked at, and what the row asks was answered with yes. ctx ends with Ctrl-C, when nobody does anything for too long, and with
	// the line: Do returns soon after. Its error is a *Failure, or any other, which is shown only as Failed. Where who has no
	// role, fields that are not for everybody are left out whatever Do gives.
	Do(ctx context.Context, who Who, c Call, a *Answer) error
}

// Who is at the console. The zero value is somebody who has not signed in.
type Who struct {
	ID   string // as in the policy, never a name
	Role policy.Role
}

// Key is somebody who may sign in.
type Key struct {
	ID      string
	SSH     string // as [policy.Person.SSH]
	Role    policy.Role
	Expired bool // listed, but not any more allowed
	Lapsed  Code // PolicyEarly or PolicyExpired, where the policy that lists it is out of its time: who signs in looks, and does what is marked so in the table
}

// Keys are those of the policy in force, for this terminal and this moment: one Key for each role of a person. They are
// asked for at each sign-in and before each command, so that a key which the policy no longer lists is signed out. Where nobody may
// sign in, the error is why: Fail(NoPolicy), Fail(PolicyExpired).
type Keys interface{ Keys() ([]Key, error) }

// Seats gives the one seat of a terminal, on the line and at honnind console alike. Sit is Fail(SeatTaken) while somebody
// else has it.
type Seats interface {
	Sit(w Who) (leave func(), err error)
}

// Journal keeps what happened at the console. What it cannot keep is not done.
type Journal interface{ Note(e Event) error }

// Event is one thing that happened. It has no field for arguments: a command's name is a row of the table.
type Event struct {
	Kind    EventKind
	Who     string // an id of the policy; "" where nobody has signed in
	Role    policy.Role
	Command string // the name of a row
	Code    Code   // why a sign-in was refused, or ended
}

// EventKind is what happened.
type EventKind string

// The kinds of events.
const (
	SignedInEvent  EventKind = "signed-in"
	RefusedEvent   EventKind = "sign-in-refused" // at most one between two waits of [Door]
	SignedOutEvent EventKind = "signed-out"
	CommandEvent   EventKind = "command" // noted before it is done
)

// Options are one session's world.
type Options struct {
	Terminal protocol.Terminal
	Machine  Machine
	Keys     Keys
	Seats    Seats
	Journal  Journal
	Offers   func(name string) bool // what the Machine does of the table; nil: all
	Door     *Door                  // shared by all sessions of a terminal
	Lang     string                 // "ja" or "en", until lang says otherwise
	Now      func() time.Time
	Rand     io.Reader     // of challenges
	Ends     bool          // Ctrl-D of who has not signed in ends the session, as at a keyboard
	Screen   bool          // the line is a screen and a keyboard of this machine: no file goes over it
	Idle     time.Duration // without a command: signed out; 0: 10 minutes
	Stall    time.Duration // without the line taking a piece of output: it hung up; 0: 30 s
}

// offers reports whether a command is there: those of the console itself always are.
func (o Options) offers(c Command) bool { return c.own || o.Offers == nil || o.Offers(c.Name) }

// Wire is the line as it is, while a command transfers a file: what zmodem takes. Reads and writes end with ctx (a
// write after the piece that is under way) and with the line.
type Wire interface {
	ReadContext(ctx context.Context, p []byte) (int, error)
	WriteContext(ctx context.Context, p []byte) (int, error)
}
