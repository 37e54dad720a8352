package practice

import (
	"slices"
	"sync"

	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/scenario"
)

const (
	company = 2  // real orders that stand for one neighbour: they come once, and may be nearly done
	rounds  = 16 // how often a neighbour applies beside one order, at most
	quiet   = 3  // orders that are left alone after wrong paper was made
)

// issue has the faulty program make a package, with whoever has to be about.
func (p *play) issue(o issuer.Order) (issuer.Package, error) {
	defer p.running.Done()
	neighbours, busy := p.enter(o)
	defer p.leave(o)
	over := make(chan struct{})
	var aside sync.WaitGroup
	if hall, ok := p.program.(scenario.Hall); ok && busy {
		if business := hall.Business(o); business != nil {
			aside.Go(func() { business(over) })
		}
	}
	p.apply(neighbours, over)
	pkg, err := p.program.Issue(o)
	close(over)
	aside.Wait()
	if err == nil && p.truth(pkg).Wrong(o.Person) {
		p.struck()
	}
	return pkg, err
}

// truth is what the books say of a package now.
func (p *play) truth(pkg issuer.Package) Paper {
	return Paper{Of: pkg.Paper, Superseded: !p.primary.InForceNow(pkg.Tokens...)}
}

func (p *play) struck() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quiet = quiet
}

// enter counts an order in, and says which orders neighbours will make beside it, and whether city hall is busy.
func (p *play) enter(o issuer.Order) (neighbours []issuer.Order, busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	beside := p.beside(o)
	p.underWay[o.Transaction] = o
	if p.quiet > 0 {
		p.quiet--
		return nil, false
	}
	return p.neighboursOf(o, max(0, p.neighbours-beside/company)), true
}

// beside counts the real orders that this one can meet: with one program for two services, the other service's.
func (p *play) beside(o issuer.Order) (n int) {
	for _, other := range p.underWay {
		if len(p.Channels) == 1 || other.Channel != o.Channel {
			n++
		}
	}
	return n
}

func (p *play) leave(o issuer.Order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.underWay, o.Transaction)
}

// neighboursOf makes the orders of n neighbours for the same certificate; each resident has a turn. Whoever stands at a
// terminal is no neighbour. The lock is held.
func (p *play) neighboursOf(o issuer.Order, n int) (out []issuer.Order) {
	all := slices.DeleteFunc(p.primary.Neighbours(o.Certificate.Register(), o.Person), p.stands)
	for range min(n, len(all)) {
		p.next++
		h := all[p.next%len(all)]
		out = append(out, issuer.Order{Terminal: otherTerminal, Channel: p.elsewhere(o.Channel), Person: h.Person, Applicant: h.Fingerprint,
			Certificate: o.Certificate, Options: o.Options, Copies: 1})
	}
	return out
}

func (p *play) stands(h register.Holder) bool {
	for _, o := range p.underWay {
		if o.Person == h.Person {
			return true
		}
	}
	return false
}

// elsewhere is the other service, where there are two.
func (p *play) elsewhere(c protocol.Channel) protocol.Channel {
	i := slices.IndexFunc(p.Channels, func(other protocol.Channel) bool { return other != c })
	return p.Channels[max(i, 0)]
}

// apply has neighbours apply again and again until it is over, and returns when the first of them was served: the others
// are then under way.
func (p *play) apply(orders []issuer.Order, over <-chan struct{}) {
	served := make(chan struct{}, rounds*len(orders))
	for _, o := range orders {
		p.running.Go(func() { p.again(o, over, served) })
	}
	if len(orders) > 0 {
		<-served
	}
}

func (p *play) again(o issuer.Order, over <-chan struct{}, served chan<- struct{}) {
	for range rounds {
		o.Transaction, o.Nonce = protocol.NewTransaction(), protocol.NewNonce()
		_, _ = p.program.Issue(o) // whatever comes of it goes nowhere
		served <- struct{}{}
		select {
		case <-over:
			return
		default:
		}
	}
}

// first has the day's first applicant served, before anybody else comes.
func (p *play) first() {
	p.mu.Lock()
	orders := p.neighboursOf(issuer.Order{Certificate: p.Certificate, Options: protocol.Options{}, Channel: p.Channels[0]}, 1)
	p.mu.Unlock()
	over := make(chan struct{})
	close(over)
	p.apply(orders, over)
}
