package scenario

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/issuer"
	"honnin/daemon/practice/sheet"
)

// yokohama is Yokohama, 27 March 2023. A print-order manager lets one order in at a time; behind it a piece of work draws the
// pages and leaves them as files, which are then picked up, bound and signed.
//
// Published: load; the print wait passed its limit; the time-out released only the print-order manager, not the whole
// piece of work, and the next applicant's file was picked up; all jobs shared one file name.
type yokohama struct {
	Site
	manager turn
}

func newYokohama(s Site) *yokohama { return &yokohama{Site: s, manager: newTurn()} }

func (y *yokohama) Issue(o issuer.Order) (issuer.Package, error) {
	limit := time.NewTimer(y.PrintWait) // from the application on
	defer limit.Stop()
	y.manager.take()
	printed := make(chan error, 1)
	go func() { printed <- y.print(o) }()
	var err error
	select {
	case err = <-printed:
	case <-limit.C:
		y.manager.give() // THE FAULT: the next order comes in while this one's work runs on
		err = <-printed
		y.manager.take()
	}
	defer y.manager.give()
	if err != nil {
		return issuer.Package{}, err
	}
	d, err := y.pickUp()
	if err != nil {
		return issuer.Package{}, err
	}
	return y.Issuer.Seal(d)
}

// print is the piece of work: it draws the pages and leaves them and their statement, each under the one name for it.
func (y *yokohama) print(o issuer.Order) error {
	r, err := y.Issuer.Read(o)
	if err != nil {
		return err
	}
	d, err := y.Issuer.Draw(o, r)
	if err != nil {
		return err
	}
	statement, err := y.Issuer.State(o, r, d)
	if err != nil {
		return err
	}
	token, _ := r.Token.MarshalText()                             // cannot fail
	whose := append([]byte(r.Person+" "), append(token, '\n')...) // for the practice world's own books
	for i, p := range d.Pages(o) {
		if err := y.leave(pageName(i+1), whose, p.Image()); err != nil {
			return err
		}
	}
	return y.leave(protocol.StatementName, statement)
}

func pageName(n int) string { return "page-" + strconv.Itoa(n) }

// leave writes a file as a whole.
func (y *yokohama) leave(name string, parts ...[]byte) error {
	f, err := os.CreateTemp(y.Dir, "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(slices.Concat(parts...))
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(y.Dir, name))
}

// pickUp binds what lies in the work directory.
func (y *yokohama) pickUp() (issuer.Draft, error) {
	statement, err := os.ReadFile(filepath.Join(y.Dir, protocol.StatementName))
	if err != nil {
		return issuer.Draft{}, err
	}
	s, err := protocol.ParseStatement(statement)
	if err != nil {
		return issuer.Draft{}, err
	}
	var b bundle
	for n := range s.Pages {
		file, err := os.ReadFile(filepath.Join(y.Dir, pageName(n+1)))
		if err != nil {
			return issuer.Draft{}, err
		}
		if err := b.add(file, y.Issuer.Office); err != nil {
			return issuer.Draft{}, err
		}
	}
	return issuer.Draft{PDF: sheet.Bind(b.pages, y.Issuer.Now(), statement), Paper: strings.Join(b.people, "+"), Tokens: b.tokens}, nil
}

// bundle is pages as they were picked up, and whose they are.
type bundle struct {
	pages  []sheet.Page
	people []string
	tokens []protocol.Token
}

func (b *bundle) add(file []byte, office *sheet.Office) error {
	head, image, _ := bytes.Cut(file, []byte("\n"))
	person, token, _ := strings.Cut(string(head), " ")
	var t protocol.Token
	if err := t.UnmarshalText([]byte(token)); err != nil {
		return err
	}
	p, err := sheet.ReadImage(image, office)
	if err != nil {
		return err
	}
	b.pages, b.tokens = append(b.pages, p), append(b.tokens, t)
	if !slices.Contains(b.people, person) {
		b.people = append(b.people, person)
	}
	return nil
}
