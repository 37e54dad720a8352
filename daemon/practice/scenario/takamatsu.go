package scenario

import (
	"sync/atomic"

	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
)

// takamatsu is Takamatsu, 4 April 2024. A program made for one server leaves a job's record in a place on the site's disk until
// it is the job's turn at the press; its lock lets one job at a time do so, and its counter numbers what is issued.
//
// Published: the program was deployed on several servers; near-simultaneous requests; the mended version had not reached
// the newly added site. Here the first server has it: it locks the place. The two that were added do not know that lock.
type takamatsu struct {
	servers [3]*server
	next    atomic.Uint64
}

// server is one server of the site.
type server struct {
	*issuer.Issuer // THE FAULT: each counts serial numbers for itself, as if it were alone …
	site           *site
	mended         bool
	own            turn // … and locks for itself a place that is not its own
}

// site is what the servers share.
type site struct {
	place area[register.Reading]
	lock  turn
	press turn
}

func newTakamatsu(s Site) *takamatsu {
	shared := &site{lock: newTurn(), press: newTurn()}
	old := s.Issuer.With(s.Issuer.Source, below(s.Issuer.Software))
	return &takamatsu{servers: [3]*server{
		{Issuer: s.Issuer, site: shared, mended: true, own: newTurn()},
		{Issuer: old, site: shared, own: newTurn()},
		{Issuer: old.With(old.Source, old.Software), site: shared, own: newTurn()}}}
}

// Issue goes to the servers by turns.
func (t *takamatsu) Issue(o issuer.Order) (issuer.Package, error) {
	return t.servers[t.next.Add(1)%uint64(len(t.servers))].issue(o)
}

func (s *server) issue(o issuer.Order) (issuer.Package, error) {
	r, err := s.Read(o)
	if err != nil {
		return issuer.Package{}, err
	}
	r = s.through(r)
	d, err := s.Render(o, r)
	s.site.press.give()
	if err != nil {
		return issuer.Package{}, err
	}
	return s.Seal(d)
}

// through leaves a record in the place and fetches it again when it is this job's turn at the press, which it keeps.
func (s *server) through(r register.Reading) register.Reading {
	s.own.take()
	defer s.own.pass()
	if s.mended {
		s.site.lock.take()
		defer s.site.lock.give()
	}
	s.site.place.put(r)
	s.site.press.take()
	return s.site.place.get()
}
