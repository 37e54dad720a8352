package scenario

import (
	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
)

// tokushima is Tokushima, 27 March 2023. One program serves the stores and the counter (らくらく窓口); each service has one order at a
// time between reading and drawing, which was enough as long as there was one service.
//
// Published: store issuance and the counter service ran at once on one program.
type tokushima struct {
	Site
	store, counter turn
	press          turn
	static         area[register.Reading] // THE FAULT: one, for both services
}

func newTokushima(s Site) *tokushima {
	return &tokushima{Site: s, store: newTurn(), counter: newTurn(), press: newTurn()}
}

func (t *tokushima) Issue(o issuer.Order) (issuer.Package, error) {
	r, err := t.Issuer.Read(o)
	if err != nil {
		return issuer.Package{}, err
	}
	service := t.store
	if o.Channel == protocol.Counter {
		service = t.counter
	}
	service.take()
	t.static.put(r)
	t.press.take()
	r = t.static.get()
	service.pass()
	d, err := t.Issuer.Render(o, r)
	t.press.give()
	if err != nil {
		return issuer.Package{}, err
	}
	return t.Issuer.Seal(d)
}
