package collector

import (
	"strconv"
	"strings"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/spool/incident"
	"honnin/spool/incident/storm"
	"honnin/spool/journal"
)

// sdID names our structured data. 32473 is the private enterprise number for documentation (RFC 5612): an operator who has one
// maps it.
const sdID = "incident@32473"

// kind is what makes incidents alike: all that an entry says but when and in whose visit, and, of the gravest, of which document: each of
// those is told by itself, in as many deliveries as it takes. Two that differ in any of it are told apart: by another program or signer,
// too.
type kind struct {
	word, where, also string
	municipality      protocol.Municipality
	software          protocol.IssuedWith
	signer            protocol.Digest
	document          protocol.Digest
	serial            protocol.Serial
	step              uint64 // of an escalation, its own entry: no two are alike
}

func (o Options) kindOf(e journal.Entry) kind {
	k := kind{word: e.Reason, where: e.Where, also: codes(e.Also), municipality: e.Municipality, software: e.Facts.Software, signer: e.Facts.SignedBy}
	if _, s := o.judged(e.Reason); s == Alert {
		k.document, k.serial = e.Document, e.Facts.Serial
	}
	if e.Kind == journal.Escalated {
		k.step = e.Seq
	}
	return k
}

func codes(all []reason.Code) string {
	var out []string
	for _, c := range all {
		out = append(out, string(c))
	}
	return strings.Join(out, " ")
}

// severities are the catalogue's, in syslog.
var severities = map[incident.Severity]Severity{incident.Highest: Alert, incident.High: Critical, incident.Medium: Error}

// judged is what the catalogue says of a word. One that it does not know is as severe as any: nobody thought of it.
func (o Options) judged(word string) (class string, s Severity) {
	w, ok := o.Catalogue.Word(word)
	if !ok {
		return incident.Fault, Alert
	}
	return w.Class, severities[w.Severity]
}

// message tells of what is alike: codes, ids and digests, and the evidence of the first ([protocol.Evidence]), nothing else. "id" and "last" are the names that the first and the
// last of them have at the centre.
func (o Options) message(a storm.Alike[journal.Entry]) (message, error) {
	if a.First.Kind == journal.Escalated {
		return o.escalation(a.First)
	}
	first, err := a.First.Head()
	if err != nil {
		return message{}, err
	}
	last, err := a.Last.Head()
	if err != nil {
		return message{}, err
	}
	e := a.First
	class, severity := o.judged(e.Reason)
	p := []param{{"id", string(protocol.NameIncident(o.Terminal, first))}, {"word", e.Reason}, {"class", class}}
	given := func(name, value string, is bool) {
		if is {
			p = append(p, param{name, value})
		}
	}
	given("municipality", string(e.Municipality), e.Municipality != "")
	given("transaction", e.Transaction.String(), !e.Transaction.IsZero())
	given("document", e.Document.String(), e.Document != protocol.Digest{})
	given("where", e.Where, e.Where != "")
	given("also", codes(e.Also), len(e.Also) > 0)
	given("serial", string(e.Facts.Serial), e.Facts.Serial != "")
	given("issuer", string(e.Facts.Software.Name), e.Facts.Software.Name != "")
	given("issuerVersion", string(e.Facts.Software.Version), e.Facts.Software.Version != "")
	given("signer", e.Facts.SignedBy.String(), e.Facts.SignedBy != protocol.Digest{})
	p = append(p, param{"count", strconv.FormatUint(a.Count, 10)})
	given("last", string(protocol.NameIncident(o.Terminal, last)), a.Count > 1)
	given("until", a.Last.At.Format("2006-01-02T15:04:05Z"), a.Count > 1)
	return o.said(e, severity, "incident", p, "incident "+e.Reason), nil
}

// said is a message of an entry, under a MSGID.
func (o Options) said(e journal.Entry, severity Severity, id string, p []param, text string) message {
	app, version, _ := strings.Cut(o.Software, " ")
	origin := element{"origin", []param{{"software", app}}}
	if version != "" {
		origin.params = append(origin.params, param{"swVersion", version})
	}
	return message{severity: severity, at: e.At.Time, host: string(o.Terminal), app: app, id: id, data: []element{{sdID, p}, origin}, text: text}
}

// escalation tells that a contact of the policy is to be told of an incident, which "id" names: who that is, the policy says. It is as
// severe as the incident; where a service stops with it, as severe as anything.
func (o Options) escalation(e journal.Entry) (message, error) {
	of, err := o.Journal.At(uint64(e.Of))
	if err != nil {
		return message{}, err
	}
	head, err := of.Head()
	if err != nil {
		return message{}, err
	}
	class, severity := o.judged(of.Reason)
	p := []param{{"id", string(protocol.NameIncident(o.Terminal, head))}, {"word", of.Reason}, {"class", class}}
	if e.Municipality != "" {
		p = append(p, param{"municipality", string(e.Municipality)})
	}
	p = append(p, param{"step", strconv.Itoa(e.Step)}, param{"since", of.At.Format("2006-01-02T15:04:05Z")})
	text := "escalation " + of.Reason
	if e.Contact != "" {
		p = append(p, param{"contact", e.Contact})
	}
	if e.Reason != "" {
		p, severity, text = append(p, param{"over", e.Reason}), Alert, text+": "+e.Reason
	}
	return o.said(e, severity, "escalation", p, text), nil
}
