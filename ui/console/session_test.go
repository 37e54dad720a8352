package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"honnin/config/policy"
)

func TestAsASessionGoes(t *testing.T) {
	w := &world{do: func(_ context.Context, _ Who, _ Call, a *Answer) error { return statusRow(a) }}
	bubbleWith(t, w, func(r *rig) {
		if s := r.got(); s != "\r\n"+banner+"\r\nhonnin> " {
			r.Errorf("%q", s)
		}
		out := r.send("status\r")
		for _, s := range []string{"status\r\n== Terminal\r\n", "open", "clock (JST):     2026-11-22 23:00:00\r\n", "why:             -\r\n", "policy version:  7\r\n", "\r\nhonnin> "} {
			if !strings.Contains(out, s) {
				r.Errorf("no %q in %q", s, out)
			}
		}
		if strings.Contains(out, "open incidents") {
			r.Errorf("what is not for everybody is named: %q", out)
		}
		if s := r.send("printer sheet\r"); !strings.Contains(s, "! sign-in-needed: ") {
			r.Errorf("%q", s)
		}
		if s := r.login("look"); !strings.HasSuffix(s, "look> ") || r.seated != "tech-7" {
			r.Errorf("%q", s)
		}
		if s := r.send("status\n"); !strings.Contains(s, "open incidents:     3\r\n") || !strings.Contains(s, "1h30m0s") {
			r.Errorf("%q", s)
		}
		if s := r.send("printer sheet\r\n"); !strings.Contains(s, "! role-needed: ") || strings.Count(s, "look> ") != 1 {
			r.Errorf("%q", s)
		}
		if s := r.send("lang ja\rlogout\r"); !strings.Contains(s, "! signed-out: サインアウトしました。") || !strings.HasSuffix(s, "honnin> ") || r.seated != "" {
			r.Errorf("%q", s)
		}
		did, events := r.has()
		want := []Event{{SignedInEvent, "tech-7", policy.Look, "", ""}, {CommandEvent, "tech-7", policy.Look, "status", ""},
			{CommandEvent, "tech-7", policy.Look, "lang", ""}, {CommandEvent, "tech-7", policy.Look, "logout", ""}, {SignedOutEvent, "tech-7", policy.Look, "", SignedOut}}
		if !slices.Equal(did, []string{" status", "look status"}) || !slices.Equal(events, want) {
			r.Errorf("%q\n%v", did, events)
		}
	})
}

// TestWaits: after a wrong signature nobody gets a challenge for a while, also not over a hang-up.
func TestWaits(t *testing.T) {
	bubble(t, func(r *rig) {
		for i, wait := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			r.send("login\r")
			r.send("nonsense\rstatus\rlogin\r")
			if s := r.pass(400 * time.Millisecond); !strings.Contains(s, fmt.Sprintf("! bad-armour: %s  %d seconds", BadArmour.In("en"), wait)) {
				r.Fatalf("%d: %q", i, s)
			}
			if s := r.send("login\r"); !strings.Contains(s, fmt.Sprintf("! wait: %s  %d seconds", Wait.In("en"), wait)) {
				r.Fatalf("%d: %q", i, s)
			}
			if err := r.hangUp(); err != nil {
				r.Fatal(err)
			}
			r.line = newLine()
			r.begin()
			r.pass(time.Duration(wait)*time.Second - 151*time.Millisecond)
			if s := r.send("login\r"); !strings.Contains(s, "! wait: "+Wait.In("en")+"  1 seconds") {
				r.Fatalf("%d: %q", i, s)
			}
			r.pass(time.Millisecond)
		}
		r.login("service")
		if s := r.send("logout\r"); !strings.Contains(s, "signed-out") {
			r.Error(s)
		}
		if s := r.send("login\r"); !strings.Contains(s, Namespace+":YOKOHAMA-0012:look:") {
			r.Error(s)
		}
		did, events := r.has()
		refused := 0
		for _, e := range events {
			if e.Kind == RefusedEvent && e.Code == BadArmour && e.Who == "" {
				refused++
			}
		}
		if refused != 8 || len(did) != 0 {
			r.Errorf("%d, %q: lines behind a wrong paste are no commands", refused, did)
		}
	})
}

// TestOneChallengeOneAnswer: a signature that signed somebody in is worth nothing afterwards, nor one that came too late.
func TestOneChallengeOneAnswer(t *testing.T) {
	bubble(t, func(r *rig) {
		sig := armour(r, r.key, Namespace, signedLines(r, r.send("login\r")))
		r.send(sig)
		if s := r.pass(time.Second); !strings.Contains(s, "tech-7") {
			r.Fatalf("%q", s)
		}
		r.send("logout\r")
		r.send("login\r")
		r.send(sig)
		if s := r.pass(time.Second); !strings.Contains(s, "! other-challenge: ") {
			r.Errorf("replayed: %q", s)
		}
		r.pass(time.Minute)
		sig = armour(r, r.key, Namespace, signedLines(r, r.send("login\r")))
		if s := r.pass(ChallengeLife); !strings.Contains(s, "! too-late: ") {
			r.Errorf("late: %q", s)
		}
		r.send(sig)
		r.pass(time.Second)
		if did, events := r.has(); len(did) != 0 || events[len(events)-1].Kind == SignedInEvent {
			r.Errorf("%q %v", did, events)
		}
		r.send("login\r")
		if s := r.send("\x03"); !strings.Contains(s, "! no-signature: ") || !strings.HasSuffix(s, "honnin> ") {
			r.Errorf("%q", s)
		}
	})
}

// TestTypedAheadOfASignIn: what was typed before is nobody's, however it comes.
func TestTypedAheadOfASignIn(t *testing.T) {
	bubble(t, func(r *rig) {
		sig := armour(r, r.key, Namespace, signedLines(r, r.send("login service\r")))
		r.send(sig + "reboot --yes\r")
		if s := r.pass(time.Second); !strings.Contains(s, "! bad-armour") {
			r.Errorf("%q", s)
		}
		r.pass(time.Second)
		if did, _ := r.has(); len(did) != 0 {
			r.Errorf("%q", did)
		}
	})
}

// TestNothingAboveItsRole: no sequence of lines, sign-ins, breaks and waits lets a command run above the role that its
// technician has at that moment, and every command of somebody is journalled before.
func TestNothingAboveItsRole(t *testing.T) {
	lines := []string{"status", "reader", "printer path-empty", "yes", "service off --yes", "reboot", "logout", "journal tail", "help", "\x00", "\x03", "\x04", "\xff\xfe", "login look", "login service", armourBegin, "q"}
	seen := map[string]int{}
	prop := func(rt *rapid.T) {
		typed := rapid.SliceOfN(rapid.SampledFrom(append(lines, "sign look", "sign service", "wait")), 1, 30).Draw(rt, "typed")
		bubble(t, func(r *rig) {
			for _, l := range typed {
				r.type_(l)
			}
			did, events := r.has()
			checkRoles(rt, did, events)
			for _, s := range did {
				seen[s]++
			}
		})
	}
	for range 20 { // until something was done in every role
		if rapid.Check(t, prop); seen[" status"] > 0 && seen["look reader"] > 0 && seen["service reader"] > 0 && seen["service service off"] > 0 {
			return
		}
	}
	t.Errorf("never done in some role: %v", seen)
}

// type_ types a line, or does what its words say.
func (r *rig) type_(l string) {
	role, sign := strings.CutPrefix(l, "sign ")
	switch {
	case l == "wait":
		r.pass(11 * time.Minute)
	case sign:
		if out := r.send("login " + role + "\r"); strings.Contains(out, Namespace+":") {
			r.send(armour(r, r.key, Namespace, signedLines(r, out)))
		}
	default:
		r.send(l + "\r")
	}
	r.pass(time.Second)
}

func checkRoles(t rapid.TB, did []string, events []Event) {
	role, noted := Nobody, []string{}
	for _, e := range events {
		switch e.Kind {
		case SignedInEvent:
			role = e.Role
		case SignedOutEvent:
			role = Nobody
		case CommandEvent:
			c, _ := find(table(), strings.Fields(e.Command))
			if e.Role != role || e.Who != "tech-7" || !may(role, c.Need) {
				t.Fatalf("%v while the role is %q", e, role)
			}
			if !c.own {
				noted = append(noted, string(e.Role)+" "+e.Command)
			}
		}
	}
	signed := slices.DeleteFunc(slices.Clone(did), func(s string) bool { return s == " status" })
	if !slices.Equal(signed, noted) {
		t.Fatalf("done %q, journalled %q", signed, noted)
	}
}

// TestSignedOutBy: each way out, with its word; the seat is free, and the next one finds nothing of the one before.
func TestSignedOutBy(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(r *rig) string
		want Code
	}{
		"logout":  {func(r *rig) string { return r.send("logout\r") }, SignedOut},
		"Ctrl-D":  {func(r *rig) string { return r.send("\x04") }, SignedOut},
		"a break": {func(r *rig) string { r.send("reboot --yes\x00\r"); return r.pass(time.Second) }, Break},
		"nothing typed": {func(r *rig) string {
			if s := r.pass(10*time.Minute - time.Second); s != "" {
				r.Errorf("too early: %q", s)
			}
			return r.pass(time.Second)
		}, Idle},
		"a line half typed":   {func(r *rig) string { r.send("reboo"); return r.pass(defaultIdle) }, Idle},
		"at a question":       {func(r *rig) string { r.send("reboot\r"); return r.pass(defaultIdle) }, Idle},
		"noise of a cable":    {func(r *rig) string { return stray(r, "k") }, Idle},
		"noise that is lines": {func(r *rig) string { return stray(r, "k\r") }, Idle},
		"at --More--":         {func(r *rig) string { r.send("help\r"); return r.pass(defaultIdle) }, Idle},
		"a break at --More--": {func(r *rig) string { r.send("help\r"); r.send("\x00"); return r.pass(time.Second) }, Break},
		"a key that is listed no more": {func(r *rig) string {
			r.mu.Lock()
			r.keys[0].Expired = true
			r.mu.Unlock()
			return r.send("status\r")
		}, ExpiredKey},
		"another key of the same id": {func(r *rig) string {
			r.mu.Lock()
			r.keys[0].SSH = "ssh-ed25519 AAAA"
			r.mu.Unlock()
			return r.send("status\r")
		}, ExpiredKey},
		"noise without end": {func(r *rig) string {
			for range 80 {
				r.send("\xff\xfe")
				time.Sleep(200 * time.Millisecond)
			}
			return r.pass(time.Second)
		}, Break},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.login("service")
				out := c.do(r)
				if !strings.Contains(out, "! "+string(c.want)+": ") || !strings.HasSuffix(out, "honnin> ") || r.seated != "" {
					r.Errorf("%q, the seat is %q's", out, r.seated)
				}
				did, events := r.has()
				if last := events[len(events)-1]; last != (Event{SignedOutEvent, "tech-7", policy.Service, "", c.want}) || len(did) != 0 {
					r.Errorf("%v, did %q", last, did)
				}
				if s := r.send("\x1b[A\x1b[A\r"); strings.Contains(s, "log") {
					r.Errorf("the next one finds %q", s)
				}
			})
		})
	}
}

// stray is a byte now and then from a cable that was pulled off.
func stray(r *rig, bytes string) (out string) {
	for range 2 {
		out += r.pass(defaultIdle*2/5) + r.send(bytes)
	}
	return out + r.pass(defaultIdle*2/5)
}

// TestGoneWhileAsked: who was taken out of the policy while a question stood does not do what it asked about.
func TestGoneWhileAsked(t *testing.T) {
	bubble(t, func(r *rig) {
		r.login("service")
		r.send("reboot\r")
		r.mu.Lock()
		r.keys = nil
		r.mu.Unlock()
		if s := r.send("yes\r"); !strings.Contains(s, "! expired-key: ") || !strings.HasSuffix(s, "honnin> ") || r.seated != "" {
			r.Errorf("%q", s)
		}
		if did, _ := r.has(); len(did) != 0 {
			r.Errorf("%q", did)
		}
	})
}

// TestCtrlDEnds: at a keyboard it ends the session of who has not signed in, and only on an empty line; on a line it ends none.
func TestCtrlDEnds(t *testing.T) {
	for _, ends := range []bool{false, true} {
		bubble(t, func(r *rig) {
			r.hangUp()
			r.line, r.ends = newLine(), ends
			r.begin()
			r.login("service")
			r.send("ver")
			r.send("\x04")
			if s := r.send("sion\r\x04"); !strings.Contains(s, "! signed-out: ") || r.seated != "" {
				r.Errorf("%q", s)
			}
			if did, events := r.has(); !slices.Equal(did, []string{"service version"}) || events[len(events)-1].Code != SignedOut {
				r.Errorf("%q %v", did, events)
			}
			r.send("\x04")
			select {
			case err := <-r.over:
				if r.over <- err; err != nil || !ends {
					r.Error(err)
				}
			default:
				if ends {
					r.Error("still there")
				}
			}
		})
	}
}

// TestExit: logout, by any of its names, does what Ctrl-D does, and says so where that is nothing.
func TestExit(t *testing.T) {
	for _, ends := range []bool{false, true} {
		bubble(t, func(r *rig) {
			r.hangUp()
			r.line, r.ends = newLine(), ends
			r.begin()
			r.login("look")
			if s := r.send("quit\r"); !strings.Contains(s, "! signed-out: ") || r.seated != "" {
				r.Errorf("%q", s)
			}
			s := r.send("exit\r")
			select {
			case err := <-r.over:
				if r.over <- err; err != nil || !ends {
					r.Error(err)
				}
			default:
				if ends || !strings.Contains(s, "! not-signed-in: ") {
					r.Errorf("%q", s)
				}
			}
		})
	}
}

func TestHangUpSignsOut(t *testing.T) {
	bubble(t, func(r *rig) {
		r.login("service")
		if err := r.hangUp(); err != nil || r.seated != "" {
			r.Error(err, r.seated)
		}
		if _, events := r.has(); events[len(events)-1].Code != HangUp {
			r.Error(events)
		}
		r.line = newLine()
		r.begin()
		if s := r.got(); !strings.HasSuffix(s, "honnin> ") {
			r.Errorf("%q", s)
		}
	})
}

func TestJournalFullMeansNo(t *testing.T) {
	bubble(t, func(r *rig) {
		r.login("service")
		r.mu.Lock()
		r.full = true
		r.mu.Unlock()
		if s := r.send("reader\r"); !strings.Contains(s, "! no-journal: ") {
			r.Errorf("%q", s)
		}
		r.send("logout\r")
		r.send("\x04")
		r.send(armour(r, r.key, Namespace, signedLines(r, r.send("login\r"))))
		if s := r.pass(time.Second); !strings.Contains(s, "! no-journal: ") || !strings.HasSuffix(s, "honnin> ") || r.seated != "" {
			r.Errorf("%q %q", s, r.seated)
		}
		if did, _ := r.has(); len(did) != 0 {
			r.Errorf("%q", did)
		}
	})
}

func TestSeatTaken(t *testing.T) {
	bubble(t, func(r *rig) {
		r.seated = "somebody-else"
		r.send(armour(r, r.key, Namespace, signedLines(r, r.send("login\r"))))
		if s := r.pass(time.Second); !strings.Contains(s, "! seat-taken: ") || !strings.HasSuffix(s, "honnin> ") {
			r.Errorf("%q", s)
		}
		if s := r.send("login\r"); strings.Contains(s, "! wait") {
			r.Errorf("%q", s)
		}
	})
}

// TestOffers: what the machine does not do is not listed, not completed, not explained, and not asked about.
func TestOffers(t *testing.T) {
	bubble(t, func(r *rig) {
		r.offers = func(name string) bool { return name != "reboot" && name != "reader" }
		r.hangUp()
		r.line = newLine()
		r.begin()
		r.login("service")
		if s := r.send("terminal dumb --no-pages\rhelp\r"); strings.Contains(s, "reboot") || !strings.Contains(s, "doctor") {
			t.Errorf("%q", s)
		}
		if s := r.send("reb\t\x15"); strings.Contains(s, "reboot") {
			t.Errorf("%q", s)
		}
		for _, line := range []string{"reboot", "reboot --yes", "reader", "help reboot"} {
			if s := r.send(line + "\r"); !strings.Contains(s, string(NotHere)) {
				t.Errorf("%s: %q", line, s)
			}
		}
		if did, _ := r.has(); len(did) != 0 {
			t.Error(did)
		}
	})
}

// TestHelpIsIndented: what belongs to a command's help does not begin where the next command would.
func TestHelpIsIndented(t *testing.T) {
	bubble(t, func(r *rig) {
		r.login("service")
		r.send("terminal dumb --no-pages --columns 40\r")
		for _, lang := range []string{"en", "ja"} {
			r.send("lang " + lang + "\r")
			s := r.send("help visit\r")
			for i, l := range strings.Split(s, "\r\n")[1:] {
				if i > 0 && !strings.HasPrefix(l, "  ") && !strings.HasSuffix(l, ":") && l != "service> " || columns(l) >= 40 {
					r.Errorf("%q in %q", l, s)
				}
			}
		}
		if s := r.send("   history\r"); !strings.HasSuffix(s, "\r\n7     history\r\nservice> ") {
			r.Errorf("%q", s)
		}
	})
}
