package scenario

import (
	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
)

// adachi is Adachi, 22 March and 18 April 2023. One issuance at a time has the work row, from reading to drawing. When the batch that
// carries resident changes over needs the table, an issuance steps aside until it has ended.
//
// Published: the batch ran at the same time as several issuances; a later applicant's data overwrote the earlier
// one's. Unheard is the same program: after such an error the next application prints normally.
type adachi struct {
	Site
	turn  turn
	row   area[register.Reading]
	night turn                            // one batch at a time
	batch area[chan struct{}]             // closed when the batch that runs has ended; nil when none runs
	lines places[string, protocol.Digest] // what the batch carried over: each resident's line
}

func newAdachi(s Site) *adachi { return &adachi{Site: s, turn: newTurn(), night: newTurn()} }

func (a *adachi) Issue(o issuer.Order) (issuer.Package, error) {
	a.turn.take()
	defer a.turn.give()
	r, err := a.Issuer.Read(o)
	if err != nil {
		return issuer.Package{}, err
	}
	a.row.put(r)
	a.giveWay()
	head := a.row.get() // whose it is, for the statement
	a.giveWay()
	d, err := a.Issuer.Draw(o, a.row.get())
	if err != nil {
		return issuer.Package{}, err
	}
	draft, err := a.Issuer.Bind(o, head, d)
	if err != nil {
		return issuer.Package{}, err
	}
	return a.Issuer.Seal(draft)
}

// giveWay lets a batch that runs come to its end.
func (a *adachi) giveWay() {
	ended := a.batch.get()
	if ended == nil {
		return
	}
	a.turn.give() // THE FAULT: with the turn the row is given away too, and afterwards nobody fills it again
	<-ended
	a.turn.take()
}

// Business is the batch, run again and again.
func (a *adachi) Business(o issuer.Order) func(<-chan struct{}) {
	return func(over <-chan struct{}) {
		for {
			select {
			case <-over:
				return
			default:
				a.carryOver()
			}
		}
	}
}

// carryOver takes every resident's line over, as it reads now.
func (a *adachi) carryOver() {
	a.night.take()
	defer a.night.give()
	ended := make(chan struct{})
	defer close(ended)
	a.batch.put(ended)
	defer a.batch.put(nil)
	options := protocol.Options{register.OptionHousehold: protocol.Text("self")}
	for _, h := range a.Primary.Neighbours(protocol.ResidentRegister, "") {
		r, err := a.Primary.Read(protocol.ResidentRegister, h.Person, h.Fingerprint)
		if err != nil {
			continue
		}
		if c, err := r.Facts.Content(protocol.ResidentRecord, options, h.Person); err == nil {
			a.lines.put(h.Person, protocol.Fingerprint(c.Canonical()))
		}
	}
}
