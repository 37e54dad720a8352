package technician

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"honnin/config/policy"
	"honnin/config/policy/signed"
	"honnin/daemon/provision"
	"honnin/drivers/serial/zmodem"
	"honnin/ui/console"
)

// kept is the policy in force and the highest that waits, as the store has them; nil: none.
func (m *Machine) kept() (p Policies, inForce, waiting *provision.Slot, err error) {
	p, err = m.o.Policies()
	if err != nil {
		return nil, nil, nil, refused(err)
	}
	all, err := p.History()
	if err != nil {
		return nil, nil, nil, refused(err)
	}
	for i := range all {
		switch {
		case all[i].Applied != nil:
			inForce, waiting = &all[i], nil
		case all[i].Head.Targets(m.o.Site.Terminal):
			waiting = &all[i]
		}
	}
	return p, inForce, waiting, nil
}

func refused(err error) error {
	return &console.Failure{Code: console.Failed, About: "policy", Why: wordOf(err)}
}

func (m *Machine) showPolicy(_ context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	p, inForce, waiting, err := m.kept()
	if err != nil {
		return err
	}
	if inForce != nil {
		state := "in-force"
		if _, err := p.Load(); err != nil {
			state = wordOf(err)
		}
		if err := m.head(a, "policy.inforce", inForce, state); err != nil {
			return err
		}
	}
	if waiting == nil {
		return nil
	}
	state := "early"
	if due, err := p.Due(); err != nil {
		state = wordOf(err)
	} else if due != nil && due.Head.Version == waiting.Head.Version {
		state = "due"
	}
	return m.head(a, "policy.waiting", waiting, state)
}

func (m *Machine) head(a *console.Answer, code string, s *provision.Slot, state string) error {
	return a.Row(code, console.Number(s.Head.Version), console.At(s.Head.NotBefore), console.At(s.Head.Expires),
		console.Number(daysLeft(s.Head.Expires, m.o.Now())), word(state), console.Digest(s.Digest))
}

// diffPolicy says what the waiting policy changes.
func (m *Machine) diffPolicy(_ context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	_, inForce, waiting, err := m.kept()
	if err != nil {
		return err
	}
	if waiting == nil || inForce == nil {
		return &console.Failure{Code: console.NotHere, About: "policy", Why: "nothing-waits"}
	}
	before, err := m.text(inForce)
	if err != nil {
		return refused(err)
	}
	after, err := m.text(waiting)
	if err != nil {
		return refused(err)
	}
	for _, c := range policy.Diff(before, after) {
		if err := a.Row("policy.change", console.Name(c.Key), console.Changed(c)); err != nil {
			return err
		}
	}
	return nil
}

// text reads a policy of the store again, which was found to be the operator's: it must be the same bytes.
func (m *Machine) text(s *provision.Slot) (*policy.Policy, error) {
	b, err := os.ReadFile(filepath.Join(m.o.Site.Policy, fmt.Sprintf("%016d", s.Head.Version), "policy.toml"))
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(b) != s.Digest {
		return nil, &signed.Refusal{Code: signed.Malformed, Err: errors.New("the store changed meanwhile")}
	}
	return policy.Parse(b, func(string) ([]byte, error) { return nil, os.ErrNotExist })
}

// receivePolicy takes in one file over the line, and judges it as one from a stick is judged.
func (m *Machine) receivePolicy(ctx context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	p, err := m.o.Policies()
	if err != nil {
		return refused(err)
	}
	var f zmodem.File
	err = m.transfer(ctx, a, func(ctx context.Context, w console.Wire) (err error) {
		f, err = zmodem.Receive(ctx, w, pack())
		return err
	})
	if err != nil {
		return moved(err)
	}
	if err := a.Row("policy.received", console.Number(len(f.Content)), console.Digest(sha256.Sum256(f.Content))); err != nil {
		return err
	}
	bundles, err := provision.ReadPack(f.Content)
	var got provision.Answer
	if err == nil {
		got, err = p.Receive(bundles, provision.ByLine)
	}
	if err != nil {
		return a.Row("policy.verdict", console.Word("refused"), word(wordOf(err)), console.None(), console.None())
	}
	last := got.Last()
	if last == nil {
		return a.Row("policy.verdict", console.Word("refused"), word(signed.OtherTerminal), console.None(), console.None())
	}
	return m.verdict(a, "received", "", last.Head)
}

func (m *Machine) verdict(a *console.Answer, verdict, why string, h policy.Head) error {
	return a.Row("policy.verdict", word(verdict), word(why), console.Number(h.Version), console.At(h.NotBefore))
}

// applyPolicy puts what waits in force where no daemon runs; one that runs does it by itself, between visits.
func (m *Machine) applyPolicy(_ context.Context, _ console.Who, _ console.Call, a *console.Answer) error {
	p, err := m.o.Policies()
	if err != nil {
		return refused(err)
	}
	due, err := p.Due()
	if err != nil {
		return refused(err)
	}
	if due == nil {
		return a.Row("policy.verdict", console.Word("unchanged"), console.Word("nothing-due"), console.None(), console.None())
	}
	now, _, err := p.Apply()
	switch {
	case errors.Is(err, provision.ErrInUse):
		return m.verdict(a, "waits", "between-visits", due.Head)
	case err != nil:
		return a.Row("policy.verdict", console.Word("refused"), word(wordOf(err)), console.None(), console.None())
	}
	return m.verdict(a, "applied", "", now.Head)
}
