package touch

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"time"

	"honnin/config/protocol"
)

//go:embed templates/*.html
var templates embed.FS

// drawer turns pictures into HTML, in both languages.
type drawer map[Language]*template.Template

func newDrawer() (drawer, error) {
	texts := map[Language]*texts{}
	for _, l := range []Language{Japanese, English} {
		t, err := loadTexts(l)
		if err != nil {
			return nil, err
		}
		texts[l] = t
	}
	d := drawer{}
	for l, t := range texts {
		parsed, err := template.New("").Funcs(words(t, texts[l.other()])).ParseFS(templates, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("touch: templates: %w", err)
		}
		d[l] = parsed
	}
	return d, nil
}

// words are the functions of the templates; "also" says a thing in the other language.
func words(t, other *texts) template.FuncMap {
	return template.FuncMap{
		"t": t.say, "also": other.say, "lang": func() Language { return t.lang }, "alsoLang": func() Language { return other.lang },
		"name": t.name, "certificate": t.certificate, "optionName": t.optionName, "optionValue": t.optionValue,
		"why": t.why, "yen": t.yen, "message": t.message, "alsoMessage": other.message, "refusal": t.refusal,
		"alsoRefusal": other.refusal, "next": t.next,
		"when": t.when, "alsoWhen": other.when, "pattern": t.pattern, "fill": fill,
		"mul": func(a, b int) int { return a * b },
		"seq": func(n int) []int { return slices.Collect(func(yield func(int) bool) { countTo(n, yield) }) },
	}
}

func countTo(n int, yield func(int) bool) {
	for i := 1; i <= n && yield(i); i++ {
	}
}

// view is what a template sees.
type view struct {
	picture
	Content template.HTML // of the screen, drawn by its own template
}

// draw returns the picture as an HTML fragment.
func (d drawer) draw(p picture) ([]byte, error) {
	set, content, v := d[p.language()], bytes.Buffer{}, view{picture: p}
	if err := set.ExecuteTemplate(&content, "screen-"+v.Sub(), v); err != nil {
		return nil, err
	}
	v.Content = template.HTML(content.String()) // made by html/template one line above
	var out bytes.Buffer
	err := set.ExecuteTemplate(&out, "picture", v)
	return out.Bytes(), err
}

// page wraps a fragment, or any other content, in a named page.
func (d drawer) page(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	err := d[Japanese].ExecuteTemplate(&out, name, data)
	return out.Bytes(), err
}

// Sub is the screen's name, or "options" where an offer's options are open.
func (v view) Sub() string {
	if v.looking != "" {
		return "options"
	}
	return string(v.Screen.Name)
}

// Number is what a finger carries back.
func (v view) Number() uint64 { return v.number }

// Tick counts every change.
func (v view) Tick() uint64 { return v.tick }

// First is the language that is spoken until somebody chooses another.
func (v view) First() Language { return v.languages()[0] }

// Other is the language that the language button offers; "" where there is none.
func (v view) Other() Language {
	if o := v.language().other(); slices.Contains(v.languages(), o) {
		return o
	}
	return ""
}

// steps are the parts of a visit that a person sees, and the screens in each.
var steps = []struct {
	key     string
	screens []Name
}{
	{"card", []Name{Welcome, Reading}},
	{"pin", []Name{PIN, LastTry, PINAtReader, Blocked}},
	{"choose", []Name{LoadingOffers, Choose}},
	{"confirm", []Name{Confirm, Working, Checking, Pay, Signing}},
	{"print", []Name{TakeCard, Committing, Printing, ConfirmName, Vouching, TakePaper, Done}},
}

// Step is one part of a visit as drawn in the header.
type Step struct {
	Key  string
	Here bool
	Past bool
}

// Steps are drawn in the header; none where the visit has left the normal path.
func (v view) Steps() []Step {
	at := -1
	for i, s := range steps {
		if slices.Contains(s.screens, v.Screen.Name) {
			at = i
		}
	}
	if at < 0 {
		return nil
	}
	out := make([]Step, len(steps))
	for i, s := range steps {
		out[i] = Step{s.key, i == at, i < at}
	}
	return out
}

// Group is the offers of one municipality.
type Group struct {
	Municipality protocol.Names
	Offers       []protocol.Offer
}

// Groups orders offers by municipality, as they first appear.
func (v view) Groups() []Group {
	var out []Group
	at := map[protocol.Municipality]int{}
	for _, o := range v.Offers {
		i, ok := at[o.Municipality]
		if !ok {
			i, out = len(out), append(out, Group{Municipality: o.Name})
			at[o.Municipality] = i
		}
		out[i].Offers = append(out[i].Offers, o)
	}
	return out
}

// Opens is when a terminal that is closed opens, as one element; none where that is not known.
func (v view) Opens() []time.Time {
	if v.Message != MsgClosed || v.Until.IsZero() {
		return nil
	}
	return []time.Time{v.Until}
}

// Over reports whether a last word can be pressed away.
func (v view) Over() bool { return !v.CardIn && !v.NoFinish }

// Looking is the offer whose options are open.
func (v view) Looking() protocol.Offer {
	o, _ := v.offer(v.looking)
	return o
}

// Pick is one option with the values it may take.
type Pick struct {
	Name   string
	Values []protocol.Option
}

// Picks are the options of the open offer that leave a choice, in a fixed order.
func (v view) Picks() []Pick {
	var out []Pick
	for name, values := range v.Looking().Options {
		if len(values) > 0 {
			out = append(out, Pick{name, values})
		}
	}
	slices.SortFunc(out, func(a, b Pick) int { return cmp.Compare(optionOrder(a.Name), optionOrder(b.Name)) })
	return out
}

// optionOrder puts who is shown before what is shown.
func optionOrder(name string) string {
	if name == "household" || name == "year" {
		return " " + name
	}
	return name
}

// Said is one line of a summary.
type Said struct {
	Name  string
	Value protocol.Option
}

// Said are the chosen options in a fixed order.
func (v view) Said() []Said {
	var out []Said
	for _, name := range slices.SortedFunc(maps.Keys(v.Chosen.Options), func(a, b string) int {
		return cmp.Compare(optionOrder(a), optionOrder(b))
	}) {
		out = append(out, Said{name, v.Chosen.Options[name]})
	}
	return out
}

// MaxCopies bounds the copies of one application.
func (v view) MaxCopies() int { return protocol.MaxCopies }
