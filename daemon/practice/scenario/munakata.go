package scenario

import (
	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/register"
)

// munakata is Munakata, 28 June 2023, and seen in January 2019. At the counter the record is read when the applicant applies, and
// again when the sheets are put out; between the two a change of the record may be entered.
//
// Published: a change of the resident's record between application and output left the previous applicant's information
// in place. Repeat is the same program, in a version that the mended one has not reached.
type munakata struct {
	Site
	output  turn
	sheets  area[issuer.Draft] // of whoever was put out last
	notices places[protocol.Transaction, notice]
}

// notice is a notice of change that lies at the counter with an application.
type notice struct{ applied, entered chan struct{} }

func newMunakata(s Site) *munakata { return &munakata{Site: s, output: newTurn()} }

func (m *munakata) Issue(o issuer.Order) (issuer.Package, error) {
	applied, err := m.Issuer.Read(o)
	if err != nil {
		return issuer.Package{}, err
	}
	m.changes(o)
	m.output.take()
	defer m.output.give()
	now, err := m.Issuer.Read(o)
	if err != nil {
		return issuer.Package{}, err
	}
	if now.Token == applied.Token {
		d, err := m.Issuer.Render(o, now)
		if err != nil {
			return issuer.Package{}, err
		}
		m.sheets.put(d)
	} // THE FAULT: a record that has changed is not drawn anew, and what lies in the output area is put out
	d := m.sheets.get()
	if d.PDF == nil {
		return issuer.Package{}, errNothing
	}
	return m.Issuer.Seal(d)
}

// changes lets a notice that lies with this application be entered, before its output.
func (m *munakata) changes(o issuer.Order) {
	if n, ok := m.notices.get(o.Transaction); ok {
		close(n.applied)
		<-n.entered
	}
}

// Business is a notice of change that comes in with an application. Only those of people whose record nobody shares are entered at once.
func (m *munakata) Business(o issuer.Order) func(<-chan struct{}) {
	if !m.Primary.Alone(o.Certificate.Register(), o.Person) {
		return nil
	}
	n := notice{make(chan struct{}), make(chan struct{})}
	m.notices.put(o.Transaction, n)
	return func(over <-chan struct{}) {
		defer m.notices.drop(o.Transaction)
		defer close(n.entered)
		select {
		case <-n.applied:
			_ = m.Primary.Amend(o.Certificate.Register(), o.Person, func(f register.Facts) register.Facts { return f })
		case <-over:
		}
	}
}
