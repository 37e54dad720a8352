package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"honnin/config/policy"
)

// statusRow fills every field of a status.
func statusRow(a *Answer) error {
	return a.Row("status.terminal", Name("YOKOHAMA-0012"), Yes(true), Word("open"), None(), At(signedAt), At(signedAt), Number(7), Number(3), Number(41), Span(90*time.Minute))
}

func TestAsASessionGoes(t *testing.T) {
	w := &world{do: func(_ context.Context, _ Who, _ Call, a *Answer) error { return statusRow(a) }}
	bubbleWith(t, w, func(r *rig) {
		if s := r.got(); s != "\r\n"+banner+"\r\nhonnin> " {
			r.Errorf("%q", s)
		}
		out := r.send("status\r")
		for _, s := range []string{"status\r\n== Terminal\r\n", "open", "2026-11-22 23:00:00", "policy version:     7\r\n", "open incidents:     -\r\n", "\r\nhonnin> "} {
			if !strings.Contains(out, s) {
				r.Errorf("no %q in %q", s, out)
			}
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

// objects are the answers among what was written.
func objects(t testing.TB, out string) (all []map[string]any) {
	t.Helper()
	for _, l := range strings.Split(out, "\r\n") {
		if strings.HasPrefix(l, "{") {
			var o map[string]any
			if err := json.Unmarshal([]byte(l), &o); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			all = append(all, o)
		}
	}
	return all
}

func TestJSON(t *testing.T) {
	w := &world{do: func(_ context.Context, _ Who, c Call, a *Answer) error {
		if c.Command.Name == "doctor" {
			return Fail(DaemonDown)
		}
		return statusRow(a)
	}}
	bubbleWith(t, w, func(r *rig) {
		r.got()
		out := r.send("status --json\n")
		if want := "status --json\r\n" + `{"code":"status.terminal","terminal":"YOKOHAMA-0012","daemon":true,"state":"open","why":null,"since":"2026-11-22T14:00:00Z","now":"2026-11-22T14:00:00Z","policy":7,"incidents":null,"unsaid":null,"up":null}` +
			"\r\n" + `{"code":"done","command":"status","result":"ok"}` + "\r\nhonnin> "; out != want {
			r.Errorf("%q", out)
		}
		for line, want := range map[string]string{
			"doctor --json":         `"command":"doctor","result":"daemon-down"`,
			"nonsense --json":       `"command":null,"result":"unknown-command"`,
			"lang jp --json":        `"result":"bad-value","text":"This value is not allowed.","about":"language","hint":"ja"`,
			"reboot --json":         `"result":"sign-in-needed"`,
			"journal export --json": `"result":"sign-in-needed"`,
			"help status --json":    `{"code":"help.command","command":"status","role":"none","does":"How the terminal is, at a glance."}`,
		} {
			out := r.send(line + "\n")
			if !strings.Contains(out, want) || len(objects(r, out)) == 0 {
				r.Errorf("%s: %q", line, out)
			}
		}
		// A program signs in, too.
		out = r.send("login service --json\n")
		o := objects(r, out)[0]
		r.send(armour(r, r.key, o["namespace"].(string), fmt.Sprint(o["first"], "\n", o["second"], "\n")))
		if all := objects(r, r.pass(time.Second)); len(all) != 2 || all[0]["who"] != "tech-7" || all[1]["result"] != "ok" {
			r.Errorf("%v", all)
		}
		if all := objects(r, r.send("reboot --json\n")); len(all) != 1 || all[0]["result"] != "missing-argument" || all[0]["about"] != "--yes" {
			r.Errorf("%v", all)
		}
		if all := objects(r, r.send("login --json\n")); all[0]["result"] != "already-signed-in" {
			r.Errorf("%v", all)
		}
		if all := objects(r, r.send("logout --json\n")); len(all) != 1 || all[0]["result"] != "ok" {
			r.Errorf("%v", all)
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
	rapid.Check(t, func(rt *rapid.T) {
		typed := rapid.SliceOfN(rapid.SampledFrom(append(lines, "sign", "sign", "wait")), 1, 20).Draw(rt, "typed")
		bubble(t, func(r *rig) {
			challenged := ""
			for _, l := range typed {
				switch l {
				case "wait":
					r.pass(11 * time.Minute)
				case "sign":
					if challenged != "" {
						r.send(armour(r, r.key, Namespace, challenged))
						r.pass(time.Second)
						challenged = ""
					}
				default:
					if out := r.send(l + "\r"); strings.Contains(out, Namespace+":") {
						challenged = signedLines(r, out)
					}
					r.pass(time.Second)
				}
			}
			did, events := r.has()
			checkRoles(rt, did, events)
		})
	})
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
			c, _ := find(strings.Fields(e.Command))
			if e.Role != role || e.Who != "tech-7" || !may(role, c.Need) {
				t.Fatalf("%v while the role is %q", e, role)
			}
			if !c.own {
				noted = append(noted, string(e.Role)+" "+e.Command)
			}
		}
	}
	signed := slices.DeleteFunc(did, func(s string) bool { return s == " status" })
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
		"logout":              {func(r *rig) string { return r.send("logout\r") }, SignedOut},
		"Ctrl-D":              {func(r *rig) string { return r.send("\x04") }, SignedOut},
		"a break":             {func(r *rig) string { r.send("reboot --yes\x00\r"); return r.pass(time.Second) }, Break},
		"nothing typed":       {func(r *rig) string { return r.pass(defaultIdle) }, Idle},
		"a line half typed":   {func(r *rig) string { r.send("reboo"); return r.pass(defaultIdle) }, Idle},
		"at a question":       {func(r *rig) string { r.send("reboot\r"); return r.pass(defaultIdle) }, Idle},
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

// waits is a command that ends only with its context.
func waits(ctx context.Context, _ Who, _ Call, a *Answer) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestHangUpInMidCommand and its relatives: a command ends with the line, with Ctrl-C, and with a technician who has left.
func TestCommandsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(r *rig) string
		want string
	}{
		"Ctrl-C":            {func(r *rig) string { return r.send("\x03") }, "! cancelled: Cancelled.\r\nservice> "},
		"Ctrl-C in a burst": {func(r *rig) string { return r.send("typed ahead\x03") }, "! cancelled: Cancelled.\r\nservice> "},
		"left":              {func(r *rig) string { return r.pass(defaultIdle) }, "! idle: " + Idle.In("en") + "\r\nhonnin> "},
		"hung up":           {func(r *rig) string { r.hangUp(); s := r.got(); r.line = newLine(); r.begin(); return s }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubbleWith(t, &world{do: waits}, func(r *rig) {
				r.login("service")
				r.send("selftest\r")
				if s := c.do(r); !strings.HasSuffix(s, c.want) || c.want == "" && s != "" {
					r.Errorf("%q", s)
				}
				if did, _ := r.has(); len(did) != 1 {
					r.Error(did)
				}
			})
		})
	}
}

func TestTypedAhead(t *testing.T) {
	w := &world{do: func(ctx context.Context, _ Who, c Call, a *Answer) error {
		time.Sleep(time.Second)
		return nil
	}}
	bubbleWith(t, w, func(r *rig) {
		r.send("status\rdoctor\rvers")
		if out := r.pass(3*time.Second) + r.send("ion\r"); !strings.Contains(out, "honnin> version\r\n") {
			r.Errorf("%q", out)
		}
		r.pass(time.Minute)
		r.send("status\r")
		for range 100 {
			r.send(strings.Repeat("x", 100))
		}
		if out := r.pass(time.Minute); strings.Count(out, "! lost: ") != 1 {
			r.Errorf("%q", out)
		}
		if did, _ := r.has(); !slices.Equal(did, []string{" status", " doctor", " version", " status"}) {
			r.Errorf("%q", did)
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

func TestAsks(t *testing.T) {
	bubble(t, func(r *rig) {
		r.login("service")
		for typed, done := range map[string]bool{"yes\r": true, "y\r": false, "\r": false, "YES\r": false, "\x03": false, "\x04": false, "yes no\r": false} {
			r.send("service off\r")
			before, _ := r.has()
			out := r.send(typed)
			if after, _ := r.has(); (len(after) > len(before)) != done || strings.Contains(out, "! cancelled") == done || !strings.HasSuffix(out, "service> ") {
				r.Errorf("%q: %q", typed, out)
			}
		}
		if s := r.send("service off --yes\r"); strings.Contains(s, "Type yes") {
			r.Errorf("%q", s)
		}
	})
}

// TestMisfits: an answer that the table does not declare is not shown, whatever it holds.
func TestMisfits(t *testing.T) {
	rows := map[string]func(a *Answer) error{
		"another code":    func(a *Answer) error { return a.Row("status.person", Plain("x")) },
		"too few":         func(a *Answer) error { return a.Row("status.terminal", Name("SECRET")) },
		"another kind":    func(a *Answer) error { return a.Row("status.stopped", Plain("SECRET"), Word("x"), Number(1)) },
		"a foreign error": func(*Answer) error { return errors.New("SECRET 山田") },
		"a long word":     func(*Answer) error { return &Failure{Code: Failed, Why: "SECRET 山田"} },
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			bubbleWith(t, &world{do: func(_ context.Context, _ Who, _ Call, a *Answer) error { return row(a) }}, func(r *rig) {
				out := r.send("status\r") + r.send("status --json\r")
				if strings.Contains(out, "SECRET") || strings.Contains(out, "山田") || strings.Count(out, "! ") != 1 || !strings.Contains(out, `"result":"`) || strings.Contains(out, `"result":"ok"`) {
					r.Errorf("%q", out)
				}
			})
		})
	}
}

func TestValuesWithhold(t *testing.T) {
	for _, s := range []string{"山田 太郎", "123456789018", "1234 5678 9018", "1234-5678-9018", "id 123456789012345", "\x1b[2J", "a\r\nb", strings.Repeat("x", 401), "\xff"} {
		if got := Plain(s).text("en", ""); got != withheld {
			t.Errorf("%q is shown", s)
		}
	}
	for _, s := range []string{"EPSON LX-10", "2026-11-22 14:00:05 open", "12345678901", "no card on the reader (63c0)"} {
		if got := Plain(s).text("en", ""); got != s {
			t.Errorf("%q is %q", s, got)
		}
	}
	for _, v := range []Value{Word("Not A Word"), Word("山田"), Name("two words"), Name("山田")} {
		if v.text("ja", "") != withheld || v.json("ja") != withheld {
			t.Errorf("%v is shown", v)
		}
	}
}

// page is rows of an answer longer than a screen.
func page(_ context.Context, _ Who, _ Call, a *Answer) error {
	for i := range 60 {
		if err := a.Row("doctor.check", Word(fmt.Sprintf("check-%d", i)), Word("ok"), None(), Span(time.Second)); err != nil {
			return err
		}
	}
	return nil
}

func TestPages(t *testing.T) {
	bubbleWith(t, &world{do: page}, func(r *rig) {
		r.got()
		if s := r.send("doctor\r"); strings.Count(s, "\r\n") != 1+23 || !strings.HasSuffix(s, moreLine) {
			r.Errorf("%q", s)
		}
		wiped := "\r" + strings.Repeat(" ", 8) + strings.Repeat("\b", 8) + "\r"
		if s := r.send("\r"); !strings.HasPrefix(s, wiped+"check-21 ") || strings.Count(s, "\r\n") != 1 || !strings.HasSuffix(s, moreLine) {
			r.Errorf("a line: %q", s)
		}
		if s := r.send("x \x1b[B"); strings.Count(s, "\r\n") != 23 || !strings.HasSuffix(s, moreLine) {
			r.Errorf("a page: %q", s)
		}
		if s := r.send("q"); s != wiped+"! cancelled: Cancelled.\r\nhonnin> " {
			r.Errorf("the end: %q", s)
		}
		r.send("doctor\r")
		if s := r.send("\x03"); !strings.HasSuffix(s, "! cancelled: Cancelled.\r\nhonnin> ") {
			r.Errorf("Ctrl-C: %q", s)
		}
		if s := r.send("terminal dumb --no-pages\r") + r.send("doctor\r"); strings.Contains(s, moreLine) || !strings.Contains(s, "check-59") {
			r.Errorf("no pages: %q", s)
		}
		if s := r.send("terminal vt100 --rows 10\r") + r.send("doctor\r"); strings.Count(s, "\r\n") != 2+9 || !strings.HasSuffix(s, moreLine) {
			r.Errorf("10 rows: %q", s)
		}
	})
}

// TestAsksWhatItIs: a VT100 is known by its answer, with its size; a dumb terminal shows nothing but a clean line.
func TestAsksWhatItIs(t *testing.T) {
	bubble(t, func(r *rig) {
		m := newTerminal(r, true, 30, 100)
		r.got()
		r.line.sees = m.write
		r.send("\r")
		for range 4 {
			if s := m.answer(); s != "" {
				r.send(s)
			}
		}
		r.pass(2 * time.Second)
		r.got()
		r.send("ab")
		if s := r.send("\x1b[H\x0b"); s != "\b\b\x1b[K" {
			r.Errorf("%q", s)
		}
		r.send("help\r")
		if m.row(29) != moreLine {
			r.Errorf("%s", m.text())
		}
	})
	bubble(t, func(r *rig) {
		m := newTerminal(r, false, 24, 80)
		r.got()
		r.line.sees = m.write
		r.send("\r")
		if s := m.row(1); s != "[c" {
			r.Errorf("a dumb one shows %q", s)
		}
		r.pass(2 * time.Second)
		r.send("help lang\r")
		if m.row(1) != "honnin> help lang" || !strings.HasPrefix(m.row(2), "lang ja|en") {
			r.Errorf("%s", m.text())
		}
		if s := r.send("\r"); strings.Contains(s, "\x1b") {
			r.Errorf("asked again: %q", s)
		}
	})
}

// TestTypesOnWhileAsked: what somebody types before the answer is not lost.
func TestTypesOnWhileAsked(t *testing.T) {
	bubble(t, func(r *rig) {
		r.send("\r")
		r.send("version\r")
		r.pass(2 * time.Second)
		if did, _ := r.has(); !slices.Equal(did, []string{" version"}) {
			r.Errorf("%q", did)
		}
	})
}

func TestLongLineIsSaidOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		r.got()
		out := ""
		for range 50 {
			out += r.send(strings.Repeat("a", 1000))
		}
		out += r.send("\rstatus\r") + r.pass(time.Second)
		if strings.Count(out, "! too-long: ") != 1 || !strings.HasSuffix(out, "honnin> ") || len(out) > 4*MaxLine {
			r.Errorf("%d bytes: %q", len(out), out[max(0, len(out)-200):])
		}
		r.send("status\r")
		if did, _ := r.has(); !slices.Equal(did, []string{" status"}) {
			r.Errorf("%q", did)
		}
	})
}

// TestGarbage: 64 MB of it as fast as the line takes it, in flat memory, with next to no answer; then all is well.
func TestGarbage(t *testing.T) {
	for name, fill := range map[string]func(p []byte){
		"random": func() func(p []byte) {
			c := rand.NewChaCha8([32]byte{1})
			return func(p []byte) { c.Read(p) }
		}(),
		"letters": func(p []byte) { copy(p, bytes.Repeat([]byte("a"), len(p))) },
		"zeros":   func([]byte) {},
		"escapes": func(p []byte) { copy(p, bytes.Repeat([]byte("\x1b[1;"), len(p)/4)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.login("service")
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				for range (64 << 20) / (64 << 10) {
					p := make([]byte, 64<<10)
					fill(p)
					r.line.in <- p
				}
				if s := r.pass(time.Second); len(s) > 8<<10 || strings.Count(s, "! ") > 2 || !strings.HasSuffix(s, "> ") {
					r.Errorf("%d bytes of answer: %q", len(s), s[max(0, len(s)-300):])
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
					r.Errorf("%d bytes more", grown)
				}
				r.send("\r\rversion\r")
				did, _ := r.has()
				if len(did) != 1 || !strings.HasSuffix(did[0], " version") {
					r.Errorf("%q", did)
				}
			})
		})
	}
}

// TestLineThatTakesNothing: it is given up, and the seat is free.
func TestLineThatTakesNothing(t *testing.T) {
	bubble(t, func(r *rig) {
		r.login("service")
		r.line.mu.Lock()
		r.line.stuck = true
		r.line.mu.Unlock()
		r.send("help\r")
		r.pass(defaultStall - time.Second)
		select {
		case err := <-r.over:
			r.Fatal("too early", err)
		default:
		}
		r.pass(2 * time.Second)
		if err := <-r.over; !errors.Is(err, ErrStalled) || r.seated != "" {
			r.Error(err, r.seated)
		}
		close(r.line.hung)
		r.line = newLine()
		r.begin()
		if s := r.send("version\r"); !strings.HasSuffix(s, "honnin> ") {
			r.Errorf("%q", s)
		}
	})
}

// TestTransfer: a file goes both ways untouched, Ctrl-C, NUL and all; what the other program says last is no command.
func TestTransfer(t *testing.T) {
	in, out := []byte("\x00\x03\x1b[c\xff\r\nfile"), []byte("\x18\x00answer")
	w := &world{do: func(ctx context.Context, _ Who, _ Call, a *Answer) error {
		return a.Transfer(ctx, func(ctx context.Context, l Wire) error {
			got := make([]byte, len(in))
			if _, err := io.ReadFull(readerOf{ctx, l}, got); err != nil || !bytes.Equal(got, in) {
				return fmt.Errorf("%q %w", got, err)
			}
			_, err := l.WriteContext(ctx, out)
			return err
		})
	}}
	bubbleWith(t, w, func(r *rig) {
		r.login("service")
		r.send("policy receive\r" + string(in[:5]))
		if s := r.send(string(in[5:]) + "reboot --yes\r"); s != string(out) {
			r.Errorf("%q", s)
		}
		if s := r.pass(time.Second); s != "service> " {
			r.Errorf("%q", s)
		}
		if did, _ := r.has(); !slices.Equal(did, []string{"service policy receive"}) {
			r.Errorf("%q", did)
		}
	})
}

type readerOf struct {
	ctx context.Context
	l   Wire
}

func (r readerOf) Read(p []byte) (int, error) { return r.l.ReadContext(r.ctx, p) }

// FuzzKeys: whatever bytes come, in whatever pieces, the session goes on, writes nothing that is not UTF-8 or a control
// sequence of a VT100, and answers afterwards.
func FuzzKeys(f *testing.F) {
	for _, s := range []string{"help\r", "\x1b[A\x1b[B\x1bOH\x1b[3~", "状態\x7f\x7f\x08", "\x1b[200~x\x1b[201~", "sta\tus\r", "\x1b[?1;2c\x1b[24;80R", "\xe7\x8a", "\x9b1;1H", "login\r\x03", "login\r" + armourBegin + "\r", strings.Repeat("x", 1100), "\x00\x01\x02\x04\x05\x06\x0b\x0c\x0e\x10\x15\x17"} {
		f.Add([]byte(s), uint8(7))
	}
	f.Fuzz(func(t *testing.T, keys []byte, step uint8) {
		bubble(t, func(r *rig) {
			m := newTerminal(r, true, 24, 80)
			r.line.sees = m.write
			for len(keys) > 0 {
				n := min(len(keys), 1+int(step))
				r.send(string(keys[:n]))
				keys = keys[n:]
			}
			r.pass(3 * time.Minute)
			r.send("\x03")
			r.send("\x03")
			r.got()
			if s := r.send("lang xx\r"); !strings.Contains(s, "! bad-value") {
				r.Errorf("%q", s)
			}
			synctest.Wait()
		})
	})
}
