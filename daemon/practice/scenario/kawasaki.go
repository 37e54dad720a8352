package scenario

import (
	"runtime"

	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
)

// kawasaki is Kawasaki, 2 May 2023. A link fetches the record from the family-register system and hands it to the issuing
// service, which draws one certificate after the other.
//
// Published: two issuances within one second, in the link; the later applicant's record overwrote the earlier one's before
// it was drawn.
type kawasaki struct {
	Site
	request bool // the service takes the hash from the request's certificate, not from the record
	link    places[int, register.Reading]
	press   turn
}

func newKawasaki(s Site, request bool) *kawasaki {
	return &kawasaki{Site: s, request: request, press: newTurn()}
}

func (k *kawasaki) Issue(o issuer.Order) (issuer.Package, error) {
	r, err := k.Issuer.Read(o)
	if err != nil {
		return issuer.Package{}, err
	}
	name := k.Issuer.Now().Second() // THE FAULT: two records of one second have one name
	k.link.put(name, r)
	runtime.Gosched() // the link's two ends are two machines: others go on meanwhile
	k.press.take()
	d, err := k.draw(o, name)
	k.press.give()
	if err != nil {
		return issuer.Package{}, err
	}
	return k.Issuer.Seal(d)
}

// draw fetches what the link left under the name. With request, subject hash and page tags say who asked, whatever
// was fetched: only the register can tell.
func (k *kawasaki) draw(o issuer.Order, name int) (issuer.Draft, error) {
	r, ok := k.link.get(name)
	if !ok {
		return issuer.Draft{}, errNothing
	}
	if k.request {
		r.Fingerprint = o.Applicant
	}
	return k.Issuer.Render(o, r)
}
