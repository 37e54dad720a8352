package practice

import (
	"errors"
	"fmt"
	"slices"

	"honnin/config/protocol"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/register"
	"honnin/daemon/practice/sheet"
	"honnin/drivers/card/virtual"
)

// ErrNobody is returned for an id that nobody has.
var ErrNobody = errors.New("practice: nobody has this id")

// Person is one of the practice world's people, as far as a terminal's surroundings may know them.
type Person struct {
	ID       string
	PIN      string
	Ordinary bool // the card is good and linked; otherwise the centre declines it
	Asks     []Ask
}

// Ask is one thing that a person may ask for.
type Ask struct {
	Municipality protocol.Municipality
	Certificate  protocol.Certificate
}

// People returns everybody who has a practice card, p01 first.
func (w *World) People() (out []Person) {
	for _, p := range people.All() {
		out = append(out, Person{p.ID, p.PIN, p.Ordinary(), w.asks(p.ID)})
	}
	return out
}

func (w *World) asks(id string) (out []Ask) {
	for _, t := range people.Towns() {
		for _, c := range protocol.Certificates() {
			if _, inForce := w.towns[t.Code].primary.Registered(c.Register(), id); inForce {
				out = append(out, Ask{t.Code, c})
			}
		}
	}
	return out
}

// Card makes the card in a person's hand. Every call makes a new one, with all tries left.
func (w *World) Card(id string) (*virtual.Card, error) {
	all := people.All()
	i := slices.IndexFunc(all, func(p people.Person) bool { return p.ID == id })
	if i < 0 {
		return nil, ErrNobody
	}
	pair, ca := w.keys.Cards[id][0], w.keys.CardCAs[all[i].Generation-1]
	return virtual.New(virtual.Options{AuthKey: pair.Key, AuthCert: pair.Certificate.Raw, AuthCA: ca.Certificate.Raw, PIN: all[i].PIN,
		ShortFileIDs: true, Extended: all[i].Generation > 1})
}

// Enrol makes the holder of a strange card a fictional resident, e01 and on, and returns the id; a card that is
// known already keeps its own. Guests are forgotten when the world ends.
func (w *World) Enrol(certificate []byte) (string, error) {
	id, ours := w.enrol(protocol.Fingerprint(certificate))
	if ours {
		return "", fmt.Errorf("practice: %w: this practice card is not linked, on purpose", register.ErrNotLinked)
	}
	return id, nil
}

// Holder returns who a card belongs to, by the fingerprint of its certificate; "" for a stranger's.
func (w *World) Holder(f protocol.Digest) string {
	for _, t := range w.towns {
		if id, ok := t.primary.Holder(f); ok {
			return id
		}
	}
	return ""
}

func (w *World) enrol(f protocol.Digest) (id string, ours bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id := w.Holder(f); id != "" {
		return id, false
	}
	if _, ours := w.status[f]; ours {
		return "", true
	}
	w.guests++
	id = fmt.Sprintf("e%02d", w.guests)
	people.Guest(w.towns[people.Mihon].primary, id)
	w.towns[people.Mihon].primary.Link(id, f)
	w.status[f] = people.Good
	return id, false
}

// home returns where a person's record of one register is kept.
func (w *World) home(r protocol.Register, id string) (*town, error) {
	for _, t := range people.Towns() {
		if known, _ := w.towns[t.Code].primary.Registered(r, id); known {
			return w.towns[t.Code], nil
		}
	}
	return nil, ErrNobody
}

// Abolish ends a person's record in a register: from now on what was drawn from it is superseded.
func (w *World) Abolish(r protocol.Register, id string) error {
	t, err := w.home(r, id)
	if err != nil {
		return err
	}
	return t.primary.Abolish(r, id)
}

// Amend replaces a person's record by one with something new in it: what was drawn before is superseded. A household
// gets a remark on its first member; of the other registers a new version says what the old one said.
func (w *World) Amend(r protocol.Register, id string) error {
	t, err := w.home(r, id)
	if err != nil {
		return err
	}
	return t.primary.Amend(r, id, func(f register.Facts) register.Facts {
		h, ok := f.(register.Household)
		if !ok {
			return f
		}
		h.People = slices.Clone(h.People)
		h.People[0].Remarks = "届出により修正　" + sheet.DateOf(w.options.Now()).Wareki()
		return h
	})
}
