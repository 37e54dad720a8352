package session

import (
	"context"
	"crypto/x509"
	"errors"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/document"
)

// The parts that a visit needs, each by what it can do. Package main plugs them in. Every call takes a context
// and is expected to return soon after that context ends; one that does not is a fault that closes the terminal.

// ErrCardGone is wrapped by errors of [Reader] and [Card] that mean: the card left the reader.
var ErrCardGone = errors.New("session: the card left the reader")

// ErrUnknownCard is wrapped by an error of [Reader.Connect] that means: this is not a My Number card, or it cannot be
// read. Nobody is at fault.
var ErrUnknownCard = errors.New("session: not a My Number card")

// ErrPadCancelled is wrapped by an error of [Card.VerifyAtPad] that means: the red key was pressed at the reader.
var ErrPadCancelled = errors.New("session: the PIN entry was cancelled at the reader")

// ErrPadTimeout is wrapped by an error of [Card.VerifyAtPad] that means: no PIN was typed at the reader.
var ErrPadTimeout = errors.New("session: no PIN was typed at the reader")

// ErrPadForm is wrapped by an error of [Card.VerifyAtPad] that means: what was typed at the reader is not four digits.
var ErrPadForm = errors.New("session: what was typed at the reader is no PIN")

// ErrNoPad is wrapped by an error of [Card.VerifyAtPad] that means: the reader has not the keys that it claims, and the
// screen's may be used.
var ErrNoPad = errors.New("session: the reader has no keys")

// Reader sees cards come and go.
type Reader interface {
	// Watch tells notify whether a card is present, at once and then at every change, until ctx ends (nil) or
	// the reader is lost (an error), with a card or without. To say the same twice is harmless. It may be called again after
	// it returned.
	Watch(ctx context.Context, notify func(present bool)) error
	// Connect opens the card on the reader, exclusively.
	Connect(ctx context.Context) (Card, error)
}

// Card is one connection to one card. It is used by one goroutine at a time.
type Card interface {
	// Certificate returns the user-authentication certificate, DER.
	Certificate(ctx context.Context) ([]byte, error)
	// Tries returns how many tries of the PIN are left, without using one; 0 is blocked.
	Tries(ctx context.Context) (int, error)
	// VerifyPIN sends the PIN (ASCII digits) once and never again by itself. The caller overwrites pin.
	VerifyPIN(ctx context.Context, pin []byte) (PINResult, error)
	// Pad tells where the PIN is typed.
	Pad() Pad
	// VerifyAtPad has the reader take the PIN on its own keys and send it, once. [ErrPadCancelled], [ErrPadTimeout],
	// [ErrPadForm] and [ErrNoPad] mean that nothing was sent.
	VerifyAtPad(ctx context.Context) (PINResult, error)
	// Sign signs message with the user-authentication key.
	Sign(ctx context.Context, message []byte) ([]byte, error)
	// Close resets the card, so that nothing of this visit stays open on it.
	Close() error
}

// Pad is where a PIN is typed.
type Pad uint8

// The places.
const (
	NoPad     Pad = iota // on the screen
	UnusedPad            // on the screen, and the reader has keys that do nothing
	UsedPad              // at the reader, and nowhere else
)

// PINResult is the card's answer to a PIN. OK and Blocked exclude each other.
type PINResult struct {
	OK      bool
	Left    int // tries left when not OK
	Blocked bool
}

// ErrClock is wrapped by an error of Centre.Ready that means: its clock and the terminal's are too far apart.
var ErrClock = errors.New("session: the clock of the centre and this one disagree")

// ErrSelfTest and ErrSelfTestFailed are wrapped by errors of Centre.Ready that mean: the check of this terminal has not
// been put to the test today, or did not stand it.
var (
	ErrSelfTest       = errors.New("session: not tested yet today")
	ErrSelfTestFailed = errors.New("session: the self-test failed")
)

// ErrPolicy is wrapped by an error of Centre.Ready that means: no visit may begin under the policy that is in force.
var ErrPolicy = errors.New("session: the policy forbids it")

// ErrStopped is wrapped by an error of Centre.Ready that means: open incidents stop every service of this terminal.
var ErrStopped = errors.New("session: every service is stopped")

// ErrClosed is wrapped by an error of Centre.Ready that means: nothing can be had at this hour.
var ErrClosed = errors.New("session: outside the hours")

// Centre is the issuing centre. An answer that declines is a [*Declined]; any other error means that the centre
// could not be asked, or did not answer properly.
type Centre interface {
	// Ready says whether a visit may begin: nil, or why not; [ErrClock] where it is the clock, [ErrPolicy] where it is the
	// policy, [ErrStopped] where incidents stop it, [ErrClosed] where it is the hour, [ErrSelfTest] and [ErrSelfTestFailed] where the terminal itself is not to be
	// trusted (yet).
	Ready(ctx context.Context) error
	Begin(ctx context.Context, b protocol.Begin) (protocol.Begun, error)
	Applicant(ctx context.Context, t protocol.Transaction, a protocol.Applicant) (protocol.Offers, error)
	Apply(ctx context.Context, t protocol.Transaction, o protocol.Order) error
	// Package waits for the package until ctx ends. The bytes belong to the caller, who overwrites them.
	Package(ctx context.Context, t protocol.Transaction) ([]byte, error)
	// Suspended returns nil where the centre has suspended nothing of this for all terminals, and a [*Declined] where it has: what a
	// municipality issues, by the software that made it, or by any (zero) where nothing is made yet.
	Suspended(ctx context.Context, m protocol.Municipality, by protocol.Software) error
	// InForce returns the register's signed answer as it came.
	InForce(ctx context.Context, t protocol.Transaction, q protocol.InForceQuestion) ([]byte, error)
	// Cancel kills the transaction at the centre as a whole.
	Cancel(ctx context.Context, t protocol.Transaction) error
	// Outcome hands the outcome over for delivery. It is durable when it returns nil; delivery may come later.
	Outcome(ctx context.Context, t protocol.Transaction, r protocol.OutcomeReport) error
}

// Declined is the centre's "no, and nobody is at fault": the word of the problem document, such as "not-linked",
// "card-revoked", "card-suspended", or "no-offers".
type Declined struct{ Word string }

func (d *Declined) Error() string { return "declined: " + d.Word }

// Verifier is the check. Its refusals carry a reason code ([reason.Of]); a refused package is a [*document.Refusal].
type Verifier interface {
	// CheckCard judges the certificate on a card (DER): card-untrusted or card-expired.
	CheckCard(certificate []byte) error
	// CheckProof judges the card's signature over message: card-untrusted.
	CheckProof(card *x509.Certificate, message, signature []byte) error
	Verify(ctx context.Context, pkg []byte, want document.Expectation) (document.Verified, error)
	ReleaseSignature(d document.Verified, signature []byte) (document.ReleaseSignature, error)
	InForce(d document.Verified, fresh protocol.Nonce, answer []byte) (document.InForce, error)
}

// Queue is the way to paper; see [spool.Queue].
type Queue interface {
	Ready(ctx context.Context) (spool.Readiness, error)
	Accept(ctx context.Context, visit uint64, d document.Verified) error
	Void(ctx context.Context, visit uint64, d document.Verified, why string) error
	Release(ctx context.Context, visit uint64, d document.Verified, f document.InForce, s document.ReleaseSignature) (spool.Released, error)
	Print(ctx context.Context, r spool.Released, p spool.Progress) (spool.Result, error)
	// Confirm ends what is out at a counter, by the word of staff (an id), or "" for nobody's.
	Confirm(ctx context.Context, t protocol.Transaction, o protocol.Outcome, why, staff string) error
}

// Payment holds the fee until it is known what happened on paper. Return of a transaction for which nothing is
// held is not an error, so that it can always be called. Keep and Return may be said again, after a restart too, and then
// change nothing.
type Payment interface {
	Hold(ctx context.Context, t protocol.Transaction, yen int) error
	Keep(ctx context.Context, t protocol.Transaction) error
	Return(ctx context.Context, t protocol.Transaction) error
}

// Ledger is the terminal's memory. Everything is on the disk when a method returns nil.
type Ledger interface {
	// BeginVisit gives a visit its number. Numbers rise for the life of the terminal and start at 1.
	BeginVisit(ctx context.Context) (visit uint64, err error)
	EndVisit(ctx context.Context, visit uint64) error
	// Ended records the outcome of a transaction that neither the queue ends nor [Latches.Refused]: abandoned, and unsure
	// where a document was released and the queue never came to print it.
	Ended(ctx context.Context, e Ending) error
	// Incident records that somebody must look, and hands it over for delivery to the centre.
	Incident(ctx context.Context, i Incident) error
	// Latched reports whether staff are needed before a visit may begin. It is true after a restart too: after
	// [Ledger.Latch], and wherever the queue found a transaction unsure.
	Latched(ctx context.Context) (bool, error)
	Latch(ctx context.Context, visit uint64, t protocol.Transaction, why string) error
	// Shut is Incident and Latch at once: no power cut leaves one without the other.
	Shut(ctx context.Context, i Incident, why string) error
	// StaffReady records who (an id, never a name) said that tray and path are empty, and lifts the latch.
	StaffReady(ctx context.Context, staff string) error
	// WrongCode records that a personal code was wrong; staff is the id that was typed where it is somebody's, else "".
	WrongCode(ctx context.Context, visit uint64, t protocol.Transaction, staff string) error
	// Late records that something arrived for a dead transaction and was destroyed.
	Late(ctx context.Context, visit uint64, t protocol.Transaction, what string) error
}

// Latches closes a municipality's service on this terminal. [reason.Class] decides: mixed-up and forged close it
// at once, defective after N within T (policy), late is only counted.
type Latches interface {
	Closed(m protocol.Municipality) bool
	// Refused counts a refusal (the incident's code and municipality), and latches where that follows. The incident, the latch and
	// the outcome are written at once, or none of them; synced when it returns. After that, maybe later, the package is kept for its
	// municipality, where there is one that wants it, or not: it is overwritten in any case, and what becomes of it is no error.
	Refused(ctx context.Context, r Refusal) error
	// Disowned closes the service of the incident's municipality, whose certificate is another's than the applicant's, and calls
	// staff ([Ledger.Latch]); all of it and the incident are written at once. On an error it is kept, the service is closed all the
	// same, and nothing begins before it is written.
	Disowned(ctx context.Context, i Incident, why string) error
}

// Refusal is what follows from a document that was refused.
type Refusal struct {
	Incident Incident
	Raise    bool    // it is an incident; else it is only counted
	Ending   *Ending // nil: the queue ends the transaction, since something is on paper
	Package  []byte  // its own; empty where nothing came, or something holds it that hangs
}

// Staff knows who may confirm a name at a counter, and their personal codes.
type Staff interface {
	// Confirms reports whether code is the one of the member of staff with this id, who may now confirm names on this
	// municipality's certificates here. known is the id where it is somebody's. The caller overwrites code.
	Confirms(id string, code []byte, m protocol.Municipality) (is bool, known string)
}

// Tray is a paper sensor at the output tray. It is optional.
type Tray interface {
	// Taken returns nil when no paper lies in the tray.
	Taken(ctx context.Context) error
}

// Screen shows the picture. Show must return at once, and must not call the Runner: it is called by the goroutine that
// would have to answer.
type Screen interface{ Show(View) }

// Parts is everything a [Runner] is made of. Tray and Observe may be nil; Staff too, but not at a counter.
type Parts struct {
	Terminal protocol.Terminal
	Channel  protocol.Channel
	Reader   Reader
	Centre   Centre
	Verifier Verifier
	Queue    Queue
	Payment  Payment
	Ledger   Ledger
	Latches  Latches
	Screen   Screen
	Staff    Staff
	Tray     Tray
	Observe  func(Step) // called in order, by the same rule as Screen.Show
	Limits   Limits     // zero fields get their default
	Recall   *Recall    // what the runner before kept that gave way to this one; nil: nothing
}
