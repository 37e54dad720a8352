package register_test

import (
	"errors"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/practice/register"
)

// A copy hears of nothing that happens afterwards, and nothing that happens to it is heard of.
func TestCopyGrowsStale(t *testing.T) {
	p, _ := town()
	c := p.Copy()
	if err := p.Abolish(protocol.SealRegister, "a"); err != nil {
		t.Fatal(err)
	}
	stale, err := c.Read(protocol.SealRegister, "a", fingerprint('a'))
	if err != nil || p.InForceNow(stale.Token) || !c.InForceNow(stale.Token) {
		t.Error("the copy knows, or the primary does not:", err)
	}
	if a, err := ask(p, stale.Token, 'a'); err != nil || a.InForce {
		t.Error("the primary's answer:", a.InForce, err)
	}
	if err := c.Abolish(protocol.SealRegister, "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(protocol.SealRegister, "b", fingerprint('b')); err != nil {
		t.Error("the copy reached the primary:", err)
	}
	if who, ok := c.Holder(fingerprint('a')); !ok || who != "a" {
		t.Error("the copy knows no cards")
	}
}

func TestAnew(t *testing.T) {
	p, _ := town()
	before, _ := p.Read(protocol.SealRegister, "a", fingerprint('a'))
	if err := p.Anew(protocol.SealRegister, "a"); !errors.Is(err, register.ErrNotRegistered) {
		t.Error("a record in force was entered anew:", err)
	}
	_ = p.Abolish(protocol.SealRegister, "a")
	if err := p.Anew(protocol.SealRegister, "a"); err != nil {
		t.Fatal(err)
	}
	after, err := p.Read(protocol.SealRegister, "a", fingerprint('a'))
	if err != nil || after.Token == before.Token || p.InForceNow(before.Token) || !p.InForceNow(after.Token) || p.InForceNow(after.Token, before.Token) {
		t.Error("not a new registration:", err)
	}
}

// However often a record changes, the register does not grow, and knows its latest versions.
func TestOldVersionsAreForgotten(t *testing.T) {
	p, _ := town()
	first, _ := p.Read(protocol.SealRegister, "a", fingerprint('a'))
	var last register.Reading
	for range 100 {
		last, _ = p.Read(protocol.SealRegister, "a", fingerprint('a'))
		if err := p.Amend(protocol.SealRegister, "a", func(f register.Facts) register.Facts { return f }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask(p, first.Token, 'a'); !errors.Is(err, register.ErrNotRegistered) {
		t.Error("the first version is still known:", err)
	}
	if a, err := ask(p, last.Token, 'a'); err != nil || a.InForce {
		t.Error("the one before the last:", a.InForce, err)
	}
}

func TestWhoSharesARecord(t *testing.T) {
	p, _ := town()
	p.Add(protocol.FamilyRegisters, seal("x"), "c", "d")
	p.Link("c", fingerprint('c'))
	p.Link("d", fingerprint('d'))
	if !p.Alone(protocol.SealRegister, "a") || p.Alone(protocol.FamilyRegisters, "c") || p.Alone(protocol.TaxRegister, "a") {
		t.Error("who is alone")
	}
	n := p.Neighbours(protocol.FamilyRegisters, "c")
	if len(n) != 1 || n[0] != (register.Holder{Person: "d", Fingerprint: fingerprint('d')}) {
		t.Error("where nobody else has a record, the other holder is:", len(n))
	}
	if n := p.Neighbours(protocol.SealRegister, "a"); len(n) != 1 || n[0].Person != "b" {
		t.Error("neighbours:", len(n))
	}
}
