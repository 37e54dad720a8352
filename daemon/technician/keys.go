package technician

import (
	"errors"
	"time"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/ui/console"
)

// lapse is how long after its end a policy still says who may sign in: for looking, and for what opens nothing, so that somebody who
// stands there with the next policy and a cable can bring it. Whoever was taken out of a policy that never came here may look for so
// long at most. A quarter of a year is the longest that a terminal is expected to be forgotten.
const lapse = 90 * 24 * time.Hour

// errNoRoot is a terminal that was not told whose policies it takes.
var errNoRoot = errors.New("technician: no policy-root.toml")

const noRoot = "no-root"

// Keys is console.Keys: the persons of the policy in force for this terminal, or of the last one that was. One whose time is over is
// listed as expired. Without a policy nobody is anybody.
func (m *Machine) Keys() (out []console.Key, err error) {
	p, at, lapsed, err := m.hiring()
	if err != nil {
		return nil, err
	}
	for _, r := range []policy.Role{policy.Look, policy.Service} {
		now := map[[2]string]bool{}
		for _, q := range p.Persons(r, m.o.Site.Terminal, "", at) {
			now[[2]string{q.ID, q.SSH}] = true
		}
		for _, q := range p.Persons(r, m.o.Site.Terminal, "", time.Time{}) {
			out = append(out, console.Key{ID: q.ID, SSH: q.SSH, Role: r, Expired: !now[[2]string{q.ID, q.SSH}], Lapsed: lapsed})
		}
	}
	return out, nil
}

// hiring is the policy that says who may sign in, verified; the time by which its persons expire; and why it is out of its own, "" where it is not.
// A clock that is behind the policy's beginning, as one whose battery is empty, makes nobody's time longer: it is later than that. One
// that is far ahead leaves nobody.
func (m *Machine) hiring() (p *signed.Policy, at time.Time, lapsed console.Code, err error) {
	now := m.o.Now()
	p, err = m.policy()
	var r *signed.Refusal
	switch {
	case err == nil:
		return p, now, "", nil
	case errors.Is(err, errNoRoot):
		return nil, now, "", &console.Failure{Code: console.NoPolicy, Why: noRoot}
	case !errors.As(err, &r):
		return nil, now, "", &console.Failure{Code: console.Failed, About: "policy", Why: wordOf(err)}
	case r.Code == signed.Missing:
		return nil, now, "", console.Fail(console.NoPolicy)
	case r.Code == signed.Early && p != nil:
		return p, p.Head.NotBefore, console.PolicyEarly, nil
	case r.Code == signed.Expired && p != nil && now.Before(p.Head.Expires.Add(lapse)):
		return p, now, console.PolicyExpired, nil
	case r.Code == signed.Expired:
		return nil, now, "", console.Fail(console.PolicyExpired)
	}
	return nil, now, "", &console.Failure{Code: console.Failed, About: "policy", Why: string(r.Code)}
}
