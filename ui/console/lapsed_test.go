package console

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"honnin/config/policy"
)

// TestLapsed: under a policy that is out of its time a technician signs in and is told; they look, and what they do can open nothing. A
// policy that ends while they are there, and one that comes meanwhile, count at the next command.
func TestLapsed(t *testing.T) {
	bubble(t, func(r *rig) {
		lapses := func(is Code) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.keys[0].Lapsed = is
		}
		can := 0
		for _, why := range []Code{PolicyExpired, PolicyEarly} {
			lapses(why)
			if s := r.login("service"); !strings.Contains(s, string(why)) {
				r.Errorf("not told: %q", s)
			}
			for _, c := range table() {
				if c.own || len(c.arguments()) > 0 {
					continue
				}
				line := c.Name + map[bool]string{true: " --yes"}[c.Ask != (Text{})] + "\r"
				lapses(why)
				s, may := r.send(line), c.Need != policy.Service || slices.Contains([]string{"policy receive", "policy apply", "service off", "reboot"}, c.Name)
				if may == strings.Contains(s, "! "+string(why)+": ") {
					r.Errorf("%s: %q", why, s)
				}
				lapses("")
				if s := r.send(line); strings.Contains(s, "! policy-") {
					r.Errorf("in force again: %q", s)
				}
				can++
			}
			r.send("logout\r")
		}
		if did, _ := r.has(); can < 40 || len(did) < can+40 {
			r.Errorf("%d commands, %d done", can, len(did))
		}
	})
}

// keyless is a terminal at which nobody can sign in.
type keyless struct {
	*world
	why error
}

func (k keyless) Keys() ([]Key, error) { return nil, k.why }

// TestNobodyMaySignIn: why is said before anybody signs anything.
func TestNobodyMaySignIn(t *testing.T) {
	for why, want := range map[error]string{Fail(NoPolicy): "! no-policy: ", Fail(PolicyExpired): "! policy-expired: ", errors.New("any 山田"): "! failed: "} {
		w := &world{}
		bubbleWith(t, w, func(r *rig) {
			_ = r.hangUp()
			r.line = newLine()
			r.beginWith(keyless{w, why})
			if s := r.send("login service\r"); !strings.Contains(s, want) || strings.Contains(s, Namespace) || strings.Contains(s, "山田") {
				r.Errorf("%q", s)
			}
		})
	}
}

// TestMeantIsOffered: what this terminal does not do is never named as what may have been meant, and never completed.
func TestMeantIsOffered(t *testing.T) {
	offered := slices.DeleteFunc(Commands(), func(c Command) bool {
		return strings.HasPrefix(c.Name, "journal") || c.Name == "printer sheet" || c.Name == "reboot"
	})
	for line, want := range map[string]Failure{
		"jornal tial": {Code: UnknownCommand}, "rebot": {Code: UnknownCommand, Hint: "report"}, "printer sheat": {Code: TooManyWords, Hint: "printer [--json]", Is: Usage},
		"statsu": {Code: UnknownCommand, Hint: "status"}, "journal": {Code: UnknownCommand}, "journal tail --lines x": {Code: NotHere}, "reboot now": {Code: NotHere},
		"journal tial": {Code: UnknownCommand}, "printer path-emty": {Code: TooManyWords, Hint: "printer path-empty"},
	} {
		_, err := parse(offered, line)
		if f := (*Failure)(nil); !errors.As(err, &f) || *f != want {
			t.Errorf("%q: %+v, want %+v", line, f, want)
		}
	}
	for _, before := range []string{"jo", "reb", "printer sh", "reboot --", "journal tail --", "help jo", "help printer sh"} {
		if insert, choices := complete(offered, before); insert != "" || len(choices) != 0 {
			t.Errorf("%q: %q %q", before, insert, choices)
		}
	}
}
