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

// kind is what makes incidents alike: all that an entry says but when, in whose visit and of which document. Two that differ in
// any of it are told apart.
type kind struct {
	word, where, also string
	municipality      protocol.Municipality
}

func kindOf(e journal.Entry) kind {
	return kind{e.Reason, e.Where, codes(e.Also), e.Municipality}
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

// message tells of what is alike: codes, ids and digests, nothing else. "id" and "last" are the names that the first and the
// last of them have at the centre.
func (o Options) message(a storm.Alike[journal.Entry]) (message, error) {
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
	p = append(p, param{"count", strconv.FormatUint(a.Count, 10)})
	given("last", string(protocol.NameIncident(o.Terminal, last)), a.Count > 1)
	given("until", a.Last.At.Format("2006-01-02T15:04:05Z"), a.Count > 1)
	app, version, _ := strings.Cut(o.Software, " ")
	origin := element{"origin", []param{{"software", app}}}
	if version != "" {
		origin.params = append(origin.params, param{"swVersion", version})
	}
	return message{severity: severity, at: e.At.Time, host: string(o.Terminal), app: app, id: "incident",
		data: []element{{sdID, p}, origin}, text: "incident " + e.Reason}, nil
}
