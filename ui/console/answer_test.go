package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// statusRow fills every field of a status.
func statusRow(a *Answer) error {
	return a.Row("status.terminal", Name("YOKOHAMA-0012"), Yes(true), Word("open"), None(), At(signedAt), At(signedAt), Number(7), Number(3), Number(41), Span(90*time.Minute), Yes(true))
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
		if want := "status --json\r\n" + `{"code":"status.terminal","terminal":"YOKOHAMA-0012","daemon":true,"state":"open","why":null,"since":"2026-11-22T14:00:00Z","now":"2026-11-22T14:00:00Z","policy":7,"incidents":null,"unsaid":null,"up":null,"visit":null}` +
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

// TestFollowingFlows: who waits for what comes does not turn pages, nor who stands at the terminal's own screen.
func TestFollowingFlows(t *testing.T) {
	lines := func(_ context.Context, _ Who, c Call, a *Answer) error {
		for i := range 60 {
			if c.Command.Name == "visit" {
				if err := a.Row("visit.step", Word(fmt.Sprint("step-", i)), Word("ok"), None()); err != nil {
					return err
				}
				continue
			}
			if err := a.Row("log.line", None(), Word("info"), Name("daemon"), Plain(fmt.Sprint("line ", i))); err != nil {
				return err
			}
		}
		return nil
	}
	bubbleWith(t, &world{do: lines}, func(r *rig) {
		r.login("look")
		if s := r.send("log\r"); !strings.HasSuffix(s, moreLine) {
			r.Errorf("%q", s)
		}
		r.send("q")
		if s := r.send("log --follow\r"); strings.Contains(s, moreLine) || !strings.Contains(s, "line 59") {
			r.Errorf("followed: %q", s)
		}
		r.send("logout\r")
		r.login("service")
		if s := r.send("visit --test-card\r"); strings.Contains(s, moreLine) || !strings.Contains(s, "step-59") {
			r.Errorf("visited: %q", s)
		}
	})
}

// TestNothingIsSaid: a list of nothing says so to people; a program sees no line.
func TestNothingIsSaid(t *testing.T) {
	bubbleWith(t, &world{do: func(context.Context, Who, Call, *Answer) error { return nil }}, func(r *rig) {
		r.login("look")
		for command, want := range map[string]bool{"config diff": true, "log": true, "log --json": false, "status": false, "incidents": true, "help doctor": false} {
			if s := r.send(command + "\r"); strings.Contains(s, "None.") != want {
				r.Errorf("%s: %q", command, s)
			}
		}
	})
}

// TestEmptyColumns: a table is shown without the columns that no row has a value in, and so fits a screen; its titles come again where
// the columns are others.
func TestEmptyColumns(t *testing.T) {
	entries := func(_ context.Context, _ Who, c Call, a *Answer) error {
		for i := range 4 {
			staff := None()
			if i == 2 {
				staff = Name("1207")
			}
			if err := a.Row("journal.entry", Number(10_000+i), At(signedAt), Word("technician-refused"), None(), Word("journal.tail"), None(), staff); err != nil {
				return err
			}
			if i > 0 {
				if err := a.Flush(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	bubbleWith(t, &world{do: entries}, func(r *rig) {
		r.login("look")
		want := "== Journal\r\nnumber  at (JST)             kind                word\r\n" +
			"10000   2026-11-22 23:00:00  technician-refused  journal.tail\r\n10001   2026-11-22 23:00:00  technician-refused  journal.tail\r\n" +
			"== Journal\r\nnumber  at (JST)             kind                word          staff\r\n" +
			"10002   2026-11-22 23:00:00  technician-refused  journal.tail  1207\r\n" +
			"10003  2026-11-22 23:00:00  technician-refused  journal.tail  -\r\n"
		if s := r.send("journal tail\r"); s != "journal tail\r\n"+want+"look> " {
			r.Errorf("%q", s)
		}
		r.send("lang ja\r")
		if s := r.send("journal tail\r"); strings.Contains(s, "番号:") || strings.Count(s, "== ") != 2 {
			r.Errorf("%q", s)
		}
		for _, o := range objects(r, r.send("journal tail --json\r"))[:4] {
			if _, has := o["municipality"]; !has || len(o) != 8 {
				r.Errorf("a program gets %v", o)
			}
		}
	})
}

// TestFoldedColumns: what is too wide for the screen stays a table as long as it can, and loses nothing.
func TestFoldedColumns(t *testing.T) {
	entries := func(_ context.Context, _ Who, c Call, a *Answer) error {
		return errors.Join(a.Row("journal.entry", Number(10_000), At(signedAt), Word("technician-did"), None(), Word("printer.path-empty"), None(), Name("tech-7")),
			a.Row("journal.entry", Number(10_001), At(signedAt), Word("ended"), Number(17), Word("card-removed"), Name("141003"), None()))
	}
	bubbleWith(t, &world{do: entries}, func(r *rig) {
		r.login("look")
		if s := r.send("journal tail\r"); s != "journal tail\r\n== Journal\r\nnumber  at (JST)             kind            visit  word / municipality / staff\r\n"+
			"10000   2026-11-22 23:00:00  technician-did  -      printer.path-empty / - /\r\n"+strings.Repeat(" ", 52)+"tech-7\r\n"+
			"10001   2026-11-22 23:00:00  ended           17     card-removed / 141003 / -\r\nlook> " {
			r.Errorf("%q", s)
		}
		r.send("terminal dumb --columns 30\r")
		if s := r.send("journal tail\r"); !strings.Contains(s, "municipality:  141003\r\n") {
			r.Errorf("%q", s)
		}
	})
}
