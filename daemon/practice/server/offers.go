package server

import (
	"slices"
	"strconv"

	"honnin/config/protocol"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
)

// Hours is when certificates can be had in stores, Asia/Tokyo.
const Hours = "06:30-23:00"

// offer is what is shown, and what it means here.
type offer struct {
	protocol.Offer
	at     *Municipality
	person string
}

// offers returns everything that the holder of a certificate may ask for, of every municipality that knows them.
func (s *Server) offers(fingerprint protocol.Digest) (out []offer) {
	open := s.Open(s.Now())
	for i := range s.Municipalities {
		m := &s.Municipalities[i]
		person, ok := m.Primary.Holder(fingerprint)
		if !ok {
			continue
		}
		for _, c := range protocol.Certificates() {
			if o, ok := m.offer(c, person, open); ok {
				out = append(out, o)
			}
		}
	}
	return out
}

// offer makes one offer, if it concerns this person at all: family registers where theirs is kept, everything else
// where they live, a seal registration there even if they have none.
func (m *Municipality) offer(c protocol.Certificate, person string, open bool) (offer, bool) {
	known, inForce := m.Primary.Registered(c.Register(), person)
	if !known {
		resident, _ := m.Primary.Registered(protocol.ResidentRegister, person)
		if c != protocol.SealRegistration || !resident {
			return offer{}, false
		}
	}
	o := protocol.Offer{ID: string(m.Code) + "-" + string(c), Municipality: m.Code, Name: m.Name, Certificate: c,
		Options: options(c), Fee: m.Fee(c), Hours: Hours, Available: open && inForce}
	switch {
	case !inForce:
		o.Why = "not-registered"
	case !open:
		o.Why = "closed"
	}
	return offer{o, m, person}, true
}

// options are the choices of a certificate, the default first.
func options(c protocol.Certificate) map[string][]protocol.Option {
	no := []protocol.Option{protocol.Bool(false), protocol.Bool(true)}
	switch c {
	case protocol.ResidentRecord:
		return map[string][]protocol.Option{
			register.OptionHousehold: {protocol.Text("all"), protocol.Text("self")},
			register.OptionHead:      no, register.OptionDomicile: no, register.OptionMyNumber: no,
		}
	case protocol.IncomeTax:
		var years []protocol.Option
		for _, y := range people.Years() {
			years = append(years, protocol.Text(strconv.Itoa(y)))
		}
		return map[string][]protocol.Option{register.OptionYear: years}
	}
	return map[string][]protocol.Option{}
}

func shown(offers []offer) (out []protocol.Offer) {
	for _, o := range offers {
		out = append(out, o.Offer)
	}
	return out
}

// find returns the available offer that an order chooses, if every option is one of its own and none is left out.
func find(offers []offer, o protocol.Order) *offer {
	i := slices.IndexFunc(offers, func(f offer) bool { return f.ID == o.Offer })
	if i < 0 || !offers[i].Available || o.Copies < 1 || o.Copies > protocol.MaxCopies || len(o.Options) != len(offers[i].Options) {
		return nil
	}
	for name, values := range offers[i].Options {
		chosen, ok := o.Options[name]
		if !ok || !slices.Contains(values, chosen) {
			return nil
		}
	}
	return &offers[i]
}
