package operator

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"honnin/config/protocol"
	"honnin/config/tokyo"
	"honnin/spool/incident"
)

//go:embed templates/*.html
var templates embed.FS

// drawer draws pages.
type drawer struct{ t *template.Template }

func newDrawer() (drawer, error) {
	t, err := template.New("").Funcs(template.FuncMap{"when": when, "stamp": stamp, "state": stateIn, "grave": incident.Severity.In}).ParseFS(templates, "templates/*.html")
	return drawer{t}, err
}

func (d drawer) page(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := d.t.ExecuteTemplate(&b, name, data)
	return b.Bytes(), err
}

func when(t protocol.Time) string { return t.In(tokyo.Zone()).Format("2006-01-02 15:04:05") }

func stamp(t protocol.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// states are the states, as they are filtered by, and what people call them.
var states = []struct{ State, Ja, En string }{
	{protocol.IncidentOpen, "未対応", "open"}, {protocol.IncidentAcknowledged, "対応中", "acknowledged"}, {protocol.IncidentClosed, "終了", "closed"}}

func stateIn(state, lang string) string {
	for _, s := range states {
		if s.State == state && lang == "ja" {
			return s.Ja
		}
	}
	return state
}

// perPage is how many incidents stand on one page of the list.
const perPage = 25

// asked is what the list is asked for; "" is everything.
type asked struct {
	State        string
	Municipality protocol.Municipality
	Terminal     protocol.Terminal
	Page         int // from 1
}

func askedOf(q url.Values) asked {
	page, _ := strconv.Atoi(q.Get("page"))
	return asked{q.Get("state"), protocol.Municipality(q.Get("municipality")), protocol.Terminal(q.Get("terminal")), max(page, 1)}
}

func (a asked) fits(i Incident) bool {
	return (a.State == "" || a.State == i.State) && (a.Municipality == "" || a.Municipality == i.Municipality) && (a.Terminal == "" || a.Terminal == i.Terminal)
}

// URL asks a path for the same.
func (a asked) URL(path string) string {
	q := url.Values{}
	for k, v := range map[string]string{"state": a.State, "municipality": string(a.Municipality), "terminal": string(a.Terminal)} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if a.Page > 1 {
		q.Set("page", strconv.Itoa(a.Page))
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

func (a asked) at(page int) asked { a.Page = page; return a }

// In is the same, in another state.
func (a asked) In(state string) asked { a.State, a.Page = state, 1; return a }

// listView is what the list's template sees.
type listView struct {
	Asked          asked
	Rows           []row
	Counts         []count
	Towns          []town
	Terminals      []protocol.Terminal
	Suspended      []suspended
	Of, Pages      int // incidents that fit, and their pages
	Earlier, Later *asked
}

type count struct {
	State, Ja, En string
	N             int
}

type town struct {
	Code protocol.Municipality
	protocol.Names
}

// suspended is what is stopped for all terminals, and the page of the incident that stops it: "" where the centre has forgotten it.
type suspended struct {
	protocol.Suspension
	Town protocol.Names
	URL  string
}

func (s *Server) suspended(all []Incident) (out []suspended) {
	for _, one := range s.Centre.Suspended() {
		v := suspended{Suspension: one.What, Town: s.town(one.What.Municipality)}
		for _, i := range all {
			if i.led(one) {
				v.URL = i.URL()
			}
		}
		out = append(out, v)
	}
	return out
}

// URL is an incident's page.
func (i Incident) URL() string {
	return "/incidents/" + url.PathEscape(string(i.Terminal)) + "/" + url.PathEscape(string(i.ID))
}

// fact is one thing that an event says, with the name it has there.
type fact struct{ Name, Ja, Value string }

// factNames are the Japanese names of what events say. What has none is shown by its name in the event.
var factNames = map[string]string{
	"transaction": "取引", "document": "書類のSHA-256", "also": "ほかの理由",
	"storm count": "同じものの数", "storm last": "その最後", "storm through": "端末の記録での、その最後の位置", "storm transactions": "それらの取引",
	"evidence serial": "証明書の発行番号", "evidence issued_at": "発行時刻", "evidence software name": "発行プログラム", "evidence software version": "発行プログラムの版",
	"evidence signed_by": "署名者の証明書のSHA-256", "evidence signed_at": "署名時刻", "evidence program": "端末のプログラム",
	"evidence policy version": "端末のポリシーの版", "evidence policy digest": "端末のポリシーのSHA-256", "evidence journal position": "端末の記録の位置", "evidence journal head": "端末の記録のハッシュ",
}

// shownElsewhere are those that the page shows with words of their own.
var shownElsewhere = []string{"code", "class", "municipality"}

// Facts is all else that the event says, whatever it is, in its order there.
func (i Incident) Facts() []fact { return facts("", reflect.ValueOf(i.Data)) }

func facts(before string, v reflect.Value) (out []fact) {
	for f, value := range v.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		name := before + tag
		if value.IsZero() || slices.Contains(shownElsewhere, name) {
			continue
		}
		switch x := value.Interface().(type) {
		case protocol.Time:
			out = append(out, fact{name, factNames[name], when(x)})
		case []string:
			out = append(out, fact{name, factNames[name], strings.Join(x, ", ")})
		case fmt.Stringer:
			out = append(out, fact{name, factNames[name], x.String()})
		default:
			if value.Kind() == reflect.Struct {
				out = append(out, facts(name+" ", value)...)
				continue
			}
			out = append(out, fact{name, factNames[name], fmt.Sprint(x)})
		}
	}
	return out
}

// row is an incident with the words that people need.
type row struct {
	Incident
	Word    incident.Word
	Town    protocol.Names
	Persons []Person
	Stopped []suspended
}

// LastTold is the last that was to be told, if any.
func (r row) LastTold() *Told {
	if len(r.Told) == 0 {
		return nil
	}
	return &r.Told[len(r.Told)-1]
}

// Last is the last step, if any.
func (r row) Last() *Step {
	if len(r.Steps) == 0 {
		return nil
	}
	return &r.Steps[len(r.Steps)-1]
}

func (s *Server) shown(i Incident) row {
	r := row{Incident: i, Word: s.word(i.Code), Town: s.town(i.Municipality), Persons: s.Persons}
	for _, one := range i.Suspends {
		r.Stopped = append(r.Stopped, suspended{one, s.town(one.Municipality), i.URL()})
	}
	return r
}

func (s *Server) town(m protocol.Municipality) protocol.Names {
	if name, known := s.Towns[m]; known {
		return name
	}
	return protocol.Names{Ja: string(m), En: string(m)}
}

func (s *Server) listed(a asked) listView {
	all := s.Incidents()
	v := listView{Asked: a, Counts: counted(all), Towns: s.towns(), Suspended: s.suspended(all)}
	seen := map[protocol.Terminal]bool{}
	for _, i := range all {
		seen[i.Terminal] = true
	}
	v.Terminals = slices.Sorted(maps.Keys(seen))
	fits := slices.DeleteFunc(all, func(i Incident) bool { return !a.fits(i) })
	v.Of, v.Pages = len(fits), max((len(fits)+perPage-1)/perPage, 1)
	v.Asked.Page = min(a.Page, v.Pages)
	for _, i := range fits[(v.Asked.Page-1)*perPage : min(v.Asked.Page*perPage, len(fits))] {
		v.Rows = append(v.Rows, s.shown(i))
	}
	if later := v.Asked.at(v.Asked.Page - 1); later.Page >= 1 {
		v.Later = &later
	}
	if earlier := v.Asked.at(v.Asked.Page + 1); earlier.Page <= v.Pages {
		v.Earlier = &earlier
	}
	return v
}

func counted(all []Incident) (out []count) {
	for _, s := range states {
		c := count{s.State, s.Ja, s.En, 0}
		for _, i := range all {
			if i.State == s.State {
				c.N++
			}
		}
		out = append(out, c)
	}
	return out
}

func (s *Server) towns() (out []town) {
	for _, code := range slices.Sorted(maps.Keys(s.Towns)) {
		out = append(out, town{code, s.Towns[code]})
	}
	return out
}
