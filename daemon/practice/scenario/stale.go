package scenario

import (
	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
)

// stale is Niigata, Saitama and Kumamoto, 2023. The issuing side reads a copy of the seal register of its own; city hall brings it up to
// date after every second entry.
//
// Published: a stale copy of the register; an abolished seal registration was certified, to the right person.
type stale struct {
	issuer  *issuer.Issuer
	primary *register.Primary
	copy    area[*register.Primary] // THE FAULT: what is certified is read here
	clerk   turn
	entries int // of the clerk
}

func newStale(s Site) *stale {
	t := &stale{primary: s.Primary, clerk: newTurn()}
	t.copy.put(s.Primary.Copy())
	t.issuer = s.Issuer.With(t, s.Issuer.Software)
	return t
}

func (s *stale) Issue(o issuer.Order) (issuer.Package, error) { return s.issuer.Issue(o) }

// Read reads the copy.
func (s *stale) Read(r protocol.Register, person string, applicant protocol.Digest) (register.Reading, error) {
	return s.copy.get().Read(r, person, applicant)
}

// Business abolishes the applicant's registration, as they asked for at another desk, and enters a new one afterwards.
func (s *stale) Business(o issuer.Order) func(<-chan struct{}) {
	return func(over <-chan struct{}) {
		s.clerk.take()
		defer s.clerk.give()
		if s.primary.Abolish(o.Certificate.Register(), o.Person) != nil {
			return
		}
		<-over
		_ = s.primary.Anew(o.Certificate.Register(), o.Person) // abolished above, by the only clerk
		if s.entries++; s.entries%2 == 0 {
			s.copy.put(s.primary.Copy())
		}
	}
}
