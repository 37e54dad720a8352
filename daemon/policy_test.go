package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"honnin/config/policy"
)

func staffCode(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command()
	c.SetArgs(append([]string{"policy", "staff-code", "--rounds", "100000"}, args...))
	c.SetIn(strings.NewReader(in))
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.Execute()
	return out.String(), err
}

// TestStaffCode: what the command prints is what a policy takes, and the code opens it.
func TestStaffCode(t *testing.T) {
	for _, in := range []string{"482913", "482913\n", "482913\r\n"} {
		made, err := staffCode(t, in, "--id", "77", "--expires", "2999-12-31", "--municipality", "991015", "--terminal", "JP-99-000001", "--terminal", "JP-99-000002")
		if err != nil || strings.Contains(made, "482913") {
			t.Fatalf("%s %v", made, err)
		}
		s := newStand(t, t.TempDir(), nil)
		p, err := policy.Parse([]byte(s.world.Policy()+"\n"+made), nil)
		s.must(err)
		if is, _ := p.Confirms("77", []byte("482913"), "JP-99-000002", "991015", time.Now()); !is {
			t.Error("the code does not fit")
		}
		if is, _ := p.Confirms("77", []byte("482913"), "JP-99-000003", "991015", time.Now()); is {
			t.Error("it fits at another terminal")
		}
		s.quit()
	}
	for name, c := range map[string]struct {
		in   string
		args []string
	}{
		"letters": {"48291x", []string{"--id", "7", "--expires", "2999-12-31"}}, "two lines": {"482913\n111111\n", []string{"--id", "7", "--expires", "2999-12-31"}},
		"nothing": {"", []string{"--id", "7", "--expires", "2999-12-31"}}, "long": {"1234567890123", []string{"--id", "7", "--expires", "2999-12-31"}},
		"endless": {strings.Repeat("1", 99), []string{"--id", "7", "--expires", "2999-12-31"}}, "a name": {"482913", []string{"--id", "sato", "--expires", "2999-12-31"}},
		"no day": {"482913", []string{"--id", "7"}}, "no such day": {"482913", []string{"--id", "7", "--expires", "2027-02-30"}},
		"no town": {"482913", []string{"--id", "7", "--expires", "2999-12-31", "--municipality", "1"}},
		"no such": {"482913", []string{"--id", "7", "--expires", "2999-12-31", "--terminal", "a b"}},
		"rounds":  {"482913", []string{"--id", "7", "--expires", "2999-12-31", "--rounds", "1"}},
	} {
		if made, err := staffCode(t, c.in, c.args...); err == nil || strings.Contains(made, "[[staff]]") || c.in != "" && strings.Contains(err.Error(), c.in) {
			t.Errorf("%s: %q %v", name, made, err)
		}
	}
}
