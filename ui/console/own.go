package console

import (
	"context"
	"strings"
	"time"

	"honnin/config/policy"
)

// own does the commands of the console itself.
func (s *session) own(c Call, a *Answer) error {
	switch c.Command.Name {
	case "help":
		return s.help(c, a)
	case "lang":
		s.lang, a.lang = c.Word("language"), c.Word("language")
		return nil
	case "terminal":
		return s.setTerminal(c)
	case "history":
		return s.showHistory(a)
	case "login":
		return s.login(c, a)
	case "logout":
		return s.logout(c)
	}
	return Fail(NotHere)
}

// logout of who has not signed in ends what Ctrl-D would end.
func (s *session) logout(c Call) error {
	switch {
	case c.JSON:
		s.out(SignedOut)
		return nil
	case s.who.Role != Nobody:
		return s.goodbye(SignedOut)
	case s.o.Ends:
		return errBye
	}
	return Fail(NotSignedIn)
}

func (s *session) help(c Call, a *Answer) error {
	if !c.Has("command") {
		for _, r := range s.offered {
			if err := a.Row("help.command", Plain(r.Name), Word(rolesWord(r.Need)), Says(r.Does)); err != nil {
				return err
			}
		}
		return nil
	}
	w := strings.Fields(c.Word("command") + " " + c.Word("word"))
	found := nextWords(s.offered, w[:1])
	of, rest := find(table(), w)
	switch {
	case of != nil && !s.o.offers(*of):
		return Fail(NotHere)
	case of != nil && len(rest) == 0:
	case of == nil && len(w) == 1 && len(found) > 0: // "help journal"
	default:
		return &Failure{Code: UnknownCommand, Hint: meant(s.offered, w)}
	}
	for _, r := range s.offered {
		if r.Name != strings.Join(w, " ") && !strings.HasPrefix(r.Name, strings.Join(w, " ")+" ") {
			continue
		}
		if err := s.explain(&r, c, a); err != nil {
			return err
		}
	}
	return nil
}

// explain is a row's help: for people whole, for programs what the list says.
func (s *session) explain(r *Command, c Call, a *Answer) error {
	if c.JSON {
		return a.Row("help.command", Plain(r.Name), Word(rolesWord(r.Need)), Says(r.Does))
	}
	for _, l := range r.explain(s.lang) {
		text := strings.TrimLeft(l, " ")
		indent := l[:len(l)-len(text)]
		for i, part := range wrap(text, s.screen.columns-3-len(indent)) {
			if i > 0 {
				part = "  " + part
			}
			if err := a.say(indent + part); err != nil {
				return err
			}
		}
	}
	return nil
}

func rolesWord(r policy.Role) string {
	if r == Nobody {
		return "none"
	}
	return string(r)
}

func (s *session) setTerminal(c Call) error {
	s.asked = true
	s.screen.paged = !c.Has("no-pages")
	s.screen.vt = c.Word("kind") == "vt100"
	s.screen.size(c.Number("rows", 0), c.Number("columns", 0))
	if c.Word("kind") == "auto" {
		return s.screen.ask()
	}
	return nil
}

func (s *session) showHistory(a *Answer) error {
	for i, l := range s.editor.past.lines {
		if err := a.Row("history.line", Number(i+1), Plain(l)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) login(c Call, a *Answer) error {
	if s.who.Role != Nobody {
		return Fail(Already)
	}
	now := s.o.Now()
	if w := s.o.Door.wait(now); w > 0 {
		return &Failure{Code: Wait, After: seconds(w)}
	}
	if _, err := s.o.Keys.Keys(); err != nil { // then nobody need sign anything
		return err
	}
	role := policy.Look
	if c.Has("role") {
		role = policy.Role(c.Word("role"))
	}
	ch, err := newChallenge(s.o.Terminal, role, now, s.o.Rand)
	if err != nil {
		return err
	}
	if err := s.show(ch, c, a); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), ChallengeLife)
	defer stop()
	pasted, err := s.paste(ctx)
	if err := s.screen.write("\r\n"); err != nil {
		return err
	}
	if err != nil && failure(err).Code != BadArmour {
		return err
	}
	return s.enter(ch, pasted, a)
}

// show writes a challenge. For people each of its lines stands alone, to be copied.
func (s *session) show(ch challenge, c Call, a *Answer) error {
	if c.JSON {
		return a.Row("login.challenge", challengeValue(ch.lines[0]), challengeValue(ch.lines[1]), Name(Namespace), Span(ChallengeLife))
	}
	for _, l := range []string{signHere.In(s.lang), "  ssh-keygen -Y sign -n " + Namespace + " -f ~/.ssh/id_ed25519", signThese.In(s.lang), ch.lines[0], ch.lines[1], pasteHere.In(s.lang)} {
		if err := s.say(l); err != nil {
			return err
		}
	}
	return nil
}

// challengeValue is a line of a challenge; a terminal's name may have more digits than Plain lets through.
func challengeValue(line string) Value { return Value{kind: KindPlain, s: line} }

// enter signs in whoever has signed, takes the seat, and journals it: in that order, and all or nothing. What was typed
// before is thrown away, so that nobody's line is done in another's name.
func (s *session) enter(ch challenge, pasted []byte, a *Answer) error {
	keys, err := s.o.Keys.Keys()
	if err != nil {
		return err
	}
	now := s.o.Now()
	key, code := ch.judge(pasted, keys, now)
	if code != "" {
		if _, err := s.wire.forget(quietTime, loudTime); err != nil && err != errLoud { // lines of what was pasted are no commands
			return err
		}
		w := s.o.Door.failed(s.o.Now())
		_ = s.note(RefusedEvent, "", code) // refused it is anyway
		return &Failure{Code: code, After: seconds(w)}
	}
	who := Who{key.ID, ch.role}
	leave, err := s.o.Seats.Sit(who)
	if err != nil {
		return err
	}
	s.who, s.key = who, key
	if err := s.note(SignedInEvent, "", ""); err != nil {
		leave()
		s.who = Who{}
		return Fail(NoJournal)
	}
	s.leave = leave
	s.o.Door.opened()
	s.wire.stir()
	s.wire.drop()
	limited := None()
	if key.Lapsed != "" {
		limited = Word(key.Lapsed)
	}
	return a.Row("login.signed-in", Name(who.ID), Word(who.Role), limited)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
