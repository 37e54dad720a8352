package console

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"honnin/config/policy"
)

const (
	defaultIdle  = 10 * time.Minute
	defaultStall = 30 * time.Second
)

// session is one line, from when it is there until it hangs up.
type session struct {
	o        Options
	wire     *wire
	keyboard *keyboard
	screen   *screen
	editor   *editor
	lang     string
	who      Who
	key      Key    // that who signed in with
	leave    func() // the seat
	offered  []Command
	asked    bool // the far end was asked what it is, or somebody said so
	strange  int  // lines in a row that are no commands
	empty    int  // and that have nothing in them, with more behind them
}

// Serve speaks with whoever is at the far end, until the line hangs up (nil), takes nothing (ErrStalled), fails, or ctx is
// done. Whoever was signed in is signed out then. The caller closes the line, which ends the goroutines that read and write
// it, and may begin anew.
func Serve(ctx context.Context, line io.ReadWriter, o Options) error {
	if o.Idle == 0 {
		o.Idle = defaultIdle
	}
	if o.Stall == 0 {
		o.Stall = defaultStall
	}
	if o.Door == nil {
		o.Door = &Door{}
	}
	w := newWire(line, o.Stall, o.Now)
	defer w.fail(io.EOF)
	s := &session{o: o, wire: w, keyboard: &keyboard{wire: w}, lang: o.Lang,
		screen: &screen{wire: w, rows: defaultRows, columns: defaultColumns, paged: true}}
	s.offered = slices.DeleteFunc(Commands(), func(c Command) bool { return !o.offers(c) })
	s.editor = &editor{screen: s.screen, keyboard: s.keyboard, past: &history{}, complete: func(before string) (string, []string) { return complete(s.offered, before) }}
	defer context.AfterFunc(ctx, func() { w.fail(ctx.Err()) })()
	err := s.serve()
	s.out(HangUp)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (s *session) serve() error {
	if err := s.screen.write("\r\n" + banner + "\r\n"); err != nil {
		return err
	}
	for {
		text, err := s.editor.read(context.Background(), promptOf[ranks[s.who.Role]], s.patience)
		switch empty := strings.TrimSpace(text) == ""; {
		case empty && s.flooded():
			err = errNoise
		case err == nil:
			err = s.line(text)
		}
		if gone := s.wire.broken(); gone != nil {
			return gone
		}
		if err = s.meet(err); err != nil {
			return err
		}
	}
}

// flooded reports whether lines with nothing in them come faster than anybody types, again and again.
func (s *session) flooded() bool {
	pending := s.wire.pending()
	if s.empty++; pending && s.empty <= mostOdd {
		return false
	}
	s.empty = 0
	return pending
}

// patience is how long somebody who has signed in may still give no command. Bytes alone prolong it not: a cable that was
// pulled off brings some, too.
func (s *session) patience() time.Duration {
	if s.who.Role == Nobody {
		return 0
	}
	return max(time.Millisecond, s.o.Idle-s.wire.idle())
}

// meet does what an interruption asks for; what it cannot meet ends the session.
func (s *session) meet(err error) error {
	switch {
	case err == nil || errors.Is(err, errCancel):
		return nil
	case errors.Is(err, errQuiet):
		return s.goodbye(Idle)
	case errors.Is(err, errBye) && s.o.Ends && s.who.Role == Nobody:
		return io.EOF
	case errors.Is(err, errBye):
		return s.goodbye(SignedOut)
	case errors.Is(err, errBreak):
		if s.out(Break) {
			return s.calm(Break)
		}
		return s.calm("")
	case errors.Is(err, errNoise):
		return s.calm(Noise)
	case errors.Is(err, errLong):
		return s.calm(TooLong)
	}
	return err
}

// How long it must be quiet after noise, and how long noise may last before nobody can be the one who has signed in.
const quietTime, loudTime = 250 * time.Millisecond, 10 * time.Second

// calm throws away what comes until nothing does, in flat memory and without a word, and then says so once. A break in
// it signs out.
func (s *session) calm(why Code) error {
	for {
		brk, err := s.wire.forget(quietTime, loudTime)
		if (brk || err == errLoud) && s.out(Break) {
			why = Break
		}
		switch {
		case err == errLoud:
		case err != nil:
			return err
		case why == "":
			return s.screen.write("\r\n")
		default:
			return s.say("\r\n" + failure(Fail(why)).text(s.lang))
		}
	}
}

// line is one line that was typed.
func (s *session) line(text string) error {
	if strings.TrimSpace(text) == "" {
		if s.asked || s.wire.pending() {
			return nil
		}
		s.asked = true
		return s.screen.ask()
	}
	if modem(text) {
		return nil
	}
	s.editor.past.add(strings.TrimSpace(text))
	call, err := parse(s.offered, text)
	if s.strange++; call.Command != nil {
		s.strange = 0
		s.wire.stir()
	}
	err = s.answer(call, err)
	if err == nil && s.strange > mostStrange {
		return errNoise
	}
	return err
}

// answer does what was typed, unless it is wrong already, and says how it went. Its error is of the line, or why the session
// cannot go on as if nothing were.
func (s *session) answer(call Call, wrong error) error {
	a := &Answer{call: call, lang: s.lang, who: s.who, width: s.screen.columns}
	b := s.begin(call, a)
	defer b.stop(nil)
	if wrong == nil {
		wrong = errors.Join(s.do(b, call, a), a.Flush())
	}
	lost := b.end()
	if left := leaves(b.ctx, wrong); left != nil {
		if call.JSON {
			return errors.Join(a.done(left), left)
		}
		return left
	}
	if err := a.done(wrong); err != nil && !errors.Is(err, errQuit) {
		return err
	}
	if lost {
		return s.say(failure(Fail(Lost)).text(s.lang))
	}
	return nil
}

// mostStrange is how many lines in a row may be no commands. A far end that sends back what it gets (a shell, a plug that joins
// both wires) would otherwise be answered for ever, as fast as the line goes; so it is a few times a second.
const mostStrange = 8

// modem reports whether a line is for a modem: minicom, as it comes, greets one. No command is in capitals.
func modem(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "AT") }

// leaves is why the session cannot go on after a command as if nothing were.
func leaves(ctx context.Context, err error) error {
	for _, e := range []error{errQuiet, errBye, errBreak, errNoise, errLong} {
		if errors.Is(err, e) || errors.Is(context.Cause(ctx), e) {
			return e
		}
	}
	return nil
}

// say writes a line of the console's own.
func (s *session) say(text string) error { return s.screen.write(text + "\r\n") }

// do is one command, if it may be done.
func (s *session) do(b *begun, c Call, a *Answer) error {
	if err := s.allowed(c); err != nil {
		return err
	}
	if err := s.confirm(c); err != nil {
		return err
	}
	if err := s.allowed(c); err != nil { // the question may have stood for long
		return err
	}
	if s.who.Role != Nobody && s.note(CommandEvent, c.Command.Name, "") != nil {
		return Fail(NoJournal)
	}
	if c.Command.own {
		return s.own(c, a)
	}
	return b.work(c, a)
}

// allowed looks at the role, and that the policy in force still gives it.
func (s *session) allowed(c Call) error {
	if !s.o.offers(*c.Command) {
		return Fail(NotHere)
	}
	lapsed := Code("")
	if s.who.Role != Nobody {
		key, listed := s.listed()
		if !listed {
			s.out(ExpiredKey)
			return Fail(ExpiredKey)
		}
		lapsed = key.Lapsed
	}
	switch {
	case may(s.who.Role, c.Command.Need) && (lapsed == "" || c.Command.Need != policy.Service || c.Command.Lapsed):
		return nil
	case s.who.Role == Nobody:
		return Fail(SignInNeeded)
	case lapsed != "":
		return Fail(lapsed)
	}
	return Fail(RoleNeeded)
}

// listed is the key that somebody signed in with, as it stands now.
func (s *session) listed() (Key, bool) {
	keys, err := s.o.Keys.Keys()
	for _, k := range keys {
		if err == nil && k.ID == s.key.ID && k.SSH == s.key.SSH && !k.Expired && may(k.Role, s.who.Role) {
			return k, true
		}
	}
	return Key{}, false
}

// confirm asks what the row asks. A program says --yes.
func (s *session) confirm(c Call) error {
	switch {
	case c.Command.Ask == (Text{}) || c.yes:
		return nil
	case c.JSON:
		return &Failure{Code: MissingArgument, About: "--yes"}
	}
	for _, l := range wrap(c.Command.Ask.In(s.lang), s.screen.columns-1) {
		if err := s.say(l); err != nil {
			return err
		}
	}
	answer, err := (&editor{screen: s.screen, keyboard: s.keyboard, past: &history{}, complete: nothing}).read(context.Background(), askEnding.In(s.lang), s.patience)
	switch {
	case err == nil && strings.TrimSpace(answer) == "yes":
		return nil
	case err == nil || errors.Is(err, errCancel) || errors.Is(err, errBye):
		return Fail(Cancelled)
	}
	return err
}

func nothing(string) (string, []string) { return "", nil }

func (s *session) note(k EventKind, command string, c Code) error {
	return s.o.Journal.Note(Event{Kind: k, Who: s.who.ID, Role: s.who.Role, Command: command, Code: c})
}

// out signs out, and forgets what the one who was here has typed. That it could not be journalled keeps nobody signed in.
func (s *session) out(why Code) (was bool) {
	if s.who.Role == Nobody {
		return false
	}
	_ = s.note(SignedOutEvent, "", why)
	s.leave()
	s.who, s.key, s.leave = Who{}, Key{}, nil
	s.editor.past.lines = nil
	s.wire.drop()
	return true
}

// goodbye signs out and says why.
func (s *session) goodbye(why Code) error {
	if err := s.screen.write("\r\n"); err != nil || !s.out(why) {
		return err
	}
	return s.say(failure(Fail(why)).text(s.lang))
}
