// Package register is a practice municipality's primary: the resident, seal, family and tax registers.
//
// A record has holders (the people in it who have cards), and each holder a set of certificate fingerprints: a
// person may have a card and a telephone, or have renewed. What a record says is a series of versions, each with
// a token of its own; amending or abolishing a record supersedes the version before and never changes it. The last 64
// versions are remembered. [Primary.Copy] is a replica, and grows stale as replicas do.
//
// Two parties read it. The issuer takes [Primary.Read]: one version's facts, its token and the holder's stored
// fingerprint, all under one lock, so that nobody can put two people's data together. At the commit the
// register itself answers [Primary.InForce], recomputing the subject hash and the content from here and from
// nothing that the issuer said but the token.
//
// Everything lives in memory. A fingerprint is not a name, but it is a person's, and it is not written down.
package register

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/practice/sheet"
)

// Errors of reading.
var (
	ErrNotLinked     = errors.New("register: no record is linked to this certificate")
	ErrNotRegistered = errors.New("register: no such record in force")
	ErrFacts         = errors.New("register: the record cannot be printed so")
)

// Facts is what one version of one record says. A value is immutable. Content is what is printed of it for
// one of its holders; it fails with [ErrFacts] for a certificate or an option that the record does not know.
type Facts interface {
	Content(c protocol.Certificate, o protocol.Options, person string) (sheet.Content, error)
}

// Reading is one version of one record as one holder may have it printed.
type Reading struct {
	Person      string          // who the record's holder is: ground truth for the practice world's own books
	Fingerprint protocol.Digest // the stored one
	Register    protocol.Register
	Token       protocol.Token
	AsOf        time.Time
	Facts       Facts
}

type key struct {
	register protocol.Register
	person   string
}

type record struct {
	register protocol.Register
	holders  []holder
	versions []*version // oldest first
}

type holder struct {
	person       string
	fingerprints []protocol.Digest
}

type version struct {
	of         *record
	token      protocol.Token
	facts      Facts
	superseded time.Time // zero while in force
}

// Primary is one municipality's registers. It is safe for concurrent use.
type Primary struct {
	code protocol.Municipality
	now  func() time.Time

	mu      sync.RWMutex
	records map[key]*record
	tokens  map[protocol.Token]*version
	people  map[protocol.Digest]string
}

// New makes empty registers.
func New(code protocol.Municipality, now func() time.Time) *Primary {
	return &Primary{code: code, now: now, records: map[key]*record{}, tokens: map[protocol.Token]*version{}, people: map[protocol.Digest]string{}}
}

// Municipality returns whose registers these are.
func (p *Primary) Municipality() protocol.Municipality { return p.code }

// Add enters a record of some holders, in force from now on.
func (p *Primary) Add(r protocol.Register, facts Facts, people ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rec := &record{register: r}
	for _, person := range people {
		rec.holders = append(rec.holders, holder{person: person})
		p.records[key{r, person}] = rec
	}
	p.issue(rec, facts)
}

// maxVersions is how many versions of a record are remembered; about older ones the register knows nothing.
const maxVersions = 64

// issue makes facts the version in force.
func (p *Primary) issue(rec *record, facts Facts) {
	v := &version{of: rec, token: protocol.NewToken(), facts: facts}
	if len(rec.versions) == maxVersions {
		delete(p.tokens, rec.versions[0].token)
		rec.versions = slices.Delete(rec.versions, 0, 1)
	}
	rec.versions = append(rec.versions, v)
	p.tokens[v.token] = v
}

// Link stores a certificate's fingerprint in every record of a person. It reports whether there was one.
func (p *Primary) Link(person string, fingerprint protocol.Digest) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	linked := false
	for k, rec := range p.records {
		if k.person != person {
			continue
		}
		i := slices.IndexFunc(rec.holders, func(h holder) bool { return h.person == person })
		rec.holders[i].fingerprints = append(rec.holders[i].fingerprints, fingerprint)
		linked = true
	}
	if linked {
		p.people[fingerprint] = person
	}
	return linked
}

// Holder returns whom a certificate belongs to here.
func (p *Primary) Holder(fingerprint protocol.Digest) (person string, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	person, ok = p.people[fingerprint]
	return person, ok
}

// Registered reports whether a person has a record of this kind, and whether it is in force.
func (p *Primary) Registered(r protocol.Register, person string) (known, inForce bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	rec := p.records[key{r, person}]
	return rec != nil, rec != nil && rec.last().superseded.IsZero()
}

func (rec *record) last() *version { return rec.versions[len(rec.versions)-1] }

// Amend supersedes the version in force with new facts, made from the old ones. An abolished record stays so.
func (p *Primary) Amend(r protocol.Register, person string, change func(Facts) Facts) error {
	return p.supersede(r, person, func(rec *record, old *version) { p.issue(rec, change(old.facts)) })
}

// Abolish ends a record.
func (p *Primary) Abolish(r protocol.Register, person string) error {
	return p.supersede(r, person, func(*record, *version) {})
}

// Anew enters an abolished record again, as it was, under a token of its own.
func (p *Primary) Anew(r protocol.Register, person string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	rec := p.records[key{r, person}]
	if rec == nil || rec.last().superseded.IsZero() {
		return ErrNotRegistered
	}
	p.issue(rec, rec.last().facts)
	return nil
}

func (p *Primary) supersede(r protocol.Register, person string, then func(*record, *version)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	rec := p.records[key{r, person}]
	if rec == nil || !rec.last().superseded.IsZero() {
		return ErrNotRegistered
	}
	old := rec.last()
	old.superseded = p.now()
	then(rec, old)
	return nil
}

// Read returns the version in force for one holder, with the stored fingerprint that equals the applicant's.
func (p *Primary) Read(r protocol.Register, person string, applicant protocol.Digest) (Reading, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	rec := p.records[key{r, person}]
	if rec == nil || !rec.last().superseded.IsZero() {
		return Reading{}, ErrNotRegistered
	}
	h, _ := rec.holder(person)
	i := slices.Index(h.fingerprints, applicant)
	if i < 0 {
		return Reading{}, ErrNotLinked
	}
	v := rec.last()
	return Reading{person, h.fingerprints[i], r, v.token, p.now(), v.facts}, nil
}

// Neighbour returns somebody else with a record in this register, of another record than this person's where there
// is one, and the fingerprint stored for them. The order is always the same.
func (p *Primary) Neighbour(r protocol.Register, person string) (other string, fingerprint protocol.Digest, ok bool) {
	all := p.Neighbours(r, person)
	if len(all) == 0 {
		return "", protocol.Digest{}, false
	}
	return all[0].Person, all[0].Fingerprint, true
}

// Holder is one holder of a record in force, and the first fingerprint that is stored for them.
type Holder struct {
	Person      string
	Fingerprint protocol.Digest
}

// Neighbours returns everybody else with a record in this register, in the order of their ids: those of other records than this
// person's, or, where there are none, the other holders of it.
func (p *Primary) Neighbours(r protocol.Register, person string) []Holder {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var others, own []Holder
	for k, rec := range p.records {
		h, _ := rec.holder(k.person)
		switch {
		case k.register != r || k.person == person || !rec.last().superseded.IsZero() || len(h.fingerprints) == 0:
		case rec == p.records[key{r, person}]:
			own = append(own, Holder{k.person, h.fingerprints[0]})
		default:
			others = append(others, Holder{k.person, h.fingerprints[0]})
		}
	}
	if len(others) == 0 {
		others = own
	}
	slices.SortFunc(others, func(a, b Holder) int { return strings.Compare(a.Person, b.Person) })
	return others
}

// Alone reports whether a person is the only holder of their record.
func (p *Primary) Alone(r protocol.Register, person string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	rec := p.records[key{r, person}]
	return rec != nil && len(rec.holders) == 1
}

// InForceNow reports whether every one of these tokens names a version in force.
func (p *Primary) InForceNow(tokens ...protocol.Token) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return !slices.ContainsFunc(tokens, func(t protocol.Token) bool {
		v := p.tokens[t]
		return v == nil || !v.superseded.IsZero()
	})
}

// Copy returns a copy of the registers as they are now: a replica that hears of nothing afterwards.
func (p *Primary) Copy() *Primary {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c := New(p.code, p.now)
	copies := map[*record]*record{}
	for k, rec := range p.records {
		if copies[rec] == nil {
			copies[rec] = rec.copy(c.tokens)
		}
		c.records[k] = copies[rec]
	}
	c.people = maps.Clone(p.people)
	return c
}

// copy returns a copy that has the latest version only, and enters its token.
func (rec *record) copy(tokens map[protocol.Token]*version) *record {
	c := &record{register: rec.register}
	for _, h := range rec.holders {
		c.holders = append(c.holders, holder{h.person, slices.Clone(h.fingerprints)})
	}
	v := *rec.last()
	v.of = c
	c.versions, tokens[v.token] = []*version{&v}, &v
	return c
}

func (rec *record) holder(person string) (holder, bool) {
	for _, h := range rec.holders {
		if h.person == person {
			return h, true
		}
	}
	return holder{}, false
}
