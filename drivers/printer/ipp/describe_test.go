package ipp

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"honnin/drivers/printer"
	"honnin/drivers/printer/ippevetest"

	"github.com/OpenPrinting/goipp"
)

// TestDescribe: what a printer that others wrote says of itself, and of a job of its queue.
func TestDescribe(t *testing.T) {
	t.Parallel()
	d := ippevetest.Start(t)
	p := open(t, d.URI(), Options{})
	got, err := p.Describe(t.Context())
	if err != nil || got.Model != "Example Printer" || got.State != "idle" || got.Accepting == nil || !*got.Accepting || len(got.Reasons)+len(got.Jobs) != 0 || got.Sheets != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if s := fmt.Sprint(supplied(got)); s != "[waste-toner 25 ok toner-black 75 ok]" {
		t.Error(s)
	}
	d.Supplies("index=1;type=wasteToner;maxcapacity=100;level=0;colorantname=unknown;", "index=2;type=toner;unit=percent;maxcapacity=100;level=4;colorantname=black;")
	got, err = p.Describe(t.Context())
	if s := fmt.Sprint(supplied(got)); s != "[waste-toner 0 full toner-black 4 low]" || err != nil {
		t.Error(s, err)
	}
	d.Leave("+media-jam,media-low,toner-low")
	d.Behave(ippevetest.Behaviour{Mode: "slow"})
	d.AwaitClock()
	ippevetest.Stranger(t, d.URI(), "print-job.test")
	d.AwaitEngine()
	got, err = p.Describe(t.Context())
	if err != nil || got.State != "processing" || len(got.Jobs) != 1 || got.Jobs[0].State != "processing" || got.Jobs[0].Ours || got.Jobs[0].Age == nil {
		t.Errorf("%+v, %v", got, err)
	}
	if words := fmt.Sprint(got.Reasons); words != "[{media-jam error} {media-low warning} {toner-low warning}]" { // it calls all -warning while it prints
		t.Error(words)
	}
	d.Go()
}

// TestDescribeWhilePrinting: a document of ours is not disturbed.
func TestDescribeWhilePrinting(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	p := open(t, f.uri(), Options{})
	doc := document(1, 1, 100)
	asked := false
	doc.before = func() {
		before := len(f.seen(goipp.OpGetPrinterAttributes))
		if _, err := p.Describe(t.Context()); printer.ReasonOf(err) != printer.Busy || len(f.seen(goipp.OpGetPrinterAttributes)) != before {
			t.Error(err)
		}
		asked = true
	}
	if _, err := p.print(t.Context(), doc, nil); err != nil || !asked {
		t.Error(err, asked)
	}
}

func supplied(d printer.Description) (out []string) {
	for _, s := range d.Supplies {
		left := "-"
		if s.Left != nil {
			left = fmt.Sprint(*s.Left)
		}
		out = append(out, strings.TrimSpace(s.Name+" "+left+" "+s.State))
	}
	return out
}

func integers(name string, values ...int) goipp.Attribute {
	a := goipp.Attribute{Name: name}
	for _, v := range values {
		a.Values.Add(goipp.TagInteger, goipp.Integer(v))
	}
	return a
}

func octets(name string, values ...string) goipp.Attribute {
	a := goipp.Attribute{Name: name}
	for _, v := range values {
		a.Values.Add(goipp.TagString, goipp.Binary(v))
	}
	return a
}

// TestMarkers: supplies of a printer without printer-supply; lists that do not go in step say nothing.
func TestMarkers(t *testing.T) {
	for want, a := range map[string]goipp.Attributes{
		"[toner-cyan 4 low toner-black 90 ok waste-toner - opc -]": {keyword("marker-types", "toner", "toner", "waste-toner", "opc"), keyword("marker-colors", "#00FFFF", "#000000", "none", "none"),
			integers("marker-levels", 4, 90, 70, -2)},
		"[toner 20 low]":            {keyword("marker-types", "toner"), keyword("marker-colors", "#000000", "#00FFFF"), integers("marker-levels", 20), integers("marker-low-levels", 25)},
		"[waste-ink 7 almost-full]": {keyword("marker-types", "toner"), integers("marker-levels", 1), octets("printer-supply", "type=wasteInk;level=7;maxcapacity=100")},
		"[]":                        {keyword("marker-types", "toner", "ink"), integers("marker-levels", 1)},
	} {
		if got := fmt.Sprint(supplied(printer.Description{Supplies: supplies(attributes(a))})); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestReasons(t *testing.T) {
	for said, want := range map[string]string{
		"none": "[]", "": "[]", "none-error": "[]",
		"media-low":                               "[{media-low report}]",
		"media-low-report media-jam":              "[{media-jam error} {media-low report}]",
		"toner-empty media-empty-error":           "[{media-empty error} {toner-empty warning}]",
		"KASUMI-HANAKO-warning x-warning \x1b[2J": "[{printer-alert warning}]",
	} {
		if got := fmt.Sprint(reasons(strings.Fields(said))); got != want {
			t.Errorf("%s: %s, want %s", said, got, want)
		}
	}
}

// TestHostileDescription: ten thousand supplies, wrong types, control characters, and names of people where jobs have theirs:
// what is kept is bounded, and no word of it is theirs.
func TestHostileDescription(t *testing.T) {
	f := startFake(t)
	many := make([]string, 10_000)
	for i := range many {
		many[i] = "type=KASUMI;colorantname=HANAKO;level=1;maxcapacity=2"
	}
	f.set(octets("printer-supply", many...))
	f.set(keyword("printer-state-reasons", slices.Repeat([]string{"KASUMI-HANAKO", "media-low", "\x1b[2J"}, 1000)...))
	f.set(goipp.MakeAttribute("printer-make-and-model", goipp.TagText, goipp.String("KASUMI\x1b[2JHANAKO")))
	f.set(keyword("printer-is-accepting-jobs", "KASUMI"))
	f.set(keyword("printer-media-sheets-completed", "KASUMI"))
	for n := range 100 {
		f.jobs = append(f.jobs, &fakeJob{id: n + 1, state: int(jobHeld), name: "KASUMI HANAKO 123456789012", created: n + 1, up: 50,
			extra: goipp.Attributes{goipp.MakeAttribute("job-originating-user-name", goipp.TagName, goipp.String("KASUMI"))}})
	}
	f.jobs[0].name, f.jobs[0].extra = strings.Repeat("0a", 16), goipp.Attributes{goipp.MakeAttribute("job-originating-user-name", goipp.TagName, goipp.String(printer.User))}
	d, err := open(t, f.uri(), Options{}).Describe(t.Context())
	if err != nil || d.Model != "" || d.Accepting != nil || d.Sheets != nil || len(d.Supplies) != printer.Most || len(d.Reasons) != 2 || len(d.Jobs) != printer.Most {
		t.Errorf("%+v, %v", d, err)
	}
	if !d.Jobs[0].Ours || d.Jobs[1].Ours || *d.Jobs[0].Age != 49 {
		t.Errorf("%+v", d.Jobs[:2])
	}
	b, err := json.Marshal(d)
	if err != nil || regexp.MustCompile(`(?i)kasumi|hanako|123456|u001b`).Match(b) || len(b) > 8<<10 {
		t.Errorf("%d %s %v", len(b), b, err)
	}
}
