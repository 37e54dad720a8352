package terminal

import (
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/daemon/session"
	"honnin/ui/touch"
)

// TestEveryStateHasAScreen walks all states by their names; a state without a name ends the walk.
func TestEveryStateHasAScreen(t *testing.T) {
	n := 0
	for _, s := range session.States() {
		name, ok := screens[s]
		if !ok || !name.Valid() {
			t.Errorf("%v has no screen", s)
		}
		n++
	}
	if n < 20 {
		t.Errorf("only %d states", n)
	}
}

func TestEveryActionIsHeard(t *testing.T) {
	for _, n := range touch.Names() {
		for _, a := range []touch.Action{touch.Pin, touch.Yes, touch.Back, touch.Cancel, touch.Apply, touch.More, touch.Finish, touch.Touched, touch.Code, touch.NotMine} {
			if n.Allows(a) && Pressed(touch.Finger{Action: a}).Kind == 0 {
				t.Errorf("%s on %s is not heard", a, n)
			}
		}
	}
}

// TestFinishIsHeardWhereItIsDrawn: the button of a last word is there exactly where the session moves on it.
func TestFinishIsHeardWhereItIsDrawn(t *testing.T) {
	for s := range screens {
		p := Picture(session.View{State: s, Notice: session.DocRefused})
		to, _ := session.Next(s, session.Finish)
		if p.Name.Allows(touch.Finish) && p.NoFinish == (to != s) {
			t.Errorf("%s on %s: the button is drawn %t, and leads to %s", s, p.Name, !p.NoFinish, to)
		}
	}
}

func TestLastWords(t *testing.T) {
	for name, c := range map[string]struct {
		view session.View
		name touch.Name
		msg  touch.Message
	}{
		"refused":        {session.View{State: session.Ended, Notice: session.DocRefused, Code: reason.SubjectMismatch}, touch.Refused, touch.NoMessage},
		"another's name": {session.View{State: session.Done, Notice: session.DocRefused, Code: reason.NameMismatch}, touch.Withheld, touch.NoMessage},
		"unread":         {session.View{State: session.OutOfService, Notice: session.StaffAreCalled, Word: string(session.IncidentUnconfirmed)}, touch.OutOfService, touch.MsgPaper},
		"clearing":       {session.View{State: session.Clearing, Notice: session.DocRefused, Code: reason.SubjectMismatch}, touch.Refused, touch.NoMessage},
		"card expired":   {session.View{State: session.Ended, Notice: session.CardRefused, Code: reason.CardExpired}, touch.Ended, touch.MsgCardExpired},
		"strange card":   {session.View{State: session.Ended, Notice: session.CardRefused}, touch.Ended, touch.MsgCardUnknown},
		"not linked":     {session.View{State: session.Ended, Notice: session.NotOffered, Word: "not-linked"}, touch.Ended, touch.MsgNotLinked},
		"expired there":  {session.View{State: session.Ended, Notice: session.NotOffered, Word: "card-expired"}, touch.Ended, touch.MsgCardExpired},
		"suspended":      {session.View{State: session.Done, Notice: session.NotOffered, Word: "suspended"}, touch.Ended, touch.MsgSuspended},
		"unknown word":   {session.View{State: session.Ended, Notice: session.NotOffered, Word: "new"}, touch.Ended, touch.MsgUnavailable},
		"blocked":        {session.View{State: session.Ended, Notice: session.PINIsBlocked}, touch.Blocked, touch.NoMessage},
		"thanks":         {session.View{State: session.Done, Notice: session.Thanks}, touch.Done, touch.NoMessage},
		"no paper":       {session.View{State: session.Unready, Word: "media-needed"}, touch.OutOfService, touch.MsgPrinter},
		"no reader":      {session.View{State: session.Unready, Word: "reader"}, touch.OutOfService, touch.MsgReader},
		"reader failed":  {session.View{State: session.Ended, Notice: session.NotWorking, Word: "reader"}, touch.Ended, touch.MsgReader},
		"centre silent":  {session.View{State: session.Ended, Notice: session.NotWorking, Word: "centre"}, touch.Ended, touch.MsgCentreSilent},
		"wrong clock":    {session.View{State: session.Unready, Word: "clock"}, touch.OutOfService, touch.MsgService},
		"closed":         {session.View{State: session.Unready, Word: "closed"}, touch.OutOfService, touch.MsgClosed},
		"staff":          {session.View{State: session.OutOfService, Notice: session.StaffAreCalled}, touch.OutOfService, touch.MsgPaper},
		"a fault":        {session.View{State: session.OutOfService, Notice: session.StaffAreCalled, Word: string(session.IncidentFault)}, touch.OutOfService, touch.MsgIncident},
		"sheets failed":  {session.View{State: session.OutOfService, Notice: session.PaperFailed}, touch.FailedPaper, touch.NoMessage},
		"not mine":       {session.View{State: session.OutOfService, Notice: session.Disowned, Word: string(session.IncidentNotMine)}, touch.Disowned, touch.NoMessage},
		"unproven":       {session.View{State: session.OutOfService, Notice: session.Unproven}, touch.Disowned, touch.MsgUnproven},
		"is it?":         {session.View{State: session.AskedAtEnd, Notice: session.Thanks}, touch.AskNotMine, touch.NoMessage},
		"is it, later?":  {session.View{State: session.AskedLater}, touch.AskNotMine, touch.MsgAgain},
		"still stranded": {session.View{State: session.Stranded, Notice: session.Thanks}, touch.OutOfService, touch.MsgPaper},
	} {
		t.Run(name, func(t *testing.T) {
			if s := Picture(c.view); s.Name != c.name || s.Message != c.msg {
				t.Errorf("%s %q", s.Name, s.Message)
			}
		})
	}
	if s := Picture(session.View{State: session.AtPad, Misfit: true}); s.Name != touch.PINAtReader || !s.Misfit || s.WrongPIN {
		t.Errorf("%+v", s)
	}
	if s := Picture(session.View{State: session.MoreTime, Remaining: 15 * time.Second}); s.Seconds != 15 {
		t.Errorf("%d seconds", s.Seconds)
	}
}
