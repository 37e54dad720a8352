package policy

import (
	"time"

	"honnin/config/keys"
	"honnin/config/protocol"
)

// maxFee is in yen, for one copy.
const maxFee = 100_000

type wireService struct {
	Certificate string `toml:"certificate"`
	Fee         int    `toml:"fee"`
	CounterFee  *int   `toml:"counter_fee"`
	wireCalendar
}

// service is one certificate of one municipality.
type service struct {
	fee, counter int
	schedule     schedule
}

func (w wireService) service(s schedule) service {
	out := service{w.Fee, w.Fee, s.within(w.wireCalendar)}
	if w.CounterFee != nil {
		out.counter = *w.CounterFee
	}
	return out
}

// find returns what the policy says of a certificate, and whether it says anything: a municipality without services issues
// whatever the centre offers, for what the centre asks.
func (m *municipality) find(c protocol.Certificate) (s service, listed bool) {
	if len(m.services) == 0 {
		return service{schedule: m.schedule}, false
	}
	s, listed = m.services[c]
	return s, listed
}

// Offered reports whether a municipality of this policy issues a certificate.
func (p *Policy) Offered(m protocol.Municipality, c protocol.Certificate) bool {
	town, ok := p.municipalities[m]
	if !ok || !c.Valid() {
		return false
	}
	_, listed := town.find(c)
	return listed || len(town.services) == 0
}

// Open reports whether a certificate can be had at an instant, and until when that stays so; zero where nothing is known to
// change within a year. Whether the centre and the municipality are there is another question.
func (p *Policy) Open(m protocol.Municipality, c protocol.Certificate, at time.Time) (open bool, until time.Time) {
	if !p.Offered(m, c) {
		return false, time.Time{}
	}
	s, _ := p.municipalities[m].find(c)
	return s.schedule.open(at)
}

// Fee returns what one copy costs, in yen. It is false where the policy does not say, and the centre's word counts.
func (p *Policy) Fee(m protocol.Municipality, c protocol.Certificate, at protocol.Channel) (yen int, says bool) {
	town, ok := p.municipalities[m]
	if !ok {
		return 0, false
	}
	s, listed := town.find(c)
	if at == protocol.Counter {
		return s.counter, listed
	}
	return s.fee, listed
}

// Offers returns the centre's offers as this policy lets them stand: without what it does not issue, with its fee and hours,
// "closed" or "closed-today" where it is that. Those whose fee the centre has wrong are returned as the centre sent them: each is an incident.
func (p *Policy) Offers(from []protocol.Offer, ch protocol.Channel, at time.Time) (stand, wrong []protocol.Offer) {
	for _, o := range from {
		if !p.Offered(o.Municipality, o.Certificate) {
			continue
		}
		if yen, says := p.Fee(o.Municipality, o.Certificate, ch); says && yen != o.Fee {
			wrong = append(wrong, o)
			o.Fee = yen
		}
		s, _ := p.municipalities[o.Municipality].find(o.Certificate)
		if s.schedule.hours != (keys.Span{}) {
			o.Hours = s.schedule.hours.String()
		}
		if open, _ := s.schedule.open(at); !open && o.Available {
			o.Available, o.Why = false, s.schedule.why(at)
		}
		stand = append(stand, o)
	}
	return stand, wrong
}

// schedules are all that count anywhere.
func (p *Policy) schedules() (out []schedule) {
	for _, m := range p.municipalities {
		if len(m.services) == 0 {
			out = append(out, m.schedule)
		}
		for _, s := range m.services {
			out = append(out, s.schedule)
		}
	}
	return out
}

// Closed reports whether nothing at all can be had at an instant, and when the first thing can; zero where nothing will within
// a year.
func (p *Policy) Closed(at time.Time) (closed bool, until time.Time) {
	for _, s := range p.schedules() {
		open, to := s.open(at)
		if open {
			return false, time.Time{}
		}
		if until.IsZero() || !to.IsZero() && to.Before(until) {
			until = to
		}
	}
	return true, until
}

// Times of the day where a policy says nothing of hours: the service opens at 06:30, and the day begins half an hour earlier.
const (
	usualOpening = 6*60 + 30
	beforehand   = 30
)

// DayBegins is when, after midnight in Japan, a terminal's day begins: half an hour before the first of its hours.
func (p *Policy) DayBegins() time.Duration {
	first := 24 * 60
	for _, s := range p.schedules() {
		if s.hours != (keys.Span{}) {
			first = min(first, s.hours.From)
		}
	}
	if first == 24*60 {
		first = usualOpening
	}
	return time.Duration(max(0, first-beforehand)) * time.Minute
}
